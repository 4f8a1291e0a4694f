//! Reading and changing JSON objects: requests, once checked, and Stripe objects are both `serde_json::Value`.

use serde_json::{Map, Value};

/// Typed access to the fields of a JSON object. A missing field, a null and a value of another type read as absent.
pub(crate) trait Fields {
    /// The value at a dotted path, or null.
    fn at(&self, path: &str) -> &Value;
    /// The string at a dotted path. An emptied parameter reads as `""`.
    fn text(&self, path: &str) -> Option<&str>;
    /// The integer at a dotted path.
    fn int(&self, path: &str) -> Option<i64>;
    /// The boolean at a dotted path.
    fn flag(&self, path: &str) -> Option<bool>;
    /// The elements of the array at a dotted path; none when it is not one.
    fn list(&self, path: &str) -> &[Value];
    /// Sets a field; `path` may be dotted, objects on the way are made.
    fn put(&mut self, path: &str, value: impl Into<Value>);
    /// The id of an object.
    fn id(&self) -> &str;
}

static NULL: Value = Value::Null;

impl Fields for Value {
    fn at(&self, path: &str) -> &Value {
        path.split('.').try_fold(self, |value, field| value.get(field)).unwrap_or(&NULL)
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.at(path).as_str()
    }

    fn int(&self, path: &str) -> Option<i64> {
        self.at(path).as_i64()
    }

    fn flag(&self, path: &str) -> Option<bool> {
        self.at(path).as_bool()
    }

    fn list(&self, path: &str) -> &[Value] {
        self.at(path).as_array().map_or(&[], Vec::as_slice)
    }

    fn put(&mut self, path: &str, value: impl Into<Value>) {
        let mut target = self;
        for field in path.split('.') {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let Value::Object(map) = target else { return };
            target = map.entry(field).or_insert(Value::Null);
        }
        *target = value.into();
    }

    fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }
}

/// Copies each named parameter onto the object when it was sent. An empty string, which only parameters that can be
/// unset let through, becomes null.
pub(crate) fn patch(object: &mut Value, params: &Value, names: &[&str]) {
    for name in names {
        let value = params.at(name);
        if value.is_null() {
            continue;
        }
        object.put(name, if value.as_str() == Some("") { Value::Null } else { value.clone() });
    }
}

/// Merges metadata as Stripe does: an empty value removes a key, an empty string in place of the map removes all.
pub(crate) fn merge_metadata(object: &mut Value, params: &Value) {
    match params.at("metadata") {
        Value::String(_) => object.put("metadata", Map::new()),
        Value::Object(changes) => {
            let mut merged = object.at("metadata").as_object().cloned().unwrap_or_default();
            for (key, value) in changes {
                if value.as_str() == Some("") {
                    merged.remove(key);
                } else {
                    merged.insert(key.clone(), value.clone());
                }
            }
            object.put("metadata", merged);
        }
        _ if !object.at("metadata").is_object() => object.put("metadata", Map::new()),
        _ => {}
    }
}

/// An address with all the fields Stripe shows, from those that were sent.
pub(crate) fn address(sent: &Value) -> Value {
    let mut address = serde_json::json!({
        "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null,
    });
    patch(&mut address, sent, &["city", "country", "line1", "line2", "postal_code", "state"]);
    address
}

/// Sets `shipping` when it was sent.
pub(crate) fn patch_shipping(object: &mut Value, params: &Value) {
    patch(object, params, &["shipping"]);
    if params.at("shipping").is_object() {
        object.put("shipping.address", address(params.at("shipping.address")));
    }
}

/// Stripe's list envelope around all of `data`.
pub(crate) fn whole_list(url: &str, data: Vec<Value>) -> Value {
    serde_json::json!({ "object": "list", "data": data, "has_more": false, "url": url })
}

/// What `previous_attributes` of an update event says: the old values of what differs, hashes only in their changed
/// keys. None when nothing differs.
pub(crate) fn previous_attributes(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return None };
    let mut previous = Map::new();
    for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
        let (a, b) = (old.get(key).unwrap_or(&NULL), new.get(key).unwrap_or(&NULL));
        if a == b {
            continue;
        }
        let is_hash = |value: &Value| value.is_object() && value.get("object").is_none();
        let value = if is_hash(a) && is_hash(b) {
            previous_attributes(a, b).unwrap_or(Value::Null)
        } else {
            a.clone()
        };
        previous.insert(key.clone(), value);
    }
    (!previous.is_empty()).then_some(Value::Object(previous))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn previous_attributes_name_only_what_changed() {
        let before =
            json!({ "a": 1, "b": { "c": null, "d": 2 }, "items": { "object": "list", "data": [1] } });
        let after = json!({ "a": 1, "b": { "c": "x", "d": 2 }, "items": { "object": "list", "data": [2] } });
        assert_eq!(
            previous_attributes(&before, &after),
            Some(json!({ "b": { "c": null }, "items": { "object": "list", "data": [1] } }))
        );
        assert_eq!(previous_attributes(&before, &before), None);
    }

    #[test]
    fn an_empty_metadata_value_removes_the_key() {
        let mut object = json!({ "metadata": { "a": "1", "b": "2" } });
        merge_metadata(&mut object, &json!({ "metadata": { "a": "", "c": "3" } }));
        assert_eq!(object["metadata"], json!({ "b": "2", "c": "3" }));
        merge_metadata(&mut object, &json!({ "metadata": "" }));
        assert_eq!(object["metadata"], json!({}));
    }
}
