//! `expand[]`: ids become objects, and fields that Stripe leaves out unless asked for are put in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::errors::ApiError;
use crate::json::{Fields, whole_list};
use crate::state::{HIDDEN, State};

/// Cut out of Stripe's description by `spec/extract.py`; its notation stands there.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../spec/expandable.json"))
        .expect("the table is checked in and well formed")
});

/// Stripe's limit, counted without a leading `data`.
const MAXIMUM_DEPTH: usize = 4;

#[derive(Deserialize)]
struct Table {
    /// What an operation answers with.
    answers: BTreeMap<String, Target>,
    /// Per schema the fields that may be named.
    types: BTreeMap<String, BTreeMap<String, Target>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Target {
    /// The name of a schema; empty for what the sandbox does not model.
    Schema(String),
    Fields(BTreeMap<String, Target>),
}

impl Target {
    fn field(&self, name: &str) -> Option<&Target> {
        match self {
            Self::Schema(schema) => TABLE.types.get(schema)?.get(name),
            Self::Fields(fields) => fields.get(name),
        }
    }
}

/// Refuses paths that lead nowhere, before the operation does anything.
pub(crate) fn check(operation: &str, params: &Value) -> Result<(), ApiError> {
    for path in params.list("expand").iter().filter_map(Value::as_str) {
        let depth = path.split('.').count() - usize::from(path.starts_with("data."));
        if depth > MAXIMUM_DEPTH {
            let message =
                format!("You cannot expand more than {MAXIMUM_DEPTH} levels of a property. Property: {path}");
            return Err(ApiError::invalid(message).param("expand").before_execution());
        }
        let root = TABLE.answers.get(operation);
        if path.split('.').try_fold(root, |target, field| target?.field(field).map(Some)).flatten().is_none()
        {
            let hint = match root {
                Some(Target::Fields(_)) if !path.starts_with("data.") => {
                    format!(" You may want to try expanding 'data.{path}' instead.")
                }
                _ => String::new(),
            };
            let message = format!("This property cannot be expanded ({path}).{hint}");
            return Err(ApiError::invalid(message).param("expand").before_execution());
        }
    }
    Ok(())
}

/// Expands every path of the request's `expand` parameter, which was checked before, in the answer.
pub(crate) fn apply(state: &State, answer: &mut Value, params: &Value) {
    for path in params.list("expand").iter().filter_map(Value::as_str) {
        let fields: Vec<&str> = path.split('.').collect();
        follow(state, answer, &fields);
    }
}

fn follow(state: &State, value: &mut Value, path: &[&str]) {
    let [field, rest @ ..] = path else { return };
    if let Value::Array(elements) = value {
        for element in elements {
            follow(state, element, path);
        }
        return;
    }
    if let Some(found) = left_out(state, value, field) {
        value.put(field, found);
    }
    let Some(child) = value.get_mut(*field) else { return };
    match child {
        // A plan has the id of its price.
        Value::String(id) if *field == "plan" => {
            if let Some(plan) = state.store.find("price", id).map(crate::prices::plan) {
                *child = plan;
            }
        }
        Value::String(_) => replace(state, child),
        Value::Array(elements) => elements.iter_mut().for_each(|element| replace(state, element)),
        _ => {}
    }
    follow(state, child, rest);
}

/// An id becomes its object. What the sandbox does not hold stays an id.
fn replace(state: &State, child: &mut Value) {
    if let Some(object) = child.as_str().and_then(|id| state.store.find_any(id)) {
        *child = object.clone();
    }
}

/// The value of a field that answers leave out unless it is asked for.
fn left_out(state: &State, object: &Value, field: &str) -> Option<Value> {
    let (store, id) = (&state.store, object.id());
    let rows = |kind: &str, field: &str| -> Vec<Value> {
        store.newest_first(kind, |row| row.text(field) == Some(id)).into_iter().cloned().collect()
    };
    match (object.text("object")?, field) {
        ("customer", "subscriptions") => {
            let mut open = rows("subscription", "customer");
            open.retain(|subscription| subscription.text("status") != Some("canceled"));
            Some(whole_list(&format!("/v1/customers/{id}/subscriptions"), open))
        }
        ("customer", "tax_ids") => {
            Some(whole_list(&format!("/v1/customers/{id}/tax_ids"), rows("tax_id", "customer")))
        }
        ("checkout.session", "line_items") => Some(crate::checkout_sessions::expanded_items(object)),
        ("customer", "sources") => Some(whole_list(&format!("/v1/customers/{id}/sources"), Vec::new())),
        ("price", "currency_options") => Some(crate::prices::shown_options(object)),
        ("price", "tiers") => Some(object.at(HIDDEN).at("tiers").clone()).filter(Value::is_array),
        ("coupon", "applies_to") => Some(object.at(HIDDEN).at("applies_to").clone()).filter(Value::is_object),
        ("coupon", "currency_options") => Some(object.at(HIDDEN).at("currency_options").clone()),
        ("charge", "refunds") => {
            Some(whole_list(&format!("/v1/charges/{id}/refunds"), rows("refund", "charge")))
        }
        ("invoice", "payments") => {
            Some(whole_list("/v1/invoice_payments", rows("invoice_payment", "invoice")))
        }
        ("invoice", "confirmation_secret") => {
            let payment = crate::invoice_payments::default_of(state, id)?;
            let intent = store.find("payment_intent", payment.text("payment.payment_intent")?)?;
            let secret = intent.text("client_secret")?;
            Some(serde_json::json!({ "client_secret": secret, "type": "payment_intent" }))
        }
        _ => None,
    }
}
