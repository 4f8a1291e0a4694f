//! Usage as it is read: by hour, day and period.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use entity::{meter, usage_counter, usage_day, usage_day_key, usage_hour};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::usage_total::{counter_totals, day_totals, hour_totals};
use super::{Store, StoreError};
use crate::domain::ids::{MeterId, OrganizationId};
use crate::domain::meter::Aggregation;
use crate::domain::usage::{UsageDay, UsageStretch, UsageTotals};

/// A meter of an organization, and a stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct UsageRange<T> {
    /// Whose usage.
    pub organization_id: OrganizationId,
    /// Of which meter.
    pub meter_id: MeterId,
    /// From when on, with it.
    pub since: T,
    /// Until when, without it.
    pub until: T,
}

impl Store {
    /// Each organization's usage from `since` to `until`, both included, by day and meter.
    pub async fn usage_of(
        &self,
        organizations: &[OrganizationId],
        since: NaiveDate,
        until: NaiveDate,
    ) -> Result<HashMap<OrganizationId, Vec<UsageDay>>, StoreError> {
        use usage_day::Column as C;
        let rows = usage_day::Entity::find()
            .find_also_related(meter::Entity)
            .filter(C::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(C::Day.gte(since))
            .filter(C::Day.lte(until))
            .order_by_asc(C::Day)
            .order_by_asc(meter::Column::Name)
            .all(&self.db)
            .await?;
        let counts_keys = |row: &Option<meter::Model>| {
            row.as_ref().is_some_and(|row| row.aggregation == Aggregation::UniqueCount.as_str())
        };
        let keys = if rows.iter().any(|(_, meter)| counts_keys(meter)) {
            self.count_usage_day_keys(organizations, since, until).await?
        } else {
            HashMap::new()
        };
        let mut usage: HashMap<OrganizationId, Vec<UsageDay>> = HashMap::new();
        for (row, meter) in rows {
            let Some(meter) = meter else { continue };
            let quantity = match Aggregation::parse(&meter.aggregation) {
                Some(Aggregation::Sum) | None => row.sum_units,
                Some(Aggregation::Max | Aggregation::DailyMaxAverage) => row.max_units,
                Some(Aggregation::Last) => row.last_units,
                Some(Aggregation::UniqueCount) => {
                    let known = keys.get(&(row.organization_id, row.meter_id, row.day));
                    known.copied().unwrap_or_default()
                }
            };
            usage.entry(OrganizationId(row.organization_id)).or_default().push(UsageDay {
                meter: meter.name,
                day: row.day,
                quantity,
            });
        }
        Ok(usage)
    }

    async fn count_usage_day_keys(
        &self,
        organizations: &[OrganizationId],
        since: NaiveDate,
        until: NaiveDate,
    ) -> Result<HashMap<(uuid::Uuid, uuid::Uuid, NaiveDate), i64>, StoreError> {
        use usage_day_key::Column as C;
        let rows = usage_day_key::Entity::find()
            .select_only()
            .column(C::OrganizationId)
            .column(C::MeterId)
            .column(C::Day)
            .column_as(C::KeyValue.count(), "number")
            .filter(C::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(C::Day.gte(since))
            .filter(C::Day.lte(until))
            .group_by(C::OrganizationId)
            .group_by(C::MeterId)
            .group_by(C::Day)
            .into_tuple::<(uuid::Uuid, uuid::Uuid, NaiveDate, i64)>()
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(|(id, meter, day, number)| ((id, meter, day), number)).collect())
    }

    /// The hours of a meter in which there was something, in order.
    pub async fn list_usage_hours(
        &self,
        range: &UsageRange<DateTime<Utc>>,
    ) -> Result<Vec<UsageStretch>, StoreError> {
        use usage_hour::Column as C;
        let rows = usage_hour::Entity::find()
            .filter(C::OrganizationId.eq(range.organization_id.0))
            .filter(C::MeterId.eq(range.meter_id.0))
            .filter(C::HourStart.gte(range.since))
            .filter(C::HourStart.lt(range.until))
            .order_by_asc(C::HourStart)
            .all(&self.db)
            .await?;
        let stretch =
            |row: &usage_hour::Model| UsageStretch { start: row.hour_start, totals: hour_totals(row) };
        Ok(rows.iter().map(stretch).collect())
    }

    /// The days of a meter on which there was something, in order.
    pub async fn list_usage_days(
        &self,
        range: &UsageRange<NaiveDate>,
    ) -> Result<Vec<(NaiveDate, UsageTotals)>, StoreError> {
        use usage_day::Column as C;
        let rows = usage_day::Entity::find()
            .filter(C::OrganizationId.eq(range.organization_id.0))
            .filter(C::MeterId.eq(range.meter_id.0))
            .filter(C::Day.gte(range.since))
            .filter(C::Day.lt(range.until))
            .order_by_asc(C::Day)
            .all(&self.db)
            .await?;
        Ok(rows.iter().map(|row| (row.day, day_totals(row))).collect())
    }

    /// The different keys that a meter counted, by day.
    pub async fn list_usage_day_keys(
        &self,
        range: &UsageRange<NaiveDate>,
    ) -> Result<BTreeSet<(NaiveDate, String)>, StoreError> {
        use usage_day_key::Column as C;
        let rows = usage_day_key::Entity::find()
            .filter(C::OrganizationId.eq(range.organization_id.0))
            .filter(C::MeterId.eq(range.meter_id.0))
            .filter(C::Day.gte(range.since))
            .filter(C::Day.lt(range.until))
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(|row| (row.day, row.key_value)).collect())
    }

    /// What a meter counted last before a moment.
    pub async fn find_usage_before(
        &self,
        organization: OrganizationId,
        meter: MeterId,
        moment: DateTime<Utc>,
    ) -> Result<Option<UsageTotals>, StoreError> {
        use usage_hour::Column as C;
        let row = usage_hour::Entity::find()
            .filter(C::OrganizationId.eq(organization.0))
            .filter(C::MeterId.eq(meter.0))
            .filter(C::HourStart.lt(moment))
            .order_by_desc(C::HourStart)
            .one(&self.db)
            .await?;
        Ok(row.as_ref().map(hour_totals))
    }

    /// What the periods of meters count, where they count anything.
    pub async fn usage_counters(
        &self,
        organization: OrganizationId,
        periods: &[(MeterId, DateTime<Utc>)],
    ) -> Result<HashMap<MeterId, UsageTotals>, StoreError> {
        use usage_counter::Column as C;
        if periods.is_empty() {
            return Ok(HashMap::new());
        }
        let any = periods.iter().fold(Condition::any(), |any, (meter, start)| {
            any.add(Condition::all().add(C::MeterId.eq(meter.0)).add(C::PeriodStart.eq(*start)))
        });
        let rows = usage_counter::Entity::find()
            .filter(C::OrganizationId.eq(organization.0))
            .filter(any)
            .all(&self.db)
            .await?;
        Ok(rows.iter().map(|row| (MeterId(row.meter_id), counter_totals(row))).collect())
    }

    /// How many different keys a meter counted on the days from `since`.
    pub async fn count_usage_keys(
        &self,
        organization: OrganizationId,
        meter: MeterId,
        since: NaiveDate,
    ) -> Result<u64, StoreError> {
        use usage_day_key::Column as C;
        let keys = usage_day_key::Entity::find()
            .select_only()
            .column(C::KeyValue)
            .filter(C::OrganizationId.eq(organization.0))
            .filter(C::MeterId.eq(meter.0))
            .filter(C::Day.gte(since))
            .distinct();
        Ok(keys.count(&self.db).await?)
    }
}
