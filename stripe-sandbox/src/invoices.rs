//! Invoices: drafts, their finalising, and what becomes of them when they are paid, failed, voided or given up.

use serde_json::{Value, json};

use crate::calendar::Period;
use crate::clock::Timestamp;
use crate::customer_balance::Movement;
use crate::errors::ApiError;
use crate::json::Fields;
use crate::payment_intents::{self, Attempt, Confirmation};
use crate::state::{HIDDEN, State};
use crate::{
    account, bank_accounts, customer_balance, discounts, invoice_items, invoice_lines, invoice_payments,
    invoice_totals, payment_methods, subscription_lifecycle, subscription_resume, tax_ids,
};

const DAY: Timestamp = 24 * 3600;
/// How long a draft waits before it is finalised by itself.
pub(crate) const DRAFT_TIME: Timestamp = 3600;
/// After each failed automatic attempt, when the next one is made.
const RETRIES: [Timestamp; 3] = [3 * DAY, 5 * DAY, 7 * DAY];

/// How long a draft waits at most for those who are to hear of it.
const ACKNOWLEDGEMENT: Timestamp = 72 * 3600;

/// A draft to be made.
pub(crate) struct NewInvoice<'a> {
    pub customer: &'a str,
    pub currency: &'a str,
    /// Stripe's `billing_reason`.
    pub reason: &'a str,
    pub subscription: Option<&'a Value>,
    pub period: Period,
    pub lines: Vec<Value>,
}

/// Stores a draft without announcing it, so that the caller can say things in Stripe's order. Gives its id.
pub(crate) fn draft(state: &mut State, new: NewInvoice<'_>) -> String {
    let id = state.id("in");
    let customer = state.store.find("customer", new.customer).cloned().unwrap_or_default();
    let subscription = new.subscription;
    let sent = subscription
        .is_some_and(|subscription| subscription.text("collection_method") == Some("send_invoice"));
    let now = state.now();
    let due_date = subscription
        .and_then(|subscription| subscription.int("days_until_due"))
        .filter(|_| sent)
        .map(|days| now + days * DAY);
    let parent = subscription.map(|subscription| {
        json!({
            "quote_details": null, "type": "subscription_details",
            "subscription_details": { "metadata": subscription.at("metadata"), "subscription": subscription.id() },
        })
    });
    let invoice = json!({
        "id": id, "object": "invoice", "account_country": account::COUNTRY, "account_name": account::NAME, "account_tax_ids": null,
        "amount_due": 0, "amount_overpaid": 0, "amount_paid": 0, "amount_remaining": 0, "amount_shipping": 0, "application": null,
        "attempt_count": 0, "attempted": false, "auto_advance": subscription.is_some(),
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null, "provider": null, "status": null },
        "automatically_finalizes_at": subscription.map(|_| now + DRAFT_TIME), "billing_reason": new.reason,
        "collection_method": if sent { "send_invoice" } else { "charge_automatically" }, "created": now, "currency": new.currency,
        "custom_fields": customer.at("invoice_settings.custom_fields"), "customer": new.customer, "customer_account": null,
        "customer_address": customer.at("address"), "customer_email": customer.at("email"), "customer_name": customer.at("name"),
        "customer_phone": customer.at("phone"), "customer_shipping": customer.at("shipping"),
        "customer_tax_exempt": customer.at("tax_exempt"), "customer_tax_ids": tax_ids::on_invoice(state, new.customer), "default_payment_method": null, "default_source": null,
        "default_tax_rates": [], "description": subscription.map(|subscription| subscription.at("invoice_settings.description")),
        "discounts": [], "due_date": due_date, "effective_at": null, "ending_balance": null,
        "footer": customer.at("invoice_settings.footer"), "from_invoice": null, "hosted_invoice_url": null, "invoice_pdf": null,
        "issuer": { "type": "self" }, "last_finalization_error": null, "latest_revision": null, "lines": null, "livemode": false,
        "metadata": {}, "next_payment_attempt": null, "number": null, "on_behalf_of": null, "parent": parent,
        "payment_settings": { "default_mandate": null, "payment_method_options": null, "payment_method_types": null },
        "period_end": new.period.end, "period_start": new.period.start, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "receipt_number": null, "rendering": null, "shipping_cost": null, "shipping_details": null,
        "starting_balance": 0, "statement_descriptor": null, "status": "draft",
        "status_transitions": { "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null, "voided_at": null },
        "subtotal": 0, "subtotal_excluding_tax": 0, "test_clock": null, "total": 0, "total_discount_amounts": [], "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [], "total_taxes": [], "webhooks_delivered_at": now,
    });
    state.store.insert(invoice);
    if let Some(subscription) = subscription {
        let running = discounts::running(state, subscription.list("discounts"));
        let automatic = subscription.flag("automatic_tax.enabled") == Some(true);
        state.change("invoice", &id, |invoice| {
            invoice.put("default_tax_rates", subscription.at("default_tax_rates").clone());
            invoice.put("discounts", running);
            set_automatic_tax(invoice, automatic);
            // What a pause of collection says counts for the invoices that are made during it.
            if let Some(behaviour) = subscription.text("pause_collection.behavior") {
                invoice.put(&format!("{HIDDEN}.paused"), behaviour);
                if behaviour == "keep_as_draft" {
                    invoice.put("auto_advance", false);
                    invoice.put("automatically_finalizes_at", Value::Null);
                }
            }
        });
    }
    replace_lines(state, &id, new.lines);
    id
}

/// A draft that is finalised by itself waits until its endpoints took `invoice.created`, for three days at most.
pub(crate) fn await_endpoints(state: &mut State, id: &str) {
    let now = state.now();
    state.change("invoice", id, |invoice| {
        invoice.put("webhooks_delivered_at", Value::Null);
        if !invoice.at("automatically_finalizes_at").is_null() {
            invoice.put("automatically_finalizes_at", now + ACKNOWLEDGEMENT);
        }
    });
}

/// Every endpoint took `invoice.created`: a draft is finalised an hour later.
pub(crate) fn endpoints_heard(state: &mut State, id: &str) {
    let now = state.now();
    state.change("invoice", id, |invoice| {
        if !invoice.at("webhooks_delivered_at").is_null() {
            return;
        }
        invoice.put("webhooks_delivered_at", now);
        if invoice.text("status") == Some("draft") && !invoice.at("automatically_finalizes_at").is_null() {
            invoice.put("automatically_finalizes_at", now + DRAFT_TIME);
        }
    });
}

/// Turns the fixed test rate on or off.
pub(crate) fn set_automatic_tax(invoice: &mut Value, enabled: bool) {
    let on = |value: Value| if enabled { value } else { Value::Null };
    invoice.put(
        "automatic_tax",
        json!({
            "disabled_reason": null, "enabled": enabled, "liability": on(json!({ "type": "self" })), "provider": on("stripe".into()),
            "status": on("complete".into()),
        }),
    );
}

/// Sets a draft's lines and what follows from them.
fn replace_lines(state: &mut State, id: &str, mut lines: Vec<Value>) {
    for line in &mut lines {
        line.put("invoice", id);
    }
    let url = format!("/v1/invoices/{id}/lines");
    state.change("invoice", id, |invoice| {
        invoice.put("lines", crate::json::whole_list(&url, lines));
    });
    invoice_totals::work_out(state, id);
}

/// Puts waiting invoice items onto a draft.
pub(crate) fn take_items(state: &mut State, id: &str, items: &[String]) {
    let mut lines = state
        .store
        .find("invoice", id)
        .map(|invoice| invoice.list("lines.data").to_vec())
        .unwrap_or_default();
    for item in items {
        state.change("invoiceitem", item, |item| item.put("invoice", id));
        let Some(item) = state.store.find("invoiceitem", item).cloned() else { continue };
        lines.push(invoice_lines::of_invoice_item(state, &item));
    }
    replace_lines(state, id, lines);
}

fn is_of_item(line: &Value, item: &str) -> bool {
    line.text("parent.invoice_item_details.invoice_item") == Some(item)
}

/// Takes a deleted invoice item off its draft.
pub(crate) fn drop_item(state: &mut State, id: &str, item: &str) {
    let Some(invoice) = state.store.find("invoice", id) else { return };
    let lines = invoice.list("lines.data").iter().filter(|line| !is_of_item(line, item)).cloned().collect();
    replace_lines(state, id, lines);
}

/// Brings the line of a changed invoice item up to date.
pub(crate) fn refresh_item(state: &mut State, id: &str, item: &str) {
    drop_item(state, id, item);
    take_items(state, id, &[item.to_owned()]);
}

/// Makes a draft into an open invoice: its number, its pages, its payment. One with nothing to pay is paid at once.
pub(crate) fn finalize(state: &mut State, id: &str) {
    let Some(invoice) = state.store.find("invoice", id).cloned() else { return };
    let customer_id = invoice.text("customer").unwrap_or_default().to_owned();
    let (balance, settled) = customer_balance::of_invoice(state, &invoice);
    let mut number = invoice.text("number").map(str::to_owned);
    let currency = invoice.at("currency").clone();
    state.update("customer", &customer_id, "customer.updated", |customer| {
        if number.is_none() {
            let sequence = customer.int("next_invoice_sequence").unwrap_or(1);
            number = Some(format!("{}-{sequence:04}", customer.text("invoice_prefix").unwrap_or("INVOICE")));
            customer.put("next_invoice_sequence", sequence + 1);
        }
        if customer_balance::is_foreign(customer, &invoice) {
            return;
        }
        // A customer without a balance is charged in the currency of the last invoice.
        customer.put("currency", currency);
        customer.put("balance", settled.ending);
    });
    customer_balance::note_invoice(state, &invoice, balance, settled);
    let now = state.now();
    state.change("invoice", id, |invoice| {
        invoice.put("status", "open");
        invoice.put("number", number);
        invoice.put("starting_balance", balance);
        invoice.put("ending_balance", settled.ending);
        invoice.put("amount_due", settled.due);
        invoice.put("amount_remaining", settled.due);
        invoice.put("effective_at", now);
        invoice.put("status_transitions.finalized_at", now);
        invoice.put("automatically_finalizes_at", Value::Null);
        invoice.put("hosted_invoice_url", format!("/_pages/invoices/{id}"));
        invoice.put("invoice_pdf", format!("/_pages/invoices/{id}/pdf"));
    });
    let intent = (settled.due > 0).then(|| open_payment(state, id));
    state.emit("invoice.finalized", "invoice", id);
    discounts::used(state, &invoice);
    match intent {
        Some(intent) => state.emit("payment_intent.created", "payment_intent", &intent),
        None => mark_paid(state, id, 0),
    }
}

fn open_payment(state: &mut State, id: &str) -> String {
    let invoice = state.store.find("invoice", id).cloned().unwrap_or_default();
    let mut intent = payment_intents::build(
        state,
        invoice.int("amount_remaining").unwrap_or_default(),
        invoice.text("currency").unwrap_or_default(),
    );
    intent.put("customer", invoice.at("customer").clone());
    intent.put(
        "description",
        match invoice.text("billing_reason") {
            Some("subscription_create") => json!("Subscription creation"),
            Some("subscription_cycle" | "subscription_update") => json!("Subscription update"),
            _ => Value::Null,
        },
    );
    if subscription_of(&invoice).is_some() {
        intent.put("setup_future_usage", "off_session");
    }
    if let Some(method) = default_method(state, &invoice) {
        intent.put("payment_method", method);
        intent.put("status", "requires_confirmation");
    }
    let intent_id = intent.id().to_owned();
    state.store.insert(intent);
    invoice_payments::open(state, &invoice, &intent_id);
    intent_id
}

/// The id of the subscription an invoice belongs to.
pub(crate) fn subscription_of(invoice: &Value) -> Option<&str> {
    invoice.text("parent.subscription_details.subscription")
}

/// The payment method an invoice is charged to: its own, its subscription's, its customer's.
fn default_method(state: &State, invoice: &Value) -> Option<String> {
    let subscription =
        subscription_of(invoice).and_then(|subscription| state.store.find("subscription", subscription));
    let customer = invoice.text("customer").and_then(|customer| state.store.find("customer", customer));
    let own = invoice.text("default_payment_method");
    let method = own
        .or_else(|| subscription?.text("default_payment_method"))
        .or_else(|| customer?.text("invoice_settings.default_payment_method"))
        .filter(|method| state.store.find("payment_method", method).is_some());
    method.map(str::to_owned)
}

/// How an open invoice is to be paid.
#[derive(Default)]
pub(crate) struct Collection {
    /// The payment method, in place of the default one.
    pub method: Option<String>,
    /// The cardholder is absent.
    pub off_session: bool,
}

/// 400: there is nothing to charge.
pub(crate) fn no_method() -> ApiError {
    ApiError::invalid(
        "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more \
         information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
    )
    .code("resource_missing")
}

/// Tries to pay an open invoice. Everything that follows from it happens; the caller learns how it ended.
pub(crate) fn collect(state: &mut State, id: &str, collection: &Collection) -> Result<Attempt, ApiError> {
    let invoice = state.load("invoice", "invoice", id)?.clone();
    if let Some(intent) = bank_accounts::processing_intent(state, id) {
        return Err(payment_intents::unexpected(state, intent, "confirm"));
    }
    let method =
        collection.method.clone().or_else(|| default_method(state, &invoice)).ok_or_else(no_method)?;
    payment_methods::check_usable(state, &method, invoice.text("customer"))?;
    let intent = invoice_payments::default_of(state, id)
        .and_then(|payment| payment.text("payment.payment_intent"))
        .map(str::to_owned);
    let Some(intent) = intent else {
        return Err(ApiError::invalid(format!("The invoice {id} has no payment to make.")));
    };
    let taken = state.load("payment_method", "PaymentMethod", &method)?;
    bank_accounts::check_taken(state.load("payment_intent", "payment_intent", &intent)?, taken)?;
    state.change("payment_intent", &intent, |intent| intent.put("payment_method", method));
    let confirmation =
        Confirmation { off_session: collection.off_session, ask_later: true, ..Confirmation::default() };
    let attempt = payment_intents::attempt(state, &intent, &confirmation);
    Ok(match attempt {
        Attempt::Declined(error) => {
            let rendered = state.store.find("payment_intent", &intent).map(|intent| state.render(intent));
            Attempt::Declined(error.with("payment_intent", rendered))
        }
        other => other,
    })
}

/// Charges an invoice because its time has come, with nobody there.
pub(crate) fn collect_automatically(state: &mut State, id: &str) {
    if bank_accounts::processing_intent(state, id).is_some() {
        return;
    }
    let now = state.now();
    state.change("invoice", id, |invoice| {
        let attempts = invoice.at(HIDDEN).int("automatic_attempts").unwrap_or_default();
        invoice.put(&format!("{HIDDEN}.automatic_attempts"), attempts + 1);
        invoice.put(&format!("{HIDDEN}.last_automatic_attempt"), now);
        invoice.put("next_payment_attempt", Value::Null);
    });
    let collection = Collection { method: None, off_session: true };
    if collect(state, id, &collection).is_err() {
        attempt_failed(state, id, false);
    }
}

/// The invoice that an intent pays.
pub(crate) fn of_intent(state: &State, intent: &str) -> Option<String> {
    invoice_payments::of_intent(state, intent)?.text("invoice").map(str::to_owned)
}

/// The invoice's intent was paid. `continued` when the attempt was counted before, because it had to be authenticated.
pub(crate) fn intent_succeeded(state: &mut State, intent: &str, continued: bool) {
    let Some(id) = of_intent(state, intent) else { return };
    invoice_payments::pay(state, intent);
    mark_paid(state, &id, i64::from(!continued));
}

fn mark_paid(state: &mut State, id: &str, attempts: i64) {
    let now = state.now();
    let before = state.change("invoice", id, |invoice| {
        invoice.put("status", "paid");
        invoice.put("attempted", true);
        invoice.put("attempt_count", invoice.int("attempt_count").unwrap_or_default() + attempts);
        invoice.put("amount_paid", invoice.at("amount_due").clone());
        invoice.put("amount_remaining", 0);
        invoice.put("auto_advance", false);
        invoice.put("next_payment_attempt", Value::Null);
        invoice.put("status_transitions.paid_at", now);
    });
    state.emit_updated("invoice.updated", "invoice", id, &before);
    state.emit("invoice.paid", "invoice", id);
    state.emit("invoice.payment_succeeded", "invoice", id);
    let Some(invoice) = state.store.find("invoice", id).cloned() else { return };
    let customer = invoice.text("customer").unwrap_or_default().to_owned();
    state.update("customer", &customer, "customer.updated", |customer| customer.put("delinquent", false));
    subscription_lifecycle::invoice_paid(state, &invoice);
}

/// The invoice's intent was declined.
pub(crate) fn intent_failed(state: &mut State, intent: &str, continued: bool) {
    if let Some(id) = of_intent(state, intent) {
        attempt_failed(state, &id, continued);
    }
}

fn attempt_failed(state: &mut State, id: &str, continued: bool) {
    let before = count_attempt(state, id, continued);
    state.emit_updated("invoice.updated", "invoice", id, &before);
    state.emit("invoice.payment_failed", "invoice", id);
    after_failure(state, id);
}

/// The invoice's intent waits for the cardholder.
pub(crate) fn intent_requires_action(state: &mut State, intent: &str) {
    let Some(id) = of_intent(state, intent) else { return };
    let before = count_attempt(state, &id, false);
    state.emit_updated("invoice.updated", "invoice", &id, &before);
    state.emit("invoice.payment_action_required", "invoice", &id);
    state.emit("invoice.payment_failed", "invoice", &id);
    after_failure(state, &id);
}

fn count_attempt(state: &mut State, id: &str, continued: bool) -> Value {
    state.change("invoice", id, |invoice| {
        invoice.put("attempted", true);
        invoice
            .put("attempt_count", invoice.int("attempt_count").unwrap_or_default() + i64::from(!continued));
        let tried = invoice
            .at(HIDDEN)
            .int("automatic_attempts")
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or_default();
        let wait = tried.checked_sub(1).and_then(|index| RETRIES.get(index)).copied();
        let last = invoice.at(HIDDEN).int("last_automatic_attempt").unwrap_or_default();
        let advances = invoice.flag("auto_advance") == Some(true);
        invoice.put("next_payment_attempt", wait.filter(|_| advances).map(|wait| last + wait));
        if invoice.text("billing_reason") != Some("subscription_create") && wait.is_none() && tried > 0 {
            invoice.put("auto_advance", false);
        }
    })
}

fn after_failure(state: &mut State, id: &str) {
    let Some(invoice) = state.store.find("invoice", id).cloned() else { return };
    if invoice.text("billing_reason") != Some("subscription_create") {
        let customer = invoice.text("customer").unwrap_or_default().to_owned();
        state.update("customer", &customer, "customer.updated", |customer| customer.put("delinquent", true));
    }
    let exhausted = invoice.at(HIDDEN).int("automatic_attempts").is_some()
        && invoice.at("next_payment_attempt").is_null();
    subscription_lifecycle::invoice_failed(state, &invoice, exhausted);
}

/// Lowers what an open invoice asks for by a credit note, or raises it again. One that asks for nothing more is paid.
pub(crate) fn lower(state: &mut State, id: &str, amount: i64) {
    let before = state.change("invoice", id, |invoice| {
        let credited = invoice.int("pre_payment_credit_notes_amount").unwrap_or_default();
        invoice.put("pre_payment_credit_notes_amount", credited + amount);
        for name in ["amount_due", "amount_remaining"] {
            let value = invoice.int(name).unwrap_or_default();
            invoice.put(name, value - amount);
        }
    });
    let left = before.int("amount_remaining").unwrap_or_default() - amount;
    if left == 0 {
        abandon_payment(state, id, None);
        return mark_paid(state, id, 0);
    }
    if let Some(payment) = invoice_payments::default_of(state, id).map(|payment| payment.id().to_owned()) {
        let payment =
            state.change("invoice_payment", &payment, |payment| payment.put("amount_requested", left));
        let intent = payment.text("payment.payment_intent").unwrap_or_default();
        state.change("payment_intent", intent, |intent| intent.put("amount", left));
    }
    state.emit_updated("invoice.updated", "invoice", id, &before);
}

/// The due date of an open invoice comes nearer.
pub(crate) fn due_soon(state: &mut State, id: &str) {
    state.change("invoice", id, |invoice| invoice.put(&format!("{HIDDEN}.due_soon"), true));
    state.emit("invoice.will_be_due", "invoice", id);
}

/// The due date of an open invoice has passed.
pub(crate) fn overdue(state: &mut State, id: &str) {
    let before =
        state.change("invoice", id, |invoice| invoice.put(&format!("{HIDDEN}.overdue"), "announced"));
    state.emit("invoice.overdue", "invoice", id);
    subscription_lifecycle::invoice_failed(state, &before, false);
}

/// An invoice is so long overdue that nobody waits for its payment any more.
pub(crate) fn give_up(state: &mut State, id: &str) {
    let before = state.change("invoice", id, |invoice| invoice.put(&format!("{HIDDEN}.overdue"), "given_up"));
    subscription_lifecycle::invoice_failed(state, &before, true);
}

/// Leaves a draft to be finalised by hand.
pub(crate) fn hold_back(state: &mut State, id: &str) {
    state.change("invoice", id, |invoice| {
        invoice.put("auto_advance", false);
        invoice.put("automatically_finalizes_at", Value::Null);
    });
}

/// Marks an open invoice as paid elsewhere.
pub(crate) fn pay_elsewhere(state: &mut State, id: &str) {
    abandon_payment(state, id, None);
    state.change("invoice", id, |invoice| {
        invoice.put("amount_paid_off_stripe", invoice.at("amount_due").clone());
    });
    mark_paid(state, id, 0);
}

fn abandon_payment(state: &mut State, id: &str, reason: Option<&str>) {
    let open =
        invoice_payments::default_of(state, id).filter(|payment| payment.text("status") == Some("open"));
    let intent = open.and_then(|payment| payment.text("payment.payment_intent")).map(str::to_owned);
    invoice_payments::cancel(state, id);
    if let Some(intent) = intent {
        payment_intents::cancel_for(state, &intent, reason);
    }
}

/// Voids an open or uncollectible invoice.
pub(crate) fn void(state: &mut State, id: &str) {
    abandon_payment(state, id, Some("void_invoice"));
    let now = state.now();
    state.change("invoice", id, |invoice| {
        invoice.put("status", "void");
        invoice.put("auto_advance", false);
        invoice.put("next_payment_attempt", Value::Null);
        invoice.put("status_transitions.voided_at", now);
    });
    restore_balance(state, id);
    state.emit("invoice.voided", "invoice", id);
    if let Some(invoice) = state.store.find("invoice", id).cloned() {
        subscription_lifecycle::invoice_voided(state, &invoice);
    }
}

/// Gives back what a voided invoice took of its customer's balance, or put there.
fn restore_balance(state: &mut State, id: &str) {
    let Some(invoice) = state.store.find("invoice", id).cloned() else { return };
    let balance = |name: &str| invoice.int(name).unwrap_or_default();
    customer_balance::shift(
        state,
        &Movement {
            customer: invoice.text("customer").unwrap_or_default(),
            amount: balance("starting_balance") - balance("ending_balance"),
            currency: invoice.text("currency").unwrap_or_default(),
            kind: "unapplied_from_invoice",
            invoice: Some(id),
        },
    );
}

/// Gives an open invoice up.
pub(crate) fn mark_uncollectible(state: &mut State, id: &str) {
    let now = state.now();
    state.change("invoice", id, |invoice| {
        invoice.put("status", "uncollectible");
        invoice.put("auto_advance", false);
        invoice.put("next_payment_attempt", Value::Null);
        invoice.put("status_transitions.marked_uncollectible_at", now);
    });
    state.emit("invoice.marked_uncollectible", "invoice", id);
    if let Some(invoice) = state.store.find("invoice", id).cloned() {
        subscription_resume::invoice_given_up(state, &invoice);
    }
}

/// Stops collecting an ended subscription's open invoices by itself.
pub(crate) fn stop_collecting(state: &mut State, subscription: &str) {
    let open: Vec<String> = state
        .store
        .all("invoice")
        .filter(|invoice| {
            subscription_of(invoice) == Some(subscription)
                && matches!(invoice.text("status"), Some("open" | "draft"))
        })
        .map(|invoice| invoice.id().to_owned())
        .collect();
    for id in open {
        state.update("invoice", &id, "invoice.updated", |invoice| {
            invoice.put("auto_advance", false);
            invoice.put("automatically_finalizes_at", Value::Null);
            invoice.put("next_payment_attempt", Value::Null);
        });
    }
}

/// Drafts an invoice of everything that waits for a subscription's customer, if anything does. Gives its id.
pub(crate) fn draft_pending(state: &mut State, subscription: &Value, reason: &str) -> Option<String> {
    let (customer, currency) = (
        subscription.text("customer").unwrap_or_default(),
        subscription.text("currency").unwrap_or_default(),
    );
    let items = invoice_items::pending(state, customer, currency, Some(subscription.id()));
    if items.is_empty() {
        return None;
    }
    let now = state.now();
    let period = Period { start: now, end: now };
    let id = draft(
        state,
        NewInvoice {
            customer,
            currency,
            reason,
            subscription: Some(subscription),
            period,
            lines: Vec::new(),
        },
    );
    take_items(state, &id, &items);
    Some(id)
}
