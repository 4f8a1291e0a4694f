//! Settings: one versioned document for each part, its history, and what changing it shares.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::ids::{ApiKeyId, OrganizationId, UserId};
use super::setting_content::changes;
use super::string_enum;

string_enum! {
    /// The parts of an organization's settings.
    SettingSection {
        /// Name, slug, logo, locale, time zone, contacts.
        General => "general",
        /// Legal name, address, tax ids, billing emails, purchase-order number, net terms.
        Billing => "billing",
        /// Which event reaches whom, by which channel.
        Notifications => "notifications",
        /// What sign-in, sessions, addresses and API keys must satisfy.
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
    pub document: Value,
    /// Who changed it last.
    pub updated_by: Option<UserId>,
    /// When it was changed last; `None` when the part was never written.
    pub updated_at: Option<DateTime<Utc>>,
}

impl SettingDocument {
    /// A part that was never written.
    pub fn unwritten(organization_id: OrganizationId, section: SettingSection) -> Self {
        let document = serde_json::json!({});
        Self { organization_id, section, version: 0, document, updated_by: None, updated_at: None }
    }
}

/// A part as it was at one version.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingVersion {
    /// Our id of the row; its place in a list.
    pub id: Uuid,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Which part.
    pub section: SettingSection,
    /// The version.
    pub version: i64,
    /// The part itself.
    pub document: Value,
    /// The part one version before, when that is kept.
    pub previous: Option<Value>,
    /// Who wrote it.
    pub changed_by: Option<UserId>,
    /// With which API key, when a program wrote it.
    pub api_key_id: Option<ApiKeyId>,
    /// The version that was brought back by it.
    pub restored_version: Option<i64>,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl SettingVersion {
    /// What differs from the version before.
    pub fn changes(&self) -> Vec<SettingChange> {
        changes(self.section, self.previous.as_ref().unwrap_or(&Value::Null), &self.document)
    }
}

/// A place in which two versions differ.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingChange {
    /// The field, from the outside in.
    pub path: Vec<String>,
    /// What stood there; null for nothing.
    pub old: Value,
    /// What stands there now; null for nothing.
    pub new: Value,
}

/// The places in which two documents differ. Objects are looked into, lists are one value; what is null and what is not
/// there is the same.
pub fn difference(old: &Value, new: &Value) -> Vec<SettingChange> {
    let mut found = Vec::new();
    compare(&mut Vec::new(), old, new, &mut found);
    found
}

fn compare(path: &mut Vec<String>, old: &Value, new: &Value, found: &mut Vec<SettingChange>) {
    if old == new {
        return;
    }
    let none = serde_json::Map::new();
    let (before, after) = match (old, new) {
        (Value::Object(before), Value::Object(after)) => (before, after),
        (Value::Null, Value::Object(after)) => (&none, after),
        (Value::Object(before), Value::Null) => (before, &none),
        _ => {
            found.push(SettingChange { path: path.clone(), old: old.clone(), new: new.clone() });
            return;
        }
    };
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        path.push(name.clone());
        let (was, is) = (before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
        compare(path, was, is, found);
        path.pop();
    }
}

/// What is asked of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It goes back to what it is when nobody sets it.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> From<Option<T>> for Patch<T> {
    /// What a whole document says of a field: nothing clears it.
    fn from(said: Option<T>) -> Self {
        said.map_or(Self::Clear, Self::Set)
    }
}

impl<T> Patch<T> {
    /// Writes what was asked for into `field`; what is wrong with it goes to `checks`, under `path`.
    pub fn apply<U: Default, E: ToString>(
        self,
        field: &mut U,
        path: &str,
        checks: &mut FieldChecks,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = U::default(),
            Self::Set(value) => {
                if let Some(parsed) = checks.check(path, parse(value)) {
                    *field = parsed;
                }
            }
        }
    }
}

/// Writes what was asked for into a field that is a yes or a no.
pub fn set_flag(field: &mut bool, asked: &Patch<bool>, usual: bool) {
    match asked {
        Patch::Keep => {}
        Patch::Clear => *field = usual,
        Patch::Set(value) => *field = *value,
    }
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, `address.country` for instance.
    pub path: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// Collects everything that is wrong, to say all of it at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldChecks(pub Vec<FieldError>);

impl FieldChecks {
    /// The checked value, or nothing with its error added.
    pub fn check<T, E: ToString>(&mut self, path: &str, checked: Result<T, E>) -> Option<T> {
        checked.map_err(|error| self.refuse(path, error)).ok()
    }

    /// Adds an error.
    pub fn refuse(&mut self, path: &str, message: impl ToString) {
        self.0.push(FieldError { path: path.to_owned(), message: message.to_string() });
    }

    /// Each item of a list checked under its own place, `contacts.0`; too long a list is refused as a whole.
    pub fn list<T, U, E: ToString>(
        &mut self,
        path: &str,
        items: Vec<T>,
        maximum: usize,
        check: impl Fn(T) -> Result<U, E>,
    ) -> Vec<U> {
        if items.len() > maximum {
            self.refuse(path, format!("At most {maximum} of these can be named."));
            return Vec::new();
        }
        let checked = items.into_iter().enumerate();
        checked.filter_map(|(place, item)| self.check(&format!("{path}.{place}"), check(item))).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_told_by_their_place() {
        let old = json!({ "name": "Acme", "address": { "city": "Bonn", "line2": null }, "emails": ["a"] });
        let new = json!({ "name": "Acme", "address": { "city": "Berlin" }, "emails": ["a", "b"], "net": 3 });
        let found: Vec<(String, Value, Value)> = difference(&old, &new)
            .into_iter()
            .map(|change| (change.path.join("."), change.old, change.new))
            .collect();
        assert_eq!(
            found,
            [
                ("address.city".to_owned(), json!("Bonn"), json!("Berlin")),
                ("emails".to_owned(), json!(["a"]), json!(["a", "b"])),
                ("net".to_owned(), Value::Null, json!(3)),
            ]
        );
        assert_eq!(difference(&Value::Null, &json!({ "a": null })), []);
        assert_eq!(difference(&json!({ "a": { "b": 1 } }), &json!({})).len(), 1);
    }

    #[test]
    fn a_field_is_kept_cleared_or_set() {
        let mut checks = FieldChecks::default();
        let mut field = 7;
        let parse = |text: &str| text.parse::<i32>();
        Patch::Keep.apply(&mut field, "n", &mut checks, parse);
        assert_eq!(field, 7);
        Patch::Set("8").apply(&mut field, "n", &mut checks, parse);
        assert_eq!(field, 8);
        Patch::Set("x").apply(&mut field, "n", &mut checks, parse);
        assert_eq!((field, checks.0[0].path.as_str()), (8, "n"));
        Patch::Clear.apply(&mut field, "n", &mut checks, parse);
        assert_eq!(field, 0);
    }
}
