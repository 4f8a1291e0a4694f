//! Whom a fact reaches, and how: as the organization's notification settings say, and to its billing addresses besides where
//! those name none for what is about money.

use std::collections::{BTreeMap, BTreeSet};

use super::Service;
use super::error::ServiceError;
use crate::domain::billing_details::BillingDetails;
use crate::domain::email;
use crate::domain::general_settings::GeneralSettings;
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::membership::Role;
use crate::domain::notification::{Fact, Reader};
use crate::domain::notification_event::NotificationChannel;
use crate::domain::notification_settings::{self, NotificationRule};
use crate::domain::setting::{SettingDocument, SettingSection};
use crate::domain::user::User;

/// Whom a fact reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recipients {
    /// The addresses that get a mail, with who is told there as a member, and for whom it is written. An address that is listed
    /// gets it whoever reads it.
    pub addresses: BTreeMap<String, (Option<UserId>, Reader)>,
    /// Who reads it in the application.
    pub people: BTreeSet<UserId>,
    /// Whether programs are told.
    pub programs: bool,
    /// For whom texts are written whose reader is not known.
    pub reader: Reader,
}

fn document(settings: &[SettingDocument], section: SettingSection) -> serde_json::Value {
    let found = settings.iter().find(|part| part.section == section);
    found.map_or(serde_json::Value::Null, |part| part.document.clone())
}

/// For whom texts of an organization are written, as far as their readers have told nothing of themselves.
pub(super) fn reader_of(settings: &[SettingDocument]) -> Reader {
    // What cannot be read keeps nobody from being told.
    let general =
        GeneralSettings::read(&document(settings, SettingSection::General), "", "").unwrap_or_default();
    let usual = Reader::default();
    Reader {
        locale: general.locale.unwrap_or(usual.locale),
        time_zone: general.time_zone.unwrap_or(usual.time_zone),
    }
}

/// For whom texts for a person are written: as their identity provider tells, and as the organization writes where it does not.
pub(super) fn reader_who(user: &User, usual: &Reader) -> Reader {
    Reader {
        locale: user.locale.clone().unwrap_or_else(|| usual.locale.clone()),
        time_zone: user.time_zone.clone().unwrap_or_else(|| usual.time_zone.clone()),
    }
}

/// What the organization wants of a fact.
fn rule_of(settings: &[SettingDocument], fact: &Fact) -> NotificationRule {
    let Some(event) = fact.event() else {
        // What the gateway tells of itself: programs that do not answer are not told so.
        return NotificationRule {
            channels: vec![NotificationChannel::Email, NotificationChannel::InApp],
            roles: vec![Role::Owner, Role::Admin],
            addresses: Vec::new(),
        };
    };
    let mut rule =
        notification_settings::parse(&document(settings, SettingSection::Notifications)).rule(event);
    if event.is_about_billing() && rule.addresses.is_empty() {
        let details = BillingDetails::read(&document(settings, SettingSection::Billing));
        rule.addresses = details.unwrap_or_default().billing_emails;
    }
    rule
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
        let rule = rule_of(&settings, fact);
        let has = |channel| rule.channels.contains(&channel);
        let members = if rule.roles.is_empty() {
            Vec::new()
        } else {
            self.store.members_in_roles(organization, &rule.roles).await?
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
            let usual = recipients.reader.clone();
            for member in &members {
                let address = member.user.email.as_deref().and_then(|it| email::normalized(it).ok());
                if let Some(address) = address {
                    let told = (Some(member.user.id), reader_who(&member.user, &usual));
                    recipients.addresses.insert(address, told);
                }
            }
            // Two spellings of one address are one address. What is listed stays, whoever reads it; a member who does reads it
            // in their language.
            for address in rule.addresses.iter().filter_map(|it| email::normalized(it).ok()) {
                let told = recipients.addresses.entry(address);
                told.and_modify(|(person, _)| *person = None).or_insert_with(|| (None, usual.clone()));
            }
        }
        Ok(recipients)
    }
}
