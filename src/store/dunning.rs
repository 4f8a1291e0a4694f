//! Dunning: whose renewals are unpaid, and the reminders that notifications deliver.

use std::collections::HashMap;

use entity::dunning_reminder::{ActiveModel, Column, Entity, Model};
use entity::{invoice, subscription};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::error::known;
use super::transaction::was_inserted;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::access::AccessLevel;
use crate::domain::billing_operation::{OperationKind, OperationState};
use crate::domain::billing_policy::{DunningStep, ReminderKind};
use crate::domain::ids::{OrganizationId, StripeInvoiceId, StripeSubscriptionId, SubscriptionId};
use chrono::{DateTime, Utc};

/// Recoveries of an organization that are looked at: enough for the longest pause.
const RECOVERIES: u64 = 16;

/// A reminder that notifications deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DunningReminder {
    /// Our id.
    pub id: uuid::Uuid,
    /// Whom it goes to.
    pub organization_id: OrganizationId,
    /// Whose invoice is unpaid.
    pub subscription_id: SubscriptionId,
    /// The unpaid invoice.
    pub stripe_invoice_id: StripeInvoiceId,
    /// Which step of the policy it was then, from zero.
    pub step: i32,
    /// Days after which that step follows; below zero where that was not kept.
    pub after_days: i32,
    /// What it says.
    pub kind: ReminderKind,
    /// What is left from then on.
    pub access: AccessLevel,
    /// When it fell due.
    pub due_at: DateTime<Utc>,
    /// When notifications took it over.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

fn reminder(row: Model) -> Result<DunningReminder, StoreError> {
    Ok(DunningReminder {
        id: row.id,
        organization_id: OrganizationId(row.organization_id),
        subscription_id: SubscriptionId(row.subscription_id),
        stripe_invoice_id: row.stripe_invoice_id.into(),
        step: row.step,
        after_days: row.after_days,
        kind: known("dunning_reminders.kind", &row.kind, ReminderKind::parse(&row.kind))?,
        access: known("dunning_reminders.access", &row.access, AccessLevel::parse(&row.access))?,
        due_at: row.due_at,
        delivered_at: row.delivered_at,
        created_at: row.created_at,
    })
}

/// A subscription whose renewal is unpaid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debtor {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Which.
    pub subscription_id: SubscriptionId,
}

/// A subscription whose debt was paid while drafts had piled up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Which.
    pub subscription_id: SubscriptionId,
    /// At Stripe.
    pub stripe_subscription_id: StripeSubscriptionId,
    /// The drafts, oldest first.
    pub drafts: Vec<StripeInvoiceId>,
}

/// How the last recoveries of a subscription failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryFailures {
    /// How many in a row; not more than are looked at.
    pub count: u32,
    /// When the last of them ended.
    pub last_at: Option<DateTime<Utc>>,
}

impl Store {
    /// How the last recoveries of a subscription failed, until one that did not.
    pub async fn recovery_failures(
        &self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<RecoveryFailures, StoreError> {
        use entity::billing_operation::{Column, Entity};
        let rows = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::Kind.eq(OperationKind::SubscriptionRecover.as_str()))
            .order_by_desc(Column::CreatedAt)
            .limit(RECOVERIES)
            .all(&self.db)
            .await?;
        let id = subscription.to_string();
        let mut failures = RecoveryFailures::default();
        for row in rows.iter().filter(|row| row.parameters["subscription_id"] == id.as_str()) {
            if row.state != OperationState::Failed.as_str() {
                break;
            }
            failures.count += 1;
            failures.last_at = failures.last_at.or(row.settled_at);
        }
        Ok(failures)
    }

    /// A page of the subscriptions whose renewals are unpaid, of all tenants, in the order of their ids.
    pub async fn list_debtors(
        &self,
        after: Option<SubscriptionId>,
        limit: u64,
    ) -> Result<Vec<Debtor>, StoreError> {
        let mut select = subscription::Entity::find()
            .select_only()
            .columns([subscription::Column::OrganizationId, subscription::Column::Id])
            .filter(subscription::Column::Status.is_in(["past_due", "unpaid"]))
            .order_by_asc(subscription::Column::Id)
            .limit(limit);
        if let Some(after) = after {
            select = select.filter(subscription::Column::Id.gt(after.0));
        }
        let rows: Vec<(uuid::Uuid, uuid::Uuid)> = select.into_tuple().all(&self.db).await?;
        Ok(rows
            .into_iter()
            .map(|(organization, id)| Debtor {
                organization_id: OrganizationId(organization),
                subscription_id: SubscriptionId(id),
            })
            .collect())
    }

    /// The reminders that were written for these organizations, oldest first.
    pub async fn dunning_reminders(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<Vec<DunningReminder>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .order_by_asc(Column::CreatedAt)
            .order_by_asc(Column::Step)
            .all(&self.db)
            .await?;
        rows.into_iter().map(reminder).collect()
    }

    /// Subscriptions that are paid for again while drafts of the time before wait: something of theirs was paid after the
    /// oldest draft was made, nothing that was tried is open, and nobody paused collecting. Drafts younger than
    /// `younger_than` finalise by themselves; those that no renewal made may be somebody's who is still writing.
    pub async fn list_recovered(
        &self,
        younger_than: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<Recovered>, StoreError> {
        let of_same = |alias: &'static str| {
            Expr::col((Alias::new(alias), invoice::Column::SubscriptionId))
                .equals((invoice::Entity, invoice::Column::SubscriptionId))
        };
        let paid_since = Query::select()
            .expr(Expr::value(1))
            .from_as(invoice::Entity, Alias::new("paid"))
            .and_where(of_same("paid"))
            .and_where(Expr::col((Alias::new("paid"), invoice::Column::Status)).eq("paid"))
            .and_where(
                Expr::col((Alias::new("paid"), invoice::Column::PaidAt))
                    .gte(Expr::col((invoice::Entity, invoice::Column::CreatedAt))),
            )
            .to_owned();
        let still_open = Query::select()
            .expr(Expr::value(1))
            .from_as(invoice::Entity, Alias::new("owed"))
            .and_where(of_same("owed"))
            .and_where(Expr::col((Alias::new("owed"), invoice::Column::Status)).eq("open"))
            .and_where(Expr::col((Alias::new("owed"), invoice::Column::AttemptCount)).gt(0))
            .to_owned();
        let rows = invoice::Entity::find()
            .find_also_related(subscription::Entity)
            .filter(subscription::Column::Status.is_in(["active", "past_due", "unpaid"]))
            .filter(subscription::Column::CollectionPaused.eq(false))
            .filter(invoice::Column::Status.eq("draft"))
            .filter(invoice::Column::BillingReason.eq("subscription_cycle"))
            .filter(invoice::Column::CreatedAt.lt(younger_than))
            .filter(Expr::exists(paid_since))
            .filter(Expr::exists(still_open).not())
            .order_by_asc(invoice::Column::CreatedAt)
            .limit(limit)
            .all(&self.db)
            .await?;
        let mut recovered: HashMap<uuid::Uuid, Recovered> = HashMap::new();
        for (draft, owner) in rows {
            let Some(owner) = owner else { continue };
            let Some(stripe_subscription_id) = owner.stripe_subscription_id else { continue };
            recovered
                .entry(owner.id)
                .or_insert_with(|| Recovered {
                    organization_id: OrganizationId(owner.organization_id),
                    subscription_id: SubscriptionId(owner.id),
                    stripe_subscription_id: stripe_subscription_id.into(),
                    drafts: Vec::new(),
                })
                .drafts
                .push(draft.stripe_invoice_id.into());
        }
        Ok(recovered.into_values().collect())
    }
}

impl WriteTransaction {
    /// Whether a debtor still owes an invoice, in the transaction that has locked the organization.
    pub async fn is_still_owed(
        &self,
        debtor: &Debtor,
        invoice: &StripeInvoiceId,
    ) -> Result<bool, StoreError> {
        let owed = invoice::Entity::find()
            .find_also_related(subscription::Entity)
            .filter(invoice::Column::OrganizationId.eq(debtor.organization_id.0))
            .filter(invoice::Column::StripeInvoiceId.eq(invoice.as_str()))
            .filter(invoice::Column::Status.eq("open"))
            .filter(subscription::Column::Id.eq(debtor.subscription_id.0))
            .filter(subscription::Column::Status.is_in(["past_due", "unpaid"]))
            .one(&self.tx)
            .await?;
        Ok(owed.is_some())
    }

    /// Writes the reminder of a step, once for each unpaid invoice, day and kind. Says whether it was not there before.
    pub async fn create_dunning_reminder(
        &self,
        debtor: &Debtor,
        invoice: &StripeInvoiceId,
        step: (i32, &DunningStep),
        since: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (place, step) = step;
        let row = ActiveModel {
            id: Set(self.next_id()),
            organization_id: Set(debtor.organization_id.0),
            subscription_id: Set(debtor.subscription_id.0),
            stripe_invoice_id: Set(invoice.0.clone()),
            step: Set(place),
            after_days: Set(i32::from(step.after_days)),
            kind: Set(step.reminder.as_str().to_owned()),
            access: Set(step.access.as_str().to_owned()),
            due_at: Set(step.due_at(since)),
            // The same transaction writes it into the outbox.
            delivered_at: Set(Some(self.now)),
            created_at: Set(self.now),
        };
        let inserted = Entity::insert(row)
            .on_conflict(
                OnConflict::columns([
                    Column::OrganizationId,
                    Column::StripeInvoiceId,
                    Column::AfterDays,
                    Column::Kind,
                ])
                .do_nothing()
                .to_owned(),
            )
            .try_insert()
            .exec_without_returning(&self.tx)
            .await?;
        Ok(was_inserted(&inserted))
    }
}
