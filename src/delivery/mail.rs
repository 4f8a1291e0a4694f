//! Mails, by SMTP.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error as SmtpError};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use thiserror::Error;
use url::Url;

/// How mails are sent.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// `smtp://HOST:PORT`, with `?tls=required` for STARTTLS, or `smtps://HOST`; with user name and password, if any.
    pub url: String,
    /// Who sends: `Tollgate <no-reply@example.com>`.
    pub from: String,
    /// How long the whole conversation about one mail may take.
    pub timeout: Duration,
    /// Certificates of authorities that are trusted besides the system's, in PEM.
    pub roots: Vec<String>,
}

/// A mail to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// What is unique about it: sent twice, both have the same.
    pub id: String,
    /// The address.
    pub to: String,
    /// When it was to be sent first.
    pub date: DateTime<Utc>,
    /// The language of its texts.
    pub language: &'static str,
    /// What it is about.
    pub subject: String,
    /// For readers without HTML.
    pub text: String,
    /// The same, as HTML.
    pub html: String,
}

/// Why a mail was not sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MailError {
    /// The options are wrong.
    #[error("{0}")]
    Options(String),
    /// It cannot be put into the form of a mail: an address that is none.
    #[error("no mail can be made of it: {0}")]
    Malformed(String),
    /// The server refused it for good.
    #[error("the mail server refused it: {0}")]
    Refused(String),
    /// The server was not reached, or has no time for it now.
    #[error("the mail server did not take it: {0}")]
    Unavailable(String),
}

/// Sends mails through one server. Cheap to clone; connections are kept for the next mail.
#[derive(Clone)]
pub struct Mailer {
    builder: AsyncSmtpTransportBuilder,
    /// Replaced when a conversation is broken off: its connection goes back into the pool, in the middle of a command.
    transport: Arc<Mutex<AsyncSmtpTransport<Tokio1Executor>>>,
    from: Mailbox,
    timeout: Duration,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Mailer {
    /// A sender with these options. Nothing is asked of the server yet.
    pub fn new(options: &MailOptions) -> Result<Self, MailError> {
        let from = sender(&options.from)?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&options.url);
        // Its text names the address, which holds a password.
        let transport = transport.map_err(|_| {
            MailError::Options("it is no smtp:// or smtps:// address that mails can be sent to.".to_owned())
        })?;
        let mut builder = transport.timeout(Some(options.timeout));
        if !options.roots.is_empty() {
            builder = builder.tls(trusting(&options.url, &options.roots)?);
        }
        let transport = Arc::new(Mutex::new(builder.clone().build()));
        Ok(Self { builder, transport, from, timeout: options.timeout })
    }

    /// How long the conversation about one mail may take.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    fn transport(&self) -> AsyncSmtpTransport<Tokio1Executor> {
        self.transport.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a conversation. The transport's own timeout is that of connecting alone: a server that takes the connection
    /// and says nothing would be waited for without end.
    async fn converse<T>(
        &self,
        conversation: impl Future<Output = Result<T, SmtpError>> + Send,
    ) -> Result<Result<T, SmtpError>, MailError> {
        let mut conversation = pin!(conversation);
        if let Ok(ended) = tokio::time::timeout(self.timeout, conversation.as_mut()).await {
            return Ok(ended);
        }
        *self.transport.lock().unwrap_or_else(PoisonError::into_inner) = self.builder.clone().build();
        let seconds = self.timeout.as_secs_f32();
        Err(MailError::Unavailable(format!("it did not answer within {seconds} seconds")))
    }

    /// Asks the server whether it answers, and whether it takes our name and password.
    pub async fn examine(&self) -> Result<(), MailError> {
        let transport = self.transport();
        match self.converse(transport.test_connection()).await? {
            Ok(true) => Ok(()),
            Ok(false) => Err(MailError::Unavailable("it does not answer".to_owned())),
            Err(error) => Err(MailError::Unavailable(error.to_string())),
        }
    }

    /// Sends a mail. Once this answers, the server has it.
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let message = self.message(letter)?;
        let transport = self.transport();
        match self.converse(transport.send(message)).await? {
            Ok(_) => Ok(()),
            Err(error) => {
                let text = error.to_string();
                // 530 to 539 are about who we are, and are mended by another password: the mail can wait for that.
                let is_about_us = error.status().is_some_and(|code| code.to_string().starts_with("53"));
                Err(if error.is_permanent() && !is_about_us {
                    MailError::Refused(text)
                } else {
                    MailError::Unavailable(text)
                })
            }
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, MailError> {
        let to: Mailbox =
            letter.to.parse().map_err(|_| MailError::Malformed("the address is none".to_owned()))?;
        let header = |name: &'static str, value: &str| {
            HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
        };
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .date(SystemTime::from(letter.date))
            .subject(letter.subject.clone())
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            // Nobody's absence is told to a machine (RFC 3834).
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("Content-Language", letter.language))
            .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
            .map_err(|error| MailError::Malformed(error.to_string()))
    }
}

/// The protection that an address asks for, by a server that one of these authorities, or of the system's, vouches for.
fn trusting(address: &str, roots: &[String]) -> Result<Tls, MailError> {
    let none = |_| MailError::Options("it is no address that mails can be sent to.".to_owned());
    let address = Url::parse(address).map_err(none)?;
    let refused = |error: SmtpError| MailError::Options(format!("the authorities cannot be used: {error}"));
    let mut parameters = TlsParameters::builder(address.host_str().unwrap_or_default().to_owned());
    for root in roots {
        let root = Certificate::from_pem(root.as_bytes()).map_err(refused)?;
        parameters = parameters.add_root_certificate(root);
    }
    let parameters = parameters.build().map_err(refused)?;
    let asked = address.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
    Ok(match (address.scheme(), asked.as_deref()) {
        ("smtps", _) => Tls::Wrapper(parameters),
        (_, Some("required")) => Tls::Required(parameters),
        (_, Some("opportunistic")) => Tls::Opportunistic(parameters),
        _ => Tls::None,
    })
}

/// Whether a text names a sender.
pub fn check_sender(text: &str) -> Result<(), MailError> {
    sender(text).map(drop)
}

fn sender(text: &str) -> Result<Mailbox, MailError> {
    text.parse().map_err(|_| {
        MailError::Options(format!("{text:?} is no sender, such as Tollgate <no-reply@example.com>."))
    })
}
