//! Setting what happens when payments fail.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize, caller_key, service, store, viewer};
use super::super::error::store as store_error;
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::super::types::UserError;
use super::super::types::billing_policy::{BillingPolicy, BillingPolicyInput};
use super::{Parts, answered};
use crate::domain::ids::OrganizationId;
use crate::service;

/// A policy to be set.
#[derive(InputObject)]
pub struct BillingPolicySetInput {
    /// The organization that it is for; the platform's when left out.
    organization_id: Option<ID>,
    /// The version that the caller saw, 0 when none was ever written. A policy that was changed since is a CONFLICT.
    #[graphql(default_with = "BigInt(0)")]
    expected_version: BigInt,
    /// The policy; left out, the organization's own is taken away and the platform's counts again.
    policy: Option<BillingPolicyInput>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The policy that counts now.
#[derive(SimpleObject)]
pub struct BillingPolicySetPayload {
    /// The policy that counts now.
    billing_policy: BillingPolicy,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct BillingPolicyMutation;

#[Object]
impl BillingPolicyMutation {
    /// Sets what happens when payments fail, for the platform or for one organization. For platform staff.
    async fn billing_policy_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy, and for whom.")] input: BillingPolicySetInput,
    ) -> Result<BillingPolicySetPayload> {
        authorize(ctx, "Mutation")?;
        let organization_id = match &input.organization_id {
            Some(id) => Some(OrganizationId(NodeKind::Organization.decode("input.organizationId", id)?)),
            None => None,
        };
        let key = caller_key(ctx, "billingPolicySet", organization_id, input.idempotency_key);
        let set = service::BillingPolicySetInput {
            organization_id,
            expected_version: input.expected_version.0,
            policy: input.policy.map(Into::into),
        };
        let answer = service(ctx).set_billing_policy(viewer(ctx).actor(), set, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let stored = match organization_id {
            Some(id) => store(ctx).policy_of(id).await,
            None => store(ctx).platform_policy().await,
        };
        Ok(BillingPolicySetPayload {
            billing_policy: stored.map_err(store_error(ctx))?.into(),
            user_errors: parts.user_errors,
        })
    }
}
