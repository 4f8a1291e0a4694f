//! Audit records: who did what, to what, from where, and what changed.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::billing_details::TaxId;
use super::ids::{ApiKeyId, AuditLogId, OrganizationId, UserId};
use super::session::Session;
use super::string_enum;

string_enum! {
    /// Which kind of actor did it.
    ActorKind {
        /// A person with a token.
        User => "user",
        /// A program, with a person's API key.
        ApiKey => "api_key",
        /// Tollgate itself: a job, a recovery, the demo.
        System => "system",
        /// Stripe, through an event.
        Stripe => "stripe",
    }
}

string_enum! {
    /// How it ended.
    AuditOutcome {
        /// It was done.
        Success => "success",
        /// It was tried, had an effect worth keeping, and was refused: a declined card for instance.
        Failure => "failure",
    }
}

/// Who acts, and from where. Taken from the request once and handed to every write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Which kind of actor.
    pub kind: ActorKind,
    /// The person, or whose key it is.
    pub user_id: Option<UserId>,
    /// The key, when it is one.
    pub api_key_id: Option<ApiKeyId>,
    /// The address the request came from.
    pub ip_address: Option<String>,
    /// The client's own name, cut to 512 characters.
    pub user_agent: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// How the person signed in, to be held to what an organization asks when something is written. No part of records.
    pub session: Option<Box<Session>>,
    /// Whether their token says that they work for the platform. No part of records.
    pub is_staff: bool,
}

impl Actor {
    /// Tollgate itself.
    pub const fn system() -> Self {
        Self {
            kind: ActorKind::System,
            user_id: None,
            api_key_id: None,
            ip_address: None,
            user_agent: None,
            request_id: None,
            session: None,
            is_staff: false,
        }
    }

    /// Tollgate, for what somebody asked for: with their request, and not as them.
    pub fn on_behalf_of(asked: &Self) -> Self {
        Self {
            kind: ActorKind::System,
            user_id: None,
            api_key_id: None,
            session: None,
            is_staff: false,
            ..asked.clone()
        }
    }

    /// Stripe, through the event with this id.
    pub fn stripe(event_id: &str) -> Self {
        Self { kind: ActorKind::Stripe, request_id: Some(event_id.to_owned()), ..Self::system() }
    }
}

/// What is to be recorded with a change. Time, id and actor are added where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// The organization, or none for the platform's catalogue.
    pub organization_id: Option<OrganizationId>,
    /// What was done: `subscription.create`.
    pub action: Cow<'static, str>,
    /// On what kind of thing: `subscription`.
    pub resource_type: Cow<'static, str>,
    /// On which one, in our ids or, where we have none, Stripe's.
    pub resource_id: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The changed fields before; `None` when the thing was created.
    pub old_values: Option<Value>,
    /// The changed fields after; `None` when the thing was removed.
    pub new_values: Option<Value>,
}

impl AuditEntry {
    /// A record of something that was done.
    pub fn new(
        organization_id: Option<OrganizationId>,
        action: impl Into<Cow<'static, str>>,
        resource_type: impl Into<Cow<'static, str>>,
        resource_id: impl ToString,
    ) -> Self {
        Self {
            organization_id,
            action: action.into(),
            resource_type: resource_type.into(),
            resource_id: resource_id.to_string(),
            outcome: AuditOutcome::Success,
            old_values: None,
            new_values: None,
        }
    }

    /// Adds what the thing looks like afterwards.
    pub fn created(mut self, new_values: Value) -> Self {
        self.new_values = Some(redact(new_values));
        self
    }

    /// Adds the fields that differ between `old` and `new`, both objects.
    pub fn changed(mut self, old: &Value, new: &Value) -> Self {
        let (old_values, new_values) = difference(old, new);
        self.old_values = Some(redact(old_values));
        self.new_values = Some(redact(new_values));
        self
    }

    /// Adds all of what the thing was, and what came of it: for what is not there any more to be looked at.
    pub fn ended(mut self, old: Value, outcome: Value) -> Self {
        self.old_values = Some(redact(old));
        self.new_values = Some(redact(outcome));
        self
    }

    /// Marks the record as one of something that was tried and refused.
    pub fn failed(mut self) -> Self {
        self.outcome = AuditOutcome::Failure;
        self
    }
}

/// A record as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditLog {
    /// Our id.
    pub id: AuditLogId,
    /// The organization, or none for the platform's catalogue.
    pub organization_id: Option<OrganizationId>,
    /// Which kind of actor.
    pub actor_kind: ActorKind,
    /// The person, or whose key it is.
    pub user_id: Option<UserId>,
    /// The key, when it is one.
    pub api_key_id: Option<ApiKeyId>,
    /// What was done.
    pub action: String,
    /// On what kind of thing.
    pub resource_type: String,
    /// On which one.
    pub resource_id: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The changed fields before.
    pub old_values: Option<Value>,
    /// The changed fields after.
    pub new_values: Option<Value>,
    /// The address the request came from.
    pub ip_address: Option<String>,
    /// The client's own name.
    pub user_agent: Option<String>,
    /// The request's id; the event's for what Stripe caused.
    pub request_id: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// The fields in which two objects differ, before and after. A field that one lacks is null there.
fn difference(old: &Value, new: &Value) -> (Value, Value) {
    let empty = Map::new();
    let old = old.as_object().unwrap_or(&empty);
    let new = new.as_object().unwrap_or(&empty);
    let mut before = Map::new();
    let mut after = Map::new();
    for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
        let (was, is) = (old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null));
        if was != is {
            before.insert(key.clone(), was.clone());
            after.insert(key.clone(), is.clone());
        }
    }
    (Value::Object(before), Value::Object(after))
}

/// What stands in place of a value that must not be kept.
const REDACTED: &str = "[redacted]";

/// Replaces secrets, by the name of their field, and card numbers, by their looks.
fn redact(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| {
                    let value = if is_secret_name(&key) && !value.is_null() {
                        REDACTED.into()
                    } else if key == TAX_IDS {
                        redact_but_tax_ids(value)
                    } else {
                        redact(value)
                    };
                    (key, value)
                })
                .collect(),
        ),
        Value::Array(values) => Value::Array(values.into_iter().map(redact).collect()),
        Value::String(text) if super::card_number::contains_card_number(&text) => REDACTED.into(),
        other => other,
    }
}

/// Where tax ids stand. A tenth of those with as many digits as a card passes for one.
const TAX_IDS: &str = "taxIds";

fn redact_but_tax_ids(value: Value) -> Value {
    match value {
        Value::Array(values) => {
            values.into_iter().map(|it| if is_tax_id(&it) { it } else { redact(it) }).collect()
        }
        other => redact(other),
    }
}

/// Whether this is a tax id as it is stored, with nothing besides.
fn is_tax_id(value: &Value) -> bool {
    let Ok(read) = serde_json::from_value::<TaxId>(value.clone()) else { return false };
    super::tax_id::checked(&read).is_ok_and(|it| it == read)
        && value.as_object().is_some_and(|fields| fields.len() == 2)
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "password", "token", "api_key", "apikey", "cvc", "authorization"]
        .iter()
        .any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changed_is_kept() {
        let entry = AuditEntry::new(None, "plan.update", "plan", "p").changed(
            &json!({"name": "A", "price": 1, "gone": true}),
            &json!({"name": "B", "price": 1, "fresh": 2}),
        );
        assert_eq!(entry.old_values, Some(json!({"name": "A", "gone": true, "fresh": null})));
        assert_eq!(entry.new_values, Some(json!({"name": "B", "gone": null, "fresh": 2})));
    }

    #[test]
    fn tax_ids_are_kept_where_they_stand_and_nothing_else_that_looks_like_a_card() {
        // It passes the Luhn check.
        let kept = json!({ "taxIds": [{ "type": "jp_cn", "value": "4222222222222" }] });
        assert_eq!(AuditEntry::new(None, "x", "x", "x").created(kept.clone()).new_values, Some(kept));
        for hidden in [
            json!({ "taxIds": [{ "type": "jp_cn", "value": "4242424242424242" }] }),
            json!({ "taxIds": [{ "type": "none", "value": "4222222222222" }] }),
            json!({ "taxIds": [{ "type": "jp_cn", "value": "1", "note": "4222222222222" }] }),
            json!({ "taxIds": "4222222222222" }),
            json!({ "elsewhere": { "type": "jp_cn", "value": "4222222222222" } }),
        ] {
            let values = AuditEntry::new(None, "x", "x", "x").created(hidden.clone()).new_values;
            assert!(values.as_ref().is_some_and(|it| !it.to_string().contains("222222222222")), "{values:?}");
            assert!(values.is_some_and(|it| it.to_string().contains(REDACTED)), "{hidden}");
        }
    }

    #[test]
    fn secrets_and_card_numbers_are_not_kept() {
        let entry = AuditEntry::new(None, "x", "x", "x").created(json!({
            "client_secret": "pi_1_secret_2",
            "nested": [{"Password": "hunter2", "note": "card 4242 4242 4242 4242"}],
            "name": "Acme",
        }));
        assert_eq!(
            entry.new_values,
            Some(json!({
                "client_secret": "[redacted]",
                "nested": [{"Password": "[redacted]", "note": "[redacted]"}],
                "name": "Acme",
            }))
        );
    }
}
