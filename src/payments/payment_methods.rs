//! Payment methods and setup intents.

use std::collections::{BTreeMap, HashMap};

use stripe_core::setup_intent::{CreateSetupIntent, RetrieveSetupIntent};
use stripe_payment::payment_method::{AttachPaymentMethod, DetachPaymentMethod, RetrievePaymentMethod};

use super::client::{IdempotencyKey, Stripe};
use super::convert::{payment_method, setup_intent};
use super::error::PaymentsError;
use crate::domain::ids::{StripeCustomerId, StripePaymentMethodId};
use crate::domain::mirror::{PaymentMethodMirror, SetupIntentMirror};

/// A payment method to be collected.
#[derive(Clone, Debug)]
pub struct NewSetupIntent {
    /// Whose it will be.
    pub customer: StripeCustomerId,
    /// Our notes.
    pub metadata: BTreeMap<String, String>,
}

impl Stripe {
    /// Begins to collect a payment method.
    pub async fn create_setup_intent(
        &self,
        new: NewSetupIntent,
        key: &IdempotencyKey,
    ) -> Result<SetupIntentMirror, PaymentsError> {
        let request = CreateSetupIntent::new()
            .customer(new.customer.0)
            .metadata(new.metadata.into_iter().collect::<HashMap<_, _>>());
        self.change(request, key).await.map(setup_intent)
    }

    /// A setup intent with its client secret.
    pub async fn retrieve_setup_intent(&self, id: &str) -> Result<SetupIntentMirror, PaymentsError> {
        self.read(RetrieveSetupIntent::new(id)).await.map(setup_intent)
    }

    /// Attaches a payment method to a customer.
    pub async fn attach_payment_method(
        &self,
        id: &StripePaymentMethodId,
        customer: &StripeCustomerId,
        key: &IdempotencyKey,
    ) -> Result<PaymentMethodMirror, PaymentsError> {
        let request = AttachPaymentMethod::new(id.as_str()).customer(customer.0.clone());
        self.change(request, key).await.map(payment_method)
    }

    /// Detaches a payment method from its customer, for good: it cannot be charged any more.
    pub async fn detach_payment_method(
        &self,
        id: &StripePaymentMethodId,
        key: &IdempotencyKey,
    ) -> Result<PaymentMethodMirror, PaymentsError> {
        self.change(DetachPaymentMethod::new(id.as_str()), key).await.map(payment_method)
    }

    pub(super) async fn retrieve_payment_method(
        &self,
        id: &str,
    ) -> Result<PaymentMethodMirror, PaymentsError> {
        self.read(RetrievePaymentMethod::new(id)).await.map(payment_method)
    }
}
