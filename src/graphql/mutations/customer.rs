//! The Stripe customer of an organization.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize, authorize_in, caller_key, service, viewer};
use super::super::node::NodeKind;
use super::super::types::{BillingOperation, Organization, UserError};
use super::{Parts, answered, changed_organization};
use crate::domain::ids::OrganizationId;
use crate::service;

macro_rules! customer_act {
    ($(#[$input_meta:meta])* $input:ident, $(#[$payload_meta:meta])* $payload:ident) => {
        $(#[$input_meta])*
        #[derive(InputObject)]
        pub struct $input {
            /// The organization.
            organization_id: ID,
            /// The same key with the same input gives the same answer for 24 hours.
            idempotency_key: Option<String>,
        }

        $(#[$payload_meta])*
        #[derive(SimpleObject)]
        pub struct $payload {
            /// The organization; null when it was refused.
            organization: Option<Organization>,
            /// The operation at Stripe.
            operation: Option<BillingOperation>,
            /// What must be mended.
            user_errors: Vec<UserError>,
        }

        impl $payload {
            async fn shape(ctx: &Context<'_>, parts: Parts) -> Result<Self> {
                let organization = changed_organization(ctx, parts.resource.as_ref()).await?;
                Ok(Self { organization, operation: parts.operation, user_errors: parts.user_errors })
            }
        }
    };
}

customer_act!(
    /// A customer to be brought in step with the billing settings.
    CustomerSyncInput,
    /// The organization whose customer is in step.
    CustomerSyncPayload
);
customer_act!(
    /// A customer to be made anew.
    CustomerRecreateInput,
    /// The organization with its new customer.
    CustomerRecreatePayload
);

/// A customer that an organization is to have.
#[derive(InputObject)]
pub struct CustomerLinkInput {
    /// The organization. It has no Stripe customer yet.
    organization_id: ID,
    /// The customer at Stripe, `cus_…`: not deleted, of the secret key's mode, and no other organization's.
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
pub struct CustomerMutation;

#[Object]
impl CustomerMutation {
    /// Brings the Stripe customer in step with the organization's billing settings: name, email, address, tax ids,
    /// purchase-order number, invoice footer.
    async fn customer_sync(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose customer.")] input: CustomerSyncInput,
    ) -> Result<CustomerSyncPayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let key = caller_key(ctx, "customerSync", Some(organization_id), input.idempotency_key);
        let input = service::CustomerInput { organization_id };
        let answer = service(ctx).sync_customer(viewer(ctx).actor(), input, key).await;
        CustomerSyncPayload::shape(ctx, answered(ctx, answer)?.into()).await
    }

    /// Makes the Stripe customer anew after it was deleted at Stripe. Its payment methods and subscriptions are gone:
    /// add and begin them again.
    async fn customer_recreate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose customer.")] input: CustomerRecreateInput,
    ) -> Result<CustomerRecreatePayload> {
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        authorize_in(ctx, "Mutation", organization_id, "organization")?;
        let key = caller_key(ctx, "customerRecreate", Some(organization_id), input.idempotency_key);
        let input = service::CustomerInput { organization_id };
        let answer = service(ctx).recreate_customer(viewer(ctx).actor(), input, key).await;
        CustomerRecreatePayload::shape(ctx, answered(ctx, answer)?.into()).await
    }

    /// Gives an organization a customer that the Stripe account had before, and compares what it has there in full: its
    /// subscriptions, invoices, payments and payment methods get their rows. Nothing is changed at Stripe; details that differ
    /// from the billing settings are listed in `billingDrift`. For platform staff.
    async fn customer_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which customer, and whose.")] input: CustomerLinkInput,
    ) -> Result<CustomerLinkPayload> {
        authorize(ctx, "Mutation")?;
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        let key = caller_key(ctx, "customerLink", None, input.idempotency_key);
        let stripe_customer_id = input.stripe_customer_id.trim().into();
        let input = service::CustomerLinkInput { organization_id, stripe_customer_id };
        let answer = service(ctx).link_and_compare(viewer(ctx).actor(), input, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let organization = changed_organization(ctx, parts.resource.as_ref()).await?;
        Ok(CustomerLinkPayload { organization, user_errors: parts.user_errors })
    }
}
