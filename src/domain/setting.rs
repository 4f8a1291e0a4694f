//! Settings: one versioned document for each part.

use chrono::{DateTime, Utc};

use super::ids::{OrganizationId, UserId};
use super::string_enum;

string_enum! {
    /// The parts of an organization's settings.
    SettingSection {
        /// Locale, time zone, logo, contacts.
        General => "general",
        /// Legal name, address, tax ids, billing emails, purchase-order number, net terms.
        Billing => "billing",
        /// Which event reaches whom, by which channel.
        Notifications => "notifications",
        /// What sign-in must satisfy.
        Security => "security",
    }
}

/// One part of an organization's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingDocument {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Which part.
    pub section: SettingSection,
    /// Counts the changes, for optimistic concurrency; zero when the part was never written.
    pub version: i64,
    /// The part itself.
    pub document: serde_json::Value,
    /// Who changed it last.
    pub updated_by: Option<UserId>,
    /// When it was changed last; `None` when the part was never written.
    pub updated_at: Option<DateTime<Utc>>,
}
