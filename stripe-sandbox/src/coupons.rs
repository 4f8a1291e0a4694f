//! Coupons: a percentage or an amount off, for a time, for some products.

use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
use crate::decimal::Decimal;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::{HIDDEN, State};
use crate::{currency, list};

/// Whether a coupon can be redeemed at a moment.
pub(crate) fn is_valid(coupon: &Value, now: Timestamp) -> bool {
    let left = coupon
        .int("max_redemptions")
        .is_none_or(|most| coupon.int("times_redeemed").unwrap_or_default() < most);
    left && coupon.int("redeem_by").is_none_or(|end| now < end)
}

/// The coupon as it is now.
fn current(state: &State, coupon: &Value) -> Value {
    let mut coupon = coupon.clone();
    let valid = is_valid(&coupon, state.now());
    coupon.put("valid", valid);
    coupon
}

/// Takes `currency_options` over, each amount checked.
fn currency_options(params: &Value) -> Result<Map<String, Value>, ApiError> {
    let mut options = Map::new();
    for (code, option) in params.at("currency_options").as_object().into_iter().flatten() {
        let param = format!("currency_options[{code}][amount_off]");
        let amount = option.int("amount_off").unwrap_or_default();
        if amount < 1 {
            return Err(ApiError::parameter(
                "parameter_invalid_integer",
                &param,
                "This value must be greater than or equal to 1.",
            ));
        }
        options.insert(currency::check(code)?, json!({ "amount_off": amount }));
    }
    Ok(options)
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let id = params.text("id").map_or_else(|| state.ids.token(8), str::to_owned);
    if state.store.find("coupon", &id).is_some() {
        return Err(ApiError::invalid("Coupon already exists.").code("resource_already_exists").param("id"));
    }
    let percent = match params.text("percent_off") {
        None => None,
        Some(text) => Some(
            Decimal::parse(text)
                .filter(|percent| *percent > Decimal::default() && *percent <= Decimal::from(100))
                .and_then(|_| text.parse::<serde_json::Number>().ok())
                .ok_or_else(|| {
                    ApiError::invalid("Invalid percent_off: it must be greater than 0 and at most 100.")
                        .param("percent_off")
                })?,
        ),
    };
    let amount = params.int("amount_off");
    match (&percent, amount) {
        (None, None) => {
            return Err(ApiError::invalid("Received neither percent_off nor amount_off. You must pass one.")
                .code("parameter_missing"));
        }
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "You may only specify one of these parameters: amount_off, percent_off.",
            )
            .param("amount_off"));
        }
        (None, Some(amount)) if amount < 1 => {
            let message = "This value must be greater than or equal to 1.";
            return Err(ApiError::parameter("parameter_invalid_integer", "amount_off", message));
        }
        _ => {}
    }
    let code = match (params.text("currency"), amount) {
        (Some(code), _) => Some(currency::check(code)?).filter(|_| amount.is_some()),
        (None, Some(_)) => return Err(ApiError::missing("currency")),
        (None, None) => None,
    };
    let duration = params.text("duration").unwrap_or("once");
    let months = params.int("duration_in_months");
    if (duration == "repeating") != months.is_some() || months.is_some_and(|months| months < 1) {
        let message = "You must pass a `duration_in_months` of at least 1 when, and only when, the duration is `repeating`.";
        return Err(ApiError::invalid(message).param("duration_in_months"));
    }
    if params.int("max_redemptions").is_some_and(|most| most < 1) {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::parameter("parameter_invalid_integer", "max_redemptions", message));
    }
    if params.int("redeem_by").is_some_and(|end| end <= state.now()) {
        return Err(ApiError::invalid("The redeem_by must be in the future.").param("redeem_by"));
    }
    for (index, product) in params.list("applies_to.products").iter().filter_map(Value::as_str).enumerate() {
        state.named("product", "product", product, &format!("applies_to[products][{index}]"))?;
    }
    let mut options = currency_options(params)?;
    if let (Some(code), Some(amount)) = (&code, amount) {
        options.insert(code.clone(), json!({ "amount_off": amount }));
    } else if !options.is_empty() {
        return Err(ApiError::invalid("`currency_options` needs an `amount_off`.").param("currency_options"));
    }
    let mut coupon = json!({
        "id": id, "object": "coupon", "amount_off": amount, "created": state.now(), "currency": code, "duration": duration,
        "duration_in_months": months, "livemode": false, "max_redemptions": params.int("max_redemptions"), "metadata": {}, "name": null,
        "percent_off": percent.map(Value::Number), "redeem_by": params.int("redeem_by"), "times_redeemed": 0, "valid": true,
        HIDDEN: { "applies_to": params.at("applies_to"), "currency_options": options },
    });
    patch(&mut coupon, params, &["name"]);
    merge_metadata(&mut coupon, params);
    state.create(coupon.clone(), "coupon.created");
    Ok(coupon)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    let coupon = call.state.load("coupon", "coupon", call.id(0))?;
    Ok(current(call.state, coupon))
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let coupon = state.load("coupon", "coupon", &id)?;
    let options = currency_options(params)?;
    if coupon.at("amount_off").is_null() && !options.is_empty() {
        return Err(ApiError::invalid("`currency_options` needs an `amount_off`.").param("currency_options"));
    }
    state.update("coupon", &id, "coupon.updated", |coupon| {
        patch(coupon, params, &["name"]);
        merge_metadata(coupon, params);
        for (code, option) in options {
            coupon.put(&format!("{HIDDEN}.currency_options.{code}"), option);
        }
    });
    state.load("coupon", "coupon", &id).map(|coupon| current(state, coupon))
}

/// A deleted coupon can be redeemed no more. Discounts that came of it go on.
pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let state = &mut *call.state;
    let coupon = state.load("coupon", "coupon", &id)?.clone();
    state.store.remove("coupon", &id);
    state.emit_gone("coupon.deleted", &coupon);
    Ok(json!({ "id": id, "object": "coupon", "deleted": true }))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let rows =
        state.store.newest_first("coupon", |coupon| list::in_range(params, "created", coupon.int("created")));
    let rows: Vec<Value> = rows.into_iter().map(|coupon| current(state, coupon)).collect();
    list::page("/v1/coupons", "coupon", &rows.iter().collect::<Vec<_>>(), params)
}
