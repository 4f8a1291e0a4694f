//! Webhooks that workers claim: few of one endpoint and of one organization at the same time, and first of the endpoint that
//! has waited longest. Whoever has many, or answers slowly, keeps nobody else waiting.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::webhook_delivery::{Column, Entity};
use entity::webhook_endpoint as endpoint;
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, Order, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use uuid::Uuid;

use super::outbox::CLAIM_ROUNDS;
use super::page::readable_row;
use super::webhook_delivery::{deliveries, delivery};
use super::{ClaimedWebhook, Store, StoreError};
use crate::domain::webhook_delivery::WebhookDeliveryState;

/// Endpoints that are looked at in one round.
const CANDIDATES: u64 = 64;

/// How many webhooks are claimed.
#[derive(Clone, Copy, Debug)]
pub struct WebhookPlaces {
    /// At once.
    pub limit: u64,
    /// Of one endpoint, with those that are under way. One that fails is asked with one at a time.
    pub per_endpoint: u64,
    /// Of one organization, with those that are under way.
    pub per_organization: u64,
}

/// What is under way, by endpoint and by organization: by any process.
#[derive(Default)]
struct UnderWay {
    endpoints: HashMap<Uuid, u64>,
    organizations: HashMap<Uuid, u64>,
}

impl UnderWay {
    async fn look(
        conn: &impl ConnectionTrait,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<Self, StoreError> {
        // A lease ends no later than one that begins now.
        let counts: Vec<(Uuid, Uuid, i64)> = Entity::find()
            .select_only()
            .column(Column::OrganizationId)
            .column(Column::WebhookEndpointId)
            .column_as(Column::Id.count(), "under_way")
            .filter(Column::State.eq(WebhookDeliveryState::Pending.as_str()))
            .filter(Column::NextAttemptAt.gt(now))
            .filter(Column::NextAttemptAt.lte(now + lease))
            .filter(Column::LeaseToken.is_not_null())
            .group_by(Column::OrganizationId)
            .group_by(Column::WebhookEndpointId)
            .into_tuple()
            .all(conn)
            .await?;
        let mut under_way = Self::default();
        for (organization, endpoint, number) in counts {
            under_way.add(organization, endpoint, u64::try_from(number).unwrap_or_default());
        }
        Ok(under_way)
    }

    fn add(&mut self, organization: Uuid, endpoint: Uuid, number: u64) {
        *self.endpoints.entry(endpoint).or_default() += number;
        *self.organizations.entry(organization).or_default() += number;
    }

    /// How many more there may be of an endpoint.
    fn room(&self, it: &Candidate, places: WebhookPlaces) -> u64 {
        let per_endpoint = if it.failures > 0 { 1 } else { places.per_endpoint };
        let of_endpoint = self.endpoints.get(&it.id).copied().unwrap_or_default();
        let of_organization = self.organizations.get(&it.organization_id).copied().unwrap_or_default();
        let in_organization = places.per_organization.saturating_sub(of_organization);
        Ord::min(per_endpoint.saturating_sub(of_endpoint), in_organization)
    }

    /// Those of which there may be no more.
    fn full(counts: &HashMap<Uuid, u64>, most: u64) -> Vec<Uuid> {
        counts.iter().filter(|(_, number)| **number >= most).map(|(id, _)| *id).collect()
    }
}

/// An endpoint that something is due to be sent to.
#[derive(sea_orm::FromQueryResult)]
struct Candidate {
    id: Uuid,
    organization_id: Uuid,
    failures: i32,
}

fn is_due(now: DateTime<Utc>) -> sea_orm::sea_query::SimpleExpr {
    Expr::col((Entity, Column::State))
        .eq(WebhookDeliveryState::Pending.as_str())
        .and(Expr::col((Entity, Column::NextAttemptAt)).lte(now))
}

impl Store {
    /// Claims webhooks that are due, for `lease`. Two workers never get the same one. No change of the business: no audit
    /// records.
    pub async fn claim_webhooks(
        &self,
        places: WebhookPlaces,
        lease: Duration,
    ) -> Result<Vec<ClaimedWebhook>, StoreError> {
        for _ in 0..CLAIM_ROUNDS {
            let candidates = self.endpoints_with_webhooks(places, lease).await?;
            if candidates.is_empty() {
                break;
            }
            let claimed = self.claim_webhooks_of(candidates, places, lease).await?;
            // Others were faster, or what there is cannot be read here.
            if !claimed.is_empty() {
                return Ok(claimed);
            }
        }
        Ok(Vec::new())
    }

    /// Endpoints that something is due to be sent to and that there is room for, the longest waiting first.
    async fn endpoints_with_webhooks(
        &self,
        places: WebhookPlaces,
        lease: Duration,
    ) -> Result<Vec<Uuid>, StoreError> {
        let now = self.clock.now();
        let under_way = UnderWay::look(&self.db, now, lease).await?;
        let due = Query::select()
            .expr(Expr::value(1))
            .from(Entity)
            .and_where(
                Expr::col((Entity, Column::WebhookEndpointId))
                    .equals((endpoint::Entity, endpoint::Column::Id)),
            )
            .and_where(is_due(now))
            .to_owned();
        let busy: Vec<Uuid> = under_way.endpoints.keys().copied().collect();
        let ids = endpoint::Entity::find()
            .select_only()
            .column(endpoint::Column::Id)
            .filter(endpoint::Column::BackoffUntil.is_null().or(endpoint::Column::BackoffUntil.lte(now)))
            .filter(endpoint::Column::Failures.eq(0).or(endpoint::Column::Id.is_not_in(busy)))
            .filter(endpoint::Column::Id.is_not_in(UnderWay::full(&under_way.endpoints, places.per_endpoint)))
            .filter(
                endpoint::Column::OrganizationId
                    .is_not_in(UnderWay::full(&under_way.organizations, places.per_organization)),
            )
            .filter(Expr::exists(due))
            .order_by_asc(endpoint::Column::ClaimedAt)
            .limit(CANDIDATES)
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(ids)
    }

    async fn claim_webhooks_of(
        &self,
        candidates: Vec<Uuid>,
        places: WebhookPlaces,
        lease: Duration,
    ) -> Result<Vec<ClaimedWebhook>, StoreError> {
        let (now, token) = (self.clock.now(), self.ids.next());
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let tx = self.db.begin_with_options(options).await?;
        // Whoever claims of an endpoint holds its row, so that what is under way of it is counted by one at a time. Others
        // pass it over.
        let held = Query::select()
            .columns([endpoint::Column::Id, endpoint::Column::OrganizationId, endpoint::Column::Failures])
            .from(endpoint::Entity)
            .and_where(Expr::col(endpoint::Column::Id).is_in(candidates))
            .order_by(endpoint::Column::ClaimedAt, Order::Asc)
            .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked)
            .to_owned();
        let held = tx.query_all(&held).await?;
        let held: Vec<Candidate> = held
            .iter()
            .map(|row| sea_orm::FromQueryResult::from_query_result(row, ""))
            .collect::<Result<_, _>>()?;
        let mut under_way = UnderWay::look(&tx, now, lease).await?;
        let (mut ids, mut endpoints): (Vec<Uuid>, Vec<Uuid>) = (Vec::new(), Vec::new());
        for candidate in held {
            let left = places.limit.saturating_sub(u64::try_from(ids.len()).unwrap_or(u64::MAX));
            let room = Ord::min(under_way.room(&candidate, places), left);
            if room == 0 {
                continue;
            }
            let found: Vec<Uuid> = Entity::find()
                .select_only()
                .column(Column::Id)
                .filter(Column::WebhookEndpointId.eq(candidate.id))
                .filter(is_due(now))
                .order_by_asc(Column::NextAttemptAt)
                .limit(room)
                .into_tuple()
                .all(&tx)
                .await?;
            let number = u64::try_from(found.len()).unwrap_or_default();
            under_way.add(candidate.organization_id, candidate.id, number);
            endpoints.push(candidate.id);
            ids.extend(found);
        }
        if ids.is_empty() {
            tx.rollback().await?;
            return Ok(Vec::new());
        }
        Entity::update_many()
            .col_expr(Column::LeaseToken, Expr::value(token))
            .col_expr(Column::NextAttemptAt, Expr::value(now + lease))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .filter(is_due(now))
            .exec(&tx)
            .await?;
        endpoint::Entity::update_many()
            .col_expr(endpoint::Column::ClaimedAt, Expr::value(now))
            .filter(endpoint::Column::Id.is_in(endpoints))
            .exec(&tx)
            .await?;
        let mut select = deliveries();
        select
            .and_where(Expr::col((Entity, Column::Id)).is_in(ids))
            .and_where(Expr::col((Entity, Column::LeaseToken)).eq(token));
        let rows = tx.query_all(&select).await?;
        let claim = |row| {
            let delivery = readable_row(delivery(row), "webhook_deliveries")?;
            Some(ClaimedWebhook { delivery, lease_token: token })
        };
        let claimed: Vec<ClaimedWebhook> = rows.iter().filter_map(claim).collect();
        if claimed.len() < rows.len() {
            // Left to a worker that can read them: they take nobody's place until they are due again.
            Entity::update_many()
                .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
                .filter(Column::LeaseToken.eq(token))
                .filter(Column::Id.is_not_in(claimed.iter().map(|it| it.delivery.id.0)))
                .exec(&tx)
                .await?;
        }
        tx.commit().await?;
        Ok(claimed)
    }
}
