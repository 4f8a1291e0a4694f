//! Usage by meter and day.

use std::collections::HashMap;

use chrono::NaiveDate;
use entity::usage_daily::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{Store, StoreError};
use crate::domain::ids::OrganizationId;
use crate::domain::usage::UsageDay;

impl Store {
    /// Each organization's usage from `since` to `until`, both included, by day and meter.
    pub async fn usage_of(
        &self,
        organizations: &[OrganizationId],
        since: NaiveDate,
        until: NaiveDate,
    ) -> Result<HashMap<OrganizationId, Vec<UsageDay>>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(Column::Day.gte(since))
            .filter(Column::Day.lte(until))
            .order_by_asc(Column::Day)
            .order_by_asc(Column::Meter)
            .all(&self.db)
            .await?;
        let mut usage: HashMap<OrganizationId, Vec<UsageDay>> = HashMap::new();
        for row in rows {
            usage.entry(OrganizationId(row.organization_id)).or_default().push(UsageDay {
                meter: row.meter,
                day: row.day,
                quantity: row.quantity,
            });
        }
        Ok(usage)
    }
}
