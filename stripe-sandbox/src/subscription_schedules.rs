//! What clients ask of subscription schedules; what then happens stands in `schedule_lifecycle`.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::schedule_phases::{self, Frame};
use crate::state::{HIDDEN, State};
use crate::subscription_lifecycle::{self, Ending};
use crate::{customers, list, schedule_lifecycle, subscription_items};

/// Refuses what no schedule can have, new or changed.
fn check(params: &Value) -> Result<(), ApiError> {
    match params.text("end_behavior") {
        Some("none" | "renew") => Err(ApiError::unsupported("end_behavior")),
        _ => Ok(()),
    }
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    check(params)?;
    if let Some(subscription) = params.text("from_subscription").map(str::to_owned) {
        return from_subscription(state, params, &subscription);
    }
    // Tried on a copy first, so that a refusal leaves nothing behind.
    if let Some(customer) = params.text("customer") {
        make(&mut state.rehearsal(customer), params)?;
    }
    make(state, params)
}

fn make(state: &mut State, params: &Value) -> Answer {
    let customer = params.text("customer").ok_or_else(|| ApiError::missing("customer"))?.to_owned();
    customers::named(state, &customer)?;
    let now = state.now();
    let start = match params.at("start_date") {
        Value::Number(start) => start.as_i64().unwrap_or(now),
        _ => now,
    };
    if start < now {
        // Backdating charges for time that has passed; the sandbox does not yet.
        return Err(ApiError::unsupported("start_date"));
    }
    let mut defaults = schedule_phases::default_settings();
    schedule_phases::patch_settings(&mut defaults, params.at("default_settings"));
    let frame = Frame {
        customer: &customer,
        defaults: &defaults,
        start: Some(start),
        anchor: None,
        currency: None,
        held: &[],
    };
    let phases = schedule_phases::read(state, params.list("phases"), &frame)?;
    let currency = phases.first().and_then(|phase| phase.text("currency")).unwrap_or_default();
    customers::check_currency(state, &customer, currency)?;
    let mut schedule = build(state, &customer, defaults, phases);
    if params.text("billing_mode.type") == Some("classic") {
        schedule.put("billing_mode", json!({ "flexible": null, "type": "classic" }));
    }
    patch(&mut schedule, params, &["end_behavior"]);
    merge_metadata(&mut schedule, params);
    let id = schedule.id().to_owned();
    state.create(schedule, "subscription_schedule.created");
    if start == now {
        schedule_lifecycle::begin(state, &id)?;
    }
    state.load("subscription_schedule", "subscription_schedule", &id).cloned()
}

fn build(state: &mut State, customer: &str, defaults: Value, phases: Vec<Value>) -> Value {
    json!({
        "id": state.id("sub_sched"), "object": "subscription_schedule", "application": null,
        "billing_mode": { "flexible": { "proration_discounts": "included" }, "type": "flexible" }, "canceled_at": null,
        "completed_at": null, "created": state.now(), "current_phase": null, "customer": customer, "customer_account": null,
        "default_settings": defaults, "end_behavior": "release", "livemode": false, "metadata": {}, "phases": phases,
        "released_at": null, "released_subscription": null, "status": "not_started", "subscription": null, "test_clock": null,
    })
}

/// A schedule for a subscription that runs already: one phase, its current period.
fn from_subscription(state: &mut State, params: &Value, id: &str) -> Answer {
    let others = ["billing_mode", "customer", "default_settings", "end_behavior", "phases", "start_date"];
    if let Some(other) = others.iter().find(|name| !params.at(name).is_null()) {
        return Err(ApiError::invalid(format!("You cannot set `{other}` if `from_subscription` is set."))
            .param(other));
    }
    let subscription = state.named("subscription", "subscription", id, "from_subscription")?.clone();
    if let Some(schedule) = subscription.text("schedule") {
        return Err(ApiError::invalid(format!(
            "You cannot migrate a subscription that is already attached to a schedule: `{schedule}`."
        ))
        .param("from_subscription"));
    }
    if let Some(status @ ("canceled" | "incomplete_expired" | "incomplete")) = subscription.text("status") {
        let message = format!("You cannot migrate a subscription that is in the `{status}` status.");
        return Err(ApiError::invalid(message).param("from_subscription"));
    }
    let period = subscription_items::period(&subscription);
    let cancel_at = subscription.int("cancel_at");
    let phase =
        schedule_phases::of_subscription(&subscription, period.start, cancel_at.unwrap_or(period.end));
    let mut defaults = schedule_phases::default_settings();
    for name in ["automatic_tax", "collection_method", "default_payment_method", "description"] {
        defaults.put(name, subscription.at(name).clone());
    }
    defaults.put("invoice_settings.days_until_due", subscription.at("days_until_due").clone());
    for name in ["invoice_settings.description", "invoice_settings.footer"] {
        defaults.put(name, subscription.at(name).clone());
    }
    let current = json!({ "end_date": phase.at("end_date"), "start_date": phase.at("start_date") });
    let mut schedule = build(state, subscription.text("customer").unwrap_or_default(), defaults, vec![phase]);
    schedule.put("status", "active");
    schedule.put("billing_mode", subscription.at("billing_mode").clone());
    schedule.put("subscription", id);
    schedule.put("current_phase", current);
    if cancel_at.is_some() {
        schedule.put("end_behavior", "cancel");
    }
    merge_metadata(&mut schedule, params);
    let schedule_id = schedule.id().to_owned();
    state.create(schedule, "subscription_schedule.created");
    state.update("subscription", id, "customer.subscription.updated", |subscription| {
        subscription.put("schedule", schedule_id.as_str());
    });
    schedule_lifecycle::note_near_end(state, &schedule_id);
    state.load("subscription_schedule", "subscription_schedule", &schedule_id).cloned()
}

/// The address's schedule, when it has not ended.
fn open(call: &Call<'_>, verb: &str) -> Answer {
    let schedule = call.state.load("subscription_schedule", "subscription_schedule", call.id(0))?;
    match schedule.text("status") {
        Some("not_started" | "active") => Ok(schedule.clone()),
        status => Err(ApiError::invalid(format!(
            "You cannot {verb} a subscription schedule that is currently in the `{}` status. It must be in the `not_started` or `active` status.",
            status.unwrap_or_default()
        ))),
    }
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("subscription_schedule", "subscription_schedule", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let before = open(call, "update")?;
    let Call { state, params, .. } = call;
    check(params)?;
    // Tried on a copy first, so that a refusal leaves nothing behind.
    change(&mut state.rehearsal(before.text("customer").unwrap_or_default()), &before, params)?;
    change(state, &before, params)
}

fn change(state: &mut State, before: &Value, params: &Value) -> Answer {
    let id = before.id().to_owned();
    let mut defaults = before.at("default_settings").clone();
    schedule_phases::patch_settings(&mut defaults, params.at("default_settings"));
    let phases = match params.at("phases") {
        Value::Null => before.list("phases").to_vec(),
        _ => changed_phases(state, before, params, &defaults)?,
    };
    state.change("subscription_schedule", &id, |schedule| {
        patch(schedule, params, &["end_behavior"]);
        merge_metadata(schedule, params);
        schedule.put("default_settings", defaults);
        let current = phases.iter().find(|phase| {
            phase.int("start_date").is_some()
                && phase.int("start_date") == schedule.int("current_phase.start_date")
        });
        if let Some(end) = current.map(|phase| phase.at("end_date").clone()) {
            schedule.put("current_phase.end_date", end);
        }
        schedule.put("phases", phases);
        schedule.put(&format!("{HIDDEN}.warned_of"), Value::Null);
    });
    schedule_lifecycle::note_near_end(state, &id);
    state.emit_updated("subscription_schedule.updated", "subscription_schedule", &id, before);
    if before.text("status") == Some("active") {
        schedule_lifecycle::apply_current(state, before, &id, params.text("proration_behavior"))?;
        schedule_lifecycle::hold_cancellation(state, &id);
    }
    // A phase that was made to begin or end now does.
    let now = state.now();
    while let Some(schedule) = state.store.find("subscription_schedule", &id)
        && schedule_lifecycle::next_move(schedule).is_some_and(|at| at <= now)
    {
        schedule_lifecycle::advance(state, &id);
    }
    state.load("subscription_schedule", "subscription_schedule", &id).cloned()
}

/// The phases after an update: those that have ended, and those of the request.
fn changed_phases(
    state: &mut State,
    before: &Value,
    params: &Value,
    defaults: &Value,
) -> Result<Vec<Value>, ApiError> {
    let now = state.now();
    let current: Option<Timestamp> = before.int("current_phase.start_date");
    let over =
        |phase: &&Value| current.is_some_and(|start| phase.int("start_date").is_some_and(|own| own < start));
    let mut phases: Vec<Value> = before.list("phases").iter().filter(over).cloned().collect();
    // Ended phases may be left out, and stay as they were when they are sent again.
    let sent: Vec<Value> = params
        .list("phases")
        .iter()
        .skip_while(|sent| phases.iter().any(|phase| phase.at("start_date") == sent.at("start_date")))
        .cloned()
        .collect();
    if sent.first().is_some_and(|first| first.at("start_date").is_null()) {
        return Err(ApiError::missing("phases[0][start_date]"));
    }
    let subscription = before.text("subscription").and_then(|id| state.store.find("subscription", id));
    let anchor = subscription.and_then(|subscription| subscription.int("billing_cycle_anchor"));
    let customer = before.text("customer").unwrap_or_default();
    let held = subscription.map(schedule_phases::held_by).unwrap_or_default();
    let currency = before.list("phases").first().and_then(|phase| phase.text("currency"));
    let frame = Frame { customer, defaults, start: current, anchor, currency, held: &held };
    let new = schedule_phases::read(state, &sent, &frame)?;
    let first = new.first().unwrap_or(&Value::Null);
    if current.is_none() && first.int("start_date").is_some_and(|start| start < now) {
        return Err(ApiError::unsupported("phases[0][start_date]"));
    }
    if first.int("end_date").is_some_and(|end| end < now) {
        let message = "The `end_date` of the current phase must not lie in the past.";
        return Err(ApiError::invalid(message).param("phases[0][end_date]"));
    }
    phases.extend(new);
    Ok(phases)
}

pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let schedule = open(call, "cancel")?;
    let id = schedule.id().to_owned();
    let Call { state, params, .. } = call;
    if let Some(subscription) = schedule.text("subscription") {
        let ending = Ending {
            reason: Some("cancellation_requested"),
            prorate: params.flag("prorate") != Some(false),
            invoice_now: params.flag("invoice_now") != Some(false),
        };
        subscription_lifecycle::cancel(state, subscription, &ending);
    } else {
        schedule_lifecycle::cancel_waiting(state, &id);
    }
    state.load("subscription_schedule", "subscription_schedule", &id).cloned()
}

pub(crate) fn release(call: &mut Call<'_>) -> Answer {
    let id = open(call, "release")?.id().to_owned();
    let Call { state, params, .. } = call;
    schedule_lifecycle::let_go(state, &id, params.flag("preserve_cancel_date") == Some(true));
    state.load("subscription_schedule", "subscription_schedule", &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("subscription_schedule", |schedule| {
        list::same(params, "customer", schedule)
            && ["canceled_at", "completed_at", "created", "released_at"]
                .iter()
                .all(|name| list::in_range(params, name, schedule.int(name)))
            && params
                .flag("scheduled")
                .is_none_or(|scheduled| scheduled == (schedule.text("status") == Some("not_started")))
    });
    list::page("/v1/subscription_schedules", "subscription_schedule", &rows, params)
}
