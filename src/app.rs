//! The composition root: the only file that knows everyone.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::TokenVerifier;
use crate::domain::clock::Clock;
use crate::domain::ids::IdGenerator;
use crate::domain::patience::patience;
use crate::domain::return_url::AllowedReturnUrls;
use crate::graphql;
use crate::http::graphql::{GraphqlEndpoint, StoredSelections};
use crate::http::{self, HttpOptions, HttpParts};
use crate::jobs::{self, Stopping, Waker, WorkerOptions};
use crate::payments::{Stripe, WebhookVerifier};
use crate::service::{Outgoing, Service, UsageOptions};
use crate::store::Store;

/// What the worker has left to hand its leases back, however much of the time was taken by requests, mails and webhooks.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What an application is made of.
pub struct AppParts {
    /// The database, migrated.
    pub store: Store,
    /// The Stripe account.
    pub stripe: Stripe,
    /// Checks access tokens.
    pub tokens: Arc<TokenVerifier>,
    /// Checks webhooks.
    pub webhooks: Arc<WebhookVerifier>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdGenerator>,
    /// Where Stripe's pages may send people back to.
    pub return_urls: AllowedReturnUrls,
    /// What leaves for people: keys, texts, a mail server.
    pub outgoing: Outgoing,
    /// How it takes usage in.
    pub usage: UsageOptions,
    /// How it speaks HTTP.
    pub http: HttpOptions,
    /// How its worker works.
    pub worker: WorkerOptions,
    /// How long requests and jobs under way may take to end once it is told to stop.
    pub shutdown: Duration,
}

/// An application, ready to serve.
pub struct App {
    router: Router,
    endpoint: Arc<GraphqlEndpoint>,
    service: Service,
    waker: Waker,
    worker: WorkerOptions,
    shutdown: Duration,
    timeouts: http::Timeouts,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: AppParts) -> Self {
        let waker = Waker::default();
        let service =
            Service::new(parts.store.clone(), parts.stripe, Arc::clone(&parts.clock), Arc::clone(&parts.ids))
                .with_return_urls(parts.return_urls)
                .with_outgoing(parts.outgoing)
                .with_patience(patience(parts.http.operation_timeout))
                .with_usage(parts.usage)
                .with_trusted_issuers(parts.tokens.issuers().map(str::to_owned).collect());
        let timeouts = http::Timeouts { header: parts.http.header_timeout, write: parts.http.write_timeout };
        let schema = graphql::schema(service.clone(), parts.http.introspection_for_all);
        let selections = StoredSelections::new(schema.clone(), &service, parts.http.limits.clone())
            .expect("the schema's own definition can be parsed");
        service.set_selections(Arc::new(selections));
        let (router, endpoint) = http::router(HttpParts {
            schema,
            service: service.clone(),
            store: parts.store,
            tokens: parts.tokens,
            webhooks: parts.webhooks,
            clock: parts.clock,
            ids: parts.ids,
            waker: waker.clone(),
            options: parts.http,
        });
        Self { router, endpoint, service, waker, worker: parts.worker, shutdown: parts.shutdown, timeouts }
    }

    /// The use cases, for commands and tests.
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// Serves until `stop`; then lets the requests and the batch at hand end.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let store = self.service.store().clone();
        let listening = stop.clone();
        tokio::spawn(async move { store.listen(listening).await });
        let stopping = Stopping { stop: stop.clone(), hand_over: CancellationToken::new() };
        let worker = tokio::spawn(jobs::run(self.service, self.waker, self.worker, stopping.clone()));
        let served = http::serve(listener, self.router, self.timeouts, {
            let (stopped, endpoint) = (stop.clone(), Arc::clone(&self.endpoint));
            async move {
                stopped.cancelled().await;
                // A stream would outlast every request.
                endpoint.close_streams();
            }
        });
        // One deadline for everything that is still under way: whoever sent SIGTERM waits no longer than it says.
        let ends = Arc::new(OnceLock::new());
        tokio::spawn({
            let ends = Arc::clone(&ends);
            async move {
                stopping.stop.cancelled().await;
                let ends = *ends.get_or_init(|| Instant::now() + self.shutdown);
                tokio::time::sleep_until(ends - LAST_WORD.min(self.shutdown / 2)).await;
                // What is sent slowly is not waited for: others go on with it, and not when its lease runs out.
                stopping.hand_over.cancel();
            }
        });
        let deadline = {
            let (stop, ends) = (stop.clone(), Arc::clone(&ends));
            async move {
                stop.cancelled().await;
                tokio::time::sleep_until(*ends.get_or_init(|| Instant::now() + self.shutdown)).await;
            }
        };
        tokio::select! {
            () = served => {}
            () = deadline => tracing::warn!("requests under way took too long to end and were cut off"),
        }
        let ends = *ends.get_or_init(|| Instant::now() + self.shutdown);
        // Mutations whose client has gone away end in a known state.
        if tokio::time::timeout_at(ends, self.endpoint.drain()).await.is_err() {
            tracing::warn!("mutations took too long to end; they will be taken over");
        }
        // Leases run out by themselves if even the batch at hand takes too long.
        stop.cancel();
        if tokio::time::timeout_at(ends.max(Instant::now() + LAST_WORD), worker).await.is_err() {
            tracing::warn!("the worker took too long to end; its leases will run out");
        }
    }
}
