//! Attempts of payments.

use async_graphql::Object;
use chrono::{DateTime, Utc};

use super::super::scalars::Money;
use super::enums;
use super::payment::PaymentFailure;
use crate::domain;

/// One attempt of a payment: one for every charge at Stripe, with what the bank said.
pub struct PaymentAttempt(pub domain::payment_attempt::PaymentAttempt);

/// One attempt of a payment: one for every charge at Stripe, with what the bank said.
#[Object]
impl PaymentAttempt {
    /// How it ended.
    async fn status(&self) -> enums::PaymentAttemptStatus {
        self.0.status.into()
    }

    /// What was tried to be charged.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// The payment method for people, "visa •••• 4242".
    async fn payment_method(&self) -> Option<&str> {
        self.0.payment_method_summary.as_deref()
    }

    /// Why it was declined, if it was.
    async fn failure(&self) -> Option<PaymentFailure> {
        self.0.failure.clone().map(PaymentFailure::from)
    }

    /// The id at Stripe, `ch_…`.
    async fn stripe_charge_id(&self) -> &str {
        self.0.stripe_charge_id.as_str()
    }

    /// When it was made, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}
