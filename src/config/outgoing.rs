//! Secrets at rest, and what leaves for people.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Reader, refuse_credentials};
use crate::domain::key_ring::KeyRing;
use crate::domain::loopback::is_loopback;

/// How secrets are sealed, and mails sent.
#[derive(Clone, Debug)]
pub struct OutgoingConfig {
    /// The keys that seal secrets at rest, as they are written; development has one that everyone knows.
    pub encryption_keys: Option<SecretString>,
    /// The mail server, when there is one.
    pub smtp_url: Option<SecretString>,
    /// Who sends mails.
    pub mail_from: Option<String>,
    /// Where the front end is.
    pub app_url: Option<Url>,
    /// Whether webhooks may be sent to this machine.
    pub webhooks_to_this_machine: bool,
    /// How long what people read in the application is kept.
    pub notification_retention: Duration,
    /// How long mails and webhooks are kept.
    pub delivery_retention: Duration,
}

impl OutgoingConfig {
    /// The keys. They were read before, so that they can be read.
    pub fn key_ring(&self) -> KeyRing {
        match &self.encryption_keys {
            Some(keys) => KeyRing::parse(keys.expose_secret()).unwrap_or_default(),
            None => KeyRing::development(),
        }
    }
}

pub(super) fn outgoing(reader: &mut Reader, is_development: bool) -> OutgoingConfig {
    let encryption_keys = reader.secret("TOLLGATE_ENCRYPTION_KEYS");
    if let Some(Err(error)) = encryption_keys.as_ref().map(|keys| KeyRing::parse(keys.expose_secret())) {
        // It tells the names of keys, and nothing of the keys.
        reader.problem("TOLLGATE_ENCRYPTION_KEYS", error.to_string());
    }
    let smtp_url = reader.secret("TOLLGATE_SMTP_URL");
    if let Some(Err(why)) = smtp_url.as_ref().map(|url| check_smtp(url.expose_secret())) {
        reader.problem("TOLLGATE_SMTP_URL", why);
    }
    let mail_from = reader
        .text("TOLLGATE_MAIL_FROM")
        .or_else(|| is_development.then(|| "Tollgate <no-reply@tollgate.localhost>".to_owned()));
    match &mail_from {
        Some(from) => {
            if let Err(error) = crate::delivery::check_sender(from) {
                reader.problem("TOLLGATE_MAIL_FROM", error.to_string());
            }
        }
        None if smtp_url.is_some() => reader.problem(
            "TOLLGATE_MAIL_FROM",
            "it must be set with TOLLGATE_SMTP_URL: who sends, such as Tollgate <no-reply@example.com>.",
        ),
        None => {}
    }
    let webhooks_to_this_machine = reader.switch("TOLLGATE_WEBHOOKS_TO_THIS_MACHINE", false);
    if webhooks_to_this_machine && !is_development {
        reader.problem(
            "TOLLGATE_WEBHOOKS_TO_THIS_MACHINE",
            "production sends webhooks to the public internet alone. Leave it off.",
        );
    }
    OutgoingConfig {
        encryption_keys,
        smtp_url,
        mail_from,
        app_url: app_url(reader, is_development),
        webhooks_to_this_machine,
        // What is told once is known by its row: one that is forgotten while it may be learned again would be told again.
        notification_retention: days(reader, "TOLLGATE_NOTIFICATION_RETENTION_DAYS", 180),
        delivery_retention: days(reader, "TOLLGATE_DELIVERY_RETENTION_DAYS", 90),
    }
}

fn days(reader: &mut Reader, name: &'static str, usual: u64) -> Duration {
    Duration::from_secs(86_400 * reader.number::<u64>(name, usual, 31, 3_650))
}

fn app_url(reader: &mut Reader, is_development: bool) -> Option<Url> {
    let text = reader
        .text("TOLLGATE_APP_URL")
        .or_else(|| is_development.then(|| "http://localhost:3000".to_owned()))?;
    match Url::parse(&text) {
        Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) => {
            refuse_credentials(reader, "TOLLGATE_APP_URL", &url);
            Some(url)
        }
        _ => {
            let message = format!("{text:?} is no https address, nor an http address on this machine.");
            reader.problem("TOLLGATE_APP_URL", message);
            None
        }
    }
}

/// Why mails cannot be sent there. Nothing of the address is told: it holds a password.
fn check_smtp(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no address.")?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err("it names no mail server.");
    }
    let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
    let is_safe = match (url.scheme(), tls.as_deref()) {
        ("smtps", None) | ("smtp", Some("required")) => true,
        ("smtp", None) => false,
        ("smtp", Some(_)) => return Err("`tls` is `required`, or is left out."),
        _ => return Err("it begins with neither smtps:// nor smtp://, or has a `tls` that is none."),
    };
    // Its host is no http one, for which the domain's function is made.
    let here = Url::parse(&format!("http://{}", url.host_str().unwrap_or_default()));
    let is_here = here.is_ok_and(|url| is_loopback(&url));
    if !is_safe && !is_here && url.password().is_some() {
        return Err("the password would be sent in the clear. Use smtps://, or add ?tls=required.");
    }
    Ok(())
}
