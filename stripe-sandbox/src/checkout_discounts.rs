//! What a checkout session for a subscription takes off: counted on the page, redeemed by the subscription that comes of it.

use serde_json::{Value, json};

use crate::discounts::{self, Entry, Holder};
use crate::errors::ApiError;
use crate::invoice_totals::{Discountable, take_off};
use crate::json::Fields;
use crate::state::State;

/// Takes the session's discount off its items. Gives what the session shows of it.
pub(crate) fn take_off_items(
    state: &State,
    params: &Value,
    mode: &str,
    items: &mut [Value],
) -> Result<Vec<Value>, ApiError> {
    let sent = params.list("discounts");
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    if mode != "subscription" {
        return Err(ApiError::unsupported("discounts"));
    }
    if sent.len() > 1 {
        return Err(
            ApiError::invalid("You may only specify one discount on a Checkout Session.").param("discounts")
        );
    }
    let currency = items.first().and_then(|item| item.text("currency")).unwrap_or_default().to_owned();
    let holder = Holder {
        field: "subscription",
        id: "",
        customer: params.text("customer").unwrap_or_default(),
        currency: &currency,
        subtotal: items.iter().filter_map(|item| item.int("amount_subtotal")).sum(),
    };
    for entry in discounts::read(state, params, &holder, &[], "discounts")?.unwrap_or_default() {
        let Entry::New { coupon, .. } = entry else { continue };
        let Some(off) = state
            .store
            .find("coupon", &coupon)
            .and_then(|found| discounts::off_of_coupon(found, &coupon, &currency))
        else {
            continue;
        };
        let lines: Vec<Discountable> = items
            .iter()
            .map(|item| Discountable {
                amount: item.int("amount_total").unwrap_or_default(),
                product: item.text("price.product").unwrap_or_default().to_owned(),
                discountable: true,
            })
            .collect();
        for (item, part) in items.iter_mut().zip(take_off(&off, &lines)) {
            let left = item.int("amount_total").unwrap_or_default() - part;
            item.put("amount_discount", part);
            item.put("amount_total", left);
        }
    }
    let shown = sent
        .iter()
        .map(|entry| json!({ "coupon": entry.at("coupon"), "promotion_code": entry.at("promotion_code") }));
    Ok(shown.collect())
}
