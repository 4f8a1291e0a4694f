//! Mails: one row for each message and address.

use chrono::{DateTime, Duration, Utc};
use entity::email_delivery::{Column, Entity, Model};
use entity::outbox_message;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, TransactionTrait,
};
use uuid::Uuid;

use super::error::known;
use super::organization::select_columns;
use super::outbox::{CLAIM_ROUNDS, fact, outbox_message};
use super::page::{Keyset, ListOrder, page_of, readable, readable_row};
use super::{Store, StoreError};
use crate::domain::ids::{EmailDeliveryId, OrganizationId, UserId};
use crate::domain::notification::{EmailDelivery, EmailState, OutboxMessage, Reader};
use crate::domain::page::{Page, PageRequest, Place};

/// A mail that a worker holds until its lease runs out.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedEmail {
    /// Our id: the Message-ID is made of it.
    pub id: EmailDeliveryId,
    /// The address.
    pub recipient: String,
    /// Whose it is, when they are told as a member.
    pub user_id: Option<UserId>,
    /// For whom the text is written.
    pub reader: Reader,
    /// What it tells.
    pub message: OutboxMessage,
    /// How often it was tried, this time included.
    pub attempts: i32,
    /// When it was to be sent first.
    pub created_at: DateTime<Utc>,
    /// Proves the claim.
    pub lease_token: Uuid,
}

fn claimed(row: Model, message: OutboxMessage, lease_token: Uuid) -> ClaimedEmail {
    ClaimedEmail {
        id: EmailDeliveryId(row.id),
        recipient: row.recipient,
        user_id: row.user_id.map(UserId),
        reader: Reader { locale: row.locale, time_zone: row.time_zone },
        message,
        attempts: row.attempts + 1,
        created_at: row.created_at,
        lease_token,
    }
}

/// Which mails are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmailDeliveryFilter {
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// In which state.
    pub state: Option<EmailState>,
}

fn conditions(filter: EmailDeliveryFilter) -> Vec<sea_orm::sea_query::SimpleExpr> {
    let column = |column| Expr::col((Entity, column));
    let mut conditions = vec![column(Column::OrganizationId).eq(filter.organization_id.0)];
    if let Some(state) = filter.state {
        conditions.push(column(Column::State).eq(state.as_str()));
    }
    conditions
}

fn delivery(row: &QueryResult) -> Result<EmailDelivery, StoreError> {
    let message = outbox_message::Model::from_query_result(row, "o_")?;
    let row = Model::from_query_result(row, "e_")?;
    Ok(EmailDelivery {
        id: EmailDeliveryId(row.id),
        organization_id: OrganizationId(row.organization_id),
        fact: fact(&message.fact)?,
        recipient: row.recipient,
        state: known("email_deliveries.state", &row.state, EmailState::parse(&row.state))?,
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at,
        last_error: row.last_error,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

impl Store {
    /// A page of an organization's mails, newest first.
    pub async fn list_email_deliveries(
        &self,
        filter: EmailDeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<EmailDelivery>, StoreError> {
        let mut select = Query::select();
        select_columns::<Entity>(&mut select, "email_deliveries", "e_");
        select_columns::<outbox_message::Entity>(&mut select, "outbox_messages", "o_");
        select.from(Entity).join(
            JoinType::InnerJoin,
            outbox_message::Entity,
            Expr::col((outbox_message::Entity, outbox_message::Column::Id))
                .equals((Entity, Column::OutboxMessageId)),
        );
        for condition in conditions(filter) {
            select.and_where(condition);
        }
        let keyset = Keyset {
            at: Expr::col((Entity, Column::CreatedAt)),
            id: Expr::col((Entity, Column::Id)),
            order: ListOrder::NewestFirst,
        };
        keyset.apply(&mut select, page);
        let rows = self.db.query_all(&select).await?;
        Ok(readable(page_of(rows.iter().map(delivery).collect(), page), "email_deliveries"))
    }

    /// How many mails fit.
    pub async fn count_email_deliveries(&self, filter: EmailDeliveryFilter) -> Result<u64, StoreError> {
        let mut select = Entity::find();
        for condition in conditions(filter) {
            select = select.filter(condition);
        }
        Ok(select.count(&self.db).await?)
    }

    /// Claims up to `limit` mails that are due, for `lease`. Two workers never get the same one; who comes second looks again.
    /// No change of the business: no audit records.
    pub async fn claim_emails(&self, limit: u64, lease: Duration) -> Result<Vec<ClaimedEmail>, StoreError> {
        for _ in 0..CLAIM_ROUNDS {
            let (now, token) = (self.clock.now(), self.ids.next());
            let ids: Vec<Uuid> = Entity::find()
                .filter(Column::State.eq(EmailState::Pending.as_str()))
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
            Entity::update_many()
                .col_expr(Column::LeaseToken, Expr::value(token))
                .col_expr(Column::NextAttemptAt, Expr::value(now + lease))
                .filter(Column::Id.is_in(ids.iter().copied()))
                .filter(Column::State.eq(EmailState::Pending.as_str()))
                .filter(Column::NextAttemptAt.lte(now))
                .exec(&self.db)
                .await?;
            let emails = self.claimed_emails(ids, token).await?;
            if !emails.is_empty() {
                return Ok(emails);
            }
        }
        Ok(Vec::new())
    }

    /// Those of these mails that were claimed with `token`, as far as they can be read here.
    async fn claimed_emails(&self, ids: Vec<Uuid>, token: Uuid) -> Result<Vec<ClaimedEmail>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Id.is_in(ids))
            .filter(Column::LeaseToken.eq(token))
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await?;
        let messages = outbox_message::Entity::find()
            .filter(outbox_message::Column::Id.is_in(rows.iter().map(|row| row.outbox_message_id)))
            .all(&self.db)
            .await?;
        let claim = |row: Model| {
            // The foreign key keeps it there.
            let message = messages.iter().find(|message| message.id == row.outbox_message_id)?;
            let message = readable_row(outbox_message(message.clone()), "email_deliveries")?;
            Some(claimed(row, message, token))
        };
        Ok(rows.into_iter().filter_map(claim).collect())
    }

    /// Writes what became of a mail. A secret that it told is taken away with the last mail that needed it.
    pub async fn finish_email(
        &self,
        email: &ClaimedEmail,
        state: EmailState,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        let tx = self.db.begin().await?;
        let finished = Entity::update_many()
            .col_expr(Column::State, Expr::value(state.as_str()))
            .col_expr(Column::Attempts, Expr::value(email.attempts))
            .col_expr(Column::FinishedAt, Expr::value(self.clock.now()))
            .col_expr(Column::LastError, Expr::value(error.map(str::to_owned)))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .filter(Column::Id.eq(email.id.0))
            .filter(Column::LeaseToken.eq(email.lease_token))
            .exec(&tx)
            .await?;
        if finished.rows_affected == 0 {
            return Err(StoreError::Changed("mail's lease"));
        }
        if email.message.sealed_secret.is_some() {
            let pending = Query::select()
                .expr(Expr::value(1))
                .from(Entity)
                .and_where(Expr::col((Entity, Column::OutboxMessageId)).eq(email.message.id.0))
                .and_where(Expr::col((Entity, Column::State)).eq(EmailState::Pending.as_str()))
                .to_owned();
            outbox_message::Entity::update_many()
                .col_expr(outbox_message::Column::SealedSecret, Expr::value(Option::<String>::None))
                .filter(outbox_message::Column::Id.eq(email.message.id.0))
                .filter(Expr::exists(pending).not())
                .exec(&tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Gives a mail back that was not sent, to be tried again at `next`.
    pub async fn give_back_email(
        &self,
        email: &ClaimedEmail,
        error: &str,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::Attempts, Expr::value(email.attempts))
            .col_expr(Column::NextAttemptAt, Expr::value(next))
            .col_expr(Column::LastError, Expr::value(error.to_owned()))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .filter(Column::Id.eq(email.id.0))
            .filter(Column::LeaseToken.eq(email.lease_token))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Hands a mail back of which nothing is known but that it may have been sent: it is due at once, under the same id, and
    /// this counts for no attempt.
    pub async fn hand_back_email(&self, email: &ClaimedEmail) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::NextAttemptAt, Expr::value(self.clock.now()))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .filter(Column::Id.eq(email.id.0))
            .filter(Column::LeaseToken.eq(email.lease_token))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// How many mails are in a state.
    pub async fn count_emails(&self, state: EmailState) -> Result<u64, StoreError> {
        Ok(Entity::find().filter(Column::State.eq(state.as_str())).count(&self.db).await?)
    }
}

impl EmailDelivery {
    /// Where the mail stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
