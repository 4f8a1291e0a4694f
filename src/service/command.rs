//! What an operation does at Stripe: plain data, written down before Stripe is asked, so that any process can do it
//! again with the same keys.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{
    InvoiceId, OrganizationId, PaymentId, PlanId, StripeInvoiceId, StripePaymentIntentId,
    StripePaymentMethodId, StripePriceId, StripeSubscriptionId, SubscriptionId,
};
use crate::domain::money::Money;
use crate::domain::plan::BillingInterval;
use crate::domain::subscription::CancellationTime;

/// A command and everything it needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(super) enum Command {
    SubscriptionCreate(SubscriptionCreate),
    SubscriptionCancel(SubscriptionCancel),
    SubscriptionResume(SubscriptionResume),
    InvoicePay(InvoicePay),
    PaymentMethodSetup(PaymentMethodSetup),
    PaymentMethodAttach(PaymentMethodAttach),
    PaymentIntentCreate(PaymentIntentCreate),
    PaymentIntentConfirm(PaymentIntentConfirm),
    PlanCreate(PlanCreate),
    PlanUpdate(PlanUpdate),
    PlanArchive(PlanArchive),
}

impl Command {
    /// The operation's kind, and the action of its audit record.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::SubscriptionCreate(_) => "subscription.create",
            Self::SubscriptionCancel(_) => "subscription.cancel",
            Self::SubscriptionResume(_) => "subscription.resume",
            Self::InvoicePay(_) => "invoice.pay",
            Self::PaymentMethodSetup(_) => "payment_method.setup",
            Self::PaymentMethodAttach(_) => "payment_method.attach",
            Self::PaymentIntentCreate(_) => "payment_intent.create",
            Self::PaymentIntentConfirm(_) => "payment_intent.confirm",
            Self::PlanCreate(_) => "plan.create",
            Self::PlanUpdate(_) => "plan.update",
            Self::PlanArchive(_) => "plan.archive",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionCreate {
    pub organization_id: OrganizationId,
    pub plan_id: PlanId,
    pub price: StripePriceId,
    pub quantity: i64,
    /// The subscription's own method; without one the customer's default is charged, whatever that is at the time.
    pub payment_method: Option<StripePaymentMethodId>,
    /// Whether there is anything to charge.
    pub can_charge: bool,
    pub trial_days: u32,
    /// A free subscription that the new one takes the place of.
    pub replaces_free: Option<SubscriptionId>,
    /// A subscription whose first payment was never made, canceled first so that it cannot be paid later.
    pub replaces_incomplete: Option<StripeSubscriptionId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionCancel {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    pub when: CancellationTime,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionResume {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct InvoicePay {
    pub organization_id: OrganizationId,
    pub invoice_id: InvoiceId,
    pub stripe_invoice_id: StripeInvoiceId,
    pub payment_method: Option<StripePaymentMethodId>,
    /// The subscription that made the invoice: its state may change with the payment.
    pub stripe_subscription_id: Option<StripeSubscriptionId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PaymentMethodSetup {
    pub organization_id: OrganizationId,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PaymentMethodAttach {
    pub organization_id: OrganizationId,
    pub payment_method: StripePaymentMethodId,
    pub make_default: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PaymentIntentCreate {
    pub organization_id: OrganizationId,
    pub amount: Money,
    pub description: Option<String>,
    pub metadata: std::collections::BTreeMap<String, String>,
    pub payment_method: Option<StripePaymentMethodId>,
    pub confirm: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PaymentIntentConfirm {
    pub organization_id: OrganizationId,
    pub payment_id: PaymentId,
    pub stripe_payment_intent_id: StripePaymentIntentId,
    pub payment_method: Option<StripePaymentMethodId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlanPrice {
    pub unit_amount: Money,
    pub billing_interval: BillingInterval,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlanCreate {
    pub plan_id: PlanId,
    pub organization_id: Option<OrganizationId>,
    pub name: String,
    pub slug: String,
    pub description: String,
    pub features: serde_json::Value,
    pub trial_days: i32,
    pub seats_included: Option<i32>,
    pub sort_order: i32,
    pub is_public: bool,
    pub prices: Vec<PlanPrice>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlanUpdate {
    pub plan_id: PlanId,
    /// The version that the change was decided on.
    pub version: i64,
    pub name: Option<String>,
    pub description: Option<String>,
    pub features: Option<serde_json::Value>,
    pub trial_days: Option<i32>,
    pub sort_order: Option<i32>,
    pub is_public: Option<bool>,
    pub price: Option<PlanPrice>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlanArchive {
    pub plan_id: PlanId,
    pub version: i64,
}
