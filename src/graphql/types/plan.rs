//! Plans and prices.

use async_graphql::{Context, ID, Json, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::loaders;
use super::super::error::internal;
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, CurrencyCode, DecimalNumber, Money};
use super::enums;
use crate::domain;
use crate::domain::charge::ChargeModel;
use crate::domain::quantity::{DecimalAmount, Quantity};

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

    /// What it charges for usage now, by meter and currency. A subscriber pays what held when the running period began.
    async fn charges(&self, ctx: &Context<'_>) -> Result<Vec<PlanCharge>> {
        let charges = loaders(ctx)
            .plan_charges
            .load_one(self.0.id)
            .await
            .map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(charges.unwrap_or_default().into_iter().map(Into::into).collect())
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

/// What a plan charges for usage of one meter in one currency.
#[derive(SimpleObject)]
pub struct PlanCharge {
    /// The meter's name.
    meter: String,
    /// The currency of its amounts.
    currency: CurrencyCode,
    /// How a quantity becomes an amount.
    model: enums::ChargeModel,
    /// For one unit, or one package, in minor units; null where tiers say it.
    unit_amount: Option<DecimalNumber>,
    /// The tiers, ascending; none where there are none.
    tiers: Vec<ChargeTier>,
    /// Units of a package; null where there are none.
    package_size: Option<BigInt>,
    /// What costs nothing in a period.
    included: DecimalNumber,
    /// What it comes to at least in a period, without usage too.
    minimum: Option<Money>,
    /// What it comes to at most in a period.
    maximum: Option<Money>,
}

/// One tier of a charge: from where the one before ends.
#[derive(SimpleObject)]
pub struct ChargeTier {
    /// The last quantity in it; null for the last tier, which has no end.
    up_to: Option<DecimalNumber>,
    /// For one unit, in minor units.
    unit_amount: DecimalNumber,
    /// For the tier, whatever the quantity in it, in minor units.
    flat_amount: DecimalNumber,
}

impl From<domain::plan_charge::PlanCharge> for PlanCharge {
    fn from(row: domain::plan_charge::PlanCharge) -> Self {
        let terms = row.charge.terms();
        let amount = |amount: DecimalAmount| DecimalNumber(amount.decimal());
        let quantity = |quantity: Quantity| DecimalNumber(quantity.decimal());
        let money =
            |minor: Option<i64>| minor.map(|minor| domain::money::Money::new(minor, terms.currency).into());
        let (unit_amount, size, tiers) = match &terms.model {
            ChargeModel::PerUnit { unit_amount } => (Some(*unit_amount), None, None),
            ChargeModel::Package { size, amount } => (Some(*amount), Some(*size), None),
            ChargeModel::Graduated { tiers } | ChargeModel::Volume { tiers } => (None, None, Some(tiers)),
        };
        let tiers = tiers.map_or(&[][..], |tiers| tiers.as_slice()).iter().map(|tier| ChargeTier {
            up_to: tier.up_to.map(quantity),
            unit_amount: amount(tier.unit_amount),
            flat_amount: amount(tier.flat_amount),
        });
        Self {
            model: terms.model.kind().into(),
            currency: CurrencyCode(terms.currency),
            unit_amount: unit_amount.map(amount),
            tiers: tiers.collect(),
            package_size: size.map(|size| BigInt(size.into())),
            included: quantity(terms.included),
            minimum: money(terms.minimum_minor),
            maximum: money(terms.maximum_minor),
            meter: row.meter,
        }
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
