//! What a follower of an organization hears: which rows to read again, each once however often it was written while the
//! follower was busy.

use std::collections::VecDeque;

use async_graphql::{Context, Error};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use uuid::Uuid;

use super::super::context::{authorize_viewer_in, fresh_viewer, viewer};
use super::super::error::{coded, internal};
use crate::auth::Viewer;
use crate::domain::ids::OrganizationId;
use crate::domain::permission::Permissions;
use crate::service::ErrorCode;
use crate::store::{Changed, ChangedKind, Notice};

/// Why nothing more is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deaf {
    /// Notices came faster than they were taken, or were lost on their way: nobody knows what changed.
    Missed,
    /// The server is stopping.
    Stopping,
}

impl From<Deaf> for Error {
    fn from(deaf: Deaf) -> Self {
        match deaf {
            Deaf::Missed => coded(
                ErrorCode::RateLimited,
                "This stream fell behind, and changes were missed. Read again what you follow, and follow it anew.",
            ),
            Deaf::Stopping => {
                coded(ErrorCode::Internal, "The server is stopping. Connect again and follow on.")
            }
        }
    }
}

/// Listens for the rows of some kinds of one organization.
pub(super) struct Ear {
    organization: OrganizationId,
    kinds: &'static [ChangedKind],
    notices: Receiver<Notice>,
    waiting: VecDeque<Uuid>,
}

impl Ear {
    pub(super) fn new(
        organization: OrganizationId,
        kinds: &'static [ChangedKind],
        notices: Receiver<Notice>,
    ) -> Self {
        Self { organization, kinds, notices, waiting: VecDeque::new() }
    }

    fn is_ours(&self, changed: &Changed) -> bool {
        // What belongs to no organization counts for all of them.
        changed.organization_id.is_none_or(|id| id == self.organization) && self.kinds.contains(&changed.kind)
    }

    /// Takes a notice. It is bounded: what waits is what the channel held, at most.
    fn take(&mut self, notice: Notice) -> Result<(), Deaf> {
        match notice {
            Notice::Missed => Err(Deaf::Missed),
            Notice::Changed(changed) => {
                if self.is_ours(&changed) && !self.waiting.contains(&changed.id) {
                    self.waiting.push_back(changed.id);
                }
                Ok(())
            }
        }
    }

    /// Waits until something was written, and takes everything that was meanwhile.
    async fn fill(&mut self) -> Result<(), Deaf> {
        while self.waiting.is_empty() {
            match self.notices.recv().await {
                Ok(notice) => self.take(notice)?,
                Err(RecvError::Lagged(_)) => return Err(Deaf::Missed),
                Err(RecvError::Closed) => return Err(Deaf::Stopping),
            }
        }
        loop {
            match self.notices.try_recv() {
                Ok(notice) => self.take(notice)?,
                Err(TryRecvError::Lagged(_)) => return Err(Deaf::Missed),
                // Its end is met when nothing waits any more.
                Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(()),
            }
        }
    }

    /// The next row that was written.
    pub(super) async fn next(&mut self) -> Result<Uuid, Deaf> {
        if self.waiting.is_empty() {
            self.fill().await?;
        }
        Ok(self.waiting.pop_front().expect("it was just filled"))
    }

    /// Waits until anything was written, whatever it is.
    pub(super) async fn any(&mut self) -> Result<(), Deaf> {
        self.fill().await?;
        self.waiting.clear();
        Ok(())
    }
}

/// Asks the policy again, with the roles of this moment: whoever lost the right to look sees nothing more.
pub(super) async fn still_permitted(ctx: &Context<'_>, organization: OrganizationId) -> Result<(), Error> {
    let fresh = fresh_viewer(ctx).await.map_err(|error| internal(ctx, &error))?;
    authorize_viewer_in(ctx, &fresh, "Live", organization, "organization")?;
    check_rights_kept(viewer(ctx), &fresh, organization)
}

/// Ends a stream whose viewer lost anything that they held when it began: the fields below its own ask the viewer of that
/// time.
pub(super) fn check_rights_kept(
    before: &Viewer,
    now: &Viewer,
    organization: OrganizationId,
) -> Result<(), Error> {
    let lost = before.permissions_in(organization).beyond(now.permissions_in(organization));
    if lost == Permissions::NONE {
        return Ok(());
    }
    let message = format!("You do not hold {lost} any more. Follow it anew with what you hold.");
    Err(coded(ErrorCode::Forbidden, message))
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;

    use super::*;

    const OURS: OrganizationId = OrganizationId(Uuid::from_u128(1));

    fn changed(organization: Option<OrganizationId>, kind: ChangedKind, id: u128) -> Notice {
        Notice::Changed(Changed { organization_id: organization, kind, id: Uuid::from_u128(id) })
    }

    fn ear(places: usize) -> (broadcast::Sender<Notice>, Ear) {
        let (sender, notices) = broadcast::channel(places);
        (sender, Ear::new(OURS, &[ChangedKind::Invoice, ChangedKind::BillingPolicy], notices))
    }

    #[tokio::test]
    async fn only_ours_is_heard_and_each_row_once() {
        let (sender, mut ear) = ear(16);
        let other = OrganizationId(Uuid::from_u128(2));
        for notice in [
            changed(Some(other), ChangedKind::Invoice, 10),
            changed(Some(OURS), ChangedKind::Payment, 11),
            changed(Some(OURS), ChangedKind::Invoice, 12),
            changed(Some(OURS), ChangedKind::Invoice, 13),
            changed(Some(OURS), ChangedKind::Invoice, 12),
            changed(None, ChangedKind::BillingPolicy, 14),
        ] {
            sender.send(notice).expect("there is an ear");
        }
        drop(sender);
        let mut heard = Vec::new();
        let end = loop {
            match ear.next().await {
                Ok(id) => heard.push(id.as_u128()),
                Err(end) => break end,
            }
        };
        assert_eq!(heard, [12, 13, 14]);
        assert_eq!(end, Deaf::Stopping);
    }

    #[tokio::test]
    async fn who_falls_behind_is_told_so_and_nothing_is_kept_for_them() {
        let (sender, mut ear) = ear(4);
        for id in 0..6 {
            sender.send(changed(Some(OURS), ChangedKind::Invoice, id)).expect("there is an ear");
        }
        assert_eq!(ear.next().await, Err(Deaf::Missed));
    }

    #[tokio::test]
    async fn what_was_lost_on_the_way_is_no_silence() {
        let (sender, mut ear) = ear(4);
        sender.send(Notice::Missed).expect("there is an ear");
        assert_eq!(ear.any().await, Err(Deaf::Missed));
    }
}
