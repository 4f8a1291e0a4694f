//! `add_invoice_items`: what a subscription or a phase of a schedule costs once, on its next invoice.

use serde_json::{Value, json};

use crate::calendar::Period;
use crate::errors::ApiError;
use crate::invoice_items;
use crate::json::Fields;
use crate::state::State;
use crate::subscription_items;

/// Stripe's most.
const MOST: usize = 20;

/// Puts what a request adds among what waits for a subscription's next invoice. `phase` is the phase of its schedule that
/// adds it. Gives whether anything was added.
pub(crate) fn add(
    state: &mut State,
    params: &Value,
    subscription: &Value,
    phase: Option<Period>,
) -> Result<bool, ApiError> {
    let sent = params.list("add_invoice_items");
    check_count(sent)?;
    for (index, added) in sent.iter().enumerate() {
        let item = request(state, added, subscription, phase).map_err(|error| within(error, index))?;
        invoice_items::add(state, &item).map_err(|error| within(error, index))?;
    }
    Ok(!sent.is_empty())
}

/// Refuses more than Stripe takes.
pub(crate) fn check_count(sent: &[Value]) -> Result<(), ApiError> {
    if sent.len() > MOST {
        let message = format!("You may pass up to {MOST} `add_invoice_items`.");
        return Err(ApiError::invalid(message).param("add_invoice_items"));
    }
    Ok(())
}

/// Says of a refusal in which of the items it lies: `pricing[price]` is what they call `price`.
fn within(error: ApiError, index: usize) -> ApiError {
    let Some(param) = error.field("param").and_then(Value::as_str) else { return error };
    let param = if param == "pricing[price]" { "price" } else { param };
    let (head, rest) =
        param.split_once('[').map_or((param, String::new()), |(head, rest)| (head, format!("[{rest}")));
    let param = format!("add_invoice_items[{index}][{head}]{rest}");
    error.param(&param)
}

/// The invoice item that one entry asks for.
fn request(
    state: &State,
    added: &Value,
    subscription: &Value,
    phase: Option<Period>,
) -> Result<Value, ApiError> {
    let mut item = json!({
        "customer": subscription.at("customer"), "subscription": subscription.id(),
        "period": period(state, added.at("period"), subscription, phase)?,
    });
    match (added.text("price"), added.at("price_data").is_object()) {
        (Some(price), false) => item.put("pricing.price", price),
        (None, true) => item.put("price_data", added.at("price_data").clone()),
        (None, false) => return Err(ApiError::missing("price")),
        (Some(_), true) => {
            let message = "You may only specify one of these parameters: price, price_data.";
            return Err(ApiError::invalid(message).param("price"));
        }
    }
    for name in ["discountable", "discounts", "metadata", "quantity", "tax_rates"] {
        if !added.at(name).is_null() {
            item.put(name, added.at(name).clone());
        }
    }
    Ok(item)
}

/// From the start of the items' current period to its end, unless the request says otherwise.
fn period(
    state: &State,
    sent: &Value,
    subscription: &Value,
    phase: Option<Period>,
) -> Result<Value, ApiError> {
    let current = subscription_items::period(subscription);
    let named = |name: &str, default: i64| match sent.text(&format!("{name}.type")) {
        Some("timestamp") => sent
            .int(&format!("{name}.timestamp"))
            .ok_or_else(|| ApiError::missing(&format!("period[{name}][timestamp]"))),
        Some("now") => Ok(state.now()),
        Some("phase_start") => Ok(phase.map_or(default, |phase| phase.start)),
        Some("phase_end") => Ok(phase.map_or(default, |phase| phase.end)),
        _ => Ok(default),
    };
    let (start, end) = (named("start", current.start)?, named("end", current.end)?);
    if end < start {
        let message = "The end of the period must not be before its start.";
        return Err(ApiError::invalid(message).param("period[end]"));
    }
    Ok(json!({ "start": start, "end": end }))
}
