//! Phases of subscription schedules: read from requests, copied from a subscription, turned into a subscription's parameters.

use serde_json::{Value, json};

use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::State;
use crate::subscription_items::{self, Wanted};
use crate::{prices, subscriptions};

/// Stripe takes so many current and future phases.
const MAXIMUM: usize = 10;
const SETTINGS: &[&str] =
    &["billing_cycle_anchor", "collection_method", "default_payment_method", "description"];
const INVOICE_SETTINGS: &[&str] = &["days_until_due", "description", "footer"];

/// What the phases of a request are read against.
pub(crate) struct Frame<'a> {
    pub customer: &'a str,
    /// The schedule's `default_settings`.
    pub defaults: &'a Value,
    /// When the first phase starts, unless it says so itself.
    pub start: Option<Timestamp>,
    /// The subscription's billing cycle, which durations follow.
    pub anchor: Option<Timestamp>,
}

fn bare(currency: &str) -> Value {
    json!({
        "add_invoice_items": [], "application_fee_percent": null, "billing_cycle_anchor": null, "billing_thresholds": null,
        "collection_method": null, "currency": currency, "default_payment_method": null, "default_tax_rates": [], "description": null,
        "discounts": [], "end_date": null, "invoice_settings": null, "items": [], "metadata": {}, "on_behalf_of": null,
        "proration_behavior": "create_prorations", "start_date": null, "transfer_data": null, "trial_end": null,
    })
}

fn item(price: &str, quantity: i64, metadata: &Value) -> Value {
    let mut item = json!({
        "billing_thresholds": null, "discounts": [], "metadata": {}, "plan": price, "price": price, "quantity": quantity, "tax_rates": [],
    });
    merge_metadata(&mut item, &json!({ "metadata": metadata }));
    item
}

/// The settings a schedule starts with, before any were asked for.
pub(crate) fn default_settings() -> Value {
    json!({
        "application_fee_percent": null, "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
        "billing_cycle_anchor": "automatic", "billing_thresholds": null, "collection_method": "charge_automatically",
        "default_payment_method": null, "description": null,
        "invoice_settings": {
            "account_tax_ids": null, "custom_fields": null, "days_until_due": null, "description": null, "footer": null,
            "issuer": { "type": "self" },
        },
        "on_behalf_of": null, "transfer_data": null,
    })
}

/// Takes over the settings that were sent, for a phase or for the whole schedule.
pub(crate) fn patch_settings(settings: &mut Value, sent: &Value) {
    patch(settings, sent, SETTINGS);
    if !sent.at("invoice_settings").is_object() {
        return;
    }
    if !settings.at("invoice_settings").is_object() {
        settings.put(
            "invoice_settings",
            json!({ "account_tax_ids": null, "custom_fields": null, "days_until_due": null, "description": null, "footer": null, "issuer": null }),
        );
    }
    for name in INVOICE_SETTINGS {
        patch(settings, sent, &[&format!("invoice_settings.{name}")]);
    }
}

/// Says of a refusal in which phase it lies: `items[0][price]` becomes `phases[1][items][0][price]`.
fn in_phase(error: ApiError, index: usize) -> ApiError {
    let Some(param) = error.field("param").and_then(Value::as_str) else { return error };
    let (head, rest) =
        param.split_once('[').map_or((param, String::new()), |(head, rest)| (head, format!("[{rest}")));
    let param = format!("phases[{index}][{head}]{rest}");
    error.param(&param)
}

/// The moment of `start_date` or `end_date`, which may be `now`.
fn moment(sent: &Value, name: &str, now: Timestamp) -> Option<Timestamp> {
    match sent.at(name) {
        Value::String(_) => Some(now),
        other => other.as_i64(),
    }
}

/// The phases a request describes, one after the other.
pub(crate) fn read(state: &mut State, sent: &[Value], frame: &Frame<'_>) -> Result<Vec<Value>, ApiError> {
    if sent.is_empty() {
        return Err(ApiError::missing("phases"));
    }
    if sent.len() > MAXIMUM {
        let message = format!("A subscription schedule can have up to {MAXIMUM} current and future phases.");
        return Err(ApiError::invalid(message).param("phases"));
    }
    let mut phases: Vec<Value> = Vec::new();
    for (index, sent_phase) in sent.iter().enumerate() {
        let start = match phases.last() {
            Some(before) => before.int("end_date"),
            None => frame.start,
        };
        let last = index + 1 == sent.len();
        let phase =
            read_phase(state, sent_phase, frame, start, last).map_err(|error| in_phase(error, index))?;
        if phases.last().is_some_and(|before| before.at("currency") != phase.at("currency")) {
            let message = "All phases of a subscription schedule must have the same currency.";
            return Err(in_phase(ApiError::invalid(message).param("items"), index));
        }
        phases.push(phase);
    }
    Ok(phases)
}

fn read_phase(
    state: &mut State,
    sent: &Value,
    frame: &Frame<'_>,
    start: Option<Timestamp>,
    last: bool,
) -> Result<Value, ApiError> {
    let now = state.now();
    let start = match (moment(sent, "start_date", now), start) {
        (Some(own), Some(given)) if own != given => {
            let message = "The `start_date` of a phase must be the `end_date` of the phase before it; that of the current phase cannot be changed.";
            return Err(ApiError::invalid(message).param("start_date"));
        }
        (Some(start), _) | (None, Some(start)) => start,
        (None, None) => return Err(ApiError::missing("start_date")),
    };
    subscriptions::check(state, sent, frame.customer)?;
    let wanted: Vec<Wanted> = sent
        .list("items")
        .iter()
        .enumerate()
        .map(|(index, item)| Wanted::read(state, item, index, frame.customer))
        .collect::<Result<_, _>>()?;
    let first = wanted.first().ok_or_else(|| ApiError::missing("items"))?;
    subscription_items::check_together(&wanted.iter().map(|wanted| &wanted.price).collect::<Vec<_>>())?;
    let currency = first.price.text("currency").unwrap_or_default();
    if sent.text("currency").is_some_and(|code| !code.eq_ignore_ascii_case(currency)) {
        let message = "The price specified supports another currency than the one requested.";
        return Err(ApiError::invalid(message).param("currency"));
    }
    let end = end_of(sent, frame, &first.price, start, now, last)?;
    let mut phase = bare(currency);
    patch(&mut phase, sent, &["proration_behavior"]);
    patch_settings(&mut phase, sent);
    merge_metadata(&mut phase, sent);
    let items = wanted.iter().map(|wanted| item(wanted.price.id(), wanted.quantity, &wanted.metadata));
    phase.put("items", items.collect::<Vec<_>>());
    phase.put("start_date", start);
    phase.put("end_date", end);
    let trial_end = match sent.flag("trial") {
        Some(true) => Some(end),
        _ => moment(sent, "trial_end", now),
    };
    if trial_end.is_some_and(|trial_end| !(start..=end).contains(&trial_end)) {
        return Err(ApiError::invalid("The `trial_end` of a phase must lie in it.").param("trial_end"));
    }
    if trial_end.is_some_and(|trial_end| trial_end > start + subscriptions::MAXIMUM_TRIAL) {
        return Err(ApiError::invalid("The maximum trial period is 2 years (730 days).").param("trial_end"));
    }
    phase.put("trial_end", trial_end.filter(|trial_end| *trial_end > start));
    check_collection(&phase, frame.defaults)?;
    Ok(phase)
}

fn end_of(
    sent: &Value,
    frame: &Frame<'_>,
    price: &Value,
    start: Timestamp,
    now: Timestamp,
    last: bool,
) -> Result<Timestamp, ApiError> {
    let duration = sent.at("duration");
    let end = match (moment(sent, "end_date", now), duration.is_object()) {
        (Some(_), true) => {
            let message = "You may only specify one of these parameters: end_date, duration.";
            return Err(ApiError::invalid(message).param("duration"));
        }
        (Some(end), false) => end,
        (None, true) => {
            let count = duration.int("interval_count").unwrap_or(1);
            if count < 1 {
                let message = "This value must be greater than or equal to 1.";
                return Err(ApiError::parameter(
                    "parameter_invalid_integer",
                    "duration[interval_count]",
                    message,
                ));
            }
            let unit = Interval::new(duration.text("interval").unwrap_or("month"), 1);
            after(unit, count, frame.anchor, start)
        }
        // The last phase lasts one billing period unless it says otherwise.
        (None, false) if last => after(prices::interval(price), 1, frame.anchor, start),
        (None, false) => {
            let message = "All phases but the last must have an `end_date` or a `duration`.";
            return Err(ApiError::invalid(message).param("end_date"));
        }
    };
    if end < start || end == start && moment(sent, "end_date", now) != Some(now) {
        return Err(
            ApiError::invalid("The `end_date` of a phase must be after its `start_date`.").param("end_date")
        );
    }
    Ok(end)
}

/// `count` intervals after `start`: along the billing cycle when `start` lies on it, so that the 31st comes back.
fn after(unit: Interval, count: i64, anchor: Option<Timestamp>, start: Timestamp) -> Timestamp {
    let anchor = anchor.filter(|anchor| unit.period(*anchor, start).start == start).unwrap_or(start);
    (0..count).fold(start, |moment, _| unit.period(anchor, moment).end)
}

fn check_collection(phase: &Value, defaults: &Value) -> Result<(), ApiError> {
    if setting(phase, defaults, "collection_method") == &json!("send_invoice")
        && setting(phase, defaults, "invoice_settings.days_until_due").is_null()
    {
        let message =
            "You must pass `invoice_settings[days_until_due]` when `collection_method` is `send_invoice`.";
        return Err(ApiError::invalid(message).param("invoice_settings"));
    }
    Ok(())
}

/// A phase's own setting, or the schedule's.
fn setting<'a>(phase: &'a Value, defaults: &'a Value, name: &str) -> &'a Value {
    let own = phase.at(name);
    if own.is_null() { defaults.at(name) } else { own }
}

/// A phase that says what a subscription is now.
pub(crate) fn of_subscription(subscription: &Value, start: Timestamp, end: Timestamp) -> Value {
    let mut phase = bare(subscription.text("currency").unwrap_or_default());
    let items = subscription
        .list("items.data")
        .iter()
        .map(|own| item(own.at("price").id(), own.int("quantity").unwrap_or(1), own.at("metadata")));
    phase.put("items", items.collect::<Vec<_>>());
    phase.put("start_date", start);
    phase.put("end_date", end);
    if subscription.text("status") == Some("trialing") {
        phase.put("trial_end", subscription.at("trial_end").clone());
    }
    phase
}

/// What a phase makes of its subscription, as parameters of an update (or, with `customer` and `items`, of a creation).
pub(crate) fn parameters(phase: &Value, defaults: &Value, now: Timestamp) -> Value {
    let mut params = json!({});
    for name in ["collection_method", "default_payment_method", "description"] {
        put_set(&mut params, name, setting(phase, defaults, name));
    }
    for name in ["invoice_settings.description", "invoice_settings.footer"] {
        put_set(&mut params, name, setting(phase, defaults, name));
    }
    if params.text("collection_method") == Some("send_invoice") {
        put_set(&mut params, "days_until_due", setting(phase, defaults, "invoice_settings.days_until_due"));
    }
    put_set(&mut params, "metadata", phase.at("metadata"));
    put_set(&mut params, "proration_behavior", phase.at("proration_behavior"));
    if let Some(end) = phase.int("trial_end").filter(|end| *end > now) {
        params.put("trial_end", end);
    }
    if setting(phase, defaults, "billing_cycle_anchor") == &json!("phase_start") {
        params.put("billing_cycle_anchor.type", "now");
    }
    params
}

fn put_set(params: &mut Value, name: &str, value: &Value) {
    if !value.is_null() {
        params.put(name, value.clone());
    }
}

/// The items of a phase as a new subscription has them.
pub(crate) fn wanted(state: &State, phase: &Value) -> Vec<Wanted> {
    let of = |item: &Value| {
        let price = state.store.find("price", item.text("price")?)?.clone();
        Some(Wanted {
            price,
            quantity: item.int("quantity").unwrap_or(1),
            metadata: item.at("metadata").clone(),
            discounts: Vec::new(),
            tax_rates: Vec::new(),
        })
    };
    phase.list("items").iter().filter_map(of).collect()
}

/// The items a subscription has in a phase: one that stays at its price keeps its id.
pub(crate) fn items(state: &mut State, phase: &Value, subscription: &Value) -> Vec<Value> {
    let period = subscription_items::period(subscription);
    let of = |wanted: Wanted, state: &mut State| {
        let kept =
            subscription.list("items.data").iter().find(|own| own.at("price").id() == wanted.price.id());
        let Some(kept) = kept else {
            let customer = subscription.text("customer").unwrap_or_default();
            return subscription_items::build(state, subscription.id(), customer, &wanted, period);
        };
        let mut kept = kept.clone();
        kept.put("quantity", wanted.quantity);
        merge_metadata(&mut kept, &json!({ "metadata": wanted.metadata }));
        kept
    };
    wanted(state, phase).into_iter().map(|wanted| of(wanted, state)).collect()
}
