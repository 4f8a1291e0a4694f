//! Customers that were at Stripe before, for platform staff.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize, caller_key, service, viewer};
use super::super::node::NodeKind;
use super::super::types::{Organization, UserError};
use super::{Parts, answered, changed_organization};
use crate::domain::ids::OrganizationId;
use crate::service::CustomerLinkInput as ServiceInput;

/// Whose customer somebody at Stripe is.
#[derive(InputObject)]
pub struct CustomerLinkInput {
    /// The organization, which has no customer yet.
    organization_id: ID,
    /// The customer's id at Stripe, `cus_…`, of the key's account and mode.
    stripe_customer_id: String,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The organization with its customer.
#[derive(SimpleObject)]
pub struct CustomerLinkPayload {
    /// The organization; null when it was refused.
    organization: Option<Organization>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct CustomerLinkMutation;

#[Object]
impl CustomerLinkMutation {
    /// Gives an organization the customer that it had at Stripe before it came here, and takes over everything that Stripe has of
    /// it: subscriptions, invoices, payments, payment methods. For platform staff.
    async fn customer_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, and which customer.")] input: CustomerLinkInput,
    ) -> Result<CustomerLinkPayload> {
        authorize(ctx, "Mutation")?;
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        let key = caller_key(ctx, "customerLink", None, input.idempotency_key);
        let link = ServiceInput { organization_id, stripe_customer_id: input.stripe_customer_id.into() };
        let answer = service(ctx).link_customer(viewer(ctx).actor(), link, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let organization = changed_organization(ctx, parts.resource.as_ref()).await?;
        Ok(CustomerLinkPayload { organization, user_errors: parts.user_errors })
    }
}
