//! What may happen at Stripe, made at the sandbox's API as from its dashboard. What is impossible at the moment is
//! refused there, and is no change.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use stripe_sandbox::Sandbox;

use super::terms;
use crate::support::text;

/// Changes of one history.
pub const LENGTH: usize = 16;

/// Payment methods: cards that pay, are declined, are disputed, ask their holder; and accounts whose bank decides days later.
const METHODS: [&str; 14] = [
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_chargeCustomerFail",
    "pm_card_visa_debit",
    "pm_card_createDispute",
    "pm_card_createDisputeInquiry",
    "pm_card_refundFail",
    "pm_card_authenticationRequired",
    "pm_card_authenticationRequiredOnSetup",
    "pm_card_threeDSecureRequiredChargeDeclined",
    "pm_usBankAccount_success",
    "pm_usBankAccount_insufficientFunds",
    "pm_usBankAccount_dispute",
    "pm_usBankAccount_processing",
];

/// What a request carries.
pub enum Body {
    Form(Vec<(String, String)>),
    /// To the sandbox itself: what people do on Stripe's own pages.
    Json(Value),
}

/// A request to Stripe.
pub struct Change {
    pub method: reqwest::Method,
    pub path: String,
    pub body: Body,
}

impl Change {
    /// The request at a sandbox.
    pub fn request(&self, http: &reqwest::Client, base: &str) -> reqwest::RequestBuilder {
        let url = format!("{base}{}", self.path);
        let request = http.request(self.method.clone(), url).bearer_auth("sk_test_dashboard");
        match &self.body {
            Body::Form(form) => request.form(form),
            Body::Json(body) => request.json(body),
        }
    }
}

pub fn post(path: impl Into<String>, form: &[(&str, &str)]) -> Change {
    let form = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Change { method: reqwest::Method::POST, path: path.into(), body: Body::Form(form) }
}

pub fn delete(path: impl Into<String>) -> Change {
    Change { method: reqwest::Method::DELETE, path: path.into(), body: Body::Form(Vec::new()) }
}

/// The cardholder whom a payment waits for confirms it, or does not.
pub fn authenticate(intent: &Value, outcome: &str) -> Change {
    let path = format!("/_sandbox/payment_intents/{}/authenticate", text(&intent["id"]));
    Change { method: reqwest::Method::POST, path, body: Body::Json(json!({ "outcome": outcome })) }
}

/// What is drawn: requests, or time that passes.
pub enum Drawn {
    Requests(Vec<Change>),
    Seconds(i64),
}

impl std::fmt::Display for Drawn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds} seconds pass"),
            Self::Requests(changes) if changes.is_empty() => write!(f, "nothing"),
            Self::Requests(changes) => {
                for (index, Change { method, path, body }) in changes.iter().enumerate() {
                    let body = match body {
                        Body::Form(form) => {
                            let form = form.iter().map(|(name, value)| format!("{name}={value}"));
                            form.collect::<Vec<_>>().join("&")
                        }
                        Body::Json(body) => body.to_string(),
                    };
                    write!(f, "{}{method} {path} {body}", if index > 0 { "; " } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

/// The objects of a kind that belong to the customer.
pub fn of_customer(sandbox: &Sandbox, kind: &str, customer: &str) -> Vec<Value> {
    let mut objects = sandbox.objects(kind);
    objects.retain(|object| object["customer"] == customer);
    objects
}

/// Draws the next change.
pub fn draw(draw: &mut StdRng, sandbox: &Sandbox, customers: &[String]) -> Drawn {
    let customer = customers.choose(draw).expect("there are customers").as_str();
    let one = |draw: &mut StdRng, kind: &str| -> Option<Value> {
        of_customer(sandbox, kind, customer).choose(draw).cloned()
    };
    let path =
        |object: &Value, kind: &str, action: &str| format!("/v1/{kind}/{}{action}", text(&object["id"]));
    let kind = draw.random_range(0..165);
    let changes = match kind {
        0..14 => {
            let prices = sandbox.objects("price");
            let price = text(&prices.choose(draw).expect("a plan was published")["id"]);
            let quantity = draw.random_range(1..20).to_string();
            let trial = if draw.random_bool(0.3) { "7" } else { "0" };
            let mut form = vec![
                ("customer", customer),
                ("items[0][price]", price.as_str()),
                ("items[0][quantity]", &quantity),
                ("payment_behavior", "allow_incomplete"),
            ];
            if trial != "0" {
                form.push(("trial_period_days", trial));
            }
            vec![post("/v1/subscriptions", &form)]
        }
        14..26 => one(draw, "subscription").map_or_else(Vec::new, |it| {
            let quantity = draw.random_range(1..20).to_string();
            let item = text(&it["items"]["data"][0]["id"]);
            vec![post(
                path(&it, "subscriptions", ""),
                &[("items[0][id]", &item), ("items[0][quantity]", &quantity)],
            )]
        }),
        26..36 => one(draw, "subscription").map_or_else(Vec::new, |it| {
            let at_end = if draw.random_bool(0.6) { "true" } else { "false" };
            vec![post(path(&it, "subscriptions", ""), &[("cancel_at_period_end", at_end)])]
        }),
        36..41 => {
            one(draw, "subscription").map_or_else(Vec::new, |it| vec![delete(path(&it, "subscriptions", ""))])
        }
        41..52 => {
            // More lines than Stripe embeds, now and then.
            let lines = if draw.random_bool(0.25) { 13 } else { draw.random_range(1..3) };
            let mut changes: Vec<Change> = (0..lines)
                .map(|_| {
                    let amount = draw.random_range(100..5_000).to_string();
                    let form = [("customer", customer), ("amount", &amount), ("currency", "usd")];
                    post("/v1/invoiceitems", &form)
                })
                .collect();
            let form = [("customer", customer), ("pending_invoice_items_behavior", "include")];
            changes.push(post("/v1/invoices", &form));
            changes
        }
        52..66 => one(draw, "invoice").map_or_else(Vec::new, |it| {
            let actions = ["/finalize", "/pay", "/void", "/mark_uncollectible", "DELETE"];
            // A draft is finalised or deleted; the rest is refused, as Stripe does.
            let action = if it["status"] == "draft" {
                if draw.random_bool(0.6) { "/finalize" } else { "DELETE" }
            } else {
                *actions.choose(draw).expect("there are actions")
            };
            match action {
                "DELETE" => vec![delete(path(&it, "invoices", ""))],
                action => vec![post(path(&it, "invoices", action), &[])],
            }
        }),
        66..74 => {
            let method = METHODS.choose(draw).expect("there are methods");
            vec![post(format!("/v1/payment_methods/{method}/attach"), &[("customer", customer)])]
        }
        74..78 => one(draw, "payment_method")
            .map_or_else(Vec::new, |it| vec![post(path(&it, "payment_methods", "/detach"), &[])]),
        78..83 => one(draw, "payment_method").map_or_else(Vec::new, |it| {
            let method = text(&it["id"]);
            let form = [("invoice_settings[default_payment_method]", method.as_str())];
            vec![post(format!("/v1/customers/{customer}"), &form)]
        }),
        83..89 => one(draw, "payment_method").map_or_else(Vec::new, |it| {
            let (method, amount) = (text(&it["id"]), draw.random_range(100..9_000).to_string());
            let form = [
                ("customer", customer),
                ("amount", &amount),
                ("currency", "usd"),
                ("payment_method", &method),
                ("confirm", "true"),
                ("automatic_payment_methods[enabled]", "true"),
                ("automatic_payment_methods[allow_redirects]", "never"),
            ];
            vec![post("/v1/payment_intents", &form)]
        }),
        89..93 => one(draw, "payment_intent").map_or_else(Vec::new, |it| {
            let (intent, amount) = (text(&it["id"]), draw.random_range(1..100).to_string());
            vec![post("/v1/refunds", &[("payment_intent", &intent), ("amount", &amount)])]
        }),
        // Hours, days, a renewal; and now and then longer than Stripe keeps events.
        93..96 => return Drawn::Seconds(draw.random_range(3_600..10 * 86_400)),
        96..99 => return Drawn::Seconds(draw.random_range(27 * 86_400..29 * 86_400)),
        99 => return Drawn::Seconds(45 * 86_400),
        100..104 => one(draw, "invoice").map_or_else(Vec::new, |it| {
            let (invoice, amount) = (text(&it["id"]), draw.random_range(1..100).to_string());
            let mut form = vec![("invoice", invoice.as_str()), ("amount", amount.as_str())];
            // What was paid is credited to the customer's balance; without saying so it is refused.
            if it["status"] == "paid" {
                form.push(("credit_amount", amount.as_str()));
            }
            vec![post("/v1/credit_notes", &form)]
        }),
        104..106 => one(draw, "credit_note")
            .map_or_else(Vec::new, |it| vec![post(path(&it, "credit_notes", "/void"), &[])]),
        106..110 => sandbox.objects("dispute").choose(draw).map_or_else(Vec::new, |it| {
            let evidence = if draw.random_bool(0.5) { "winning_evidence" } else { "losing_evidence" };
            if draw.random_bool(0.3) {
                vec![post(path(it, "disputes", "/close"), &[])]
            } else {
                vec![post(path(it, "disputes", ""), &[("evidence[uncategorized_text]", evidence)])]
            }
        }),
        110..115 => {
            let mut waiting = of_customer(sandbox, "payment_intent", customer);
            waiting.retain(|intent| intent["status"] == "requires_action");
            let outcome = if draw.random_bool(0.6) { "succeed" } else { "fail" };
            waiting.choose(draw).map_or_else(Vec::new, |intent| vec![authenticate(intent, outcome)])
        }
        115..118 => {
            let name = format!("Customer {}", draw.random_range(0..100));
            vec![post(format!("/v1/customers/{customer}"), &[("name", name.as_str())])]
        }
        118 => vec![delete(format!("/v1/customers/{customer}"))],
        _ => terms::draw(draw, sandbox, customer),
    };
    Drawn::Requests(changes)
}
