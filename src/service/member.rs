//! Members: their roles, suspending and reinstating them, removing them, leaving, and handing an organization over.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::{Authority, authority, check_version, permissions_of_role};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::notification::{name_of, tell};
use super::seat::{SeatDecision, check_free_seat};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{MembershipId, OrganizationId, UserId};
use crate::domain::membership::{Membership, MembershipStatus, Role};
use crate::domain::notification::Fact;
use crate::domain::permission::Permission;
use crate::domain::role::RoleChoice;
use crate::store::{Member, NewIdempotencyRecord, StoreError, WriteTransaction};

/// A member that something is to be done to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MemberInput {
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// Which membership.
    pub membership_id: MembershipId,
    /// The version that it was decided on, if that matters.
    pub expected_version: Option<i64>,
}

/// A role to be given to a member.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MemberRoleChangeInput {
    /// Which member.
    pub member: MemberInput,
    /// The role.
    pub role: RoleChoice,
}

/// An organization to be handed over.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OwnershipTransferInput {
    /// The member who becomes its owner.
    pub member: MemberInput,
    /// What the owner of before becomes.
    pub previous_owner_role: Role,
}

/// How a membership stops counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Suspend,
    Remove,
    Leave,
}

fn changed_meanwhile(error: StoreError) -> ServiceError {
    match error {
        StoreError::Changed(_) => {
            Refusal::conflict("The member was changed meanwhile. Read again, and decide anew.").into()
        }
        error => error.into(),
    }
}

async fn load_member(transaction: &WriteTransaction, input: MemberInput) -> Result<Member, ServiceError> {
    transaction
        .find_member(input.organization_id, input.membership_id)
        .await?
        .ok_or(ServiceError::NotFound("member"))
}

/// Refuses to leave an organization without an owner. The transaction holds the organization, so that no two owners can
/// go at once.
async fn check_owner_stays(transaction: &WriteTransaction, member: &Membership) -> Result<(), ServiceError> {
    let is_owner = member.role.role == Role::Owner && member.status == MembershipStatus::Active;
    if is_owner && transaction.count_other_owners(member.organization_id, member.id).await? == 0 {
        return Err(Refusal::conflict(
            "This is the organization's only owner. Make somebody else an owner first, with memberRoleChange or \
             organizationOwnershipTransfer.",
        )
        .into());
    }
    Ok(())
}

/// Writes down that a member has another role.
async fn tell_role(transaction: &WriteTransaction, new: &Membership) -> Result<(), ServiceError> {
    let member = transaction.find_member(new.organization_id, new.id).await?;
    let member = member.ok_or(ServiceError::NotFound("member"))?;
    let fact = Fact::MemberRoleChanged {
        membership_id: new.id,
        version: new.version,
        name: name_of(&member.user),
        role: new.role.role,
        role_name: member.custom_role.map(|role| role.name),
    };
    tell(transaction, new.organization_id, &fact).await
}

impl Service {
    /// Gives a member another role.
    pub async fn change_member_role(
        &self,
        actor: &Actor,
        input: MemberRoleChangeInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.member.organization_id;
                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::MembersWrite).await?;
                let member = load_member(&transaction, input.member).await?;
                let old = &member.membership;
                check_version(old.version, input.member.expected_version, "member")?;
                by.check_over(member.permissions(), "memberId", "member")?;
                let granted = permissions_of_role(&transaction, organization, input.role).await?;
                by.check_grant(granted, "role")?;
                if old.role == input.role {
                    return Err(Refusal::conflict("The member has this role already.").into());
                }
                if input.role.role != Role::Owner {
                    check_owner_stays(&transaction, old).await?;
                }
                let changed = transaction.change_membership(old, input.role, old.status).await;
                let new = changed.map_err(changed_meanwhile)?;
                tell_role(&transaction, &new).await?;
                let entry = AuditEntry::new(Some(organization), "member.role_change", "membership", new.id)
                    .changed(&old.audit_values(), &new.audit_values());
                Answer::of(Resource::Member(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Suspends a member: from the commit on the person is nobody in the organization, their keys are revoked, their sessions
    /// are over for good, and their seat is released as the organization wants it.
    pub async fn suspend_member(
        &self,
        actor: &Actor,
        input: MemberInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(self.end(actor, input, Ending::Suspend, idempotency.as_ref())),
        )
        .await
    }

    /// Removes a member, as [`Service::suspend_member`] and for good.
    pub async fn remove_member(
        &self,
        actor: &Actor,
        input: MemberInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(self.end(actor, input, Ending::Remove, idempotency.as_ref())),
        )
        .await
    }

    /// Lets a person leave an organization.
    pub async fn leave_organization(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        user: UserId,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&organization)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let found = self.store.find_member_by_user(organization, user).await?;
                let member = found.ok_or(ServiceError::NotFound("organization"))?.membership;
                let input = MemberInput {
                    organization_id: organization,
                    membership_id: member.id,
                    expected_version: None,
                };
                self.end(actor, input, Ending::Leave, idempotency.as_ref()).await
            }),
        )
        .await
    }

    /// One step: the membership, the person's keys and invitations, the seat, and one record of all of it.
    async fn end(
        &self,
        actor: &Actor,
        input: MemberInput,
        ending: Ending,
        idempotency: Option<&NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        let organization = input.organization_id;
        let seen = self.store.members(&[input.membership_id]).await?.pop().map(|member| member.membership);
        let held_seat = seen.as_ref().is_some_and(|member| member.status == MembershipStatus::Active);
        let seat = if held_seat { self.decide_seats(organization, 1).await? } else { SeatDecision::Stay };

        let transaction = self.store.begin_in(organization).await?;
        let needed =
            if ending == Ending::Leave { Permission::OrganizationRead } else { Permission::MembersWrite };
        let by = authority(&transaction, organization, actor, needed).await?;
        let member = load_member(&transaction, input).await?;
        let old = &member.membership;
        check_version(old.version, input.expected_version, "member")?;
        check_may_end(by, &member, ending)?;
        if seen.as_ref().map(|seen| seen.status) != Some(old.status) {
            return Err(changed_meanwhile(StoreError::Changed("membership")));
        }
        check_owner_stays(&transaction, old).await?;
        let (user, name) = (old.user_id, name_of(&member.user));
        let (mut values, fact) = match ending {
            Ending::Suspend => {
                let suspended = MembershipStatus::Suspended;
                let changed = transaction.change_membership(old, old.role, suspended).await;
                let new = changed.map_err(changed_meanwhile)?;
                let fact = Fact::MemberSuspended { membership_id: new.id, version: new.version, name };
                (serde_json::json!({ "status": new.status }), fact)
            }
            Ending::Remove | Ending::Leave => {
                transaction.delete_membership(old).await.map_err(changed_meanwhile)?;
                let fact = Fact::MemberRemoved { membership_id: old.id, name };
                (serde_json::json!({ "status": "ended" }), fact)
            }
        };
        tell(&transaction, organization, &fact).await?;
        let keys = transaction.revoke_keys_of(organization, user).await?;
        let invitations = transaction.revoke_invitations_by(organization, user).await?;
        let released = self.release_seat(&transaction, organization, seat, actor).await?;
        // Not "keys": what is named so is left out of records.
        values["revokedAccess"] = serde_json::json!(keys);
        values["revokedInvitations"] = serde_json::json!(invitations);
        values["seat"] = released.word.into();
        if let Some(operation) = &released.operation {
            values["operationId"] = serde_json::json!(operation.operation.id);
        }
        let action = match ending {
            Ending::Suspend => "member.suspend",
            Ending::Remove => "member.remove",
            Ending::Leave => "organization.leave",
        };
        let entry = AuditEntry::new(Some(organization), action, "membership", old.id)
            .ended(old.audit_values(), values);
        let answer = Answer {
            operation: released.operation.map(|record| record.operation),
            ..Answer::of(Resource::Member(old.id))
        };
        answer.commit(transaction, actor, entry, idempotency).await
    }

    /// Lets a suspended member in again. Keys that were revoked stay so.
    pub async fn reinstate_member(
        &self,
        actor: &Actor,
        input: MemberInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let seats = self.seats_of(organization).await?;
                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::MembersWrite).await?;
                let member = load_member(&transaction, input).await?;
                let old = &member.membership;
                check_version(old.version, input.expected_version, "member")?;
                by.check_over(member.permissions(), "memberId", "member")?;
                if old.status == MembershipStatus::Active {
                    return Err(Refusal::conflict("The member is not suspended.").into());
                }
                let members = transaction.count_members(organization).await?;
                let invited = transaction.count_open_invitations(organization).await?;
                check_free_seat(seats, members, invited)?;
                let changed = transaction.change_membership(old, old.role, MembershipStatus::Active).await;
                let new = changed.map_err(changed_meanwhile)?;
                let name = name_of(&member.user);
                let fact = Fact::MemberReinstated { membership_id: new.id, version: new.version, name };
                tell(&transaction, organization, &fact).await?;
                let entry = AuditEntry::new(Some(organization), "member.reinstate", "membership", new.id)
                    .changed(&old.audit_values(), &new.audit_values());
                Answer::of(Resource::Member(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Hands an organization over: the member becomes an owner, and the caller what they choose.
    pub async fn transfer_ownership(
        &self,
        actor: &Actor,
        input: OwnershipTransferInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.member.organization_id;
                if matches!(input.previous_owner_role, Role::Owner | Role::Custom) {
                    return Err(Refusal::bad_input(
                        "previousOwnerRole",
                        "The previous owner becomes ADMIN, BILLING_MANAGER, AUDITOR or MEMBER. To have two owners, give \
                         the role OWNER with memberRoleChange.",
                    )
                    .into());
                }
                let transaction = self.store.begin_in(organization).await?;
                let by =
                    authority(&transaction, organization, actor, Permission::OrganizationTransfer).await?;
                let heir = load_member(&transaction, input.member).await?.membership;
                check_version(heir.version, input.member.expected_version, "member")?;
                let own = transaction.find_member_by_user(organization, by.user_id).await?;
                let own = own.ok_or(ServiceError::NotFound("organization"))?.membership;
                if heir.status == MembershipStatus::Suspended {
                    return Err(Refusal::at(
                        "memberId",
                        ErrorCode::Conflict,
                        "This member is suspended. Reinstate them first.",
                    )
                    .into());
                }
                if heir.role.role == Role::Owner {
                    let message = "This member is an owner already.";
                    return Err(Refusal::at("memberId", ErrorCode::Conflict, message).into());
                }
                let owner = RoleChoice::built_in(Role::Owner);
                let new = transaction.change_membership(&heir, owner, heir.status).await;
                let new = new.map_err(changed_meanwhile)?;
                let role = RoleChoice::built_in(input.previous_owner_role);
                let previous = transaction.change_membership(&own, role, own.status).await;
                tell_role(&transaction, &new).await?;
                tell_role(&transaction, &previous.map_err(changed_meanwhile)?).await?;
                let before = serde_json::json!({
                    "role": heir.role.role, "roleId": heir.role.role_id, "previousOwnerRole": own.role.role,
                });
                // To whom and from whom stands in what is new: what is equal on both sides is left out.
                let after = serde_json::json!({
                    "role": new.role.role, "roleId": new.role.role_id,
                    "previousOwnerRole": input.previous_owner_role,
                    "membershipId": new.id, "userId": new.user_id, "previousOwnerMembershipId": own.id,
                });
                let entry = AuditEntry::new(
                    Some(organization),
                    "organization.ownership_transfer",
                    "organization",
                    organization,
                )
                .changed(&before, &after);
                Answer::of(Resource::Member(new.id)).commit(transaction, actor, entry, idempotency.as_ref()).await
            }),
        )
        .await
    }
}

/// Refuses to end a membership that the actor has nothing to say about, or that has ended already.
fn check_may_end(by: Authority, member: &Member, ending: Ending) -> Result<(), Refusal> {
    let membership = &member.membership;
    if ending == Ending::Leave {
        return Ok(());
    }
    if membership.user_id == by.user_id {
        return Err(Refusal::at(
            "memberId",
            ErrorCode::Conflict,
            "This is you. Leave with organizationLeave.",
        ));
    }
    by.check_over(member.permissions(), "memberId", "member")?;
    if ending == Ending::Suspend && membership.status == MembershipStatus::Suspended {
        return Err(Refusal::conflict("The member is suspended already."));
    }
    Ok(())
}
