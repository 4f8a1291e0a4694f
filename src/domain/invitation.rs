//! Invitations into an organization.

use chrono::{DateTime, TimeDelta, Utc};

use super::ids::{InvitationId, OrganizationId, UserId};
use super::role::RoleChoice;
use super::string_enum;

/// How long an invitation counts when nothing is said.
pub const LASTS: TimeDelta = TimeDelta::days(7);
/// The shortest and the longest time that can be asked for.
pub const LASTS_AT_LEAST: TimeDelta = TimeDelta::hours(1);
/// The longest.
pub const LASTS_AT_MOST: TimeDelta = TimeDelta::days(30);

/// Invitations that an organization sends within an hour at most: they are mails to people who did not ask for them.
pub const SENT_PER_HOUR: u64 = 50;
/// Invitations that one address is sent within a day at most, by all organizations.
pub const SENT_TO_ADDRESS_PER_DAY: u64 = 5;

string_enum! {
    /// What became of an invitation. That it is too late is not stored: it is told by the clock.
    InvitationState {
        /// Nobody has accepted it.
        Pending => "pending",
        /// Somebody has.
        Accepted => "accepted",
        /// It was taken back.
        Revoked => "revoked",
        /// It was too late, and another one took its place.
        Replaced => "replaced",
    }
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Our id.
    pub id: InvitationId,
    /// Into which organization.
    pub organization_id: OrganizationId,
    /// The invited address, normalized.
    pub email: String,
    /// The role it gives.
    pub role: RoleChoice,
    /// What became of it.
    pub state: InvitationState,
    /// Whose rights it passes on: who invited, or sent it again last.
    pub invited_by: UserId,
    /// Who accepted it.
    pub accepted_by: Option<UserId>,
    /// From then on it cannot be accepted.
    pub expires_at: DateTime<Utc>,
    /// When it was accepted, revoked or replaced.
    pub closed_at: Option<DateTime<Utc>>,
    /// Counts the changes, for optimistic concurrency.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Invitation {
    /// Whether it can be accepted at `now`.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.state == InvitationState::Pending && now < self.expires_at
    }

    /// What audit records keep of it. Never the token.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "email": self.email,
            "role": self.role.role,
            "roleId": self.role.role_id,
            "state": self.state,
            "expiresAt": self.expires_at,
            "acceptedBy": self.accepted_by,
        })
    }
}
