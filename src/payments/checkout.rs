//! Stripe's own pages: checkout and the customer portal.

use std::collections::HashMap;

use stripe_billing::billing_portal_session::CreateBillingPortalSession;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionDiscounts, CreateCheckoutSessionLineItems,
    CreateCheckoutSessionSubscriptionData, RetrieveCheckoutSession,
};

use super::client::{IdempotencyKey, Stripe};
use super::convert::checkout_session;
use super::error::PaymentsError;
use crate::domain::ids::{StripeCustomerId, StripePriceId};
use crate::domain::mirror::CheckoutSessionMirror;

/// A subscription to be begun on Stripe's page.
#[derive(Clone, Debug)]
pub struct NewCheckoutSession {
    /// Who subscribes.
    pub customer: StripeCustomerId,
    /// To what.
    pub price: StripePriceId,
    /// Seats.
    pub quantity: u64,
    /// Days of trial.
    pub trial_days: Option<u32>,
    /// A promotion code's id to redeem.
    pub promotion_code: Option<String>,
    /// Where the page leads when it is done.
    pub success_url: String,
    /// Where it leads when it is left.
    pub cancel_url: String,
    /// Notes on the session.
    pub metadata: HashMap<String, String>,
    /// Notes on the subscription that comes of it.
    pub subscription_metadata: HashMap<String, String>,
}

impl Stripe {
    /// Opens a page on which a subscription is begun.
    pub async fn create_checkout_session(
        &self,
        new: NewCheckoutSession,
        key: &IdempotencyKey,
    ) -> Result<CheckoutSessionMirror, PaymentsError> {
        let mut item = CreateCheckoutSessionLineItems::new();
        item.price = Some(new.price.0);
        item.quantity = Some(new.quantity);
        let mut subscription = CreateCheckoutSessionSubscriptionData::new();
        subscription.metadata = Some(new.subscription_metadata);
        subscription.trial_period_days = new.trial_days;
        let mut request = CreateCheckoutSession::new()
            .mode(stripe_shared::CheckoutSessionMode::Subscription)
            .customer(new.customer.0)
            .line_items(vec![item])
            .subscription_data(subscription)
            .success_url(new.success_url)
            .cancel_url(new.cancel_url)
            .metadata(new.metadata);
        if let Some(code) = new.promotion_code {
            let mut discount = CreateCheckoutSessionDiscounts::new();
            discount.promotion_code = Some(code);
            request = request.discounts(vec![discount]);
        }
        self.change(request, key).await.map(checkout_session)
    }

    /// A checkout session as it is now.
    pub async fn retrieve_checkout_session(&self, id: &str) -> Result<CheckoutSessionMirror, PaymentsError> {
        self.read(RetrieveCheckoutSession::new(id)).await.map(checkout_session)
    }

    /// Opens the page on which a customer manages payment methods, invoices and subscriptions. Its id and address.
    pub async fn create_portal_session(
        &self,
        customer: &StripeCustomerId,
        return_url: &str,
        key: &IdempotencyKey,
    ) -> Result<(String, String), PaymentsError> {
        let request = CreateBillingPortalSession::new().customer(customer.as_str()).return_url(return_url);
        let session = self.change(request, key).await?;
        Ok((session.id.as_str().to_owned(), session.url))
    }
}
