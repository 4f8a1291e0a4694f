//! Who is calling, and what they may do.

pub mod jwks;
pub mod policy;
pub mod table;
pub mod token;

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::api_key::ApiKey;
use crate::domain::audit::{Actor, ActorKind};
use crate::domain::clock::Clock;
use crate::domain::ids::{ApiKeyId, OrganizationId, UserId};
use crate::domain::membership::Role;
use crate::domain::permission::Permissions;
use crate::domain::role::Grant;
use crate::domain::security_settings::Standing;
use crate::domain::session::{Bar, Session};
use crate::domain::user::User;

pub use policy::{Denial, FOR_PEOPLE, POLICY, Rule};
pub use token::{TokenClaims, TokenError, TokenIssuer, TokenVerifier, TrustedIssuer, VerifiedToken};

/// How somebody showed who they are.
#[derive(Clone, Debug)]
enum Caller {
    /// Not at all.
    Nobody,
    /// A person, with a token.
    Person {
        user: User,
        /// The address that this very token tells and its issuer has verified.
        email: Option<String>,
    },
    /// A program, with a person's API key.
    Key {
        key: Box<ApiKey>,
        /// Whose it is.
        user: User,
    },
}

/// Who is calling, and from where. Made once for each request.
#[derive(Clone, Debug)]
pub struct Viewer {
    caller: Caller,
    grants: HashMap<OrganizationId, Grant>,
    /// Where the caller belongs and may not act as they came.
    bars: HashMap<OrganizationId, Bar>,
    /// When the caller's session ends by itself, in each organization where it does.
    lapses: HashMap<OrganizationId, DateTime<Utc>>,
    actor: Actor,
}

impl Viewer {
    /// A caller without a token.
    pub fn anonymous(actor: Actor) -> Self {
        Self {
            caller: Caller::Nobody,
            grants: HashMap::new(),
            bars: HashMap::new(),
            lapses: HashMap::new(),
            actor: Actor {
                kind: ActorKind::User,
                user_id: None,
                api_key_id: None,
                session: None,
                is_staff: false,
                ..actor
            },
        }
    }

    /// A caller whose token was verified, with the address that it told.
    pub fn signed_in(
        user: User,
        email: Option<String>,
        grants: HashMap<OrganizationId, Grant>,
        actor: Actor,
    ) -> Self {
        let actor = Actor {
            kind: ActorKind::User,
            user_id: Some(user.id),
            api_key_id: None,
            is_staff: user.is_platform_staff,
            ..actor
        };
        let caller = Caller::Person { user, email };
        Self { caller, grants, bars: HashMap::new(), lapses: HashMap::new(), actor }
    }

    /// The same caller, held to what each organization asks of a session.
    pub fn in_session(
        mut self,
        came: Session,
        standings: &HashMap<OrganizationId, Standing>,
        now: DateTime<Utc>,
    ) -> Self {
        for (id, grant) in &self.grants {
            let Some(standing) = standings.get(id) else { continue };
            match standing.bar(grant.role, &came, now) {
                Some(bar) => {
                    self.bars.insert(*id, bar);
                }
                None => self.lapses.extend(standing.lapses_at(&came).map(|at| (*id, at))),
            }
        }
        self.actor.session = Some(Box::new(came));
        self
    }

    /// A caller with an API key that counts. It holds what it was given, as far as its person holds it now.
    pub fn api_key(key: ApiKey, user: User, grant: Grant, actor: Actor) -> Self {
        let actor = Actor {
            kind: ActorKind::ApiKey,
            user_id: Some(user.id),
            api_key_id: Some(key.id),
            session: None,
            is_staff: false,
            ..actor
        };
        let grant = Grant { permissions: grant.permissions.shared_with(key.scopes), ..grant };
        let grants = [(key.organization_id, grant)].into();
        let caller = Caller::Key { key: Box::new(key), user };
        Self { caller, grants, bars: HashMap::new(), lapses: HashMap::new(), actor }
    }

    /// The person, when there is a valid token. A program is none, whosever key it has.
    pub const fn user(&self) -> Option<&User> {
        match &self.caller {
            Caller::Person { user, .. } => Some(user),
            Caller::Nobody | Caller::Key { .. } => None,
        }
    }

    /// The person's id, when there is a valid token.
    pub fn user_id(&self) -> Option<UserId> {
        self.user().map(|user| user.id)
    }

    /// The address that the token of this request tells, when its issuer has verified it.
    pub fn verified_email(&self) -> Option<&str> {
        match &self.caller {
            Caller::Person { email, .. } => email.as_deref(),
            Caller::Nobody | Caller::Key { .. } => None,
        }
    }

    /// How the person signed in, when there is a valid token of a session.
    pub fn session(&self) -> Option<&Session> {
        self.actor.session.as_deref()
    }

    /// Why the caller may not act in an organization to which they belong.
    pub fn bar_in(&self, organization: OrganizationId) -> Option<Bar> {
        self.bars.get(&organization).copied()
    }

    /// Whether the caller belongs to an organization and may act in it as they came.
    pub fn acts_in(&self, organization: OrganizationId) -> bool {
        self.grants.contains_key(&organization) && !self.bars.contains_key(&organization)
    }

    /// Whether there is any organization that the caller belongs to and may act in, or all of them: staff look at each.
    pub fn acts_anywhere(&self) -> bool {
        self.is_platform_staff() || self.organizations().any(|id| self.acts_in(id))
    }

    /// When the caller's session ends by itself in an organization; `None` when it does not, or has.
    pub fn lapses_in(&self, organization: OrganizationId) -> Option<DateTime<Utc>> {
        self.lapses.get(&organization).copied()
    }

    /// When it ends by itself first, in any of the organizations they act in.
    pub fn lapses_first(&self) -> Option<DateTime<Utc>> {
        self.lapses.values().min().copied()
    }

    /// The API key, when a program is calling.
    pub fn key(&self) -> Option<&ApiKey> {
        match &self.caller {
            Caller::Key { key, .. } => Some(key.as_ref()),
            Caller::Nobody | Caller::Person { .. } => None,
        }
    }

    /// Whose rights count: the person's, or those of the person whose key it is.
    pub const fn holder_id(&self) -> Option<UserId> {
        match &self.caller {
            Caller::Person { user, .. } | Caller::Key { user, .. } => Some(user.id),
            Caller::Nobody => None,
        }
    }

    /// The key's id, when a program is calling.
    pub fn key_id(&self) -> Option<ApiKeyId> {
        self.key().map(|key| key.id)
    }

    /// Whether somebody is known to be calling: a person or a program.
    pub const fn is_signed_in(&self) -> bool {
        !matches!(self.caller, Caller::Nobody)
    }

    /// Whether the person works for the platform. No key does.
    pub fn is_platform_staff(&self) -> bool {
        self.user().is_some_and(|user| user.is_platform_staff)
    }

    /// The caller's role in an organization.
    pub fn role_in(&self, organization: OrganizationId) -> Option<Role> {
        self.grants.get(&organization).map(|grant| grant.role)
    }

    /// What the caller's role in an organization holds; nothing for a stranger.
    pub fn permissions_in(&self, organization: OrganizationId) -> Permissions {
        self.grants.get(&organization).map_or(Permissions::NONE, |grant| grant.permissions)
    }

    /// The organizations the caller belongs to.
    pub fn organizations(&self) -> impl Iterator<Item = OrganizationId> + '_ {
        self.grants.keys().copied()
    }

    /// What audit records say of the caller.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The request's id.
    pub fn request_id(&self) -> &str {
        self.actor.request_id.as_deref().unwrap_or_default()
    }
}

/// Waits until a session ends by itself; for ever when it does not. By then it may have been seen again, so whoever waits looks
/// again.
pub async fn lapse(at: Option<DateTime<Utc>>, clock: &dyn Clock) {
    match at {
        Some(at) => {
            let left = (at - clock.now()).to_std().unwrap_or_default();
            tokio::time::sleep(left.max(Duration::from_millis(50))).await;
        }
        None => std::future::pending().await,
    }
}
