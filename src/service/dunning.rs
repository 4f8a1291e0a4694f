//! Dunning: reminders by the policy's steps, and what follows once everything is paid again.

use chrono::Duration;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, SubscriptionRecover};
use super::error::ServiceError;
use super::mirror::Seen;
use super::operation::{OperationRequest, Running, Settlement, billing_scope, recorded, written};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::SubscriptionId;
use crate::domain::mirror::MirrorObject;
use crate::payments::ObjectKind;
use crate::store::{Debtor, OverdueInvoice};

/// Subscriptions looked at in one statement.
const BATCH: u64 = 200;
/// A draft finalises by itself about an hour after it was made; one that is older waits for somebody.
const DRAFT_WAITS: Duration = Duration::hours(2);

impl Service {
    /// Writes the reminders that have fallen due, each once. Says how many were written.
    pub async fn remind_debtors(&self) -> Result<usize, ServiceError> {
        let mut written = 0;
        let mut after: Option<SubscriptionId> = None;
        loop {
            let debtors = self.store.list_debtors(after, BATCH).await?;
            let Some(last) = debtors.last() else { return Ok(written) };
            after = Some(last.subscription_id);
            let organizations: Vec<_> = debtors.iter().map(|debtor| debtor.organization_id).collect();
            let subscriptions: Vec<_> = debtors.iter().map(|debtor| debtor.subscription_id).collect();
            let overdue = self.store.overdue_invoices(&organizations, &subscriptions).await?;
            let policies = self.store.policies_of(&organizations).await?;
            let reminded = self.store.dunning_reminders(&organizations).await?;
            for debtor in &debtors {
                let invoices = overdue.get(&debtor.subscription_id);
                let Some(invoice) = invoices.into_iter().flatten().min_by_key(|invoice| invoice.since) else {
                    continue;
                };
                let Some(policy) = policies.get(&debtor.organization_id) else { continue };
                let due: Vec<_> = policy
                    .policy
                    .due_steps(invoice.since, self.clock.now())
                    .filter(|(place, _)| {
                        !reminded.iter().any(|reminder| {
                            reminder.stripe_invoice_id == invoice.stripe_invoice_id && reminder.step == *place
                        })
                    })
                    .map(|(place, step)| (place, *step))
                    .collect();
                for (place, step) in due {
                    written += usize::from(self.remind(debtor, invoice, (place, &step)).await?);
                }
            }
        }
    }

    /// Writes one reminder with its record; `false` when another process did.
    async fn remind(
        &self,
        debtor: &Debtor,
        invoice: &OverdueInvoice,
        step: (i32, &crate::domain::billing_policy::DunningStep),
    ) -> Result<bool, ServiceError> {
        let transaction = self.store.begin_in(debtor.organization_id).await?;
        if !transaction
            .create_dunning_reminder(debtor, &invoice.stripe_invoice_id, step, invoice.since)
            .await?
        {
            transaction.rollback().await?;
            return Ok(false);
        }
        let entry = AuditEntry::new(
            Some(debtor.organization_id),
            "dunning.remind",
            "subscription",
            debtor.subscription_id,
        )
        .created(serde_json::json!({
            "step": step.0,
            "reminder": step.1.reminder,
            "access": step.1.access,
            "stripeInvoiceId": invoice.stripe_invoice_id,
        }));
        transaction.commit(&Actor::system(), entry).await?;
        Ok(true)
    }

    /// Finalises the drafts that piled up while a subscription was unpaid, once its debt is paid. Says how many
    /// subscriptions were begun with.
    pub async fn recover_subscriptions(&self) -> Result<usize, ServiceError> {
        let mut begun = 0;
        for recovered in self.store.list_recovered(self.clock.now() - DRAFT_WAITS, BATCH).await? {
            let request = OperationRequest {
                organization_id: Some(recovered.organization_id),
                actor: Actor::system(),
                scope: billing_scope(recovered.organization_id),
                idempotency: None,
                command: Command::SubscriptionRecover(SubscriptionRecover {
                    organization_id: recovered.organization_id,
                    subscription_id: recovered.subscription_id,
                    stripe_subscription_id: recovered.stripe_subscription_id,
                    drafts: recovered.drafts,
                }),
            };
            match self.operate(request).await {
                Ok(_) => begun += 1,
                // Another operation is under way there: the next round finds it again.
                Err(ServiceError::Refused(_) | ServiceError::StripeUnavailable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(begun)
    }

    pub(super) async fn perform_recover(
        &self,
        running: &Running<'_>,
        command: SubscriptionRecover,
    ) -> Result<Answer, ServiceError> {
        let organization = command.organization_id;
        let mut seen: Vec<Seen> = Vec::new();
        for draft in &command.drafts {
            self.stripe.collect_draft(draft, &running.key(&format!("collect-{draft}"))).await?;
            let invoice = self.see(ObjectKind::Invoice, draft.as_str()).await?;
            if let MirrorObject::Invoice(shown) = &invoice.object {
                let intents = shown.payment_intents.clone().unwrap_or_default();
                seen.extend(self.see_payments_of(draft, &intents).await?);
            }
            seen.push(invoice);
        }
        let id = &command.stripe_subscription_id;
        seen.push(self.see(ObjectKind::Subscription, id.as_str()).await?);
        self.settle(running, organization, seen, None, |rows| {
            let (old, new) = written(rows.subscription.as_ref());
            let entry = AuditEntry::new(Some(organization), "subscription.recover", "subscription", new.id);
            Settlement {
                state: OperationState::Confirmed,
                resource: Some(Resource::Subscription(new.id)),
                client_secret: None,
                refusals: Vec::new(),
                audit: recorded(entry, old.map(|old| old.audit_values()), new.audit_values()),
            }
        })
        .await
    }
}
