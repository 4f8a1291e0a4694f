//! Sending webhooks, outside any transaction; and sending them again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::authority;
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::webhook_endpoint::{CURRENT, PREVIOUS, place_of_secret};
use super::webhook_selection::{SelectionRequest, SelectionViewer};
use crate::delivery::{Webhook, WebhookError};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, WebhookDeliveryId, WebhookEndpointId};
use crate::domain::permission::Permission;
use crate::domain::webhook_delivery::{Payload, WebhookDelivery, WebhookDeliveryState, retry_after};
use crate::domain::webhook_endpoint::{WebhookEndpoint, WebhookEndpointState, signatures};
use crate::store::{ClaimedWebhook, StoreError, WebhookAnswer, WebhookDeliveryFilter};

/// How long an endpoint may fail.
#[derive(Clone, Copy, Debug)]
pub struct FailurePatience {
    /// After so long people are warned.
    pub warn_after: TimeDelta,
    /// After so long it is disabled.
    pub disable_after: TimeDelta,
    /// Neither before it failed so often in a row.
    pub failures: i32,
    /// After the first failure nothing is sent there for so long; twice as long after each further one.
    pub first_pause: TimeDelta,
    /// The longest that nothing is sent.
    pub longest_pause: TimeDelta,
}

impl FailurePatience {
    /// How long nothing is sent after so many failures in a row.
    pub(super) fn pause(&self, failures: i32) -> TimeDelta {
        let doublings = failures.clamp(0, 20).unsigned_abs();
        let doubled = self.first_pause.checked_mul(1 << doublings).unwrap_or(self.longest_pause);
        doubled.min(self.longest_pause)
    }
}

/// What became of a webhook's attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// It was taken.
    Delivered(WebhookAnswer),
    /// It was not, and is tried again unless it was the last time.
    Failed(WebhookAnswer),
    /// It was not tried, for a reason that is ours: the consumer is not blamed, and it is tried later.
    Postponed(String),
    /// Whose rights its endpoint's query is run with is no member any more.
    Orphaned,
    /// Its endpoint is disabled.
    Held,
}

/// When it goes on with a webhook that was not taken.
#[derive(Clone, Copy, Debug)]
pub struct WebhookRetry {
    /// When one that its consumer did not take is tried again; `None` when it was tried often enough.
    pub next: Option<DateTime<Utc>>,
    /// When one is tried that could not be made or sent by us.
    pub postponed_to: DateTime<Utc>,
    /// How long its endpoint may fail.
    pub patience: FailurePatience,
}

/// Bytes of a body at most: it is kept for weeks.
const MAXIMUM_PAYLOAD: usize = 256 * 1_024;
/// Webhooks that are sent again at once, at most.
const MAXIMUM_REPLAY: u64 = 10_000;
/// What a consumer reads of what went wrong with us.
pub const OURS: &str = "the gateway could not make it, and tries again; it is logged there";
/// A webhook that we could not make or send for so long is given up.
const OUR_PATIENCE: TimeDelta = TimeDelta::days(3);

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
            return Ok(WebhookOutcome::Postponed("webhooks are not sent by this gateway".to_owned()));
        };
        let secrets = self.signing_secrets(&endpoint)?;
        let viewer = self.selection_viewer(endpoint.organization_id, endpoint.acts_for).await?;
        let Some(viewer) = viewer.filter(|viewer| viewer.grant.is_some()) else {
            return Ok(WebhookOutcome::Orphaned);
        };
        let made_for = endpoint.makes_for();
        let body = match &delivery.payload {
            Some(payload) if payload.made_for == made_for => payload.body.clone(),
            _ => {
                let payload = match self.payload_of(delivery, &endpoint, viewer).await? {
                    Ok(payload) => payload,
                    Err(fault) => return Ok(WebhookOutcome::Postponed(fault)),
                };
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
                let answer = WebhookAnswer {
                    status: Some(status),
                    body: Some(answer.body),
                    error: None,
                    url: Some(webhook.url),
                    retry_after: answer.retry_after.and_then(|text| retry_after(&text, self.clock.now())),
                };
                if (200..300).contains(&status) {
                    WebhookOutcome::Delivered(answer)
                } else {
                    let error = Some(format!("it answered {status}"));
                    WebhookOutcome::Failed(WebhookAnswer { error, ..answer })
                }
            }
            Err(WebhookError::Forbidden(why) | WebhookError::Unreachable(why)) => {
                WebhookOutcome::Failed(WebhookAnswer { url: Some(webhook.url), ..failure(why) })
            }
        })
    }

    /// Writes what became of a webhook, and looks after its endpoint.
    pub async fn settle_webhook(
        &self,
        claimed: &ClaimedWebhook,
        outcome: WebhookOutcome,
        retry: WebhookRetry,
    ) -> Result<(), ServiceError> {
        let id = claimed.delivery.webhook_endpoint_id;
        match outcome {
            WebhookOutcome::Held => {
                let state = WebhookDeliveryState::Held;
                self.store.finish_webhook(claimed, state, &WebhookAnswer::default(), None).await?;
            }
            WebhookOutcome::Postponed(why) => {
                if self.clock.now() - claimed.delivery.waiting_since < OUR_PATIENCE {
                    self.store.postpone_webhook(claimed, &why, retry.postponed_to).await?;
                } else {
                    let state = WebhookDeliveryState::Failed;
                    self.store.finish_webhook(claimed, state, &failure(why), None).await?;
                }
            }
            WebhookOutcome::Orphaned => self.disable_orphaned_endpoint(id).await?,
            WebhookOutcome::Delivered(answer) => {
                let state = WebhookDeliveryState::Delivered;
                self.store.finish_webhook(claimed, state, &answer, None).await?;
                if let Some(url) = &answer.url {
                    self.store.note_webhook_taken(id, url).await?;
                }
            }
            WebhookOutcome::Failed(answer) => {
                let state = match retry.next {
                    Some(_) => WebhookDeliveryState::Pending,
                    None => WebhookDeliveryState::Failed,
                };
                self.store.finish_webhook(claimed, state, &answer, retry.next).await?;
                if let Some(url) = &answer.url {
                    self.note_failure(id, url, &answer, retry.patience).await?;
                }
            }
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

    /// What happened, when, and what the endpoint's query answers now; or what went wrong that is no matter of the consumer's.
    async fn payload_of(
        &self,
        delivery: &WebhookDelivery,
        endpoint: &WebhookEndpoint,
        viewer: SelectionViewer,
    ) -> Result<Result<Payload, String>, ServiceError> {
        let request = SelectionRequest {
            selection: endpoint.selection.clone(),
            viewer,
            organization_id: endpoint.organization_id,
            subject: delivery.fact.about(),
        };
        let answer = self.selections()?.run(request).await;
        if let Some(fault) = answer.fault {
            tracing::warn!(id = %delivery.id, fault, "a webhook could not be made; it is tried later");
            return Ok(Err(OURS.to_owned()));
        }
        let (word, happened_at) = (delivery.fact.word(), delivery.happened_at);
        let (body, has_errors) = body_of(word, happened_at, answer.data, answer.errors);
        Ok(Ok(Payload { body, made_for: endpoint.makes_for(), has_errors }))
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
                let found = self.store.webhook_deliveries(&[input.webhook_delivery_id]).await?.pop();
                let found = found.filter(|it| it.organization_id == organization);
                let transaction = self.store.begin_in(organization).await?;
                authority(&transaction, organization, actor, Permission::WebhooksWrite).await?;
                let all = WebhookDeliveryFilter {
                    organization_id: organization,
                    webhook_endpoint_id: None,
                    state: None,
                    since: None,
                    until: None,
                };
                let endpoint = found.ok_or(ServiceError::NotFound("webhook"))?.webhook_endpoint_id;
                check_takes(transaction.find_webhook_endpoint(organization, endpoint).await?.as_ref())?;
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
                check_takes(Some(&endpoint))?;
                if transaction.count_replayable_webhooks(&filter, MAXIMUM_REPLAY).await? > MAXIMUM_REPLAY {
                    let message = format!(
                        "There are more than {MAXIMUM_REPLAY} webhooks of that time. Send them again part by part."
                    );
                    return Err(Refusal::at("until", ErrorCode::LimitExceeded, message).into());
                }
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

/// The body that tells what happened, with what was answered; and whether that is not all of it. An answer that is too long to
/// be kept and sent is left out.
fn body_of(word: &str, happened_at: DateTime<Utc>, data: Value, errors: Option<Value>) -> (String, bool) {
    let has_errors = errors.is_some();
    let mut payload = json!({ "type": word, "timestamp": happened_at, "data": data });
    if let Some(errors) = errors {
        payload["errors"] = errors;
    }
    let body = payload.to_string();
    if body.len() <= MAXIMUM_PAYLOAD {
        return (body, has_errors);
    }
    let kibibytes = MAXIMUM_PAYLOAD / 1_024;
    payload["data"] = Value::Null;
    payload["errors"] =
        json!([{ "message": format!("The answer has more than {kibibytes} KiB. Ask for less.") }]);
    (payload.to_string(), true)
}

fn failure(why: String) -> WebhookAnswer {
    WebhookAnswer { error: Some(why), ..WebhookAnswer::default() }
}

/// Refuses to send anything to an endpoint that is sent nothing: it would only be held again.
fn check_takes(endpoint: Option<&WebhookEndpoint>) -> Result<(), Refusal> {
    match endpoint.map(|it| it.state) {
        Some(WebhookEndpointState::Enabled) => Ok(()),
        Some(WebhookEndpointState::Disabled) => {
            Err(Refusal::conflict("The endpoint is disabled. Enable it first."))
        }
        None => Err(Refusal::conflict("The endpoint was deleted.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of so many bytes, of an answer as long as it must be.
    fn body_of_length(bytes: usize, errors: Option<&Value>) -> (String, bool) {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let of = |letters: usize| {
            body_of("api_key_created", at, json!({ "name": "x".repeat(letters) }), errors.cloned())
        };
        of(bytes - of(0).0.len())
    }

    #[test]
    fn a_body_of_the_longest_length_is_whole_and_one_byte_more_is_left_out() {
        let (longest, has_errors) = body_of_length(MAXIMUM_PAYLOAD, None);
        assert_eq!((longest.len(), has_errors), (MAXIMUM_PAYLOAD, false));
        let told: Value = serde_json::from_str(&longest).unwrap();
        assert!(told["data"]["name"].is_string() && told.get("errors").is_none());

        let (cut, has_errors) = body_of_length(MAXIMUM_PAYLOAD + 1, None);
        assert!(has_errors && cut.len() < 1_024, "{} bytes", cut.len());
        let told: Value = serde_json::from_str(&cut).unwrap();
        assert_eq!((&told["type"], &told["data"]), (&json!("api_key_created"), &Value::Null));
        assert_eq!(told["errors"][0]["message"], "The answer has more than 256 KiB. Ask for less.");
    }

    #[test]
    fn errors_count_and_are_left_out_with_an_answer_that_is_too_long() {
        let errors = json!([{ "message": "There is no such key." }]);
        let (whole, has_errors) = body_of_length(MAXIMUM_PAYLOAD, Some(&errors));
        assert!(has_errors && whole.len() == MAXIMUM_PAYLOAD && whole.contains("no such key"));
        let (cut, has_errors) = body_of_length(MAXIMUM_PAYLOAD + 1, Some(&errors));
        assert!(has_errors && !cut.contains("no such key"), "{cut}");
    }
}
