//! Attempts of payments, mirrored from Stripe's charges.

use std::collections::HashMap;

use entity::payment_attempt::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::error::{currency, known};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{
    OrganizationId, PaymentAttemptId, PaymentId, StripeChargeId, StripePaymentMethodId,
};
use crate::domain::mirror::ChargeMirror;
use crate::domain::money::Money;
use crate::domain::payment::PaymentFailure;
use crate::domain::payment_attempt::{AttemptStatus, PaymentAttempt};

fn attempt(row: Model) -> Result<PaymentAttempt, StoreError> {
    Ok(PaymentAttempt {
        id: PaymentAttemptId(row.id),
        organization_id: OrganizationId(row.organization_id),
        payment_id: PaymentId(row.payment_id),
        stripe_charge_id: StripeChargeId(row.stripe_charge_id),
        status: known("payment_attempts.status", &row.status, AttemptStatus::parse(&row.status))?,
        amount: Money::new(row.amount_minor, currency("payment_attempts.currency", &row.currency)?),
        payment_method: row.payment_method.map(StripePaymentMethodId),
        payment_method_summary: row.payment_method_summary,
        failure: row.failure_code.map(|code| PaymentFailure {
            code,
            decline_code: row.decline_code,
            message: row.failure_message.unwrap_or_default(),
        }),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn active_model(row: &PaymentAttempt) -> ActiveModel {
    let failure = row.failure.clone();
    ActiveModel {
        id: Set(row.id.0),
        organization_id: Set(row.organization_id.0),
        payment_id: Set(row.payment_id.0),
        stripe_charge_id: Set(row.stripe_charge_id.0.clone()),
        status: Set(row.status.as_str().to_owned()),
        amount_minor: Set(row.amount.minor),
        currency: Set(row.amount.currency.code().to_owned()),
        payment_method: Set(row.payment_method.as_ref().map(|id| id.0.clone())),
        payment_method_summary: Set(row.payment_method_summary.clone()),
        failure_code: Set(failure.as_ref().map(|failure| failure.code.clone())),
        decline_code: Set(failure.as_ref().and_then(|failure| failure.decline_code.clone())),
        failure_message: Set(failure.map(|failure| failure.message)),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
    }
}

impl Store {
    /// The attempts of payments, oldest first. The organizations narrow the search to the tenant's rows.
    pub async fn attempts_of_payments(
        &self,
        organizations: &[OrganizationId],
        payments: &[PaymentId],
    ) -> Result<HashMap<PaymentId, Vec<PaymentAttempt>>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(Column::PaymentId.is_in(payments.iter().map(|id| id.0)))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await?;
        let mut attempts: HashMap<PaymentId, Vec<PaymentAttempt>> = HashMap::new();
        for row in rows {
            let attempt = attempt(row)?;
            attempts.entry(attempt.payment_id).or_default().push(attempt);
        }
        Ok(attempts)
    }
}

impl WriteTransaction {
    /// Writes an attempt of a payment. It needs no watermark: an attempt only ends, so what comes late changes nothing. What
    /// stood there and what does now, when that is something else.
    pub async fn mirror_attempt(
        &self,
        organization: OrganizationId,
        payment: PaymentId,
        mirror: &ChargeMirror,
    ) -> Result<Option<(Option<PaymentAttempt>, PaymentAttempt)>, StoreError> {
        let old = Entity::find().filter(Column::StripeChargeId.eq(mirror.id.as_str())).one(&self.tx).await?;
        let old = old.map(attempt).transpose()?;
        if let Some(old) = &old
            && !old.status.may_become(mirror.status)
        {
            return Ok(None);
        }
        let new = PaymentAttempt {
            id: old.as_ref().map_or_else(|| PaymentAttemptId(self.next_id()), |old| old.id),
            organization_id: organization,
            payment_id: payment,
            stripe_charge_id: mirror.id.clone(),
            status: mirror.status,
            amount: mirror.amount,
            payment_method: mirror.payment_method.clone(),
            payment_method_summary: mirror.payment_method_summary.clone(),
            failure: mirror.failure.clone(),
            created_at: mirror.created_at,
            updated_at: self.now,
        };
        let row = active_model(&new);
        if old.is_some() {
            Entity::update_many()
                .set(row)
                .filter(Column::StripeChargeId.eq(mirror.id.as_str()))
                .filter(Column::Status.eq(AttemptStatus::Pending.as_str()))
                .exec(&self.tx)
                .await?;
        } else {
            Entity::insert(row)
                .on_conflict(OnConflict::column(Column::StripeChargeId).do_nothing().to_owned())
                .try_insert()
                .exec_without_returning(&self.tx)
                .await?;
        }
        let is_news = old.as_ref().is_none_or(|old| old.audit_values() != new.audit_values());
        Ok(is_news.then_some((old, new)))
    }
}
