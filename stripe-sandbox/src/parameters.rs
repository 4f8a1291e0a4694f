//! Checks a request against the operation's parameters and turns its strings into the types they stand for.
//!
//! The table `spec/parameters.json` is cut out of Stripe's description by `spec/extract.py`; its notation stands there.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::errors::ApiError;

static OPERATIONS: LazyLock<BTreeMap<String, Node>> = LazyLock::new(|| {
    let table: Value = serde_json::from_str(include_str!("../spec/parameters.json"))
        .expect("the table is checked in and well formed");
    let Value::Object(table) = table else { return BTreeMap::new() };
    table.iter().map(|(operation, node)| (operation.clone(), Node::read(node))).collect()
});

#[derive(Debug)]
enum Node {
    Text,
    Integer,
    Number,
    Boolean,
    Choice(Vec<String>),
    Array(Box<Node>),
    Hash(Hash),
    Map(Box<Node>),
    Emptyable(Box<Node>),
    Any(Vec<Node>),
}

#[derive(Debug)]
struct Hash {
    fields: BTreeMap<String, Node>,
    required: Vec<String>,
    unmodelled: Vec<String>,
}

impl Node {
    fn read(value: &Value) -> Self {
        let names = |value: &Value| {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        match value {
            Value::String(scalar) => match scalar.as_str() {
                "i" => Self::Integer,
                "n" => Self::Number,
                "b" => Self::Boolean,
                _ => Self::Text,
            },
            Value::Array(_) => Self::Choice(names(value)),
            Value::Object(node) => {
                if let Some(item) = node.get("a") {
                    Self::Array(Box::new(Self::read(item)))
                } else if let Some(item) = node.get("m") {
                    Self::Map(Box::new(Self::read(item)))
                } else if let Some(inner) = node.get("e") {
                    Self::Emptyable(Box::new(Self::read(inner)))
                } else if let Some(options) = node.get("any") {
                    Self::Any(options.as_array().into_iter().flatten().map(Self::read).collect())
                } else {
                    let list = |key| node.get(key).map(names).unwrap_or_default();
                    let fields = node.get("o").and_then(Value::as_object).into_iter().flatten();
                    Self::Hash(Hash {
                        fields: fields.map(|(name, child)| (name.clone(), Self::read(child))).collect(),
                        required: list("r"),
                        unmodelled: list("u"),
                    })
                }
            }
            _ => Self::Text,
        }
    }

    fn check(&self, value: Value, path: &str) -> Result<Value, ApiError> {
        let invalid = |code: &str, message: String| Err(ApiError::parameter(code, path, message));
        match self {
            Self::Emptyable(_) if value.as_str() == Some("") => Ok(value),
            Self::Emptyable(inner) => inner.check(value, path),
            Self::Any(options) => {
                let mut refusal = None;
                for option in options {
                    match option.check(value.clone(), path) {
                        Ok(checked) => return Ok(checked),
                        Err(error) => refusal = Some(refusal.unwrap_or(error)),
                    }
                }
                Err(refusal.unwrap_or_else(|| {
                    ApiError::parameter("parameter_invalid", path, format!("Invalid value for {path}"))
                }))
            }
            Self::Array(item) => {
                let elements = match value {
                    Value::Array(elements) => elements,
                    Value::Object(map) => indexed(map).ok_or_else(|| {
                        ApiError::parameter("parameter_invalid_array", path, "Invalid array")
                    })?,
                    _ => return invalid("parameter_invalid_array", "Invalid array".into()),
                };
                let checked = elements
                    .into_iter()
                    .enumerate()
                    .map(|(index, element)| item.check(element, &format!("{path}[{index}]")));
                checked.collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            Self::Map(item) => match value {
                Value::Object(map) => check_map(item, map, path),
                _ => invalid("parameter_invalid_object", "Invalid object".into()),
            },
            Self::Hash(hash) => match value {
                Value::Object(map) => hash.check(map, path),
                _ => invalid("parameter_invalid_object", "Invalid object".into()),
            },
            Self::Text | Self::Integer | Self::Number | Self::Boolean | Self::Choice(_) => match value {
                Value::String(text) => self.check_scalar(text, path),
                _ => invalid("parameter_invalid_string", "Invalid string".into()),
            },
        }
    }

    fn check_scalar(&self, text: String, path: &str) -> Result<Value, ApiError> {
        let invalid = |code: &str, message: String| Err(ApiError::parameter(code, path, message));
        if text.is_empty() {
            return invalid(
                "parameter_invalid_empty",
                format!(
                    "You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; however '{path}' \
                     cannot be unset. You should remove '{path}' from your request or supply a non-empty value."
                ),
            );
        }
        match self {
            Self::Integer => match text.parse::<i64>() {
                Ok(number) => Ok(number.into()),
                Err(_) => invalid("parameter_invalid_integer", format!("Invalid integer: {text}")),
            },
            Self::Number if text.parse::<f64>().is_err() => {
                invalid("parameter_invalid_number", format!("Invalid number: {text}"))
            }
            Self::Boolean => match text.as_str() {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => invalid("parameter_invalid_boolean", format!("Invalid boolean: {text}")),
            },
            Self::Choice(choices) if !choices.contains(&text) => {
                let name = path.rsplit('[').next().unwrap_or(path).trim_end_matches(']');
                invalid(
                    "parameter_invalid_enum",
                    format!("Invalid {name}: must be one of {}", one_of(choices)),
                )
            }
            _ => Ok(text.into()),
        }
    }
}

impl Hash {
    fn check(&self, map: Map<String, Value>, path: &str) -> Result<Value, ApiError> {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}[{name}]") };
        let unknown: Vec<String> = map
            .keys()
            .filter(|name| !self.fields.contains_key(*name) && !self.unmodelled.contains(name))
            .map(|name| below(name))
            .collect();
        if let Some(first) = unknown.first() {
            let plural = if unknown.len() == 1 { "" } else { "s" };
            return Err(ApiError::parameter(
                "parameter_unknown",
                first,
                format!("Received unknown parameter{plural}: {}", unknown.join(", ")),
            ));
        }
        if let Some(name) = map.keys().find(|name| self.unmodelled.contains(name)) {
            return Err(ApiError::unsupported(&below(name)));
        }
        if let Some(name) = self.required.iter().find(|name| !map.contains_key(*name)) {
            return Err(ApiError::missing(&below(name)));
        }
        let checked = map.into_iter().map(|(name, value)| {
            let node = self.fields.get(&name).expect("unknown names were refused above");
            node.check(value, &below(&name)).map(|value| (name, value))
        });
        checked.collect::<Result<Map<_, _>, _>>().map(Value::Object)
    }
}

fn check_map(item: &Node, map: Map<String, Value>, path: &str) -> Result<Value, ApiError> {
    let metadata = path == "metadata" || path.ends_with("[metadata]");
    if metadata && map.len() > 50 {
        return Err(ApiError::parameter("parameter_invalid", path, "Metadata can have up to 50 keys."));
    }
    let mut checked = Map::new();
    for (key, value) in map {
        let below = format!("{path}[{key}]");
        if metadata && key.chars().count() > 40 {
            return Err(ApiError::parameter(
                "parameter_invalid",
                &below,
                "Metadata keys can have up to 40 characters.",
            ));
        }
        if metadata && value.as_str().is_some_and(|text| text.chars().count() > 500) {
            return Err(ApiError::parameter(
                "parameter_invalid",
                &below,
                "Metadata values can have up to 500 characters.",
            ));
        }
        let value = if value.as_str() == Some("") { value } else { item.check(value, &below)? };
        checked.insert(key, value);
    }
    Ok(Value::Object(checked))
}

/// The elements of `a[0]=..&a[1]=..` in order, if all keys are numbers.
fn indexed(map: Map<String, Value>) -> Option<Vec<Value>> {
    let mut elements = map
        .into_iter()
        .map(|(key, value)| key.parse::<usize>().ok().map(|index| (index, value)))
        .collect::<Option<Vec<_>>>()?;
    elements.sort_by_key(|(index, _)| *index);
    Some(elements.into_iter().map(|(_, value)| value).collect())
}

fn one_of(choices: &[String]) -> String {
    match choices {
        [] => String::new(),
        [only] => only.clone(),
        [a, b] => format!("{a} or {b}"),
        [rest @ .., last] => format!("{}, or {last}", rest.join(", ")),
    }
}

/// The typed parameters of a request to `operation`, for example `POST /v1/customers/{}`; or the refusal that Stripe
/// gives for an unknown, missing or ill-typed one.
pub(crate) fn check(operation: &str, params: Value) -> Result<Value, ApiError> {
    match OPERATIONS.get(operation) {
        Some(node) => node.check(params, ""),
        None => Err(ApiError::invalid(format!("The sandbox has no parameters for {operation}."))),
    }
}

/// The operations of the table.
#[cfg(test)]
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.keys().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(operation: &str, params: Value) -> (String, String) {
        let error = check(operation, params).unwrap_err();
        let field = |name| error.field(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        (field("code"), field("param"))
    }

    #[test]
    fn strings_become_the_types_they_stand_for() {
        let checked = check(
            "POST /v1/subscriptions",
            json!({ "customer": "cus_1", "items": { "0": { "price": "p", "quantity": "2" } }, "cancel_at_period_end": "true" }),
        );
        assert_eq!(
            checked.unwrap(),
            json!({ "customer": "cus_1", "items": [{ "price": "p", "quantity": 2 }], "cancel_at_period_end": true })
        );
    }

    #[test]
    fn each_kind_of_bad_parameter_has_its_code() {
        let cases = [
            (json!({ "nonsense": "1" }), "parameter_unknown", "nonsense"),
            (json!({ "items": [{ "nonsense": "1" }] }), "parameter_unknown", "items[0][nonsense]"),
            (json!({ "transfer_data": { "destination": "acct_1" } }), "sandbox_unsupported", "transfer_data"),
            (json!({ "items": [{ "quantity": "two" }] }), "parameter_invalid_integer", "items[0][quantity]"),
            (json!({ "off_session": "yes" }), "parameter_invalid_boolean", "off_session"),
            (json!({ "payment_behavior": "maybe" }), "parameter_invalid_enum", "payment_behavior"),
            (json!({ "customer": "" }), "parameter_invalid_empty", "customer"),
            (json!({ "items": "x" }), "parameter_invalid_array", "items"),
        ];
        for (params, code, param) in cases {
            assert_eq!(
                refusal("POST /v1/subscriptions", params.clone()),
                (code.into(), param.into()),
                "{params}"
            );
        }
        assert_eq!(refusal("POST /v1/prices", json!({})), ("parameter_missing".into(), "currency".into()));
    }
}
