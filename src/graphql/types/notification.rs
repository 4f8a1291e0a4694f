//! What people read in the application.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::service;
use super::super::error::failed;
use super::super::node::NodeKind;
use super::enums;
use crate::delivery::Text;
use crate::domain;
use crate::domain::ids::OrganizationId;
use crate::domain::notification::Subject;

/// Something that happened, as one person reads it in the application.
#[derive(Clone)]
pub struct Notification {
    row: domain::notification::Notification,
    text: Text,
}

impl Notification {
    /// Rows of one organization, told.
    pub async fn told(
        ctx: &Context<'_>,
        organization: OrganizationId,
        rows: Vec<domain::notification::Notification>,
        locale: Option<&str>,
    ) -> Result<Vec<Self>> {
        let texts = service(ctx).tell_notifications(organization, &rows, locale).await;
        let texts = texts.map_err(|error| failed(ctx, error))?;
        Ok(rows.into_iter().zip(texts).map(|(row, text)| Self { row, text }).collect())
    }

    /// Where it stands in a list.
    pub const fn place(&self) -> domain::page::Place {
        self.row.place()
    }
}

/// The type of a fact's row.
pub const fn kind_of(subject: Subject) -> NodeKind {
    match subject {
        Subject::Subscription => NodeKind::Subscription,
        Subject::PaymentMethod => NodeKind::PaymentMethod,
        Subject::Invoice => NodeKind::Invoice,
        Subject::Payment => NodeKind::Payment,
        Subject::Dispute => NodeKind::Dispute,
        Subject::UsageNotice => NodeKind::UsageNotice,
        Subject::Member => NodeKind::Member,
        Subject::Invitation => NodeKind::Invitation,
        Subject::ApiKey => NodeKind::ApiKey,
        Subject::WebhookEndpoint => NodeKind::WebhookEndpoint,
    }
}

/// Something that happened, as one person reads it in the application.
#[Object]
impl Notification {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Notification.encode(self.row.id.0)
    }

    /// What happened; null for what the gateway tells of itself.
    async fn event(&self) -> Option<enums::NotificationEvent> {
        self.row.fact.event().map(Into::into)
    }

    /// In a few words, in the language that was asked for.
    async fn title(&self) -> &str {
        &self.text.title
    }

    /// In a few sentences, paragraphs parted by an empty line.
    async fn body(&self) -> &str {
        &self.text.body
    }

    /// The id of what it happened to, for `node`; null where there is no such thing. It may be gone by now.
    async fn subject_id(&self) -> Option<ID> {
        self.row.fact.about().map(|(subject, id)| kind_of(subject).encode(id))
    }

    /// Where the front end shows more; null when the gateway does not know where it is.
    async fn url(&self) -> Option<&str> {
        self.text.action.as_ref().map(|(_, url)| url.as_str())
    }

    /// When it was read, in UTC; null when it was not.
    async fn read_at(&self) -> Option<DateTime<Utc>> {
        self.row.read_at
    }

    /// When it was made, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }
}
