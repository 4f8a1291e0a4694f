//! Changes of subscriptions: items, quantities and prices with their prorations, trials, cancellation dates.

use serde_json::{Value, json};

use crate::calendar::{self, Period};
use crate::clock::Timestamp;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::invoice_items::{self, NewItem};
use crate::json::{Fields, merge_metadata, patch, whole_list};
use crate::state::{HIDDEN, State};
use crate::subscription_items::{self, Wanted};
use crate::{
    invoice_lines, invoices, meters, prices, schedule_lifecycle, subscription_lifecycle, subscriptions,
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
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let before = state.load("subscription", "subscription", &id)?.clone();
    let invoice = change(state, &before, params)?;
    announce(state, &before, params, invoice);
    schedule_lifecycle::follow(state, &before);
    state.load("subscription", "subscription", &id).cloned()
}

/// Says that a subscription was changed, and collects what is due at once.
fn announce(state: &mut State, before: &Value, params: &Value, invoice: Option<String>) {
    state.emit_updated("customer.subscription.updated", "subscription", before.id(), before);
    if let Some(invoice) = invoice {
        state.emit("invoice.created", "invoice", &invoice);
        invoices::finalize(state, &invoice);
        if params.text("payment_behavior") != Some("default_incomplete") {
            subscription_lifecycle::settle_now(state, &invoice);
        }
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
    let invoiced = change.restarts || change.repriced && change.proration == "always_invoice";
    if invoiced && params.text("payment_behavior") == Some("error_if_incomplete") {
        let own = params.text("default_payment_method").map(str::to_owned);
        let method = own
            .or_else(|| subscription_lifecycle::method_of(state, before))
            .ok_or_else(invoices::no_method)?;
        subscription_lifecycle::would_pay(state, &method, params.flag("off_session") == Some(true))?;
    }
    Ok(carry_out(state, before, params, &change))
}

/// Gives a subscription other items, and what else the parameters say, as an update would.
pub(crate) fn change_to(
    state: &mut State,
    before: &Value,
    items: Vec<Value>,
    params: &Value,
) -> Result<(), ApiError> {
    let change = plan(state, before, params, items)?;
    let invoice = carry_out(state, before, params, &change);
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
    apply(state, before.id(), params, before, &change);
    Ok(())
}

fn carry_out(state: &mut State, before: &Value, params: &Value, change: &Change) -> Option<String> {
    let id = before.id();
    apply(state, id, params, before, change);
    let trialing = before.text("status") == Some("trialing");
    let invoice = if change.restarts {
        if !trialing && change.proration != "none" {
            credit_unused(state, before, change.from);
        }
        Some(subscription_lifecycle::invoice_period(state, id, "subscription_update"))
    } else if change.repriced && !trialing && change.proration != "none" {
        prorate(state, id, before, change.from);
        let after = state.store.find("subscription", id).cloned().unwrap_or_default();
        if change.proration == "always_invoice" {
            invoices::draft_pending(state, &after, "subscription_update")
        } else {
            None
        }
    } else {
        None
    };
    if let Some(invoice) = &invoice {
        state.change("subscription", id, |subscription| subscription.put("latest_invoice", invoice.as_str()));
    }
    invoice
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
    })
}

/// The items after the update.
fn changed_items(state: &mut State, before: &Value, params: &Value) -> Result<Vec<Value>, ApiError> {
    let mut items = before.list("items.data").to_vec();
    for (index, sent) in params.list("items").iter().enumerate() {
        let Some(id) = sent.text("id") else {
            let wanted = Wanted::read(state, sent, index)?;
            let period = subscription_items::period(before);
            items.push(subscription_items::build(state, before.id(), &wanted, period));
            continue;
        };
        let Some(position) = items.iter().position(|item| item.id() == id) else {
            return Err(ApiError::no_such("subscription_item", id, &format!("items[{index}][id]")));
        };
        if sent.flag("deleted") == Some(true) {
            items.remove(position);
            continue;
        }
        let price = subscription_items::price_of(state, sent, index)?;
        let quantity = subscription_items::quantity_of(sent, index)?;
        let item = &mut items[position];
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
        merge_metadata(item, sent);
    }
    if items.is_empty() {
        return Err(ApiError::invalid("A subscription must have at least one active item.").param("items"));
    }
    let wanted: Vec<Wanted> = items
        .iter()
        .map(|item| Wanted {
            price: item.at("price").clone(),
            quantity: item.int("quantity").unwrap_or(1),
            metadata: Value::Null,
        })
        .collect();
    subscription_items::check_together(&wanted)?;
    if items.first().is_some_and(|item| item.text("price.currency") != before.text("currency")) {
        return Err(ApiError::invalid("The currency of a subscription cannot be changed.").param("items"));
    }
    Ok(items)
}

fn apply(state: &mut State, id: &str, params: &Value, before: &Value, change: &Change) {
    let now = state.now();
    let mut after = before.clone();
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
        after.put("billing_cycle_anchor", end);
        after.put(&format!("{HIDDEN}.trial_warned"), false);
        for item in subscription_items::items_mut(&mut after) {
            item.put("current_period_end", end);
            item.put("billed_until", end);
        }
    }
    if change.restarts {
        if after.text("status") == Some("trialing") {
            after.put("status", "active");
            after.put("trial_end", now);
        }
        after.put("billing_cycle_anchor", now);
        subscription_items::set_period(&mut after, now);
    }
    subscriptions::set_cancellation(state, &mut after, params);
    state.store.insert(after);
}

/// Credits, for the customer's next invoice, the part of the current period that was paid for and will not be used.
pub(crate) fn credit_unused(state: &mut State, subscription: &Value, from: Timestamp) {
    for item in subscription.list("items.data") {
        adjust(state, subscription, item, from, -1);
    }
}

/// Settles the difference between the items before and after, from a moment up to the period's end.
fn prorate(state: &mut State, id: &str, before: &Value, from: Timestamp) {
    let after = state.store.find("subscription", id).cloned().unwrap_or_default();
    let same = |a: &Value, b: &Value| {
        a.id() == b.id() && a.at("price").id() == b.at("price").id() && a.at("quantity") == b.at("quantity")
    };
    for item in before
        .list("items.data")
        .iter()
        .filter(|old| !after.list("items.data").iter().any(|new| same(old, new)))
    {
        adjust(state, before, item, from, -1);
    }
    for item in after
        .list("items.data")
        .iter()
        .filter(|new| !before.list("items.data").iter().any(|old| same(old, new)))
    {
        adjust(state, &after, item, from, 1);
    }
}

/// One item for the rest of its period: a charge (`sign` 1) or a credit (-1).
fn adjust(state: &mut State, subscription: &Value, item: &Value, from: Timestamp, sign: i64) {
    let period = subscription_items::period(subscription);
    let price = item.at("price");
    let anchor = subscription.int("billing_cycle_anchor").unwrap_or(period.start);
    let whole = prices::interval(price).period(anchor, period.start).length();
    let amount = calendar::prorate(invoice_lines::full_amount(item), period.end - from, whole) * sign;
    if amount == 0 {
        return;
    }
    let quantity = item.int("quantity").unwrap_or(1);
    let title = invoice_lines::title(state, price);
    let counted = if quantity == 1 { title } else { format!("{quantity} × {title}") };
    let word = if sign < 0 { "Unused" } else { "Remaining" };
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
    state.create(made, "invoiceitem.created");
}
