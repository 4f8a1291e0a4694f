//! What usage comes to.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use super::super::scalars::{BigInt, DecimalNumber, Money};
use super::enums;
use super::meter::Meter;
use crate::domain;

/// What the usage of a billing period comes to so far.
#[derive(SimpleObject)]
pub struct UsageBill {
    /// When the period began, in UTC.
    pub period_start: DateTime<Utc>,
    /// When it ends, in UTC.
    pub period_end: DateTime<Utc>,
    /// By meter, those that are charged for.
    pub meters: Vec<UsageBillMeter>,
    /// All of it.
    pub total: Money,
}

/// What one meter comes to in a billing period.
#[derive(SimpleObject)]
pub struct UsageBillMeter {
    /// The meter.
    pub meter: Meter,
    /// What was used.
    pub quantity: DecimalNumber,
    /// What it comes to.
    pub amount: Money,
    /// What is included, then tier by tier, then what is missing to a minimum or above a maximum.
    pub lines: Vec<UsageBillLine>,
}

/// One line of what a meter comes to. The lines add up to it.
#[derive(SimpleObject)]
pub struct UsageBillLine {
    /// What it is for.
    pub kind: enums::RatedLineKind,
    /// The tier, counted from 1; null where there are none.
    pub tier: Option<i32>,
    /// Units of the meter.
    pub quantity: DecimalNumber,
    /// Packages; null where they are not counted.
    pub packages: Option<BigInt>,
    /// For one unit, or one package, in minor units.
    pub unit_amount: DecimalNumber,
    /// What the line comes to; below zero when it gives something back.
    pub amount: Money,
}

/// What one meter came to in a billing period that is over, as it is billed. What was recorded late has charges of its own.
#[derive(SimpleObject)]
pub struct UsageCharge {
    /// The meter.
    pub meter: Meter,
    /// When the period began, in UTC.
    pub period_start: DateTime<Utc>,
    /// When it ended, in UTC.
    pub period_end: DateTime<Utc>,
    /// Whether it was recorded when the period was closed already.
    pub is_late: bool,
    /// What was used, and not billed before.
    pub quantity: DecimalNumber,
    /// What it comes to.
    pub amount: Money,
    /// Line by line.
    pub lines: Vec<UsageBillLine>,
    /// Where it is billed.
    pub place: enums::UsageBillPlace,
    /// The invoice at Stripe; null while it waits for the next bill.
    pub stripe_invoice_id: Option<String>,
    /// When it was put on a bill, in UTC; null while it is not yet.
    pub billed_at: Option<DateTime<Utc>>,
}

fn line(line: domain::rating::RatedLine, currency: domain::money::Currency) -> UsageBillLine {
    UsageBillLine {
        kind: line.kind.into(),
        tier: line.tier.and_then(|tier| i32::try_from(tier + 1).ok()),
        quantity: DecimalNumber(line.quantity.decimal()),
        packages: line.packages.map(BigInt),
        unit_amount: DecimalNumber(line.unit_amount.decimal()),
        amount: domain::money::Money::new(line.amount_minor, currency).into(),
    }
}

impl UsageBill {
    /// What a period comes to; `None` when nothing is charged for.
    pub fn of(bill: domain::usage_charge::PeriodBill) -> Option<Self> {
        let total = bill.total()?;
        let meters = bill.meters.into_iter().map(|meter| UsageBillMeter {
            quantity: DecimalNumber(meter.quantity.decimal()),
            amount: domain::money::Money::new(meter.total_minor, meter.currency).into(),
            lines: meter.lines().into_iter().map(|it| line(it, meter.currency)).collect(),
            meter: meter.meter.into(),
        });
        Some(Self {
            period_start: bill.period.period_start,
            period_end: bill.period.end(),
            meters: meters.collect(),
            total: total.into(),
        })
    }
}

impl UsageCharge {
    /// A charge of a meter.
    pub fn of(charge: domain::usage_charge::UsageCharge, meter: Meter) -> Self {
        let currency = charge.amount.currency;
        Self {
            meter,
            period_start: charge.period_start,
            period_end: charge.period_end,
            is_late: charge.part > 0,
            quantity: DecimalNumber(charge.quantity.decimal()),
            amount: charge.amount.into(),
            lines: charge.lines.into_iter().map(|it| line(it, currency)).collect(),
            place: charge.place.into(),
            stripe_invoice_id: charge.stripe_invoice_id.map(|id| id.0),
            billed_at: charge.billed_at,
        }
    }
}
