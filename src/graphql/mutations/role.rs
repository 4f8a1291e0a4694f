//! Roles that organizations put together.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize_in, caller_key, service, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::super::types::{CustomRole, UserError, enums};
use super::{Asked, Parts, answered, asked, changed_role};
use crate::auth::Denial;
use crate::domain::ids::{OrganizationId, RoleId};
use crate::domain::permission::{Permission, Permissions};
use crate::service;

/// A set of permissions, as a list says it.
pub fn permissions(listed: Vec<enums::Permission>) -> Permissions {
    listed.into_iter().map(Permission::from).collect()
}

/// A role to be put together.
#[derive(InputObject)]
pub struct RoleCreateInput {
    /// Whose role.
    organization_id: ID,
    /// The name people read, unique in the organization: 1 to 60 characters.
    name: String,
    /// What it is for, at most 500 characters.
    description: Option<String>,
    /// What it holds; ORGANIZATION_READ always, ORGANIZATION_TRANSFER never.
    permissions: Vec<enums::Permission>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The new role.
#[derive(SimpleObject)]
pub struct RoleCreatePayload {
    /// The role; null when it was refused.
    role: Option<CustomRole>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A role to be changed. What is left out stays as it is.
#[derive(InputObject)]
pub struct RoleUpdateInput {
    /// The role.
    role_id: ID,
    /// The version that the caller saw. A role that was changed since is a CONFLICT.
    expected_version: BigInt,
    /// The name people read, unique in the organization: 1 to 60 characters.
    name: Option<String>,
    /// What it is for, at most 500 characters; empty takes it away.
    description: Option<String>,
    /// What it holds; ORGANIZATION_READ always, ORGANIZATION_TRANSFER never.
    permissions: Option<Vec<enums::Permission>>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The changed role.
#[derive(SimpleObject)]
pub struct RoleUpdatePayload {
    /// The role as it is now; null when it was refused.
    role: Option<CustomRole>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A role to be taken away.
#[derive(InputObject)]
pub struct RoleDeleteInput {
    /// The role.
    role_id: ID,
    /// The version that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The role that is gone.
#[derive(SimpleObject)]
pub struct RoleDeletePayload {
    /// The id of the role that is gone; null when it was refused.
    role_id: Option<ID>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// The name under which its idempotency keys are kept.
const DELETE: &str = "roleDelete";

#[derive(Default)]
pub struct RoleMutation;

/// The role that the caller may change.
async fn permitted(
    ctx: &Context<'_>,
    id: &ID,
    expected_version: Option<BigInt>,
) -> Result<service::RoleInput> {
    let role_id = RoleId(NodeKind::CustomRole.decode("input.roleId", id)?);
    if !viewer(ctx).is_signed_in() {
        return Err(denied(Denial::Unauthenticated, "role"));
    }
    let row = store(ctx).roles(&[role_id]).await.map_err(store_error(ctx))?.pop();
    let organization_id = row.ok_or_else(|| not_found("role"))?.organization_id;
    authorize_in(ctx, "Mutation", organization_id, "role")?;
    let expected_version = expected_version.map(|version| version.0);
    Ok(service::RoleInput { organization_id, role_id, expected_version })
}

#[Object]
impl RoleMutation {
    /// Puts a role together from permissions, none of which the caller lacks.
    async fn role_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new role.")] input: RoleCreateInput,
    ) -> Result<RoleCreatePayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let key = caller_key(ctx, "roleCreate", Some(organization_id), input.idempotency_key);
        let new = service::RoleCreateInput {
            organization_id,
            name: input.name,
            description: input.description,
            permissions: permissions(input.permissions),
        };
        let answer = service(ctx).create_role(viewer(ctx).actor(), new, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let role = changed_role(ctx, parts.resource.as_ref()).await?;
        Ok(RoleCreatePayload { role, user_errors: parts.user_errors })
    }

    /// Changes a role, for everybody who has it and from now on. It may hold nothing that the caller lacks, before and
    /// after.
    async fn role_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role, and what changes.")] input: RoleUpdateInput,
    ) -> Result<RoleUpdatePayload> {
        let role = permitted(ctx, &input.role_id, Some(input.expected_version)).await?;
        let key = caller_key(ctx, "roleUpdate", Some(role.organization_id), input.idempotency_key);
        let update = service::RoleUpdateInput {
            role,
            name: input.name,
            description: input.description,
            permissions: input.permissions.map(permissions),
        };
        let answer = service(ctx).update_role(viewer(ctx).actor(), update, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let role = changed_role(ctx, parts.resource.as_ref()).await?;
        Ok(RoleUpdatePayload { role, user_errors: parts.user_errors })
    }

    /// Takes away a role that no member has and no open invitation gives.
    async fn role_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role.")] input: RoleDeleteInput,
    ) -> Result<RoleDeletePayload> {
        let role_id = RoleId(NodeKind::CustomRole.decode("input.roleId", &input.role_id)?);
        let expected_version = input.expected_version.map(|version| version.0);
        let named = |organization_id| service::RoleInput { organization_id, role_id, expected_version };
        let role = permitted(ctx, &input.role_id, input.expected_version).await;
        let key = input.idempotency_key;
        let answer = match asked(ctx, DELETE, key.as_ref(), role, viewer(ctx).organizations(), named).await? {
            Asked::Again(answer) => *answer,
            Asked::Anew(role) => {
                let key = caller_key(ctx, DELETE, Some(role.organization_id), key);
                answered(ctx, service(ctx).delete_role(viewer(ctx).actor(), role, key).await)?
            }
        };
        let parts = Parts::from(answer);
        let role_id = parts.resource.is_some().then_some(input.role_id);
        Ok(RoleDeletePayload { role_id, user_errors: parts.user_errors })
    }
}
