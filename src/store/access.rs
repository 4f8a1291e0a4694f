//! What access is computed from, for many organizations in a fixed number of statements.

use std::collections::{HashMap, HashSet};

use entity::{invoice, payment, payment_method};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::billing_policy::StoredPolicy;
use super::{Store, StoreError};
use crate::domain::access::{AccessFacts, AccessState, DisputeFact, QuotaFact, UnpaidInvoice, access_state};
use crate::domain::ids::{OrganizationId, SubscriptionId};
use crate::domain::payment::PaymentStatus;
use crate::domain::subscription::Subscription;

/// The rows that decide an organization's access.
#[derive(Clone, Debug)]
pub struct AccessRows {
    /// The current subscription.
    pub subscription: Option<Subscription>,
    /// The oldest invoice of it that should have been paid.
    pub unpaid: Option<UnpaidInvoice>,
    /// Whether there is anything to charge.
    pub has_payment_method: bool,
    /// What is disputed of its payments.
    pub disputes: Vec<DisputeFact>,
    /// Which limits that refuse are used up.
    pub used_up: Vec<QuotaFact>,
    /// The policy that counts.
    pub policy: StoredPolicy,
}

impl AccessRows {
    /// The access at `now`.
    pub fn state(&self, now: chrono::DateTime<chrono::Utc>) -> AccessState {
        let facts = AccessFacts {
            subscription: self.subscription.as_ref(),
            unpaid: self.unpaid,
            has_payment_method: self.has_payment_method,
            disputes: &self.disputes,
            quota: self.quota(now),
        };
        access_state(&facts, &self.policy.policy, now)
    }

    /// Of the limits that are used up the one that lasts longest, for good if need be. What has begun anew is none any more,
    /// though nobody has looked since.
    fn quota(&self, now: chrono::DateTime<chrono::Utc>) -> Option<QuotaFact> {
        let lasting = self.used_up.iter().filter(|quota| quota.until.is_none_or(|until| now < until));
        lasting
            .copied()
            .max_by_key(|quota| (quota.until.is_none(), quota.until, std::cmp::Reverse(quota.since)))
    }
}

/// An open invoice that should have been paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverdueInvoice {
    /// Our id of it.
    pub id: crate::domain::ids::InvoiceId,
    /// Stripe's.
    pub stripe_invoice_id: crate::domain::ids::StripeInvoiceId,
    /// Since when it should have been paid: the first attempt, or the date it was due.
    pub since: chrono::DateTime<chrono::Utc>,
}

impl Store {
    /// What decides the access of each organization.
    pub async fn access_rows(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, AccessRows>, StoreError> {
        let mut subscriptions: HashMap<_, _> = self
            .current_subscriptions(organizations)
            .await?
            .into_iter()
            .map(|(id, view)| (id, view.subscription))
            .collect();
        let ids: Vec<SubscriptionId> = subscriptions.values().map(|row| row.id).collect();
        let mut overdue = self.overdue_invoices(organizations, &ids).await?;
        let oldest: HashMap<SubscriptionId, OverdueInvoice> = overdue
            .iter_mut()
            .filter_map(|(id, invoices)| {
                invoices.sort_by_key(|invoice| invoice.since);
                Some((*id, invoices.first()?.clone()))
            })
            .collect();
        // What is pending and was charged is with the bank; what nobody tried yet is pending too, and has no charge.
        let (confirm, pending) = (PaymentStatus::RequiresAction.as_str(), PaymentStatus::Pending.as_str());
        let waiting: HashSet<(uuid::Uuid, String)> = if oldest.is_empty() {
            HashSet::new()
        } else {
            payment::Entity::find()
                .select_only()
                .column(payment::Column::InvoiceId)
                .column(payment::Column::Status)
                .filter(payment::Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
                .filter(payment::Column::InvoiceId.is_in(oldest.values().map(|invoice| invoice.id.0)))
                .filter(payment::Column::Status.eq(confirm).or(
                    payment::Column::Status.eq(pending).and(payment::Column::StripeChargeId.is_not_null()),
                ))
                .into_tuple::<(Option<uuid::Uuid>, String)>()
                .all(&self.db)
                .await?
                .into_iter()
                .filter_map(|(invoice, status)| Some((invoice?, status)))
                .collect()
        };
        let chargeable: HashSet<_> = payment_method::Entity::find()
            .select_only()
            .column(payment_method::Column::OrganizationId)
            .filter(payment_method::Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(payment_method::Column::DetachedAt.is_null())
            .filter(payment_method::Column::IsDefault.eq(true))
            .into_tuple::<uuid::Uuid>()
            .all(&self.db)
            .await?
            .into_iter()
            .collect();
        let mut disputes = self.disputes_of_subscriptions(organizations, &ids).await?;
        let mut used_up = self.used_up_limits(organizations).await?;
        let mut policies = self.policies_of(organizations).await?;
        let mut rows = HashMap::with_capacity(organizations.len());
        for id in organizations {
            let subscription = subscriptions.remove(id);
            let unpaid = subscription.as_ref().and_then(|row| oldest.get(&row.id)).map(|invoice| {
                let is = |status: &str| waiting.contains(&(invoice.id.0, status.to_owned()));
                UnpaidInvoice { since: invoice.since, must_confirm: is(confirm), is_with_bank: is(pending) }
            });
            let Some(policy) = policies.remove(id) else { continue };
            rows.insert(
                *id,
                AccessRows {
                    subscription,
                    unpaid,
                    has_payment_method: chargeable.contains(&id.0),
                    disputes: disputes.remove(id).unwrap_or_default(),
                    used_up: used_up.remove(id).unwrap_or_default(),
                    policy,
                },
            );
        }
        Ok(rows)
    }

    /// The open invoices of subscriptions that should have been paid, by subscription.
    pub async fn overdue_invoices(
        &self,
        organizations: &[OrganizationId],
        subscriptions: &[SubscriptionId],
    ) -> Result<HashMap<SubscriptionId, Vec<OverdueInvoice>>, StoreError> {
        if subscriptions.is_empty() {
            return Ok(HashMap::new());
        }
        let now = self.clock.now();
        let rows = invoice::Entity::find()
            .filter(invoice::Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(invoice::Column::SubscriptionId.is_in(subscriptions.iter().map(|id| id.0)))
            .filter(invoice::Column::Status.eq("open"))
            .filter(invoice::Column::AttemptCount.gt(0).or(invoice::Column::DueDate.lt(now)))
            .order_by_asc(invoice::Column::CreatedAt)
            .all(&self.db)
            .await?;
        let mut overdue: HashMap<SubscriptionId, Vec<OverdueInvoice>> = HashMap::new();
        for row in rows {
            let Some(subscription) = row.subscription_id else { continue };
            let tried = row.finalized_at.unwrap_or(row.created_at);
            overdue.entry(SubscriptionId(subscription)).or_default().push(OverdueInvoice {
                id: crate::domain::ids::InvoiceId(row.id),
                stripe_invoice_id: row.stripe_invoice_id.into(),
                since: if row.attempt_count > 0 { tried } else { row.due_date.unwrap_or(tried) },
            });
        }
        Ok(overdue)
    }
}
