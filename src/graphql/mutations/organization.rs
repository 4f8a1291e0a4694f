//! Creating organizations, handing them over, leaving them.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize, authorize_in, caller_key, service, viewer};
use super::super::error::denied;
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::super::types::{BillingOperation, Member, Organization, UserError, enums};
use super::member::{NamedMember, permitted};
use super::{Asked, Parts, acts_now, answered, asked, changed_member, changed_organization};
use crate::auth::Denial;
use crate::domain::ids::OrganizationId;
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

/// An organization to be handed over.
#[derive(InputObject)]
pub struct OrganizationOwnershipTransferInput {
    /// The member who becomes an owner.
    member_id: ID,
    /// What the caller becomes: any built-in role but OWNER.
    #[graphql(default_with = "enums::Role::Admin")]
    previous_owner_role: enums::Role,
    /// The version of the member that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The new owner.
#[derive(SimpleObject)]
pub struct OrganizationOwnershipTransferPayload {
    /// The member who is an owner now; null when it was refused.
    member: Option<Member>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// An organization to be left.
#[derive(InputObject)]
pub struct OrganizationLeaveInput {
    /// The organization.
    organization_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The membership that ended.
#[derive(SimpleObject)]
pub struct OrganizationLeavePayload {
    /// The id of the membership that ended; null when it was refused.
    member_id: Option<ID>,
    /// The operation that releases the seat at Stripe; null when the seat stays, or is looked at later.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// What shall become of seats.
#[derive(InputObject)]
pub struct OrganizationSeatReleaseSetInput {
    /// The organization.
    organization_id: ID,
    /// What becomes of the seat that a member leaves.
    seat_release: enums::SeatRelease,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// What becomes of seats now.
#[derive(SimpleObject)]
pub struct OrganizationSeatReleaseSetPayload {
    /// The organization; null when it was refused.
    organization: Option<Organization>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// The names under which idempotency keys are kept.
const TRANSFER: &str = "organizationOwnershipTransfer";
const LEAVE: &str = "organizationLeave";

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
        // The key may be a day old, and whoever made the organization may be nobody there by now.
        let organization = match parts.resource.as_ref() {
            Some(service::Resource::Organization(id)) if acts_now(ctx, *id).await? => {
                changed_organization(ctx, parts.resource.as_ref()).await?
            }
            _ => None,
        };
        Ok(OrganizationCreatePayload { organization, user_errors: parts.user_errors })
    }

    /// Makes a member an owner in the caller's place, in one step. To have two owners, give the role OWNER with
    /// memberRoleChange.
    async fn organization_ownership_transfer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "To whom.")] input: OrganizationOwnershipTransferInput,
    ) -> Result<OrganizationOwnershipTransferPayload> {
        let previous_owner_role = input.previous_owner_role.into();
        let member = permitted(ctx, &input.member_id, input.expected_version).await;
        let named = NamedMember::decode(&input.member_id, input.expected_version)?;
        let transfer = |member| service::OwnershipTransferInput { member, previous_owner_role };
        let key = input.idempotency_key;
        let organizations = viewer(ctx).organizations();
        let asked =
            asked(ctx, TRANSFER, key.as_ref(), member, organizations, |id| transfer(named.of(id))).await?;
        let answer = match asked {
            Asked::Again(answer) => *answer,
            Asked::Anew(member) => {
                let key = caller_key(ctx, TRANSFER, Some(member.organization_id), key);
                let actor = viewer(ctx).actor();
                answered(ctx, service(ctx).transfer_ownership(actor, transfer(member), key).await)?
            }
        };
        let parts = Parts::from(answer);
        let member = changed_member(ctx, parts.resource.as_ref()).await?;
        Ok(OrganizationOwnershipTransferPayload { member, user_errors: parts.user_errors })
    }

    /// Ends the caller's own membership, as memberRemove would. The only owner cannot leave.
    async fn organization_leave(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which organization.")] input: OrganizationLeaveInput,
    ) -> Result<OrganizationLeavePayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        let permitted = authorize_in(ctx, "Mutation", organization_id, "organization");
        let key = input.idempotency_key;
        let answer = match asked(ctx, LEAVE, key.as_ref(), permitted, [organization_id], |id| id).await? {
            Asked::Again(answer) => *answer,
            Asked::Anew(()) => {
                let Some(user) = viewer(ctx).user_id() else {
                    return Err(denied(Denial::Unauthenticated, "organization"));
                };
                let key = caller_key(ctx, LEAVE, Some(organization_id), key);
                let actor = viewer(ctx).actor();
                answered(ctx, service(ctx).leave_organization(actor, organization_id, user, key).await)?
            }
        };
        let parts = Parts::from(answer);
        let member_id = match parts.resource {
            Some(service::Resource::Member(id)) => Some(NodeKind::Member.encode(id.0)),
            _ => None,
        };
        Ok(OrganizationLeavePayload { member_id, operation: parts.operation, user_errors: parts.user_errors })
    }

    /// Says what becomes of the seat that a member leaves: by suspension, removal, or by themselves.
    async fn organization_seat_release_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which organization, and what.")] input: OrganizationSeatReleaseSetInput,
    ) -> Result<OrganizationSeatReleaseSetPayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let key = caller_key(ctx, "organizationSeatReleaseSet", Some(organization_id), input.idempotency_key);
        let set = service::SeatReleaseInput { organization_id, release: input.seat_release.into() };
        let answer = service(ctx).set_seat_release(viewer(ctx).actor(), set, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let organization = changed_organization(ctx, parts.resource.as_ref()).await?;
        Ok(OrganizationSeatReleaseSetPayload { organization, user_errors: parts.user_errors })
    }
}
