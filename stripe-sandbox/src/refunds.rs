//! Refunds: full and partial, succeeding at once.

use serde_json::{Value, json};

use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata};
use crate::{currency, list};

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
    let charge = state.named("charge", "charge", &charge_id, "charge")?.clone();
    if charge.text("status") != Some("succeeded") || charge.flag("captured") != Some(true) {
        return Err(ApiError::invalid(format!(
            "Charge {charge_id} cannot be refunded, because it was not captured."
        ))
        .param("charge"));
    }
    let amount_of = |field| charge.int(field).unwrap_or_default();
    let left = amount_of("amount_captured") - amount_of("amount_refunded");
    if left == 0 {
        return Err(ApiError::invalid(format!("Charge {charge_id} has already been refunded."))
            .code("charge_already_refunded"));
    }
    let amount = params.int("amount").unwrap_or(left);
    let code = charge.text("currency").unwrap_or_default();
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
    let id = state.id("re");
    let mut refund = json!({
        "id": id, "object": "refund", "amount": amount, "balance_transaction": null, "charge": charge_id, "created": state.now(),
        "currency": code, "customer": charge.at("customer"), "customer_account": null,
        "destination_details": { "card": { "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund" }, "type": "card" },
        "metadata": {}, "payment_intent": charge.at("payment_intent"), "payment_method": charge.at("payment_method"),
        "reason": params.at("reason"), "receipt_number": null, "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null,
    });
    merge_metadata(&mut refund, params);
    state.store.insert(refund.clone());
    let before = state.change("charge", &charge_id, |charge| {
        let refunded = charge.int("amount_refunded").unwrap_or_default() + amount;
        charge.put("amount_refunded", refunded);
        charge.put("refunded", Some(refunded) == charge.int("amount_captured"));
    });
    state.emit_updated("charge.refunded", "charge", &charge_id, &before);
    state.emit("refund.created", "refund", &id);
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
