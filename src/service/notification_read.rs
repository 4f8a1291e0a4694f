//! What people read in the application: told in their language, and marked as read.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::notification_recipients::{reader_of, reader_who};
use crate::delivery::{Telling, Text};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{NotificationId, OrganizationId, UserId};
use crate::domain::notification::{Notification, Reader};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::user::User;

/// What is asked for of how texts are written, where anything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedReader {
    /// The locale, a BCP 47 tag.
    pub locale: Option<String>,
    /// The time zone, by its IANA name.
    pub time_zone: Option<String>,
}

/// A notification to be marked.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NotificationMarkInput {
    /// Which.
    pub notification_id: NotificationId,
    /// As read, or as not read.
    pub is_read: bool,
}

/// Whose notifications are to be marked as read.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NotificationsMarkAllInput {
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// Whose.
    pub user_id: UserId,
    /// What they hold now: no part of what is asked.
    #[serde(skip)]
    pub permissions: Permissions,
    /// Those that were made until then; all so far when nothing is said.
    pub until: Option<DateTime<Utc>>,
}

impl Service {
    /// Notifications of one organization as their reader reads them: in the language and on the clock that are asked for, that
    /// their identity provider tells, or that the organization has.
    pub async fn tell_notifications(
        &self,
        organization: OrganizationId,
        rows: &[Notification],
        person: Option<&User>,
        wanted: &WantedReader,
    ) -> Result<Vec<Text>, ServiceError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.store.find_organization(organization).await?;
        let name = found.ok_or(ServiceError::NotFound("organization"))?.name;
        let settings =
            self.store.settings_of(&[organization]).await?.remove(&organization).unwrap_or_default();
        let usual = reader_of(&settings);
        let reader = person.map_or_else(|| usual.clone(), |person| reader_who(person, &usual));
        let reader = Reader {
            locale: wanted.locale.clone().unwrap_or(reader.locale),
            time_zone: wanted.time_zone.clone().unwrap_or(reader.time_zone),
        };
        let tell = |row: &Notification| {
            self.outgoing.renderer.tell(Telling {
                fact: &row.fact,
                organization_id: organization,
                organization: &name,
                secret: None,
                reader: &reader,
            })
        };
        Ok(rows.iter().map(tell).collect())
    }

    /// Marks one of the caller's notifications that they may still read.
    pub async fn mark_notification(
        &self,
        actor: &Actor,
        input: NotificationMarkInput,
        sees: &(dyn Fn(OrganizationId, Permission) -> bool + Send + Sync),
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let found = self.store.notifications(&[input.notification_id]).await?.pop();
                // Another person's does not exist for the caller, whatever their role.
                let found = found.filter(|it| {
                    Some(it.user_id) == actor.user_id && sees(it.organization_id, it.fact.permission())
                });
                let Some(old) = found else {
                    let message = "There is no such notification of yours.";
                    return Err(Refusal::at("notificationId", ErrorCode::NotFound, message).into());
                };
                let transaction = self.store.begin().await?;
                if !transaction.mark_notification(&old, input.is_read).await? {
                    let message = if input.is_read { "It was read already." } else { "It was not read yet." };
                    return Err(Refusal::conflict(message).into());
                }
                let action = if input.is_read { "notification.read" } else { "notification.unread" };
                let read_at = input.is_read.then_some(transaction.now());
                let entry = AuditEntry::new(Some(old.organization_id), action, "notification", old.id)
                    .changed(
                        &serde_json::json!({ "readAt": old.read_at }),
                        &serde_json::json!({ "readAt": read_at }),
                    );
                Answer::of(Resource::Notification(old.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Marks all of the caller's notifications of an organization as read.
    pub async fn mark_notifications_read(
        &self,
        actor: &Actor,
        input: NotificationsMarkAllInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let transaction = self.store.begin().await?;
                let until = input.until.unwrap_or(transaction.now());
                let (user, permissions) = (input.user_id, input.permissions);
                let marked =
                    transaction.mark_notifications_read(organization, user, permissions, until).await?;
                let entry = AuditEntry::new(
                    Some(organization),
                    "notification.read_all",
                    "organization",
                    organization,
                )
                .created(serde_json::json!({ "until": until, "marked": marked }));
                Answer::of(Resource::Replay { events: marked })
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }
}
