//! The running sandbox: builder, tasks, and what a Rust program can ask of it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api_versions;
use crate::clock::{self, Clock, TimeSource};
use crate::deliveries::{self, DeliveryAttempt, WebhookRetries};
use crate::errors::ApiError;
use crate::faults::Fault;
use crate::http::{self, RecordedRequest};
use crate::ids::IdGenerator;
use crate::settings::Settings;
use crate::state::State;
use crate::store::Store;
use crate::webhook_faults::WebhookFault;
use crate::webhooks::{self, WebhookEndpoint};
use crate::{snapshot, time};

/// How long `shutdown` waits for requests in flight.
const PATIENCE: Duration = Duration::from_secs(5);

/// What every task of a sandbox holds.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Something was changed that a snapshot should have.
    pub changed: Notify,
    /// False while deliveries are held back.
    pub deliver: watch::Sender<bool>,
    pub client: reqwest::Client,
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
    pub replay_deletes: bool,
    /// Told of each request before it is worked on.
    pub observer: Mutex<Option<RequestObserver>>,
}

/// Called with the method and the path of a request to `/v1/` before it is worked on.
pub(crate) type RequestObserver = Arc<dyn Fn(&str, &str) + Send + Sync>;

impl Shared {
    /// Whoever is told of requests.
    pub(crate) fn observer(&self) -> Option<RequestObserver> {
        self.observer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The state. A panic of another holder is no reason to stop serving.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts over: no objects, events, keys, faults or requests; the endpoints named from Rust stay.
    pub(crate) fn reset(&self) {
        let mut state = self.lock();
        let kept: Vec<Value> = state
            .store
            .all("webhook_endpoint")
            .filter(|endpoint| endpoint["_sandbox"]["lasting"] == false)
            .cloned()
            .collect();
        state.store = Store::default();
        for endpoint in kept {
            state.store.insert(endpoint);
        }
        state.ledger = crate::idempotency::Ledger::default();
        state.faults.clear();
        state.requests.clear();
        state.deliveries.reset();
        drop(state);
        self.changed.notify_one();
    }

    /// Holds webhook deliveries back or lets them go, those that wait to be mixed too.
    pub(crate) fn hold_or_deliver(&self, deliver: bool) {
        if deliver {
            let state = &mut *self.lock();
            let (now, going) = (state.now(), state.deliveries.faults.release());
            state.deliveries.send(now, going);
        }
        self.deliver.send_replace(deliver);
    }

    /// Adds a fault of deliveries.
    pub(crate) fn webhook_fault(&self, fault: WebhookFault) {
        let state = &mut *self.lock();
        let seed = state.ids.below(u64::MAX);
        state.deliveries.faults.add(fault, seed);
    }

    /// Ends the faults of deliveries; what waited in them goes out.
    pub(crate) fn clear_webhook_faults(&self) {
        let state = &mut *self.lock();
        let (now, going) = (state.now(), state.deliveries.faults.clear());
        state.deliveries.send(now, going);
    }

    /// Moves sandbox time forward and does what falls due on the way. False when `now` lies in the past.
    pub(crate) fn set_now(&self, now: i64) -> bool {
        let moved = time::travel(&mut self.lock(), now);
        self.changed.notify_one();
        moved
    }
}

/// Prepares a [`Sandbox`].
#[derive(Default)]
pub struct SandboxBuilder {
    clock: Option<TimeSource>,
    seed: Option<u64>,
    snapshot: Option<PathBuf>,
    endpoints: Vec<WebhookEndpoint>,
    retries: WebhookRetries,
    default_api_version: Option<String>,
    begins_at: Option<i64>,
    replay_deletes: bool,
    settings: Settings,
}

impl SandboxBuilder {
    /// Where the time comes from, in seconds since the epoch; the machine's clock unless set.
    pub fn clock(mut self, clock: Arc<dyn Fn() -> i64 + Send + Sync>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Where sandbox time begins, in seconds since the epoch: in the past, to make a history and then `set_now`. It flows
    /// as the clock does, and webhooks are signed with the clock's own time. A snapshot carries on with its own time.
    pub fn begins_at(mut self, time: i64) -> Self {
        self.begins_at = Some(time);
        self
    }

    /// Seeds the ids, so that a run can be repeated. Unless set, every run has its own. A snapshot that is loaded
    /// carries on with its own ids.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// A JSON file that the whole state is loaded from when it exists, and kept in: it is rewritten shortly after
    /// changes and at shutdown.
    pub fn snapshot(mut self, path: PathBuf) -> Self {
        self.snapshot = Some(path);
        self
    }

    /// An address that is sent every event, signed with `secret`. Named twice, it is signed with each secret. Such
    /// endpoints are not kept in the snapshot.
    pub fn webhook_endpoint(mut self, url: String, secret: String) -> Self {
        self.endpoints.push(WebhookEndpoint::new(url, secret));
        self
    }

    /// When webhooks that failed are tried again: on the sandbox clock unless set.
    pub fn webhook_retries(mut self, retries: WebhookRetries) -> Self {
        self.retries = retries;
        self
    }

    /// The API version of the account, from 2022-11-15 on: events are of it, in lists and for endpoints that name none.
    /// Requests and answers are of [`API_VERSION`](crate::API_VERSION) whatever it is.
    pub fn default_api_version(mut self, version: impl Into<String>) -> Self {
        self.default_api_version = Some(version.into());
        self
    }

    /// Whether an `Idempotency-Key` on a DELETE is honoured. It is not unless set: Stripe's v1 documentation says that it
    /// has no effect there, so a repeated DELETE meets 404 as it would in production.
    pub fn replay_deletes(mut self, replay: bool) -> Self {
        self.replay_deletes = replay;
        self
    }

    /// What Stripe's dashboard sets: dunning, and what is announced when.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Starts serving. Port 0 takes a free one.
    ///
    /// Fails on an address that is not loopback, one that is taken, a snapshot that cannot be read, and an API version of
    /// events that is too old.
    pub async fn start(self, address: SocketAddr) -> io::Result<Sandbox> {
        if !address.ip().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the sandbox serves loopback addresses only, not {address}"),
            ));
        }
        let loaded = match &self.snapshot {
            Some(path) => snapshot::load(path)?,
            None => None,
        };
        let listener = TcpListener::bind(address).await?;
        let (outbox, deliveries) = mpsc::unbounded_channel();
        let source = self.clock.unwrap_or_else(clock::system);
        let ids = IdGenerator::new(self.seed.unwrap_or_else(clock::arbitrary_seed));
        let begun = self.begins_at.map_or(0, |time| time - source());
        let mut state = State::new(
            Clock::new(source, loaded.as_ref().map_or(begun, |loaded| loaded.clock_offset)),
            ids,
            outbox,
        );
        if let Some(loaded) = loaded {
            state.ids = loaded.ids;
            state.ledger = loaded.ledger;
            state.store = loaded.store;
            state.worked_until = loaded.worked_until;
            state.deliveries.restore(loaded.deliveries);
        }
        state.deliveries.retries = self.retries;
        if let Some(version) = self.default_api_version {
            api_versions::check(&version).map_err(too_old)?;
            state.default_api_version = version;
        }
        state.settings = self.settings;
        state.base_url = format!("http://{}", listener.local_addr()?);
        for endpoint in self.endpoints {
            webhooks::add(&mut state, endpoint, false).map_err(too_old)?;
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Notify::new(),
            deliver: watch::Sender::new(true),
            client: client.map_err(io::Error::other)?,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            replay_deletes: self.replay_deletes,
            observer: Mutex::default(),
        });
        shared.tasks.spawn(deliveries::dispatch(Arc::clone(&shared), deliveries));
        shared.tasks.spawn(serve(Arc::clone(&shared), listener));
        shared.tasks.spawn(time::keep_up(Arc::clone(&shared)));
        if let Some(path) = &self.snapshot {
            shared.tasks.spawn(snapshot::keep(Arc::clone(&shared), path.clone()));
        }
        Ok(Sandbox { shared, snapshot: self.snapshot })
    }
}

fn too_old(error: ApiError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: give it a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Small answers are to leave at once; without it they only come later.
        let _ = stream.set_nodelay(true);
        let connected = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            let service = {
                let shared = Arc::clone(&connected);
                service_fn(move |request| http::answer(Arc::clone(&shared), request))
            };
            let mut connection =
                std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = connected.stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}

/// A running Stripe double. Dropping it stops it without waiting.
pub struct Sandbox {
    shared: Arc<Shared>,
    snapshot: Option<PathBuf>,
}

impl Sandbox {
    /// Prepares a sandbox.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// `http://127.0.0.1:PORT`, without a trailing slash.
    pub fn base_url(&self) -> String {
        self.shared.lock().base_url.clone()
    }

    /// Lets requests in flight finish, writes the snapshot and stops.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        if tokio::time::timeout(PATIENCE, self.shared.tasks.wait()).await.is_err() {
            tracing::warn!("requests were still in flight when the sandbox stopped");
        }
        if let Some(path) = &self.snapshot
            && let Err(error) = snapshot::save(&self.shared, path).await
        {
            tracing::error!(path = %path.display(), %error, "the snapshot could not be written");
        }
    }

    /// Sandbox time in seconds since the epoch.
    pub fn now(&self) -> i64 {
        self.shared.lock().now()
    }

    /// Moves sandbox time forward to `now` (seconds since the epoch) and makes happen, in order, what would have
    /// happened: renewals, trial ends, retries, cancellations. Time flows on from there as the clock does. A time in the
    /// past changes nothing.
    pub fn set_now(&self, now: i64) {
        self.shared.set_now(now);
    }

    /// As [`SandboxBuilder::webhook_endpoint`], at any time.
    pub fn add_webhook_endpoint(&self, url: String, secret: String) {
        self.add_endpoint(WebhookEndpoint::new(url, secret));
    }

    /// As `add_webhook_endpoint`, with a choice of events and of their version.
    ///
    /// # Panics
    ///
    /// When the version is older than 2022-11-15.
    pub fn add_endpoint(&self, endpoint: WebhookEndpoint) {
        webhooks::add(&mut self.shared.lock(), endpoint, false).expect("the sandbox knows the version");
    }

    /// Stores ready Stripe objects under their own `object` and `id`, without events. An object of the same id is
    /// replaced; one without `object` or `id` is left out.
    pub fn import(&self, objects: Vec<Value>) {
        let mut state = self.shared.lock();
        for object in objects {
            state.store.insert(object);
        }
        drop(state);
        self.shared.changed.notify_one();
    }

    /// The objects of a kind, named as in their `object` field (`customer`, `subscription`, `invoice`), newest first.
    pub fn objects(&self, kind: &str) -> Vec<Value> {
        let state = self.shared.lock();
        state.store.newest_first(kind, |_| true).into_iter().map(|object| state.render(object)).collect()
    }

    /// All events of the last 30 days of sandbox time, oldest first.
    pub fn events(&self) -> Vec<Value> {
        let mut events = self.objects("event");
        events.reverse();
        events
    }

    /// The last 10,000 requests to `/v1/`, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.lock().requests.iter().cloned().collect()
    }

    /// Has each request to `/v1/` told before it is worked on. It is on a thread of its own and may take its time: the
    /// request waits for it. The one that was told before is not told any more.
    pub fn on_request(&self, observer: impl Fn(&str, &str) + Send + Sync + 'static) {
        *self.shared.observer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(observer));
    }

    /// Makes something go wrong.
    pub fn fault(&self, fault: Fault) {
        self.shared.lock().faults.add(fault);
    }

    /// Holds webhook deliveries back (false) or lets them go (true). What was held back is sent then.
    pub fn deliver_webhooks(&self, deliver: bool) {
        self.shared.hold_or_deliver(deliver);
    }

    /// Makes deliveries of webhooks go wrong. What happens is decided as events come about, so that the same seed and
    /// the same events give the same.
    pub fn webhook_fault(&self, fault: WebhookFault) {
        self.shared.webhook_fault(fault);
    }

    /// Ends the faults of deliveries. What waited in them goes out.
    pub fn clear_webhook_faults(&self) {
        self.shared.clear_webhook_faults();
    }

    /// The last 10,000 attempts to deliver a webhook, oldest first.
    pub fn deliveries(&self) -> Vec<DeliveryAttempt> {
        self.shared.lock().deliveries.log().cloned().collect()
    }

    /// Sends an event once more to every endpoint that wants it. False when there is no such event.
    pub fn resend(&self, event: &str) -> bool {
        self.shared.lock().resend(event).is_ok()
    }

    /// Waits until no delivery is on its way. What waits for a retry, is postponed or waits to be mixed is not; what is
    /// held back is.
    pub async fn webhooks_settled(&self) {
        let mut under_way = self.shared.lock().deliveries.under_way.subscribe();
        // The sender lives as long as the sandbox.
        let _ = under_way.wait_for(|count| *count == 0).await;
    }

    /// The account's API version, which events are of.
    pub fn default_api_version(&self) -> String {
        self.shared.lock().default_api_version.clone()
    }

    /// Starts over: no objects, events, idempotency keys, faults or recorded requests. Webhook endpoints named from
    /// Rust and the time stay.
    pub fn reset(&self) {
        self.shared.reset();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
