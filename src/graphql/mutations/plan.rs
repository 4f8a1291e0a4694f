//! The catalogue, for platform staff.

use async_graphql::{Context, ID, InputObject, Json, Object, Result, SimpleObject};

use super::super::context::{authorize, caller_key, service, viewer};
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, CurrencyCode, DecimalNumber, MoneyInput};
use super::super::types::{BillingOperation, Plan, UserError, enums};
use super::{Parts, answered, changed_plan};
use crate::domain::ids::{OrganizationId, PlanId};
use crate::service;

/// A price of a plan.
#[derive(InputObject)]
pub struct PlanPriceInput {
    /// For one seat and interval; zero for a free plan.
    unit_amount: MoneyInput,
    /// How often it recurs.
    billing_interval: enums::BillingInterval,
}

impl From<PlanPriceInput> for service::PlanPriceInput {
    fn from(input: PlanPriceInput) -> Self {
        Self { unit_amount: input.unit_amount.into(), billing_interval: input.billing_interval.into() }
    }
}

/// One tier of a charge: from where the one before ends.
#[derive(InputObject)]
pub struct ChargeTierInput {
    /// The last quantity in it; leave it out for the last tier, which has no end.
    up_to: Option<DecimalNumber>,
    /// For one unit, in minor units: up to 12 decimal places.
    unit_amount: Option<DecimalNumber>,
    /// For the tier, whatever the quantity in it, in minor units.
    flat_amount: Option<DecimalNumber>,
}

impl From<ChargeTierInput> for service::ChargeTierInput {
    fn from(input: ChargeTierInput) -> Self {
        let number = |number: Option<DecimalNumber>| number.map(|number| number.0);
        Self {
            up_to: number(input.up_to),
            unit_amount: number(input.unit_amount),
            flat_amount: number(input.flat_amount),
        }
    }
}

/// What a plan is to charge for usage of one meter in one currency.
#[derive(InputObject)]
pub struct PlanChargeInput {
    /// The meter's name.
    meter: String,
    /// The currency of its amounts: one that the plan has a price in.
    currency: CurrencyCode,
    /// How a quantity becomes an amount.
    model: enums::ChargeModel,
    /// For one unit, or one package, in minor units: up to 12 decimal places. For PER_UNIT and PACKAGE.
    unit_amount: Option<DecimalNumber>,
    /// The tiers, ascending. For GRADUATED and VOLUME.
    tiers: Option<Vec<ChargeTierInput>>,
    /// Units of a package. For PACKAGE.
    package_size: Option<i32>,
    /// What costs nothing in a period; what the plan's features include of the meter when it is left out.
    included: Option<DecimalNumber>,
    /// What it comes to at least in a period, in minor units, without usage too.
    minimum_minor_units: Option<BigInt>,
    /// What it comes to at most in a period, in minor units.
    maximum_minor_units: Option<BigInt>,
}

impl From<PlanChargeInput> for service::PlanChargeInput {
    fn from(input: PlanChargeInput) -> Self {
        Self {
            meter: input.meter,
            currency: input.currency.0,
            model: input.model.into(),
            unit_amount: input.unit_amount.map(|number| number.0),
            tiers: input.tiers.map(|tiers| tiers.into_iter().map(Into::into).collect()),
            package_size: input.package_size,
            included: input.included.map(|number| number.0),
            minimum_minor: input.minimum_minor_units.map(|number| number.0),
            maximum_minor: input.maximum_minor_units.map(|number| number.0),
        }
    }
}

/// A new plan.
#[derive(InputObject)]
pub struct PlanCreateInput {
    /// The organization it is made for; leave it out for a plan that everyone may choose.
    organization_id: Option<ID>,
    /// The name people read, 1 to 120 characters.
    name: String,
    /// The stable short name, unique: 2 to 63 lower-case letters, digits and single hyphens.
    slug: String,
    /// What it is, for people; at most 2,000 characters.
    description: Option<String>,
    /// Entitlements and limits by feature name: an object of at most 16 kB.
    features: Option<Json<serde_json::Value>>,
    /// Days of trial that a first subscription gets, 0 to 730.
    #[graphql(default = 0)]
    trial_days: i32,
    /// Seats that the price includes; leave it out when seats are not counted.
    seats_included: Option<i32>,
    /// The place in a list, ascending.
    #[graphql(default = 0)]
    sort_order: i32,
    /// Whether everyone sees it.
    #[graphql(default = true)]
    is_public: bool,
    /// Its prices, one for each currency and interval; the first is the default.
    prices: Vec<PlanPriceInput>,
    /// What it charges for usage, one for each meter and currency; leave it out for nothing.
    #[graphql(default)]
    charges: Vec<PlanChargeInput>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// A change of a plan: what is left out stays as it is.
#[derive(InputObject)]
pub struct PlanUpdateInput {
    /// The plan's id.
    plan_id: ID,
    /// The version that the caller saw. A plan that was changed since is a CONFLICT.
    expected_version: BigInt,
    /// The name people read, 1 to 120 characters.
    name: Option<String>,
    /// What it is, for people; at most 2,000 characters.
    description: Option<String>,
    /// Entitlements and limits by feature name: an object of at most 16 kB.
    features: Option<Json<serde_json::Value>>,
    /// Days of trial that a first subscription gets, 0 to 730.
    trial_days: Option<i32>,
    /// The place in a list, ascending.
    sort_order: Option<i32>,
    /// Whether everyone sees it.
    is_public: Option<bool>,
    /// A new price, in the place of the one of the same currency and interval. Subscribers stay on what they have.
    price: Option<PlanPriceInput>,
    /// All that it charges for usage, in the place of what it charges now. It counts for each subscriber with the next period.
    charges: Option<Vec<PlanChargeInput>>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// Taking a plan off the list.
#[derive(InputObject)]
pub struct PlanArchiveInput {
    /// The plan's id.
    plan_id: ID,
    /// The version that the caller saw, when it matters.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

macro_rules! plan_payload {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The plan as it is now; null when it was refused.
            plan: Option<Plan>,
            /// The operation at Stripe; null when none was needed.
            operation: Option<BillingOperation>,
            /// What must be mended.
            user_errors: Vec<UserError>,
        }

        impl $name {
            async fn shape(ctx: &Context<'_>, parts: Parts) -> Result<Self> {
                let plan = changed_plan(ctx, parts.resource.as_ref()).await?;
                Ok(Self { plan, operation: parts.operation, user_errors: parts.user_errors })
            }
        }
    };
}

plan_payload!(
    /// The new plan.
    PlanCreatePayload
);
plan_payload!(
    /// The changed plan.
    PlanUpdatePayload
);
plan_payload!(
    /// The archived plan.
    PlanArchivePayload
);

#[derive(Default)]
pub struct PlanMutation;

#[Object]
impl PlanMutation {
    /// Creates a plan and publishes it to Stripe as a product with prices. For platform staff.
    async fn plan_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new plan.")] input: PlanCreateInput,
    ) -> Result<PlanCreatePayload> {
        authorize(ctx, "Mutation")?;
        let organization_id = match &input.organization_id {
            Some(id) => Some(OrganizationId(NodeKind::Organization.decode("input.organizationId", id)?)),
            None => None,
        };
        let key = caller_key(ctx, "planCreate", None, input.idempotency_key);
        let new = service::PlanCreateInput {
            organization_id,
            name: input.name,
            slug: input.slug,
            description: input.description,
            features: input.features.map_or_else(|| serde_json::json!({}), |features| features.0),
            trial_days: input.trial_days,
            seats_included: input.seats_included,
            sort_order: input.sort_order,
            // A plan that is made for one organization is nobody else's to see.
            is_public: input.is_public && organization_id.is_none(),
            prices: input.prices.into_iter().map(Into::into).collect(),
            charges: input.charges.into_iter().map(Into::into).collect(),
        };
        let answer = service(ctx).create_plan(viewer(ctx).actor(), new, key).await;
        PlanCreatePayload::shape(ctx, answered(ctx, answer)?.into()).await
    }

    /// Changes a plan. A new price takes the place of the old one for new subscribers. For platform staff.
    async fn plan_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: PlanUpdateInput,
    ) -> Result<PlanUpdatePayload> {
        authorize(ctx, "Mutation")?;
        let plan_id = PlanId(NodeKind::Plan.decode("input.planId", &input.plan_id)?);
        let key = caller_key(ctx, "planUpdate", None, input.idempotency_key);
        let change = service::PlanUpdateInput {
            plan_id,
            expected_version: input.expected_version.0,
            name: input.name,
            description: input.description,
            features: input.features.map(|features| features.0),
            trial_days: input.trial_days,
            sort_order: input.sort_order,
            is_public: input.is_public,
            price: input.price.map(Into::into),
            charges: input.charges.map(|charges| charges.into_iter().map(Into::into).collect()),
        };
        let answer = service(ctx).update_plan(viewer(ctx).actor(), change, key).await;
        PlanUpdatePayload::shape(ctx, answered(ctx, answer)?.into()).await
    }

    /// Takes a plan off the list; its subscribers keep it. For platform staff.
    async fn plan_archive(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which plan.")] input: PlanArchiveInput,
    ) -> Result<PlanArchivePayload> {
        authorize(ctx, "Mutation")?;
        let plan_id = PlanId(NodeKind::Plan.decode("input.planId", &input.plan_id)?);
        let key = caller_key(ctx, "planArchive", None, input.idempotency_key);
        let which = service::PlanArchiveInput {
            plan_id,
            expected_version: input.expected_version.map(|version| version.0),
        };
        let answer = service(ctx).archive_plan(viewer(ctx).actor(), which, key).await;
        PlanArchivePayload::shape(ctx, answered(ctx, answer)?.into()).await
    }
}
