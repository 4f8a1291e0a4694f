//! `cargo xtask bench`: what the release build does on this machine.

use std::{fs, time::Instant};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::{interrupt::Interrupt, postgres::Cluster, process, workspace};

/// What is measured.
#[derive(Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Webhooks stored a second on PostgreSQL, beside what the same machine commits of bare one-row INSERTs
    Intake {
        /// How long each side runs
        #[arg(long, default_value_t = 15)]
        seconds: u64,
        /// Webhooks that are sent at the same time
        #[arg(long, default_value_t = 64)]
        connections: u64,
    },
    /// What the gateway adds to Stripe's own time, on PostgreSQL and the sandbox; fails above the bound at p95
    Overhead {
        /// Measured operations of each kind
        #[arg(long, default_value_t = 200)]
        rounds: u64,
        /// Milliseconds at p95 at most
        #[arg(long, default_value_t = 10)]
        bound: u64,
    },
    /// From a webhook's receipt to its change in a query's answer, on both databases; fails above the bound at p95
    Visible {
        /// Measured webhooks on each database
        #[arg(long, default_value_t = 200)]
        rounds: u64,
        /// Milliseconds at p95 at most
        #[arg(long, default_value_t = 100)]
        bound: u64,
    },
    /// Usage events taken in a second on PostgreSQL, beside a bare batched INSERT of the same rows; fails below the percentage
    Usage {
        /// Batches of a thousand events that each of four organizations sends
        #[arg(long, default_value_t = 50)]
        rounds: u64,
        /// Percent of the bare INSERT's speed at least
        #[arg(long, default_value_t = 50)]
        percent: u64,
    },
    /// What the gateway itself takes to say whether something may be used, on both databases; fails above the bound at p95
    Entitlements {
        /// Measured checks of each kind
        #[arg(long, default_value_t = 2_000)]
        rounds: u64,
        /// Milliseconds at p95 at most
        #[arg(long, default_value_t = 1)]
        bound: u64,
    },
    /// From the start of the program with nothing configured to serving, the demo made, on both databases; fails above the
    /// bound at p95
    Start {
        /// Measured starts on each database
        #[arg(long, default_value_t = 20)]
        rounds: u64,
        /// Milliseconds at p95 at most
        #[arg(long, default_value_t = 2_000)]
        bound: u64,
    },
}

/// A test that measures, and how it is told.
struct Measured {
    test: &'static str,
    rounds: (&'static str, u64),
    bound: (&'static str, u64),
    on_sqlite_too: bool,
}

/// Commits as many one-row INSERTs at the same time as the gateway has connections.
const CLIENTS: &str = "16";

/// Measures, and prints what was measured.
pub fn run(bench: &Bench, interrupt: &Interrupt) -> Result<()> {
    match &bench.what {
        What::Intake { seconds, connections } => intake(*seconds, *connections, interrupt),
        What::Overhead { rounds, bound } => measure(
            &Measured {
                test: "overhead::",
                rounds: ("TOLLGATE_TEST_OVERHEAD_ROUNDS", *rounds),
                bound: ("TOLLGATE_TEST_OVERHEAD_BOUND_MS", *bound),
                on_sqlite_too: false,
            },
            interrupt,
        ),
        What::Visible { rounds, bound } => measure(
            &Measured {
                test: "visible::",
                rounds: ("TOLLGATE_TEST_VISIBLE_ROUNDS", *rounds),
                bound: ("TOLLGATE_TEST_VISIBLE_BOUND_MS", *bound),
                on_sqlite_too: true,
            },
            interrupt,
        ),
        What::Usage { rounds, percent } => measure(
            &Measured {
                test: "usage::speed::",
                rounds: ("TOLLGATE_TEST_USAGE_ROUNDS", *rounds),
                bound: ("TOLLGATE_TEST_USAGE_PERCENT", *percent),
                on_sqlite_too: false,
            },
            interrupt,
        ),
        What::Entitlements { rounds, bound } => measure(
            &Measured {
                test: "usage::check_speed::",
                rounds: ("TOLLGATE_TEST_ENTITLEMENT_ROUNDS", *rounds),
                bound: ("TOLLGATE_TEST_ENTITLEMENT_BOUND_MS", *bound),
                on_sqlite_too: true,
            },
            interrupt,
        ),
        What::Start { rounds, bound } => measure(
            &Measured {
                test: "it_serves_soon_after_its_start",
                rounds: ("TOLLGATE_TEST_START_ROUNDS", *rounds),
                bound: ("TOLLGATE_TEST_START_BOUND_MS", *bound),
                on_sqlite_too: true,
            },
            interrupt,
        ),
    }
}

fn measure(what: &Measured, interrupt: &Interrupt) -> Result<()> {
    let test = || {
        let mut cargo = workspace::gate(workspace::cargo());
        cargo.args(["test", "--release", "--workspace", "--test", "it"]);
        cargo
    };
    // Built before the cluster takes its part of the machine.
    process::run(test().arg("--no-run"), interrupt)?;
    let measured = || {
        let mut measured = test();
        measured.args([what.test, "--", "--nocapture"]);
        for (name, value) in [what.rounds, what.bound] {
            measured.env(name, value.to_string());
        }
        measured
    };
    if what.on_sqlite_too {
        process::say(format_args!("On SQLite:"));
        process::run(measured().env("TOLLGATE_TEST_DATABASE", "sqlite"), interrupt)?;
    }
    let cluster = Cluster::start_durable(interrupt)?;
    process::say(format_args!("On PostgreSQL:"));
    let mut on_postgres = measured();
    on_postgres.env("TOLLGATE_TEST_DATABASE", "postgres").env("TOLLGATE_TEST_POSTGRES_URL", cluster.url());
    process::run(&mut on_postgres, interrupt)
}

fn intake(seconds: u64, connections: u64, interrupt: &Interrupt) -> Result<()> {
    let bench = || {
        let mut cargo = workspace::gate(workspace::cargo());
        cargo.args(["bench", "--workspace", "--bench", "intake"]);
        cargo
    };
    // Built before the clock runs.
    process::run(bench().arg("--no-run"), interrupt)?;
    let cluster = Cluster::start_durable(interrupt)?;
    let began = Instant::now();
    let mut intake = bench();
    intake
        .env("TOLLGATE_BENCH_DATABASE", cluster.url())
        .env("TOLLGATE_BENCH_SECONDS", seconds.to_string())
        .env("TOLLGATE_BENCH_CONNECTIONS", connections.to_string());
    let intake = process::read(&mut intake, interrupt)?;
    let (stored, report) = intake.split_once('\n').context("the benchmark printed nothing")?;
    let stored: f64 = stored.strip_prefix("stored_per_second ").context("no figure")?.parse()?;
    let bare = bare_inserts(&cluster, seconds, interrupt)?;
    process::say(format_args!("\n{}", report.trim()));
    process::say(format_args!(
        "bare one-row INSERTs of pgbench, {CLIENTS} clients, {seconds} s: {bare:.0} committed a second"
    ));
    process::say(format_args!(
        "ratio: {:.2}; both sides, with all they started, took {:.0} s",
        stored / bare,
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Transactions a second of the least that can be committed: one small row each.
fn bare_inserts(cluster: &Cluster, seconds: u64, interrupt: &Interrupt) -> Result<f64> {
    let table = "CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event text NOT NULL)";
    process::read(cluster.client("psql").args(["--quiet", "--command", table, &cluster.url()]), interrupt)?;
    let script = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
    fs::write(&script, "INSERT INTO bare (event) VALUES ('evt_1PgafmB7WZ01zgkW6dKueIc5');\n")?;
    let mut pgbench = cluster.client("pgbench");
    pgbench
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--client", CLIENTS])
        .args(["--time", &seconds.to_string()])
        .arg("--file")
        .arg(script.path())
        .arg(cluster.url());
    let report = process::read(&mut pgbench, interrupt)?;
    transactions_per_second(&report).with_context(|| format!("pgbench printed no figure:\n{report}"))
}

fn transactions_per_second(report: &str) -> Option<f64> {
    let line = report.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_of_pgbench_is_found() {
        let report = "number of failed transactions: 0 (0.000%)\nlatency average = 4.1 ms\n\
                      initial connection time = 22.1 ms\ntps = 3897.352 (without initial connection time)\n";
        assert_eq!(transactions_per_second(report), Some(3897.352));
        assert_eq!(transactions_per_second("latency average = 4.1 ms"), None);
    }
}
