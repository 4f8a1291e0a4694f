//! A sandbox, a database and the processes between them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::Rng;
use rand::seq::SliceRandom;
use sea_orm::{Database, DatabaseConnection};
use serde_json::json;
use stripe_sandbox::Sandbox;
use tokio::runtime::Runtime;
use tollgate::domain::clock::{Clock, SystemClock};

use super::Draws;
use super::delivery::{self, Delivery};
use super::effects::Witness;
use super::equality;
use super::history::{self, Drawn};
use super::process::Process;
use super::terms;
use crate::support::database::TestDatabase;
use crate::support::{TestApp, TestOptions, WEBHOOK_SECRET};

/// How long everything may take to become equal once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(90);

/// After so long Stripe may have forgotten events: then everything is compared, and that mends.
pub const GAP: i64 = 25 * 86_400;

/// What happened.
#[derive(Debug, Default)]
pub struct Summary {
    pub events: u64,
    pub lost: u64,
    pub delivered: u64,
    pub kills: u64,
    pub applied: u64,
    pub ignored: u64,
    pub recovered: u64,
}

impl Summary {
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.lost += other.lost;
        self.delivered += other.delivered;
        self.kills += other.kills;
        self.applied += other.applied;
        self.ignored += other.ignored;
        self.recovered += other.recovered;
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { events, lost, delivered, kills, applied, ignored, recovered } = self;
        write!(
            f,
            "{events} events, {lost} lost on the way, {delivered} deliveries, {kills} processes killed; \
             {applied} applied, {ignored} ignored, {recovered} found by the sweep; tables equal"
        )
    }
}

/// Customers that two organizations of ours have; and the sandbox's state before anything happened.
pub struct World {
    seed: u64,
    history: Arc<Mutex<Vec<String>>>,
    pub runtime: Runtime,
    pub database: TestDatabase,
    pub sandbox: Sandbox,
    pub customers: Vec<String>,
    http: reqwest::Client,
    processes: Vec<Process>,
    before: HashSet<String>,
    witness: Witness,
    pending: Vec<Delivery>,
    summary: Summary,
    /// How often something was drawn of each.
    changes: u64,
    births: u64,
    ways: u64,
    /// The seconds that passed at Stripe.
    passed: i64,
}

/// What a history begins with.
pub struct Beginning {
    pub database: TestDatabase,
    pub sandbox: Sandbox,
    pub customers: Vec<String>,
    /// The events of before: the first sweep begins after them.
    pub before: HashSet<String>,
    /// It has seen those.
    pub witness: Witness,
}

/// A second plan that is sold by the month and by the year, coupons, and a price that only Stripe knows.
async fn catalogue(app: &TestApp) {
    let price = |minor: &str, interval: &str| json!({ "unitAmount": { "minorUnits": minor, "currency": "USD" }, "billingInterval": interval });
    let query =
        "mutation($input: PlanCreateInput!) { planCreate(input: $input) { userErrors { message path } } }";
    let input =
        json!({ "name": "top", "slug": "top", "prices": [price("9900", "MONTH"), price("99000", "YEAR")] });
    let made = app.staff().send(query, json!({ "input": input })).await;
    assert_eq!(made.data()["planCreate"]["userErrors"], json!([]), "{:#}", made.body);
    for (id, form) in terms::COUPONS {
        let form: Vec<_> = form.iter().copied().chain([("id", id)]).collect();
        app.at_stripe(reqwest::Method::POST, "coupons", &form).await;
    }
    let product = app.at_stripe(reqwest::Method::POST, "products", &[("name", "Of the dashboard")]).await;
    let product = crate::support::text(&product["id"]);
    let form = [
        ("product", product.as_str()),
        ("unit_amount", "1700"),
        ("currency", "usd"),
        ("recurring[interval]", "month"),
    ];
    app.at_stripe(reqwest::Method::POST, "prices", &form).await;
}

/// Two organizations with a customer, a card and plans to choose, and no process.
pub async fn prepare(seed: u64) -> Beginning {
    let database = TestDatabase::create().await;
    let loopback = "127.0.0.1:0".parse().expect("an address");
    let sandbox = Sandbox::builder().seed(seed).start(loopback).await.expect("the sandbox starts");
    let options = TestOptions { deliver_webhooks: false, ..TestOptions::default() };
    let app = TestApp::start_on(database, sandbox, options).await;
    let owner = app.client("olivia");
    app.paid_plan("pro", 2900, 0).await;
    catalogue(&app).await;
    for slug in ["acme", "bolt"] {
        let organization = app.organization(&owner, slug).await;
        app.card(&owner, &organization, "pm_card_visa").await;
    }
    app.service.sweep_events(chrono::TimeDelta::seconds(1)).await.expect("a first sweep");
    app.settled_so_far().await;
    // The first start compares everything: done here, it mends nothing of what follows.
    app.service.reconcile(true, chrono::TimeDelta::minutes(1)).await.expect("a first comparison");
    let (database, sandbox) = app.stop().await;
    let mut witness = Witness::default();
    let before = witness.look(&sandbox).iter().map(|event| crate::support::text(&event["id"])).collect();
    let customers =
        sandbox.objects("customer").iter().map(|customer| crate::support::text(&customer["id"])).collect();
    Beginning { database, sandbox, customers, before, witness }
}

impl World {
    pub fn create(seed: u64, history: Arc<Mutex<Vec<String>>>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let Beginning { database, sandbox, customers, before, witness } = runtime.block_on(prepare(seed));
        let mut world = Self {
            seed,
            history,
            runtime,
            database,
            sandbox,
            customers,
            http: reqwest::Client::new(),
            processes: Vec::new(),
            before,
            witness,
            pending: Vec::new(),
            summary: Summary::default(),
            changes: 0,
            births: 0,
            ways: 0,
            passed: 0,
        };
        // One process owns a SQLite file; a server has any number.
        let number = if world.is_sqlite() { 1 } else { 2 };
        for _ in 0..number {
            let process = world.give_birth();
            world.processes.push(process);
        }
        world
    }

    fn is_sqlite(&self) -> bool {
        self.database.url().starts_with("sqlite:")
    }

    fn start_process(&self, sweep: bool) -> Process {
        Process::start(self.database.url(), &self.sandbox.base_url(), sweep)
    }

    /// A process that reads Stripe's list, or does not.
    fn give_birth(&mut self) -> Process {
        self.births += 1;
        let sweep = Draws::Births.stream(self.seed, self.births).random_bool(0.5);
        self.start_process(sweep)
    }

    pub async fn connect(&self) -> DatabaseConnection {
        Database::connect(self.database.url()).await.expect("the database opens")
    }

    /// Something happens at Stripe, and perhaps a process is doomed.
    pub fn change(&mut self) {
        self.changes += 1;
        let inside = self.runtime.enter();
        let drawn = history::draw(
            &mut Draws::History.stream(self.seed, self.changes),
            &self.sandbox,
            &self.customers,
        );
        self.history.lock().expect("nobody panics while they hold it").push(drawn.to_string());
        match drawn {
            Drawn::Seconds(seconds) => {
                self.passed += seconds;
                self.sandbox.set_now(self.sandbox.now() + seconds);
            }
            Drawn::Requests(changes) => {
                for change in changes {
                    let request = change.request(&self.http, &self.sandbox.base_url());
                    let answer = self.runtime.block_on(request.send()).expect("the sandbox answers");
                    assert!(answer.status().as_u16() < 500, "the sandbox failed at {}", change.path);
                }
            }
        }
        drop(inside);
        for event in self.witness.look(&self.sandbox) {
            self.summary.events += 1;
            let deliveries =
                delivery::draw(&mut Draws::Deliveries.stream(self.seed, self.summary.events), &event);
            self.summary.lost += u64::from(deliveries.is_empty());
            self.pending.extend(deliveries);
        }
        let mut draw = Draws::Deaths.stream(self.seed, self.changes);
        for process in &self.processes {
            if draw.random_bool(0.35) {
                process.die_after(draw.random_range(0..60));
            }
        }
        self.bury();
    }

    /// Puts new processes in the place of dead ones.
    fn bury(&mut self) {
        for index in 0..self.processes.len() {
            if self.processes[index].is_dead() {
                self.summary.kills += 1;
                self.processes[index] = self.give_birth();
            }
        }
    }

    /// Delivers what is due, all at once and in any order. What does not arrive is lost.
    pub fn deliver(&mut self) {
        self.ways += 1;
        let mut draw = Draws::Ways.stream(self.seed, self.ways);
        let inside = self.runtime.enter();
        for delivery in &mut self.pending {
            delivery.due_in = delivery.due_in.saturating_sub(1);
        }
        let (mut due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(|delivery| delivery.due_in == 0);
        self.pending = later;
        due.shuffle(&mut draw);
        let mut sends = Vec::new();
        for delivery in due {
            let process = &self.processes[draw.random_range(0..self.processes.len())];
            let url = format!("http://{}/webhooks/stripe", process.address);
            let body = delivery.body.to_string();
            let signature = tollgate::payments::sign(body.as_bytes(), WEBHOOK_SECRET, SystemClock.now());
            let request = self.http.post(url).header("stripe-signature", signature).body(body);
            sends.push(request.timeout(Duration::from_secs(5)).send());
            self.summary.delivered += 1;
        }
        // Stored, or not for a reason that makes Stripe send again: never refused for good.
        for answer in self.runtime.block_on(futures::future::join_all(sends)).into_iter().flatten() {
            let status = answer.status().as_u16();
            assert!(status == 200 || status >= 500, "a webhook was answered {status}");
        }
        drop(inside);
        std::thread::sleep(Duration::from_millis(draw.random_range(0..60)));
        self.bury();
    }

    pub fn deliver_the_rest(&mut self) {
        while !self.pending.is_empty() {
            self.deliver();
        }
    }

    /// Nothing goes wrong any more: everything becomes equal, and nothing is stuck.
    pub fn end_well(mut self) -> Summary {
        self.processes.clear();
        let db = self.runtime.block_on(self.connect());
        // Whoever held an operation is dead. Its lease is of twenty seconds, however short those of workers are here.
        let over = "UPDATE billing_operations SET lease_until = '2026-01-02T03:04:05+00:00' WHERE open_scope IS NOT NULL";
        let over = sea_orm::ConnectionTrait::execute_unprepared(&db, over);
        self.runtime.block_on(over).expect("the leases end");
        let process = self.start_process(true);
        let deadline = Instant::now() + PATIENCE;
        let found = loop {
            self.witness.look(&self.sandbox);
            let expected = equality::Expected {
                sandbox: &self.sandbox,
                customers: &self.customers,
                before: &self.before,
                witness: &self.witness,
            };
            match self.runtime.block_on(equality::compare(&db, &expected)) {
                Ok(found) => break found,
                Err(difference) => {
                    assert!(Instant::now() < deadline, "not equal after {PATIENCE:?}:\n{difference}");
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        };
        self.summary.applied = found.applied;
        self.summary.ignored = found.ignored;
        self.summary.recovered = found.recovered;
        // Events alone made the tables equal: a comparison, which would hide what they got wrong, mended nothing.
        if self.passed < GAP {
            let mended = self.runtime.block_on(equality::mended(&db));
            assert!(mended.is_empty(), "a comparison mended what events got wrong: {mended:#?}");
        }
        self.runtime.block_on(async { db.close().await.expect("the connection closes") });
        drop(process);
        std::mem::take(&mut self.summary)
    }
}
