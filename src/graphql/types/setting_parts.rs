//! What settings are made of, as output and as input.

use async_graphql::{InputObject, SimpleObject};

use super::enums;
use super::role::listed;
use crate::domain::billing_details;
use crate::domain::notification_event::NotificationEvent;
use crate::domain::{general_settings, key_policy, notification_settings, security_settings};

/// Somebody to turn to.
#[derive(SimpleObject)]
pub struct Contact {
    /// What for.
    kind: enums::ContactKind,
    /// Who.
    name: Option<String>,
    /// The mail address.
    email: String,
}

impl From<general_settings::Contact> for Contact {
    fn from(contact: general_settings::Contact) -> Self {
        Self { kind: contact.kind.into(), name: contact.name, email: contact.email }
    }
}

/// Somebody to turn to, as input.
#[derive(InputObject)]
pub struct ContactInput {
    /// What for.
    kind: enums::ContactKind,
    /// Who, at most 120 characters.
    name: Option<String>,
    /// The mail address.
    email: String,
}

impl From<ContactInput> for general_settings::Contact {
    fn from(input: ContactInput) -> Self {
        Self { kind: input.kind.into(), name: input.name, email: input.email }
    }
}

/// A postal address.
#[derive(SimpleObject)]
pub struct Address {
    /// Street and number.
    line1: Option<String>,
    /// Floor, suite.
    line2: Option<String>,
    /// The town.
    city: Option<String>,
    /// The state or province.
    state: Option<String>,
    /// The postal code.
    postal_code: Option<String>,
    /// The country: two letters of ISO 3166.
    country: Option<String>,
}

impl From<billing_details::Address> for Address {
    fn from(address: billing_details::Address) -> Self {
        let billing_details::Address { line1, line2, city, state, postal_code, country } = address;
        Self { line1, line2, city, state, postal_code, country }
    }
}

/// A postal address, as input: it is taken whole.
#[derive(InputObject)]
pub struct AddressInput {
    /// Street and number, at most 200 characters.
    line1: Option<String>,
    /// Floor, suite, at most 200 characters.
    line2: Option<String>,
    /// The town, at most 100 characters.
    city: Option<String>,
    /// The state or province, at most 100 characters.
    state: Option<String>,
    /// The postal code, at most 20 characters.
    postal_code: Option<String>,
    /// The country: two letters of ISO 3166. Tax depends on it.
    country: String,
}

impl From<AddressInput> for billing_details::Address {
    fn from(input: AddressInput) -> Self {
        let AddressInput { line1, line2, city, state, postal_code, country } = input;
        Self { line1, line2, city, state, postal_code, country: Some(country) }
    }
}

/// A tax id.
#[derive(SimpleObject)]
pub struct TaxId {
    /// Stripe's word for its type, `eu_vat` for instance.
    #[graphql(name = "type")]
    kind: String,
    /// The number.
    value: String,
}

impl From<billing_details::TaxId> for TaxId {
    fn from(tax_id: billing_details::TaxId) -> Self {
        Self { kind: tax_id.kind, value: tax_id.value }
    }
}

/// A tax id, as input.
#[derive(InputObject)]
pub struct TaxIdInput {
    /// Stripe's word for its type, `eu_vat` for instance.
    #[graphql(name = "type")]
    kind: String,
    /// The number, in the form of its type.
    value: String,
}

impl From<TaxIdInput> for billing_details::TaxId {
    fn from(input: TaxIdInput) -> Self {
        Self { kind: input.kind, value: input.value }
    }
}

/// Whom an event reaches, and how.
#[derive(SimpleObject)]
pub struct NotificationRule {
    /// The event.
    event: enums::NotificationEvent,
    /// The channels; by none the event is not told.
    channels: Vec<enums::NotificationChannel>,
    /// The roles whose members are told.
    roles: Vec<enums::Role>,
    /// Mail addresses that are told besides.
    addresses: Vec<String>,
}

/// The rule of each event.
pub fn notification_rules(settings: &notification_settings::NotificationSettings) -> Vec<NotificationRule> {
    NotificationEvent::ALL
        .iter()
        .map(|&event| {
            let rule = settings.rule(event);
            NotificationRule {
                event: event.into(),
                channels: rule.channels.into_iter().map(Into::into).collect(),
                roles: rule.roles.into_iter().map(Into::into).collect(),
                addresses: rule.addresses,
            }
        })
        .collect()
}

/// A sign-in that an organization requires.
#[derive(SimpleObject, InputObject)]
#[graphql(input_name = "SsoProviderInput")]
pub struct SsoProvider {
    /// The `iss` of its tokens, an https address. It must be one that the gateway trusts.
    issuer: String,
    /// The connection at that issuer, as the token's claim `tollgate_connection` tells it; any when left out.
    connection: Option<String>,
}

impl From<security_settings::SsoProvider> for SsoProvider {
    fn from(provider: security_settings::SsoProvider) -> Self {
        Self { issuer: provider.issuer, connection: provider.connection }
    }
}

impl From<SsoProvider> for security_settings::SsoProvider {
    fn from(input: SsoProvider) -> Self {
        Self { issuer: input.issuer, connection: input.connection }
    }
}

/// What API keys must satisfy, when they are made and whenever they are used.
#[derive(SimpleObject)]
pub struct KeyPolicy {
    /// Whether there may be any.
    allowed: bool,
    /// How long one counts at most, in days from when it was made; null for ever.
    longest_life_days: Option<i32>,
    /// What one may hold at most; null for anything. ORGANIZATION_READ is always among it.
    scopes: Option<Vec<enums::Permission>>,
    /// Whether one must name the addresses that it is used from.
    addresses_required: bool,
}

impl From<key_policy::KeyPolicy> for KeyPolicy {
    fn from(policy: key_policy::KeyPolicy) -> Self {
        Self {
            scopes: policy.scopes.is_some().then(|| listed(policy.bounds())),
            allowed: policy.allowed,
            longest_life_days: policy.longest_life_days,
            addresses_required: policy.addresses_required,
        }
    }
}
