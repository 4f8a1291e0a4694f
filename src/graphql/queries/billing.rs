//! Subscriptions, invoices, payments, payment methods and operations.

use async_graphql::{Context, ID, Object, Result};

use super::super::connection::{
    DisputeConnection, InvoiceConnection, PageArguments, PaymentConnection, RefundConnection,
    SubscriptionConnection,
};
use super::super::context::{authorize, authorize_in, authorize_viewer_in, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::types::invoice::{InvoiceFilter, InvoicePreview};
use super::super::types::refund::RefundLimit;
use super::super::types::{BillingOperation, Invoice, Payment, PaymentMethod, Subscription, enums};
use super::organization::{load, permitted};
use crate::auth::{Denial, Rule, Viewer};
use crate::domain::billing_operation;
use crate::domain::ids::{BillingOperationId, InvoiceId, OrganizationId, PaymentId, SubscriptionId};

#[derive(Default)]
pub struct BillingQuery;

/// Whose a row is decides who may see it; for everyone else it does not exist, and neither does one that is missing.
fn permitted_row<T>(
    ctx: &Context<'_>,
    what: &str,
    row: Option<T>,
    organization: impl Fn(&T) -> OrganizationId,
) -> Result<T> {
    let Some(row) = row else {
        // A missing row and a missing token are told apart as they would be for a row that is there.
        let is_signed_in = super::super::context::viewer(ctx).is_signed_in();
        return Err(if is_signed_in { not_found(what) } else { denied(Denial::Unauthenticated, what) });
    };
    authorize_in(ctx, "Query", organization(&row), what)?;
    Ok(row)
}

/// An operation, when `viewer` may see it: one on an organization its members with the permission, one on the catalogue
/// those who may change the catalogue.
pub(in super::super) fn permitted_operation(
    ctx: &Context<'_>,
    viewer: &Viewer,
    parent: &str,
    row: Option<billing_operation::BillingOperation>,
) -> Result<billing_operation::BillingOperation> {
    let missing = || {
        let denial = if viewer.is_signed_in() { Denial::NotFound } else { Denial::Unauthenticated };
        denied(denial, "operation")
    };
    let row = row.ok_or_else(missing)?;
    match row.organization_id {
        Some(organization) => authorize_viewer_in(ctx, viewer, parent, organization, "operation")?,
        None => viewer.check(Rule::Staff).map_err(|_| missing())?,
    }
    Ok(row)
}

#[Object]
impl BillingQuery {
    /// A subscription by id.
    async fn subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The subscription's id.")] id: ID,
    ) -> Result<Subscription> {
        let id = SubscriptionId(NodeKind::Subscription.decode("id", &id)?);
        let row = store(ctx).subscriptions(&[id]).await.map_err(store_error(ctx))?.pop();
        permitted_row(ctx, "subscription", row, |row| row.organization_id).map(Subscription::from)
    }

    /// An organization's subscriptions, ended ones included, newest first.
    async fn subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<SubscriptionConnection> {
        let id = permitted(ctx, &organization_id)?;
        load(ctx, id, false)
            .await?
            .subscriptions_page(ctx, PageArguments { first, after, last, before })
            .await
    }

    /// An invoice by id.
    async fn invoice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invoice's id.")] id: ID,
    ) -> Result<Invoice> {
        let id = InvoiceId(NodeKind::Invoice.decode("id", &id)?);
        let row = store(ctx).invoices(&[id]).await.map_err(store_error(ctx))?.pop();
        permitted_row(ctx, "invoice", row, |row| row.organization_id).map(Invoice)
    }

    /// An organization's invoices, newest first.
    async fn invoices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "Only those that fit.")] filter: Option<InvoiceFilter>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<InvoiceConnection> {
        let id = permitted(ctx, &organization_id)?;
        load(ctx, id, false)
            .await?
            .invoices_page(ctx, filter, PageArguments { first, after, last, before })
            .await
    }

    /// The next bill of an organization as it would be now, line by line; null when there will be none. Stripe is asked
    /// for it.
    async fn upcoming_invoice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<Option<InvoicePreview>> {
        let id = permitted(ctx, &organization_id)?;
        load(ctx, id, false).await?.next_bill(ctx).await
    }

    /// A payment by id.
    async fn payment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payment's id.")] id: ID,
    ) -> Result<Payment> {
        let id = PaymentId(NodeKind::Payment.decode("id", &id)?);
        let row = store(ctx).payments(&[id]).await.map_err(store_error(ctx))?.pop();
        permitted_row(ctx, "payment", row, |row| row.organization_id).map(Payment)
    }

    /// An organization's payments, newest first.
    async fn payments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "Only those in this state.")] status: Option<enums::PaymentStatus>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<PaymentConnection> {
        let id = permitted(ctx, &organization_id)?;
        load(ctx, id, false)
            .await?
            .payments_page(ctx, status, PageArguments { first, after, last, before })
            .await
    }

    /// What was given back to an organization, or is to be, newest first.
    async fn refunds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "Only those in this state.")] status: Option<enums::RefundStatus>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<RefundConnection> {
        let id = permitted(ctx, &organization_id)?;
        let page = PageArguments { first, after, last, before };
        load(ctx, id, false).await?.refunds_page(ctx, status, page).await
    }

    /// The disputes of an organization's payments, newest first.
    async fn disputes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "Only those that are not decided, or only those that are.")] open: Option<bool>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<DisputeConnection> {
        let id = permitted(ctx, &organization_id)?;
        let page = PageArguments { first, after, last, before };
        load(ctx, id, false).await?.disputes_page(ctx, open, page).await
    }

    /// How much people may give back: every limit that was set. A role without one gives nothing back; platform staff
    /// without one give back 1,000,000 minor units a day, and above 100,000 with a second person.
    async fn refund_limits(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Those of this organization alone; those for all when nothing is said.")]
        organization_id: Option<ID>,
    ) -> Result<Vec<RefundLimit>> {
        authorize(ctx, "Query")?;
        let organization = match &organization_id {
            Some(id) => Some(OrganizationId(NodeKind::Organization.decode("organizationId", id)?)),
            None => None,
        };
        let limits = store(ctx).refund_limits(organization).await.map_err(store_error(ctx))?;
        Ok(limits.into_iter().map(RefundLimit::from).collect())
    }

    /// An organization's payment methods that can be charged, newest first.
    async fn payment_methods(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<Vec<PaymentMethod>> {
        let id = permitted(ctx, &organization_id)?;
        load(ctx, id, false).await?.payment_method_list(ctx).await
    }

    /// A billing operation by id: how a mutation that needed Stripe ended, or how far it is.
    async fn billing_operation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The operation's id.")] id: ID,
    ) -> Result<BillingOperation> {
        let id = BillingOperationId(NodeKind::BillingOperation.decode("id", &id)?);
        let row = store(ctx).operations(&[id]).await.map_err(store_error(ctx))?.pop();
        permitted_operation(ctx, viewer(ctx), "Query", row).map(BillingOperation)
    }
}
