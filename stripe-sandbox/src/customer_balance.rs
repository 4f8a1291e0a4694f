//! Customers' credit balances: what is carried over to their next invoice, and the transactions that made it so.

use serde_json::{Value, json};

use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch};
use crate::state::State;
use crate::{currency, list};

/// A movement of a balance. Negative amounts are credits.
pub(crate) struct Movement<'a> {
    pub customer: &'a str,
    pub amount: i64,
    pub currency: &'a str,
    /// Stripe's `type`.
    pub kind: &'a str,
    pub invoice: Option<&'a str>,
}

/// What an invoice's total comes to with the customer's balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settlement {
    /// What is to be paid.
    pub due: i64,
    /// The balance afterwards.
    pub ending: i64,
    /// How much of that was put there because it is too little to be charged.
    pub too_small: i64,
}

/// Counts a balance into a total. What is left below the smallest charge goes to the balance when it would be charged.
pub(crate) fn settle(total: i64, balance: i64, currency: &str, charged: bool) -> Settlement {
    let due = total.saturating_add(balance);
    let smallest = if charged { currency::minimum(currency) } else { 1 };
    if due > 0 && due < smallest {
        return Settlement { due: 0, ending: due, too_small: due };
    }
    Settlement { due: due.max(0), ending: due.min(0), too_small: 0 }
}

/// Whether an invoice is of another currency than its customer's balance, which then has no part in it.
pub(crate) fn is_foreign(customer: &Value, invoice: &Value) -> bool {
    customer.int("balance").is_some_and(|balance| balance != 0)
        && customer.text("currency").is_some_and(|own| invoice.text("currency") != Some(own))
}

/// Settles an invoice with its customer's balance.
pub(crate) fn of_invoice(state: &State, invoice: &Value) -> (i64, Settlement) {
    let customer = invoice.text("customer").and_then(|customer| state.store.find("customer", customer));
    if customer.is_some_and(|customer| is_foreign(customer, invoice)) {
        let due = invoice.int("total").unwrap_or_default().max(0);
        return (0, Settlement { due, ending: 0, too_small: 0 });
    }
    let balance = customer.and_then(|customer| customer.int("balance")).unwrap_or_default();
    let charged = invoice.text("collection_method") == Some("charge_automatically");
    let total = invoice.int("total").unwrap_or_default();
    (balance, settle(total, balance, invoice.text("currency").unwrap_or_default(), charged))
}

/// Notes a movement that leads to `ending`.
pub(crate) fn note(state: &mut State, movement: &Movement<'_>, ending: i64) -> Option<Value> {
    if movement.amount == 0 {
        return None;
    }
    let transaction = json!({
        "id": state.id("cbtxn"), "object": "customer_balance_transaction", "amount": movement.amount, "checkout_session": null,
        "created": state.now(), "credit_note": null, "currency": movement.currency, "customer": movement.customer,
        "customer_account": null, "description": null, "ending_balance": ending, "invoice": movement.invoice, "livemode": false,
        "metadata": {}, "type": movement.kind,
    });
    state.store.insert(transaction.clone());
    Some(transaction)
}

/// Moves a balance, and notes it.
pub(crate) fn shift(state: &mut State, movement: &Movement<'_>) -> Option<Value> {
    let balance =
        state.store.find("customer", movement.customer).and_then(|customer| customer.int("balance"));
    let ending = balance.unwrap_or_default().saturating_add(movement.amount);
    state.update("customer", movement.customer, "customer.updated", |customer| {
        customer.put("balance", ending);
        if customer.at("currency").is_null() {
            customer.put("currency", movement.currency);
        }
    });
    note(state, movement, ending)
}

/// Notes what finalising an invoice did to its customer's balance.
pub(crate) fn note_invoice(state: &mut State, invoice: &Value, balance: i64, settled: Settlement) {
    let movement = |amount, kind| Movement {
        customer: invoice.text("customer").unwrap_or_default(),
        amount,
        currency: invoice.text("currency").unwrap_or_default(),
        kind,
        invoice: Some(invoice.id()),
    };
    let applied = settled.ending - settled.too_small;
    note(state, &movement(applied - balance, "applied_to_invoice"), applied);
    note(state, &movement(settled.too_small, "invoice_too_small"), settled.ending);
}

fn customer(call: &Call<'_>) -> Result<Value, ApiError> {
    let id = call.id(0);
    let customer = call.state.load("customer", "customer", id)?;
    match customer.flag("deleted") {
        Some(true) => Err(ApiError::not_found("customer", id)),
        _ => Ok(customer.clone()),
    }
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let customer = customer(call)?;
    let Call { state, params, .. } = call;
    let code = currency::check(params.text("currency").unwrap_or_default())?;
    if customer.text("currency").is_some_and(|own| own != code) {
        return Err(ApiError::invalid(format!(
            "The currency of the transaction must be the customer's: {}.",
            customer.text("currency").unwrap_or_default()
        ))
        .param("currency"));
    }
    let amount = params.int("amount").unwrap_or_default();
    if amount == 0 {
        let message = "The amount of a balance transaction cannot be 0.";
        return Err(ApiError::parameter("parameter_invalid_integer", "amount", message));
    }
    let movement =
        Movement { customer: customer.id(), amount, currency: &code, kind: "adjustment", invoice: None };
    let id = shift(state, &movement).map(|made| made.id().to_owned()).unwrap_or_default();
    state.change("customer_balance_transaction", &id, |transaction| {
        patch(transaction, params, &["description"]);
        merge_metadata(transaction, params);
    });
    state.load("customer_balance_transaction", "customer balance transaction", &id).cloned()
}

/// The address's transaction, when it is the customer's.
fn own(call: &Call<'_>) -> Answer {
    let customer = customer(call)?;
    let found =
        call.state.load("customer_balance_transaction", "customer balance transaction", call.id(1))?;
    if found.text("customer") != Some(customer.id()) {
        return Err(ApiError::not_found("customer balance transaction", call.id(1)));
    }
    Ok(found.clone())
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    own(call)
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = own(call)?.id().to_owned();
    let Call { state, params, .. } = call;
    state.change("customer_balance_transaction", &id, |transaction| {
        patch(transaction, params, &["description"]);
        merge_metadata(transaction, params);
    });
    own(call)
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let customer = customer(call)?;
    let params = &call.params;
    let rows = call.state.store.newest_first("customer_balance_transaction", |transaction| {
        transaction.text("customer") == Some(customer.id())
            && list::same(params, "invoice", transaction)
            && list::in_range(params, "created", transaction.int("created"))
    });
    let url = format!("/v1/customers/{}/balance_transactions", customer.id());
    list::page(&url, "customer balance transaction", &rows, params)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_due_and_what_stays_is_the_total_and_the_balance(
            total in -100_000_i64..100_000, balance in -100_000_i64..100_000, charged in any::<bool>(), yen in any::<bool>(),
        ) {
            let currency = if yen { "jpy" } else { "usd" };
            let settled = settle(total, balance, currency, charged);
            prop_assert_eq!(settled.due + settled.ending, total + balance);
            prop_assert!(settled.due == 0 || !charged || settled.due >= 50);
            prop_assert!(settled.due >= 0 && (settled.ending <= 0 || settled.ending == settled.too_small));
        }
    }
}
