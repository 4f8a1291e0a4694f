//! Inviting people by mail address, and taking an invitation up. The token is shown once, to who invites, and sent to the
//! address; what is kept is its hash, and, sealed, until the mail has left, the token.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::{authority, check_version, permissions_of_role};
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::notification::tell;
use super::seat::check_free_seat;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::email;
use crate::domain::ids::{InvitationId, OrganizationId, UserId};
use crate::domain::invitation::{
    Invitation, InvitationState, LASTS, LASTS_AT_LEAST, LASTS_AT_MOST, SENT_PER_HOUR, SENT_TO_ADDRESS_PER_DAY,
};
use crate::domain::membership::MembershipStatus;
use crate::domain::notification::Fact;
use crate::domain::permission::Permission;
use crate::domain::role::RoleChoice;
use crate::domain::secret::{INVITATION_PREFIX, Secret, hash};
use crate::store::{NewInvitation, StoreError, WriteTransaction};

/// Somebody to be invited.
#[derive(Clone, Debug, Serialize)]
pub struct MemberInviteInput {
    /// Into which organization.
    pub organization_id: OrganizationId,
    /// The address, as people write it.
    pub email: String,
    /// The role.
    pub role: RoleChoice,
    /// Until when; a week when nothing is said.
    pub expires_at: Option<DateTime<Utc>>,
}

/// An invitation that something is to be done to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct InvitationInput {
    /// Into which organization.
    pub organization_id: OrganizationId,
    /// Which invitation.
    pub invitation_id: InvitationId,
    /// The version that it was decided on, if that matters.
    pub expected_version: Option<i64>,
    /// Until when it counts, when it is sent again; a week when nothing is said.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Who takes an invitation up.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The person: known by who vouches for them, not by their address.
    pub user_id: UserId,
    /// The address that the token of the request tells, when its issuer has verified it.
    pub verified_email: Option<String>,
}

fn changed_meanwhile(error: StoreError) -> ServiceError {
    match error {
        StoreError::Changed(_) => {
            Refusal::conflict("The invitation was changed meanwhile. Read it again, and decide anew.").into()
        }
        error => error.into(),
    }
}

fn check_end(end: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let end = end.unwrap_or(now + LASTS);
    // A client whose clock is a little behind asks for a whole hour, too.
    let fits = (now + LASTS_AT_LEAST - chrono::TimeDelta::minutes(1)..=now + LASTS_AT_MOST).contains(&end);
    if fits {
        Ok(end)
    } else {
        Err("An invitation counts for an hour at least and for 30 days at most.".to_owned())
    }
}

/// Refuses what is not to be accepted any more, and says why: who has the token may know.
fn check_open(invitation: &Invitation, now: DateTime<Utc>, path: &str) -> Result<(), Refusal> {
    let message = match invitation.state {
        InvitationState::Pending if invitation.is_open(now) => return Ok(()),
        InvitationState::Pending => "This invitation is too late. Ask for it to be sent again.",
        InvitationState::Accepted => "This invitation was accepted already.",
        InvitationState::Revoked => "This invitation was taken back.",
        InvitationState::Replaced => "Another invitation took this one's place.",
    };
    Err(Refusal::at(path, ErrorCode::Conflict, message))
}

impl Service {
    /// Invites an address. The answer has the token, once.
    pub async fn invite_member(
        &self,
        actor: &Actor,
        input: MemberInviteInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let mut refusals = Refusals::default();
                let address = refusals.check("email", email::normalized(&input.email));
                let expires_at = refusals.check("expiresAt", check_end(input.expires_at, self.clock.now()));
                refusals.finish()?;
                let (address, expires_at) = address.zip(expires_at).expect("refused above when one is missing");
                let seats = self.seats_of(organization).await?;
                let sender = self.sender(actor).await?;

                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::MembersWrite).await?;
                check_domain(&transaction, organization, &address, "email").await?;
                let granted = permissions_of_role(&transaction, organization, input.role).await?;
                by.check_grant(granted, "role")?;
                check_rate(&transaction, organization, &address, "email").await?;
                if let Some(other) = transaction.find_pending_invitation(organization, &address).await? {
                    if other.is_open(transaction.now()) {
                        return Err(Refusal::at(
                            "email",
                            ErrorCode::Conflict,
                            "This address is invited already. Send that invitation again with invitationResend, or take \
                             it back with invitationRevoke first.",
                        )
                        .into());
                    }
                    let replaced =
                        transaction.close_invitation(&other, InvitationState::Replaced, None).await?;
                    let entry =
                        AuditEntry::new(Some(organization), "invitation.replace", "invitation", other.id)
                            .changed(&other.audit_values(), &replaced.audit_values());
                    transaction.record(actor, entry).await?;
                }
                let members = transaction.count_members(organization).await?;
                let invited = transaction.count_open_invitations(organization).await?;
                check_free_seat(seats, members, invited)?;
                let secret = Secret::new(INVITATION_PREFIX, self.ids.secret());
                let invitation = transaction
                    .create_invitation(NewInvitation {
                        organization_id: organization,
                        email: address,
                        role: input.role,
                        token_hash: secret.hash(),
                        invited_by: by.user_id,
                        expires_at,
                    })
                    .await?;
                self.tell_with(&transaction, organization, &fact_of(&invitation, sender), &secret).await?;
                let entry =
                    AuditEntry::new(Some(organization), "member.invite", "invitation", invitation.id)
                        .created(invitation.audit_values());
                let answer = Answer::of(Resource::Invitation(invitation.id)).commit(transaction, actor, entry, idempotency.as_ref()).await?;
                Ok(Answer { secret: Some(secret), ..answer })
            }),
        )
        .await
    }

    /// Gives an invitation a new token and a new end. The token before counts no more; from now on it passes on the
    /// rights of who sent it again.
    pub async fn resend_invitation(
        &self,
        actor: &Actor,
        input: InvitationInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let mut refusals = Refusals::default();
                let expires_at = refusals.check("expiresAt", check_end(input.expires_at, self.clock.now()));
                refusals.finish()?;
                let expires_at = expires_at.expect("refused above when it is missing");
                let seats = self.seats_of(organization).await?;
                let sender = self.sender(actor).await?;
                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::MembersWrite).await?;
                let old = load(&transaction, input).await?;
                let granted = permissions_of_role(&transaction, organization, old.role).await?;
                by.check_grant(granted, "invitationId")?;
                check_domain(&transaction, organization, &old.email, "invitationId").await?;
                check_rate(&transaction, organization, &old.email, "invitationId").await?;
                if !old.is_open(transaction.now()) {
                    // One that was too late had given its seat up.
                    let members = transaction.count_members(organization).await?;
                    let invited = transaction.count_open_invitations(organization).await?;
                    check_free_seat(seats, members, invited)?;
                }
                let secret = Secret::new(INVITATION_PREFIX, self.ids.secret());
                let renewed =
                    transaction.renew_invitation(&old, &secret.hash(), expires_at, by.user_id).await;
                let new = renewed.map_err(changed_meanwhile)?;
                self.tell_with(&transaction, organization, &fact_of(&new, sender), &secret).await?;
                let entry = AuditEntry::new(Some(organization), "invitation.resend", "invitation", new.id)
                    .changed(&old.audit_values(), &new.audit_values());
                let answer = Answer::of(Resource::Invitation(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await?;
                Ok(Answer { secret: Some(secret), ..answer })
            }),
        )
        .await
    }

    /// Takes an invitation back.
    pub async fn revoke_invitation(
        &self,
        actor: &Actor,
        input: InvitationInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let transaction = self.store.begin_in(organization).await?;
                authority(&transaction, organization, actor, Permission::MembersWrite).await?;
                let old = load(&transaction, input).await?;
                let closed = transaction.close_invitation(&old, InvitationState::Revoked, None).await;
                let new = closed.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(Some(organization), "invitation.revoke", "invitation", new.id)
                    .changed(&old.audit_values(), &new.audit_values());
                Answer::of(Resource::Invitation(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Makes the guest a member. Their own sign-in must tell the address that was invited, and their issuer have verified
    /// it: who merely has the token is not who was invited.
    pub async fn accept_invitation(
        &self,
        actor: &Actor,
        guest: Guest,
        token: &str,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let token_hash = hash(token.trim());
        let idempotency = key.map(|key| key.record(&token_hash)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let found = self.store.find_invitation_by_token(&token_hash).await?;
                let Some(found) = found else {
                    let message = "There is no such invitation. If it was sent again, take the newest.";
                    return Err(Refusal::at("token", ErrorCode::NotFound, message).into());
                };
                // First who is asking: of whom the invitation is not, they learn nothing of it.
                check_address(&guest, &found)?;
                let organization = found.organization_id;
                let seats = self.seats_of(organization).await?;
                let name = self.name_of_person(guest.user_id).await?;
                let transaction = self.store.begin_in(organization).await?;
                check_domain(&transaction, organization, &found.email, "token").await?;
                let old = transaction.find_invitation(organization, found.id).await?;
                let old = old.ok_or(ServiceError::NotFound("invitation"))?;
                check_open(&old, transaction.now(), "token")?;
                if old.version != found.version {
                    // Sent again a moment ago: this token counts no more.
                    return Err(changed_meanwhile(StoreError::Changed("invitation")));
                }
                check_not_member(&transaction, organization, guest.user_id).await?;
                check_signed_in_since(&transaction, organization, actor).await?;
                let granted = permissions_of_role(&transaction, organization, old.role).await?;
                let passed_on = transaction.grant_of(organization, old.invited_by).await?;
                if !passed_on.is_some_and(|grant| grant.permissions.covers(granted)) {
                    return Err(Refusal::at(
                        "token",
                        ErrorCode::Conflict,
                        "Who invited you may not give this role any more. Ask for the invitation to be sent again.",
                    )
                    .into());
                }
                check_free_seat(seats, transaction.count_members(organization).await?, 0)?;
                let member = transaction.create_membership(organization, guest.user_id, old.role).await?;
                let fact = Fact::MemberJoined { membership_id: member.id, name };
                tell(&transaction, organization, &fact).await?;
                let closed = transaction
                    .close_invitation(&old, InvitationState::Accepted, Some(guest.user_id))
                    .await;
                let new = closed.map_err(changed_meanwhile)?;
                let mut values = new.audit_values();
                // Whoever comes in place of somebody takes their seat, as long as Stripe was not told that it is free.
                if transaction.retake_freed_seat(organization).await? {
                    values["seat"] = "kept".into();
                }
                let entry = AuditEntry::new(Some(organization), "invitation.accept", "invitation", new.id)
                    .changed(&old.audit_values(), &values);
                Answer::of(Resource::Member(member.id)).commit(transaction, actor, entry, idempotency.as_ref()).await
            }),
        )
        .await
    }

    /// What who invites is called.
    async fn sender(&self, actor: &Actor) -> Result<String, ServiceError> {
        let user = actor.user_id.ok_or(ServiceError::NotFound("organization"))?;
        self.name_of_person(user).await
    }
}

/// Refuses an address of a domain that the organization's security settings do not allow.
async fn check_domain(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    address: &str,
    path: &str,
) -> Result<(), ServiceError> {
    let domain = email::domain(address);
    if transaction.security_settings(organization).await?.admits_domain(domain) {
        return Ok(());
    }
    let message = format!("The organization's security settings do not allow addresses at {domain}.");
    Err(Refusal::bad_input(path, message).into())
}

/// Refuses to mail strangers without end. What was sent is counted in its rows, whichever process sent it.
async fn check_rate(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    address: &str,
    path: &str,
) -> Result<(), ServiceError> {
    let hour = transaction.now() - TimeDelta::hours(1);
    if transaction.count_invitations_sent(organization, hour).await? >= SENT_PER_HOUR {
        let message = format!(
            "An organization sends {SENT_PER_HOUR} invitations an hour at most, those that are sent again included. Try again later."
        );
        return Err(Refusal::at("", ErrorCode::RateLimited, message).into());
    }
    let day = transaction.now() - TimeDelta::days(1);
    if transaction.count_sent_to(address, day).await? >= SENT_TO_ADDRESS_PER_DAY {
        let message = format!(
            "This address was sent {SENT_TO_ADDRESS_PER_DAY} invitations within a day, and gets no more. Try again tomorrow."
        );
        return Err(Refusal::at(path, ErrorCode::RateLimited, message).into());
    }
    Ok(())
}

fn fact_of(invitation: &Invitation, invited_by: String) -> Fact {
    Fact::Invitation {
        invitation_id: invitation.id,
        version: invitation.version,
        email: invitation.email.clone(),
        invited_by,
        expires_at: invitation.expires_at,
    }
}

fn check_address(guest: &Guest, invitation: &Invitation) -> Result<(), Refusal> {
    let told = guest.verified_email.as_deref().and_then(|told| email::normalized(told).ok());
    let message = match told {
        Some(told) if told == invitation.email => return Ok(()),
        // Which one is not told: the token may have come to the wrong person.
        Some(_) => "This invitation is for another address. Sign in with the address that it was sent to.",
        None => {
            "Your sign-in tells no address that your identity provider has verified. Verify it there, and sign in again."
        }
    };
    Err(Refusal::at("token", ErrorCode::Forbidden, message))
}

async fn check_not_member(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    user: UserId,
) -> Result<(), ServiceError> {
    let Some(member) = transaction.find_member_by_user(organization, user).await? else { return Ok(()) };
    let message = match member.membership.status {
        MembershipStatus::Active => "You are a member already.",
        MembershipStatus::Suspended => "Your membership is suspended. An admin can reinstate it.",
    };
    Err(Refusal::at("token", ErrorCode::Conflict, message).into())
}

/// Refuses a session of before the person's last membership ended: it would not count in the new one.
async fn check_signed_in_since(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    actor: &Actor,
) -> Result<(), ServiceError> {
    let (Some(user), Some(session)) = (actor.user_id, &actor.session) else { return Ok(()) };
    let ended = transaction.membership_ended_at(organization, user).await?;
    match ended.and_then(|at| session.bar_since(at)) {
        Some(bar) => Err(Refusal::at("token", ErrorCode::Forbidden, bar.sentence()).into()),
        None => Ok(()),
    }
}

/// An invitation that is neither accepted nor taken back; late ones are.
async fn load(transaction: &WriteTransaction, input: InvitationInput) -> Result<Invitation, ServiceError> {
    let found = transaction.find_invitation(input.organization_id, input.invitation_id).await?;
    let found = found.ok_or(ServiceError::NotFound("invitation"))?;
    check_version(found.version, input.expected_version, "invitation")?;
    if found.state != InvitationState::Pending {
        check_open(&found, transaction.now(), "invitationId")?;
    }
    Ok(found)
}
