//! Creating organizations.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize, caller_key, service, viewer};
use super::super::error::denied;
use super::super::types::{Organization, UserError};
use super::{Parts, answered, changed_organization};
use crate::auth::Denial;
use crate::service;

/// A new organization.
#[derive(InputObject)]
pub struct OrganizationCreateInput {
    /// The name people read, 1 to 120 characters.
    name: String,
    /// The name in addresses, unique: 2 to 63 lower-case letters, digits and single hyphens.
    slug: String,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The new organization.
#[derive(SimpleObject)]
pub struct OrganizationCreatePayload {
    /// The organization, with the caller as its owner; null when it was refused.
    organization: Option<Organization>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Creates an organization; the caller becomes its owner.
    async fn organization_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new organization.")] input: OrganizationCreateInput,
    ) -> Result<OrganizationCreatePayload> {
        authorize(ctx, "Mutation")?;
        let Some(owner) = viewer(ctx).user_id() else {
            return Err(denied(Denial::Unauthenticated, "organization"));
        };
        let key = caller_key(ctx, "organizationCreate", None, input.idempotency_key);
        let new = service::OrganizationCreateInput { name: input.name, slug: input.slug };
        let answer = service(ctx).create_organization(viewer(ctx).actor(), owner, new, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let organization = changed_organization(ctx, parts.resource.as_ref()).await?;
        Ok(OrganizationCreatePayload { organization, user_errors: parts.user_errors })
    }
}
