//! Payment intents.

use std::collections::{BTreeMap, HashMap};

use stripe_core::charge::RetrieveCharge;
use stripe_core::payment_intent::{
    CancelPaymentIntent, CancelPaymentIntentCancellationReason, ConfirmPaymentIntent, CreatePaymentIntent,
    CreatePaymentIntentAutomaticPaymentMethods, CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects,
    CreatePaymentIntentOffSession, ListPaymentIntent, RetrievePaymentIntent,
};

use super::client::{IdempotencyKey, Stripe};
use super::convert::{charge, payment_intent, stripe_currency};
use super::error::PaymentsError;
use crate::domain::ids::{StripeCustomerId, StripePaymentIntentId, StripePaymentMethodId};
use crate::domain::mirror::{ChargeMirror, PaymentIntentMirror};
use crate::domain::money::Money;

/// Pages that are followed at most when one is looked for.
const MAXIMUM_PAGES: u32 = 100;

/// A new payment intent.
#[derive(Clone, Debug)]
pub struct NewPaymentIntent {
    /// Who pays.
    pub customer: StripeCustomerId,
    /// How much.
    pub amount: Money,
    /// What is charged.
    pub payment_method: Option<StripePaymentMethodId>,
    /// Whether to charge at once.
    pub confirm: bool,
    /// Whether nobody is there to confirm it.
    pub off_session: bool,
    /// What it is for.
    pub description: Option<String>,
    /// Notes.
    pub metadata: BTreeMap<String, String>,
}

/// The charge tells the card and what was given back.
fn expanded() -> Vec<String> {
    vec!["latest_charge".to_owned()]
}

impl Stripe {
    /// Creates a payment intent.
    pub async fn create_payment_intent(
        &self,
        new: NewPaymentIntent,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntentMirror, PaymentsError> {
        let mut methods = CreatePaymentIntentAutomaticPaymentMethods::new(true);
        // A redirect needs a page to come back to, which only the front end has.
        methods.allow_redirects = Some(CreatePaymentIntentAutomaticPaymentMethodsAllowRedirects::Never);
        let mut request = CreatePaymentIntent::new(new.amount.minor, stripe_currency(new.amount.currency)?)
            .customer(new.customer.0)
            .automatic_payment_methods(methods)
            .metadata(new.metadata.into_iter().collect::<HashMap<_, _>>())
            .expand(expanded());
        if let Some(method) = new.payment_method {
            request = request.payment_method(method.0);
        }
        if new.confirm {
            request = request.confirm(true);
            if new.off_session {
                request = request.off_session(CreatePaymentIntentOffSession::Bool(true));
            }
        }
        if let Some(description) = new.description {
            request = request.description(description);
        }
        payment_intent(self.change(request, key).await?)
    }

    /// Charges.
    pub async fn confirm_payment_intent(
        &self,
        id: &StripePaymentIntentId,
        payment_method: Option<&StripePaymentMethodId>,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntentMirror, PaymentsError> {
        let mut request = ConfirmPaymentIntent::new(id.as_str()).expand(expanded());
        if let Some(method) = payment_method {
            request = request.payment_method(method.0.clone());
        }
        payment_intent(self.change(request, key).await?)
    }

    /// A payment intent as it is now.
    pub async fn retrieve_payment_intent(
        &self,
        id: &StripePaymentIntentId,
    ) -> Result<PaymentIntentMirror, PaymentsError> {
        payment_intent(self.read(RetrievePaymentIntent::new(id.as_str()).expand(expanded())).await?)
    }
    /// Gives a payment up, so that it cannot be made any more.
    pub async fn cancel_payment_intent(
        &self,
        id: &StripePaymentIntentId,
        key: &IdempotencyKey,
    ) -> Result<PaymentIntentMirror, PaymentsError> {
        let request = CancelPaymentIntent::new(id.as_str())
            .cancellation_reason(CancelPaymentIntentCancellationReason::RequestedByCustomer)
            .expand(expanded());
        payment_intent(self.change(request, key).await?)
    }

    pub(super) async fn retrieve_charge(&self, id: &str) -> Result<ChargeMirror, PaymentsError> {
        charge(self.read(RetrieveCharge::new(id)).await?)
    }
}

impl Stripe {
    /// The payment intent of a customer whose metadata carries this value.
    pub async fn find_payment_intent_by_metadata(
        &self,
        customer: &StripeCustomerId,
        name: &str,
        value: &str,
    ) -> Result<Option<StripePaymentIntentId>, PaymentsError> {
        let mut starting_after: Option<String> = None;
        for _ in 0..MAXIMUM_PAGES {
            let mut request = ListPaymentIntent::new().customer(customer.as_str()).limit(100);
            if let Some(after) = &starting_after {
                request = request.starting_after(after.as_str());
            }
            let page = self.read(request).await?;
            let found =
                page.data.iter().find(|intent| intent.metadata.get(name).is_some_and(|held| held == value));
            if let Some(found) = found {
                return Ok(Some(found.id.as_str().into()));
            }
            starting_after = page.data.last().map(|last| last.id.as_str().to_owned());
            if !page.has_more || starting_after.is_none() {
                break;
            }
        }
        Ok(None)
    }
}
