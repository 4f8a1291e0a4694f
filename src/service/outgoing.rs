//! What is needed for telling people: keys for what is told to one alone, texts, and a mail server.

use std::sync::Arc;

use crate::delivery::{Mailer, Renderer, WebhookSender};
use crate::domain::key_ring::KeyRing;

/// Where mails go.
#[derive(Clone, Debug, Default)]
pub enum Mail {
    /// Nowhere: they wait until there is a server.
    #[default]
    Waits,
    /// Into the log: for development.
    Logged,
    /// To a server.
    Sent(Box<Mailer>),
}

/// What leaves the gateway for people.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// The keys that seal secrets at rest. Without any, nothing that holds a secret is told.
    pub keys: Arc<KeyRing>,
    /// The texts.
    pub renderer: Arc<Renderer>,
    /// The mail server.
    pub mail: Mail,
    /// What sends webhooks; they fail without.
    pub webhooks: Option<WebhookSender>,
}
