//! Notifications, as they come.

use std::collections::HashMap;

use async_graphql::{Context, ID, Result, Subscription};
use chrono::{DateTime, TimeDelta, Utc};
use futures::Stream;
use futures::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::super::context::{authorize_viewer_in, fresh_viewer, service, store, viewer};
use super::super::error::{coded, internal, store as store_error};
use super::super::node::NodeKind;
use super::super::queries::notification_reader;
use super::super::types::{Notification, wanted};
use crate::domain;
use crate::domain::ids::{NotificationId, OrganizationId, UserId};
use crate::domain::page::PageRequest;
use crate::domain::permission::Permissions;
use crate::service::{ErrorCode, WantedReader};
use crate::store::{ChangedKind, Notice, NotificationFilter};

/// What is read at once.
const PAGE: u32 = 50;
/// Whoever missed more reads the list.
const MOST: usize = 1_000;
/// How much later than its time a row may show: the clocks of processes differ, and a row is written before its commit.
const LATE: TimeDelta = TimeDelta::minutes(5);

#[derive(Default)]
pub struct NotificationSubscription;

/// Where a follower stands.
struct Follower<'a, 'b> {
    ctx: &'a Context<'b>,
    organization: OrganizationId,
    person: UserId,
    wanted: WantedReader,
    notices: Receiver<Notice>,
    /// What is to be told, the oldest last.
    waiting: Vec<domain::notification::Notification>,
    /// What was made before is not looked at any more.
    floor: DateTime<Utc>,
    /// What was made since, and was told or was there before the follower.
    known: HashMap<NotificationId, DateTime<Utc>>,
    is_over: bool,
}

#[Subscription]
impl NotificationSubscription {
    /// The caller's notifications of an organization from now on, each once. Whoever loses the right to see them is told so,
    /// and the stream ends; so does one that more than a thousand wait for, with RATE_LIMITED: read the list, and follow anew.
    async fn notification_added<'a>(
        &self,
        ctx: &'a Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(
            desc = "The language of the texts and the form of amounts and times, a BCP 47 tag such as `zh-CN`; when nothing is said, the caller's, as their token tells it, or the organization's."
        )]
        locale: Option<String>,
        #[graphql(
            desc = "The time zone of times, a name of the IANA's database such as `Asia/Shanghai`; when nothing is said, the caller's, as their token tells it, or the organization's."
        )]
        time_zone: Option<String>,
    ) -> Result<impl Stream<Item = Result<Notification>> + 'a> {
        let organization = OrganizationId(NodeKind::Organization.decode("organizationId", &organization_id)?);
        let notices = store(ctx).changes();
        authorize_viewer_in(ctx, viewer(ctx), "Live", organization, "organization")?;
        let mut follower = Follower {
            ctx,
            organization,
            person: notification_reader(ctx)?,
            wanted: wanted(locale, time_zone.as_deref())?,
            notices,
            waiting: Vec::new(),
            floor: service(ctx).clock().now() - LATE,
            known: HashMap::new(),
            is_over: false,
        };
        let before = follower.read(viewer(ctx).holdings(organization)).await?;
        follower.known = before.iter().map(|row| (row.id, row.created_at)).collect();
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
                let told = Notification::told(self.ctx, self.organization, vec![row], &self.wanted).await?;
                if let Some(told) = told.into_iter().next() {
                    return Ok(told);
                }
            }
            match self.notices.recv().await {
                Ok(Notice::Changed(changed)) => {
                    let is_ours = changed.kind == ChangedKind::Notification
                        && changed.organization_id == Some(self.organization)
                        && changed.id == self.person.0;
                    if !is_ours {
                        continue;
                    }
                }
                Ok(Notice::Missed) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => {
                    let message = "The server is stopping. Connect again, and read the list first.";
                    return Err(coded(ErrorCode::Internal, message));
                }
            }
            let viewer = fresh_viewer(self.ctx).await.map_err(|error| internal(self.ctx, &error))?;
            authorize_viewer_in(self.ctx, &viewer, "Live", self.organization, "organization")?;
            self.look(viewer.holdings(self.organization)).await?;
        }
    }

    /// Takes what is new.
    async fn look(&mut self, permissions: Permissions) -> Result<()> {
        let rows = self.read(permissions).await?;
        if let Some(newest) = rows.first() {
            self.floor = self.floor.max(newest.created_at - LATE);
        }
        self.waiting = rows.into_iter().filter(|row| !self.known.contains_key(&row.id)).collect();
        self.known.extend(self.waiting.iter().map(|row| (row.id, row.created_at)));
        self.known.retain(|_, made_at| *made_at >= self.floor);
        Ok(())
    }

    /// All that was made since the floor, the newest first.
    async fn read(&self, permissions: Permissions) -> Result<Vec<domain::notification::Notification>> {
        let filter = NotificationFilter {
            organization_id: self.organization,
            user_id: self.person,
            permissions,
            is_unread: false,
        };
        let mut request = PageRequest::first(PAGE);
        let mut rows = Vec::new();
        loop {
            let page = store(self.ctx).list_notifications(&filter, &request).await;
            let page = page.map_err(store_error(self.ctx))?;
            request.after = page.items.last().map(domain::notification::Notification::place);
            let found = page.items.len();
            rows.extend(page.items.into_iter().filter(|row| row.created_at >= self.floor));
            let is_past = request.after.is_none_or(|place| place.at < self.floor);
            if is_past || !page.has_next || found == 0 {
                return Ok(rows);
            }
            if rows.len() > MOST {
                let message = "This stream fell behind. Read the list, and follow it anew.";
                return Err(coded(ErrorCode::RateLimited, message));
            }
        }
    }
}
