//! Settings, part by part, and their history.

use async_graphql::{Context, ID, Object, Result};

use super::super::connection::{PageArguments, SettingVersionConnection, Total, connection};
use super::super::context::store;
use super::super::error::{not_found, store as store_error};
use super::super::types::enums;
use super::super::types::setting::{
    BillingSettings, GeneralSettings, NotificationSettings, SecuritySettings, SettingVersion,
};
use super::organization::permitted;
use crate::domain;
use crate::domain::ids::OrganizationId;
use crate::domain::setting::{SettingDocument, SettingSection};

#[derive(Default)]
pub struct SettingQuery;

async fn part(
    ctx: &Context<'_>,
    organization: OrganizationId,
    section: SettingSection,
) -> Result<SettingDocument> {
    store(ctx).setting(organization, section).await.map_err(store_error(ctx))
}

/// The general part as it is now, for whoever may see it.
pub async fn general(ctx: &Context<'_>, id: OrganizationId) -> Result<GeneralSettings> {
    let organization = store(ctx).find_organization(id).await.map_err(store_error(ctx))?;
    let organization = organization.ok_or_else(|| not_found("organization"))?;
    GeneralSettings::new(ctx, part(ctx, id, SettingSection::General).await?, &organization)
}

/// The billing part as it is now, for whoever may see it.
pub async fn billing(ctx: &Context<'_>, id: OrganizationId) -> Result<BillingSettings> {
    BillingSettings::new(ctx, part(ctx, id, SettingSection::Billing).await?)
}

/// The notifications as they are now, for whoever may see them.
pub async fn notifications(ctx: &Context<'_>, id: OrganizationId) -> Result<NotificationSettings> {
    Ok(NotificationSettings::new(part(ctx, id, SettingSection::Notifications).await?))
}

/// The security part as it is now, for whoever may see it.
pub async fn security(ctx: &Context<'_>, id: OrganizationId) -> Result<SecuritySettings> {
    SecuritySettings::new(ctx, part(ctx, id, SettingSection::Security).await?)
}

#[Object]
impl SettingQuery {
    /// An organization's general settings.
    async fn settings_general(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<GeneralSettings> {
        let id = permitted(ctx, &organization_id)?;
        general(ctx, id).await
    }

    /// An organization's billing settings.
    async fn settings_billing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<BillingSettings> {
        let id = permitted(ctx, &organization_id)?;
        billing(ctx, id).await
    }

    /// An organization's notification settings.
    async fn settings_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<NotificationSettings> {
        let id = permitted(ctx, &organization_id)?;
        notifications(ctx, id).await
    }

    /// An organization's security settings.
    async fn settings_security(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<SecuritySettings> {
        let id = permitted(ctx, &organization_id)?;
        security(ctx, id).await
    }

    /// What a part of an organization's settings was, newest version first, each with what was changed by it.
    async fn settings_history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "Which part.")] section: enums::SettingSection,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<SettingVersionConnection> {
        let id = permitted(ctx, &organization_id)?;
        let page = PageArguments { first, after, last, before }.request()?;
        let section = section.into();
        let rows = store(ctx).list_setting_versions(id, section, &page).await.map_err(store_error(ctx))?;
        let total = Total::SettingVersions(id, section);
        Ok(connection(rows, total, domain::setting::SettingVersion::place, SettingVersion))
    }
}
