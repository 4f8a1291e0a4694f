//! Disputes, mirrored from Stripe.

use std::collections::HashMap;

use entity::dispute::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};

use super::error::currency;
use super::page::{Keyset, ListOrder, counts_by, pages_by};
use super::{
    Changed, ChangedKind, Mirrored, Store, StoreError, Watermark, WriteTransaction, mirror as mirrored,
};
use crate::domain::access::DisputeFact;
use crate::domain::dispute::{Dispute, DisputeStatus};
use crate::domain::ids::{
    DisputeId, OrganizationId, PaymentId, StripeChargeId, StripeDisputeId, SubscriptionId,
};
use crate::domain::mirror::DisputeMirror;
use crate::domain::money::Money;
use crate::domain::page::{Page, PageRequest, Place};

/// Which disputes are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DisputeFilter {
    /// Only those that are not decided, or only those that are.
    pub is_open: Option<bool>,
}

fn dispute(row: Model) -> Result<Dispute, StoreError> {
    Ok(Dispute {
        id: DisputeId(row.id),
        organization_id: OrganizationId(row.organization_id),
        payment_id: PaymentId(row.payment_id),
        stripe_dispute_id: StripeDisputeId(row.stripe_dispute_id),
        stripe_charge_id: StripeChargeId(row.stripe_charge_id),
        amount: Money::new(row.amount_minor, currency("disputes.currency", &row.currency)?),
        status: DisputeStatus::parse(&row.status),
        reason: row.reason,
        evidence_due_by: row.evidence_due_by,
        has_evidence: row.has_evidence,
        is_refundable: row.is_refundable,
        stripe_synced_at: row.stripe_synced_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn active_model(row: &Dispute) -> ActiveModel {
    ActiveModel {
        id: Set(row.id.0),
        organization_id: Set(row.organization_id.0),
        payment_id: Set(row.payment_id.0),
        stripe_dispute_id: Set(row.stripe_dispute_id.0.clone()),
        stripe_charge_id: Set(row.stripe_charge_id.0.clone()),
        amount_minor: Set(row.amount.minor),
        currency: Set(row.amount.currency.code().to_owned()),
        status: Set(row.status.as_str().to_owned()),
        reason: Set(row.reason.clone()),
        evidence_due_by: Set(row.evidence_due_by),
        has_evidence: Set(row.has_evidence),
        is_refundable: Set(row.is_refundable),
        stripe_synced_at: Set(row.stripe_synced_at),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
    }
}

fn filtered(filter: DisputeFilter) -> Select<Entity> {
    // Words that this version does not know are open.
    let decided: Vec<String> = DisputeStatus::ALL
        .iter()
        .filter(|status| !status.is_open())
        .map(|status| status.as_str().to_owned())
        .collect();
    match filter.is_open {
        None => Entity::find(),
        Some(true) => Entity::find().filter(Column::Status.is_not_in(decided)),
        Some(false) => Entity::find().filter(Column::Status.is_in(decided)),
    }
}

impl Store {
    /// A page of each organization's disputes, newest first.
    pub async fn list_disputes(
        &self,
        organizations: &[OrganizationId],
        filter: DisputeFilter,
        page: &PageRequest,
    ) -> Result<HashMap<OrganizationId, Page<Dispute>>, StoreError> {
        let keyset = Keyset {
            at: Expr::col((Entity, Column::CreatedAt)),
            id: Expr::col((Entity, Column::Id)),
            order: ListOrder::NewestFirst,
        };
        pages_by(
            &self.db,
            organizations,
            &keyset,
            page,
            |&id| filtered(filter).filter(Column::OrganizationId.eq(id.0)).into_query(),
            |row| {
                let row = dispute(Model::from_query_result(row, "")?)?;
                Ok((row.organization_id, row))
            },
        )
        .await
    }

    /// How many of each organization's disputes fit the filter.
    pub async fn count_disputes(
        &self,
        organizations: &[OrganizationId],
        filter: DisputeFilter,
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        counts_by(&self.db, organizations, Column::OrganizationId, filtered(filter)).await
    }

    /// What is disputed of the payments of these subscriptions, by organization, oldest first: the subscription of the
    /// charge decides, so what was paid for another one, or for none, takes nothing away from these.
    pub(super) async fn disputes_of_subscriptions(
        &self,
        organizations: &[OrganizationId],
        subscriptions: &[SubscriptionId],
    ) -> Result<HashMap<OrganizationId, Vec<DisputeFact>>, StoreError> {
        use entity::{invoice, payment};
        if subscriptions.is_empty() {
            return Ok(HashMap::new());
        }
        let over: Vec<_> = DisputeStatus::ALL.into_iter().filter(|status| !status.took_money()).collect();
        let payments = payment::Entity::find()
            .select_only()
            .column(payment::Column::Id)
            .inner_join(invoice::Entity)
            .filter(invoice::Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(invoice::Column::SubscriptionId.is_in(subscriptions.iter().map(|id| id.0)))
            .into_query();
        let rows = Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(Column::Status.is_not_in(over.iter().map(DisputeStatus::as_str)))
            .filter(Column::PaymentId.in_subquery(payments))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await?;
        let mut facts: HashMap<OrganizationId, Vec<DisputeFact>> = HashMap::new();
        for row in rows {
            let dispute = dispute(row)?;
            facts.entry(dispute.organization_id).or_default().push(DisputeFact {
                is_lost: dispute.status == DisputeStatus::Lost,
                since: dispute.created_at,
                evidence_due_by: dispute
                    .evidence_due_by
                    .filter(|_| dispute.status == DisputeStatus::NeedsResponse),
            });
        }
        Ok(facts)
    }

    /// The disputes of payments, oldest first. The organizations narrow the search to the tenant's rows.
    pub async fn disputes_of_payments(
        &self,
        organizations: &[OrganizationId],
        payments: &[PaymentId],
    ) -> Result<HashMap<PaymentId, Vec<Dispute>>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(Column::PaymentId.is_in(payments.iter().map(|id| id.0)))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await?;
        let mut disputes: HashMap<PaymentId, Vec<Dispute>> = HashMap::new();
        for row in rows {
            let dispute = dispute(row)?;
            disputes.entry(dispute.payment_id).or_default().push(dispute);
        }
        Ok(disputes)
    }

    /// Disputes by id, whoever owns them: the caller checks the tenant.
    pub async fn disputes(&self, ids: &[DisputeId]) -> Result<Vec<Dispute>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(dispute).collect()
    }

    /// A dispute by Stripe's id.
    pub async fn find_dispute_at_stripe(&self, id: &StripeDisputeId) -> Result<Option<Dispute>, StoreError> {
        find_at_stripe(&self.db, id).await
    }
}

async fn find_at_stripe(
    conn: &impl ConnectionTrait,
    id: &StripeDisputeId,
) -> Result<Option<Dispute>, StoreError> {
    let row = Entity::find().filter(Column::StripeDisputeId.eq(id.as_str())).one(conn).await?;
    row.map(dispute).transpose()
}

impl WriteTransaction {
    /// Writes what Stripe says of a dispute, when the row is still as old as the watermark says. No state is final: a
    /// dispute that was won can be opened again by the bank.
    pub async fn mirror_dispute(
        &self,
        organization: OrganizationId,
        mirror: &DisputeMirror,
        watermark: Watermark,
    ) -> Result<Mirrored<Dispute>, StoreError> {
        let old = find_at_stripe(&self.tx, &mirror.id).await?;
        if mirrored::has_moved(old.as_ref().map(|old| old.stripe_synced_at), watermark) {
            return Ok(Mirrored::Moved);
        }
        let payment_id = match (&old, &mirror.payment_intent) {
            (Some(old), _) => old.payment_id,
            (None, Some(intent)) => {
                let row = entity::payment::Entity::find()
                    .filter(entity::payment::Column::StripePaymentIntentId.eq(intent.as_str()))
                    .one(&self.tx)
                    .await?;
                PaymentId(row.ok_or(StoreError::Changed("dispute's payment"))?.id)
            }
            (None, None) => return Err(StoreError::Changed("dispute's payment")),
        };
        let new = Dispute {
            id: old.as_ref().map_or_else(|| DisputeId(self.next_id()), |old| old.id),
            organization_id: organization,
            payment_id,
            stripe_dispute_id: mirror.id.clone(),
            stripe_charge_id: mirror.charge.clone(),
            amount: mirror.amount,
            status: mirror.status.clone(),
            reason: mirror.reason.clone(),
            evidence_due_by: mirror.evidence_due_by,
            has_evidence: mirror.has_evidence,
            is_refundable: mirror.is_refundable,
            stripe_synced_at: watermark.after,
            created_at: mirror.created_at,
            updated_at: self.now,
        };
        let seen = old.as_ref().map(|old| (old.id.0, Some(old.stripe_synced_at)));
        let written = mirrored::write(&self.tx, seen, active_model(&new)).await?;
        if !written {
            return Ok(Mirrored::Moved);
        }
        self.will_tell(Changed {
            organization_id: Some(organization),
            kind: ChangedKind::Dispute,
            id: new.id.0,
        });
        Ok(Mirrored::Written { old, new })
    }
}

impl Dispute {
    /// Where the dispute stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
