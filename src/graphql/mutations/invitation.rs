//! Invitations: sent, sent again, taken back, accepted.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::{authorize, authorize_in, caller_key, service, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, optional_moment};
use super::super::types::{Invitation, Member, Organization, UserError, enums};
use super::member::role_choice;
use super::{Parts, acts_now, answered, changed_invitation, changed_member};
use crate::auth::Denial;
use crate::domain::ids::{InvitationId, OrganizationId};
use crate::service;

/// Somebody to be invited.
#[derive(InputObject)]
pub struct MemberInviteInput {
    /// Into which organization.
    organization_id: ID,
    /// The mail address. Who accepts must sign in with it, verified by their issuer.
    email: String,
    /// The role it gives; CUSTOM for one of the organization's own.
    #[graphql(default_with = "enums::Role::Member")]
    role: enums::Role,
    /// Which of the organization's own roles, with CUSTOM.
    role_id: Option<ID>,
    /// Until when it can be accepted, in UTC: an hour to 30 days from now; a week when nothing is said.
    expires_at: Option<DateTime<Utc>>,
    /// The same key with the same input gives the same answer for 24 hours, but not the token again.
    idempotency_key: Option<String>,
}

/// The invitation, and its token.
#[derive(SimpleObject)]
pub struct MemberInvitePayload {
    /// The invitation as it is now; null when it was refused.
    invitation: Option<Invitation>,
    /// The token to accept with, which the mail to the address holds, too. Shown this once: never log it. Null when it was
    /// refused, and when the same idempotency key was used before.
    token: Option<String>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// An invitation to be sent again.
#[derive(InputObject)]
pub struct InvitationResendInput {
    /// The invitation, PENDING or EXPIRED.
    invitation_id: ID,
    /// Until when it can be accepted, in UTC: an hour to 30 days from now; a week when nothing is said.
    expires_at: Option<DateTime<Utc>>,
    /// The version that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours, but not the token again.
    idempotency_key: Option<String>,
}

/// The invitation, and its new token.
#[derive(SimpleObject)]
pub struct InvitationResendPayload {
    /// The invitation as it is now; null when it was refused.
    invitation: Option<Invitation>,
    /// The token to accept with, which the mail to the address holds, too. Shown this once: never log it. Null when it was
    /// refused, and when the same idempotency key was used before.
    token: Option<String>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// An invitation to be taken back.
#[derive(InputObject)]
pub struct InvitationRevokeInput {
    /// The invitation, PENDING or EXPIRED.
    invitation_id: ID,
    /// The version that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The invitation that was taken back.
#[derive(SimpleObject)]
pub struct InvitationRevokePayload {
    /// The invitation as it is now; null when it was refused.
    invitation: Option<Invitation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// An invitation to be accepted.
#[derive(InputObject)]
pub struct InvitationAcceptInput {
    /// The token that came with the invitation.
    token: String,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The new membership.
#[derive(SimpleObject)]
pub struct InvitationAcceptPayload {
    /// The membership; null when it was refused.
    member: Option<Member>,
    /// The organization that the caller belongs to now; null when it was refused.
    organization: Option<Organization>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct InvitationMutation;

/// The organization of an invitation that the caller may change.
async fn permitted(ctx: &Context<'_>, id: &ID) -> Result<(OrganizationId, InvitationId)> {
    let id = InvitationId(NodeKind::Invitation.decode("input.invitationId", id)?);
    if !viewer(ctx).is_signed_in() {
        return Err(denied(Denial::Unauthenticated, "invitation"));
    }
    let row = store(ctx).invitations(&[id]).await.map_err(store_error(ctx))?.pop();
    let organization = row.ok_or_else(|| not_found("invitation"))?.organization_id;
    authorize_in(ctx, "Mutation", organization, "invitation")?;
    Ok((organization, id))
}

#[Object]
impl InvitationMutation {
    /// Invites somebody by mail address. The role may hold nothing that the caller lacks; an address is invited once at a
    /// time; there must be a free seat, where the plan counts them; and the address must be of an allowed domain, where the
    /// security settings name any. The token is mailed to the address, where a mail server is set up, and shown to the
    /// caller this once.
    async fn member_invite(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and as what.")] input: MemberInviteInput,
    ) -> Result<MemberInvitePayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let role = role_choice(input.role, input.role_id.as_ref())?;
        let key = caller_key(ctx, "memberInvite", Some(organization_id), input.idempotency_key);
        let expires_at = optional_moment("input.expiresAt", input.expires_at)?;
        let invite = service::MemberInviteInput { organization_id, email: input.email, role, expires_at };
        let answer = service(ctx).invite_member(viewer(ctx).actor(), invite, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let invitation = changed_invitation(ctx, parts.resource.as_ref()).await?;
        Ok(MemberInvitePayload { invitation, token: parts.secret, user_errors: parts.user_errors })
    }

    /// Gives an invitation a new token and a new end. The token before counts no more.
    async fn invitation_resend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invitation.")] input: InvitationResendInput,
    ) -> Result<InvitationResendPayload> {
        let (organization_id, invitation_id) = permitted(ctx, &input.invitation_id).await?;
        let key = caller_key(ctx, "invitationResend", Some(organization_id), input.idempotency_key);
        let expires_at = optional_moment("input.expiresAt", input.expires_at)?;
        let expected_version = input.expected_version.map(|version| version.0);
        let resend =
            service::InvitationInput { organization_id, invitation_id, expected_version, expires_at };
        let answer = service(ctx).resend_invitation(viewer(ctx).actor(), resend, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let invitation = changed_invitation(ctx, parts.resource.as_ref()).await?;
        Ok(InvitationResendPayload { invitation, token: parts.secret, user_errors: parts.user_errors })
    }

    /// Takes an invitation back.
    async fn invitation_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invitation.")] input: InvitationRevokeInput,
    ) -> Result<InvitationRevokePayload> {
        let (organization_id, invitation_id) = permitted(ctx, &input.invitation_id).await?;
        let key = caller_key(ctx, "invitationRevoke", Some(organization_id), input.idempotency_key);
        let expected_version = input.expected_version.map(|version| version.0);
        let revoke =
            service::InvitationInput { organization_id, invitation_id, expected_version, expires_at: None };
        let answer = service(ctx).revoke_invitation(viewer(ctx).actor(), revoke, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let invitation = changed_invitation(ctx, parts.resource.as_ref()).await?;
        Ok(InvitationRevokePayload { invitation, user_errors: parts.user_errors })
    }

    /// Makes the caller a member of the organization that invited them. The caller's token must tell the invited address,
    /// verified by its issuer.
    async fn invitation_accept(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token.")] input: InvitationAcceptInput,
    ) -> Result<InvitationAcceptPayload> {
        authorize(ctx, "Mutation")?;
        let Some(user_id) = viewer(ctx).user_id() else {
            return Err(denied(Denial::Unauthenticated, "invitation"));
        };
        let key = caller_key(ctx, "invitationAccept", None, input.idempotency_key);
        let verified_email = viewer(ctx).verified_email().map(str::to_owned);
        let guest = service::Guest { user_id, verified_email };
        let answer = service(ctx).accept_invitation(viewer(ctx).actor(), guest, &input.token, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let mut member = changed_member(ctx, parts.resource.as_ref()).await?;
        if let Some(row) = &member
            && !acts_now(ctx, row.0.membership.organization_id).await?
        {
            // Accepted a while ago, and suspended since; or the organization asks more of a session than this one shows.
            member = None;
        }
        let organization = match &member {
            Some(member) => {
                let id = member.0.membership.organization_id;
                let views = store(ctx).organizations(&[id], false).await.map_err(store_error(ctx))?;
                views.into_iter().next().map(Organization::single)
            }
            None => None,
        };
        Ok(InvitationAcceptPayload { member, organization, user_errors: parts.user_errors })
    }
}
