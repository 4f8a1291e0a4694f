//! Settings.

use async_graphql::{Context, Json, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::loaders;
use super::super::error::internal;
use super::super::scalars::BigInt;
use super::user::User;
use crate::domain;
use crate::domain::ids::OrganizationId;
use crate::domain::setting::SettingSection;

/// An organization's settings, one versioned document for each part.
#[derive(SimpleObject)]
pub struct OrganizationSettings {
    /// Locale, time zone, logo, contacts.
    general: SettingDocument,
    /// Legal name, address, tax ids, billing emails, purchase-order number, net terms.
    billing: SettingDocument,
    /// Which event reaches whom, by which channel.
    notifications: SettingDocument,
    /// What sign-in must satisfy.
    security: SettingDocument,
}

impl OrganizationSettings {
    /// Settings of the parts that were ever written; the others are empty, at version 0.
    pub fn new(organization: OrganizationId, written: &[domain::setting::SettingDocument]) -> Self {
        let part = |section: SettingSection| {
            let found = written.iter().find(|document| document.section == section).cloned();
            SettingDocument(found.unwrap_or_else(|| domain::setting::SettingDocument {
                organization_id: organization,
                section,
                version: 0,
                document: serde_json::json!({}),
                updated_by: None,
                updated_at: None,
            }))
        };
        Self {
            general: part(SettingSection::General),
            billing: part(SettingSection::Billing),
            notifications: part(SettingSection::Notifications),
            security: part(SettingSection::Security),
        }
    }
}

/// One part of the settings.
pub struct SettingDocument(domain::setting::SettingDocument);

/// One part of the settings.
#[Object]
impl SettingDocument {
    /// Counts the changes; 0 when the part was never written.
    async fn version(&self) -> BigInt {
        BigInt(self.0.version)
    }

    /// The part itself.
    async fn document(&self) -> Json<&serde_json::Value> {
        Json(&self.0.document)
    }

    /// Who changed it last.
    async fn updated_by(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let Some(id) = self.0.updated_by else { return Ok(None) };
        let user = loaders(ctx).users.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(user.map(User))
    }

    /// When it was changed last, in UTC; null when the part was never written.
    async fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.0.updated_at
    }
}
