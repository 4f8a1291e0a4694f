//! Items of subscriptions. They live inside their subscription; the current period stands on them.

use serde_json::{Value, json};

use crate::calendar::Period;
use crate::clock::Timestamp;
use crate::discounts::{Entry, Holder};
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata};
use crate::state::State;
use crate::{discounts, item_billing, list, meters, price_amounts, prices, subscription_updates, tax_rates};

/// An item as a request describes it.
pub(crate) struct Wanted {
    pub price: Value,
    pub quantity: i64,
    pub metadata: Value,
    pub discounts: Vec<Entry>,
    pub tax_rates: Vec<Value>,
}

/// Whose subscription an item is for, and what it is charged in: the price's own currency unless it is known.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub customer: &'a str,
    pub currency: Option<&'a str>,
}

impl Wanted {
    /// Reads `items[index]` of a request to create a subscription, or a new item of one to change it.
    pub(crate) fn read(
        state: &mut State,
        item: &Value,
        index: usize,
        order: &Order<'_>,
    ) -> Result<Self, ApiError> {
        let price = price_of(state, item, index, order.currency)?
            .ok_or_else(|| ApiError::missing(&format!("items[{index}][price]")))?;
        let quantity = quantity_of(item, index)?;
        let quantity = if meters::is_metered(&price) {
            refuse_quantity(quantity, index)?;
            0
        } else {
            quantity.unwrap_or(1)
        };
        let holder = Holder {
            field: "subscription_item",
            id: "",
            customer: order.customer,
            currency: price_amounts::currency_of(&price),
            subtotal: price_amounts::amount(&price, quantity),
        };
        let path = |name: &str| format!("items[{index}][{name}]");
        let discounts = discounts::read(state, item, &holder, &[], &path("discounts"))?.unwrap_or_default();
        let tax_rates = tax_rates::named(state, item, "tax_rates", &path("tax_rates"))?.unwrap_or_default();
        Ok(Self { price, quantity, metadata: item.at("metadata").clone(), discounts, tax_rates })
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

/// The price that an item of a request names or describes, as it is charged in a currency where that is known.
pub(crate) fn price_of(
    state: &mut State,
    item: &Value,
    index: usize,
    currency: Option<&str>,
) -> Result<Option<Value>, ApiError> {
    let param = format!("items[{index}][price]");
    if item.at("price_data").is_object() {
        let data = item.at("price_data");
        let product = data.text("product").unwrap_or_default().to_owned();
        state.named("product", "product", &product, &format!("items[{index}][price_data][product]"))?;
        let mut price = prices::build(state, data, &product)?;
        price.put("active", false);
        if let Some(code) = currency {
            prices::in_currency(&price, code, &format!("items[{index}][price_data][currency]"))?;
        }
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
    Ok(Some(match currency {
        Some(code) => prices::in_currency(price, code, &param)?,
        None => price.clone(),
    }))
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
pub(crate) fn check_together(prices: &[&Value]) -> Result<(), ApiError> {
    let Some(first) = prices.first() else { return Ok(()) };
    if prices.len() > 20 {
        return Err(ApiError::invalid("A subscription can have up to 20 items.").param("items"));
    }
    for (index, other) in prices.iter().enumerate().skip(1) {
        let param = format!("items[{index}][price]");
        if price_amounts::currency_of(other) != price_amounts::currency_of(first) {
            return Err(
                ApiError::invalid("All prices of a subscription must have the same currency.").param(&param)
            );
        }
        if prices::interval(other) != prices::interval(first) {
            // Flexible billing mixes intervals; the sandbox does not yet.
            return Err(ApiError::unsupported(&param));
        }
        if prices[..index].iter().any(|earlier| earlier.id() == other.id()) {
            let message =
                format!("Cannot add multiple subscription items with the same price: {}.", other.id());
            return Err(ApiError::invalid(message).param(&param));
        }
    }
    Ok(())
}

/// Makes an item of a customer's subscription.
pub(crate) fn build(
    state: &mut State,
    subscription: &str,
    customer: &str,
    wanted: &Wanted,
    period: Period,
) -> Value {
    let mut item = json!({
        "id": state.id("si"), "object": "subscription_item", "billed_until": period.end, "billing_thresholds": null, "created": state.now(),
        "current_period_end": period.end, "current_period_start": period.start, "current_trial": null, "discounts": [], "metadata": {},
        "plan": prices::plan(&wanted.price), "price": wanted.price, "quantity": wanted.quantity, "subscription": subscription, "tax_rates": wanted.tax_rates,
    });
    let id = item.id().to_owned();
    let currency = price_amounts::currency_of(&wanted.price);
    let holder = Holder { field: "subscription_item", id: &id, customer, currency, subtotal: 0 };
    let redeemed = discounts::redeem(state, &wanted.discounts, &holder);
    item.put("discounts", redeemed);
    item_billing::begin(&mut item);
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

/// An item's current period as its interval has it, without regard to the subscription's end.
pub(crate) fn natural_period(subscription: &Value, item: &Value) -> Period {
    let start = item.int("current_period_start").unwrap_or_default();
    let anchor = subscription.int("billing_cycle_anchor").unwrap_or(start);
    prices::interval(item.at("price")).period(anchor, start)
}

/// Ends every item's period at a moment.
pub(crate) fn end_period_at(subscription: &mut Value, end: Timestamp) {
    for item in items_mut(subscription) {
        item.put("current_period_end", end);
        item.put("billed_until", end);
    }
}

/// Moves every item to the period around `moment`, counted from the subscription's anchor. It begins no earlier: what lies
/// before was charged for, or was free.
pub(crate) fn set_period(subscription: &mut Value, moment: Timestamp) {
    let anchor = subscription.int("billing_cycle_anchor").unwrap_or(moment);
    let last = subscription.int("cancel_at").filter(|at| *at > moment);
    for item in items_mut(subscription) {
        let mut period = prices::interval(item.at("price")).period(anchor, moment);
        // A period in which the subscription is to end is charged up to there.
        period.end = last.map_or(period.end, |last| period.end.min(last));
        item.put("current_period_start", period.start.max(moment));
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

/// The subscription that holds an item.
fn holder(state: &State, id: &str) -> Result<Value, ApiError> {
    let holds = |subscription: &&Value| subscription.list("items.data").iter().any(|item| item.id() == id);
    let found = state.store.all("subscription").find(holds);
    found.cloned().ok_or_else(|| ApiError::not_found("subscription_item", id))
}

/// What of a request is about the subscription, with the item that it describes.
fn as_update(params: &Value, mut item: Value) -> Value {
    let mut update = json!({});
    for (name, value) in params.as_object().into_iter().flatten() {
        match name.as_str() {
            "subscription" | "expand" => {}
            "off_session" | "payment_behavior" | "proration_behavior" | "proration_date" => {
                update.put(name, value.clone());
            }
            _ => item.put(name, value.clone()),
        }
    }
    update.put("items", vec![item]);
    update
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let id = params.text("subscription").unwrap_or_default().to_owned();
    let before = state.named("subscription", "subscription", &id, "subscription")?.clone();
    subscription_updates::run(state, &before, &as_update(params, json!({})))?;
    let after = state.load("subscription", "subscription", &id)?;
    let known = |item: &&Value| before.list("items.data").iter().any(|old| old.id() == item.id());
    let pending = after.list("pending_update.subscription_items").iter();
    let made = after.list("items.data").iter().chain(pending).find(|item| !known(item));
    made.cloned().ok_or_else(|| ApiError::not_found("subscription_item", &id))
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let before = holder(call.state, &id)?;
    subscription_updates::run(call.state, &before, &as_update(&call.params, json!({ "id": id })))?;
    retrieve(call)
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let before = holder(call.state, &id)?;
    let item = json!({ "id": id, "deleted": true });
    subscription_updates::run(call.state, &before, &as_update(&call.params, item))?;
    Ok(json!({ "id": id, "object": "subscription_item", "deleted": true }))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let id = call.params.text("subscription").unwrap_or_default();
    let subscription = call.state.named("subscription", "subscription", id, "subscription")?;
    let rows: Vec<&Value> = subscription.list("items.data").iter().collect();
    list::page("/v1/subscription_items", "subscription_item", &rows, &call.params)
}
