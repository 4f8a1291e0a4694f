//! What a use case answers: the changed thing, the operation that changed it, and what the caller should know.

use serde::{Deserialize, Serialize};

use super::error::{ErrorCode, Refusal};
use crate::domain::billing_operation::{BillingOperation, OperationState};
use crate::domain::ids::{
    BillingDriftId, CreditNoteId, InvoiceId, OrganizationId, PaymentId, PaymentMethodId, PlanId, RefundId,
    StripeEventId, SubscriptionId,
};

/// The thing a mutation changed. Kept with the operation, so that the same key gives the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// An organization.
    Organization(OrganizationId),
    /// A plan.
    Plan(PlanId),
    /// A subscription.
    Subscription(SubscriptionId),
    /// An invoice.
    Invoice(InvoiceId),
    /// A payment.
    Payment(PaymentId),
    /// A refund.
    Refund(RefundId),
    /// A credit note.
    CreditNote(CreditNoteId),
    /// A payment method.
    PaymentMethod(PaymentMethodId),
    /// A setup intent at Stripe, `seti_…`.
    SetupIntent(String),
    /// An event that is applied again.
    StripeEvent(StripeEventId),
    /// So many events that are applied again.
    Replay {
        /// How many.
        events: u64,
    },
    /// A drift.
    BillingDrift(BillingDriftId),
    /// A checkout session at Stripe, `cs_…`.
    CheckoutSession(String),
    /// A portal session at Stripe, `bps_…`.
    PortalSession(String),
}

/// The answer of a mutation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// What was changed, when something was.
    pub resource: Option<Resource>,
    /// The operation, when Stripe was needed.
    pub operation: Option<BillingOperation>,
    /// What the front end needs to go on with Stripe.js. Never stored.
    pub client_secret: Option<String>,
    /// The page at Stripe that was opened. Never stored.
    pub url: Option<String>,
    /// What the caller should know.
    pub refusals: Vec<Refusal>,
}

impl Answer {
    /// A change that needed no Stripe.
    pub fn of(resource: Resource) -> Self {
        Self { resource: Some(resource), ..Self::default() }
    }

    /// Whether it only says that the same request is under way.
    pub(super) fn is_under_way(&self) -> bool {
        let is_open = self.operation.as_ref().is_some_and(|it| it.state == OperationState::Pending);
        is_open && !self.refusals.is_empty()
    }

    /// As it is kept. The client secret is not: it is fetched again.
    pub(super) fn stored(&self) -> serde_json::Value {
        let stored = StoredAnswer {
            resource: self.resource.clone(),
            refusals: self
                .refusals
                .iter()
                .map(|refusal| StoredRefusal {
                    code: refusal.code.as_str().to_owned(),
                    message: refusal.message.clone(),
                    path: refusal.path.clone(),
                })
                .collect(),
        };
        serde_json::to_value(stored).expect("an answer is plain data")
    }

    /// From what was kept.
    pub(super) fn from_stored(
        value: serde_json::Value,
        operation: Option<BillingOperation>,
    ) -> Result<Self, serde_json::Error> {
        let stored: StoredAnswer = serde_json::from_value(value)?;
        Ok(Self {
            resource: stored.resource,
            operation,
            client_secret: None,
            url: None,
            refusals: stored
                .refusals
                .into_iter()
                .map(|refusal| Refusal {
                    code: ErrorCode::parse(&refusal.code).unwrap_or(ErrorCode::Internal),
                    message: refusal.message,
                    path: refusal.path,
                    operation: None,
                })
                .collect(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct StoredAnswer {
    resource: Option<Resource>,
    refusals: Vec<StoredRefusal>,
}

#[derive(Serialize, Deserialize)]
struct StoredRefusal {
    code: String,
    message: String,
    path: Vec<String>,
}
