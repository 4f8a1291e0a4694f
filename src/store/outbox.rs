//! The outbox: facts that are to be told, written with what made them facts; claimed by workers of any number of processes.
//!
//! One column is both when a row is due and, while somebody works on it, when their lease ends: a worker that dies needs
//! nobody to take its leases away.

use chrono::{DateTime, Duration, Utc};
use entity::outbox_message::{ActiveModel, Column, Entity, Model};
use entity::{email_delivery, notification, webhook_delivery};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    TransactionTrait,
};
use uuid::Uuid;

use super::page::readable_row;
use super::transaction::was_inserted;
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, OutboxMessageId, UserId, WebhookEndpointId};
use crate::domain::notification::{EmailState, Fact, OutboxMessage, Reader};
use crate::domain::notification_event::NotificationEvent;
use crate::domain::webhook_delivery::WebhookDeliveryState;

/// How often a worker looks for what is due when others were faster, or what it found cannot be read here.
pub(super) const CLAIM_ROUNDS: usize = 5;
/// To be taken apart.
pub(super) const PENDING: &str = "pending";
/// Taken apart.
const DONE: &str = "done";
/// Given up.
const DEAD: &str = "dead";

/// A message that a worker holds until its lease runs out.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedMessage {
    /// The message.
    pub message: OutboxMessage,
    /// Proves the claim.
    pub lease_token: Uuid,
}

/// Whom a mail is to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// The address.
    pub address: String,
    /// Who is told there as a member.
    pub person: Option<UserId>,
    /// For whom the text is written.
    pub reader: Reader,
}

/// Whom a message is to reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FanOut {
    /// By mail.
    pub emails: Vec<Addressee>,
    /// In the application.
    pub people: Vec<UserId>,
    /// Programs: each endpoint, and whether it is sent anything now.
    pub programs: Vec<(WebhookEndpointId, WebhookDeliveryState)>,
}

pub(super) fn outbox_message(row: Model) -> Result<OutboxMessage, StoreError> {
    Ok(OutboxMessage {
        id: OutboxMessageId(row.id),
        organization_id: OrganizationId(row.organization_id),
        fact: fact(&row.fact)?,
        sealed_secret: row.sealed_secret,
        attempts: row.attempts,
        created_at: row.created_at,
    })
}

/// A stored fact.
pub(super) fn fact(stored: &serde_json::Value) -> Result<Fact, StoreError> {
    serde_json::from_value(stored.clone()).map_err(|_| StoreError::UnknownValue {
        column: "outbox_messages.fact",
        value: stored["kind"].as_str().unwrap_or_default().to_owned(),
    })
}

impl WriteTransaction {
    /// Writes down that a fact is to be told, once. Says whether it was not there before.
    pub async fn write_outbox(
        &self,
        id: OutboxMessageId,
        organization: OrganizationId,
        fact: &Fact,
        sealed_secret: Option<String>,
    ) -> Result<bool, StoreError> {
        let row = ActiveModel {
            id: Set(id.0),
            organization_id: Set(organization.0),
            event: Set(fact.word().to_owned()),
            subject: Set(fact.subject()),
            fact: Set(serde_json::to_value(fact).expect("a fact is plain data")),
            address: Set(fact.address().map(str::to_owned)),
            sealed_secret: Set(sealed_secret),
            state: Set(PENDING.to_owned()),
            attempts: Set(0),
            next_attempt_at: Set(self.now),
            lease_token: Set(None),
            last_error: Set(None),
            created_at: Set(self.now),
            done_at: Set(None),
        };
        let inserted = Entity::insert(row)
            .on_conflict(
                OnConflict::columns([Column::OrganizationId, Column::Event, Column::Subject])
                    .do_nothing()
                    .to_owned(),
            )
            .try_insert()
            .exec_without_returning(&self.tx)
            .await?;
        let is_new = was_inserted(&inserted);
        if is_new {
            self.will_tell(Changed {
                organization_id: Some(organization),
                kind: ChangedKind::Outbox,
                id: id.0,
            });
        }
        Ok(is_new)
    }

    /// How many invitations an organization has sent since a time, those that were sent again included.
    pub async fn count_invitations_sent(
        &self,
        organization: OrganizationId,
        since: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let sent = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::Event.eq(NotificationEvent::Invitation.as_str()))
            .filter(Column::CreatedAt.gt(since));
        Ok(sent.count(&self.tx).await?)
    }

    /// How much an address was sent since a time, by whatever organization.
    pub async fn count_sent_to(&self, address: &str, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let sent = Entity::find().filter(Column::Address.eq(address)).filter(Column::CreatedAt.gt(since));
        Ok(sent.count(&self.tx).await?)
    }
}

impl Store {
    /// Claims up to `limit` messages that are due, for `lease`. Two workers never get the same one; who comes second looks
    /// again. None of this is a change of the business: no audit records.
    pub async fn claim_outbox(&self, limit: u64, lease: Duration) -> Result<Vec<ClaimedMessage>, StoreError> {
        for _ in 0..CLAIM_ROUNDS {
            let (now, token) = (self.clock.now(), self.ids.next());
            let ids: Vec<Uuid> = Entity::find()
                .filter(Column::State.eq(PENDING))
                .filter(Column::NextAttemptAt.lte(now))
                .select_only()
                .column(Column::Id)
                .order_by_asc(Column::NextAttemptAt)
                .limit(limit)
                .into_tuple()
                .all(&self.db)
                .await?;
            if ids.is_empty() {
                break;
            }
            // Whoever comes second finds that they are not due any more.
            Entity::update_many()
                .col_expr(Column::LeaseToken, Expr::value(token))
                .col_expr(Column::NextAttemptAt, Expr::value(now + lease))
                .filter(Column::Id.is_in(ids.iter().copied()))
                .filter(Column::State.eq(PENDING))
                .filter(Column::NextAttemptAt.lte(now))
                .exec(&self.db)
                .await?;
            let rows = Entity::find()
                .filter(Column::Id.is_in(ids))
                .filter(Column::LeaseToken.eq(token))
                .order_by_asc(Column::Id)
                .all(&self.db)
                .await?;
            let claim = |row: Model| {
                // One of a newer version is left to a worker that can read it.
                let mut message = readable_row(outbox_message(row), "outbox_messages")?;
                message.attempts += 1;
                Some(ClaimedMessage { message, lease_token: token })
            };
            let claimed: Vec<_> = rows.into_iter().filter_map(claim).collect();
            if !claimed.is_empty() {
                return Ok(claimed);
            }
        }
        Ok(Vec::new())
    }

    /// Takes a message apart into what reaches each, and marks it done, at once. `Changed` when the lease was lost.
    pub async fn fan_out(&self, claimed: &ClaimedMessage, to: &FanOut) -> Result<(), StoreError> {
        let now = self.clock.now();
        let message = &claimed.message;
        let tx = self.db.begin().await?;
        let mut done = Entity::update_many()
            .col_expr(Column::State, Expr::value(DONE))
            .col_expr(Column::Attempts, Expr::value(message.attempts))
            .col_expr(Column::DoneAt, Expr::value(now))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .col_expr(Column::LastError, Expr::value(Option::<String>::None));
        if to.emails.is_empty() {
            done = done.col_expr(Column::SealedSecret, Expr::value(Option::<String>::None));
        }
        let done = done
            .filter(Column::Id.eq(message.id.0))
            .filter(Column::LeaseToken.eq(claimed.lease_token))
            .exec(&tx)
            .await?;
        if done.rows_affected == 0 {
            return Err(StoreError::Changed("message's lease"));
        }
        for Addressee { address, person, reader } in &to.emails {
            let row = email_delivery::ActiveModel {
                id: Set(self.ids.next()),
                organization_id: Set(message.organization_id.0),
                outbox_message_id: Set(message.id.0),
                recipient: Set(address.clone()),
                user_id: Set(person.map(|person| person.0)),
                locale: Set(reader.locale.clone()),
                time_zone: Set(reader.time_zone.clone()),
                state: Set(EmailState::Pending.as_str().to_owned()),
                attempts: Set(0),
                next_attempt_at: Set(now),
                lease_token: Set(None),
                last_error: Set(None),
                created_at: Set(now),
                finished_at: Set(None),
            };
            email_delivery::Entity::insert(row)
                .on_conflict(
                    OnConflict::columns([
                        email_delivery::Column::OutboxMessageId,
                        email_delivery::Column::Recipient,
                    ])
                    .do_nothing()
                    .to_owned(),
                )
                .try_insert()
                .exec_without_returning(&tx)
                .await?;
        }
        for (endpoint, state) in &to.programs {
            let row = webhook_delivery::ActiveModel {
                id: Set(self.ids.next()),
                organization_id: Set(message.organization_id.0),
                webhook_endpoint_id: Set(endpoint.0),
                outbox_message_id: Set(message.id.0),
                payload: Set(None),
                payload_acts_for: Set(None),
                payload_url: Set(None),
                payload_selection_version: Set(None),
                payload_has_errors: Set(false),
                waiting_since: Set(now),
                state: Set(state.as_str().to_owned()),
                attempts: Set(0),
                next_attempt_at: Set(now),
                lease_token: Set(None),
                last_error: Set(None),
                response_status: Set(None),
                response_body: Set(None),
                created_at: Set(now),
                finished_at: Set(None),
            };
            webhook_delivery::Entity::insert(row)
                .on_conflict(
                    OnConflict::columns([
                        webhook_delivery::Column::WebhookEndpointId,
                        webhook_delivery::Column::OutboxMessageId,
                    ])
                    .do_nothing()
                    .to_owned(),
                )
                .try_insert()
                .exec_without_returning(&tx)
                .await?;
        }
        let mut told = Vec::with_capacity(to.people.len() + 1);
        let tells = |kind, id| Changed { organization_id: Some(message.organization_id), kind, id };
        if !to.emails.is_empty() || !to.programs.is_empty() {
            told.push(tells(ChangedKind::Delivery, message.id.0));
        }
        for person in &to.people {
            let row = notification::ActiveModel {
                id: Set(self.ids.next()),
                organization_id: Set(message.organization_id.0),
                user_id: Set(person.0),
                outbox_message_id: Set(message.id.0),
                permission: Set(message.fact.permission().as_str().to_owned()),
                read_at: Set(None),
                created_at: Set(now),
            };
            let inserted = notification::Entity::insert(row)
                .on_conflict(
                    OnConflict::columns([
                        notification::Column::OutboxMessageId,
                        notification::Column::UserId,
                    ])
                    .do_nothing()
                    .to_owned(),
                )
                .try_insert()
                .exec_without_returning(&tx)
                .await?;
            if was_inserted(&inserted) {
                told.push(tells(ChangedKind::Notification, person.0));
            }
        }
        let told = self.tell_with(&tx, told).await?;
        tx.commit().await?;
        self.tell_after(told);
        Ok(())
    }

    /// Gives a message back that could not be taken apart: to be tried again at `next`, or `None` for never.
    pub async fn give_back_outbox(
        &self,
        claimed: &ClaimedMessage,
        error: &str,
        next: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let state = if next.is_some() { PENDING } else { DEAD };
        let mut given_back = Entity::update_many()
            .col_expr(Column::State, Expr::value(state))
            .col_expr(Column::Attempts, Expr::value(claimed.message.attempts))
            .col_expr(Column::NextAttemptAt, Expr::value(next.unwrap_or_else(|| self.clock.now())))
            .col_expr(Column::LastError, Expr::value(error.to_owned()))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .filter(Column::Id.eq(claimed.message.id.0))
            .filter(Column::LeaseToken.eq(claimed.lease_token));
        if next.is_none() {
            // Nobody is told it any more: it is kept no longer.
            given_back = given_back.col_expr(Column::SealedSecret, Expr::value(Option::<String>::None));
        }
        given_back.exec(&self.db).await?;
        Ok(())
    }

    /// Hands a message back that was not tried: it is due at once.
    pub async fn hand_back_outbox(&self, claimed: &ClaimedMessage) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::NextAttemptAt, Expr::value(self.clock.now()))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .filter(Column::Id.eq(claimed.message.id.0))
            .filter(Column::LeaseToken.eq(claimed.lease_token))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// How many messages were given up.
    pub async fn count_dead_outbox_messages(&self) -> Result<u64, StoreError> {
        Ok(Entity::find().filter(Column::State.eq(DEAD)).count(&self.db).await?)
    }

    /// Sealed secrets of messages whose row is after `after`, in the order of their ids.
    pub async fn list_sealed_outbox(
        &self,
        after: Option<OutboxMessageId>,
        limit: u64,
    ) -> Result<Vec<(OutboxMessageId, String)>, StoreError> {
        let mut rows = Entity::find().filter(Column::SealedSecret.is_not_null());
        if let Some(after) = after {
            rows = rows.filter(Column::Id.gt(after.0));
        }
        let rows = rows.order_by_asc(Column::Id).limit(limit).all(&self.db).await?;
        Ok(rows.into_iter().filter_map(|row| Some((OutboxMessageId(row.id), row.sealed_secret?))).collect())
    }

    /// Puts a secret that was sealed anew in the place of what stands there. Whether it still stood there.
    pub async fn reseal_outbox(&self, id: OutboxMessageId, old: &str, new: &str) -> Result<bool, StoreError> {
        let resealed = Entity::update_many()
            .col_expr(Column::SealedSecret, Expr::value(new))
            .filter(Column::Id.eq(id.0))
            .filter(Column::SealedSecret.eq(old))
            .exec(&self.db)
            .await?;
        Ok(resealed.rows_affected == 1)
    }
}
