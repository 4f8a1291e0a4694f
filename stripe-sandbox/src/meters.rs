//! Billing meters: what they count, the events they are told, and the usage that metered prices are billed for.

use serde_json::{Value, json};

use crate::calendar::Period;
use crate::clock::Timestamp;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, patch};
use crate::list;
use crate::state::{HIDDEN, State};

const KIND: &str = "billing.meter";
const EVENT: &str = "billing.meter_event";
const MINUTE: Timestamp = 60;
const HOUR: Timestamp = 60 * MINUTE;
const DAY: Timestamp = 24 * HOUR;
/// How long after it happened usage may be reported.
const BACKFILL: Timestamp = 35 * DAY;
/// How far ahead of time usage may lie.
const AHEAD: Timestamp = 5 * MINUTE;
/// How long an event's identifier is its own, and the event can be cancelled.
const RECENT: Timestamp = DAY;

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let event_name = params.text("event_name").unwrap_or_default().to_owned();
    if active_meter(state, &event_name).is_some() {
        let message = format!("A meter with the event name `{event_name}` is active already.");
        return Err(ApiError::invalid(message).code("resource_already_exists").param("event_name"));
    }
    let now = state.now();
    let meter = json!({
        "id": state.id("mtr_test"), "object": KIND, "created": now,
        "customer_mapping": {
            "event_payload_key": params.text("customer_mapping.event_payload_key").unwrap_or("stripe_customer_id"), "type": "by_id",
        },
        "default_aggregation": { "formula": params.at("default_aggregation.formula") }, "display_name": params.at("display_name"),
        "event_name": event_name, "event_time_window": params.at("event_time_window"), "livemode": false, "status": "active",
        "status_transitions": { "deactivated_at": null }, "updated": now,
        "value_settings": { "event_payload_key": params.text("value_settings.event_payload_key").unwrap_or("value") },
    });
    state.create(meter.clone(), "billing.meter.created");
    Ok(meter)
}

fn active_meter<'a>(state: &'a State, event_name: &str) -> Option<&'a Value> {
    state
        .store
        .all(KIND)
        .find(|meter| meter.text("event_name") == Some(event_name) && meter.text("status") == Some("active"))
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load(KIND, "meter", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    state.load(KIND, "meter", &id)?;
    let now = state.now();
    state.update(KIND, &id, "billing.meter.updated", |meter| {
        patch(meter, params, &["display_name"]);
        meter.put("updated", now);
    });
    state.load(KIND, "meter", &id).cloned()
}

pub(crate) fn deactivate(call: &mut Call<'_>) -> Answer {
    let (id, now) = (call.id(0).to_owned(), call.state.now());
    if call.state.load(KIND, "meter", &id)?.text("status") != Some("active") {
        return Err(ApiError::invalid("The meter is already inactive."));
    }
    change_status(call.state, &id, "inactive", json!(now), "billing.meter.deactivated")
}

pub(crate) fn reactivate(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let meter = call.state.load(KIND, "meter", &id)?;
    if meter.text("status") == Some("active") {
        return Err(ApiError::invalid("The meter is already active."));
    }
    let event_name = meter.text("event_name").unwrap_or_default();
    if active_meter(call.state, event_name).is_some() {
        let message = format!("Another meter with the event name `{event_name}` is active.");
        return Err(ApiError::invalid(message).code("resource_already_exists"));
    }
    change_status(call.state, &id, "active", Value::Null, "billing.meter.reactivated")
}

fn change_status(state: &mut State, id: &str, status: &str, deactivated_at: Value, event: &str) -> Answer {
    let now = state.now();
    state.change(KIND, id, |meter| {
        meter.put("status", status);
        meter.put("status_transitions.deactivated_at", deactivated_at);
        meter.put("updated", now);
    });
    state.emit(event, KIND, id);
    state.load(KIND, "meter", id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first(KIND, |meter| list::same(params, "status", meter));
    list::page("/v1/billing/meters", "meter", &rows, params)
}

/// A number that Stripe's clients send as text, to be counted. Fractions of a unit are not modelled.
fn value_of(payload: &Value, key: &str) -> Result<i64, ApiError> {
    let param = format!("payload[{key}]");
    let text = payload.text(key).ok_or_else(|| ApiError::missing(&param))?;
    text.parse().map_err(|_| {
        if text.parse::<f64>().is_ok_and(f64::is_finite) {
            return ApiError::unsupported(&param);
        }
        let message = format!("The value of `{key}` in the payload must be a number, not `{text}`.");
        ApiError::invalid(message).code("meter_event_invalid_value").param(&param)
    })
}

pub(crate) fn create_event(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let event_name = params.text("event_name").unwrap_or_default().to_owned();
    let Some(meter) = active_meter(state, &event_name).cloned() else {
        let message = format!("No active meter found for the event name `{event_name}`.");
        return Err(ApiError::invalid(message).code("no_meter").param("event_name"));
    };
    let payload = params.at("payload");
    let key = meter.text("customer_mapping.event_payload_key").unwrap_or_default();
    let customer = payload.text(key).ok_or_else(|| {
        let message = format!("The payload names no customer under `{key}`.");
        ApiError::invalid(message).code("meter_event_no_customer_defined").param("payload")
    })?;
    let known = state.store.find("customer", customer);
    if known.is_none_or(|customer| customer.flag("deleted") == Some(true)) {
        let message = format!("No such customer: '{customer}'");
        return Err(ApiError::invalid(message).code("meter_event_customer_not_found").param("payload"));
    }
    // The customer's own clock decides about the time of usage.
    let now = state.now();
    let clock = known.and_then(|customer| state.test_clock_of(customer)).map(str::to_owned);
    let customer = customer.to_owned();
    let by_clock = state.within(clock.as_deref(), |state| state.now());
    let timestamp = params.int("timestamp").unwrap_or(by_clock);
    if timestamp < by_clock - BACKFILL {
        let message = "The timestamp must be within the past 35 calendar days.";
        return Err(ApiError::invalid(message).code("timestamp_too_far_in_past").param("timestamp"));
    }
    if timestamp > by_clock + AHEAD {
        let message = "The timestamp must be at most 5 minutes in the future.";
        return Err(ApiError::invalid(message).code("timestamp_in_future").param("timestamp"));
    }
    let value = if meter.text("default_aggregation.formula") == Some("count") {
        1
    } else {
        value_of(payload, meter.text("value_settings.event_payload_key").unwrap_or("value"))?
    };
    let identifier = params.text("identifier").map_or_else(|| state.ids.token(32), str::to_owned);
    if identifier.chars().count() > 100 {
        let message = "Invalid string: the identifier must be at most 100 characters.";
        return Err(ApiError::parameter("parameter_invalid_string", "identifier", message));
    }
    if let Some(earlier) = state.store.find(EVENT, &identifier) {
        if earlier.int("created").is_some_and(|created| created + RECENT > now) {
            let message = format!("An event already exists with identifier {identifier}.");
            return Err(ApiError::invalid(message).code("duplicate_meter_event").param("identifier"));
        }
        // The identifier is free again; what it stood for still counts.
        if let Some(mut earlier) = state.store.remove(EVENT, &identifier) {
            let kept = format!("{identifier} {}", state.ids.token(8));
            earlier.put("id", kept);
            state.store.insert(earlier);
        }
    }
    let event = json!({
        "object": EVENT, "created": now, "event_name": event_name, "identifier": identifier, "livemode": false, "payload": payload,
        "timestamp": timestamp,
    });
    let mut stored = event.clone();
    stored.put("id", identifier);
    stored.put(HIDDEN, json!({ "meter": meter.id(), "customer": customer, "value": value }));
    state.store.insert(stored);
    Ok(event)
}

pub(crate) fn create_adjustment(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let param = "cancel[identifier]";
    let identifier = params.text("cancel.identifier").ok_or_else(|| ApiError::missing(param))?.to_owned();
    let now = state.now();
    let found = state
        .store
        .find(EVENT, &identifier)
        .filter(|event| event.text("event_name") == params.text("event_name"))
        .ok_or_else(|| ApiError::no_such("meter event", &identifier, param))?;
    if found.at(HIDDEN).flag("canceled") == Some(true) {
        return Err(ApiError::invalid("The meter event has been cancelled already.").param(param));
    }
    if found.int("created").is_some_and(|created| created + RECENT <= now) {
        let message = "You can only cancel meter events within 24 hours of Stripe receiving them.";
        return Err(ApiError::invalid(message).param(param));
    }
    state.change(EVENT, &identifier, |event| event.put(&format!("{HIDDEN}.canceled"), true));
    Ok(json!({
        "object": "billing.meter_event_adjustment", "cancel": { "identifier": identifier }, "event_name": params.at("event_name"),
        "livemode": false, "status": "pending", "type": "cancel",
    }))
}

/// What a customer used by a meter within a period, its end left out.
pub(crate) fn usage(state: &State, meter: &str, customer: &str, period: Period) -> i64 {
    let formula = state.store.find(KIND, meter).and_then(|meter| meter.text("default_aggregation.formula"));
    let counted = state.store.all(EVENT).filter(|event| {
        let hidden = event.at(HIDDEN);
        hidden.text("meter") == Some(meter)
            && hidden.text("customer") == Some(customer)
            && hidden.flag("canceled") != Some(true)
            && event.int("timestamp").is_some_and(|at| (period.start..period.end).contains(&at))
    });
    let value = |event: &Value| event.at(HIDDEN).int("value").unwrap_or_default();
    match formula {
        Some("last") => {
            let last = counted.max_by_key(|event| (event.int("timestamp"), event.int("created")));
            last.map(value).unwrap_or_default()
        }
        _ => counted.map(value).fold(0, i64::saturating_add),
    }
}

pub(crate) fn event_summaries(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    state.load(KIND, "meter", &id)?;
    let customer = params.text("customer").unwrap_or_default();
    crate::customers::named(state, customer)?;
    let whole = Period {
        start: params.int("start_time").unwrap_or_default(),
        end: params.int("end_time").unwrap_or_default(),
    };
    let window = match params.text("value_grouping_window") {
        Some("hour") => Some(HOUR),
        Some("day") => Some(DAY),
        _ => None,
    };
    let (step, unit) = match window {
        Some(HOUR) => (HOUR, "hour"),
        Some(_) => (DAY, "UTC day"),
        None => (MINUTE, "minute"),
    };
    for (param, time) in [("start_time", whole.start), ("end_time", whole.end)] {
        if time % step != 0 {
            return Err(
                ApiError::invalid(format!("`{param}` must align with {unit} boundaries.")).param(param)
            );
        }
    }
    if whole.end <= whole.start {
        return Err(ApiError::invalid("`end_time` must be after `start_time`.").param("end_time"));
    }
    let step = window.unwrap_or(whole.end - whole.start);
    if (whole.end - whole.start) / step > 10_000 {
        let message = "The time range is too long for this grouping window.";
        return Err(ApiError::invalid(message).param("end_time"));
    }
    let meter = id.trim_start_matches("mtr_test_");
    let mut rows = Vec::new();
    let mut end = whole.end;
    // The latest comes first, as in every list.
    while end > whole.start {
        let period = Period { start: end - step, end };
        rows.push(json!({
            "id": format!("mtrusg_test_{meter}_{}_{end}", period.start), "object": "billing.meter_event_summary",
            "aggregated_value": usage(state, &id, customer, period), "end_time": end, "livemode": false, "meter": id,
            "start_time": period.start,
        }));
        end -= step;
    }
    let rows: Vec<&Value> = rows.iter().collect();
    list::page(&format!("/v1/billing/meters/{id}/event_summaries"), "meter event summary", &rows, params)
}

/// The meter and usage type of a new recurring price.
pub(crate) fn of_price(state: &State, params: &Value) -> Result<(Option<String>, &'static str), ApiError> {
    let meter = params.text("recurring.meter");
    if params.text("recurring.usage_type") != Some("metered") {
        return match meter {
            Some(_) => Err(ApiError::invalid(
                "You can only set `recurring[meter]` on a price whose `recurring[usage_type]` is `metered`.",
            )
            .param("recurring[meter]")),
            None => Ok((None, "licensed")),
        };
    }
    let meter = meter.ok_or_else(|| {
        ApiError::invalid("Metered prices must be backed by meters: pass `recurring[meter]`.")
            .code("parameter_missing")
            .param("recurring[meter]")
    })?;
    let found = state.named(KIND, "meter", meter, "recurring[meter]")?;
    if found.text("status") != Some("active") {
        return Err(ApiError::invalid(format!("The meter {meter} is not active.")).param("recurring[meter]"));
    }
    Ok((Some(meter.to_owned()), "metered"))
}

/// Whether a price is billed by usage.
pub(crate) fn is_metered(price: &Value) -> bool {
    price.text("recurring.usage_type") == Some("metered")
}

/// A metered subscription item with what was used as its quantity, from where it was billed last up to a moment, and that
/// time. What was used in a trial is free.
pub(crate) fn used(state: &State, subscription: &Value, item: &Value, until: Timestamp) -> (Value, Period) {
    let from = item.at(HIDDEN).int("billed_until").or(item.int("created")).unwrap_or(until);
    let from = from.max(subscription.int("trial_end").unwrap_or(from)).min(until);
    let period = Period { start: from, end: until };
    let meter = item.text("price.recurring.meter").unwrap_or_default();
    let quantity = usage(state, meter, subscription.text("customer").unwrap_or_default(), period);
    let mut billed = item.clone();
    billed.put("quantity", quantity.max(0));
    (billed, period)
}

/// Remembers that usage up to a moment was billed.
pub(crate) fn mark_billed(subscription: &mut Value, until: Timestamp) {
    for item in crate::subscription_items::items_mut(subscription) {
        if is_metered(item.at("price")) {
            item.put(&format!("{HIDDEN}.billed_until"), until);
        }
    }
}
