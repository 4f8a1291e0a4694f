//! Whom a fact reaches, and how.
//!
//! An organization says so in the section `notifications` of its settings:
//! `{"events": {"invoice_paid": {"channels": ["EMAIL", "IN_APP"], "roles": ["OWNER"], "addresses": ["a@b.example"]}}}`.
//! What it says nothing of reaches owners and admins, and what is about money those who keep the books, too.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Service;
use super::error::ServiceError;
use crate::domain::email;
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::membership::Role;
use crate::domain::notification::{Fact, Reader};
use crate::domain::notification_event::NotificationChannel;
use crate::domain::setting::{SettingDocument, SettingSection};

/// What an organization wants of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    channels: Vec<NotificationChannel>,
    roles: Vec<Role>,
    addresses: Vec<String>,
}

/// The same, as it stands in the settings. What this version cannot read is as if it were not there.
#[derive(Default, Deserialize)]
#[serde(default)]
struct StoredChoice {
    channels: Vec<String>,
    roles: Vec<String>,
    addresses: Vec<String>,
}

/// What the general settings say of their reader.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct General {
    locale: Option<String>,
    time_zone: Option<String>,
}

/// Whom a fact reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recipients {
    /// The addresses that get a mail.
    pub addresses: BTreeSet<String>,
    /// Who reads it in the application.
    pub people: BTreeSet<UserId>,
    /// Whether programs are told.
    pub programs: bool,
    /// For whom texts are written.
    pub reader: Reader,
}

fn document(settings: &[SettingDocument], section: SettingSection) -> serde_json::Value {
    let found = settings.iter().find(|part| part.section == section);
    found.map_or(serde_json::Value::Null, |part| part.document.clone())
}

/// For whom texts of an organization are written.
pub(super) fn reader_of(settings: &[SettingDocument]) -> Reader {
    let general: General =
        serde_json::from_value(document(settings, SettingSection::General)).unwrap_or_default();
    let usual = Reader::default();
    Reader {
        locale: general.locale.unwrap_or(usual.locale),
        time_zone: general.time_zone.unwrap_or(usual.time_zone),
    }
}

fn chosen(settings: &[SettingDocument], fact: &Fact) -> Option<Choice> {
    let notifications = document(settings, SettingSection::Notifications);
    let stored = notifications.get("events")?.get(fact.event()?.as_str())?;
    let stored: StoredChoice = serde_json::from_value(stored.clone()).ok()?;
    let word = |word: &String| word.to_ascii_lowercase();
    Some(Choice {
        channels: stored.channels.iter().filter_map(|it| NotificationChannel::parse(&word(it))).collect(),
        roles: stored.roles.iter().filter_map(|it| Role::parse(&word(it))).collect(),
        addresses: stored.addresses,
    })
}

/// What holds for an event of which the settings say nothing.
fn usual(settings: &[SettingDocument], fact: &Fact) -> Choice {
    let channels = NotificationChannel::ALL.to_vec();
    // Whoever is invited is told; that somebody is, only those who ask for it.
    if matches!(fact, Fact::Invitation { .. }) {
        let channels = vec![NotificationChannel::Webhook];
        return Choice { channels, roles: Vec::new(), addresses: Vec::new() };
    }
    let mut roles = vec![Role::Owner, Role::Admin];
    // What the gateway tells of itself: programs that do not answer are not told so.
    let channels = match fact.event() {
        Some(_) => channels,
        None => vec![NotificationChannel::Email, NotificationChannel::InApp],
    };
    let mut addresses = Vec::new();
    if fact.is_about_billing() {
        roles.push(Role::BillingManager);
        let billing = document(settings, SettingSection::Billing);
        let listed = billing.get("billingEmails").and_then(serde_json::Value::as_array);
        let listed = listed.into_iter().flatten().filter_map(serde_json::Value::as_str);
        addresses.extend(listed.map(str::to_owned));
    }
    Choice { channels, roles, addresses }
}

impl Service {
    /// Whom a fact of an organization reaches now.
    pub(super) async fn recipients_of(
        &self,
        organization: OrganizationId,
        fact: &Fact,
    ) -> Result<Recipients, ServiceError> {
        let settings =
            self.store.settings_of(&[organization]).await?.remove(&organization).unwrap_or_default();
        let choice = chosen(&settings, fact).unwrap_or_else(|| usual(&settings, fact));
        let has = |channel| choice.channels.contains(&channel);
        let members = if choice.roles.is_empty() {
            Vec::new()
        } else {
            self.store.members_in_roles(organization, &choice.roles).await?
        };
        let mut recipients = Recipients {
            programs: has(NotificationChannel::Webhook),
            reader: reader_of(&settings),
            ..Recipients::default()
        };
        if has(NotificationChannel::InApp) {
            recipients.people.extend(members.iter().map(|member| member.user.id));
        }
        if has(NotificationChannel::Email) {
            let of_members = members.iter().filter_map(|member| member.user.email.as_deref());
            let listed = of_members.chain(choice.addresses.iter().map(String::as_str));
            // Two spellings of one address are one address.
            recipients.addresses.extend(listed.filter_map(|address| email::normalized(address).ok()));
        }
        Ok(recipients)
    }
}
