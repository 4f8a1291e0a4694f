//! Entitlements: what an organization may use, by its plan's features and by what overrides them.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::charge::Charge;
use super::ids::{EntitlementOverrideId, OrganizationId, UserId};
use super::meter::{Aggregation, Meter, MeterReset};
use super::meter_definition::MeterDefinition;
use super::money::Money;
use super::plan_charge::PlanCharge;
use super::proration::Span;
use super::quantity::Quantity;
use super::string_enum;
use super::usage_alert::{UsageAlert, UsageWatch};
use super::usage_bucket::UsageGranularity;

/// Letters of a feature's name at most.
pub const MAXIMUM_FEATURE_NAME: usize = 64;
/// Overrides of one organization at most.
pub const MAXIMUM_OVERRIDES: u64 = 200;

string_enum! {
    /// What happens above what is included.
    LimitKind {
        /// It is used all the same, and billed where the plan has a price for it.
        Soft => "soft",
        /// It is refused.
        Hard => "hard",
    }
}

string_enum! {
    /// What kind of feature it is.
    FeatureKind {
        /// There or not.
        Boolean => "boolean",
        /// A value that stands for itself: a number of projects, a level of support.
        Static => "static",
        /// So much of a meter in each period.
        Metered => "metered",
    }
}

/// What a feature gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeatureTerms {
    /// There or not.
    Boolean(bool),
    /// So many of something that nobody meters.
    Number(Quantity),
    /// A value that only the product understands.
    Opaque,
    /// So much of a meter in each of its periods.
    Metered(MeteredTerms),
}

/// So much of a meter in each of its periods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeteredTerms {
    /// The meter's name.
    pub meter: String,
    /// How much is included.
    pub included: Quantity,
    /// What happens above.
    pub limit: LimitKind,
}

/// What usage of a meter may come to in a period, and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendLimit {
    /// The bound.
    pub limit: Money,
    /// What usage costs.
    pub charge: Charge,
}

impl SpendLimit {
    /// Whether usage may go from `before` to `after`: what comes to no more than the bound, or to no more than before.
    pub fn allows(&self, before: Quantity, after: Quantity) -> bool {
        let spent = |usage| self.charge.rate(usage).map(|rating| rating.total_minor);
        spent(after)
            .is_ok_and(|after| after <= self.limit.minor || spent(before).is_ok_and(|before| after <= before))
    }
}

/// As a plan has it written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeteredForm {
    meter: String,
    included: Quantity,
    #[serde(default = "soft")]
    limit: LimitKind,
}

const fn soft() -> LimitKind {
    LimitKind::Soft
}

/// Why a feature's value cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FeatureError {
    /// A metered feature that is not whole.
    #[error(
        "A metered feature is written {{\"meter\": \"api_calls\", \"included\": 1000, \"limit\": \"soft\"}}, or \"hard\": {0}."
    )]
    Metered(String),
    /// There is no such meter.
    #[error("There is no meter {0:?}.")]
    Meter(String),
    /// Less than nothing is included.
    #[error("What is included must not be below zero.")]
    Negative,
    /// No name of a feature.
    #[error("A feature's name has 1 to {MAXIMUM_FEATURE_NAME} characters.")]
    Name,
}

impl FeatureTerms {
    /// What a value of a plan's features says. A number under the name of a meter is what is included of it, softly.
    pub fn read(name: &str, value: &Value, meters: &[MeterDefinition]) -> Result<Self, FeatureError> {
        let is_meter = |name: &str| meters.iter().any(|meter| meter.meter.name == name);
        let terms = match value {
            Value::Bool(is_on) => Self::Boolean(*is_on),
            Value::Null => Self::Boolean(false),
            Value::Number(_) => {
                let Ok(number) = serde_json::from_value::<Quantity>(value.clone()) else {
                    return Ok(Self::Opaque);
                };
                if is_meter(name) {
                    let (meter, limit) = (name.to_owned(), LimitKind::Soft);
                    Self::Metered(MeteredTerms { meter, included: number, limit })
                } else {
                    Self::Number(number)
                }
            }
            Value::Object(fields) if fields.contains_key("meter") => {
                let form: MeteredForm = serde_json::from_value(value.clone())
                    .map_err(|error| FeatureError::Metered(error.to_string()))?;
                if !is_meter(&form.meter) {
                    return Err(FeatureError::Meter(form.meter.chars().take(64).collect()));
                }
                let MeteredForm { meter, included, limit } = form;
                Self::Metered(MeteredTerms { meter, included, limit })
            }
            Value::String(_) | Value::Array(_) | Value::Object(_) => Self::Opaque,
        };
        match &terms {
            Self::Metered(MeteredTerms { included, .. }) if *included < Quantity::ZERO => {
                Err(FeatureError::Negative)
            }
            _ => Ok(terms),
        }
    }

    /// What kind of feature it is.
    pub const fn kind(&self) -> FeatureKind {
        match self {
            Self::Boolean(_) => FeatureKind::Boolean,
            Self::Number(_) | Self::Opaque => FeatureKind::Static,
            Self::Metered(_) => FeatureKind::Metered,
        }
    }

    /// Whether it is there at all.
    pub fn is_enabled(&self) -> bool {
        match self {
            Self::Boolean(is_on) => *is_on,
            Self::Number(number) => *number > Quantity::ZERO,
            Self::Metered(terms) => terms.limit == LimitKind::Soft || terms.included > Quantity::ZERO,
            Self::Opaque => true,
        }
    }
}

/// What one organization may use, in the place of what its plan says.
#[derive(Clone, Debug, PartialEq)]
pub struct EntitlementOverride {
    /// Our id.
    pub id: EntitlementOverrideId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The feature's name in plans.
    pub feature: String,
    /// What counts in the place of the plan's value.
    pub value: Value,
    /// Why.
    pub reason: String,
    /// From when on the plan's value counts again.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who wrote it last.
    pub updated_by: Option<UserId>,
    /// Counts the changes.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl EntitlementOverride {
    /// Whether it counts at `now`.
    pub fn counts(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    /// What audit records keep of it.
    pub fn audit_values(&self) -> Value {
        serde_json::json!({
            "feature": self.feature,
            "value": self.value,
            "reason": self.reason,
            "expiresAt": self.expires_at,
            "version": self.version,
        })
    }
}

/// One feature that an organization has.
#[derive(Clone, Debug, PartialEq)]
pub struct Entitlement {
    /// Its name in plans.
    pub feature: String,
    /// Its value, as it is written.
    pub value: Value,
    /// What it gives.
    pub terms: FeatureTerms,
    /// Whether the organization's own value counts, and not the plan's.
    pub is_override: bool,
    /// When the organization's own value ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Everything that decides what an organization may use, but for what it used.
#[derive(Clone, Debug, PartialEq)]
pub struct EntitlementRules {
    /// The features of its plan, an object; nothing without a plan that counts.
    pub features: Value,
    /// What counts in their place.
    pub overrides: Vec<EntitlementOverride>,
    /// All meters.
    pub meters: Vec<MeterDefinition>,
    /// The billing period that runs.
    pub period: Option<Span>,
    /// The organization's time zone.
    pub zone: Tz,
    /// What it is charged for usage now.
    pub charges: Vec<PlanCharge>,
    /// What it wants to be told of its usage.
    pub alerts: Vec<UsageAlert>,
}

impl EntitlementRules {
    /// A meter by its name.
    pub fn meter(&self, name: &str) -> Option<&MeterDefinition> {
        self.meters.iter().find(|meter| meter.meter.name == name)
    }

    /// All that the organization has at `now`, by name. What cannot be read gives nothing: less is safer than more.
    pub fn entitlements(&self, now: DateTime<Utc>) -> BTreeMap<String, Entitlement> {
        let read = |feature: &str, value: &Value| {
            FeatureTerms::read(feature, value, &self.meters).unwrap_or(FeatureTerms::Boolean(false))
        };
        let of_plan = self.features.as_object().into_iter().flatten().map(|(feature, value)| Entitlement {
            feature: feature.clone(),
            value: value.clone(),
            terms: read(feature, value),
            is_override: false,
            expires_at: None,
        });
        let own = self.overrides.iter().filter(|it| it.counts(now)).map(|it| Entitlement {
            feature: it.feature.clone(),
            value: it.value.clone(),
            terms: read(&it.feature, &it.value),
            is_override: true,
            expires_at: it.expires_at,
        });
        of_plan.chain(own).map(|it| (it.feature.clone(), it)).collect()
    }

    /// The bounds that refuse, by the name of their meter: the lowest of each.
    pub fn hard_limits(&self, now: DateTime<Utc>) -> BTreeMap<String, Quantity> {
        let mut limits: BTreeMap<String, Quantity> = BTreeMap::new();
        for entitlement in self.entitlements(now).into_values() {
            if let FeatureTerms::Metered(MeteredTerms { meter, included, limit: LimitKind::Hard }) =
                entitlement.terms
            {
                let lowest = limits.entry(meter).or_insert(included);
                *lowest = included.min(*lowest);
            }
        }
        limits
    }

    /// What a feature says of a meter at `now`: the one with the lowest bound that refuses, else the one with the least
    /// included.
    pub fn terms_of(&self, meter: &str, now: DateTime<Utc>) -> Option<MeteredTerms> {
        let terms = self.entitlements(now).into_values().filter_map(|it| match it.terms {
            FeatureTerms::Metered(terms) if terms.meter == meter => Some(terms),
            _ => None,
        });
        terms.min_by_key(|terms| (terms.limit == LimitKind::Soft, terms.included))
    }

    /// What is watched of a meter at `now`: what the organization has said, else the parts of its limit that are told by
    /// themselves. Nothing is of what is neither limited nor spoken of; of what is billed from the first unit on, no part.
    pub fn watch(&self, meter: &MeterDefinition, now: DateTime<Utc>) -> Option<UsageWatch> {
        if let Some(alert) = self.alerts.iter().find(|alert| alert.meter_id == meter.id) {
            return Some(UsageWatch::of(alert));
        }
        let terms = self.terms_of(&meter.meter.name, now)?;
        (terms.included > Quantity::ZERO).then(UsageWatch::usual)
    }

    /// What is charged for a meter now, with as much included as the organization has of it.
    pub fn charge_of(&self, meter: &str, now: DateTime<Utc>) -> Option<Charge> {
        let charge = self.charges.iter().find(|charge| charge.meter == meter)?;
        let charge = match self.terms_of(meter, now) {
            Some(terms) => charge.including(terms.included),
            None => charge.clone(),
        };
        Some(charge.charge)
    }

    /// The bounds of what usage may come to, by the name of their meter, with what it costs: those in the currency that the
    /// plan charges in.
    pub fn spend_limits(&self, now: DateTime<Utc>) -> BTreeMap<String, SpendLimit> {
        let limited = self.alerts.iter().filter_map(|alert| {
            let limit = alert.spend_limit?;
            let name = &self.meters.iter().find(|meter| meter.id == alert.meter_id)?.meter.name;
            let charge = self.charge_of(name, now)?;
            (charge.terms().currency == limit.currency).then(|| (name.clone(), SpendLimit { limit, charge }))
        });
        limited.collect()
    }

    /// The period that an event counts in; `None` when that period is over, and its events count no more, or has no end.
    pub fn counting_span(&self, meter: &Meter, at: DateTime<Utc>) -> Option<Span> {
        let start = self.counting_period(meter, at)?;
        match (meter.reset, self.period) {
            (MeterReset::Never, _) => None,
            (MeterReset::Month, _) | (MeterReset::BillingPeriod, None) => {
                Some(UsageGranularity::Month.bucket(at, self.zone))
            }
            (MeterReset::BillingPeriod, Some(period)) if start == period.start() => Some(period),
            // Of the next one it is known that it is about as long.
            (MeterReset::BillingPeriod, Some(period)) => {
                Span::new(start, start + (period.end() - period.start()))
            }
        }
    }

    /// When the period began that an event counts in; `None` when that period is over, and its events count no more.
    pub fn counting_period(&self, meter: &Meter, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let month = || UsageGranularity::Month.bucket(at, self.zone).start();
        match (meter.reset, self.period) {
            (MeterReset::Never, _) => Some(DateTime::UNIX_EPOCH),
            (MeterReset::Month, _) | (MeterReset::BillingPeriod, None) => Some(month()),
            // Stripe says a moment later that the next one began.
            (MeterReset::BillingPeriod, Some(period)) if period.end() <= at => Some(period.end()),
            (MeterReset::BillingPeriod, Some(period)) => period.contains(at).then_some(period.start()),
        }
    }
}

string_enum! {
    /// Why something may be used, or not.
    EntitlementReason {
        /// It is within what is included.
        Included => "included",
        /// It is above what is included, and is billed.
        Overage => "overage",
        /// Neither plan nor override has the feature.
        NotIncluded => "not_included",
        /// It would be above a limit that refuses.
        LimitExceeded => "limit_exceeded",
    }
}

/// Whether something may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntitlementCheck {
    /// Why, or why not.
    pub reason: EntitlementReason,
    /// How much there is in all; `None` where nothing is counted.
    pub limit: Option<Quantity>,
    /// How much of it was used, of what is metered.
    pub used: Option<Quantity>,
}

impl EntitlementCheck {
    /// Whether it may be used.
    pub const fn is_allowed(self) -> bool {
        matches!(self.reason, EntitlementReason::Included | EntitlementReason::Overage)
    }

    /// What is left; never below zero.
    pub fn remaining(self) -> Option<Quantity> {
        let left = self.limit?.parts() - self.used.unwrap_or_default().parts();
        Some(Quantity::from_parts(left).unwrap_or(Quantity::ZERO).or_zero())
    }
}

/// Whether `quantity` more may be used of a metered feature, after `used`; of one that nobody meters, whether there may be
/// `quantity` in all.
pub fn check(terms: Option<&FeatureTerms>, used: Quantity, quantity: Quantity) -> EntitlementCheck {
    use EntitlementReason as R;
    let unmetered = |reason, limit| EntitlementCheck { reason, limit, used: None };
    match terms {
        None | Some(FeatureTerms::Boolean(false)) => unmetered(R::NotIncluded, None),
        Some(FeatureTerms::Boolean(true) | FeatureTerms::Opaque) => unmetered(R::Included, None),
        Some(FeatureTerms::Number(limit)) => {
            let reason = if quantity <= *limit { R::Included } else { R::LimitExceeded };
            unmetered(reason, Some(*limit))
        }
        Some(FeatureTerms::Metered(terms)) => {
            let is_within = used.checked_add(quantity).is_ok_and(|sum| sum <= terms.included);
            let reason = match terms.limit {
                _ if is_within => R::Included,
                LimitKind::Soft => R::Overage,
                LimitKind::Hard => R::LimitExceeded,
            };
            EntitlementCheck { reason, limit: Some(terms.included), used: Some(used) }
        }
    }
}

/// The level of a meter after an event of `quantity`, when it was `used` before: what is held against a bound of money. The
/// latest level counts as if it lasted the whole period.
pub fn level_after(aggregation: Aggregation, used: Quantity, quantity: Quantity) -> Quantity {
    match aggregation {
        Aggregation::Sum | Aggregation::UniqueCount => used.checked_add(quantity).unwrap_or(used),
        Aggregation::Max => used.max(quantity),
        Aggregation::Last | Aggregation::DailyMaxAverage => quantity,
    }
}

/// Whether an event of `quantity` stays within a hard limit, after `used`. Only of what is summed up, or of different keys,
/// does an event add to what was used before; a level stands for itself. What takes back is never refused.
pub fn fits(aggregation: Aggregation, used: Quantity, quantity: Quantity, limit: Quantity) -> bool {
    match aggregation {
        Aggregation::Sum | Aggregation::UniqueCount => {
            quantity <= Quantity::ZERO || used.checked_add(quantity).is_ok_and(|sum| sum <= limit)
        }
        Aggregation::Max | Aggregation::Last | Aggregation::DailyMaxAverage => quantity <= limit,
    }
}

/// What will be used at the end of a period, if it goes on as it did; `None` in its first hour, of which nothing can be
/// told. A level stays what it is.
pub fn forecast(
    aggregation: Aggregation,
    used: Quantity,
    span: Span,
    now: DateTime<Utc>,
) -> Option<Quantity> {
    if aggregation != Aggregation::Sum {
        return Some(used);
    }
    if now < span.start() + TimeDelta::hours(1) {
        return None;
    }
    let Some(passed) = Span::new(span.start(), now.min(span.end())) else { return None };
    let (length, passed) = (span.micros(), passed.micros());
    let (whole, rest) = (used.parts().div_euclid(passed), used.parts().rem_euclid(passed));
    let parts = whole.checked_mul(length)? + rest * length / passed;
    Quantity::from_parts(parts).ok()
}

/// Checks the name of a feature.
pub fn check_feature_name(name: &str) -> Result<(), FeatureError> {
    let fits = (1..=MAXIMUM_FEATURE_NAME).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
        && name.trim() == name;
    if fits { Ok(()) } else { Err(FeatureError::Name) }
}

#[cfg(test)]
#[path = "entitlement_tests.rs"]
mod tests;
