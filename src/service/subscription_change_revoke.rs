//! Taking back what was arranged for the end of the period.

use super::Service;
use super::answer::Answer;
use super::command::{Command, SubscriptionResume, SubscriptionScheduledChangeRevoke};
use super::error::{Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::operation::{OperationRequest, Running, billing_scope};
use super::subscription_terms::SubscriptionInput;
use crate::domain::audit::Actor;
use crate::payments::ObjectKind;

impl Service {
    /// Takes back a change that was arranged for the end of the period.
    pub async fn revoke_scheduled_change(
        &self,
        actor: &Actor,
        input: SubscriptionInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let subscription = self.subscription_of(input.organization_id, input.subscription_id).await?;
        // A free plan that comes waits for the end, and not for a schedule: the end is taken back.
        if let Some(stripe_subscription_id) =
            subscription.stripe_subscription_id.clone().filter(|_| subscription.next_plan.is_some())
        {
            let command = Command::SubscriptionResume(SubscriptionResume {
                organization_id: input.organization_id,
                subscription_id: subscription.id,
                stripe_subscription_id,
                is_paused: false,
            });
            let scope = billing_scope(input.organization_id);
            let organization_id = Some(input.organization_id);
            let actor = actor.clone();
            return self
                .operate(OperationRequest { organization_id, actor, command, scope, idempotency })
                .await;
        }
        let (Some(stripe_subscription_id), Some(schedule)) =
            (subscription.stripe_subscription_id.clone(), subscription.stripe_schedule_id.clone())
        else {
            return Err(Refusal::conflict("No change is arranged for this subscription.").into());
        };
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::SubscriptionScheduledChangeRevoke(SubscriptionScheduledChangeRevoke {
                organization_id: input.organization_id,
                subscription_id: subscription.id,
                stripe_subscription_id,
                schedule,
            }),
        })
        .await
    }

    pub(super) async fn perform_scheduled_change_revoke(
        &self,
        running: &Running<'_>,
        command: SubscriptionScheduledChangeRevoke,
    ) -> Result<Answer, ServiceError> {
        let id = &command.stripe_subscription_id;
        let before = self.watermark(ObjectKind::Subscription, id.as_str()).await?;
        self.stripe.release_schedule(&command.schedule, &running.key("release")).await?;
        let shown = self.stripe.retrieve_subscription(id).await?;
        self.settle_subscription(running, command.organization_id, shown, before).await
    }
}
