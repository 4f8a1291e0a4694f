//! Putting back what a change took away: a downgrade that waited for the end of the period, and the discounts of before.

use super::Service;
use super::answer::Answer;
use super::command::{SubscriptionChange, SubscriptionRestore};
use super::error::ServiceError;
use super::operation::Running;
use super::subscription_change::ScheduledTerms;
use super::subscription_change_run::Arrangement;
use super::trace::Trace;
use crate::domain::billing_operation::OperationState;
use crate::domain::mirror::{MirrorObject, SubscriptionMirror};
use crate::domain::subscription_change::Proration;
use crate::payments::{ObjectKind, PhaseItems};

impl SubscriptionChange {
    /// What is put back when the change came to nothing.
    pub(super) fn undone(&self) -> Option<SubscriptionRestore> {
        if self.scheduled.is_none() && self.promotion_code.is_none() {
            return None;
        }
        Some(SubscriptionRestore {
            price: self.old_price.clone(),
            quantity: self.old_quantity,
            interval: self.old_interval,
            scheduled: self.scheduled.clone(),
            promotion_code: self.promotion_code.clone(),
            ..self.restore()
        })
    }

    /// What is put back when the change was made: a change of the seats alone leaves what is arranged, with the new seats
    /// where it did not bring its own.
    pub(super) fn carried_on(&self) -> Option<SubscriptionRestore> {
        let kept = self.scheduled.clone().filter(|_| self.now && self.keeps_price)?;
        let quantity = if kept.with_seats { kept.quantity } else { self.quantity };
        Some(SubscriptionRestore { scheduled: Some(ScheduledTerms { quantity, ..kept }), ..self.restore() })
    }

    fn restore(&self) -> SubscriptionRestore {
        SubscriptionRestore {
            organization_id: self.organization_id,
            subscription_id: self.subscription_id,
            stripe_subscription_id: self.stripe_subscription_id.clone(),
            price: Some(self.price.clone()),
            quantity: Some(self.quantity),
            interval: self.interval,
            scheduled: None,
            promotion_code: None,
            held_discounts: self.held_discounts.clone(),
        }
    }
}

impl SubscriptionRestore {
    /// What is to be arranged, unless somebody has decided otherwise since.
    fn to_arrange(&self, now: &SubscriptionMirror) -> Option<&ScheduledTerms> {
        let same = self.price.as_ref().is_none_or(|price| now.price.as_ref() == Some(price))
            && self.quantity.is_none_or(|quantity| now.quantity == quantity);
        let is_free = now.scheduled_change().is_none()
            && now.pending_update_expires_at.is_none()
            && !now.cancel_at_period_end
            && now.cancel_at.is_none()
            && !now.status.is_final();
        self.scheduled.as_ref().filter(|_| same && is_free)
    }

    /// The discounts that stay; `None` when all do.
    fn kept_discounts(&self, now: &SubscriptionMirror) -> Option<Vec<String>> {
        let code = self.promotion_code.as_ref().filter(|_| !now.status.is_final())?;
        let all: Vec<_> = now.discounts.iter().flatten().collect();
        let kept: Vec<String> = all
            .iter()
            .filter(|it| self.held_discounts.contains(&it.id) || it.promotion_code.as_ref() != Some(code))
            .map(|it| it.id.clone())
            .collect();
        (kept.len() < all.len()).then_some(kept)
    }
}

impl Service {
    pub(super) async fn perform_restore(
        &self,
        running: &Running<'_>,
        command: SubscriptionRestore,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        self.restore(running, &command).await?;
        let before = self.watermark(ObjectKind::Subscription, id.as_str()).await?;
        let shown = self.stripe.retrieve_subscription(id).await?;
        self.settle_subscription(running, command.organization_id, shown, before).await
    }

    /// Leaves the discounts and the schedule as they were before a change, as far as nobody has changed them since.
    pub(super) async fn restore(
        &self,
        running: &Running<'_>,
        command: &SubscriptionRestore,
    ) -> Result<(), ServiceError> {
        let id = &command.stripe_subscription_id;
        let now = self.stripe.retrieve_subscription(id).await?;
        if let Some(kept) = command.kept_discounts(&now) {
            let key = running.key("undiscount").of_body(&kept.join(","));
            self.stripe.set_discounts(id, &kept, None, &key).await?;
        }
        let Some(scheduled) = command.to_arrange(&now) else { return Ok(()) };
        let arrangement = Arrangement {
            quantity: None,
            interval: command.interval,
            next: PhaseItems {
                price: scheduled.price.clone(),
                quantity: u64::try_from(scheduled.quantity).unwrap_or(1),
                interval: scheduled.interval,
            },
            proration: Proration::None,
        };
        self.arrange(running, &now, arrangement).await
    }

    pub(super) async fn trace_restore(&self, command: &SubscriptionRestore) -> Result<Trace, ServiceError> {
        let seen = self.see(ObjectKind::Subscription, command.stripe_subscription_id.as_str()).await?;
        let MirrorObject::Subscription(now) = &seen.object else { return Ok(Trace::Nothing) };
        if command.to_arrange(now).is_some() || command.kept_discounts(now).is_some() {
            return Ok(Trace::AskAgain);
        }
        Ok(Trace::Shown(OperationState::Confirmed, vec![seen]))
    }
}
