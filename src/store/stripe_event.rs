//! The inbox of Stripe's events: stored before they are answered, claimed by workers of any number of processes.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::stripe_event::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, LockBehavior, LockType, Order, Query, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, Iterable,
    QueryFilter, QueryOrder, QueryResult, QuerySelect, Select, TransactionTrait,
};
use uuid::Uuid;

use super::error::known;
use super::page::{Keyset, ListOrder, page_of};
use super::{Backend, Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, StripeCustomerId, StripeEventId};
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::stripe_event::{EventSource, EventState, NewStripeEvent, StripeEvent};

/// What storing an event came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredEvent {
    /// It is new.
    New,
    /// It was here already: Stripe sends at least once.
    Known,
}

/// Which events are asked for. Everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StripeEventFilter {
    /// In this state.
    pub state: Option<EventState>,
    /// Of this type of Stripe's, `invoice.paid`.
    pub event_type: Option<String>,
    /// About the object with this id of Stripe's.
    pub object_id: Option<String>,
    /// Applied to this organization.
    pub organization_id: Option<OrganizationId>,
    /// Received from this time on.
    pub since: Option<DateTime<Utc>>,
    /// Received before this time.
    pub until: Option<DateTime<Utc>>,
}

impl StripeEventFilter {
    /// Those in one state.
    pub fn in_state(state: EventState) -> Self {
        Self { state: Some(state), ..Self::default() }
    }
}

/// An event that a worker holds until its lease runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedEvent {
    /// The event.
    pub event: StripeEvent,
    /// Proves the claim: only its holder may mark the event.
    pub lease_token: Uuid,
    /// When this process had it in hand: what it asks of Stripe from then on shows what the event tells.
    pub claimed_at: std::time::Instant,
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
            stripe_customer_id: row.stripe_customer_id,
            stripe_created_at: row.stripe_created_at,
            payload: row.payload,
        },
        source: match row.source.as_deref() {
            // Rows of before the column was there came the only way there was.
            None => EventSource::Webhook,
            Some(source) => known("stripe_events.source", source, EventSource::parse(source))?,
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

/// The ids that rows hold.
pub(super) fn ids_of<C: FromIterator<Uuid>>(rows: &[QueryResult]) -> Result<C, DbErr> {
    rows.iter().map(|row| row.try_get("", "id")).collect()
}

/// The row of an event that was just received.
pub(super) fn new_row(
    id: Uuid,
    event: &NewStripeEvent,
    source: EventSource,
    now: DateTime<Utc>,
) -> ActiveModel {
    ActiveModel {
        id: Set(id),
        account: Set(event.account.clone()),
        livemode: Set(event.livemode),
        event_id: Set(event.event_id.clone()),
        event_type: Set(event.event_type.clone()),
        api_version: Set(event.api_version.clone()),
        object_id: Set(event.object_id.clone()),
        stripe_customer_id: Set(event.stripe_customer_id.clone()),
        source: Set(Some(source.as_str().to_owned())),
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
    }
}

/// What stands at an event whose worker died while it held it.
const WORKER_DIED: &str = "the worker that held it died";

/// What a worker of this process works on already: it takes no more of that until it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BusyLanes(pub Vec<String>);

/// Up to `limit` events that are due, the longest due first. On PostgreSQL their rows are locked, and those that
/// another worker has locked are passed over, so that two workers never wait for each other.
fn due(now: DateTime<Utc>, limit: u64, busy: &BusyLanes) -> SelectStatement {
    let mut select = Query::select();
    select
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::State.eq(EventState::Received.as_str()))
        .and_where(Column::NextAttemptAt.lte(now))
        .order_by(Column::NextAttemptAt, Order::Asc)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    if !busy.0.is_empty() {
        for column in [Column::StripeCustomerId, Column::ObjectId] {
            select.and_where(column.is_null().or(column.is_not_in(&busy.0)));
        }
    }
    select
}

impl Store {
    /// Claims up to `limit` due events for `lease`, none of the lanes that are busy. Two workers never get the same one.
    pub async fn claim_stripe_events(
        &self,
        limit: u64,
        lease: Duration,
        busy: &BusyLanes,
    ) -> Result<Vec<ClaimedEvent>, StoreError> {
        let now = self.clock.now();
        let token = self.ids.next();
        let mut claim = Entity::update_many()
            .col_expr(Column::State, Expr::value(EventState::Processing.as_str()))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .col_expr(Column::LeaseToken, Expr::value(token))
            .col_expr(Column::LeaseUntil, Expr::value(now + lease));
        if self.backend() == Backend::Sqlite {
            claim = claim.filter(Column::Id.in_subquery(due(now, limit, busy)));
            if claim.exec(&self.db).await?.rows_affected == 0 {
                return Ok(Vec::new());
            }
        } else {
            // Locked first and by themselves: inside the update, the planner may run the subquery more than once.
            let tx = self.db.begin().await?;
            let ids: Vec<Uuid> = ids_of(&tx.query_all(&due(now, limit, busy)).await?)?;
            if ids.is_empty() {
                tx.rollback().await?;
                return Ok(Vec::new());
            }
            claim.filter(Column::Id.is_in(ids)).exec(&tx).await?;
            tx.commit().await?;
        }
        let rows = Entity::find()
            .filter(Column::LeaseToken.eq(token))
            .order_by_asc(Column::StripeCreatedAt)
            .order_by_asc(Column::ReceivedAt)
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await?;
        let claimed_at = std::time::Instant::now();
        rows.into_iter()
            .map(|row| Ok(ClaimedEvent { event: stripe_event(row)?, lease_token: token, claimed_at }))
            .collect()
    }

    /// Holds what was claimed under these tokens for `lease` from now on.
    pub async fn renew_stripe_event_leases(
        &self,
        tokens: &[Uuid],
        lease: Duration,
    ) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(self.clock.now() + lease))
            .filter(Column::State.eq(EventState::Processing.as_str()))
            .filter(Column::LeaseToken.is_in(tokens.iter().copied()))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Puts back what a worker held whose lease ran out: it died. Each is tried again after the pause for its number of
    /// attempts; one with which workers die again and again is a dead letter after `maximum`. How many they were.
    pub async fn release_abandoned_stripe_events(
        &self,
        maximum: i32,
        pause: &(dyn Fn(i32) -> Duration + Send + Sync),
    ) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let abandoned = Query::select()
            .columns([Column::Id, Column::Attempts, Column::LastError])
            .from(Entity)
            .and_where(Column::State.eq(EventState::Processing.as_str()))
            .and_where(Column::LeaseUntil.lt(now))
            .limit(1_000)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .to_owned();
        let tx = if self.backend() == Backend::Sqlite { None } else { Some(self.db.begin().await?) };
        let rows = match &tx {
            None => self.db.query_all(&abandoned).await?,
            Some(tx) => tx.query_all(&abandoned).await?,
        };
        let mut alike: HashMap<(i32, bool), Vec<Uuid>> = HashMap::new();
        for row in &rows {
            let attempts: i32 = row.try_get("", "attempts")?;
            let error: Option<String> = row.try_get("", "last_error")?;
            let is_deadly = attempts >= maximum && error.as_deref() == Some(WORKER_DIED);
            alike.entry((attempts, is_deadly)).or_default().push(row.try_get("", "id")?);
        }
        let mut released = 0;
        for ((attempts, is_deadly), ids) in alike {
            let state = if is_deadly { EventState::Dead } else { EventState::Received };
            let release = Entity::update_many()
                .col_expr(Column::State, Expr::value(state.as_str()))
                .col_expr(Column::NextAttemptAt, Expr::value(now + pause(attempts)))
                .col_expr(Column::LastError, Expr::value(WORKER_DIED))
                .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
                .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
                .filter(Column::Id.is_in(ids))
                .filter(Column::State.eq(EventState::Processing.as_str()))
                .filter(Column::LeaseUntil.lt(now));
            released += match &tx {
                None => release.exec(&self.db).await?.rows_affected,
                Some(tx) => release.exec(tx).await?.rows_affected,
            };
        }
        if let Some(tx) = tx {
            tx.commit().await?;
        }
        Ok(released)
    }

    /// Hands claimed events back untried, as a worker does that stops.
    pub async fn hand_back_stripe_events(&self, claimed: &[ClaimedEvent]) -> Result<(), StoreError> {
        for one in claimed {
            Entity::update_many()
                .col_expr(Column::State, Expr::value(EventState::Received.as_str()))
                .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
                .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
                .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
                .filter(Column::Id.eq(one.event.id.0))
                .filter(Column::LeaseToken.eq(one.lease_token))
                .exec(&self.db)
                .await?;
        }
        Ok(())
    }

    /// Gives a claimed event back: to be tried again at `next_attempt_at`, or `None` for the dead letters.
    pub async fn give_back_stripe_event(
        &self,
        claimed: &ClaimedEvent,
        error: &str,
        next_attempt_at: Option<DateTime<Utc>>,
        customer: Option<&StripeCustomerId>,
    ) -> Result<(), StoreError> {
        let state = if next_attempt_at.is_some() { EventState::Received } else { EventState::Dead };
        let mut update = Entity::update_many();
        // The next attempt need not ask whose it is.
        if let Some(customer) = customer {
            update = update.col_expr(Column::StripeCustomerId, Expr::value(customer.0.clone()));
        }
        update
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

    /// A page of the events that fit the filter, newest first, without their payloads: a page of them may be a hundred
    /// megabytes. [`Store::stripe_event_payloads`] has those that are wanted.
    pub async fn list_stripe_events(
        &self,
        filter: &StripeEventFilter,
        page: &PageRequest,
    ) -> Result<Page<StripeEvent>, StoreError> {
        let keyset = Keyset {
            at: Expr::col((Entity, Column::ReceivedAt)),
            id: Expr::col((Entity, Column::Id)),
            order: ListOrder::NewestFirst,
        };
        let mut select = sea_orm::QueryTrait::into_query(filtered(filter));
        select.clear_selects();
        for column in Column::iter() {
            match column {
                Column::Payload => select.expr_as(Expr::val(""), Alias::new("payload")),
                column => select.column((Entity, column)),
            };
        }
        keyset.apply(&mut select, page);
        let rows = self.db.query_all(&select).await?;
        let events = rows
            .iter()
            .map(|row| stripe_event(Model::from_query_result(row, "")?))
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page_of(events, page))
    }

    /// How many events fit the filter.
    pub async fn count_stripe_events(&self, filter: &StripeEventFilter) -> Result<u64, StoreError> {
        use sea_orm::PaginatorTrait;
        Ok(filtered(filter).count(&self.db).await?)
    }

    /// Events by id.
    pub async fn stripe_events(&self, ids: &[StripeEventId]) -> Result<Vec<StripeEvent>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(stripe_event).collect()
    }

    /// The bodies of events, as they were received.
    pub async fn stripe_event_payloads(
        &self,
        ids: &[StripeEventId],
    ) -> Result<HashMap<StripeEventId, String>, StoreError> {
        let rows: Vec<(Uuid, String)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Payload])
            .filter(Column::Id.is_in(ids.iter().map(|id| id.0)))
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(|(id, payload)| (StripeEventId(id), payload)).collect())
    }

    /// When the event was received that waits longest, due or not.
    pub async fn oldest_waiting_stripe_event(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let select = Query::select()
            .expr_as(Expr::col(Column::ReceivedAt).min(), Alias::new("oldest"))
            .from(Entity)
            .and_where(Column::State.is_in([EventState::Received.as_str(), EventState::Processing.as_str()]))
            .to_owned();
        let row = self.db.query_one(&select).await?;
        Ok(row.map(|row| row.try_get("", "oldest")).transpose()?.flatten())
    }

    /// The event of an object that was received last, whatever became of it.
    pub async fn latest_stripe_event_of(&self, object_id: &str) -> Result<Option<StripeEvent>, StoreError> {
        let row = Entity::find()
            .filter(Column::ObjectId.eq(object_id))
            .order_by_desc(Column::ReceivedAt)
            .order_by_desc(Column::Id)
            .one(&self.db)
            .await?;
        row.map(stripe_event).transpose()
    }
}

fn filtered(filter: &StripeEventFilter) -> Select<Entity> {
    let mut select = Entity::find();
    if let Some(state) = filter.state {
        select = select.filter(Column::State.eq(state.as_str()));
    }
    if let Some(event_type) = &filter.event_type {
        select = select.filter(Column::EventType.eq(event_type));
    }
    if let Some(object_id) = &filter.object_id {
        select = select.filter(Column::ObjectId.eq(object_id));
    }
    if let Some(organization_id) = filter.organization_id {
        select = select.filter(Column::OrganizationId.eq(organization_id.0));
    }
    if let Some(since) = filter.since {
        select = select.filter(Column::ReceivedAt.gte(since));
    }
    if let Some(until) = filter.until {
        select = select.filter(Column::ReceivedAt.lt(until));
    }
    select
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

impl WriteTransaction {
    /// Lets events be applied again, as if they had just been received: `ids` of those that fit and that no worker
    /// holds. They keep their place in the list and their history in the audit log.
    pub async fn replay_stripe_events(&self, filter: &StripeEventFilter) -> Result<u64, StoreError> {
        let ids = sea_orm::QuerySelect::select_only(filtered(filter));
        let ids = sea_orm::QuerySelect::column(ids, Column::Id);
        let ids = sea_orm::QueryTrait::into_query(ids);
        self.requeue(Column::Id.in_subquery(ids)).await
    }

    /// Lets one event be applied again. `Changed` while a worker holds it.
    pub async fn replay_stripe_event(&self, id: StripeEventId) -> Result<(), StoreError> {
        match self.requeue(Column::Id.eq(id.0)).await? {
            0 => Err(StoreError::Changed("event's state")),
            _ => Ok(()),
        }
    }

    async fn requeue(&self, which: Expr) -> Result<u64, StoreError> {
        let requeued = Entity::update_many()
            .col_expr(Column::State, Expr::value(EventState::Received.as_str()))
            .col_expr(Column::Attempts, Expr::value(0))
            .col_expr(Column::NextAttemptAt, Expr::value(self.now))
            .col_expr(Column::LastError, Expr::value(Option::<String>::None))
            .col_expr(Column::AppliedAt, Expr::value(Option::<DateTime<Utc>>::None))
            .filter(which)
            .filter(Column::State.is_not_in([EventState::Received.as_str(), EventState::Processing.as_str()]))
            .exec(&self.tx)
            .await?;
        Ok(requeued.rows_affected)
    }
}

impl StripeEvent {
    /// Where the event stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.received_at, id: self.id.0 }
    }
}
