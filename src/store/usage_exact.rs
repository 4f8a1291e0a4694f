//! Usage of a stretch of time to the microsecond: whole hours from what was added up, what is cut from the events
//! themselves.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use entity::{usage_event, usage_hour};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::usage_total::hour_totals;
use super::{Store, StoreError};
use crate::domain::ids::{MeterId, OrganizationId};
use crate::domain::meter::Aggregation;
use crate::domain::proration::Span;
use crate::domain::quantity::Quantity;
use crate::domain::usage::{SplitQuantity, UsageStretch, UsageTotals};
use crate::domain::usage_bucket::UsageGranularity;

/// What was recorded of a meter in a stretch of time.
#[derive(Clone, Debug, Default)]
pub struct ExactUsage {
    /// What adds up to it, in pieces.
    pub stretches: Vec<UsageStretch>,
    /// The different keys, of a meter that counts those.
    pub keys: BTreeSet<String>,
}

fn stretch(row: &usage_event::Model) -> Result<UsageStretch, StoreError> {
    let quantity = SplitQuantity { units: row.quantity_units, fraction: row.quantity_fraction };
    let quantity = quantity.join().map_err(|error| StoreError::UnknownValue {
        column: "usage_events.quantity_units",
        value: error.to_string(),
    })?;
    let totals = UsageTotals {
        events: 1,
        sum: quantity,
        max: quantity,
        last_at: row.occurred_at,
        last_event_id: row.event_id.clone(),
        last: quantity,
    };
    Ok(UsageStretch { start: row.occurred_at, totals })
}

impl Store {
    /// What was recorded of a meter within `span`. `zone` is that of the organization's clock: where it was another one
    /// before, and the hours lie askew, only the events are read.
    pub async fn usage_within(
        &self,
        organization: OrganizationId,
        meter: MeterId,
        aggregation: Aggregation,
        span: Span,
        zone: Tz,
    ) -> Result<ExactUsage, StoreError> {
        if aggregation == Aggregation::UniqueCount {
            use usage_event::Column as C;
            let keys = usage_event::Entity::find()
                .select_only()
                .column(C::KeyValue)
                .filter(C::OrganizationId.eq(organization.0))
                .filter(C::MeterId.eq(meter.0))
                .filter(C::OccurredAt.gte(span.start()))
                .filter(C::OccurredAt.lt(span.end()))
                .filter(C::KeyValue.is_not_null())
                .distinct()
                .into_tuple::<String>()
                .all(&self.db)
                .await?;
            return Ok(ExactUsage { stretches: Vec::new(), keys: keys.into_iter().collect() });
        }
        let hour = |at| UsageGranularity::Hour.bucket(at, zone);
        let first = hour(span.start());
        let begins = if first.start() == span.start() { span.start() } else { first.end() };
        let ends = hour(span.end()).start();
        let mut usage = ExactUsage::default();
        if begins >= ends {
            usage.stretches = self.usage_events_within(organization, meter, span.start(), span.end()).await?;
            return Ok(usage);
        }
        let rows = {
            use usage_hour::Column as C;
            usage_hour::Entity::find()
                .filter(C::OrganizationId.eq(organization.0))
                .filter(C::MeterId.eq(meter.0))
                .filter(C::HourStart.gt(begins - Duration::hours(1)))
                .filter(C::HourStart.lt(ends))
                .order_by_asc(C::HourStart)
                .all(&self.db)
                .await?
        };
        if rows.iter().any(|row| hour(row.hour_start).start() != row.hour_start) {
            usage.stretches = self.usage_events_within(organization, meter, span.start(), span.end()).await?;
            return Ok(usage);
        }
        usage.stretches = self.usage_events_within(organization, meter, span.start(), begins).await?;
        for row in rows.iter().filter(|row| row.hour_start >= begins) {
            usage.stretches.push(UsageStretch { start: row.hour_start, totals: hour_totals(row)? });
        }
        usage.stretches.extend(self.usage_events_within(organization, meter, ends, span.end()).await?);
        Ok(usage)
    }

    async fn usage_events_within(
        &self,
        organization: OrganizationId,
        meter: MeterId,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<UsageStretch>, StoreError> {
        use usage_event::Column as C;
        if since >= until {
            return Ok(Vec::new());
        }
        let rows = usage_event::Entity::find()
            .filter(C::OrganizationId.eq(organization.0))
            .filter(C::MeterId.eq(meter.0))
            .filter(C::OccurredAt.gte(since))
            .filter(C::OccurredAt.lt(until))
            .all(&self.db)
            .await?;
        rows.iter().map(stretch).collect()
    }

    /// The latest level of a meter before a moment, to the microsecond.
    pub async fn level_before(
        &self,
        organization: OrganizationId,
        meter: MeterId,
        moment: DateTime<Utc>,
    ) -> Result<Option<Quantity>, StoreError> {
        use usage_hour::Column as C;
        let before = |moment: DateTime<Utc>| {
            usage_hour::Entity::find()
                .filter(C::OrganizationId.eq(organization.0))
                .filter(C::MeterId.eq(meter.0))
                .filter(C::HourStart.lt(moment))
                .order_by_desc(C::HourStart)
                .one(&self.db)
        };
        let Some(row) = before(moment).await? else { return Ok(None) };
        let totals = hour_totals(&row)?;
        if totals.last_at < moment {
            return Ok(Some(totals.last));
        }
        let events = self.usage_events_within(organization, meter, row.hour_start, moment).await?;
        let last = events
            .into_iter()
            .map(|one| one.totals)
            .max_by(|a, b| (a.last_at, &a.last_event_id).cmp(&(b.last_at, &b.last_event_id)));
        match last {
            Some(totals) => Ok(Some(totals.last)),
            None => match before(row.hour_start).await? {
                Some(row) => Ok(Some(hour_totals(&row)?.last)),
                None => Ok(None),
            },
        }
    }

    /// Whether anything of a meter was recorded for a stretch of time since another: hours that it lies in were touched.
    pub async fn was_usage_added(
        &self,
        organization: OrganizationId,
        span: Span,
        since: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        use usage_hour::Column as C;
        let row = usage_hour::Entity::find()
            .filter(C::OrganizationId.eq(organization.0))
            .filter(C::HourStart.gt(span.start() - Duration::hours(1)))
            .filter(C::HourStart.lt(span.end()))
            .filter(C::UpdatedAt.gte(since))
            .one(&self.db)
            .await?;
        Ok(row.is_some())
    }
}
