//! Form bodies and query strings with Stripe's nesting: `a[b][c]=x`, `a[0][b]=x`, `a[]=x`.

use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::errors::ApiError;

/// Key of an array that was pushed to with `[]`, while the tree is being built.
const PUSHED: &str = "";

/// Decodes a query string and a form body into one tree of strings, objects and arrays. Indexed arrays (`a[0]`) stay
/// objects with digits for keys; the check against the operation's parameters turns them into arrays.
pub(crate) fn decode(query: &str, body: &[u8]) -> Result<Value, ApiError> {
    if std::str::from_utf8(body).is_err() {
        return Err(ApiError::parameter(
            "parameter_invalid_string_encoding",
            "body",
            "Invalid UTF-8 in the request body.",
        ));
    }
    let mut root = Map::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(body)) {
        insert(&mut root, &split(&key)?, value.into_owned(), &key)?;
    }
    Ok(finish(Value::Object(root)))
}

/// Levels of nesting; no parameter of Stripe's has half as many.
const MAXIMUM_DEPTH: usize = 20;

/// `a[b][]` in its parts: `a`, `b` and an empty one.
fn split(key: &str) -> Result<Vec<&str>, ApiError> {
    let malformed = || {
        let shown: String = key.chars().take(100).collect();
        ApiError::parameter("parameter_unknown", &shown, format!("Received unknown parameter: {shown}"))
    };
    let Some((head, mut rest)) = key.split_once('[').map(|(head, _)| (head, &key[head.len()..])) else {
        return if key.is_empty() || key.contains(']') { Err(malformed()) } else { Ok(vec![key]) };
    };
    if head.is_empty() || head.contains(']') {
        return Err(malformed());
    }
    let mut parts = vec![head];
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').ok_or_else(malformed)?;
        let (part, after) = inner.split_once(']').ok_or_else(malformed)?;
        if part.contains('[') {
            return Err(malformed());
        }
        parts.push(part);
        if parts.len() > MAXIMUM_DEPTH {
            return Err(malformed());
        }
        rest = after;
    }
    Ok(parts)
}

fn insert(target: &mut Map<String, Value>, path: &[&str], value: String, key: &str) -> Result<(), ApiError> {
    let [part, rest @ ..] = path else { return Ok(()) };
    if part.is_empty() {
        return push(target, rest, value, key);
    }
    if rest.is_empty() {
        target.insert((*part).to_owned(), Value::String(value));
        return Ok(());
    }
    let child = target.entry(*part).or_insert_with(|| Value::Object(Map::new()));
    match child {
        Value::Object(child) => insert(child, rest, value, key),
        _ => Err(ApiError::parameter(
            "parameter_invalid",
            key,
            format!("Invalid hash: {key} mixes a value and a hash."),
        )),
    }
}

/// `a[]=x` appends; `a[][b]=x` fills the last element until it has a `b`.
fn push(target: &mut Map<String, Value>, rest: &[&str], value: String, key: &str) -> Result<(), ApiError> {
    let Value::Array(elements) = target.entry(PUSHED).or_insert_with(|| Value::Array(Vec::new())) else {
        return Err(ApiError::parameter("parameter_invalid_array", key, "Invalid array"));
    };
    let Some(field) = rest.first() else {
        elements.push(Value::String(value));
        return Ok(());
    };
    let full = elements.last().and_then(Value::as_object).is_none_or(|last| last.contains_key(*field));
    if full {
        elements.push(Value::Object(Map::new()));
    }
    match elements.last_mut() {
        Some(Value::Object(last)) => insert(last, rest, value, key),
        _ => Err(ApiError::parameter("parameter_invalid_array", key, "Invalid array")),
    }
}

fn finish(value: Value) -> Value {
    match value {
        Value::Object(mut map) => match map.remove(PUSHED) {
            Some(Value::Array(elements)) if map.is_empty() => {
                Value::Array(elements.into_iter().map(finish).collect())
            }
            _ => Value::Object(map.into_iter().map(|(key, child)| (key, finish(child))).collect()),
        },
        Value::Array(elements) => Value::Array(elements.into_iter().map(finish).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_hashes_and_arrays_are_decoded() {
        let decoded = decode(
            "limit=3",
            b"a[b][c]=1&items[0][price]=p&items[1][price]=q&expand[]=x&expand[]=y&l[][k]=1&l[][k]=2",
        )
        .unwrap();
        assert_eq!(
            decoded,
            json!({ "limit": "3", "a": { "b": { "c": "1" } }, "items": { "0": { "price": "p" }, "1": { "price": "q" } },
                    "expand": ["x", "y"], "l": [{ "k": "1" }, { "k": "2" }] })
        );
    }

    #[test]
    fn percent_and_plus_are_decoded() {
        assert_eq!(
            decode("", b"name=Ann+B%26C&metadata%5Bk%5D=%C3%A9").unwrap(),
            json!({ "name": "Ann B&C", "metadata": { "k": "é" } })
        );
    }

    #[test]
    fn malformed_names_are_refused() {
        let deep = format!("a{}=1", "[b]".repeat(100_000));
        for body in [deep.as_str(), "[a]=1", "a[b=1", "a]b=1", "a[b]c=1", "a=1&a[b]=2"] {
            assert!(decode("", body.as_bytes()).is_err(), "{body:.20}");
        }
    }
}
