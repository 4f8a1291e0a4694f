//! The inbox of Stripe's events: stored before they are answered, claimed by workers of any number of processes.

use chrono::{DateTime, Duration, Utc};
use entity::stripe_event::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Order, Query, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryOrder,
};
use uuid::Uuid;

use super::error::known;
use super::page::{Keyset, ListOrder, page_of};
use super::transaction::was_inserted;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, StripeEventId};
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::stripe_event::{EventState, NewStripeEvent, StripeEvent};

/// What storing an event came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredEvent {
    /// It is new.
    New,
    /// It was here already: Stripe sends at least once.
    Known,
}

/// An event that a worker holds until its lease runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedEvent {
    /// The event.
    pub event: StripeEvent,
    /// Proves the claim: only its holder may mark the event.
    pub lease_token: Uuid,
}

fn stripe_event(row: Model) -> Result<StripeEvent, StoreError> {
    Ok(StripeEvent {
        id: StripeEventId(row.id),
        event: NewStripeEvent {
            account: row.account,
            livemode: row.livemode,
            event_id: row.event_id,
            event_type: row.event_type,
            api_version: row.api_version,
            object_id: row.object_id,
            stripe_created_at: row.stripe_created_at,
            payload: row.payload,
        },
        organization_id: row.organization_id.map(OrganizationId),
        state: known("stripe_events.state", &row.state, EventState::parse(&row.state))?,
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at,
        last_error: row.last_error,
        received_at: row.received_at,
        applied_at: row.applied_at,
    })
}

/// Waiting and due, or held by a worker whose lease ran out.
fn claimable(now: DateTime<Utc>) -> SimpleExpr {
    let due = Column::State.eq(EventState::Received.as_str()).and(Column::NextAttemptAt.lte(now));
    let abandoned = Column::State.eq(EventState::Processing.as_str()).and(Column::LeaseUntil.lt(now));
    due.or(abandoned)
}

impl Store {
    /// Stores an event, once. Not a change of the business: no audit record.
    pub async fn store_stripe_event(&self, event: &NewStripeEvent) -> Result<StoredEvent, StoreError> {
        let now = self.clock.now();
        let inserted = Entity::insert(ActiveModel {
            id: Set(self.ids.next()),
            account: Set(event.account.clone()),
            livemode: Set(event.livemode),
            event_id: Set(event.event_id.clone()),
            event_type: Set(event.event_type.clone()),
            api_version: Set(event.api_version.clone()),
            object_id: Set(event.object_id.clone()),
            organization_id: Set(None),
            stripe_created_at: Set(event.stripe_created_at),
            payload: Set(event.payload.clone()),
            state: Set(EventState::Received.as_str().to_owned()),
            attempts: Set(0),
            next_attempt_at: Set(now),
            lease_until: Set(None),
            lease_token: Set(None),
            last_error: Set(None),
            received_at: Set(now),
            applied_at: Set(None),
        })
        .on_conflict(
            OnConflict::columns([Column::Account, Column::Livemode, Column::EventId]).do_nothing().to_owned(),
        )
        .try_insert()
        .exec_without_returning(&self.db)
        .await?;
        Ok(if was_inserted(&inserted) { StoredEvent::New } else { StoredEvent::Known })
    }

    /// Claims up to `limit` due events for `lease`. Two workers never get the same one: the claim is one conditional
    /// update, and the second finds the condition gone.
    pub async fn claim_stripe_events(
        &self,
        limit: u64,
        lease: Duration,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        let now = self.clock.now();
        let token = self.ids.next();
        let candidates = Query::select()
            .column(Column::Id)
            .from(Entity)
            .and_where(claimable(now))
            .order_by(Column::ReceivedAt, Order::Asc)
            .order_by(Column::Id, Order::Asc)
            .limit(limit)
            .to_owned();
        let claimed = Entity::update_many()
            .col_expr(Column::State, Expr::value(EventState::Processing.as_str()))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .col_expr(Column::LeaseToken, Expr::value(token))
            .col_expr(Column::LeaseUntil, Expr::value(now + lease))
            .filter(Column::Id.in_subquery(candidates))
            .filter(claimable(now))
            .exec(&self.db)
            .await?;
        if claimed.rows_affected == 0 {
            return Ok(Vec::new());
        }
        Entity::find()
            .filter(Column::LeaseToken.eq(token))
            .order_by_asc(Column::StripeCreatedAt)
            .order_by_asc(Column::ReceivedAt)
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await?
            .into_iter()
            .map(|row| Ok(ClaimedEvent { event: stripe_event(row)?, lease_token: token }))
            .collect()
    }

    /// Gives a claimed event back: to be tried again at `next_attempt_at`, or `None` for the dead letters.
    pub async fn give_back_stripe_event(
        &self,
        claimed: &ClaimedEvent,
        error: &str,
        next_attempt_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let state = if next_attempt_at.is_some() { EventState::Received } else { EventState::Dead };
        Entity::update_many()
            .col_expr(Column::State, Expr::value(state.as_str()))
            .col_expr(Column::NextAttemptAt, Expr::value(next_attempt_at.unwrap_or_else(|| self.clock.now())))
            .col_expr(Column::LastError, Expr::value(error.to_owned()))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
            .filter(Column::Id.eq(claimed.event.id.0))
            .filter(Column::LeaseToken.eq(claimed.lease_token))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Marks a claimed event as none of ours. Not a change of the business: no audit record.
    pub async fn ignore_stripe_event(&self, claimed: &ClaimedEvent, reason: &str) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::State, Expr::value(EventState::Ignored.as_str()))
            .col_expr(Column::LastError, Expr::value(reason.to_owned()))
            .col_expr(Column::AppliedAt, Expr::value(self.clock.now()))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
            .filter(Column::Id.eq(claimed.event.id.0))
            .filter(Column::LeaseToken.eq(claimed.lease_token))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// When the next event is due, if one waits.
    pub async fn next_stripe_event_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let select = Query::select()
            .expr_as(Expr::col(Column::NextAttemptAt).min(), Alias::new("due"))
            .from(Entity)
            .and_where(Column::State.eq(EventState::Received.as_str()))
            .to_owned();
        let row = self.db.query_one(&select).await?;
        Ok(row.map(|row| row.try_get("", "due")).transpose()?.flatten())
    }

    /// A page of the events in `state`, or of all, newest first.
    pub async fn list_stripe_events(
        &self,
        state: Option<EventState>,
        page: &PageRequest,
    ) -> Result<Page<StripeEvent>, StoreError> {
        let keyset = Keyset {
            at: Expr::col((Entity, Column::ReceivedAt)),
            id: Expr::col((Entity, Column::Id)),
            order: ListOrder::NewestFirst,
        };
        let mut select = Entity::find();
        if let Some(state) = state {
            select = select.filter(Column::State.eq(state.as_str()));
        }
        let mut select = sea_orm::QueryTrait::into_query(select);
        keyset.apply(&mut select, page);
        let rows = self.db.query_all(&select).await?;
        let events = rows
            .iter()
            .map(|row| stripe_event(Model::from_query_result(row, "")?))
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page_of(events, page))
    }

    /// How many events are in `state`, or in all.
    pub async fn count_stripe_events(&self, state: Option<EventState>) -> Result<u64, StoreError> {
        let mut select = Entity::find();
        if let Some(state) = state {
            select = select.filter(Column::State.eq(state.as_str()));
        }
        Ok(select.count(&self.db).await?)
    }
}

impl WriteTransaction {
    /// Marks a claimed event as applied, in the transaction of its effect. `Changed` when the lease was lost: somebody
    /// else applies it, and this effect must not be committed.
    pub async fn mark_event_applied(
        &self,
        claimed: &ClaimedEvent,
        organization: OrganizationId,
    ) -> Result<(), StoreError> {
        let marked = Entity::update_many()
            .col_expr(Column::State, Expr::value(EventState::Applied.as_str()))
            .col_expr(Column::OrganizationId, Expr::value(organization.0))
            .col_expr(Column::AppliedAt, Expr::value(self.now))
            .col_expr(Column::LastError, Expr::value(Option::<String>::None))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
            .filter(Column::Id.eq(claimed.event.id.0))
            .filter(Column::LeaseToken.eq(claimed.lease_token))
            .exec(&self.tx)
            .await?;
        if marked.rows_affected == 0 { Err(StoreError::Changed("event's lease")) } else { Ok(()) }
    }
}

impl StripeEvent {
    /// Where the event stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.received_at, id: self.id.0 }
    }
}
