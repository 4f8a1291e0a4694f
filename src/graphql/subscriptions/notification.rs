//! Notifications, as they come.

use async_graphql::{Context, ID, Result, Subscription};
use chrono::{DateTime, Utc};
use futures::Stream;
use futures::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::super::context::{authorize_viewer_in, fresh_viewer, service, store, viewer};
use super::super::error::{coded, internal, store as store_error};
use super::super::node::NodeKind;
use super::super::queries::notification_reader;
use super::super::types::Notification;
use crate::domain;
use crate::domain::ids::{NotificationId, OrganizationId, UserId};
use crate::domain::page::PageRequest;
use crate::service::ErrorCode;
use crate::store::{ChangedKind, Notice, NotificationFilter};

/// What is looked at when notices may have been lost. Whoever missed more reads the list.
const LOOK_BACK: u32 = 50;

#[derive(Default)]
pub struct NotificationSubscription;

/// Where a follower stands.
struct Follower<'a, 'b> {
    ctx: &'a Context<'b>,
    organization: OrganizationId,
    person: UserId,
    locale: Option<String>,
    notices: Receiver<Notice>,
    /// What is to be told, the oldest last.
    waiting: Vec<domain::notification::Notification>,
    /// Nothing that was made before is told.
    since: DateTime<Utc>,
    /// What was told of this moment or later.
    told: Vec<NotificationId>,
    is_over: bool,
}

#[Subscription]
impl NotificationSubscription {
    /// The caller's notifications of an organization from now on, each once. Whoever loses the right to see them is told so,
    /// and the stream ends.
    async fn notification_added<'a>(
        &self,
        ctx: &'a Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(
            desc = "The language of the texts, a BCP 47 tag such as `zh-CN`; the organization's when nothing is said."
        )]
        locale: Option<String>,
    ) -> Result<impl Stream<Item = Result<Notification>> + 'a> {
        let organization = OrganizationId(NodeKind::Organization.decode("organizationId", &organization_id)?);
        let notices = store(ctx).changes();
        authorize_viewer_in(ctx, viewer(ctx), "Live", organization, "organization")?;
        let follower = Follower {
            ctx,
            organization,
            person: notification_reader(ctx)?,
            locale,
            notices,
            waiting: Vec::new(),
            since: service(ctx).clock().now(),
            told: Vec::new(),
            is_over: false,
        };
        Ok(stream::unfold(follower, Follower::step))
    }
}

impl Follower<'_, '_> {
    async fn step(mut self) -> Option<(Result<Notification>, Self)> {
        if self.is_over {
            return None;
        }
        let next = self.next().await;
        self.is_over = next.is_err();
        Some((next, self))
    }

    async fn next(&mut self) -> Result<Notification> {
        loop {
            if let Some(row) = self.waiting.pop() {
                self.told.push(row.id);
                if self.told.len() > 2 * LOOK_BACK as usize {
                    self.told.drain(..LOOK_BACK as usize);
                }
                let locale = self.locale.as_deref();
                let told = Notification::told(self.ctx, self.organization, vec![row], locale).await?;
                if let Some(told) = told.into_iter().next() {
                    return Ok(told);
                }
            }
            let id = match self.notices.recv().await {
                Ok(Notice::Changed(changed))
                    if changed.kind == ChangedKind::Notification
                        && changed.organization_id == Some(self.organization) =>
                {
                    Some(NotificationId(changed.id))
                }
                Ok(Notice::Changed(_)) => continue,
                Ok(Notice::Missed) | Err(RecvError::Lagged(_)) => None,
                Err(RecvError::Closed) => {
                    let message = "The server is stopping. Connect again, and read the list first.";
                    return Err(coded(ErrorCode::Internal, message));
                }
            };
            let viewer = fresh_viewer(self.ctx).await.map_err(|error| internal(self.ctx, &error))?;
            authorize_viewer_in(self.ctx, &viewer, "Live", self.organization, "organization")?;
            self.look(id).await?;
        }
    }

    /// Takes what is new: the one that a notice names, or whatever may have been missed.
    async fn look(&mut self, id: Option<NotificationId>) -> Result<()> {
        let store = store(self.ctx);
        // What a notice names is new, whatever the clock of who made it says.
        let since = if id.is_some() { DateTime::<Utc>::MIN_UTC } else { self.since };
        let rows = match id {
            Some(id) => store.notifications(&[id]).await.map_err(store_error(self.ctx))?,
            None => {
                let filter = NotificationFilter {
                    organization_id: self.organization,
                    user_id: self.person,
                    is_unread: false,
                };
                let page = PageRequest::first(LOOK_BACK);
                store.list_notifications(&filter, &page).await.map_err(store_error(self.ctx))?.items
            }
        };
        self.waiting = rows
            .into_iter()
            .filter(|row| {
                row.user_id == self.person
                    && row.organization_id == self.organization
                    && row.created_at >= since
                    && !self.told.contains(&row.id)
            })
            .collect();
        Ok(())
    }
}
