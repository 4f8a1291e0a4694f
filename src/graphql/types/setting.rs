//! Settings: four parts, each with its version and its history.

use async_graphql::{Context, Json, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::{authorize_in, loaders};
use super::super::error::internal;
use super::super::scalars::BigInt;
use super::api_key::ApiKey;
use super::enums;
use super::setting_parts::{
    Address, Contact, KeyPolicy, NotificationRule, SsoProvider, TaxId, notification_rules,
};
use super::user::User;
use crate::domain;
use crate::domain::billing_details::BillingDetails;
use crate::domain::ids::UserId;
use crate::domain::setting::{SettingDocument, SettingSection};

/// An organization's settings, one versioned document for each part.
#[derive(SimpleObject)]
pub struct OrganizationSettings {
    /// Name, slug, logo, locale, time zone, contacts.
    general: GeneralSettings,
    /// Legal name, address, tax ids, billing emails, purchase-order number, net terms.
    billing: BillingSettings,
    /// Which event reaches whom, by which channel.
    notifications: NotificationSettings,
    /// What sign-in, sessions, addresses and API keys must satisfy.
    security: SecuritySettings,
}

impl OrganizationSettings {
    /// Settings of the parts that were ever written; the others are as they are when nobody sets them, at version 0.
    pub fn new(
        ctx: &Context<'_>,
        organization: &domain::organization::Organization,
        written: &[SettingDocument],
    ) -> Result<Self> {
        let part = |section: SettingSection| {
            let found = written.iter().find(|document| document.section == section).cloned();
            found.unwrap_or_else(|| SettingDocument::unwritten(organization.id, section))
        };
        Ok(Self {
            general: GeneralSettings::new(ctx, part(SettingSection::General), organization)?,
            billing: BillingSettings::new(ctx, part(SettingSection::Billing))?,
            notifications: NotificationSettings::new(part(SettingSection::Notifications)),
            security: SecuritySettings::new(ctx, part(SettingSection::Security))?,
        })
    }
}

async fn user(ctx: &Context<'_>, id: Option<UserId>) -> Result<Option<User>> {
    let Some(id) = id else { return Ok(None) };
    let user = loaders(ctx).users.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
    Ok(user.map(User))
}

/// A part of the settings: its own fields, and those that all parts have.
macro_rules! part {
    ($(#[$meta:meta])* $name:ident, $content:ty, { $($fields:tt)* }) => {
        $(#[$meta])*
        #[derive(Clone)]
        pub struct $name {
            written: SettingDocument,
            content: $content,
        }

        $(#[$meta])*
        #[Object]
        impl $name {
            $($fields)*

            /// Counts the changes: what to give as `expectedVersion`; 0 when the part was never written.
            async fn version(&self) -> BigInt {
                BigInt(self.written.version)
            }

            /// Who changed it last; null when nobody did, or nobody who is known.
            async fn updated_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
                user(ctx, self.written.updated_by).await
            }

            /// When it was changed last, in UTC; null when the part was never written.
            async fn updated_at(&self) -> Option<DateTime<Utc>> {
                self.written.updated_at
            }

            /// The part as it is stored.
            #[graphql(deprecation = "Its fields stand beside it.")]
            async fn document(&self) -> Json<&serde_json::Value> {
                Json(&self.written.document)
            }
        }
    };
}

part! {
    /// General settings: what the organization is called, how it writes and when it is there.
    GeneralSettings, domain::general_settings::GeneralSettings, {
        /// The name people read.
        async fn name(&self) -> &str {
            &self.content.name
        }

        /// The name in addresses, unique.
        async fn slug(&self) -> &str {
            &self.content.slug
        }

        /// Where the logo is: an https address; null when there is none.
        async fn logo_url(&self) -> Option<&str> {
            self.content.logo_url.as_deref()
        }

        /// How dates, numbers and texts are written: a BCP 47 tag, `en-GB` for instance; null when nobody said.
        async fn locale(&self) -> Option<&str> {
            self.content.locale.as_deref()
        }

        /// Where its days begin and end: a name of the IANA's database, `Europe/Berlin` for instance; null when nobody said.
        async fn time_zone(&self) -> Option<&str> {
            self.content.time_zone.as_deref()
        }

        /// Whom to turn to.
        async fn contacts(&self) -> Vec<Contact> {
            self.content.contacts.iter().cloned().map(Contact::from).collect()
        }
    }
}

part! {
    /// Billing settings: what stands on invoices, and where they go.
    BillingSettings, BillingDetails, {
        /// The name on invoices; null for the organization's own.
        async fn legal_name(&self) -> Option<&str> {
            self.content.legal_name.as_deref()
        }

        /// The address on invoices; tax depends on it.
        async fn address(&self) -> Option<Address> {
            self.content.address.clone().map(Address::from)
        }

        /// The tax ids on invoices.
        async fn tax_ids(&self) -> Vec<TaxId> {
            self.content.tax_ids.iter().cloned().map(TaxId::from).collect()
        }

        /// Where invoices go: Stripe writes to the first.
        async fn billing_emails(&self) -> &[String] {
            &self.content.billing_emails
        }

        /// The customer's own number, printed on every invoice.
        async fn purchase_order_number(&self) -> Option<&str> {
            self.content.purchase_order_number.as_deref()
        }

        /// A line at the foot of every invoice.
        async fn invoice_footer(&self) -> Option<&str> {
            self.content.invoice_footer.as_deref()
        }

        /// Days until an invoice must be paid that is sent instead of charged; 0 means at once.
        async fn net_terms(&self) -> u32 {
            self.content.net_terms
        }
    }
}

part! {
    /// Notification settings: which event reaches whom, by which channel.
    NotificationSettings, domain::notification_settings::NotificationSettings, {
        /// The rule of each event, whether somebody decided it or it is as usual.
        async fn events(&self) -> Vec<NotificationRule> {
            notification_rules(&self.content)
        }
    }
}

part! {
    /// Security settings: from where, how and how long somebody may act in the organization, and with which API keys. They
    /// bind its members, whatever their role, and none of the other organizations that a member belongs to.
    SecuritySettings, domain::security_settings::SecuritySettings, {
        /// Whether members must sign in by one of the providers.
        async fn sso_required(&self) -> bool {
            self.content.sso_required
        }

        /// The providers of single sign-on.
        async fn sso_providers(&self) -> Vec<SsoProvider> {
            self.content.sso_providers.iter().cloned().map(SsoProvider::from).collect()
        }

        /// Whether owners may come in without single sign-on: the way in when the provider fails.
        async fn sso_optional_for_owners(&self) -> bool {
            self.content.sso_optional_for_owners
        }

        /// Whether members must have signed in with more than one factor.
        async fn mfa_required(&self) -> bool {
            self.content.mfa_required
        }

        /// How long after signing in a session lasts, in minutes; null for as long as its token.
        async fn session_lifetime_minutes(&self) -> Option<i32> {
            self.content.session_lifetime_minutes
        }

        /// How long a session may be idle, in minutes; null for as long as its token.
        async fn session_idle_minutes(&self) -> Option<i32> {
            self.content.session_idle_minutes
        }

        /// The networks from which one may come, `203.0.113.0/24`; from everywhere when empty.
        async fn allowed_addresses(&self) -> &[String] {
            &self.content.allowed_addresses
        }

        /// The mail domains that may be invited, `example.com`; all when empty.
        async fn allowed_email_domains(&self) -> &[String] {
            &self.content.allowed_email_domains
        }

        /// What API keys must satisfy.
        async fn key_policy(&self) -> KeyPolicy {
            self.content.key_policy.clone().into()
        }
    }
}

impl GeneralSettings {
    /// The part in a document; name and slug are the organization's own where it was never written.
    pub fn new(
        ctx: &Context<'_>,
        written: SettingDocument,
        organization: &domain::organization::Organization,
    ) -> Result<Self> {
        let (name, slug) = (&organization.name, &organization.slug);
        let content = domain::general_settings::GeneralSettings::read(&written.document, name, slug)
            .map_err(|error| internal(ctx, &error))?;
        Ok(Self { written, content })
    }
}

impl BillingSettings {
    /// The part in a document.
    pub fn new(ctx: &Context<'_>, written: SettingDocument) -> Result<Self> {
        let content = BillingDetails::read(&written.document).map_err(|error| internal(ctx, &error))?;
        Ok(Self { written, content })
    }
}

impl NotificationSettings {
    /// The part in a document.
    pub fn new(written: SettingDocument) -> Self {
        let content = domain::notification_settings::parse(&written.document);
        Self { written, content }
    }
}

impl SecuritySettings {
    /// The part in a document.
    pub fn new(ctx: &Context<'_>, written: SettingDocument) -> Result<Self> {
        let content = domain::security_settings::SecuritySettings::read(&written.document)
            .map_err(|error| internal(ctx, &error))?;
        Ok(Self { written, content })
    }
}

/// A part of the settings as it was at one version, and what was changed by it.
pub struct SettingVersion(pub domain::setting::SettingVersion);

/// A part of the settings as it was at one version, and what was changed by it.
#[Object]
impl SettingVersion {
    /// Which part.
    async fn section(&self) -> enums::SettingSection {
        self.0.section.into()
    }

    /// The version.
    async fn version(&self) -> BigInt {
        BigInt(self.0.version)
    }

    /// The whole part, as it is stored.
    async fn document(&self) -> Json<&serde_json::Value> {
        Json(&self.0.document)
    }

    /// What differs from the version before.
    async fn changes(&self) -> Vec<SettingChange> {
        let changes = self.0.changes().into_iter();
        changes
            .map(|change| SettingChange {
                path: change.path,
                old_value: (!change.old.is_null()).then_some(Json(change.old)),
                new_value: (!change.new.is_null()).then_some(Json(change.new)),
            })
            .collect()
    }

    /// Who wrote it; null for the system.
    async fn author(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        user(ctx, self.0.changed_by).await
    }

    /// The API key it was written with, when a program wrote it. For those who may read keys.
    async fn api_key(&self, ctx: &Context<'_>) -> Result<Option<ApiKey>> {
        let Some(id) = self.0.api_key_id else { return Ok(None) };
        authorize_in(ctx, "SettingVersion", self.0.organization_id, "version")?;
        let key = loaders(ctx).api_keys.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(key.map(ApiKey))
    }

    /// The version that was brought back by it, when one was.
    async fn restored_version(&self) -> Option<BigInt> {
        self.0.restored_version.map(BigInt)
    }

    /// When it was written, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// A place in which two versions differ.
#[derive(SimpleObject)]
pub struct SettingChange {
    /// The field, from the outside in.
    path: Vec<String>,
    /// What stood there; null for nothing.
    old_value: Option<Json<serde_json::Value>>,
    /// What stands there now; null for nothing.
    new_value: Option<Json<serde_json::Value>>,
}
