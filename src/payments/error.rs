//! What can go wrong between us and Stripe.

use std::fmt::Display;

use stripe_client_core::StripeClientErr;
use thiserror::Error;

use crate::domain::mirror::PaymentIntentMirror;
use crate::domain::payment::PaymentFailure;

/// What may have happened to a request whose answer is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It never left: nothing was done.
    NotSent,
    /// It may have been done.
    Unknown,
    /// The same, and Stripe keeps its failure under the idempotency key for a day: asked again, it says only that.
    Kept,
}

/// A failure at Stripe.
#[derive(Clone, Debug, Error)]
pub enum PaymentsError {
    /// The bank said no.
    #[error("declined: {}", failure.code)]
    Declined {
        /// What the bank said.
        failure: PaymentFailure,
        /// The payment intent as it is now, when Stripe shows it.
        payment_intent: Option<Box<PaymentIntentMirror>>,
    },
    /// Stripe refused the request as it is. Sending it again changes nothing.
    #[error("Stripe refused the request: {message}")]
    InvalidRequest {
        /// Stripe's code.
        code: Option<String>,
        /// Stripe's name of the parameter.
        param: Option<String>,
        /// Stripe's sentence.
        message: String,
    },
    /// There is no such object.
    #[error("Stripe has no such object: {message}")]
    NotFound {
        /// Stripe's sentence.
        message: String,
    },
    /// The idempotency key was used with other parameters: a fault of ours.
    #[error("an idempotency key was used with other parameters")]
    IdempotencyConflict,
    /// Too many requests; nothing was done.
    #[error("Stripe's rate limit was reached")]
    RateLimited,
    /// Our key is wrong, or lacks a permission.
    #[error("Stripe does not accept our key")]
    NotAuthorized,
    /// No answer, or none that can be read.
    #[error("no answer from Stripe that can be read ({outcome:?})")]
    Unavailable {
        /// Whether the request may have been done.
        outcome: Outcome,
    },
}

impl PaymentsError {
    /// Whether Stripe keeps its failure under the key: the same request brings nothing else for a day.
    pub const fn is_kept(&self) -> bool {
        matches!(self, Self::Unavailable { outcome: Outcome::Kept })
    }

    /// Whether the same request may succeed later.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable { .. })
    }
}

impl StripeClientErr for PaymentsError {
    /// A well-formed answer that async-stripe's types cannot hold. The request was done, so it is not a failure of it.
    fn deserialize_err(message: impl Display) -> Self {
        tracing::error!(%message, "an answer of Stripe's is not as its description says");
        Self::Unavailable { outcome: Outcome::Unknown }
    }
}
