//! Sending webhooks, outside any transaction; and sending them again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::authority;
use super::error::{Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::webhook_endpoint::{CURRENT, PREVIOUS, place_of_secret};
use super::webhook_selection::SelectionRequest;
use crate::delivery::{Webhook, WebhookError};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, WebhookDeliveryId, WebhookEndpointId};
use crate::domain::permission::Permission;
use crate::domain::webhook_delivery::{MadeFor, Payload, WebhookDelivery, WebhookDeliveryState};
use crate::domain::webhook_endpoint::{DisabledReason, WebhookEndpoint, WebhookEndpointState, signatures};
use crate::store::{ClaimedWebhook, StoreError, WebhookAnswer, WebhookDeliveryFilter};

/// How long an endpoint may fail.
#[derive(Clone, Copy, Debug)]
pub struct FailurePatience {
    /// After so long people are warned.
    pub warn_after: TimeDelta,
    /// After so long it is disabled.
    pub disable_after: TimeDelta,
}

/// What became of a webhook's attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// It was taken.
    Delivered(WebhookAnswer),
    /// It was not, and is tried again unless it was the last time.
    Failed(WebhookAnswer),
    /// Its endpoint is disabled.
    Held,
}

/// A webhook to be sent again.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct WebhookDeliveryReplayInput {
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// Which.
    pub webhook_delivery_id: WebhookDeliveryId,
}

/// Webhooks of a time to be sent again.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct WebhookDeliveriesReplayInput {
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// To which endpoint.
    pub webhook_endpoint_id: WebhookEndpointId,
    /// Made from this time on.
    pub since: DateTime<Utc>,
    /// Made before this time.
    pub until: DateTime<Utc>,
    /// In which state; all that do not wait already when nothing is said.
    pub state: Option<WebhookDeliveryState>,
}

impl Service {
    /// Sends a webhook that this worker holds. The body is that of the first attempt, unless the endpoint changed: what was
    /// made with one person's rights is not sent where another one wants it.
    pub async fn send_webhook(&self, claimed: &ClaimedWebhook) -> Result<WebhookOutcome, ServiceError> {
        let delivery = &claimed.delivery;
        let endpoint = self.store.webhook_endpoints(&[delivery.webhook_endpoint_id]).await?.pop();
        let endpoint =
            endpoint.filter(|it| it.state == WebhookEndpointState::Enabled && it.deleted_at.is_none());
        let Some(endpoint) = endpoint else { return Ok(WebhookOutcome::Held) };
        let Some(sender) = &self.outgoing.webhooks else {
            return Ok(WebhookOutcome::Failed(failure("webhooks are not sent by this gateway".to_owned())));
        };
        let secrets = self.signing_secrets(&endpoint)?;
        let made_for = endpoint.makes_for();
        let body = match &delivery.payload {
            Some(payload) if payload.made_for == made_for => payload.body.clone(),
            _ => {
                let payload = self.payload_of(delivery, &endpoint, made_for).await?;
                if !self.store.keep_webhook_payload(claimed, &payload).await? {
                    return Err(StoreError::Changed("webhook's lease").into());
                }
                payload.body
            }
        };
        let (id, now) = (delivery.message_id(), self.clock.now());
        let webhook = Webhook {
            url: endpoint.url.clone(),
            signature: signatures(&secrets, &id, now, &body),
            id,
            timestamp: now.timestamp(),
            body,
        };
        Ok(match sender.send(&webhook).await {
            Ok(answer) => {
                let status = i32::from(answer.status);
                let answer = WebhookAnswer { status: Some(status), body: Some(answer.body), error: None };
                if (200..300).contains(&status) {
                    WebhookOutcome::Delivered(answer)
                } else {
                    let error = Some(format!("it answered {status}"));
                    WebhookOutcome::Failed(WebhookAnswer { error, ..answer })
                }
            }
            Err(WebhookError::Forbidden(why) | WebhookError::Unreachable(why)) => {
                WebhookOutcome::Failed(failure(why))
            }
        })
    }

    /// Writes what became of a webhook, and looks after its endpoint. `next` is when a failed one is tried again.
    pub async fn settle_webhook(
        &self,
        claimed: &ClaimedWebhook,
        outcome: WebhookOutcome,
        next: Option<DateTime<Utc>>,
        patience: FailurePatience,
    ) -> Result<(), ServiceError> {
        let id = claimed.delivery.webhook_endpoint_id;
        match outcome {
            WebhookOutcome::Held => {
                let state = WebhookDeliveryState::Held;
                self.store.finish_webhook(claimed, state, &WebhookAnswer::default(), None).await?;
            }
            WebhookOutcome::Delivered(answer) => {
                let state = WebhookDeliveryState::Delivered;
                self.store.finish_webhook(claimed, state, &answer, None).await?;
                self.store.note_webhook_endpoint(id, true).await?;
            }
            WebhookOutcome::Failed(answer) => {
                let state = match next {
                    Some(_) => WebhookDeliveryState::Pending,
                    None => WebhookDeliveryState::Failed,
                };
                self.store.finish_webhook(claimed, state, &answer, next).await?;
                let is_gone = answer.status == Some(410);
                let since = self.store.note_webhook_endpoint(id, false).await?.unwrap_or(self.clock.now());
                self.judge(id, since, is_gone, patience).await?;
            }
        }
        Ok(())
    }

    /// Warns of an endpoint that fails, and in the end disables it.
    async fn judge(
        &self,
        id: WebhookEndpointId,
        since: DateTime<Utc>,
        is_gone: bool,
        patience: FailurePatience,
    ) -> Result<(), ServiceError> {
        let Some(endpoint) = self.store.webhook_endpoints(&[id]).await?.pop() else { return Ok(()) };
        let failing_for = self.clock.now() - since;
        if is_gone {
            return self.disable_failing_endpoint(&endpoint, DisabledReason::Gone, since).await;
        }
        // Never without a warning before.
        if endpoint.warned_at.is_some() && failing_for >= patience.disable_after {
            return self.disable_failing_endpoint(&endpoint, DisabledReason::Failing, since).await;
        }
        if endpoint.warned_at.is_none() && failing_for >= patience.warn_after {
            let disabled_at = (since + patience.disable_after).max(self.clock.now());
            return self.warn_of_failing_endpoint(&endpoint, since, disabled_at).await;
        }
        Ok(())
    }

    /// The secrets that sign now, the newest first.
    fn signing_secrets(&self, endpoint: &WebhookEndpoint) -> Result<Vec<String>, ServiceError> {
        let mut secrets = Vec::new();
        let counts = endpoint.previous_until.is_some_and(|until| self.clock.now() < until);
        let previous = endpoint.sealed_previous.as_ref().filter(|_| counts);
        for (column, sealed) in [(CURRENT, endpoint.sealed_secret.as_ref()), (PREVIOUS, previous)] {
            if let Some(sealed) = sealed {
                secrets.push(self.outgoing.keys.open(place_of_secret(endpoint.id, column), sealed)?);
            }
        }
        Ok(secrets)
    }

    /// What happened, when, and what the endpoint's query answers now.
    async fn payload_of(
        &self,
        delivery: &WebhookDelivery,
        endpoint: &WebhookEndpoint,
        made_for: MadeFor,
    ) -> Result<Payload, ServiceError> {
        let viewer = self.selection_viewer(endpoint.organization_id, endpoint.acts_for).await?;
        let viewer = viewer.ok_or(ServiceError::NotFound("person"))?;
        let request = SelectionRequest {
            selection: endpoint.selection.clone(),
            viewer,
            organization_id: endpoint.organization_id,
            subject: delivery.fact.about(),
        };
        let answer = self.selections()?.run(request).await;
        let mut payload = json!({
            "type": delivery.fact.word(),
            "timestamp": delivery.happened_at,
            "data": answer["data"],
        });
        let errors = answer.get("errors").filter(|errors| !errors.is_null());
        if let Some(errors) = errors {
            payload["errors"] = errors.clone();
        }
        Ok(Payload { body: payload.to_string(), made_for, has_errors: errors.is_some() })
    }

    /// Lets one webhook be sent again.
    pub async fn replay_webhook(
        &self,
        actor: &Actor,
        input: WebhookDeliveryReplayInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let transaction = self.store.begin_in(organization).await?;
                authority(&transaction, organization, actor, Permission::WebhooksWrite).await?;
                let all = WebhookDeliveryFilter {
                    organization_id: organization,
                    webhook_endpoint_id: None,
                    state: None,
                    since: None,
                    until: None,
                };
                if transaction.replay_webhooks(&all, Some(input.webhook_delivery_id)).await? == 0 {
                    return Err(Refusal::conflict("This webhook waits to be sent already.").into());
                }
                let id = input.webhook_delivery_id;
                let entry =
                    AuditEntry::new(Some(organization), "webhook_delivery.replay", "webhook_delivery", id);
                Answer::of(Resource::WebhookDelivery(id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Lets the webhooks of a time be sent again.
    pub async fn replay_webhooks(
        &self,
        actor: &Actor,
        input: WebhookDeliveriesReplayInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                if input.until <= input.since {
                    return Err(Refusal::bad_input("until", "It is not after `since`.").into());
                }
                let transaction = self.store.begin_in(organization).await?;
                authority(&transaction, organization, actor, Permission::WebhooksWrite).await?;
                let endpoint =
                    transaction.find_webhook_endpoint(organization, input.webhook_endpoint_id).await?;
                let endpoint = endpoint.ok_or(ServiceError::NotFound("webhook endpoint"))?;
                let filter = WebhookDeliveryFilter {
                    organization_id: organization,
                    webhook_endpoint_id: Some(endpoint.id),
                    state: input.state,
                    since: Some(input.since),
                    until: Some(input.until),
                };
                let events = transaction.replay_webhooks(&filter, None).await?;
                let entry = AuditEntry::new(
                    Some(organization),
                    "webhook_deliveries.replay",
                    "webhook_endpoint",
                    endpoint.id,
                )
                .created(json!({
                    "since": input.since, "until": input.until, "state": input.state, "webhooks": events,
                }));
                Answer::of(Resource::Replay { events })
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }
}

fn failure(why: String) -> WebhookAnswer {
    WebhookAnswer { status: None, body: None, error: Some(why) }
}
