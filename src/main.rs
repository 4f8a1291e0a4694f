//! The program: command line, configuration, run. Everything else is in the library.

use clap::Parser;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    tollgate::cli::run(tollgate::cli::Cli::parse()).await
}
