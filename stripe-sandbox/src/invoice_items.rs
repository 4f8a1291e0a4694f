//! Invoice items: what waits for a customer's next invoice, or was put on a draft.

use serde_json::{Value, json};

use crate::calendar::Period;
use crate::decimal::Decimal;
use crate::discounts::Holder;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::{HIDDEN, State};
use crate::{
    currency, customers, discounts, invoice_lines, invoices, list, price_amounts, prices, tax_rates,
};

/// A new item, not yet stored.
pub(crate) struct NewItem<'a> {
    pub customer: &'a str,
    pub currency: &'a str,
    /// In minor units; negative for a credit.
    pub amount: i64,
    pub quantity: i64,
    pub description: Option<String>,
    pub period: Period,
    pub price: Option<&'a Value>,
    pub subscription: Option<&'a str>,
    pub proration: bool,
}

pub(crate) fn build(state: &mut State, new: &NewItem<'_>) -> Value {
    let unit = if new.quantity == 0 { new.amount } else { new.amount / new.quantity };
    let pricing = match new.price {
        Some(price) => invoice_lines::pricing(price),
        None => json!({ "type": "price_details", "unit_amount_decimal": unit.to_string() }),
    };
    let parent = new.subscription.map(|subscription| {
        json!({ "subscription_details": { "subscription": subscription }, "type": "subscription_details" })
    });
    json!({
        "id": state.id("ii"), "object": "invoiceitem", "amount": new.amount, "currency": new.currency, "customer": new.customer,
        "customer_account": null, "date": state.now(), "description": new.description, "discountable": !new.proration && new.amount >= 0, "discounts": [],
        "invoice": null, "livemode": false, "metadata": {}, "net_amount": new.amount, "parent": parent,
        "period": { "start": new.period.start, "end": new.period.end }, "pricing": pricing, "proration": new.proration,
        "quantity": new.quantity, "quantity_decimal": new.quantity.to_string(), "tax_rates": [], "test_clock": null,
    })
}

/// The ids of the items that wait for the customer's next invoice: all of this subscription's, and those of none.
pub(crate) fn pending(
    state: &State,
    customer: &str,
    currency: &str,
    subscription: Option<&str>,
) -> Vec<String> {
    let mut waiting = state.store.newest_first("invoiceitem", |item| {
        let of = item.text("parent.subscription_details.subscription");
        item.text("customer") == Some(customer)
            && item.at("invoice").is_null()
            && item.text("currency") == Some(currency)
            && (of.is_none() || of == subscription)
    });
    waiting.reverse();
    waiting.into_iter().map(|item| item.id().to_owned()).collect()
}

/// Whether anything of a subscription's own waits for an invoice.
pub(crate) fn waits_for_subscription(state: &State, subscription: &str) -> bool {
    state.store.all("invoiceitem").any(|item| {
        item.text("parent.subscription_details.subscription") == Some(subscription)
            && item.at("invoice").is_null()
    })
}

/// The price, its quantity's amount and currency that the request describes. `expected` is the currency of what it goes
/// onto, where that is known.
fn priced(
    state: &State,
    params: &Value,
    expected: Option<&str>,
) -> Result<(Option<Value>, i64, String, i64), ApiError> {
    let quantity = params.int("quantity").unwrap_or(1);
    if quantity < 0 {
        return Err(ApiError::parameter(
            "parameter_invalid_integer",
            "quantity",
            "This value must be greater than or equal to 0.",
        ));
    }
    if let Some(id) = params.text("pricing.price") {
        let price = state.named("price", "price", id, "pricing[price]")?;
        if price.text("type") != Some("one_time") {
            return Err(ApiError::invalid("The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.").param("pricing[price]"));
        }
        if price.flag("active") != Some(true) {
            let message =
                format!("The price specified is inactive. This field only accepts active prices: {id}.");
            return Err(ApiError::invalid(message).param("pricing[price]"));
        }
        let asked = params.text("currency").map(currency::check).transpose()?;
        let price = match asked.as_deref().or(expected) {
            Some(code) => prices::in_currency(price, code, "pricing[price]")?,
            None => price.clone(),
        };
        let (amount, code) =
            (price_amounts::amount(&price, quantity), price_amounts::currency_of(&price).to_owned());
        return Ok((Some(price), amount, code, quantity));
    }
    if params.at("price_data").is_object() {
        let data = params.at("price_data");
        state.named("product", "product", data.text("product").unwrap_or_default(), "price_data[product]")?;
        let unit = price_amounts::sent(data, "unit_amount", "price_data.")?;
        let unit = unit.ok_or_else(|| ApiError::missing("price_data[unit_amount]"))?;
        return Ok((
            None,
            unit.times(quantity).round(),
            currency::check(data.text("currency").unwrap_or_default())?,
            quantity,
        ));
    }
    let currency = currency::check(params.text("currency").ok_or_else(|| ApiError::missing("currency"))?)?;
    if let Some(unit) = params.text("unit_amount_decimal") {
        return Ok((None, decimal(unit)?.times(quantity).round(), currency, quantity));
    }
    let amount = params.int("amount").ok_or_else(|| ApiError::missing("amount"))?;
    if params.int("quantity").is_some() {
        return Err(ApiError::invalid("You may only specify one of these parameters: amount, quantity.")
            .param("quantity"));
    }
    Ok((None, amount, currency, 1))
}

/// The exact price of a unit, where a request gives it.
fn unit_of(params: &Value) -> Option<String> {
    let exact = params.text("unit_amount_decimal").or(params.text("price_data.unit_amount_decimal"));
    let whole = params.int("price_data.unit_amount").map(|unit| unit.to_string());
    exact.map(str::to_owned).or(whole)
}

fn decimal(text: &str) -> Result<Decimal, ApiError> {
    Decimal::parse(text).ok_or_else(|| {
        let message = format!("Invalid decimal: {text}");
        ApiError::parameter("parameter_invalid_decimal", "unit_amount_decimal", message)
    })
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    add(call.state, &call.params)
}

/// Makes the item that a request describes, and puts it on the draft that it names.
pub(crate) fn add(state: &mut State, params: &Value) -> Answer {
    let customer = params.text("customer").ok_or_else(|| ApiError::missing("customer"))?.to_owned();
    customers::named(state, &customer)?;
    let expected = holder_currency(state, params, &customer)?;
    let (price, amount, currency, quantity) = priced(state, params, expected.as_deref())?;
    if let Some(expected) = expected.filter(|expected| *expected != currency) {
        let message = format!(
            "The currency of the invoice item ({currency}) must be {expected}, that of what it is for."
        );
        return Err(ApiError::invalid(message).param("currency"));
    }
    if params.at("invoice").is_null() {
        customers::check_currency(state, &customer, &currency)?;
    }
    let now = state.now();
    let period = Period {
        start: params.int("period.start").unwrap_or(now),
        end: params.int("period.end").unwrap_or(now),
    };
    let described = params.text("description").map(str::to_owned);
    let description = described.or_else(|| price.as_ref().map(|price| invoice_lines::title(state, price)));
    let subscription = params.text("subscription");
    let new = NewItem {
        customer: &customer,
        currency: &currency,
        amount,
        quantity,
        description,
        period,
        price: price.as_ref(),
        subscription,
        proration: false,
    };
    let rates = tax_rates::named(state, params, "tax_rates", "tax_rates")?;
    let mut holder =
        Holder { field: "invoice_item", id: "", customer: &customer, currency: &currency, subtotal: amount };
    let entries = discounts::read(state, params, &holder, &[], "discounts")?.unwrap_or_default();
    let mut item = build(state, &new);
    let id = item.id().to_owned();
    holder.id = &id;
    let redeemed = discounts::redeem(state, &entries, &holder);
    item.put("discounts", redeemed);
    item.put("tax_rates", rates.unwrap_or_default());
    let behaviour = [
        params.at("tax_behavior"),
        params.at("price_data.tax_behavior"),
        price.as_ref().map_or(&Value::Null, price_amounts::tax_behavior_of),
    ]
    .into_iter()
    .find(|behaviour| behaviour.is_string());
    item.put(&format!("{HIDDEN}.tax_behavior"), behaviour.cloned());
    if price.is_none()
        && let Some(unit) = unit_of(params)
    {
        item.put("pricing.unit_amount_decimal", unit);
    }
    patch(&mut item, params, &["discountable"]);
    merge_metadata(&mut item, params);
    state.create(item, "invoiceitem.created");
    if let Some(invoice) = params.text("invoice") {
        let before = state.store.find("invoice", invoice).cloned().unwrap_or_default();
        invoices::take_items(state, invoice, std::slice::from_ref(&id));
        state.emit_updated("invoice.updated", "invoice", invoice, &before);
    }
    state.load("invoiceitem", "invoiceitem", &id).cloned()
}

/// The currency of the draft or subscription that a new item names. Both must be the customer's.
fn holder_currency(state: &State, params: &Value, customer: &str) -> Result<Option<String>, ApiError> {
    let mut currency = None;
    for kind in ["invoice", "subscription"] {
        let Some(id) = params.text(kind) else { continue };
        let found = state.named(kind, kind, id, kind)?;
        if found.text("customer") != Some(customer) {
            let message = format!("The {kind} {id} does not belong to the customer {customer}.");
            return Err(ApiError::invalid(message).param(kind));
        }
        if kind == "invoice" && found.text("status") != Some("draft") {
            return Err(ApiError::invalid(format!("This invoice is no longer editable: {id}"))
                .code("invoice_not_editable")
                .param("invoice"));
        }
        currency = currency.or(found.text("currency").map(str::to_owned));
    }
    Ok(currency)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("invoiceitem", "invoiceitem", call.id(0)).cloned()
}

/// The id of the address, when its item is not on an invoice that was finalised.
fn editable(call: &Call<'_>) -> Result<String, ApiError> {
    let id = call.id(0).to_owned();
    let item = call.state.load("invoiceitem", "invoiceitem", &id)?;
    let invoice = item.text("invoice").and_then(|invoice| call.state.store.find("invoice", invoice));
    if invoice.is_some_and(|invoice| invoice.text("status") != Some("draft")) {
        return Err(ApiError::invalid(
            "You cannot modify an invoice item that is attached to a finalized invoice.",
        )
        .code("invoice_not_editable"));
    }
    Ok(id)
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = editable(call)?;
    let Call { state, params, .. } = call;
    let item = state.load("invoiceitem", "invoiceitem", &id)?.clone();
    let quantity = params.int("quantity").or(item.int("quantity")).unwrap_or(1);
    let amount = match params.int("amount") {
        Some(amount) => amount,
        None => repriced(state, &item, params, quantity)?,
    };
    let rates = tax_rates::named(state, params, "tax_rates", "tax_rates")?;
    let (customer, currency) =
        (item.text("customer").unwrap_or_default(), item.text("currency").unwrap_or_default());
    let holder = Holder { field: "invoice_item", id: &id, customer, currency, subtotal: amount };
    let entries = discounts::read(state, params, &holder, item.list("discounts"), "discounts")?;
    let redeemed = entries.map(|entries| discounts::redeem(state, &entries, &holder));
    state.change("invoiceitem", &id, |item| {
        if let Some(redeemed) = redeemed {
            item.put("discounts", redeemed);
        }
        if let Some(rates) = rates {
            item.put("tax_rates", rates);
        }
        if !params.at("tax_behavior").is_null() {
            item.put(&format!("{HIDDEN}.tax_behavior"), params.at("tax_behavior").clone());
        }
        if let Some(unit) = unit_of(params) {
            item.put("pricing.unit_amount_decimal", unit);
        } else if !params.at("amount").is_null() {
            item.put("pricing.unit_amount_decimal", amount.to_string());
        }
        patch(item, params, &["description", "discountable", "period"]);
        merge_metadata(item, params);
        item.put("quantity", quantity);
        item.put("quantity_decimal", quantity.to_string());
        item.put("amount", amount);
        item.put("net_amount", amount);
    });
    if let Some(invoice) = item.text("invoice") {
        let before = state.store.find("invoice", invoice).cloned().unwrap_or_default();
        invoices::refresh_item(state, invoice, &id);
        state.emit_updated("invoice.updated", "invoice", invoice, &before);
    }
    state.load("invoiceitem", "invoiceitem", &id).cloned()
}

/// What an item comes to after its quantity or its unit's amount was changed.
fn repriced(state: &State, item: &Value, params: &Value, quantity: i64) -> Result<i64, ApiError> {
    if let Some(unit) = params.text("unit_amount_decimal") {
        return Ok(decimal(unit)?.times(quantity).round());
    }
    if params.int("quantity").is_none() {
        return Ok(item.int("amount").unwrap_or_default());
    }
    // A price in tiers or packages has more to say than its unit's amount.
    let price = item.text("pricing.price_details.price").and_then(|price| state.store.find("price", price));
    let price = price.and_then(|price| price_amounts::in_currency(price, item.text("currency")?));
    Ok(match price {
        Some(price) => price_amounts::amount(&price, quantity),
        None => decimal(item.text("pricing.unit_amount_decimal").unwrap_or("0"))?.times(quantity).round(),
    })
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = editable(call)?;
    let state = &mut *call.state;
    if let Some(item) = state.store.remove("invoiceitem", &id) {
        if let Some(invoice) = item.text("invoice") {
            let before = state.store.find("invoice", invoice).cloned().unwrap_or_default();
            invoices::drop_item(state, invoice, &id);
            state.emit_updated("invoice.updated", "invoice", invoice, &before);
        }
        state.emit_gone("invoiceitem.deleted", &item);
    }
    Ok(json!({ "id": id, "object": "invoiceitem", "deleted": true }))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("invoiceitem", |item| {
        ["customer", "invoice"].iter().all(|name| list::same(params, name, item))
            && params.flag("pending").is_none_or(|pending| pending == item.at("invoice").is_null())
            && list::in_range(params, "created", item.int("date"))
    });
    list::page("/v1/invoiceitems", "invoiceitem", &rows, params)
}
