//! A gateway process inside the test: a runtime of its own, that dies between two statements.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tollgate::app::{App, AppParts};
use tollgate::domain::clock::SystemClock;
use tollgate::domain::ids::SystemIds;
use tollgate::http::HttpOptions;
use tollgate::jobs::WorkerOptions;
use tollgate::payments::{Stripe, StripeOptions, WebhookVerifier};
use tollgate::store::{Store, StoreOptions};

use crate::support::WEBHOOK_SECRET;
use crate::support::tokens::TestTokens;

/// How the workers of these tests work: everything soon.
pub fn worker(sweep: bool) -> WorkerOptions {
    WorkerOptions {
        dunning: std::time::Duration::from_secs(3_600),
        idle: Duration::from_millis(20),
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(100),
        maximum_attempts: 40,
        outage_attempts: 40,
        foreign_attempts: 3,
        lease: Duration::from_millis(700),
        sweep: Duration::from_millis(200),
        sweep_events: sweep.then_some(Duration::from_millis(100)),
        compare: None,
        mend: true,
        event_retention: Duration::from_secs(90 * 86_400),
        retention: Duration::from_secs(3_600),
        ..WorkerOptions::default()
    }
}

/// A process that serves and works.
pub struct Process {
    runtime: Option<Runtime>,
    pub address: SocketAddr,
    /// Statements it may still run; it dies of the next one. Negative: it lives.
    left: Arc<AtomicI64>,
    is_dead: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Process {
    pub fn start(database: &str, sandbox: &str, sweep: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let left = Arc::new(AtomicI64::new(-1));
        let is_dead = Arc::new(AtomicBool::new(false));
        let stop = CancellationToken::new();
        let observer = {
            let (left, is_dead) = (Arc::clone(&left), Arc::clone(&is_dead));
            move |_: &str| {
                let was = left.load(Ordering::SeqCst);
                if was < 0 {
                    return;
                }
                if was == 0 || left.fetch_sub(1, Ordering::SeqCst) <= 0 {
                    left.store(0, Ordering::SeqCst);
                    is_dead.store(true, Ordering::SeqCst);
                    // Unwinds whoever ran the statement, and everyone after it, without a word on standard error.
                    std::panic::resume_unwind(Box::new("killed between two statements"));
                }
            }
        };
        let (database, sandbox) = (database.to_owned(), sandbox.to_owned());
        let stopping = stop.clone();
        let address = runtime.block_on(async move {
            let store = Store::connect(StoreOptions {
                url: database,
                max_connections: 6,
                clock: Arc::new(SystemClock),
                ids: Arc::new(SystemIds),
                on_statement: Some(Arc::new(observer)),
            })
            .await
            .expect("the database opens");
            let stripe = Stripe::new(StripeOptions {
                api_base: sandbox,
                timeout: Duration::from_secs(10),
                max_attempts: 2,
                background_rate: std::num::NonZeroU32::new(1_000).expect("it is not zero"),
                ..StripeOptions::new("sk_test_tollgate_sandbox")
            })
            .expect("the options are right");
            let secrets = vec![WEBHOOK_SECRET.to_owned().into()];
            let app = App::new(AppParts {
                store,
                stripe,
                tokens: Arc::new(TestTokens::new(Arc::new(SystemClock)).verifier()),
                webhooks: Arc::new(WebhookVerifier::new(secrets, Duration::from_secs(300))),
                clock: Arc::new(SystemClock),
                ids: Arc::new(SystemIds),
                return_urls: tollgate::domain::return_url::AllowedReturnUrls::default(),
                outgoing: tollgate::service::Outgoing::default(),
                usage: tollgate::service::UsageOptions::default(),
                http: HttpOptions::default(),
                worker: worker(sweep),
                shutdown: Duration::from_secs(5),
            });
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("a bound address");
            tokio::spawn(app.serve(listener, stopping));
            address
        });
        Self { runtime: Some(runtime), address, left, is_dead, stop }
    }

    /// Lets it die after so many statements more.
    pub fn die_after(&self, statements: i64) {
        self.left.store(statements, Ordering::SeqCst);
    }

    pub fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }
}

impl Drop for Process {
    /// What is under way is dropped where it stands: nothing is finished, and nothing handed back.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        self.stop.cancel();
    }
}
