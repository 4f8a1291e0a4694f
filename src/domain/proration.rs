//! Parts of a whole that add up to it: shares of time, and division by weights.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A stretch of time, from its start up to but not including its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "SpanForm")]
pub struct Span {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

#[derive(Deserialize)]
struct SpanForm {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl TryFrom<SpanForm> for Span {
    type Error = &'static str;

    fn try_from(form: SpanForm) -> Result<Self, Self::Error> {
        Self::new(form.start, form.end).ok_or("a span ends after it starts")
    }
}

impl Span {
    /// From `start` up to `end`; `None` when no time lies between them, or more than 70,000 years.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Self> {
        // Whole microseconds are what both databases keep, and what shares are computed in; the bound keeps the square
        // of a length within 128 bits.
        let micros = (end - start).num_microseconds()?;
        (0 < micros && micros < 1 << 61).then_some(Self { start, end })
    }

    /// Its first instant.
    pub const fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The first instant after it.
    pub const fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// Whether an instant lies in it.
    pub fn contains(self, at: DateTime<Utc>) -> bool {
        self.start <= at && at < self.end
    }

    /// What it has in common with another; `None` when that is nothing.
    pub fn overlap(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// Its length in microseconds, above zero.
    pub(super) fn micros(self) -> i128 {
        self.micros_until(self.end)
    }

    /// Microseconds from its start to an instant, cut to the span.
    fn micros_until(self, at: DateTime<Utc>) -> i128 {
        let micros = (at.clamp(self.start, self.end) - self.start).num_microseconds();
        i128::from(micros.expect("no longer than the span, whose length was checked"))
    }

    /// The share of `whole` that `part` of this span takes, by time. What lies outside takes nothing.
    ///
    /// It is the difference of two running totals, each rounded half up. So the shares of parts that tile the span add
    /// up to the whole, however often it is cut, and a cut elsewhere never changes a share that was billed already,
    /// which the largest remainder of all parts would. Each share is less than one from the exact one.
    pub fn share(self, part: Self, whole: i128) -> i128 {
        self.running_total(part.end, whole) - self.running_total(part.start, whole)
    }

    fn running_total(self, at: DateTime<Utc>, whole: i128) -> i128 {
        let (passed, length) = (self.micros_until(at), self.micros());
        let magnitude = whole.abs();
        // Divided first: neither product exceeds the whole or the length squared.
        let (quotient, rest) = (magnitude / length, magnitude % length);
        let total = quotient * passed + (2 * rest * passed + length) / (2 * length);
        if whole < 0 { -total } else { total }
    }
}

/// Divides `whole` in proportion to `weights` by the largest remainder.
///
/// Each part is the exact one rounded down or up, and they add up to the whole. Of equal remainders the earlier part
/// gets more. For parts that are known all at once; of time see [`Span::share`]. `None` when the weights add up to
/// nothing, or to more than 64 bits hold.
pub fn allocate(whole: i128, weights: &[u64]) -> Option<Vec<i128>> {
    let sum =
        weights.iter().try_fold(0_u64, |sum, weight| sum.checked_add(*weight)).filter(|sum| *sum > 0)?;
    let sum = u128::from(sum);
    let (quotient, rest) = (whole.unsigned_abs() / sum, whole.unsigned_abs() % sum);
    let mut parts: Vec<u128> = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for weight in weights.iter().copied().map(u128::from) {
        parts.push(quotient * weight + rest * weight / sum);
        remainders.push(rest * weight % sum);
    }
    let left = whole.unsigned_abs() - parts.iter().sum::<u128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(remainders[*index]));
    for index in order.into_iter().take(usize::try_from(left).expect("less than there are parts")) {
        parts[index] += 1;
    }
    let signed = |part: u128| {
        let part = i128::try_from(part).expect("no more than the whole");
        if whole < 0 { -part } else { part }
    };
    Some(parts.into_iter().map(signed).collect())
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::microseconds(micros)
    }

    fn span(start: i64, end: i64) -> Span {
        Span::new(at(start), at(end)).unwrap()
    }

    /// Spans that tile 0..length, cut at the given places.
    fn tiles(length: i64, mut cuts: Vec<i64>) -> Vec<Span> {
        cuts.extend([0, length]);
        cuts.retain(|cut| *cut <= length);
        cuts.sort_unstable();
        cuts.dedup();
        cuts.windows(2).map(|pair| span(pair[0], pair[1])).collect()
    }

    #[test]
    fn a_span_has_a_length() {
        assert_eq!(Span::new(at(1), at(1)), None);
        assert_eq!(Span::new(at(2), at(1)), None);
        assert!(
            serde_json::from_str::<Span>(r#"{"start":"2027-01-02T00:00:00Z","end":"2027-01-01T00:00:00Z"}"#)
                .is_err()
        );
        assert!(span(0, 5).contains(at(0)) && !span(0, 5).contains(at(5)));
        assert_eq!(span(0, 5).overlap(span(3, 9)), Some(span(3, 5)));
        assert_eq!(span(0, 5).overlap(span(5, 9)), None);
    }

    #[test]
    fn shares_by_hand() {
        let days = span(0, 30);
        assert_eq!(days.share(span(0, 10), 1_000), 333);
        assert_eq!(days.share(span(10, 20), 1_000), 334);
        assert_eq!(days.share(span(20, 30), 1_000), 333);
        assert_eq!(days.share(span(0, 15), 1), 1);
        assert_eq!(days.share(span(15, 30), 1), 0);
        assert_eq!(days.share(span(30, 60), 1_000), 0);
        assert_eq!(days.share(span(0, 10), -1_000), -333);
    }

    #[test]
    fn weights_by_hand() {
        // 100 by 1:1:1, and seats of a parliament: 10 by 47, 16, 15.8, 12, 6.1, 3.1.
        assert_eq!(allocate(100, &[1, 1, 1]), Some(vec![34, 33, 33]));
        assert_eq!(allocate(-100, &[1, 1, 1]), Some(vec![-34, -33, -33]));
        assert_eq!(allocate(10, &[470, 160, 158, 120, 61, 31]), Some(vec![5, 2, 1, 1, 1, 0]));
        assert_eq!(allocate(5, &[0, 7, 0]), Some(vec![0, 5, 0]));
        assert_eq!(allocate(5, &[]), None);
        assert_eq!(allocate(5, &[0, 0]), None);
        assert_eq!(allocate(5, &[u64::MAX, 1]), None);
        assert_eq!(allocate(i128::MIN + 1, &[u64::MAX]), Some(vec![i128::MIN + 1]));
    }

    proptest! {
        #[test]
        fn shares_of_time_add_up_however_it_is_cut(
            whole in -10_i128.pow(28)..10_i128.pow(28),
            length in 1_i64..40_000_000_000_000,
            cuts in proptest::collection::vec(0_i64..40_000_000_000_000, 0..20),
        ) {
            let period = span(0, length);
            let shares: Vec<i128> = tiles(length, cuts).into_iter().map(|part| period.share(part, whole)).collect();
            prop_assert_eq!(shares.iter().sum::<i128>(), whole);
            prop_assert!(shares.iter().all(|share| share.signum() * whole.signum() >= 0));
        }

        #[test]
        fn a_cut_elsewhere_changes_no_share_and_every_share_is_within_one(
            whole in 0_i128..1_000_000,
            cuts in proptest::collection::vec(0_i64..1_000, 1..10),
            more in 0_i64..1_000,
        ) {
            let period = span(0, 1_000);
            let before = tiles(1_000, cuts.clone());
            let after = tiles(1_000, [cuts, vec![more]].concat());
            for part in before.iter().filter(|part| after.contains(part)) {
                let share = period.share(*part, whole);
                prop_assert!((share * 1_000 - whole * part.micros()).abs() < 1_000);
            }
            for part in &before {
                let inner = after.iter().filter(|inner| part.overlap(**inner).is_some());
                let sum: i128 = inner.map(|inner| period.share(*inner, whole)).sum();
                prop_assert_eq!(sum, period.share(*part, whole));
            }
        }

        #[test]
        fn parts_by_weight_add_up_and_none_is_off_by_one(
            whole in -1_000_000_000_i128..1_000_000_000,
            weights in proptest::collection::vec(0_u64..1_000_000, 1..12),
        ) {
            let sum: u64 = weights.iter().sum();
            prop_assume!(sum > 0);
            let parts = allocate(whole, &weights).unwrap();
            prop_assert_eq!(parts.iter().sum::<i128>(), whole);
            for (part, weight) in parts.iter().zip(&weights) {
                let off = part * i128::from(sum) - whole * i128::from(*weight);
                prop_assert!(off.abs() < i128::from(sum), "{} of {} for {}", part, whole, weight);
            }
        }

        /// The definition: no part that was rounded down has a larger remainder than one that was rounded up.
        #[test]
        fn the_largest_remainders_are_rounded_up(
            whole in 0_i128..1_000_000,
            weights in proptest::collection::vec(1_u64..1_000, 1..12),
        ) {
            let sum = i128::from(weights.iter().sum::<u64>());
            let parts = allocate(whole, &weights).unwrap();
            let exact = |index: usize| whole * i128::from(weights[index]);
            let up = |index: &usize| parts[*index] > exact(*index) / sum;
            let least_up = (0..parts.len()).filter(up).map(|index| exact(index) % sum).min();
            let most_down = (0..parts.len()).filter(|index| !up(index)).map(|index| exact(index) % sum).max();
            if let (Some(least_up), Some(most_down)) = (least_up, most_down) {
                prop_assert!(least_up >= most_down);
            }
        }
    }
}
