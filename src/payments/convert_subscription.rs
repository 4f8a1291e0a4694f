//! async-stripe's subscriptions and schedules in our words.

use std::collections::HashMap;

use stripe_types::Expandable;

use super::convert::{id_of, invoice, invoice_id, time};
use super::error::PaymentsError;
use super::subscriptions::{NEXT_PLAN_METADATA, NEXT_QUANTITY_METADATA};
use crate::domain::ids::PlanId;
use crate::domain::mirror::{ScheduleMirror, SchedulePhase, SubscriptionMirror};
use crate::domain::subscription::{NextPlan, SubscriptionStatus};
use crate::domain::subscription_change::{CancellationFeedback, Discount};

pub(super) fn subscription(it: stripe_shared::Subscription) -> Result<SubscriptionMirror, PaymentsError> {
    let items = &it.items.data;
    let feedback = it.cancellation_details.as_ref().and_then(|details| details.feedback.as_ref());
    let feedback = feedback.map(|feedback| feedback.as_str().to_owned());
    let reason = it.cancellation_details.and_then(|details| details.comment).or_else(|| feedback.clone());
    let latest_invoice_id = it.latest_invoice.as_ref().and_then(invoice_id);
    let latest_invoice = match it.latest_invoice {
        Some(Expandable::Object(object)) => Some(Box::new(invoice(*object)?)),
        _ => None,
    };
    Ok(SubscriptionMirror {
        id: it.id.as_str().into(),
        customer: id_of(&it.customer).into(),
        status: SubscriptionStatus::parse(it.status.as_str()),
        sends_invoices: it.collection_method.as_str() == "send_invoice",
        items_complete: !it.items.has_more,
        item: items.first().map(|item| item.id.as_str().into()),
        price: items.first().map(|item| item.price.id.as_str().into()),
        quantity: items
            .first()
            .and_then(|item| item.quantity)
            .map_or(1, |n| i64::try_from(n).unwrap_or(i64::MAX)),
        // Items of different intervals end at different times: the next bill is the earliest of them.
        current_period_start: items.iter().map(|item| item.current_period_start).min().map(time),
        current_period_end: items.iter().map(|item| item.current_period_end).min().map(time),
        billing_cycle_anchor: time(it.billing_cycle_anchor),
        trial_start: it.trial_start.map(time),
        trial_end: it.trial_end.map(time),
        cancel_at: it.cancel_at.map(time),
        cancel_at_period_end: it.cancel_at_period_end,
        canceled_at: it.canceled_at.map(time),
        ended_at: it.ended_at.map(time),
        cancellation_reason: reason,
        cancellation_feedback: feedback.as_deref().and_then(CancellationFeedback::parse),
        collection_paused: it.pause_collection.is_some(),
        collection_pause_behavior: it
            .pause_collection
            .as_ref()
            .map(|pause| pause.behavior.as_str().to_owned()),
        collection_resumes_at: it.pause_collection.and_then(|pause| pause.resumes_at).map(time),
        pending_update_expires_at: it.pending_update.map(|update| time(update.expires_at)),
        discounts: it.discounts.into_iter().map(discount).collect(),
        schedule: it.schedule.map(schedule),
        default_payment_method: it.default_payment_method.map(|method| id_of(&method).into()),
        latest_invoice_id,
        latest_invoice,
        started_at: time(it.start_date),
        created_at: time(it.created),
        next_plan: next_plan(&it.metadata),
        metadata: it.metadata.into_iter().collect(),
    })
}

/// The free plan that our notes say begins when a subscription ends with its period.
fn next_plan(notes: &HashMap<String, String>) -> Option<NextPlan> {
    let id = uuid::Uuid::try_parse(notes.get(NEXT_PLAN_METADATA)?).ok()?;
    let quantity = notes.get(NEXT_QUANTITY_METADATA).and_then(|text| text.parse().ok());
    Some(NextPlan { plan_id: PlanId(id), quantity: quantity.unwrap_or(1) })
}

/// A discount; `None` when only its id is there. All of a list are expanded, or none.
fn discount(reference: Expandable<stripe_shared::Discount>) -> Option<Discount> {
    let Expandable::Object(it) = reference else { return None };
    Some(Discount {
        id: it.id.as_str().to_owned(),
        coupon: it.source.coupon.map(|coupon| id_of(&coupon)),
        promotion_code: it.promotion_code.map(|code| id_of(&code)),
        ends_at: it.end.map(time),
    })
}

fn schedule(reference: Expandable<stripe_shared::SubscriptionSchedule>) -> ScheduleMirror {
    match reference {
        Expandable::Id(id) => ScheduleMirror { id: id.as_str().into(), phases: None },
        Expandable::Object(it) => schedule_mirror(&it),
    }
}

/// A schedule with its phases from the current one on.
pub(super) fn schedule_mirror(it: &stripe_shared::SubscriptionSchedule) -> ScheduleMirror {
    let current = it.current_phase.as_ref().map(|phase| phase.start_date);
    let phases = it
        .phases
        .iter()
        .filter(|phase| current.is_none_or(|current| phase.start_date >= current))
        .map(|phase| {
            let item = phase.items.first();
            SchedulePhase {
                price: item.map(|item| id_of(&item.price).into()),
                quantity: item
                    .and_then(|item| item.quantity)
                    .map_or(1, |quantity| i64::try_from(quantity).unwrap_or(i64::MAX)),
                starts_at: time(phase.start_date),
                ends_at: time(phase.end_date),
            }
        })
        .collect();
    ScheduleMirror { id: it.id.as_str().into(), phases: Some(phases) }
}
