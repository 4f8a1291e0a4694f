//! Drift, for platform staff.

use async_graphql::{ID, Json, Object};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::node::NodeKind;
use super::enums;
use crate::domain;

/// A field in which a row and Stripe's object differed when they were compared.
#[derive(Clone)]
pub struct BillingDrift(pub domain::billing_drift::BillingDrift);

/// A field in which a row and Stripe's object differed when they were compared.
#[Object]
impl BillingDrift {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::BillingDrift.encode(self.0.id.0)
    }

    /// The organization whose row it is.
    async fn organization_id(&self) -> ID {
        NodeKind::Organization.encode(self.0.organization_id.0)
    }

    /// What kind of thing: `subscription`, `invoice`, `payment` (with its refunds, attempts and disputes, each of which `field`
    /// names), `payment_method`, `credit_note`, `customer` (currency, default, deletion), or `customer_details`: what stands on
    /// its invoices, where `local` is what the billing settings say.
    async fn resource_type(&self) -> &str {
        &self.0.resource_type
    }

    /// The id of the object at Stripe.
    async fn stripe_object_id(&self) -> &str {
        &self.0.stripe_object_id
    }

    /// The field; `exists` when one side lacks the object.
    async fn field(&self) -> &str {
        &self.0.drift.field
    }

    /// What our row said.
    async fn local(&self) -> Option<Json<&Value>> {
        Some(&self.0.drift.local).filter(|value| !value.is_null()).map(Json)
    }

    /// What Stripe's object said.
    async fn stripe(&self) -> Option<Json<&Value>> {
        Some(&self.0.drift.stripe).filter(|value| !value.is_null()).map(Json)
    }

    /// The probable cause.
    async fn cause(&self) -> enums::BillingDriftCause {
        self.0.cause.into()
    }

    /// When it was first found, in UTC.
    async fn since(&self) -> DateTime<Utc> {
        self.0.found_at
    }

    /// When it was last found, in UTC.
    async fn seen_at(&self) -> DateTime<Utc> {
        self.0.seen_at
    }

    /// When both sides were equal again, in UTC; null while they differ.
    async fn mended_at(&self) -> Option<DateTime<Utc>> {
        self.0.mended.map(|(at, _)| at)
    }

    /// What made them equal; null while they differ.
    async fn mended_by(&self) -> Option<enums::BillingDriftMend> {
        self.0.mended.map(|(_, by)| by.into())
    }
}
