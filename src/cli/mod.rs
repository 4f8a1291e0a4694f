//! The command line.

mod binding;
mod doctor;
mod reconcile;
mod secrets;
mod serve;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::TimeDelta;
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret;

use crate::auth::{TokenClaims, TokenIssuer};
use crate::config::{Config, Mode, reference_markdown};
use crate::domain::clock::{Clock, SystemClock};
use crate::domain::ids::SystemIds;
use crate::store::{Store, StoreError, StoreOptions};

/// Tollgate, a GraphQL API gateway for enterprise settings and billing.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves, until SIGTERM or Ctrl-C. This is what happens when no command is given.
    Serve,
    /// Applies the migrations that are missing.
    Migrate,
    /// Makes the demo in an empty database, at the sandbox: three organizations with a year of bills. `serve` does it by
    /// itself.
    Seed,
    /// Prints the GraphQL schema.
    Schema,
    /// Prints who may do what, as docs/permissions.md.
    Permissions,
    /// Prints a development token.
    Token {
        /// The person's id at the issuer.
        #[arg(default_value = "olivia")]
        subject: String,
        /// The person's address.
        #[arg(long)]
        email: Option<String>,
        /// Makes the person platform staff.
        #[arg(long)]
        staff: bool,
        /// How long the token is valid.
        #[arg(long, default_value_t = 24)]
        hours: u16,
    },
    /// Compares everything that is stored of Stripe with Stripe, canceled objects included, and mends what differs.
    Reconcile {
        /// Writes down what differs, and mends nothing.
        #[arg(long)]
        look: bool,
        /// Gives an organization, by its id or slug, a customer that the account had before, and compares what it has there
        /// instead of everything. May be given more than once.
        #[arg(long, value_name = "ORG=cus_…", conflicts_with = "look")]
        link: Vec<String>,
    },
    /// Keeps the secrets at rest.
    Secrets {
        #[command(subcommand)]
        act: SecretsAct,
    },
    /// Checks the configuration, the database, the mail server and Stripe, and says how to mend what is wrong.
    Doctor,
    /// Prints every setting as the table that stands in the README.
    Settings,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum SecretsAct {
    /// Seals every secret anew that another key than the first of TOLLGATE_ENCRYPTION_KEYS sealed. Safe while the gateway runs.
    Rotate,
}

/// Runs the command. What went wrong is printed to standard error, in a sentence.
pub async fn run(cli: Cli) -> ExitCode {
    let command = cli.command.unwrap_or(Command::Serve);
    match command {
        Command::Schema => return print(&crate::graphql::sdl()),
        Command::Settings => return print(&reference_markdown()),
        Command::Permissions => return print(&crate::auth::table::permissions_markdown()),
        _ => {}
    }
    let config = match Config::from_process() {
        Ok(config) => config,
        Err(errors) => return fail(&errors),
    };
    crate::telemetry::start(&config.log, config.log_json);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    match command {
        Command::Serve => serve::serve(config).await,
        Command::Migrate => match migrate(&config).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&chain(&error)),
        },
        Command::Seed => serve::seed(config).await,
        Command::Token { subject, email, staff, hours } => {
            let Some(issuer) =
                issuer(&config, Arc::new(SystemClock)).filter(|_| config.mode == Mode::Development)
            else {
                return fail(
                    &"Tokens are made here in development only. In production your identity provider makes them.",
                );
            };
            let claims = TokenClaims {
                email: email.or_else(|| Some(format!("{subject}@example.com"))),
                name: Some(subject.clone()),
                subject,
                is_platform_staff: staff,
            };
            print(&format!("{}\n", issuer.sign(&claims, TimeDelta::hours(i64::from(hours)))))
        }
        Command::Reconcile { look, link } => reconcile::reconcile(&config, look, &link).await,
        Command::Secrets { act: SecretsAct::Rotate } => secrets::rotate(&config).await,
        Command::Doctor => doctor::examine(&config).await,
        Command::Schema | Command::Settings | Command::Permissions => ExitCode::SUCCESS,
    }
}

/// Who signs development's tokens, when a shared secret is configured.
fn issuer(config: &Config, clock: Arc<dyn Clock>) -> Option<TokenIssuer> {
    let secret = config.tokens.secret.as_ref()?;
    let audience = config.tokens.audiences.first()?;
    Some(TokenIssuer::new(&config.tokens.issuer, audience, secret.expose_secret().as_bytes(), clock))
}

async fn open(config: &Config) -> Result<Store, StoreError> {
    if config.uses_sqlite()
        && let Err(error) = std::fs::create_dir_all(&config.data_dir)
    {
        tracing::warn!(folder = %config.data_dir.display(), %error, "the data folder could not be made");
    }
    Store::connect(StoreOptions {
        url: config.database_url.expose_secret().to_owned(),
        max_connections: config.database_max_connections,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        on_statement: None,
    })
    .await
}

async fn migrate(config: &Config) -> Result<(), StoreError> {
    open(config).await?.migrate().await
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read it has gone: `tollgate schema | head`.
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(message: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}
