//! `expand[]`: ids become objects, and fields that Stripe leaves out unless asked for are put in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::errors::ApiError;
use crate::json::{Fields, whole_list};
use crate::state::State;

/// Per object the fields that hold an id; cut out of Stripe's description by `spec/extract.py`.
static EXPANDABLE: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../spec/expandable.json"))
        .expect("the table is checked in and well formed")
});

/// Stripe's limit, counted without a leading `data`.
const MAXIMUM_DEPTH: usize = 4;

/// Expands every path of the request's `expand` parameter in the answer.
pub(crate) fn apply(state: &State, answer: &mut Value, params: &Value) -> Result<(), ApiError> {
    for path in params.list("expand").iter().filter_map(Value::as_str) {
        let fields: Vec<&str> = path.split('.').collect();
        let depth = fields.len() - usize::from(fields.first() == Some(&"data"));
        if depth > MAXIMUM_DEPTH {
            return Err(ApiError::invalid(format!(
                "You cannot expand more than {MAXIMUM_DEPTH} levels of a property. Property: {path}"
            ))
            .param("expand"));
        }
        let walk = Walk { state, path };
        walk.follow(answer, &fields, &Place { object: "", field: String::new() })?;
    }
    Ok(())
}

struct Walk<'a> {
    state: &'a State,
    /// The whole path, for the refusal.
    path: &'a str,
}

/// Where a walk stands: the nearest object and the dotted field below it.
struct Place<'a> {
    object: &'a str,
    field: String,
}

impl Walk<'_> {
    fn refusal(&self) -> ApiError {
        let hint = if self.path.starts_with("data.") {
            String::new()
        } else {
            format!(" You may want to try expanding 'data.{}' instead.", self.path)
        };
        ApiError::invalid(format!("This property cannot be expanded ({}).{hint}", self.path)).param("expand")
    }

    fn follow(&self, value: &mut Value, path: &[&str], place: &Place<'_>) -> Result<(), ApiError> {
        let [field, rest @ ..] = path else { return Ok(()) };
        if let Value::Array(elements) = value {
            return elements.iter_mut().try_for_each(|element| self.follow(element, path, place));
        }
        let object = value.text("object").map(str::to_owned);
        let place = match object.as_deref() {
            None => Place { object: place.object, field: format!("{}.{field}", place.field) },
            Some(object) => Place { object, field: (*field).to_owned() },
        };
        if place.object == "list" {
            return match (*field, value.get_mut("data")) {
                ("data", Some(data)) => self.follow(data, rest, &place),
                _ => Err(self.refusal()),
            };
        }
        let holds_id = EXPANDABLE.get(place.object).is_some_and(|fields| fields.contains(&place.field));
        let left_out = self.left_out(&place, value);
        if let Some(found) = left_out {
            value.put(field, found);
            return value.get_mut(*field).map_or(Ok(()), |child| self.follow(child, rest, &place));
        }
        match value.get_mut(*field) {
            Some(child @ Value::String(_)) if holds_id => {
                self.replace(child);
                if child.is_object() { self.follow(child, rest, &place) } else { Ok(()) }
            }
            Some(Value::Array(elements)) if holds_id => {
                for element in elements.iter_mut() {
                    self.replace(element);
                }
                elements
                    .iter_mut()
                    .filter(|element| element.is_object())
                    .try_for_each(|element| self.follow(element, rest, &place))
            }
            Some(child) if child.is_object() && (holds_id || !rest.is_empty()) => {
                self.follow(child, rest, &place)
            }
            None | Some(Value::Null) if holds_id || !rest.is_empty() && place.is_prefix() => Ok(()),
            _ => Err(self.refusal()),
        }
    }

    fn replace(&self, child: &mut Value) {
        if let Some(object) = child.as_str().and_then(|id| self.state.store.find_any(id)) {
            *child = object.clone();
        }
    }

    /// The value of a field that answers leave out unless it is asked for.
    fn left_out(&self, place: &Place<'_>, value: &Value) -> Option<Value> {
        let (store, id) = (&self.state.store, value.id());
        let rows = |kind: &str, field: &str| -> Vec<Value> {
            store.newest_first(kind, |row| row.text(field) == Some(id)).into_iter().cloned().collect()
        };
        match (place.object, place.field.as_str()) {
            ("customer", "subscriptions") => {
                let open: Vec<Value> = rows("subscription", "customer")
                    .into_iter()
                    .filter(|row| row.text("status") != Some("canceled"))
                    .collect();
                Some(whole_list(&format!("/v1/customers/{id}/subscriptions"), open))
            }
            ("customer", "sources") => Some(whole_list(&format!("/v1/customers/{id}/sources"), Vec::new())),
            ("customer", "tax_ids") => Some(whole_list(&format!("/v1/customers/{id}/tax_ids"), Vec::new())),
            ("charge", "refunds") => {
                Some(whole_list(&format!("/v1/charges/{id}/refunds"), rows("refund", "charge")))
            }
            ("invoice", "payments") => {
                Some(whole_list("/v1/invoice_payments", rows("invoice_payment", "invoice")))
            }
            ("invoice", "confirmation_secret") => {
                let payments = rows("invoice_payment", "invoice");
                let intent = payments
                    .iter()
                    .find(|payment| payment.flag("is_default") == Some(true))?
                    .text("payment.payment_intent")?;
                let secret = store.find("payment_intent", intent)?.text("client_secret")?;
                Some(serde_json::json!({ "client_secret": secret, "type": "payment_intent" }))
            }
            _ => None,
        }
    }
}

impl Place<'_> {
    /// Whether some expandable field or left-out field lies below this one, so that a null here is no mistake.
    fn is_prefix(&self) -> bool {
        let prefix = format!("{}.", self.field);
        EXPANDABLE
            .get(self.object)
            .is_some_and(|fields| fields.iter().any(|field| field.starts_with(&prefix)))
            || matches!((self.object, self.field.as_str()), ("invoice", "confirmation_secret"))
    }
}
