//! Subscriptions: their beginning, their end, and what their invoices make of them.

use serde_json::{Value, json};

use crate::calendar::{self, Period};
use crate::clock::Timestamp;
use crate::discounts::Holder;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::invoice_lines::{self, ItemCharge};
use crate::invoices::{self, Collection, NewInvoice};
use crate::json::{Fields, merge_metadata, patch, whole_list};
use crate::state::{HIDDEN, State};
use crate::subscription_items::{self, Order, Wanted};
use crate::subscription_lifecycle::{self, Ending};
use crate::{
    added_items, currency, customer_balance, customers, discounts, invoice_items, item_billing, list, meters,
    price_amounts, prices, setup_intents, tax_rates,
};

const DAY: Timestamp = 24 * 3600;
pub(crate) const MAXIMUM_TRIAL: Timestamp = 730 * DAY;
/// What creation and update take over as it is.
pub(crate) const PATCHED: &[&str] = &[
    "collection_method",
    "days_until_due",
    "default_payment_method",
    "description",
    "invoice_settings.description",
    "invoice_settings.footer",
    "payment_settings.payment_method_types",
    "payment_settings.save_default_payment_method",
    "trial_settings.end_behavior.billing_cycle_anchor",
    "trial_settings.end_behavior.missing_payment_method",
];

/// Refuses what no subscription can have, new or changed.
pub(crate) fn check(state: &State, params: &Value, customer: &str) -> Result<(), ApiError> {
    tax_rates::check_location(state, params, customer)?;
    if params.text("billing_mode.flexible.proration_discounts") == Some("itemized") {
        return Err(ApiError::unsupported("billing_mode[flexible][proration_discounts]"));
    }
    if let Some(method) = params.text("default_payment_method").filter(|method| !method.is_empty()) {
        let owned = state
            .store
            .find("payment_method", method)
            .is_some_and(|method| method.text("customer") == Some(customer));
        if !owned {
            let message = format!(
                "The customer does not have a payment method with the ID {method}. The payment method must be attached to the customer."
            );
            return Err(ApiError::invalid(message).code("resource_missing").param("default_payment_method"));
        }
    }
    Ok(())
}

/// When the trial of a new subscription ends, if it has one.
fn trial_end(state: &State, params: &Value, first_price: &Value) -> Result<Option<Timestamp>, ApiError> {
    let now = state.now();
    let days = params.int("trial_period_days");
    if days.is_some() && !params.at("trial_end").is_null() {
        return Err(ApiError::invalid(
            "You may only specify one of these parameters: trial_end, trial_period_days.",
        )
        .param("trial_end"));
    }
    let end = match (params.int("trial_end"), days) {
        (Some(end), _) if end <= now => {
            return Err(ApiError::invalid("The trial_end must be in the future.").param("trial_end"));
        }
        (Some(end), _) => Some(end),
        (None, Some(days)) if days < 1 => {
            return Err(ApiError::parameter(
                "parameter_invalid_integer",
                "trial_period_days",
                "This value must be greater than or equal to 1.",
            ));
        }
        (None, Some(days)) => Some(now + days * DAY),
        (None, None) if params.flag("trial_from_plan") == Some(true) => {
            first_price.int("recurring.trial_period_days").map(|days| now + days * DAY)
        }
        (None, None) => None,
    };
    if end.is_some_and(|end| end > now + MAXIMUM_TRIAL) {
        return Err(ApiError::invalid("The maximum trial period is 2 years (730 days).").param("trial_end"));
    }
    Ok(end)
}

/// The time frame of a new subscription.
struct Beginning {
    trial_end: Option<Timestamp>,
    anchor: Timestamp,
    period: Period,
    /// What the first period costs of a whole one.
    charged: Charged,
}

enum Charged {
    Whole,
    Nothing,
    /// Seconds of seconds.
    Part(i64, i64),
}

impl Beginning {
    /// What the first period costs of a price.
    fn owed(&self, price: &Value, quantity: i64) -> i64 {
        match self.charged {
            Charged::Whole => price_amounts::amount(price, quantity),
            Charged::Nothing => 0,
            Charged::Part(part, whole) => {
                calendar::prorate(price_amounts::amount(price, quantity), part, whole)
            }
        }
    }
}

fn beginning(state: &State, params: &Value, price: &Value) -> Result<Beginning, ApiError> {
    let (now, interval) = (state.now(), prices::interval(price));
    let trial_end = trial_end(state, params, price)?;
    let sent = match params.at("billing_cycle_anchor_config") {
        Value::Null => params.int("billing_cycle_anchor"),
        config => Some(configured_anchor(params, config, price, trial_end.unwrap_or(now))?),
    };
    // The first whole period begins no later than one interval after whatever precedes it.
    let begins = trial_end.unwrap_or(now);
    let latest = interval.period(begins, begins).end;
    if let Some(anchor) = sent
        && (anchor < now || anchor > latest && !is_configured(params))
    {
        let message = "billing_cycle_anchor must lie in the future, and not later than the end of the first whole period.";
        return Err(ApiError::invalid(message).param("billing_cycle_anchor"));
    }
    if let Some(end) = trial_end {
        return Ok(Beginning {
            trial_end: Some(end),
            anchor: sent.unwrap_or(end),
            period: Period { start: now, end },
            charged: Charged::Nothing,
        });
    }
    let Some(anchor) = sent.filter(|anchor| *anchor != now) else {
        return Ok(Beginning {
            trial_end: None,
            anchor: now,
            period: interval.period(now, now),
            charged: Charged::Whole,
        });
    };
    let around = interval.period(anchor, now);
    let charged = match params.text("proration_behavior") {
        Some("none") => Charged::Nothing,
        _ => Charged::Part(around.end - now, around.length()),
    };
    Ok(Beginning { trial_end: None, anchor, period: Period { start: now, end: around.end }, charged })
}

fn is_configured(params: &Value) -> bool {
    params.at("billing_cycle_anchor_config").is_object()
}

/// The anchor that `billing_cycle_anchor_config` describes: the next time at which its day comes, at its time of day. One
/// that short months lack is looked for in a month that has it, so that it comes back after them.
fn configured_anchor(
    params: &Value,
    config: &Value,
    price: &Value,
    from: Timestamp,
) -> Result<Timestamp, ApiError> {
    let invalid = |param: &str, message: &str| Err(ApiError::invalid(message).param(param));
    if !params.at("billing_cycle_anchor").is_null() {
        let message = "You may only specify one of these parameters: billing_cycle_anchor, billing_cycle_anchor_config.";
        return invalid("billing_cycle_anchor_config", message);
    }
    if !matches!(price.text("recurring.interval"), Some("month" | "year")) {
        let message = "`billing_cycle_anchor_config` can only be used with monthly and yearly prices.";
        return invalid("billing_cycle_anchor_config", message);
    }
    for (name, range) in [
        ("day_of_month", 1..=31),
        ("month", 1..=12),
        ("hour", 0..=23),
        ("minute", 0..=59),
        ("second", 0..=59),
    ] {
        if config.int(name).is_some_and(|value| !range.contains(&value)) {
            let message = format!("This value must be between {} and {}.", range.start(), range.end());
            return invalid(&format!("billing_cycle_anchor_config[{name}]"), &message);
        }
    }
    let moment = calendar::Recurring {
        month: config.int("month"),
        day: config.int("day_of_month").unwrap_or(1),
        time: ["hour", "minute", "second"].map(|name| config.int(name)),
    };
    let anchor = moment.next(from).ok_or_else(|| {
        ApiError::invalid("There is no such day.").param("billing_cycle_anchor_config[day_of_month]")
    })?;
    let interval = prices::interval(price);
    let monthly = price.text("recurring.interval") == Some("month");
    if monthly && moment.month.is_some() && interval.period(anchor, from).end != anchor {
        // It would be charged for several months in advance.
        return Err(ApiError::unsupported("billing_cycle_anchor_config[month]"));
    }
    Ok(anchor)
}

/// What a new subscription begins with.
pub(crate) struct Begun {
    pub id: String,
    /// The draft of its first invoice.
    pub invoice: String,
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let Begun { id, invoice } = begin(state, params)?;
    state.emit("customer.subscription.created", "subscription", &id);
    state.emit("invoice.created", "invoice", &invoice);
    if params.text("collection_method") != Some("send_invoice") {
        invoices::finalize(state, &invoice);
        let open =
            state.store.find("invoice", &invoice).and_then(|invoice| invoice.text("status")) == Some("open");
        if open && params.text("payment_behavior") != Some("default_incomplete") {
            let off_session = params.flag("off_session") == Some(true);
            // A decline is no error here: the subscription stays incomplete.
            invoices::collect(state, &invoice, &Collection { method: None, off_session })?;
        }
    }
    subscription_lifecycle::warn_of_trial_end(state, &id);
    state.load("subscription", "subscription", &id).cloned()
}

/// Checks and makes a new subscription with the draft of its first invoice, in silence. Tried on a copy first: a refusal
/// leaves nothing behind, and what is to be paid is known.
pub(crate) fn begin(state: &mut State, params: &Value) -> Result<Begun, ApiError> {
    let customer = params.text("customer").ok_or_else(|| ApiError::missing("customer"))?.to_owned();
    customers::named(state, &customer)?;
    check(state, params, &customer)?;
    if params.text("payment_behavior") == Some("pending_if_incomplete") {
        let message = "`pending_if_incomplete` can only be used when a subscription is changed.";
        return Err(ApiError::invalid(message).param("payment_behavior"));
    }
    let mut stage = state.rehearsal(&customer);
    let tried = start(&mut stage, params, &customer, 0)?;
    let behaviour = params.text("payment_behavior").unwrap_or("allow_incomplete");
    let due = customer_balance::of_invoice(&stage, stage.load("invoice", "invoice", &tried.invoice)?).1.due;
    let charged = due > 0 && params.text("collection_method") != Some("send_invoice");
    if charged && behaviour != "default_incomplete" {
        check_payable(state, params, &customer, behaviour)?;
    }
    start(state, params, &customer, due)
}

fn check_collection(params: &Value) -> Result<(), ApiError> {
    let sent = params.text("collection_method") == Some("send_invoice");
    if sent && params.int("days_until_due").is_none() {
        return Err(ApiError::invalid(
            "You must pass `days_until_due` when `collection_method` is `send_invoice`.",
        )
        .param("days_until_due"));
    }
    if !sent && params.int("days_until_due").is_some() {
        return Err(ApiError::invalid(
            "You can only set `days_until_due` if `collection_method` is `send_invoice`.",
        )
        .param("days_until_due"));
    }
    Ok(())
}

/// Makes a new subscription whose first invoice comes to `owed`.
fn start(state: &mut State, params: &Value, customer: &str, owed: i64) -> Result<Begun, ApiError> {
    let code = params.text("currency").map(currency::check).transpose()?;
    let order = Order { customer, currency: code.as_deref() };
    let wanted: Vec<Wanted> = params
        .list("items")
        .iter()
        .enumerate()
        .map(|(index, item)| Wanted::read(state, item, index, &order))
        .collect::<Result<_, _>>()?;
    subscription_items::check_together(&wanted.iter().map(|wanted| &wanted.price).collect::<Vec<_>>())?;
    let first_price =
        wanted.first().map(|wanted| wanted.price.clone()).ok_or_else(|| ApiError::missing("items"))?;
    let currency = price_amounts::currency_of(&first_price).to_owned();
    customers::check_currency(state, customer, &currency)?;
    check_collection(params)?;
    let sent = params.text("collection_method") == Some("send_invoice");
    let beginning = beginning(state, params, &first_price)?;
    let subtotal = wanted.iter().map(|wanted| beginning.owed(&wanted.price, wanted.quantity)).sum();
    let mut holder = Holder { field: "subscription", id: "", customer, currency: &currency, subtotal };
    let entries = discounts::read(state, params, &holder, &[], "discounts")?.unwrap_or_default();
    let rates = tax_rates::named(state, params, "default_tax_rates", "default_tax_rates")?;

    let new = New { customer, currency: &currency, charged_now: owed > 0 && !sent };
    let mut subscription = build(state, params, &beginning, &new);
    let id = subscription.id().to_owned();
    let build_item = |wanted| subscription_items::build(state, &id, customer, wanted, beginning.period);
    let items: Vec<Value> = wanted.iter().map(build_item).collect();
    subscription.put("items", whole_list(&format!("/v1/subscription_items?subscription={id}"), items));
    holder.id = &id;
    let redeemed = discounts::redeem(state, &entries, &holder);
    subscription.put("discounts", redeemed);
    subscription.put("default_tax_rates", rates.unwrap_or_default());
    if owed == 0
        && params.text("payment_behavior") == Some("default_incomplete")
        && subscription_lifecycle::method_of(state, &subscription).is_none()
        && !sent
    {
        let intent = setup_intents::build(state, Some(customer));
        subscription.put("pending_setup_intent", intent.id());
        state.create(intent, "setup_intent.created");
    }
    set_cancellation(state, &mut subscription, params);
    state.store.insert(subscription.clone());
    added_items::add(state, params, &subscription, None)?;

    let invoice = first_invoice(state, &subscription, &beginning);
    Ok(Begun { id, invoice })
}

/// Drafts the invoice a subscription begins with, as its latest. Gives its id.
fn first_invoice(state: &mut State, subscription: &Value, beginning: &Beginning) -> String {
    let mut lines = Vec::new();
    // Usage comes later.
    for item in subscription.list("items.data").iter().filter(|item| !meters::is_metered(item.at("price"))) {
        let amount = beginning.owed(item.at("price"), item.int("quantity").unwrap_or(1));
        let charge = ItemCharge {
            subscription,
            item,
            period: beginning.period,
            amount,
            trial: beginning.trial_end.is_some(),
        };
        lines.push(invoice_lines::of_subscription_item(state, &charge));
    }
    let now = state.now();
    let (customer, currency) = (
        subscription.text("customer").unwrap_or_default(),
        subscription.text("currency").unwrap_or_default(),
    );
    let new = NewInvoice {
        customer,
        currency,
        reason: "subscription_create",
        subscription: Some(subscription),
        period: Period { start: now, end: now },
        lines,
    };
    let invoice = invoices::draft(state, new);
    let waiting = invoice_items::pending(state, customer, currency, Some(subscription.id()));
    invoices::take_items(state, &invoice, &waiting);
    item_billing::note(state, subscription.id(), &invoice);
    state.change("subscription", subscription.id(), |subscription| {
        subscription.put("latest_invoice", invoice.as_str());
    });
    invoice
}

/// Begins a subscription because its schedule says so: active at once, its first invoice a draft for an hour. The
/// parameters are those of a creation and were checked before. Gives its id.
pub(crate) fn begin_scheduled(
    state: &mut State,
    params: &Value,
    schedule: &str,
    wanted: &[Wanted],
) -> Result<String, ApiError> {
    let first_price = wanted.first().map(|wanted| &wanted.price).ok_or_else(|| ApiError::missing("items"))?;
    let beginning = beginning(state, params, first_price)?;
    let (customer, currency) =
        (params.text("customer").unwrap_or_default(), price_amounts::currency_of(first_price));
    let mut subscription = build(state, params, &beginning, &New { customer, currency, charged_now: false });
    let id = subscription.id().to_owned();
    let build_item = |wanted| subscription_items::build(state, &id, customer, wanted, beginning.period);
    let items: Vec<Value> = wanted.iter().map(build_item).collect();
    subscription.put("items", whole_list(&format!("/v1/subscription_items?subscription={id}"), items));
    subscription.put("schedule", schedule);
    let subtotal = wanted.iter().map(|wanted| beginning.owed(&wanted.price, wanted.quantity)).sum();
    let holder = Holder { field: "subscription", id: &id, customer, currency, subtotal };
    let entries = discounts::read(state, params, &holder, &[], "discounts")?.unwrap_or_default();
    let redeemed = discounts::redeem(state, &entries, &holder);
    subscription.put("discounts", redeemed);
    let rates = tax_rates::named(state, params, "default_tax_rates", "default_tax_rates")?;
    subscription.put("default_tax_rates", rates.unwrap_or_default());
    state.store.insert(subscription.clone());
    let phase = params.at("phase");
    let phase = phase.int("start").zip(phase.int("end")).map(|(start, end)| Period { start, end });
    added_items::add(state, params, &subscription, phase)?;
    let invoice = first_invoice(state, &subscription, &beginning);
    state.emit("customer.subscription.created", "subscription", &id);
    state.emit("invoice.created", "invoice", &invoice);
    if beginning.trial_end.is_some() {
        invoices::finalize(state, &invoice);
        subscription_lifecycle::warn_of_trial_end(state, &id);
    }
    Ok(id)
}

struct New<'a> {
    customer: &'a str,
    currency: &'a str,
    /// It begins with a payment.
    charged_now: bool,
}

fn build(state: &mut State, params: &Value, beginning: &Beginning, new: &New<'_>) -> Value {
    let now = state.now();
    // What is added to the first invoice of a trial is paid before the trial begins.
    let status = match beginning.trial_end {
        _ if new.charged_now => "incomplete",
        Some(_) => "trialing",
        None => "active",
    };
    let mut subscription = json!({
        "id": state.id("sub"), "object": "subscription", "application": null, "application_fee_percent": null,
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null }, "billing_cycle_anchor": beginning.anchor,
        "billing_cycle_anchor_config": null, "billing_mode": { "flexible": { "proration_discounts": "included" }, "type": "flexible" },
        "billing_schedules": [], "billing_thresholds": null, "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null,
        "cancellation_details": { "comment": null, "feedback": null, "feedback_option": null, "reason": null },
        "collection_method": "charge_automatically", "created": now, "currency": new.currency, "customer": new.customer, "customer_account": null,
        "days_until_due": null, "default_payment_method": null, "default_source": null, "default_tax_rates": [], "description": null,
        "discounts": [], "ended_at": null,
        "invoice_settings": { "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null, "issuer": { "type": "self" } },
        "items": null, "latest_invoice": null, "livemode": false, "managed_payments": null, "metadata": {},
        "next_pending_invoice_item_invoice": null, "on_behalf_of": null, "pause_collection": null,
        "payment_settings": { "payment_method_options": null, "payment_method_types": null, "save_default_payment_method": "off" },
        "pending_invoice_item_interval": null, "pending_setup_intent": null, "pending_update": null, "schedule": null, "start_date": now,
        "status": status, "test_clock": null, "transfer_data": null, "trial_end": beginning.trial_end,
        "trial_settings": { "end_behavior": { "billing_cycle_anchor": null, "missing_payment_method": "create_invoice" } },
        "trial_start": beginning.trial_end.map(|_| now),
    });
    patch(&mut subscription, params, PATCHED);
    if let config @ Value::Object(_) = params.at("billing_cycle_anchor_config") {
        let named = |name: &str| config.at(name).clone();
        let shown = json!({
            "day_of_month": named("day_of_month"), "hour": named("hour"), "minute": named("minute"), "month": named("month"),
            "second": named("second"),
        });
        subscription.put("billing_cycle_anchor_config", shown);
    }
    if beginning.trial_end.is_some_and(|end| end != beginning.anchor) {
        // The anchor that was asked for holds: what lies between the trial's end and it is part of a period.
        subscription.put("trial_settings.end_behavior.billing_cycle_anchor", "unchanged");
        subscription
            .put(&format!("{HIDDEN}.free_until_anchor"), params.text("proration_behavior") == Some("none"));
    }
    if params.text("billing_mode.type") == Some("classic") {
        subscription.put("billing_mode", json!({ "flexible": null, "type": "classic" }));
    }
    merge_metadata(&mut subscription, params);
    set_automatic_tax(&mut subscription, params);
    subscription
}

/// Turns the fixed test rate on or off where that was sent.
pub(crate) fn set_automatic_tax(subscription: &mut Value, params: &Value) {
    if let Some(enabled) = params.flag("automatic_tax.enabled") {
        let liability = if enabled { json!({ "type": "self" }) } else { Value::Null };
        let tax = json!({ "disabled_reason": null, "enabled": enabled, "liability": liability });
        subscription.put("automatic_tax", tax);
    }
}

/// Before anything is made: is there a card, and, where that is asked for, would it pay?
fn check_payable(state: &State, params: &Value, customer: &str, behaviour: &str) -> Result<(), ApiError> {
    let own = params.text("default_payment_method");
    let customer = state.store.find("customer", customer);
    let method = own
        .or_else(|| customer?.text("invoice_settings.default_payment_method"))
        .ok_or_else(invoices::no_method)?;
    if behaviour != "error_if_incomplete" {
        return Ok(());
    }
    subscription_lifecycle::would_pay(state, method, params.flag("off_session") == Some(true))
}

/// Applies `cancel_at_period_end` and `cancel_at` to a subscription, stored or not.
pub(crate) fn set_cancellation(state: &State, subscription: &mut Value, params: &Value) {
    let period_end = subscription_items::period(subscription).end;
    let at = match (params.flag("cancel_at_period_end"), params.at("cancel_at")) {
        (Some(true), _) => Some(period_end),
        (_, Value::Number(at)) => at.as_i64(),
        (_, Value::String(at)) if !at.is_empty() => Some(period_end),
        (Some(false), _) | (_, Value::String(_)) => {
            subscription.put("cancel_at_period_end", false);
            subscription.put("cancel_at", Value::Null);
            subscription.put("canceled_at", Value::Null);
            subscription.put("cancellation_details.reason", Value::Null);
            return;
        }
        _ => return,
    };
    subscription.put("cancel_at_period_end", params.flag("cancel_at_period_end") == Some(true));
    subscription.put("cancel_at", at);
    subscription.put("canceled_at", state.now());
    subscription.put("cancellation_details.reason", "cancellation_requested");
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("subscription", "subscription", call.id(0)).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let status = params.text("status");
    let rows = call.state.store.newest_first("subscription", |subscription| {
        let own = subscription.text("status").unwrap_or_default();
        let right_status = match status {
            None => own != "canceled",
            Some("all") => true,
            Some("ended") => matches!(own, "canceled" | "incomplete_expired"),
            Some(wanted) => own == wanted,
        };
        let period = subscription_items::period(subscription);
        let clock = params.at("test_clock");
        right_status
            // Those of test clocks are left out unless they are asked for.
            && (subscription.at("test_clock") == clock || clock.is_null() && !params.at("customer").is_null())
            && ["collection_method", "customer"].iter().all(|name| list::same(params, name, subscription))
            && params.text("price").is_none_or(|price| {
                subscription.list("items.data").iter().any(|item| item.text("price.id") == Some(price))
            })
            && list::in_range(params, "created", subscription.int("created"))
            && list::in_range(params, "current_period_start", Some(period.start))
            && list::in_range(params, "current_period_end", Some(period.end))
    });
    list::page("/v1/subscriptions", "subscription", &rows, params)
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let subscription = state.load("subscription", "subscription", &id)?;
    if matches!(subscription.text("status"), Some("canceled" | "incomplete_expired")) {
        return Err(ApiError::not_found("subscription", &id));
    }
    state.change("subscription", &id, |subscription| {
        patch(subscription, params, &["cancellation_details.comment", "cancellation_details.feedback"]);
    });
    let ending = Ending {
        reason: Some("cancellation_requested"),
        prorate: params.flag("prorate") == Some(true),
        invoice_now: params.flag("invoice_now") == Some(true),
    };
    subscription_lifecycle::cancel(state, &id, &ending);
    state.load("subscription", "subscription", &id).cloned()
}
