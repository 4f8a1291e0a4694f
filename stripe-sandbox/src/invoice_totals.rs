//! What an invoice comes to: discounts on its lines, taxes on what is left, and the sums.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::decimal::{Decimal, divide};
use crate::json::Fields;
use crate::state::{HIDDEN, State};
use crate::{discounts, tax_rates};

/// A coupon as an invoice counts it.
#[derive(Debug, Clone)]
pub(crate) struct Off {
    /// The discount's id.
    pub id: String,
    pub kind: OffKind,
    /// The products it is for; all when there are none.
    pub products: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum OffKind {
    Percent(Decimal),
    /// In minor units, once an invoice.
    Amount(i64),
}

/// A line as discounts see it.
#[derive(Debug, Clone)]
pub(crate) struct Discountable {
    /// What is left of it.
    pub amount: i64,
    pub product: String,
    pub discountable: bool,
}

/// Takes a discount off those of the lines that it is for. Gives what it takes off each; no line falls below zero.
pub(crate) fn take_off(off: &Off, lines: &[Discountable]) -> Vec<i64> {
    let meant = |line: &Discountable| {
        line.discountable
            && line.amount > 0
            && (off.products.is_empty() || off.products.contains(&line.product))
    };
    let open = |line: &Discountable| if meant(line) { line.amount } else { 0 };
    match off.kind {
        OffKind::Percent(percent) => lines.iter().map(|line| percent.percent_of(open(line))).collect(),
        OffKind::Amount(amount) => {
            let whole: i64 = lines.iter().map(open).sum();
            let taken = i128::from(amount.min(whole).max(0));
            let (mut reached, mut given) = (0_i128, 0_i128);
            let share = lines.iter().map(|line| {
                reached += i128::from(open(line));
                let upto = if whole == 0 { 0 } else { divide(taken * reached, i128::from(whole)) };
                let part = upto - given;
                given = upto;
                i64::try_from(part).unwrap_or_default()
            });
            share.collect()
        }
    }
}

/// A tax rate as an invoice counts it.
#[derive(Debug, Clone)]
pub(crate) struct Tax {
    pub rate: String,
    pub percentage: Decimal,
    pub inclusive: bool,
}

/// The taxes on an amount, in the order of the rates, and what they are counted from.
pub(crate) fn taxes_on(amount: i64, taxes: &[Tax]) -> Vec<(i64, i64)> {
    let contained = taxes.iter().filter(|tax| tax.inclusive).map(|tax| tax.percentage);
    let contained = contained.fold(Decimal::default(), Decimal::plus);
    let inclusive = |tax: &Tax| tax.percentage.contained_in(amount, contained);
    let net = amount - taxes.iter().filter(|tax| tax.inclusive).map(inclusive).sum::<i64>();
    taxes
        .iter()
        .map(|tax| (if tax.inclusive { inclusive(tax) } else { tax.percentage.percent_of(net) }, net))
        .collect()
}

/// Works out an invoice's lines and sums anew.
pub(crate) fn work_out(state: &mut State, id: &str) {
    let Some(mut invoice) = state.store.find("invoice", id).cloned() else { return };
    let mut lines = invoice.list("lines.data").to_vec();
    take_discounts_off(state, &invoice, &mut lines);
    let exclusive = put_taxes_on(state, &invoice, &mut lines);
    let subtotal = sum(&lines, |line| line.int("amount").unwrap_or_default());
    let discounted = sum(&lines, discount_of);
    let all_taxes = sum(&lines, |line| sum(line.list("taxes"), |tax| tax.int("amount").unwrap_or_default()));
    let total = subtotal - discounted + exclusive;
    let discounts = total_discounts(&lines);
    invoice.put("total_pretax_credit_amounts", as_credits(&discounts));
    invoice.put("total_discount_amounts", discounts);
    invoice.put("total_taxes", total_taxes(&lines));
    invoice.put("subtotal", subtotal);
    invoice.put("subtotal_excluding_tax", subtotal - (all_taxes - exclusive));
    invoice.put("total", total);
    invoice.put("total_excluding_tax", total - all_taxes);
    invoice.put("amount_due", total.max(0));
    invoice.put("amount_remaining", total.max(0));
    invoice.put("lines.data", lines);
    state.store.insert(invoice);
}

fn sum(values: &[Value], of: impl Fn(&Value) -> i64) -> i64 {
    values.iter().map(of).fold(0, i64::saturating_add)
}

/// What discounts take off a line.
pub(crate) fn discount_of(line: &Value) -> i64 {
    sum(line.list("discount_amounts"), |off| off.int("amount").unwrap_or_default())
}

/// What a line comes to after its discounts, taxes aside.
pub(crate) fn net_of(line: &Value) -> i64 {
    line.int("amount").unwrap_or_default() - discount_of(line)
}

/// What each of an invoice's lines comes to after its discounts.
pub(crate) fn net_amounts(state: &State, invoice: &Value, mut lines: Vec<Value>) -> Vec<i64> {
    take_discounts_off(state, invoice, &mut lines);
    lines.iter().map(net_of).collect()
}

/// First each line's own discounts, then the invoice's.
fn take_discounts_off(state: &State, invoice: &Value, lines: &mut [Value]) {
    let mut left: Vec<Discountable> = lines
        .iter()
        .map(|line| Discountable {
            amount: line.int("amount").unwrap_or_default(),
            product: line.text("pricing.price_details.product").unwrap_or_default().to_owned(),
            discountable: line.flag("discountable") == Some(true),
        })
        .collect();
    let mut taken: Vec<Vec<Value>> = vec![Vec::new(); lines.len()];
    let mut take = |off: &Off, left: &mut [Discountable]| {
        for (index, part) in take_off(off, left).into_iter().enumerate() {
            left[index].amount -= part;
            let applies = left[index].discountable
                && (off.products.is_empty() || off.products.contains(&left[index].product));
            if applies {
                taken[index].push(json!({ "amount": part, "discount": off.id }));
            }
        }
    };
    for (index, line) in lines.iter().enumerate() {
        for off in line
            .list("discounts")
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|id| discounts::off(state, id, invoice))
        {
            let others: Vec<bool> = left.iter().map(|line| line.discountable).collect();
            left.iter_mut().enumerate().for_each(|(at, line)| line.discountable &= at == index);
            take(&off, &mut left);
            left.iter_mut().zip(others).for_each(|(line, was)| line.discountable = was);
        }
    }
    for off in invoice
        .list("discounts")
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|id| discounts::off(state, id, invoice))
    {
        take(&off, &mut left);
    }
    for (line, taken) in lines.iter_mut().zip(taken) {
        line.put("pretax_credit_amounts", as_credits(&taken));
        line.put("discount_amounts", taken);
    }
}

/// Sets the taxes of every line. Gives the sum of those that come on top.
fn put_taxes_on(state: &mut State, invoice: &Value, lines: &mut [Value]) -> i64 {
    let reason = match invoice.text("customer_tax_exempt") {
        Some("exempt") => "customer_exempt",
        Some("reverse") => "reverse_charge",
        _ => "standard_rated",
    };
    let mut on_top = 0;
    for line in lines {
        let taxes = tax_rates::of_line(state, invoice, line);
        let net = net_of(line);
        let counted =
            if reason == "standard_rated" { taxes_on(net, &taxes) } else { vec![(0, net); taxes.len()] };
        let shown: Vec<Value> = taxes
            .iter()
            .zip(counted)
            .map(|(tax, (amount, taxable))| {
                if !tax.inclusive {
                    on_top += amount;
                }
                json!({
                    "amount": amount, "tax_behavior": if tax.inclusive { "inclusive" } else { "exclusive" },
                    "tax_rate_details": { "tax_rate": tax.rate }, "taxability_reason": reason, "taxable_amount": taxable,
                    "type": "tax_rate_details",
                })
            })
            .collect();
        line.put("taxes", shown);
    }
    on_top
}

fn total_discounts(lines: &[Value]) -> Vec<Value> {
    let mut totals: Vec<(String, i64)> = Vec::new();
    for off in lines.iter().flat_map(|line| line.list("discount_amounts")) {
        let (id, amount) = (off.text("discount").unwrap_or_default(), off.int("amount").unwrap_or_default());
        match totals.iter_mut().find(|(known, _)| known == id) {
            Some((_, total)) => *total += amount,
            None => totals.push((id.to_owned(), amount)),
        }
    }
    totals.into_iter().map(|(id, amount)| json!({ "amount": amount, "discount": id })).collect()
}

/// Stripe says the same once more beside credit grants.
fn as_credits(amounts: &[Value]) -> Vec<Value> {
    let credit = |amount: &Value| json!({ "amount": amount.at("amount"), "discount": amount.at("discount"), "type": "discount" });
    amounts.iter().map(credit).collect()
}

fn total_taxes(lines: &[Value]) -> Vec<Value> {
    let mut totals: BTreeMap<(String, String), Value> = BTreeMap::new();
    for tax in lines.iter().flat_map(|line| line.list("taxes")) {
        let text = |name: &str| tax.text(name).unwrap_or_default().to_owned();
        let total = totals.entry((text("tax_rate_details.tax_rate"), text("tax_behavior")));
        total
            .and_modify(|total| {
                for name in ["amount", "taxable_amount"] {
                    let added = total.int(name).unwrap_or_default() + tax.int(name).unwrap_or_default();
                    total.put(name, added);
                }
            })
            .or_insert_with(|| tax.clone());
    }
    totals.into_values().collect()
}

/// What a line for a subscription's item carries for the sums: which taxes are its own.
pub(crate) fn note_taxes(line: &mut Value, rates: &Value, behaviour: &Value) {
    line.put(&format!("{HIDDEN}.tax_rates"), rates.clone());
    line.put(&format!("{HIDDEN}.tax_behavior"), behaviour.clone());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines() -> impl Strategy<Value = Vec<Discountable>> {
        let line = (-5000_i64..20_000, 0_u8..3, any::<bool>()).prop_map(|(amount, product, discountable)| {
            Discountable { amount, product: format!("prod_{product}"), discountable }
        });
        proptest::collection::vec(line, 1..12)
    }

    fn kind() -> impl Strategy<Value = OffKind> {
        prop_oneof![
            (1_i64..=10_000).prop_map(|hundredths| OffKind::Percent(Decimal::from(hundredths).shifted(2))),
            (1_i64..60_000).prop_map(OffKind::Amount),
        ]
    }

    proptest! {
        #[test]
        fn a_discount_takes_no_line_below_zero_and_an_amount_is_given_whole(lines in lines(), kind in kind(), one in any::<bool>()) {
            let products = if one { vec!["prod_1".to_owned()] } else { Vec::new() };
            let off = Off { id: "di_1".into(), kind, products };
            let taken = take_off(&off, &lines);
            let mut open = 0;
            for (line, taken) in lines.iter().zip(&taken) {
                let meant = line.discountable && line.amount > 0 && (!one || line.product == "prod_1");
                let most = if meant { line.amount } else { 0 };
                prop_assert!((0..=most).contains(taken));
                open += most;
            }
            if let OffKind::Amount(amount) = kind {
                prop_assert_eq!(taken.iter().sum::<i64>(), amount.min(open));
            }
        }

        #[test]
        fn contained_taxes_and_the_rest_are_the_amount(amount in -100_000_i64..100_000, percent in 0_i64..3000) {
            let percentage = Decimal::from(percent).shifted(2);
            let tax = |inclusive| Tax { rate: "txr_1".into(), percentage, inclusive };
            let (contained, net) = taxes_on(amount, &[tax(true)])[0];
            prop_assert_eq!(contained + net, amount);
            let (on_top, _) = taxes_on(net, &[tax(false)])[0];
            prop_assert!((on_top - contained).abs() <= 1, "{on_top} on top of {net}, {contained} contained in {amount}");
        }
    }
}
