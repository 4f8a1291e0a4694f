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
    #[arg(long, value_parser = at_least_one())]
    seeds: Option<u64>,
    /// The first seed: the one that failed, to replay it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds are drawn at once
    #[arg(long, default_value_t = 1, value_parser = at_least_one(), conflicts_with = "processes")]
    at_once: u64,
    /// With the release build: some minutes to build, then a fraction of the time for each seed
    #[arg(long)]
    release: bool,
    /// The database, SQLite unless given; a private PostgreSQL cluster is started for `postgres`
    #[arg(long, value_enum)]
    database: Option<Database>,
    /// Kill so many real gateway processes at random; on PostgreSQL, since one alone owns a SQLite file
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    processes: Option<u64>,
    /// How often a process is killed for each seed
    #[arg(long, default_value_t = 20, value_parser = at_least_one(), requires = "processes")]
    kills: u64,
}

/// Nothing would be proved by none.
fn at_least_one() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..)
}

impl Chaos {
    fn database(&self) -> Result<Database> {
        match (self.processes, self.database) {
            (Some(2..), Some(Database::Sqlite)) => {
                bail!(
                    "One process owns a SQLite file: --processes needs --database postgres, or one process."
                )
            }
            (Some(_), None) => Ok(Database::Postgres),
            (_, database) => Ok(database.unwrap_or(Database::Sqlite)),
        }
    }

    /// The one test that it is.
    const fn test(&self) -> &'static str {
        match self.processes {
            Some(_) => "convergence::processes::processes_that_are_killed_at_random_end_equal_to_stripe",
            None => "convergence::whatever_happens_to_webhooks_and_workers_the_tables_end_equal_to_stripe",
        }
    }
}

/// Runs the tests. Fails with the seed when they do.
pub fn run(chaos: &Chaos, interrupt: &Interrupt) -> Result<()> {
    let database = chaos.database()?;
    let mut cargo = workspace::gate(workspace::cargo());
    cargo.args(["test", "--workspace", "--test", "it"]);
    if chaos.release {
        cargo.arg("--release");
    }
    let seeds = chaos.seeds.unwrap_or(if chaos.processes.is_some() { 1 } else { 20 });
    cargo.env("TOLLGATE_TEST_CHAOS_SEED", chaos.seed.to_string());
    cargo.env("TOLLGATE_TEST_CHAOS_SEEDS", seeds.to_string());
    cargo.env("TOLLGATE_TEST_CHAOS_AT_ONCE", chaos.at_once.to_string());
    if let Some(processes) = chaos.processes {
        cargo.env("TOLLGATE_TEST_CHAOS_PROCESSES", processes.to_string());
        cargo.env("TOLLGATE_TEST_CHAOS_KILLS", chaos.kills.to_string());
    }
    let mut cluster = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(Cluster::start(interrupt)?),
    };
    if let Some(cluster) = &cluster {
        cargo.env("TOLLGATE_TEST_DATABASE", "postgres").env("TOLLGATE_TEST_POSTGRES_URL", cluster.url());
    }
    let result = process::run(cargo.args(["--", "--exact", "--nocapture", chaos.test()]), interrupt);
    if let Some(cluster) = &mut cluster
        && !cluster.is_running()?
    {
        bail!("PostgreSQL ended during the tests:\n{}", cluster.log());
    }
    result
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        chaos: Chaos,
    }

    fn parse(line: &str) -> Result<Chaos> {
        Ok(Line::try_parse_from(std::iter::once("chaos").chain(line.split_whitespace()))?.chaos)
    }

    #[test]
    fn what_proves_nothing_or_does_not_go_together_is_refused() -> Result<()> {
        for line in [
            "--seeds 0",
            "--at-once 0",
            "--processes 0",
            "--processes 2 --kills 0",
            "--processes 2 --at-once 4",
            "--kills 5",
            "--database oracle",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("--processes 2 --database sqlite")?.database().is_err());
        Ok(())
    }

    #[test]
    fn processes_are_on_postgresql_and_seeds_where_one_says() -> Result<()> {
        for (line, database) in [
            ("", Database::Sqlite),
            ("--seeds 5000 --release --at-once 8", Database::Sqlite),
            ("--database postgres --seed 7 --seeds 1", Database::Postgres),
            ("--processes 2 --kills 20", Database::Postgres),
            ("--processes 1 --database sqlite", Database::Sqlite),
        ] {
            assert_eq!(parse(line)?.database()?, database, "{line}");
        }
        Ok(())
    }

    /// A name that no test has would prove nothing, and succeed.
    #[test]
    fn the_tests_that_are_run_exist() -> Result<()> {
        let folder = workspace::root().join("tests/it/convergence");
        for (line, file) in [("", "mod.rs"), ("--processes 2", "processes.rs")] {
            let chaos = parse(line)?;
            let name = chaos.test().rsplit("::").next().unwrap_or_default();
            let text = std::fs::read_to_string(folder.join(file))?;
            assert!(text.contains(&format!("fn {name}()")), "{file} has no test {name}");
        }
        Ok(())
    }
}
