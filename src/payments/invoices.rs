//! Invoices.

use stripe_billing::invoice::{
    MarkUncollectibleInvoice, PayInvoice, RetrieveInvoice, SendInvoiceInvoice, VoidInvoiceInvoice,
};
use stripe_billing::invoice_payment::{ListInvoicePayment, RetrieveInvoicePayment};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::client::{IdempotencyKey, Stripe};
use super::convert::{invoice, invoice_line, invoice_payment};
use super::error::PaymentsError;
use crate::domain::ids::{StripeInvoiceId, StripePaymentIntentId, StripePaymentMethodId};
use crate::domain::mirror::{InvoiceMirror, InvoicePaymentMirror};

/// Pages of lines that are followed at most: more would be an invoice of a hundred thousand lines.
const MAXIMUM_PAGES: u32 = 1_000;

fn expanded() -> Vec<String> {
    ["payments", "confirmation_secret"].map(str::to_owned).to_vec()
}

/// The lines of an invoice, beyond the ten that Stripe embeds.
struct ListLines {
    invoice: StripeInvoiceId,
    starting_after: Option<String>,
}

impl stripe_client_core::StripeRequest for ListLines {
    type Output = stripe_types::List<stripe_shared::InvoiceLineItem>;

    fn build(&self) -> RequestBuilder {
        let mut query = vec![("limit", "100")];
        if let Some(after) = &self.starting_after {
            query.push(("starting_after", after));
        }
        let query: std::collections::BTreeMap<_, _> = query.into_iter().collect();
        RequestBuilder::new(StripeMethod::Get, format!("/invoices/{}/lines", self.invoice)).query(&query)
    }
}

impl Stripe {
    /// Pays an invoice now.
    pub async fn pay_invoice(
        &self,
        id: &StripeInvoiceId,
        payment_method: Option<&StripePaymentMethodId>,
        key: &IdempotencyKey,
    ) -> Result<InvoiceMirror, PaymentsError> {
        let mut request = PayInvoice::new(id.as_str()).expand(expanded());
        if let Some(method) = payment_method {
            request = request.payment_method(method.0.clone());
        }
        invoice(self.change(request, key).await?)
    }

    /// Sends an invoice to the customer by email; a draft is finalised first.
    pub async fn send_invoice(
        &self,
        id: &StripeInvoiceId,
        key: &IdempotencyKey,
    ) -> Result<InvoiceMirror, PaymentsError> {
        invoice(self.change(SendInvoiceInvoice::new(id.as_str()).expand(expanded()), key).await?)
    }

    /// Withdraws an invoice: it is not to be paid any more.
    pub async fn void_invoice(
        &self,
        id: &StripeInvoiceId,
        key: &IdempotencyKey,
    ) -> Result<InvoiceMirror, PaymentsError> {
        invoice(self.change(VoidInvoiceInvoice::new(id.as_str()).expand(expanded()), key).await?)
    }

    /// Gives an invoice up: it is not expected to be paid any more.
    pub async fn mark_invoice_uncollectible(
        &self,
        id: &StripeInvoiceId,
        key: &IdempotencyKey,
    ) -> Result<InvoiceMirror, PaymentsError> {
        invoice(self.change(MarkUncollectibleInvoice::new(id.as_str()).expand(expanded()), key).await?)
    }

    /// An invoice as it is now, with all its lines and the payment intents that pay it.
    pub async fn retrieve_invoice(&self, id: &StripeInvoiceId) -> Result<InvoiceMirror, PaymentsError> {
        let mut mirror = invoice(self.read(RetrieveInvoice::new(id.as_str()).expand(expanded())).await?)?;
        if !mirror.lines_complete {
            mirror.lines.clear();
            let mut starting_after = None;
            for _ in 0..MAXIMUM_PAGES {
                let page = self.read(ListLines { invoice: id.clone(), starting_after }).await?;
                starting_after = page.data.last().map(|line| line.id.as_str().to_owned());
                mirror.lines.extend(page.data.into_iter().map(invoice_line));
                if !page.has_more || starting_after.is_none() {
                    mirror.lines_complete = true;
                    break;
                }
            }
        }
        if mirror.payment_intents.is_none() {
            mirror.payment_intents = Some(self.list_payment_intents_of(id).await?);
        }
        Ok(mirror)
    }

    /// The payment intents that pay an invoice, beyond the ten that Stripe embeds.
    async fn list_payment_intents_of(
        &self,
        id: &StripeInvoiceId,
    ) -> Result<Vec<StripePaymentIntentId>, PaymentsError> {
        let mut intents = Vec::new();
        let mut starting_after = None;
        for _ in 0..MAXIMUM_PAGES {
            let mut request = ListInvoicePayment::new().invoice(id.as_str()).limit(100);
            if let Some(after) = starting_after {
                request = request.starting_after(after);
            }
            let page = self.read(request).await?;
            for payment in &page.data {
                intents.extend(invoice_payment(payment)?.payment_intent);
            }
            starting_after = page.data.last().map(|payment| payment.id.as_str().to_owned());
            if !page.has_more || starting_after.is_none() {
                break;
            }
        }
        Ok(intents)
    }

    pub(super) async fn retrieve_invoice_payment(
        &self,
        id: &str,
    ) -> Result<InvoicePaymentMirror, PaymentsError> {
        invoice_payment(&self.read(RetrieveInvoicePayment::new(id)).await?)
    }
}
