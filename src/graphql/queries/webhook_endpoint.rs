//! Webhook endpoints, and what was sent there.

use async_graphql::{Context, ID, Object, Result};

use super::super::connection::{
    PageArguments, Total, WebhookDeliveryConnection, WebhookEndpointConnection, connection,
};
use super::super::context::store;
use super::super::error::store as store_error;
use super::super::types::webhook_delivery::WebhookDeliveryFilter;
use super::super::types::{WebhookDelivery, WebhookEndpoint};
use super::organization::permitted;
use crate::domain;

#[derive(Default)]
pub struct WebhookEndpointQuery;

#[Object]
impl WebhookEndpointQuery {
    /// The webhook endpoints of an organization, newest first; 20 at most.
    async fn webhook_endpoints(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<WebhookEndpointConnection> {
        let id = permitted(ctx, &organization_id)?;
        let page = PageArguments { first, after, last, before }.request()?;
        let rows = store(ctx).list_webhook_endpoints(id, &page).await.map_err(store_error(ctx))?;
        let place = domain::webhook_endpoint::WebhookEndpoint::place;
        Ok(connection(rows, Total::WebhookEndpoints(id), place, WebhookEndpoint))
    }

    /// The webhooks of an organization, sent and to be sent, newest first.
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "Only those that fit.")] filter: Option<WebhookDeliveryFilter>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<WebhookDeliveryConnection> {
        let organization_id = permitted(ctx, &organization_id)?;
        let page = PageArguments { first, after, last, before }.request()?;
        let filter = filter.unwrap_or_default().decode(organization_id)?;
        let rows = store(ctx).list_webhook_deliveries(&filter, &page).await.map_err(store_error(ctx))?;
        let place = domain::webhook_delivery::WebhookDelivery::place;
        Ok(connection(rows, Total::WebhookDeliveries(filter), place, WebhookDelivery))
    }
}
