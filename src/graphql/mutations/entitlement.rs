//! What overrides an organization's plan, for platform staff.

use async_graphql::{Context, ID, InputObject, Json, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::{authorize, caller_key, service, store, viewer};
use super::super::error::store as store_error;
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, optional_moment};
use super::super::types::UserError;
use super::super::types::entitlement::EntitlementOverride;
use super::answered;
use crate::domain::ids::OrganizationId;
use crate::service;

/// An override to be set, in the place of the one of the same feature.
#[derive(InputObject)]
pub struct EntitlementOverrideSetInput {
    /// The organization that it is for.
    organization_id: ID,
    /// The feature's name in plans, 1 to 64 characters; the plan need not have it.
    feature: String,
    /// What counts in the place of the plan's value, written as in a plan: true, 10, or
    /// {"meter": "api_calls", "included": 1000, "limit": "hard"}.
    value: Json<serde_json::Value>,
    /// Why, 1 to 500 characters.
    reason: String,
    /// From when on the plan's value counts again; never when left out.
    expires_at: Option<DateTime<Utc>>,
    /// The version that the caller saw, 0 for none, when it matters.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The override that counts now.
#[derive(SimpleObject)]
pub struct EntitlementOverrideSetPayload {
    /// The override as it is now; null when it was refused.
    entitlement_override: Option<EntitlementOverride>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// An override to be taken away.
#[derive(InputObject)]
pub struct EntitlementOverrideRemoveInput {
    /// The organization whose it is.
    organization_id: ID,
    /// The feature's name in plans.
    feature: String,
    /// The version that the caller saw, when it matters.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// What was taken away.
#[derive(SimpleObject)]
pub struct EntitlementOverrideRemovePayload {
    /// The feature of which the plan's value counts again; null when it was refused.
    feature: Option<String>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct EntitlementMutation;

#[Object]
impl EntitlementMutation {
    /// Sets what counts for one organization in the place of its plan's value, at once and until it expires. For platform
    /// staff.
    async fn entitlement_override_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The override.")] input: EntitlementOverrideSetInput,
    ) -> Result<EntitlementOverrideSetPayload> {
        authorize(ctx, "Mutation")?;
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        let key = caller_key(ctx, "entitlementOverrideSet", Some(organization_id), input.idempotency_key);
        let feature = input.feature.clone();
        let set = service::EntitlementOverrideSetInput {
            organization_id,
            feature: input.feature,
            value: input.value.0,
            reason: input.reason,
            expires_at: optional_moment("input.expiresAt", input.expires_at)?,
            expected_version: input.expected_version.map(|version| version.0),
        };
        let answer = service(ctx).set_entitlement_override(viewer(ctx).actor(), set, key).await;
        let answer = answered(ctx, answer)?;
        let entitlement_override = if answer.resource.is_some() {
            let rows = store(ctx).list_entitlement_overrides(organization_id).await;
            let rows = rows.map_err(store_error(ctx))?;
            rows.into_iter().find(|row| row.feature == feature).map(EntitlementOverride)
        } else {
            None
        };
        let user_errors = answer.refusals.into_iter().map(UserError::from).collect();
        Ok(EntitlementOverrideSetPayload { entitlement_override, user_errors })
    }

    /// Takes an override away: the plan's value counts again, at once. For platform staff.
    async fn entitlement_override_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which override.")] input: EntitlementOverrideRemoveInput,
    ) -> Result<EntitlementOverrideRemovePayload> {
        authorize(ctx, "Mutation")?;
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        let key = caller_key(ctx, "entitlementOverrideRemove", Some(organization_id), input.idempotency_key);
        let remove = service::EntitlementOverrideRemoveInput {
            organization_id,
            feature: input.feature.clone(),
            expected_version: input.expected_version.map(|version| version.0),
        };
        let answer = service(ctx).remove_entitlement_override(viewer(ctx).actor(), remove, key).await;
        let answer = answered(ctx, answer)?;
        let feature = answer.resource.is_some().then_some(input.feature);
        let user_errors = answer.refusals.into_iter().map(UserError::from).collect();
        Ok(EntitlementOverrideRemovePayload { feature, user_errors })
    }
}
