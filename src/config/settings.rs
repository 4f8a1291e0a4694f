//! Every setting there is: the single source for reading, for the README's table and for `doctor`.

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// What holds when it is not set, in words.
    pub default: &'static str,
    /// Whether its value must never be shown.
    pub is_secret: bool,
    /// What it is, with its unit.
    pub description: &'static str,
}

const fn plain(name: &'static str, default: &'static str, description: &'static str) -> Setting {
    Setting { name, default, is_secret: false, description }
}

const fn secret(name: &'static str, default: &'static str, description: &'static str) -> Setting {
    Setting { name, default, is_secret: true, description }
}

/// Every setting, in the order in which the README shows them.
pub const SETTINGS: &[Setting] = &[
    plain(
        "TOLLGATE_ENV",
        "development",
        "`development` or `production`. Production refuses development keys, the sandbox and weak secrets.",
    ),
    plain(
        "TOLLGATE_CONFIG",
        "`.env` if there is one",
        "A file of settings, `NAME=value` a line. The environment wins over the file.",
    ),
    plain("TOLLGATE_LISTEN", "127.0.0.1:8080", "The address to serve on."),
    plain("TOLLGATE_DATA_DIR", "data", "Where development keeps the SQLite file and the sandbox's state."),
    plain(
        "TOLLGATE_DEMO_DATA",
        "on with the sandbox in development",
        "`on` or `off`: whether an empty database gets the demo.",
    ),
    plain("TOLLGATE_SHUTDOWN_SECONDS", "20", "How long requests under way may take to end after SIGTERM."),
    secret(
        "DATABASE_URL",
        "SQLite under the data folder",
        "`sqlite://FILE?mode=rwc` or `postgres://USER:PASSWORD@HOST/DATABASE`.",
    ),
    plain("TOLLGATE_DATABASE_MAX_CONNECTIONS", "16", "Connections to the database at most."),
    plain(
        "TOLLGATE_MIGRATE",
        "on in development, off in production",
        "`on` or `off`: whether missing migrations are applied at the start.",
    ),
    secret(
        "STRIPE_SECRET_KEY",
        "none: the sandbox",
        "Stripe's secret key. With it Tollgate talks to Stripe.",
    ),
    plain("STRIPE_PUBLISHABLE_KEY", "none", "Stripe's publishable key, for the front end."),
    secret(
        "STRIPE_WEBHOOK_SECRETS",
        "none",
        "Signing secrets of the webhook endpoint, separated by commas; several during a rotation.",
    ),
    plain(
        "STRIPE_API_BASE",
        "https://api.stripe.com",
        "Where Stripe's API is: a proxy or a test double may stand in.",
    ),
    plain(
        "STRIPE_TIMEOUT_SECONDS",
        "30",
        "How long one request to Stripe may take: less than three quarters of `TOLLGATE_OPERATION_TIMEOUT_SECONDS`.",
    ),
    plain(
        "STRIPE_MAX_ATTEMPTS",
        "3",
        "How often a request to Stripe is sent at most, always with the same idempotency key.",
    ),
    plain(
        "STRIPE_BACKGROUND_REQUESTS_PER_SECOND",
        "20",
        "Requests a second that events, sweeps and comparisons of all processes together may make at most; interactive calls go first.",
    ),
    plain(
        "TOLLGATE_RETURN_URLS",
        "this machine in development, none in production",
        "Addresses below which Stripe's checkout and portal pages may send people back; separated by commas.",
    ),
    plain(
        "TOLLGATE_ALLOW_TEST_STRIPE",
        "off",
        "`on` lets production run on a Stripe test key, for a staging system.",
    ),
    plain(
        "TOLLGATE_WEBHOOK_TOLERANCE_SECONDS",
        "300",
        "How old, or how far ahead, a webhook's signature may be.",
    ),
    plain("TOLLGATE_WEBHOOK_MAX_BODY_BYTES", "1048576", "Bytes of a webhook at most."),
    plain(
        "TOLLGATE_WEBHOOK_CONCURRENCY",
        "128",
        "Webhooks that are taken in at the same time; more are answered 503, and Stripe sends them again.",
    ),
    plain("TOLLGATE_SWEEP_SECONDS", "5", "How often Stripe's list of events is read for what did not come."),
    plain("TOLLGATE_COMPARE_SECONDS", "10", "How often another organization is compared with Stripe."),
    plain(
        "TOLLGATE_COMPARE_MEND",
        "on",
        "`on` or `off`: whether what is found to differ is mended at once, or only listed in `billingDrift`.",
    ),
    plain(
        "TOLLGATE_EVENT_RETENTION_DAYS",
        "90",
        "How long events that were applied or ignored are kept; longer than Stripe lists them. Dead letters stay.",
    ),
    plain("TOLLGATE_USAGE_GRACE_DAYS", "35", "How old a usage event may be when it is recorded."),
    plain(
        "TOLLGATE_USAGE_RETENTION_DAYS",
        "400",
        "How long usage events are kept, and known by their ids; longer than they may be late. What they add up to stays.",
    ),
    secret(
        "TOLLGATE_JWT_SECRET",
        "a well-known one in development",
        "The secret that HS256 tokens are signed with; at least 32 random bytes.",
    ),
    plain("TOLLGATE_JWT_ISSUER", "https://tollgate.localhost in development", "The `iss` of HS256 tokens."),
    plain(
        "TOLLGATE_JWT_AUDIENCE",
        "tollgate in development",
        "The `aud` that tokens must name; several separated by commas.",
    ),
    plain("TOLLGATE_JWKS_URL", "none", "Where an issuer publishes its keys. https, or http on this machine."),
    plain("TOLLGATE_JWKS_ISSUER", "none", "The `iss` of tokens signed with published keys."),
    plain(
        "TOLLGATE_JWT_ALGORITHMS",
        "RS256,ES256,EdDSA",
        "The algorithms that are accepted of tokens signed with published keys.",
    ),
    plain(
        "TOLLGATE_STAFF_ISSUERS",
        "the HS256 issuer in development",
        "Issuers whose claim `tollgate_staff` names platform staff; separated by commas.",
    ),
    plain(
        "TOLLGATE_TRUSTED_PROXIES",
        "none",
        "Addresses, or networks such as `10.0.0.0/8`, of proxies whose X-Forwarded-For is believed; separated by commas.",
    ),
    secret(
        "TOLLGATE_ENCRYPTION_KEYS",
        "a well-known one in development",
        "Keys that secrets at rest are sealed with, `NAME:KEY` separated by commas, each 32 random bytes in base64: the first seals, each of them opens. `tollgate secrets rotate` seals anew with the first.",
    ),
    secret(
        "TOLLGATE_SMTP_URL",
        "none: development logs mails, production keeps them until there is one",
        "The mail server: `smtps://USER:PASSWORD@HOST`, or `smtp://USER:PASSWORD@HOST:587?tls=required`. Without TLS only on this machine, or without a password.",
    ),
    plain(
        "TOLLGATE_MAIL_FROM",
        "Tollgate <no-reply@tollgate.localhost> in development",
        "Who sends mails, `Tollgate <no-reply@example.com>`; needed with a mail server.",
    ),
    plain(
        "TOLLGATE_APP_URL",
        "http://localhost:3000 in development, none in production",
        "Where the front end is, for the links of mails; without it mails have none.",
    ),
    plain(
        "TOLLGATE_WEBHOOKS_TO_THIS_MACHINE",
        "off",
        "`on` lets development send webhooks to http addresses of this machine; they go to the public internet alone otherwise.",
    ),
    plain(
        "TOLLGATE_NOTIFICATION_RETENTION_DAYS",
        "180",
        "How long what people read in the application is kept.",
    ),
    plain(
        "TOLLGATE_DELIVERY_RETENTION_DAYS",
        "90",
        "How long mails and webhooks that are done with are kept, with what webhooks carried.",
    ),
    plain(
        "TOLLGATE_INTROSPECTION",
        "on in development, staff only in production",
        "`on` or `off`: whether everyone may read the schema.",
    ),
    plain(
        "TOLLGATE_GRAPHIQL",
        "on in development, off in production",
        "`on` or `off`: whether /graphiql is served.",
    ),
    plain(
        "TOLLGATE_METRICS",
        "on in development, off in production",
        "`on` or `off`: whether /metrics is served, to everyone who reaches the address.",
    ),
    plain("TOLLGATE_MAX_BODY_BYTES", "262144", "Bytes of a GraphQL request at most."),
    plain("TOLLGATE_MAX_DEPTH", "20", "How deep a document may be nested."),
    plain(
        "TOLLGATE_MAX_COST",
        "25000",
        "What a document may cost: a field is one, one that Stripe is asked for 500, a connection multiplies what is below it by its page size.",
    ),
    plain("TOLLGATE_MAX_ALIASES", "50", "Aliases in a document at most."),
    plain("TOLLGATE_MAX_ROOT_FIELDS", "20", "Root fields of an operation at most."),
    plain("TOLLGATE_MAX_DIRECTIVES", "50", "Directives in a document at most."),
    plain("TOLLGATE_MAX_TOKENS", "4000", "Tokens of a document at most."),
    plain(
        "TOLLGATE_MAX_BATCH",
        "0",
        "Operations in a list that one request may send; 0 takes no lists. All of a list together keep the limits of one.",
    ),
    plain(
        "TOLLGATE_HEADER_TIMEOUT_SECONDS",
        "65",
        "How long a request's headers may take to come, and a connection may be idle: longer than the load balancer keeps one.",
    ),
    plain(
        "TOLLGATE_WRITE_TIMEOUT_SECONDS",
        "30",
        "How long what is written to a connection may go untaken before it is closed: a reader that stops reading holds no stream.",
    ),
    plain("TOLLGATE_MAX_STREAMS", "1000", "Event streams and WebSockets at most, together."),
    plain(
        "TOLLGATE_API_KEY_RATE",
        "600",
        "Requests that each API key may make in a minute, of each process; each root field beyond the first counts as one.",
    ),
    plain(
        "TOLLGATE_OPERATION_TIMEOUT_SECONDS",
        "60",
        "How long an operation of GraphQL may take; three quarters of it for all that it asks of Stripe.",
    ),
    plain(
        "TOLLGATE_LOG",
        "info,sea_orm_migration=warn",
        "What is logged, as a filter of the tracing crate: `info,tollgate=debug`.",
    ),
    plain("TOLLGATE_LOG_FORMAT", "text in development, json in production", "`text` or `json`."),
];

/// The settings as a Markdown table, as the README shows them.
pub fn reference_markdown() -> String {
    use std::fmt::Write;
    let mut table = String::from("| Name | When it is not set | What it is |\n| --- | --- | --- |\n");
    for setting in SETTINGS {
        let Setting { name, default, description, .. } = setting;
        let _ = writeln!(table, "| `{name}` | {default} | {description} |");
    }
    table
}
