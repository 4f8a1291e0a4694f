//! The page of a billing portal session: what its configuration lets the customer do.

use http::Method;
use serde_json::{Value, json};

use crate::errors::{Answer, ApiError};
use crate::form;
use crate::http::{Received, ask};
use crate::json::Fields;
use crate::pages::{Shown, document, escaped, money};
use crate::state::State;
use crate::{customers, invoice_requests, payment_methods, subscription_updates, subscriptions};

/// How long a portal's link opens its page.
const SESSION_TIME: i64 = 3600;

/// Answers `/_pages/portal/{id}` and what stands below it.
pub(crate) fn answer(state: &mut State, received: &Received, parts: &[&str]) -> Option<Shown> {
    let session = state.store.find("billing_portal.session", parts.first()?)?.clone();
    if session.int("created")? + SESSION_TIME < state.now() {
        return Some(Shown::Page(410, document("This portal session has expired", "")));
    }
    let portal = Portal {
        features: state
            .store
            .find("billing_portal.configuration", session.text("configuration")?)?
            .at("features")
            .clone(),
        session,
    };
    match (&received.method, &parts[1..]) {
        (&Method::GET, []) => Some(Shown::Page(200, portal.page(state, None))),
        (&Method::POST, action) => {
            let sent = form::decode("", &received.body).unwrap_or_default();
            Some(match portal.act(state, action, &sent)? {
                Ok(_) => Shown::Redirect(format!("/_pages/portal/{}", portal.session.id())),
                Err(error) => Shown::Page(error.status, portal.page(state, Some(&error.message))),
            })
        }
        _ => None,
    }
}

struct Portal {
    session: Value,
    features: Value,
}

impl Portal {
    fn customer(&self) -> &str {
        self.session.text("customer").unwrap_or_default()
    }

    fn offers(&self, feature: &str) -> bool {
        self.features.at(feature).flag("enabled") == Some(true)
    }

    /// Does what a button asks. None for a button that this portal does not have.
    fn act(&self, state: &mut State, action: &[&str], sent: &Value) -> Option<Answer> {
        let owned = |kind: &str, id: &str| {
            state.store.find(kind, id).is_some_and(|object| object.text("customer") == Some(self.customer()))
        };
        match action {
            ["subscriptions", id, "cancel"]
                if self.offers("subscription_cancel") && owned("subscription", id) =>
            {
                Some(self.cancel(state, id, sent))
            }
            ["subscriptions", id, "keep"]
                if self.offers("subscription_cancel") && owned("subscription", id) =>
            {
                let keep = json!({ "cancel_at_period_end": false });
                Some(ask(state, subscription_updates::update, &[id], keep))
            }
            ["invoices", id, "pay"] if self.offers("invoice_history") && owned("invoice", id) => {
                Some(ask(state, invoice_requests::pay, &[id], json!({ "off_session": false })))
            }
            ["payment_methods", id, "default"]
                if self.offers("payment_method_update") && owned("payment_method", id) =>
            {
                Some(self.make_default(state, id))
            }
            ["payment_methods"] if self.offers("payment_method_update") => Some(self.add_card(state, sent)),
            ["customer"] if self.offers("customer_update") => {
                let allowed = self.features.list("customer_update.allowed_updates");
                let mut changes = json!({});
                for field in allowed.iter().filter_map(Value::as_str) {
                    if let Some(value) = sent.text(field) {
                        changes.put(field, value);
                    }
                }
                Some(ask(state, customers::update, &[self.customer()], changes))
            }
            _ => None,
        }
    }

    fn cancel(&self, state: &mut State, id: &str, sent: &Value) -> Answer {
        let feature = self.features.at("subscription_cancel");
        let mut params = json!({});
        if let Some(reason) = sent.text("feedback").filter(|reason| !reason.is_empty()) {
            let options = feature.list("cancellation_reason.options");
            if feature.flag("cancellation_reason.enabled") != Some(true) || !options.contains(&json!(reason))
            {
                return Err(ApiError::invalid("That reason is none of the portal's.").param("feedback"));
            }
            params.put("cancellation_details.feedback", reason);
        }
        if feature.text("mode") == Some("immediately") {
            let proration = feature.text("proration_behavior").unwrap_or("none");
            params.put("prorate", proration != "none");
            params.put("invoice_now", proration == "always_invoice");
            return ask(state, subscriptions::delete, &[id], params);
        }
        params.put("cancel_at_period_end", true);
        ask(state, subscription_updates::update, &[id], params)
    }

    fn make_default(&self, state: &mut State, method: &str) -> Answer {
        let params = json!({ "invoice_settings": { "default_payment_method": method } });
        ask(state, customers::update, &[self.customer()], params)
    }

    fn add_card(&self, state: &mut State, sent: &Value) -> Answer {
        let token = sent.text("card").ok_or_else(|| ApiError::missing("card"))?;
        let method = ask(state, payment_methods::attach, &[token], json!({ "customer": self.customer() }))?;
        self.make_default(state, method.id())
    }

    fn button(&self, action: &str, inside: &str, label: &str) -> String {
        let action = escaped(&format!("/_pages/portal/{}/{action}", self.session.id()));
        format!(
            "<form method=\"post\" action=\"{action}\">{inside}<button>{}</button></form>",
            escaped(label)
        )
    }

    fn page(&self, state: &State, error: Option<&str>) -> Vec<u8> {
        let of_customer = |object: &Value| object.text("customer") == Some(self.customer());
        let mut body = Vec::new();
        if let Some(error) = error {
            body.push(format!("<p role=\"alert\">{}</p>", escaped(error)));
        }
        body.push("<h2>Subscriptions</h2>".to_owned());
        for subscription in state.store.newest_first("subscription", of_customer) {
            let status = subscription.text("status").unwrap_or_default();
            let ends = subscription.int("cancel_at").is_some();
            let text = format!("{}: {status}{}", subscription.id(), if ends { ", ends soon" } else { "" });
            body.push(format!("<p>{}</p>", escaped(&text)));
            if self.offers("subscription_cancel") && !matches!(status, "canceled" | "incomplete_expired") {
                let path = format!("subscriptions/{}", subscription.id());
                body.push(if ends {
                    self.button(&format!("{path}/keep"), "", "Keep it")
                } else {
                    self.button(&format!("{path}/cancel"), &self.reasons(), "Cancel")
                });
            }
        }
        if self.offers("payment_method_update") {
            body.push(self.cards(state, of_customer));
        }
        if self.offers("invoice_history") {
            body.push("<h2>Invoices</h2>".to_owned());
            for invoice in state.store.newest_first("invoice", of_customer) {
                let status = invoice.text("status").unwrap_or_default();
                let text = format!(
                    "{}: {}, {status}",
                    invoice.text("number").unwrap_or("draft"),
                    money(invoice, "amount_due")
                );
                body.push(format!("<p>{}</p>", escaped(&text)));
                if status == "open" {
                    body.push(self.button(&format!("invoices/{}/pay", invoice.id()), "", "Pay"));
                }
            }
        }
        if self.offers("customer_update") {
            body.push(self.details(state));
        }
        if let Some(url) = self.session.text("return_url") {
            body.push(format!("<p><a href=\"{}\">Back</a></p>", escaped(url)));
        }
        document("Billing", &body.concat())
    }

    fn reasons(&self) -> String {
        let reasons = self.features.at("subscription_cancel.cancellation_reason");
        if reasons.flag("enabled") != Some(true) {
            return String::new();
        }
        let option = |reason: &str| format!("<option>{}</option>", escaped(reason));
        let options: String = reasons.list("options").iter().filter_map(Value::as_str).map(option).collect();
        format!("<select name=\"feedback\"><option></option>{options}</select>")
    }

    fn cards(&self, state: &State, of_customer: impl Fn(&Value) -> bool) -> String {
        let mut body = vec!["<h2>Cards</h2>".to_owned()];
        let customer = state.store.find("customer", self.customer());
        let default = customer.and_then(|customer| customer.text("invoice_settings.default_payment_method"));
        for method in state.store.newest_first("payment_method", of_customer) {
            body.push(format!("<p>{}</p>", escaped(&payment_methods::label(method))));
            body.push(if default == Some(method.id()) {
                "<p>default</p>".to_owned()
            } else {
                self.button(&format!("payment_methods/{}/default", method.id()), "", "Make default")
            });
        }
        let choice = "<select name=\"card\"><option>pm_card_visa</option><option>pm_card_mastercard</option>\
                      <option>pm_card_chargeCustomerFail</option></select>";
        body.push(self.button("payment_methods", choice, "Add card"));
        body.concat()
    }

    fn details(&self, state: &State) -> String {
        let customer = state.store.find("customer", self.customer()).cloned().unwrap_or_default();
        let field = |name: &str| {
            let value = escaped(customer.text(name).unwrap_or_default());
            format!("<label>{name} <input name=\"{name}\" value=\"{value}\"></label> ")
        };
        let allowed = self.features.list("customer_update.allowed_updates");
        let inside: String = allowed.iter().filter_map(Value::as_str).map(field).collect();
        "<h2>Details</h2>".to_owned() + &self.button("customer", &inside, "Save")
    }
}
