//! What a follower of an organization hears: which rows to read again, each once however often it was written while the
//! follower was busy; and when to ask again whether it may follow.

use std::collections::VecDeque;

use async_graphql::{Context, Error};
use chrono::{DateTime, Utc};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use uuid::Uuid;

use super::super::context::{authorize_viewer_in, fresh_viewer, service, viewer};
use super::super::error::{coded, internal};
use crate::auth::{Viewer, lapse};
use crate::domain::clock::Clock;
use crate::domain::ids::OrganizationId;
use crate::domain::permission::Permissions;
use crate::service::ErrorCode;
use crate::store::{Changed, ChangedKind, Notice};

/// Why nothing more is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deaf {
    /// Notices came faster than they were taken: nobody knows what changed.
    Behind,
    /// Notices were lost on their way, while the database was away: nobody knows what changed.
    Lost,
    /// The server is stopping.
    Stopping,
}

impl From<Deaf> for Error {
    fn from(deaf: Deaf) -> Self {
        match deaf {
            Deaf::Behind => coded(
                ErrorCode::RateLimited,
                "This stream fell behind, and changes were missed. Read again what you follow, and follow it anew.",
            ),
            Deaf::Lost => coded(
                ErrorCode::Internal,
                "Changes were missed while the database was away. Read again what you follow, and follow it anew.",
            ),
            Deaf::Stopping => {
                coded(ErrorCode::Internal, "The server is stopping. Connect again and follow on.")
            }
        }
    }
}

/// What is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// This row was written.
    Row(Uuid),
    /// Whether the follower may follow on is to be asked: their membership, what the organization asks of sessions, or its
    /// end by itself.
    Rights,
}

/// Whether a notice is about what somebody may do in an organization.
pub(super) fn is_about_rights(changed: &Changed, organization: OrganizationId, viewer: &Viewer) -> bool {
    match changed.kind {
        ChangedKind::Membership => viewer.holder_id().is_some_and(|id| id.0 == changed.id),
        ChangedKind::SecuritySettings => changed.id == organization.0,
        _ => false,
    }
}

/// Listens for the rows of some kinds of one organization, and for what its follower may do there.
pub(super) struct Ear<'a> {
    organization: OrganizationId,
    viewer: &'a Viewer,
    clock: &'a dyn Clock,
    kinds: &'static [ChangedKind],
    notices: Receiver<Notice>,
    waiting: VecDeque<Uuid>,
    /// Whether their rights may be others.
    is_doubtful: bool,
    /// When their session ends by itself, as far as is known.
    lapses_at: Option<DateTime<Utc>>,
}

impl<'a> Ear<'a> {
    pub(super) fn new(
        organization: OrganizationId,
        viewer: &'a Viewer,
        clock: &'a dyn Clock,
        kinds: &'static [ChangedKind],
        notices: Receiver<Notice>,
    ) -> Self {
        Self {
            organization,
            viewer,
            clock,
            kinds,
            notices,
            waiting: VecDeque::new(),
            is_doubtful: false,
            lapses_at: viewer.lapses_in(organization),
        }
    }

    fn is_ours(&self, changed: &Changed) -> bool {
        // What belongs to no organization counts for all of them.
        changed.organization_id.is_none_or(|id| id == self.organization) && self.kinds.contains(&changed.kind)
    }

    /// Takes a notice. It is bounded: what waits is what the channel held, at most.
    fn take(&mut self, notice: Notice) -> Result<(), Deaf> {
        match notice {
            Notice::Missed => Err(Deaf::Lost),
            Notice::Changed(changed) => {
                self.is_doubtful |= is_about_rights(&changed, self.organization, self.viewer);
                if self.is_ours(&changed) && !self.waiting.contains(&changed.id) {
                    self.waiting.push_back(changed.id);
                }
                Ok(())
            }
        }
    }

    /// Waits until there is something to do, and takes everything that was told meanwhile.
    async fn fill(&mut self) -> Result<(), Deaf> {
        while self.waiting.is_empty() && !self.is_doubtful {
            let notice = tokio::select! {
                notice = self.notices.recv() => notice,
                () = lapse(self.lapses_at, self.clock) => {
                    self.is_doubtful = true;
                    break;
                }
            };
            match notice {
                Ok(notice) => self.take(notice)?,
                Err(RecvError::Lagged(_)) => return Err(Deaf::Behind),
                Err(RecvError::Closed) => return Err(Deaf::Stopping),
            }
        }
        loop {
            match self.notices.try_recv() {
                Ok(notice) => self.take(notice)?,
                Err(TryRecvError::Lagged(_)) => return Err(Deaf::Behind),
                // Its end is met when nothing waits any more.
                Err(TryRecvError::Empty | TryRecvError::Closed) => return Ok(()),
            }
        }
    }

    /// What is to be done next: a row that was written, or to ask again for the right to see it.
    pub(super) async fn next(&mut self) -> Result<Heard, Deaf> {
        if self.waiting.is_empty() && !self.is_doubtful {
            self.fill().await?;
        }
        if std::mem::take(&mut self.is_doubtful) {
            return Ok(Heard::Rights);
        }
        Ok(Heard::Row(self.waiting.pop_front().expect("it was just filled")))
    }

    /// Waits until anything was told, whatever it is. Whoever reads everything again then has missed nothing.
    pub(super) async fn any(&mut self) -> Result<(), Deaf> {
        match self.fill().await {
            Ok(()) | Err(Deaf::Lost) => {}
            Err(deaf) => return Err(deaf),
        }
        self.waiting.clear();
        self.is_doubtful = false;
        Ok(())
    }

    /// Asks the policy again, with the roles of this moment: whoever lost the right to look sees nothing more.
    pub(super) async fn check(&mut self, ctx: &Context<'_>) -> Result<(), Error> {
        let fresh = fresh_viewer(ctx).await.map_err(|error| internal(ctx, &error))?;
        authorize_viewer_in(ctx, &fresh, "Live", self.organization, "organization")?;
        check_rights_kept(self.viewer, &fresh, self.organization)?;
        self.lapses_at = fresh.lapses_in(self.organization);
        Ok(())
    }
}

/// The ear of whoever is calling.
pub(super) fn ear_of<'a>(
    ctx: &Context<'a>,
    organization: OrganizationId,
    kinds: &'static [ChangedKind],
    notices: Receiver<Notice>,
) -> Ear<'a> {
    Ear::new(organization, viewer(ctx), service(ctx).clock(), kinds, notices)
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
    use chrono::TimeDelta;
    use tokio::sync::broadcast;

    use super::*;
    use crate::domain::audit::Actor;
    use crate::domain::clock::SystemClock;
    use crate::domain::ids::UserId;
    use crate::domain::membership::Role;
    use crate::domain::role::Grant;
    use crate::domain::security_settings::{SecuritySettings, Standing};
    use crate::domain::session::Session;
    use crate::domain::user::User;

    const OURS: OrganizationId = OrganizationId(Uuid::from_u128(1));

    fn changed(organization: Option<OrganizationId>, kind: ChangedKind, id: u128) -> Notice {
        Notice::Changed(Changed { organization_id: organization, kind, id: Uuid::from_u128(id) })
    }

    /// Whoever follows: user 7, a member, whose session ends at `lapses_at` when it is bounded.
    fn follower(lapses_at: Option<DateTime<Utc>>) -> Viewer {
        let at = DateTime::UNIX_EPOCH;
        let user = User {
            id: UserId(Uuid::from_u128(7)),
            issuer: String::new(),
            subject: String::new(),
            email: None,
            name: None,
            locale: None,
            time_zone: None,
            is_platform_staff: false,
            told_at: None,
            created_at: at,
            updated_at: at,
        };
        let grants = [(OURS, Grant::of(Role::Owner))].into();
        let viewer = Viewer::signed_in(user, None, grants, Actor::system());
        let Some(lapses_at) = lapses_at else { return viewer };
        let session =
            Session { authenticated_at: Some(lapses_at - TimeDelta::minutes(5)), ..Session::default() };
        let security = SecuritySettings { session_lifetime_minutes: Some(5), ..SecuritySettings::default() };
        let standing = Standing { security, revoked_at: None, last_seen_at: None };
        viewer.in_session(session, &[(OURS, standing)].into(), lapses_at - TimeDelta::seconds(1))
    }

    fn ear(places: usize, viewer: &Viewer) -> (broadcast::Sender<Notice>, Ear<'_>) {
        let (sender, notices) = broadcast::channel(places);
        let kinds = &[ChangedKind::Invoice, ChangedKind::BillingPolicy];
        (sender, Ear::new(OURS, viewer, &SystemClock, kinds, notices))
    }

    #[tokio::test]
    async fn only_ours_is_heard_and_each_row_once() {
        let viewer = follower(None);
        let (sender, mut ear) = ear(16, &viewer);
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
                Ok(Heard::Row(id)) => heard.push(id.as_u128()),
                Ok(Heard::Rights) => panic!("nothing was told of rights"),
                Err(end) => break end,
            }
        };
        assert_eq!(heard, [12, 13, 14]);
        assert_eq!(end, Deaf::Stopping);
    }

    #[tokio::test]
    async fn who_falls_behind_is_told_so_and_nothing_is_kept_for_them() {
        let viewer = follower(None);
        let (sender, mut ear) = ear(4, &viewer);
        for id in 0..6 {
            sender.send(changed(Some(OURS), ChangedKind::Invoice, id)).expect("there is an ear");
        }
        assert_eq!(ear.next().await, Err(Deaf::Behind));
    }

    #[tokio::test]
    async fn what_was_lost_on_the_way_is_no_silence() {
        let viewer = follower(None);
        let (sender, mut ear) = ear(4, &viewer);
        sender.send(Notice::Missed).expect("there is an ear");
        assert_eq!(ear.next().await, Err(Deaf::Lost));
        // Whoever reads everything again anyway does so.
        sender.send(Notice::Missed).expect("there is an ear");
        assert_eq!(ear.any().await, Ok(()));
    }

    #[tokio::test]
    async fn what_a_follower_may_do_is_asked_again_when_it_may_be_otherwise() {
        let viewer = follower(None);
        let (sender, mut ear) = ear(16, &viewer);
        let other = OrganizationId(Uuid::from_u128(2));
        for notice in [
            changed(Some(OURS), ChangedKind::Membership, 8),
            changed(Some(other), ChangedKind::SecuritySettings, 2),
            changed(Some(OURS), ChangedKind::Invoice, 12),
            changed(None, ChangedKind::Membership, 7),
            changed(Some(OURS), ChangedKind::SecuritySettings, 1),
        ] {
            sender.send(notice).expect("there is an ear");
        }
        assert_eq!(ear.next().await, Ok(Heard::Rights), "before any row is told");
        assert_eq!(ear.next().await, Ok(Heard::Row(Uuid::from_u128(12))));
        drop(sender);
        assert_eq!(ear.next().await, Err(Deaf::Stopping));
    }

    #[tokio::test]
    async fn the_end_of_a_session_by_itself_is_heard_without_a_notice() {
        let viewer = follower(Some(SystemClock.now() + TimeDelta::milliseconds(200)));
        let (_sender, mut ear) = ear(4, &viewer);
        assert_eq!(ear.next().await, Ok(Heard::Rights));
    }
}
