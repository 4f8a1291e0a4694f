//! Taking up a subscription that is `paused` because its trial ended without a payment method.
//!
//! The rules are those that Stripe's description gives for `POST /v1/subscriptions/{id}/resume`.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::Fields;
use crate::state::{HIDDEN, State};
use crate::{invoices, item_billing, subscription_items, subscription_lifecycle, subscription_updates};

/// "If there is no payment attempt within 23 hours, Stripe voids the invoice and the subscription stays paused."
const PATIENCE: Timestamp = 23 * 3600;

pub(crate) fn resume(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let before = state.load("subscription", "subscription", &id)?.clone();
    let Some(invoice) = begin(state, &before, params)? else {
        // "If Stripe doesn't generate a resumption invoice, the subscription becomes active immediately."
        activate(state, &before);
        return state.load("subscription", "subscription", &id).cloned();
    };
    state.change("subscription", &id, |subscription| {
        subscription.put(&format!("{HIDDEN}.resumption"), invoice.as_str());
    });
    state.emit_updated("customer.subscription.updated", "subscription", &id, &before);
    state.emit("invoice.created", "invoice", &invoice);
    invoices::finalize(state, &invoice);
    let open = state.load("invoice", "invoice", &invoice)?.text("status") == Some("open");
    let chargeable = subscription_lifecycle::method_of(state, &before).is_some();
    if open && chargeable {
        if params.text("payment_behavior") != Some("resume_on_payment_success") {
            // The attempt alone takes it up; one that fails makes it past due, as any other invoice would.
            let paused = state.load("subscription", "subscription", &id)?.clone();
            activate(state, &paused);
        }
        subscription_lifecycle::settle_now(state, &invoice);
    }
    state.load("subscription", "subscription", &id).cloned()
}

fn activate(state: &mut State, before: &Value) {
    let id = before.id();
    state.change("subscription", id, |subscription| {
        subscription.put("status", "active");
        subscription.put(&format!("{HIDDEN}.resumption"), Value::Null);
    });
    state.emit_updated("customer.subscription.updated", "subscription", id, before);
    state.emit("customer.subscription.resumed", "subscription", id);
}

/// Checks and begins to take a paused subscription up, in silence. Gives the draft of the invoice that comes of it.
pub(crate) fn begin(state: &mut State, before: &Value, params: &Value) -> Result<Option<String>, ApiError> {
    if before.text("status") != Some("paused") {
        return Err(ApiError::invalid(
            "The subscription cannot be resumed: only subscriptions with the status `paused` can.",
        ));
    }
    if before.text("collection_method") != Some("charge_automatically") {
        return Err(ApiError::invalid(
            "The subscription cannot be resumed: only subscriptions that are charged automatically can.",
        ));
    }
    if let Some(open) = open_invoice(state, before) {
        let message =
            format!("The subscription is being resumed already: pay or void the invoice {open} first.");
        return Err(ApiError::invalid(message));
    }
    let (id, now) = (before.id(), state.now());
    let unchanged = params.text("billing_cycle_anchor.type") == Some("unchanged");
    if !unchanged {
        // "When the `billing_cycle_anchor` is set to `now` (default value), no prorations are generated": a whole period.
        state.change("subscription", id, |subscription| {
            subscription.put("billing_cycle_anchor", now);
            subscription.put("billing_cycle_anchor_config", Value::Null);
            subscription_items::set_period(subscription, now);
        });
        return Ok(Some(subscription_lifecycle::invoice_period(state, id, "subscription_update")));
    }
    let mut after = before.clone();
    subscription_items::set_period(&mut after, now);
    let natural = after
        .list("items.data")
        .first()
        .map(|item| subscription_items::natural_period(&after, item))
        .ok_or_else(|| ApiError::missing("items"))?;
    let from = params.int("proration_date").unwrap_or(now);
    if !(natural.start..=natural.end).contains(&from) {
        let message = "The proration_date must lie in the current billing period.";
        return Err(ApiError::invalid(message).param("proration_date"));
    }
    // Nothing was paid for so far.
    subscription_items::items_mut(&mut after).for_each(item_billing::begin);
    let behaviour = params.text("proration_behavior").unwrap_or("create_prorations");
    let items = after.list("items.data").to_vec();
    if behaviour != "none" {
        subscription_updates::charge_rest(state, &mut after, &items, from);
    }
    state.store.insert(after.clone());
    if behaviour != "always_invoice" {
        return Ok(None);
    }
    let invoice = invoices::draft_pending(state, &after, "subscription_update");
    if let Some(invoice) = &invoice {
        state.change("subscription", id, |subscription| subscription.put("latest_invoice", invoice.as_str()));
    }
    Ok(invoice)
}

/// The invoice that a resumption waits for.
fn open_invoice(state: &State, subscription: &Value) -> Option<String> {
    let invoice = state.store.find("invoice", subscription.at(HIDDEN).text("resumption")?)?;
    (invoice.text("status") == Some("open")).then(|| invoice.id().to_owned())
}

/// When a paused subscription's resumption is given up, if it waits for one that nobody tried to pay.
pub(crate) fn expiry(state: &State, subscription: &Value) -> Option<Timestamp> {
    let invoice = state.store.find("invoice", &open_invoice(state, subscription)?)?;
    let tried = invoice.flag("attempted") == Some(true);
    invoice.int("created").filter(|_| !tried).map(|created| created + PATIENCE)
}

/// Gives a resumption up: "the subscription stays paused".
pub(crate) fn expire(state: &mut State, id: &str) {
    let Some(subscription) = state.store.find("subscription", id) else { return };
    if let Some(invoice) = open_invoice(state, subscription) {
        invoices::void(state, &invoice);
    }
    forget(state, id);
}

fn forget(state: &mut State, id: &str) {
    state.change("subscription", id, |subscription| {
        subscription.put(&format!("{HIDDEN}.resumption"), Value::Null);
    });
}

/// An invoice was marked uncollectible: "If the invoice is paid or marked uncollectible, the subscription becomes active."
pub(crate) fn invoice_given_up(state: &mut State, invoice: &Value) {
    let subscription =
        invoices::subscription_of(invoice).and_then(|id| state.store.find("subscription", id)).cloned();
    let waits = subscription.filter(|subscription| {
        subscription.text("status") == Some("paused")
            && subscription.at(HIDDEN).text("resumption") == Some(invoice.id())
    });
    if let Some(before) = waits {
        activate(state, &before);
    }
}
