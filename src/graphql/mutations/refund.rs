//! Giving payments back.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize, authorize_in, caller_key, service, store, viewer};
use super::super::error::{bad_input, denied, not_found, refused, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::{CurrencyCode, MoneyInput};
use super::super::types::refund::{RefundLimit, RefundPreview};
use super::super::types::{BillingOperation, Payment, Refund, UserError, enums};
use super::{Parts, answered, changed_refund};
use crate::auth::Denial;
use crate::domain::ids::{OrganizationId, PaymentId, RefundId};
use crate::domain::refund::RefundRole;
use crate::service;

/// A payment to be given back.
#[derive(InputObject)]
pub struct PaymentRefundInput {
    /// The payment.
    payment_id: ID,
    /// How much; all that is left when left out.
    amount: Option<MoneyInput>,
    /// Why.
    reason: Option<enums::RefundReason>,
    /// A note for whoever approves or audits it; at most 500 characters.
    note: Option<String>,
    /// Whether only to say what would happen: nothing is written and Stripe is not asked.
    #[graphql(default = false)]
    dry_run: bool,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The refund, or what it would be.
#[derive(SimpleObject)]
pub struct PaymentRefundPayload {
    /// The refund as it is now: AWAITING_APPROVAL when a second person must approve. Null when it was refused, and for a
    /// dry run.
    refund: Option<Refund>,
    /// The payment as it is now; null when it was refused, and for a dry run.
    payment: Option<Payment>,
    /// What the refund does, or would do; null when it was refused.
    preview: Option<RefundPreview>,
    /// The operation at Stripe; null while it waits for approval, and for a dry run.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// Approving a refund.
#[derive(InputObject)]
pub struct RefundApproveInput {
    /// The refund, AWAITING_APPROVAL and asked for by somebody else.
    refund_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// Rejecting a refund.
#[derive(InputObject)]
pub struct RefundRejectInput {
    /// The refund, AWAITING_APPROVAL.
    refund_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The refund after the decision.
#[derive(SimpleObject)]
pub struct RefundApprovePayload {
    /// The refund as it is now; null when it was refused.
    refund: Option<Refund>,
    /// The operation at Stripe.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// The refund after the decision.
#[derive(SimpleObject)]
pub struct RefundRejectPayload {
    /// The refund as it is now; null when it was refused.
    refund: Option<Refund>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// How much a person in a role may give back.
#[derive(InputObject)]
pub struct RefundLimitSetInput {
    /// The organization whose payments it is about, in place of the platform's limit; all that have none of their own when
    /// not given.
    organization_id: Option<ID>,
    /// The role.
    role: enums::RefundRole,
    /// The currency both amounts are in.
    currency: CurrencyCode,
    /// What one person may give back in a day (UTC), in minor units; zero: nothing. Without both amounts an organization's
    /// own limit is taken back.
    daily_minor_units: Option<super::super::scalars::BigInt>,
    /// Above this amount, in minor units, a second person must approve: of one payment by one person in a day (UTC).
    approval_above_minor_units: Option<super::super::scalars::BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The limit as it is now.
#[derive(SimpleObject)]
pub struct RefundLimitSetPayload {
    /// The limit that holds now; null when it was refused.
    limit: Option<RefundLimit>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// As what the caller gives money back in an organization: platform staff as such, members in their role.
fn refund_actor(ctx: &Context<'_>, organization: OrganizationId) -> Result<service::RefundActor> {
    let viewer = viewer(ctx);
    let user_id = viewer.user_id().ok_or_else(|| denied(Denial::Unauthenticated, "payment"))?;
    let role = if viewer.is_platform_staff() {
        Some(RefundRole::PlatformStaff)
    } else {
        viewer.role_in(organization).and_then(RefundRole::of_member)
    };
    Ok(service::RefundActor { user_id, role })
}

/// The organization of a refund that the caller may decide about.
async fn organization_of(ctx: &Context<'_>, id: RefundId) -> Result<OrganizationId> {
    if !viewer(ctx).is_signed_in() {
        return Err(denied(Denial::Unauthenticated, "refund"));
    }
    let row = store(ctx).refunds(&[id]).await.map_err(store_error(ctx))?.pop();
    let organization = row.ok_or_else(|| not_found("refund"))?.organization_id;
    authorize_in(ctx, "Mutation", organization, "refund")?;
    Ok(organization)
}

#[derive(Default)]
pub struct RefundMutation;

#[Object]
impl RefundMutation {
    /// Gives a payment back, or a part of it. For platform staff, and for members whose role has a limit. Above the
    /// role's bound, with what the caller gave back of the payment today, it waits for another person's `refundApprove`.
    async fn payment_refund(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which payment, and how much of it.")] input: PaymentRefundInput,
    ) -> Result<PaymentRefundPayload> {
        let payment_id = PaymentId(NodeKind::Payment.decode("input.paymentId", &input.payment_id)?);
        if !viewer(ctx).is_signed_in() {
            return Err(denied(Denial::Unauthenticated, "payment"));
        }
        let row = store(ctx).payments(&[payment_id]).await.map_err(store_error(ctx))?.pop();
        let organization_id = row.ok_or_else(|| not_found("payment"))?.organization_id;
        authorize_in(ctx, "Mutation", organization_id, "payment")?;
        let by = refund_actor(ctx, organization_id)?;
        let new = service::PaymentRefundInput {
            organization_id,
            payment_id,
            amount: input.amount.map(Into::into),
            reason: input.reason.map(Into::into),
            note: input.note,
        };
        let key = caller_key(ctx, "paymentRefund", Some(organization_id), input.idempotency_key);
        let done = service(ctx).refund_payment(viewer(ctx).actor(), by, new, input.dry_run, key).await;
        let (answer, preview) = match done {
            Ok(done) => (done.answer, done.preview),
            Err(error) => {
                let refusals = refused(ctx, error)?;
                (crate::service::Answer { refusals, ..Default::default() }, None)
            }
        };
        let parts = Parts::from(answer);
        let refund = changed_refund(ctx, parts.resource.as_ref()).await?;
        let payment = match &refund {
            Some(_) => store(ctx).payments(&[payment_id]).await.map_err(store_error(ctx))?.pop().map(Payment),
            None => None,
        };
        Ok(PaymentRefundPayload {
            refund,
            payment,
            preview: preview.map(Into::into),
            operation: parts.operation,
            user_errors: parts.user_errors,
        })
    }

    /// Approves a refund that another person asked for; it is made at once.
    async fn refund_approve(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which refund.")] input: RefundApproveInput,
    ) -> Result<RefundApprovePayload> {
        let refund_id = RefundId(NodeKind::Refund.decode("input.refundId", &input.refund_id)?);
        let organization_id = organization_of(ctx, refund_id).await?;
        let by = refund_actor(ctx, organization_id)?;
        let key = caller_key(ctx, "refundApprove", Some(organization_id), input.idempotency_key);
        let decision = service::RefundDecisionInput { organization_id, refund_id };
        let answer = service(ctx).approve_refund(viewer(ctx).actor(), by, decision, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let refund = changed_refund(ctx, parts.resource.as_ref()).await?;
        Ok(RefundApprovePayload { refund, operation: parts.operation, user_errors: parts.user_errors })
    }

    /// Rejects a refund that waits for approval; whoever asked for it withdraws it the same way.
    async fn refund_reject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which refund.")] input: RefundRejectInput,
    ) -> Result<RefundRejectPayload> {
        let refund_id = RefundId(NodeKind::Refund.decode("input.refundId", &input.refund_id)?);
        let organization_id = organization_of(ctx, refund_id).await?;
        let by = refund_actor(ctx, organization_id)?;
        let key = caller_key(ctx, "refundReject", Some(organization_id), input.idempotency_key);
        let decision = service::RefundDecisionInput { organization_id, refund_id };
        let answer = service(ctx).reject_refund(viewer(ctx).actor(), by, decision, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let refund = changed_refund(ctx, parts.resource.as_ref()).await?;
        Ok(RefundRejectPayload { refund, user_errors: parts.user_errors })
    }

    /// Says how much a person in a role may give back, in one currency.
    async fn refund_limit_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The role, and how much.")] input: RefundLimitSetInput,
    ) -> Result<RefundLimitSetPayload> {
        authorize(ctx, "Mutation")?;
        let organization_id = match &input.organization_id {
            Some(id) => Some(OrganizationId(NodeKind::Organization.decode("input.organizationId", id)?)),
            None => None,
        };
        let (daily, above) = (input.daily_minor_units, input.approval_above_minor_units);
        if daily.is_some() != above.is_some() {
            return Err(bad_input("input: dailyMinorUnits and approvalAboveMinorUnits come together."));
        }
        let limit = service::RefundLimitInput {
            organization_id,
            role: input.role.into(),
            currency: input.currency.0,
            amounts: daily.zip(above).map(|(daily, above)| (daily.0, above.0)),
        };
        let key = caller_key(ctx, "refundLimitSet", organization_id, input.idempotency_key);
        let (answer, limit) = match service(ctx).set_refund_limit(viewer(ctx).actor(), limit, key).await {
            Ok((answer, limit)) => (answer, Some(limit.into())),
            Err(error) => (service::Answer { refusals: refused(ctx, error)?, ..Default::default() }, None),
        };
        Ok(RefundLimitSetPayload { limit, user_errors: Parts::from(answer).user_errors })
    }
}
