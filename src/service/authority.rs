//! What somebody may pass on, change and take away: nobody more than they hold themselves. Asked inside the transaction
//! that holds the organization, so that whoever lost a right a moment before has lost it, and whoever was signed out, or no
//! longer meets what the organization asks of sessions, is.

use super::error::{ErrorCode, Refusal, ServiceError};
use crate::domain::audit::{Actor, ActorKind};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::role::RoleChoice;
use crate::store::{Held, WriteTransaction};

/// Who acts in an organization, with what they hold at this moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Authority {
    /// The person, or whose key it is.
    pub user_id: UserId,
    /// What the person holds, or the key of it.
    pub permissions: Permissions,
}

/// The authority of an actor who needs `permission`. Whoever is no member any more is told what a stranger is told.
pub(super) async fn authority(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    actor: &Actor,
    permission: Permission,
) -> Result<Authority, ServiceError> {
    let user_id = actor.user_id.ok_or(ServiceError::NotFound("organization"))?;
    match transaction.held(organization, actor).await? {
        Held::Permissions(permissions) if permissions.holds(permission) => {
            Ok(Authority { user_id, permissions })
        }
        held => Err(refused(held, permission)),
    }
}

/// As [`authority`], for what Tollgate does itself as well, in whose name nobody acts.
pub(super) async fn check_still_held(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    actor: &Actor,
    permission: Permission,
) -> Result<(), ServiceError> {
    if matches!(actor.kind, ActorKind::User | ActorKind::ApiKey) {
        authority(transaction, organization, actor, permission).await?;
    }
    Ok(())
}

/// What an actor is told who holds too little for what needs `permission`.
pub(super) fn refused(held: Held, permission: Permission) -> ServiceError {
    let message = match held {
        Held::Nothing => return ServiceError::NotFound("organization"),
        Held::Barred(bar) => bar.sentence().to_owned(),
        Held::Permissions(_) => format!("You do not hold the permission {permission} any more."),
    };
    Refusal::at("", ErrorCode::Forbidden, message).into()
}

impl Authority {
    /// Refuses to act on whoever, or whatever, holds more than the actor.
    pub(super) fn check_over(self, other: Permissions, path: &str, what: &str) -> Result<(), Refusal> {
        let beyond = other.beyond(self.permissions);
        if beyond == Permissions::NONE {
            return Ok(());
        }
        let message = format!("This {what} holds what you do not: {beyond}. Ask somebody who holds it.");
        Err(Refusal::at(path, ErrorCode::Forbidden, message))
    }

    /// Refuses to pass on what the actor does not hold.
    pub(super) fn check_grant(self, granted: Permissions, path: &str) -> Result<(), Refusal> {
        let beyond = granted.beyond(self.permissions);
        if beyond == Permissions::NONE {
            return Ok(());
        }
        let message = format!("Nobody passes on what they do not hold, and you lack {beyond}.");
        Err(Refusal::at(path, ErrorCode::Forbidden, message))
    }
}

/// What a role of the organization holds.
pub(super) async fn permissions_of_role(
    transaction: &WriteTransaction,
    organization: OrganizationId,
    role: RoleChoice,
) -> Result<Permissions, ServiceError> {
    let Some(id) = role.role_id else { return Ok(role.role.permissions()) };
    match transaction.find_role(organization, id).await? {
        Some(role) => Ok(role.permissions),
        None => Err(Refusal::at("roleId", ErrorCode::NotFound, "There is no such role.").into()),
    }
}

/// Refuses a change that was decided on an older version.
pub(super) fn check_version(now: i64, expected: Option<i64>, what: &str) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != now => Err(Refusal::at(
            "expectedVersion",
            ErrorCode::Conflict,
            format!(
                "The {what} was changed meanwhile (version {now}, not {expected}). Read it again, and decide anew."
            ),
        )),
        _ => Ok(()),
    }
}
