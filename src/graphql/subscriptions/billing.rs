//! Operations, followed until they are settled.

use async_graphql::{Context, Error, ID, Result, Subscription};
use chrono::{DateTime, Utc};
use futures::Stream;
use futures::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::super::context::{fresh_viewer, service, store, viewer};
use super::super::error::{coded, internal, store as store_error};
use super::super::node::NodeKind;
use super::super::queries::permitted_operation;
use super::super::types::BillingOperation;
use super::ear::{check_rights_kept, is_about_rights};
use crate::auth::lapse;
use crate::domain;
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::BillingOperationId;
use crate::service::ErrorCode;
use crate::store::{Changed, ChangedKind, Notice};

#[derive(Default)]
pub struct BillingSubscription;

/// Where a follower stands.
struct Follower<'a, 'b> {
    ctx: &'a Context<'b>,
    id: BillingOperationId,
    notices: Receiver<Notice>,
    /// When the session of whoever follows ends by itself, as far as is known.
    lapses_at: Option<DateTime<Utc>>,
    next: Next,
}

enum Next {
    /// Tell this, then wait.
    Tell(Box<domain::billing_operation::BillingOperation>),
    /// Wait for a state that differs from this one.
    Wait(Box<domain::billing_operation::BillingOperation>),
    End,
}

#[Subscription]
impl BillingSubscription {
    /// A billing operation: as it stands, and each time it moves, until it is CONFIRMED or FAILED. One that waits for the
    /// cardholder (REQUIRES_ACTION) is followed on. Whoever loses the right to see it is told so, and the stream ends.
    async fn billing_operation<'a>(
        &self,
        ctx: &'a Context<'_>,
        #[graphql(desc = "The operation's id.")] id: ID,
    ) -> Result<impl Stream<Item = Result<BillingOperation>> + 'a> {
        let id = BillingOperationId(NodeKind::BillingOperation.decode("id", &id)?);
        // First the ear, then the look: nothing falls between.
        let notices = store(ctx).changes();
        let row = store(ctx).operations(&[id]).await.map_err(store_error(ctx))?.pop();
        let row = permitted_operation(ctx, viewer(ctx), "Live", row)?;
        let lapses_at = row.organization_id.and_then(|id| viewer(ctx).lapses_in(id));
        let follower = Follower { ctx, id, notices, lapses_at, next: Next::Tell(Box::new(row)) };
        Ok(stream::unfold(follower, Follower::step))
    }
}

impl Follower<'_, '_> {
    async fn step(mut self) -> Option<(Result<BillingOperation>, Self)> {
        match std::mem::replace(&mut self.next, Next::End) {
            Next::End => None,
            Next::Tell(row) => Some(self.tell(*row)),
            Next::Wait(known) => match self.next_state(&known).await {
                Ok(row) => Some(self.tell(row)),
                Err(error) => Some((Err(error), self)),
            },
        }
    }

    fn tell(mut self, row: domain::billing_operation::BillingOperation) -> (Result<BillingOperation>, Self) {
        if !matches!(row.state, OperationState::Confirmed | OperationState::Failed) {
            self.next = Next::Wait(Box::new(row.clone()));
        }
        (Ok(BillingOperation(row)), self)
    }

    /// Waits until the operation differs from what is known, and its viewer may still see it.
    async fn next_state(
        &mut self,
        known: &domain::billing_operation::BillingOperation,
    ) -> Result<domain::billing_operation::BillingOperation, Error> {
        let caller = viewer(self.ctx);
        let is_of_ours = |changed: &Changed| {
            changed.kind == ChangedKind::BillingOperation && changed.id == self.id.0
                || known.organization_id.is_some_and(|id| is_about_rights(changed, id, caller))
        };
        loop {
            let notice = tokio::select! {
                notice = self.notices.recv() => notice,
                // Its end by itself is written nowhere.
                () = lapse(self.lapses_at, service(self.ctx).clock()) => Ok(Notice::Missed),
            };
            match notice {
                Ok(Notice::Changed(changed)) if !is_of_ours(&changed) => continue,
                // What was missed may have been ours: read again.
                Ok(Notice::Changed(_) | Notice::Missed) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => {
                    return Err(coded(
                        ErrorCode::Internal,
                        "The server is stopping. Connect again and follow on.",
                    ));
                }
            }
            let store = service(self.ctx).store();
            let fresh = fresh_viewer(self.ctx).await.map_err(|error| internal(self.ctx, &error))?;
            let row = store.operations(&[self.id]).await.map_err(store_error(self.ctx))?.pop();
            let row = permitted_operation(self.ctx, &fresh, "Live", row)?;
            if let Some(organization) = row.organization_id {
                check_rights_kept(caller, &fresh, organization)?;
                self.lapses_at = fresh.lapses_in(organization);
            }
            if row != *known {
                return Ok(row);
            }
        }
    }
}
