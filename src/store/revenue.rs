//! What subscriptions came to, as it was learned.

use chrono::{DateTime, Utc};
use entity::subscription_record::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::error::currency;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, SubscriptionId};
use crate::domain::money::Money;
use crate::domain::plan::Price;
use crate::domain::revenue::{SubscriptionRecord, monthly_minor};
use crate::domain::subscription::{Subscription, SubscriptionStatus};

fn record(row: Model) -> Result<SubscriptionRecord, StoreError> {
    let monthly = match &row.currency {
        Some(code) => Some(Money::new(row.monthly_minor, currency("subscription_records.currency", code)?)),
        None => None,
    };
    Ok(SubscriptionRecord {
        subscription_id: SubscriptionId(row.subscription_id),
        organization_id: OrganizationId(row.organization_id),
        recorded_at: row.recorded_at,
        status: SubscriptionStatus::parse(&row.status),
        monthly,
    })
}

impl Store {
    /// What was recorded of subscriptions before a time, in the order in which it was learned: those behind a place, `limit` at
    /// most.
    pub async fn list_subscription_records(
        &self,
        before: DateTime<Utc>,
        after: Option<(DateTime<Utc>, SubscriptionId)>,
        limit: u64,
    ) -> Result<Vec<SubscriptionRecord>, StoreError> {
        let mut select = Entity::find().filter(Column::RecordedAt.lt(before));
        if let Some((at, id)) = after {
            select = select.filter(Column::RecordedAt.gte(at)).filter(
                Condition::any().add(Column::RecordedAt.gt(at)).add(
                    Condition::all().add(Column::RecordedAt.eq(at)).add(Column::SubscriptionId.gt(id.0)),
                ),
            );
        }
        let rows = select
            .order_by_asc(Column::RecordedAt)
            .order_by_asc(Column::SubscriptionId)
            .limit(limit)
            .all(&self.db)
            .await?;
        rows.into_iter().map(record).collect()
    }
}

impl WriteTransaction {
    /// Records what a subscription comes to from now on, when that is another than before.
    pub(super) async fn record_subscription(
        &self,
        old: Option<&Subscription>,
        new: &Subscription,
        price: Option<&Price>,
    ) -> Result<(), StoreError> {
        let terms = |row: &Subscription| (row.status.clone(), row.plan_id, row.price_id, row.quantity);
        if old.is_some_and(|old| terms(old) == terms(new)) {
            return Ok(());
        }
        let monthly = price
            .map_or(0, |price| monthly_minor(price.unit_amount.minor, new.quantity, price.billing_interval));
        let row = ActiveModel {
            subscription_id: Set(new.id.0),
            recorded_at: Set(self.now),
            organization_id: Set(new.organization_id.0),
            status: Set(new.status.as_str().to_owned()),
            plan_id: Set(new.plan_id.map(|id| id.0)),
            currency: Set(price.map(|price| price.unit_amount.currency.code().to_owned())),
            monthly_minor: Set(monthly),
            quantity: Set(new.quantity),
        };
        // Twice at one time is what it was last.
        let last = OnConflict::columns([Column::SubscriptionId, Column::RecordedAt])
            .update_columns([
                Column::Status,
                Column::PlanId,
                Column::Currency,
                Column::MonthlyMinor,
                Column::Quantity,
            ])
            .to_owned();
        Entity::insert(row).on_conflict(last).exec_without_returning(&self.tx).await?;
        Ok(())
    }
}
