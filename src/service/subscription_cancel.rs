//! Canceling, and taking it back.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::check_still_held;
use super::command::{Command, SubscriptionCancel, SubscriptionResume};
use super::error::{Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::mirror::Seen;
use super::operation::{OperationRequest, Running, Settlement, billing_scope, recorded, written};
use super::refused_step::refused_step;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::billing_policy::OpenInvoices;
use crate::domain::ids::{OrganizationId, StripeInvoiceId, StripeScheduleId, SubscriptionId};
use crate::domain::mirror::MirrorObject;
use crate::domain::permission::Permission;
use crate::domain::subscription::{CancellationTime, SubscriptionStatus};
use crate::domain::subscription_change::CancellationFeedback;
use crate::domain::text::optional_text;
use crate::payments::{CancellationReason, ObjectKind};

/// Under which the invoices that are given up are noted.
const GIVEN_UP: &str = "given_up";

/// A cancellation.
#[derive(Clone, Debug, Serialize)]
pub struct SubscriptionCancelInput {
    /// Whose subscription.
    pub organization_id: OrganizationId,
    /// Which.
    pub subscription_id: SubscriptionId,
    /// When it takes effect.
    pub when: CancellationTime,
    /// Why, as the customer chose.
    pub feedback: Option<CancellationFeedback>,
    /// Why, in the customer's words.
    pub reason: Option<String>,
}

/// Taking back a cancellation.
#[derive(Clone, Debug, Serialize)]
pub struct SubscriptionResumeInput {
    /// Whose subscription.
    pub organization_id: OrganizationId,
    /// Which.
    pub subscription_id: SubscriptionId,
}

impl Service {
    /// Cancels a subscription, now or when its paid period is over.
    pub async fn cancel_subscription(
        &self,
        actor: &Actor,
        input: SubscriptionCancelInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        let once = self.cancel_subscription_once(actor, input, idempotency.clone());
        self.once(idempotency.as_ref(), Box::pin(once)).await
    }

    async fn cancel_subscription_once(
        &self,
        actor: &Actor,
        input: SubscriptionCancelInput,
        idempotency: Option<crate::store::NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        let reason = optional_text(input.reason.as_deref(), 500)
            .map_err(|error| Refusal::bad_input("reason", error))?;
        let reason = CancellationReason { feedback: input.feedback, comment: reason };
        let subscription = self.subscription_of(input.organization_id, input.subscription_id).await?;
        if subscription.status.is_final() {
            return Err(Refusal::conflict("This subscription has ended already.").into());
        }
        if input.when == CancellationTime::PeriodEnd && subscription.is_cancellation_scheduled() {
            return Err(Refusal::conflict("This subscription is already set to end with its period.").into());
        }
        let Some(stripe_subscription_id) = subscription.stripe_subscription_id.clone() else {
            // A free plan has no period: it ends now either way.
            let transaction = self.store.begin_in(subscription.organization_id).await?;
            check_still_held(
                &transaction,
                subscription.organization_id,
                actor,
                Permission::SubscriptionWrite,
            )
            .await?;
            let ended =
                match transaction.end_free_subscription(&subscription, reason.comment, reason.feedback).await
                {
                    Err(crate::store::StoreError::Changed(_)) => {
                        return Err(Refusal::conflict("This subscription has ended already.").into());
                    }
                    ended => ended?,
                };
            let entry =
                AuditEntry::new(Some(ended.organization_id), "subscription.cancel", "subscription", ended.id)
                    .changed(&subscription.audit_values(), &ended.audit_values());
            return Answer::of(Resource::Subscription(ended.id))
                .commit(transaction, actor, entry, idempotency.as_ref())
                .await;
        };
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::SubscriptionCancel(SubscriptionCancel {
                organization_id: input.organization_id,
                subscription_id: subscription.id,
                stripe_subscription_id,
                // Nothing was paid yet, so there is no period to wait for.
                when: if subscription.status == SubscriptionStatus::Incomplete {
                    CancellationTime::Now
                } else {
                    input.when
                },
                reason,
                next_plan: None,
                foundation: None,
            }),
        })
        .await
    }

    pub(super) async fn perform_subscription_cancel(
        &self,
        running: &Running<'_>,
        command: SubscriptionCancel,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        if running.is_unchecked() && command.next_plan.is_some() {
            self.check_free(&command).await?;
            self.checked(running).await?;
        }
        let given_up = self.given_up_with(running, &command).await?;
        let before = self.watermark(ObjectKind::Subscription, id.as_str()).await?;
        // While a schedule is attached, Stripe lets nothing but the schedule end a subscription. What it would change
        // later does not matter any more.
        if let Some(schedule) =
            self.attached_schedule(command.organization_id, command.subscription_id).await?
        {
            self.stripe.release_schedule(&schedule, &running.key("release")).await?;
        }
        let key = running.key("cancel");
        let reason = &command.reason;
        let subscription = match command.when {
            // Seats that were added since the last bill are in use: no later bill would have them.
            CancellationTime::Now => self.stripe.cancel_subscription_now(id, reason, true, &key).await?,
            CancellationTime::PeriodEnd => {
                self.stripe.cancel_at_period_end(id, reason, command.next_plan, &key).await?
            }
        };
        if given_up.is_empty() {
            return self.settle_subscription(running, command.organization_id, subscription, before).await;
        }
        let (mut seen, mut refusals) = (Vec::new(), Vec::new());
        for invoice in &given_up {
            let key = running.key(&format!("void-{invoice}"));
            // It ends all the same: that an invoice stays due is told and recorded.
            if let Err(error) = self.stripe.withdraw_invoice(invoice, &key).await {
                refusals.push(refused_step(error)?);
            }
            seen.push(self.see(ObjectKind::Invoice, invoice.as_str()).await?);
        }
        let organization = command.organization_id;
        let at = super::mirror::later(self.clock.now(), before);
        seen.push(Seen { object: MirrorObject::Subscription(subscription), before, at, invoice: None });
        self.settle(running, organization, seen, None, |rows| {
            let (old, new) = written(rows.subscription.as_ref());
            let entry = AuditEntry::new(Some(organization), "subscription.cancel", "subscription", new.id);
            let audit = recorded(entry, old.map(|old| old.audit_values()), new.audit_values());
            let is_done = refusals.is_empty();
            Settlement {
                state: if is_done { OperationState::Confirmed } else { OperationState::Failed },
                resource: Some(Resource::Subscription(new.id)),
                client_secret: None,
                refusals: refusals.clone(),
                audit: if is_done { audit } else { audit.failed() },
            }
        })
        .await
    }

    /// The open invoices that the policy gives up with a subscription that ends at once, due already or not. Read while the
    /// operation holds the organization's billing, and noted before anything is sent: whoever takes it over gives up the same
    /// ones, and none that the end itself has made.
    async fn given_up_with(
        &self,
        running: &Running<'_>,
        command: &SubscriptionCancel,
    ) -> Result<Vec<StripeInvoiceId>, ServiceError> {
        if command.when != CancellationTime::Now {
            return Ok(Vec::new());
        }
        if let Some(noted) = running.noted(GIVEN_UP)? {
            return Ok(noted);
        }
        let organization = command.organization_id;
        let invoices = match self.store.policy_of(organization).await?.policy.open_invoices {
            OpenInvoices::Keep => Vec::new(),
            OpenInvoices::Void => self.store.open_invoices_of(organization, command.subscription_id).await?,
        };
        self.note(running, GIVEN_UP, &invoices).await?;
        Ok(invoices)
    }

    /// Takes back a cancellation that has not taken effect yet.
    pub async fn resume_subscription(
        &self,
        actor: &Actor,
        input: SubscriptionResumeInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let subscription = self.subscription_of(input.organization_id, input.subscription_id).await?;
        if subscription.status.is_final() {
            return Err(Refusal::conflict("This subscription has ended. Create a new one.").into());
        }
        let is_paused = subscription.status == SubscriptionStatus::Paused;
        let Some(stripe_subscription_id) = subscription
            .stripe_subscription_id
            .clone()
            .filter(|_| is_paused || subscription.is_cancellation_scheduled())
        else {
            return Err(Refusal::conflict(
                "This subscription is neither set to end nor paused, so there is nothing to resume.",
            )
            .into());
        };
        if is_paused
            && subscription.default_payment_method.is_none()
            && self.default_payment_method(input.organization_id).await?.is_none()
        {
            return Err(Refusal::conflict(
                "The trial ended without a payment method. Attach one, then resume.",
            )
            .into());
        }
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::SubscriptionResume(SubscriptionResume {
                organization_id: input.organization_id,
                subscription_id: subscription.id,
                stripe_subscription_id,
                is_paused,
            }),
        })
        .await
    }

    pub(super) async fn perform_subscription_resume(
        &self,
        running: &Running<'_>,
        command: SubscriptionResume,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        let before = self.before_change(id).await?;
        if command.is_paused {
            let resumed = self.stripe.resume_paused_subscription(id, &running.key("resume-paused")).await?;
            return self.settle_paid_change(running, command.organization_id, resumed, before, None).await;
        }
        let subscription = self.stripe.take_cancellation_back(id, &running.key("resume")).await?;
        self.settle_subscription(running, command.organization_id, subscription, before.at).await
    }

    /// The schedule that is attached to a subscription, as the row says now.
    pub(super) async fn attached_schedule(
        &self,
        organization: OrganizationId,
        id: SubscriptionId,
    ) -> Result<Option<StripeScheduleId>, ServiceError> {
        let row = self.store.find_subscription(organization, id).await?;
        Ok(row.and_then(|row| row.stripe_schedule_id))
    }
}
