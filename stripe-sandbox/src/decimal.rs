//! Exact decimals: amounts below a minor unit, and percentages. Twelve places, as many as Stripe takes.

use std::fmt;

const PLACES: usize = 12;
const ONE: i128 = 1_000_000_000_000;

/// A number with up to twelve decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Decimal(i128);

impl Decimal {
    /// Reads `12`, `0.5` or `-3.25`; none when it is no decimal, has more than twelve places or more than fifteen digits
    /// before them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || whole.len() > 15 || fraction.len() > PLACES {
            return None;
        }
        if !numeric(whole) || !numeric(fraction) {
            return None;
        }
        let units: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let parts: i128 = format!("{fraction:0<PLACES$}").parse().ok()?;
        let value = units * ONE + parts;
        Some(Self(if negative { -value } else { value }))
    }

    pub(crate) fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(i128::from(count)))
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The nearest integer, half away from zero.
    pub(crate) fn round(self) -> i64 {
        clamp(divide(self.0, ONE))
    }

    /// This many percent of `amount`, rounded half away from zero.
    pub(crate) fn percent_of(self, amount: i64) -> i64 {
        clamp(divide(i128::from(amount).saturating_mul(self.0), 100 * ONE))
    }

    /// The part of `amount` that this percentage is when `all` percent are contained in it besides the hundred.
    pub(crate) fn contained_in(self, amount: i64, all: Self) -> i64 {
        clamp(divide(i128::from(amount).saturating_mul(self.0), 100 * ONE + all.0))
    }

    /// The point moved to the left.
    pub(crate) fn shifted(self, places: u32) -> Self {
        Self(self.0 / 10_i128.pow(places))
    }

    /// The integer, when it is one.
    pub(crate) fn whole(self) -> Option<i64> {
        (self.0 % ONE == 0).then(|| clamp(self.0 / ONE))
    }
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        Self(i128::from(whole) * ONE)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, magnitude) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let one = ONE.unsigned_abs();
        let fraction = format!("{:0PLACES$}", magnitude % one);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(formatter, "{sign}{}{point}{fraction}", magnitude / one)
    }
}

/// The quotient, rounded half away from zero.
pub(crate) fn divide(dividend: i128, divisor: i128) -> i128 {
    let half = if (dividend < 0) == (divisor < 0) { divisor / 2 } else { -divisor / 2 };
    dividend.saturating_add(half) / divisor
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_and_written_exactly() {
        for (text, written) in
            [("12", "12"), ("0.5", "0.5"), ("-3.250", "-3.25"), (".000000000001", "0.000000000001")]
        {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), written);
        }
        for text in ["", "-", ".", "1.0000000000001", "1e3", "1.2.3", "+1", "one", "1234567890123456"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        let round = |text: &str| Decimal::parse(text).unwrap().round();
        assert_eq!(["0.5", "-0.5", "0.499999999999", "2.5"].map(round), [1, -1, 0, 3]);
        assert_eq!(Decimal::parse("12.5").unwrap().percent_of(100), 13);
        assert_eq!(Decimal::from(19).contained_in(119, Decimal::from(19)), 19);
    }
}
