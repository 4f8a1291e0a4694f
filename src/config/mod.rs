//! Configuration: environment variables and a file, one way, read once.

mod error;
mod outgoing;
mod production;
mod settings;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

use crate::auth::token::{DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER, DEVELOPMENT_SECRET};
use crate::domain::api_key::network;
use crate::domain::loopback::is_loopback;
use crate::domain::patience::patience;
use crate::domain::return_url::AllowedReturnUrls;

pub use error::{ConfigErrors, ConfigProblem};
pub use outgoing::OutgoingConfig;
pub use production::{SANDBOX_KEY, SANDBOX_WEBHOOK_SECRET};
pub use settings::{SETTINGS, Setting, reference_markdown};

/// In which mode the gateway runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything comes up by itself, nothing is safe.
    Development,
    /// What is not safe is refused.
    Production,
}

/// The configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The mode.
    pub mode: Mode,
    /// The address to serve on.
    pub listen: SocketAddr,
    /// Where development keeps its files.
    pub data_dir: PathBuf,
    /// Whether an empty database gets the demo.
    pub demo_data: bool,
    /// How long requests under way may take to end after SIGTERM.
    pub shutdown: Duration,
    /// The database.
    pub database_url: SecretString,
    /// Connections to it at most.
    pub database_max_connections: u32,
    /// Whether missing migrations are applied at the start.
    pub migrate: bool,
    /// Stripe.
    pub stripe: StripeConfig,
    /// Tokens.
    pub tokens: TokenConfig,
    /// Usage.
    pub usage: UsageConfig,
    /// Secrets at rest, and what leaves for people.
    pub outgoing: OutgoingConfig,
    /// HTTP and GraphQL.
    pub http: HttpConfig,
    /// What is logged.
    pub log: String,
    /// Whether lines are JSON.
    pub log_json: bool,
    /// Names that look like settings and are none.
    pub warnings: Vec<String>,
}

/// How Stripe is reached.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// The secret key; without one the sandbox stands in.
    pub secret_key: Option<SecretString>,
    /// The publishable key.
    pub publishable_key: Option<String>,
    /// Signing secrets of the webhook.
    pub webhook_secrets: Vec<SecretString>,
    /// Where the API is.
    pub api_base: String,
    /// How long one request may take.
    pub timeout: Duration,
    /// How often a request is sent at most.
    pub max_attempts: u32,
    /// Where Stripe's pages may send people back to.
    pub return_urls: AllowedReturnUrls,
    /// How old a signature may be.
    pub webhook_tolerance: Duration,
    /// Bytes of a webhook at most.
    pub webhook_max_body_bytes: usize,
    /// Webhooks that are taken in at the same time.
    pub webhook_concurrency: usize,
    /// Requests a second that background work may make.
    pub background_rate: NonZeroU32,
    /// How often Stripe's list of events is read.
    pub sweep: Duration,
    /// How often another organization is compared.
    pub compare: Duration,
    /// Whether what differs is mended at once.
    pub mend: bool,
    /// How long events that were applied or ignored are kept.
    pub event_retention: Duration,
}

/// How usage is taken in and kept.
#[derive(Clone, Copy, Debug)]
pub struct UsageConfig {
    /// How old an event may be.
    pub grace: chrono::Duration,
    /// How long events are kept.
    pub retention: Duration,
}

/// Whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// The secret of HS256 tokens, if they are accepted.
    pub secret: Option<SecretString>,
    /// Their issuer.
    pub issuer: String,
    /// The audiences that tokens must name one of.
    pub audiences: Vec<String>,
    /// Where an issuer publishes its keys, and its name.
    pub published: Option<(url::Url, String)>,
    /// The algorithms accepted of published keys, by their names.
    pub algorithms: Vec<String>,
    /// Issuers that may name platform staff.
    pub staff_issuers: Vec<String>,
}

/// How HTTP and GraphQL are served.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether everyone may read the schema.
    pub introspection: bool,
    /// Whether /graphiql is served.
    pub graphiql: bool,
    /// Whether /metrics is served.
    pub metrics: bool,
    /// Bytes of a request at most.
    pub max_body_bytes: usize,
    /// How deep a document may be nested.
    pub max_depth: usize,
    /// What a document may cost.
    pub max_cost: u64,
    /// Aliases at most.
    pub max_aliases: usize,
    /// Root fields at most.
    pub max_root_fields: usize,
    /// Directives at most.
    pub max_directives: usize,
    /// Tokens at most.
    pub max_tokens: usize,
    /// Operations in one request at most; 0 allows no lists of them.
    pub max_batch: usize,
    /// Event streams and WebSockets at most.
    pub max_streams: usize,
    /// Requests that each API key may make in a minute, in this process.
    pub api_key_rate: NonZeroU32,
    /// How long a request's headers may take.
    pub header_timeout: Duration,
    /// How long what is written may go untaken.
    pub write_timeout: Duration,
    /// How long an operation may take.
    pub operation_timeout: Duration,
}

/// Reads settings and collects what is wrong with them.
struct Reader {
    values: BTreeMap<String, String>,
    problems: Vec<ConfigProblem>,
}

impl Reader {
    fn text(&self, name: &'static str) -> Option<String> {
        debug_assert!(SETTINGS.iter().any(|setting| setting.name == name), "{name} is not in the table");
        self.values.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    fn list(&self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    fn problem(&mut self, name: &'static str, message: impl Into<String>) {
        self.problems.push(ConfigProblem { name, message: message.into() });
    }

    fn switch(&mut self, name: &'static str, default: bool) -> bool {
        match self.text(name).as_deref() {
            None => default,
            Some("on" | "true" | "1" | "yes") => true,
            Some("off" | "false" | "0" | "no") => false,
            Some(other) => {
                let message = format!("{other:?} is neither on nor off.");
                self.problem(name, message);
                default
            }
        }
    }

    /// A whole number within bounds.
    fn number<T>(&mut self, name: &'static str, default: T, least: T, most: T) -> T
    where
        T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let Some(text) = self.text(name) else { return default };
        match text.parse::<T>() {
            Ok(number) if number >= least && number <= most => number,
            _ => {
                self.problem(name, format!("{text:?} is no whole number from {least} to {most}."));
                default
            }
        }
    }

    fn seconds(&mut self, name: &'static str, default: u64, most: u64) -> Duration {
        Duration::from_secs(self.number(name, default, 1, most))
    }
}

impl Config {
    /// The configuration of these variables: the process's environment, with what a file adds. All problems at once.
    pub fn read(values: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader { values: values.into_iter().collect(), problems: Vec::new() };
        let mode = match reader.text("TOLLGATE_ENV").as_deref() {
            None | Some("development") => Mode::Development,
            Some("production") => Mode::Production,
            Some(other) => {
                reader.problem("TOLLGATE_ENV", format!("{other:?} is neither development nor production."));
                Mode::Production
            }
        };
        let is_development = mode == Mode::Development;
        let listen = reader.text("TOLLGATE_LISTEN").unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let listen = listen.parse().unwrap_or_else(|_| {
            reader.problem(
                "TOLLGATE_LISTEN",
                format!("{listen:?} is no address with a port, such as 127.0.0.1:8080."),
            );
            SocketAddr::from(([127, 0, 0, 1], 8080))
        });
        let data_dir = PathBuf::from(reader.text("TOLLGATE_DATA_DIR").unwrap_or_else(|| "data".to_owned()));
        let database_url = database_url(&mut reader, &data_dir);
        let stripe = stripe(&mut reader, is_development);
        let http = http(&mut reader, is_development);
        check_patience(&mut reader, stripe.timeout, http.operation_timeout);
        let uses_sandbox = stripe.secret_key.is_none();
        let config = Self {
            mode,
            listen,
            demo_data: reader.switch("TOLLGATE_DEMO_DATA", is_development && uses_sandbox),
            shutdown: reader.seconds("TOLLGATE_SHUTDOWN_SECONDS", 20, 600),
            database_url,
            database_max_connections: reader.number("TOLLGATE_DATABASE_MAX_CONNECTIONS", 16, 1, 1_000),
            migrate: reader.switch("TOLLGATE_MIGRATE", is_development),
            tokens: tokens(&mut reader, is_development),
            usage: usage(&mut reader),
            outgoing: outgoing::outgoing(&mut reader, is_development),
            http,
            log: log_filter(&mut reader),
            log_json: match reader.text("TOLLGATE_LOG_FORMAT").as_deref() {
                None => !is_development,
                Some("json") => true,
                Some("text") => false,
                Some(other) => {
                    let message = format!("{other:?} is neither text nor json.");
                    reader.problem("TOLLGATE_LOG_FORMAT", message);
                    false
                }
            },
            warnings: unknown_names(&reader.values),
            data_dir,
            stripe,
        };
        if config.demo_data && !uses_sandbox {
            reader.problem(
                "TOLLGATE_DEMO_DATA",
                "the demo's customers are the sandbox's: leave it off with a Stripe key.",
            );
        }
        if is_development && config.has_known_secret() && config.has_live_key() {
            reader.problem(
                "TOLLGATE_JWT_SECRET",
                "STRIPE_SECRET_KEY is a live key, and everyone knows the secret that development signs tokens with: anybody \
                 could charge real cards. Make one with `openssl rand -base64 48`, or take a test key.",
            );
        }
        let config = Self { warnings: [config.warnings.clone(), warnings(&config)].concat(), ..config };
        if mode == Mode::Production {
            let allows_test_keys = reader.switch("TOLLGATE_ALLOW_TEST_STRIPE", false);
            reader.problems.extend(production::problems(&config, allows_test_keys));
        }
        if reader.problems.is_empty() { Ok(config) } else { Err(ConfigErrors(reader.problems)) }
    }

    /// The configuration of this process: its environment over the file that TOLLGATE_CONFIG names, or over `.env`.
    pub fn from_process() -> Result<Self, ConfigErrors> {
        // `vars` panics on a variable that is not Unicode, though it be none of ours.
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let named = environment.get("TOLLGATE_CONFIG").map(PathBuf::from);
        let path = named.clone().unwrap_or_else(|| PathBuf::from(".env"));
        let mut values = BTreeMap::new();
        match dotenvy::from_path_iter(&path) {
            Ok(lines) => {
                for line in lines {
                    let (name, value) = line.map_err(|error| file_problem(&path, &error))?;
                    values.insert(name, value);
                }
            }
            Err(error) if named.is_some() => return Err(file_problem(&path, &error)),
            // There need not be one. One that is there and cannot be read is not passed over.
            Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(file_problem(&path, &error)),
        }
        values.extend(environment);
        Self::read(values)
    }

    /// Whether the sandbox stands in for Stripe.
    pub const fn uses_sandbox(&self) -> bool {
        self.stripe.secret_key.is_none()
    }

    /// Whether money is moved.
    pub fn has_live_key(&self) -> bool {
        self.stripe.secret_key.as_ref().is_some_and(|key| is_live(key.expose_secret()))
    }

    /// Whether tokens are signed with the secret that everyone knows.
    pub fn has_known_secret(&self) -> bool {
        self.tokens.secret.as_ref().is_some_and(|secret| secret.expose_secret() == DEVELOPMENT_SECRET)
    }

    /// Whether nothing names a database: the file under the data folder is taken.
    pub fn uses_default_database(&self) -> bool {
        self.database_url.expose_secret() == default_database(&self.data_dir)
    }

    /// Whether the database is a SQLite file.
    pub fn uses_sqlite(&self) -> bool {
        self.database_url.expose_secret().starts_with("sqlite:")
    }
}

fn file_problem(path: &std::path::Path, error: &dotenvy::Error) -> ConfigErrors {
    // Only what kind of error it is: a line that cannot be parsed may hold a secret.
    let what = match error {
        dotenvy::Error::LineParse(_, at) => {
            format!("a line cannot be read as NAME=value, at its character {at}.")
        }
        dotenvy::Error::Io(error) => format!("it cannot be read: {error}."),
        _ => "it cannot be read.".to_owned(),
    };
    ConfigErrors(vec![ConfigProblem {
        name: "TOLLGATE_CONFIG",
        message: format!("{}: {what}", path.display()),
    }])
}

fn default_database(data_dir: &std::path::Path) -> String {
    format!("sqlite://{}?mode=rwc", data_dir.join("tollgate.sqlite").display())
}

fn database_url(reader: &mut Reader, data_dir: &std::path::Path) -> SecretString {
    match reader.text("DATABASE_URL") {
        None => default_database(data_dir).into(),
        Some(url) => {
            if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
                reader.problem(
                    "DATABASE_URL",
                    "it begins with neither sqlite:, postgres:// nor postgresql://.",
                );
            }
            url.into()
        }
    }
}

/// The addresses that people may be sent back to.
fn return_urls(reader: &mut Reader, is_development: bool) -> AllowedReturnUrls {
    let mut entries = reader.list("TOLLGATE_RETURN_URLS");
    if entries.is_empty() && is_development {
        entries = ["http://localhost", "http://127.0.0.1"].map(str::to_owned).to_vec();
    }
    let mut allowed = Vec::new();
    for entry in entries {
        match url::Url::parse(&entry) {
            Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) => {
                refuse_credentials(reader, "TOLLGATE_RETURN_URLS", &url);
                allowed.push(url);
            }
            _ => reader.problem(
                "TOLLGATE_RETURN_URLS",
                format!("{entry:?} is no https address, nor an http address on this machine."),
            ),
        }
    }
    AllowedReturnUrls::new(allowed)
}

fn stripe(reader: &mut Reader, is_development: bool) -> StripeConfig {
    let secret_key = reader.secret("STRIPE_SECRET_KEY");
    if let Some(key) = &secret_key
        && !["sk_test_", "sk_live_", "rk_test_", "rk_live_"]
            .iter()
            .any(|prefix| key.expose_secret().starts_with(prefix))
    {
        reader.problem(
            "STRIPE_SECRET_KEY",
            "it is no secret key of Stripe's: those begin with sk_test_, sk_live_, rk_test_ or rk_live_.",
        );
    }
    let publishable_key = reader.text("STRIPE_PUBLISHABLE_KEY");
    if let Some(key) = &publishable_key {
        if !key.starts_with("pk_") {
            reader.problem(
                "STRIPE_PUBLISHABLE_KEY",
                "it is no publishable key: those begin with pk_test_ or pk_live_.",
            );
        } else if let Some(secret) = &secret_key
            && key.starts_with("pk_live_") != is_live(secret.expose_secret())
        {
            reader.problem("STRIPE_PUBLISHABLE_KEY", "it is of the other mode than STRIPE_SECRET_KEY: use two keys of test mode or two of live mode.");
        }
    }
    let api_base = reader.text("STRIPE_API_BASE").unwrap_or_else(|| "https://api.stripe.com".to_owned());
    match url::Url::parse(&api_base) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            refuse_credentials(reader, "STRIPE_API_BASE", &url);
        }
        _ => reader.problem("STRIPE_API_BASE", "it is no http or https address."),
    }
    StripeConfig {
        secret_key,
        publishable_key,
        webhook_secrets: reader.list("STRIPE_WEBHOOK_SECRETS").into_iter().map(SecretString::from).collect(),
        api_base,
        timeout: reader.seconds("STRIPE_TIMEOUT_SECONDS", 30, 110),
        max_attempts: reader.number("STRIPE_MAX_ATTEMPTS", 3, 1, 10),
        return_urls: return_urls(reader, is_development),
        webhook_tolerance: reader.seconds("TOLLGATE_WEBHOOK_TOLERANCE_SECONDS", 300, 3_600),
        webhook_max_body_bytes: reader.number(
            "TOLLGATE_WEBHOOK_MAX_BODY_BYTES",
            1_048_576,
            65_536,
            16_777_216,
        ),
        webhook_concurrency: reader.number("TOLLGATE_WEBHOOK_CONCURRENCY", 128, 1, 10_000),
        background_rate: NonZeroU32::new(reader.number(
            "STRIPE_BACKGROUND_REQUESTS_PER_SECOND",
            20,
            1,
            1_000,
        ))
        .unwrap_or(NonZeroU32::MIN),
        sweep: reader.seconds("TOLLGATE_SWEEP_SECONDS", 5, 3_600),
        compare: reader.seconds("TOLLGATE_COMPARE_SECONDS", 10, 86_400),
        mend: reader.switch("TOLLGATE_COMPARE_MEND", true),
        // Stripe lists events for thirty days: one that is forgotten sooner would be taken for a new one.
        event_retention: Duration::from_secs(
            86_400 * reader.number::<u64>("TOLLGATE_EVENT_RETENTION_DAYS", 90, 31, 3_650),
        ),
    }
}

fn usage(reader: &mut Reader) -> UsageConfig {
    let grace = reader.number::<u64>("TOLLGATE_USAGE_GRACE_DAYS", 35, 1, 366);
    let retention = reader.number::<u64>("TOLLGATE_USAGE_RETENTION_DAYS", 400, 2, 3_650);
    // An id that is forgotten while its event may still come would count twice.
    if retention <= grace {
        reader.problem("TOLLGATE_USAGE_RETENTION_DAYS", "it must be more than TOLLGATE_USAGE_GRACE_DAYS.");
    }
    UsageConfig {
        grace: chrono::Duration::days(i64::try_from(grace).unwrap_or(35)),
        retention: Duration::from_secs(86_400 * retention),
    }
}

fn tokens(reader: &mut Reader, is_development: bool) -> TokenConfig {
    let in_development = |text: &str| if is_development { text.to_owned() } else { String::new() };
    let published = match (reader.text("TOLLGATE_JWKS_URL"), reader.text("TOLLGATE_JWKS_ISSUER")) {
        (None, None) => None,
        (Some(address), Some(issuer)) => {
            if let Ok(url) = url::Url::parse(&address) {
                if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
                    reader.problem(
                        "TOLLGATE_JWKS_URL",
                        "keys are fetched over https, or over http from this machine.",
                    );
                }
                refuse_credentials(reader, "TOLLGATE_JWKS_URL", &url);
                Some((url, issuer))
            } else {
                reader.problem("TOLLGATE_JWKS_URL", "it is no address.");
                None
            }
        }
        (Some(_), None) => {
            reader.problem(
                "TOLLGATE_JWKS_ISSUER",
                "it must be set with TOLLGATE_JWKS_URL: the `iss` of the tokens.",
            );
            None
        }
        (None, Some(_)) => {
            reader.problem(
                "TOLLGATE_JWKS_URL",
                "it must be set with TOLLGATE_JWKS_ISSUER: where the keys are.",
            );
            None
        }
    };
    let mut algorithms = reader.list("TOLLGATE_JWT_ALGORITHMS");
    if algorithms.is_empty() {
        algorithms = ["RS256", "ES256", "EdDSA"].map(str::to_owned).to_vec();
    }
    for algorithm in &algorithms {
        if !["RS256", "ES256", "EdDSA"].contains(&algorithm.as_str()) {
            reader.problem(
                "TOLLGATE_JWT_ALGORITHMS",
                format!("{algorithm:?} is none of RS256, ES256 and EdDSA."),
            );
        }
    }
    let issuer = reader.text("TOLLGATE_JWT_ISSUER").unwrap_or_else(|| in_development(DEVELOPMENT_ISSUER));
    let mut audiences = reader.list("TOLLGATE_JWT_AUDIENCE");
    if audiences.is_empty() && is_development {
        audiences.push(DEVELOPMENT_AUDIENCE.to_owned());
    }
    let mut staff_issuers = reader.list("TOLLGATE_STAFF_ISSUERS");
    if staff_issuers.is_empty() && is_development {
        staff_issuers.push(issuer.clone());
    }
    let secret = reader
        .secret("TOLLGATE_JWT_SECRET")
        .or_else(|| is_development.then(|| SecretString::from(DEVELOPMENT_SECRET.to_owned())));
    if secret.is_some() && published.as_ref().is_some_and(|(_, name)| *name == issuer) {
        reader.problem(
            "TOLLGATE_JWKS_ISSUER",
            "it equals TOLLGATE_JWT_ISSUER: one issuer signs with a secret or with published keys. Leave one of the two out.",
        );
    }
    TokenConfig { secret, issuer, audiences, published, algorithms, staff_issuers }
}

/// Whether a Stripe key is of live mode.
fn is_live(key: &str) -> bool {
    key.starts_with("sk_live_") || key.starts_with("rk_live_")
}

/// An address is logged and shown by `doctor`, so it holds no password.
fn refuse_credentials(reader: &mut Reader, name: &'static str, url: &url::Url) {
    if !url.username().is_empty() || url.password().is_some() {
        reader.problem(name, "it holds a user name or a password, and addresses are logged. Leave them out.");
    }
}

fn http(reader: &mut Reader, is_development: bool) -> HttpConfig {
    let mut trusted_proxies = Vec::new();
    for text in reader.list("TOLLGATE_TRUSTED_PROXIES") {
        match network(&text) {
            Ok(proxies) => trusted_proxies.push(proxies),
            Err(error) => reader.problem("TOLLGATE_TRUSTED_PROXIES", error.to_string()),
        }
    }
    HttpConfig {
        trusted_proxies,
        introspection: reader.switch("TOLLGATE_INTROSPECTION", is_development),
        graphiql: reader.switch("TOLLGATE_GRAPHIQL", is_development),
        metrics: reader.switch("TOLLGATE_METRICS", is_development),
        max_body_bytes: reader.number("TOLLGATE_MAX_BODY_BYTES", 262_144, 1_024, 16_777_216),
        max_depth: reader.number("TOLLGATE_MAX_DEPTH", 20, 3, 100),
        max_cost: reader.number("TOLLGATE_MAX_COST", 25_000, 100, 10_000_000),
        max_aliases: reader.number("TOLLGATE_MAX_ALIASES", 50, 0, 1_000),
        max_root_fields: reader.number("TOLLGATE_MAX_ROOT_FIELDS", 20, 1, 1_000),
        max_directives: reader.number("TOLLGATE_MAX_DIRECTIVES", 50, 0, 1_000),
        max_tokens: reader.number("TOLLGATE_MAX_TOKENS", 4_000, 100, 100_000),
        max_batch: reader.number("TOLLGATE_MAX_BATCH", 0, 0, 100),
        max_streams: reader.number("TOLLGATE_MAX_STREAMS", 1_000, 0, 100_000),
        api_key_rate: NonZeroU32::new(reader.number("TOLLGATE_API_KEY_RATE", 600, 1, 1_000_000))
            .expect("it is at least one"),
        header_timeout: reader.seconds("TOLLGATE_HEADER_TIMEOUT_SECONDS", 65, 600),
        write_timeout: reader.seconds("TOLLGATE_WRITE_TIMEOUT_SECONDS", 30, 600),
        operation_timeout: reader.seconds("TOLLGATE_OPERATION_TIMEOUT_SECONDS", 60, 600),
    }
}

/// A caller hears of their operation before their time is up. So a request to Stripe must be able to end in the part of it that
/// is meant for Stripe.
fn check_patience(reader: &mut Reader, request: Duration, operation: Duration) {
    let patience = patience(operation);
    if request >= patience {
        reader.problem(
            "STRIPE_TIMEOUT_SECONDS",
            format!(
                "one request may take {} seconds, and all that an operation asks of Stripe together {}: three quarters of \
                 TOLLGATE_OPERATION_TIMEOUT_SECONDS. Set this one lower, or that one higher.",
                request.as_secs(),
                patience.as_secs_f64()
            ),
        );
    }
}

fn log_filter(reader: &mut Reader) -> String {
    let filter = reader.text("TOLLGATE_LOG").unwrap_or_else(|| "info,sea_orm_migration=warn".to_owned());
    if tracing_subscriber::EnvFilter::try_new(&filter).is_err() {
        reader.problem(
            "TOLLGATE_LOG",
            format!("{filter:?} is no filter, such as info or info,tollgate=debug."),
        );
    }
    filter
}

/// What works and is worth a look.
fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.mode == Mode::Production && config.outgoing.smtp_url.is_none() {
        warnings.push(
            "TOLLGATE_SMTP_URL: without a mail server no invitation and no notification is mailed. They wait until there is one."
                .to_owned(),
        );
    }
    if config.mode == Mode::Production && config.uses_sqlite() {
        warnings.push(
            "DATABASE_URL: production on SQLite is one process on one machine. Use PostgreSQL for more."
                .to_owned(),
        );
    }
    if config.has_known_secret() && !config.listen.ip().is_loopback() {
        warnings.push(
            "TOLLGATE_LISTEN: whoever reaches this address can sign tokens, staff's too, with the well-known \
             development secret. Set TOLLGATE_JWT_SECRET, or listen on 127.0.0.1."
                .to_owned(),
        );
    }
    let known = [Some(&config.tokens.issuer), config.tokens.published.as_ref().map(|(_, issuer)| issuer)];
    for issuer in config.tokens.staff_issuers.iter().filter(|issuer| !known.contains(&Some(issuer))) {
        warnings.push(format!("TOLLGATE_STAFF_ISSUERS: {issuer:?} is no issuer whose tokens are accepted."));
    }
    warnings
}

/// Names of ours or Stripe's that are no settings, each with the nearest that is.
fn unknown_names(values: &BTreeMap<String, String>) -> Vec<String> {
    values
        .keys()
        .filter(|name| name.starts_with("TOLLGATE_") || name.starts_with("STRIPE_"))
        .filter(|name| {
            !name.starts_with("TOLLGATE_TEST_") && SETTINGS.iter().all(|setting| setting.name != *name)
        })
        .map(|name| {
            let nearest = SETTINGS
                .iter()
                .map(|setting| (strsim::damerau_levenshtein(name, setting.name), setting.name))
                .min()
                .filter(|(distance, _)| *distance <= 5);
            match nearest {
                Some((_, setting)) => format!("{name} is no setting of Tollgate's. Was {setting} meant?"),
                None => format!("{name} is no setting of Tollgate's."),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
