//! What plans charge for usage, as it held at any time.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::plan_charge::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};

use super::error::document;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::PlanId;
use crate::domain::plan::Plan;
use crate::domain::plan_charge::PlanCharge;

/// The charges of plans over time, each from a time on.
#[derive(Clone, Debug, Default)]
pub struct PlanChargeHistory(HashMap<PlanId, Vec<(DateTime<Utc>, Vec<PlanCharge>)>>);

impl PlanChargeHistory {
    /// What held at a time. What a plan began with held before, too: clocks differ.
    pub fn at(&self, plan: PlanId, at: DateTime<Utc>) -> &[PlanCharge] {
        let Some(versions) = self.0.get(&plan) else { return &[] };
        let held = versions.iter().rev().find(|(since, _)| *since <= at).or_else(|| versions.first());
        held.map_or(&[], |(_, charges)| charges)
    }

    /// What holds now.
    pub fn latest(&self, plan: PlanId) -> &[PlanCharge] {
        self.0.get(&plan).and_then(|versions| versions.last()).map_or(&[], |(_, charges)| charges)
    }
}

fn charges(row: Model) -> Result<Vec<PlanCharge>, StoreError> {
    document("plan_charges.charges", row.charges)
}

async fn history(conn: &impl ConnectionTrait, plans: &[PlanId]) -> Result<PlanChargeHistory, StoreError> {
    if plans.is_empty() {
        return Ok(PlanChargeHistory::default());
    }
    let rows = Entity::find()
        .filter(Column::PlanId.is_in(plans.iter().map(|id| id.0)))
        .order_by_asc(Column::Since)
        .all(conn)
        .await?;
    let mut history = PlanChargeHistory::default();
    for row in rows {
        let (plan, since) = (PlanId(row.plan_id), row.since);
        history.0.entry(plan).or_default().push((since, charges(row)?));
    }
    Ok(history)
}

impl Store {
    /// What plans charge for usage, as it held at any time.
    pub async fn plan_charges(&self, plans: &[PlanId]) -> Result<PlanChargeHistory, StoreError> {
        history(&self.db, plans).await
    }
}

impl WriteTransaction {
    /// What a plan charges for usage, as it held at any time.
    pub async fn plan_charges(&self, plan: PlanId) -> Result<PlanChargeHistory, StoreError> {
        history(&self.tx, &[plan]).await
    }

    /// Writes what a plan charges from now on; what it charged before stays known, and when it charged nothing that too.
    pub(super) async fn change_plan_charges(
        &self,
        plan: &Plan,
        charges: &[PlanCharge],
    ) -> Result<(), StoreError> {
        let history = self.plan_charges(plan.id).await?;
        let newest = match history.0.get(&plan.id).and_then(|versions| versions.last()) {
            Some((since, _)) => *since,
            None => {
                self.set_plan_charges(plan.id, plan.created_at, &[]).await?;
                plan.created_at
            }
        };
        // Two changes of one moment have an order all the same.
        let since = self.now.max(newest + Duration::microseconds(1));
        self.set_plan_charges(plan.id, since, charges).await
    }

    /// Writes what a plan charges from a time on.
    pub(super) async fn set_plan_charges(
        &self,
        plan: PlanId,
        since: DateTime<Utc>,
        charges: &[PlanCharge],
    ) -> Result<(), StoreError> {
        ActiveModel {
            id: Set(self.next_id()),
            plan_id: Set(plan.0),
            since: Set(since),
            charges: Set(serde_json::to_value(charges).expect("charges are plain data")),
            created_at: Set(self.now),
        }
        .insert(&self.tx)
        .await?;
        Ok(())
    }
}
