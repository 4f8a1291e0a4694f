//! Saving payment methods.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize_in, caller_key, service, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::types::{BillingOperation, PaymentMethod, UserError};
use super::{Parts, answered, changed_payment_method};
use crate::auth::Denial;
use crate::domain::ids::{OrganizationId, PaymentMethodId};
use crate::service;

/// A payment method to be collected by the front end.
#[derive(InputObject)]
pub struct PaymentMethodSetupInput {
    /// The organization whose it will be.
    organization_id: ID,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// How the front end goes on.
#[derive(SimpleObject)]
pub struct PaymentMethodSetupPayload {
    /// The secret with which Stripe.js collects the payment method; null when it was refused. Never log it.
    client_secret: Option<String>,
    /// The operation at Stripe.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A payment method that Stripe.js has made.
#[derive(InputObject)]
pub struct PaymentMethodAttachInput {
    /// The organization whose it will be.
    organization_id: ID,
    /// Stripe's id, `pm_…`; with the sandbox one of Stripe's published test ids, `pm_card_visa` for instance.
    stripe_payment_method_id: String,
    /// Whether invoices are charged to it from now on.
    #[graphql(default = true)]
    make_default: bool,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The attached payment method.
#[derive(SimpleObject)]
pub struct PaymentMethodAttachPayload {
    /// The payment method; null when it was refused.
    payment_method: Option<PaymentMethod>,
    /// The operation at Stripe.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

macro_rules! payment_method_act {
    ($(#[$input_meta:meta])* $input:ident, $(#[$payload_meta:meta])* $payload:ident) => {
        $(#[$input_meta])*
        #[derive(InputObject)]
        pub struct $input {
            /// The payment method.
            payment_method_id: ID,
            /// The same key with the same input gives the same answer for 24 hours.
            idempotency_key: Option<String>,
        }

        $(#[$payload_meta])*
        #[derive(SimpleObject)]
        pub struct $payload {
            /// The payment method as it is now; null when it was refused.
            payment_method: Option<PaymentMethod>,
            /// The operation at Stripe.
            operation: Option<BillingOperation>,
            /// What must be mended.
            user_errors: Vec<UserError>,
        }

        impl $payload {
            async fn shape(ctx: &Context<'_>, parts: Parts) -> Result<Self> {
                let payment_method = changed_payment_method(ctx, parts.resource.as_ref()).await?;
                Ok(Self { payment_method, operation: parts.operation, user_errors: parts.user_errors })
            }
        }
    };
}

payment_method_act!(
    /// A payment method that invoices are to be charged to from now on.
    PaymentMethodSetDefaultInput,
    /// The new default.
    PaymentMethodSetDefaultPayload
);
payment_method_act!(
    /// A payment method that is not to be charged any more.
    PaymentMethodDetachInput,
    /// The payment method that was detached.
    PaymentMethodDetachPayload
);

/// The payment method, and its organization, which the caller may change.
async fn permitted_method(ctx: &Context<'_>, id: &ID) -> Result<(PaymentMethodId, OrganizationId)> {
    let id = PaymentMethodId(NodeKind::PaymentMethod.decode("input.paymentMethodId", id)?);
    if !viewer(ctx).is_signed_in() {
        return Err(denied(Denial::Unauthenticated, "payment method"));
    }
    let row = store(ctx).payment_methods(&[id]).await.map_err(store_error(ctx))?.pop();
    let organization = row.ok_or_else(|| not_found("payment method"))?.organization_id;
    authorize_in(ctx, "Mutation", organization, "payment method")?;
    Ok((id, organization))
}

#[derive(Default)]
pub struct PaymentMethodMutation;

#[Object]
impl PaymentMethodMutation {
    /// Begins to save a payment method. Stripe.js takes the card: its number never comes here.
    async fn payment_method_setup(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose payment method.")] input: PaymentMethodSetupInput,
    ) -> Result<PaymentMethodSetupPayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let key = caller_key(ctx, "paymentMethodSetup", Some(organization_id), input.idempotency_key);
        let new = service::PaymentMethodSetupInput { organization_id };
        let answer = service(ctx).set_up_payment_method(viewer(ctx).actor(), new, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        Ok(PaymentMethodSetupPayload {
            client_secret: parts.client_secret,
            operation: parts.operation,
            user_errors: parts.user_errors,
        })
    }

    /// Attaches a payment method that Stripe.js has made to the organization.
    async fn payment_method_attach(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which payment method, and whose it will be.")] input: PaymentMethodAttachInput,
    ) -> Result<PaymentMethodAttachPayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let key = caller_key(ctx, "paymentMethodAttach", Some(organization_id), input.idempotency_key);
        let new = service::PaymentMethodAttachInput {
            organization_id,
            stripe_payment_method_id: input.stripe_payment_method_id,
            make_default: input.make_default,
        };
        let answer = service(ctx).attach_payment_method(viewer(ctx).actor(), new, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let payment_method = changed_payment_method(ctx, parts.resource.as_ref()).await?;
        Ok(PaymentMethodAttachPayload {
            payment_method,
            operation: parts.operation,
            user_errors: parts.user_errors,
        })
    }
    /// Makes a payment method the one that invoices are charged to unless a subscription says otherwise.
    async fn payment_method_set_default(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which payment method.")] input: PaymentMethodSetDefaultInput,
    ) -> Result<PaymentMethodSetDefaultPayload> {
        let (payment_method_id, organization_id) = permitted_method(ctx, &input.payment_method_id).await?;
        let key = caller_key(ctx, "paymentMethodSetDefault", Some(organization_id), input.idempotency_key);
        let new = service::PaymentMethodSetDefaultInput { organization_id, payment_method_id };
        let answer = service(ctx).set_default_payment_method(viewer(ctx).actor(), new, key).await;
        PaymentMethodSetDefaultPayload::shape(ctx, answered(ctx, answer)?.into()).await
    }

    /// Detaches a payment method for good. What a live paid subscription is charged to stays.
    async fn payment_method_detach(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which payment method.")] input: PaymentMethodDetachInput,
    ) -> Result<PaymentMethodDetachPayload> {
        let (payment_method_id, organization_id) = permitted_method(ctx, &input.payment_method_id).await?;
        let key = caller_key(ctx, "paymentMethodDetach", Some(organization_id), input.idempotency_key);
        let new = service::PaymentMethodDetachInput { organization_id, payment_method_id };
        let answer = service(ctx).detach_payment_method(viewer(ctx).actor(), new, key).await;
        PaymentMethodDetachPayload::shape(ctx, answered(ctx, answer)?.into()).await
    }
}
