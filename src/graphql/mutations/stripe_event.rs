//! Replaying events, for platform staff.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::{authorize, caller_key, service, store, viewer};
use super::super::error::{bad_input, store as store_error};
use super::super::node::NodeKind;
use super::super::types::stripe_event::StripeEventFilter;
use super::super::types::{StripeEvent, UserError, enums};
use super::answered;
use crate::domain::ids::StripeEventId;
use crate::service::Resource;

/// An event that is to be applied again.
#[derive(InputObject)]
pub struct StripeEventReplayInput {
    /// The event.
    stripe_event_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The event, waiting to be applied again.
#[derive(SimpleObject)]
pub struct StripeEventReplayPayload {
    /// The event as it is now; null when it was refused.
    stripe_event: Option<StripeEvent>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// Events that are to be applied again: all that were received in a time and fit the rest.
#[derive(InputObject)]
pub struct StripeEventsReplayInput {
    /// Received from this time on, in UTC.
    since: DateTime<Utc>,
    /// Received before this time, in UTC.
    until: DateTime<Utc>,
    /// In this state: DEAD for the dead letters.
    state: Option<enums::StripeEventState>,
    /// Of this type of Stripe's, `invoice.paid`.
    #[graphql(name = "type")]
    event_type: Option<String>,
    /// About the object with this id of Stripe's.
    object_id: Option<String>,
    /// Applied to this organization.
    organization_id: Option<ID>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// How many events wait to be applied again.
#[derive(SimpleObject)]
pub struct StripeEventsReplayPayload {
    /// How many; null when it was refused.
    events: Option<u64>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct StripeEventMutation;

#[Object]
impl StripeEventMutation {
    /// Applies an event again, a dead letter for instance. It changes nothing that is right already. For platform staff.
    async fn stripe_event_replay(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which event.")] input: StripeEventReplayInput,
    ) -> Result<StripeEventReplayPayload> {
        authorize(ctx, "Mutation")?;
        let id = StripeEventId(NodeKind::StripeEvent.decode("input.stripeEventId", &input.stripe_event_id)?);
        let key = caller_key(ctx, "stripeEventReplay", None, input.idempotency_key);
        let answer = service(ctx).replay_stripe_event(viewer(ctx).actor(), id, key).await;
        let answer = answered(ctx, answer)?;
        let stripe_event = match answer.resource {
            Some(Resource::StripeEvent(id)) => {
                store(ctx).stripe_events(&[id]).await.map_err(store_error(ctx))?.pop().map(StripeEvent)
            }
            _ => None,
        };
        let user_errors = answer.refusals.into_iter().map(UserError::from).collect();
        Ok(StripeEventReplayPayload { stripe_event, user_errors })
    }

    /// Applies the events of a time again. They change nothing that is right already. For platform staff.
    async fn stripe_events_replay(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which events.")] input: StripeEventsReplayInput,
    ) -> Result<StripeEventsReplayPayload> {
        authorize(ctx, "Mutation")?;
        if input.until <= input.since {
            return Err(bad_input("input.until: it is not after input.since."));
        }
        let key = caller_key(ctx, "stripeEventsReplay", None, input.idempotency_key);
        let filter = StripeEventFilter {
            state: input.state,
            event_type: input.event_type,
            object_id: input.object_id,
            organization_id: input.organization_id,
            since: Some(input.since),
            until: Some(input.until),
        };
        let filter = filter.decode("input")?;
        let answer = service(ctx).replay_stripe_events(viewer(ctx).actor(), &filter, key).await;
        let answer = answered(ctx, answer)?;
        let events = match answer.resource {
            Some(Resource::Replay { events }) => Some(events),
            _ => None,
        };
        let user_errors = answer.refusals.into_iter().map(UserError::from).collect();
        Ok(StripeEventsReplayPayload { events, user_errors })
    }
}
