//! The schema's types: a newtype over what the store returned, with resolvers.

pub mod access;
pub mod api_key;
pub mod audit;
pub mod billing_drift;
pub mod billing_operation;
pub mod billing_policy;
pub mod credit_note;
pub mod dispute;
pub mod email_delivery;
pub mod entitlement;
pub mod enums;
pub mod invitation;
pub mod invoice;
pub mod member;
pub mod meter;
pub mod notification;
pub mod organization;
pub mod payment;
pub mod payment_attempt;
pub mod payment_method;
pub mod plan;
pub mod refund;
pub mod revenue;
pub mod role;
pub mod setting;
pub mod setting_parts;
pub mod stripe_event;
pub mod stripe_intake;
pub mod subscription;
pub mod subscription_preview;
pub mod usage;
pub mod usage_alert;
pub mod usage_bill;
pub mod user;
pub mod webhook_delivery;
pub mod webhook_endpoint;

use async_graphql::{ID, Interface, SimpleObject};

use crate::service::Refusal;

pub use api_key::ApiKey;
pub use audit::AuditLog;
pub use billing_drift::BillingDrift;
pub use billing_operation::BillingOperation;
pub use credit_note::CreditNote;
pub use dispute::Dispute;
pub use email_delivery::EmailDelivery;
pub use invitation::Invitation;
pub use invoice::Invoice;
pub use member::Member;
pub use meter::Meter;
pub use notification::{Notification, wanted};
pub use organization::Organization;
pub use payment::Payment;
pub use payment_method::PaymentMethod;
pub use plan::{Plan, Price};
pub use refund::Refund;
pub use role::CustomRole;
pub use stripe_event::StripeEvent;
pub use stripe_intake::StripeIntake;
pub use subscription::Subscription;
pub use usage_alert::UsageNotice;
pub use user::{User, Viewer};
pub use webhook_delivery::WebhookDelivery;
pub use webhook_endpoint::WebhookEndpoint;

/// Anything with an id that `node` finds again.
#[derive(Clone, Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The opaque global id."))]
pub enum Node {
    /// An organization.
    Organization(Organization),
    /// A person.
    User(User),
    /// A plan.
    Plan(Plan),
    /// A subscription.
    Subscription(Subscription),
    /// An invoice.
    Invoice(Invoice),
    /// A payment.
    Payment(Payment),
    /// A refund.
    Refund(Refund),
    /// A dispute.
    Dispute(Dispute),
    /// A credit note.
    CreditNote(CreditNote),
    /// A payment method.
    PaymentMethod(PaymentMethod),
    /// An audit record.
    AuditLog(AuditLog),
    /// A billing operation.
    BillingOperation(BillingOperation),
    /// A membership.
    Member(Member),
    /// A price.
    Price(Price),
    /// A stored event.
    StripeEvent(StripeEvent),
    /// A drift.
    BillingDrift(BillingDrift),
    /// An invitation.
    Invitation(Invitation),
    /// A role that an organization put together.
    CustomRole(CustomRole),
    /// An API key.
    ApiKey(ApiKey),
    /// What one person reads.
    Notification(Notification),
    /// An address that webhooks are sent to.
    WebhookEndpoint(WebhookEndpoint),
    /// A webhook.
    WebhookDelivery(WebhookDelivery),
    /// A meter.
    Meter(Meter),
    /// What an organization was told of its usage.
    UsageNotice(UsageNotice),
}

/// Something a person can mend.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserError {
    /// What kind of thing is wrong.
    pub code: enums::ErrorCode,
    /// What is wrong and how to mend it, in a sentence for people.
    pub message: String,
    /// The field of the input that is wrong, from the outside in; empty when it is the whole.
    pub path: Vec<String>,
    /// The operation that is in the way: its kind, its state and since when. Follow it, look at the result, and try again.
    pub operation: Option<BillingOperation>,
}

impl From<Refusal> for UserError {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code.into(),
            message: refusal.message,
            path: refusal.path,
            operation: refusal.operation.map(|operation| BillingOperation(*operation)),
        }
    }
}
