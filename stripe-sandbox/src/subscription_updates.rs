//! Changes of subscriptions: items, quantities and prices with their prorations, trials, cancellation dates.

use serde_json::{Value, json};

use crate::calendar::{self, Period};
use crate::clock::Timestamp;
use crate::discounts::Holder;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::invoice_items::{self, NewItem};
use crate::json::{Fields, merge_metadata, patch, whole_list};
use crate::state::{HIDDEN, State};
use crate::subscription_items::{self, Order, Wanted};
use crate::{
    added_items, customer_balance, discounts, invoice_lines, invoices, item_billing, meters, pending_updates,
    price_amounts, prices, schedule_lifecycle, subscription_lifecycle, subscriptions, tax_rates,
};

/// What an update comes to, worked out before anything is changed.
struct Change {
    items: Vec<Value>,
    /// The items differ in price or quantity.
    repriced: bool,
    /// A new period starts now and is invoiced at once.
    restarts: bool,
    trial_end: Option<Timestamp>,
    /// `none`, `create_prorations` or `always_invoice`.
    proration: String,
    /// The moment from which differences are counted.
    from: Timestamp,
    /// The new `pause_collection`, where it was sent.
    pause: Option<Value>,
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let before = call.state.load("subscription", "subscription", &id)?.clone();
    run(call.state, &before, &call.params)?;
    call.state.load("subscription", "subscription", &id).cloned()
}

/// Changes a subscription, with everything that follows. Tried on a copy first: a refusal leaves nothing behind, and what
/// is to be paid at once is known.
pub(crate) fn run(state: &mut State, before: &Value, params: &Value) -> Result<(), ApiError> {
    let mut stage = state.rehearsal(before.text("customer").unwrap_or_default());
    let tried = change(&mut stage, before, params)?;
    let invoice = tried.and_then(|invoice| stage.store.find("invoice", &invoice));
    let due = invoice.map_or(0, |invoice| customer_balance::of_invoice(&stage, invoice).1.due);
    let pending = params.text("payment_behavior") == Some("pending_if_incomplete");
    if pending {
        pending_updates::check(before, params)?;
    }
    let touches = |name: &str| !params.at(name).is_null();
    let mut before = before.clone();
    if ["items", "trial_end", "billing_cycle_anchor"].into_iter().any(touches) {
        pending_updates::check_replaceable(state, before.id())?;
        pending_updates::expire(state, before.id());
        before = state.load("subscription", "subscription", before.id())?.clone();
    }
    let before = &before;
    if pending && due > 0 {
        pending_updates::begin(state, before, params)?;
        schedule_lifecycle::follow(state, before);
        return Ok(());
    }
    if due > 0 && params.text("payment_behavior") == Some("error_if_incomplete") {
        let own = params.text("default_payment_method").map(str::to_owned);
        let method = own
            .or_else(|| subscription_lifecycle::method_of(state, before))
            .ok_or_else(invoices::no_method)?;
        subscription_lifecycle::would_pay(state, &method, params.flag("off_session") == Some(true))?;
    }
    let invoice = change(state, before, params)?;
    announce(state, before, params, invoice);
    schedule_lifecycle::follow(state, before);
    Ok(())
}

/// Says that a subscription was changed, and collects what is due at once.
fn announce(state: &mut State, before: &Value, params: &Value, invoice: Option<String>) {
    discounts::announce_ended(state, before.id(), before.list("discounts"));
    state.emit_updated("customer.subscription.updated", "subscription", before.id(), before);
    if let Some(invoice) = invoice {
        state.emit("invoice.created", "invoice", &invoice);
        let charges = params.text("payment_behavior") != Some("default_incomplete");
        subscription_lifecycle::advance_invoice(state, &invoice, charges);
    }
    subscription_lifecycle::warn_of_trial_end(state, before.id());
}

/// Checks and makes a change, in silence. Gives the draft of the invoice that is due at once, if one is.
pub(crate) fn change(state: &mut State, before: &Value, params: &Value) -> Result<Option<String>, ApiError> {
    if matches!(before.text("status"), Some("canceled" | "incomplete_expired")) {
        let allowed = ["cancellation_details", "metadata", "expand"];
        if params.as_object().is_some_and(|sent| sent.keys().any(|name| !allowed.contains(&name.as_str()))) {
            return Err(ApiError::invalid(
                "A canceled subscription can only update its cancellation_details and metadata.",
            ));
        }
    }
    schedule_lifecycle::check_direct_change(before, params)?;
    subscriptions::check(state, params, before.text("customer").unwrap_or_default())?;
    let items = changed_items(state, before, params)?;
    let change = plan(state, before, params, items)?;
    carry_out(state, before, params, &change)
}

/// Gives a subscription other items, and what else the parameters say, as an update would.
pub(crate) fn change_to(
    state: &mut State,
    before: &Value,
    items: Vec<Value>,
    params: &Value,
) -> Result<(), ApiError> {
    let change = plan(state, before, params, items)?;
    let invoice = carry_out(state, before, params, &change)?;
    announce(state, before, params, invoice);
    Ok(())
}

/// As `change_to`, where a new period begins at this moment: nothing is settled, invoiced or announced.
pub(crate) fn change_at_boundary(
    state: &mut State,
    before: &Value,
    items: Vec<Value>,
    params: &Value,
) -> Result<(), ApiError> {
    let change = plan(state, before, params, items)?;
    apply(state, before.id(), params, before, &change)?;
    discounts::announce_ended(state, before.id(), before.list("discounts"));
    add_items(state, before.id(), params).map(drop)
}

/// What a request, or a phase that begins, adds to the next invoice. Whether it does.
fn add_items(state: &mut State, id: &str, params: &Value) -> Result<bool, ApiError> {
    let subscription = state.load("subscription", "subscription", id)?.clone();
    let phase = params.at("phase");
    let phase = phase.int("start").zip(phase.int("end")).map(|(start, end)| Period { start, end });
    added_items::add(state, params, &subscription, phase)
}

fn carry_out(
    state: &mut State,
    before: &Value,
    params: &Value,
    change: &Change,
) -> Result<Option<String>, ApiError> {
    let id = before.id();
    apply(state, id, params, before, change)?;
    let added = add_items(state, id, params)?;
    let trialing = before.text("status") == Some("trialing");
    let settles = change.proration != "none";
    let invoice = if change.restarts || change.trial_end.is_some() && !trialing {
        if settles {
            credit_unused(state, before, change.from);
        }
        Some(subscription_lifecycle::invoice_period(state, id, "subscription_update"))
    } else {
        if change.repriced && !trialing && settles {
            prorate(state, id, before, change.from);
        }
        let cancels = ["cancel_at", "cancel_at_period_end"].iter().any(|name| !params.at(name).is_null());
        if cancels && settles {
            follow_cancellation(state, id);
        }
        let after = state.store.find("subscription", id).cloned().unwrap_or_default();
        let settled = change.repriced && !trialing || cancels || added;
        if settled && change.proration == "always_invoice" {
            invoices::draft_pending(state, &after, "subscription_update")
        } else {
            None
        }
    };
    if let Some(invoice) = &invoice {
        state.change("subscription", id, |subscription| subscription.put("latest_invoice", invoice.as_str()));
    }
    Ok(invoice)
}

fn plan(state: &State, before: &Value, params: &Value, items: Vec<Value>) -> Result<Change, ApiError> {
    let now = state.now();
    let kept = before.list("items.data");
    let worth = |items: &[Value]| -> Vec<(String, i64)> {
        items
            .iter()
            .map(|item| (item.at("price").id().to_owned(), item.int("quantity").unwrap_or(1)))
            .collect()
    };
    let interval = |items: &[Value]| items.first().map(|item| prices::interval(item.at("price")));
    let trialing = before.text("status") == Some("trialing");
    let ends_trial = params.text("trial_end") == Some("now") && trialing;
    let trial_end = params.int("trial_end");
    if trial_end.is_some_and(|end| end <= now) {
        return Err(ApiError::invalid("The trial_end must be in the future.").param("trial_end"));
    }
    let restarts = ends_trial
        || params.text("billing_cycle_anchor.type") == Some("now")
        || interval(&items) != interval(kept) && !trialing;
    let from = params.int("proration_date").unwrap_or(now);
    let period = subscription_items::period(before);
    if !params.at("proration_date").is_null() && !(period.start..=period.end).contains(&from) {
        let message = "The proration_date must lie in the current billing period.";
        return Err(ApiError::invalid(message).param("proration_date"));
    }
    if before.text("status") == Some("incomplete") && (restarts || worth(&items) != worth(kept)) {
        return Err(ApiError::invalid(
            "You cannot change the items of a subscription whose first invoice has not been paid.",
        ));
    }
    Ok(Change {
        repriced: worth(&items) != worth(kept),
        items,
        restarts,
        trial_end,
        proration: params.text("proration_behavior").unwrap_or("create_prorations").to_owned(),
        from,
        pause: pause(params, now)?,
    })
}

/// What `pause_collection` becomes; none when it was not sent.
fn pause(params: &Value, now: Timestamp) -> Result<Option<Value>, ApiError> {
    let sent = params.at("pause_collection");
    match sent {
        Value::Null => return Ok(None),
        Value::String(_) => return Ok(Some(Value::Null)),
        _ => {}
    }
    let resumes = sent.int("resumes_at");
    if resumes.is_some_and(|at| at <= now) {
        let message = "The resumes_at must be in the future.";
        return Err(ApiError::invalid(message).param("pause_collection[resumes_at]"));
    }
    Ok(Some(json!({ "behavior": sent.at("behavior"), "resumes_at": resumes })))
}

/// The items after the update.
fn changed_items(state: &mut State, before: &Value, params: &Value) -> Result<Vec<Value>, ApiError> {
    let mut items = before.list("items.data").to_vec();
    let customer = before.text("customer").unwrap_or_default();
    let currency = before.text("currency");
    for (index, sent) in params.list("items").iter().enumerate() {
        let Some(id) = sent.text("id") else {
            let wanted = Wanted::read(state, sent, index, &Order { customer, currency })?;
            let period = subscription_items::period(before);
            items.push(subscription_items::build(state, before.id(), customer, &wanted, period));
            continue;
        };
        let Some(position) = items.iter().position(|item| item.id() == id) else {
            return Err(ApiError::no_such("subscription_item", id, &format!("items[{index}][id]")));
        };
        if sent.flag("deleted") == Some(true) {
            items.remove(position);
            continue;
        }
        change_item(state, &mut items[position], sent, index, &Order { customer, currency })?;
    }
    if items.is_empty() {
        return Err(ApiError::invalid("A subscription must have at least one active item.").param("items"));
    }
    subscription_items::check_together(&items.iter().map(|item| item.at("price")).collect::<Vec<_>>())?;
    Ok(items)
}

fn change_item(
    state: &mut State,
    item: &mut Value,
    sent: &Value,
    index: usize,
    order: &Order<'_>,
) -> Result<(), ApiError> {
    let price = subscription_items::price_of(state, sent, index, order.currency)?;
    let quantity = subscription_items::quantity_of(sent, index)?;
    let path = |name: &str| format!("items[{index}][{name}]");
    if let Some(price) = price {
        item.put("plan", prices::plan(&price));
        item.put("price", price);
    }
    if meters::is_metered(item.at("price")) {
        subscription_items::refuse_quantity(quantity, index)?;
        subscription_items::drop_quantity_if_metered(item);
    } else if let Some(quantity) = quantity.or(item.int("quantity").is_none().then_some(1)) {
        item.put("quantity", quantity);
    }
    if let Some(rates) = tax_rates::named(state, sent, "tax_rates", &path("tax_rates"))? {
        item.put("tax_rates", rates);
    }
    let id = item.id().to_owned();
    let currency = price_amounts::currency_of(item.at("price")).to_owned();
    let subtotal = invoice_lines::full_amount(item);
    let holder = Holder {
        field: "subscription_item",
        id: &id,
        customer: order.customer,
        currency: &currency,
        subtotal,
    };
    if let Some(entries) = discounts::read(state, sent, &holder, item.list("discounts"), &path("discounts"))?
    {
        let redeemed = discounts::redeem(state, &entries, &holder);
        item.put("discounts", redeemed);
    }
    merge_metadata(item, sent);
    Ok(())
}

fn apply(
    state: &mut State,
    id: &str,
    params: &Value,
    before: &Value,
    change: &Change,
) -> Result<(), ApiError> {
    let now = state.now();
    let mut after = before.clone();
    let subtotal = change.items.iter().map(invoice_lines::full_amount).sum();
    let holder = Holder {
        field: "subscription",
        id,
        customer: before.text("customer").unwrap_or_default(),
        currency: before.text("currency").unwrap_or_default(),
        subtotal,
    };
    if let Some(entries) = discounts::read(state, params, &holder, before.list("discounts"), "discounts")? {
        let redeemed = discounts::redeem(state, &entries, &holder);
        after.put("discounts", redeemed);
    }
    if let Some(rates) = tax_rates::named(state, params, "default_tax_rates", "default_tax_rates")? {
        after.put("default_tax_rates", rates);
    }
    subscriptions::set_automatic_tax(&mut after, params);
    patch(&mut after, params, subscriptions::PATCHED);
    patch(&mut after, params, &["cancellation_details.comment", "cancellation_details.feedback"]);
    merge_metadata(&mut after, params);
    after
        .put("items", whole_list(&format!("/v1/subscription_items?subscription={id}"), change.items.clone()));
    if let Some(end) = change.trial_end {
        after.put("status", "trialing");
        after.put("trial_end", end);
        if after.at("trial_start").is_null() {
            after.put("trial_start", now);
        }
        if !keeps_anchor(&after) {
            after.put("billing_cycle_anchor", end);
        }
        after.put(&format!("{HIDDEN}.trial_warned"), false);
        let begins = before.text("status") != Some("trialing");
        for item in subscription_items::items_mut(&mut after) {
            if begins {
                item.put("current_period_start", now);
            }
            item.put("current_period_end", end);
            item.put("billed_until", end);
        }
    }
    if change.restarts {
        let ends_trial = after.text("status") == Some("trialing");
        let resets = params.text("billing_cycle_anchor.type") == Some("now");
        if !ends_trial || resets || !keeps_anchor(&after) {
            after.put("billing_cycle_anchor", now);
            after.put("billing_cycle_anchor_config", Value::Null);
        }
        if ends_trial {
            after.put("status", "active");
            after.put("trial_end", now);
        }
        subscription_items::set_period(&mut after, now);
    }
    subscriptions::set_cancellation(state, &mut after, params);
    if let Some(pause) = change.pause.clone() {
        after.put("pause_collection", pause);
    }
    state.store.insert(after);
    Ok(())
}

/// Whether the end of a trial leaves the billing cycle where it is.
fn keeps_anchor(subscription: &Value) -> bool {
    subscription.text("trial_settings.end_behavior.billing_cycle_anchor") == Some("unchanged")
}

/// Brings the current period's end to where the subscription is to end, or back, and settles the difference.
fn follow_cancellation(state: &mut State, id: &str) {
    let Some(mut after) = state.store.find("subscription", id).cloned() else { return };
    if matches!(after.text("status"), Some("trialing" | "incomplete" | "paused")) {
        return;
    }
    let now = state.now();
    let Some(natural) =
        after.list("items.data").first().map(|item| subscription_items::natural_period(&after, item).end)
    else {
        return;
    };
    let end = after.int("cancel_at").filter(|at| *at > now).map_or(natural, |at| at.min(natural));
    let was = subscription_items::period(&after).end;
    if end == was {
        return;
    }
    let items = after.list("items.data").to_vec();
    if end < was {
        for mut item in items {
            let credit = item_billing::credit(&mut item, end);
            adjust(state, &after, &item, end, -credit);
            let charges = item.at(HIDDEN).clone();
            if let Some(own) = subscription_items::items_mut(&mut after).find(|own| own.id() == item.id()) {
                own.put(HIDDEN, charges);
            }
        }
        subscription_items::end_period_at(&mut after, end);
    } else {
        let nets = invoice_lines::net_amounts(state, &after);
        subscription_items::end_period_at(&mut after, end);
        for (item, net) in items.iter().zip(nets) {
            let whole = subscription_items::natural_period(&after, item).length();
            let amount = calendar::prorate(net, end - was, whole);
            adjust(state, &after, item, was, amount);
            if let Some(own) = subscription_items::items_mut(&mut after).find(|own| own.id() == item.id()) {
                item_billing::charge(own, Period { start: was, end }, amount);
            }
        }
    }
    state.store.insert(after);
}

/// Credits, for the customer's next invoice, the part of the current period that was paid for and will not be used.
pub(crate) fn credit_unused(state: &mut State, subscription: &Value, from: Timestamp) {
    if subscription.text("status") == Some("trialing") {
        return;
    }
    for item in subscription.list("items.data") {
        let credit = item_billing::credit(&mut item.clone(), from);
        adjust(state, subscription, item, from, -credit);
    }
}

/// Settles the difference between the items before and after, from a moment up to the period's end.
fn prorate(state: &mut State, id: &str, before: &Value, from: Timestamp) {
    let mut after = state.store.find("subscription", id).cloned().unwrap_or_default();
    let same = |a: &Value, b: &Value| {
        a.id() == b.id() && a.at("price").id() == b.at("price").id() && a.at("quantity") == b.at("quantity")
    };
    let (old, new) = (before.list("items.data").to_vec(), after.list("items.data").to_vec());
    for mut item in old.iter().filter(|old| !new.iter().any(|new| same(old, new))).cloned() {
        let credit = item_billing::credit(&mut item, from);
        adjust(state, before, &item, from, -credit);
        // What is left of its charges goes on with the item.
        let charges = item.at(HIDDEN).clone();
        if let Some(goes_on) = subscription_items::items_mut(&mut after).find(|new| new.id() == item.id()) {
            goes_on.put(HIDDEN, charges);
        }
    }
    let changed: Vec<Value> = new.into_iter().filter(|new| !old.iter().any(|old| same(old, new))).collect();
    charge_rest(state, &mut after, &changed, from);
    state.store.insert(after);
}

/// Charges some of a subscription's items for the rest of the current period.
pub(crate) fn charge_rest(state: &mut State, after: &mut Value, charged: &[Value], from: Timestamp) {
    let nets = invoice_lines::net_amounts(state, after);
    let end = subscription_items::period(after).end;
    let items = after.list("items.data").to_vec();
    let meant = |item: &Value| charged.iter().any(|charged| charged.id() == item.id());
    for (item, net) in items.iter().zip(nets).filter(|(item, _)| meant(item)) {
        let whole = subscription_items::natural_period(after, item).length();
        let amount = calendar::prorate(net, end - from, whole);
        adjust(state, after, item, from, amount);
        if let Some(own) = subscription_items::items_mut(after).find(|own| own.id() == item.id()) {
            item_billing::charge(own, Period { start: from, end }, amount);
        }
    }
}

/// Puts a charge, or a credit where it is negative, for the rest of an item's period among what waits for an invoice.
fn adjust(state: &mut State, subscription: &Value, item: &Value, from: Timestamp, amount: i64) {
    if amount == 0 {
        return;
    }
    let period = subscription_items::period(subscription);
    let price = item.at("price");
    let quantity = item.int("quantity").unwrap_or(1);
    let title = invoice_lines::title(state, price);
    let counted = if quantity == 1 { title } else { format!("{quantity} × {title}") };
    let word = if amount < 0 { "Unused" } else { "Remaining" };
    let new = NewItem {
        customer: subscription.text("customer").unwrap_or_default(),
        currency: subscription.text("currency").unwrap_or_default(),
        amount,
        quantity,
        description: Some(format!("{word} time on {counted} after {}", calendar::day(from))),
        period: Period { start: from, end: period.end },
        price: Some(price),
        subscription: Some(subscription.id()),
        proration: true,
    };
    let mut made = invoice_items::build(state, &new);
    made.put(
        "parent.subscription_details",
        json!({ "subscription": subscription.id(), "subscription_item": item.id() }),
    );
    made.put("tax_rates", item.at("tax_rates").clone());
    made.put(&format!("{HIDDEN}.tax_behavior"), price_amounts::tax_behavior_of(price).clone());
    state.create(made, "invoiceitem.created");
}
