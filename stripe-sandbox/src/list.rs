//! Pages of objects: `limit`, `starting_after`, `ending_before`, `has_more`, and the `created`-like range filters.

use serde_json::{Value, json};

use crate::errors::{Answer, ApiError};
use crate::json::Fields;

const DEFAULT_LIMIT: i64 = 10;
const MAXIMUM_LIMIT: i64 = 100;

/// One page of `rows`, which are newest first. `noun` is what an unknown cursor is called in the refusal.
pub(crate) fn page(url: &str, noun: &str, rows: &[&Value], params: &Value) -> Answer {
    let limit = params.int("limit").unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAXIMUM_LIMIT).contains(&limit) {
        let message = if limit < 1 {
            "This value must be greater than or equal to 1."
        } else {
            "This value must be less than or equal to 100."
        };
        return Err(ApiError::parameter("parameter_invalid_integer", "limit", message));
    }
    let limit = usize::try_from(limit).expect("between 1 and 100");
    let position = |param: &str| {
        params
            .text(param)
            .map(|id| {
                rows.iter().position(|row| row.id() == id).ok_or_else(|| ApiError::no_such(noun, id, param))
            })
            .transpose()
    };
    let (after, before) = (position("starting_after")?, position("ending_before")?);
    let (start, end, has_more) = match (after, before) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "You cannot parameterize 'ending_before' and 'starting_after' at the same time.",
            ));
        }
        (None, Some(before)) => {
            let start = before.saturating_sub(limit);
            (start, before, start > 0)
        }
        (after, None) => {
            let start = after.map_or(0, |after| after + 1);
            let end = (start + limit).min(rows.len());
            (start, end, end < rows.len())
        }
    };
    let data: Vec<Value> = rows[start..end].iter().map(|row| (*row).clone()).collect();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
}

/// Whether `value` lies in the range of a parameter like `created`: a time, or a hash of gt, gte, lt, lte.
pub(crate) fn in_range(params: &Value, name: &str, value: Option<i64>) -> bool {
    let range = params.at(name);
    if range.is_null() {
        return true;
    }
    let Some(value) = value else { return false };
    if let Some(exact) = range.as_i64() {
        return value == exact;
    }
    range.int("gt").is_none_or(|bound| value > bound)
        && range.int("gte").is_none_or(|bound| value >= bound)
        && range.int("lt").is_none_or(|bound| value < bound)
        && range.int("lte").is_none_or(|bound| value <= bound)
}

/// Whether the object's field of that name equals the parameter, where the parameter was sent.
pub(crate) fn same(params: &Value, name: &str, object: &Value) -> bool {
    let wanted = params.at(name);
    wanted.is_null() || object.at(name) == wanted
}
