//! Attempts of a payment: one for every charge at Stripe, with what the bank said.

use chrono::{DateTime, Utc};

use super::ids::{OrganizationId, PaymentAttemptId, PaymentId, StripeChargeId, StripePaymentMethodId};
use super::money::Money;
use super::payment::PaymentFailure;
use super::string_enum;

string_enum! {
    /// How an attempt ended.
    AttemptStatus {
        /// The bank has not answered yet: a debit takes days.
        Pending => "pending",
        /// Paid. Final.
        Succeeded => "succeeded",
        /// Declined. Final.
        Failed => "failed",
    }
}

impl AttemptStatus {
    /// Our state of Stripe's charge. A state that this version does not know is pending: nothing was paid as far as we
    /// can tell.
    pub fn from_stripe(status: &str) -> Self {
        Self::parse(status).unwrap_or(Self::Pending)
    }

    /// Whether an attempt in this state may come to be in the state `next`: attempts only end.
    pub const fn may_become(self, next: Self) -> bool {
        matches!((self, next), (Self::Pending, _))
    }
}

/// An attempt of a payment.
#[derive(Clone, Debug, PartialEq)]
pub struct PaymentAttempt {
    /// Our id.
    pub id: PaymentAttemptId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The payment that was attempted.
    pub payment_id: PaymentId,
    /// The charge at Stripe.
    pub stripe_charge_id: StripeChargeId,
    /// How it ended.
    pub status: AttemptStatus,
    /// What was tried to be charged.
    pub amount: Money,
    /// The payment method at Stripe.
    pub payment_method: Option<StripePaymentMethodId>,
    /// The payment method for people, "visa •••• 4242".
    pub payment_method_summary: Option<String>,
    /// Why it was declined, if it was.
    pub failure: Option<PaymentFailure>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
}

impl PaymentAttempt {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "paymentId": self.payment_id,
            "status": self.status.as_str(),
            "currency": self.amount.currency,
            "amountMinor": self.amount.minor,
            "paymentMethod": self.payment_method_summary,
            "failureCode": self.failure.as_ref().map(|failure| &failure.code),
            "declineCode": self.failure.as_ref().and_then(|failure| failure.decline_code.as_ref()),
            "stripeChargeId": self.stripe_charge_id,
        })
    }
}
