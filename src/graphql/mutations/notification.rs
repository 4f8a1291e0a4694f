//! Notifications: marked as read.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::{authorize, authorize_in, caller_key, service, store, viewer};
use super::super::error::store as store_error;
use super::super::node::NodeKind;
use super::super::queries::{notification_reader, unread_notifications};
use super::super::scalars::optional_moment;
use super::super::types::{Notification, UserError};
use super::{Parts, answered};
use crate::domain::ids::{NotificationId, OrganizationId};
use crate::service::{self, Resource, WantedReader};

/// A notification to be marked.
#[derive(InputObject)]
pub struct NotificationMarkReadInput {
    /// One of the caller's.
    notification_id: ID,
    /// As read, or with false as not read.
    #[graphql(default = true)]
    is_read: bool,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The marked notification.
#[derive(SimpleObject)]
pub struct NotificationMarkReadPayload {
    /// The notification as it is now; null when it was refused.
    notification: Option<Notification>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// Notifications to be marked as read.
#[derive(InputObject)]
pub struct NotificationsMarkAllReadInput {
    /// Of which organization.
    organization_id: ID,
    /// Those that were made until then, in UTC: the time of the newest one that was shown. All so far when left out.
    until: Option<DateTime<Utc>>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// What was marked.
#[derive(SimpleObject)]
pub struct NotificationsMarkAllReadPayload {
    /// How many were not read before; null when it was refused.
    marked_count: Option<u64>,
    /// How many are not read now.
    unread_count: u64,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct NotificationMutation;

#[Object]
impl NotificationMutation {
    /// Marks one of the caller's notifications as read, or as not read.
    async fn notification_mark_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which notification.")] input: NotificationMarkReadInput,
    ) -> Result<NotificationMarkReadPayload> {
        authorize(ctx, "Mutation")?;
        let id = NodeKind::Notification.decode("input.notificationId", &input.notification_id)?;
        let key = caller_key(ctx, "notificationMarkRead", None, input.idempotency_key);
        let mark =
            service::NotificationMarkInput { notification_id: NotificationId(id), is_read: input.is_read };
        let caller = viewer(ctx);
        let sees = |organization, permission| caller.holds(permission, organization);
        let answer = service(ctx).mark_notification(caller.actor(), mark, &sees, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let notification = match parts.resource {
            Some(Resource::Notification(id)) => {
                let rows = store(ctx).notifications(&[id]).await.map_err(store_error(ctx))?;
                match rows.first().map(|row| row.organization_id) {
                    Some(organization) => {
                        let usual = WantedReader::default();
                        Notification::told(ctx, organization, rows, &usual).await?.pop()
                    }
                    None => None,
                }
            }
            _ => None,
        };
        Ok(NotificationMarkReadPayload { notification, user_errors: parts.user_errors })
    }

    /// Marks all of the caller's notifications of an organization as read.
    async fn notifications_mark_all_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones.")] input: NotificationsMarkAllReadInput,
    ) -> Result<NotificationsMarkAllReadPayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let key = caller_key(ctx, "notificationsMarkAllRead", Some(organization_id), input.idempotency_key);
        let mark = service::NotificationsMarkAllInput {
            organization_id,
            user_id: notification_reader(ctx)?,
            permissions: viewer(ctx).holdings(organization_id),
            until: optional_moment("input.until", input.until)?,
        };
        let answer = service(ctx).mark_notifications_read(viewer(ctx).actor(), mark, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let marked_count = match parts.resource {
            Some(Resource::Replay { events }) => Some(events),
            _ => None,
        };
        let unread_count = unread_notifications(ctx, organization_id).await?;
        Ok(NotificationsMarkAllReadPayload { marked_count, unread_count, user_errors: parts.user_errors })
    }
}
