//! Events as older API versions show them. Requests and answers are of one version only; the events of a webhook endpoint,
//! or of the account, may be of another.

use serde_json::{Value, json};

use crate::errors::ApiError;
use crate::json::{Fields, previous_attributes};
use crate::state::State;
use crate::{invoice_payments, invoices, prices};

/// The first version with today's shapes of what changed on 2025-03-31: periods on the items of a subscription, the
/// parents, payments and pricing of invoices.
const BASIL: &str = "2025-03-31";
/// Versions before this one differ in more than the sandbox models.
const OLDEST: &str = "2022-11-15";

/// Refuses versions whose shapes the sandbox does not know. Their names begin with their dates.
pub(crate) fn check(version: &str) -> Result<(), ApiError> {
    if version < OLDEST { Err(ApiError::unsupported("api_version")) } else { Ok(()) }
}

/// Whether two versions show the same shapes.
pub(crate) fn alike(one: &str, other: &str) -> bool {
    is_older(one) == is_older(other)
}

pub(crate) fn is_older(version: &str) -> bool {
    version < BASIL
}

/// An event's `data` in the shapes of before 2025-03-31.
pub(crate) fn older_data(state: &State, object: &Value, previous: Option<&Value>) -> Value {
    let shown = older(state, object);
    let mut data = json!({ "object": shown });
    if let Some(previous) = previous {
        let mut before = object.clone();
        overlay(&mut before, previous);
        if let Some(previous) = previous_attributes(&older(state, &before), &data["object"]) {
            data["previous_attributes"] = previous;
        }
    }
    data
}

/// Puts previous attributes back: hashes key by key, everything else whole.
fn overlay(object: &mut Value, previous: &Value) {
    let Value::Object(previous) = previous else { return };
    for (key, value) in previous {
        let hash = |value: &Value| value.is_object() && value.get("object").is_none();
        match object.get_mut(key) {
            Some(child) if hash(child) && hash(value) => overlay(child, value),
            _ => object.put(key, value.clone()),
        }
    }
}

/// A rendered object in the shape of before 2025-03-31.
fn older(state: &State, object: &Value) -> Value {
    let mut shown = object.clone();
    match object.text("object") {
        Some("subscription") => subscription(&mut shown),
        Some("invoice") => invoice(state, &mut shown),
        Some("line_item") => line(state, &mut shown),
        Some("invoiceitem") => invoice_item(state, &mut shown),
        Some("payment_intent") => shown.put("invoice", invoices::of_intent(state, object.id())),
        Some("charge") => {
            let invoice = object.text("payment_intent").and_then(|intent| invoices::of_intent(state, intent));
            shown.put("invoice", invoice);
        }
        _ => {}
    }
    shown
}

fn remove(object: &mut Value, fields: &[&str]) {
    if let Value::Object(map) = object {
        map.retain(|field, _| !fields.contains(&field.as_str()));
    }
}

fn subscription(shown: &mut Value) {
    for field in ["current_period_start", "current_period_end"] {
        let period = shown.list("items.data").first().map_or(Value::Null, |item| item.at(field).clone());
        shown.put(field, period);
    }
    if let Some(items) = shown.pointer_mut("/items/data").and_then(Value::as_array_mut) {
        for item in items {
            remove(item, &["current_period_start", "current_period_end", "billed_until", "current_trial"]);
        }
    }
    shown.put("discount", shown.at("discounts").get(0).cloned());
}

fn invoice(state: &State, shown: &mut Value) {
    let id = shown.id().to_owned();
    let details = shown.at("parent.subscription_details").clone();
    let intent =
        invoice_payments::default_of(state, &id).map(|payment| payment.at("payment.payment_intent").clone());
    let charge = intent
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|intent| state.store.find("payment_intent", intent))
        .map(|intent| intent.at("latest_charge").clone());
    let paid = shown.text("status") == Some("paid");
    let elsewhere = shown.int("amount_paid_off_stripe").is_some();
    let taxes: Vec<Value> = shown.list("total_taxes").iter().map(tax_amount).collect();
    let tax: i64 = taxes.iter().filter_map(|tax| tax.int("amount")).sum();
    shown.put("subscription", details.at("subscription").clone());
    shown.put("subscription_details", json!({ "metadata": details.at("metadata") }));
    shown.put("quote", shown.at("parent.quote_details.quote").clone());
    shown.put("payment_intent", intent);
    shown.put("charge", charge);
    shown.put("paid", paid);
    shown.put("paid_out_of_band", paid && elsewhere);
    shown.put("tax", (!taxes.is_empty()).then_some(tax));
    shown.put("total_tax_amounts", taxes);
    shown.put("discount", shown.at("discounts").get(0).cloned());
    shown.put("application_fee_amount", Value::Null);
    shown.put("transfer_data", Value::Null);
    remove(shown, &["parent", "total_taxes", "payments", "confirmation_secret", "amount_overpaid"]);
    if let Some(lines) = shown.pointer_mut("/lines/data").and_then(Value::as_array_mut) {
        for shown in lines {
            line(state, shown);
        }
    }
}

fn tax_amount(tax: &Value) -> Value {
    json!({
        "amount": tax.at("amount"), "inclusive": tax.text("tax_behavior") == Some("inclusive"),
        "tax_rate": tax.at("tax_rate_details.tax_rate"), "taxability_reason": tax.at("taxability_reason"),
        "taxable_amount": tax.at("taxable_amount"),
    })
}

/// The whole price of a line or an invoice item, and its plan.
fn price_and_plan(state: &State, shown: &Value) -> (Value, Value) {
    let price = shown
        .text("pricing.price_details.price")
        .and_then(|price| state.store.find("price", price))
        .map_or(Value::Null, |price| state.render(price));
    let plan = if price.text("type") == Some("recurring") { prices::plan(&price) } else { Value::Null };
    (price, plan)
}

fn line(state: &State, shown: &mut Value) {
    let of_subscription = shown.at("parent.subscription_item_details").clone();
    let of_item = shown.at("parent.invoice_item_details").clone();
    let details = if of_subscription.is_object() { &of_subscription } else { &of_item };
    let (price, plan) = price_and_plan(state, shown);
    let taxes: Vec<Value> = shown.list("taxes").iter().map(tax_amount).collect();
    shown.put("type", if of_subscription.is_object() { "subscription" } else { "invoiceitem" });
    shown.put("subscription", details.at("subscription").clone());
    shown.put("subscription_item", details.at("subscription_item").clone());
    shown.put("invoice_item", details.at("invoice_item").clone());
    shown.put("proration", details.flag("proration") == Some(true));
    shown.put("proration_details", details.at("proration_details").clone());
    shown.put("price", price);
    shown.put("plan", plan);
    shown.put("tax_amounts", taxes);
    shown.put("tax_rates", json!([]));
    remove(shown, &["parent", "pricing", "taxes", "quantity_decimal", "subtotal"]);
}

fn invoice_item(state: &State, shown: &mut Value) {
    let (price, plan) = price_and_plan(state, shown);
    let details = shown.at("parent.subscription_details").clone();
    shown.put("subscription", details.at("subscription").clone());
    shown.put("subscription_item", details.at("subscription_item").clone());
    shown.put("unit_amount", price.at("unit_amount").clone());
    shown.put("unit_amount_decimal", shown.at("pricing.unit_amount_decimal").clone());
    shown.put("price", price);
    shown.put("plan", plan);
    remove(shown, &["parent", "pricing", "quantity_decimal"]);
}
