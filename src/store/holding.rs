//! What somebody may do in an organization at the moment in which something is written there.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::api_key::find_key;
use super::membership::grant_of;
use super::session::bar_of;
use super::{StoreError, WriteTransaction};
use crate::domain::audit::Actor;
use crate::domain::ids::OrganizationId;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::session::Bar;

/// What an actor may do in an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing: they are no member that counts, or their key counts no more.
    Nothing,
    /// Nothing as they came: the organization asks more of a session than theirs can show.
    Barred(Bar),
    /// This, of their role, or of their key.
    Permissions(Permissions),
}

impl Held {
    /// Whether it is enough for what needs `permission`.
    pub fn suffices(self, permission: Permission) -> bool {
        matches!(self, Self::Permissions(permissions) if permissions.holds(permission))
    }
}

/// Asked within the transaction that holds the organization, so that nothing of it changes before it is committed.
pub(super) async fn held(
    conn: &impl ConnectionTrait,
    now: DateTime<Utc>,
    organization: OrganizationId,
    actor: &Actor,
) -> Result<Held, StoreError> {
    let Some(user) = actor.user_id else { return Ok(Held::Nothing) };
    if let Some(id) = actor.api_key_id {
        let address = actor.ip_address.as_deref().and_then(|address| address.parse().ok());
        let permissions = find_key(conn, id)
            .await?
            .filter(|it| it.key.organization_id == organization && it.key.counts(now))
            .filter(|it| it.security.key_bar(&it.key, address, now).is_none())
            .and_then(|it| Some(it.grant?.permissions.shared_with(it.key.scopes)));
        return Ok(permissions.map_or(Held::Nothing, Held::Permissions));
    }
    let Some(grant) = grant_of(conn, organization, user).await? else { return Ok(Held::Nothing) };
    if let Some(session) = &actor.session
        && let Some(bar) = bar_of(conn, now, organization, user, grant.role, session).await?
    {
        return Ok(Held::Barred(bar));
    }
    Ok(Held::Permissions(grant.permissions))
}

impl WriteTransaction {
    /// What an actor may do in an organization, which the transaction holds.
    pub async fn held(&self, organization: OrganizationId, actor: &Actor) -> Result<Held, StoreError> {
        held(&self.tx, self.now, organization, actor).await
    }
}
