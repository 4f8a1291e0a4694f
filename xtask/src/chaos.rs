//! `cargo xtask chaos`: the convergence tests with any number of seeds, or with processes that are killed.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{interrupt::Interrupt, postgres::Cluster, process, workspace};

/// The databases that the gateway knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

/// What is drawn.
#[derive(Args)]
pub struct Chaos {
    /// How many seeds; 20, or one with --processes, unless given
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed: the one that failed, to replay it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds are drawn at once
    #[arg(long, default_value_t = 1)]
    at_once: u64,
    /// With the release build: some minutes to build, then a fraction of the time for each seed
    #[arg(long)]
    release: bool,
    /// The database; a private PostgreSQL cluster is started for `postgres`
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// Kill so many real gateway processes at random; on PostgreSQL
    #[arg(long, value_name = "N")]
    processes: Option<u64>,
    /// How often a process is killed for each seed, with --processes
    #[arg(long, default_value_t = 20)]
    kills: u64,
}

/// Runs the tests. Fails with the seed when they do.
pub fn run(chaos: &Chaos, interrupt: &Interrupt) -> Result<()> {
    let database = if chaos.processes.is_some() { Database::Postgres } else { chaos.database };
    let mut cargo = workspace::gate(workspace::cargo());
    cargo.args(["test", "--workspace", "--test", "it"]);
    if chaos.release {
        cargo.arg("--release");
    }
    let seeds = chaos.seeds.unwrap_or(if chaos.processes.is_some() { 1 } else { 20 });
    cargo.env("TOLLGATE_TEST_CHAOS_SEED", chaos.seed.to_string());
    cargo.env("TOLLGATE_TEST_CHAOS_SEEDS", seeds.to_string());
    cargo.env("TOLLGATE_TEST_CHAOS_AT_ONCE", chaos.at_once.to_string());
    let test = match chaos.processes {
        Some(processes) => {
            cargo.env("TOLLGATE_TEST_CHAOS_PROCESSES", processes.to_string());
            cargo.env("TOLLGATE_TEST_CHAOS_KILLS", chaos.kills.to_string());
            "convergence::processes::"
        }
        None => "convergence::whatever",
    };
    let mut cluster = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(Cluster::start(interrupt)?),
    };
    if let Some(cluster) = &cluster {
        cargo.env("TOLLGATE_TEST_DATABASE", "postgres").env("TOLLGATE_TEST_POSTGRES_URL", cluster.url());
    }
    let result = process::run(cargo.args([test, "--", "--nocapture"]), interrupt);
    if let Some(cluster) = &mut cluster
        && !cluster.is_running()?
    {
        bail!("PostgreSQL ended during the tests:\n{}", cluster.log());
    }
    result
}
