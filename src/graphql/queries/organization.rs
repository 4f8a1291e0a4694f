//! Who is calling, organizations, and what is asked of one of them.

use async_graphql::{Context, ID, Object, Result};

use super::super::connection::{
    AuditLogConnection, MemberConnection, OrganizationConnection, PageArguments, Total, connection,
};
use super::super::context::{authorize, authorize_in, store, viewer};
use super::super::error::{not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::Date;
use super::super::types::audit::AuditLogFilter;
use super::super::types::setting::OrganizationSettings;
use super::super::types::usage::UsageDay;
use super::super::types::user::own_organizations;
use super::super::types::{AuditLog, Organization, Viewer};
use crate::domain;
use crate::domain::ids::OrganizationId;
use crate::store::OrganizationScope;

#[derive(Default)]
pub struct OrganizationQuery;

/// Decodes an organization's id and asks the policy for the field that is being resolved.
pub fn permitted(ctx: &Context<'_>, id: &ID) -> Result<OrganizationId> {
    let id = OrganizationId(NodeKind::Organization.decode("organizationId", id)?);
    authorize_in(ctx, "Query", id, "organization")?;
    Ok(id)
}

/// The organization itself, for a field that is below it.
pub async fn load(ctx: &Context<'_>, id: OrganizationId, with_subscription: bool) -> Result<Organization> {
    let views = store(ctx).organizations(&[id], with_subscription).await.map_err(store_error(ctx))?;
    views.into_iter().next().map(Organization::single).ok_or_else(|| not_found("organization"))
}

#[Object]
impl OrganizationQuery {
    /// Who is calling; null without a token.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        authorize(ctx, "Query")?;
        Ok(viewer(ctx).is_signed_in().then_some(Viewer))
    }

    /// An organization that the caller belongs to; any, for platform staff.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] id: ID,
    ) -> Result<Organization> {
        let id = OrganizationId(NodeKind::Organization.decode("id", &id)?);
        authorize_in(ctx, "Query", id, "organization")?;
        load(ctx, id, ctx.look_ahead().field("subscription").exists()).await
    }

    /// The organizations that the caller acts in, newest first; all of them, for platform staff. One whose security settings
    /// the session does not meet is not among them.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<OrganizationConnection> {
        authorize(ctx, "Query")?;
        let page = PageArguments { first, after, last, before }.request()?;
        let viewer = viewer(ctx);
        let scope =
            if viewer.is_platform_staff() { OrganizationScope::All } else { own_organizations(viewer) };
        let with_subscription = ctx.look_ahead().field("nodes").field("subscription").exists()
            || ctx.look_ahead().field("edges").field("node").field("subscription").exists();
        let rows = store(ctx)
            .list_organizations(&scope, with_subscription, &page)
            .await
            .map_err(store_error(ctx))?;
        Ok(connection(
            rows,
            Total::Organizations(scope),
            |row| row.organization.place(),
            Organization::listed,
        ))
    }

    /// The members of an organization, oldest membership first.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<MemberConnection> {
        let id = permitted(ctx, &organization_id)?;
        load(ctx, id, false).await?.members_page(ctx, PageArguments { first, after, last, before }).await
    }

    /// An organization's usage by day and meter, at most 400 days at once.
    async fn usage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "The first day; 29 days before the last when nothing is said.")] since: Option<Date>,
        #[graphql(desc = "The last day; today's in UTC when nothing is said.")] until: Option<Date>,
    ) -> Result<Vec<UsageDay>> {
        let id = permitted(ctx, &organization_id)?;
        load(ctx, id, false).await?.usage_days(ctx, since, until).await
    }

    /// An organization's settings.
    async fn settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<OrganizationSettings> {
        let id = permitted(ctx, &organization_id)?;
        load(ctx, id, false).await?.setting_documents(ctx).await
    }

    /// An organization's audit log, newest first; without an organization the platform's own, for platform staff.
    async fn audit_logs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id; leave it out for the platform's own records.")]
        organization_id: Option<ID>,
        #[graphql(desc = "Only those that fit.")] filter: Option<AuditLogFilter>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<AuditLogConnection> {
        let page = PageArguments { first, after, last, before };
        if let Some(id) = &organization_id {
            let id = permitted(ctx, id)?;
            return load(ctx, id, false).await?.audit_logs_page(ctx, filter, page).await;
        }
        viewer(ctx)
            .check(crate::auth::Rule::Staff)
            .map_err(|denial| super::super::error::denied(denial, "organization"))?;
        let page = page.request()?;
        let filter = AuditLogFilter::decode(filter)?;
        let rows = store(ctx).list_platform_audit_logs(&filter, &page).await.map_err(store_error(ctx))?;
        Ok(connection(rows, Total::PlatformAuditLogs(filter), domain::audit::AuditLog::place, AuditLog))
    }
}
