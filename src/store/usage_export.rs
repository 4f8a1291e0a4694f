//! Usage events, page by page, for whoever takes all of them away.

use chrono::{DateTime, Utc};
use entity::usage_event::{Column, Entity, Model};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::usage::UsageRange;
use super::{Store, StoreError};
use crate::domain::usage::{RecordedUsage, SplitQuantity};

fn recorded(row: Model) -> Result<RecordedUsage, StoreError> {
    let quantity = SplitQuantity { units: row.quantity_units, fraction: row.quantity_fraction };
    let quantity = quantity.join().map_err(|error| StoreError::UnknownValue {
        column: "usage_events.quantity_units",
        value: error.to_string(),
    })?;
    Ok(RecordedUsage {
        event_id: row.event_id,
        occurred_at: row.occurred_at,
        quantity,
        key: row.key_value,
        properties: row.properties,
        received_at: row.received_at,
    })
}

impl Store {
    /// Events of a meter in the order of their time, of two at one time the one with the smaller id first: those behind a place,
    /// `limit` at most.
    pub async fn list_usage_events(
        &self,
        range: &UsageRange<DateTime<Utc>>,
        after: Option<&(DateTime<Utc>, String)>,
        limit: u64,
    ) -> Result<Vec<RecordedUsage>, StoreError> {
        let mut select = Entity::find()
            .filter(Column::OrganizationId.eq(range.organization_id.0))
            .filter(Column::MeterId.eq(range.meter_id.0))
            .filter(Column::OccurredAt.lt(range.until));
        select = match after {
            None => select.filter(Column::OccurredAt.gte(range.since)),
            // The first bound is for the index, which knows times alone.
            Some((at, id)) => select.filter(Column::OccurredAt.gte(*at)).filter(
                Condition::any().add(Column::OccurredAt.gt(*at)).add(
                    Condition::all().add(Column::OccurredAt.eq(*at)).add(Column::EventId.gt(id.as_str())),
                ),
            ),
        };
        let rows = select
            .order_by_asc(Column::OccurredAt)
            .order_by_asc(Column::EventId)
            .limit(limit)
            .all(&self.db)
            .await?;
        rows.into_iter().map(recorded).collect()
    }
}
