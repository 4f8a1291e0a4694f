//! The real thing: gateway processes that are killed by SIGKILL and started again, while the sandbox delivers, and loses,
//! repeats, delays and shuffles what it delivers.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::Rng;
use sea_orm::Database;
use stripe_sandbox::{WebhookEndpoint, WebhookFault, WebhookFaultKind};
use tempfile::TempDir;

use super::history::{self, Drawn};
use super::{Draws, equality, number, world};
use crate::support::WEBHOOK_SECRET;

/// Processes that are killed in every run of the tests; `cargo xtask chaos --processes 2` kills more.
const KILLS: u64 = 3;
/// How long a process may take to serve.
const START: Duration = Duration::from_secs(60);
/// How long everything may take to become equal in the end: an operation that a killed process held is taken over after the
/// twenty seconds of its lease.
const PATIENCE: Duration = Duration::from_secs(240);

/// A process with an address that stays its own.
struct Gateway {
    address: SocketAddr,
    database: String,
    sandbox: String,
    folder: TempDir,
    child: Option<Child>,
}

impl Gateway {
    fn start(database: &str, sandbox: &str) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], crate::support::free_port()));
        let mut gateway = Self {
            address,
            database: database.to_owned(),
            sandbox: sandbox.to_owned(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            child: None,
        };
        gateway.run();
        gateway
    }

    fn run(&mut self) {
        let child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("serve")
            .current_dir(self.folder.path())
            .env_clear()
            .envs([
                ("TOLLGATE_LISTEN", self.address.to_string()),
                ("DATABASE_URL", self.database.clone()),
                ("STRIPE_SECRET_KEY", "sk_test_tollgate_sandbox".to_owned()),
                ("STRIPE_API_BASE", self.sandbox.clone()),
                ("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET.to_owned()),
                ("STRIPE_BACKGROUND_REQUESTS_PER_SECOND", "1000".to_owned()),
                // Events alone must make the tables equal: nothing is compared in turn meanwhile.
                ("TOLLGATE_COMPARE_SECONDS", "86400".to_owned()),
                ("TOLLGATE_SWEEP_SECONDS", "1".to_owned()),
                ("TOLLGATE_DATABASE_MAX_CONNECTIONS", "8".to_owned()),
                ("TOLLGATE_LOG", "error".to_owned()),
            ])
            .stdout(Stdio::null())
            .spawn()
            .expect("the gateway starts");
        self.child = Some(child);
    }

    /// SIGKILL: nothing is finished, nothing handed back.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it can be killed");
            child.wait().expect("it has ended");
        }
    }

    async fn serves(&mut self) {
        let deadline = Instant::now() + START;
        let url = format!("http://{}/healthz", self.address);
        while reqwest::get(&url).await.is_err() {
            if let Some(child) = &mut self.child {
                assert!(child.try_wait().expect("its state").is_none(), "the gateway ended by itself");
            }
            assert!(Instant::now() < deadline, "the gateway does not serve");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Of a hundred deliveries, in this order: a delivery that is lost is not repeated as well.
fn faults(seed: u64) -> [WebhookFault; 5] {
    [
        (WebhookFaultKind::Drop, 15),
        (WebhookFaultKind::Fail, 10),
        (WebhookFaultKind::Duplicate { copies: 2 }, 15),
        (WebhookFaultKind::Delay { ms: 300 }, 20),
        (WebhookFaultKind::Shuffle { window: Some(4) }, 20),
    ]
    .map(|(kind, percent)| {
        WebhookFault::new("*", kind).times(u32::MAX).with_probability(percent).seeded(seed)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_at_random_end_equal_to_stripe() {
    let first = number("TOLLGATE_TEST_CHAOS_SEED", 1);
    let kills = number("TOLLGATE_TEST_CHAOS_KILLS", KILLS);
    for seed in first..first + number("TOLLGATE_TEST_CHAOS_SEEDS", 1) {
        println!("{}", kill_at_random(seed, kills).await);
    }
}

/// What it came to, for people.
async fn kill_at_random(seed: u64, kills: u64) -> String {
    let world::Beginning { database, sandbox, customers, before, mut witness } = world::prepare(seed).await;
    // One process owns a SQLite file; a server has any number.
    let default = if database.url().starts_with("sqlite:") { 1 } else { 2 };
    let processes =
        usize::try_from(number("TOLLGATE_TEST_CHAOS_PROCESSES", default)).expect("a small number");
    let mut gateways: Vec<Gateway> =
        (0..processes).map(|_| Gateway::start(database.url(), &sandbox.base_url())).collect();
    for (number, gateway) in gateways.iter_mut().enumerate() {
        gateway.serves().await;
        let url = format!("http://{}/webhooks/stripe", gateway.address);
        let endpoint = WebhookEndpoint::new(url, WEBHOOK_SECRET);
        // Each event comes to all of them, to every other one as an endpoint of before 2025-03-31 is sent it: whichever is
        // first is stored.
        let is_old = number % 2 == 1;
        sandbox.add_endpoint(if is_old { endpoint.api_version("2025-02-24.acacia") } else { endpoint });
    }
    for fault in faults(seed) {
        sandbox.webhook_fault(fault);
    }
    let (mut made, mut changes, mut passed) = (0, 0, 0);
    let http = reqwest::Client::new();
    for kill in 0..kills {
        for _ in 0..history::LENGTH / 3 {
            changes += 1;
            match history::draw(&mut Draws::History.stream(seed, changes), &sandbox, &customers) {
                Drawn::Seconds(seconds) => {
                    passed += seconds;
                    sandbox.set_now(sandbox.now() + seconds);
                }
                Drawn::Requests(changes) => {
                    for change in changes {
                        let request = change.request(&http, &sandbox.base_url());
                        request.send().await.expect("the sandbox answers");
                    }
                }
            }
        }
        let mut draw = Draws::Deaths.stream(seed, kill);
        tokio::time::sleep(Duration::from_millis(draw.random_range(0..400))).await;
        let victim = draw.random_range(0..gateways.len());
        gateways[victim].kill();
        tokio::time::sleep(Duration::from_millis(draw.random_range(0..300))).await;
        gateways[victim].run();
        // Killed again before it serves, or after it has taken over.
        if draw.random_bool(0.6) {
            gateways[victim].serves().await;
        }
        made += witness.look(&sandbox).len();
    }
    for gateway in &mut gateways {
        gateway.serves().await;
    }
    let db = Database::connect(database.url()).await.expect("the database opens");
    let began = Instant::now();
    let found = loop {
        made += witness.look(&sandbox).len();
        let (sandbox, customers) = (&sandbox, customers.as_slice());
        let expected = equality::Expected { sandbox, customers, before: &before, witness: &witness };
        match equality::compare(&db, &expected).await {
            Ok(found) => break found,
            Err(difference) => {
                assert!(
                    began.elapsed() < PATIENCE,
                    "not equal after {PATIENCE:?}; `cargo xtask chaos --processes {processes} --kills {kills} --seed {seed}` draws the same:\n{difference}"
                );
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    let summary = format!(
        "seed {seed}: {processes} processes, {kills} killed; {} events in {} deliveries: {} applied, {} ignored, {} found by the sweep; \
         tables equal {:.1} s after the last kill",
        made,
        sandbox.deliveries().len(),
        found.applied,
        found.ignored,
        found.recovered,
        began.elapsed().as_secs_f64()
    );
    if passed < world::GAP {
        let mended = equality::mended(&db).await;
        assert!(mended.is_empty(), "a comparison mended what events got wrong: {mended:#?}");
    }
    db.close().await.expect("the connection closes");
    assert!(found.applied > 0);
    summary
}
