//! HTTP: the routes, and what every request passes: its id, where it came from, who is calling.

pub mod document;
mod executor;
pub mod graphiql;
pub mod graphql;
mod identity;
mod key_budget;
mod server;
mod session_end;
mod usage;
mod usage_export;
mod webhook;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use ipnet::IpNet;

use crate::auth::TokenVerifier;
use crate::domain::clock::Clock;
use crate::domain::ids::IdGenerator;
use crate::domain::usage::MAXIMUM_DAYS;
use crate::graphql::TollgateSchema;
use crate::jobs::Waker;
use crate::payments::WebhookVerifier;
use crate::service::Service;
use crate::store::Store;
use document::{DayRange, DocumentLimits};
use executor::Executor;
use graphiql::OfferedToken;
use graphql::{GraphqlEndpoint, GraphqlHttpConfig};
pub use server::{Timeouts, serve};

/// How HTTP is spoken.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Bytes of a GraphQL request at most.
    pub max_body_bytes: usize,
    /// How long an operation may take.
    pub operation_timeout: Duration,
    /// What a document may measure.
    pub limits: DocumentLimits,
    /// Operations in one request at most; 0 allows no lists of them.
    pub max_batch: usize,
    /// Event streams and WebSockets at most, together.
    pub max_streams: usize,
    /// How long the reader of a WebSocket may leave a message untaken.
    pub send_time: Duration,
    /// Requests that each API key may make in a minute, in this process.
    pub api_key_rate: NonZeroU32,
    /// How long a request's headers may take to come, and a connection may be idle.
    pub header_timeout: Duration,
    /// How long what is written to a connection may go untaken.
    pub write_timeout: Duration,
    /// Whether everyone may read the schema; platform staff always may.
    pub introspection_for_all: bool,
    /// Whether /graphiql is served.
    pub graphiql: bool,
    /// Networks of proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bytes of a webhook at most.
    pub webhook_max_body_bytes: usize,
    /// Webhooks that are taken in at the same time.
    pub webhook_concurrency: usize,
    /// How long a webhook's body may take to come.
    pub webhook_read_timeout: Duration,
    /// Bodies of usage that may be in memory at the same time: a few hundred megabytes at most.
    pub usage_concurrency: usize,
    /// Whether /metrics is served.
    pub metrics: bool,
    /// Tokens that GraphiQL offers, with their labels; development only.
    pub offered_tokens: Vec<(String, String)>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            max_body_bytes: 256 * 1024,
            operation_timeout: Duration::from_secs(60),
            limits: limits(),
            max_batch: 0,
            max_streams: 1_000,
            send_time: Duration::from_secs(10),
            api_key_rate: DEFAULT_API_KEY_RATE,
            header_timeout: Duration::from_secs(65),
            write_timeout: Duration::from_secs(30),
            introspection_for_all: false,
            graphiql: false,
            trusted_proxies: Vec::new(),
            webhook_max_body_bytes: 1024 * 1024,
            webhook_concurrency: 128,
            webhook_read_timeout: Duration::from_secs(10),
            usage_concurrency: 64,
            metrics: false,
            offered_tokens: Vec::new(),
        }
    }
}

/// What a key may ask in a minute unless something else is set: ten requests a second.
pub const DEFAULT_API_KEY_RATE: NonZeroU32 = NonZeroU32::new(600).expect("it is not zero");

/// Mutations that move money without an answer of Stripe's in theirs; those with an operation are known by it.
const MONEY_MUTATIONS: &[&str] = &["driftRepair"];

/// Fields that Stripe is asked for, each time. Fifty in a request are a burst that its rate limit bears.
const ASKED_OF_STRIPE: &[&str] = &["clientSecret", "upcomingInvoice"];
/// What such a field costs.
const COST_OF_ASKING: u64 = 500;
/// How long `usage` is: the three meters that everybody has, and the days that are asked for.
const USAGE: DayRange = DayRange { rows_a_day: 3, default_days: 30, max_days: MAXIMUM_DAYS.unsigned_abs() };

/// Exports of usage under way at the same time: each holds a connection of the database for a page at a time.
const EXPORT_CONCURRENCY: usize = 16;

/// The limits of documents, with what our schema's fields cost.
pub fn limits() -> DocumentLimits {
    DocumentLimits {
        money_mutation_names: MONEY_MUTATIONS.iter().map(|name| (*name).to_owned()).collect(),
        field_costs: ASKED_OF_STRIPE.iter().map(|name| ((*name).to_owned(), COST_OF_ASKING)).collect(),
        day_ranges: [("usage".to_owned(), USAGE)].into(),
        ..DocumentLimits::default()
    }
}

/// What the routes need.
pub struct HttpParts {
    /// The schema.
    pub schema: TollgateSchema,
    /// The use cases.
    pub service: Service,
    /// The database.
    pub store: Store,
    /// Checks access tokens.
    pub tokens: Arc<TokenVerifier>,
    /// Checks webhooks.
    pub webhooks: Arc<WebhookVerifier>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdGenerator>,
    /// Wakes the worker.
    pub waker: Waker,
    /// How HTTP is spoken.
    pub options: HttpOptions,
}

/// The routes, and the endpoint whose mutations must end before the process does.
pub fn router(parts: HttpParts) -> (Router, Arc<GraphqlEndpoint>) {
    let options = parts.options;
    let key_budgets = Arc::new(key_budget::KeyBudgets::new(options.api_key_rate));
    let executor = Executor {
        schema: parts.schema,
        key_budgets: Arc::clone(&key_budgets),
        introspection_for_all: options.introspection_for_all,
    };
    let endpoint = GraphqlEndpoint::new(
        Arc::new(executor),
        &crate::graphql::sdl(),
        GraphqlHttpConfig {
            max_body_bytes: options.max_body_bytes,
            max_batch: options.max_batch,
            execution_timeout: options.operation_timeout,
            limits: options.limits,
            max_streams: options.max_streams,
            send_time: options.send_time,
        },
    )
    .expect("the schema's own definition can be parsed");
    let identity = identity::Identification {
        tokens: parts.tokens,
        store: parts.store.clone(),
        clock: Arc::clone(&parts.clock),
        ids: parts.ids,
        trusted_proxies: options.trusted_proxies.into(),
        key_budgets,
    };
    let endpoint = endpoint.with_clock(Arc::clone(&parts.clock));
    let endpoint = Arc::new(endpoint.with_sessions(Arc::new(identity.clone())));
    let webhook = webhook::StripeWebhook {
        store: parts.store.clone(),
        verifier: parts.webhooks,
        clock: parts.clock,
        waker: parts.waker,
        max_body_bytes: options.webhook_max_body_bytes,
        read_timeout: options.webhook_read_timeout,
        places: Arc::new(tokio::sync::Semaphore::new(options.webhook_concurrency)),
    };
    let exports = usage_export::UsageExports {
        service: parts.service.clone(),
        places: Arc::new(tokio::sync::Semaphore::new(EXPORT_CONCURRENCY)),
    };
    let intake = usage::UsageIntake {
        service: parts.service,
        places: Arc::new(tokio::sync::Semaphore::new(options.usage_concurrency)),
        read_timeout: options.webhook_read_timeout,
    };
    let graphql = Router::new()
        .route("/graphql", graphql::route(Arc::clone(&endpoint)))
        .route("/v1/usage", post(usage::record).with_state(intake))
        .route("/v1/usage", get(usage_export::buckets).with_state(exports.clone()))
        .route("/v1/usage/events", get(usage_export::events).with_state(exports))
        .layer(axum::middleware::from_fn_with_state(identity, identity::identify));
    let router = Router::new()
        .merge(graphql)
        .route("/webhooks/stripe", post(webhook::receive).with_state(webhook))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready).with_state(parts.store));
    let router = if options.metrics {
        crate::metrics::install();
        router.route("/metrics", get(async || crate::metrics::render()))
    } else {
        router
    };
    let router = if options.graphiql {
        let offered =
            options.offered_tokens.into_iter().map(|(label, token)| OfferedToken { label, token }).collect();
        router.route("/", get(|| async { Redirect::temporary("/graphiql") })).merge(graphiql::routes(offered))
    } else {
        router
    };
    (router, endpoint)
}

/// Ready when the database answers.
async fn ready(State(store): State<Store>) -> Response {
    match store.ping().await {
        Ok(()) => "ready".into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer").into_response()
        }
    }
}
