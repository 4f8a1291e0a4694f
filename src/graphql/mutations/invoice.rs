//! Paying invoices.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize_in, caller_key, service, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::types::{BillingOperation, Invoice, UserError};
use super::{Parts, answered, changed_invoice};
use crate::auth::Denial;
use crate::domain::ids::{InvoiceId, PaymentMethodId};
use crate::service;

/// A payment of an invoice.
#[derive(InputObject)]
pub struct InvoicePayInput {
    /// The invoice.
    invoice_id: ID,
    /// What is charged; the subscription's or the organization's default when left out.
    payment_method_id: Option<ID>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The invoice after the attempt.
#[derive(SimpleObject)]
pub struct InvoicePayPayload {
    /// The invoice as it is now; null when it was refused.
    invoice: Option<Invoice>,
    /// The secret with which Stripe.js goes on when the cardholder must act. Never log it.
    client_secret: Option<String>,
    /// The operation at Stripe.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct InvoiceMutation;

#[Object]
impl InvoiceMutation {
    /// Pays an open invoice now.
    async fn invoice_pay(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invoice, and with what.")] input: InvoicePayInput,
    ) -> Result<InvoicePayPayload> {
        let invoice_id = InvoiceId(NodeKind::Invoice.decode("input.invoiceId", &input.invoice_id)?);
        let payment_method_id = match &input.payment_method_id {
            Some(id) => Some(PaymentMethodId(NodeKind::PaymentMethod.decode("input.paymentMethodId", id)?)),
            None => None,
        };
        if !viewer(ctx).is_signed_in() {
            return Err(denied(Denial::Unauthenticated, "invoice"));
        }
        let row = store(ctx).invoices(&[invoice_id]).await.map_err(store_error(ctx))?.pop();
        let organization_id = row.ok_or_else(|| not_found("invoice"))?.organization_id;
        authorize_in(ctx, "Mutation", organization_id, "invoice")?;
        let key = caller_key(ctx, "invoicePay", Some(organization_id), input.idempotency_key);
        let pay = service::InvoicePayInput { organization_id, invoice_id, payment_method_id };
        let answer = service(ctx).pay_invoice(viewer(ctx).actor(), pay, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let invoice = changed_invoice(ctx, parts.resource.as_ref()).await?;
        Ok(InvoicePayPayload {
            invoice,
            client_secret: parts.client_secret,
            operation: parts.operation,
            user_errors: parts.user_errors,
        })
    }
}
