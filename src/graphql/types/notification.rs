//! What people read in the application.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::{service, viewer};
use super::super::error::{bad_input, failed};
use super::super::node::NodeKind;
use super::enums;
use crate::delivery::Text;
use crate::domain;
use crate::domain::general_settings;
use crate::domain::ids::OrganizationId;
use crate::domain::notification::Subject;
use crate::service::WantedReader;

/// Something that happened, as one person reads it in the application.
#[derive(Clone)]
pub struct Notification {
    row: domain::notification::Notification,
    text: Text,
}

impl Notification {
    /// The caller's rows of one organization, told.
    pub async fn told(
        ctx: &Context<'_>,
        organization: OrganizationId,
        rows: Vec<domain::notification::Notification>,
        wanted: &WantedReader,
    ) -> Result<Vec<Self>> {
        let person = viewer(ctx).user();
        let texts = service(ctx).tell_notifications(organization, &rows, person, wanted).await;
        let texts = texts.map_err(|error| failed(ctx, error))?;
        Ok(rows.into_iter().zip(texts).map(|(row, text)| Self { row, text }).collect())
    }

    /// Where it stands in a list.
    pub const fn place(&self) -> domain::page::Place {
        self.row.place()
    }
}

/// How a caller wants texts to be written. A time zone that there is not would tell wrong times: it is refused, while a language
/// without texts is told in English.
pub fn wanted(locale: Option<String>, time_zone: Option<&str>) -> Result<WantedReader> {
    let zone = time_zone.map(general_settings::zone).transpose();
    let time_zone = zone.map_err(|error| bad_input(format!("timeZone: {error}")))?;
    Ok(WantedReader { locale, time_zone })
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
        Subject::Role => NodeKind::CustomRole,
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
