//! `tollgate serve`: everything comes up by itself.

use std::process::ExitCode;
use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "sandbox")]
use super::issuer;
use super::{binding, chain, fail, open, print};
use crate::app::{App, AppParts};
use crate::auth::jwks::JwksSource;
use crate::auth::{TokenVerifier, TrustedIssuer};
use crate::config::{Config, Mode};
use crate::delivery::{MailOptions, Mailer, Renderer, WebhookSender};
use crate::domain::clock::{Clock, SystemClock};
use crate::domain::ids::SystemIds;
use crate::http::HttpOptions;
use crate::jobs::WorkerOptions;
use crate::payments::{Stripe, StripeOptions, WebhookVerifier};
use crate::service::{Mail, Outgoing, UsageOptions};

/// How long closing may take after everything has ended.
const CLOSING: std::time::Duration = std::time::Duration::from_secs(5);

/// How long each step of a conversation with the mail server may take.
const MAIL_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// How long a consumer of webhooks may take to answer.
const WEBHOOK_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// Serves until SIGTERM or Ctrl-C.
pub(super) async fn serve(config: Config) -> ExitCode {
    match start(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

/// Makes the demo, and nothing where there is something.
pub(super) async fn seed(mut config: Config) -> ExitCode {
    if config.stripe.secret_key.is_some() {
        return fail(&"The demo is made at the sandbox. Leave STRIPE_SECRET_KEY out.");
    }
    config.demo_data = true;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let made = async {
        let store = open(&config).await.map_err(|error| chain(&error))?;
        let is_new = store.is_new().await.map_err(|error| chain(&error))?;
        if !is_new && !store.pending_migrations().await.map_err(|error| chain(&error))?.is_empty() {
            return Err(
                "The database is not new, and migrations are missing. It was left as it is.".to_owned()
            );
        }
        store.migrate().await.map_err(|error| chain(&error))?;
        if !store.is_empty().await.map_err(|error| chain(&error))? {
            return Err("The database is not empty, and was left as it is.".to_owned());
        }
        Backing::start(&config, &store, &clock).await?.stop().await;
        store.close().await.map_err(|error| chain(&error))
    };
    match made.await {
        Ok(()) => print("The demo was made.\n"),
        Err(message) => fail(&message),
    }
}

async fn start(config: Config) -> Result<(), String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store =
        open(&config).await.map_err(|error| format!("The database cannot be opened: {}", chain(&error)))?;
    if config.migrate {
        store.migrate().await.map_err(|error| format!("The migrations failed: {}", chain(&error)))?;
    } else {
        let pending = store.pending_migrations().await.map_err(|error| chain(&error))?;
        if !pending.is_empty() {
            return Err(format!(
                "{} migrations are missing ({}). Run `tollgate migrate`, or set TOLLGATE_MIGRATE=on.",
                pending.len(),
                pending.join(", ")
            ));
        }
    }
    let backing = Backing::start(&config, &store, &clock).await?;
    let tokens = Arc::new(verifier(&config, &clock)?);
    let offered = offered_tokens(&config, &clock);
    let webhooks =
        Arc::new(WebhookVerifier::new(backing.webhook_secrets.clone(), config.stripe.webhook_tolerance));
    let app = App::new(AppParts {
        store: store.clone(),
        stripe: backing.stripe.clone(),
        tokens,
        webhooks,
        clock,
        ids: Arc::new(SystemIds),
        http: http_options(&config, offered.clone()),
        return_urls: config.stripe.return_urls.clone(),
        outgoing: outgoing(&config)?,
        usage: UsageOptions { grace: config.usage.grace, ..UsageOptions::default() },
        worker: WorkerOptions {
            sweep_events: Some(config.stripe.sweep),
            compare: Some(config.stripe.compare),
            mend: config.stripe.mend,
            event_retention: config.stripe.event_retention,
            notification_retention: config.outgoing.notification_retention,
            delivery_retention: config.outgoing.delivery_retention,
            usage_retention: config.usage.retention,
            ..WorkerOptions::default()
        },
        shutdown: config.shutdown,
    });
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        format!("{} cannot be listened on: {error}. Set TOLLGATE_LISTEN to another.", config.listen)
    })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    backing.deliver_to(&format!("http://{address}/webhooks/stripe"));
    announce(&config, &address.to_string(), &offered);

    let stop = CancellationToken::new();
    let on_signal = stop.clone();
    tokio::spawn(async move {
        signalled().await;
        tracing::info!("stopping: requests under way are finished first");
        on_signal.cancel();
    });
    app.serve(listener, stop).await;
    // What was cut off may hold a connection for as long as a lock that somebody else holds.
    let closing = async {
        backing.stop().await;
        if let Err(error) = store.close().await {
            tracing::warn!(error = chain(&error), "the database did not close well");
        }
    };
    if tokio::time::timeout(CLOSING, closing).await.is_err() {
        tracing::warn!("the database was not closed in time");
    }
    Ok(())
}

/// Stripe itself, or the sandbox in its place.
struct Backing {
    stripe: Stripe,
    webhook_secrets: Vec<secrecy::SecretString>,
    #[cfg(feature = "sandbox")]
    sandbox: Option<stripe_sandbox::Sandbox>,
}

impl Backing {
    #[cfg_attr(not(feature = "sandbox"), expect(unused_variables, reason = "the sandbox alone needs them"))]
    async fn start(
        config: &Config,
        store: &crate::store::Store,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let options = |key: &str, base: &str| StripeOptions {
            api_base: base.to_owned(),
            timeout: config.stripe.timeout,
            max_attempts: config.stripe.max_attempts,
            background_rate: config.stripe.background_rate,
            ..StripeOptions::new(key)
        };
        let connect = |options| {
            Stripe::new(options).map_err(|error| format!("The client of Stripe cannot be made: {error}"))
        };
        if let Some(key) = &config.stripe.secret_key {
            let stripe = connect(options(key.expose_secret(), &config.stripe.api_base))?;
            binding::to_account(store, config, &stripe).await?;
            return Ok(Self {
                stripe,
                webhook_secrets: config.stripe.webhook_secrets.clone(),
                #[cfg(feature = "sandbox")]
                sandbox: None,
            });
        }
        #[cfg(not(feature = "sandbox"))]
        return Err("This build has no Stripe sandbox. Set STRIPE_SECRET_KEY.".to_owned());
        #[cfg(feature = "sandbox")]
        {
            let for_demo = config.demo_data && store.is_empty().await.map_err(|error| chain(&error))?;
            let state = binding::to_sandbox(store, config).await?;
            let sandbox = crate::demo::start_sandbox(&state, clock, for_demo)
                .await
                .map_err(|error| format!("The Stripe sandbox cannot be started: {error}"))?;
            let stripe = connect(options(crate::demo::SANDBOX_KEY, &sandbox.base_url()))?;
            if for_demo {
                crate::demo::seed(store, &stripe, &sandbox, clock.now(), &config.tokens.issuer)
                    .await
                    .map_err(|error| format!("The demo data cannot be made: {}", chain(&error)))?;
            }
            Ok(Self {
                stripe,
                webhook_secrets: vec![crate::demo::SANDBOX_WEBHOOK_SECRET.to_owned().into()],
                sandbox: Some(sandbox),
            })
        }
    }

    /// Lets the sandbox deliver its webhooks to this gateway. Stripe itself is told on its own pages.
    #[cfg_attr(
        not(feature = "sandbox"),
        expect(unused_variables, clippy::unused_self, reason = "the sandbox alone is told")
    )]
    fn deliver_to(&self, url: &str) {
        #[cfg(feature = "sandbox")]
        if let Some(sandbox) = &self.sandbox {
            sandbox.add_webhook_endpoint(url.to_owned(), crate::demo::SANDBOX_WEBHOOK_SECRET.to_owned());
            sandbox.deliver_webhooks(true);
        }
    }

    #[cfg_attr(
        not(feature = "sandbox"),
        expect(clippy::unused_async, reason = "the sandbox alone is waited for")
    )]
    async fn stop(self) {
        #[cfg(feature = "sandbox")]
        if let Some(sandbox) = &self.sandbox {
            sandbox.shutdown().await;
        }
    }
}

/// Keys, texts and the mail server.
pub(super) fn outgoing(config: &Config) -> Result<Outgoing, String> {
    let settings = &config.outgoing;
    let mail = match (&settings.smtp_url, &settings.mail_from) {
        (Some(url), Some(from)) => {
            let options = MailOptions {
                url: url.expose_secret().to_owned(),
                from: from.clone(),
                timeout: MAIL_TIMEOUT,
                roots: Vec::new(),
            };
            let mailer = Mailer::new(&options).map_err(|error| format!("TOLLGATE_SMTP_URL: {error}"))?;
            Mail::Sent(Box::new(mailer))
        }
        _ if config.mode == Mode::Development => Mail::Logged,
        _ => Mail::Waits,
    };
    Ok(Outgoing {
        keys: Arc::new(settings.key_ring()),
        renderer: Arc::new(Renderer::new(settings.app_url.clone())),
        mail,
        webhooks: Some(
            WebhookSender::new(WEBHOOK_TIMEOUT, settings.webhooks_to_this_machine)
                .map_err(|error| format!("Webhooks cannot be sent: {error}"))?,
        ),
    })
}

fn verifier(config: &Config, clock: &Arc<dyn Clock>) -> Result<TokenVerifier, String> {
    let tokens = &config.tokens;
    let mut issuers = Vec::new();
    if let Some(secret) = &tokens.secret {
        let secret = secret.expose_secret().as_bytes();
        issuers.push((
            tokens.issuer.clone(),
            TrustedIssuer::with_secret(&tokens.issuer, tokens.audiences.clone(), secret),
        ));
    }
    if let Some((address, issuer)) = &tokens.published {
        let keys = JwksSource::new(address.clone(), Arc::clone(clock))
            .map_err(|error| format!("TOLLGATE_JWKS_URL: {error}."))?;
        let algorithms: Vec<_> = tokens.algorithms.iter().filter_map(|name| name.parse().ok()).collect();
        issuers.push((
            issuer.clone(),
            TrustedIssuer::with_published_keys(issuer, tokens.audiences.clone(), &algorithms, Arc::new(keys)),
        ));
    }
    let issuers = issuers.into_iter().map(|(name, issuer)| {
        if tokens.staff_issuers.contains(&name) { issuer.naming_staff() } else { issuer }
    });
    Ok(TokenVerifier::new(issuers, Arc::clone(clock)))
}

fn http_options(config: &Config, offered_tokens: Vec<(String, String)>) -> HttpOptions {
    let http = &config.http;
    let as_count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut limits = crate::http::limits();
    limits.tokens = as_count(http.max_tokens);
    limits.depth = as_count(http.max_depth);
    limits.cost = http.max_cost;
    limits.aliases = as_count(http.max_aliases);
    limits.root_fields = as_count(http.max_root_fields);
    limits.directives = as_count(http.max_directives);
    HttpOptions {
        max_body_bytes: http.max_body_bytes,
        operation_timeout: http.operation_timeout,
        max_batch: http.max_batch,
        header_timeout: http.header_timeout,
        write_timeout: http.write_timeout,
        limits,
        max_streams: http.max_streams,
        send_time: HttpOptions::default().send_time,
        api_key_rate: http.api_key_rate,
        introspection_for_all: http.introspection,
        graphiql: http.graphiql,
        trusted_proxies: http.trusted_proxies.clone(),
        webhook_max_body_bytes: config.stripe.webhook_max_body_bytes,
        webhook_concurrency: config.stripe.webhook_concurrency,
        webhook_read_timeout: HttpOptions::default().webhook_read_timeout,
        usage_concurrency: HttpOptions::default().usage_concurrency,
        metrics: http.metrics,
        offered_tokens,
    }
}

/// Tokens of the demo's people, valid for a day.
fn offered_tokens(config: &Config, clock: &Arc<dyn Clock>) -> Vec<(String, String)> {
    #[cfg(feature = "sandbox")]
    // Not beside a real account, whatever the settings say.
    if config.demo_data
        && config.uses_sandbox()
        && let Some(issuer) = issuer(config, Arc::clone(clock))
    {
        return crate::demo::people()
            .map(|(label, claims)| (label.to_owned(), issuer.sign(&claims, chrono::TimeDelta::days(1))))
            .collect();
    }
    let _ = (config, clock);
    Vec::new()
}

/// What a person who just started it needs to know.
fn announce(config: &Config, address: &str, offered: &[(String, String)]) {
    use std::io::Write;
    tracing::info!(
        address,
        database = if config.uses_sqlite() { "sqlite" } else { "postgres" },
        sandbox = config.uses_sandbox(),
        "serving"
    );
    let Some((label, token)) = offered.first() else { return };
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\nTollgate serves on http://{address}, with demo data and a Stripe sandbox.\n");
    if config.http.graphiql {
        let _ = writeln!(out, "  GraphiQL   http://{address}/graphiql\n");
    }
    for (label, token) in offered {
        let _ = writeln!(out, "  {label}\n    {token}\n");
    }
    let _ = writeln!(
        out,
        "As {label}:\n\n  curl -s http://{address}/graphql -H 'content-type: application/json' \\\n    -H 'authorization: Bearer {token}' \\\n    -d '{{\"query\":\"{{ viewer {{ organizations {{ nodes {{ id name subscription {{ status plan {{ name }} }} }} }} }} }}\"}}'\n"
    );
    let _ = out.flush();
}

/// Waits for SIGTERM or Ctrl-C.
async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(all(test, feature = "sandbox"))]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_offered_beside_a_real_account() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut config = Config::read([]).expect("nothing is needed");
        assert!(!offered_tokens(&config, &clock).is_empty());
        config.stripe.secret_key = Some("sk_live_abc".to_owned().into());
        assert!(offered_tokens(&config, &clock).is_empty());
    }
}
