//! Lines of invoices: for a subscription's item over a period, or for an invoice item.

use serde_json::{Value, json};

use crate::calendar::Period;
use crate::currency;
use crate::errors::Answer;
use crate::http::Call;
use crate::json::Fields;
use crate::state::State;
use crate::{list, meters, prices};

/// `{ price_details: { price, product } }` with the unit's amount.
pub(crate) fn pricing(price: &Value) -> Value {
    json!({
        "price_details": { "price": price.id(), "product": price.at("product") }, "type": "price_details",
        "unit_amount_decimal": price.at("unit_amount_decimal"),
    })
}

/// What people call a price: its product's name.
pub(crate) fn title(state: &State, price: &Value) -> String {
    let product = price.text("product").and_then(|product| state.store.find("product", product));
    product.and_then(|product| product.text("name")).or(price.text("nickname")).unwrap_or("Item").to_owned()
}

fn line(state: &mut State, amount: i64, currency: &Value, period: Period) -> Value {
    json!({
        "id": state.id("il"), "object": "line_item", "amount": amount, "currency": currency, "description": null, "discount_amounts": [],
        "discountable": true, "discounts": [], "invoice": null, "livemode": false, "metadata": {}, "parent": null,
        "period": { "start": period.start, "end": period.end }, "pretax_credit_amounts": [], "pricing": null, "quantity": 1,
        "quantity_decimal": "1", "subscription": null, "subtotal": amount, "taxes": [],
    })
}

/// What a subscription's item costs.
pub(crate) struct ItemCharge<'a> {
    pub subscription: &'a Value,
    pub item: &'a Value,
    pub period: Period,
    /// In minor units.
    pub amount: i64,
    pub trial: bool,
}

/// The line for one subscription item.
pub(crate) fn of_subscription_item(state: &mut State, charge: &ItemCharge<'_>) -> Value {
    let (item, price) = (charge.item, charge.item.at("price"));
    let quantity = item.int("quantity").unwrap_or(1);
    let title = title(state, price);
    let interval = price.text("recurring.interval").unwrap_or("month");
    let every = match price.int("recurring.interval_count") {
        None | Some(1) => interval.to_owned(),
        Some(count) => format!("every {count} {interval}s"),
    };
    let unit = currency::display(
        price.int("unit_amount").unwrap_or_default(),
        price.text("currency").unwrap_or_default(),
    );
    let description = if charge.trial {
        format!("Free trial for {quantity} × {title}")
    } else {
        format!("{quantity} × {title} (at {unit} / {every})")
    };
    let mut line = line(state, charge.amount, price.at("currency"), charge.period);
    line.put("description", description);
    line.put("quantity", quantity);
    line.put("quantity_decimal", quantity.to_string());
    line.put("subscription", charge.subscription.id());
    line.put("pricing", pricing(price));
    line.put("metadata", charge.subscription.at("metadata").clone());
    line.put(
        "parent",
        json!({
            "invoice_item_details": null, "type": "subscription_item_details",
            "subscription_item_details": {
                "invoice_item": null, "proration": false, "proration_details": { "credited_items": null },
                "subscription": charge.subscription.id(), "subscription_item": item.id(),
            },
        }),
    );
    line
}

/// The line for an invoice item.
pub(crate) fn of_invoice_item(state: &mut State, item: &Value) -> Value {
    let period = Period {
        start: item.int("period.start").unwrap_or_default(),
        end: item.int("period.end").unwrap_or_default(),
    };
    let mut line = line(state, item.int("amount").unwrap_or_default(), item.at("currency"), period);
    for field in ["description", "discountable", "metadata", "pricing", "quantity", "quantity_decimal"] {
        line.put(field, item.at(field).clone());
    }
    let subscription = item.at("parent.subscription_details.subscription");
    line.put("subscription", subscription.clone());
    line.put(
        "parent",
        json!({
            "invoice_item_details": {
                "invoice_item": item.id(), "proration": item.at("proration"), "proration_details": { "credited_items": null },
                "subscription": subscription,
            },
            "subscription_item_details": null, "type": "invoice_item_details",
        }),
    );
    line
}

/// What a price's quantity costs over a whole period, for `ItemCharge::amount`. A metered item costs nothing before its
/// usage stands as its quantity.
pub(crate) fn full_amount(item: &Value) -> i64 {
    let unset = i64::from(!meters::is_metered(item.at("price")));
    prices::amount(item.at("price"), item.int("quantity").unwrap_or(unset))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let id = call.id(0);
    let invoice = call.state.load("invoice", "invoice", id)?;
    let rows: Vec<&Value> = invoice.list("lines.data").iter().collect();
    list::page(&format!("/v1/invoices/{id}/lines"), "line_item", &rows, &call.params)
}
