//! Billing periods of subscriptions, as usage is billed by them.

use chrono::{DateTime, Utc};
use entity::usage_period::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::error::document;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, SubscriptionId, UsagePeriodId};
use crate::domain::mirror::SubscriptionMirror;
use crate::domain::plan::{Plan, Price};
use crate::domain::proration::Span;
use crate::domain::subscription::{Subscription, SubscriptionStatus};
use crate::domain::usage_period::{Owner, PeriodTerms, UsagePeriod, follow};

fn period(row: Model) -> Result<UsagePeriod, StoreError> {
    Ok(UsagePeriod {
        id: UsagePeriodId(row.id),
        organization_id: OrganizationId(row.organization_id),
        subscription_id: SubscriptionId(row.subscription_id),
        period_start: row.period_start,
        period_end: row.period_end,
        ended_at: row.ended_at,
        is_last: row.is_last,
        segments: document("usage_periods.segments", row.segments)?,
        seen_ended_at: row.seen_ended_at,
        closed_at: row.closed_at,
        rated_at: row.rated_at,
        terms: row.terms.map(|terms| document("usage_periods.terms", terms)).transpose()?,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn active_model(it: &UsagePeriod) -> ActiveModel {
    let json = |value: Result<serde_json::Value, serde_json::Error>| value.expect("plain data");
    ActiveModel {
        id: Set(it.id.0),
        organization_id: Set(it.organization_id.0),
        subscription_id: Set(it.subscription_id.0),
        period_start: Set(it.period_start),
        period_end: Set(it.period_end),
        ended_at: Set(it.ended_at),
        is_last: Set(it.is_last),
        segments: Set(json(serde_json::to_value(&it.segments))),
        seen_ended_at: Set(it.seen_ended_at),
        closed_at: Set(it.closed_at),
        rated_at: Set(it.rated_at),
        terms: Set(it.terms.as_ref().map(|terms| json(serde_json::to_value(terms)))),
        created_at: Set(it.created_at),
        updated_at: Set(it.updated_at),
    }
}

async fn newest(
    conn: &impl ConnectionTrait,
    subscription: SubscriptionId,
) -> Result<Option<UsagePeriod>, StoreError> {
    let row = Entity::find()
        .filter(Column::SubscriptionId.eq(subscription.0))
        .order_by_desc(Column::PeriodStart)
        .one(conn)
        .await?;
    row.map(period).transpose()
}

impl Store {
    /// The newest period of a subscription: the one that runs, unless it has ended.
    pub async fn newest_usage_period(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Option<UsagePeriod>, StoreError> {
        newest(&self.db, subscription).await
    }

    /// Periods whose end was seen before a time, and which are not closed, oldest first.
    pub async fn usage_periods_to_close(
        &self,
        seen_before: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<UsagePeriod>, StoreError> {
        let rows = Entity::find()
            .filter(Column::ClosedAt.is_null())
            .filter(Column::SeenEndedAt.lte(seen_before))
            .order_by_asc(Column::SeenEndedAt)
            .order_by_asc(Column::PeriodStart)
            .limit(limit)
            .all(&self.db)
            .await?;
        rows.into_iter().map(period).collect()
    }

    /// Closed periods that were not over before a time: usage of them may still come. After a place, in order.
    pub async fn usage_periods_that_may_grow(
        &self,
        not_over_before: DateTime<Utc>,
        after: Option<UsagePeriodId>,
        limit: u64,
    ) -> Result<Vec<UsagePeriod>, StoreError> {
        let mut select = Entity::find()
            .filter(Column::ClosedAt.is_not_null())
            .filter(Column::Terms.is_not_null())
            .filter(Column::EndedAt.gt(not_over_before));
        if let Some(after) = after {
            select = select.filter(Column::Id.gt(after.0));
        }
        let rows = select.order_by_asc(Column::Id).limit(limit).all(&self.db).await?;
        rows.into_iter().map(period).collect()
    }

    /// Notes that a period was rated, and that nothing is to be billed of it. Nothing when another process did meanwhile.
    pub async fn note_nothing_to_bill(&self, old: &UsagePeriod, new: &UsagePeriod) -> Result<(), StoreError> {
        note_rated(&self.db, old, new).await?;
        Ok(())
    }

    /// A period.
    pub async fn find_usage_period(&self, id: UsagePeriodId) -> Result<Option<UsagePeriod>, StoreError> {
        Entity::find_by_id(id.0).one(&self.db).await?.map(period).transpose()
    }
}

impl WriteTransaction {
    /// Writes what follows for the periods of a subscription from what Stripe says of it.
    pub(super) async fn follow_usage_periods(
        &self,
        row: &Subscription,
        mirror: &SubscriptionMirror,
        price: Option<(&Price, &Plan)>,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let period = mirror
            .current_period_start
            .zip(mirror.current_period_end)
            .and_then(|(start, end)| Span::new(start, end));
        let Some(period) = period else { return Ok(()) };
        // What was never paid for has never begun.
        if matches!(row.status, SubscriptionStatus::Incomplete | SubscriptionStatus::IncompleteExpired) {
            return Ok(());
        }
        let last = newest(&self.tx, row.id).await?;
        let terms = PeriodTerms {
            period,
            interval: price.map(|(price, _)| price.billing_interval),
            anchor: mirror.billing_cycle_anchor,
            plan_id: row.plan_id,
            currency: price.map(|(price, _)| price.unit_amount.currency),
            is_billed: match row.status {
                SubscriptionStatus::Active | SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid => true,
                // Of one that is first seen when it is over: unless it ended in its trial.
                SubscriptionStatus::Canceled => row.trial_end.is_none_or(|end| Some(end) < row.ended_at),
                _ => false,
            },
            ended_at: row.status.is_final().then_some(row.ended_at).flatten(),
        };
        let owner = Owner { organization_id: row.organization_id, subscription_id: row.id };
        for changed in follow(last, &owner, &terms, at, self.now, || UsagePeriodId(self.next_id())) {
            self.write_usage_period(&changed).await?;
        }
        Ok(())
    }

    async fn write_usage_period(&self, new: &UsagePeriod) -> Result<(), StoreError> {
        let over = OnConflict::column(Column::Id)
            .update_columns([
                Column::PeriodEnd,
                Column::EndedAt,
                Column::IsLast,
                Column::Segments,
                Column::SeenEndedAt,
                Column::UpdatedAt,
            ])
            .to_owned();
        Entity::insert(active_model(new)).on_conflict(over).exec_without_returning(&self.tx).await?;
        Ok(())
    }

    /// Notes that a period was rated: it is closed from now on. `Changed` when another process did meanwhile.
    pub async fn note_usage_rated(&self, old: &UsagePeriod, new: &UsagePeriod) -> Result<(), StoreError> {
        if note_rated(&self.tx, old, new).await? { Ok(()) } else { Err(StoreError::Changed("usage period")) }
    }
}

/// Writes what a rating came to, while the period is as it was read.
async fn note_rated(
    conn: &impl ConnectionTrait,
    old: &UsagePeriod,
    new: &UsagePeriod,
) -> Result<bool, StoreError> {
    let update = Entity::update_many()
        .set(active_model(new))
        .filter(Column::Id.eq(old.id.0))
        .filter(Column::UpdatedAt.eq(old.updated_at));
    let update = match old.rated_at {
        Some(rated_at) => update.filter(Column::RatedAt.eq(rated_at)),
        None => update.filter(Column::RatedAt.is_null()),
    };
    Ok(update.exec(conn).await?.rows_affected == 1)
}
