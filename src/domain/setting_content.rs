//! What a part of the settings says: read from its document, held to the rules as a whole, compared.

use serde_json::Value;

use super::billing_details::BillingDetails;
use super::general_settings::GeneralSettings;
use super::notification_settings::NotificationSettings;
use super::security_settings::SecuritySettings;
use super::setting::{FieldChecks, SettingChange, SettingSection, difference};

/// A part's content.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// What the organization is called, how it writes and when it is there.
    General(GeneralSettings),
    /// What stands on invoices, and where they go.
    Billing(BillingDetails),
    /// Which event reaches whom.
    Notifications(NotificationSettings),
    /// What sign-in, sessions, addresses and API keys must satisfy.
    Security(SecuritySettings),
}

impl Content {
    /// The content of a document of a part. Name and slug are the organization's own where it does not say them. What cannot
    /// be read whole is not read at all: what is written next would lose it.
    pub fn read(
        section: SettingSection,
        document: &Value,
        name: &str,
        slug: &str,
    ) -> Result<Self, serde_json::Error> {
        Ok(match section {
            SettingSection::General => Self::General(GeneralSettings::read(document, name, slug)?),
            SettingSection::Billing => Self::Billing(BillingDetails::read(document)?),
            SettingSection::Notifications => Self::Notifications(NotificationSettings::read(document)?),
            SettingSection::Security => Self::Security(SecuritySettings::read(document)?),
        })
    }

    /// As it is stored.
    pub fn document(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::General(settings) => serde_json::to_value(settings),
            Self::Billing(details) => serde_json::to_value(details),
            Self::Notifications(settings) => Ok(settings.document()),
            Self::Security(settings) => serde_json::to_value(settings),
        }
    }

    /// As it is recorded when it became, or came of, another.
    pub fn recorded_beside(&self, other: &Self) -> Result<Value, serde_json::Error> {
        match (self, other) {
            (Self::Notifications(settings), Self::Notifications(other)) => Ok(settings.differing_from(other)),
            _ => self.document(),
        }
    }

    /// The content by the rules of today, or what is wrong with it: what was written when others held may not be written again.
    pub fn checked(self) -> Result<Self, FieldChecks> {
        Ok(match self {
            Self::General(settings) => Self::General(settings.checked()?),
            Self::Billing(details) => Self::Billing(details.checked()?),
            Self::Notifications(settings) => Self::Notifications(settings.checked()?),
            Self::Security(settings) => Self::Security(settings.checked()?),
        })
    }

    /// All that it says, also what goes without saying.
    fn spelled_out(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::Notifications(settings) => Ok(settings.spelled_out()),
            _ => self.document(),
        }
    }
}

/// The places in which two documents of a part say something else. What one leaves out goes without saying there, and is no
/// change; nor is a name that only one of them tells.
pub fn changes(section: SettingSection, old: &Value, new: &Value) -> Vec<SettingChange> {
    let told = |name: &str| {
        let texts = [new, old].map(|document| document[name].as_str().unwrap_or_default());
        texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
    };
    let (name, slug) = (told("name"), told("slug"));
    let whole = |document: &Value| {
        let nothing = Value::Object(serde_json::Map::new());
        let document = if document.is_null() { &nothing } else { document };
        Content::read(section, document, name, slug).and_then(|content| content.spelled_out())
    };
    match (whole(old), whole(new)) {
        (Ok(old), Ok(new)) => difference(&old, &new),
        // What cannot be read is shown as it stands.
        _ => difference(old, new),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(section: SettingSection, old: &Value, new: &Value) -> Vec<String> {
        changes(section, old, new).into_iter().map(|change| change.path.join(".")).collect()
    }

    #[test]
    fn what_goes_without_saying_is_no_change() {
        let whole = json!({ "legalName": "Acme", "address": null, "taxIds": [], "billingEmails": [],
            "purchaseOrderNumber": null, "invoiceFooter": null, "netTerms": 0 });
        let part = json!({ "legalName": "Acme" });
        assert!(places(SettingSection::Billing, &part, &whole).is_empty());
        assert_eq!(places(SettingSection::Billing, &Value::Null, &part), ["legalName"]);
        let general = json!({ "name": "Acme", "slug": "acme", "contacts": [], "locale": "de" });
        assert_eq!(places(SettingSection::General, &json!({ "timeZone": null }), &general), ["locale"]);
        assert_eq!(places(SettingSection::General, &general, &json!({ "name": "B" })), ["locale", "name"]);
        let closed = json!({ "keyPolicy": { "allowed": false } });
        assert_eq!(places(SettingSection::Security, &json!({}), &closed), ["keyPolicy.allowed"]);
        let paid = json!({ "events": { "invoice_paid": { "channels": ["email"],
            "roles": ["owner", "admin", "billing_manager"] } } });
        let found = changes(SettingSection::Notifications, &json!({}), &paid);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, ["events", "invoice_paid", "channels"]);
        assert_eq!(found[0].old, json!(["email", "in_app", "webhook"]));
    }

    #[test]
    fn what_cannot_be_read_is_shown_as_it_stands() {
        let (old, new) = (json!({ "netTerms": "soon" }), json!({ "netTerms": 14 }));
        assert_eq!(places(SettingSection::Billing, &old, &new), ["netTerms"]);
        for section in SettingSection::ALL {
            assert!(Content::read(*section, &json!("nothing"), "", "").is_err(), "{section}");
        }
    }

    #[test]
    fn what_the_rules_of_today_refuse_is_named_with_its_field() {
        let refused = |section, document: Value| -> Vec<String> {
            let read = Content::read(section, &document, "Acme", "acme").unwrap();
            let wrong = read.checked().err().unwrap_or_default();
            wrong.0.into_iter().map(|error| error.path).collect()
        };
        let general =
            json!({ "name": " ", "timeZone": "Moon/Sea", "contacts": [{ "kind": "legal", "email": "x" }] });
        assert_eq!(refused(SettingSection::General, general), ["name", "timeZone", "contacts.0"]);
        let billing = json!({ "netTerms": 4_000_000_000_u32, "taxIds": [{ "type": "x", "value": "1" }],
            "address": { "city": "Bonn" } });
        assert_eq!(refused(SettingSection::Billing, billing), ["netTerms", "address.country", "taxIds.0"]);
        let rules = json!({ "events": { "invoice_paid": { "addresses": ["nobody"] }, "moon_full": {} } });
        assert_eq!(
            refused(SettingSection::Notifications, rules),
            ["events.invoice_paid.addresses.0", "events.moon_full"]
        );
        let security = json!({ "sessionIdleMinutes": 1, "allowedAddresses": ["10.0.0.1/8"],
            "keyPolicy": { "longestLifeDays": 0 } });
        assert_eq!(
            refused(SettingSection::Security, security),
            ["sessionIdleMinutes", "allowedAddresses.0", "keyPolicy.longestLifeDays"]
        );
        for section in SettingSection::ALL {
            assert!(refused(*section, json!({})).is_empty(), "{section}");
        }
    }
}
