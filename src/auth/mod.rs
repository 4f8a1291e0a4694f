//! Who is calling, and what they may do.

pub mod jwks;
pub mod policy;
pub mod token;

use std::collections::HashMap;

use crate::domain::audit::{Actor, ActorKind};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::membership::Role;
use crate::domain::user::User;

pub use policy::{Denial, POLICY, Rule};
pub use token::{TokenClaims, TokenError, TokenIssuer, TokenVerifier, TrustedIssuer, VerifiedToken};

/// Who is calling, and from where. Made once for each request.
#[derive(Clone, Debug)]
pub struct Viewer {
    user: Option<User>,
    roles: HashMap<OrganizationId, Role>,
    actor: Actor,
}

impl Viewer {
    /// A caller without a token.
    pub fn anonymous(actor: Actor) -> Self {
        Self {
            user: None,
            roles: HashMap::new(),
            actor: Actor { kind: ActorKind::User, user_id: None, ..actor },
        }
    }

    /// A caller whose token was verified.
    pub fn signed_in(user: User, roles: HashMap<OrganizationId, Role>, actor: Actor) -> Self {
        let actor = Actor { kind: ActorKind::User, user_id: Some(user.id), ..actor };
        Self { user: Some(user), roles, actor }
    }

    /// The person, when there is a valid token.
    pub const fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// The person's id, when there is a valid token.
    pub fn user_id(&self) -> Option<UserId> {
        self.user.as_ref().map(|user| user.id)
    }

    /// Whether there is a valid token.
    pub const fn is_signed_in(&self) -> bool {
        self.user.is_some()
    }

    /// Whether the person works for the platform.
    pub fn is_platform_staff(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.is_platform_staff)
    }

    /// The person's role in an organization.
    pub fn role_in(&self, organization: OrganizationId) -> Option<Role> {
        self.roles.get(&organization).copied()
    }

    /// The organizations the person belongs to.
    pub fn organizations(&self) -> impl Iterator<Item = OrganizationId> + '_ {
        self.roles.keys().copied()
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
