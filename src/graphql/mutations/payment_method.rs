//! Saving payment methods.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize_in, caller_key, service, viewer};
use super::super::node::NodeKind;
use super::super::types::{BillingOperation, PaymentMethod, UserError};
use super::{Parts, answered, changed_payment_method};
use crate::domain::ids::OrganizationId;
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
}
