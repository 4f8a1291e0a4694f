//! Plans and prices.

use async_graphql::{Context, ID, Json, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::loaders;
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, Money};
use super::enums;
use crate::domain;

/// What can be subscribed to.
#[derive(Clone)]
pub struct Plan(pub domain::plan::Plan);

/// What can be subscribed to.
#[Object]
impl Plan {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Plan.encode(self.0.id.0)
    }

    /// The name people read.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The stable short name, unique.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// What it is, for people.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// The default price, for one seat and interval.
    async fn price(&self) -> Money {
        self.0.price.into()
    }

    /// How often the default price recurs.
    async fn billing_interval(&self) -> enums::BillingInterval {
        self.0.billing_interval.into()
    }

    /// All prices, those that can be chosen first.
    async fn prices(&self, ctx: &Context<'_>) -> Result<Vec<Price>> {
        let prices =
            loaders(ctx).prices.load_one(self.0.id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(prices.unwrap_or_default().into_iter().map(Price).collect())
    }

    /// Entitlements and limits by feature name.
    async fn features(&self) -> Json<&serde_json::Value> {
        Json(&self.0.features)
    }

    /// Days of trial that a first subscription gets; zero for none.
    async fn trial_days(&self) -> i32 {
        self.0.trial_days
    }

    /// Seats that the price includes; null when seats are not counted.
    async fn seats_included(&self) -> Option<i32> {
        self.0.seats_included
    }

    /// The place in a list, ascending.
    async fn sort_order(&self) -> i32 {
        self.0.sort_order
    }

    /// Whether it is offered to everyone.
    async fn is_public(&self) -> bool {
        self.0.is_public
    }

    /// Whether new subscriptions may choose it.
    async fn is_active(&self) -> bool {
        self.0.is_active
    }

    /// Counts the changes: give it back as `expectedVersion`.
    async fn version(&self) -> BigInt {
        BigInt(self.0.version)
    }

    /// When it was created, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was taken off the list, in UTC.
    async fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at
    }
}

/// One price of a plan. A price never changes: a new amount is a new price.
#[derive(Clone)]
pub struct Price(pub domain::plan::Price);

/// One price of a plan. A price never changes: a new amount is a new price.
#[Object]
impl Price {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Price.encode(self.0.id.0)
    }

    /// For one seat and interval.
    async fn unit_amount(&self) -> Money {
        self.0.unit_amount.into()
    }

    /// How often it recurs.
    async fn billing_interval(&self) -> enums::BillingInterval {
        self.0.billing_interval.into()
    }

    /// Whether new subscriptions may choose it.
    async fn is_active(&self) -> bool {
        self.0.is_active
    }
}

impl From<domain::plan::Plan> for Plan {
    fn from(row: domain::plan::Plan) -> Self {
        Self(row)
    }
}
