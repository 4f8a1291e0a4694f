//! Lines of invoices: for a subscription's item over a period, or for an invoice item.

use serde_json::{Value, json};

use crate::calendar::Period;
use crate::errors::Answer;
use crate::http::Call;
use crate::json::Fields;
use crate::state::{HIDDEN, State};
use crate::{discounts, invoice_totals, list, meters, price_amounts};

/// What a subscription's items come to over a whole period after the discounts that run now, one by one.
pub(crate) fn net_amounts(state: &State, subscription: &Value) -> Vec<i64> {
    let lines = subscription.list("items.data").iter().map(|item| {
        json!({
            "amount": full_amount(item), "discountable": true, "discounts": discounts::running(state, item.list("discounts")),
            "pricing": pricing(item.at("price")),
        })
    });
    let invoice = json!({
        "currency": subscription.at("currency"), "discounts": discounts::running(state, subscription.list("discounts")),
    });
    invoice_totals::net_amounts(state, &invoice, lines.collect())
}

/// `{ price_details: { price, product } }` with the unit's amount.
pub(crate) fn pricing(price: &Value) -> Value {
    json!({
        "price_details": { "price": price.id(), "product": price.at("product") }, "type": "price_details",
        "unit_amount_decimal": price_amounts::unit_of(price),
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
    let description = match price_amounts::unit_for_people(price) {
        _ if charge.trial => format!("Free trial for {quantity} × {title}"),
        Some(unit) => format!("{quantity} × {title} (at {unit} / {every})"),
        None => format!("{quantity} × {title} (in tiers / {every})"),
    };
    let currency = Value::from(price_amounts::currency_of(price));
    let mut line = line(state, charge.amount, &currency, charge.period);
    line.put("description", description);
    line.put("quantity", quantity);
    line.put("quantity_decimal", quantity.to_string());
    line.put("subscription", charge.subscription.id());
    line.put("pricing", pricing(price));
    line.put("metadata", charge.subscription.at("metadata").clone());
    line.put("discounts", discounts::running(state, item.list("discounts")));
    invoice_totals::note_taxes(&mut line, item.at("tax_rates"), price_amounts::tax_behavior_of(price));
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
    line.put("discounts", discounts::running(state, item.list("discounts")));
    invoice_totals::note_taxes(&mut line, item.at("tax_rates"), item.at(HIDDEN).at("tax_behavior"));
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
    if meters::is_metered(item.at("price")) && item.int("quantity").is_none() {
        return 0;
    }
    price_amounts::amount(item.at("price"), item.int("quantity").unwrap_or(1))
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let id = call.id(0);
    let invoice = call.state.load("invoice", "invoice", id)?;
    let rows: Vec<&Value> = invoice.list("lines.data").iter().collect();
    list::page(&format!("/v1/invoices/{id}/lines"), "line_item", &rows, &call.params)
}
