//! Webhooks: claimed by workers, logged, sent again.

use chrono::{DateTime, Duration, Utc};
use entity::outbox_message;
use entity::webhook_delivery::{Column, Entity, Model};
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, JoinType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryResult,
    QuerySelect,
};
use uuid::Uuid;

use super::error::known;
use super::organization::select_columns;
use super::outbox::fact;
use super::page::{Keyset, ListOrder, page_of, readable};
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, UserId, WebhookDeliveryId, WebhookEndpointId};
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::webhook_delivery::{MadeFor, Payload, WebhookDelivery, WebhookDeliveryState};

/// Which webhooks are asked for. Everything given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDeliveryFilter {
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// To which endpoint.
    pub webhook_endpoint_id: Option<WebhookEndpointId>,
    /// In which state.
    pub state: Option<WebhookDeliveryState>,
    /// Made from this time on.
    pub since: Option<DateTime<Utc>>,
    /// Made before this time.
    pub until: Option<DateTime<Utc>>,
}

/// A webhook that a worker holds until its lease runs out.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedWebhook {
    /// The webhook.
    pub delivery: WebhookDelivery,
    /// Proves the claim.
    pub lease_token: Uuid,
}

/// What came of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookAnswer {
    /// The HTTP status, when there was an answer.
    pub status: Option<i32>,
    /// The beginning of its body.
    pub body: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// Where it was sent; none when it was not tried.
    pub url: Option<String>,
    /// How long its consumer wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// Rows with their facts.
pub(super) fn deliveries() -> SelectStatement {
    let mut select = Query::select();
    select_columns::<Entity>(&mut select, "webhook_deliveries", "d_");
    select_columns::<outbox_message::Entity>(&mut select, "outbox_messages", "o_");
    select.from(Entity).join(
        JoinType::InnerJoin,
        outbox_message::Entity,
        Expr::col((outbox_message::Entity, outbox_message::Column::Id))
            .equals((Entity, Column::OutboxMessageId)),
    );
    select
}

pub(super) fn delivery(row: &QueryResult) -> Result<WebhookDelivery, StoreError> {
    let message = outbox_message::Model::from_query_result(row, "o_")?;
    let row = Model::from_query_result(row, "d_")?;
    let made_for = row.payload_acts_for.zip(row.payload_url).zip(row.payload_selection_version);
    let payload = row.payload.zip(made_for).map(|(body, ((acts_for, url), selection_version))| Payload {
        body,
        made_for: MadeFor { acts_for: UserId(acts_for), url, selection_version },
        has_errors: row.payload_has_errors,
    });
    Ok(WebhookDelivery {
        id: WebhookDeliveryId(row.id),
        organization_id: OrganizationId(row.organization_id),
        webhook_endpoint_id: WebhookEndpointId(row.webhook_endpoint_id),
        fact: fact(&message.fact)?,
        happened_at: message.created_at,
        payload,
        waiting_since: row.waiting_since,
        state: known("webhook_deliveries.state", &row.state, WebhookDeliveryState::parse(&row.state))?,
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at,
        last_error: row.last_error,
        response_status: row.response_status,
        response_body: row.response_body,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

fn conditions(filter: &WebhookDeliveryFilter) -> Vec<sea_orm::sea_query::SimpleExpr> {
    let column = |column| Expr::col((Entity, column));
    let mut conditions = vec![column(Column::OrganizationId).eq(filter.organization_id.0)];
    if let Some(id) = filter.webhook_endpoint_id {
        conditions.push(column(Column::WebhookEndpointId).eq(id.0));
    }
    if let Some(state) = filter.state {
        conditions.push(column(Column::State).eq(state.as_str()));
    }
    if let Some(since) = filter.since {
        conditions.push(column(Column::CreatedAt).gte(since));
    }
    if let Some(until) = filter.until {
        conditions.push(column(Column::CreatedAt).lt(until));
    }
    conditions
}

impl Store {
    /// Keeps the body of a webhook before it is sent: every attempt sends the same, while the endpoint is the one that it was
    /// made for. Whether the lease still holds.
    pub async fn keep_webhook_payload(
        &self,
        claimed: &ClaimedWebhook,
        payload: &Payload,
    ) -> Result<bool, StoreError> {
        let made_for = &payload.made_for;
        let kept = Entity::update_many()
            .col_expr(Column::Payload, Expr::value(payload.body.as_str()))
            .col_expr(Column::PayloadActsFor, Expr::value(made_for.acts_for.0))
            .col_expr(Column::PayloadUrl, Expr::value(made_for.url.as_str()))
            .col_expr(Column::PayloadSelectionVersion, Expr::value(made_for.selection_version))
            .col_expr(Column::PayloadHasErrors, Expr::value(payload.has_errors))
            .filter(Column::Id.eq(claimed.delivery.id.0))
            .filter(Column::LeaseToken.eq(claimed.lease_token))
            .exec(&self.db)
            .await?;
        Ok(kept.rows_affected == 1)
    }

    /// Puts a webhook off that was not tried: what kept it from being sent is no fault of its consumer's, and counts for no
    /// attempt.
    pub async fn postpone_webhook(
        &self,
        claimed: &ClaimedWebhook,
        why: &str,
        next: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let postponed = Entity::update_many()
            .col_expr(Column::NextAttemptAt, Expr::value(next))
            .col_expr(Column::LastError, Expr::value(why))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .filter(Column::Id.eq(claimed.delivery.id.0))
            .filter(Column::LeaseToken.eq(claimed.lease_token))
            .exec(&self.db)
            .await?;
        if postponed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Changed("webhook's lease")) }
    }

    /// Hands a webhook back of which nothing is known but that it may have been sent: it is due at once, under the same id, and
    /// this counts for no attempt.
    pub async fn hand_back_webhook(&self, claimed: &ClaimedWebhook) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::NextAttemptAt, Expr::value(self.clock.now()))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .filter(Column::Id.eq(claimed.delivery.id.0))
            .filter(Column::LeaseToken.eq(claimed.lease_token))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Writes what became of a webhook: its last state, or when it is tried again.
    pub async fn finish_webhook(
        &self,
        claimed: &ClaimedWebhook,
        state: WebhookDeliveryState,
        answer: &WebhookAnswer,
        next: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let finished = Entity::update_many()
            .col_expr(Column::State, Expr::value(state.as_str()))
            // A webhook that was held or given up untried was not tried.
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(i32::from(answer.url.is_some())))
            .col_expr(Column::NextAttemptAt, Expr::value(next.unwrap_or(now)))
            .col_expr(Column::FinishedAt, Expr::value(next.is_none().then_some(now)))
            .col_expr(Column::ResponseStatus, Expr::value(answer.status))
            .col_expr(Column::ResponseBody, Expr::value(answer.body.clone()))
            .col_expr(Column::LastError, Expr::value(answer.error.clone()))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .filter(Column::Id.eq(claimed.delivery.id.0))
            .filter(Column::LeaseToken.eq(claimed.lease_token))
            .exec(&self.db)
            .await?;
        if finished.rows_affected == 1 { Ok(()) } else { Err(StoreError::Changed("webhook's lease")) }
    }

    /// A page of webhooks, newest first.
    pub async fn list_webhook_deliveries(
        &self,
        filter: &WebhookDeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<WebhookDelivery>, StoreError> {
        let mut select = deliveries();
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
        Ok(readable(page_of(rows.iter().map(delivery).collect(), page), "webhook_deliveries"))
    }

    /// How many webhooks fit.
    pub async fn count_webhook_deliveries(&self, filter: &WebhookDeliveryFilter) -> Result<u64, StoreError> {
        let mut select = Entity::find();
        for condition in conditions(filter) {
            select = select.filter(condition);
        }
        Ok(select.count(&self.db).await?)
    }

    /// Webhooks by id, whoever's they are: the caller checks the tenant.
    pub async fn webhook_deliveries(
        &self,
        ids: &[WebhookDeliveryId],
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        let mut select = deliveries();
        select.and_where(Expr::col((Entity, Column::Id)).is_in(ids.iter().map(|id| id.0)));
        self.db.query_all(&select).await?.iter().map(delivery).collect()
    }
}

impl WriteTransaction {
    /// How many webhooks that fit could be sent again; no more than one beyond `most` are counted.
    pub async fn count_replayable_webhooks(
        &self,
        filter: &WebhookDeliveryFilter,
        most: u64,
    ) -> Result<u64, StoreError> {
        let mut select = Entity::find().filter(Column::State.ne(WebhookDeliveryState::Pending.as_str()));
        for condition in conditions(filter) {
            select = select.filter(condition);
        }
        let ids: Vec<Uuid> =
            select.select_only().column(Column::Id).limit(most + 1).into_tuple().all(&self.tx).await?;
        Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
    }

    /// Lets webhooks that fit be sent again, whatever became of them; those that wait already are left. A body that could not
    /// be made in full is made anew. How many.
    pub async fn replay_webhooks(
        &self,
        filter: &WebhookDeliveryFilter,
        only: Option<WebhookDeliveryId>,
    ) -> Result<u64, StoreError> {
        let whole = CaseStatement::new()
            .case(Expr::col(Column::PayloadHasErrors).eq(true), Expr::value(Option::<String>::None))
            .finally(Expr::col(Column::Payload))
            .into();
        let mut replay = Entity::update_many()
            .col_expr(Column::State, Expr::value(WebhookDeliveryState::Pending.as_str()))
            .col_expr(Column::Attempts, Expr::value(0))
            .col_expr(Column::Payload, whole)
            .col_expr(Column::WaitingSince, Expr::value(self.now))
            .col_expr(Column::NextAttemptAt, Expr::value(self.now))
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .col_expr(Column::FinishedAt, Expr::value(Option::<DateTime<Utc>>::None))
            .filter(Column::State.ne(WebhookDeliveryState::Pending.as_str()));
        for condition in conditions(filter) {
            replay = replay.filter(condition);
        }
        if let Some(id) = only {
            replay = replay.filter(Column::Id.eq(id.0));
        }
        let replayed = replay.exec(&self.tx).await?.rows_affected;
        if replayed > 0 {
            self.will_tell(Changed {
                organization_id: Some(filter.organization_id),
                kind: ChangedKind::Delivery,
                id: filter.organization_id.0,
            });
        }
        Ok(replayed)
    }
}

impl WebhookDelivery {
    /// Where the webhook stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
