//! Items of subscriptions. They live inside their subscription; the current period stands on them.

use serde_json::{Value, json};

use crate::calendar::Period;
use crate::clock::Timestamp;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata};
use crate::state::State;
use crate::{list, meters, prices};

/// An item as a request describes it.
pub(crate) struct Wanted {
    pub price: Value,
    pub quantity: i64,
    pub metadata: Value,
}

impl Wanted {
    /// Reads `items[index]` of a request to create a subscription, or a new item of one to change it.
    pub(crate) fn read(state: &mut State, item: &Value, index: usize) -> Result<Self, ApiError> {
        let price = price_of(state, item, index)?
            .ok_or_else(|| ApiError::missing(&format!("items[{index}][price]")))?;
        let quantity = quantity_of(item, index)?;
        let quantity = if meters::is_metered(&price) {
            refuse_quantity(quantity, index)?;
            0
        } else {
            quantity.unwrap_or(1)
        };
        Ok(Self { price, quantity, metadata: item.at("metadata").clone() })
    }
}

/// What is used decides about a metered item, not a quantity.
pub(crate) fn refuse_quantity(quantity: Option<i64>, index: usize) -> Result<(), ApiError> {
    match quantity {
        Some(_) => Err(ApiError::invalid("You cannot set the quantity for metered plans.")
            .param(&format!("items[{index}][quantity]"))),
        None => Ok(()),
    }
}

/// The price that an item of a request names or describes.
pub(crate) fn price_of(state: &mut State, item: &Value, index: usize) -> Result<Option<Value>, ApiError> {
    let param = format!("items[{index}][price]");
    if item.at("price_data").is_object() {
        let data = item.at("price_data");
        let product = data.text("product").unwrap_or_default().to_owned();
        state.named("product", "product", &product, &format!("items[{index}][price_data][product]"))?;
        let mut price = prices::build(state, data, &product)?;
        price.put("active", false);
        state.store.insert(price.clone());
        return Ok(Some(price));
    }
    let Some(id) = item.text("price") else { return Ok(None) };
    let price = state.named("price", "price", id, &param)?;
    if price.flag("active") != Some(true) {
        let message =
            format!("The price specified is inactive. This field only accepts active prices: {id}.");
        return Err(ApiError::invalid(message).param(&param));
    }
    if price.text("type") != Some("recurring") {
        let message = "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.";
        return Err(ApiError::invalid(message).param(&param));
    }
    Ok(Some(price.clone()))
}

/// The quantity that an item of a request names.
pub(crate) fn quantity_of(item: &Value, index: usize) -> Result<Option<i64>, ApiError> {
    match item.int("quantity") {
        Some(quantity) if quantity < 0 => Err(ApiError::parameter(
            "parameter_invalid_integer",
            &format!("items[{index}][quantity]"),
            "This value must be greater than or equal to 0.",
        )),
        quantity => Ok(quantity),
    }
}

/// Refuses items that one subscription cannot hold together.
pub(crate) fn check_together(wanted: &[Wanted]) -> Result<(), ApiError> {
    let Some(first) = wanted.first() else { return Ok(()) };
    if wanted.len() > 20 {
        return Err(ApiError::invalid("A subscription can have up to 20 items.").param("items"));
    }
    for (index, other) in wanted.iter().enumerate().skip(1) {
        let param = format!("items[{index}][price]");
        if other.price.at("currency") != first.price.at("currency") {
            return Err(
                ApiError::invalid("All prices of a subscription must have the same currency.").param(&param)
            );
        }
        if prices::interval(&other.price) != prices::interval(&first.price) {
            // Flexible billing mixes intervals; the sandbox does not yet.
            return Err(ApiError::unsupported(&param));
        }
        if wanted[..index].iter().any(|earlier| earlier.price.id() == other.price.id()) {
            let message =
                format!("Cannot add multiple subscription items with the same price: {}.", other.price.id());
            return Err(ApiError::invalid(message).param(&param));
        }
    }
    Ok(())
}

pub(crate) fn build(state: &mut State, subscription: &str, wanted: &Wanted, period: Period) -> Value {
    let mut item = json!({
        "id": state.id("si"), "object": "subscription_item", "billed_until": period.end, "billing_thresholds": null, "created": state.now(),
        "current_period_end": period.end, "current_period_start": period.start, "current_trial": null, "discounts": [], "metadata": {},
        "plan": prices::plan(&wanted.price), "price": wanted.price, "quantity": wanted.quantity, "subscription": subscription, "tax_rates": [],
    });
    merge_metadata(&mut item, &json!({ "metadata": wanted.metadata }));
    drop_quantity_if_metered(&mut item);
    item
}

/// A metered item shows no quantity.
pub(crate) fn drop_quantity_if_metered(item: &mut Value) {
    if let (true, Value::Object(item)) = (meters::is_metered(item.at("price")), item) {
        item.remove("quantity");
    }
}

/// The current period of a subscription, which all its items share.
pub(crate) fn period(subscription: &Value) -> Period {
    let first = subscription.list("items.data").first();
    let read =
        |field| first.and_then(|item| item.int(field)).or(subscription.int("start_date")).unwrap_or_default();
    Period { start: read("current_period_start"), end: read("current_period_end") }
}

/// Moves every item to the period around `moment`, counted from the subscription's anchor.
pub(crate) fn set_period(subscription: &mut Value, moment: Timestamp) {
    let anchor = subscription.int("billing_cycle_anchor").unwrap_or(moment);
    for item in items_mut(subscription) {
        let period = prices::interval(item.at("price")).period(anchor, moment);
        item.put("current_period_start", period.start);
        item.put("current_period_end", period.end);
        item.put("billed_until", period.end);
    }
}

/// The items, to be changed.
pub(crate) fn items_mut(subscription: &mut Value) -> impl Iterator<Item = &mut Value> {
    subscription.pointer_mut("/items/data").and_then(Value::as_array_mut).into_iter().flatten()
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    let id = call.id(0);
    let mut items =
        call.state.store.all("subscription").flat_map(|subscription| subscription.list("items.data"));
    items.find(|item| item.id() == id).cloned().ok_or_else(|| ApiError::not_found("subscription_item", id))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let id = call.params.text("subscription").unwrap_or_default();
    let subscription = call.state.named("subscription", "subscription", id, "subscription")?;
    let rows: Vec<&Value> = subscription.list("items.data").iter().collect();
    list::page("/v1/subscription_items", "subscription_item", &rows, &call.params)
}
