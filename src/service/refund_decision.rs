//! What a second person decides about refunds that wait for it.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::check_still_held;
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::refund::{ATTEMPTS, RefundActor, judge, may_not, new_operation, refund_request, sums_of};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, RefundId};
use crate::domain::payment::Payment;
use crate::domain::permission::Permission;
use crate::domain::refund::{Refund, RefundLimit, RefundReason, RefundRole, RefundStatus};
use crate::store::{Opened, StoreError, WriteTransaction};

/// A decision about a refund that waits for one.
#[derive(Clone, Debug, Serialize)]
pub struct RefundDecisionInput {
    /// Who paid.
    pub organization_id: OrganizationId,
    /// Which refund.
    pub refund_id: RefundId,
}

impl Service {
    /// A second person approves a refund that waits for it; it is made at once.
    pub async fn approve_refund(
        &self,
        actor: &Actor,
        by: RefundActor,
        input: RefundDecisionInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let (refund, payment, limit) = self.undecided_refund(by, &input).await?;
                for _ in 0..ATTEMPTS {
                    let transaction = self.store.begin_in(payment.organization_id).await?;
                    transaction.lock_user(by.user_id).await?;
                    self.check_still_member(&transaction, actor, by, payment.organization_id).await?;
                    // Counted again: what was credited, given back at Stripe or approved since it was asked for counts.
                    let sums = sums_of(by, &payment, Some(refund.id), transaction.now());
                    let sums = transaction.refund_sums(sums).await?;
                    judge(&payment, Some(refund.amount), &limit, sums)?;
                    let approved = decided(
                        transaction.decide_refund(&refund, by.user_id, RefundStatus::Requested).await,
                    )?;
                    let reason = refund.reason.as_deref().and_then(RefundReason::parse);
                    let request = refund_request(actor, &payment, &refund, reason, idempotency.clone());
                    let new = new_operation(request)?;
                    match transaction.open_operation(&new).await? {
                        Some(Opened::Operation(record)) => {
                            let entry = AuditEntry::new(
                                Some(payment.organization_id),
                                "refund.approve",
                                "refund",
                                refund.id,
                            )
                            .changed(&refund.audit_values(), &approved.audit_values());
                            transaction.commit(actor, entry).await?;
                            return self.run(&record).await;
                        }
                        Some(not_opened) => {
                            transaction.rollback().await?;
                            return self.not_opened(not_opened, idempotency.as_ref()).await;
                        }
                        None => transaction.rollback().await?,
                    }
                }
                Err(ServiceError::Restless)
            }),
        )
        .await
    }

    /// A second person refuses a refund that waits for approval. Whoever asked for it may withdraw it the same way.
    pub async fn reject_refund(
        &self,
        actor: &Actor,
        by: RefundActor,
        input: RefundDecisionInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let refund = self
                    .store
                    .find_refund(input.organization_id, input.refund_id)
                    .await?
                    .ok_or(ServiceError::NotFound("refund"))?;
                // Whoever asked for it withdraws it; of what others asked for only those decide who may give back themselves.
                if refund.requested_by != Some(by.user_id) {
                    self.giving_limit(by, &refund).await?;
                }
                if refund.status != RefundStatus::AwaitingApproval {
                    return Err(not_waiting(refund.status).into());
                }
                let transaction = self.store.begin_in(refund.organization_id).await?;
                self.check_still_member(&transaction, actor, by, refund.organization_id).await?;
                let rejected =
                    decided(transaction.decide_refund(&refund, by.user_id, RefundStatus::Rejected).await)?;
                let entry =
                    AuditEntry::new(Some(refund.organization_id), "refund.reject", "refund", refund.id)
                        .changed(&refund.audit_values(), &rejected.audit_values());
                Answer::of(Resource::Refund(refund.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// How much a person may give back of what a refund is in, when their role gives back at all.
    async fn giving_limit(&self, by: RefundActor, refund: &Refund) -> Result<RefundLimit, ServiceError> {
        let role = by.role.ok_or_else(may_not)?;
        let limit = self.store.refund_limit(refund.organization_id, role, refund.amount.currency).await?;
        if limit.daily_minor == 0 { Err(may_not().into()) } else { Ok(limit) }
    }

    /// Refuses whoever lost the role, the right or the session since the request began. The organization is locked, so nothing
    /// is lost meanwhile.
    pub(super) async fn check_still_member(
        &self,
        transaction: &WriteTransaction,
        actor: &Actor,
        by: RefundActor,
        organization: OrganizationId,
    ) -> Result<(), ServiceError> {
        if by.role == Some(RefundRole::PlatformStaff) {
            return Ok(());
        }
        let grant = transaction.grant_of(organization, by.user_id).await?;
        let role = grant.and_then(|grant| RefundRole::of_member(grant.role));
        if role != by.role {
            return Err(may_not().into());
        }
        check_still_held(transaction, organization, actor, Permission::BillingWrite).await
    }

    /// A refund that waits, for somebody who may approve it: another person, whose role gives money back; and how much.
    async fn undecided_refund(
        &self,
        by: RefundActor,
        input: &RefundDecisionInput,
    ) -> Result<(Refund, Payment, RefundLimit), ServiceError> {
        let refund = self
            .store
            .find_refund(input.organization_id, input.refund_id)
            .await?
            .ok_or(ServiceError::NotFound("refund"))?;
        let limit = self.giving_limit(by, &refund).await?;
        if refund.requested_by == Some(by.user_id) {
            return Err(Refusal::at(
                "",
                ErrorCode::Forbidden,
                "You asked for this refund, so another person must approve it.",
            )
            .into());
        }
        if refund.status != RefundStatus::AwaitingApproval {
            return Err(not_waiting(refund.status).into());
        }
        let payment = self
            .store
            .find_payment(refund.organization_id, refund.payment_id)
            .await?
            .ok_or(ServiceError::NotFound("payment"))?;
        Ok((refund, payment, limit))
    }
}

fn not_waiting(status: RefundStatus) -> Refusal {
    Refusal::conflict(format!("This refund does not wait for approval: it is {status}."))
}

fn decided(refund: Result<Refund, StoreError>) -> Result<Refund, ServiceError> {
    match refund {
        Err(StoreError::Changed(_)) => {
            Err(Refusal::conflict("Somebody else has decided about this refund meanwhile.").into())
        }
        decided => Ok(decided?),
    }
}
