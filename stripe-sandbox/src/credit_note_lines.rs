//! Lines of credit notes, and what they come to.

use serde_json::{Value, json};

use crate::calendar::prorate;
use crate::errors::ApiError;
use crate::json::{Fields, merge_metadata};
use crate::state::State;

/// What a credit note takes back.
pub(crate) struct Credit {
    /// Not numbered yet.
    pub lines: Vec<Value>,
    pub subtotal: i64,
    pub subtotal_excluding_tax: i64,
    pub discount: i64,
    /// Per discount, as `discount_amounts` shows it.
    pub discounts: Vec<Value>,
    /// Per rate, as `total_taxes` shows it.
    pub taxes: Vec<Value>,
    pub total: i64,
}

/// Reads `amount` or `lines` of a request.
pub(crate) fn read(state: &State, invoice: &Value, params: &Value) -> Result<Credit, ApiError> {
    let lines = match (params.int("amount"), params.at("lines").as_array()) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("You may only specify one of these parameters: amount, lines.")
                .param("lines"));
        }
        (Some(amount), None) => {
            check_positive(amount, "amount")?;
            vec![line("custom_line_item", amount, Some("Custom amount"))]
        }
        (None, Some(sent)) if !sent.is_empty() => {
            let mut lines: Vec<Value> = Vec::new();
            for (index, sent) in sent.iter().enumerate() {
                let line = read_line(state, invoice, sent, index, &lines)?;
                lines.push(line);
            }
            lines
        }
        (None, _) => {
            return Err(
                ApiError::invalid("You must pass one of these parameters: amount, lines.").param("amount")
            );
        }
    };
    Ok(add_up(lines))
}

fn check_positive(amount: i64, param: &str) -> Result<(), ApiError> {
    if amount > 0 {
        return Ok(());
    }
    let message = "This value must be greater than or equal to 1.";
    Err(ApiError::parameter("parameter_invalid_integer", param, message))
}

fn line(kind: &str, amount: i64, description: Option<&str>) -> Value {
    json!({
        "object": "credit_note_line_item", "amount": amount, "description": description, "discount_amount": 0, "discount_amounts": [],
        "livemode": false, "metadata": {}, "pretax_credit_amounts": [], "quantity": null, "tax_rates": [], "taxes": [], "type": kind,
        "unit_amount": null, "unit_amount_decimal": null,
    })
}

fn unit_amount(sent: &Value, index: usize) -> Result<Option<i64>, ApiError> {
    match (sent.int("unit_amount"), sent.text("unit_amount_decimal")) {
        (Some(unit), _) => Ok(Some(unit)),
        (None, Some(decimal)) => decimal
            .parse()
            .map(Some)
            .map_err(|_| ApiError::unsupported(&format!("lines[{index}][unit_amount_decimal]"))),
        (None, None) => Ok(None),
    }
}

fn read_line(
    state: &State,
    invoice: &Value,
    sent: &Value,
    index: usize,
    before: &[Value],
) -> Result<Value, ApiError> {
    let param = |name: &str| format!("lines[{index}][{name}]");
    let unit = unit_amount(sent, index)?;
    let quantity = sent.int("quantity");
    if sent.text("type") == Some("custom_line_item") {
        let unit = unit.ok_or_else(|| ApiError::missing(&param("unit_amount")))?;
        let quantity = quantity.unwrap_or(1);
        check_positive(unit.saturating_mul(quantity), &param("unit_amount"))?;
        let description = sent.text("description").ok_or_else(|| ApiError::missing(&param("description")))?;
        let mut line = line("custom_line_item", unit.saturating_mul(quantity), Some(description));
        line.put("quantity", quantity);
        line.put("unit_amount", unit);
        line.put("unit_amount_decimal", unit.to_string());
        merge_metadata(&mut line, sent);
        return Ok(line);
    }
    let id = sent.text("invoice_line_item").ok_or_else(|| ApiError::missing(&param("invoice_line_item")))?;
    let of = invoice
        .list("lines.data")
        .iter()
        .find(|line| line.id() == id)
        .ok_or_else(|| ApiError::no_such("invoice line item", id, &param("invoice_line_item")))?;
    let (whole, count) = (of.int("amount").unwrap_or_default(), of.int("quantity").unwrap_or(1));
    let amount = match (sent.int("amount"), quantity) {
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: amount, quantity.";
            return Err(ApiError::invalid(message).param(&param("quantity")));
        }
        (Some(amount), None) => amount,
        (None, Some(quantity)) => match unit {
            Some(unit) => unit.saturating_mul(quantity),
            None => prorate(whole, quantity, count.max(1)),
        },
        (None, None) => return Err(ApiError::missing(&param("quantity"))),
    };
    check_positive(amount, &param("amount"))?;
    let left = whole - credited(state, invoice.id(), id) - sum_of(before, id);
    if amount > left {
        let message = format!("The line {id} has only {left} left to be credited.");
        return Err(ApiError::invalid(message).param(&param("amount")));
    }
    let mut line = line("invoice_line_item", amount, sent.text("description").or(of.text("description")));
    line.put("invoice_line_item", id);
    if let Some(quantity) = quantity {
        let unit = if quantity == 0 { 0 } else { amount / quantity };
        line.put("quantity", quantity);
        line.put("unit_amount", unit);
        line.put("unit_amount_decimal", unit.to_string());
    }
    let part = |of: &Value, names: &[&str]| {
        let mut part = of.clone();
        for name in names {
            if let Some(value) = of.int(name) {
                part.put(name, prorate(value, amount, whole));
            }
        }
        part
    };
    let discounts: Vec<Value> = of.list("discount_amounts").iter().map(|of| part(of, &["amount"])).collect();
    line.put("discount_amount", discounts.iter().filter_map(|of| of.int("amount")).sum::<i64>());
    line.put("discount_amounts", discounts);
    let taxes: Vec<Value> =
        of.list("taxes").iter().map(|of| part(of, &["amount", "taxable_amount"])).collect();
    line.put("taxes", taxes);
    merge_metadata(&mut line, sent);
    Ok(line)
}

/// What issued notes have credited of an invoice's line.
fn credited(state: &State, invoice: &str, line: &str) -> i64 {
    let issued =
        |note: &&Value| note.text("invoice") == Some(invoice) && note.text("status") == Some("issued");
    state.store.all("credit_note").filter(issued).map(|note| sum_of(note.list("lines.data"), line)).sum()
}

fn sum_of(lines: &[Value], line: &str) -> i64 {
    let of = |credited: &&Value| credited.text("invoice_line_item") == Some(line);
    lines.iter().filter(of).filter_map(|credited| credited.int("amount")).sum()
}

fn add_up(lines: Vec<Value>) -> Credit {
    let sum = |name: &str| lines.iter().filter_map(|line| line.int(name)).sum::<i64>();
    let (subtotal, discount) = (sum("amount"), sum("discount_amount"));
    let taxes = lines.iter().flat_map(|line| line.list("taxes"));
    let of = |behaviour: &str| -> i64 {
        taxes
            .clone()
            .filter(|tax| tax.text("tax_behavior") == Some(behaviour))
            .filter_map(|tax| tax.int("amount"))
            .sum()
    };
    let (exclusive, inclusive) = (of("exclusive"), of("inclusive"));
    let discounts =
        merged(lines.iter().flat_map(|line| line.list("discount_amounts")), &["discount"], &["amount"]);
    let taxes = merged(
        lines.iter().flat_map(|line| line.list("taxes")),
        &["tax_behavior", "tax_rate_details", "taxability_reason"],
        &["amount", "taxable_amount"],
    );
    Credit {
        subtotal,
        subtotal_excluding_tax: subtotal - inclusive,
        discount,
        discounts,
        taxes,
        total: subtotal - discount + exclusive,
        lines,
    }
}

/// Entries that agree in `keys` become one, their amounts added.
fn merged<'a>(entries: impl Iterator<Item = &'a Value>, keys: &[&str], amounts: &[&str]) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for entry in entries {
        let same = |other: &&mut Value| keys.iter().all(|key| other.at(key) == entry.at(key));
        let Some(found) = merged.iter_mut().find(same) else {
            merged.push(entry.clone());
            continue;
        };
        for name in amounts {
            let sum = found.int(name).unwrap_or_default() + entry.int(name).unwrap_or_default();
            found.put(name, sum);
        }
    }
    merged
}
