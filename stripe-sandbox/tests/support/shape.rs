//! Compares an object with `spec/objects.json`: required properties, types, enums, nulls, nothing that does not belong.

use std::sync::LazyLock;

use serde_json::Value;

static OBJECTS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../spec/objects.json")).unwrap());

/// Stripe's name of the schema for an object.
fn schema_name(object: &Value) -> Option<&'static str> {
    let deleted = object["deleted"] == true;
    Some(match (object["object"].as_str()?, deleted) {
        ("account", _) => "Account",
        ("customer", false) => "Customer",
        ("customer", true) => "DeletedCustomer",
        ("product", false) => "Product",
        ("product", true) => "DeletedProduct",
        ("price", _) => "Price",
        ("plan", _) => "Plan",
        ("customer_balance_transaction", _) => "CustomerBalanceTransaction",
        ("tax_id", false) => "TaxId",
        ("tax_id", true) => "DeletedTaxId",
        ("coupon", false) => "Coupon",
        ("coupon", true) => "DeletedCoupon",
        ("promotion_code", _) => "PromotionCode",
        ("discount", false) => "Discount",
        ("discount", true) => "DeletedDiscount",
        ("tax_rate", _) => "TaxRate",
        ("payment_method", _) => "PaymentMethod",
        ("setup_intent", _) => "SetupIntent",
        ("payment_intent", _) => "PaymentIntent",
        ("charge", _) => "Charge",
        ("refund", _) => "Refund",
        ("dispute", _) => "Dispute",
        ("radar.early_fraud_warning", _) => "Radar.EarlyFraudWarning",
        ("balance_transaction", _) => "BalanceTransaction",
        ("credit_note", _) => "CreditNote",
        ("credit_note_line_item", _) => "CreditNoteLineItem",
        ("subscription", _) => "Subscription",
        ("subscription_item", false) => "SubscriptionItem",
        ("subscription_item", true) => "DeletedSubscriptionItem",
        ("subscription_schedule", _) => "SubscriptionSchedule",
        ("invoice", false) => "Invoice",
        ("invoice", true) => "DeletedInvoice",
        ("line_item", _) => "InvoiceLineItem",
        ("invoice_payment", _) => "InvoicePayment",
        ("invoiceitem", false) => "InvoiceItem",
        ("invoiceitem", true) => "DeletedInvoiceItem",
        ("test_helpers.test_clock", false) => "TestHelpers.TestClock",
        ("test_helpers.test_clock", true) => "TestHelpers.DeletedTestClock",
        ("webhook_endpoint", false) => "WebhookEndpoint",
        ("webhook_endpoint", true) => "DeletedWebhookEndpoint",
        ("checkout.session", _) => "Checkout.Session",
        ("item", _) => "LineItem",
        ("billing_portal.configuration", _) => "BillingPortal.Configuration",
        ("billing.meter", _) => "Billing.Meter",
        ("billing.meter_event", _) => "Billing.MeterEvent",
        ("billing.meter_event_adjustment", _) => "Billing.MeterEventAdjustment",
        ("billing.meter_event_summary", _) => "Billing.MeterEventSummary",
        ("billing_portal.session", _) => "BillingPortal.Session",
        _ => return None,
    })
}

/// Fails with every difference between an answer and the description.
#[track_caller]
pub fn assert_known(answer: &Value) {
    let faults = differences(answer);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Every difference between an object, a list of objects or an event and the description.
pub fn differences(answer: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    match answer["object"].as_str() {
        Some("list" | "search_result") => {
            for name in ["data", "has_more", "url"] {
                if answer[name].is_null() {
                    faults.push(format!("list without {name}"));
                }
            }
            for object in answer["data"].as_array().into_iter().flatten() {
                faults.extend(differences(object));
            }
        }
        Some("event") => faults.extend(differences(&answer["data"]["object"])),
        _ => match schema_name(answer) {
            Some(name) => check(&OBJECTS[name], answer, name, &mut faults),
            None => faults.push(format!("an object of no known kind: {answer}")),
        },
    }
    faults
}

fn check(node: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    match node {
        Value::String(kind) => {
            let right = match kind.as_str() {
                "s" => value.is_string(),
                "i" => value.is_i64(),
                "n" => value.is_number(),
                "b" => value.is_boolean(),
                _ => true,
            };
            if !right {
                faults.push(format!("{path}: {value} is not of type {kind}"));
            }
        }
        Value::Array(choices) => {
            if !choices.contains(value) {
                faults.push(format!("{path}: {value} is none of {node}"));
            }
        }
        Value::Object(node) => {
            if let Some(inner) = node.get("?") {
                if !value.is_null() {
                    check(inner, value, path, faults);
                }
            } else if let Some(name) = node.get("ref").and_then(Value::as_str) {
                check(&OBJECTS[name], value, path, faults);
            } else if let Some(options) = node.get("any").and_then(Value::as_array) {
                let tried = options.iter().map(|option| {
                    let mut faults = Vec::new();
                    check(option, value, path, &mut faults);
                    faults
                });
                faults.extend(
                    tried
                        .min_by_key(|faults| (faults.len(), faults.first().map(String::len)))
                        .unwrap_or_default(),
                );
            } else if let Some(item) = node.get("a") {
                match value {
                    Value::Array(elements) => {
                        for element in elements {
                            check(item, element, &format!("{path}[]"), faults);
                        }
                    }
                    _ => faults.push(format!("{path}: {value} is no array")),
                }
            } else if let Some(item) = node.get("m") {
                match value {
                    Value::Object(map) => {
                        for (key, child) in map {
                            check(item, child, &format!("{path}.{key}"), faults);
                        }
                    }
                    _ => faults.push(format!("{path}: {value} is no map")),
                }
            } else {
                check_object(node, value, path, faults);
            }
        }
        _ => faults.push(format!("{path}: no such schema")),
    }
}

fn check_object(node: &serde_json::Map<String, Value>, value: &Value, path: &str, faults: &mut Vec<String>) {
    let Value::Object(map) = value else {
        faults.push(format!("{path}: {value} is no object"));
        return;
    };
    for name in node["r"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !map.contains_key(name) {
            faults.push(format!("{path}.{name}: missing"));
        }
    }
    for (name, child) in map {
        match node["o"].get(name) {
            Some(schema) => check(schema, child, &format!("{path}.{name}"), faults),
            None => faults.push(format!("{path}.{name}: not in the description")),
        }
    }
}
