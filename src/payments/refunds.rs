//! Refunds.

use std::collections::HashMap;

use stripe_core::refund::{CreateRefund, CreateRefundReason, ListRefund, RetrieveRefund};

use super::client::{IdempotencyKey, Stripe};
use super::convert::{REFUND_METADATA, refund};
use super::error::PaymentsError;
use crate::domain::ids::{RefundId, StripePaymentIntentId, StripeRefundId};
use crate::domain::mirror::RefundMirror;
use crate::domain::refund::RefundReason;

/// Pages of refunds that are followed at most: a payment has a handful.
const MAXIMUM_PAGES: u32 = 100;

/// Something to be given back.
#[derive(Clone, Debug)]
pub struct NewRefund {
    /// Of which payment.
    pub payment_intent: StripePaymentIntentId,
    /// How much, in minor units of the payment's currency.
    pub amount_minor: i64,
    /// Why.
    pub reason: Option<RefundReason>,
    /// Our refund, when there is one already: its answer and its events find it by this.
    pub refund_id: Option<RefundId>,
    /// Further notes.
    pub metadata: HashMap<String, String>,
}

impl Stripe {
    /// Gives a payment back, or a part of it.
    pub async fn create_refund(
        &self,
        new: NewRefund,
        key: &IdempotencyKey,
    ) -> Result<RefundMirror, PaymentsError> {
        let mut metadata = new.metadata;
        if let Some(id) = new.refund_id {
            metadata.insert(REFUND_METADATA.to_owned(), id.to_string());
        }
        let mut request = CreateRefund::new()
            .payment_intent(new.payment_intent.0)
            .amount(new.amount_minor)
            .metadata(metadata);
        if let Some(reason) = new.reason {
            request = request.reason(match reason {
                RefundReason::Duplicate => CreateRefundReason::Duplicate,
                RefundReason::Fraudulent => CreateRefundReason::Fraudulent,
                RefundReason::RequestedByCustomer => CreateRefundReason::RequestedByCustomer,
            });
        }
        refund(self.change(request, key).await?)
    }

    /// A refund as it is now.
    pub async fn retrieve_refund(&self, id: &StripeRefundId) -> Result<RefundMirror, PaymentsError> {
        refund(self.read(RetrieveRefund::new(id.as_str())).await?)
    }

    /// Everything that was given back of a payment, failed attempts included.
    pub async fn refunds_of(
        &self,
        payment_intent: &StripePaymentIntentId,
    ) -> Result<Vec<RefundMirror>, PaymentsError> {
        let mut refunds = Vec::new();
        let mut starting_after: Option<String> = None;
        for _ in 0..MAXIMUM_PAGES {
            let mut request = ListRefund::new().payment_intent(payment_intent.as_str()).limit(100);
            if let Some(after) = starting_after {
                request = request.starting_after(after);
            }
            let page = self.read(request).await?;
            starting_after = page.data.last().map(|last| last.id.as_str().to_owned());
            for one in page.data {
                refunds.push(refund(one)?);
            }
            if !page.has_more || starting_after.is_none() {
                break;
            }
        }
        Ok(refunds)
    }
}
