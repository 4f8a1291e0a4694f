//! Dunning: reminders by the policy's steps, and what follows once everything is paid again.

use chrono::Duration;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, SubscriptionRecover};
use super::error::{Refusal, ServiceError};
use super::mirror::Seen;
use super::notification::tell;
use super::operation::{OperationRequest, Running, Settlement, billing_scope, recorded, written};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::billing_policy::DunningStep;
use crate::domain::ids::{OrganizationId, SubscriptionId};
use crate::domain::mirror::MirrorObject;
use crate::domain::notification::Fact;
use crate::payments::{ObjectKind, PaymentsError};
use crate::store::{Debtor, DunningReminder, OverdueInvoice};

/// Subscriptions looked at in one statement.
const BATCH: u64 = 200;
/// A draft finalises by itself about an hour after it was made; one that is older waits for somebody.
const DRAFT_WAITS: Duration = Duration::hours(2);

/// The pause after so many failures in a row: a minute, doubling, to a day.
fn recovery_pause(failures: u32) -> Duration {
    let minutes = 1i64 << failures.saturating_sub(1).min(11);
    Duration::minutes(minutes).min(Duration::days(1))
}

/// Whether a step was taken for an invoice. By day and kind, not by the place: the policy may have other steps by now.
fn is_reminded(reminded: &[DunningReminder], invoice: &OverdueInvoice, step: DunningStep) -> bool {
    reminded.iter().any(|reminder| {
        reminder.stripe_invoice_id == invoice.stripe_invoice_id
            && reminder.after_days == i32::from(step.after_days)
            && reminder.kind == step.reminder
    })
}

/// Says whom a round left out.
fn left_out(organization: OrganizationId, what: &str, error: &ServiceError) {
    tracing::error!(%organization, %error, source = ?std::error::Error::source(error), "a debtor could not be {what}");
}

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
                let Some(policy) = policies.get(&debtor.organization_id) else { continue };
                // Each invoice has steps of its own: paying one ends the reminders of that one.
                for invoice in overdue.get(&debtor.subscription_id).into_iter().flatten() {
                    let due: Vec<_> = policy
                        .policy
                        .due_steps(invoice.since, self.clock.now())
                        .filter(|(_, step)| !is_reminded(&reminded, invoice, **step))
                        .map(|(place, step)| (place, *step))
                        .collect();
                    for (place, step) in due {
                        match self.remind(debtor, invoice, (place, &step)).await {
                            Ok(is_written) => written += usize::from(is_written),
                            // One that cannot be written keeps nobody else's from it; the next round tries it again.
                            Err(error) => left_out(debtor.organization_id, "reminded", &error),
                        }
                    }
                }
            }
        }
    }

    /// Writes one reminder with its record; `false` when another process did, or it was paid meanwhile.
    async fn remind(
        &self,
        debtor: &Debtor,
        invoice: &OverdueInvoice,
        step: (i32, &DunningStep),
    ) -> Result<bool, ServiceError> {
        let transaction = self.store.begin_in(debtor.organization_id).await?;
        let id = &invoice.stripe_invoice_id;
        let is_due = transaction.is_still_owed(debtor, id).await?
            && transaction.create_dunning_reminder(debtor, id, step, invoice.since).await?;
        if !is_due {
            transaction.rollback().await?;
            return Ok(false);
        }
        let fact = Fact::DunningReminder {
            subscription_id: debtor.subscription_id,
            stripe_invoice_id: id.0.clone(),
            after_days: i32::from(step.1.after_days),
            reminder: step.1.reminder,
            access: step.1.access,
        };
        tell(&transaction, debtor.organization_id, &fact).await?;
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
    /// subscriptions were begun with. What keeps failing is tried less and less often.
    pub async fn recover_subscriptions(&self) -> Result<usize, ServiceError> {
        let mut begun = 0;
        let now = self.clock.now();
        for recovered in self.store.list_recovered(now - DRAFT_WAITS, BATCH).await? {
            let failures =
                self.store.recovery_failures(recovered.organization_id, recovered.subscription_id).await?;
            if failures.last_at.is_some_and(|last| now < last + recovery_pause(failures.count)) {
                continue;
            }
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
                Err(error) => left_out(recovered.organization_id, "recovered", &error),
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
        let mut refusals = Vec::new();
        for draft in &command.drafts {
            let key = running.key(&format!("collect-{draft}"));
            match self.stripe.collect_draft(draft, &key).await {
                // A draft that somebody deleted is nobody's debt.
                Ok(()) | Err(PaymentsError::NotFound { .. }) => {}
                // One that cannot be finalised keeps no other from it, and the operation ends with all that could be.
                Err(PaymentsError::InvalidRequest { message, .. }) => {
                    refusals.push(Refusal::conflict(format!("{draft} could not be finalised: {message}")));
                }
                Err(error) => return Err(error.into()),
            }
            let invoice = self.see(ObjectKind::Invoice, draft.as_str()).await?;
            if let MirrorObject::Invoice(shown) = &invoice.object {
                let intents = shown.payment_intents.clone().unwrap_or_default();
                seen.extend(self.see_payments_of(draft, &intents).await?);
            }
            seen.push(invoice);
        }
        if !refusals.is_empty() {
            tracing::error!(%organization, subscription = %command.stripe_subscription_id, ?refusals, "drafts of a paid subscription cannot be finalised");
        }
        let id = &command.stripe_subscription_id;
        seen.push(self.see(ObjectKind::Subscription, id.as_str()).await?);
        self.settle(running, organization, seen, None, |rows| {
            let (old, new) = written(rows.subscription.as_ref());
            let entry = AuditEntry::new(Some(organization), "subscription.recover", "subscription", new.id);
            let audit = recorded(entry, old.map(|old| old.audit_values()), new.audit_values());
            let has_failed = !refusals.is_empty();
            Settlement {
                state: if has_failed { OperationState::Failed } else { OperationState::Confirmed },
                resource: Some(Resource::Subscription(new.id)),
                client_secret: None,
                refusals: refusals.clone(),
                audit: if has_failed { audit.failed() } else { audit },
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_failing_is_tried_less_and_less_often_and_at_least_once_a_day() {
        let minutes: Vec<i64> = (0..16).map(|failures| recovery_pause(failures).num_minutes()).collect();
        assert_eq!(minutes[..5], [1, 1, 2, 4, 8]);
        assert_eq!(minutes[11..], [1_024, 1_440, 1_440, 1_440, 1_440]);
        assert_eq!(recovery_pause(u32::MAX), Duration::days(1));
    }
}
