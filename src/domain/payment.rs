//! Payments: one record for every payment intent at Stripe.

use chrono::{DateTime, Utc};

use super::ids::{
    InvoiceId, OrganizationId, PaymentId, StripeChargeId, StripePaymentIntentId, StripePaymentMethodId,
};
use super::mirror::PaymentIntentMirror;
use super::money::Money;
use super::string_enum;

string_enum! {
    /// The state of a payment.
    PaymentStatus {
        /// Waiting for a payment method, for confirmation or for the bank.
        Pending => "pending",
        /// Waiting for the cardholder, for instance 3-D Secure.
        RequiresAction => "requires_action",
        /// Paid.
        Succeeded => "succeeded",
        /// The last attempt was declined; another may follow.
        Failed => "failed",
        /// Given up. Final.
        Canceled => "canceled",
    }
}

impl PaymentStatus {
    /// Whether nothing changes a payment in this state.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Canceled)
    }

    /// Whether this version knows Stripe's word for the state of a payment intent.
    pub fn is_known_at_stripe(status: &str) -> bool {
        matches!(
            status,
            "succeeded"
                | "canceled"
                | "processing"
                | "requires_action"
                | "requires_capture"
                | "requires_confirmation"
                | "requires_payment_method"
        )
    }

    /// Whether Stripe's word says that the bank has the payment and decides later, as it does of debits.
    pub fn is_with_bank(status: &str) -> bool {
        status == "processing"
    }

    /// Our state of Stripe's payment intent. `attempted` says whether an attempt has failed: Stripe goes back to
    /// `requires_payment_method` then. A state that this version does not know is pending: nothing was paid as far as
    /// we can tell.
    pub fn from_stripe(status: &str, attempted: bool) -> Self {
        match status {
            "succeeded" => Self::Succeeded,
            "canceled" => Self::Canceled,
            "requires_action" => Self::RequiresAction,
            "requires_payment_method" if attempted => Self::Failed,
            _ => Self::Pending,
        }
    }
}

/// Why a payment was declined.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PaymentFailure {
    /// Stripe's error code, `card_declined` for instance.
    pub code: String,
    /// The bank's reason, `insufficient_funds` for instance.
    pub decline_code: Option<String>,
    /// A sentence for the cardholder, as Stripe words it.
    pub message: String,
}

/// A payment of an organization.
#[derive(Clone, Debug, PartialEq)]
pub struct Payment {
    /// Our id.
    pub id: PaymentId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The invoice it pays, if it pays one.
    pub invoice_id: Option<InvoiceId>,
    /// The payment intent at Stripe.
    pub stripe_payment_intent_id: StripePaymentIntentId,
    /// What is to be paid.
    pub amount: Money,
    /// What has been paid, in minor units.
    pub amount_received_minor: i64,
    /// What has been given back, in minor units.
    pub amount_refunded_minor: i64,
    /// Its state.
    pub status: PaymentStatus,
    /// The payment method at Stripe.
    pub payment_method: Option<StripePaymentMethodId>,
    /// The payment method for people, "visa •••• 4242".
    pub payment_method_summary: Option<String>,
    /// The newest charge at Stripe: the newest attempt that reached the bank.
    pub stripe_charge_id: Option<StripeChargeId>,
    /// What it is for.
    pub description: Option<String>,
    /// The caller's own notes.
    pub metadata: serde_json::Value,
    /// Why the last attempt failed, if it did.
    pub failure: Option<PaymentFailure>,
    /// When the row was last known to equal Stripe's object.
    pub stripe_synced_at: DateTime<Utc>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Payment {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "status": self.status.as_str(),
            "currency": self.amount.currency,
            "amountMinor": self.amount.minor,
            "amountReceivedMinor": self.amount_received_minor,
            "amountRefundedMinor": self.amount_refunded_minor,
            "paymentMethod": self.payment_method_summary,
            "invoiceId": self.invoice_id,
            "failureCode": self.failure.as_ref().map(|failure| &failure.code),
            "declineCode": self.failure.as_ref().and_then(|failure| failure.decline_code.as_ref()),
            "stripePaymentIntentId": self.stripe_payment_intent_id,
        })
    }
}

impl Payment {
    /// The row that Stripe's object makes of the one before: what an answer did not carry stays as it was known.
    pub fn from_mirror(
        id: PaymentId,
        organization_id: OrganizationId,
        invoice_id: Option<InvoiceId>,
        mirror: &PaymentIntentMirror,
        old: Option<&Self>,
        synced_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            organization_id,
            invoice_id: invoice_id.or(old.and_then(|old| old.invoice_id)),
            stripe_payment_intent_id: mirror.id.clone(),
            amount: mirror.amount,
            amount_received_minor: mirror.amount_received_minor,
            amount_refunded_minor: mirror
                .amount_refunded_minor
                .or(old.map(|old| old.amount_refunded_minor))
                .unwrap_or(0),
            status: mirror.status,
            payment_method: mirror.payment_method.clone(),
            payment_method_summary: mirror
                .payment_method_summary
                .clone()
                .or_else(|| old.and_then(|old| old.payment_method_summary.clone())),
            stripe_charge_id: mirror
                .latest_charge
                .clone()
                .map(StripeChargeId)
                .or_else(|| old.and_then(|old| old.stripe_charge_id.clone())),
            description: mirror.description.clone(),
            metadata: serde_json::to_value(&mirror.metadata).expect("a map of strings is plain data"),
            failure: mirror.failure.clone(),
            stripe_synced_at: synced_at,
            created_at: mirror.created_at,
            updated_at: synced_at,
        }
    }
}

impl Payment {
    /// What must equal Stripe's object.
    pub fn mirrored_values(&self) -> serde_json::Value {
        let mut values = self.audit_values();
        values["stripePaymentMethod"] = serde_json::json!(self.payment_method);
        values["description"] = serde_json::json!(self.description);
        values["metadata"] = self.metadata.clone();
        values["failureMessage"] = serde_json::json!(self.failure.as_ref().map(|failure| &failure.message));
        values
    }
}
