//! A person, known by (issuer, subject) and never by email.

use chrono::{DateTime, Utc};

use super::ids::UserId;

/// A person who has signed in at least once, or was named by a demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Our id.
    pub id: UserId,
    /// Who vouches for the person: the token's `iss`.
    pub issuer: String,
    /// The person's id at the issuer: the token's `sub`.
    pub subject: String,
    /// The address the issuer told last; not an identity.
    pub email: Option<String>,
    /// The name the issuer told last.
    pub name: Option<String>,
    /// How texts for the person are written: the locale the issuer told last, a BCP 47 tag.
    pub locale: Option<String>,
    /// On which clock the person reads times: the time zone the issuer told last.
    pub time_zone: Option<String>,
    /// Whether the person works for the platform itself: catalogue, all organizations, webhook replay.
    pub is_platform_staff: bool,
    /// When the token was made that told this; `None` when it did not say.
    pub told_at: Option<DateTime<Utc>>,
    /// First sight.
    pub created_at: DateTime<Utc>,
    /// Last change of what the issuer tells.
    pub updated_at: DateTime<Utc>,
}
