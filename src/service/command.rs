//! What an operation does at Stripe: plain data, written down before Stripe is asked, so that any process can do it
//! again with the same keys.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::invoice_change::InvoiceAct;
use super::subscription_change::ScheduledTerms;
use super::subscription_foundation::Foundation;
use crate::domain::audit::{Actor, ActorKind};
use crate::domain::billing_details::BillingDetails;
use crate::domain::billing_operation::{AskedBy, OperationKind};
use crate::domain::billing_policy::TrialEnd;
use crate::domain::credit_note::CreditNoteReason;
use crate::domain::ids::{
    InvoiceId, OrganizationId, PaymentId, PlanId, RefundId, StripeCustomerId, StripeInvoiceId,
    StripePaymentIntentId, StripePaymentMethodId, StripePriceId, StripeScheduleId, StripeSubscriptionId,
    SubscriptionId, UsageChargeId,
};
use crate::domain::money::Money;
use crate::domain::permission::Permission;
use crate::domain::plan::BillingInterval;
use crate::domain::plan_charge::PlanCharge;
use crate::domain::refund::RefundReason;
use crate::domain::subscription::CancellationTime;
use crate::domain::subscription_change::{CollectionPause, Proration};
use crate::payments::CancellationReason;

/// A command and everything it needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(super) enum Command {
    SubscriptionCreate(SubscriptionCreate),
    SubscriptionCancel(SubscriptionCancel),
    SubscriptionResume(SubscriptionResume),
    SubscriptionChange(Box<SubscriptionChange>),
    SubscriptionScheduledChangeRevoke(SubscriptionScheduledChangeRevoke),
    SubscriptionCollectionPause(SubscriptionCollectionPause),
    SubscriptionCollectionResume(SubscriptionCollectionResume),
    SubscriptionTrial(SubscriptionTrial),
    SubscriptionDiscount(SubscriptionDiscount),
    SubscriptionRestore(SubscriptionRestore),
    SubscriptionRecover(SubscriptionRecover),
    SubscriptionCancelDuplicate(SubscriptionCancelDuplicate),
    CustomerSync(CustomerSync),
    CustomerRecreate(CustomerRecreate),
    InvoicePay(InvoicePay),
    InvoiceChange(InvoiceChange),
    CreditNoteCreate(CreditNoteCreate),
    PaymentMethodSetup(PaymentMethodSetup),
    PaymentMethodAttach(PaymentMethodAttach),
    PaymentMethodSetDefault(PaymentMethodSetDefault),
    PaymentMethodDetach(PaymentMethodDetach),
    PaymentIntentCreate(PaymentIntentCreate),
    PaymentIntentConfirm(PaymentIntentConfirm),
    PaymentIntentCancel(PaymentIntentCancel),
    PaymentRefund(PaymentRefund),
    CheckoutSessionCreate(CheckoutSessionCreate),
    PortalSessionCreate(PortalSessionCreate),
    UsageBill(UsageBill),
    PlanCreate(PlanCreate),
    PlanUpdate(PlanUpdate),
    PlanArchive(PlanArchive),
    PlanRestore(PlanRestore),
}

impl Command {
    /// Whether it brings settings to Stripe that were written with it.
    pub(super) const fn follows_setting(&self) -> bool {
        matches!(self, Self::CustomerSync(CustomerSync { follows_setting: true, .. }))
    }

    /// What whoever asks for it must hold still when it is written down; `None` when Tollgate asks, or staff whom no organization
    /// lets in.
    pub(super) fn needs(&self, actor: &Actor) -> Option<Permission> {
        let is_coupon =
            matches!(self, Self::SubscriptionDiscount(SubscriptionDiscount { coupon: Some(_), .. }));
        match (self.kind().asked_by(), actor.kind) {
            (_, ActorKind::System | ActorKind::Stripe) | (AskedBy::Others, _) => None,
            // Customers redeem promotion codes; coupons are given by staff.
            (AskedBy::Members(_), _) if is_coupon => None,
            (AskedBy::MembersOrStaff(_), _) if actor.is_staff => None,
            (AskedBy::Members(permission) | AskedBy::MembersOrStaff(permission), _) => Some(permission),
        }
    }

    /// The operation's kind, and the action of its audit record.
    pub(super) const fn kind(&self) -> OperationKind {
        use OperationKind as K;
        match self {
            Self::SubscriptionCreate(_) => K::SubscriptionCreate,
            Self::SubscriptionCancel(_) => K::SubscriptionCancel,
            Self::SubscriptionResume(_) => K::SubscriptionResume,
            Self::SubscriptionChange(_) => K::SubscriptionChange,
            Self::SubscriptionScheduledChangeRevoke(_) => K::SubscriptionScheduledChangeRevoke,
            Self::SubscriptionCollectionPause(_) => K::SubscriptionCollectionPause,
            Self::SubscriptionCollectionResume(_) => K::SubscriptionCollectionResume,
            Self::SubscriptionTrial(SubscriptionTrial { until: None, .. }) => K::SubscriptionTrialEnd,
            Self::SubscriptionTrial(_) => K::SubscriptionTrialExtend,
            Self::SubscriptionDiscount(SubscriptionDiscount {
                promotion_code: None, coupon: None, ..
            }) => K::SubscriptionDiscountRemove,
            Self::SubscriptionDiscount(_) => K::SubscriptionDiscountApply,
            Self::SubscriptionRestore(_) => K::SubscriptionRestore,
            Self::SubscriptionRecover(_) => K::SubscriptionRecover,
            Self::SubscriptionCancelDuplicate(_) => K::SubscriptionCancelDuplicate,
            Self::CustomerSync(_) => K::CustomerSync,
            Self::CustomerRecreate(_) => K::CustomerRecreate,
            Self::InvoicePay(_) => K::InvoicePay,
            Self::InvoiceChange(command) => command.act.kind(),
            Self::CreditNoteCreate(_) => K::CreditNoteCreate,
            Self::PaymentMethodSetup(_) => K::PaymentMethodSetup,
            Self::PaymentMethodAttach(_) => K::PaymentMethodAttach,
            Self::PaymentMethodSetDefault(_) => K::PaymentMethodSetDefault,
            Self::PaymentMethodDetach(_) => K::PaymentMethodDetach,
            Self::PaymentIntentCreate(_) => K::PaymentIntentCreate,
            Self::PaymentIntentConfirm(_) => K::PaymentIntentConfirm,
            Self::PaymentIntentCancel(_) => K::PaymentIntentCancel,
            Self::PaymentRefund(_) => K::PaymentRefund,
            Self::CheckoutSessionCreate(_) => K::CheckoutSessionCreate,
            Self::PortalSessionCreate(_) => K::PortalSessionCreate,
            Self::UsageBill(_) => K::UsageBill,
            Self::PlanCreate(_) => K::PlanCreate,
            Self::PlanUpdate(_) => K::PlanUpdate,
            Self::PlanArchive(_) => K::PlanArchive,
            Self::PlanRestore(_) => K::PlanRestore,
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
    /// Whether support gave the trial: then it does not matter who had one before.
    #[serde(default)]
    pub trial_is_given: bool,
    /// What happens when the trial ends without a payment method.
    #[serde(default = "trial_ends")]
    pub trial_end: TrialEnd,
    /// The promotion code to redeem, `promo_…`.
    #[serde(default)]
    pub promotion_code: Option<String>,
    /// The coupon to redeem.
    #[serde(default)]
    pub coupon: Option<String>,
    /// A free subscription that the new one takes the place of.
    pub replaces_free: Option<SubscriptionId>,
    /// A subscription whose first payment was never made, canceled first so that it cannot be paid later.
    pub replaces_incomplete: Option<StripeSubscriptionId>,
    /// Days until its invoices must be paid, when they are sent instead of charged.
    #[serde(default)]
    pub days_until_due: Option<u32>,
}

/// What commands of before there was a choice meant.
const fn trial_ends() -> TrialEnd {
    TrialEnd::Cancel
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionCancel {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    pub when: CancellationTime,
    pub reason: CancellationReason,
    /// The free plan that begins when its period is over, and the units of it.
    #[serde(default)]
    pub next_plan: Option<(PlanId, i64)>,
    /// What it was previewed on, when it was.
    #[serde(default)]
    pub foundation: Option<Foundation>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionResume {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    /// Whether the trial ended without a payment method: then a new period begins, and is billed.
    #[serde(default)]
    pub is_paused: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionChange {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    pub plan_id: PlanId,
    pub price: StripePriceId,
    pub quantity: i64,
    pub interval: BillingInterval,
    pub old_interval: BillingInterval,
    /// Whether the price stays: then it need not be sold any more.
    pub keeps_price: bool,
    /// Whether it takes effect at once; else when the paid period is over.
    pub now: bool,
    pub proration: Proration,
    /// From when differences are counted.
    pub proration_date: DateTime<Utc>,
    /// What was arranged for the end of the period before.
    pub scheduled: Option<ScheduledTerms>,
    /// What the change was previewed on, when it was.
    pub foundation: Option<Foundation>,
    /// What was shown to be due at once, in minor units, when it was previewed and makes a bill.
    #[serde(default)]
    pub due_minor: Option<i64>,
    /// The promotion code to redeem with it, `promo_…`.
    #[serde(default)]
    pub promotion_code: Option<String>,
    /// The discounts that were there before it, `di_…`.
    #[serde(default)]
    pub held_discounts: Vec<String>,
    /// What was billed before it.
    #[serde(default)]
    pub old_price: Option<StripePriceId>,
    #[serde(default)]
    pub old_quantity: Option<i64>,
    /// Seats that members left and it gives back; none when somebody asked for it.
    #[serde(default)]
    pub releases_seats: i64,
}

/// What a change took away, to be put back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionRestore {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    /// What must be billed still, for what was arranged to be arranged again.
    pub price: Option<StripePriceId>,
    pub quantity: Option<i64>,
    pub interval: BillingInterval,
    /// What was arranged for the end of the period.
    pub scheduled: Option<ScheduledTerms>,
    /// The promotion code whose discount is taken off.
    pub promotion_code: Option<String>,
    /// The discounts that stay, whatever they came by.
    pub held_discounts: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionScheduledChangeRevoke {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    pub schedule: StripeScheduleId,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionCollectionPause {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    pub behavior: CollectionPause,
    pub resumes_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionCollectionResume {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionTrial {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    /// The trial's new end; `None` for now.
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionDiscount {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    /// The promotion code to redeem, `promo_…`.
    pub promotion_code: Option<String>,
    /// The coupon to redeem. Without either all discounts are taken off.
    #[serde(default)]
    pub coupon: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionRecover {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    /// The drafts to be finalised and collected, oldest first.
    pub drafts: Vec<StripeInvoiceId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionCancelDuplicate {
    pub organization_id: OrganizationId,
    pub stripe_subscription_id: StripeSubscriptionId,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CustomerSync {
    pub organization_id: OrganizationId,
    pub details: BillingDetails,
    /// Whether it brings settings to Stripe that were written with it.
    #[serde(default)]
    pub follows_setting: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CustomerRecreate {
    pub organization_id: OrganizationId,
    pub name: String,
    /// What stands on its invoices.
    #[serde(default)]
    pub details: BillingDetails,
    /// The customer that is gone.
    pub deleted: StripeCustomerId,
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
pub(super) struct InvoiceChange {
    pub organization_id: OrganizationId,
    pub invoice_id: InvoiceId,
    pub stripe_invoice_id: StripeInvoiceId,
    pub act: InvoiceAct,
    /// The subscription that made the invoice: its state may change with it.
    pub stripe_subscription_id: Option<StripeSubscriptionId>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CreditNoteCreate {
    pub organization_id: OrganizationId,
    /// Of which invoice; commands of before it was kept have none.
    #[serde(default)]
    pub invoice_id: Option<InvoiceId>,
    pub stripe_invoice_id: StripeInvoiceId,
    pub amount: Money,
    /// Of a paid invoice it becomes credit for later ones.
    pub is_paid: bool,
    pub reason: Option<CreditNoteReason>,
    pub memo: Option<String>,
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
pub(super) struct PaymentMethodSetDefault {
    pub organization_id: OrganizationId,
    pub payment_method: StripePaymentMethodId,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PaymentMethodDetach {
    pub organization_id: OrganizationId,
    pub payment_method: StripePaymentMethodId,
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
pub(super) struct PaymentIntentCancel {
    pub organization_id: OrganizationId,
    pub payment_id: PaymentId,
    pub stripe_payment_intent_id: StripePaymentIntentId,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PaymentRefund {
    pub organization_id: OrganizationId,
    /// Our refund, written down with the operation.
    pub refund_id: RefundId,
    pub stripe_payment_intent_id: StripePaymentIntentId,
    pub amount: Money,
    pub reason: Option<RefundReason>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CheckoutSessionCreate {
    pub organization_id: OrganizationId,
    /// Whose seats are counted; commands of before they were have none.
    #[serde(default)]
    pub plan_id: Option<PlanId>,
    pub price: StripePriceId,
    pub quantity: i64,
    pub trial_days: u32,
    /// The promotion code to redeem, `promo_…`.
    #[serde(default)]
    pub promotion_code: Option<String>,
    pub success_url: String,
    pub cancel_url: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PortalSessionCreate {
    pub organization_id: OrganizationId,
    pub return_url: String,
}

/// What was used in a period, to be billed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct UsageBill {
    pub organization_id: OrganizationId,
    pub subscription_id: SubscriptionId,
    pub stripe_subscription_id: StripeSubscriptionId,
    pub period_start: DateTime<Utc>,
    pub period_end: DateTime<Utc>,
    /// Whether the subscription ended with it.
    pub is_last: bool,
    /// Whether it came when the period was closed already.
    pub is_late: bool,
    /// Whether an operation before this one could not bill it.
    pub is_again: bool,
    /// What is billed, each under a key of its own.
    pub charges: Vec<UsageChargeId>,
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
    /// What it charges for usage.
    #[serde(default)]
    pub charges: Vec<PlanCharge>,
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
    /// What it charges for usage from now on.
    #[serde(default)]
    pub charges: Option<Vec<PlanCharge>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlanArchive {
    pub plan_id: PlanId,
    pub version: i64,
}

/// What Stripe sells of a plan, to be brought back to what the catalogue says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PlanRestore {
    pub plan_id: PlanId,
}
