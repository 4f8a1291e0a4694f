//! Prices: one time or recurring, per unit, in packages or in tiers. An amount never changes.

use serde_json::{Map, Value, json};

use crate::calendar::Interval;
use crate::decimal::Decimal;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::{HIDDEN, State};
use crate::{currency, list, meters, price_amounts, products};

/// Makes a price of parameters in the shape of `POST /v1/prices`, of `default_price_data` or of `price_data`.
pub(crate) fn build(state: &mut State, params: &Value, product: &str) -> Result<Value, ApiError> {
    let currency = currency::check(params.text("currency").unwrap_or_default())?;
    let (meter, usage_type) = meters::of_price(state, params)?;
    let (unit, tiers) = costs(params)?;
    let interval_count = params.int("recurring.interval_count").unwrap_or(1);
    let interval = params.text("recurring.interval");
    let longest = match interval {
        Some("day") => 1095,
        Some("week") => 156,
        Some("month") => 36,
        _ => 3,
    };
    if !(1..=longest).contains(&interval_count) {
        return Err(ApiError::invalid(
            "Invalid interval: the maximum number of years you can bill in advance is 3.",
        )
        .param("recurring[interval_count]"));
    }
    let recurring = interval.map(|interval| {
        json!({
            "interval": interval, "interval_count": interval_count, "meter": meter,
            "trial_period_days": params.int("recurring.trial_period_days"), "usage_type": usage_type,
        })
    });
    let mut price = json!({
        "id": state.id("price"), "object": "price", "active": true, "billing_scheme": "per_unit", "created": state.now(),
        "currency": currency,
        "custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {}, "nickname": null, "product": product,
        "recurring": recurring, "tax_behavior": "unspecified", "tiers_mode": null, "transform_quantity": null,
        "type": if interval.is_some() { "recurring" } else { "one_time" },
    });
    price_amounts::show(&mut price, "unit_amount", unit);
    if !tiers.is_empty() {
        price.put(&format!("{HIDDEN}.tiers"), tiers);
    }
    let options = currency_options(params, params.text("billing_scheme"), &currency)?;
    if !options.is_empty() {
        price.put(&format!("{HIDDEN}.currency_options"), options);
    }
    let patched =
        ["active", "billing_scheme", "nickname", "tax_behavior", "tiers_mode", "transform_quantity"];
    patch(&mut price, params, &patched);
    merge_metadata(&mut price, params);
    Ok(price)
}

/// The unit's amount, or the tiers, that a request gives a price.
fn costs(params: &Value) -> Result<(Option<Decimal>, Vec<Value>), ApiError> {
    let unit = price_amounts::sent(params, "unit_amount", "")?;
    if params.text("billing_scheme") == Some("tiered") {
        if unit.is_some() {
            let message = "You cannot set `unit_amount` with `billing_scheme=tiered`.";
            return Err(ApiError::invalid(message).param("unit_amount"));
        }
        if !params.at("transform_quantity").is_null() {
            let message = "You cannot set `transform_quantity` with `billing_scheme=tiered`.";
            return Err(ApiError::invalid(message).param("transform_quantity"));
        }
        if params.at("tiers_mode").is_null() {
            return Err(ApiError::missing("tiers_mode"));
        }
        return Ok((None, price_amounts::tiers(params)?));
    }
    for name in ["tiers", "tiers_mode"] {
        if !params.at(name).is_null() {
            let message = format!("You can only set `{name}` with `billing_scheme=tiered`.");
            return Err(ApiError::invalid(message).param(name));
        }
    }
    if params.int("transform_quantity.divide_by").is_some_and(|size| size < 1) {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::parameter(
            "parameter_invalid_integer",
            "transform_quantity[divide_by]",
            message,
        ));
    }
    Ok((Some(unit.ok_or_else(|| ApiError::missing("unit_amount"))?), Vec::new()))
}

/// What a price costs in other currencies than its own.
fn currency_options(params: &Value, scheme: Option<&str>, own: &str) -> Result<Map<String, Value>, ApiError> {
    let mut options = Map::new();
    for (code, sent) in params.at("currency_options").as_object().into_iter().flatten() {
        let path = format!("currency_options[{code}]");
        let within = |error: ApiError| match error.field("param").and_then(Value::as_str) {
            Some(param) => {
                let (head, rest) = param.split_once('[').unwrap_or((param, ""));
                let rest = if rest.is_empty() { String::new() } else { format!("[{rest}") };
                error.clone().param(&format!("{path}[{head}]{rest}"))
            }
            None => error,
        };
        let code = currency::check(code)?;
        if code == own {
            let message = "`currency_options` must not contain the price's own currency.";
            return Err(ApiError::invalid(message).param(&path));
        }
        if !sent.at("custom_unit_amount").is_null() {
            return Err(ApiError::unsupported(&format!("{path}[custom_unit_amount]")));
        }
        let mut costing = sent.clone();
        if scheme == Some("tiered") {
            costing.put("billing_scheme", "tiered");
            costing.put("tiers_mode", "graduated");
        }
        let (unit, tiers) = costs(&costing).map_err(within)?;
        let behaviour = sent.text("tax_behavior").unwrap_or("unspecified");
        let mut option =
            json!({ "custom_unit_amount": null, "tax_behavior": behaviour, HIDDEN: { "tiers": tiers } });
        price_amounts::show(&mut option, "unit_amount", unit);
        options.insert(code, option);
    }
    Ok(options)
}

/// A price's `currency_options`, its own currency among them, which answers show when they are asked to.
pub(crate) fn shown_options(price: &Value) -> Value {
    let mut shown = price.at(HIDDEN).at("currency_options").as_object().cloned().unwrap_or_default();
    let own = json!({
        "custom_unit_amount": null, "tax_behavior": price.at("tax_behavior"), "unit_amount": price.at("unit_amount"),
        "unit_amount_decimal": price.at("unit_amount_decimal"),
    });
    shown.insert(price.text("currency").unwrap_or_default().to_owned(), own);
    Value::Object(shown)
}

/// The price as it is charged in a currency, or Stripe's refusal of one that it does not have.
pub(crate) fn in_currency(price: &Value, code: &str, param: &str) -> Result<Value, ApiError> {
    price_amounts::in_currency(price, code).ok_or_else(|| {
        let own = price.text("currency").unwrap_or_default();
        let message = format!(
            "The price specified only supports `{own}`. This doesn't match the expected currency: `{code}`."
        );
        ApiError::invalid(message).param(param)
    })
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let (product, made) = match (params.text("product"), params.at("product_data")) {
        (Some(product), Value::Null) => {
            let product = state.named("product", "product", product, "product")?;
            (product.id().to_owned(), None)
        }
        (None, data @ Value::Object(_)) => {
            let product = products::build(state, data)?;
            (product.id().to_owned(), Some(product))
        }
        (Some(_), _) => {
            return Err(ApiError::invalid(
                "You may only specify one of these parameters: product, product_data.",
            )
            .param("product"));
        }
        (None, _) => return Err(ApiError::missing("product")),
    };
    let mut price = build(state, params, &product)?;
    if let Some(key) = params.text("lookup_key") {
        claim_lookup_key(state, key, price.id(), params.flag("transfer_lookup_key") == Some(true))?;
        price.put("lookup_key", key);
    }
    if let Some(product) = made {
        state.create(product, "product.created");
    }
    state.create(price.clone(), "price.created");
    Ok(price)
}

/// A lookup key belongs to one price; it moves when that is asked for.
fn claim_lookup_key(state: &mut State, key: &str, price: &str, transfer: bool) -> Result<(), ApiError> {
    let holder = state
        .store
        .all("price")
        .find(|other| other.text("lookup_key") == Some(key) && other.id() != price)
        .map(|other| other.id().to_owned());
    match holder {
        Some(holder) if transfer => {
            state.update("price", &holder, "price.updated", |price| price.put("lookup_key", Value::Null));
        }
        Some(holder) => {
            let message = format!("A price (`{holder}`) already uses that lookup key.");
            return Err(ApiError::invalid(message).code("resource_already_exists").param("lookup_key"));
        }
        None => {}
    }
    Ok(())
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("price", "price", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let price = state.load("price", "price", &id)?;
    let options = match params.at("currency_options") {
        Value::Null => None,
        Value::String(_) => Some(Map::new()),
        _ => {
            let own = price.text("currency").unwrap_or_default();
            let mut merged = price.at(HIDDEN).at("currency_options").as_object().cloned().unwrap_or_default();
            merged.extend(currency_options(params, price.text("billing_scheme"), own)?);
            Some(merged)
        }
    };
    if let Some(key) = params.text("lookup_key").filter(|key| !key.is_empty()) {
        claim_lookup_key(state, key, &id, params.flag("transfer_lookup_key") == Some(true))?;
    }
    state.update("price", &id, "price.updated", |price| {
        patch(price, params, &["active", "lookup_key", "nickname", "tax_behavior"]);
        merge_metadata(price, params);
        if let Some(options) = options {
            price.put(&format!("{HIDDEN}.currency_options"), options);
        }
    });
    state.load("price", "price", &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let keys = params.list("lookup_keys");
    let rows = call.state.store.newest_first("price", |price| {
        (keys.is_empty() || keys.contains(price.at("lookup_key")))
            && [
                "active",
                "currency",
                "product",
                "type",
                "recurring.interval",
                "recurring.meter",
                "recurring.usage_type",
            ]
            .iter()
            .all(|name| list::same(params, name, price))
            && list::in_range(params, "created", price.int("created"))
    });
    list::page("/v1/prices", "price", &rows, params)
}

/// The interval of a recurring price.
pub(crate) fn interval(price: &Value) -> Interval {
    Interval::new(
        price.text("recurring.interval").unwrap_or("month"),
        price.int("recurring.interval_count").unwrap_or(1),
    )
}

/// The legacy plan object that Stripe still shows on subscription items.
pub(crate) fn plan(price: &Value) -> Value {
    json!({
        "id": price.id(), "object": "plan", "active": price.at("active"), "amount": price.at("unit_amount"),
        "amount_decimal": price.at("unit_amount_decimal"), "billing_scheme": price.at("billing_scheme"), "created": price.at("created"),
        "currency": price.at("currency"), "interval": price.at("recurring.interval"), "interval_count": price.at("recurring.interval_count"),
        "livemode": false, "metadata": price.at("metadata"), "meter": price.at("recurring.meter"), "nickname": price.at("nickname"), "product": price.at("product"),
        "tiers_mode": price.at("tiers_mode"), "transform_usage": price.at("transform_quantity"), "trial_period_days": price.at("recurring.trial_period_days"), "usage_type": price.text("recurring.usage_type").unwrap_or("licensed"),
    })
}
