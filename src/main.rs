//! The program: command line, configuration, run. Everything else is in the library.

use clap::Parser;

/// An operation on money is many futures in one another. Without optimisation they need more than the two megabytes that a
/// thread gets by itself; what is not touched takes no memory.
const STACK: usize = 16 * 1024 * 1024;

fn main() -> std::process::ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build();
    let cli = tollgate::cli::Cli::parse();
    match runtime {
        Ok(runtime) => runtime.block_on(tollgate::cli::run(cli)),
        Err(error) => {
            eprintln!("The program's threads cannot be started: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
