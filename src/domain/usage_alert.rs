//! Alerts of usage: which notices a reading of a meter leads to.
//!
//! A threshold is told of once in a period, and once more when usage has fallen below it; readings that go up and down
//! around it say nothing new.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ids::{MeterId, OrganizationId, UsageAlertId, UsageNoticeId, UserId};
use super::money::Money;
use super::quantity::Quantity;
use super::string_enum;

/// Thresholds of one meter at most.
pub const MAXIMUM_THRESHOLDS: usize = 20;
/// Percent of a limit at most.
pub const MAXIMUM_PERCENT: u16 = 1_000;
/// How far usage must fall below a threshold before it counts as below, in percent of the threshold.
pub const RECOVERY_MARGIN: u8 = 5;
/// The thresholds of a meter that has a limit, in percent of it, when nobody has said any.
pub const USUAL_PERCENTS: [u16; 2] = [80, 100];

/// From where on somebody wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// So many units.
    Units(Quantity),
    /// So many percent of the limit. Without a limit it is never reached.
    Percent(u16),
    /// So much money, of what usage comes to.
    Spend(Money),
}

/// Why thresholds cannot be taken. They are counted from 0 here, as in a path, and from 1 in the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ThresholdError {
    /// Too many.
    #[error("There are at most {MAXIMUM_THRESHOLDS} thresholds.")]
    TooMany,
    /// One that is always reached.
    #[error("Threshold {} must be above zero.", index + 1)]
    NotAboveZero {
        /// Which.
        index: usize,
    },
    /// Too many percent.
    #[error("Threshold {} is at most {MAXIMUM_PERCENT} percent.", index + 1)]
    AboveMaximum {
        /// Which.
        index: usize,
    },
    /// One that is there already.
    #[error("Threshold {} is there twice.", index + 1)]
    Twice {
        /// Which.
        index: usize,
    },
}

/// Refuses thresholds that cannot be meant.
pub fn check(thresholds: &[Threshold]) -> Result<(), ThresholdError> {
    if thresholds.len() > MAXIMUM_THRESHOLDS {
        return Err(ThresholdError::TooMany);
    }
    for (index, threshold) in thresholds.iter().enumerate() {
        let is_above_zero = match threshold {
            Threshold::Units(units) => *units > Quantity::ZERO,
            Threshold::Percent(percent) => *percent > 0,
            Threshold::Spend(spend) => spend.minor > 0,
        };
        if !is_above_zero {
            return Err(ThresholdError::NotAboveZero { index });
        }
        if matches!(threshold, Threshold::Percent(percent) if *percent > MAXIMUM_PERCENT) {
            return Err(ThresholdError::AboveMaximum { index });
        }
        if thresholds[..index].contains(threshold) {
            return Err(ThresholdError::Twice { index });
        }
    }
    Ok(())
}

/// What an organization wants to be told of its usage of one meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageAlert {
    /// Our id.
    pub id: UsageAlertId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Of which meter.
    pub meter_id: MeterId,
    /// From where on; from nowhere when there is none.
    pub thresholds: Vec<Threshold>,
    /// What usage may come to in a period: what would be above is refused.
    pub spend_limit: Option<Money>,
    /// Who wrote it last.
    pub updated_by: Option<UserId>,
    /// Counts the changes.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl UsageAlert {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "thresholds": self.thresholds,
            "spendLimit": self.spend_limit,
            "version": self.version,
        })
    }
}

/// What is watched of a meter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageWatch {
    /// From where on it is told. A limit of what may be spent is a threshold, too.
    pub thresholds: Vec<Threshold>,
    /// What usage may come to in a period.
    pub spend_limit: Option<Money>,
}

impl UsageWatch {
    /// What an organization has said.
    pub fn of(alert: &UsageAlert) -> Self {
        let mut thresholds = alert.thresholds.clone();
        if let Some(limit) = alert.spend_limit.map(Threshold::Spend)
            && !thresholds.contains(&limit)
        {
            thresholds.push(limit);
        }
        Self { thresholds, spend_limit: alert.spend_limit }
    }

    /// What is told of a meter with a limit when nobody has said anything.
    pub fn usual() -> Self {
        Self { thresholds: USUAL_PERCENTS.map(Threshold::Percent).to_vec(), spend_limit: None }
    }
}

impl Threshold {
    /// The threshold in one word, by which it is known again.
    pub fn key(self) -> String {
        match self {
            Self::Units(units) => format!("units:{units}"),
            Self::Percent(percent) => format!("percent:{percent}"),
            Self::Spend(spend) => format!("spend:{}:{}", spend.currency, spend.minor),
        }
    }
}

/// What an organization was told of its usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaisedNotice {
    /// Our id.
    pub id: UsageNoticeId,
    /// Whose usage.
    pub organization_id: OrganizationId,
    /// Of which meter.
    pub meter_id: MeterId,
    /// What was told.
    pub notice: UsageNotice,
    /// What the meter said then.
    pub reading: UsageReading,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A meter, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageReading {
    /// When the period began that it is read in.
    pub period_start: DateTime<Utc>,
    /// What was used in the period, in units.
    pub usage: Quantity,
    /// How much may be used, in units; `None` when there is no limit.
    pub limit: Option<Quantity>,
    /// What it comes to; `None` when that is not known.
    pub spend: Option<Money>,
}

string_enum! {
    /// What a notice says.
    UsageNoticeKind {
        /// The threshold is reached.
        Reached => "reached",
        /// It was reached in this period, and usage has fallen below it.
        Recovered => "recovered",
        /// It was reached in the period before, and usage of the new period is below it.
        Reset => "reset",
    }
}

/// What somebody is told. Threshold, period and kind come together only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageNotice {
    /// Of which threshold.
    pub threshold: Threshold,
    /// What.
    pub kind: UsageNoticeKind,
    /// When the period began in which the threshold was reached.
    pub period_start: DateTime<Utc>,
}

/// What was told of one meter in its running period. It begins as nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageAlertState {
    /// When the period began; `None` before the first reading.
    pub period_start: Option<DateTime<Utc>>,
    /// The thresholds that were reached in it. One that nobody has any more stays until the period is over, so that
    /// taking it away and back tells nobody again.
    pub reached: Vec<ReachedThreshold>,
}

/// A threshold that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReachedThreshold {
    /// Which.
    pub threshold: Threshold,
    /// Whether usage has fallen below it since.
    pub has_recovered: bool,
}

/// What is compared: a reading beside a threshold, in units of one size.
struct Comparison {
    read: i128,
    threshold: i128,
}

impl Comparison {
    /// Nothing used reaches no threshold, not even a part of a limit of nothing.
    const fn is_reached(&self) -> bool {
        self.read > 0 && self.read >= self.threshold
    }

    const fn is_below(&self) -> bool {
        self.read <= 0 || self.read * 100 < self.threshold * (100 - RECOVERY_MARGIN as i128)
    }
}

impl Threshold {
    /// `None` when the reading says nothing of what the threshold is about.
    fn compare(self, reading: &UsageReading) -> Option<Comparison> {
        let used = |threshold| Some(Comparison { read: reading.usage.parts() * 100, threshold });
        match self {
            Self::Units(units) => used(units.parts() * 100),
            // What has no limit is below every part of it. The bound is above what can be read.
            Self::Percent(percent) => {
                used(reading.limit.map_or(10_i128.pow(32), |limit| limit.parts() * i128::from(percent)))
            }
            Self::Spend(Money { minor, currency }) => {
                let spend = reading.spend.filter(|spend| spend.currency == currency)?;
                Some(Comparison { read: spend.minor.into(), threshold: minor.into() })
            }
        }
    }

    /// Highest first: money, then units and percent by the units they mean.
    fn order(self, reading: &UsageReading) -> (bool, Reverse<i128>) {
        let height = self.compare(reading).map_or(0, |comparison| comparison.threshold);
        (!matches!(self, Self::Spend(_)), Reverse(height))
    }
}

impl UsageAlertState {
    /// The state after a reading, and the notices that it leads to: what is over first, then what is reached, each with
    /// the highest threshold first. The same reading again leads to none, nor does one of a period that is over.
    #[must_use]
    pub fn observe(&self, thresholds: &[Threshold], reading: &UsageReading) -> (Self, Vec<UsageNotice>) {
        if self.period_start.is_some_and(|start| reading.period_start < start) {
            return (self.clone(), Vec::new());
        }
        let mut ordered = thresholds.to_vec();
        ordered.sort_by_key(|threshold| threshold.order(reading));
        let is_new_period = self.period_start != Some(reading.period_start);
        let mut state = if is_new_period { Self::default() } else { self.clone() };
        state.period_start = Some(reading.period_start);
        let (mut over, mut reached) = (Vec::new(), Vec::new());
        for threshold in ordered {
            let Some(comparison) = threshold.compare(reading) else { continue };
            let notice = |kind, period_start| UsageNotice { threshold, kind, period_start };
            let is_this =
                |reached: &&ReachedThreshold| reached.threshold == threshold && !reached.has_recovered;
            if is_new_period
                && !comparison.is_reached()
                && let (Some(start), Some(_)) = (self.period_start, self.reached.iter().find(is_this))
            {
                over.push(notice(UsageNoticeKind::Reset, start));
            }
            let known = state.reached.iter_mut().find(|reached| reached.threshold == threshold);
            match known {
                None if comparison.is_reached() => {
                    state.reached.push(ReachedThreshold { threshold, has_recovered: false });
                    reached.push(notice(UsageNoticeKind::Reached, reading.period_start));
                }
                Some(known) if !known.has_recovered && comparison.is_below() => {
                    known.has_recovered = true;
                    over.push(notice(UsageNoticeKind::Recovered, reading.period_start));
                }
                _ => {}
            }
        }
        over.append(&mut reached);
        (state, over)
    }
}

#[cfg(test)]
#[path = "usage_alert_tests.rs"]
mod tests;
