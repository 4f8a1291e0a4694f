//! Discounts: a coupon on a subscription, an item of one, an invoice or an invoice item.

use serde_json::{Value, json};

use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::decimal::Decimal;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::invoice_totals::{Off, OffKind};
use crate::json::Fields;
use crate::state::{HIDDEN, State};
use crate::{coupons, promotion_codes};

/// The most discounts that Stripe stacks.
const MOST: usize = 20;

/// What discounts are put on.
#[derive(Clone, Copy)]
pub(crate) struct Holder<'a> {
    /// The discount's field for it: `subscription`, `subscription_item`, `invoice` or `invoice_item`.
    pub field: &'a str,
    pub id: &'a str,
    pub customer: &'a str,
    pub currency: &'a str,
    /// What it costs without discounts, for codes that ask for a minimum.
    pub subtotal: i64,
}

/// One entry of a `discounts` parameter, checked: a discount to keep, or a coupon to redeem.
pub(crate) enum Entry {
    Kept(String),
    New { coupon: String, code: Option<String> },
}

/// Reads a `discounts` parameter; none when it was not sent. `held` are the discounts there are.
pub(crate) fn read(
    state: &State,
    params: &Value,
    holder: &Holder<'_>,
    held: &[Value],
    path: &str,
) -> Result<Option<Vec<Entry>>, ApiError> {
    if params.at("discounts").is_null() {
        return Ok(None);
    }
    let sent = params.list("discounts");
    if sent.len() > MOST {
        return Err(ApiError::invalid(format!("You may specify up to {MOST} discounts.")).param(path));
    }
    let mut entries = Vec::new();
    for (index, entry) in sent.iter().enumerate() {
        let param = |name: &str| format!("{path}[{index}][{name}]");
        entries.push(match (entry.text("coupon"), entry.text("promotion_code"), entry.text("discount")) {
            (Some(coupon), None, None) => {
                check(state, coupon, holder, &param("coupon"))?;
                Entry::New { coupon: coupon.to_owned(), code: None }
            }
            (None, Some(code), None) => {
                let param = param("promotion_code");
                let order = (holder.subtotal, holder.currency);
                let coupon = promotion_codes::redeem(state, code, holder.customer, order, &param)?;
                check(state, &coupon, holder, &param)?;
                Entry::New { coupon, code: Some(code.to_owned()) }
            }
            (None, None, Some(discount)) => {
                if !held.iter().any(|id| id.as_str() == Some(discount)) {
                    return Err(ApiError::no_such("discount", discount, &param("discount")));
                }
                Entry::Kept(discount.to_owned())
            }
            _ => {
                return Err(ApiError::invalid(
                    "You must pass exactly one of `coupon`, `discount` and `promotion_code` in each of the discounts.",
                )
                .param(&format!("{path}[{index}]")));
            }
        });
    }
    Ok(Some(entries))
}

fn check(state: &State, id: &str, holder: &Holder<'_>, param: &str) -> Result<(), ApiError> {
    let coupon = state.named("coupon", "coupon", id, param)?;
    if !coupons::is_valid(coupon, state.now()) {
        return Err(ApiError::invalid(format!("Coupon expired: {id}")).code("coupon_expired").param(param));
    }
    if !coupon.at("amount_off").is_null() && amount_in(coupon, holder.currency).is_none() {
        let message =
            format!("The coupon {id} has no amount in {}, the currency that is charged.", holder.currency);
        return Err(ApiError::invalid(message).param(param));
    }
    Ok(())
}

fn amount_in(coupon: &Value, currency: &str) -> Option<i64> {
    coupon.at(HIDDEN).at("currency_options").at(currency).int("amount_off")
}

/// Redeems what was read. Gives the ids of the discounts, in their order.
pub(crate) fn redeem(state: &mut State, entries: &[Entry], holder: &Holder<'_>) -> Vec<Value> {
    let mut ids = Vec::new();
    for entry in entries {
        ids.push(match entry {
            Entry::Kept(id) => json!(id),
            Entry::New { coupon, code } => json!(begin(state, coupon, code.as_deref(), holder)),
        });
    }
    ids
}

fn begin(state: &mut State, coupon_id: &str, code: Option<&str>, holder: &Holder<'_>) -> String {
    let coupon = state.store.find("coupon", coupon_id).cloned().unwrap_or_default();
    let now = state.now();
    let months = coupon.int("duration_in_months");
    let end: Option<Timestamp> = months.map(|months| Interval::new("month", months).period(now, now).end);
    let mut discount = json!({
        "id": state.id("di"), "object": "discount", "checkout_session": null, "customer": holder.customer, "customer_account": null,
        "end": end, "invoice": null, "invoice_item": null, "promotion_code": code, "source": { "coupon": coupon_id, "type": "coupon" },
        "start": now, "subscription": null, "subscription_item": null,
        // A coupon may be deleted; what came of it goes on.
        HIDDEN: { "coupon": coupon },
    });
    discount.put(holder.field, holder.id);
    let id = discount.id().to_owned();
    let announced = holder.field.starts_with("subscription");
    state.store.insert(discount);
    if announced {
        state.emit("customer.discount.created", "discount", &id);
    }
    let count = |object: &mut Value| {
        let times = object.int("times_redeemed").unwrap_or_default() + 1;
        object.put("times_redeemed", times);
    };
    state.change("coupon", coupon_id, |coupon| {
        count(coupon);
        let valid = coupons::is_valid(coupon, now);
        coupon.put("valid", valid);
    });
    if let Some(code) = code {
        state.change("promotion_code", code, count);
    }
    id
}

/// A discount as an invoice counts it.
pub(crate) fn off(state: &State, id: &str, invoice: &Value) -> Option<Off> {
    let discount = state.store.find("discount", id)?;
    off_of_coupon(discount.at(HIDDEN).at("coupon"), id, invoice.text("currency").unwrap_or_default())
}

/// A coupon as it counts in a currency, under the id of what gives it.
pub(crate) fn off_of_coupon(coupon: &Value, id: &str, currency: &str) -> Option<Off> {
    let kind = match coupon.at("percent_off") {
        Value::Number(percent) => OffKind::Percent(Decimal::parse(&percent.to_string())?),
        _ => OffKind::Amount(amount_in(coupon, currency)?),
    };
    let products = coupon.at(HIDDEN).list("applies_to.products").iter().filter_map(Value::as_str);
    Some(Off { id: id.to_owned(), kind, products: products.map(str::to_owned).collect() })
}

/// Whether a discount still counts at a moment.
fn is_running(state: &State, id: &Value, now: Timestamp) -> bool {
    let discount = id.as_str().and_then(|id| state.store.find("discount", id));
    discount.is_some_and(|discount| discount.int("end").is_none_or(|end| now < end))
}

/// Those of the discounts that still count.
pub(crate) fn running(state: &State, ids: &[Value]) -> Vec<Value> {
    let now = state.now();
    ids.iter().filter(|id| is_running(state, id, now)).cloned().collect()
}

/// Takes discounts that have ended off a subscription and its items.
pub(crate) fn drop_ended(state: &mut State, subscription: &str) {
    let now = state.now();
    let Some(found) = state.store.find("subscription", subscription) else { return };
    let of_items = found.list("items.data").iter().flat_map(|item| item.list("discounts"));
    let held: Vec<Value> = found.list("discounts").iter().chain(of_items).cloned().collect();
    for id in
        held.iter().filter(|id| !is_running(state, id, now)).filter_map(Value::as_str).collect::<Vec<_>>()
    {
        end(state, subscription, id);
    }
}

/// Once an invoice took them off, the discounts of coupons with the duration `once` are over: those of a trial's invoice
/// took nothing off.
pub(crate) fn used(state: &mut State, invoice: &Value) {
    let Some(subscription) = crate::invoices::subscription_of(invoice).map(str::to_owned) else { return };
    let taken = invoice.list("total_discount_amounts").iter();
    let taken = taken.filter(|total| total.int("amount").is_some_and(|amount| amount > 0));
    for id in taken.filter_map(|total| total.text("discount")) {
        let once = state
            .store
            .find("discount", id)
            .is_some_and(|discount| discount.at(HIDDEN).text("coupon.duration") == Some("once"));
        if once {
            end(state, &subscription, id);
        }
    }
}

/// Takes a discount off a subscription or one of its items. The discount itself is kept: invoices name it.
fn end(state: &mut State, subscription: &str, id: &str) {
    let without = |object: &mut Value| {
        let kept: Vec<Value> =
            object.list("discounts").iter().filter(|held| held.as_str() != Some(id)).cloned().collect();
        let dropped = kept.len() != object.list("discounts").len();
        if dropped {
            object.put("discounts", kept);
        }
        dropped
    };
    let mut dropped = false;
    state.change("subscription", subscription, |subscription| {
        dropped |= without(subscription);
        for item in crate::subscription_items::items_mut(subscription) {
            dropped |= without(item);
        }
    });
    if dropped {
        state.emit("customer.discount.deleted", "discount", id);
    }
}

/// Says of the discounts that a subscription held that they are gone, where they are.
pub(crate) fn announce_ended(state: &mut State, subscription: &str, held: &[Value]) {
    let kept = state.store.find("subscription", subscription).map(|found| found.list("discounts").to_vec());
    let kept = kept.unwrap_or_default();
    for id in held.iter().filter(|id| !kept.contains(id)).filter_map(Value::as_str) {
        state.emit("customer.discount.deleted", "discount", id);
    }
}

/// `DELETE /v1/subscriptions/{}/discount`: all of a subscription's own discounts.
pub(crate) fn delete_of_subscription(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let state = &mut *call.state;
    let subscription = state.load("subscription", "subscription", &id)?.clone();
    let held: Vec<&str> = subscription.list("discounts").iter().filter_map(Value::as_str).collect();
    let Some(last) = held.last() else {
        return Err(ApiError::not_found("discount", &id));
    };
    for discount in &held {
        end(state, &id, discount);
    }
    state.emit_updated("customer.subscription.updated", "subscription", &id, &subscription);
    let mut gone = state.load("discount", "discount", last)?.clone();
    gone.put("deleted", true);
    if let Some(gone) = gone.as_object_mut() {
        gone.remove("end");
    }
    Ok(gone)
}
