//! Operations: written down, run, settled. Killed at any point, another process runs them again with the same keys.

use std::pin::Pin;
use std::sync::atomic::Ordering;

use chrono::Duration;
use futures::future::join_all;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority;
use super::command::{Command, SubscriptionRestore};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::fault_point;
pub(super) use super::lease::LEASE;
use super::mirror::{ATTEMPTS, Rows, Seen, Wrote, note_unknown_words, write_mirrors};
use super::refused_field::refused_field;
pub(super) use super::running::Running;
use super::waiting::put_back;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, StripeCustomerId};
use crate::domain::mirror::CustomerMirror;
use crate::domain::organization::Organization;
use crate::domain::subscription::Subscription;
use crate::payments::{IdempotencyKey, NewCustomer, Outcome, PaymentsError};
use crate::store::{
    Mirrored, NewIdempotencyRecord, NewOperation, Opened, OperationRecord, OperationSettlement, StoreError,
    Watermark, WriteTransaction,
};

/// What a process takes over of others and runs at the same time: one at which Stripe hangs holds up no other, and nothing waits
/// with its lease running.
pub const SETTLED_AT_ONCE: usize = 8;

/// Stripe keeps an idempotency key for 24 hours. A repetition after that would be a new request, so none is made.
const KEY_KEPT: Duration = Duration::hours(23);

/// The pause before an old operation is compared once more.
const COMPARED_AGAIN: Duration = Duration::minutes(1);

/// The metadata key under which our objects at Stripe name their organization.
pub(super) const ORGANIZATION_METADATA: &str = "tollgate_organization_id";

/// The metadata key under which our objects at Stripe name the operation that made them.
pub(super) const OPERATION_METADATA: &str = "tollgate_operation_id";

/// A command under way.
type Performing<'a> = Pin<Box<dyn Future<Output = Result<Answer, ServiceError>> + Send + 'a>>;

/// A request for an operation.
pub(super) struct OperationRequest {
    pub organization_id: Option<OrganizationId>,
    pub actor: Actor,
    pub command: Command,
    /// What it must have for itself.
    pub scope: String,
    pub idempotency: Option<NewIdempotencyRecord>,
}

/// How an operation is settled, decided from the rows that were written.
pub(super) struct Settlement {
    pub state: OperationState,
    pub resource: Option<Resource>,
    pub client_secret: Option<String>,
    pub refusals: Vec<Refusal>,
    pub audit: AuditEntry,
}

/// The scope of everything that may charge an organization or change its subscription: one at a time.
pub(super) fn billing_scope(organization: OrganizationId) -> String {
    format!("billing:{organization}")
}

impl Service {
    /// Writes an operation down, runs it and answers. The caller's key is answered from what it answered before.
    pub(super) async fn operate(&self, request: OperationRequest) -> Result<Answer, ServiceError> {
        let idempotency = request.idempotency.clone();
        let needs = request.command.needs(&request.actor);
        let new = NewOperation {
            organization_id: request.organization_id,
            actor: request.actor,
            kind: request.command.kind().as_str(),
            parameters: serde_json::to_value(&request.command)?,
            scope: request.scope,
            lease: LEASE,
            idempotency: request.idempotency,
        };
        match self.store.open_operation(new, needs).await? {
            Opened::Operation(record) => self.run(&record).await,
            not_opened => self.not_opened(not_opened, idempotency.as_ref()).await,
        }
    }

    /// What is answered when an operation could not be opened.
    pub(super) async fn not_opened(
        &self,
        opened: Opened,
        idempotency: Option<&NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        let refusal = match opened {
            Opened::Operation(record) => return self.answer_of(record).await,
            Opened::Busy(other) => Refusal::busy(other),
            Opened::KeyUsed => Refusal::conflict("The same idempotency key is in use right now. Try again."),
            Opened::Refused { held, needs } => return Err(authority::refused(held, needs)),
        };
        // The same request at the same time: it is its own operation that is in the way.
        self.answered_meanwhile(idempotency).await?.ok_or_else(|| refusal.into())
    }

    /// Runs an operation that this process holds, and settles it as far as its outcome is known.
    pub(super) async fn run(&self, record: &OperationRecord) -> Result<Answer, ServiceError> {
        let _held = self.hold(record);
        fault_point::reach(&record.operation.kind, || "opened".to_owned());
        let running = Running::new(record);
        let command: Command = serde_json::from_value(record.parameters.clone())?;
        let error = match self.perform(&running, command.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match error {
            ServiceError::Refused(refusals) => Box::pin(self.refused(&running, &command, refusals)).await,
            ServiceError::Stripe(error) => {
                let refusal = refused_field(&command, &error).or_else(|| refusal_of(&error));
                let is_ours = refusal.is_none();
                let refusals = refusal.into_iter().collect();
                let answer = Box::pin(self.refused(&running, &command, refusals)).await?;
                let has_failed =
                    answer.operation.as_ref().is_some_and(|it| it.state == OperationState::Failed);
                if is_ours && has_failed { Err(ServiceError::Stripe(error)) } else { Ok(answer) }
            }
            ServiceError::StripeUnavailable(error) if error.is_kept() => {
                Box::pin(self.kept(record, &command, &error)).await
            }
            // What was written with it stays, so what follows from it is not let go of.
            ServiceError::StripeUnavailable(error) if command.follows_setting() => {
                self.unknown(record, &error).await
            }
            ServiceError::StripeUnavailable(error)
                if running.only_looked() || is_certainly_undone(&error) && running.is_first_step() =>
            {
                Box::pin(self.not_begun(record, &command)).await?;
                Err(ServiceError::StripeUnavailable(error))
            }
            ServiceError::StripeUnavailable(error) => self.unknown(record, &error).await,
            // What it needs is not there, and nothing was asked of Stripe but to look: it would not be there later either, and
            // meanwhile nothing else could be done.
            error @ ServiceError::NotFound(_) if running.only_looked() => {
                self.fail(record, Vec::new()).await?;
                Err(error)
            }
            // Ours: the operation stays open, and is run again when its lease runs out.
            error => Err(error),
        }
    }

    /// Each command's future is boxed by itself: one future that holds them all would not fit on a thread's stack.
    pub(super) fn perform<'a>(&'a self, running: &'a Running<'a>, command: Command) -> Performing<'a> {
        match command {
            Command::SubscriptionCreate(command) => {
                Box::pin(self.perform_subscription_create(running, command))
            }
            Command::SubscriptionCancel(command) => {
                Box::pin(self.perform_subscription_cancel(running, command))
            }
            Command::SubscriptionResume(command) => {
                Box::pin(self.perform_subscription_resume(running, command))
            }
            Command::SubscriptionChange(command) => {
                Box::pin(self.perform_subscription_change(running, *command))
            }
            Command::SubscriptionScheduledChangeRevoke(command) => {
                Box::pin(self.perform_scheduled_change_revoke(running, command))
            }
            Command::SubscriptionCollectionPause(command) => {
                Box::pin(self.perform_collection_pause(running, command))
            }
            Command::SubscriptionCollectionResume(command) => {
                Box::pin(self.perform_collection_resume(running, command))
            }
            Command::SubscriptionTrial(command) => Box::pin(self.perform_trial(running, command)),
            Command::SubscriptionDiscount(command) => Box::pin(self.perform_discount(running, command)),
            Command::SubscriptionRestore(command) => Box::pin(self.perform_restore(running, command)),
            Command::SubscriptionRecover(command) => Box::pin(self.perform_recover(running, command)),
            Command::SubscriptionCancelDuplicate(command) => {
                Box::pin(self.perform_cancel_duplicate(running, command))
            }
            Command::CustomerSync(command) => Box::pin(self.perform_customer_sync(running, command)),
            Command::CustomerRecreate(command) => Box::pin(self.perform_customer_recreate(running, command)),
            Command::InvoicePay(command) => Box::pin(self.perform_invoice_pay(running, command)),
            Command::InvoiceChange(command) => Box::pin(self.perform_invoice_change(running, command)),
            Command::CreditNoteCreate(command) => Box::pin(self.perform_credit_note_create(running, command)),
            Command::PaymentMethodSetup(command) => {
                Box::pin(self.perform_payment_method_setup(running, command))
            }
            Command::PaymentMethodAttach(command) => {
                Box::pin(self.perform_payment_method_attach(running, command))
            }
            Command::PaymentMethodSetDefault(command) => {
                Box::pin(self.perform_payment_method_set_default(running, command))
            }
            Command::PaymentMethodDetach(command) => {
                Box::pin(self.perform_payment_method_detach(running, command))
            }
            Command::PaymentIntentCreate(command) => {
                Box::pin(self.perform_payment_intent_create(running, command))
            }
            Command::PaymentIntentConfirm(command) => {
                Box::pin(self.perform_payment_intent_confirm(running, command))
            }
            Command::PaymentIntentCancel(command) => {
                Box::pin(self.perform_payment_intent_cancel(running, command))
            }
            Command::PaymentRefund(command) => Box::pin(self.perform_payment_refund(running, command)),
            Command::CheckoutSessionCreate(command) => {
                Box::pin(self.perform_checkout_session_create(running, command))
            }
            Command::PortalSessionCreate(command) => {
                Box::pin(self.perform_portal_session_create(running, command))
            }
            Command::UsageBill(command) => Box::pin(self.perform_usage_bill(running, command)),
            Command::PlanCreate(command) => Box::pin(self.perform_plan_create(running, command)),
            Command::PlanUpdate(command) => Box::pin(self.perform_plan_update(running, command)),
            Command::PlanArchive(command) => Box::pin(self.perform_plan_archive(running, command)),
            Command::PlanRestore(command) => Box::pin(self.perform_plan_restore(running, command)),
        }
    }

    /// Settles an operation that came to nothing.
    pub(super) async fn fail(
        &self,
        record: &OperationRecord,
        refusals: Vec<Refusal>,
    ) -> Result<Answer, ServiceError> {
        let (answer, settlement) = self.failed(record, refusals);
        if answer.refusals.is_empty() {
            // The fault is ours. The caller reads so once, and asks again with the same key.
            self.store.withdraw_operation(record, settlement).await?;
        } else {
            self.store.abandon_operation(record, settlement).await?;
        }
        Ok(answer)
    }

    /// The same, and writes down with it what is to be done because of it. The next sweep does it.
    pub(super) async fn fail_for(
        &self,
        record: &OperationRecord,
        refusals: Vec<Refusal>,
        next: &NewOperation,
    ) -> Result<Answer, ServiceError> {
        let (answer, settlement) = self.failed(record, refusals);
        self.store.abandon_operation_for(record, settlement, next, answer.refusals.is_empty()).await?;
        fault_point::reach(&record.operation.kind, || "failed".to_owned());
        Ok(answer)
    }

    /// The answer and the settlement of an operation that came to nothing.
    fn failed(&self, record: &OperationRecord, refusals: Vec<Refusal>) -> (Answer, OperationSettlement) {
        let mut answer = Answer { refusals, ..Answer::default() };
        let settlement = nothing_done(&answer);
        let mut operation = record.operation.clone();
        operation.state = OperationState::Failed;
        operation.error_code.clone_from(&settlement.error_code);
        operation.error_message.clone_from(&settlement.error_message);
        operation.settled_at = Some(self.clock.now());
        answer.operation = Some(operation);
        (answer, settlement)
    }

    /// Settles an operation of which nothing was sent, since Stripe was out of reach. The caller may ask for it again with
    /// the same key.
    async fn not_begun(&self, record: &OperationRecord, command: &Command) -> Result<(), ServiceError> {
        let refusal = Refusal::at(
            "",
            ErrorCode::StripeUnavailable,
            "Stripe did not answer, and nothing was done. Try again in a minute.",
        );
        if let Command::PaymentRefund(refund) = command {
            self.settle_unmade_refund(record, refund, vec![refusal], true).await?;
            return Ok(());
        }
        let answer = Answer { refusals: vec![refusal], ..Answer::default() };
        Ok(self.store.withdraw_operation(record, nothing_done(&answer)).await?)
    }

    /// Notes that the outcome is unknown. The same keys will be sent again.
    pub(super) async fn unknown(
        &self,
        record: &OperationRecord,
        error: &PaymentsError,
    ) -> Result<Answer, ServiceError> {
        tracing::warn!(operation = %record.operation.id, kind = record.operation.kind, %error, "the outcome of an operation is unknown");
        let message = "Stripe did not answer in time, so the outcome is not known yet. It will be settled without \
                       charging twice; follow the operation.";
        let pause =
            Duration::seconds(2i64.saturating_pow(record.operation.attempts.clamp(0, 8).unsigned_abs()));
        self.store.mark_operation_unknown(record, self.clock.now() + pause, message).await?;
        // An event may have told of it while the answer was waited for.
        self.due.notify_one();
        let mut operation = record.operation.clone();
        operation.state = OperationState::Unknown;
        operation.error_message = Some(message.to_owned());
        Ok(Answer {
            operation: Some(operation),
            refusals: vec![Refusal::at("", ErrorCode::StripeUnavailable, message)],
            ..Answer::default()
        })
    }

    /// Writes what an operation made of Stripe's objects, settles it and records it, in one transaction. When somebody
    /// wrote one of the rows meanwhile, the objects are fetched again.
    pub(super) async fn settle(
        &self,
        running: &Running<'_>,
        organization: OrganizationId,
        seen: Vec<Seen>,
        replaces_free: Option<&Subscription>,
        decide: impl Fn(&Rows) -> Settlement + Send + Sync,
    ) -> Result<Answer, ServiceError> {
        self.settle_leaving(running, organization, seen, replaces_free, |rows| (decide(rows), None)).await
    }

    /// The same. What the change took away and is to be put back is written down in the same transaction.
    pub(super) async fn settle_leaving(
        &self,
        running: &Running<'_>,
        organization: OrganizationId,
        mut seen: Vec<Seen>,
        replaces_free: Option<&Subscription>,
        decide: impl Fn(&Rows) -> (Settlement, Option<SubscriptionRestore>) + Send + Sync,
    ) -> Result<Answer, ServiceError> {
        fault_point::reach(&running.record.operation.kind, || "answered".to_owned());
        for _ in 0..ATTEMPTS {
            let transaction = self.store.begin_in(organization).await?;
            match write_mirrors(&transaction, organization, &seen).await? {
                Wrote::All(rows) => {
                    // A first payment that failed takes nothing away: the free plan goes on until the paid one is live.
                    let takes_its_place = rows.subscription.as_ref().is_some_and(|(_, new)| {
                        new.status.is_live() || rows.is_with_bank && !new.status.is_final()
                    });
                    if let Some(free) = replaces_free.filter(|_| takes_its_place) {
                        match transaction
                            .end_free_subscription(free, Some("replaced by a paid plan".to_owned()), None)
                            .await
                        {
                            Ok(ended) => {
                                transaction
                                    .record(&running.record.actor, replaced_entry(free, &ended))
                                    .await?;
                            }
                            // Ended by an earlier attempt of this very operation, or by hand: it is over either way.
                            Err(StoreError::Changed(_)) => {}
                            Err(error) => return Err(error.into()),
                        }
                    }
                    let (settlement, left) = decide(&rows);
                    let settled =
                        self.commit_settlement_leaving(running.record, transaction, settlement, left).await;
                    note_unknown_words(&seen);
                    return settled;
                }
                Wrote::Moved => transaction.rollback().await?,
            }
            seen = self.see_again(&seen).await?;
        }
        Err(ServiceError::Restless)
    }

    /// Settles an operation and records it, in the transaction of its effect.
    pub(super) async fn commit_settlement(
        &self,
        record: &OperationRecord,
        transaction: WriteTransaction,
        settlement: Settlement,
    ) -> Result<Answer, ServiceError> {
        self.commit_settlement_leaving(record, transaction, settlement, None).await
    }

    async fn commit_settlement_leaving(
        &self,
        record: &OperationRecord,
        transaction: WriteTransaction,
        settlement: Settlement,
        left: Option<SubscriptionRestore>,
    ) -> Result<Answer, ServiceError> {
        let first = settlement.refusals.first();
        let mut operation = record.operation.clone();
        operation.state = settlement.state;
        operation.error_code = first.map(|refusal| refusal.code.as_str().to_owned());
        operation.error_message = first.map(|refusal| refusal.message.clone());
        operation.settled_at = settlement.state.is_settled().then(|| transaction.now());
        let answer = Answer {
            resource: settlement.resource,
            operation: Some(operation.clone()),
            client_secret: settlement.client_secret,
            secret: None,
            url: None,
            refusals: settlement.refusals,
        };
        transaction
            .settle_operation(
                record,
                OperationSettlement {
                    state: settlement.state,
                    outcome: answer.stored(),
                    error_code: operation.error_code,
                    error_message: operation.error_message,
                },
            )
            .await?;
        if settlement.state == OperationState::Failed && answer.refusals.is_empty() {
            // The fault is ours. The caller reads so once, and asks again with the same key.
            transaction.forget_key_of(record).await?;
        }
        // The operation has given its scope free by now: putting back takes it before anybody else can.
        if let Some((left, organization)) = left.zip(record.operation.organization_id) {
            put_back(&transaction, organization, record, left).await?;
        }
        fault_point::reach(&record.operation.kind, || "settling".to_owned());
        transaction.commit(&record.actor, settlement.audit).await?;
        fault_point::reach(&record.operation.kind, || "settled".to_owned());
        Ok(answer)
    }

    /// The Stripe customer of an organization, created when there is none. Exactly one, under any race: the key is the
    /// organization's.
    pub(super) async fn ensure_customer(
        &self,
        running: &Running<'_>,
        id: OrganizationId,
    ) -> Result<(Organization, StripeCustomerId), ServiceError> {
        let organization =
            self.store.find_organization(id).await?.ok_or(ServiceError::NotFound("organization"))?;
        if let Some(customer) = &organization.stripe_customer_id {
            let customer = customer.clone();
            self.check_not_deleted(&customer).await?;
            return Ok((organization, customer));
        }
        running.steps.fetch_add(1, Ordering::Relaxed);
        fault_point::reach(&running.record.operation.kind, || "before-customer".to_owned());
        let details = self.billing_details(id).await?;
        let new = NewCustomer {
            name: details.legal_name.clone().unwrap_or_else(|| organization.name.clone()),
            details,
            metadata: [(ORGANIZATION_METADATA.to_owned(), id.to_string())].into(),
        };
        let key = IdempotencyKey::for_customer(id).counted_in(&running.done);
        let customer = match self.create_customer(&new, &key).await {
            // Nobody can use the key again for a day: Stripe keeps a failure under it, or it was sent with what the settings
            // said then. What was made under it is the organization's; else it is made under another.
            Err(error) if error.is_kept() || matches!(error, PaymentsError::IdempotencyConflict) => {
                match Box::pin(self.find_customer_of(id, running.record.operation.created_at)).await? {
                    Some(made) => made,
                    // The first request may be under way still.
                    None if !self.nothing_more_comes(running.record) => {
                        let unknown = PaymentsError::Unavailable { outcome: Outcome::Unknown };
                        let error = if error.is_kept() { error } else { unknown };
                        return Err(error.into());
                    }
                    None => {
                        let body = serde_json::to_string(&(&new.name, &new.details))?;
                        Box::pin(self.create_customer(&new, &key.of_body(&body))).await?
                    }
                }
            }
            created => created?,
        };
        fault_point::reach(&running.record.operation.kind, || "customer-answered".to_owned());
        self.take_over_customer(&running.record.actor, id, &customer).await?;
        Ok((organization, customer.id))
    }

    /// Writes down the customer that Stripe made for an organization.
    pub(super) async fn take_over_customer(
        &self,
        caller: &Actor,
        id: OrganizationId,
        customer: &CustomerMirror,
    ) -> Result<(), ServiceError> {
        let transaction = self.store.begin_in(id).await?;
        let watermark = Watermark { before: None, after: self.clock.now() };
        if transaction.mirror_customer(id, customer, watermark).await? == Mirrored::Moved {
            // Another request created it at the same moment, under the same key: it is the same one.
            return Ok(transaction.rollback().await?);
        }
        let entry = AuditEntry::new(Some(id), "organization.customer_create", "organization", id)
            .created(serde_json::json!({ "stripeCustomerId": customer.id }));
        Ok(transaction.commit(&Actor::on_behalf_of(caller), entry).await?)
    }

    /// Takes over what a dead process left, or what ended without an answer: up to `limit` operations, to be settled at once.
    pub async fn take_over_operations(&self, limit: usize) -> Result<Vec<OperationRecord>, ServiceError> {
        Ok(self.store.take_over_operations(u64::try_from(limit).unwrap_or(u64::MAX), LEASE).await?)
    }

    /// Runs an operation again that was taken over, or compares it with Stripe when its keys are forgotten there. Whether it is
    /// settled; what is not is taken over again later.
    pub async fn settle_taken_over(&self, record: &OperationRecord) -> bool {
        let operation = &record.operation;
        if self.clock.now() - operation.created_at > KEY_KEPT {
            // Beyond the life of its keys only a comparison can tell.
            tracing::warn!(operation = %operation.id, kind = operation.kind, "an operation is older than its idempotency keys; comparing with Stripe");
            let _held = self.hold(record);
            let Err(error) = Box::pin(self.compare_with_stripe(record)).await else { return true };
            tracing::warn!(operation = %operation.id, %error, "an operation could not be compared yet");
            let message =
                "Stripe cannot be asked what became of it. It will be compared as soon as it answers.";
            let retry = self.clock.now() + COMPARED_AGAIN;
            if let Err(error) = self.store.mark_operation_unknown(record, retry, message).await {
                tracing::error!(operation = %operation.id, %error, "an operation could not be handed back");
            }
            return false;
        }
        tracing::info!(operation = %operation.id, kind = operation.kind, attempts = operation.attempts, "taking over an operation");
        match Box::pin(self.run(record)).await {
            Ok(answer) => answer.operation.is_some_and(|operation| operation.state.is_settled()),
            Err(error) => {
                tracing::warn!(operation = %operation.id, %error, "an operation could not be settled yet");
                false
            }
        }
    }

    /// One round of it, for whoever wants to know when it is over. Says how many were settled.
    pub async fn settle_abandoned_operations(&self) -> Result<usize, ServiceError> {
        let taken = self.take_over_operations(SETTLED_AT_ONCE).await?;
        let outcomes = join_all(taken.iter().map(|record| self.settle_taken_over(record))).await;
        Ok(outcomes.into_iter().filter(|is_settled| *is_settled).count())
    }
}

/// The settlement of an operation that came to nothing.
fn nothing_done(answer: &Answer) -> OperationSettlement {
    let first = answer.refusals.first();
    OperationSettlement {
        state: OperationState::Failed,
        outcome: answer.stored(),
        error_code: Some(first.map_or(ErrorCode::Internal, |refusal| refusal.code).as_str().to_owned()),
        error_message: first.map(|refusal| refusal.message.clone()),
    }
}

/// Whether Stripe certainly did nothing.
pub(super) const fn is_certainly_undone(error: &PaymentsError) -> bool {
    matches!(error, PaymentsError::RateLimited | PaymentsError::Unavailable { outcome: Outcome::NotSent })
}

/// What a person can mend of what Stripe refused.
pub(super) fn refusal_of(error: &PaymentsError) -> Option<Refusal> {
    match error {
        PaymentsError::InvalidRequest { code, param, message } => {
            let path = match (code.as_deref(), param.as_deref()) {
                (Some("charge_already_refunded" | "charge_disputed"), _) => "",
                (Some("amount_too_small" | "amount_too_large"), _) | (_, Some("amount")) => "amount",
                (_, Some("payment_method" | "default_payment_method")) => "paymentMethod",
                (Some("payment_method_unexpected_state" | "resource_already_exists"), _) => "paymentMethod",
                (Some("tax_id_invalid"), _) => "",
                (_, Some("currency")) => "amount.currency",
                (_, Some(param)) if param.starts_with("discounts") => "promotionCode",
                (
                    Some(
                        "payment_intent_unexpected_state"
                        | "invoice_not_editable"
                        | "invoice_already_paid"
                        | "resource_missing",
                    ),
                    _,
                ) => "",
                _ => return None,
            };
            Some(Refusal::bad_input(path, message))
        }
        PaymentsError::NotFound { message } => Some(Refusal::bad_input("", message)),
        _ => None,
    }
}

/// The row an operation is about must be there once its objects were written.
pub(super) fn written<T: Clone>(row: Option<&(Option<T>, T)>) -> (Option<T>, T) {
    row.cloned().expect("the object was among those that were written")
}

/// The record of a free plan's end, when a paid one takes its place.
pub(super) fn replaced_entry(old: &Subscription, new: &Subscription) -> AuditEntry {
    AuditEntry::new(Some(new.organization_id), "subscription.replace", "subscription", new.id)
        .changed(&old.audit_values(), &new.audit_values())
}

/// Adds what changed to a record: everything when the row is new.
pub(super) fn recorded(
    entry: AuditEntry,
    old: Option<serde_json::Value>,
    new: serde_json::Value,
) -> AuditEntry {
    match old {
        Some(old) => entry.changed(&old, &new),
        None => entry.created(new),
    }
}
