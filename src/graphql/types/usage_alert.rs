//! What organizations are told of their usage.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::store;
use super::super::error::{not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, DecimalNumber, Money};
use super::enums;
use super::meter::Meter;
use crate::domain::quantity::Quantity;
use crate::domain::usage_alert::{RaisedNotice, Threshold};
use crate::service::UsageAlertState;

fn decimal(quantity: Quantity) -> DecimalNumber {
    DecimalNumber(quantity.decimal())
}

/// From where on somebody is told: one of units, percent and spend.
#[derive(Clone, Copy, SimpleObject)]
pub struct UsageThreshold {
    /// So many units of the meter; null for the others.
    pub units: Option<DecimalNumber>,
    /// So many percent of what is included; null for the others.
    pub percent: Option<i32>,
    /// So much of what usage comes to; null for the others.
    pub spend: Option<Money>,
}

impl From<Threshold> for UsageThreshold {
    fn from(threshold: Threshold) -> Self {
        let nothing = Self { units: None, percent: None, spend: None };
        match threshold {
            Threshold::Units(units) => Self { units: Some(decimal(units)), ..nothing },
            Threshold::Percent(percent) => Self { percent: Some(percent.into()), ..nothing },
            Threshold::Spend(spend) => Self { spend: Some(spend.into()), ..nothing },
        }
    }
}

/// A threshold, and where usage stands to it.
#[derive(Clone, Copy, SimpleObject)]
pub struct UsageThresholdState {
    /// The threshold.
    pub threshold: UsageThreshold,
    /// Whether it was told in the period that runs that usage has reached it, and not since that it has fallen below.
    pub is_reached: bool,
}

/// What an organization is told of its usage of one meter, and where it stands.
pub struct UsageAlert(pub UsageAlertState);

/// What an organization is told of its usage of one meter, and where it stands.
#[Object]
impl UsageAlert {
    /// The meter.
    async fn meter(&self) -> Meter {
        Meter(self.0.meter.clone())
    }

    /// Whether nobody has said anything, and what is usual counts: 80 and 100 percent of what is included.
    async fn is_default(&self) -> bool {
        self.0.alert.is_none()
    }

    /// From where on it is told, as they were given. A spend limit is one of them.
    async fn thresholds(&self) -> Vec<UsageThresholdState> {
        let states = self.0.thresholds.iter().map(|(threshold, is_reached)| UsageThresholdState {
            threshold: (*threshold).into(),
            is_reached: *is_reached,
        });
        states.collect()
    }

    /// What usage may come to in a period: what would be above is refused. Null without such a limit.
    async fn spend_limit(&self) -> Option<Money> {
        self.0.alert.as_ref()?.spend_limit.map(Into::into)
    }

    /// What was used in the period that runs, in the meter's own unit. Of a meter that averages maxima it is the latest level.
    async fn used(&self) -> DecimalNumber {
        decimal(self.0.reading.usage)
    }

    /// How much is included of it; null when nothing says so.
    async fn limit(&self) -> Option<DecimalNumber> {
        self.0.reading.limit.map(decimal)
    }

    /// What usage comes to in the period that runs by what the plan charges now: a level as if it lasted the whole period.
    /// Null where the plan charges nothing.
    async fn spend(&self) -> Option<Money> {
        self.0.reading.spend.map(Into::into)
    }

    /// When the period began, in UTC; null for a meter that is never reset.
    async fn period_start(&self) -> Option<DateTime<Utc>> {
        Some(self.0.reading.period_start).filter(|start| *start != DateTime::UNIX_EPOCH)
    }

    /// When it ends, in UTC; null for a meter that is never reset.
    async fn period_end(&self) -> Option<DateTime<Utc>> {
        self.0.period_end
    }

    /// Counts the changes: what to give as `expectedVersion`; 0 while what is usual counts.
    async fn version(&self) -> BigInt {
        BigInt(self.0.alert.as_ref().map_or(0, |alert| alert.version))
    }
}

/// What an organization was told of its usage: of each threshold once in a period.
#[derive(Clone)]
pub struct UsageNotice(pub RaisedNotice);

/// What an organization was told of its usage: of each threshold once in a period.
#[Object]
impl UsageNotice {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::UsageNotice.encode(self.0.id.0)
    }

    /// The meter.
    async fn meter(&self, ctx: &Context<'_>) -> Result<Meter> {
        let meters = store(ctx).meters(&[self.0.meter_id]).await.map_err(store_error(ctx))?;
        meters.into_iter().next().map(Meter).ok_or_else(|| not_found("meter"))
    }

    /// The threshold.
    async fn threshold(&self) -> UsageThreshold {
        self.0.notice.threshold.into()
    }

    /// What it says.
    async fn kind(&self) -> enums::UsageNoticeKind {
        self.0.notice.kind.into()
    }

    /// When the period began in which the threshold was reached, in UTC; null for a meter that is never reset.
    async fn period_start(&self) -> Option<DateTime<Utc>> {
        Some(self.0.notice.period_start).filter(|start| *start != DateTime::UNIX_EPOCH)
    }

    /// What was used then, in the meter's own unit.
    async fn used(&self) -> DecimalNumber {
        decimal(self.0.reading.usage)
    }

    /// How much was included then; null when nothing said so.
    async fn limit(&self) -> Option<DecimalNumber> {
        self.0.reading.limit.map(decimal)
    }

    /// What usage came to then; null where the plan charged nothing.
    async fn spend(&self) -> Option<Money> {
        self.0.reading.spend.map(Into::into)
    }

    /// When it was told, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}
