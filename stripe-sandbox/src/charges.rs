//! Charges: one for every attempt of a payment intent.

use serde_json::{Value, json};

use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::State;
use crate::{bank_accounts, list};

/// How an attempt ended.
pub(crate) enum Settlement<'a> {
    /// Paid, and captured or only authorised.
    Paid {
        captured: bool,
        authenticated: bool,
    },
    /// A bank was asked, which answers later.
    Pending,
    Failed(&'a ApiError),
}

/// Records the charge of an attempt, without announcing it. Gives its id.
pub(crate) fn record(
    state: &mut State,
    intent: &Value,
    method: &Value,
    settlement: &Settlement<'_>,
) -> String {
    let debit = bank_accounts::is_one(method);
    let id = state.id(if debit { "py" } else { "ch" });
    let amount = intent.int("amount").unwrap_or_default();
    let (status, paid, captured, failure) = match settlement {
        Settlement::Paid { captured, .. } => ("succeeded", true, *captured, None),
        Settlement::Pending => ("pending", false, true, None),
        Settlement::Failed(error) => ("failed", false, false, Some(*error)),
    };
    let code = failure.and_then(|error| error.field("code")).cloned();
    let decline_code = failure.and_then(|error| error.field("decline_code")).cloned();
    let outcome = match failure {
        None => json!({
            "advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": "approved_by_network",
            "reason": null, "risk_level": "normal", "risk_score": 20, "seller_message": "Payment complete.", "type": "authorized",
        }),
        Some(_) => json!({
            "advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": "declined_by_network",
            "reason": decline_code.clone().or(code.clone()), "risk_level": "normal", "risk_score": 20,
            "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined",
        }),
    };
    let authenticated = matches!(settlement, Settlement::Paid { authenticated: true, .. });
    let three_d_secure = authenticated.then(|| {
        json!({
            "authentication_flow": "challenge", "electronic_commerce_indicator": "05", "exemption_indicator": null, "result": "authenticated",
            "result_reason": null, "transaction_id": state.ids.token(24), "version": "2.2.0",
        })
    });
    let details = if debit {
        bank_accounts::charge_details(method)
    } else {
        card_details(method, amount, paid, three_d_secure)
    };
    let charge = json!({
        "id": id, "object": "charge", "amount": amount, "amount_captured": if captured { amount } else { 0 }, "amount_refunded": 0,
        "application": null, "application_fee": null, "application_fee_amount": null, "balance_transaction": null,
        "billing_details": method.at("billing_details"), "calculated_statement_descriptor": "STRIPE SANDBOX", "captured": captured,
        "created": state.now(), "currency": intent.at("currency"), "customer": intent.at("customer"), "description": intent.at("description"),
        "disputed": false, "failure_balance_transaction": null, "failure_code": code,
        "failure_message": failure.map(|error| error.message.clone()), "fraud_details": {}, "livemode": false,
        "metadata": intent.at("metadata"), "on_behalf_of": null, "outcome": outcome, "paid": paid, "payment_intent": intent.id(),
        "payment_method": method.id(),
        "payment_method_details": details,
        "receipt_email": intent.at("receipt_email"), "receipt_number": null,
        "receipt_url": if paid { json!(format!("/_pages/receipts/{id}")) } else { Value::Null }, "refunded": false, "review": null,
        "shipping": intent.at("shipping"), "source": null, "source_transfer": null, "statement_descriptor": intent.at("statement_descriptor"),
        "statement_descriptor_suffix": intent.at("statement_descriptor_suffix"), "status": status,
        "transfer_data": null, "transfer_group": null,
    });
    state.store.insert(charge);
    id
}

/// What a charge shows of the card.
fn card_details(method: &Value, amount: i64, paid: bool, three_d_secure: Option<Value>) -> Value {
    let card = method.at("card");
    json!({
        "card": {
            "amount_authorized": if paid { json!(amount) } else { Value::Null }, "authorization_code": null, "brand": card.at("brand"),
            "checks": card.at("checks"), "country": card.at("country"), "electronic_commerce_indicator": null, "exp_month": card.at("exp_month"), "exp_year": card.at("exp_year"),
            "extended_authorization": { "status": "disabled" }, "fingerprint": card.at("fingerprint"), "funding": card.at("funding"),
            "incremental_authorization": { "status": "unavailable" }, "installments": null, "last4": card.at("last4"), "mandate": null,
            "multicapture": { "status": "unavailable" }, "network": card.at("brand"), "network_token": { "used": false },
            "network_transaction_id": null, "overcapture": { "maximum_amount_capturable": amount, "status": "unavailable" },
            "regulated_status": "unregulated", "three_d_secure": three_d_secure, "transaction_link_id": null, "wallet": null,
        },
        "type": "card",
    })
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("charge", "charge", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    state.load("charge", "charge", &id)?;
    state.update("charge", &id, "charge.updated", |charge| {
        patch(charge, params, &["description", "receipt_email"]);
        merge_metadata(charge, params);
    });
    state.load("charge", "charge", &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("charge", |charge| {
        ["customer", "payment_intent"].iter().all(|name| list::same(params, name, charge))
            && list::in_range(params, "created", charge.int("created"))
    });
    list::page("/v1/charges", "charge", &rows, params)
}
