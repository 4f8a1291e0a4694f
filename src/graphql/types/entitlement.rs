//! What an organization may use.

use async_graphql::{Json, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::scalars::{BigInt, DecimalNumber};
use super::enums;
use crate::domain;
use crate::domain::entitlement::FeatureTerms;
use crate::domain::quantity::Quantity;
use crate::service::EntitlementState;

fn decimal(quantity: Option<Quantity>) -> Option<DecimalNumber> {
    quantity.map(|quantity| DecimalNumber(quantity.decimal()))
}

/// A feature that an organization has, with how much of it was used.
pub struct Entitlement(pub EntitlementState);

/// A feature that an organization has, with how much of it was used.
#[Object]
impl Entitlement {
    /// The feature's name in plans.
    async fn feature(&self) -> &str {
        &self.0.entitlement.feature
    }

    /// What kind of feature it is.
    async fn kind(&self) -> enums::FeatureKind {
        self.0.entitlement.terms.kind().into()
    }

    /// Whether it is there at all.
    async fn is_enabled(&self) -> bool {
        self.0.entitlement.terms.is_enabled()
    }

    /// Its value, as plan or override have it written.
    async fn value(&self) -> Json<&serde_json::Value> {
        Json(&self.0.entitlement.value)
    }

    /// The name of its meter; null for what is not metered.
    async fn meter(&self) -> Option<&str> {
        match &self.0.entitlement.terms {
            FeatureTerms::Metered(terms) => Some(&terms.meter),
            _ => None,
        }
    }

    /// How much is included in each period of a meter, or how many there may be of what is not metered; null for what has
    /// no number.
    async fn limit(&self) -> Option<DecimalNumber> {
        decimal(self.0.check.limit)
    }

    /// What happens above what is included; null for what is not metered.
    async fn limit_kind(&self) -> Option<enums::LimitKind> {
        match &self.0.entitlement.terms {
            FeatureTerms::Metered(terms) => Some(terms.limit.into()),
            _ => None,
        }
    }

    /// What was used in the period that runs, in the meter's own unit; null for what is not metered. Of a meter that
    /// averages maxima it is the latest level.
    async fn used(&self) -> Option<DecimalNumber> {
        decimal(self.0.check.used)
    }

    /// What is left of it, never below zero; null for what is not metered.
    async fn remaining(&self) -> Option<DecimalNumber> {
        decimal(self.0.check.used.and_then(|_| self.0.check.remaining()))
    }

    /// When the meter's period began, in UTC; null for what is not metered, and for a meter that is never reset.
    async fn period_start(&self) -> Option<DateTime<Utc>> {
        self.0.period_start
    }

    /// When it ends, in UTC; null for what is not metered, and for a meter that is never reset.
    async fn period_end(&self) -> Option<DateTime<Utc>> {
        self.0.period_end
    }

    /// What will be used by its end, if it goes on as it did: in the meter's own unit. Null for what is not metered, for a
    /// meter that is never reset, and in the first hour.
    async fn forecast(&self) -> Option<DecimalNumber> {
        decimal(self.0.forecast)
    }

    /// Whether the organization's own value counts, and not its plan's.
    async fn is_override(&self) -> bool {
        self.0.entitlement.is_override
    }

    /// When the organization's own value ends, in UTC; null when it has no end, and for the plan's.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.entitlement.expires_at
    }
}

/// Whether something may be used.
#[derive(SimpleObject)]
pub struct EntitlementCheck {
    /// Whether it may be used.
    pub is_allowed: bool,
    /// Why, or why not.
    pub reason: enums::EntitlementReason,
    /// How much there is in all; null where nothing is counted.
    pub limit: Option<DecimalNumber>,
    /// How much of it was used before; null for what is not metered.
    pub used: Option<DecimalNumber>,
    /// What is left without this, never below zero; null where nothing is counted.
    pub remaining: Option<DecimalNumber>,
}

impl From<domain::entitlement::EntitlementCheck> for EntitlementCheck {
    fn from(check: domain::entitlement::EntitlementCheck) -> Self {
        Self {
            is_allowed: check.is_allowed(),
            reason: check.reason.into(),
            limit: decimal(check.limit),
            used: decimal(check.used),
            remaining: decimal(check.remaining()),
        }
    }
}

/// What one organization may use, in the place of what its plan says.
pub struct EntitlementOverride(pub domain::entitlement::EntitlementOverride);

/// What one organization may use, in the place of what its plan says.
#[Object]
impl EntitlementOverride {
    /// The feature's name in plans.
    async fn feature(&self) -> &str {
        &self.0.feature
    }

    /// What counts in the place of the plan's value.
    async fn value(&self) -> Json<&serde_json::Value> {
        Json(&self.0.value)
    }

    /// Why.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// From when on the plan's value counts again, in UTC; null when it has no end.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// Counts the changes: what to give as `expectedVersion`.
    async fn version(&self) -> BigInt {
        BigInt(self.0.version)
    }

    /// When it was made, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed, in UTC.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }
}
