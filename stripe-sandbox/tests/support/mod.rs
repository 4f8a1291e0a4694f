//! A sandbox with a client that checks the shape of every answer.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

pub mod scenario;
pub mod shape;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde_json::Value;
use stripe_sandbox::{Sandbox, SandboxBuilder};

/// 2027-01-31T10:00:00Z: a month's last day, so that anchors show.
pub const START: i64 = 1_801_389_600;
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;

pub struct World {
    pub sandbox: Sandbox,
    pub client: Client,
}

/// The address of a free loopback port.
pub fn anywhere() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// A sandbox at a fixed time.
pub async fn world() -> World {
    world_of(builder()).await
}

pub fn builder() -> SandboxBuilder {
    let now = Arc::new(AtomicI64::new(START));
    Sandbox::builder().seed(1).clock(Arc::new(move || now.load(Ordering::SeqCst)))
}

pub async fn world_of(builder: SandboxBuilder) -> World {
    let sandbox = builder.start(anywhere()).await.unwrap();
    let client = Client::new(sandbox.base_url());
    World { sandbox, client }
}

/// An answer: its status, headers and JSON.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The object of a successful answer.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// `(status, code, param)` of a refusal.
    #[track_caller]
    pub fn refusal(&self) -> (u16, &str, &str) {
        assert_ne!(self.status, 200, "{}", self.body);
        let field = |name: &str| self.body["error"][name].as_str().unwrap_or_default();
        (self.status, field("code"), field("param"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

pub struct Client {
    pub base: String,
    pub http: reqwest::Client,
    keys: AtomicU64,
}

/// A browser that shows where it is sent instead of going there.
pub fn browser() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.build().unwrap()
}

pub type Params<'a> = &'a [(&'a str, &'a str)];

impl Client {
    pub fn new(base: String) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { base, http, keys: AtomicU64::new(0) }
    }

    pub fn request(&self, method: &str, path: &str, params: Params<'_>) -> reqwest::RequestBuilder {
        let mut url = url::Url::parse(&format!("{}{path}", self.base)).unwrap();
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let method: reqwest::Method = method.parse().unwrap();
        if method != reqwest::Method::POST && !params.is_empty() {
            url.set_query(Some(&form));
        }
        let request = self
            .http
            .request(method.clone(), url)
            .bearer_auth("sk_test_1")
            .header("stripe-version", stripe_sandbox::API_VERSION);
        if method == reqwest::Method::POST {
            request.header("content-type", "application/x-www-form-urlencoded").body(form)
        } else {
            request
        }
    }

    /// Sends a request; the shape of a successful answer is checked against Stripe's description.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        if status == 200 {
            shape::assert_known(&body);
        } else {
            assert!(body["error"]["message"].is_string(), "{body}");
        }
        assert!(headers.contains_key("request-id"));
        Answer { status, headers, body }
    }

    /// POST with an idempotency key of its own.
    pub async fn post(&self, path: &str, params: Params<'_>) -> Answer {
        let key = format!("test-{}", self.keys.fetch_add(1, Ordering::SeqCst));
        self.post_keyed(&key, path, params).await
    }

    pub async fn post_keyed(&self, key: &str, path: &str, params: Params<'_>) -> Answer {
        let request = self.request("POST", path, params).header("idempotency-key", key);
        self.send(request).await
    }

    pub async fn get(&self, path: &str, params: Params<'_>) -> Answer {
        self.send(self.request("GET", path, params)).await
    }

    pub async fn delete(&self, path: &str, params: Params<'_>) -> Answer {
        self.send(self.request("DELETE", path, params)).await
    }

    /// A customer, with the test card as default payment method when one is named. Gives its id.
    pub async fn customer(&self, card: Option<&str>) -> String {
        let customer =
            self.post("/v1/customers", &[("email", "ann@example.com"), ("name", "Ann")]).await.ok();
        let id = id(&customer);
        if let Some(card) = card {
            let method =
                self.post(&format!("/v1/payment_methods/{card}/attach"), &[("customer", &id)]).await.ok();
            let default = [("invoice_settings[default_payment_method]", method["id"].as_str().unwrap())];
            self.post(&format!("/v1/customers/{id}"), &default).await.ok();
        }
        id
    }

    /// A price of `amount` cents a month. Gives its id.
    pub async fn monthly(&self, name: &str, amount: i64) -> String {
        let amount = amount.to_string();
        let price = self
            .post(
                "/v1/prices",
                &[
                    ("currency", "usd"),
                    ("unit_amount", &amount),
                    ("recurring[interval]", "month"),
                    ("product_data[name]", name),
                ],
            )
            .await
            .ok();
        id(&price)
    }

    /// A subscription with further parameters.
    pub async fn subscribe(&self, customer: &str, price: &str, more: Params<'_>) -> Answer {
        let mut params = vec![("customer", customer), ("items[0][price]", price)];
        params.extend_from_slice(more);
        self.post("/v1/subscriptions", &params).await
    }
}

#[track_caller]
pub fn id(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

impl World {
    /// The types of all events from the n-th on, oldest first.
    pub fn event_types(&self, from: usize) -> Vec<String> {
        let events = self.sandbox.events();
        events[from..].iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Checks the shape of every event's object.
    pub fn check_events(&self) {
        for event in self.sandbox.events() {
            shape::assert_known(&event["data"]["object"]);
            assert!(!event.to_string().contains("_sandbox\""), "the sandbox's own notes leak: {event}");
        }
    }
}
