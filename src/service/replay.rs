//! Letting events be applied again, for admins.

use serde::Serialize;
use serde_json::json;

use super::Service;
use super::answer::{Answer, Resource};
use super::error::{Refusal, ServiceError};
use super::idempotency::CallerKey;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::StripeEventId;
use crate::store::{StoreError, StripeEventFilter};

/// What is to be replayed; the store's filter, as it is recorded.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Range<'a> {
    state: Option<crate::domain::stripe_event::EventState>,
    event_type: Option<&'a str>,
    object_id: Option<&'a str>,
    organization_id: Option<crate::domain::ids::OrganizationId>,
    since: Option<chrono::DateTime<chrono::Utc>>,
    until: Option<chrono::DateTime<chrono::Utc>>,
}

impl<'a> From<&'a StripeEventFilter> for Range<'a> {
    fn from(filter: &'a StripeEventFilter) -> Self {
        Self {
            state: filter.state,
            event_type: filter.event_type.as_deref(),
            object_id: filter.object_id.as_deref(),
            organization_id: filter.organization_id,
            since: filter.since,
            until: filter.until,
        }
    }
}

impl Service {
    /// Lets one event be applied again.
    pub async fn replay_stripe_event(
        &self,
        actor: &Actor,
        id: StripeEventId,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&id)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let event =
                    self.store.stripe_events(&[id]).await?.pop().ok_or(ServiceError::NotFound("event"))?;
                let transaction = self.store.begin().await?;
                match transaction.replay_stripe_event(id).await {
                    Err(StoreError::Changed(_)) => {
                        return Err(Refusal::conflict(
                            "This event waits already, or is being applied right now.",
                        )
                        .into());
                    }
                    replayed => replayed?,
                }
                let entry = AuditEntry::new(
                    event.organization_id,
                    "stripe_event.replay",
                    "stripe_event",
                    &event.event.event_id,
                )
                .changed(&json!({ "state": event.state }), &json!({ "state": "received" }));
                Answer::of(Resource::StripeEvent(id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Lets every event that fits be applied again. How many.
    pub async fn replay_stripe_events(
        &self,
        actor: &Actor,
        filter: &StripeEventFilter,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&Range::from(filter))).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let transaction = self.store.begin().await?;
                let events = transaction.replay_stripe_events(filter).await?;
                let entry =
                    AuditEntry::new(filter.organization_id, "stripe_events.replay", "stripe_event", "range")
                        .created(json!({ "range": Range::from(filter), "events": events }));
                Answer::of(Resource::Replay { events })
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }
}
