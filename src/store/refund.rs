//! Refunds: asked for here, mirrored from Stripe; and how much a person may give back.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::refund::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait,
    FromQueryResult, QueryFilter, QueryOrder, QueryTrait, Select,
};

use super::error::{currency, known};
use super::page::{Keyset, ListOrder, counts_by, pages_by};
use super::{Mirrored, Store, StoreError, Watermark, WriteTransaction, mirror as mirrored};
use crate::domain::credit_note::CreditNoteStatus;
use crate::domain::ids::{InvoiceId, OrganizationId, PaymentId, RefundId, StripeRefundId, UserId};
use crate::domain::mirror::RefundMirror;
use crate::domain::money::{Currency, Money};
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::refund::{Refund, RefundStatus};

/// Which refunds are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RefundFilter {
    /// In this state.
    pub status: Option<RefundStatus>,
}

/// A refund that a person asks for.
#[derive(Clone, Debug)]
pub struct NewRefund {
    /// Whose payment it is of.
    pub organization_id: OrganizationId,
    /// The payment.
    pub payment_id: PaymentId,
    /// What is given back.
    pub amount: Money,
    /// Whether it waits for a second person.
    pub awaits_approval: bool,
    /// Why, in Stripe's word.
    pub reason: Option<String>,
    /// The person's own note.
    pub note: Option<String>,
    /// Who asks; `None` when the policy does.
    pub requested_by: Option<UserId>,
}

fn refund(row: Model) -> Result<Refund, StoreError> {
    Ok(Refund {
        id: RefundId(row.id),
        organization_id: OrganizationId(row.organization_id),
        payment_id: PaymentId(row.payment_id),
        stripe_refund_id: row.stripe_refund_id.map(StripeRefundId),
        amount: Money::new(row.amount_minor, currency("refunds.currency", &row.currency)?),
        status: known("refunds.status", &row.status, RefundStatus::parse(&row.status))?,
        reason: row.reason,
        failure_reason: row.failure_reason,
        note: row.note,
        requested_by: row.requested_by.map(UserId),
        decided_by: row.decided_by.map(UserId),
        decided_at: row.decided_at,
        stripe_synced_at: row.stripe_synced_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn active_model(row: &Refund) -> ActiveModel {
    ActiveModel {
        id: Set(row.id.0),
        organization_id: Set(row.organization_id.0),
        payment_id: Set(row.payment_id.0),
        stripe_refund_id: Set(row.stripe_refund_id.as_ref().map(|id| id.0.clone())),
        amount_minor: Set(row.amount.minor),
        currency: Set(row.amount.currency.code().to_owned()),
        status: Set(row.status.as_str().to_owned()),
        reason: Set(row.reason.clone()),
        failure_reason: Set(row.failure_reason.clone()),
        note: Set(row.note.clone()),
        requested_by: Set(row.requested_by.map(|id| id.0)),
        decided_by: Set(row.decided_by.map(|id| id.0)),
        decided_at: Set(row.decided_at),
        stripe_synced_at: Set(row.stripe_synced_at),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
    }
}

fn filtered(filter: RefundFilter) -> Select<Entity> {
    let mut select = Entity::find();
    if let Some(status) = filter.status {
        select = select.filter(Column::Status.eq(status.as_str()));
    }
    select
}

/// The words of the states that fit.
fn words(fits: impl Fn(RefundStatus) -> bool) -> Vec<&'static str> {
    RefundStatus::ALL.iter().copied().filter(|&status| fits(status)).map(RefundStatus::as_str).collect()
}

/// The sum of the amounts of the refunds that fit, and how many they are.
async fn sum(conn: &impl ConnectionTrait, select: Select<Entity>) -> Result<(i64, i64), StoreError> {
    // Read and added here: SUM of a 64-bit integer is a numeric on PostgreSQL, and a payment has few refunds.
    let rows = select.all(conn).await?;
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    Ok((rows.iter().fold(0_i64, |sum, row| sum.saturating_add(row.amount_minor)), count))
}

impl Store {
    /// A page of each organization's refunds, newest first.
    pub async fn list_refunds(
        &self,
        organizations: &[OrganizationId],
        filter: RefundFilter,
        page: &PageRequest,
    ) -> Result<HashMap<OrganizationId, Page<Refund>>, StoreError> {
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
                let row = refund(Model::from_query_result(row, "")?)?;
                Ok((row.organization_id, row))
            },
        )
        .await
    }

    /// How many of each organization's refunds fit the filter.
    pub async fn count_refunds(
        &self,
        organizations: &[OrganizationId],
        filter: RefundFilter,
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        counts_by(&self.db, organizations, Column::OrganizationId, filtered(filter)).await
    }

    /// The refunds of payments, oldest first. The organizations narrow the search to the tenant's rows.
    pub async fn refunds_of_payments(
        &self,
        organizations: &[OrganizationId],
        payments: &[PaymentId],
    ) -> Result<HashMap<PaymentId, Vec<Refund>>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(Column::PaymentId.is_in(payments.iter().map(|id| id.0)))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Id)
            .all(&self.db)
            .await?;
        let mut refunds: HashMap<PaymentId, Vec<Refund>> = HashMap::new();
        for row in rows {
            let refund = refund(row)?;
            refunds.entry(refund.payment_id).or_default().push(refund);
        }
        Ok(refunds)
    }

    /// Refunds by id, whoever owns them: the caller checks the tenant.
    pub async fn refunds(&self, ids: &[RefundId]) -> Result<Vec<Refund>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(refund).collect()
    }

    /// A refund of the organization.
    pub async fn find_refund(
        &self,
        organization: OrganizationId,
        id: RefundId,
    ) -> Result<Option<Refund>, StoreError> {
        let row =
            Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization.0)).one(&self.db).await?;
        row.map(refund).transpose()
    }

    /// A refund by Stripe's id.
    pub async fn find_refund_at_stripe(&self, id: &StripeRefundId) -> Result<Option<Refund>, StoreError> {
        find_at_stripe(&self.db, id).await?.map(refund).transpose()
    }

    /// What a person has asked to give back since a time, and what of a payment is given back or held for it.
    pub async fn refund_sums(&self, of: RefundSumsOf) -> Result<RefundSums, StoreError> {
        refund_sums(&self.db, of).await
    }

    /// What of a paid invoice is left to be credited, in minor units: refunds and credit notes together give back no more
    /// than was asked for, and refunds count that wait for approval.
    pub async fn left_of_invoice(&self, invoice: InvoiceId) -> Result<i64, StoreError> {
        invoice_left(&self.db, invoice, None).await
    }
}

/// What bounds a refund besides its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundSums {
    /// What the person has asked to give back or approved since the day began, in minor units of the currency.
    pub asked_minor: i64,
    /// The part of it that is of this payment.
    pub asked_of_payment_minor: i64,
    /// What was paid, in minor units.
    pub received_minor: i64,
    /// What of the payment is given back or held to be, in minor units, refunds and credit of its invoice together.
    pub held_minor: i64,
}

/// Whose refunds, and of what, are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundSumsOf {
    /// Who asks, or approves.
    pub person: UserId,
    /// Since when what the person asked for or approved counts.
    pub since: DateTime<Utc>,
    /// A refund that is not counted: the one that is decided about.
    pub but: Option<RefundId>,
    /// The payment.
    pub payment: PaymentId,
    /// Whose payment it is.
    pub organization: OrganizationId,
    /// The currency of both.
    pub currency: Currency,
}

async fn refund_sums(conn: &impl ConnectionTrait, of: RefundSumsOf) -> Result<RefundSums, StoreError> {
    let holding = words(RefundStatus::holds_money);
    let counted = Entity::find().filter(Column::Status.is_in(holding));
    let counted = match of.but {
        Some(refund) => counted.filter(Column::Id.ne(refund.0)),
        None => counted,
    };
    let asked =
        Condition::all().add(Column::RequestedBy.eq(of.person.0)).add(Column::CreatedAt.gte(of.since));
    let approved =
        Condition::all().add(Column::DecidedBy.eq(of.person.0)).add(Column::DecidedAt.gte(of.since));
    let asked = counted
        .filter(Column::Currency.eq(of.currency.code()))
        .filter(Condition::any().add(asked).add(approved));
    let payment = entity::payment::Entity::find_by_id(of.payment.0).one(conn).await?;
    let payment = payment.ok_or(StoreError::Changed("refund's payment"))?;
    let mut held_minor = held_of(conn, &payment, of.but).await?;
    if let Some(invoice) = payment.invoice_id {
        let left = invoice_left(conn, InvoiceId(invoice), of.but).await?;
        held_minor = held_minor.max(payment.amount_received_minor.saturating_sub(left));
    }
    let asked_of_payment = asked.clone().filter(Column::PaymentId.eq(payment.id));
    Ok(RefundSums {
        asked_minor: sum(conn, asked).await?.0,
        asked_of_payment_minor: sum(conn, asked_of_payment).await?.0,
        received_minor: payment.amount_received_minor,
        held_minor,
    })
}

/// What of a payment is given back or held to be, in minor units. `but` is not counted.
async fn held_of(
    conn: &impl ConnectionTrait,
    payment: &entity::payment::Model,
    but: Option<RefundId>,
) -> Result<i64, StoreError> {
    let mut held = Entity::find()
        .filter(Column::PaymentId.eq(payment.id))
        .filter(Column::Status.is_in(words(RefundStatus::holds_money)));
    if let Some(refund) = but {
        held = held.filter(Column::Id.ne(refund.0));
    }
    let at_stripe = sum(conn, held.clone().filter(Column::StripeRefundId.is_not_null())).await?.0;
    let here = sum(conn, held.filter(Column::StripeRefundId.is_null())).await?.0;
    // Refunds that were made before we knew the payment are in its own sum alone.
    Ok(at_stripe.max(payment.amount_refunded_minor).saturating_add(here))
}

/// What of a paid invoice is neither credited nor given back nor held to be, in minor units. `but` is not counted.
async fn invoice_left(
    conn: &impl ConnectionTrait,
    invoice: InvoiceId,
    but: Option<RefundId>,
) -> Result<i64, StoreError> {
    use entity::{credit_note, payment};
    let total = entity::invoice::Entity::find_by_id(invoice.0)
        .one(conn)
        .await?
        .ok_or(StoreError::Changed("invoice"))?
        .total_minor;
    let notes = credit_note::Entity::find()
        .filter(credit_note::Column::InvoiceId.eq(invoice.0))
        .filter(credit_note::Column::Status.ne(CreditNoteStatus::Void.as_str()))
        .all(conn)
        .await?;
    // What a note gives back by refunds is among the refunds.
    let credited = notes
        .iter()
        .fold(0_i64, |sum, note| sum.saturating_add(note.amount_minor.saturating_sub(note.refunded_minor)));
    let payments = payment::Entity::find().filter(payment::Column::InvoiceId.eq(invoice.0)).all(conn).await?;
    let mut given_back = 0_i64;
    for payment in payments {
        let held = held_of(conn, &payment, but).await?;
        given_back = given_back.saturating_add(held);
    }
    Ok(total.saturating_sub(credited).saturating_sub(given_back).max(0))
}

async fn find_at_stripe(
    conn: &impl ConnectionTrait,
    id: &StripeRefundId,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::StripeRefundId.eq(id.as_str())).one(conn).await?)
}

impl WriteTransaction {
    /// Lets no other transaction that locks the same person go on before this one ends, as
    /// [`WriteTransaction::lock_organization`] does. Organizations are locked before people.
    pub async fn lock_user(&self, id: UserId) -> Result<(), StoreError> {
        use entity::user;
        user::Entity::update_many()
            .col_expr(user::Column::UpdatedAt, Expr::col(user::Column::UpdatedAt))
            .filter(user::Column::Id.eq(id.0))
            .exec(&self.tx)
            .await?;
        Ok(())
    }

    /// As [`Store::refund_sums`], in the transaction that has locked the organization and the person.
    pub async fn refund_sums(&self, of: RefundSumsOf) -> Result<RefundSums, StoreError> {
        refund_sums(&self.tx, of).await
    }

    /// Writes down a refund that a person asks for.
    pub async fn create_refund(&self, new: NewRefund) -> Result<Refund, StoreError> {
        let created = Refund {
            id: RefundId(self.next_id()),
            organization_id: new.organization_id,
            payment_id: new.payment_id,
            stripe_refund_id: None,
            amount: new.amount,
            status: if new.awaits_approval {
                RefundStatus::AwaitingApproval
            } else {
                RefundStatus::Requested
            },
            reason: new.reason,
            failure_reason: None,
            note: new.note,
            requested_by: new.requested_by,
            decided_by: None,
            decided_at: None,
            stripe_synced_at: None,
            created_at: self.now,
            updated_at: self.now,
        };
        active_model(&created).insert(&self.tx).await?;
        Ok(created)
    }

    /// Writes what a second person decided. `Changed` when it does not wait for a decision any more.
    pub async fn decide_refund(
        &self,
        old: &Refund,
        decided_by: UserId,
        status: RefundStatus,
    ) -> Result<Refund, StoreError> {
        let new = Refund {
            status,
            decided_by: Some(decided_by),
            decided_at: Some(self.now),
            updated_at: self.now,
            ..old.clone()
        };
        self.move_refund(old, new).await
    }

    /// Lets a refund that was approved wait for approval as before. `Changed` when Stripe has it meanwhile.
    pub async fn put_refund_back(&self, old: &Refund) -> Result<Refund, StoreError> {
        let new = Refund {
            status: RefundStatus::AwaitingApproval,
            decided_by: None,
            decided_at: None,
            updated_at: self.now,
            ..old.clone()
        };
        self.move_refund(old, new).await
    }

    /// Notes that a refund never came to be at Stripe. `Changed` when Stripe has it meanwhile.
    pub async fn fail_refund(&self, old: &Refund, reason: &str) -> Result<Refund, StoreError> {
        let new = Refund {
            status: RefundStatus::Failed,
            failure_reason: Some(reason.to_owned()),
            updated_at: self.now,
            ..old.clone()
        };
        self.move_refund(old, new).await
    }

    async fn move_refund(&self, old: &Refund, new: Refund) -> Result<Refund, StoreError> {
        let moved = Entity::update_many()
            .set(active_model(&new))
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::Status.eq(old.status.as_str()))
            .filter(Column::StripeRefundId.is_null())
            .exec(&self.tx)
            .await?;
        if moved.rows_affected == 0 { Err(StoreError::Changed("refund")) } else { Ok(new) }
    }

    /// Writes what Stripe says of a refund, when the row is still as old as the watermark says, and what of its payment
    /// is given back: the sum of its refunds, so that one that fails is not counted.
    pub async fn mirror_refund(
        &self,
        organization: OrganizationId,
        mirror: &RefundMirror,
        watermark: Watermark,
    ) -> Result<Mirrored<Refund>, StoreError> {
        let mut old_row = find_at_stripe(&self.tx, &mirror.id).await?;
        if old_row.is_none()
            && let Some(id) = mirror.refund_id
        {
            // Ours, before we know Stripe's id of it.
            old_row = Entity::find_by_id(id.0)
                .filter(Column::OrganizationId.eq(organization.0))
                .filter(Column::StripeRefundId.is_null())
                .one(&self.tx)
                .await?;
        }
        let old = old_row.map(refund).transpose()?;
        if mirrored::has_moved(old.as_ref().and_then(|old| old.stripe_synced_at), watermark) {
            return Ok(Mirrored::Moved);
        }
        if let Some(old) = &old
            && old.status.is_final()
            && old.stripe_refund_id.is_some()
            && old.status != mirror.status
        {
            return Ok(Mirrored::Final(old.clone()));
        }
        let payment_id = match (&old, &mirror.payment_intent) {
            (Some(old), _) => old.payment_id,
            (None, Some(intent)) => {
                let row = entity::payment::Entity::find()
                    .filter(entity::payment::Column::StripePaymentIntentId.eq(intent.as_str()))
                    .one(&self.tx)
                    .await?;
                PaymentId(row.ok_or(StoreError::Changed("refund's payment"))?.id)
            }
            (None, None) => return Err(StoreError::Changed("refund's payment")),
        };
        let new = Refund {
            id: old.as_ref().map_or_else(|| RefundId(self.next_id()), |old| old.id),
            organization_id: organization,
            payment_id,
            stripe_refund_id: Some(mirror.id.clone()),
            amount: mirror.amount,
            status: mirror.status,
            reason: mirror.reason.clone().or_else(|| old.as_ref().and_then(|old| old.reason.clone())),
            failure_reason: mirror.failure_reason.clone(),
            note: old.as_ref().and_then(|old| old.note.clone()),
            requested_by: old.as_ref().and_then(|old| old.requested_by),
            decided_by: old.as_ref().and_then(|old| old.decided_by),
            decided_at: old.as_ref().and_then(|old| old.decided_at),
            stripe_synced_at: Some(watermark.after),
            created_at: old.as_ref().map_or(mirror.created_at, |old| old.created_at),
            updated_at: self.now,
        };
        let seen = old.as_ref().map(|old| (old.id.0, old.stripe_synced_at));
        let written = mirrored::write(&self.tx, seen, active_model(&new)).await?;
        if !written {
            return Ok(Mirrored::Moved);
        }
        if let Some(given_back) = self.given_back(payment_id).await? {
            entity::payment::Entity::update_many()
                .col_expr(entity::payment::Column::AmountRefundedMinor, Expr::value(given_back))
                .filter(entity::payment::Column::Id.eq(payment_id.0))
                .exec(&self.tx)
                .await?;
        }
        Ok(Mirrored::Written { old, new })
    }

    /// What of a payment is given back by its refunds; `None` when none of them is known.
    pub(super) async fn given_back(&self, payment: PaymentId) -> Result<Option<i64>, StoreError> {
        let of_stripe = Entity::find()
            .filter(Column::PaymentId.eq(payment.0))
            .filter(Column::StripeRefundId.is_not_null());
        let (_, known) = sum(&self.tx, of_stripe.clone()).await?;
        if known == 0 {
            return Ok(None);
        }
        let given = of_stripe.filter(Column::Status.is_in(words(RefundStatus::was_given_back)));
        Ok(Some(sum(&self.tx, given).await?.0))
    }
}

impl Refund {
    /// Where the refund stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
