//! What each item of a subscription was charged for which time. A change credits out of this, so that no more comes back
//! than was charged, whatever the price and the discounts were by then.

use serde_json::{Value, json};

use crate::calendar::{self, Period};
use crate::clock::Timestamp;
use crate::invoice_lines;
use crate::invoice_totals;
use crate::json::Fields;
use crate::state::{HIDDEN, State};
use crate::subscription_items;

/// The charges there are for an item's time. One that was imported has none noted: its current period counts as paid.
fn charges(item: &Value) -> Vec<Value> {
    match item.at(HIDDEN).at("billed") {
        Value::Array(charges) => charges.clone(),
        _ => {
            let (start, end) = (item.int("current_period_start"), item.int("current_period_end"));
            vec![json!({ "start": start, "end": end, "amount": invoice_lines::full_amount(item) })]
        }
    }
}

fn set(item: &mut Value, charges: Vec<Value>) {
    item.put(&format!("{HIDDEN}.billed"), charges);
}

/// Notes one more charge.
pub(crate) fn charge(item: &mut Value, period: Period, amount: i64) {
    let mut all = charges(item);
    all.push(json!({ "start": period.start, "end": period.end, "amount": amount }));
    set(item, all);
}

/// Starts the notes of a new item.
pub(crate) fn begin(item: &mut Value) {
    set(item, Vec::new());
}

/// Takes back what was charged for the time from a moment on. Gives how much that is.
pub(crate) fn credit(item: &mut Value, from: Timestamp) -> i64 {
    let mut all = charges(item);
    let mut credited = 0;
    for charge in &mut all {
        let (start, end) = (charge.int("start").unwrap_or_default(), charge.int("end").unwrap_or_default());
        let amount = charge.int("amount").unwrap_or_default();
        let kept_until = from.max(start);
        if kept_until >= end {
            continue;
        }
        let unused = calendar::prorate(amount, end - kept_until, end - start);
        credited += unused;
        charge.put("amount", amount - unused);
        charge.put("end", kept_until);
    }
    set(item, all);
    credited
}

/// Notes what an invoice's lines charge for the period of a subscription's items, in place of what was noted before.
pub(crate) fn note(state: &mut State, subscription: &str, invoice: &str) {
    let lines = state
        .store
        .find("invoice", invoice)
        .map(|invoice| invoice.list("lines.data").to_vec())
        .unwrap_or_default();
    state.change("subscription", subscription, |subscription| {
        for item in subscription_items::items_mut(subscription) {
            let own = |line: &&Value| {
                line.text("parent.subscription_item_details.subscription_item") == Some(item.id())
            };
            let Some(line) = lines.iter().find(own) else { continue };
            let period = Period {
                start: line.int("period.start").unwrap_or_default(),
                end: line.int("period.end").unwrap_or_default(),
            };
            let net = invoice_totals::net_of(line);
            begin(item);
            charge(item, period, net);
        }
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MONTH: i64 = 30 * 24 * 3600;

    proptest! {
        /// Over any sequence of changes the sum that was charged and not credited is the price of the time used.
        #[test]
        fn what_is_charged_and_not_credited_is_the_price_of_the_time_used(
            first in 0_i64..200_000,
            changes in proptest::collection::vec((0_i64..=MONTH, 0_i64..200_000), 0..12),
        ) {
            let mut item = json!({});
            begin(&mut item);
            charge(&mut item, Period { start: 0, end: MONTH }, first);
            let mut changes = changes;
            changes.sort_unstable();
            let (mut balance, mut price, mut since) = (first, first, 0);
            // In seconds times minor units, so that it is exact.
            let mut used = 0_i128;
            for (at, new) in &changes {
                let credited = credit(&mut item, *at);
                prop_assert!(credited >= 0 && credited <= balance, "{credited} of {balance} came back");
                let charged = calendar::prorate(*new, MONTH - at, MONTH);
                charge(&mut item, Period { start: *at, end: MONTH }, charged);
                balance += charged - credited;
                used += i128::from(price) * i128::from(at - since);
                (price, since) = (*new, *at);
            }
            used += i128::from(price) * i128::from(MONTH - since);
            let off = i128::from(balance) * i128::from(MONTH) - used;
            let allowed = i128::from(MONTH) * i128::try_from(changes.len()).unwrap();
            prop_assert!(off.abs() <= allowed, "off by {off} of {allowed}");
            // Given up at once, everything but the past comes back, and never more than was charged.
            let rest = credit(&mut item, 0);
            prop_assert!(rest <= balance);
        }
    }
}
