//! Promotion codes: what customers type in to get a coupon.

use serde_json::{Map, Value, json};

use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::{HIDDEN, State};
use crate::{coupons, currency, customers, list};

/// The least order that a code is good for, by currency.
fn minimums(params: &Value) -> Result<Map<String, Value>, ApiError> {
    let mut options = Map::new();
    for (code, option) in params.at("restrictions.currency_options").as_object().into_iter().flatten() {
        options.insert(currency::check(code)?, json!({ "minimum_amount": option.int("minimum_amount") }));
    }
    Ok(options)
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let coupon_id =
        params.text("promotion.coupon").ok_or_else(|| ApiError::missing("promotion[coupon]"))?.to_owned();
    let coupon = state.named("coupon", "coupon", &coupon_id, "promotion[coupon]")?.clone();
    if !coupons::is_valid(&coupon, state.now()) {
        return Err(ApiError::invalid(format!("Coupon expired: {coupon_id}"))
            .code("coupon_expired")
            .param("promotion[coupon]"));
    }
    if let Some(customer) = params.text("customer") {
        customers::named(state, customer)?;
    }
    if params.int("expires_at").is_some_and(|end| end <= state.now()) {
        return Err(ApiError::invalid("The expires_at must be in the future.").param("expires_at"));
    }
    if let (Some(own), Some(of_coupon)) = (params.int("expires_at"), coupon.int("redeem_by"))
        && own > of_coupon
    {
        return Err(
            ApiError::invalid("`expires_at` cannot be after the coupon's `redeem_by`.").param("expires_at")
        );
    }
    let code = params.text("code").map_or_else(|| state.ids.token(8).to_ascii_uppercase(), str::to_owned);
    if !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(ApiError::invalid("A code may only contain letters, digits and dashes.").param("code"));
    }
    if let Some(other) = active(state, &code, params.text("customer")) {
        let message = format!("An active promotion code with `code: {code}` already exists: {}.", other.id());
        return Err(ApiError::invalid(message).code("resource_already_exists").param("code"));
    }
    let minimum = params.int("restrictions.minimum_amount");
    let minimum_currency = match params.text("restrictions.minimum_amount_currency") {
        Some(code) => Some(currency::check(code)?),
        None if minimum.is_some() => return Err(ApiError::missing("restrictions[minimum_amount_currency]")),
        None => None,
    };
    let mut options = minimums(params)?;
    if let (Some(code), Some(minimum)) = (&minimum_currency, minimum) {
        options.insert(code.clone(), json!({ "minimum_amount": minimum }));
    }
    let mut made = json!({
        "id": state.id("promo"), "object": "promotion_code", "active": true, "code": code, "created": state.now(), "customer": null,
        "customer_account": null, "expires_at": null, "livemode": false, "max_redemptions": null, "metadata": {},
        "promotion": { "coupon": coupon_id, "type": "coupon" },
        "restrictions": {
            "first_time_transaction": params.flag("restrictions.first_time_transaction") == Some(true), "minimum_amount": minimum,
            "minimum_amount_currency": minimum_currency,
        },
        "times_redeemed": 0, HIDDEN: { "minimums": options },
    });
    patch(&mut made, params, &["active", "customer", "expires_at", "max_redemptions"]);
    merge_metadata(&mut made, params);
    state.create(made.clone(), "promotion_code.created");
    Ok(made)
}

/// The active code of that text which a customer can use; codes do not tell small letters from capital ones.
fn active<'a>(state: &'a State, code: &str, customer: Option<&str>) -> Option<&'a Value> {
    state.store.all("promotion_code").find(|other| {
        other.flag("active") == Some(true)
            && other.text("code").is_some_and(|known| known.eq_ignore_ascii_case(code))
            && (other.text("customer") == customer || other.at("customer").is_null() || customer.is_none())
    })
}

/// The coupon that a promotion code gives a customer for an order of `subtotal`, or why it does not.
pub(crate) fn redeem(
    state: &State,
    id: &str,
    customer: &str,
    order: (i64, &str),
    param: &str,
) -> Result<String, ApiError> {
    let code = state.named("promotion_code", "promotion code", id, param)?;
    let refuse = |why: &str| {
        Err(ApiError::invalid(format!("This promotion code cannot be redeemed because {why}.")).param(param))
    };
    let used_up = code
        .int("max_redemptions")
        .is_some_and(|most| code.int("times_redeemed").unwrap_or_default() >= most);
    if code.flag("active") != Some(true) || used_up {
        return refuse("it is not active");
    }
    if code.int("expires_at").is_some_and(|end| end <= state.now()) {
        return refuse("it has expired");
    }
    if code.text("customer").is_some_and(|owner| owner != customer) {
        return refuse("it belongs to another customer");
    }
    if code.flag("restrictions.first_time_transaction") == Some(true) {
        let paid = |kind: &str, status: &str| {
            state.store.all(kind).any(|object| {
                object.text("customer") == Some(customer)
                    && object.text("status") == Some(status)
                    && object.int("amount_paid").or(object.int("amount_received")).unwrap_or_default() > 0
            })
        };
        if paid("invoice", "paid") || paid("payment_intent", "succeeded") {
            return refuse("the associated customer has prior transactions");
        }
    }
    let (subtotal, code_of_order) = order;
    let minimums = code.at(HIDDEN).at("minimums");
    if minimums.as_object().is_some_and(|minimums| !minimums.is_empty()) {
        match minimums.at(code_of_order).int("minimum_amount") {
            None => return refuse("it is not good for this currency"),
            Some(least) if subtotal < least => return refuse("the order is below its minimum amount"),
            Some(_) => {}
        }
    }
    Ok(code.text("promotion.coupon").unwrap_or_default().to_owned())
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("promotion_code", "promotion code", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let code = state.load("promotion_code", "promotion code", &id)?;
    if params.flag("active") == Some(true) && code.flag("active") == Some(false) {
        let text = code.text("code").unwrap_or_default();
        if let Some(other) = active(state, text, code.text("customer")) {
            let message =
                format!("An active promotion code with `code: {text}` already exists: {}.", other.id());
            return Err(ApiError::invalid(message).code("resource_already_exists").param("active"));
        }
    }
    let options = minimums(params)?;
    state.update("promotion_code", &id, "promotion_code.updated", |code| {
        patch(code, params, &["active"]);
        merge_metadata(code, params);
        for (currency, option) in options {
            code.put(&format!("{HIDDEN}.minimums.{currency}"), option);
        }
    });
    state.load("promotion_code", "promotion code", &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("promotion_code", |code| {
        ["active", "customer"].iter().all(|name| list::same(params, name, code))
            && params.text("coupon").is_none_or(|coupon| code.text("promotion.coupon") == Some(coupon))
            && params
                .text("code")
                .is_none_or(|wanted| code.text("code").is_some_and(|own| own.eq_ignore_ascii_case(wanted)))
            && list::in_range(params, "created", code.int("created"))
    });
    list::page("/v1/promotion_codes", "promotion code", &rows, params)
}
