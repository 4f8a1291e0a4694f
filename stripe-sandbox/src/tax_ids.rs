//! Tax ids of customers. Their form is looked at a little; what a register would say of them is told by magic digits, as
//! in Stripe's test mode.

use serde_json::{Value, json};

use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::Fields;
use crate::list;
use crate::state::State;

/// Stripe's most.
const MOST: usize = 5;

/// The value without spaces, in capitals, if a tax id of that type can look like this.
fn normal(kind: &str, value: &str) -> Option<String> {
    let value: String = value.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let known = match kind {
        "eu_vat" => {
            let (country, rest) = value.split_at_checked(2)?;
            country.bytes().all(|byte| byte.is_ascii_uppercase())
                && (2..=12).contains(&rest.len())
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }
        "gb_vat" => value.strip_prefix("GB").is_some_and(|rest| digits(rest) && matches!(rest.len(), 9 | 12)),
        "us_ein" => {
            let plain = value.replace('-', "");
            digits(&plain) && plain.len() == 9
        }
        "au_abn" => digits(&value) && value.len() == 11,
        "ch_vat" => value.starts_with("CHE"),
        _ => !value.is_empty() && value.len() <= 40 && value.bytes().any(|byte| byte.is_ascii_alphanumeric()),
    };
    known.then_some(value)
}

fn verification(kind: &str, value: &str) -> &'static str {
    match value {
        value if value.ends_with("111111111") => "unverified",
        value if value.ends_with("222222222") => "pending",
        _ if matches!(kind, "eu_vat" | "gb_vat" | "au_abn") => "verified",
        _ => "unavailable",
    }
}

/// Makes a tax id of a customer.
pub(crate) fn build(state: &mut State, customer: &str, sent: &Value, path: &str) -> Answer {
    let kind = sent.text("type").unwrap_or_default();
    let value = normal(kind, sent.text("value").unwrap_or_default()).ok_or_else(|| {
        ApiError::invalid(format!("Invalid value for {kind}.")).code("tax_id_invalid").param(path)
    })?;
    let country = if kind == "eu_vat" { value.get(..2) } else { kind.get(..2) };
    Ok(json!({
        "id": state.id("txi"), "object": "tax_id", "country": country.map(str::to_ascii_uppercase), "created": state.now(),
        "customer": customer, "customer_account": null, "livemode": false,
        "owner": { "customer": customer, "customer_account": null, "type": "customer" }, "type": kind,
        "verification": { "status": verification(kind, &value), "verified_address": null, "verified_name": null }, "value": value,
    }))
}

/// A customer's tax ids, newest first.
pub(crate) fn of<'a>(state: &'a State, customer: &str) -> Vec<&'a Value> {
    state.store.newest_first("tax_id", |tax_id| tax_id.text("customer") == Some(customer))
}

/// As an invoice shows them.
pub(crate) fn on_invoice(state: &State, customer: &str) -> Vec<Value> {
    let shown = of(state, customer).into_iter().rev();
    shown.map(|tax_id| json!({ "type": tax_id.at("type"), "value": tax_id.at("value") })).collect()
}

fn customer(call: &Call<'_>) -> Result<String, ApiError> {
    let id = call.id(0);
    match call.state.load("customer", "customer", id)?.flag("deleted") {
        Some(true) => Err(ApiError::not_found("customer", id)),
        _ => Ok(id.to_owned()),
    }
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let customer = customer(call)?;
    let Call { state, params, .. } = call;
    if of(state, &customer).len() >= MOST {
        return Err(ApiError::invalid(format!("A customer can have up to {MOST} tax IDs.")));
    }
    let made = build(state, &customer, params, "value")?;
    state.create(made.clone(), "customer.tax_id.created");
    Ok(made)
}

/// The address's tax id, when it is the customer's.
fn own(call: &Call<'_>) -> Answer {
    let customer = customer(call)?;
    let found = call.state.load("tax_id", "tax ID", call.id(1))?;
    if found.text("customer") != Some(customer.as_str()) {
        return Err(ApiError::not_found("tax ID", call.id(1)));
    }
    Ok(found.clone())
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    own(call)
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let gone = own(call)?;
    call.state.store.remove("tax_id", gone.id());
    call.state.emit_gone("customer.tax_id.deleted", &gone);
    Ok(json!({ "id": gone.id(), "object": "tax_id", "deleted": true }))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let customer = customer(call)?;
    let rows = of(call.state, &customer);
    list::page(&format!("/v1/customers/{customer}/tax_ids"), "tax ID", &rows, &call.params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_to_look_like_its_type() {
        for (kind, value) in [
            ("eu_vat", "de 123456789"),
            ("gb_vat", "GB123456789"),
            ("us_ein", "12-3456789"),
            ("jp_cn", "1234567891234"),
        ] {
            assert!(normal(kind, value).is_some(), "{kind} {value}");
        }
        for (kind, value) in [
            ("eu_vat", "123456789"),
            ("eu_vat", "é"),
            ("gb_vat", "GB12"),
            ("us_ein", "12-34"),
            ("jp_cn", " "),
        ] {
            assert!(normal(kind, value).is_none(), "{kind} {value}");
        }
    }
}
