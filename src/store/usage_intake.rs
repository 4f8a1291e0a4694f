//! Taking usage in: each event once, and with it, in one transaction, what hours, days and periods add up to.
//!
//! Rows are reached in one order by everybody, so that no two transactions wait for each other: counters that refuse,
//! keys of events, hours, days, counters; among each in the order of their keys.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use entity::{usage_counter, usage_day, usage_day_key, usage_event, usage_event_key, usage_hour};
use sea_orm::sea_query::{ArrayType, Expr, OnConflict, Query, Value};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryResult,
    QuerySelect, QueryTrait, Statement,
};
use uuid::Uuid;

use super::usage_total::{adding, counter_row, counter_totals, day_row, hour_row};
use super::{Backend, StoreError, WriteTransaction};
use crate::domain::ids::{MeterId, OrganizationId};
use crate::domain::quantity::Quantity;
use crate::domain::usage::{NewUsageEvent, SplitQuantity, UsageTotals};

/// What is added up, by meter and stretch of time.
#[derive(Clone, Debug, Default)]
pub struct UsageAdditions {
    /// By the start of the hour.
    pub hours: BTreeMap<(MeterId, DateTime<Utc>), UsageTotals>,
    /// By the day.
    pub days: BTreeMap<(MeterId, NaiveDate), UsageTotals>,
    /// Different keys, by the day.
    pub day_keys: std::collections::BTreeSet<(MeterId, NaiveDate, String)>,
    /// By the start of the period.
    pub counters: BTreeMap<(MeterId, DateTime<Utc>), UsageTotals>,
}

/// An event as it is known by.
type Known = (Uuid, String);

fn known_of(rows: &[QueryResult]) -> Result<HashSet<Known>, StoreError> {
    let known = |row: &QueryResult| -> Result<Known, StoreError> {
        Ok((row.try_get("", "meter_id")?, row.try_get("", "event_id")?))
    };
    rows.iter().map(known).collect()
}

impl WriteTransaction {
    /// Holds the counter of a period until the transaction ends, and says what it counts. It is made when there is none.
    pub async fn hold_usage_counter(
        &self,
        organization: OrganizationId,
        meter: MeterId,
        period_start: DateTime<Utc>,
    ) -> Result<UsageTotals, StoreError> {
        use usage_counter::Column as C;
        let nothing = UsageTotals {
            events: 0,
            sum: Quantity::ZERO,
            max: Quantity::ZERO,
            last_at: period_start,
            last_event_id: String::new(),
            last: Quantity::ZERO,
        };
        let row = counter_row(organization.0, meter.0, period_start, &nothing, self.now);
        // Writing the row is what holds it, on both databases.
        let held = OnConflict::columns([C::OrganizationId, C::MeterId, C::PeriodStart])
            .value(C::UpdatedAt, Expr::cust("excluded.updated_at"))
            .to_owned();
        usage_counter::Entity::insert(row).on_conflict(held).exec_without_returning(&self.tx).await?;
        let row = usage_counter::Entity::find_by_id((organization.0, meter.0, period_start))
            .one(&self.tx)
            .await?
            .ok_or(StoreError::Changed("usage counter"))?;
        Ok(counter_totals(&row))
    }

    /// Which of the ids of a meter were seen before.
    pub async fn seen_usage_events(
        &self,
        organization: OrganizationId,
        meter: MeterId,
        ids: &[&str],
    ) -> Result<HashSet<String>, StoreError> {
        use usage_event_key::Column as C;
        let seen = usage_event_key::Entity::find()
            .select_only()
            .column(C::EventId)
            .filter(C::OrganizationId.eq(organization.0))
            .filter(C::MeterId.eq(meter.0))
            .filter(C::EventId.is_in(ids.iter().copied()))
            .into_tuple::<String>()
            .all(&self.tx)
            .await?;
        Ok(seen.into_iter().collect())
    }

    /// How many different keys a meter counted on the days from one to another, both included, and which of these are
    /// among them. Without an end of those that never end.
    pub async fn usage_keys(
        &self,
        organization: OrganizationId,
        meter: MeterId,
        (since, until): (NaiveDate, Option<NaiveDate>),
        keys: &[&str],
    ) -> Result<(u64, HashSet<String>), StoreError> {
        use usage_day_key::Column as C;
        let counted = || {
            usage_day_key::Entity::find()
                .select_only()
                .column(C::KeyValue)
                .filter(C::OrganizationId.eq(organization.0))
                .filter(C::MeterId.eq(meter.0))
                .filter(C::Day.gte(since))
                .apply_if(until, |query, until| query.filter(C::Day.lte(until)))
                .distinct()
        };
        let number = counted().count(&self.tx).await?;
        let among = counted().filter(C::KeyValue.is_in(keys.iter().copied()));
        let among = among.into_tuple::<String>().all(&self.tx).await?;
        Ok((number, among.into_iter().collect()))
    }

    /// Stores those of the events that were never seen, in one statement on PostgreSQL. Says which, by their places. No id
    /// of a meter comes twice among them.
    pub async fn insert_usage_events(
        &self,
        organization: OrganizationId,
        events: &[&NewUsageEvent],
    ) -> Result<HashSet<usize>, StoreError> {
        if events.is_empty() {
            return Ok(HashSet::new());
        }
        let places: HashMap<(Uuid, &str), usize> = events
            .iter()
            .enumerate()
            .map(|(place, event)| ((event.meter_id.0, event.event_id.as_str()), place))
            .collect();
        let mut sorted = events.to_vec();
        sorted.sort_unstable_by_key(|event| (event.meter_id, event.event_id.as_str()));
        let fresh = match self.store.backend() {
            Backend::Postgres => {
                let rows = self.tx.query_all_raw(self.unnested_usage(organization, &sorted)).await?;
                known_of(&rows)?
            }
            Backend::Sqlite => self.insert_usage_rows(organization, &sorted).await?,
        };
        let place = |(meter, event): &Known| places.get(&(*meter, event.as_str())).copied();
        Ok(fresh.iter().filter_map(place).collect())
    }

    async fn insert_usage_rows(
        &self,
        organization: OrganizationId,
        events: &[&NewUsageEvent],
    ) -> Result<HashSet<Known>, StoreError> {
        use usage_event_key::Column as C;
        let keys = events.iter().map(|event| usage_event_key::ActiveModel {
            organization_id: Set(organization.0),
            meter_id: Set(event.meter_id.0),
            event_id: Set(event.event_id.clone()),
            received_at: Set(self.now),
        });
        let once = OnConflict::columns([C::OrganizationId, C::MeterId, C::EventId]).do_nothing().to_owned();
        let mut insert = usage_event_key::Entity::insert_many(keys).on_conflict(once).into_query();
        insert.returning(Query::returning().columns([C::MeterId, C::EventId]));
        let fresh = known_of(&self.tx.query_all(&insert).await?)?;
        let rows = events
            .iter()
            .filter(|event| fresh.contains(&(event.meter_id.0, event.event_id.clone())))
            .map(|event| {
                let quantity = SplitQuantity::from(event.quantity);
                usage_event::ActiveModel {
                    organization_id: Set(organization.0),
                    meter_id: Set(event.meter_id.0),
                    event_id: Set(event.event_id.clone()),
                    occurred_at: Set(event.occurred_at),
                    quantity_units: Set(quantity.units),
                    quantity_fraction: Set(quantity.fraction),
                    key_value: Set(event.key.clone()),
                    properties: Set(event.properties.clone()),
                    received_at: Set(self.now),
                }
            });
        usage_event::Entity::insert_many(rows).exec_without_returning(&self.tx).await?;
        Ok(fresh)
    }

    /// One statement for any number of events: PostgreSQL plans it once, and one answer tells what is new.
    fn unnested_usage(&self, organization: OrganizationId, events: &[&NewUsageEvent]) -> Statement {
        let array = |kind: ArrayType, value: fn(&NewUsageEvent) -> Value| {
            Value::Array(kind, Some(Box::new(events.iter().map(|event| value(event)).collect())))
        };
        // An array of the driver's has no nulls; neither a key nor properties are ever empty.
        let values = [
            array(ArrayType::Uuid, |event| event.meter_id.0.into()),
            array(ArrayType::String, |event| event.event_id.as_str().into()),
            array(ArrayType::ChronoDateTimeUtc, |event| event.occurred_at.into()),
            array(ArrayType::BigInt, |event| SplitQuantity::from(event.quantity).units.into()),
            array(ArrayType::BigInt, |event| SplitQuantity::from(event.quantity).fraction.into()),
            array(ArrayType::String, |event| event.key.as_deref().unwrap_or_default().into()),
            array(ArrayType::String, |event| {
                event.properties.as_ref().map(ToString::to_string).unwrap_or_default().into()
            }),
            organization.0.into(),
            self.now.into(),
        ];
        Statement::from_sql_and_values(sea_orm::DbBackend::Postgres, INSERT, values)
    }

    /// Adds up what events bring to hours, days and periods, and the keys that they count.
    pub async fn add_usage(
        &self,
        organization: OrganizationId,
        additions: &UsageAdditions,
    ) -> Result<(), StoreError> {
        let (backend, id, now) = (self.store.backend(), organization.0, self.now);
        let hours = additions.hours.iter().map(|((meter, start), it)| hour_row(id, meter.0, *start, it, now));
        let adds = adding(backend, "usage_hours", "hour_start");
        usage_hour::Entity::insert_many(hours).on_conflict(adds).exec_without_returning(&self.tx).await?;
        let days = additions.days.iter().map(|((meter, day), it)| day_row(id, meter.0, *day, it, now));
        let adds = adding(backend, "usage_days", "day");
        usage_day::Entity::insert_many(days).on_conflict(adds).exec_without_returning(&self.tx).await?;
        if !additions.day_keys.is_empty() {
            use usage_day_key::Column as C;
            let keys = additions.day_keys.iter().map(|(meter, day, key)| usage_day_key::ActiveModel {
                organization_id: Set(id),
                meter_id: Set(meter.0),
                day: Set(*day),
                key_value: Set(key.clone()),
            });
            let once = OnConflict::columns([C::OrganizationId, C::MeterId, C::Day, C::KeyValue])
                .do_nothing()
                .to_owned();
            let insert = usage_day_key::Entity::insert_many(keys).on_conflict(once).into_query();
            self.tx.execute(&insert).await?;
        }
        if !additions.counters.is_empty() {
            let counters = additions
                .counters
                .iter()
                .map(|((meter, start), it)| counter_row(id, meter.0, *start, it, now));
            let adds = adding(backend, "usage_counters", "period_start");
            usage_counter::Entity::insert_many(counters)
                .on_conflict(adds)
                .exec_without_returning(&self.tx)
                .await?;
        }
        Ok(())
    }
}

const INSERT: &str = "\
WITH event AS MATERIALIZED (\
SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::timestamptz[], $4::int8[], $5::int8[], $6::text[], $7::text[]) \
AS event (meter_id, event_id, occurred_at, quantity_units, quantity_fraction, key_value, properties)), \
fresh AS (\
INSERT INTO usage_event_keys (organization_id, meter_id, event_id, received_at) \
SELECT $8::uuid, meter_id, event_id, $9::timestamptz FROM event \
ON CONFLICT (organization_id, meter_id, event_id) DO NOTHING RETURNING meter_id, event_id), \
stored AS (\
INSERT INTO usage_events (organization_id, meter_id, event_id, occurred_at, quantity_units, quantity_fraction, \
key_value, properties, received_at) \
SELECT $8::uuid, event.meter_id, event.event_id, occurred_at, quantity_units, quantity_fraction, NULLIF(key_value, ''), \
NULLIF(properties, '')::jsonb, $9::timestamptz FROM event JOIN fresh \
ON fresh.meter_id = event.meter_id AND fresh.event_id = event.event_id) \
SELECT meter_id, event_id FROM fresh";
