//! What a use case answers: the changed thing, the operation that changed it, and what the caller should know.

use serde::{Deserialize, Serialize};

use super::Service;
use super::error::{ErrorCode, Refusal, ServiceError};
use super::usage::UsageReport;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::{BillingOperation, OperationState};
use crate::domain::ids::{
    ApiKeyId, BillingDriftId, CreditNoteId, EntitlementOverrideId, InvitationId, InvoiceId, MembershipId,
    MeterId, NotificationId, OrganizationId, PaymentId, PaymentMethodId, PlanId, RefundId, RoleId,
    StripeEventId, SubscriptionId, UsageAlertId, WebhookDeliveryId, WebhookEndpointId,
};
use crate::domain::secret::Secret;
use crate::store::{NewIdempotencyRecord, OperationRecord, WriteTransaction};

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
    /// A membership, which may have ended.
    Member(MembershipId),
    /// An invitation.
    Invitation(InvitationId),
    /// A role that the organization put together, which may be gone.
    Role(RoleId),
    /// An API key.
    ApiKey(ApiKeyId),
    /// What one person reads.
    Notification(NotificationId),
    /// An address that webhooks are sent to.
    WebhookEndpoint(WebhookEndpointId),
    /// A webhook.
    WebhookDelivery(WebhookDeliveryId),
    /// A meter.
    Meter(MeterId),
    /// What one organization may use in the place of what its plan says; it may be gone.
    EntitlementOverride(EntitlementOverrideId),
    /// What an organization wants to be told of its usage of a meter; it may be gone.
    UsageAlert(UsageAlertId),
    /// What became of usage events.
    Usage(UsageReport),
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
    /// A secret of ours that is shown this once. Never stored.
    pub secret: Option<Secret>,
    /// The page at Stripe that was opened. Never stored.
    pub url: Option<String>,
    /// What the caller should know.
    pub refusals: Vec<Refusal>,
}

impl Answer {
    /// Commits a change with its record, and keeps the answer with it for a caller who asks again with the same key.
    pub(super) async fn commit(
        self,
        transaction: WriteTransaction,
        actor: &Actor,
        entry: AuditEntry,
        idempotency: Option<&NewIdempotencyRecord>,
    ) -> Result<Self, ServiceError> {
        if let Some(record) = idempotency {
            transaction.keep_answer(record, self.stored()).await?;
        }
        transaction.commit(actor, entry).await?;
        Ok(self)
    }

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
            secret: None,
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

impl Service {
    /// What an operation answered, or that it is still under way.
    pub(super) async fn answer_of(&self, record: OperationRecord) -> Result<Answer, ServiceError> {
        // What a bank decides later has its outcome already.
        let Some(outcome) = record.outcome.clone() else {
            let refusal = match record.operation.state {
                OperationState::Unknown => Refusal::at(
                    "",
                    ErrorCode::StripeUnavailable,
                    record.operation.error_message.clone().unwrap_or_default(),
                ),
                _ => Refusal::conflict("The same request is under way. Follow its operation."),
            };
            return Ok(Answer {
                operation: Some(record.operation),
                refusals: vec![refusal],
                ..Answer::default()
            });
        };
        let mut answer = Answer::from_stored(outcome, Some(record.operation.clone()))?;
        let requires_action = record.operation.state == OperationState::RequiresAction
            || matches!(answer.resource, Some(Resource::SetupIntent(_)));
        answer.url = self.url_of(&record, answer.resource.as_ref()).await?;
        if requires_action {
            answer.client_secret = self.client_secret_of(answer.resource.as_ref()).await?;
        }
        Ok(answer)
    }

    /// The secret with which the front end goes on. It is Stripe's to keep, so it is fetched.
    async fn client_secret_of(&self, resource: Option<&Resource>) -> Result<Option<String>, ServiceError> {
        Ok(match resource {
            Some(Resource::Subscription(id)) => {
                let rows = self.store.subscriptions(&[*id]).await?;
                match rows.into_iter().next().and_then(|row| row.latest_stripe_invoice_id) {
                    Some(invoice) => self.stripe.retrieve_invoice(&invoice).await?.client_secret,
                    None => None,
                }
            }
            Some(Resource::Invoice(id)) => match self.store.invoices(&[*id]).await?.into_iter().next() {
                Some(row) => self.stripe.retrieve_invoice(&row.stripe_invoice_id).await?.client_secret,
                None => None,
            },
            Some(Resource::Payment(id)) => match self.store.payments(&[*id]).await?.into_iter().next() {
                Some(row) => {
                    self.stripe.retrieve_payment_intent(&row.stripe_payment_intent_id).await?.client_secret
                }
                None => None,
            },
            Some(Resource::SetupIntent(id)) => self.stripe.retrieve_setup_intent(id).await?.client_secret,
            _ => None,
        })
    }
}
