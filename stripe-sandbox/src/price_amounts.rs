//! What a quantity of a price costs: per unit, in packages, in graduated or volume tiers.

use serde_json::{Value, json};

use crate::currency;
use crate::decimal::Decimal;
use crate::errors::ApiError;
use crate::json::Fields;
use crate::state::HIDDEN;

const MAXIMUM: i64 = 999_999_999_999;

/// An amount that a request gives in whole minor units or, exactly, as a decimal.
pub(crate) fn sent(params: &Value, name: &str, path: &str) -> Result<Option<Decimal>, ApiError> {
    let decimal = format!("{name}_decimal");
    let amount = match (params.int(name), params.text(&decimal)) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(format!(
                "You may only specify one of these parameters: {name}, {decimal}."
            ))
            .param(&format!("{path}{name}")));
        }
        (None, None) => return Ok(None),
        (Some(amount), None) => Decimal::from(amount),
        (None, Some(text)) => Decimal::parse(text).ok_or_else(|| {
            ApiError::parameter(
                "parameter_invalid_decimal",
                &format!("{path}{decimal}"),
                format!("Invalid decimal: {text}"),
            )
        })?,
    };
    let invalid = |message: &str| {
        Err(ApiError::parameter("parameter_invalid_integer", &format!("{path}{name}"), message))
    };
    if amount < Decimal::default() {
        return invalid("This value must be greater than or equal to 0.");
    }
    if amount > Decimal::from(MAXIMUM) {
        return invalid("Invalid integer: the amount is too large.");
    }
    Ok(Some(amount))
}

/// How Stripe shows an amount: `unit_amount` only when it is whole, `unit_amount_decimal` always.
pub(crate) fn show(object: &mut Value, name: &str, amount: Option<Decimal>) {
    object.put(name, amount.and_then(Decimal::whole));
    object.put(&format!("{name}_decimal"), amount.map(|amount| amount.to_string()));
}

/// Reads the tiers of a request: in ascending order, the last without an end.
pub(crate) fn tiers(params: &Value) -> Result<Vec<Value>, ApiError> {
    let sent_tiers = params.list("tiers");
    let invalid = |index: usize, message: &str| {
        Err(ApiError::invalid(message).param(&format!("tiers[{index}][up_to]")))
    };
    if sent_tiers.is_empty() {
        return Err(ApiError::missing("tiers"));
    }
    let mut tiers = Vec::new();
    let mut last = 0;
    for (index, tier) in sent_tiers.iter().enumerate() {
        let path = format!("tiers[{index}]");
        let up_to = tier.int("up_to");
        let ends = index + 1 == sent_tiers.len();
        match up_to {
            Some(_) if ends => return invalid(index, "The last tier must have `up_to` set to `inf`."),
            None if !ends => return invalid(index, "Only the last tier may have `up_to` set to `inf`."),
            Some(bound) if bound <= last => {
                return invalid(index, "`up_to` must be greater than that of the tier before.");
            }
            _ => {}
        }
        last = up_to.unwrap_or(last);
        let read = |name: &str| -> Result<Option<Decimal>, ApiError> {
            sent(tier, name, "").map_err(|error| {
                let param =
                    format!("{path}[{}]", error.field("param").and_then(Value::as_str).unwrap_or(name));
                error.param(&param)
            })
        };
        let (unit, flat) = (read("unit_amount")?, read("flat_amount")?);
        if unit.is_none() && flat.is_none() {
            return Err(ApiError::missing(&format!("{path}[unit_amount]")));
        }
        let mut made = json!({ "up_to": up_to });
        show(&mut made, "unit_amount", unit);
        show(&mut made, "flat_amount", flat);
        tiers.push(made);
    }
    Ok(tiers)
}

/// The tiers of a price, which Stripe shows only when they are asked for.
pub(crate) fn tiers_of(price: &Value) -> &[Value] {
    charged(price).at(HIDDEN).list("tiers")
}

/// What a price is charged by: itself, or its option in the currency of what holds it.
fn charged(price: &Value) -> &Value {
    let option = price.at(HIDDEN).at("charged");
    if option.is_object() { option } else { price }
}

/// The currency that a price is charged in.
pub(crate) fn currency_of(price: &Value) -> &str {
    charged(price).text("currency").unwrap_or_default()
}

/// Whether a price contains its taxes, in the currency that it is charged in.
pub(crate) fn tax_behavior_of(price: &Value) -> &Value {
    charged(price).at("tax_behavior")
}

/// The unit's exact amount in the currency that a price is charged in.
pub(crate) fn unit_of(price: &Value) -> &Value {
    charged(price).at("unit_amount_decimal")
}

/// A price as it is charged in a currency; none when it has no option in it. It still shows its own currency, as it does
/// at Stripe: what holds it says what is charged.
pub(crate) fn in_currency(price: &Value, code: &str) -> Option<Value> {
    let mut chosen = price.clone();
    if price.text("currency") == Some(code) {
        return Some(chosen);
    }
    let mut option = price.at(HIDDEN).at("currency_options").get(code)?.clone();
    option.put("currency", code);
    chosen.put(&format!("{HIDDEN}.charged"), option);
    Some(chosen)
}

fn decimal(object: &Value, name: &str) -> Decimal {
    let exact = object.text(&format!("{name}_decimal")).and_then(Decimal::parse);
    exact.or_else(|| object.int(name).map(Decimal::from)).unwrap_or_default()
}

/// What `quantity` units cost over a whole period, in minor units. Everything that is charged is worked out here.
pub(crate) fn amount(price: &Value, quantity: i64) -> i64 {
    match price.text("tiers_mode") {
        Some("graduated") => graduated(tiers_of(price), quantity).round(),
        Some(_) => volume(tiers_of(price), quantity).round(),
        None => decimal(charged(price), "unit_amount").times(packages(price, quantity)).round(),
    }
}

/// Units after `transform_quantity`.
fn packages(price: &Value, quantity: i64) -> i64 {
    let Some(size) = price.int("transform_quantity.divide_by").filter(|size| *size > 0) else {
        return quantity;
    };
    let whole = quantity.div_euclid(size);
    let started = price.text("transform_quantity.round") == Some("up") && quantity.rem_euclid(size) > 0;
    whole + i64::from(started)
}

/// Each unit costs what the tier that it lies in says; each tier that is reached adds its flat amount. The first one is
/// always reached.
fn graduated(tiers: &[Value], quantity: i64) -> Decimal {
    let mut total = Decimal::default();
    let mut below = 0;
    for (index, tier) in tiers.iter().enumerate() {
        if index > 0 && quantity <= below {
            break;
        }
        let end = tier.int("up_to").unwrap_or(i64::MAX).min(quantity);
        total = total.plus(decimal(tier, "unit_amount").times((end - below).max(0)));
        total = total.plus(decimal(tier, "flat_amount"));
        below = end.max(below);
    }
    total
}

/// All units cost what the tier of the last one says.
fn volume(tiers: &[Value], quantity: i64) -> Decimal {
    let reached = tiers.iter().find(|tier| tier.int("up_to").is_none_or(|end| quantity <= end));
    reached.map_or(Decimal::default(), |tier| {
        decimal(tier, "unit_amount").times(quantity).plus(decimal(tier, "flat_amount"))
    })
}

/// The unit's amount for people: `$29.00`, `$0.005`, or nothing for a price in tiers.
pub(crate) fn unit_for_people(price: &Value) -> Option<String> {
    let code = currency_of(price);
    let unit = Decimal::parse(unit_of(price).as_str()?)?;
    Some(match unit.whole() {
        Some(whole) => currency::display(whole, code),
        None => currency::display_exactly(unit, code),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tiered(mode: &str, tiers: &Value) -> Value {
        json!({ "tiers_mode": mode, HIDDEN: { "tiers": tiers } })
    }

    /// Unit by unit: the price of the tier that each one lies in, and every flat amount when its tier is entered.
    fn one_by_one(tiers: &[(i64, i64, i64)], quantity: i64) -> i64 {
        let mut total = tiers[0].2;
        let mut tier = 0;
        for unit in 1..=quantity {
            while unit > tiers[tier].0 {
                tier += 1;
                total += tiers[tier].2;
            }
            total += tiers[tier].1;
        }
        total
    }

    proptest! {
        #[test]
        fn a_graduated_sum_is_what_counting_unit_by_unit_gives(
            steps in proptest::collection::vec((1_i64..40, 0_i64..500, 0_i64..500), 1..6),
            quantity in 0_i64..200,
        ) {
            let mut end = 0;
            let mut tiers: Vec<(i64, i64, i64)> = steps.iter().map(|(width, unit, flat)| {
                end += width;
                (end, *unit, *flat)
            }).collect();
            tiers.last_mut().unwrap().0 = i64::MAX;
            let stored: Vec<Value> = tiers.iter().map(|(end, unit, flat)| json!({
                "up_to": (*end != i64::MAX).then_some(*end), "unit_amount": unit, "flat_amount": flat,
            })).collect();
            prop_assert_eq!(amount(&tiered("graduated", &json!(stored)), quantity), one_by_one(&tiers, quantity));
            let reached = tiers.iter().find(|(end, ..)| quantity <= *end).unwrap();
            prop_assert_eq!(amount(&tiered("volume", &json!(stored)), quantity), quantity * reached.1 + reached.2);
        }
    }

    #[test]
    fn packages_are_counted_up_or_down() {
        let price = |round: &str| json!({ "unit_amount": 700, "transform_quantity": { "divide_by": 10, "round": round } });
        assert_eq!([0, 1, 10, 11].map(|quantity| amount(&price("up"), quantity)), [0, 700, 700, 1400]);
        assert_eq!([0, 9, 10, 29].map(|quantity| amount(&price("down"), quantity)), [0, 0, 700, 1400]);
    }

    #[test]
    fn fractions_of_a_minor_unit_are_rounded_once_for_the_whole_quantity() {
        assert_eq!(amount(&json!({ "unit_amount_decimal": "0.25" }), 1), 0);
        assert_eq!(amount(&json!({ "unit_amount_decimal": "0.25" }), 1001), 250);
    }
}
