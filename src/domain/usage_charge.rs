//! What one meter came to in one billing period, as it is billed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::charge::Charge;
use super::ids::{
    BillingOperationId, MeterId, OrganizationId, StripeInvoiceId, SubscriptionId, UsageChargeId,
    UsagePeriodId,
};
use super::meter_definition::MeterDefinition;
use super::money::{Currency, Money};
use super::proration::Span;
use super::quantity::Quantity;
use super::rating::{RatedLine, RatedLineKind, Rating, RatingError, Segment, UsageKind, rate_segments};
use super::string_enum;
use super::usage_period::{SegmentTerms, UsagePeriod};

string_enum! {
    /// Where a period's usage is billed.
    UsageBillPlace {
        /// Not decided yet.
        Undecided => "undecided",
        /// On the renewal's invoice, which was a draft.
        Renewal => "renewal",
        /// On the next bill: the renewal's was finalised, or it came late.
        NextBill => "next_bill",
        /// On an invoice of its own: the subscription has ended.
        OwnInvoice => "own_invoice",
    }
}

/// What one meter costs in one stretch or more of a period under one charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RatedStretch {
    /// The charge.
    pub charge: Charge,
    /// When it held.
    pub spans: Vec<Span>,
    /// What it comes to.
    pub rating: Rating,
}

/// What one meter comes to in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterBill {
    /// The meter.
    pub meter: MeterDefinition,
    /// All that was used: the sum, or the level at the end.
    pub quantity: Quantity,
    /// The currency.
    pub currency: Currency,
    /// By charge.
    pub stretches: Vec<RatedStretch>,
    /// All of it, in minor units.
    pub total_minor: i64,
}

/// What a period comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodBill {
    /// Of which period.
    pub period: UsagePeriod,
    /// By meter, those that a charge names; in one currency each.
    pub meters: Vec<MeterBill>,
}

impl PeriodBill {
    /// The currency, when anything is charged for at all.
    pub fn currency(&self) -> Option<Currency> {
        self.meters.first().map(|bill| bill.currency)
    }

    /// All of it, when anything is charged for at all.
    pub fn total(&self) -> Option<Money> {
        let currency = self.currency()?;
        let ours = self.meters.iter().filter(|bill| bill.currency == currency);
        Some(Money::new(ours.map(|bill| bill.total_minor).fold(0, i64::saturating_add), currency))
    }
}

/// How a period is rated: the meter's usage in each segment, and what proration goes by.
pub struct MeterSegments<'a> {
    /// The meter.
    pub meter: &'a MeterDefinition,
    /// Each segment that has a charge of the meter, with what was used in it.
    pub segments: Vec<Segment<'a>>,
    /// The period.
    pub period: &'a UsagePeriod,
}

impl MeterSegments<'_> {
    /// What it comes to; `None` when no segment has a charge.
    ///
    /// What adds up is rated by the time that the plan held of the period; when the subscription ended with it, the period
    /// counts as a whole one, for the price of it was paid. A level is always charged by its share of the calendar's
    /// period.
    pub fn rate(&self) -> Result<Option<MeterBill>, RatingError> {
        let Some(first) = self.segments.first() else { return Ok(None) };
        let kind = self.meter.meter.aggregation.usage_kind();
        let natural = self.period.natural_span();
        let whole = match kind {
            UsageKind::Additive if self.period.is_last => self.period.span(),
            _ => natural,
        };
        let Some(whole) = whole else { return Ok(None) };
        let rated = rate_segments(whole, kind, &self.segments)?;
        let mut total = Money::new(0, first.charge.terms().currency);
        let mut stretches = Vec::with_capacity(rated.len());
        for one in rated {
            total = total.checked_add(one.rating.total()).ok_or(RatingError::TooLarge)?;
            stretches.push(RatedStretch { charge: one.charge.clone(), spans: one.spans, rating: one.rating });
        }
        let quantity = match kind {
            UsageKind::Additive => self
                .segments
                .iter()
                .try_fold(Quantity::ZERO, |sum, segment| sum.checked_add(segment.usage))
                .map_err(|_| RatingError::TooLarge)?,
            UsageKind::Level => self.segments.last().map(|segment| segment.usage).unwrap_or_default(),
        };
        let meter = self.meter.clone();
        Ok(Some(MeterBill { meter, quantity, currency: total.currency, stretches, total_minor: total.minor }))
    }
}

/// Something of a period that is billed, or to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageCharge {
    /// Our id.
    pub id: UsageChargeId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Of which subscription.
    pub subscription_id: SubscriptionId,
    /// Of which period.
    pub usage_period_id: UsagePeriodId,
    /// Of which meter.
    pub meter_id: MeterId,
    /// When the period began.
    pub period_start: DateTime<Utc>,
    /// When it ended.
    pub period_end: DateTime<Utc>,
    /// Counts what was billed of it: 0 when it was closed, then what came late.
    pub part: i32,
    /// What was used that was not billed before.
    pub quantity: Quantity,
    /// What it comes to.
    pub amount: Money,
    /// Its lines.
    pub lines: Vec<RatedLine>,
    /// All of the period so far.
    pub rated: Vec<RatedStretch>,
    /// Where it is billed.
    pub place: UsageBillPlace,
    /// The invoice at Stripe, when it is known.
    pub stripe_invoice_id: Option<StripeInvoiceId>,
    /// The invoice item at Stripe.
    pub stripe_invoice_item_id: Option<String>,
    /// The operation that bills it.
    pub operation_id: Option<BillingOperationId>,
    /// When it was known to be billed.
    pub billed_at: Option<DateTime<Utc>>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What of a meter's bill is not billed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbilled {
    /// Which part of the period it will be.
    pub part: i32,
    /// What was used.
    pub quantity: Quantity,
    /// What it comes to, in minor units.
    pub amount_minor: i64,
    /// The lines.
    pub lines: Vec<RatedLine>,
}

impl MeterBill {
    /// The lines of all stretches.
    pub fn lines(&self) -> Vec<RatedLine> {
        self.stretches.iter().flat_map(|stretch| stretch.rating.lines.clone()).collect()
    }

    /// What is left to be billed after `billed`, the parts of this period and meter so far. `None` when that is no money.
    pub fn unbilled(&self, billed: &[&UsageCharge]) -> Result<Option<Unbilled>, RatingError> {
        let last = billed.iter().max_by_key(|charge| charge.part);
        let Some(last) = last else {
            let lines = self.lines();
            let unbilled =
                Unbilled { part: 0, quantity: self.quantity, amount_minor: self.total_minor, lines };
            return Ok((unbilled.amount_minor != 0).then_some(unbilled));
        };
        let before = last.rated.iter();
        let mut lines = Vec::new();
        let mut amount_minor = 0_i64;
        for stretch in &self.stretches {
            let old = before.clone().find(|old| old.charge == stretch.charge && old.spans == stretch.spans);
            let none = Rating::none(stretch.rating.currency);
            let since = stretch.rating.since(old.map_or(&none, |old| &old.rating))?;
            amount_minor = amount_minor.checked_add(since.total_minor).ok_or(RatingError::TooLarge)?;
            lines.extend(since.lines);
        }
        let mut billed_lines =
            lines.iter().filter(|line| matches!(line.kind, RatedLineKind::Included | RatedLineKind::Usage));
        let quantity = billed_lines
            .try_fold(Quantity::ZERO, |sum, line| sum.checked_add(line.quantity))
            .map_err(|_| RatingError::TooLarge)?;
        let unbilled = Unbilled { part: last.part + 1, quantity, amount_minor, lines };
        Ok((unbilled.amount_minor != 0).then_some(unbilled))
    }
}

/// What a line of a bill says it is for.
pub fn describe(
    meter: &MeterDefinition,
    quantity: Quantity,
    lines: &[RatedLine],
    period: Span,
    is_late: bool,
) -> String {
    let included = lines.iter().filter(|line| line.kind == RatedLineKind::Included);
    let included = included
        .map(|line| line.quantity)
        .try_fold(Quantity::ZERO, Quantity::checked_add)
        .unwrap_or_default();
    let mut text = format!("{}: {quantity} {}", meter.meter.name, meter.meter.unit);
    if included > Quantity::ZERO {
        text.push_str(&format!(", {included} included"));
    }
    let day = |at: DateTime<Utc>| at.format("%Y-%m-%d").to_string();
    text.push_str(&format!(" ({} to {})", day(period.start()), day(period.end())));
    if is_late {
        text.push_str(", recorded late");
    }
    text
}

/// The charges that a segment's time was rated by, of one meter and in one currency.
pub fn charge_of<'a>(terms: &'a SegmentTerms, meter: &str) -> Option<&'a Charge> {
    terms.charges.iter().find(|charge| charge.meter == meter).map(|charge| &charge.charge)
}

impl UsageCharge {
    /// When the period was.
    pub fn period(&self) -> Option<Span> {
        Span::new(self.period_start, self.period_end)
    }

    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "subscriptionId": self.subscription_id,
            "meterId": self.meter_id,
            "periodStart": self.period_start,
            "periodEnd": self.period_end,
            "part": self.part,
            "quantity": self.quantity,
            "amountMinor": self.amount.minor,
            "currency": self.amount.currency,
            "place": self.place,
            "stripeInvoiceId": self.stripe_invoice_id,
            "stripeInvoiceItemId": self.stripe_invoice_item_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::meter::Meter;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn period(is_last: bool) -> UsagePeriod {
        UsagePeriod {
            id: UsagePeriodId(Uuid::nil()),
            organization_id: OrganizationId(Uuid::nil()),
            subscription_id: SubscriptionId(Uuid::nil()),
            period_start: at(0),
            period_end: at(1_000),
            ended_at: is_last.then(|| at(500)),
            is_last,
            segments: Vec::new(),
            seen_ended_at: None,
            closed_at: None,
            rated_at: None,
            terms: None,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    fn meter(index: usize) -> MeterDefinition {
        MeterDefinition {
            id: MeterId(Uuid::nil()),
            meter: Meter::defaults()[index].clone(),
            description: String::new(),
            key_property: None,
            version: 1,
            created_at: at(0),
            updated_at: at(0),
            archived_at: None,
        }
    }

    fn charge(json: &str) -> Charge {
        serde_json::from_str(json).unwrap()
    }

    fn bill(meter: &MeterDefinition, period: &UsagePeriod, charge: &Charge, usage: Quantity) -> MeterBill {
        let span = period.span().unwrap();
        let segments = vec![Segment { span, charge, usage }];
        MeterSegments { meter, segments, period }.rate().unwrap().unwrap()
    }

    /// The parts that are billed as usage comes in, each written down before the next.
    fn parts(
        meter: &MeterDefinition,
        period: &UsagePeriod,
        charge: &Charge,
        usage: &[Quantity],
    ) -> Vec<UsageCharge> {
        let mut billed: Vec<UsageCharge> = Vec::new();
        for quantity in usage {
            let bill = bill(meter, period, charge, *quantity);
            let before: Vec<&UsageCharge> = billed.iter().collect();
            let Some(left) = bill.unbilled(&before).unwrap() else { continue };
            billed.push(UsageCharge {
                id: UsageChargeId(Uuid::nil()),
                organization_id: period.organization_id,
                subscription_id: period.subscription_id,
                usage_period_id: period.id,
                meter_id: meter.id,
                period_start: period.period_start,
                period_end: period.end(),
                part: left.part,
                quantity: left.quantity,
                amount: Money::new(left.amount_minor, bill.currency),
                lines: left.lines,
                rated: bill.stretches,
                place: UsageBillPlace::Undecided,
                stripe_invoice_id: None,
                stripe_invoice_item_id: None,
                operation_id: None,
                billed_at: None,
                created_at: at(0),
                updated_at: at(0),
            });
        }
        billed
    }

    const GRADUATED: &str = r#"{"currency":"USD","model":"graduated","included":"100","minimumMinor":70,"maximumMinor":900,
        "tiers":[{"upTo":"1000","unitAmount":"0.5"},{"unitAmount":"0.25","flatAmount":"33.3"}]}"#;
    const VOLUME: &str = r#"{"currency":"JPY","model":"volume",
        "tiers":[{"upTo":"500","unitAmount":"0.7"},{"unitAmount":"0.3"}]}"#;
    const PACKAGE: &str = r#"{"currency":"KWD","model":"package","size":7,"amount":"13","included":"3"}"#;

    proptest! {
        /// However often usage comes late, all bills of a period together come to the rating of all of its usage.
        #[test]
        fn all_bills_of_a_period_come_to_its_usage(
            steps in proptest::collection::vec(-200_i64..2_000, 1..8),
            model in 0_usize..3,
        ) {
            let charge = charge([GRADUATED, VOLUME, PACKAGE][model]);
            let (meter, period) = (meter(0), period(false));
            let mut sum = 0_i64;
            let usage: Vec<Quantity> = steps.iter().map(|step| { sum += step; sum.try_into().unwrap() }).collect();
            let billed = parts(&meter, &period, &charge, &usage);
            let whole = bill(&meter, &period, &charge, *usage.last().unwrap());
            prop_assert_eq!(billed.iter().map(|part| part.amount.minor).sum::<i64>(), whole.total_minor);
            for (number, part) in billed.iter().enumerate() {
                prop_assert_eq!(part.part, i32::try_from(number).unwrap());
                prop_assert_eq!(part.lines.iter().map(|line| line.amount_minor).sum::<i64>(), part.amount.minor);
            }
        }
    }

    #[test]
    fn a_last_period_counts_as_a_whole_one_and_a_level_by_its_time() {
        let charge = charge(r#"{"currency":"USD","model":"per_unit","unitAmount":"10","included":"100"}"#);
        let last = period(true);
        assert_eq!(bill(&meter(0), &last, &charge, 150_u32.into()).total_minor, 500);
        assert_eq!(bill(&meter(2), &last, &charge, 150_u32.into()).total_minor, 250, "half of the time");
    }

    #[test]
    fn a_line_says_what_it_is_for() {
        let charge = charge(r#"{"currency":"USD","model":"per_unit","unitAmount":"10","included":"100"}"#);
        let bill = bill(&meter(0), &period(false), &charge, "150.5".parse().unwrap());
        let span = Span::new(at(0), at(1_000)).unwrap();
        assert_eq!(
            describe(&bill.meter, bill.quantity, &bill.lines(), span, true),
            "api_calls: 150.5 call, 100 included (2027-01-15 to 2027-01-15), recorded late"
        );
    }
}
