//! What somebody may pass on, change and take away: nobody more than they hold themselves. Asked inside the transaction
//! that holds the organization, so that whoever lost a right a moment before has lost it, and whoever was signed out, or no
//! longer meets what the organization asks of sessions, is.

use std::net::IpAddr;

use super::error::{ErrorCode, Refusal, ServiceError};
use crate::domain::audit::Actor;
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::role::RoleChoice;
use crate::store::WriteTransaction;

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
    let permissions = match actor.api_key_id {
        None => {
            let grant = transaction.grant_of(organization, user_id).await?;
            if let (Some(grant), Some(session)) = (&grant, &actor.session) {
                let bar = transaction.bar_of(organization, user_id, grant.role, session).await?;
                if let Some(bar) = bar {
                    return Err(Refusal::at("", ErrorCode::Forbidden, bar.sentence()).into());
                }
            }
            grant.map(|grant| grant.permissions)
        }
        Some(id) => transaction
            .find_key(id)
            .await?
            .filter(|it| it.key.organization_id == organization && it.key.counts(transaction.now()))
            .filter(|it| it.security.key_bar(&it.key, address_of(actor), transaction.now()).is_none())
            .and_then(|it| Some(it.grant?.permissions.shared_with(it.key.scopes))),
    };
    let permissions = permissions.ok_or(ServiceError::NotFound("organization"))?;
    if !permissions.holds(permission) {
        let message = format!("You do not hold the permission {permission} any more.");
        return Err(Refusal::at("", ErrorCode::Forbidden, message).into());
    }
    Ok(Authority { user_id, permissions })
}

fn address_of(actor: &Actor) -> Option<IpAddr> {
    actor.ip_address.as_deref().and_then(|address| address.parse().ok())
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
