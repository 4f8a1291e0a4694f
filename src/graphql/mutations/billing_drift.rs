//! Comparing with Stripe and mending, for platform staff.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize, caller_key, service, store, viewer};
use super::super::error::store as store_error;
use super::super::node::NodeKind;
use super::super::types::{BillingDrift, UserError};
use super::answered;
use crate::domain::ids::{BillingDriftId, OrganizationId};
use crate::domain::page::PageRequest;
use crate::service::Resource;
use crate::store::BillingDriftFilter;

/// An organization that is to be compared.
#[derive(InputObject)]
pub struct DriftCompareInput {
    /// The organization.
    organization_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// What the comparison found.
#[derive(SimpleObject)]
pub struct DriftComparePayload {
    /// What differs now, at most 100; `billingDrift` lists all.
    drifts: Vec<BillingDrift>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A drift that is to be mended.
#[derive(InputObject)]
pub struct DriftRepairInput {
    /// The drift. All fields of its object are mended with it.
    drift_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The mended drift.
#[derive(SimpleObject)]
pub struct DriftRepairPayload {
    /// The drift as it is now; null when it was refused.
    drift: Option<BillingDrift>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct BillingDriftMutation;

#[Object]
impl BillingDriftMutation {
    /// Compares everything of an organization with Stripe now, and mends nothing. For platform staff.
    async fn drift_compare(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which organization.")] input: DriftCompareInput,
    ) -> Result<DriftComparePayload> {
        authorize(ctx, "Mutation")?;
        let id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        let key = caller_key(ctx, "driftCompare", None, input.idempotency_key);
        let answer = service(ctx).compare_on_request(viewer(ctx).actor(), id, key).await;
        let answer = answered(ctx, answer)?;
        let open = BillingDriftFilter { organization_id: Some(id), is_mended: Some(false) };
        let page = store(ctx).list_billing_drifts(open, &PageRequest::first(100)).await;
        Ok(DriftComparePayload {
            drifts: page.map_err(store_error(ctx))?.items.into_iter().map(BillingDrift).collect(),
            user_errors: answer.refusals.into_iter().map(UserError::from).collect(),
        })
    }

    /// Makes the row of a drift equal to Stripe's object, in one audited step. A customer's details (`customer_details`) are
    /// the other way round: the billing settings are taken to Stripe. For platform staff.
    async fn drift_repair(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which drift.")] input: DriftRepairInput,
    ) -> Result<DriftRepairPayload> {
        authorize(ctx, "Mutation")?;
        let id = BillingDriftId(NodeKind::BillingDrift.decode("input.driftId", &input.drift_id)?);
        let key = caller_key(ctx, "driftRepair", None, input.idempotency_key);
        let answer = service(ctx).repair_drift(viewer(ctx).actor(), id, key).await;
        let answer = answered(ctx, answer)?;
        let drift = match answer.resource {
            Some(Resource::BillingDrift(id)) => {
                store(ctx).billing_drifts(&[id]).await.map_err(store_error(ctx))?.pop().map(BillingDrift)
            }
            _ => None,
        };
        let user_errors = answer.refusals.into_iter().map(UserError::from).collect();
        Ok(DriftRepairPayload { drift, user_errors })
    }
}
