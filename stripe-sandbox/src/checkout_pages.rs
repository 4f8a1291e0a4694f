//! The page that an open checkout session leads to.

use http::Method;
use serde_json::Value;

use crate::checkout_sessions::{self, Entry, Next};
use crate::http::Received;
use crate::json::Fields;
use crate::pages::{Shown, document, escaped, html};
use crate::state::State;
use crate::{bank_accounts, currency, form, payment_methods};

/// The test cards that the page offers, by their published names.
const OFFERED: [(&str, &str); 6] = [
    ("pm_card_visa", "4242: succeeds"),
    ("pm_card_authenticationRequired", "3184: the bank asks"),
    ("pm_card_chargeDeclined", "0002: is declined"),
    ("pm_card_chargeDeclinedInsufficientFunds", "9995: has no funds"),
    ("pm_card_chargeCustomerFail", "0341: is declined later"),
    ("pm_card_mastercard", "4444: succeeds"),
];

/// The test bank accounts that it offers where the session takes them.
const DEBITS: &[(&str, &str)] = &[
    ("pm_usBankAccount_success", "6789: a bank account, pays in days"),
    ("pm_usBankAccount_insufficientFunds", "2227: a bank account, fails in days"),
];

/// Answers `/_pages/checkout/{id}` and what stands below it.
pub(crate) fn answer(state: &mut State, received: &Received, parts: &[&str]) -> Option<Shown> {
    let session = state.store.find("checkout.session", parts.first()?)?.clone();
    let id = session.id();
    match (&received.method, &parts[1..]) {
        (&Method::GET, []) => Some(match session.text("status") {
            Some("open") => Shown::Page(200, page(state, &session, None)),
            _ => leave(&session),
        }),
        (&Method::POST, []) => {
            let sent = form::decode("", &received.body).unwrap_or_default();
            let given = |name: &str| sent.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
            let entry = Entry { email: given("email"), name: given("name"), method: given("payment_method") };
            let outcome = checkout_sessions::submit(state, id, &entry);
            let session = state.store.find("checkout.session", id)?.clone();
            Some(match outcome {
                Ok(Next::Leave) => leave(&session),
                Ok(Next::Authenticate(intent)) => Shown::Redirect(format!("/_pages/authenticate/{intent}")),
                Err(error) => Shown::Page(402, page(state, &session, Some(&error.message))),
            })
        }
        (&Method::GET, ["return"]) => Some(match checkout_sessions::go_on(state, id) {
            Some(Next::Leave) => leave(state.store.find("checkout.session", id)?),
            Some(Next::Authenticate(intent)) => Shown::Redirect(format!("/_pages/authenticate/{intent}")),
            None => Shown::Page(402, page(state, &session, Some("The bank did not let it pass."))),
        }),
        _ => None,
    }
}

/// Back to the shop.
fn leave(session: &Value) -> Shown {
    match (session.text("status"), session.text("success_url")) {
        (Some("complete"), Some(url)) => Shown::Redirect(url.replace("{CHECKOUT_SESSION_ID}", session.id())),
        _ => Shown::Page(410, html("This checkout session has expired", &[])),
    }
}

fn page(state: &State, session: &Value, error: Option<&str>) -> Vec<u8> {
    let mut body = Vec::new();
    if let Some(error) = error {
        body.push(format!("<p role=\"alert\">{}</p>", escaped(error)));
    }
    let code = session.text("currency").unwrap_or("usd");
    for item in checkout_sessions::items_of(session) {
        let text = format!(
            "{} × {}: {}",
            item.int("quantity").unwrap_or(1),
            item.text("description").unwrap_or("Item"),
            currency::display(item.int("amount_total").unwrap_or_default(), code)
        );
        body.push(format!("<p>{}</p>", escaped(&text)));
    }
    if let Some(total) = session.int("amount_total") {
        body.push(format!("<p>Due today: {}</p>", escaped(&currency::display(total, code))));
    }
    body.push(format!("<form method=\"post\" action=\"/_pages/checkout/{}\">", escaped(session.id())));
    let details = session.at("customer_details");
    for (field, label) in [("email", "Email"), ("name", "Name")] {
        let value = escaped(details.text(field).unwrap_or_default());
        body.push(format!("<p><label>{label} <input name=\"{field}\" value=\"{value}\"></label></p>"));
    }
    body.push("<p><label>Pay with <select name=\"payment_method\">".to_owned());
    let owner = session.text("customer");
    let saved = state
        .store
        .newest_first("payment_method", |method| owner.is_some() && method.text("customer") == owner);
    for method in saved {
        let label = format!("saved: {}", payment_methods::label(method));
        body.push(format!("<option value=\"{}\">{}</option>", escaped(method.id()), escaped(&label)));
    }
    let takes_debits = session.list("payment_method_types").iter().any(|kind| kind == bank_accounts::KIND);
    let debits = if takes_debits { DEBITS } else { &[] };
    for (token, label) in OFFERED.iter().chain(debits) {
        body.push(format!("<option value=\"{token}\">{}</option>", escaped(label)));
    }
    let verb = match session.text("mode") {
        Some("payment") => "Pay",
        Some("subscription") => "Subscribe",
        _ => "Save card",
    };
    body.push(format!("</select></label></p><p><button>{verb}</button></p></form>"));
    if let Some(url) = session.text("cancel_url") {
        body.push(format!("<p><a href=\"{}\">Back</a></p>", escaped(url)));
    }
    document("Checkout", &body.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_that_is_offered_is_one_of_the_sandbox_s() {
        for (token, label) in OFFERED {
            let card = crate::cards::by_token(token).unwrap();
            assert_eq!(card.last4(), &label[..4], "{token}");
        }
    }
}
