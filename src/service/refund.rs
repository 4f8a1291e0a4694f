//! Giving payments back: who may, how much, and with whose approval.

use chrono::{DateTime, NaiveTime, Utc};
use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, PaymentRefund};
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::mirror::{Seen, later};
use super::operation::{
    LEASE, OPERATION_METADATA, ORGANIZATION_METADATA, OperationRequest, Running, Settlement, billing_scope,
    recorded,
};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, PaymentId, RefundId, UserId};
use crate::domain::mirror::{MirrorObject, RefundMirror};
use crate::domain::money::Money;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::refund::{Refund, RefundLimit, RefundReason, RefundRole, RefundVerdict};
use crate::domain::text::optional_text;
use crate::payments::{NewRefund as StripeRefund, ObjectKind};
use crate::store::{
    NewIdempotencyRecord, NewOperation, NewRefund, Opened, OperationRecord, RefundSums, RefundSumsOf,
};

/// How often the writing down of a refund is tried while other operations come and go.
pub(super) const ATTEMPTS: u32 = 8;

/// Who asks to give money back, or decides about it.
#[derive(Clone, Copy, Debug)]
pub struct RefundActor {
    /// The person.
    pub user_id: UserId,
    /// As what; `None` for roles that never give money back.
    pub role: Option<RefundRole>,
}

/// A payment to be given back.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentRefundInput {
    /// Who paid.
    pub organization_id: OrganizationId,
    /// Which payment.
    pub payment_id: PaymentId,
    /// How much; all that is left when not given.
    pub amount: Option<Money>,
    /// Why.
    pub reason: Option<RefundReason>,
    /// The person's own note, at most 500 characters.
    pub note: Option<String>,
}

/// What a refund would do, or has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundPreview {
    /// What is given back.
    pub amount: Money,
    /// What can still be given back of the payment before it.
    pub refundable_before: Money,
    /// And after it.
    pub refundable_after: Money,
    /// Whether a second person must approve.
    pub needs_approval: bool,
    /// What the person may give back in a day.
    pub daily_limit: Money,
    /// What the person has asked to give back today.
    pub asked_today: Money,
}

/// What giving back answers.
#[derive(Clone, Debug, Default)]
pub struct RefundAnswer {
    /// The answer.
    pub answer: Answer,
    /// What it does; `None` when it was refused, or answered from a key.
    pub preview: Option<RefundPreview>,
}

impl Service {
    /// Gives a payment back, or a part of it: at once, or once a second person approves. A dry run only says what would
    /// happen.
    pub async fn refund_payment(
        &self,
        actor: &Actor,
        by: RefundActor,
        input: PaymentRefundInput,
        is_dry_run: bool,
        key: Option<CallerKey>,
    ) -> Result<RefundAnswer, ServiceError> {
        let idempotency = if is_dry_run { None } else { key.map(|key| key.record(&input)).transpose()? };
        let mut preview = None;
        let answer = self
            .once(
                idempotency.as_ref(),
                Box::pin(async {
                    let done =
                        self.refund_payment_once(actor, by, input, is_dry_run, idempotency.as_ref()).await?;
                    preview = done.preview;
                    Ok(done.answer)
                }),
            )
            .await?;
        Ok(RefundAnswer { answer, preview })
    }

    async fn refund_payment_once(
        &self,
        actor: &Actor,
        by: RefundActor,
        input: PaymentRefundInput,
        is_dry_run: bool,
        idempotency: Option<&NewIdempotencyRecord>,
    ) -> Result<RefundAnswer, ServiceError> {
        let mut refusals = Refusals::default();
        let note = refusals.check("note", optional_text(input.note.as_deref(), 500)).flatten();
        refusals.finish()?;
        let payment = self
            .store
            .find_payment(input.organization_id, input.payment_id)
            .await?
            .ok_or(ServiceError::NotFound("payment"))?;
        if payment.status != PaymentStatus::Succeeded {
            return Err(Refusal::conflict(format!(
                "Only a payment that succeeded can be given back; this one is {}.",
                payment.status
            ))
            .into());
        }
        if let Some(amount) = input.amount {
            if amount.currency != payment.amount.currency {
                return Err(Refusal::bad_input(
                    "amount.currency",
                    format!("This payment was made in {}.", payment.amount.currency),
                )
                .into());
            }
            if amount.minor <= 0 {
                return Err(Refusal::bad_input("amount", "The amount must be above zero.").into());
            }
        }
        let role = by.role.ok_or_else(may_not)?;
        let limit = self.store.refund_limit(payment.organization_id, role, payment.amount.currency).await?;
        if is_dry_run {
            let sums = self.store.refund_sums(sums_of(by, &payment, None, self.clock.now())).await?;
            let preview = judge(&payment, input.amount, &limit, sums)?;
            return Ok(RefundAnswer { answer: Answer::default(), preview: Some(preview) });
        }
        for _ in 0..ATTEMPTS {
            // One at a time for the organization and for the person, so that two cannot both fit under one bound.
            let transaction = self.store.begin_in(payment.organization_id).await?;
            transaction.lock_user(by.user_id).await?;
            self.check_still_member(&transaction, actor, by, payment.organization_id).await?;
            let sums = transaction.refund_sums(sums_of(by, &payment, None, transaction.now())).await?;
            let preview = judge(&payment, input.amount, &limit, sums)?;
            let refund = transaction
                .create_refund(NewRefund {
                    organization_id: payment.organization_id,
                    payment_id: payment.id,
                    amount: preview.amount,
                    awaits_approval: preview.needs_approval,
                    reason: input.reason.map(|reason| reason.as_str().to_owned()),
                    note: note.clone(),
                    requested_by: Some(by.user_id),
                })
                .await?;
            let entry = AuditEntry::new(Some(payment.organization_id), "payment.refund", "refund", refund.id)
                .created(refund.audit_values());
            if preview.needs_approval {
                let answer = Answer::of(Resource::Refund(refund.id));
                let answer = answer.commit(transaction, actor, entry, idempotency).await?;
                return Ok(RefundAnswer { answer, preview: Some(preview) });
            }
            let request = refund_request(actor, &payment, &refund, input.reason, idempotency.cloned());
            let new = new_operation(request)?;
            match transaction.open_operation(&new).await? {
                Some(Opened::Operation(record)) => {
                    transaction.commit(actor, entry).await?;
                    let answer = self.run(&record).await?;
                    return Ok(RefundAnswer { answer, preview: Some(preview) });
                }
                Some(not_opened) => {
                    transaction.rollback().await?;
                    let answer = self.not_opened(not_opened, idempotency).await?;
                    return Ok(RefundAnswer { answer, preview: None });
                }
                None => transaction.rollback().await?,
            }
        }
        Err(ServiceError::Restless)
    }

    pub(super) async fn perform_payment_refund(
        &self,
        running: &Running<'_>,
        command: PaymentRefund,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        let intent = &command.stripe_payment_intent_id;
        let metadata = [
            (ORGANIZATION_METADATA.to_owned(), organization_id.to_string()),
            (OPERATION_METADATA.to_owned(), running.record.operation.id.to_string()),
        ];
        let new = StripeRefund {
            payment_intent: intent.clone(),
            amount_minor: command.amount.minor,
            reason: command.reason,
            refund_id: Some(command.refund_id),
            metadata: metadata.into(),
        };
        let refund = self.stripe.create_refund(new, &running.key("refund")).await?;
        let refund_id = refund.id.clone();
        let mut seen = vec![self.see(ObjectKind::PaymentIntent, intent.as_str()).await?];
        seen.extend(self.see_refunds_of(intent).await?);
        let is_listed = |one: &Seen| matches!(&one.object, MirrorObject::Refund(it) if it.id == refund_id);
        if !seen.iter().any(is_listed) {
            seen.push(self.see_refund(refund).await?);
        }
        self.settle(&Running::new(&as_system(running.record)), organization_id, seen, None, |rows| {
            let (old, new) = rows
                .refunds
                .iter()
                .find(|(_, row)| row.id == command.refund_id)
                .cloned()
                .expect("the refund was among what was written");
            let entry = AuditEntry::new(Some(organization_id), "refund.settle", "refund", new.id);
            let audit = recorded(entry, old.map(|old| old.audit_values()), new.audit_values());
            let has_failed = new.status.is_final();
            Settlement {
                state: if has_failed { OperationState::Failed } else { OperationState::Confirmed },
                resource: Some(Resource::Refund(new.id)),
                client_secret: None,
                refusals: if has_failed {
                    vec![Refusal::at(
                        "",
                        ErrorCode::PaymentDeclined,
                        "The bank did not take the money back for this card; nothing was given back.",
                    )]
                } else {
                    Vec::new()
                },
                audit: if has_failed { audit.failed() } else { audit },
            }
        })
        .await
    }

    async fn see_refund(&self, refund: RefundMirror) -> Result<Seen, ServiceError> {
        let before = self.watermark(ObjectKind::Refund, refund.id.as_str()).await?;
        let at = later(self.clock.now(), before);
        Ok(Seen { object: MirrorObject::Refund(refund), before, at, invoice: None })
    }

    /// Settles a refund that Stripe has not made, and gives its amount free. When it `was_not_sent`, or failed by a fault of
    /// ours, it may be asked for again: the caller's key is forgotten, and one that was approved waits for approval as before.
    pub(super) async fn settle_unmade_refund(
        &self,
        record: &OperationRecord,
        command: &PaymentRefund,
        refusals: Vec<Refusal>,
        was_not_sent: bool,
    ) -> Result<Answer, ServiceError> {
        let refund = self
            .store
            .find_refund(command.organization_id, command.refund_id)
            .await?
            .ok_or(ServiceError::NotFound("refund"))?;
        let reason = refusals.first().map_or("refused by Stripe", |refusal| refusal.message.as_str());
        let transaction = self.store.begin_in(command.organization_id).await?;
        let is_asked_again = was_not_sent || refusals.is_empty();
        let unmade = if is_asked_again && refund.decided_by.is_some() {
            transaction.put_refund_back(&refund).await?
        } else {
            transaction.fail_refund(&refund, reason).await?
        };
        if was_not_sent {
            transaction.forget_key_of(record).await?;
        }
        let entry = AuditEntry::new(Some(command.organization_id), "refund.settle", "refund", refund.id)
            .changed(&refund.audit_values(), &unmade.audit_values())
            .failed();
        let settlement = Settlement {
            state: OperationState::Failed,
            resource: Some(Resource::Refund(refund.id)),
            client_secret: None,
            refusals,
            audit: entry,
        };
        self.commit_settlement(&as_system(record), transaction, settlement).await
    }
}

/// The operation as what settles it: a person asked or approved, which is recorded; Tollgate carries it out.
pub(super) fn as_system(record: &OperationRecord) -> OperationRecord {
    let mut record = record.clone();
    record.actor = Actor::on_behalf_of(&record.actor);
    record
}

/// What an operation that gives a payment back must know.
pub(super) fn refund_request(
    actor: &Actor,
    payment: &Payment,
    refund: &Refund,
    reason: Option<RefundReason>,
    idempotency: Option<NewIdempotencyRecord>,
) -> OperationRequest {
    OperationRequest {
        organization_id: Some(payment.organization_id),
        actor: actor.clone(),
        scope: billing_scope(payment.organization_id),
        idempotency,
        command: Command::PaymentRefund(PaymentRefund {
            organization_id: payment.organization_id,
            refund_id: refund.id,
            stripe_payment_intent_id: payment.stripe_payment_intent_id.clone(),
            amount: refund.amount,
            reason,
        }),
    }
}

/// What counts against a person's day, and what of a payment is given back.
pub(super) fn sums_of(
    by: RefundActor,
    payment: &Payment,
    but: Option<RefundId>,
    now: DateTime<Utc>,
) -> RefundSumsOf {
    RefundSumsOf {
        person: by.user_id,
        but,
        since: now.date_naive().and_time(NaiveTime::MIN).and_utc(),
        payment: payment.id,
        organization: payment.organization_id,
        currency: payment.amount.currency,
    }
}

pub(super) fn new_operation(request: OperationRequest) -> Result<NewOperation, ServiceError> {
    Ok(NewOperation {
        organization_id: request.organization_id,
        actor: request.actor,
        kind: request.command.kind().as_str(),
        parameters: serde_json::to_value(&request.command)?,
        scope: request.scope,
        lease: LEASE,
        idempotency: request.idempotency,
    })
}

/// What a refund would do, or why it may not be.
pub(super) fn judge(
    payment: &Payment,
    amount: Option<Money>,
    limit: &RefundLimit,
    sums: RefundSums,
) -> Result<RefundPreview, ServiceError> {
    let money = |minor| Money::new(minor, payment.amount.currency);
    let left_minor = sums.received_minor.saturating_sub(sums.held_minor).max(0);
    if left_minor == 0 {
        return Err(Refusal::conflict(
            "Nothing of this payment is left to give back: it is refunded or credited, or refunds of it are under way.",
        )
        .into());
    }
    let amount = amount.unwrap_or_else(|| money(left_minor));
    if amount.minor > left_minor {
        return Err(Refusal::bad_input(
            "amount",
            format!("Only {} of this payment is left to give back.", money(left_minor)),
        )
        .into());
    }
    let needs_approval = match limit.judge(sums.asked_minor, sums.asked_of_payment_minor, amount.minor) {
        RefundVerdict::Allowed => false,
        RefundVerdict::NeedsApproval => true,
        RefundVerdict::NotAllowed => return Err(may_not().into()),
        RefundVerdict::AboveDailyLimit { left_minor } => {
            return Err(Refusal::at(
                "amount",
                ErrorCode::LimitExceeded,
                format!(
                    "You may give back {} a day, and {} of today's is left.",
                    money(limit.daily_minor),
                    money(left_minor)
                ),
            )
            .into());
        }
    };
    Ok(RefundPreview {
        amount,
        refundable_before: money(left_minor),
        refundable_after: money(left_minor - amount.minor),
        needs_approval,
        daily_limit: money(limit.daily_minor),
        asked_today: money(sums.asked_minor),
    })
}

pub(super) fn may_not() -> Refusal {
    Refusal::at(
        "",
        ErrorCode::Forbidden,
        "Your role gives no money back. Ask support, or let platform staff set a limit for it.",
    )
}
