//! Meters, for platform staff.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize, caller_key, service, viewer};
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::super::types::{Meter, UserError, enums};
use super::{Parts, answered, changed_meter};
use crate::domain::ids::MeterId;
use crate::service;

/// A meter to be made.
#[derive(InputObject)]
pub struct MeterCreateInput {
    /// Its name in events and plans, unique: 1 to 64 lower-case letters, digits and underscores, a letter first.
    name: String,
    /// What one of it is, for people: 1 to 40 characters.
    unit: String,
    /// What it is, for people; at most 500 characters.
    description: Option<String>,
    /// What one quantity is made of the events of a period.
    aggregation: enums::Aggregation,
    /// When it begins anew.
    #[graphql(default_with = "enums::MeterReset::BillingPeriod")]
    reset: enums::MeterReset,
    /// For UNIQUE_COUNT: the property of events whose different values are counted.
    key_property: Option<String>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// A change of a meter: what is left out stays as it is. What was measured stays what it is, so name and aggregation do.
#[derive(InputObject)]
pub struct MeterUpdateInput {
    /// The meter's id.
    meter_id: ID,
    /// The version that the caller saw. A meter that was changed since is a CONFLICT.
    expected_version: BigInt,
    /// What one of it is, for people: 1 to 40 characters.
    unit: Option<String>,
    /// What it is, for people; at most 500 characters.
    description: Option<String>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// Taking a meter out of use.
#[derive(InputObject)]
pub struct MeterArchiveInput {
    /// The meter's id.
    meter_id: ID,
    /// The version that the caller saw, when it matters.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

macro_rules! meter_payload {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The meter as it is now; null when it was refused.
            meter: Option<Meter>,
            /// What must be mended.
            user_errors: Vec<UserError>,
        }

        impl $name {
            async fn shape(ctx: &Context<'_>, parts: Parts) -> Result<Self> {
                let meter = changed_meter(ctx, parts.resource.as_ref()).await?;
                Ok(Self { meter, user_errors: parts.user_errors })
            }
        }
    };
}

meter_payload!(
    /// The new meter.
    MeterCreatePayload
);
meter_payload!(
    /// The changed meter.
    MeterUpdatePayload
);
meter_payload!(
    /// The meter that is out of use.
    MeterArchivePayload
);

#[derive(Default)]
pub struct MeterMutation;

#[Object]
impl MeterMutation {
    /// Makes a meter, for all organizations alike. For platform staff.
    async fn meter_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new meter.")] input: MeterCreateInput,
    ) -> Result<MeterCreatePayload> {
        authorize(ctx, "Mutation")?;
        let key = caller_key(ctx, "meterCreate", None, input.idempotency_key);
        let new = service::MeterCreateInput {
            name: input.name,
            unit: input.unit,
            description: input.description,
            aggregation: input.aggregation.into(),
            reset: input.reset.into(),
            key_property: input.key_property,
        };
        let answer = service(ctx).create_meter(viewer(ctx).actor(), new, key).await;
        MeterCreatePayload::shape(ctx, answered(ctx, answer)?.into()).await
    }

    /// Changes what people read of a meter. For platform staff.
    async fn meter_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: MeterUpdateInput,
    ) -> Result<MeterUpdatePayload> {
        authorize(ctx, "Mutation")?;
        let meter_id = MeterId(NodeKind::Meter.decode("input.meterId", &input.meter_id)?);
        let key = caller_key(ctx, "meterUpdate", None, input.idempotency_key);
        let change = service::MeterUpdateInput {
            meter_id,
            expected_version: input.expected_version.0,
            unit: input.unit,
            description: input.description,
        };
        let answer = service(ctx).update_meter(viewer(ctx).actor(), change, key).await;
        MeterUpdatePayload::shape(ctx, answered(ctx, answer)?.into()).await
    }

    /// Takes a meter out of use: nothing more is recorded of it, and what was stays. For platform staff.
    async fn meter_archive(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which meter.")] input: MeterArchiveInput,
    ) -> Result<MeterArchivePayload> {
        authorize(ctx, "Mutation")?;
        let meter_id = MeterId(NodeKind::Meter.decode("input.meterId", &input.meter_id)?);
        let key = caller_key(ctx, "meterArchive", None, input.idempotency_key);
        let expected_version = input.expected_version.map(|version| version.0);
        let which = service::MeterArchiveInput { meter_id, expected_version };
        let answer = service(ctx).archive_meter(viewer(ctx).actor(), which, key).await;
        MeterArchivePayload::shape(ctx, answered(ctx, answer)?.into()).await
    }
}
