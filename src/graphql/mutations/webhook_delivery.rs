//! Webhooks: sent again.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::{authorize_in, caller_key, service, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::moment;
use super::super::types::{UserError, WebhookDelivery, enums};
use super::webhook_endpoint::permitted;
use super::{Parts, answered, changed_webhook_delivery};
use crate::auth::Denial;
use crate::domain::ids::{OrganizationId, WebhookDeliveryId};
use crate::service::{self, Resource};

/// A webhook to be sent again.
#[derive(InputObject)]
pub struct WebhookDeliveryReplayInput {
    /// The webhook.
    webhook_delivery_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The webhook, waiting to be sent again.
#[derive(SimpleObject)]
pub struct WebhookDeliveryReplayPayload {
    /// The webhook as it is now; null when it was refused.
    webhook_delivery: Option<WebhookDelivery>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// Webhooks of a time to be sent again.
#[derive(InputObject)]
pub struct WebhookDeliveriesReplayInput {
    /// To which endpoint.
    webhook_endpoint_id: ID,
    /// Made from this time on, in UTC.
    since: DateTime<Utc>,
    /// Made before this time, in UTC.
    until: DateTime<Utc>,
    /// In this state: HELD for what a disabled endpoint missed, FAILED for what was given up. All that do not wait already
    /// when it is left out.
    state: Option<enums::WebhookDeliveryState>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// How many webhooks wait to be sent again.
#[derive(SimpleObject)]
pub struct WebhookDeliveriesReplayPayload {
    /// How many; null when it was refused.
    replayed_count: Option<u64>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct WebhookDeliveryMutation;

/// The organization of a webhook that the caller may send again.
async fn permitted_delivery(ctx: &Context<'_>, id: &ID) -> Result<(OrganizationId, WebhookDeliveryId)> {
    let id = WebhookDeliveryId(NodeKind::WebhookDelivery.decode("input.webhookDeliveryId", id)?);
    if !viewer(ctx).is_signed_in() {
        return Err(denied(Denial::Unauthenticated, "webhook"));
    }
    let row = store(ctx).webhook_deliveries(&[id]).await.map_err(store_error(ctx))?.pop();
    let organization = row.ok_or_else(|| not_found("webhook"))?.organization_id;
    authorize_in(ctx, "Mutation", organization, "webhook")?;
    Ok((organization, id))
}

#[Object]
impl WebhookDeliveryMutation {
    /// Sends a webhook again, whatever became of it: the same body under the same id.
    async fn webhook_delivery_replay(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which webhook.")] input: WebhookDeliveryReplayInput,
    ) -> Result<WebhookDeliveryReplayPayload> {
        let (organization_id, webhook_delivery_id) =
            permitted_delivery(ctx, &input.webhook_delivery_id).await?;
        let key = caller_key(ctx, "webhookDeliveryReplay", Some(organization_id), input.idempotency_key);
        let replay = service::WebhookDeliveryReplayInput { organization_id, webhook_delivery_id };
        let answer = service(ctx).replay_webhook(viewer(ctx).actor(), replay, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let webhook_delivery = changed_webhook_delivery(ctx, parts.resource.as_ref()).await?;
        Ok(WebhookDeliveryReplayPayload { webhook_delivery, user_errors: parts.user_errors })
    }

    /// Sends the webhooks of a time to an endpoint again: the same bodies under the same ids.
    async fn webhook_deliveries_replay(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which webhooks.")] input: WebhookDeliveriesReplayInput,
    ) -> Result<WebhookDeliveriesReplayPayload> {
        let (organization_id, webhook_endpoint_id) =
            permitted(ctx, "input.webhookEndpointId", &input.webhook_endpoint_id).await?;
        let key = caller_key(ctx, "webhookDeliveriesReplay", Some(organization_id), input.idempotency_key);
        let replay = service::WebhookDeliveriesReplayInput {
            organization_id,
            webhook_endpoint_id,
            since: moment("input.since", input.since)?,
            until: moment("input.until", input.until)?,
            state: input.state.map(Into::into),
        };
        let answer = service(ctx).replay_webhooks(viewer(ctx).actor(), replay, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let replayed_count = match parts.resource {
            Some(Resource::Replay { events }) => Some(events),
            _ => None,
        };
        Ok(WebhookDeliveriesReplayPayload { replayed_count, user_errors: parts.user_errors })
    }
}
