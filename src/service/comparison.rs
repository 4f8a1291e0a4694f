//! Operations that are older than their idempotency keys, or under whose key Stripe keeps a failure of its own: what they were
//! to do is compared with what Stripe has (`trace.rs`). Nothing is asked of Stripe but to show, so nothing can be done twice.

use chrono::Duration;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, PlanArchive, PlanUpdate};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::mirror::{Rows, Seen};
use super::operation::{Running, Settlement, recorded};
use super::plan_restore::plan_restore;
use super::refund::as_system;
use super::trace::Trace;
use super::waiting::Waits;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::OrganizationId;
use crate::payments::PaymentsError;
use crate::store::{NewOperation, OperationRecord};

/// How long something may still come of a request at which Stripe failed. It does within the second; nobody promises that.
const MAY_STILL_COME: Duration = Duration::minutes(1);

fn failed_at_stripe() -> Refusal {
    Refusal::at(
        "",
        ErrorCode::StripeUnavailable,
        "Stripe failed at this, and has no sign that it was done. Look at the result, and ask again if it is still wanted.",
    )
}

fn not_done() -> Refusal {
    Refusal::at(
        "",
        ErrorCode::StripeUnavailable,
        "Stripe did not answer for a day, and has no sign that this was done. Look at the result, and ask again if it is \
         still wanted.",
    )
}

fn done_in_part() -> Refusal {
    Refusal::conflict("Something was changed at Stripe before that, and stays: look at the result.")
}

impl Service {
    /// Settles an operation by what Stripe has of it.
    pub(super) async fn compare_with_stripe(&self, record: &OperationRecord) -> Result<Answer, ServiceError> {
        let command: Command = serde_json::from_value(record.parameters.clone())?;
        let trace = match Box::pin(self.trace(record, &command)).await {
            // What it was to be done to is not at Stripe.
            Err(ServiceError::Stripe(PaymentsError::NotFound { .. })) => Trace::Nothing,
            trace => trace?,
        };
        self.settle_traced(record, &command, trace, not_done()).await
    }

    /// What becomes of an operation under whose key Stripe keeps a failure: asked again, it would say nothing else for a day,
    /// and nothing else could be done meanwhile. What Stripe shows of it settles it at once; what is not there is given up
    /// after a moment.
    pub(super) async fn kept(
        &self,
        record: &OperationRecord,
        command: &Command,
        error: &PaymentsError,
    ) -> Result<Answer, ServiceError> {
        let trace = match Box::pin(self.trace(record, command)).await {
            Err(ServiceError::Stripe(PaymentsError::NotFound { .. })) => Trace::Nothing,
            // As long as nobody can look, nobody knows.
            Err(ServiceError::StripeUnavailable(error) | ServiceError::Stripe(error)) => {
                return self.unknown(record, &error).await;
            }
            trace => trace?,
        };
        let is_there = match &trace {
            Trace::Settled(_) => true,
            Trace::Shown(state, _) | Trace::Opened(state, ..) => *state != OperationState::Failed,
            Trace::Nothing | Trace::AskAgain => false,
        };
        if is_there || self.nothing_more_comes(record) {
            self.settle_traced(record, command, trace, failed_at_stripe()).await
        } else {
            self.unknown(record, error).await
        }
    }

    /// Whether what is not there of an operation at which Stripe failed does not come any more.
    pub(super) fn nothing_more_comes(&self, record: &OperationRecord) -> bool {
        self.clock.now() - record.operation.created_at >= MAY_STILL_COME
    }

    /// Settles an operation by its trace. `refusal` says why it failed, if it did.
    async fn settle_traced(
        &self,
        record: &OperationRecord,
        command: &Command,
        trace: Trace,
        refusal: Refusal,
    ) -> Result<Answer, ServiceError> {
        match trace {
            Trace::Settled(answer) => Ok(*answer),
            Trace::Nothing => self.undone(record, command, vec![refusal], true).await,
            Trace::AskAgain => {
                // Written down first: killed in between, the old one is compared again and finds it there.
                let scope = format!("again:{}", record.operation.id);
                self.follow_up(record, record.actor.clone(), command, scope).await?;
                self.fail(record, vec![refusal]).await
            }
            Trace::Opened(state, resource, noun, id) => {
                self.settle_opened(record, state, resource, noun, &id).await
            }
            Trace::Shown(state, seen) => {
                let running = Running::new(record);
                Box::pin(self.settle_shown(&running, command, (state, seen), vec![refusal])).await
            }
        }
    }

    /// What becomes of an operation that was refused for good. It is not called failed before it is certain that nothing of it
    /// was done: an earlier attempt whose answer was lost, or an earlier step, may have changed something.
    pub(super) async fn refused(
        &self,
        running: &Running<'_>,
        command: &Command,
        refusals: Vec<Refusal>,
    ) -> Result<Answer, ServiceError> {
        let record = running.record;
        if running.is_first_step() {
            return self.undone(record, command, refusals, false).await;
        }
        let trace = match Box::pin(self.trace(record, command)).await {
            Err(ServiceError::Stripe(PaymentsError::NotFound { .. })) => Trace::Nothing,
            // As long as nobody can look, nobody knows.
            Err(ServiceError::StripeUnavailable(error) | ServiceError::Stripe(error)) => {
                return self.unknown(record, &error).await;
            }
            trace => trace?,
        };
        match trace {
            Trace::Settled(answer) => Ok(*answer),
            Trace::Nothing | Trace::AskAgain => self.undone(record, command, refusals, true).await,
            Trace::Opened(state, resource, noun, id) => {
                self.settle_opened(record, state, resource, noun, &id).await
            }
            Trace::Shown(state, seen) => {
                Box::pin(self.settle_shown(running, command, (state, seen), refusals)).await
            }
        }
    }

    /// Settles an operation of which nothing was done, or only a part that counts for nothing.
    async fn undone(
        &self,
        record: &OperationRecord,
        command: &Command,
        refusals: Vec<Refusal>,
        may_be_in_part: bool,
    ) -> Result<Answer, ServiceError> {
        match command {
            // Its amount is free again.
            Command::PaymentRefund(refund) => {
                self.settle_unmade_refund(record, refund, refusals, false).await
            }
            Command::PlanUpdate(PlanUpdate { plan_id, .. })
            | Command::PlanArchive(PlanArchive { plan_id, .. })
                if may_be_in_part =>
            {
                self.fail_for(record, refusals, &plan_restore(*plan_id)?).await
            }
            _ => self.fail(record, refusals).await,
        }
    }

    async fn settle_opened(
        &self,
        record: &OperationRecord,
        state: OperationState,
        resource: Resource,
        noun: &'static str,
        id: &str,
    ) -> Result<Answer, ServiceError> {
        let organization = record.operation.organization_id.ok_or(ServiceError::NotFound("organization"))?;
        let kind = record.operation.kind.clone();
        self.settle(&Running::new(record), organization, Vec::new(), None, |_| Settlement {
            state,
            resource: Some(resource.clone()),
            client_secret: None,
            refusals: Vec::new(),
            audit: AuditEntry::new(Some(organization), kind.clone(), noun, id)
                .created(serde_json::json!({ "stripeId": id })),
        })
        .await
    }

    /// Settles an operation by what Stripe shows of it, and mirrors that. `refusals` are why it failed, if it did.
    async fn settle_shown(
        &self,
        running: &Running<'_>,
        command: &Command,
        (state, seen): (OperationState, Vec<Seen>),
        refusals: Vec<Refusal>,
    ) -> Result<Answer, ServiceError> {
        let record = running.record;
        let organization = record.operation.organization_id.ok_or(ServiceError::NotFound("organization"))?;
        let free = match command {
            Command::SubscriptionCreate(create)
                if matches!(state, OperationState::Confirmed | OperationState::Pending) =>
            {
                match create.replaces_free {
                    Some(id) => self.store.find_subscription(organization, id).await?,
                    None => None,
                }
            }
            _ => None,
        };
        let settler = match command {
            Command::PaymentRefund(_) => as_system(record),
            _ => record.clone(),
        };
        let wanted_price = match command {
            Command::SubscriptionChange(change) => {
                self.store.find_price_at_stripe(&change.price).await?.map(|(price, _)| price.id)
            }
            _ => None,
        };
        // A step that was refused after others of the same run were done is told, even when those were what was asked for.
        let is_in_part = running.is_first_attempt() && running.has_done_a_step();
        // A change of a subscription takes its own steps back: its row tells whether anything is left of them.
        let takes_back = matches!(command, Command::SubscriptionChange(_));
        let has_left = running.has_done_a_step() && !takes_back;
        self.settle_leaving(&Running::new(&settler), organization, seen, free.as_ref(), |rows| {
            let (resource, audit) = subject(record, command, organization, rows);
            // What it would wait for may have come since Stripe was looked at.
            let waits = Waits {
                state,
                since: record.operation.created_at,
                command,
                resource: resource.as_ref(),
                wanted_price,
            };
            let state = match state {
                OperationState::Pending | OperationState::RequiresAction => waits.settled_by(rows),
                state => state,
            };
            let left = match command {
                Command::SubscriptionChange(change) if state == OperationState::Confirmed => {
                    change.carried_on()
                }
                Command::SubscriptionChange(change) if state == OperationState::Failed => change.undone(),
                _ => None,
            };
            let refusals = match state {
                OperationState::Failed if has_left || rows.have_changed() => {
                    refusals.iter().cloned().chain([done_in_part()]).collect()
                }
                OperationState::Failed => refusals.clone(),
                OperationState::RequiresAction => vec![Refusal::at(
                    "",
                    ErrorCode::PaymentActionRequired,
                    "The bank asks the cardholder to confirm this payment.",
                )],
                _ if is_in_part => refusals.clone(),
                _ => Vec::new(),
            };
            let settlement = Settlement {
                state,
                resource,
                client_secret: None,
                refusals,
                audit: if state == OperationState::Failed { audit.failed() } else { audit },
            };
            (settlement, left)
        })
        .await
    }

    /// Writes down what the next sweep is to do, unless it was written down before.
    async fn follow_up(
        &self,
        record: &OperationRecord,
        actor: Actor,
        command: &Command,
        scope: String,
    ) -> Result<(), ServiceError> {
        let new = NewOperation {
            organization_id: record.operation.organization_id,
            actor,
            kind: command.kind().as_str(),
            parameters: serde_json::to_value(command)?,
            scope,
            lease: -Duration::seconds(1),
            idempotency: None,
        };
        self.store.open_operation(new, None).await?;
        Ok(())
    }
}

/// What an operation was about, of the rows that were written, and its record.
fn subject(
    record: &OperationRecord,
    command: &Command,
    organization: OrganizationId,
    rows: &Rows,
) -> (Option<Resource>, AuditEntry) {
    let entry = |resource: &'static str, id: String| {
        AuditEntry::new(Some(organization), record.operation.kind.clone(), resource, id)
    };
    macro_rules! about {
        ($row:expr, $noun:literal, $resource:ident) => {
            if let Some((old, new)) = $row {
                let entry = entry($noun, new.id.to_string());
                let old = old.as_ref().map(|old| old.audit_values());
                return (Some(Resource::$resource(new.id)), recorded(entry, old, new.audit_values()));
            }
        };
    }
    if let Command::PaymentRefund(refund) = command {
        let row = rows.refunds.iter().find(|(_, row)| row.id == refund.refund_id);
        if let Some((old, new)) = row {
            let entry = AuditEntry::new(Some(organization), "refund.settle", "refund", new.id);
            let old = old.as_ref().map(crate::domain::refund::Refund::audit_values);
            return (Some(Resource::Refund(new.id)), recorded(entry, old, new.audit_values()));
        }
    }
    about!(&rows.credit_note, "credit_note", CreditNote);
    if matches!(command, Command::InvoicePay(_) | Command::InvoiceChange(_)) {
        about!(&rows.invoice, "invoice", Invoice);
    }
    about!(&rows.subscription, "subscription", Subscription);
    about!(&rows.invoice, "invoice", Invoice);
    about!(&rows.payment, "payment", Payment);
    about!(&rows.payment_method, "payment_method", PaymentMethod);
    (Some(Resource::Organization(organization)), entry("organization", organization.to_string()))
}
