//! Stripe's own pages.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize_in, caller_key, service, viewer};
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, CurrencyCode};
use super::super::types::{BillingOperation, UserError, enums};
use super::{Parts, answered};
use crate::domain::ids::{OrganizationId, PlanId};
use crate::service;

/// A subscription to be begun on Stripe's page.
#[derive(InputObject)]
pub struct CheckoutSessionCreateInput {
    /// The organization that subscribes.
    organization_id: ID,
    /// The plan.
    plan_id: ID,
    /// At which of the plan's prices; by the default price's interval when left out.
    billing_interval: Option<enums::BillingInterval>,
    /// In which currency; the organization's, else the default price's, when left out.
    currency: Option<CurrencyCode>,
    /// Seats, 1 to 1,000,000.
    #[graphql(default_with = "BigInt(1)")]
    quantity: BigInt,
    /// Whether to start with the plan's trial. A trial is taken once: an organization that had one, or whose payment card or
    /// owner's mail domain had one elsewhere, is refused with PLAN_UNAVAILABLE.
    #[graphql(default = true)]
    trial: bool,
    /// A promotion code to redeem, as people type it. The page shows what it takes off.
    promotion_code: Option<String>,
    /// Where the page leads when it is done; `{CHECKOUT_SESSION_ID}` in it is replaced by Stripe. It must be among the
    /// addresses that the operator allows.
    success_url: String,
    /// Where the page leads when it is left; among the allowed ones too.
    cancel_url: String,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The page. The subscription that comes of it arrives by webhook.
#[derive(SimpleObject)]
pub struct CheckoutSessionCreatePayload {
    /// The address to send the person to; null when it was refused, or when the page has been used. Never log it.
    url: Option<String>,
    /// The id at Stripe, `cs_…`.
    stripe_checkout_session_id: Option<String>,
    /// The operation at Stripe.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// The customer portal, to be opened.
#[derive(InputObject)]
pub struct PortalSessionCreateInput {
    /// The organization whose billing it shows.
    organization_id: ID,
    /// Where the page leads when it is left. It must be among the addresses that the operator allows.
    return_url: String,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The page.
#[derive(SimpleObject)]
pub struct PortalSessionCreatePayload {
    /// The address to send the person to; null when it was refused. Whoever has it manages the billing: never log it.
    url: Option<String>,
    /// The operation at Stripe.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct CheckoutMutation;

#[Object]
impl CheckoutMutation {
    /// Opens Stripe's page on which the organization subscribes to a plan.
    async fn checkout_session_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who subscribes, to what.")] input: CheckoutSessionCreateInput,
    ) -> Result<CheckoutSessionCreatePayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let new = service::CheckoutSessionCreateInput {
            organization_id,
            plan_id: PlanId(NodeKind::Plan.decode("input.planId", &input.plan_id)?),
            billing_interval: input.billing_interval.map(Into::into),
            currency: input.currency.map(|code| code.0),
            quantity: input.quantity.0,
            trial: input.trial,
            promotion_code: input.promotion_code,
            success_url: input.success_url,
            cancel_url: input.cancel_url,
        };
        let key = caller_key(ctx, "checkoutSessionCreate", Some(organization_id), input.idempotency_key);
        let answer = service(ctx).create_checkout_session(viewer(ctx).actor(), new, key).await;
        let answer = answered(ctx, answer)?;
        let id = match &answer.resource {
            Some(service::Resource::CheckoutSession(id)) => Some(id.clone()),
            _ => None,
        };
        let url = answer.url.clone();
        let parts = Parts::from(answer);
        Ok(CheckoutSessionCreatePayload {
            url,
            stripe_checkout_session_id: id,
            operation: parts.operation,
            user_errors: parts.user_errors,
        })
    }

    /// Opens Stripe's page on which the organization manages payment methods, invoices and its subscription.
    async fn portal_session_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, and where it leads back to.")] input: PortalSessionCreateInput,
    ) -> Result<PortalSessionCreatePayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let new = service::PortalSessionCreateInput { organization_id, return_url: input.return_url };
        let key = caller_key(ctx, "portalSessionCreate", Some(organization_id), input.idempotency_key);
        let answer = service(ctx).create_portal_session(viewer(ctx).actor(), new, key).await;
        let answer = answered(ctx, answer)?;
        let url = answer.url.clone();
        let parts = Parts::from(answer);
        Ok(PortalSessionCreatePayload { url, operation: parts.operation, user_errors: parts.user_errors })
    }
}
