//! Bank accounts of the United States and debits of them: a payment is `processing` until the bank answers, days later.

use serde_json::{Value, json};

use crate::cards::{Claim, Decline, Outcome};
use crate::charges::{self, Settlement};
use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::json::Fields;
use crate::state::{HIDDEN, State};
use crate::{disputes, invoice_payments, invoices, payment_intents, subscription_lifecycle};

/// Stripe's name of the payment method type.
pub(crate) const KIND: &str = "us_bank_account";
const DAY: Timestamp = 24 * 3600;
/// How long the bank takes. Stripe says four business days; the sandbox counts every day.
const SETTLEMENT_TIME: Timestamp = 4 * DAY;
/// The routing number of all test accounts.
const ROUTING: &str = "110000000";

/// What the bank says of a debit in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Pays,
    Returns(Return),
    /// Pays, and its holder disputes it.
    PaysAndDisputes,
    /// Never answers: such a payment can be canceled.
    Silent,
    /// Stripe itself refuses it, at once.
    Refused(Decline),
    /// The account cannot even be verified, which the sandbox does not model.
    Unverifiable,
}

/// Why a bank gives a debit back: the code of `last_payment_error`, that of the charge, and what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Return {
    code: &'static str,
    failure_code: &'static str,
    message: &'static str,
}

#[derive(Debug)]
pub(crate) struct TestAccount {
    /// The name after `pm_usBankAccount_`.
    name: Option<&'static str>,
    number: &'static str,
    verdict: Verdict,
}

const fn account(name: &'static str, number: &'static str, verdict: Verdict) -> TestAccount {
    TestAccount { name: Some(name), number, verdict }
}

const fn returned(code: &'static str, message: &'static str) -> Verdict {
    Verdict::Returns(Return { code, failure_code: code, message })
}

/// A return for which errors have no code of their own.
const fn returned_as(failure_code: &'static str, message: &'static str) -> Verdict {
    Verdict::Returns(Return { code: "payment_intent_payment_attempt_failed", failure_code, message })
}

/// The accounts, from <https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment>.
const ACCOUNTS: &[TestAccount] = &[
    account("success", "000123456789", Verdict::Pays),
    account(
        "accountClosed",
        "000111111113",
        returned("account_closed", "The customer's bank account has been closed."),
    ),
    account("noAccount", "000111111116", returned("no_account", "The bank account could not be located.")),
    account(
        "insufficientFunds",
        "000222222227",
        returned(
            "insufficient_funds",
            "The customer's account has insufficient funds to cover this payment.",
        ),
    ),
    account(
        "debitNotAuthorized",
        "000333333335",
        returned(
            "debit_not_authorized",
            "The customer has notified their bank that this payment was unauthorized.",
        ),
    ),
    account(
        "invalidCurrency",
        "000444444440",
        returned_as(
            "invalid_currency",
            "The bank was unable to process this payment because of its currency.",
        ),
    ),
    account("failMicrodeposits", "000666666661", Verdict::Unverifiable),
    account("dispute", "000555555559", Verdict::PaysAndDisputes),
    account("processing", "000000000009", Verdict::Silent),
    account(
        "weeklyLimitExceeded",
        "000777777771",
        Verdict::Refused(Decline {
            code: "charge_exceeds_source_limit",
            decline_code: None,
            message: "This charge would cause you to exceed your rolling-window processing limit for this source type.",
        }),
    ),
    TestAccount {
        name: None,
        number: "000888888885",
        verdict: returned_as(
            "tokenized_account_number_deactivated",
            "The tokenized account number of the customer's bank account has been deactivated.",
        ),
    },
];

/// The account of a token like `pm_usBankAccount_success`.
pub(crate) fn by_token(token: &str) -> Option<&'static TestAccount> {
    let name = token.strip_prefix("pm_usBankAccount_")?;
    ACCOUNTS.iter().find(|account| account.name == Some(name))
}

fn by_number(number: &str) -> Option<&'static TestAccount> {
    ACCOUNTS.iter().find(|account| account.number == number)
}

/// Whether a payment method is a bank account.
pub(crate) fn is_one(method: &Value) -> bool {
    method.text("type") == Some(KIND)
}

/// The test account behind a payment method or a charge. One that was imported without its number pays.
fn behind(object: &Value) -> &'static TestAccount {
    object.at(HIDDEN).text("account").and_then(by_number).unwrap_or(&ACCOUNTS[0])
}

/// A payment method of a test token. Its account counts as verified.
pub(crate) fn of_token(state: &mut State, account: &TestAccount) -> Result<Value, ApiError> {
    let mut method = build(state, account, "payment_method")?;
    method.put("billing_details.name", "Jenny Rosen");
    method.put("billing_details.email", "jenny.rosen@example.com");
    Ok(method)
}

/// A payment method of the numbers that `us_bank_account[...]` gives.
pub(crate) fn of_numbers(state: &mut State, params: &Value) -> Result<Value, ApiError> {
    let sent = |name: &str| {
        let missing = || ApiError::missing(&format!("us_bank_account[{name}]"));
        params.at(KIND).text(name).filter(|sent| !sent.is_empty()).ok_or_else(missing)
    };
    let (number, routing) = (sent("account_number")?, sent("routing_number")?);
    if params.text("billing_details.name").is_none_or(str::is_empty) {
        return Err(ApiError::missing("billing_details[name]"));
    }
    if routing != ROUTING {
        return Err(ApiError::invalid(
            "The routing number provided is invalid: use the test number 110000000.",
        )
        .code("routing_number_invalid")
        .param("us_bank_account[routing_number]"));
    }
    let account = by_number(number).ok_or_else(|| {
        let message = "You must use a test bank account number in test mode. For a list of valid test accounts, visit: \
                       https://stripe.com/docs/payments/ach-debit/accept-a-payment.";
        ApiError::invalid(message).code("account_number_invalid").param("us_bank_account[account_number]")
    })?;
    build(state, account, "us_bank_account[account_number]")
}

fn build(state: &mut State, account: &TestAccount, param: &str) -> Result<Value, ApiError> {
    if account.verdict == Verdict::Unverifiable {
        return Err(ApiError::unsupported(param));
    }
    let digits: u64 = account.number.parse().expect("test account numbers are digits");
    Ok(json!({
        "id": state.id("pm"), "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": {
            "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
            "email": null, "name": null, "phone": null, "tax_id": null,
        },
        "created": state.now(), "customer": null, "customer_account": null, "livemode": false, "metadata": {}, "type": KIND,
        "us_bank_account": {
            "account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": null, "fingerprint": crate::ids::IdGenerator::new(digits).token(16),
            "last4": account.number[account.number.len() - 4..], "networks": { "preferred": "ach", "supported": ["ach", "us_domestic_wire"] },
            "routing_number": ROUTING, "status_details": {},
        },
        HIDDEN: { "account": account.number },
    }))
}

/// What debiting a payment method comes to at this moment.
pub(crate) fn debit(method: &Value) -> Outcome {
    match behind(method).verdict {
        Verdict::Refused(decline) => Outcome::Declined(decline),
        _ => Outcome::Processing,
    }
}

/// The payment method types that an intent takes. Debits are in US dollars, and nobody holds them back for a capture.
pub(crate) fn types_of(intent: &Value) -> Vec<&'static str> {
    let debits = intent.text("currency").is_none_or(|currency| currency == "usd")
        && intent.text("capture_method") != Some("manual");
    let allowed = intent.list("allowed_payment_method_types");
    let takes = |kind: &&str| allowed.is_empty() || allowed.iter().any(|allowed| allowed == kind);
    ["card"].into_iter().chain(debits.then_some(KIND)).filter(takes).collect()
}

/// 400: the intent does not take payment methods of this type.
pub(crate) fn check_taken(intent: &Value, method: &Value) -> Result<(), ApiError> {
    let (types, kind) = (types_of(intent), method.text("type").unwrap_or_default());
    if types.contains(&kind) {
        return Ok(());
    }
    let message = format!(
        "The PaymentMethod provided ({kind}) is not allowed for this Intent. Please attach a PaymentMethod of one of the following types: {}.",
        types.join(", ")
    );
    Err(ApiError::invalid(message).param("payment_method"))
}

/// What a charge shows of the account.
pub(crate) fn charge_details(method: &Value) -> Value {
    let account = method.at(KIND);
    json!({
        "type": KIND,
        "us_bank_account": {
            "account_holder_type": account.at("account_holder_type"), "account_type": account.at("account_type"),
            "bank_name": account.at("bank_name"), "fingerprint": account.at("fingerprint"), "last4": account.at("last4"),
            "payment_reference": null, "routing_number": account.at("routing_number"),
        },
    })
}

/// Asks the bank: the intent is `processing` until it answers.
pub(crate) fn begin(state: &mut State, intent: &Value, method: &Value) {
    let id = intent.id();
    let charge = charges::record(state, intent, method, &Settlement::Pending);
    let (account, answer_at) = (behind(method), state.now() + SETTLEMENT_TIME);
    state.change("charge", &charge, |charge| {
        charge.put(&format!("{HIDDEN}.account"), account.number);
        if account.verdict != Verdict::Silent {
            charge.put(&format!("{HIDDEN}.settles_at"), answer_at);
        }
    });
    state.change("payment_intent", id, |intent| {
        intent.put("status", "processing");
        intent.put("latest_charge", charge.as_str());
        intent.put("next_action", Value::Null);
        intent.put("last_payment_error", Value::Null);
    });
    payment_intents::keep_method(state, intent, method);
    state.emit("charge.pending", "charge", &charge);
    state.emit("payment_intent.processing", "payment_intent", id);
    let Some(invoice) = invoices::of_intent(state, id) else { return };
    state.update("invoice", &invoice, "invoice.updated", |invoice| {
        invoice.put("attempted", true);
        invoice.put("attempt_count", invoice.int("attempt_count").unwrap_or_default() + 1);
        // Nothing is tried again while the bank decides.
        invoice.put("next_payment_attempt", Value::Null);
    });
    subscription_lifecycle::invoice_processing(state, &invoice);
}

/// When the bank answers about a charge that waits for it.
pub(crate) fn settlement(charge: &Value) -> Option<Timestamp> {
    charge.at(HIDDEN).int("settles_at")
}

/// The bank has answered.
pub(crate) fn settle(state: &mut State, id: &str) {
    let charge =
        state.change("charge", id, |charge| charge.put(&format!("{HIDDEN}.settles_at"), Value::Null));
    let intent = charge.text("payment_intent").unwrap_or_default();
    match behind(&charge).verdict {
        Verdict::Returns(reason) => give_back(state, id, intent, reason),
        verdict => {
            pay(state, id, intent);
            if verdict == Verdict::PaysAndDisputes {
                disputes::open(state, id, Claim::NotAuthorized);
            }
        }
    }
}

fn pay(state: &mut State, id: &str, intent: &str) {
    let reference = state.ids.token(15);
    state.change("charge", id, |charge| {
        charge.put("status", "succeeded");
        charge.put("paid", true);
        charge.put("receipt_url", format!("/_pages/receipts/{id}"));
        charge.put(&format!("payment_method_details.{KIND}.payment_reference"), reference);
    });
    state.change("payment_intent", intent, |intent| {
        intent.put("status", "succeeded");
        intent.put("amount_received", intent.at("amount").clone());
    });
    state.emit("charge.succeeded", "charge", id);
    state.emit("payment_intent.succeeded", "payment_intent", intent);
    invoices::intent_succeeded(state, intent, true);
    tell_checkout(state, intent, true);
}

fn give_back(state: &mut State, id: &str, intent: &str, reason: Return) {
    let error = ApiError::invalid(reason.message).code(reason.code).with("charge", id);
    end_charge(state, id, Some(reason.failure_code), reason.message);
    let method = state.store.find("payment_intent", intent).and_then(|intent| intent.text("payment_method"));
    let method = method.and_then(|method| state.store.find("payment_method", method)).cloned();
    payment_intents::fail(state, intent, &error, method.as_ref());
    state.emit("charge.failed", "charge", id);
    state.emit("payment_intent.payment_failed", "payment_intent", intent);
    if let Some(invoice) = invoices::of_intent(state, intent) {
        count_from_now(state, &invoice);
    }
    invoices::intent_failed(state, intent, true);
    tell_checkout(state, intent, false);
}

/// The session that took the debit was completed unpaid, days ago.
fn tell_checkout(state: &mut State, intent: &str, paid: bool) {
    let invoice = invoices::of_intent(state, intent);
    let session = state.store.all("checkout.session").find(|session| {
        let own = session.text("payment_intent") == Some(intent)
            || invoice.is_some() && session.text("invoice") == invoice.as_deref();
        own && session.text("status") == Some("complete") && session.text("payment_status") == Some("unpaid")
    });
    let waits = session.filter(|session| session.at(HIDDEN).flag("settled") != Some(true));
    let Some(id) = waits.map(|session| session.id().to_owned()) else { return };
    state.change("checkout.session", &id, |session| {
        session.put(&format!("{HIDDEN}.settled"), true);
        session.put("payment_status", if paid { "paid" } else { "unpaid" });
    });
    let outcome = if paid { "succeeded" } else { "failed" };
    state.emit(&format!("checkout.session.async_payment_{outcome}"), "checkout.session", &id);
}

fn end_charge(state: &mut State, id: &str, failure_code: Option<&str>, message: &str) {
    state.change("charge", id, |charge| {
        charge.put("status", "failed");
        charge.put("captured", false);
        charge.put("amount_captured", 0);
        charge.put("failure_code", failure_code);
        charge.put("failure_message", message);
        charge.put("outcome.network_status", "declined_by_network");
        charge.put("outcome.reason", failure_code);
        charge.put("outcome.seller_message", "The bank returned the debit.");
        charge.put("outcome.type", "issuer_declined");
    });
}

/// Dunning goes by the day on which the bank answered. The first invoice of a subscription, which is active since its
/// debit began, is dunned from then on like any other.
fn count_from_now(state: &mut State, invoice: &str) {
    let now = state.now();
    state.change("invoice", invoice, |invoice| {
        let attempts = invoice.at(HIDDEN).int("automatic_attempts");
        let first = invoice.text("billing_reason") == Some("subscription_create")
            && invoice.text("collection_method") == Some("charge_automatically");
        if attempts.is_some() || first {
            invoice.put(&format!("{HIDDEN}.automatic_attempts"), attempts.unwrap_or(1));
            invoice.put(&format!("{HIDDEN}.last_automatic_attempt"), now);
        }
    });
}

/// Whether an intent waits for a bank that can no longer be stopped.
pub(crate) fn is_on_its_way(state: &State, intent: &Value) -> bool {
    intent.text("status") == Some("processing")
        && intent
            .text("latest_charge")
            .and_then(|charge| state.store.find("charge", charge))
            .is_some_and(|charge| behind(charge).verdict != Verdict::Silent)
}

/// The intent that pays an invoice, while a bank decides about it.
pub(crate) fn processing_intent<'a>(state: &'a State, invoice: &str) -> Option<&'a Value> {
    let intent = invoice_payments::default_of(state, invoice)?.text("payment.payment_intent")?;
    state.store.find("payment_intent", intent).filter(|intent| intent.text("status") == Some("processing"))
}

/// 400 while an invoice is being paid by a debit that can no longer be stopped.
pub(crate) fn check_stoppable(state: &State, invoice: &str, verb: &str) -> Result<(), ApiError> {
    match processing_intent(state, invoice) {
        Some(intent) if is_on_its_way(state, intent) => Err(payment_intents::unexpected(state, intent, verb)),
        _ => Ok(()),
    }
}

/// Ends the charge of an intent that is about to be canceled while it is `processing`.
pub(crate) fn recall(state: &mut State, intent: &str) {
    let found = state.store.find("payment_intent", intent);
    let charge = found.filter(|intent| intent.text("status") == Some("processing"));
    let Some(charge) = charge.and_then(|intent| intent.text("latest_charge")).map(str::to_owned) else {
        return;
    };
    end_charge(state, &charge, None, "The payment was canceled before the bank was asked.");
    state.emit("charge.failed", "charge", &charge);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique() {
        let mut numbers: Vec<&str> = ACCOUNTS.iter().map(|account| account.number).collect();
        let mut names: Vec<&str> = ACCOUNTS.iter().filter_map(|account| account.name).collect();
        numbers.sort_unstable();
        names.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn debits_are_in_dollars_and_not_held_back() {
        assert_eq!(types_of(&json!({ "currency": "usd" })), ["card", KIND]);
        assert_eq!(types_of(&json!({ "currency": "eur" })), ["card"]);
        assert_eq!(types_of(&json!({ "currency": "usd", "capture_method": "manual" })), ["card"]);
        assert_eq!(types_of(&json!({ "allowed_payment_method_types": [KIND] })), [KIND]);
    }
}
