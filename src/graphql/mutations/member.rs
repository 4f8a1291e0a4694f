//! Members: their roles, suspending, reinstating and removing them.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize_in, caller_key, service, store, viewer};
use super::super::error::{bad_input, denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::super::types::{BillingOperation, Member, UserError, enums};
use super::{Asked, Parts, answered, asked, changed_member};
use crate::auth::Denial;
use crate::domain::ids::{MembershipId, OrganizationId, RoleId};
use crate::domain::membership::Role;
use crate::domain::role::RoleChoice;
use crate::service;

/// The role of an input: a built-in one, or CUSTOM and which.
pub fn role_choice(role: enums::Role, role_id: Option<&ID>) -> Result<RoleChoice> {
    match (Role::from(role), role_id) {
        (Role::Custom, Some(id)) => {
            Ok(RoleChoice::custom(RoleId(NodeKind::CustomRole.decode("input.roleId", id)?)))
        }
        (Role::Custom, None) => Err(bad_input(
            "input.roleId: CUSTOM says that it is a role of the organization's own: give its id.",
        )),
        (_, Some(_)) => {
            Err(bad_input("input.roleId: this is for the role CUSTOM. Leave it out for a built-in role."))
        }
        (role, None) => Ok(RoleChoice::built_in(role)),
    }
}

/// The member that an input names, in whichever organization.
#[derive(Clone, Copy)]
pub struct NamedMember {
    membership_id: MembershipId,
    expected_version: Option<i64>,
}

impl NamedMember {
    /// Reads the input.
    pub fn decode(id: &ID, expected_version: Option<BigInt>) -> Result<Self> {
        let membership_id = MembershipId(NodeKind::Member.decode("input.memberId", id)?);
        Ok(Self { membership_id, expected_version: expected_version.map(|version| version.0) })
    }

    /// The member in an organization.
    pub const fn of(self, organization_id: OrganizationId) -> service::MemberInput {
        let Self { membership_id, expected_version } = self;
        service::MemberInput { organization_id, membership_id, expected_version }
    }
}

/// The member that the caller may do something to.
pub async fn permitted(
    ctx: &Context<'_>,
    id: &ID,
    expected_version: Option<BigInt>,
) -> Result<service::MemberInput> {
    let named = NamedMember::decode(id, expected_version)?;
    if !viewer(ctx).is_signed_in() {
        return Err(denied(Denial::Unauthenticated, "member"));
    }
    let row = store(ctx).members(&[named.membership_id]).await.map_err(store_error(ctx))?.pop();
    let organization_id = row.ok_or_else(|| not_found("member"))?.membership.organization_id;
    authorize_in(ctx, "Mutation", organization_id, "member")?;
    Ok(named.of(organization_id))
}

/// A role to be given to a member.
#[derive(InputObject)]
pub struct MemberRoleChangeInput {
    /// The member.
    member_id: ID,
    /// The role; CUSTOM for one of the organization's own.
    role: enums::Role,
    /// Which of the organization's own roles, with CUSTOM.
    role_id: Option<ID>,
    /// The version that the caller saw. A member who was changed since is a CONFLICT.
    expected_version: BigInt,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The member with the role.
#[derive(SimpleObject)]
pub struct MemberRoleChangePayload {
    /// The member as it is now; null when it was refused.
    member: Option<Member>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A member to be suspended.
#[derive(InputObject)]
pub struct MemberSuspendInput {
    /// The member.
    member_id: ID,
    /// The version that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// What became of the member.
#[derive(SimpleObject)]
pub struct MemberSuspendPayload {
    /// The member as it is now; null when it was refused.
    member: Option<Member>,
    /// The operation that releases the seat at Stripe; null when the seat stays, or is looked at later.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A member to be let in again.
#[derive(InputObject)]
pub struct MemberReinstateInput {
    /// The member.
    member_id: ID,
    /// The version that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// What became of the member.
#[derive(SimpleObject)]
pub struct MemberReinstatePayload {
    /// The member as it is now; null when it was refused.
    member: Option<Member>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A member to be removed.
#[derive(InputObject)]
pub struct MemberRemoveInput {
    /// The member.
    member_id: ID,
    /// The version that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// What became of the member.
#[derive(SimpleObject)]
pub struct MemberRemovePayload {
    /// The id of the membership that ended; null when it was refused.
    member_id: Option<ID>,
    /// The operation that releases the seat at Stripe; null when the seat stays, or is looked at later.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// The name under which its idempotency keys are kept.
const REMOVE: &str = "memberRemove";

#[derive(Default)]
pub struct MemberMutation;

#[Object]
impl MemberMutation {
    /// Gives a member another role, which may hold nothing that the caller lacks; nor may the member hold now what the
    /// caller lacks. The only owner stays one.
    async fn member_role_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member and the role.")] input: MemberRoleChangeInput,
    ) -> Result<MemberRoleChangePayload> {
        let role = role_choice(input.role, input.role_id.as_ref())?;
        let member = permitted(ctx, &input.member_id, Some(input.expected_version)).await?;
        let key = caller_key(ctx, "memberRoleChange", Some(member.organization_id), input.idempotency_key);
        let change = service::MemberRoleChangeInput { member, role };
        let answer = service(ctx).change_member_role(viewer(ctx).actor(), change, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let member = changed_member(ctx, parts.resource.as_ref()).await?;
        Ok(MemberRoleChangePayload { member, user_errors: parts.user_errors })
    }

    /// Suspends a member. In one step the person is nobody in the organization, their connections end, their API keys and
    /// the invitations they sent are revoked, and their seat is released as the organization wants it.
    async fn member_suspend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member.")] input: MemberSuspendInput,
    ) -> Result<MemberSuspendPayload> {
        let member = permitted(ctx, &input.member_id, input.expected_version).await?;
        let key = caller_key(ctx, "memberSuspend", Some(member.organization_id), input.idempotency_key);
        let answer = service(ctx).suspend_member(viewer(ctx).actor(), member, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let member = changed_member(ctx, parts.resource.as_ref()).await?;
        Ok(MemberSuspendPayload { member, operation: parts.operation, user_errors: parts.user_errors })
    }

    /// Lets a suspended member in again, if a seat is free. API keys that were revoked stay so.
    async fn member_reinstate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member.")] input: MemberReinstateInput,
    ) -> Result<MemberReinstatePayload> {
        let member = permitted(ctx, &input.member_id, input.expected_version).await?;
        let key = caller_key(ctx, "memberReinstate", Some(member.organization_id), input.idempotency_key);
        let answer = service(ctx).reinstate_member(viewer(ctx).actor(), member, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let member = changed_member(ctx, parts.resource.as_ref()).await?;
        Ok(MemberReinstatePayload { member, user_errors: parts.user_errors })
    }

    /// Removes a member, as memberSuspend and for good. Whoever is invited again begins anew.
    async fn member_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member.")] input: MemberRemoveInput,
    ) -> Result<MemberRemovePayload> {
        let named = NamedMember::decode(&input.member_id, input.expected_version)?;
        let member = permitted(ctx, &input.member_id, input.expected_version).await;
        let key = input.idempotency_key;
        let answer =
            match asked(ctx, REMOVE, key.as_ref(), member, viewer(ctx).organizations(), |id| named.of(id))
                .await?
            {
                Asked::Again(answer) => *answer,
                Asked::Anew(member) => {
                    let key = caller_key(ctx, REMOVE, Some(member.organization_id), key);
                    answered(ctx, service(ctx).remove_member(viewer(ctx).actor(), member, key).await)?
                }
            };
        let parts = Parts::from(answer);
        let member_id = parts.resource.is_some().then_some(input.member_id);
        Ok(MemberRemovePayload { member_id, operation: parts.operation, user_errors: parts.user_errors })
    }
}
