//! What meters came to in billing periods: written before Stripe is asked to bill it, once for each.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::usage_charge::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::error::{currency, document, known};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{
    BillingOperationId, MeterId, OrganizationId, StripeInvoiceId, SubscriptionId, UsageChargeId,
    UsagePeriodId,
};
use crate::domain::money::Money;
use crate::domain::usage_charge::{UsageBillPlace, UsageCharge};

fn charge(row: Model) -> Result<UsageCharge, StoreError> {
    Ok(UsageCharge {
        id: UsageChargeId(row.id),
        organization_id: OrganizationId(row.organization_id),
        subscription_id: SubscriptionId(row.subscription_id),
        usage_period_id: UsagePeriodId(row.usage_period_id),
        meter_id: MeterId(row.meter_id),
        period_start: row.period_start,
        period_end: row.period_end,
        part: row.part,
        quantity: known("usage_charges.quantity", &row.quantity, row.quantity.parse().ok())?,
        amount: Money::new(row.amount_minor, currency("usage_charges.currency", &row.currency)?),
        lines: document("usage_charges.lines", row.lines)?,
        rated: document("usage_charges.rated", row.rated)?,
        place: known("usage_charges.place", &row.place, UsageBillPlace::parse(&row.place))?,
        stripe_invoice_id: row.stripe_invoice_id.map(StripeInvoiceId),
        stripe_invoice_item_id: row.stripe_invoice_item_id,
        operation_id: row.operation_id.map(BillingOperationId),
        billed_at: row.billed_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn active_model(it: &UsageCharge) -> ActiveModel {
    let json = |value: Result<serde_json::Value, serde_json::Error>| value.expect("plain data");
    ActiveModel {
        id: Set(it.id.0),
        organization_id: Set(it.organization_id.0),
        subscription_id: Set(it.subscription_id.0),
        usage_period_id: Set(it.usage_period_id.0),
        meter_id: Set(it.meter_id.0),
        period_start: Set(it.period_start),
        period_end: Set(it.period_end),
        part: Set(it.part),
        quantity: Set(it.quantity.to_string()),
        currency: Set(it.amount.currency.code().to_owned()),
        amount_minor: Set(it.amount.minor),
        lines: Set(json(serde_json::to_value(&it.lines))),
        rated: Set(json(serde_json::to_value(&it.rated))),
        place: Set(it.place.as_str().to_owned()),
        stripe_invoice_id: Set(it.stripe_invoice_id.as_ref().map(|id| id.0.clone())),
        stripe_invoice_item_id: Set(it.stripe_invoice_item_id.clone()),
        operation_id: Set(it.operation_id.map(|id| id.0)),
        billed_at: Set(it.billed_at),
        created_at: Set(it.created_at),
        updated_at: Set(it.updated_at),
    }
}

impl Store {
    /// What was, or is to be, billed of periods.
    pub async fn usage_charges_of(
        &self,
        periods: &[UsagePeriodId],
    ) -> Result<HashMap<UsagePeriodId, Vec<UsageCharge>>, StoreError> {
        if periods.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = Entity::find()
            .filter(Column::UsagePeriodId.is_in(periods.iter().map(|id| id.0)))
            .order_by_asc(Column::MeterId)
            .order_by_asc(Column::Part)
            .all(&self.db)
            .await?;
        let mut charges: HashMap<UsagePeriodId, Vec<UsageCharge>> = HashMap::new();
        for row in rows {
            let charge = charge(row)?;
            charges.entry(charge.usage_period_id).or_default().push(charge);
        }
        Ok(charges)
    }

    /// Charges by id.
    pub async fn usage_charges(&self, ids: &[UsageChargeId]) -> Result<Vec<UsageCharge>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Id.is_in(ids.iter().map(|id| id.0)))
            .order_by_asc(Column::PeriodStart)
            .order_by_asc(Column::MeterId)
            .order_by_asc(Column::Part)
            .all(&self.db)
            .await?;
        rows.into_iter().map(charge).collect()
    }

    /// What an organization was billed for usage, newest period first.
    pub async fn list_usage_charges(
        &self,
        organization: OrganizationId,
        since: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<UsageCharge>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::PeriodStart.gte(since))
            .order_by_desc(Column::PeriodStart)
            .order_by_asc(Column::MeterId)
            .order_by_asc(Column::Part)
            .limit(limit)
            .all(&self.db)
            .await?;
        rows.into_iter().map(charge).collect()
    }

    /// Whether something of a subscription was left to its next bill since a time.
    pub async fn was_left_to_next_bill(
        &self,
        subscription: SubscriptionId,
        since: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let row = Entity::find()
            .filter(Column::SubscriptionId.eq(subscription.0))
            .filter(Column::Place.eq(UsageBillPlace::NextBill.as_str()))
            .filter(Column::BilledAt.gte(since))
            .one(&self.db)
            .await?;
        Ok(row.is_some())
    }

    /// Charges that nobody is known to have billed, and that were not touched since a time.
    pub async fn unbilled_usage_charges(
        &self,
        untouched_since: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<UsageCharge>, StoreError> {
        let rows = Entity::find()
            .filter(Column::BilledAt.is_null())
            .filter(Column::UpdatedAt.lte(untouched_since))
            .order_by_asc(Column::UpdatedAt)
            .limit(limit)
            .all(&self.db)
            .await?;
        rows.into_iter().map(charge).collect()
    }
}

impl WriteTransaction {
    /// Writes what is to be billed. `Duplicate` when it is there already: each part of a period and meter is written once.
    pub async fn create_usage_charge(&self, new: &UsageCharge) -> Result<(), StoreError> {
        active_model(new).insert(&self.tx).await?;
        Ok(())
    }

    /// Notes which operation bills charges that nobody has billed.
    pub async fn assign_usage_charges(
        &self,
        ids: &[UsageChargeId],
        operation: BillingOperationId,
    ) -> Result<(), StoreError> {
        Entity::update_many()
            .col_expr(Column::OperationId, Expr::value(operation.0))
            .col_expr(Column::UpdatedAt, Expr::value(self.now))
            .filter(Column::Id.is_in(ids.iter().map(|id| id.0)))
            .filter(Column::BilledAt.is_null())
            .exec(&self.tx)
            .await?;
        Ok(())
    }

    /// Notes where a charge is billed.
    pub async fn note_usage_billed(
        &self,
        charge: &UsageCharge,
        place: UsageBillPlace,
        invoice: Option<&StripeInvoiceId>,
        item: &str,
    ) -> Result<UsageCharge, StoreError> {
        let new = UsageCharge {
            place,
            stripe_invoice_id: invoice.cloned(),
            stripe_invoice_item_id: Some(item.to_owned()),
            billed_at: Some(self.now),
            updated_at: self.now,
            ..charge.clone()
        };
        Entity::update_many()
            .set(active_model(&new))
            .filter(Column::Id.eq(charge.id.0))
            .exec(&self.tx)
            .await?;
        Ok(new)
    }
}
