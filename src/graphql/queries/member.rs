//! Who may act in an organization: its invitations, its own roles, its API keys.

use async_graphql::{Context, ID, Object, Result};

use super::super::connection::{ApiKeyConnection, InvitationConnection, PageArguments, Total, connection};
use super::super::context::store;
use super::super::error::store as store_error;
use super::super::loaders::Counted;
use super::super::types::{ApiKey, CustomRole, Invitation};
use super::organization::permitted;
use crate::domain;
use crate::domain::page::Page;

#[derive(Default)]
pub struct MemberQuery;

#[Object]
impl MemberQuery {
    /// The invitations of an organization that nobody has accepted and that were not taken back, newest first.
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<InvitationConnection> {
        let id = permitted(ctx, &organization_id)?;
        let page = PageArguments { first, after, last, before }.request()?;
        let rows = store(ctx).list_invitations(&[id], &page).await.map_err(store_error(ctx))?.remove(&id);
        let total = Total::Of(id, Counted::Invitations);
        Ok(connection(rows.unwrap_or_else(nothing), total, domain::invitation::Invitation::place, Invitation))
    }

    /// The roles that an organization put together, by name; 50 at most.
    async fn roles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<Vec<CustomRole>> {
        let id = permitted(ctx, &organization_id)?;
        let rows = store(ctx).roles_of(id).await.map_err(store_error(ctx))?;
        Ok(rows.into_iter().map(CustomRole).collect())
    }

    /// The API keys of an organization, revoked and expired ones included, newest first.
    async fn api_keys(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<ApiKeyConnection> {
        let id = permitted(ctx, &organization_id)?;
        let page = PageArguments { first, after, last, before }.request()?;
        let rows = store(ctx).list_api_keys(&[id], &page).await.map_err(store_error(ctx))?.remove(&id);
        let total = Total::Of(id, Counted::ApiKeys);
        Ok(connection(rows.unwrap_or_else(nothing), total, domain::api_key::ApiKey::place, ApiKey))
    }
}

fn nothing<T>() -> Page<T> {
    Page { items: Vec::new(), has_next: false, has_previous: false }
}
