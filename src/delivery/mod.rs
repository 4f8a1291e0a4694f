//! What leaves the gateway for others: texts in their reader's language, mails, webhooks. The only user of lettre, of Fluent
//! and of ICU.

mod mail;
mod render;
mod webhook;

pub use mail::{Letter, MailError, MailOptions, Mailer, check_sender};
pub use render::{Renderer, Telling, Text};
pub use webhook::{Lookup, Webhook, WebhookError, WebhookResponse, WebhookSender};
