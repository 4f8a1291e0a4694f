//! Paying invoices.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize, authorize_in, caller_key, service, store, viewer};
use super::super::error::{denied, not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::types::{BillingOperation, Invoice, UserError};
use super::{Parts, answered, changed_invoice};
use crate::auth::Denial;
use crate::domain::ids::{InvoiceId, OrganizationId, PaymentMethodId};
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

macro_rules! invoice_act {
    ($(#[$input_meta:meta])* $input:ident, $(#[$payload_meta:meta])* $payload:ident) => {
        $(#[$input_meta])*
        #[derive(InputObject)]
        pub struct $input {
            /// The invoice.
            invoice_id: ID,
            /// The same key with the same input gives the same answer for 24 hours.
            idempotency_key: Option<String>,
        }

        $(#[$payload_meta])*
        #[derive(SimpleObject)]
        pub struct $payload {
            /// The invoice as it is now; null when it was refused.
            invoice: Option<Invoice>,
            /// The operation at Stripe.
            operation: Option<BillingOperation>,
            /// What must be mended.
            user_errors: Vec<UserError>,
        }

        impl $payload {
            async fn act(
                ctx: &Context<'_>,
                mutation: &'static str,
                input: $input,
                act: service::InvoiceAct,
            ) -> Result<Self> {
                let (invoice_id, organization_id) = permitted_invoice(ctx, &input.invoice_id).await?;
                let key = caller_key(ctx, mutation, Some(organization_id), input.idempotency_key);
                let change = service::InvoiceChangeInput { organization_id, invoice_id, act };
                let answer = service(ctx).change_invoice(viewer(ctx).actor(), change, key).await;
                let parts = Parts::from(answered(ctx, answer)?);
                let invoice = changed_invoice(ctx, parts.resource.as_ref()).await?;
                Ok(Self { invoice, operation: parts.operation, user_errors: parts.user_errors })
            }
        }
    };
}

invoice_act!(
    /// An invoice to be sent.
    InvoiceSendInput,
    /// The invoice that was sent.
    InvoiceSendPayload
);
invoice_act!(
    /// An invoice to be withdrawn.
    InvoiceVoidInput,
    /// The invoice that was withdrawn.
    InvoiceVoidPayload
);
invoice_act!(
    /// An invoice to be given up.
    InvoiceMarkUncollectibleInput,
    /// The invoice that was given up.
    InvoiceMarkUncollectiblePayload
);

/// An invoice, and its organization, which the caller may change.
pub(super) async fn permitted_invoice(ctx: &Context<'_>, id: &ID) -> Result<(InvoiceId, OrganizationId)> {
    let id = InvoiceId(NodeKind::Invoice.decode("input.invoiceId", id)?);
    if !viewer(ctx).is_signed_in() {
        return Err(denied(Denial::Unauthenticated, "invoice"));
    }
    let row = store(ctx).invoices(&[id]).await.map_err(store_error(ctx))?.pop();
    let organization = row.ok_or_else(|| not_found("invoice"))?.organization_id;
    authorize_in(ctx, "Mutation", organization, "invoice")?;
    Ok((id, organization))
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
        let payment_method_id = match &input.payment_method_id {
            Some(id) => Some(PaymentMethodId(NodeKind::PaymentMethod.decode("input.paymentMethodId", id)?)),
            None => None,
        };
        let (invoice_id, organization_id) = permitted_invoice(ctx, &input.invoice_id).await?;
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
    /// Sends an invoice that is collected by invoice to the customer, by email; a draft is finalised first.
    async fn invoice_send(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invoice.")] input: InvoiceSendInput,
    ) -> Result<InvoiceSendPayload> {
        InvoiceSendPayload::act(ctx, "invoiceSend", input, service::InvoiceAct::Send).await
    }

    /// Withdraws an invoice: it is not to be paid any more. For platform staff. Final.
    async fn invoice_void(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invoice.")] input: InvoiceVoidInput,
    ) -> Result<InvoiceVoidPayload> {
        authorize(ctx, "Mutation")?;
        InvoiceVoidPayload::act(ctx, "invoiceVoid", input, service::InvoiceAct::Void).await
    }

    /// Gives an invoice up: it is not expected to be paid any more, and still can be. For platform staff.
    async fn invoice_mark_uncollectible(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invoice.")] input: InvoiceMarkUncollectibleInput,
    ) -> Result<InvoiceMarkUncollectiblePayload> {
        authorize(ctx, "Mutation")?;
        let act = service::InvoiceAct::MarkUncollectible;
        InvoiceMarkUncollectiblePayload::act(ctx, "invoiceMarkUncollectible", input, act).await
    }
}
