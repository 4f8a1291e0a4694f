//! What usage costs: rules that hold for every charge.

use chrono::Duration;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::super::charge::{ChargeTerms, Tier, Tiers};
use super::super::meter::{Aggregation, Rollup, UsageEvent};
use super::tests::{charge, day, days, package, quantity, terms};
use super::*;

/// A charge in whole numbers: quantities in tenths of a unit, amounts in hundredths of a minor unit. Everything it
/// comes to is a whole number of thousandths.
#[derive(Clone, Debug)]
struct Plain {
    code: &'static str,
    model: PlainModel,
    included: i64,
    minimum: Option<i64>,
    maximum: Option<i64>,
}

#[derive(Clone, Debug)]
enum PlainModel {
    PerUnit(i64),
    /// Bound, unit amount, flat amount. The last bound has no meaning.
    Graduated(Vec<(i64, i64, i64)>),
    Volume(Vec<(i64, i64, i64)>),
    /// Whole units, amount.
    Package(u32, i64),
}

fn tenths(number: i64) -> Quantity {
    Decimal::new(number, 1).try_into().unwrap()
}

fn hundredths(number: i64) -> DecimalAmount {
    Decimal::new(number, 2).try_into().unwrap()
}

fn real_tiers(plain: &[(i64, i64, i64)]) -> Tiers {
    let last = plain.len() - 1;
    let tier = |(index, (up_to, unit, flat)): (usize, &(i64, i64, i64))| Tier {
        up_to: (index < last).then(|| tenths(*up_to)),
        unit_amount: hundredths(*unit),
        flat_amount: hundredths(*flat),
    };
    Tiers::new(plain.iter().enumerate().map(tier).collect()).unwrap()
}

impl Plain {
    fn step(&self) -> i64 {
        if self.code == "KWD" { 10 } else { 1 }
    }

    fn charge(&self) -> Charge {
        let model = match &self.model {
            PlainModel::PerUnit(unit) => ChargeModel::PerUnit { unit_amount: hundredths(*unit) },
            PlainModel::Graduated(tiers) => ChargeModel::Graduated { tiers: real_tiers(tiers) },
            PlainModel::Volume(tiers) => ChargeModel::Volume { tiers: real_tiers(tiers) },
            PlainModel::Package(size, price) => {
                ChargeModel::Package { size: *size, amount: hundredths(*price) }
            }
        };
        charge(ChargeTerms {
            included: tenths(self.included),
            minimum_minor: self.minimum,
            maximum_minor: self.maximum,
            ..terms(self.code, model)
        })
    }

    /// The rules once more, counting tenth by tenth, in thousandths of a minor unit, before rounding.
    fn counted(&self, usage: i64) -> i64 {
        let billable = (usage - self.included).max(0);
        match &self.model {
            PlainModel::PerUnit(unit) => (0..billable).map(|_| unit).sum(),
            PlainModel::Package(size, price) => {
                let (mut left, mut sum) = (billable, 0);
                while left > 0 {
                    left -= i64::from(*size) * 10;
                    sum += price * 10;
                }
                sum
            }
            PlainModel::Graduated(tiers) => {
                let (mut tier, mut sum) = (0, tiers[0].2 * 10);
                for tenth in 1..=billable {
                    while tier + 1 < tiers.len() && tenth > tiers[tier].0 {
                        tier += 1;
                        sum += tiers[tier].2 * 10;
                    }
                    sum += tiers[tier].1;
                }
                sum
            }
            PlainModel::Volume(tiers) => {
                let mut tier = 0;
                while tier + 1 < tiers.len() && tiers[tier].0 < billable {
                    tier += 1;
                }
                tiers[tier].2 * 10 + (0..billable).map(|_| tiers[tier].1).sum::<i64>()
            }
        }
    }

    fn counted_total(&self, usage: i64) -> i64 {
        let step = 1_000 * self.step();
        let rounded = (2 * self.counted(usage) + step) / (2 * step) * self.step();
        let raised = rounded.max(self.minimum.unwrap_or(0));
        raised.min(self.maximum.unwrap_or(i64::MAX))
    }

    /// Without anything included, minimum or maximum.
    fn of(model: PlainModel) -> Self {
        Self { code: "USD", model, included: 0, minimum: None, maximum: None }
    }

    fn rate(&self, usage: i64) -> Rating {
        self.charge().rate(tenths(usage)).unwrap()
    }

    fn total(&self, usage: i64) -> i64 {
        self.rate(usage).total_minor
    }

    fn is_volume(&self) -> bool {
        matches!(self.model, PlainModel::Volume(_))
    }
}

fn plain_tiers() -> impl Strategy<Value = Vec<(i64, i64, i64)>> {
    proptest::collection::vec((1_i64..80, 0_i64..500, prop_oneof![Just(0), 0_i64..900]), 1..6).prop_map(
        |mut tiers| {
            let mut up_to = 0;
            for tier in &mut tiers {
                up_to += tier.0;
                tier.0 = up_to;
            }
            tiers
        },
    )
}

fn plain_model() -> impl Strategy<Value = PlainModel> {
    prop_oneof![
        (0_i64..500).prop_map(PlainModel::PerUnit),
        plain_tiers().prop_map(PlainModel::Graduated),
        plain_tiers().prop_map(PlainModel::Volume),
        (1_u32..12, 0_i64..900).prop_map(|(size, price)| PlainModel::Package(size, price)),
    ]
}

fn plain_without_bounds() -> impl Strategy<Value = Plain> {
    let code = proptest::sample::select(vec!["JPY", "USD", "KWD"]);
    let included = prop_oneof![Just(0), 0_i64..100];
    (code, plain_model(), included).prop_map(|(code, model, included)| Plain {
        code,
        model,
        included,
        minimum: None,
        maximum: None,
    })
}

fn plain() -> impl Strategy<Value = Plain> {
    let bound = || proptest::option::of(0_i64..60);
    (plain_without_bounds(), bound(), bound()).prop_map(|(plain, one, other)| {
        let (minimum, maximum) = match (one, other) {
            (Some(one), Some(other)) => (Some(one.min(other)), Some(one.max(other))),
            bounds => bounds,
        };
        let minor = |steps: i64| steps * 10;
        Plain { minimum: minimum.map(minor), maximum: maximum.map(minor), ..plain }
    })
}

fn sum(rating: &Rating) -> i64 {
    rating.lines.iter().map(|line| line.amount_minor).sum()
}

fn quantities(rating: &Rating) -> i128 {
    rating.lines.iter().map(|line| line.quantity.parts()).sum()
}

/// Spans that tile thirty days, cut at the given hours.
fn tiles(cuts: &[i64]) -> Vec<Span> {
    let mut hours = [cuts, &[0, 720]].concat();
    hours.sort_unstable();
    hours.dedup();
    let at = |hour: i64| day(0) + Duration::hours(hour);
    hours.windows(2).map(|pair| Span::new(at(pair[0]), at(pair[1])).unwrap()).collect()
}

fn cuts() -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::vec(1_i64..720, 0..8)
}

proptest! {
    #[test]
    fn a_total_is_what_counting_gives(plain in plain(), usage in 0_i64..600) {
        let rating = plain.rate(usage);
        prop_assert_eq!(rating.total_minor, plain.counted_total(usage));
    }

    #[test]
    fn lines_add_up_and_each_is_less_than_a_step_from_exact(plain in plain(), usage in 0_i64..600) {
        let rating = plain.rate(usage);
        prop_assert_eq!(sum(&rating), rating.total_minor);
        prop_assert_eq!(quantities(&rating), tenths(usage).parts());
        for line in rating.lines.iter().filter(|line| line.kind == RatedLineKind::Usage) {
            let count = line.packages.map_or_else(|| line.quantity.decimal(), Decimal::from);
            let exact = count * line.unit_amount.decimal() + line.flat_amount.decimal();
            let off = Decimal::from(line.amount_minor) - exact;
            prop_assert!(off.abs() < Decimal::from(plain.step()), "{line:?}");
        }
        for line in &rating.lines {
            prop_assert_eq!(line.amount_minor % plain.step(), 0);
        }
    }

    #[test]
    fn more_never_costs_less_but_by_volume(
        plain in plain().prop_filter("volume can cost less", |plain| !plain.is_volume()),
        usage in 0_i64..600, more in 0_i64..200,
    ) {
        let charge = plain.charge();
        let (less, more) = (charge.rate(tenths(usage)).unwrap(), charge.rate(tenths(usage + more)).unwrap());
        prop_assert!(less.total_minor <= more.total_minor);
    }

    /// Within a tier volume grows too; where one begins it jumps by what all units become cheaper or dearer, and by the
    /// difference of the flat amounts.
    #[test]
    fn volume_jumps_where_a_tier_begins_and_nowhere_else(tiers in plain_tiers(), usage in 0_i64..600) {
        let plain = Plain::of(PlainModel::Volume(tiers.clone()));
        let (before, after) = (plain.rate(usage), plain.rate(usage + 1));
        let exact = |rating: &Rating| rating.lines.first().map_or((0, Decimal::ZERO), |line| {
            let amount = line.quantity.decimal() * line.unit_amount.decimal() + line.flat_amount.decimal();
            (line.tier.unwrap(), amount)
        });
        prop_assume!(!before.lines.is_empty() && !after.lines.is_empty());
        let ((from, less), (to, more)) = (exact(&before), exact(&after));
        let (unit, flat) = (|tier: usize| tiers[tier].1, |tier: usize| tiers[tier].2);
        let jump = Decimal::new(usage * (unit(to) - unit(from)), 3) + Decimal::new(flat(to) - flat(from), 2);
        prop_assert_eq!(more - less, jump + Decimal::new(unit(to), 3));
        prop_assert_eq!(from == to, jump.is_zero() && from == to);
        prop_assert_eq!(to > from, tiers[..tiers.len() - 1].iter().any(|tier| tier.0 == usage) && usage > 0);
    }

    /// When flat amounts make up for what all units become cheaper, volume has no jumps: it is graduated pricing.
    #[test]
    fn volume_without_jumps_is_graduated(tiers in plain_tiers(), usage in 0_i64..600) {
        let mut units: Vec<i64> = tiers.iter().map(|tier| tier.1 * 10).collect();
        units.sort_unstable_by(|one, other| other.cmp(one));
        let (mut flat, mut below) = (0, None);
        let mut without_jumps = Vec::new();
        for ((up_to, ..), unit) in tiers.iter().zip(&units) {
            if let Some((bound, dearer)) = below {
                let saved: i64 = bound * (dearer - unit);
                flat += saved / 10;
            }
            without_jumps.push((*up_to, *unit, flat));
            below = Some((*up_to, *unit));
        }
        let graduated = without_jumps.iter().map(|(up_to, unit, _)| (*up_to, *unit, 0)).collect();
        let (volume, graduated) = (PlainModel::Volume(without_jumps), PlainModel::Graduated(graduated));
        prop_assert_eq!(Plain::of(volume).total(usage), Plain::of(graduated).total(usage));
    }

    #[test]
    fn one_tier_is_per_unit_and_a_package_of_one_is_too(unit in 0_i64..500, usage in 0_i64..600) {
        let per_unit = Plain::of(PlainModel::PerUnit(unit));
        prop_assert_eq!(Plain::of(PlainModel::Graduated(vec![(1, unit, 0)])).total(usage), per_unit.total(usage));
        prop_assert_eq!(Plain::of(PlainModel::Volume(vec![(1, unit, 0)])).total(usage), per_unit.total(usage));
        let counted_up = (usage + 9) / 10 * 10;
        prop_assert_eq!(Plain::of(PlainModel::Package(1, unit)).total(usage), per_unit.total(counted_up));
    }

    #[test]
    fn packages_are_counted_up(size in 1_u32..50, usage in 0_u32..2_000, price in 0_u32..500) {
        let charge = charge(package(size, &price.to_string()));
        let expected = i64::from(usage.div_ceil(size)) * i64::from(price);
        prop_assert_eq!(charge.rate(Quantity::from(usage)).unwrap().total_minor, expected);
    }

    #[test]
    fn cutting_a_tier_in_two_changes_nothing(tiers in plain_tiers(), which in 0_usize..6, usage in 0_i64..600) {
        let which = which % tiers.len();
        let below = if which == 0 { 0 } else { tiers[which - 1].0 };
        let (up_to, unit, flat) = tiers[which];
        prop_assume!(up_to - below > 1);
        let mut cut = tiers.clone();
        cut[which] = (up_to, unit, 0);
        cut.insert(which, (i64::midpoint(below, up_to), unit, flat));
        let total = |tiers| Plain::of(PlainModel::Graduated(tiers)).total(usage);
        prop_assert_eq!(total(cut), total(tiers));
    }

    #[test]
    fn what_is_included_costs_nothing(plain in plain(), usage in 0_i64..600) {
        let without = Plain { included: 0, ..plain.clone() };
        prop_assert_eq!(plain.total(usage.min(plain.included)), plain.total(0));
        prop_assert_eq!(plain.total(plain.included + usage), without.total(usage));
    }

    #[test]
    fn what_is_included_is_a_first_tier_for_nothing(
        included in 1_i64..100, tiers in plain_tiers(), usage in 0_i64..600,
    ) {
        let tiers: Vec<_> = tiers.into_iter().map(|(up_to, unit, _)| (up_to, unit, 0)).collect();
        let mut with_first: Vec<_> = tiers.iter().map(|(up_to, unit, flat)| (up_to + included, *unit, *flat)).collect();
        with_first.insert(0, (included, 0, 0));
        let with_included = Plain { included, ..Plain::of(PlainModel::Graduated(tiers)) };
        prop_assert_eq!(with_included.total(usage), Plain::of(PlainModel::Graduated(with_first)).total(usage));
    }

    #[test]
    fn bounds_are_kept_and_change_nothing_within(plain in plain(), usage in 0_i64..600) {
        let total = plain.total(usage);
        let free = Plain { minimum: None, maximum: None, ..plain.clone() }.total(usage);
        let bounds = plain.minimum.unwrap_or(0)..=plain.maximum.unwrap_or(i64::MAX);
        prop_assert!(bounds.contains(&total));
        prop_assert_eq!(bounds.contains(&free), total == free);
    }

    #[test]
    fn shares_of_a_charge_add_up_to_it(plain in plain(), cuts in cuts()) {
        let charge = plain.charge();
        let shares: Vec<_> = tiles(&cuts).into_iter().map(|span| charge.prorated(days(0, 30), &[span])).collect();
        let add = |part: &dyn Fn(&ProratedCharge<'_>) -> i128| shares.iter().map(part).sum::<i128>();
        prop_assert_eq!(add(&|share| share.included.parts()), tenths(plain.included).parts());
        prop_assert_eq!(add(&|share| share.minimum_minor.unwrap_or(0).into()), plain.minimum.unwrap_or(0).into());
        prop_assert_eq!(add(&|share| share.maximum_minor.unwrap_or(0).into()), plain.maximum.unwrap_or(0).into());
        if let PlainModel::Graduated(tiers) | PlainModel::Volume(tiers) = &plain.model {
            for (index, tier) in tiers.iter().enumerate() {
                prop_assert_eq!(add(&|share| share.tiers[index].flat_amount.parts()), hundredths(tier.2).parts());
                let width = |tier: &ProratedTier| tier.width.map_or(0, Quantity::parts);
                let up_to = add(&|share| share.tiers[..=index].iter().map(width).sum());
                prop_assert!(index + 1 == tiers.len() || up_to == tenths(tier.0).parts());
            }
        }
        for share in &shares {
            prop_assert!(share.maximum_minor.is_none_or(|maximum| share.minimum_minor.unwrap_or(0) <= maximum));
        }
    }

    #[test]
    fn where_a_charge_that_stays_is_cut_makes_no_difference(
        plain in plain(), cuts in cuts(), usage in proptest::collection::vec(0_i64..100, 9),
    ) {
        let charge = plain.charge();
        let spans = tiles(&cuts);
        let used = || spans.iter().zip(&usage);
        let segments: Vec<_> =
            used().map(|(span, usage)| Segment { span: *span, charge: &charge, usage: tenths(*usage) }).collect();
        let rated = rate_segments(days(0, 30), UsageKind::Additive, &segments).unwrap();
        prop_assert_eq!(rated.len(), 1);
        let all: i64 = used().map(|(_, usage)| usage).sum();
        prop_assert_eq!(&rated[0].rating, &charge.rate(tenths(all)).unwrap());
    }

    #[test]
    fn where_a_level_that_stays_is_cut_makes_no_difference(plain in plain(), cuts in cuts(), level in 0_i64..600) {
        let charge = plain.charge();
        let segments: Vec<_> =
            tiles(&cuts).into_iter().map(|span| Segment { span, charge: &charge, usage: tenths(level) }).collect();
        let rated = rate_segments(days(0, 30), UsageKind::Level, &segments).unwrap();
        let whole = charge.rate(tenths(level)).unwrap();
        prop_assert_eq!(rated[0].rating.total_minor, whole.total_minor);
        for line in &whole.lines {
            let parts = rated[0].rating.lines.iter().filter(|part| (part.kind, part.tier) == (line.kind, line.tier));
            prop_assert_eq!(parts.map(|part| part.amount_minor).sum::<i64>(), line.amount_minor);
        }
    }

    /// Two plans in turns: a cut that changes no plan changes no amount, and the lines add up.
    #[test]
    fn a_cut_without_a_change_changes_nothing(
        one in plain(), other in plain(), cuts in cuts(), more in cuts(), usage in 0_i64..300,
    ) {
        let charges = [one.charge(), Plain { code: one.code, ..other }.charge()];
        prop_assume!(charges[0] != charges[1]);
        let coarse = tiles(&cuts);
        let holds = |span: Span| coarse.iter().position(|whole| whole.overlap(span).is_some()).unwrap();
        // All usage of a stretch lies in its first part.
        let rate = |spans: &[Span]| {
            let mut seen = Vec::new();
            let segments: Vec<_> = spans.iter().map(|span| {
                let stretch = holds(*span);
                let usage = if seen.contains(&stretch) { 0 } else { usage };
                seen.push(stretch);
                Segment { span: *span, charge: &charges[stretch % 2], usage: tenths(usage) }
            }).collect();
            rate_segments(days(0, 30), UsageKind::Additive, &segments).unwrap()
        };
        let (whole, cut) = (rate(&coarse), rate(&tiles(&[cuts, more].concat())));
        prop_assert_eq!(whole.len(), cut.len());
        for (whole, cut) in whole.iter().zip(&cut) {
            prop_assert_eq!(&whole.rating, &cut.rating);
            prop_assert_eq!(sum(&whole.rating), whole.rating.total_minor);
        }
    }

    /// Half the usage in half the time costs half, but for rounding.
    #[test]
    fn half_the_usage_in_half_the_time_costs_half(
        plain in plain().prop_filter("packages stay whole", |plain| !matches!(plain.model, PlainModel::Package(..))),
        usage in 0_i64..300,
    ) {
        // Even in every last place, so that halves are exact.
        let even = |number: i64| number * 20;
        let tiers = |tiers: &[(i64, i64, i64)]| {
            tiers.iter().map(|tier| (even(tier.0), tier.1, even(tier.2) * 10)).collect()
        };
        let model = match &plain.model {
            PlainModel::Graduated(all) => PlainModel::Graduated(tiers(all)),
            PlainModel::Volume(all) => PlainModel::Volume(tiers(all)),
            model => model.clone(),
        };
        let doubled = Plain {
            model,
            included: even(plain.included),
            minimum: plain.minimum.map(even),
            maximum: plain.maximum.map(even),
            ..plain
        };
        let charge = doubled.charge();
        let half = charge.prorated(days(0, 30), &[days(7, 22)]).rate(tenths(usage * 10)).unwrap().total_minor;
        let whole = charge.rate(tenths(usage * 20)).unwrap().total_minor;
        prop_assert!((2 * half - whole).abs() <= doubled.step(), "{half} and {whole}");
    }

    #[test]
    fn bills_of_what_was_added_come_to_the_whole(
        plain in plain(), added in proptest::collection::vec(0_i64..120, 1..6),
    ) {
        let charge = plain.charge();
        let (mut usage, mut billed) = (0, Rating::none(charge.terms().currency));
        let (mut total, mut used) = (0, 0);
        for more in added {
            usage += more;
            let now = charge.rate(tenths(usage)).unwrap();
            let bill = now.since(&billed).unwrap();
            prop_assert_eq!(sum(&bill), bill.total_minor);
            let usage_lines = || bill.lines.iter().filter(|line| line.kind == RatedLineKind::Usage);
            prop_assert!(plain.is_volume() || usage_lines().all(|line| line.amount_minor >= 0), "{bill:?}");
            total += bill.total_minor;
            used += quantities(&bill);
            billed = now;
        }
        prop_assert_eq!(total, billed.total_minor);
        prop_assert_eq!(used, tenths(usage).parts());
    }

    #[test]
    fn a_split_loses_nothing(
        plain in plain(), usage in 0_i64..600, weights in proptest::collection::vec(0_u64..50, 1..8),
    ) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let rating = plain.rate(usage);
        let parts = rating.split(&weights).unwrap();
        prop_assert_eq!(parts.len(), weights.len());
        prop_assert_eq!(parts.iter().map(|part| part.total_minor).sum::<i64>(), rating.total_minor);
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert_eq!(sum(part), part.total_minor);
            prop_assert!(*weight > 0 || part.lines.is_empty());
            prop_assert!(part.lines.iter().all(|line| line.amount_minor % plain.step() == 0));
        }
        for line in &rating.lines {
            let is_of_line = |part: &&RatedLine| (part.kind, part.tier) == (line.kind, line.tier);
            let of_line = || parts.iter().flat_map(|part| &part.lines).filter(is_of_line);
            prop_assert_eq!(of_line().map(|part| part.amount_minor).sum::<i64>(), line.amount_minor);
            prop_assert_eq!(of_line().map(|part| part.quantity.parts()).sum::<i128>(), line.quantity.parts());
            prop_assert_eq!(of_line().filter_map(|part| part.packages).sum::<i64>(), line.packages.unwrap_or(0));
        }
    }

    /// Products of the largest numbers: they distribute, and whole numbers multiply as integers do.
    #[test]
    fn an_exact_product_is_exact(
        one in 0..5 * 10_i128.pow(27), other in 0..5 * 10_i128.pow(27), price in 0..10_i128.pow(24),
        whole in 0_i64..1_000_000,
    ) {
        let quantity = |parts| Quantity::from_parts(parts).unwrap();
        let price = DecimalAmount::from_parts(price.min(999_999_999_999 * ONE)).unwrap();
        let product = |parts| ExactAmount::product(quantity(parts), price);
        prop_assert_eq!(product(one).plus(product(other)), product(one + other));
        prop_assert_eq!(product(ONE).whole * ONE + product(ONE).fraction / ONE, price.parts());
        prop_assert_eq!(product(i128::from(whole) * ONE).whole, price.parts() * i128::from(whole) / ONE);
        prop_assert_eq!(product(1).whole, price.parts() / ONE / ONE);
        prop_assert_eq!(product(1).fraction, price.parts() % (ONE * ONE));
    }

    #[test]
    fn no_usage_whatever_panics(parts in 0..=10_i128.pow(28), price in 0..10_i128.pow(24), cuts in cuts()) {
        let price = DecimalAmount::from_parts(price.min(999_999_999_999 * ONE)).unwrap();
        let usage = Quantity::from_parts(parts).unwrap();
        let tier = |up_to| Tier { up_to, unit_amount: price, flat_amount: price };
        let bounds = [Some(quantity("0.000000000001")), Some(quantity("1")), None];
        let tiers = || Tiers::new(bounds.map(tier).to_vec()).unwrap();
        for model in [
            ChargeModel::PerUnit { unit_amount: price },
            ChargeModel::Graduated { tiers: tiers() },
            ChargeModel::Volume { tiers: tiers() },
            ChargeModel::Package { size: 1, amount: price },
        ] {
            let included = quantity("9999999999999999.999999999999");
            let charge = charge(ChargeTerms { included, ..terms("USD", model) });
            for span in tiles(&cuts) {
                if let Ok(rating) = charge.prorated(days(0, 30), &[span]).rate(usage) {
                    prop_assert_eq!(sum(&rating), rating.total_minor);
                }
            }
        }
    }

    /// The whole way, beside a sum written down by itself: events, hourly rollups, a plan that changes, the bill.
    #[test]
    fn a_bill_can_be_recomputed_from_the_events(
        one in plain_without_bounds(), other in plain_without_bounds(), change in 1_i64..720,
        events in proptest::collection::vec((0_i64..720 * 60, 0_i64..40), 0..40),
    ) {
        let other = Plain { code: one.code, ..other };
        let charges = [one.charge(), other.charge()];
        prop_assume!(charges[0] != charges[1]);
        let spans = tiles(&[change]);
        let mut rollups = vec![Rollup::empty(Aggregation::Sum); 720];
        for (minute, tenth) in &events {
            let at = day(0) + Duration::minutes(*minute);
            let event = UsageEvent { id: "", at, quantity: tenths(*tenth), key: None };
            rollups[usize::try_from(minute / 60).unwrap()].add(&event, chrono_tz::UTC).unwrap();
        }
        let usage = |hours: &[Rollup]| {
            let mut period = Rollup::empty(Aggregation::Sum);
            for hour in hours {
                period.merge(hour.clone()).unwrap();
            }
            period.quantity(spans[0], chrono_tz::UTC).unwrap()
        };
        let (before, after) = rollups.split_at(usize::try_from(change).unwrap());
        let segments = [
            Segment { span: spans[0], charge: &charges[0], usage: usage(before) },
            Segment { span: spans[1], charge: &charges[1], usage: usage(after) },
        ];
        let rated = rate_segments(days(0, 30), UsageKind::Additive, &segments).unwrap();

        let share = |whole: i64, hours: i64| (2 * whole * hours + 720) / 1_440;
        for (index, (plain, rated)) in [&one, &other].into_iter().zip(&rated).enumerate() {
            // A number is shared out in its own last place: in whole units where it is whole.
            let part = |whole: i64, one: i64| {
                let place = [one, one / 10, 1].into_iter().find(|place| *place > 0 && whole % place == 0).unwrap();
                let first = share(whole / place, change) * place;
                if index == 0 { first } else { whole - first }
            };
            let tiers = |tiers: &[(i64, i64, i64)]| {
                let (mut below, mut up_to) = (0, 0);
                tiers.iter().map(|tier| {
                    up_to += part(tier.0 - below, 10);
                    below = tier.0;
                    (up_to, tier.1, part(tier.2, 100))
                }).collect()
            };
            let model = match &plain.model {
                PlainModel::Graduated(all) => PlainModel::Graduated(tiers(all)),
                PlainModel::Volume(all) => PlainModel::Volume(tiers(all)),
                model => model.clone(),
            };
            let prorated = Plain { model, included: part(plain.included, 10), ..plain.clone() };
            let is_mine = |minute: i64| (minute < change * 60) == (index == 0);
            let used: i64 = events.iter().filter(|(minute, _)| is_mine(*minute)).map(|(_, tenth)| tenth).sum();
            prop_assert_eq!(rated.rating.total_minor, prorated.counted_total(used));
        }
    }
}
