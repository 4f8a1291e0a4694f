//! Webhook endpoints: made, changed, given another secret, enabled, disabled, deleted.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize_in, caller_key, service, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::super::types::{UserError, WebhookEndpoint, enums};
use super::{Parts, answered, changed_webhook_endpoint};
use crate::auth::Denial;
use crate::domain::ids::{OrganizationId, WebhookEndpointId};
use crate::service::{self, WebhookEndpointAct};

/// An endpoint to be made.
#[derive(InputObject)]
pub struct WebhookEndpointCreateInput {
    /// Of which organization.
    organization_id: ID,
    /// The address: https, on the public internet, 2000 characters at most.
    url: String,
    /// What it is for, 200 characters at most.
    description: Option<String>,
    /// What is sent there; everything when it is empty.
    #[graphql(default)]
    events: Vec<enums::NotificationEvent>,
    /// The query whose answer is sent as `data`, 16384 bytes at most. It is given the variables `$organizationId` and
    /// `$subjectId`, both `ID!`, and is run with the caller's rights in this organization, as far as they hold them then.
    selection: String,
    /// The same key with the same input gives the same answer for 24 hours, but not the secret again.
    idempotency_key: Option<String>,
}

/// The endpoint, and its secret.
#[derive(SimpleObject)]
pub struct WebhookEndpointCreatePayload {
    /// The endpoint as it is now; null when it was refused.
    webhook_endpoint: Option<WebhookEndpoint>,
    /// The signing secret, `whsec_…`. Shown this once; keep it, and never log it. Null when it was refused, and when the same
    /// idempotency key was used before.
    secret: Option<String>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A change of an endpoint. From then on its query is run with the caller's rights.
#[derive(InputObject)]
pub struct WebhookEndpointUpdateInput {
    /// The endpoint.
    webhook_endpoint_id: ID,
    /// The address; left out, it stays.
    url: Option<String>,
    /// What it is for; left out, it stays.
    description: Option<String>,
    /// What is sent there, everything when it is empty; left out, it stays.
    events: Option<Vec<enums::NotificationEvent>>,
    /// The query whose answer is sent; left out, it stays.
    selection: Option<String>,
    /// The version that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// An endpoint to be given another secret.
#[derive(InputObject)]
pub struct WebhookEndpointSecretRotateInput {
    /// The endpoint.
    webhook_endpoint_id: ID,
    /// How long the old secret signs on, beside the new one, in seconds: 0 to 604800, a day when nothing is said.
    overlap_seconds: Option<i32>,
    /// The version that was decided on; left out, whatever it is now.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours, but not the secret again.
    idempotency_key: Option<String>,
}

/// The endpoint, and its new secret.
#[derive(SimpleObject)]
pub struct WebhookEndpointSecretRotatePayload {
    /// The endpoint as it is now; null when it was refused.
    webhook_endpoint: Option<WebhookEndpoint>,
    /// The signing secret, `whsec_…`. Shown this once; keep it, and never log it. Null when it was refused, and when the same
    /// idempotency key was used before.
    secret: Option<String>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// Declares the input of a mutation that takes an endpoint and a version, and a payload with the endpoint.
macro_rules! on_an_endpoint {
    ($($input:ident, $input_doc:literal; $payload:ident, $payload_doc:literal;)+) => { $(
        #[doc = $input_doc]
        #[derive(InputObject)]
        pub struct $input {
            /// The endpoint.
            webhook_endpoint_id: ID,
            /// The version that was decided on; left out, whatever it is now.
            expected_version: Option<BigInt>,
            /// The same key with the same input gives the same answer for 24 hours.
            idempotency_key: Option<String>,
        }

        #[doc = $payload_doc]
        #[derive(SimpleObject)]
        pub struct $payload {
            /// The endpoint as it is now; null when it was refused.
            webhook_endpoint: Option<WebhookEndpoint>,
            /// What must be mended.
            user_errors: Vec<UserError>,
        }
    )+ };
}

on_an_endpoint! {
    WebhookEndpointEnableInput, "An endpoint to be sent webhooks again.";
    WebhookEndpointEnablePayload, "The enabled endpoint.";
    WebhookEndpointDisableInput, "An endpoint to be sent nothing more for now.";
    WebhookEndpointDisablePayload, "The disabled endpoint.";
    WebhookEndpointDeleteInput, "An endpoint to be deleted.";
    WebhookEndpointDeletePayload, "The deleted endpoint, as it was.";
}

/// The changed endpoint.
#[derive(SimpleObject)]
pub struct WebhookEndpointUpdatePayload {
    /// The endpoint as it is now; null when it was refused.
    webhook_endpoint: Option<WebhookEndpoint>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct WebhookEndpointMutation;

/// The organization of an endpoint that the caller may change.
pub(super) async fn permitted(
    ctx: &Context<'_>,
    argument: &str,
    id: &ID,
) -> Result<(OrganizationId, WebhookEndpointId)> {
    let id = WebhookEndpointId(NodeKind::WebhookEndpoint.decode(argument, id)?);
    if !viewer(ctx).is_signed_in() {
        return Err(denied(Denial::Unauthenticated, "webhook endpoint"));
    }
    let row = store(ctx).webhook_endpoints(&[id]).await.map_err(store_error(ctx))?.pop();
    let organization = row.ok_or_else(|| not_found("webhook endpoint"))?.organization_id;
    authorize_in(ctx, "Mutation", organization, "webhook endpoint")?;
    Ok((organization, id))
}

async fn endpoint_input(
    ctx: &Context<'_>,
    id: &ID,
    expected_version: Option<BigInt>,
    overlap_seconds: Option<i32>,
) -> Result<service::WebhookEndpointInput> {
    let (organization_id, webhook_endpoint_id) = permitted(ctx, "input.webhookEndpointId", id).await?;
    Ok(service::WebhookEndpointInput {
        organization_id,
        webhook_endpoint_id,
        expected_version: expected_version.map(|version| version.0),
        overlap_seconds: overlap_seconds.map(i64::from),
    })
}

/// Does something to an endpoint that needs no more than the endpoint.
async fn act(
    ctx: &Context<'_>,
    mutation: &'static str,
    (id, expected_version, idempotency_key): (ID, Option<BigInt>, Option<String>),
    act: WebhookEndpointAct,
) -> Result<(Option<WebhookEndpoint>, Vec<UserError>)> {
    let endpoint = endpoint_input(ctx, &id, expected_version, None).await?;
    let key = caller_key(ctx, mutation, Some(endpoint.organization_id), idempotency_key);
    let answer = service(ctx).act_on_webhook_endpoint(viewer(ctx).actor(), endpoint, act, key).await;
    let parts = Parts::from(answered(ctx, answer)?);
    let webhook_endpoint = changed_webhook_endpoint(ctx, parts.resource.as_ref()).await?;
    Ok((webhook_endpoint, parts.user_errors))
}

#[Object]
impl WebhookEndpointMutation {
    /// Makes an endpoint: an address that is sent what happens, with the answer of a query of the caller's choice. A person
    /// does this: the query is run with their rights.
    async fn webhook_endpoint_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new endpoint.")] input: WebhookEndpointCreateInput,
    ) -> Result<WebhookEndpointCreatePayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let key = caller_key(ctx, "webhookEndpointCreate", Some(organization_id), input.idempotency_key);
        let new = service::WebhookEndpointCreateInput {
            organization_id,
            url: input.url,
            description: input.description,
            events: input.events.into_iter().map(Into::into).collect(),
            selection: input.selection,
        };
        let answer = service(ctx).create_webhook_endpoint(viewer(ctx).actor(), new, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let webhook_endpoint = changed_webhook_endpoint(ctx, parts.resource.as_ref()).await?;
        Ok(WebhookEndpointCreatePayload {
            webhook_endpoint,
            secret: parts.secret,
            user_errors: parts.user_errors,
        })
    }

    /// Changes an endpoint. A person does this: from then on its query is run with their rights.
    async fn webhook_endpoint_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be changed.")] input: WebhookEndpointUpdateInput,
    ) -> Result<WebhookEndpointUpdatePayload> {
        let endpoint = endpoint_input(ctx, &input.webhook_endpoint_id, input.expected_version, None).await?;
        let key =
            caller_key(ctx, "webhookEndpointUpdate", Some(endpoint.organization_id), input.idempotency_key);
        let update = service::WebhookEndpointUpdateInput {
            endpoint,
            url: input.url,
            description: input.description,
            events: input.events.map(|events| events.into_iter().map(Into::into).collect()),
            selection: input.selection,
        };
        let answer = service(ctx).update_webhook_endpoint(viewer(ctx).actor(), update, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let webhook_endpoint = changed_webhook_endpoint(ctx, parts.resource.as_ref()).await?;
        Ok(WebhookEndpointUpdatePayload { webhook_endpoint, user_errors: parts.user_errors })
    }

    /// Gives an endpoint another signing secret. The one before signs on for the overlap, beside the new one.
    async fn webhook_endpoint_secret_rotate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which endpoint.")] input: WebhookEndpointSecretRotateInput,
    ) -> Result<WebhookEndpointSecretRotatePayload> {
        let (id, version) = (&input.webhook_endpoint_id, input.expected_version);
        let endpoint = endpoint_input(ctx, id, version, input.overlap_seconds).await?;
        let organization = Some(endpoint.organization_id);
        let key = caller_key(ctx, "webhookEndpointSecretRotate", organization, input.idempotency_key);
        let answer = service(ctx).rotate_webhook_secret(viewer(ctx).actor(), endpoint, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let webhook_endpoint = changed_webhook_endpoint(ctx, parts.resource.as_ref()).await?;
        Ok(WebhookEndpointSecretRotatePayload {
            webhook_endpoint,
            secret: parts.secret,
            user_errors: parts.user_errors,
        })
    }

    /// Lets a disabled endpoint be sent webhooks again. What it missed is sent by `webhookDeliveriesReplay`.
    async fn webhook_endpoint_enable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which endpoint.")] input: WebhookEndpointEnableInput,
    ) -> Result<WebhookEndpointEnablePayload> {
        let asked = (input.webhook_endpoint_id, input.expected_version, input.idempotency_key);
        let acted = act(ctx, "webhookEndpointEnable", asked, WebhookEndpointAct::Enable).await?;
        Ok(WebhookEndpointEnablePayload { webhook_endpoint: acted.0, user_errors: acted.1 })
    }

    /// Sends an endpoint nothing more for now. What it would be sent is kept, and can be sent later.
    async fn webhook_endpoint_disable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which endpoint.")] input: WebhookEndpointDisableInput,
    ) -> Result<WebhookEndpointDisablePayload> {
        let asked = (input.webhook_endpoint_id, input.expected_version, input.idempotency_key);
        let acted = act(ctx, "webhookEndpointDisable", asked, WebhookEndpointAct::Disable).await?;
        Ok(WebhookEndpointDisablePayload { webhook_endpoint: acted.0, user_errors: acted.1 })
    }

    /// Deletes an endpoint with its secrets. What was sent there stays in the log.
    async fn webhook_endpoint_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which endpoint.")] input: WebhookEndpointDeleteInput,
    ) -> Result<WebhookEndpointDeletePayload> {
        let asked = (input.webhook_endpoint_id, input.expected_version, input.idempotency_key);
        let acted = act(ctx, "webhookEndpointDelete", asked, WebhookEndpointAct::Delete).await?;
        Ok(WebhookEndpointDeletePayload { webhook_endpoint: acted.0, user_errors: acted.1 })
    }
}
