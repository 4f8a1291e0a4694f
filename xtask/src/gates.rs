//! `cargo xtask test`: every gate, one after the other, to the first failure.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    apt, chromium, contract, dashboard, files, interrupt::Interrupt, node, postgres::Cluster, process,
    schema, workspace,
};

/// Tests run two at a time: one of them mostly waits, and CI has two cores.
const THREADS: &str = "2";

/// Tests that measure time, or whose processes keep both cores busy, by what their names contain: they run after the
/// others, one at a time.
const ALONE: &[&str] = &[
    "convergence::processes::",
    "every_operation::kill::",
    "events_and_webhooks::",
    "faults::",
    "guides::rehearsal::",
    "hard_cases::lost_events::",
    "jobs::inbox::",
    "jobs::refetch::",
    "jobs::sweep::",
    "limits::",
    "live::",
    "main_job::",
    "overhead::",
    "receiver::",
    "renewals::",
    "test_clocks::",
    "transport::tests::",
    "visible::",
    "webhook_overload::",
    "webhooks::",
    "worst::",
];

/// A gate. They stand in the order in which they are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Gate {
    /// cargo fmt --check
    Fmt,
    /// cargo clippy, warnings are errors
    Clippy,
    /// Start a private PostgreSQL cluster
    Postgres,
    /// Node.js, and the npm packages that the tests use
    Npm,
    /// Stripe's contract checker, where it is at hand
    Contract,
    /// Every test, on SQLite
    TestSqlite,
    /// The tests that touch a database, on PostgreSQL
    TestPostgres,
    /// schema.graphql is what the code says
    Schema,
    /// The dashboard's own checks: lint, types, components, and its pages in Chromium
    Frontend,
    /// GraphiQL in Chromium
    Graphiql,
    /// No machine path, no registry address
    Files,
}

impl Gate {
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Postgres => "postgres",
            Self::Npm => "npm",
            Self::Contract => "contract",
            Self::TestSqlite => "test-sqlite",
            Self::TestPostgres => "test-postgres",
            Self::Schema => "schema",
            Self::Frontend => "frontend",
            Self::Graphiql => "graphiql",
            Self::Files => "files",
        }
    }

    /// The gates that must have been run before this one.
    fn needs(self) -> &'static [Self] {
        match self {
            Self::TestSqlite => &[Self::Npm, Self::Contract],
            Self::TestPostgres => &[Self::Postgres, Self::Npm],
            _ => &[],
        }
    }
}

/// What became of a gate.
enum Outcome {
    Passed,
    /// There is nothing to check yet, and why.
    Absent(String),
    Failed,
    NotRun,
}

struct Report {
    gate: Gate,
    outcome: Outcome,
    took: Duration,
}

/// Runs every gate, or one with what it needs, stops at the first that fails, and prints a
/// summary whatever happens. Fails with the error of the gate that failed.
pub fn run(only: Option<Gate>, interrupt: &Interrupt) -> Result<()> {
    let gates: Vec<Gate> = Gate::value_variants()
        .iter()
        .copied()
        .filter(|gate| only.is_none_or(|only| only == *gate || only.needs().contains(gate)))
        .collect();
    let mut session = Session {
        cluster: None,
        contract: Vec::new(),
        gateway: workspace::binaries().context("cannot tell where cargo builds")?.join("tollgate"),
        interrupt,
    };
    let began = Instant::now();
    let mut reports = Vec::with_capacity(gates.len());
    let mut result = Ok(());
    for gate in gates {
        if result.is_err() {
            reports.push(Report { gate, outcome: Outcome::NotRun, took: Duration::ZERO });
            continue;
        }
        process::say(format_args!("\n==> {}", gate.name()));
        let start = Instant::now();
        let outcome = match session.run(gate) {
            Ok(outcome) => outcome,
            Err(error) => {
                result = Err(error.context(format!("gate `{}`", gate.name())));
                Outcome::Failed
            }
        };
        reports.push(Report { gate, outcome, took: start.elapsed() });
    }
    drop(session);
    summarise(&reports, began.elapsed());
    result
}

fn summarise(reports: &[Report], took: Duration) {
    process::say(format_args!("\n{:<14} {:<8} {:>8}", "gate", "result", "seconds"));
    for report in reports {
        let (word, why) = match &report.outcome {
            Outcome::Passed => ("passed", String::new()),
            Outcome::Absent(why) => ("absent", format!("  {why}")),
            Outcome::Failed => ("FAILED", String::new()),
            Outcome::NotRun => ("not run", String::new()),
        };
        process::say(format_args!(
            "{:<14} {:<8} {:>8.1}{why}",
            report.gate.name(),
            word,
            report.took.as_secs_f64(),
        ));
    }
    process::say(format_args!("{:<14} {:<8} {:>8.1}", "all", "", took.as_secs_f64()));
}

/// What the gates of one run share.
struct Session<'a> {
    cluster: Option<Cluster>,
    /// What the contract test needs.
    contract: Vec<(&'static str, OsString)>,
    /// Where cargo puts the gateway it has built.
    gateway: PathBuf,
    interrupt: &'a Interrupt,
}

impl Session<'_> {
    fn run(&mut self, gate: Gate) -> Result<Outcome> {
        match gate {
            Gate::Fmt => self.cargo(&["fmt", "--all", "--check"])?,
            Gate::Clippy => self.cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--",
                "-D",
                "warnings",
            ])?,
            Gate::Postgres => self.start_postgres()?,
            Gate::Npm => self.prepare_npm()?,
            Gate::Contract => return self.prepare_contract(),
            Gate::TestSqlite => self.test_on_sqlite()?,
            Gate::TestPostgres => self.test_on_postgres()?,
            Gate::Schema => schema::check(self.interrupt)?,
            Gate::Frontend => return self.check_frontend(),
            Gate::Graphiql => return self.check_graphiql(),
            Gate::Files => files::check(self.interrupt)?,
        }
        Ok(Outcome::Passed)
    }

    fn cargo(&self, arguments: &[&str]) -> Result<()> {
        process::run(gate_cargo().args(arguments), self.interrupt)
    }

    fn start_postgres(&mut self) -> Result<()> {
        let cluster = Cluster::start(self.interrupt)?;
        process::say(format_args!("{}", cluster.url()));
        self.cluster = Some(cluster);
        Ok(())
    }

    fn prepare_npm(&self) -> Result<()> {
        node::check(self.interrupt)?;
        for folder in ["tests/graphql-http", "tests/official-client", "tests/receivers"] {
            node::install(folder, self.interrupt)?;
        }
        // The commands of the README are tried as they are written.
        apt::provide("curl", "curl", self.interrupt)
    }

    /// The sandbox's contract test is given Stripe's contract checker where that is at hand.
    fn prepare_contract(&mut self) -> Result<Outcome> {
        let target = self.gateway.ancestors().nth(2).context("cannot tell where cargo builds")?;
        match contract::prepare(target, self.interrupt)? {
            Some(variables) => {
                self.contract = variables;
                Ok(Outcome::Passed)
            }
            None => Ok(Outcome::Absent(format!("there is no {}", contract::absent()))),
        }
    }

    fn test_on_sqlite(&self) -> Result<()> {
        let suite = |targets: &[&str]| {
            let mut cargo = gate_cargo();
            cargo.args(["test", "--workspace"]).args(targets);
            cargo.env("TOLLGATE_TEST_DATABASE", "sqlite").envs(self.contract.clone());
            cargo
        };
        self.test(suite(&[]), suite(&["--lib", "--bins", "--tests"]))
    }

    /// Runs a suite two tests at a time, and then [`ALONE`] of it one at a time.
    fn test(&self, mut together: Command, mut alone: Command) -> Result<()> {
        together.args(["--", "--test-threads", THREADS]);
        for name in ALONE {
            together.args(["--skip", name]);
        }
        process::run(&mut together, self.interrupt)?;
        alone.args(["--", "--test-threads", "1"]).args(ALONE);
        process::run(&mut alone, self.interrupt)
    }

    /// Runs every test target called `it`: by convention, what touches a database is there. They
    /// are picked out of the whole workspace: with `--package`, cargo would settle on other
    /// features for the dependencies and build them again.
    fn test_on_postgres(&mut self) -> Result<()> {
        let url = self.cluster.as_ref().context("PostgreSQL was not started")?.url();
        let suite = || {
            let mut cargo = gate_cargo();
            cargo.args(["test", "--workspace", "--test", "it"]);
            cargo.env("TOLLGATE_TEST_DATABASE", "postgres").env("TOLLGATE_TEST_POSTGRES_URL", &url);
            cargo
        };
        let result = self.test(suite(), suite());
        let cluster = self.cluster.as_mut().context("PostgreSQL was not started")?;
        if !cluster.is_running()? {
            bail!("PostgreSQL ended during the tests:\n{}", cluster.log());
        }
        result
    }

    fn check_frontend(&self) -> Result<Outcome> {
        if !is_npm_project(dashboard::FOLDER)? {
            return Ok(absent(dashboard::FOLDER));
        }
        self.cargo(&["build", "--bin", "tollgate"])?;
        dashboard::check(&self.gateway, self.interrupt)?;
        Ok(Outcome::Passed)
    }

    /// `npm test` there starts the gateway itself, from TOLLGATE_TEST_GATEWAY, and a browser
    /// from TOLLGATE_TEST_CHROMIUM.
    fn check_graphiql(&self) -> Result<Outcome> {
        let folder = "tests/graphiql";
        if !is_npm_project(folder)? {
            return Ok(absent(folder));
        }
        node::check(self.interrupt)?;
        node::install(folder, self.interrupt)?;
        let browser = chromium::find_or_install(self.interrupt)?;
        self.cargo(&["build", "--bin", "tollgate"])?;
        process::run(
            node::npm(folder)
                .arg("test")
                .env("TOLLGATE_TEST_GATEWAY", &self.gateway)
                .env("TOLLGATE_TEST_CHROMIUM", browser),
            self.interrupt,
        )?;
        Ok(Outcome::Passed)
    }
}

fn gate_cargo() -> Command {
    workspace::gate(workspace::cargo())
}

fn absent(folder: &str) -> Outcome {
    Outcome::Absent(format!("there is no {folder}/package.json"))
}

fn is_npm_project(folder: &str) -> Result<bool> {
    let manifest = workspace::root().join(folder).join("package.json");
    manifest.try_exists().with_context(|| format!("cannot look into {folder}"))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_gate_is_called_on_the_command_line_as_in_the_summary() {
        for gate in Gate::value_variants() {
            let value = gate.to_possible_value().unwrap();
            assert_eq!(value.get_name(), gate.name());
        }
    }

    /// A name that fits no test would let what it meant run beside others.
    #[test]
    fn what_runs_alone_is_there() {
        let mut sources = String::new();
        for folder in ["src", "tests/it", "stripe-sandbox/tests"] {
            modules(&workspace::root().join(folder), &mut sources);
        }
        for name in ALONE {
            let module = name.trim_end_matches("::").rsplit("::").next().unwrap();
            let module = if module == "tests" { "transport_tests" } else { module };
            assert!(sources.contains(&format!("/{module}.rs\n")), "{name}: there is no {module}.rs");
        }
    }

    fn modules(folder: &Path, sources: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                modules(&path, sources);
            } else {
                writeln!(sources, "{}", path.display()).unwrap();
            }
        }
    }

    #[test]
    fn a_gate_comes_after_all_it_needs() {
        let order = Gate::value_variants();
        let place = |gate: Gate| order.iter().position(|other| *other == gate);
        for gate in order {
            for needed in gate.needs() {
                assert!(place(*needed) < place(*gate), "{needed:?} before {gate:?}");
            }
        }
    }
}
