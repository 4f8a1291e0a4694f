//! Phases of subscription schedules: read from requests, copied from a subscription, turned into a subscription's parameters.

use serde_json::{Value, json};

use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::discounts::{Entry, Holder};
use crate::errors::{Answer, ApiError};
use crate::json::{Fields, merge_metadata, patch};
use crate::state::State;
use crate::subscription_items::{self, Order, Wanted};
use crate::{added_items, currency, discounts, meters, price_amounts, prices, subscriptions, tax_rates};

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
    /// What its prices are charged in, where that is known.
    pub currency: Option<&'a str>,
    /// The discounts that the subscription and its items have, which phases may name.
    pub held: &'a [Value],
}

fn bare(currency: &str) -> Value {
    json!({
        "add_invoice_items": [], "application_fee_percent": null, "billing_cycle_anchor": null, "billing_thresholds": null,
        "collection_method": null, "currency": currency, "default_payment_method": null, "default_tax_rates": [], "description": null,
        "discounts": [], "end_date": null, "invoice_settings": null, "items": [], "metadata": {}, "on_behalf_of": null,
        "proration_behavior": "create_prorations", "start_date": null, "transfer_data": null, "trial_end": null,
    })
}

fn item(price: &Value, quantity: Option<i64>, sent: &Value) -> Value {
    let mut item = json!({
        "billing_thresholds": null, "discounts": [], "metadata": {}, "plan": price.id(), "price": price.id(), "tax_rates": [],
    });
    if let Some(quantity) = quantity {
        item.put("quantity", quantity);
    }
    merge_metadata(&mut item, &json!({ "metadata": sent.at("metadata") }));
    item
}

/// What a `discounts` parameter asks for, as phases show it.
fn shown_discounts(sent: &Value) -> Vec<Value> {
    let shown = |entry: &Value| {
        json!({
            "coupon": entry.at("coupon"), "discount": entry.at("discount"), "promotion_code": entry.at("promotion_code"),
        })
    };
    sent.list("discounts").iter().map(shown).collect()
}

/// The discounts that something has, as phases show them.
fn held_discounts(holder: &Value) -> Vec<Value> {
    let shown = |id: &Value| json!({ "coupon": null, "discount": id, "promotion_code": null });
    holder.list("discounts").iter().map(shown).collect()
}

/// Checks a `discounts` parameter without redeeming anything yet.
fn check_discounts(
    state: &State,
    sent: &Value,
    frame: &Frame<'_>,
    order: (i64, &str),
    path: &str,
) -> Result<(), ApiError> {
    let (subtotal, currency) = order;
    let holder = Holder { field: "subscription", id: "", customer: frame.customer, currency, subtotal };
    discounts::read(state, sent, &holder, frame.held, path).map(drop)
}

/// `add_invoice_items` as a phase shows them. What they name is checked when they are read, and again when they are added.
fn added_items(
    state: &mut State,
    sent: &Value,
    frame: &Frame<'_>,
    currency: &str,
) -> Result<Vec<Value>, ApiError> {
    let sent = sent.list("add_invoice_items");
    added_items::check_count(sent)?;
    let mut shown = Vec::new();
    for (index, added) in sent.iter().enumerate() {
        let path = |name: &str| format!("add_invoice_items[{index}][{name}]");
        let price = one_time_price(state, added, currency, &path)?;
        let quantity = added.int("quantity").unwrap_or(1);
        let order = (price_amounts::amount(&price, quantity), currency);
        check_discounts(state, added, frame, order, &path("discounts"))?;
        let rates = tax_rates::named(state, added, "tax_rates", &path("tax_rates"))?.unwrap_or_default();
        let mut item = json!({
            "discountable": added.flag("discountable").unwrap_or(true), "discounts": shown_discounts(added), "metadata": {},
            "period": { "end": { "type": "min_item_period_end" }, "start": { "type": "max_item_period_start" } },
            "price": price.id(), "quantity": quantity, "tax_rates": rates,
        });
        patch(&mut item, added, &["period"]);
        merge_metadata(&mut item, added);
        shown.push(item);
    }
    Ok(shown)
}

/// The one-time price that an added item names, or a new one of its `price_data`.
fn one_time_price(state: &mut State, added: &Value, currency: &str, path: &dyn Fn(&str) -> String) -> Answer {
    if let data @ Value::Object(_) = added.at("price_data") {
        let product = data.text("product").unwrap_or_default().to_owned();
        state.named("product", "product", &product, &path("price_data][product"))?;
        let price = prices::build(state, data, &product)?;
        prices::in_currency(&price, currency, &path("price_data][currency"))?;
        state.store.insert(price.clone());
        return Ok(price);
    }
    let id = added.text("price").ok_or_else(|| ApiError::missing(&path("price")))?;
    let price = state.named("price", "price", id, &path("price"))?;
    if price.text("type") != Some("one_time") {
        let message = "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.";
        return Err(ApiError::invalid(message).param(&path("price")));
    }
    prices::in_currency(price, currency, &path("price"))
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
    subscriptions::set_automatic_tax(settings, sent);
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
        let known =
            phases.last().and_then(|before| before.text("currency")).or(frame.currency).map(str::to_owned);
        // What follows a trial is billed from its end on, and all else from where it began.
        let cycle = phases.iter().rev().find_map(|before| before.int("trial_end"));
        let begun = phases.first().and_then(|first| first.int("start_date"));
        let anchor = cycle.or(frame.anchor).or(begun);
        let frame = &Frame { currency: known.as_deref(), anchor, ..*frame };
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
    let code = sent.text("currency").map(currency::check).transpose()?;
    let order = Order { customer: frame.customer, currency: code.as_deref().or(frame.currency) };
    let mut wanted = Vec::new();
    for (index, item) in sent.list("items").iter().enumerate() {
        // Discounts are redeemed when the phase begins, and may be those that there are.
        let mut bare = item.clone();
        bare.put("discounts", Value::Null);
        wanted.push(Wanted::read(state, &bare, index, &order)?);
    }
    let first = wanted.first().ok_or_else(|| ApiError::missing("items"))?;
    subscription_items::check_together(&wanted.iter().map(|wanted| &wanted.price).collect::<Vec<_>>())?;
    let currency = price_amounts::currency_of(&first.price);
    let end = end_of(sent, frame, &first.price, start, now, last)?;
    let mut phase = bare(currency);
    patch(&mut phase, sent, &["proration_behavior"]);
    patch_settings(&mut phase, sent);
    merge_metadata(&mut phase, sent);
    let mut items = Vec::new();
    let mut subtotal = 0;
    for (index, (wanted, sent)) in wanted.iter().zip(sent.list("items")).enumerate() {
        let amount = price_amounts::amount(&wanted.price, wanted.quantity);
        check_discounts(state, sent, frame, (amount, currency), &format!("items[{index}][discounts]"))?;
        let quantity = Some(wanted.quantity).filter(|_| !meters::is_metered(&wanted.price));
        let mut item = item(&wanted.price, quantity, sent);
        item.put("discounts", shown_discounts(sent));
        item.put("tax_rates", wanted.tax_rates.clone());
        items.push(item);
        subtotal += amount;
    }
    phase.put("items", items);
    check_discounts(state, sent, frame, (subtotal, currency), "discounts")?;
    phase.put("discounts", shown_discounts(sent));
    let rates = tax_rates::named(state, sent, "default_tax_rates", "default_tax_rates")?;
    phase.put("default_tax_rates", rates.unwrap_or_default());
    let added = added_items(state, sent, frame, currency)?;
    phase.put("add_invoice_items", added);
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
    let items = subscription.list("items.data").iter().map(|own| {
        let mut item = item(own.at("price"), own.int("quantity"), own);
        item.put("discounts", held_discounts(own));
        item.put("tax_rates", own.at("tax_rates").clone());
        item
    });
    phase.put("items", items.collect::<Vec<_>>());
    phase.put("discounts", held_discounts(subscription));
    phase.put("default_tax_rates", subscription.at("default_tax_rates").clone());
    phase.put("automatic_tax", subscription.at("automatic_tax").clone());
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
    put_set(&mut params, "automatic_tax.enabled", setting(phase, defaults, "automatic_tax.enabled"));
    let discounts = phase.list("discounts").iter().map(asked_for).collect::<Vec<_>>();
    params.put("discounts", discounts);
    params.put("default_tax_rates", ids(phase.list("default_tax_rates")));
    let added = phase.list("add_invoice_items").iter().map(|added| {
        let mut asked = added.clone();
        asked.put("discounts", added.list("discounts").iter().map(asked_for).collect::<Vec<_>>());
        asked.put("tax_rates", ids(added.list("tax_rates")));
        asked
    });
    params.put("add_invoice_items", added.collect::<Vec<_>>());
    params.put("phase", json!({ "start": phase.at("start_date"), "end": phase.at("end_date") }));
    if let Some(end) = phase.int("trial_end").filter(|end| *end > now) {
        params.put("trial_end", end);
    }
    if setting(phase, defaults, "billing_cycle_anchor") == &json!("phase_start") {
        params.put("billing_cycle_anchor.type", "now");
    }
    params
}

/// A phase's discount as an entry of a `discounts` parameter.
fn asked_for(shown: &Value) -> Value {
    let mut asked = json!({});
    for name in ["coupon", "discount", "promotion_code"] {
        put_set(&mut asked, name, shown.at(name));
    }
    asked
}

fn ids(objects: &[Value]) -> Vec<Value> {
    objects.iter().map(|object| object.at("id").clone()).collect()
}

fn put_set(params: &mut Value, name: &str, value: &Value) {
    if !value.is_null() {
        params.put(name, value.clone());
    }
}

/// The price of a phase's item, as the phase charges it.
fn price_of(state: &State, phase: &Value, item: &Value) -> Option<Value> {
    let price = state.store.find("price", item.text("price")?)?;
    price_amounts::in_currency(price, phase.text("currency")?)
}

/// The discounts of a phase, or of an item of one, that can be had: a discount that has ended is left out.
fn entries(
    state: &State,
    shown: &Value,
    holder: &Holder<'_>,
    held: &[Value],
) -> Result<Vec<Entry>, ApiError> {
    let asked = json!({ "discounts": available(shown.list("discounts").iter().map(asked_for), held) });
    discounts::read(state, &asked, holder, held, "discounts").map(Option::unwrap_or_default)
}

/// Those entries of a `discounts` parameter that name no discount which is no longer held.
fn available(asked: impl Iterator<Item = Value>, held: &[Value]) -> Vec<Value> {
    asked.filter(|entry| entry.at("discount").is_null() || held.contains(entry.at("discount"))).collect()
}

/// Leaves out of a phase's parameters the discounts that have ended.
pub(crate) fn leave_out_ended(params: &mut Value, subscription: &Value) {
    let held = held_by(subscription);
    let kept = params.at("discounts").as_array().cloned();
    if let Some(asked) = kept {
        params.put("discounts", available(asked.into_iter(), &held));
    }
}

/// The discounts of a subscription and of its items.
pub(crate) fn held_by(subscription: &Value) -> Vec<Value> {
    let of_items = subscription.list("items.data").iter().flat_map(|item| item.list("discounts"));
    subscription.list("discounts").iter().chain(of_items).cloned().collect()
}

/// The items of a phase as a new subscription has them.
pub(crate) fn wanted(
    state: &State,
    phase: &Value,
    customer: &str,
    held: &[Value],
) -> Result<Vec<Wanted>, ApiError> {
    let mut wanted = Vec::new();
    for item in phase.list("items") {
        let Some(price) = price_of(state, phase, item) else { continue };
        let quantity = item.int("quantity").unwrap_or(i64::from(!meters::is_metered(&price)));
        let holder = Holder {
            field: "subscription_item",
            id: "",
            customer,
            currency: price_amounts::currency_of(&price),
            subtotal: price_amounts::amount(&price, quantity),
        };
        let discounts = entries(state, item, &holder, held)?;
        let (metadata, tax_rates) = (item.at("metadata").clone(), item.list("tax_rates").to_vec());
        wanted.push(Wanted { price, quantity, metadata, discounts, tax_rates });
    }
    Ok(wanted)
}

/// The items a subscription has in a phase: one that stays at its price keeps its id. `before` is the phase as it was when
/// it is changed while it runs: discounts that it asked for already are not redeemed again.
pub(crate) fn items(
    state: &mut State,
    phase: &Value,
    subscription: &Value,
    before: Option<&Value>,
) -> Result<Vec<Value>, ApiError> {
    let period = subscription_items::period(subscription);
    let customer = subscription.text("customer").unwrap_or_default();
    let wanted = wanted(state, phase, customer, &held_by(subscription))?;
    let of_price = |phase: &Value, price: &str| {
        phase.list("items").iter().find(|item| item.text("price") == Some(price)).cloned()
    };
    let mut items = Vec::new();
    for wanted in wanted {
        let own = |own: &&Value| own.at("price").id() == wanted.price.id();
        let Some(kept) = subscription.list("items.data").iter().find(own) else {
            items.push(subscription_items::build(state, subscription.id(), customer, &wanted, period));
            continue;
        };
        let mut kept = kept.clone();
        kept.put("quantity", wanted.quantity);
        kept.put("tax_rates", wanted.tax_rates.clone());
        subscription_items::drop_quantity_if_metered(&mut kept);
        merge_metadata(&mut kept, &json!({ "metadata": wanted.metadata }));
        let asked =
            |phase: &Value| of_price(phase, wanted.price.id()).map(|item| item.at("discounts").clone());
        if before.and_then(asked) != asked(phase) {
            let id = kept.id().to_owned();
            let currency = price_amounts::currency_of(&wanted.price);
            let holder = Holder { field: "subscription_item", id: &id, customer, currency, subtotal: 0 };
            let redeemed = discounts::redeem(state, &wanted.discounts, &holder);
            kept.put("discounts", redeemed);
        }
        items.push(kept);
    }
    Ok(items)
}
