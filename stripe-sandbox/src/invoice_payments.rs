//! Payments of invoices: what ties a payment intent to an invoice.

use serde_json::{Value, json};

use crate::errors::Answer;
use crate::http::Call;
use crate::json::Fields;
use crate::list;
use crate::state::State;

/// Stores the invoice's default payment, made through `intent`.
pub(crate) fn open(state: &mut State, invoice: &Value, intent: &str) {
    let payment = json!({
        "id": state.id("inpay"), "object": "invoice_payment", "amount_paid": null, "amount_requested": invoice.at("amount_remaining"),
        "created": state.now(), "currency": invoice.at("currency"), "invoice": invoice.id(), "is_default": true, "livemode": false,
        "payment": { "payment_intent": intent, "type": "payment_intent" }, "status": "open",
        "status_transitions": { "canceled_at": null, "paid_at": null },
    });
    state.store.insert(payment);
}

/// The invoice's default payment.
pub(crate) fn default_of<'a>(state: &'a State, invoice: &str) -> Option<&'a Value> {
    state
        .store
        .all("invoice_payment")
        .find(|payment| payment.text("invoice") == Some(invoice) && payment.flag("is_default") == Some(true))
}

/// The payment made through an intent.
pub(crate) fn of_intent<'a>(state: &'a State, intent: &str) -> Option<&'a Value> {
    state.store.all("invoice_payment").find(|payment| payment.text("payment.payment_intent") == Some(intent))
}

/// Marks the payment made through an intent as paid, and announces it.
pub(crate) fn pay(state: &mut State, intent: &str) {
    let Some(id) = of_intent(state, intent).map(|payment| payment.id().to_owned()) else { return };
    let now = state.now();
    state.change("invoice_payment", &id, |payment| {
        payment.put("status", "paid");
        payment.put("amount_paid", payment.at("amount_requested").clone());
        payment.put("status_transitions.paid_at", now);
    });
    state.emit("invoice_payment.paid", "invoice_payment", &id);
}

/// Cancels an invoice's open payment.
pub(crate) fn cancel(state: &mut State, invoice: &str) {
    let Some(id) = default_of(state, invoice)
        .filter(|payment| payment.text("status") == Some("open"))
        .map(|payment| payment.id().to_owned())
    else {
        return;
    };
    let now = state.now();
    state.change("invoice_payment", &id, |payment| {
        payment.put("status", "canceled");
        payment.put("status_transitions.canceled_at", now);
    });
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("invoice_payment", "invoice_payment", call.id(0)).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("invoice_payment", |payment| {
        ["invoice", "status", "payment.payment_intent", "payment.type"]
            .iter()
            .all(|name| list::same(params, name, payment))
            && list::in_range(params, "created", payment.int("created"))
    });
    list::page("/v1/invoice_payments", "invoice_payment", &rows, params)
}
