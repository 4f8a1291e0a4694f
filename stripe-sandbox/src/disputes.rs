//! Disputes: test cards bring them about right after the charge, evidence decides them.

use serde_json::{Value, json};

use crate::cards::Claim;
use crate::clock::Timestamp;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::list;
use crate::state::{HIDDEN, State};

const DAY: Timestamp = 24 * 3600;
/// How long evidence is waited for.
const RESPONSE_TIME: Timestamp = 9 * DAY;
/// How long the issuer thinks about the evidence.
const REVIEW_TIME: Timestamp = 3600;
const EVIDENCE: &[&str] = &[
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
];
/// Evidence that is a file, which the sandbox does not take.
const FILES: &[&str] = &[
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
];

/// The cardholder disputes a charge.
pub(crate) fn open(state: &mut State, charge: &str, claim: Claim) {
    let Some(charge) = state.store.find("charge", charge).cloned() else { return };
    let now = state.now();
    let inquiry = claim == Claim::Inquiry;
    let (reason, code) = match claim {
        Claim::Fraudulent | Claim::Inquiry => ("fraudulent", "10.4"),
        Claim::NotReceived => ("product_not_received", "13.1"),
        Claim::NotAuthorized => ("debit_not_authorized", ""),
    };
    let debited = claim == Claim::NotAuthorized;
    let brand = charge.at("payment_method_details.card.brand").clone();
    let mut evidence = json!({ "enhanced_evidence": {} });
    for name in EVIDENCE.iter().chain(FILES) {
        evidence.put(name, Value::Null);
    }
    let id = state.id("du");
    let mut dispute = json!({
        "id": id, "object": "dispute", "amount": charge.at("amount_captured"), "balance_transactions": [], "charge": charge.id(), "created": now,
        "currency": charge.at("currency"), "enhanced_eligibility_types": [], "evidence": evidence,
        "evidence_details": {
            "due_by": now + RESPONSE_TIME, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false, "submission_count": 0,
        },
        "is_charge_refundable": inquiry, "livemode": false, "metadata": {}, "payment_intent": charge.at("payment_intent"),
        "payment_method_details": {
            "card": {
                "brand": brand, "case_type": if inquiry { "inquiry" } else { "chargeback" }, "network": brand, "network_reason_code": code,
            },
            "type": "card",
        },
        "reason": reason, "status": if inquiry { "warning_needs_response" } else { "needs_response" },
    });
    if debited && let Some(fields) = dispute.as_object_mut() {
        // Stripe describes details of disputes about cards and wallets only.
        fields.remove("payment_method_details");
    }
    state.change("charge", charge.id(), |charge| charge.put("disputed", true));
    state.create(dispute, "charge.dispute.created");
    if !inquiry {
        withdraw(state, &id);
    }
    if debited {
        close_as(state, &id, "lost");
    }
}

fn withdraw(state: &mut State, id: &str) {
    book(state, id, -1, "Chargeback withdrawal");
    state.emit("charge.dispute.funds_withdrawn", "dispute", id);
}

/// Books the disputed amount out of the account's balance, or back into it. The sandbox charges no fees.
fn book(state: &mut State, id: &str, sign: i64, title: &str) {
    let Some(dispute) = state.store.find("dispute", id).cloned() else { return };
    let (now, amount) = (state.now(), dispute.int("amount").unwrap_or_default() * sign);
    let charge = dispute.text("charge").unwrap_or_default();
    let transaction = json!({
        "id": state.id("txn"), "object": "balance_transaction", "amount": amount, "available_on": now, "balance_type": "payments",
        "created": now, "currency": dispute.at("currency"), "description": format!("{title} for {charge}"), "exchange_rate": null,
        "fee": 0, "fee_details": [], "net": amount, "reporting_category": if sign < 0 { "dispute" } else { "dispute_reversal" },
        "source": id, "status": "available", "type": "adjustment",
    });
    state.change("dispute", id, |dispute| {
        let mut transactions = dispute.list("balance_transactions").to_vec();
        transactions.push(transaction);
        dispute.put("balance_transactions", transactions);
    });
}

/// When a dispute that is still open is decided by itself: evidence under review soon, one without evidence when its
/// time is up.
pub(crate) fn decision(dispute: &Value) -> Option<Timestamp> {
    match dispute.text("status")? {
        "needs_response" | "warning_needs_response" => dispute.int("evidence_details.due_by"),
        "under_review" | "warning_under_review" => dispute.at(HIDDEN).int("decided_at"),
        _ => None,
    }
}

/// The issuer decides. What the evidence says decides it, as with Stripe's test cards.
pub(crate) fn decide(state: &mut State, id: &str) {
    let Some(dispute) = state.store.find("dispute", id).cloned() else { return };
    let text = dispute.text("evidence.uncategorized_text").unwrap_or_default();
    match dispute.text("status") {
        Some("under_review") => close_as(state, id, if text == "winning_evidence" { "won" } else { "lost" }),
        Some("warning_under_review") if text == "escalate_inquiry_evidence" => {
            let now = state.now();
            state.update("dispute", id, "charge.dispute.updated", |dispute| {
                dispute.put("status", "needs_response");
                dispute.put("is_charge_refundable", false);
                dispute.put("payment_method_details.card.case_type", "chargeback");
                dispute.put("evidence_details.due_by", now + RESPONSE_TIME);
                dispute.put("evidence_details.has_evidence", false);
                dispute.put("evidence.uncategorized_text", Value::Null);
            });
            withdraw(state, id);
        }
        Some("needs_response") => {
            state.change("dispute", id, |dispute| dispute.put("evidence_details.past_due", true));
            close_as(state, id, "lost");
        }
        _ => close_as(state, id, "warning_closed"),
    }
}

fn close_as(state: &mut State, id: &str, status: &str) {
    state.change("dispute", id, |dispute| dispute.put("status", status));
    if status == "won" {
        book(state, id, 1, "Chargeback reversal");
        state.emit("charge.dispute.funds_reinstated", "dispute", id);
    }
    state.emit("charge.dispute.closed", "dispute", id);
}

/// 400: the issuer has decided.
fn check_open(dispute: &Value) -> Result<(), ApiError> {
    match dispute.text("status") {
        Some("needs_response" | "warning_needs_response") => Ok(()),
        Some("under_review" | "warning_under_review") => {
            Err(ApiError::invalid("You cannot change this dispute: its evidence is under review."))
        }
        _ => Err(ApiError::invalid("This dispute is already closed")),
    }
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("dispute", "dispute", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let before = state.load("dispute", "dispute", &id)?.clone();
    let evidence = params.at("evidence").as_object().is_some_and(|sent| !sent.is_empty());
    if evidence || params.flag("submit") == Some(true) {
        check_open(&before)?;
    }
    let now = state.now();
    state.change("dispute", &id, |dispute| {
        merge_metadata(dispute, params);
        for name in EVIDENCE {
            patch(dispute, params, &[&format!("evidence.{name}")]);
        }
        let staged = EVIDENCE.iter().any(|name| !dispute.at("evidence").at(name).is_null());
        dispute.put("evidence_details.has_evidence", staged);
        // Evidence is submitted with it unless the request says otherwise.
        let submits = params.flag("submit").unwrap_or(evidence) && staged;
        if submits {
            let count = dispute.int("evidence_details.submission_count").unwrap_or_default();
            dispute.put("evidence_details.submission_count", count + 1);
            let inquiry = dispute.text("status") == Some("warning_needs_response");
            dispute.put("status", if inquiry { "warning_under_review" } else { "under_review" });
            dispute.put(&format!("{HIDDEN}.decided_at"), now + REVIEW_TIME);
        }
    });
    state.emit_updated("charge.dispute.updated", "dispute", &id, &before);
    state.load("dispute", "dispute", &id).cloned()
}

pub(crate) fn close(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let state = &mut *call.state;
    let dispute = state.load("dispute", "dispute", &id)?;
    check_open(dispute)?;
    let inquiry = dispute.text("status") == Some("warning_needs_response");
    close_as(state, &id, if inquiry { "warning_closed" } else { "lost" });
    state.load("dispute", "dispute", &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("dispute", |dispute| {
        ["charge", "payment_intent"].iter().all(|name| list::same(params, name, dispute))
            && list::in_range(params, "created", dispute.int("created"))
    });
    list::page("/v1/disputes", "dispute", &rows, params)
}
