//! `tollgate doctor`: what is right, what is wrong, and how to mend it.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::binding::{self, FilledBy};
use super::{chain, open, print};
use crate::auth::jwks::JwksSource;
use crate::config::{Config, Mode};
use crate::domain::clock::SystemClock;
use crate::domain::notification::EmailState;
use crate::domain::stripe_event::EventState;
use crate::payments::{PaymentsError, Stripe, StripeOptions, WebhookEndpoint, library_version};
use crate::service::{Mail, Outgoing};
use crate::store::{Backend, BillingDriftFilter, Store, StoreError, StripeEventFilter};

/// The route that takes webhooks.
const PATH: &str = "/webhooks/stripe";

/// The findings, as they are printed.
#[derive(Default)]
struct Report {
    text: String,
    problems: usize,
}

impl Report {
    fn fine(&mut self, what: &str) {
        let _ = writeln!(self.text, "  ok      {what}");
    }

    fn note(&mut self, what: &str) {
        let _ = writeln!(self.text, "  note    {what}");
    }

    fn wrong(&mut self, what: &str) {
        self.problems += 1;
        let _ = writeln!(self.text, "  WRONG   {what}");
    }
}

/// Examines everything, and fails when something is wrong.
pub(super) async fn examine(config: &Config) -> ExitCode {
    let mut report = Report::default();
    configuration(config, &mut report);
    database(config, &mut report).await;
    published_keys(config, &mut report).await;
    mail(config, &mut report).await;
    stripe(config, &mut report).await;
    let verdict = match report.problems {
        0 => "Nothing is wrong.".to_owned(),
        1 => "One thing is wrong.".to_owned(),
        number => format!("{number} things are wrong."),
    };
    print(&format!("{}\n{verdict}\n", report.text));
    if report.problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn configuration(config: &Config, report: &mut Report) {
    match config.mode {
        Mode::Development => report.note("configuration: development mode. Set TOLLGATE_ENV=production where it matters; it refuses what is not safe."),
        Mode::Production => report.fine("configuration: production mode, and nothing in it is refused"),
    }
    for warning in &config.warnings {
        report.note(&format!("configuration: {warning}"));
    }
    if config.mode == Mode::Production && config.uses_sqlite() {
        report.note(
            "database: SQLite serves one process. For several, set DATABASE_URL to a PostgreSQL database.",
        );
    }
}

async fn database(config: &Config, report: &mut Report) {
    let store = match open(config).await {
        Ok(store) => store,
        Err(error) => {
            report.wrong(&format!("database: it cannot be opened ({}). Check DATABASE_URL.", chain(&error)));
            return;
        }
    };
    if let Err(error) = store.ping().await {
        report.wrong(&format!("database: it does not answer ({}).", chain(&error)));
        return;
    }
    let name = match store.backend() {
        Backend::Sqlite => "SQLite",
        Backend::Postgres => "PostgreSQL",
    };
    report.fine(&format!("database: {name} answers"));
    match store.pending_migrations().await {
        Ok(pending) if pending.is_empty() => report.fine("database: every migration is applied"),
        Ok(pending) => {
            let how = if config.migrate {
                "They are applied at the next start."
            } else {
                "Run `tollgate migrate`."
            };
            let text =
                format!("database: {} migrations are missing ({}). {how}", pending.len(), pending.join(", "));
            if config.migrate {
                report.note(&text);
            } else {
                report.wrong(&text);
            }
            return;
        }
        Err(error) => {
            report.wrong(&format!("database: its migrations cannot be read ({}).", chain(&error)));
            return;
        }
    }
    filled_by(config, &store, report).await;
    match store.count_stripe_events(&StripeEventFilter::in_state(EventState::Dead)).await {
        Ok(0) => report.fine("webhooks: there are no dead letters"),
        Ok(dead) => report
            .wrong(&format!("webhooks: {dead} events are dead letters. Ask stripeEvents(state: DEAD) why.")),
        Err(error) => report.wrong(&format!("webhooks: the inbox cannot be read ({}).", chain(&error))),
    }
    let open = BillingDriftFilter { organization_id: None, is_mended: Some(false) };
    match store.count_billing_drifts(open).await {
        Ok(0) => report.fine("Stripe: no row is known to differ from Stripe's objects"),
        Ok(drifts) => report.wrong(&format!(
            "Stripe: {drifts} fields differ from Stripe's objects. Ask billingDrift(isMended: false) why, and mend them with driftRepair or `tollgate reconcile`."
        )),
        Err(error) => report.wrong(&format!("Stripe: what was compared cannot be read ({}).", chain(&error))),
    }
    match undelivered(&store).await {
        Ok((0, 0)) => report.fine("mail: none was given up"),
        Ok((mails, messages)) => report.wrong(&format!(
            "mail: {mails} mails and {messages} notifications were given up. Ask emailDeliveries(state: DEAD) why, of each organization."
        )),
        Err(error) => report.wrong(&format!("mail: what was sent cannot be read ({}).", chain(&error))),
    }
    if let Err(error) = store.close().await {
        report.note(&format!("database: it did not close well ({}).", chain(&error)));
    }
}

/// Mails, and notifications, that were given up.
async fn undelivered(store: &Store) -> Result<(u64, u64), StoreError> {
    Ok((store.count_emails(EmailState::Dead).await?, store.count_dead_outbox_messages().await?))
}

/// Whether the rows are of the Stripe that is configured; which account it is, `serve` asks.
async fn filled_by(config: &Config, store: &Store, report: &mut Report) {
    let now = if config.uses_sandbox() {
        FilledBy::Sandbox(String::new())
    } else {
        FilledBy::Account { is_live: config.has_live_key(), id: None }
    };
    match binding::find(store, config).await {
        Ok(Some(known)) => match binding::refusal(Some(&known), &now) {
            None => report.fine(&format!("database: it was filled from {known}")),
            Some(why) => report.wrong(&format!("database: {why}")),
        },
        Ok(None) => {}
        Err(error) => report.wrong(&format!("database: who filled it cannot be read ({error}).")),
    }
}

async fn published_keys(config: &Config, report: &mut Report) {
    let Some((address, _)) = &config.tokens.published else { return };
    let keys = match JwksSource::new(address.clone(), Arc::new(SystemClock)) {
        Ok(source) => source.examine().await,
        Err(error) => Err(error.to_string()),
    };
    match keys {
        Ok(number) => report.fine(&format!("tokens: {address} publishes {number} keys that can be used")),
        Err(why) => report.wrong(&format!(
            "tokens: no keys at {address} ({why}), so nobody can sign in. Check TOLLGATE_JWKS_URL."
        )),
    }
}

/// Whether the mail server answers and takes our name.
async fn mail(config: &Config, report: &mut Report) {
    let mailer = match super::serve::outgoing(config) {
        Ok(Outgoing { mail: Mail::Sent(mailer), .. }) => mailer,
        Ok(_) => {
            report.note("mail: there is no mail server. Development logs mails; production keeps them. Set TOLLGATE_SMTP_URL.");
            return;
        }
        Err(why) => {
            report.wrong(&format!("mail: {why}"));
            return;
        }
    };
    match mailer.examine().await {
        Ok(()) => report.fine("mail: the mail server answers"),
        Err(why) => report.wrong(&format!("mail: {why}. Check TOLLGATE_SMTP_URL.")),
    }
}

async fn stripe(config: &Config, report: &mut Report) {
    let Some(key) = &config.stripe.secret_key else {
        report.note("Stripe: the sandbox stands in. Set STRIPE_SECRET_KEY to talk to Stripe.");
        return;
    };
    if config.stripe.webhook_secrets.is_empty() {
        report.wrong("Stripe: STRIPE_WEBHOOK_SECRETS is not set, so no webhook is believed. Add an endpoint at Stripe that points to /webhooks/stripe, and copy its signing secret.");
    }
    let options = StripeOptions {
        api_base: config.stripe.api_base.clone(),
        timeout: config.stripe.timeout,
        max_attempts: 1,
        ..StripeOptions::new(key.expose_secret())
    };
    let client = match Stripe::new(options) {
        Ok(client) => client,
        Err(error) => {
            report.wrong(&format!("Stripe: the client cannot be made ({error})."));
            return;
        }
    };
    let mode = if client.livemode() { "live" } else { "test" };
    match client.account().await {
        Ok(account) => report.fine(&format!("Stripe: the key is of {} in {mode} mode", account.id)),
        Err(PaymentsError::NotAuthorized) => {
            report.wrong("Stripe: it does not accept STRIPE_SECRET_KEY. Copy the key again, and check what a restricted key may do.");
        }
        Err(error) => {
            report.wrong(&format!("Stripe: {} does not answer ({error}).", config.stripe.api_base));
            return;
        }
    }
    match client.list_webhook_endpoints().await {
        Ok(endpoints) => webhook_endpoint(&endpoints, report),
        Err(PaymentsError::NotAuthorized) => {
            report.note("webhooks: the key may not list endpoints, so that they are right is not known. A restricted key needs to read Webhook Endpoints.");
        }
        Err(error) => report.wrong(&format!("webhooks: the endpoints at Stripe cannot be listed ({error}).")),
    }
}

/// Whether Stripe sends what we need to where we listen. Which of several endpoints is ours cannot be known from here: the
/// best one counts.
fn webhook_endpoint(endpoints: &[WebhookEndpoint], report: &mut Report) {
    let ours = endpoints.iter().filter(|endpoint| endpoint.url.trim_end_matches('/').ends_with(PATH));
    let Some(endpoint) = ours.min_by_key(|it| (it.status != "enabled", it.missing_nouns().len())) else {
        report.wrong(&format!(
            "webhooks: no endpoint at Stripe points to {PATH}, so what happens there is learned only by asking. Add one with your public address and this path."
        ));
        return;
    };
    let url = &endpoint.url;
    if endpoint.status != "enabled" {
        report.wrong(&format!("webhooks: the endpoint {url} is {} at Stripe. Enable it.", endpoint.status));
        return;
    }
    let missing = endpoint.missing_nouns();
    if missing.is_empty() {
        report.fine(&format!("webhooks: Stripe sends to {url}"));
    } else {
        report.wrong(&format!(
            "webhooks: {url} is sent nothing of {}. Add these events to the endpoint at Stripe.",
            missing.join(", ")
        ));
    }
    match endpoint.api_version.as_deref() {
        Some(version) if version == library_version() => {}
        Some(version) => report.note(&format!(
            "webhooks: {url} is sent payloads of {version}; {} needs no questions back.",
            library_version()
        )),
        None => report.note(&format!(
            "webhooks: {url} is sent payloads of the account's version; one of {} needs no questions back.",
            library_version()
        )),
    }
}
