//! Mails that were sent, or are to be.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use super::enums;
use super::notification::kind_of;
use crate::domain;
use crate::domain::notification::EmailState;

/// A mail to one address, with what came of it. Its text is not kept.
#[derive(Clone)]
pub struct EmailDelivery(pub domain::notification::EmailDelivery);

/// A mail to one address, with what came of it. Its text is not kept.
#[Object]
impl EmailDelivery {
    /// What happened; null for what the gateway tells of itself.
    async fn event(&self) -> Option<enums::NotificationEvent> {
        self.0.fact.event().map(Into::into)
    }

    /// The id of what it happened to; null where there is no such thing.
    async fn subject_id(&self) -> Option<ID> {
        self.0.fact.about().map(|(subject, id)| kind_of(subject).encode(id))
    }

    /// The address.
    async fn recipient(&self) -> &str {
        &self.0.recipient
    }

    /// What became of it.
    async fn state(&self) -> enums::EmailDeliveryState {
        self.0.state.into()
    }

    /// How often it was tried.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// When it is tried next, in UTC; null when it is not.
    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        Some(self.0.next_attempt_at).filter(|_| self.0.state == EmailState::Pending)
    }

    /// What the mail server said last, or why it was not reached; null when nothing went wrong.
    async fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it was made, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was sent, or given up, in UTC; null before.
    async fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }
}
