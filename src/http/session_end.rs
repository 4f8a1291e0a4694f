//! The end of what lasts: a connection or a stream is looked at again when its caller may have become somebody else.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::broadcast::error::RecvError;

use super::graphql::EndsEarly;
use crate::auth::{Viewer, lapse};
use crate::domain::clock::Clock;
use crate::store::{Changed, ChangedKind, Notice, Store, StoreError};

/// Ends what lasts when its caller is no longer who opened it: a membership that they had has ended or was suspended, their
/// key was revoked, they were signed out everywhere, or there is no organization left that takes their session as it is. What
/// one organization asks ends what follows that one alone (`graphql/subscriptions/ear.rs`), and nothing of another's. First
/// the ear, then the look: nothing falls between.
pub(super) fn ends_early(store: &Store, clock: &Arc<dyn Clock>, viewer: &Viewer) -> EndsEarly {
    let (store, clock, viewer) = (store.clone(), Arc::clone(clock), viewer.clone());
    EndsEarly::new(move || {
        let (store, clock, viewer) = (store.clone(), Arc::clone(&clock), viewer.clone());
        let mut notices = store.changes();
        Box::pin(async move {
            loop {
                let lapses_at = match look_again(&store, clock.as_ref(), &viewer).await {
                    Ok(Outlook::Ended) => return,
                    Ok(Outlook::Lasts { lapses_at }) => lapses_at,
                    // It is asked again at the next notice; each operation asks for itself anyway.
                    Err(error) => {
                        tracing::warn!(%error, "whether a session has ended could not be found out");
                        None
                    }
                };
                let lapses = lapse(lapses_at, clock.as_ref());
                tokio::pin!(lapses);
                loop {
                    let notice = tokio::select! {
                        () = &mut lapses => break,
                        notice = notices.recv() => notice,
                    };
                    match notice {
                        Ok(Notice::Changed(changed)) if !is_about(&changed, &viewer) => {}
                        Ok(Notice::Changed(_) | Notice::Missed) | Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => std::future::pending().await,
                    }
                }
            }
        })
    })
}

fn is_about(changed: &Changed, viewer: &Viewer) -> bool {
    match changed.kind {
        ChangedKind::Membership => viewer.holder_id().is_some_and(|id| id.0 == changed.id),
        ChangedKind::ApiKey => viewer.key_id().is_some_and(|id| id.0 == changed.id),
        ChangedKind::SecuritySettings => viewer.organizations().any(|id| id.0 == changed.id),
        _ => false,
    }
}

/// What became of whoever opened something that lasts.
enum Outlook {
    /// They are no longer who they were.
    Ended,
    /// They are, until then at most.
    Lasts { lapses_at: Option<DateTime<Utc>> },
}

/// Whether the viewer has lost a membership, the key, or the session that they had.
async fn look_again(store: &Store, clock: &dyn Clock, viewer: &Viewer) -> Result<Outlook, StoreError> {
    let lasts = |is_so: bool, lapses_at| if is_so { Outlook::Lasts { lapses_at } } else { Outlook::Ended };
    let now = clock.now();
    if let Some(id) = viewer.key_id() {
        let address = viewer.actor().ip_address.as_deref().and_then(|it| it.parse().ok());
        let found = store.find_key(id).await?;
        let counts = found.is_some_and(|it| {
            it.key.revoked_at.is_none()
                && it.grant.is_some()
                // One with another secret is opened anew: with the secret before, while that counts.
                && viewer.key().is_some_and(|known| known.prefix == it.key.prefix)
                && it.security.key_bar(&it.key, address, now).is_none()
        });
        return Ok(lasts(counts, None));
    }
    let (Some(user), Some(session)) = (viewer.user(), viewer.session()) else {
        return Ok(lasts(true, None));
    };
    let Some(mut found) = store.find_principal(&user.issuer, &user.subject, session).await? else {
        return Ok(Outlook::Ended);
    };
    if found.bar(session).is_some() {
        return Ok(Outlook::Ended);
    }
    // The token says whether its holder works for the platform.
    found.user.is_platform_staff = user.is_platform_staff;
    let again = Viewer::signed_in(found.user, None, found.grants, viewer.actor().clone()).in_session(
        session.clone(),
        &found.standings,
        now,
    );
    let are_members = viewer.organizations().all(|id| again.role_in(id).is_some());
    // Where they were kept out from the beginning nothing was opened.
    let are_let_in = !viewer.acts_anywhere() || again.acts_anywhere();
    Ok(lasts(are_members && are_let_in, again.lapses_first()))
}
