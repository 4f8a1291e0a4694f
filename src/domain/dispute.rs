//! Disputes: a cardholder asked their bank for the money back.

use chrono::{DateTime, Utc};

use super::ids::{DisputeId, OrganizationId, PaymentId, StripeChargeId, StripeDisputeId};
use super::money::Money;

/// The state of a dispute. Source: <https://docs.stripe.com/api/disputes/object#dispute_object-status>.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DisputeStatus {
    /// An inquiry that wants evidence: no money was taken yet.
    WarningNeedsResponse,
    /// An inquiry that the bank looks at.
    WarningUnderReview,
    /// An inquiry that came to nothing.
    WarningClosed,
    /// The money was taken, and evidence is wanted.
    NeedsResponse,
    /// The bank looks at the evidence.
    UnderReview,
    /// The money is ours again.
    Won,
    /// The money is gone.
    Lost,
    /// Resolved before it became a dispute.
    Prevented,
    /// A state that Stripe introduced after this version.
    Other(String),
}

impl DisputeStatus {
    /// Every state that this version knows.
    pub const ALL: [Self; 8] = [
        Self::WarningNeedsResponse,
        Self::WarningUnderReview,
        Self::WarningClosed,
        Self::NeedsResponse,
        Self::UnderReview,
        Self::Won,
        Self::Lost,
        Self::Prevented,
    ];

    /// The state of Stripe's word for it.
    pub fn parse(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    /// Stripe's word for the state.
    pub fn as_str(&self) -> &str {
        match self {
            Self::WarningNeedsResponse => "warning_needs_response",
            Self::WarningUnderReview => "warning_under_review",
            Self::WarningClosed => "warning_closed",
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Prevented => "prevented",
            Self::Other(text) => text,
        }
    }

    /// Whether it is not decided yet. A state that this version does not know is open: nobody is given access by it.
    pub const fn is_open(&self) -> bool {
        !matches!(self, Self::WarningClosed | Self::Won | Self::Lost | Self::Prevented)
    }

    /// Whether it is an inquiry: the bank asks, and may make a dispute of it.
    pub const fn is_inquiry(&self) -> bool {
        matches!(self, Self::WarningNeedsResponse | Self::WarningUnderReview | Self::WarningClosed)
    }

    /// Whether the money was taken, and is not ours again: an inquiry takes none. Access may depend on these.
    pub const fn took_money(&self) -> bool {
        matches!(self, Self::NeedsResponse | Self::UnderReview | Self::Lost | Self::Other(_))
    }
}

/// A dispute of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Our id.
    pub id: DisputeId,
    /// Whose payment it is about.
    pub organization_id: OrganizationId,
    /// The payment it is about.
    pub payment_id: PaymentId,
    /// The dispute at Stripe.
    pub stripe_dispute_id: StripeDisputeId,
    /// The charge it is about.
    pub stripe_charge_id: StripeChargeId,
    /// What is disputed.
    pub amount: Money,
    /// Its state.
    pub status: DisputeStatus,
    /// The cardholder's reason, in Stripe's word.
    pub reason: String,
    /// When evidence must be with Stripe; `None` when none is wanted.
    pub evidence_due_by: Option<DateTime<Utc>>,
    /// Whether evidence was prepared.
    pub has_evidence: bool,
    /// Whether the payment can still be refunded instead.
    pub is_refundable: bool,
    /// When the row was last known to equal Stripe's object.
    pub stripe_synced_at: DateTime<Utc>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Dispute {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "paymentId": self.payment_id,
            "currency": self.amount.currency,
            "amountMinor": self.amount.minor,
            "status": self.status.as_str(),
            "reason": self.reason,
            "evidenceDueBy": self.evidence_due_by,
            "hasEvidence": self.has_evidence,
            "stripeDisputeId": self.stripe_dispute_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_and_unknown_ones_are_open() {
        for status in DisputeStatus::ALL {
            assert_eq!(DisputeStatus::parse(status.as_str()), status);
        }
        let unknown = DisputeStatus::parse("escalated");
        assert_eq!(unknown.as_str(), "escalated");
        assert!(unknown.is_open());
        assert!(!DisputeStatus::Lost.is_open());
        assert!(unknown.took_money() && DisputeStatus::Lost.took_money());
        for status in [DisputeStatus::WarningNeedsResponse, DisputeStatus::Won, DisputeStatus::Prevented] {
            assert!(!status.took_money(), "{}", status.as_str());
        }
    }
}
