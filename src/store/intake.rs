//! Taking events in: what several webhooks bring at the same time is stored by one statement and one commit, and each is
//! answered after it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use entity::stripe_event::{Column, Entity};
use sea_orm::sea_query::{ArrayType, OnConflict, Order, Query, Value};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryTrait, Statement};
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

use super::stripe_event::{ids_of, new_row};
use super::{Backend, Store, StoreError, StoredEvent};
use crate::domain::stripe_event::{EventSource, EventState, NewStripeEvent};

/// Events of one statement at most: as many of the largest are some tens of megabytes.
const TOGETHER: usize = 64;

/// Old events that are taken out by one statement.
const PAGE: u64 = 1_000;

/// Statements under way at the same time: while one waits for the disk, the next is filled. Nobody waits on purpose, so a
/// webhook that comes alone is stored at once.
const WRITERS: usize = 2;

/// The webhooks that wait to be stored, whichever of them stores all. No more wait than are let in.
#[derive(Clone)]
pub(super) struct Intake(Arc<Inner>);

struct Inner {
    waiting: Mutex<VecDeque<Waiting>>,
    writers: Arc<Semaphore>,
}

/// An event whose sender waits.
struct Waiting {
    event: NewStripeEvent,
    tell: oneshot::Sender<Told>,
}

/// What became of an event that was stored together with others.
enum Told {
    Done(Result<StoredEvent, StoreError>),
    /// The statement failed, perhaps for the sake of another: to be stored alone.
    Alone(NewStripeEvent),
}

impl Default for Intake {
    fn default() -> Self {
        Self(Arc::new(Inner { waiting: Mutex::default(), writers: Arc::new(Semaphore::new(WRITERS)) }))
    }
}

impl Intake {
    fn wait(&self, event: NewStripeEvent) -> oneshot::Receiver<Told> {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever went away holds no memory: it was told nothing, and sends again.
        if waiting.len() >= TOGETHER {
            waiting.retain(|one| !one.tell.is_closed());
        }
        waiting.push_back(Waiting { event, tell });
        told
    }

    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let number = waiting.len().min(TOGETHER);
        waiting.drain(..number).collect()
    }
}

impl Store {
    /// Stores an event, once; it is committed when this returns. Not a change of the business: no audit record.
    pub async fn store_stripe_event(&self, event: NewStripeEvent) -> Result<StoredEvent, StoreError> {
        let mut told = self.intake.wait(event);
        loop {
            tokio::select! {
                biased;
                answer = &mut told => return self.finish(answer).await,
                place = Arc::clone(&self.intake.0.writers).acquire_owned() => {
                    let place = place.expect("the semaphore is never closed");
                    let batch = self.intake.take();
                    if batch.is_empty() {
                        // Another one has ours in hand.
                        drop(place);
                        return self.finish(told.await).await;
                    }
                    // By itself: the sender whose turn it was may go away, and the others still wait.
                    let store = self.clone();
                    tokio::spawn(async move {
                        store.store_together(batch).await;
                        drop(place);
                    });
                }
            }
        }
    }

    async fn finish(&self, told: Result<Told, oneshot::error::RecvError>) -> Result<StoredEvent, StoreError> {
        match told {
            Ok(Told::Done(stored)) => stored,
            Ok(Told::Alone(event)) => {
                let id = self.ids.next();
                let new = self.insert_events(&[(id, &event)], EventSource::Webhook).await?;
                Ok(if new.contains(&id) { StoredEvent::New } else { StoredEvent::Known })
            }
            Err(_) => Err(DbErr::Custom("whoever stored the event was ended".to_owned()).into()),
        }
    }

    async fn store_together(&self, batch: Vec<Waiting>) {
        let rows: Vec<(Uuid, &NewStripeEvent)> =
            batch.iter().map(|waiting| (self.ids.next(), &waiting.event)).collect();
        let inserted = self.insert_events(&rows, EventSource::Webhook).await;
        let ids: Vec<Uuid> = rows.into_iter().map(|(id, _)| id).collect();
        let is_alone = ids.len() == 1;
        for (waiting, id) in batch.into_iter().zip(ids) {
            let told = match &inserted {
                Ok(new) if new.contains(&id) => Told::Done(Ok(StoredEvent::New)),
                Ok(_) => Told::Done(Ok(StoredEvent::Known)),
                // Without a connection none of them can be stored, and trying each would only take longer.
                Err(error @ (DbErr::ConnectionAcquire(_) | DbErr::Conn(_))) => {
                    Told::Done(Err(error.clone().into()))
                }
                Err(error) if is_alone => Told::Done(Err(error.clone().into())),
                Err(_) => Told::Alone(waiting.event),
            };
            // Whoever went away is not told.
            let _ = waiting.tell.send(told);
        }
    }

    /// Stores those of the events that are missing, in one statement. How many were.
    pub async fn store_missing_stripe_events(
        &self,
        events: &[NewStripeEvent],
        source: EventSource,
    ) -> Result<u64, StoreError> {
        let rows: Vec<_> = events.iter().map(|event| (self.ids.next(), event)).collect();
        let new = self.insert_events(&rows, source).await?;
        Ok(u64::try_from(new.len()).unwrap_or(u64::MAX))
    }

    /// Takes out events that were received before `until` and are done with, a page at a time so that nobody waits long.
    /// Dead letters stay until somebody has looked at them. Not a change of the business: their audit records stay.
    pub async fn forget_stripe_events(&self, until: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            let old = Query::select()
                .column(Column::Id)
                .from(Entity)
                .and_where(Column::ReceivedAt.lt(until))
                .and_where(Column::State.is_in([EventState::Applied.as_str(), EventState::Ignored.as_str()]))
                .order_by(Column::ReceivedAt, Order::Asc)
                .order_by(Column::Id, Order::Asc)
                .limit(PAGE)
                .to_owned();
            let deleted =
                Entity::delete_many().filter(Column::Id.in_subquery(old)).exec(&self.db).await?.rows_affected;
            forgotten += deleted;
            if deleted < PAGE {
                return Ok(forgotten);
            }
        }
    }

    /// Inserts the events that are not there yet. The ids of those that were not.
    async fn insert_events(
        &self,
        rows: &[(Uuid, &NewStripeEvent)],
        source: EventSource,
    ) -> Result<HashSet<Uuid>, DbErr> {
        if rows.is_empty() {
            return Ok(HashSet::new());
        }
        // Everyone inserts in one order: two statements that bring the same events could wait for each other for ever.
        let mut rows: Vec<&(Uuid, &NewStripeEvent)> = rows.iter().collect();
        rows.sort_unstable_by_key(|(_, event)| (&event.account, event.livemode, &event.event_id));
        let inserted = match self.backend() {
            Backend::Sqlite => {
                let now = self.clock.now();
                let rows = rows.iter().map(|(id, event)| new_row(*id, event, source, now));
                let once = OnConflict::columns([Column::Account, Column::Livemode, Column::EventId])
                    .do_nothing()
                    .to_owned();
                let mut insert = Entity::insert_many(rows).on_conflict(once).into_query();
                self.db.query_all(insert.returning_col(Column::Id)).await?
            }
            Backend::Postgres => self.db.query_all_raw(self.unnested(&rows, source)).await?,
        };
        ids_of(&inserted)
    }

    /// One statement for any number of rows: PostgreSQL plans it once.
    fn unnested(&self, rows: &[&(Uuid, &NewStripeEvent)], source: EventSource) -> Statement {
        let array = |kind: ArrayType, value: fn(&(Uuid, &NewStripeEvent)) -> Value| {
            Value::Array(kind, Some(Box::new(rows.iter().map(|row| value(row)).collect())))
        };
        // An array of the driver's has no nulls; none of these words is ever empty.
        let values = [
            array(ArrayType::Uuid, |(id, _)| (*id).into()),
            array(ArrayType::String, |(_, event)| event.account.as_str().into()),
            array(ArrayType::Bool, |(_, event)| event.livemode.into()),
            array(ArrayType::String, |(_, event)| event.event_id.as_str().into()),
            array(ArrayType::String, |(_, event)| event.event_type.as_str().into()),
            array(ArrayType::String, |(_, event)| event.api_version.as_deref().unwrap_or_default().into()),
            array(ArrayType::String, |(_, event)| event.object_id.as_deref().unwrap_or_default().into()),
            array(ArrayType::String, |(_, event)| {
                event.stripe_customer_id.as_deref().unwrap_or_default().into()
            }),
            array(ArrayType::ChronoDateTimeUtc, |(_, event)| event.stripe_created_at.into()),
            array(ArrayType::String, |(_, event)| event.payload.as_str().into()),
            self.clock.now().into(),
            source.as_str().into(),
            EventState::Received.as_str().into(),
        ];
        Statement::from_sql_and_values(sea_orm::DbBackend::Postgres, INSERT, values)
    }
}

const INSERT: &str = "\
INSERT INTO stripe_events (id, account, livemode, event_id, event_type, api_version, object_id, stripe_customer_id, \
stripe_created_at, payload, next_attempt_at, received_at, source, state, attempts) \
SELECT id, account, livemode, event_id, event_type, NULLIF(api_version, ''), NULLIF(object_id, ''), \
NULLIF(stripe_customer_id, ''), stripe_created_at, payload, $11, $11, $12, $13, 0 \
FROM UNNEST($1::uuid[], $2::text[], $3::bool[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], \
$9::timestamptz[], $10::text[]) AS event (id, account, livemode, event_id, event_type, api_version, object_id, \
stripe_customer_id, stripe_created_at, payload) \
ON CONFLICT (account, livemode, event_id) DO NOTHING RETURNING id";
