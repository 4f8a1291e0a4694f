//! The project's own tasks: `cargo xtask test`, `run`, `chaos`, `bench`, `schema`, `screenshots`, `postgres`.

mod apt;
mod bench;
mod chaos;
mod chromium;
mod contract;
mod dashboard;
mod files;
mod gates;
mod interrupt;
mod node;
mod postgres;
mod process;
mod schema;
mod workspace;

use std::{
    ffi::OsString,
    io::{Write, stdout},
    os::unix::process::CommandExt,
    process::ExitCode,
    thread,
};

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};

use crate::{gates::Gate, interrupt::Interrupt, postgres::Cluster};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every gate: format, lints, tests on both databases, schema, front end, files
    Test {
        /// Run this gate alone, with what it needs; for a quick loop, not for a submission
        #[arg(long, value_name = "GATE")]
        only: Option<Gate>,
    },
    /// Build and start the gateway and the dashboard; with arguments the gateway alone, which they are passed on to
    Run {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Draw histories, losses and crashes, and prove that the tables end equal to Stripe
    Chaos(chaos::Chaos),
    /// Measure the release build on this machine
    Bench(bench::Bench),
    /// Write schema.graphql from the code
    Schema,
    /// Take pictures of every page of the dashboard, for the README
    Screenshots,
    /// Start a private PostgreSQL cluster, print its URL, and keep it until Ctrl-C
    Postgres,
}

fn main() -> ExitCode {
    let interrupt = match Interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(error) => return fail(&error),
    };
    let result = match Arguments::parse().task {
        Task::Test { only } => gates::run(only, &interrupt),
        Task::Run { arguments } if arguments.is_empty() => dashboard::run(&interrupt),
        Task::Run { arguments } => run_gateway(&arguments),
        Task::Chaos(chaos) => chaos::run(&chaos, &interrupt),
        Task::Bench(bench) => bench::run(&bench, &interrupt),
        Task::Schema => schema::write(&interrupt),
        Task::Screenshots => dashboard::screenshots(&interrupt),
        Task::Postgres => keep_postgres(&interrupt),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = fail(&error);
            interrupt.exit_code().map_or(code, ExitCode::from)
        }
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    process::say(format_args!("error: {error:#}"));
    ExitCode::FAILURE
}

/// Becomes the gateway, so that its signals and its exit code are its own.
fn run_gateway(arguments: &[OsString]) -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["run", "--bin", "tollgate", "--"]);
    Err(cargo.args(arguments).exec().into())
}

fn keep_postgres(interrupt: &Interrupt) -> Result<()> {
    let mut cluster = Cluster::start(interrupt)?;
    writeln!(stdout(), "{}", cluster.url())?;
    process::say(format_args!("Ctrl-C ends it and removes its data."));
    while interrupt.signal().is_none() {
        if !cluster.is_running()? {
            bail!("PostgreSQL has ended by itself:\n{}", cluster.log());
        }
        thread::sleep(process::POLL);
    }
    Ok(())
}
