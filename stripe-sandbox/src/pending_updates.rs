//! Pending updates: changes of a subscription that wait for their invoice to be paid.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::invoices::{self, Collection};
use crate::json::Fields;
use crate::state::{HIDDEN, State};
use crate::{bank_accounts, subscription_items, subscription_updates};

/// How long an update waits at most.
const PATIENCE: Timestamp = 23 * 3600;

/// What can be changed pending payment.
const ALLOWED: &[&str] = &[
    "billing_cycle_anchor",
    "expand",
    "items",
    "metadata",
    "off_session",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
    "trial_end",
    "trial_from_plan",
];

/// What is put into place when the invoice is paid.
const CHANGED: &[&str] = &[
    "items",
    "billing_cycle_anchor",
    "billing_cycle_anchor_config",
    "metadata",
    "status",
    "trial_start",
    "trial_end",
];
/// What else a pending update can hold, by Stripe's description of it.
const UNMODELLED: &[&str] = &["cancel_at_period_end", "discounts"];

pub(crate) fn check(before: &Value, params: &Value) -> Result<(), ApiError> {
    if before.text("collection_method") == Some("send_invoice") {
        let message =
            "`payment_behavior=pending_if_incomplete` needs a subscription that is charged automatically.";
        return Err(ApiError::invalid(message).param("payment_behavior"));
    }
    let sent = params.as_object().into_iter().flat_map(|sent| sent.keys());
    for name in sent {
        if UNMODELLED.contains(&name.as_str()) {
            return Err(ApiError::unsupported(name));
        }
        if !ALLOWED.contains(&name.as_str()) {
            let message = format!("You cannot pass `{name}` with `payment_behavior=pending_if_incomplete`.");
            return Err(ApiError::invalid(message).param(name));
        }
    }
    Ok(())
}

/// Changes a subscription as soon as what that costs is paid, which is tried at once.
pub(crate) fn begin(state: &mut State, before: &Value, params: &Value) -> Result<(), ApiError> {
    let id = before.id();
    let invoice = subscription_updates::change(state, before, params)?;
    let after = state.load("subscription", "subscription", id)?.clone();
    let Some(invoice) = invoice else { return Ok(()) };
    let now = state.now();
    let expires = (now + PATIENCE).min(subscription_items::period(before).end);
    let sent =
        |name: &str, value: &Value| if params.at(name).is_null() { Value::Null } else { value.clone() };
    let shown = json!({
        "billing_cycle_anchor": sent("billing_cycle_anchor", after.at("billing_cycle_anchor")), "cancel_at_period_end": null,
        "discount": null, "discounts": null, "expires_at": expires,
        "metadata": sent("metadata", after.at("metadata")),
        "subscription_items": sent("items", after.at("items.data")), "trial_end": sent("trial_end", after.at("trial_end")),
        "trial_from_plan": null,
    });
    let mut waiting = json!({ "invoice": invoice });
    for name in CHANGED {
        waiting.put(&format!("after.{name}"), after.at(name).clone());
    }
    let mut held = before.clone();
    held.put("pending_update", shown);
    held.put(&format!("{HIDDEN}.pending"), waiting);
    held.put("latest_invoice", invoice.as_str());
    state.store.insert(held);
    state.emit("invoice.created", "invoice", &invoice);
    invoices::finalize(state, &invoice);
    let open = state.load("invoice", "invoice", &invoice)?.text("status") == Some("open");
    if open {
        let off_session = params.flag("off_session") == Some(true);
        // A decline or no card is no error here: the update stays pending.
        let _ = invoices::collect(state, &invoice, &Collection { method: None, off_session });
    }
    if waits_for(state, id).is_some() {
        state.change("subscription", id, |subscription| {
            subscription.put(&format!("{HIDDEN}.pending.announced"), true);
        });
        state.emit_updated("customer.subscription.updated", "subscription", id, before);
    }
    Ok(())
}

/// The invoice that a subscription's pending update waits for.
pub(crate) fn waits_for<'a>(state: &'a State, subscription: &str) -> Option<&'a str> {
    state.store.find("subscription", subscription)?.at(HIDDEN).text("pending.invoice")
}

/// One of a subscription's invoices was paid: the update that waited for it comes into effect.
pub(crate) fn apply(state: &mut State, subscription: &str, invoice: &str) {
    if waits_for(state, subscription) != Some(invoice) {
        return;
    }
    let Some(before) = state.store.find("subscription", subscription).cloned() else { return };
    let waiting = before.at(HIDDEN).at("pending").clone();
    let mut after = before.clone();
    for name in CHANGED {
        after.put(name, waiting.at("after").at(name).clone());
    }
    // A debit takes days: the subscription may have been renewed meanwhile.
    let (then, now) = (subscription_items::period(&after), subscription_items::period(&before));
    if now.start > then.start && now.end > then.end {
        subscription_items::items_mut(&mut after).for_each(|item| {
            item.put("current_period_start", now.start);
            item.put("current_period_end", now.end);
            item.put("billed_until", now.end);
        });
    }
    clear(&mut after);
    state.store.insert(after);
    state.emit_updated("customer.subscription.updated", "subscription", subscription, &before);
    if waiting.flag("announced") == Some(true) {
        state.emit("customer.subscription.pending_update_applied", "subscription", subscription);
    }
}

/// When a subscription's pending update is given up. Not while a bank decides about its payment: Stripe gives up what
/// nobody pays, and applies what is paid.
pub(crate) fn expiry(state: &State, subscription: &Value) -> Option<Timestamp> {
    let invoice = subscription.at(HIDDEN).text("pending.invoice");
    let decided = invoice.is_none_or(|invoice| bank_accounts::processing_intent(state, invoice).is_none());
    subscription.int("pending_update.expires_at").filter(|_| decided)
}

/// A bank returned the debit of a pending update: it waits on for its payment, if there is time left.
pub(crate) fn payment_failed(state: &mut State, subscription: &str) {
    let now = state.now();
    let before = state.change("subscription", subscription, |_| {});
    if before.int("pending_update.expires_at").is_some_and(|at| at <= now) {
        expire(state, subscription);
    }
}

/// 400 while a bank decides about the payment of a subscription's pending update.
pub(crate) fn check_replaceable(state: &State, subscription: &str) -> Result<(), ApiError> {
    match waits_for(state, subscription) {
        Some(invoice) => bank_accounts::check_stoppable(state, invoice, "cancel"),
        None => Ok(()),
    }
}

fn clear(subscription: &mut Value) {
    subscription.put("pending_update", Value::Null);
    subscription.put(&format!("{HIDDEN}.pending"), Value::Null);
}

/// Gives up a subscription's pending update: its time is over, its invoice was voided, or another change comes.
pub(crate) fn expire(state: &mut State, subscription: &str) {
    let Some(invoice) = waits_for(state, subscription).map(str::to_owned) else { return };
    let before = state.change("subscription", subscription, clear);
    let open =
        state.store.find("invoice", &invoice).is_some_and(|invoice| invoice.text("status") == Some("open"));
    if open {
        invoices::void(state, &invoice);
    }
    state.emit_updated("customer.subscription.updated", "subscription", subscription, &before);
    state.emit("customer.subscription.pending_update_expired", "subscription", subscription);
}
