//! API keys: made, given a new secret, revoked.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::{authorize_in, caller_key, service, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, optional_moment};
use super::super::types::{ApiKey, UserError, enums};
use super::role::permissions;
use super::{Parts, answered, changed_api_key};
use crate::auth::Denial;
use crate::domain::ids::{ApiKeyId, OrganizationId};
use crate::service;

/// A key to be made.
#[derive(InputObject)]
pub struct ApiKeyCreateInput {
    /// In which organization it acts.
    organization_id: ID,
    /// What people call it, 1 to 60 characters.
    name: String,
    /// What it is given: nothing that the caller lacks. ORGANIZATION_READ always, ORGANIZATION_TRANSFER never.
    scopes: Vec<enums::Permission>,
    /// The networks it may be used from, `203.0.113.0/24` or a single address; from everywhere when empty. 50 at most.
    #[graphql(default)]
    allowed_addresses: Vec<String>,
    /// From then on it does not count, in UTC; never when left out.
    expires_at: Option<DateTime<Utc>>,
    /// The same key with the same input gives the same answer for 24 hours, but not the secret again.
    idempotency_key: Option<String>,
}

/// The key, and its secret.
#[derive(SimpleObject)]
pub struct ApiKeyCreatePayload {
    /// The key as it is now; null when it was refused.
    api_key: Option<ApiKey>,
    /// The secret: what goes into `Authorization: Bearer …`. Shown this once; keep it, and never log it. Null when it was
    /// refused, and when the same idempotency key was used before.
    secret: Option<String>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A key to be given a new secret.
#[derive(InputObject)]
pub struct ApiKeyRotateInput {
    /// The key, one of the caller's.
    api_key_id: ID,
    /// How long the old secret counts on, in seconds: 0 to 604800, a day when nothing is said. A secret before that one counts
    /// no more.
    overlap_seconds: Option<i32>,
    /// The version that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours, but not the secret again.
    idempotency_key: Option<String>,
}

/// The key, and its new secret.
#[derive(SimpleObject)]
pub struct ApiKeyRotatePayload {
    /// The key as it is now; null when it was refused.
    api_key: Option<ApiKey>,
    /// The secret: what goes into `Authorization: Bearer …`. Shown this once; keep it, and never log it. Null when it was
    /// refused, and when the same idempotency key was used before.
    secret: Option<String>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A key to be revoked.
#[derive(InputObject)]
pub struct ApiKeyRevokeInput {
    /// The key.
    api_key_id: ID,
    /// The version that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The revoked key.
#[derive(SimpleObject)]
pub struct ApiKeyRevokePayload {
    /// The key as it is now; null when it was refused.
    api_key: Option<ApiKey>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct ApiKeyMutation;

/// The organization of a key that the caller may change.
async fn permitted(ctx: &Context<'_>, id: &ID) -> Result<(OrganizationId, ApiKeyId)> {
    let id = ApiKeyId(NodeKind::ApiKey.decode("input.apiKeyId", id)?);
    if !viewer(ctx).is_signed_in() {
        return Err(denied(Denial::Unauthenticated, "API key"));
    }
    let row = store(ctx).api_keys(&[id]).await.map_err(store_error(ctx))?.pop();
    let organization = row.ok_or_else(|| not_found("API key"))?.organization_id;
    authorize_in(ctx, "Mutation", organization, "API key")?;
    Ok((organization, id))
}

#[Object]
impl ApiKeyMutation {
    /// Makes a key with which a program acts for the caller, in one organization and with no more than both may do.
    async fn api_key_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new key.")] input: ApiKeyCreateInput,
    ) -> Result<ApiKeyCreatePayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let key = caller_key(ctx, "apiKeyCreate", Some(organization_id), input.idempotency_key);
        let new = service::ApiKeyCreateInput {
            organization_id,
            name: input.name,
            scopes: permissions(input.scopes),
            allowed_addresses: input.allowed_addresses,
            expires_at: optional_moment("input.expiresAt", input.expires_at)?,
        };
        let answer = service(ctx).create_api_key(viewer(ctx).actor(), new, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let api_key = changed_api_key(ctx, parts.resource.as_ref()).await?;
        Ok(ApiKeyCreatePayload { api_key, secret: parts.secret, user_errors: parts.user_errors })
    }

    /// Gives a key of the caller's a new secret. The one before counts on for the overlap.
    async fn api_key_rotate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which key.")] input: ApiKeyRotateInput,
    ) -> Result<ApiKeyRotatePayload> {
        let (organization_id, api_key_id) = permitted(ctx, &input.api_key_id).await?;
        let key = caller_key(ctx, "apiKeyRotate", Some(organization_id), input.idempotency_key);
        let rotate = service::ApiKeyInput {
            organization_id,
            api_key_id,
            expected_version: input.expected_version.map(|version| version.0),
            overlap_seconds: input.overlap_seconds.map(i64::from),
        };
        let answer = service(ctx).rotate_api_key(viewer(ctx).actor(), rotate, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let api_key = changed_api_key(ctx, parts.resource.as_ref()).await?;
        Ok(ApiKeyRotatePayload { api_key, secret: parts.secret, user_errors: parts.user_errors })
    }

    /// Revokes a key, at once and for good, whosever it is.
    async fn api_key_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which key.")] input: ApiKeyRevokeInput,
    ) -> Result<ApiKeyRevokePayload> {
        let (organization_id, api_key_id) = permitted(ctx, &input.api_key_id).await?;
        let key = caller_key(ctx, "apiKeyRevoke", Some(organization_id), input.idempotency_key);
        let revoke = service::ApiKeyInput {
            organization_id,
            api_key_id,
            expected_version: input.expected_version.map(|version| version.0),
            overlap_seconds: None,
        };
        let answer = service(ctx).revoke_api_key(viewer(ctx).actor(), revoke, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let api_key = changed_api_key(ctx, parts.resource.as_ref()).await?;
        Ok(ApiKeyRevokePayload { api_key, user_errors: parts.user_errors })
    }
}
