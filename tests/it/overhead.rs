//! What the gateway adds to Stripe's own time: measured between a proxy in front of the sandbox and the caller. It prints
//! its numbers; `cargo test --test it overhead -- --nocapture` shows them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Client, TestApp, TestOptions, measure, text};

/// Measured operations of each kind, unless `TOLLGATE_TEST_OVERHEAD_ROUNDS` says more.
const ROUNDS: usize = 40;

/// Far above what is asked for of an optimised build on a quiet machine, 10 ms, which `cargo xtask bench overhead` sets as
/// `TOLLGATE_TEST_OVERHEAD_BOUND_MS`: tests run beside others, on busy machines.
const BOUND: Duration = Duration::from_secs(3);

fn rounds() -> usize {
    measure::rounds("TOLLGATE_TEST_OVERHEAD_ROUNDS", ROUNDS)
}

/// A proxy that knows how long the one behind it took.
#[derive(Clone)]
struct Proxy {
    upstream: String,
    http: reqwest::Client,
    spent: Arc<Mutex<Duration>>,
}

impl Proxy {
    async fn start(upstream: String) -> (Self, SocketAddr) {
        let proxy = Self { upstream, http: reqwest::Client::new(), spent: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let router = Router::new().fallback(forward).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (proxy, address)
    }

    /// The time that the sandbox has taken since the last call.
    fn take(&self) -> Duration {
        std::mem::take(&mut *self.spent.lock().expect("nobody panics while holding it"))
    }
}

async fn forward(State(proxy): State<Proxy>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut sending = proxy.http.request(parts.method, format!("{}{path}", proxy.upstream)).body(body);
    for (name, value) in &parts.headers {
        if name != "host" && name != "content-length" {
            sending = sending.header(name, value);
        }
    }
    let began = Instant::now();
    let answer = sending.send().await.expect("the sandbox answers");
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" && name != "content-length" {
            response = response.header(name, value);
        }
    }
    let bytes = answer.bytes().await.expect("a body");
    *proxy.spent.lock().expect("nobody panics while holding it") += began.elapsed();
    response.body(Body::from(bytes)).expect("a response")
}

/// The overheads of one kind of operation.
struct Measured {
    what: &'static str,
    overheads: Vec<Duration>,
}

/// Runs an operation again and again, and keeps what it took beyond the sandbox's time.
async fn overheads<F: Future<Output = Value>>(
    proxy: &Proxy,
    what: &'static str,
    mut run: impl FnMut(usize) -> F,
) -> Measured {
    let rounds = rounds();
    let mut overheads = Vec::with_capacity(rounds);
    for round in 0..rounds {
        proxy.take();
        let began = Instant::now();
        let payload = run(round).await;
        let whole = began.elapsed();
        assert_eq!(payload["userErrors"], json!([]), "{what}: {payload:#}");
        overheads.push(whole.saturating_sub(proxy.take()));
    }
    Measured { what, overheads }
}

async fn send(client: &Client, query: &str, mutation: &str, input: Value) -> Value {
    client.send(query, json!({ "input": input })).await.data()[mutation].clone()
}

#[tokio::test]
async fn the_gateway_adds_little_to_stripes_own_time() {
    let database = crate::support::database::TestDatabase::create().await;
    let sandbox = stripe_sandbox::Sandbox::builder()
        .seed(7)
        .start(([127, 0, 0, 1], 0).into())
        .await
        .expect("the sandbox starts");
    let (proxy, address) = Proxy::start(sandbox.base_url()).await;
    let options = TestOptions {
        stripe: Some(format!("http://{address}")),
        // What the webhooks bring is another matter: here only the caller's own way is measured.
        deliver_webhooks: false,
        ..TestOptions::default()
    };
    let app = TestApp::start_on(database, sandbox, options).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;

    let charge = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
        payment { id status } operation { state } userErrors { code message } } }";
    let payments = overheads(&proxy, "paymentIntentCreate, confirmed", |_| {
        let input = json!({ "organizationId": organization, "confirm": true,
                            "amount": { "minorUnits": "1500", "currency": "USD" } });
        send(&owner, charge, "paymentIntentCreate", input)
    })
    .await;

    let subscribe = "mutation($input: SubscriptionCreateInput!) { subscriptionCreate(input: $input) {
        subscription { id status } operation { state } userErrors { code message } } }";
    let mut subscribers = Vec::new();
    for round in 0..rounds() {
        let organization = app.organization(&owner, &format!("subscriber-{round}")).await;
        app.card(&owner, &organization, "pm_card_visa").await;
        subscribers.push(organization);
    }
    let subscriptions = overheads(&proxy, "subscriptionCreate", |round| {
        let input = json!({ "organizationId": subscribers[round], "planId": plan });
        send(&owner, subscribe, "subscriptionCreate", input)
    })
    .await;

    let mut invoices = Vec::new();
    for round in 0..rounds() {
        let organization = app.organization(&owner, &format!("debtor-{round}")).await;
        app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
        let input = json!({ "organizationId": organization, "planId": plan });
        send(&owner, subscribe, "subscriptionCreate", input).await;
        app.card(&owner, &organization, "pm_card_visa").await;
        let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { id } } }";
        let listed = owner.send(query, json!({ "id": organization })).await;
        invoices.push(text(&listed.data()["invoices"]["nodes"][0]["id"]));
    }
    let pay = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) {
        invoice { status } operation { state } userErrors { code message } } }";
    let paid = overheads(&proxy, "invoicePay", |round| {
        send(&owner, pay, "invoicePay", json!({ "invoiceId": invoices[round] }))
    })
    .await;

    for measured in [payments, subscriptions, paid] {
        let what = format!("{}, beyond Stripe's own time", measured.what);
        measure::report(&what, measured.overheads, measure::bound("TOLLGATE_TEST_OVERHEAD_BOUND_MS", BOUND));
    }
}
