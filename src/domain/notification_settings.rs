//! Notification settings: which event reaches whom, and on which ways.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::email;
use super::membership::Role;
use super::notification_event::{NotificationChannel, NotificationEvent};
use super::setting::{FieldChecks, Patch};

/// Addresses of one event at most.
pub const MAXIMUM_ADDRESSES: usize = 20;

/// Whom an event reaches, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NotificationRule {
    /// The ways; by none the event is not told.
    pub channels: Vec<NotificationChannel>,
    /// The roles whose members are told.
    pub roles: Vec<Role>,
    /// Addresses that are told besides, by mail.
    pub addresses: Vec<String>,
}

/// The document: a rule under each event's word. What is not there is as [`default_rule`] says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationSettings {
    rules: BTreeMap<String, NotificationRule>,
}

/// What counts for an event about which nobody has decided: owners and admins hear of it on every way, and those who keep the
/// books, too, of what is about money.
pub fn default_rule(event: NotificationEvent) -> NotificationRule {
    let (channels, roles): (&[NotificationChannel], &[Role]) = match event {
        // Who is invited is mailed in any case: nobody else tells them. Members see it in the list.
        NotificationEvent::Invitation => (&[NotificationChannel::Webhook], &[]),
        event if event.is_about_billing() => {
            (NotificationChannel::ALL, &[Role::Owner, Role::Admin, Role::BillingManager])
        }
        _ => (NotificationChannel::ALL, &[Role::Owner, Role::Admin]),
    };
    NotificationRule { channels: channels.to_vec(), roles: roles.to_vec(), addresses: Vec::new() }
}

/// Reads a document. An event, a way or a role of a later version is left out.
pub fn parse(document: &serde_json::Value) -> NotificationSettings {
    let words = |rule: &serde_json::Value, name: &str| -> Vec<String> {
        let listed = rule.get(name).and_then(serde_json::Value::as_array);
        listed.into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    let events = document.get("events").and_then(serde_json::Value::as_object);
    let rules = events.into_iter().flatten().filter(|(word, _)| NotificationEvent::parse(word).is_some());
    NotificationSettings {
        rules: rules
            .map(|(word, rule)| {
                let rule = NotificationRule {
                    channels: words(rule, "channels")
                        .iter()
                        .filter_map(|it| NotificationChannel::parse(it))
                        .collect(),
                    roles: words(rule, "roles").iter().filter_map(|it| Role::parse(it)).collect(),
                    addresses: words(rule, "addresses"),
                };
                (word.clone(), rule)
            })
            .collect(),
    }
}

/// The document, as nothing but what is known may stand in it.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    events: BTreeMap<String, NotificationRule>,
}

/// What is to become of one event's rule.
#[derive(Clone, Debug, Serialize)]
pub struct NotificationRulePatch {
    /// Which event.
    pub event: NotificationEvent,
    /// The ways, all of them.
    pub channels: Patch<Vec<NotificationChannel>>,
    /// The roles, all of them.
    pub roles: Patch<Vec<Role>>,
    /// The addresses, all of them.
    pub addresses: Patch<Vec<String>>,
}

/// Why a rule was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RuleError {
    /// An event that nothing is known of.
    #[error("There is no such event.")]
    Event,
    /// Twice the same event.
    #[error("This event is named twice.")]
    Twice,
    /// A role that nothing is known of.
    #[error("Name built-in roles. Who has a role of the organization's own is reached by address.")]
    Role,
}

impl NotificationSettings {
    /// The settings in a document that is to be written over: an event of another version stays in it, and what cannot be
    /// read is not left out.
    pub fn read(document: &serde_json::Value) -> Result<Self, serde_json::Error> {
        let Document { events } = serde_json::from_value(document.clone())?;
        Ok(Self { rules: events })
    }

    /// The settings by the rules of today, or what is wrong with them.
    pub fn checked(self) -> Result<Self, FieldChecks> {
        let (mut new, mut checks) = (Self::default(), FieldChecks::default());
        for (word, rule) in self.rules {
            let path = format!("events.{word}");
            let Some(event) = NotificationEvent::parse(&word) else {
                checks.refuse(&path, RuleError::Event);
                continue;
            };
            let patch = NotificationRulePatch {
                event,
                channels: Patch::Set(rule.channels),
                roles: Patch::Set(rule.roles),
                addresses: Patch::Set(rule.addresses),
            };
            match new.patched(vec![patch]) {
                Ok(patched) => new = patched,
                Err(wrong) => {
                    for error in wrong.0 {
                        checks.refuse(&error.path.replacen("events.0", &path, 1), error.message);
                    }
                }
            }
        }
        if checks.0.is_empty() { Ok(new) } else { Err(checks) }
    }

    /// The rule of every event, whether somebody decided it or it is as usual.
    pub fn spelled_out(&self) -> serde_json::Value {
        let mut rules = self.rules.clone();
        for &event in NotificationEvent::ALL {
            rules.entry(event.as_str().to_owned()).or_insert_with(|| default_rule(event));
        }
        serde_json::json!({ "events": rules })
    }

    /// The rule that counts for an event.
    pub fn rule(&self, event: NotificationEvent) -> NotificationRule {
        self.rules.get(event.as_str()).cloned().unwrap_or_else(|| default_rule(event))
    }

    /// As it is stored.
    pub fn document(&self) -> serde_json::Value {
        serde_json::json!({ "events": self.rules })
    }

    /// The rules in which these settings differ from others, for records. Under their events' words some would be taken for
    /// secrets: `api_key_created`.
    pub fn differing_from(&self, other: &Self) -> serde_json::Value {
        let differing = NotificationEvent::ALL.iter().filter(|&&event| self.rule(event) != other.rule(event));
        let recorded = |&event: &NotificationEvent| {
            let NotificationRule { channels, roles, addresses } = self.rule(event);
            serde_json::json!({ "event": event, "channels": channels, "roles": roles, "addresses": addresses })
        };
        serde_json::json!({ "rules": differing.map(recorded).collect::<Vec<_>>() })
    }

    /// The settings with what is asked for, or what is wrong with it.
    pub fn patched(&self, patches: Vec<NotificationRulePatch>) -> Result<Self, FieldChecks> {
        let (mut new, mut checks) = (self.clone(), FieldChecks::default());
        let mut seen = Vec::new();
        for (place, patch) in patches.into_iter().enumerate() {
            let path = format!("events.{place}");
            if seen.contains(&patch.event) {
                checks.refuse(&path, RuleError::Twice);
                continue;
            }
            seen.push(patch.event);
            let usual = default_rule(patch.event);
            let mut rule = new.rule(patch.event);
            match patch.channels {
                Patch::Keep => {}
                Patch::Clear => rule.channels = usual.channels,
                Patch::Set(channels) => {
                    rule.channels =
                        NotificationChannel::ALL.iter().copied().filter(|it| channels.contains(it)).collect();
                }
            }
            match patch.roles {
                Patch::Keep => {}
                Patch::Clear => rule.roles = usual.roles,
                Patch::Set(roles) if roles.contains(&Role::Custom) => {
                    checks.refuse(&format!("{path}.roles"), RuleError::Role);
                }
                Patch::Set(roles) => {
                    rule.roles = Role::ALL.iter().copied().filter(|it| roles.contains(it)).collect();
                }
            }
            match patch.addresses {
                Patch::Keep => {}
                Patch::Clear => rule.addresses = usual.addresses,
                Patch::Set(addresses) => {
                    let path = format!("{path}.addresses");
                    let checked =
                        checks.list(&path, addresses, MAXIMUM_ADDRESSES, |it| email::normalized(&it));
                    rule.addresses.clear();
                    for address in checked {
                        if !rule.addresses.contains(&address) {
                            rule.addresses.push(address);
                        }
                    }
                }
            }
            if rule == default_rule(patch.event) {
                // What is usual stays so when a later version makes something else usual.
                new.rules.remove(patch.event.as_str());
            } else {
                new.rules.insert(patch.event.as_str().to_owned(), rule);
            }
        }
        if checks.0.is_empty() { Ok(new) } else { Err(checks) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_comes_back_and_says_nothing_of_what_is_usual() {
        let patch = |channels, addresses| NotificationRulePatch {
            event: NotificationEvent::InvoicePaid,
            channels,
            roles: Patch::Keep,
            addresses,
        };
        let asked = patch(
            Patch::Set(vec![NotificationChannel::Webhook, NotificationChannel::Email]),
            Patch::Set(vec!["AP@acme.example".to_owned(), "ap@acme.example".to_owned()]),
        );
        let settings = NotificationSettings::default().patched(vec![asked]).unwrap();
        assert_eq!(
            settings.document(),
            json!({ "events": { "invoice_paid": { "channels": ["email", "webhook"],
                "roles": ["owner", "admin", "billing_manager"], "addresses": ["ap@acme.example"] } } })
        );
        assert_eq!(parse(&settings.document()), settings);
        let usual = settings.patched(vec![patch(Patch::Clear, Patch::Clear)]).unwrap();
        assert_eq!(usual, NotificationSettings::default());
        assert_eq!(usual.rule(NotificationEvent::InvoicePaid), default_rule(NotificationEvent::InvoicePaid));
    }

    #[test]
    fn what_a_later_version_wrote_is_left_out() {
        let settings = parse(&json!({ "events": {
            "invoice_paid": { "channels": ["pigeon", "email"], "roles": ["king"] }, "moon_full": {} } }));
        let rule = settings.rule(NotificationEvent::InvoicePaid);
        assert_eq!((rule.channels, rule.roles.len()), (vec![NotificationChannel::Email], 0));
        assert_eq!(parse(&json!(null)), NotificationSettings::default());
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let patch = |event, addresses: &[&str], roles: &[Role]| NotificationRulePatch {
            event,
            channels: Patch::Keep,
            roles: Patch::Set(roles.to_vec()),
            addresses: Patch::Set(addresses.iter().map(|it| (*it).to_owned()).collect()),
        };
        let event = NotificationEvent::UsageAlert;
        let patches =
            vec![patch(event, &["a@acme.example", "nobody"], &[Role::Custom]), patch(event, &[], &[])];
        let wrong = NotificationSettings::default().patched(patches).unwrap_err();
        let paths: Vec<&str> = wrong.0.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["events.0.roles", "events.0.addresses.1", "events.1"]);
    }
}
