//! Tax rates, and which of them a line of an invoice bears.

use serde_json::{Value, json};

use crate::decimal::Decimal;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::invoice_totals::Tax;
use crate::json::{Fields, merge_metadata, patch};
use crate::list;
use crate::state::{HIDDEN, State};

/// What `automatic_tax[enabled]` charges everywhere, in percent.
pub(crate) const AUTOMATIC: i64 = 10;

const PATCHED: &[&str] =
    &["active", "country", "description", "display_name", "jurisdiction", "state", "tax_type"];

fn build(state: &mut State, name: &str, percentage: &Value, inclusive: bool) -> Value {
    json!({
        "id": state.id("txr"), "object": "tax_rate", "active": true, "country": null, "created": state.now(), "description": null,
        "display_name": name, "effective_percentage": null, "flat_amount": null, "inclusive": inclusive, "jurisdiction": null,
        "jurisdiction_level": null, "livemode": false, "metadata": {}, "percentage": percentage, "rate_type": "percentage", "state": null,
        "tax_type": null,
    })
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let text = params.text("percentage").unwrap_or_default();
    let percentage = Decimal::parse(text)
        .filter(|percentage| (Decimal::default()..=Decimal::from(100)).contains(percentage))
        .and_then(|_| text.parse::<serde_json::Number>().ok())
        .ok_or_else(|| {
            ApiError::invalid("Invalid percentage: it must be a decimal between 0 and 100.")
                .param("percentage")
        })?;
    let inclusive = params.flag("inclusive") == Some(true);
    let mut rate = build(state, "", &Value::Number(percentage), inclusive);
    patch(&mut rate, params, PATCHED);
    merge_metadata(&mut rate, params);
    state.create(rate.clone(), "tax_rate.created");
    Ok(rate)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("tax_rate", "tax rate", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    state.load("tax_rate", "tax rate", &id)?;
    state.update("tax_rate", &id, "tax_rate.updated", |rate| {
        patch(rate, params, PATCHED);
        merge_metadata(rate, params);
    });
    state.load("tax_rate", "tax rate", &id).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("tax_rate", |rate| {
        // The sandbox's own are Stripe's in their place: not the account's to list.
        rate.at(HIDDEN).is_null()
            && ["active", "inclusive"].iter().all(|name| list::same(params, name, rate))
            && list::in_range(params, "created", rate.int("created"))
    });
    list::page("/v1/tax_rates", "tax rate", &rows, params)
}

/// The rates that a parameter names; none when it was not sent, and an empty list when it was emptied.
pub(crate) fn named(
    state: &State,
    params: &Value,
    name: &str,
    path: &str,
) -> Result<Option<Vec<Value>>, ApiError> {
    let sent = params.at(name);
    if sent.is_null() {
        return Ok(None);
    }
    let mut rates = Vec::new();
    for (index, id) in params.list(name).iter().filter_map(Value::as_str).enumerate() {
        let param = format!("{path}[{index}]");
        let rate = state.named("tax_rate", "tax rate", id, &param)?;
        if rate.flag("active") != Some(true) {
            return Err(ApiError::invalid(format!("The tax rate {id} is inactive.")).param(&param));
        }
        rates.push(rate.clone());
    }
    if rates.len() > 5 {
        return Err(ApiError::invalid("You may have up to 5 tax rates.").param(path));
    }
    Ok(Some(rates))
}

fn counted(rate: &Value) -> Option<Tax> {
    Some(Tax {
        rate: rate.id().to_owned(),
        percentage: Decimal::parse(&rate.at("percentage").to_string())?,
        inclusive: rate.flag("inclusive") == Some(true),
    })
}

/// A line's own rates, else the invoice's, else the automatic one where that is on.
pub(crate) fn of_line(state: &mut State, invoice: &Value, line: &Value) -> Vec<Tax> {
    if invoice.flag("automatic_tax.enabled") == Some(true) {
        let inclusive = line.at(HIDDEN).text("tax_behavior") == Some("inclusive");
        return vec![Tax {
            rate: automatic(state, inclusive),
            percentage: Decimal::from(AUTOMATIC),
            inclusive,
        }];
    }
    let own = line.at(HIDDEN).list("tax_rates");
    let rates = if own.is_empty() { invoice.list("default_tax_rates") } else { own };
    rates.iter().filter_map(counted).collect()
}

/// The id of the rate that stands for Stripe Tax.
fn automatic(state: &mut State, inclusive: bool) -> String {
    let known = state.store.all("tax_rate").find(|rate| {
        rate.at(HIDDEN).flag("automatic") == Some(true) && rate.flag("inclusive") == Some(inclusive)
    });
    if let Some(rate) = known {
        return rate.id().to_owned();
    }
    let mut rate = build(state, "Sandbox tax", &AUTOMATIC.into(), inclusive);
    rate.put(&format!("{HIDDEN}.automatic"), true);
    rate.put("active", false);
    let id = rate.id().to_owned();
    state.store.insert(rate);
    id
}

/// Refuses automatic tax where it is not known where the customer is.
pub(crate) fn check_location(state: &State, params: &Value, customer: &str) -> Result<(), ApiError> {
    let wanted = params.flag("automatic_tax.enabled") == Some(true);
    let customer = state.store.find("customer", customer);
    let known = customer.is_some_and(|customer| {
        customer.text("address.country").is_some() || customer.text("shipping.address.country").is_some()
    });
    if wanted && !known {
        let message = "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate tax.";
        return Err(ApiError::invalid(message)
            .code("customer_tax_location_invalid")
            .param("automatic_tax[enabled]"));
    }
    Ok(())
}
