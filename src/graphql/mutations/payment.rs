//! One-off charges.

use std::collections::BTreeMap;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize_in, caller_key, service, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::MoneyInput;
use super::super::types::{BillingOperation, Payment, UserError};
use super::{Parts, answered, changed_payment};
use crate::auth::Denial;
use crate::domain::ids::{OrganizationId, PaymentId, PaymentMethodId};
use crate::service;

/// A note of the caller's own.
#[derive(InputObject)]
pub struct MetadataEntry {
    /// Its name, at most 40 characters; not beginning with `tollgate_`.
    key: String,
    /// Its value, at most 500 characters.
    value: String,
}

/// A new one-off charge.
#[derive(InputObject)]
pub struct PaymentIntentCreateInput {
    /// The organization that pays.
    organization_id: ID,
    /// How much, above zero.
    amount: MoneyInput,
    /// What it is for; at most 500 characters.
    description: Option<String>,
    /// The caller's own notes, at most 20.
    #[graphql(default)]
    metadata: Vec<MetadataEntry>,
    /// What is charged; the organization's default when it is confirmed at once and this is left out.
    payment_method_id: Option<ID>,
    /// Whether to charge at once. Otherwise `paymentIntentConfirm` or Stripe.js does.
    #[graphql(default = false)]
    confirm: bool,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// Charging a payment that is waiting for it.
#[derive(InputObject)]
pub struct PaymentIntentConfirmInput {
    /// The payment.
    payment_id: ID,
    /// What is charged; what was named before, else the organization's default, when left out.
    payment_method_id: Option<ID>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// Giving a payment up that is waiting.
#[derive(InputObject)]
pub struct PaymentIntentCancelInput {
    /// The payment.
    payment_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

macro_rules! payment_payload {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The payment as it is now; null when it was refused. With a declined card it is there, FAILED.
            payment: Option<Payment>,
            /// The secret with which Stripe.js goes on while the payment is not made. Never log it.
            client_secret: Option<String>,
            /// The operation at Stripe.
            operation: Option<BillingOperation>,
            /// What must be mended.
            user_errors: Vec<UserError>,
        }

        impl $name {
            async fn shape(ctx: &Context<'_>, parts: Parts) -> Result<Self> {
                let payment = changed_payment(ctx, parts.resource.as_ref()).await?;
                Ok(Self {
                    payment,
                    client_secret: parts.client_secret,
                    operation: parts.operation,
                    user_errors: parts.user_errors,
                })
            }
        }
    };
}

payment_payload!(
    /// The new payment.
    PaymentIntentCreatePayload
);
payment_payload!(
    /// The payment after the attempt.
    PaymentIntentConfirmPayload
);
payment_payload!(
    /// The payment that was given up.
    PaymentIntentCancelPayload
);

#[derive(Default)]
pub struct PaymentMutation;

fn payment_method(id: Option<&ID>) -> Result<Option<PaymentMethodId>> {
    id.map(|id| NodeKind::PaymentMethod.decode("input.paymentMethodId", id).map(PaymentMethodId)).transpose()
}

#[Object]
impl PaymentMutation {
    /// Creates a one-off charge, and makes it at once when asked to.
    async fn payment_intent_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new charge.")] input: PaymentIntentCreateInput,
    ) -> Result<PaymentIntentCreatePayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let metadata: BTreeMap<String, String> =
            input.metadata.into_iter().map(|entry| (entry.key, entry.value)).collect();
        let new = service::PaymentIntentCreateInput {
            organization_id,
            amount: input.amount.into(),
            description: input.description,
            metadata,
            payment_method_id: payment_method(input.payment_method_id.as_ref())?,
            confirm: input.confirm,
        };
        let key = caller_key(ctx, "paymentIntentCreate", Some(organization_id), input.idempotency_key);
        let answer = service(ctx).create_payment_intent(viewer(ctx).actor(), new, key).await;
        PaymentIntentCreatePayload::shape(ctx, answered(ctx, answer)?.into()).await
    }

    /// Charges a payment that is waiting for it.
    async fn payment_intent_confirm(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which payment, and with what.")] input: PaymentIntentConfirmInput,
    ) -> Result<PaymentIntentConfirmPayload> {
        let payment_id = PaymentId(NodeKind::Payment.decode("input.paymentId", &input.payment_id)?);
        let payment_method_id = payment_method(input.payment_method_id.as_ref())?;
        if !viewer(ctx).is_signed_in() {
            return Err(denied(Denial::Unauthenticated, "payment"));
        }
        let row = store(ctx).payments(&[payment_id]).await.map_err(store_error(ctx))?.pop();
        let organization_id = row.ok_or_else(|| not_found("payment"))?.organization_id;
        authorize_in(ctx, "Mutation", organization_id, "payment")?;
        let key = caller_key(ctx, "paymentIntentConfirm", Some(organization_id), input.idempotency_key);
        let confirm = service::PaymentIntentConfirmInput { organization_id, payment_id, payment_method_id };
        let answer = service(ctx).confirm_payment_intent(viewer(ctx).actor(), confirm, key).await;
        PaymentIntentConfirmPayload::shape(ctx, answered(ctx, answer)?.into()).await
    }
    /// Gives a payment up that is waiting, so that it cannot be made any more.
    async fn payment_intent_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which payment.")] input: PaymentIntentCancelInput,
    ) -> Result<PaymentIntentCancelPayload> {
        let payment_id = PaymentId(NodeKind::Payment.decode("input.paymentId", &input.payment_id)?);
        if !viewer(ctx).is_signed_in() {
            return Err(denied(Denial::Unauthenticated, "payment"));
        }
        let row = store(ctx).payments(&[payment_id]).await.map_err(store_error(ctx))?.pop();
        let organization_id = row.ok_or_else(|| not_found("payment"))?.organization_id;
        authorize_in(ctx, "Mutation", organization_id, "payment")?;
        let key = caller_key(ctx, "paymentIntentCancel", Some(organization_id), input.idempotency_key);
        let cancel = service::PaymentIntentCancelInput { organization_id, payment_id };
        let answer = service(ctx).cancel_payment_intent(viewer(ctx).actor(), cancel, key).await;
        PaymentIntentCancelPayload::shape(ctx, answered(ctx, answer)?.into()).await
    }
}
