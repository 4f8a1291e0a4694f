//! Refunds: full and partial; they succeed at once, wait for a while first, or fail after all, as the test card says.

use serde_json::{Value, json};

use crate::cards::Aftermath;
use crate::clock::Timestamp;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata};
use crate::state::{HIDDEN, State};
use crate::{bank_accounts, currency, fraud_warnings, list, payment_methods};

/// How long the bank takes over a refund that does not succeed at once, or fails after all.
const SETTLEMENT_TIME: Timestamp = 3600;

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let charge_id = match (params.text("charge"), params.text("payment_intent")) {
        (Some(charge), None) => charge.to_owned(),
        (None, Some(intent)) => {
            let intent = state.named("payment_intent", "payment_intent", intent, "payment_intent")?;
            let charge = intent.text("latest_charge").filter(|_| intent.text("status") == Some("succeeded"));
            charge.map(str::to_owned).ok_or_else(|| {
                ApiError::invalid(format!(
                    "This PaymentIntent ({}) does not have a successful charge to refund.",
                    intent.id()
                ))
                .param("payment_intent")
            })?
        }
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "You may only specify one of these parameters: charge, payment_intent.",
            ));
        }
        (None, None) => {
            return Err(ApiError::invalid(
                "One of the following params should be provided for this request: payment_intent or charge.",
            ));
        }
    };
    let amount = params.int("amount");
    let metadata = json!({ "metadata": params.at("metadata") });
    let refund = make(state, &charge_id, amount, params.at("reason"), &metadata)?;
    state.load("refund", "refund", &refund).cloned()
}

/// Refunds a charge, or what is left of it. Gives the refund's id.
pub(crate) fn make(
    state: &mut State,
    charge_id: &str,
    amount: Option<i64>,
    reason: &Value,
    metadata: &Value,
) -> Result<String, ApiError> {
    let charge = state.named("charge", "charge", charge_id, "charge")?.clone();
    if charge.text("status") == Some("pending") {
        let message =
            format!("Charge {charge_id} cannot be refunded while it is pending: its bank has not paid yet.");
        return Err(ApiError::invalid(message).code("charge_not_refundable").param("charge"));
    }
    if charge.text("status") != Some("succeeded") || charge.flag("captured") != Some(true) {
        return Err(ApiError::invalid(format!(
            "Charge {charge_id} cannot be refunded, because it was not captured."
        ))
        .param("charge"));
    }
    if disputed(state, charge_id) {
        let message = format!("Charge {charge_id} has been charged back; cannot issue a refund.");
        return Err(ApiError::invalid(message).code("charge_disputed"));
    }
    let amount_of = |field| charge.int(field).unwrap_or_default();
    let left = amount_of("amount_captured") - amount_of("amount_refunded");
    if left == 0 {
        return Err(ApiError::invalid(format!("Charge {charge_id} has already been refunded."))
            .code("charge_already_refunded"));
    }
    let code = charge.text("currency").unwrap_or_default();
    if let Some(part) = amount.filter(|part| *part != left) {
        currency::check_rounded(part, code)?;
    }
    let amount = amount.unwrap_or(left);
    if amount < 1 {
        return Err(ApiError::parameter(
            "parameter_invalid_integer",
            "amount",
            "This value must be greater than or equal to 1.",
        ));
    }
    if amount > left {
        let message = format!(
            "Refund amount ({}) is greater than unrefunded amount on charge ({})",
            currency::display(amount, code),
            currency::display(left, code)
        );
        return Err(ApiError::invalid(message).param("amount"));
    }
    let method = charge.text("payment_method").and_then(|method| state.store.find("payment_method", method));
    let aftermath = method.map_or(Aftermath::Nothing, payment_methods::aftermath);
    let destination = if charge.text("payment_method_details.type") == Some(bank_accounts::KIND) {
        json!({ "type": "us_bank_transfer", "us_bank_transfer": { "reference": null, "reference_status": "pending" } })
    } else {
        json!({ "card": { "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund" }, "type": "card" })
    };
    let (id, now) = (state.id("re"), state.now());
    let mut refund = json!({
        "id": id, "object": "refund", "amount": amount, "balance_transaction": null, "charge": charge_id, "created": state.now(),
        "currency": code, "customer": charge.at("customer"), "customer_account": null,
        "destination_details": destination,
        "metadata": {}, "payment_intent": charge.at("payment_intent"), "payment_method": charge.at("payment_method"),
        "reason": reason, "receipt_number": null, "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null,
    });
    merge_metadata(&mut refund, metadata);
    if aftermath == Aftermath::RefundPends {
        refund.put("status", "pending");
        refund.put("pending_reason", "processing");
    }
    if matches!(aftermath, Aftermath::RefundPends | Aftermath::RefundFails) {
        refund.put(&format!("{HIDDEN}.settles_at"), now + SETTLEMENT_TIME);
    }
    state.store.insert(refund);
    let before = add_up(state, charge_id);
    state.emit_updated("charge.refunded", "charge", charge_id, &before);
    state.emit("refund.created", "refund", &id);
    fraud_warnings::follow(state, charge_id);
    Ok(id)
}

fn disputed(state: &State, charge: &str) -> bool {
    state.store.all("dispute").any(|dispute| {
        dispute.text("charge") == Some(charge) && dispute.flag("is_charge_refundable") != Some(true)
    })
}

/// Brings a charge's sums up to date with its refunds; gives what it was.
fn add_up(state: &mut State, charge: &str) -> Value {
    let counts = |refund: &&Value| {
        refund.text("charge") == Some(charge) && !matches!(refund.text("status"), Some("failed" | "canceled"))
    };
    let refunded: i64 =
        state.store.all("refund").filter(counts).filter_map(|refund| refund.int("amount")).sum();
    state.change("charge", charge, |charge| {
        charge.put("amount_refunded", refunded);
        charge.put("refunded", refunded > 0 && Some(refunded) == charge.int("amount_captured"));
    })
}

/// When the bank answers about a refund.
pub(crate) fn settlement(refund: &Value) -> Option<Timestamp> {
    refund.at(HIDDEN).int("settles_at")
}

/// The bank has answered: a pending refund arrives, one of a card that fails them comes back.
pub(crate) fn settle(state: &mut State, id: &str) {
    let before = state.change("refund", id, |refund| {
        let arrives = refund.text("status") == Some("pending");
        refund.put("status", if arrives { "succeeded" } else { "failed" });
        if let Some(fields) = refund.as_object_mut() {
            fields.remove("pending_reason");
        }
        if !arrives {
            refund.put("failure_reason", "unknown");
        }
        refund.put(&format!("{HIDDEN}.settles_at"), Value::Null);
    });
    add_up(state, before.text("charge").unwrap_or_default());
    state.emit_updated("refund.updated", "refund", id, &before);
    state.emit_updated("charge.refund.updated", "refund", id, &before);
    if before.text("status") != Some("pending") {
        state.emit("refund.failed", "refund", id);
        fraud_warnings::follow(state, before.text("charge").unwrap_or_default());
    }
}

pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let state = &mut *call.state;
    let status = state.load("refund", "refund", &id)?.text("status").unwrap_or_default().to_owned();
    if status != "requires_action" {
        return Err(ApiError::invalid(format!(
            "You can only cancel refunds with a status of requires_action. This refund has a status of {status}."
        )));
    }
    let before = state.change("refund", &id, |refund| refund.put("status", "canceled"));
    add_up(state, before.text("charge").unwrap_or_default());
    state.emit_updated("refund.updated", "refund", &id, &before);
    state.load("refund", "refund", &id).cloned()
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("refund", "refund", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    state.load("refund", "refund", &id)?;
    state.update("refund", &id, "refund.updated", |refund: &mut Value| merge_metadata(refund, params));
    state.load("refund", "refund", &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("refund", |refund| {
        ["charge", "payment_intent"].iter().all(|name| list::same(params, name, refund))
            && list::in_range(params, "created", refund.int("created"))
    });
    list::page("/v1/refunds", "refund", &rows, params)
}
