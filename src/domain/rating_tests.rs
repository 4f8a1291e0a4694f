//! What usage costs: examples worked out by hand.

use chrono::{DateTime, Duration, Utc};

use super::super::charge::{ChargeTerms, Tier, Tiers};
use super::*;

pub(super) fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn amount(text: &str) -> DecimalAmount {
    text.parse().unwrap()
}

/// Tiers of bound, unit amount and flat amount; the last bound is `inf`.
fn tiers(all: &[(&str, &str, &str)]) -> Tiers {
    let tier = |(up_to, unit, flat): &(&str, &str, &str)| Tier {
        up_to: (*up_to != "inf").then(|| quantity(up_to)),
        unit_amount: amount(unit),
        flat_amount: amount(flat),
    };
    Tiers::new(all.iter().map(tier).collect()).unwrap()
}

pub(super) fn terms(code: &str, model: ChargeModel) -> ChargeTerms {
    let currency = Currency::parse(code).unwrap();
    ChargeTerms { currency, model, included: Quantity::ZERO, minimum_minor: None, maximum_minor: None }
}

pub(super) fn charge(terms: ChargeTerms) -> Charge {
    Charge::new(terms).unwrap()
}

fn total(charge: &Charge, usage: &str) -> i64 {
    charge.rate(quantity(usage)).unwrap().total_minor
}

fn per_unit(code: &str, unit: &str) -> ChargeTerms {
    terms(code, ChargeModel::PerUnit { unit_amount: amount(unit) })
}

pub(super) fn package(size: u32, price: &str) -> ChargeTerms {
    terms("USD", ChargeModel::Package { size, amount: amount(price) })
}

fn graduated(all: &[(&str, &str, &str)]) -> ChargeTerms {
    terms("USD", ChargeModel::Graduated { tiers: tiers(all) })
}

fn volume(all: &[(&str, &str, &str)]) -> ChargeTerms {
    terms("USD", ChargeModel::Volume { tiers: tiers(all) })
}

/// Fonts at 7 dollars up to 5, at 6.50 up to 10, at 6 above. The tiers, and what volume comes to, are those of
/// <https://docs.stripe.com/subscriptions/pricing-models/tiered-pricing>.
const FONTS: [(&str, &str, &str); 3] = [("5", "700", "0"), ("10", "650", "0"), ("inf", "600", "0")];

#[test]
fn stripes_fonts_by_volume_and_graduated() {
    let (by_volume, by_tier) = (charge(volume(&FONTS)), charge(graduated(&FONTS)));
    for (fonts, volume, graduated) in [
        ("0", 0, 0),
        ("1", 700, 700),
        ("5", 3_500, 3_500),
        ("6", 3_900, 4_150),
        ("10", 6_500, 6_750),
        ("11", 6_600, 7_350),
        ("20", 12_000, 12_750),
        ("25", 15_000, 15_750),
    ] {
        assert_eq!((total(&by_volume, fonts), total(&by_tier, fonts)), (volume, graduated), "{fonts}");
    }
}

/// A thousand free and 4 cents for each above, as in Stripe's guide to flat fees with overage; 400 cents for 100,000
/// and 0.0065 cents for each above.
#[test]
fn overage_and_amounts_below_a_cent() {
    let overage = charge(graduated(&[("1000", "0", "0"), ("inf", "4", "0")]));
    assert_eq!(["0", "1000", "1001", "1500"].map(|usage| total(&overage, usage)), [0, 0, 4, 2_000]);
    let included = charge(ChargeTerms { included: quantity("1000"), ..per_unit("USD", "4") });
    assert_eq!(["0", "1000", "1001", "1500"].map(|usage| total(&included, usage)), [0, 0, 4, 2_000]);
    let tokens = charge(graduated(&[("100000", "0", "400"), ("inf", "0.0065", "0")]));
    assert_eq!(["0", "100000", "100070", "100077"].map(|usage| total(&tokens, usage)), [400, 400, 400, 401]);
}

/// The flat amount of a tier is due when the tier is reached; the first is reached without usage.
#[test]
fn flat_amounts_by_hand() {
    let all = [("10", "5", "100"), ("20", "4", "200"), ("inf", "3", "300")];
    let (by_tier, by_volume) = (charge(graduated(&all)), charge(volume(&all)));
    for (usage, graduated, volume) in [
        ("0", 100, 100),
        ("-3", 100, 100),
        ("10", 150, 150),
        ("10.5", 352, 242),
        ("11", 354, 244),
        ("20", 390, 280),
        ("21", 693, 363),
    ] {
        assert_eq!((total(&by_tier, usage), total(&by_volume, usage)), (graduated, volume), "{usage}");
    }
}

#[test]
fn usage_below_zero_is_none() {
    for included in ["0", "5"] {
        let charge = charge(ChargeTerms { included: quantity(included), ..per_unit("USD", "7") });
        assert_eq!(charge.rate(quantity("-3")), charge.rate(Quantity::ZERO));
        assert_eq!(charge.rate(quantity("-3")), Ok(Rating::none(Currency::USD)));
    }
}

/// Stripe's `transform_quantity` rounding up: minutes charged by the hour; and 125 cents for each million tokens begun.
#[test]
fn a_package_that_was_begun_is_charged() {
    let hours = charge(package(60, "1000"));
    for (minutes, expected) in
        [("0", 0), ("0.1", 1_000), ("60", 1_000), ("60.000000000001", 2_000), ("125", 3_000)]
    {
        assert_eq!(total(&hours, minutes), expected, "{minutes}");
    }
    let tokens = charge(package(1_000_000, "125"));
    assert_eq!(["10", "1000000", "1500000"].map(|usage| total(&tokens, usage)), [125, 125, 250]);
    let line = tokens.rate(quantity("1500000")).unwrap().lines.remove(0);
    assert_eq!((line.quantity, line.packages), (quantity("1500000"), Some(2)));
}

#[test]
fn rounding_is_half_up_to_what_the_currency_charges() {
    for (code, unit, usage, expected) in [
        ("USD", "0.5", "1", 1),
        ("USD", "0.499999999999", "1", 0),
        ("USD", "2.5", "1", 3),
        ("USD", "0.000000000001", "500000000000", 1),
        ("USD", "0.000000000001", "499999999999", 0),
        ("JPY", "0.5", "3", 2),
        ("JPY", "33.3", "0.1", 3),
        // Stripe charges tens of fils.
        ("KWD", "2.5", "7", 20),
        ("KWD", "2.5", "5.9", 10),
        ("KWD", "2.5", "6", 20),
        ("KWD", "4.999999999999", "1", 0),
        ("KWD", "5", "1", 10),
    ] {
        assert_eq!(total(&charge(per_unit(code, unit)), usage), expected, "{code} {unit} {usage}");
    }
}

#[test]
fn lines_by_hand() {
    let model = ChargeModel::Graduated {
        tiers: tiers(&[("10", "0.26", "1"), ("20", "0.26", "0"), ("inf", "0.1", "0")]),
    };
    let charge =
        charge(ChargeTerms { included: quantity("5"), maximum_minor: Some(6), ..terms("USD", model) });
    let rating = charge.rate(quantity("27.5")).unwrap();
    let lines: Vec<_> = rating
        .lines
        .iter()
        .map(|line| (line.kind, line.tier, line.quantity.to_string(), line.amount_minor))
        .collect();
    // Exactly 3.6, 2.6 and 0.25; running totals 3.6, 6.2 and 6.45.
    assert_eq!(
        lines,
        [
            (RatedLineKind::Included, None, "5".to_owned(), 0),
            (RatedLineKind::Usage, Some(0), "10".to_owned(), 4),
            (RatedLineKind::Usage, Some(1), "10".to_owned(), 2),
            (RatedLineKind::Usage, Some(2), "2.5".to_owned(), 0),
        ]
    );
    assert_eq!(rating.total_minor, 6);
    let over = charge.rate(quantity("40")).unwrap();
    assert_eq!(over.total_minor, 6);
    let last = over.lines.last().unwrap();
    assert_eq!((last.kind, last.amount_minor), (RatedLineKind::Maximum, -2));
    let minimum = self::charge(ChargeTerms { minimum_minor: Some(500), ..per_unit("USD", "1") });
    let rating = minimum.rate(quantity("120")).unwrap();
    assert_eq!(rating.lines.iter().map(|line| line.amount_minor).collect::<Vec<_>>(), [120, 380]);
    assert_eq!(total(&minimum, "0"), 500);
}

#[test]
fn the_largest_and_the_smallest_are_exact_or_refused() {
    let (most, least) = ("10000000000000000", "0.000000000001");
    assert_eq!(total(&charge(per_unit("USD", "1")), most), 10_000_000_000_000_000);
    assert_eq!(total(&charge(per_unit("USD", "922.337203685477")), most), 9_223_372_036_854_770_000);
    assert_eq!(total(&charge(per_unit("USD", least)), "10000000000000000"), 10_000);
    let dear = charge(per_unit("USD", "999999999999"));
    assert_eq!(dear.rate(quantity(most)), Err(RatingError::TooLarge));
    assert_eq!(total(&dear, "1.000000000001"), 1_000_000_000_000);
    let tiers = [("1", "1", "999999999999"), ("inf", "999999999999", "999999999999")];
    assert_eq!(charge(graduated(&tiers)).rate(quantity(most)), Err(RatingError::TooLarge));
    assert_eq!(total(&charge(package(1, "1")), "9999999999999999.5"), 10_000_000_000_000_000);
    assert_eq!(total(&charge(package(u32::MAX, "0.5")), most), 1_164_154);
}

pub(super) fn day(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(number)
}

pub(super) fn days(from: i64, to: i64) -> Span {
    Span::new(day(from), day(to)).unwrap()
}

#[test]
fn a_plan_that_changes_in_the_period_by_hand() {
    // Ten days with 1,000 calls included and a cent for each above, then twenty with 6,000 and half a cent.
    let old =
        charge(ChargeTerms { included: quantity("1000"), minimum_minor: Some(100), ..per_unit("USD", "1") });
    let new = charge(ChargeTerms {
        included: quantity("6000"),
        maximum_minor: Some(600),
        ..per_unit("USD", "0.5")
    });
    let segments = [
        Segment { span: days(0, 10), charge: &old, usage: quantity("400") },
        Segment { span: days(10, 30), charge: &new, usage: quantity("5000") },
    ];
    let rated = rate_segments(days(0, 30), UsageKind::Additive, &segments).unwrap();
    let amounts = |rated: &RatedCharge<'_>| -> Vec<_> {
        rated
            .rating
            .lines
            .iter()
            .map(|line| (line.kind, line.quantity.to_string(), line.amount_minor))
            .collect()
    };
    // 333 are included and 67 are not; of the minimum 33 are due. Then 4,000, 1,000 and at most 400.
    assert_eq!(
        amounts(&rated[0]),
        [(RatedLineKind::Included, "333".into(), 0), (RatedLineKind::Usage, "67".into(), 67)]
    );
    assert_eq!(
        amounts(&rated[1]),
        [
            (RatedLineKind::Included, "4000".into(), 0),
            (RatedLineKind::Usage, "1000".into(), 500),
            (RatedLineKind::Maximum, "0".into(), -100)
        ]
    );
    assert_eq!((rated[0].rating.total_minor, rated[1].rating.total_minor), (67, 400));
}

#[test]
fn spans_that_overlap_get_no_more_than_there_is() {
    let terms = ChargeTerms { included: quantity("10000000000000000"), ..per_unit("USD", "1") };
    let charge = charge(terms);
    assert_eq!(charge.prorated(days(0, 30), &[days(0, 30), days(0, 20)]).included, charge.terms().included);
}

#[test]
fn a_level_costs_by_the_time_it_lasts() {
    let seats = charge(per_unit("USD", "900"));
    let segment =
        |from, to, usage: &str| Segment { span: days(from, to), charge: &seats, usage: quantity(usage) };
    let segments = [segment(0, 15, "10"), segment(15, 30, "20")];
    let rated = rate_segments(days(0, 30), UsageKind::Level, &segments).unwrap();
    assert_eq!(rated.len(), 1);
    assert_eq!(
        rated[0].rating.lines.iter().map(|line| line.amount_minor).collect::<Vec<_>>(),
        [4_500, 9_000]
    );
    // The last ten days are not subscribed.
    let rated = rate_segments(days(0, 30), UsageKind::Level, &[segment(0, 20, "10")]).unwrap();
    assert_eq!(rated[0].rating.total_minor, 6_000);
}

#[test]
fn segments_are_in_order_and_within_the_period() {
    let one = charge(per_unit("USD", "1"));
    let segment = |from, to| Segment { span: days(from, to), charge: &one, usage: Quantity::ZERO };
    let rate =
        |segments: &[Segment<'_>]| rate_segments(days(0, 30), UsageKind::Additive, segments).map(|_| ());
    assert_eq!(rate(&[]), Ok(()));
    assert_eq!(rate(&[segment(0, 10), segment(15, 30)]), Ok(()));
    assert_eq!(rate(&[segment(0, 10), segment(9, 30)]), Err(RatingError::Segment { segment: 1 }));
    assert_eq!(rate(&[segment(20, 30), segment(0, 10)]), Err(RatingError::Segment { segment: 1 }));
    assert_eq!(rate(&[segment(-1, 10)]), Err(RatingError::Segment { segment: 0 }));
    assert_eq!(rate(&[segment(0, 31)]), Err(RatingError::Segment { segment: 0 }));
}

#[test]
fn late_usage_is_billed_as_the_difference() {
    let fonts = charge(volume(&FONTS));
    let (first, all) = (fonts.rate(quantity("5")).unwrap(), fonts.rate(quantity("6")).unwrap());
    let late = all.since(&first).unwrap();
    let lines: Vec<_> =
        late.lines.iter().map(|line| (line.tier, line.quantity.to_string(), line.amount_minor)).collect();
    assert_eq!(lines, [(Some(1), "6".into(), 3_900), (Some(0), "-5".into(), -3_500)]);
    assert_eq!(late.total_minor, 400);
    let graduated = charge(graduated(&[("5", "7", "100"), ("inf", "6", "50")]));
    let late = graduated.rate(quantity("8")).unwrap().since(&graduated.rate(quantity("4")).unwrap()).unwrap();
    let lines: Vec<_> = late
        .lines
        .iter()
        .map(|line| (line.quantity.to_string(), line.flat_amount, line.amount_minor))
        .collect();
    assert_eq!(lines, [("1".into(), amount("0"), 7), ("3".into(), amount("50"), 68)]);
    let yen = Rating::none(Currency::parse("JPY").unwrap());
    assert!(matches!(first.since(&yen), Err(RatingError::Currencies(..))));
}

#[test]
fn a_split_needs_weights() {
    let rating = charge(per_unit("USD", "1")).rate(quantity("100")).unwrap();
    assert_eq!(rating.split(&[]), None);
    assert_eq!(rating.split(&[0, 0]), None);
    assert_eq!(Rating::none(Currency::USD).split(&[0]), None);
    let totals: Vec<i64> = rating.split(&[1, 1, 1]).unwrap().iter().map(|part| part.total_minor).collect();
    assert_eq!(totals, [34, 33, 33]);
}
