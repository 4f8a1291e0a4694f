//! What becomes of a subscription schedule: it begins its subscription, leads it from phase to phase, and lets it go or ends it.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::json::Fields;
use crate::state::{HIDDEN, State};
use crate::{schedule_phases, subscription_items, subscription_updates, subscriptions, time};

/// How long before its end a schedule says so.
const WARNING: Timestamp = 7 * 24 * 3600;

fn is_open(schedule: &Value) -> bool {
    matches!(schedule.text("status"), Some("not_started" | "active"))
}

/// When the last phase ends.
pub(crate) fn end(schedule: &Value) -> Option<Timestamp> {
    schedule.list("phases").last()?.int("end_date")
}

/// When an open schedule says that it is going to end, if it has not yet.
pub(crate) fn warning(schedule: &Value) -> Option<Timestamp> {
    let end = end(schedule).filter(|_| schedule.text("status") == Some("active"))?;
    (schedule.at(HIDDEN).int("warned_of") != Some(end)).then_some(end - WARNING)
}

/// When an open schedule begins, enters its next phase or ends.
pub(crate) fn next_move(schedule: &Value) -> Option<Timestamp> {
    match schedule.text("status")? {
        "not_started" => schedule.list("phases").first()?.int("start_date"),
        "active" => schedule.int("current_phase.end_date"),
        _ => None,
    }
}

pub(crate) fn warn_of_end(state: &mut State, id: &str) {
    let Some(schedule) = state.store.find("subscription_schedule", id) else { return };
    let end = end(schedule);
    state.change("subscription_schedule", id, |schedule| schedule.put(&format!("{HIDDEN}.warned_of"), end));
    state.emit("subscription_schedule.expiring", "subscription_schedule", id);
}

/// Takes the end as known when the moment to warn of it has passed already.
pub(crate) fn note_near_end(state: &mut State, id: &str) {
    let now = state.now();
    state.change("subscription_schedule", id, |schedule| {
        if let Some(end) = end(schedule).filter(|end| end - WARNING <= now) {
            schedule.put(&format!("{HIDDEN}.warned_of"), end);
        }
    });
}

/// The time has come for a schedule's next step.
pub(crate) fn advance(state: &mut State, id: &str) {
    let Some(schedule) = state.store.find("subscription_schedule", id).cloned() else { return };
    if schedule.text("status") == Some("not_started") {
        if let Err(error) = begin(state, id) {
            tracing::warn!(schedule = id, %error, "a schedule could not begin its subscription");
            let now = state.now();
            state.change("subscription_schedule", id, |schedule| {
                schedule.put("status", "canceled");
                schedule.put("canceled_at", now);
            });
            state.emit("subscription_schedule.aborted", "subscription_schedule", id);
        }
        return;
    }
    let current = schedule.int("current_phase.start_date");
    let phases = schedule.list("phases");
    let position = phases.iter().position(|phase| phase.int("start_date") == current);
    match position.and_then(|position| phases.get(position + 1)) {
        Some(next) => enter(state, &schedule, next),
        None => finish(state, &schedule),
    }
}

/// Begins the subscription of a schedule with its first phase.
pub(crate) fn begin(state: &mut State, id: &str) -> Result<(), ApiError> {
    let schedule = state.load("subscription_schedule", "subscription_schedule", id)?.clone();
    let phase = schedule.list("phases").first().cloned().unwrap_or_default();
    let mut params = schedule_phases::parameters(&phase, schedule.at("default_settings"), state.now());
    // What a phase says of its beginning is nothing to a subscription that begins with it.
    params.put("billing_cycle_anchor", Value::Null);
    params.put("customer", schedule.at("customer").clone());
    params.put("billing_mode", schedule.at("billing_mode").clone());
    let wanted = schedule_phases::wanted(state, &phase, schedule.text("customer").unwrap_or_default(), &[])?;
    schedule_phases::leave_out_ended(&mut params, &Value::Null);
    let subscription = subscriptions::begin_scheduled(state, &params, id, &wanted)?;
    state.update("subscription_schedule", id, "subscription_schedule.updated", |schedule| {
        schedule.put("status", "active");
        schedule.put("subscription", subscription);
        point_at(schedule, &phase);
    });
    note_near_end(state, id);
    hold_cancellation(state, id);
    Ok(())
}

fn point_at(schedule: &mut Value, phase: &Value) {
    schedule.put(
        "current_phase",
        json!({ "end_date": phase.at("end_date"), "start_date": phase.at("start_date") }),
    );
}

/// The schedule enters a phase, and its subscription becomes what the phase says.
fn enter(state: &mut State, schedule: &Value, phase: &Value) {
    let id = schedule.id();
    state.update("subscription_schedule", id, "subscription_schedule.updated", |schedule| {
        point_at(schedule, phase);
    });
    let Some(subscription) =
        schedule.text("subscription").and_then(|id| state.store.find("subscription", id)).cloned()
    else {
        return;
    };
    let params = schedule_phases::parameters(phase, schedule.at("default_settings"), state.now());
    if let Err(error) = reshape(state, &subscription, (phase, None), params) {
        tracing::warn!(subscription = subscription.id(), %error, "a schedule could not change its subscription");
    }
}

/// Makes a subscription what a phase says, or says now if it ran before. Where a period ends at this moment, the next one
/// is the phase's.
fn reshape(
    state: &mut State,
    subscription: &Value,
    (phase, before): (&Value, Option<&Value>),
    mut params: Value,
) -> Result<(), ApiError> {
    let now = state.now();
    if subscription.text("status") == Some("incomplete") {
        // Not paid for yet: Stripe changes nothing about it, and it expires within the day.
        return Ok(());
    }
    schedule_phases::leave_out_ended(&mut params, subscription);
    let items = schedule_phases::items(state, phase, subscription, before)?;
    let at_boundary =
        subscription_items::period(subscription).end == now && params.int("trial_end").is_none();
    if at_boundary {
        subscription_updates::change_at_boundary(state, subscription, items, &params)
            .map(|()| time::end_period(state, subscription))
    } else {
        subscription_updates::change_to(state, subscription, items, &params)
    }
}

/// The current phase was changed by a request: its subscription changes at once.
pub(crate) fn apply_current(
    state: &mut State,
    before: &Value,
    id: &str,
    proration: Option<&str>,
) -> Result<(), ApiError> {
    let Some(schedule) = state.store.find("subscription_schedule", id).cloned() else { return Ok(()) };
    let start = schedule.int("current_phase.start_date");
    let of = |schedule: &Value| -> Option<Value> {
        schedule.list("phases").iter().find(|phase| phase.int("start_date") == start).cloned()
    };
    let Some(subscription) =
        schedule.text("subscription").and_then(|id| state.store.find("subscription", id)).cloned()
    else {
        return Ok(());
    };
    let (Some(old), Some(new)) = (of(before), of(&schedule)) else { return Ok(()) };
    let defaults = schedule.at("default_settings");
    let mut params = schedule_phases::parameters(&new, defaults, state.now());
    let mut was = schedule_phases::parameters(&old, before.at("default_settings"), state.now());
    let phase = params.at("phase").clone();
    // When it ends is nothing to the subscription yet.
    for params in [&mut params, &mut was] {
        params.put("phase", Value::Null);
    }
    if params == was && old.at("items") == new.at("items") {
        return Ok(());
    }
    params.put("phase", phase);
    // What it asked for before was redeemed, and added, when it began.
    let added = params.list("add_invoice_items").iter();
    let added = added.filter(|added| !was.list("add_invoice_items").contains(added)).cloned();
    params.put("add_invoice_items", added.collect::<Vec<_>>());
    if params.at("discounts") == was.at("discounts") {
        params.put("discounts", Value::Null);
    }
    params.put("billing_cycle_anchor", Value::Null);
    if was.at("trial_end") == params.at("trial_end") {
        params.put("trial_end", Value::Null);
    } else if params.at("trial_end").is_null() {
        // The phase says no more that it is a trial.
        params.put("trial_end", "now");
    }
    params.put("proration_behavior", proration.unwrap_or("create_prorations"));
    reshape(state, &subscription, (&new, Some(&old)), params)
}

/// The last phase is over.
fn finish(state: &mut State, schedule: &Value) {
    match schedule.text("end_behavior") {
        // The subscription's own `cancel_at` comes first; this is for one that was never to be ended by it.
        Some("cancel") => complete(state, schedule.id()),
        _ => let_go(state, schedule.id(), true),
    }
}

fn complete(state: &mut State, id: &str) {
    let now = state.now();
    state.change("subscription_schedule", id, |schedule| {
        schedule.put("status", "completed");
        schedule.put("completed_at", now);
        schedule.put("current_phase", Value::Null);
    });
    state.emit("subscription_schedule.completed", "subscription_schedule", id);
}

/// Releases a schedule: its subscription goes on without it.
pub(crate) fn let_go(state: &mut State, id: &str, preserve_cancel_date: bool) {
    let now = state.now();
    let before = state.change("subscription_schedule", id, |schedule| {
        schedule.put("status", "released");
        schedule.put("released_at", now);
        schedule.put("released_subscription", schedule.at("subscription").clone());
        schedule.put("subscription", Value::Null);
        schedule.put("current_phase", Value::Null);
    });
    if let Some(subscription) = before.text("subscription") {
        state.update("subscription", subscription, "customer.subscription.updated", |subscription| {
            subscription.put("schedule", Value::Null);
            if before.text("end_behavior") == Some("cancel") && !preserve_cancel_date {
                forget_cancellation(subscription);
            }
        });
    }
    state.emit("subscription_schedule.released", "subscription_schedule", id);
}

fn forget_cancellation(subscription: &mut Value) {
    subscription.put("cancel_at", Value::Null);
    subscription.put("cancel_at_period_end", false);
    subscription.put("canceled_at", Value::Null);
    subscription.put("cancellation_details.reason", Value::Null);
}

/// Keeps the subscription's `cancel_at` at the end of a schedule that ends it, and away from one that does not.
pub(crate) fn hold_cancellation(state: &mut State, id: &str) {
    let Some(schedule) = state.store.find("subscription_schedule", id).cloned() else { return };
    let Some(subscription) = schedule.text("subscription") else { return };
    let (now, ends) = (state.now(), schedule.text("end_behavior") == Some("cancel"));
    state.update("subscription", subscription, "customer.subscription.updated", |subscription| {
        if ends && subscription.int("cancel_at") != end(&schedule) {
            subscription.put("cancel_at", end(&schedule));
            subscription.put("cancel_at_period_end", false);
            subscription.put("canceled_at", now);
            subscription.put("cancellation_details.reason", "cancellation_requested");
        } else if !ends {
            forget_cancellation(subscription);
        }
    });
}

/// A subscription has ended, for the reason its cancellation gives.
pub(crate) fn subscription_ended(state: &mut State, subscription: &Value, reason: Option<&str>) {
    let Some(schedule) =
        subscription.text("schedule").and_then(|id| state.store.find("subscription_schedule", id))
    else {
        return;
    };
    if !is_open(schedule) {
        return;
    }
    let (id, now) = (schedule.id().to_owned(), state.now());
    if schedule.text("end_behavior") == Some("cancel") && end(schedule).is_some_and(|end| end <= now) {
        return complete(state, &id);
    }
    state.change("subscription_schedule", &id, |schedule| {
        schedule.put("status", "canceled");
        schedule.put("canceled_at", now);
        schedule.put("current_phase", Value::Null);
    });
    let event = match reason {
        Some("payment_failed") => "subscription_schedule.aborted",
        _ => "subscription_schedule.canceled",
    };
    state.emit(event, "subscription_schedule", &id);
}

/// Cancels the schedules of a customer that have not begun.
pub(crate) fn cancel_waiting_of(state: &mut State, customer: &str) {
    let waits = |schedule: &&Value| {
        schedule.text("customer") == Some(customer) && schedule.text("status") == Some("not_started")
    };
    let waiting: Vec<String> = state
        .store
        .all("subscription_schedule")
        .filter(waits)
        .map(|schedule| schedule.id().to_owned())
        .collect();
    for id in waiting {
        cancel_waiting(state, &id);
    }
}

/// Cancels a schedule that has not begun.
pub(crate) fn cancel_waiting(state: &mut State, id: &str) {
    let now = state.now();
    state.change("subscription_schedule", id, |schedule| {
        schedule.put("status", "canceled");
        schedule.put("canceled_at", now);
    });
    state.emit("subscription_schedule.canceled", "subscription_schedule", id);
}

/// Refuses what only the schedule may change about its subscription.
pub(crate) fn check_direct_change(subscription: &Value, params: &Value) -> Result<(), ApiError> {
    let Some(schedule) =
        subscription.text("schedule").filter(|_| subscription.text("status") != Some("canceled"))
    else {
        return Ok(());
    };
    if params.at("cancel_at").is_null() && params.at("cancel_at_period_end").is_null() {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "The subscription is managed by the subscription schedule `{schedule}`, and updating any cancelation behavior directly is not allowed. \
         Please update the schedule instead."
    )))
}

/// What of a subscription a phase decides.
fn shape(subscription: &Value) -> Value {
    let of_item = |item: &Value| {
        let named = |name: &str| item.at(name).clone();
        json!({
            "price": item.at("price").id(), "quantity": named("quantity"), "metadata": named("metadata"),
            "discounts": named("discounts"), "tax_rates": named("tax_rates"),
        })
    };
    let items: Vec<Value> = subscription.list("items.data").iter().map(of_item).collect();
    json!({
        "items": items, "discounts": subscription.at("discounts"), "default_tax_rates": subscription.at("default_tax_rates"),
        "automatic_tax": subscription.at("automatic_tax"), "trial_end": subscription.at("trial_end"),
    })
}

/// The subscription of a schedule was changed directly: from now on, the current phase is what the subscription is.
pub(crate) fn follow(state: &mut State, before: &Value) {
    let Some(id) = before.text("schedule").map(str::to_owned) else { return };
    let Some(schedule) = state.store.find("subscription_schedule", &id).cloned() else { return };
    let Some(subscription) = state.store.find("subscription", before.id()).cloned() else { return };
    let now = state.now();
    let start = schedule.int("current_phase.start_date");
    let Some(position) = schedule.list("phases").iter().position(|phase| phase.int("start_date") == start)
    else {
        return;
    };
    let Some(end) = schedule.int("current_phase.end_date") else { return };
    let mut phases = schedule.list("phases").to_vec();
    let old = phases[position].clone();
    let mut new = schedule_phases::of_subscription(&subscription, now, end);
    if shape(before) == shape(&subscription) {
        return;
    }
    for name in [
        "billing_cycle_anchor",
        "collection_method",
        "default_payment_method",
        "description",
        "invoice_settings",
        "metadata",
    ] {
        new.put(name, old.at(name).clone());
    }
    if old.int("start_date") == Some(now) {
        phases[position] = new.clone();
    } else {
        phases[position].put("end_date", now);
        phases.insert(position + 1, new.clone());
    }
    state.update("subscription_schedule", &id, "subscription_schedule.updated", |schedule| {
        schedule.put("phases", phases);
        point_at(schedule, &new);
    });
}
