//! What becomes of a subscription: its periods and their invoices, what paying or not paying them does, its end.

use serde_json::Value;

use crate::calendar::{self, Period};
use crate::cards::{Outcome, Use};
use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::invoice_lines::{self, ItemCharge};
use crate::invoices::{self, NewInvoice};
use crate::json::Fields;
use crate::settings::AfterRetries;
use crate::state::{HIDDEN, State};
use crate::{
    discounts, invoice_items, invoice_payments, item_billing, meters, payment_methods, pending_updates,
    prices, schedule_lifecycle, subscription_items, subscription_updates,
};

const DAY: Timestamp = 24 * 3600;

/// Refuses as Stripe does when a charge of this payment method would not succeed at once.
pub(crate) fn would_pay(state: &State, method: &str, off_session: bool) -> Result<(), ApiError> {
    let method = state.store.find("payment_method", method).ok_or_else(invoices::no_method)?;
    let set_up = method.at(HIDDEN).flag("set_up") == Some(true);
    match payment_methods::charge(state, method, Use { off_session, set_up, authenticated: false }) {
        Outcome::Approved | Outcome::Processing => Ok(()),
        Outcome::AuthenticationRequired => {
            let message = "This payment requires additional user action before it can be completed successfully. Payment can be completed using \
                           the PaymentIntent associated with subscription.";
            Err(ApiError::card("subscription_payment_intent_requires_action", message))
        }
        Outcome::Declined(decline) => Err(decline.error()),
    }
}

/// The payment method that a subscription's invoices are charged to.
pub(crate) fn method_of(state: &State, subscription: &Value) -> Option<String> {
    let customer = subscription.text("customer").and_then(|customer| state.store.find("customer", customer));
    let method = subscription
        .text("default_payment_method")
        .or_else(|| customer?.text("invoice_settings.default_payment_method"));
    method.map(str::to_owned)
}

/// Says three days before, or at once when it is nearer, that a trial is going to end.
pub(crate) fn warn_of_trial_end(state: &mut State, id: &str) {
    let now = state.now();
    let Some(subscription) = state.store.find("subscription", id) else { return };
    let near = subscription.text("status") == Some("trialing")
        && subscription.int("trial_end").is_some_and(|end| end - 3 * DAY <= now);
    if near && subscription.at(HIDDEN).flag("trial_warned") != Some(true) {
        state.change("subscription", id, |subscription| {
            subscription.put(&format!("{HIDDEN}.trial_warned"), true);
        });
        state.emit("customer.subscription.trial_will_end", "subscription", id);
    }
}

/// How a subscription ends.
#[derive(Default)]
pub(crate) struct Ending<'a> {
    /// Stripe's `cancellation_details.reason`.
    pub reason: Option<&'a str>,
    /// Credit what was paid for and not used.
    pub prorate: bool,
    /// Invoice at once what is still open.
    pub invoice_now: bool,
}

/// Ends a subscription now.
pub(crate) fn cancel(state: &mut State, id: &str, ending: &Ending<'_>) {
    let Some(before) = state.store.find("subscription", id).cloned() else { return };
    let now = state.now();
    let first = before.text("status") == Some("incomplete");
    state.change("subscription", id, |subscription| {
        subscription.put("status", "canceled");
        subscription.put("ended_at", now);
        if subscription.at("canceled_at").is_null() {
            subscription.put("canceled_at", now);
        }
        if let Some(reason) = ending.reason {
            subscription.put("cancellation_details.reason", reason);
        }
    });
    if ending.prorate {
        subscription_updates::credit_unused(state, &before, now);
    }
    invoices::stop_collecting(state, id);
    let ends_period = subscription_items::period(&before).end <= now;
    let last = if ending.invoice_now || ends_period { bill_last_usage(state, id) } else { None };
    state.emit("customer.subscription.deleted", "subscription", id);
    schedule_lifecycle::subscription_ended(state, &before, ending.reason);
    if let Some(invoice) = last {
        state.emit("invoice.created", "invoice", &invoice);
    }
    if first && let Some(invoice) = open_latest(state, &before) {
        invoices::void(state, &invoice);
    }
    if ending.invoice_now
        && let Some(invoice) = invoices::draft_pending(state, &before, "manual")
    {
        state.emit("invoice.created", "invoice", &invoice);
    }
}

fn open_latest(state: &State, subscription: &Value) -> Option<String> {
    let invoice = state.store.find("invoice", subscription.text("latest_invoice")?)?;
    (invoice.text("status") == Some("open")).then(|| invoice.id().to_owned())
}

/// Ends everything of a customer that is about to be deleted.
pub(crate) fn cancel_all_of(state: &mut State, customer: &str) {
    let of_customer = |subscription: &&Value| {
        subscription.text("customer") == Some(customer)
            && !matches!(subscription.text("status"), Some("canceled" | "incomplete_expired"))
    };
    let ids: Vec<String> = state
        .store
        .all("subscription")
        .filter(of_customer)
        .map(|subscription| subscription.id().to_owned())
        .collect();
    for id in ids {
        cancel(state, &id, &Ending { reason: Some("cancellation_requested"), ..Ending::default() });
    }
}

/// What an item's current period costs: less than a whole one where the subscription is to end within it.
fn period_amount(subscription: &Value, item: &Value) -> i64 {
    let end = subscription_items::period(subscription).end;
    if subscription.at(HIDDEN).int("free_until") == Some(end) && !meters::is_metered(item.at("price")) {
        // From the end of a trial to the anchor, without proration.
        return 0;
    }
    let (period, full) = (subscription_items::period(subscription), invoice_lines::full_amount(item));
    let whole = subscription_items::natural_period(subscription, item).length();
    if period.length() == whole || meters::is_metered(item.at("price")) {
        full
    } else {
        calendar::prorate(full, period.length(), whole)
    }
}

/// Drafts the invoice of a subscription's current period with what waits for it, as its latest. Gives its id.
pub(crate) fn invoice_period(state: &mut State, id: &str, reason: &str) -> String {
    discounts::drop_ended(state, id);
    let subscription = state.store.find("subscription", id).cloned().unwrap_or_default();
    let period = subscription_items::period(&subscription);
    let trial = subscription.text("status") == Some("trialing");
    let mut lines = Vec::new();
    for item in subscription.list("items.data") {
        // Usage is billed for the time that has passed.
        let (item, period) = if meters::is_metered(item.at("price")) {
            meters::used(state, &subscription, item, period.start)
        } else {
            (item.clone(), period)
        };
        let charge = ItemCharge {
            subscription: &subscription,
            item: &item,
            period,
            amount: if trial { 0 } else { period_amount(&subscription, &item) },
            trial,
        };
        lines.push(invoice_lines::of_subscription_item(state, &charge));
    }
    let (customer, currency) = (
        subscription.text("customer").unwrap_or_default(),
        subscription.text("currency").unwrap_or_default(),
    );
    // The invoice looks back on the period that has ended, its lines look ahead.
    let before = prices::interval(subscription.at("items.data").get(0).unwrap_or(&Value::Null).at("price"));
    let past =
        before.period(subscription.int("billing_cycle_anchor").unwrap_or(period.start), period.start - 1);
    let past = Period {
        start: past.start.max(subscription.int("start_date").unwrap_or(past.start)),
        end: period.start,
    };
    let id_of =
        NewInvoice { customer, currency, reason, subscription: Some(&subscription), period: past, lines };
    let invoice = invoices::draft(state, id_of);
    let waiting = invoice_items::pending(state, customer, currency, Some(id));
    invoices::take_items(state, &invoice, &waiting);
    item_billing::note(state, id, &invoice);
    state.change("subscription", id, |subscription| {
        subscription.put("latest_invoice", invoice.as_str());
        meters::mark_billed(subscription, period.start);
    });
    invoice
}

/// Drafts the last invoice of an ended subscription, of what was used since its last one, if anything was.
fn bill_last_usage(state: &mut State, id: &str) -> Option<String> {
    let subscription = state.store.find("subscription", id).cloned()?;
    let now = state.now();
    let mut lines = Vec::new();
    for item in subscription.list("items.data").iter().filter(|item| meters::is_metered(item.at("price"))) {
        let (item, period) = meters::used(state, &subscription, item, now);
        let amount = invoice_lines::full_amount(&item);
        if amount > 0 {
            let charge =
                ItemCharge { subscription: &subscription, item: &item, period, amount, trial: false };
            lines.push(invoice_lines::of_subscription_item(state, &charge));
        }
    }
    let (customer, currency) = (subscription.text("customer")?, subscription.text("currency")?);
    let start = lines.iter().filter_map(|line| line.int("period.start")).min()?;
    let new = NewInvoice {
        customer,
        currency,
        reason: "subscription_cycle",
        subscription: Some(&subscription),
        period: Period { start, end: now },
        lines,
    };
    let invoice = invoices::draft(state, new);
    state.change("subscription", id, |subscription| {
        subscription.put("latest_invoice", invoice.as_str());
        meters::mark_billed(subscription, now);
    });
    Some(invoice)
}

/// Finalises a subscription's draft and does with it what is to be done: charges it where `charges`, or gives it up where
/// collection was paused when it was made.
pub(crate) fn advance_invoice(state: &mut State, id: &str, charges: bool) {
    let paused = state.store.find("invoice", id).and_then(|invoice| invoice.at(HIDDEN).text("paused"));
    let paused = paused.map(str::to_owned);
    if paused.as_deref() == Some("keep_as_draft") {
        return;
    }
    invoices::finalize(state, id);
    let open = state.store.find("invoice", id).is_some_and(|invoice| invoice.text("status") == Some("open"));
    match paused.as_deref() {
        Some("void") if open => invoices::void(state, id),
        Some(_) if open => invoices::mark_uncollectible(state, id),
        None if charges => settle_now(state, id),
        _ => {}
    }
}

/// Takes up collection again when the pause ends by itself.
pub(crate) fn resume_collection(state: &mut State, id: &str) {
    state.update("subscription", id, "customer.subscription.updated", |subscription| {
        subscription.put("pause_collection", Value::Null);
    });
}

/// Charges a finalised invoice on the spot, where it is charged at all. How it ended is seen on it.
pub(crate) fn settle_now(state: &mut State, invoice: &str) {
    let Some(found) = state.store.find("invoice", invoice) else { return };
    if found.text("status") == Some("open") && found.text("collection_method") == Some("charge_automatically")
    {
        invoices::collect_automatically(state, invoice);
    }
}

/// One of its invoices was paid.
pub(crate) fn invoice_paid(state: &mut State, invoice: &Value) {
    let Some(id) = invoices::subscription_of(invoice).map(str::to_owned) else { return };
    pending_updates::apply(state, &id, invoice.id());
    let Some(subscription) = state.store.find("subscription", &id) else { return };
    let latest = subscription.text("latest_invoice") == Some(invoice.id());
    let recovers = match subscription.text("status") {
        Some("incomplete") => invoice.text("billing_reason") == Some("subscription_create"),
        Some("past_due" | "unpaid" | "paused") => latest,
        _ => false,
    };
    let saves = subscription.text("payment_settings.save_default_payment_method") == Some("on_subscription");
    let method = invoice_payments::default_of(state, invoice.id())
        .and_then(|payment| payment.text("payment.payment_intent"))
        .and_then(|intent| state.store.find("payment_intent", intent))
        .and_then(|intent| intent.text("payment_method"))
        .map(str::to_owned);
    let (resumed, now) = (recovers && subscription.text("status") == Some("paused"), state.now());
    let before = state.change("subscription", &id, |subscription| {
        if recovers {
            let trial = subscription.int("trial_end").is_some_and(|end| end > now);
            subscription.put("status", if trial { "trialing" } else { "active" });
        }
        if let (true, Some(method)) = (saves, method) {
            subscription.put("default_payment_method", method);
        }
    });
    state.emit_updated("customer.subscription.updated", "subscription", &id, &before);
    if resumed {
        state.emit("customer.subscription.resumed", "subscription", &id);
    }
}

/// A bank was asked to pay one of its invoices. A subscription that begins so is active at once: Stripe trusts the debit.
pub(crate) fn invoice_processing(state: &mut State, invoice: &str) {
    let Some(invoice) = state.store.find("invoice", invoice).cloned() else { return };
    let Some(id) = invoices::subscription_of(&invoice).map(str::to_owned) else { return };
    let begins = invoice.text("billing_reason") == Some("subscription_create");
    let now = state.now();
    state.update("subscription", &id, "customer.subscription.updated", |subscription| {
        if begins && subscription.text("status") == Some("incomplete") {
            let trial = subscription.int("trial_end").is_some_and(|end| end > now);
            subscription.put("status", if trial { "trialing" } else { "active" });
        }
    });
}

/// An attempt to charge one of its invoices failed; `exhausted` when no further one is planned.
pub(crate) fn invoice_failed(state: &mut State, invoice: &Value, exhausted: bool) {
    let Some(id) = invoices::subscription_of(invoice).map(str::to_owned) else { return };
    if pending_updates::waits_for(state, &id) == Some(invoice.id()) {
        return pending_updates::payment_failed(state, &id);
    }
    state.update("subscription", &id, "customer.subscription.updated", |subscription| {
        if matches!(subscription.text("status"), Some("active" | "trialing")) {
            subscription.put("status", "past_due");
        }
    });
    let past_due = state.store.find("subscription", &id).and_then(|subscription| subscription.text("status"))
        == Some("past_due");
    if !past_due || !exhausted {
        return;
    }
    match state.settings.after_retries {
        AfterRetries::Cancel => {
            cancel(state, &id, &Ending { reason: Some("payment_failed"), ..Ending::default() });
        }
        AfterRetries::Unpaid => {
            state.update("subscription", &id, "customer.subscription.updated", |subscription| {
                subscription.put("status", "unpaid");
            });
        }
        AfterRetries::PastDue => {}
    }
}

/// One of its invoices was voided: without its first, a subscription never begins.
pub(crate) fn invoice_voided(state: &mut State, invoice: &Value) {
    let Some(id) = invoices::subscription_of(invoice).map(str::to_owned) else { return };
    if pending_updates::waits_for(state, &id) == Some(invoice.id()) {
        pending_updates::expire(state, &id);
    }
    if state.store.find("subscription", &id).and_then(|subscription| subscription.text("status"))
        == Some("incomplete")
    {
        expire(state, &id);
    }
}

/// The first invoice was not paid in time.
pub(crate) fn expire(state: &mut State, id: &str) {
    let now = state.now();
    state.update("subscription", id, "customer.subscription.updated", |subscription| {
        subscription.put("status", "incomplete_expired");
        subscription.put("ended_at", now);
    });
    let subscription = state.store.find("subscription", id).cloned().unwrap_or_default();
    schedule_lifecycle::subscription_ended(state, &subscription, Some("payment_failed"));
    if let Some(invoice) = open_latest(state, &subscription) {
        invoices::void(state, &invoice);
    }
}
