//! How many webhooks a second a gateway takes in, as it runs in production: signed events of many organizations over
//! loopback, on PostgreSQL, while its worker applies them. `cargo xtask bench intake` gives it a database and compares.

use std::fs;
use std::io::{Write, stdout};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::payments::sign;

const SECRET: &str = "whsec_of_the_benchmark";
/// Organizations whose events come.
const ORGANIZATIONS: u64 = 500;
/// What comes: ten kilobytes, as Stripe sends it.
const EVENT: &str = include_str!("../tests/payments/fixtures/subscription_updated.json");

fn number(name: &str, default: u64) -> Result<u64> {
    std::env::var(name)
        .map_or(Ok(default), |text| text.parse().with_context(|| format!("{name} is a number")))
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<()> {
    let database = std::env::var("TOLLGATE_BENCH_DATABASE")
        .context("TOLLGATE_BENCH_DATABASE names an empty database; `cargo xtask bench intake` makes one")?;
    let seconds = number("TOLLGATE_BENCH_SECONDS", 15)?;
    let connections = number("TOLLGATE_BENCH_CONNECTIONS", 64)?;
    let stripe = stripe_sandbox::Sandbox::builder().seed(7).start(([127, 0, 0, 1], 0).into()).await?;
    let mut gateway = Gateway::start(&database, &stripe.base_url())?;
    gateway.serves().await?;
    let db = Database::connect(&database).await?;
    db.execute_unprepared(&organizations()).await?;

    let load = Arc::new(Load {
        url: format!("http://{}/webhooks/stripe", gateway.address),
        sent: AtomicU64::new(0),
    });
    let http = reqwest::Client::new();
    let began = Instant::now();
    let until = began + Duration::from_secs(seconds);
    let senders: Vec<_> =
        (0..connections).map(|_| tokio::spawn(send_until(Arc::clone(&load), http.clone(), until))).collect();
    let mut stored = Vec::new();
    let mut shed = 0;
    for sender in senders {
        let sent = sender.await??;
        stored.extend(sent.stored);
        shed += sent.shed;
    }
    let took = began.elapsed().as_secs_f64();
    let (rows, applied) = count(&db).await?;
    ensure!(rows == stored.len() as u64, "{} were answered 200, and {rows} are stored", stored.len());
    stored.sort_unstable();
    let at = |percent: usize| {
        let index = (stored.len() * percent / 100).min(stored.len().saturating_sub(1));
        stored.get(index).map_or(0.0, |took| took.as_secs_f64() * 1_000.0)
    };
    let mut out = stdout().lock();
    #[expect(clippy::cast_precision_loss, reason = "no run stores so many")]
    let rate = stored.len() as f64 / took;
    writeln!(out, "stored_per_second {rate:.0}")?;
    writeln!(
        out,
        "{rows} events of {ORGANIZATIONS} organizations, {} bytes each, stored and answered in {took:.1} s over {connections} \
         connections: {rate:.0} a second; answered after {:.1} ms at p50, {:.1} ms at p95, {:.1} ms at p99; {shed} shed; \
         {applied} applied meanwhile; the gateway took {} MiB at most",
        EVENT.len(),
        at(50),
        at(95),
        at(99),
        gateway.peak_memory()? / 1_024,
    )?;
    db.close().await?;
    Ok(())
}

/// Organizations with a customer, whose events are ours.
fn organizations() -> String {
    format!(
        "INSERT INTO organizations (id, name, slug, stripe_customer_id, is_demo, created_at, updated_at) \
         SELECT gen_random_uuid(), 'Organization ' || n, 'organization-' || n, 'cus_bench_' || n, false, now(), now() \
         FROM generate_series(0, {}) AS n",
        ORGANIZATIONS - 1
    )
}

/// How many events are in the inbox, and how many of them are applied.
async fn count(db: &DatabaseConnection) -> Result<(u64, u64)> {
    let statement = Statement::from_string(
        DbBackend::Postgres,
        "SELECT COUNT(*) AS rows, COUNT(*) FILTER (WHERE state = 'applied') AS applied FROM stripe_events",
    );
    let row = db.query_one_raw(statement).await?.context("a row")?;
    let rows: i64 = row.try_get("", "rows")?;
    let applied: i64 = row.try_get("", "applied")?;
    Ok((rows.try_into()?, applied.try_into()?))
}

/// What all senders share.
struct Load {
    url: String,
    sent: AtomicU64,
}

/// How long each stored event took to be answered, and how many were shed.
#[derive(Default)]
struct Sent {
    stored: Vec<Duration>,
    shed: u64,
}

impl Load {
    /// The next event: each organization's are newer and newer, so that none needs Stripe to be asked.
    fn next(&self) -> String {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let organization = number % ORGANIZATIONS;
        let created = SystemClock.now().timestamp().unsigned_abs() + number / ORGANIZATIONS;
        EVENT
            .replacen("\"evt_1\"", &format!("\"evt_bench_{number}\""), 1)
            .replacen("\"created\": 1790000000", &format!("\"created\": {created}"), 1)
            .replace("cus_QXg1o8vcGmoR32", &format!("cus_bench_{organization}"))
            .replace("sub_1Pgc6rB7WZ01zgkWNy0Cn5nw", &format!("sub_bench_{organization}"))
    }
}

async fn send_until(load: Arc<Load>, http: reqwest::Client, until: Instant) -> Result<Sent> {
    let mut sent = Sent::default();
    while Instant::now() < until {
        let body = load.next();
        let signature = sign(body.as_bytes(), SECRET, SystemClock.now());
        let request = http.post(&load.url).header("stripe-signature", signature).body(body);
        let began = Instant::now();
        let answer = request.send().await?;
        match answer.status().as_u16() {
            200 => sent.stored.push(began.elapsed()),
            503 => sent.shed += 1,
            status => bail!("a webhook was answered {status}"),
        }
    }
    Ok(sent)
}

/// The gateway, in a process of its own.
struct Gateway {
    address: SocketAddr,
    child: Child,
    #[expect(dead_code, reason = "it holds the folder until it is dropped")]
    folder: tempfile::TempDir,
}

impl Gateway {
    fn start(database: &str, stripe: &str) -> Result<Self> {
        // The port is free again when the process takes it.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let folder = tempfile::tempdir()?;
        let child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("serve")
            .current_dir(folder.path())
            .env_clear()
            .envs([
                ("TOLLGATE_LISTEN", address.to_string().as_str()),
                ("DATABASE_URL", database),
                ("STRIPE_SECRET_KEY", "sk_test_tollgate_sandbox"),
                ("STRIPE_API_BASE", stripe),
                ("STRIPE_WEBHOOK_SECRETS", SECRET),
                ("TOLLGATE_LOG", "error"),
                // The subscriptions are made up: a comparison would only say so.
                ("TOLLGATE_COMPARE_SECONDS", "3600"),
            ])
            .stdout(Stdio::null())
            .spawn()
            .context("the gateway does not start")?;
        Ok(Self { address, child, folder })
    }

    async fn serves(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let url = format!("http://{}/healthz", self.address);
        while reqwest::get(&url).await.is_err() {
            ensure!(self.child.try_wait()?.is_none(), "the gateway ended by itself");
            ensure!(Instant::now() < deadline, "the gateway does not serve");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The most memory that it ever had, in KiB.
    fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
