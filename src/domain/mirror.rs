//! Stripe's objects in our words: what the mirror keeps of each, whatever the API version it came in.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::credit_note::CreditNoteStatus;
use super::dispute::DisputeStatus;
use super::ids::{
    RefundId, StripeChargeId, StripeCreditNoteId, StripeCustomerId, StripeDisputeId, StripeInvoiceId,
    StripePaymentIntentId, StripePaymentMethodId, StripePriceId, StripeProductId, StripeRefundId,
    StripeScheduleId, StripeSubscriptionId, StripeSubscriptionItemId,
};
use super::invoice::{CollectionMethod, InvoiceLine, InvoiceStatus};
use super::money::{Currency, Money};
use super::payment::{PaymentFailure, PaymentStatus};
use super::payment_attempt::AttemptStatus;
use super::payment_method::{BankAccount, Card};
use super::plan::BillingInterval;
use super::refund::RefundStatus;
use super::subscription::{NextPlan, SubscriptionStatus};
use super::subscription_change::{CancellationFeedback, Discount};

/// An account at Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMirror {
    /// Stripe's id, `acct_…`.
    pub id: String,
    /// Its country, ISO 3166 alpha-2.
    pub country: Option<String>,
    /// Its name for people.
    pub name: Option<String>,
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerMirror {
    /// Stripe's id.
    pub id: StripeCustomerId,
    /// Whether Stripe says it is deleted; then nothing else is known.
    pub deleted: bool,
    /// Whether it is of live mode; `None` when it is deleted.
    pub livemode: Option<bool>,
    /// The currency fixed by the first charge.
    pub currency: Option<Currency>,
    /// What invoices charge unless a subscription says otherwise.
    pub default_payment_method: Option<StripePaymentMethodId>,
    /// Our notes.
    pub metadata: BTreeMap<String, String>,
}

/// A product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductMirror {
    /// Stripe's id.
    pub id: StripeProductId,
    /// Whether it is sold.
    pub active: bool,
    /// Its name.
    pub name: String,
}

/// A price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceMirror {
    /// Stripe's id.
    pub id: StripePriceId,
    /// The product.
    pub product: StripeProductId,
    /// Whether new subscriptions may use it.
    pub active: bool,
    /// For one unit; `None` for tiers.
    pub unit_amount: Option<Money>,
    /// How often, when it is one of the intervals we sell.
    pub interval: Option<BillingInterval>,
}

/// A payment method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentMethodMirror {
    /// Stripe's id.
    pub id: StripePaymentMethodId,
    /// The customer it is attached to; `None` when it is not, or not any more.
    pub customer: Option<StripeCustomerId>,
    /// Stripe's type.
    pub kind: String,
    /// The card, when it is one.
    pub card: Option<Card>,
    /// The bank account, when it is one.
    pub bank_account: Option<BankAccount>,
    /// When Stripe made it.
    pub created_at: DateTime<Utc>,
}

/// A setup intent: a payment method being saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupIntentMirror {
    /// Stripe's id, `seti_…`.
    pub id: String,
    /// The customer.
    pub customer: Option<StripeCustomerId>,
    /// Stripe's state.
    pub status: String,
    /// What the front end needs to go on with Stripe.js.
    pub client_secret: Option<String>,
    /// The payment method, once there is one.
    pub payment_method: Option<StripePaymentMethodId>,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionMirror {
    /// Stripe's id.
    pub id: StripeSubscriptionId,
    /// The customer.
    pub customer: StripeCustomerId,
    /// Its state.
    pub status: SubscriptionStatus,
    /// Whether its invoices are sent instead of charged.
    pub sends_invoices: bool,
    /// Whether all its items were seen: Stripe embeds the first ten.
    pub items_complete: bool,
    /// Its first item.
    pub item: Option<StripeSubscriptionItemId>,
    /// The price of its first item.
    pub price: Option<StripePriceId>,
    /// The quantity of its first item.
    pub quantity: i64,
    /// Start of the current period: the earliest of its items, or what older versions say of the whole.
    pub current_period_start: Option<DateTime<Utc>>,
    /// End of the current period: the earliest of its items, or what older versions say of the whole.
    pub current_period_end: Option<DateTime<Utc>>,
    /// The instant that all its periods are counted from.
    pub billing_cycle_anchor: DateTime<Utc>,
    /// Start of the trial.
    pub trial_start: Option<DateTime<Utc>>,
    /// End of the trial.
    pub trial_end: Option<DateTime<Utc>>,
    /// When it will end, if a date is set.
    pub cancel_at: Option<DateTime<Utc>>,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// When cancellation was asked for.
    pub canceled_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What the customer said, else Stripe's reason.
    pub cancellation_reason: Option<String>,
    /// The reason that the customer chose.
    pub cancellation_feedback: Option<CancellationFeedback>,
    /// Whether collection is paused.
    pub collection_paused: bool,
    /// What becomes of invoices meanwhile, in Stripe's word.
    pub collection_pause_behavior: Option<String>,
    /// When collecting goes on by itself.
    pub collection_resumes_at: Option<DateTime<Utc>>,
    /// When a change that waits for its payment is given up.
    pub pending_update_expires_at: Option<DateTime<Utc>>,
    /// The discounts on it; `None` when the answer carried their ids alone.
    pub discounts: Option<Vec<Discount>>,
    /// The schedule that is attached to it.
    pub schedule: Option<ScheduleMirror>,
    /// What renewals charge, when it is not the customer's default.
    pub default_payment_method: Option<StripePaymentMethodId>,
    /// Its newest invoice.
    pub latest_invoice_id: Option<StripeInvoiceId>,
    /// That invoice itself, when the answer was asked to carry it.
    pub latest_invoice: Option<Box<InvoiceMirror>>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When Stripe made it.
    pub created_at: DateTime<Utc>,
    /// The free plan that is noted to begin when it ends with its period.
    pub next_plan: Option<NextPlan>,
    /// Our notes.
    pub metadata: BTreeMap<String, String>,
}

/// A subscription schedule, as far as it changes its subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleMirror {
    /// Stripe's id.
    pub id: StripeScheduleId,
    /// Its phases from the current one on; `None` when the answer carried the id alone.
    pub phases: Option<Vec<SchedulePhase>>,
}

/// A phase of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulePhase {
    /// The price of its first item.
    pub price: Option<StripePriceId>,
    /// The quantity of its first item.
    pub quantity: i64,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
}

/// An invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceMirror {
    /// Stripe's id.
    pub id: StripeInvoiceId,
    /// The customer.
    pub customer: StripeCustomerId,
    /// The subscription that made it, if one did.
    pub subscription: Option<StripeSubscriptionId>,
    /// Its number.
    pub number: Option<String>,
    /// Its state.
    pub status: InvoiceStatus,
    /// Why Stripe made it.
    pub billing_reason: Option<String>,
    /// The currency of its amounts.
    pub currency: Currency,
    /// Before tax, in minor units.
    pub subtotal_minor: i64,
    /// Tax, in minor units.
    pub tax_minor: i64,
    /// After tax and discounts, in minor units.
    pub total_minor: i64,
    /// What is asked for, in minor units.
    pub amount_due_minor: i64,
    /// What was paid, in minor units.
    pub amount_paid_minor: i64,
    /// What is still to be paid, in minor units.
    pub amount_remaining_minor: i64,
    /// How it is collected.
    pub collection_method: Option<CollectionMethod>,
    /// When it should be paid.
    pub due_date: Option<DateTime<Utc>>,
    /// Start of the period it bills.
    pub period_start: DateTime<Utc>,
    /// End of the period it bills.
    pub period_end: DateTime<Utc>,
    /// Its lines.
    pub lines: Vec<InvoiceLine>,
    /// Whether `lines` are all: Stripe cuts embedded lists at ten.
    pub lines_complete: bool,
    /// The PDF.
    pub pdf_url: Option<String>,
    /// The page where it can be paid.
    pub hosted_url: Option<String>,
    /// How often payment was tried.
    pub attempt_count: i32,
    /// When Stripe tries next.
    pub next_payment_attempt_at: Option<DateTime<Utc>>,
    /// When it was finalised.
    pub finalized_at: Option<DateTime<Utc>>,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was voided.
    pub voided_at: Option<DateTime<Utc>>,
    /// When Stripe made it.
    pub created_at: DateTime<Utc>,
    /// The payment intents that pay it; `None` when the answer did not carry them.
    pub payment_intents: Option<Vec<StripePaymentIntentId>>,
    /// What the front end needs to pay it with Stripe.js, when asked for.
    pub client_secret: Option<String>,
}

/// A bill that does not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillPreview {
    /// The currency of all its amounts.
    pub currency: Currency,
    /// Before discounts and tax, in minor units.
    pub subtotal_minor: i64,
    /// What discounts take off, in minor units.
    pub discount_minor: i64,
    /// Tax, in minor units.
    pub tax_minor: i64,
    /// After discounts and tax, in minor units.
    pub total_minor: i64,
    /// What would be asked for, in minor units.
    pub amount_due_minor: i64,
    /// When it would be made.
    pub period_end: DateTime<Utc>,
    /// Its lines.
    pub lines: Vec<InvoiceLine>,
    /// Whether they are all.
    pub lines_complete: bool,
}

/// A payment intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentIntentMirror {
    /// Stripe's id.
    pub id: StripePaymentIntentId,
    /// The customer.
    pub customer: Option<StripeCustomerId>,
    /// What is to be paid.
    pub amount: Money,
    /// What has been paid, in minor units.
    pub amount_received_minor: i64,
    /// What has been given back, in minor units; `None` when the answer did not carry the charge.
    pub amount_refunded_minor: Option<i64>,
    /// Our state of it.
    pub status: PaymentStatus,
    /// Stripe's state of it.
    pub stripe_status: String,
    /// The payment method.
    pub payment_method: Option<StripePaymentMethodId>,
    /// The payment method for people, "visa •••• 4242"; `None` when the answer did not carry the charge.
    pub payment_method_summary: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Notes, ours and the caller's.
    pub metadata: BTreeMap<String, String>,
    /// Why the last attempt failed.
    pub failure: Option<PaymentFailure>,
    /// The newest charge, `ch_…`.
    pub latest_charge: Option<String>,
    /// That charge itself, when the answer carried it: the newest attempt.
    pub latest_attempt: Option<Box<ChargeMirror>>,
    /// What the front end needs to go on with Stripe.js.
    pub client_secret: Option<String>,
    /// When Stripe made it.
    pub created_at: DateTime<Utc>,
}

/// A charge: one attempt of a payment intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeMirror {
    /// Stripe's id.
    pub id: StripeChargeId,
    /// The payment intent it is an attempt of; charges of before payment intents have none.
    pub payment_intent: Option<StripePaymentIntentId>,
    /// The customer.
    pub customer: Option<StripeCustomerId>,
    /// What was tried to be charged.
    pub amount: Money,
    /// What has been given back, in minor units.
    pub amount_refunded_minor: i64,
    /// Whether it was ever disputed.
    pub is_disputed: bool,
    /// How it ended.
    pub status: AttemptStatus,
    /// Stripe's word for that, when this version does not know it.
    pub unknown_status: Option<String>,
    /// The payment method.
    pub payment_method: Option<StripePaymentMethodId>,
    /// The payment method for people, "visa •••• 4242".
    pub payment_method_summary: Option<String>,
    /// Why it was declined, if it was.
    pub failure: Option<PaymentFailure>,
    /// When Stripe made it.
    pub created_at: DateTime<Utc>,
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundMirror {
    /// Stripe's id.
    pub id: StripeRefundId,
    /// The payment intent it gives back of.
    pub payment_intent: Option<StripePaymentIntentId>,
    /// What is given back.
    pub amount: Money,
    /// Its state.
    pub status: RefundStatus,
    /// Stripe's word for the state, when this version does not know it.
    pub unknown_status: Option<String>,
    /// Why, in Stripe's word.
    pub reason: Option<String>,
    /// Why it failed, in Stripe's word.
    pub failure_reason: Option<String>,
    /// Our refund that asked for it, when our notes name one.
    pub refund_id: Option<RefundId>,
    /// When Stripe made it.
    pub created_at: DateTime<Utc>,
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeMirror {
    /// Stripe's id.
    pub id: StripeDisputeId,
    /// The charge it is about.
    pub charge: StripeChargeId,
    /// The payment intent it is about.
    pub payment_intent: Option<StripePaymentIntentId>,
    /// What is disputed.
    pub amount: Money,
    /// Its state.
    pub status: DisputeStatus,
    /// The cardholder's reason, in Stripe's word.
    pub reason: String,
    /// When evidence must be with Stripe.
    pub evidence_due_by: Option<DateTime<Utc>>,
    /// Whether evidence was prepared.
    pub has_evidence: bool,
    /// Whether the payment can still be refunded instead.
    pub is_refundable: bool,
    /// When Stripe made it.
    pub created_at: DateTime<Utc>,
}

/// A credit note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditNoteMirror {
    /// Stripe's id.
    pub id: StripeCreditNoteId,
    /// The invoice it is of.
    pub invoice: StripeInvoiceId,
    /// The customer.
    pub customer: StripeCustomerId,
    /// Its number.
    pub number: String,
    /// Its state.
    pub status: CreditNoteStatus,
    /// What it takes off.
    pub amount: Money,
    /// The part that makes less to pay of an open invoice, in minor units.
    pub pre_payment_minor: i64,
    /// The part that is given back of a paid one, in minor units.
    pub post_payment_minor: i64,
    /// The part of it that refunds give back, in minor units.
    pub refunded_minor: i64,
    /// Why, in Stripe's word.
    pub reason: Option<String>,
    /// What stands on it.
    pub memo: Option<String>,
    /// The PDF.
    pub pdf_url: Option<String>,
    /// When it was voided.
    pub voided_at: Option<DateTime<Utc>>,
    /// When Stripe made it.
    pub created_at: DateTime<Utc>,
}

/// A checkout session: Stripe's page on which a subscription begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutSessionMirror {
    /// Stripe's id, `cs_…`.
    pub id: String,
    /// The customer.
    pub customer: Option<StripeCustomerId>,
    /// The subscription that came of it.
    pub subscription: Option<StripeSubscriptionId>,
    /// The payment intent that came of it.
    pub payment_intent: Option<StripePaymentIntentId>,
    /// The page, while it is open.
    pub url: Option<String>,
}

/// The link between an invoice and what pays it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoicePaymentMirror {
    /// The invoice.
    pub invoice: StripeInvoiceId,
    /// The payment intent, when it is paid by one.
    pub payment_intent: Option<StripePaymentIntentId>,
    /// Stripe's state: `open`, `paid`, `canceled`.
    pub status: String,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MirrorObject {
    /// A customer.
    Customer(CustomerMirror),
    /// A payment method.
    PaymentMethod(PaymentMethodMirror),
    /// A subscription.
    Subscription(SubscriptionMirror),
    /// An invoice.
    Invoice(InvoiceMirror),
    /// An invoice that is no more: a draft was deleted.
    DeletedInvoice(StripeInvoiceId),
    /// A payment intent.
    PaymentIntent(PaymentIntentMirror),
    /// A link between an invoice and a payment.
    InvoicePayment(InvoicePaymentMirror),
    /// A subscription schedule: only the subscription it belongs to matters, which is fetched with it.
    Schedule {
        /// The subscription, while it is attached to one, and the one that it was released from.
        subscription: Option<StripeSubscriptionId>,
    },
    /// A charge: an attempt of a payment intent.
    Charge(ChargeMirror),
    /// A refund.
    Refund(RefundMirror),
    /// A dispute.
    Dispute(DisputeMirror),
    /// A credit note.
    CreditNote(CreditNoteMirror),
    /// A checkout session: what came of it has rows.
    CheckoutSession(CheckoutSessionMirror),
    /// A product of the catalogue.
    Product(ProductMirror),
    /// A price of the catalogue.
    Price(PriceMirror),
}

impl MirrorObject {
    /// The words in it that this version does not know, by object and field: Stripe introduced them later. They are
    /// kept as they are, and give nothing.
    pub fn unknown_words(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Subscription(it) => match &it.status {
                SubscriptionStatus::Other(word) => vec![("subscription.status", word)],
                _ => Vec::new(),
            },
            Self::Invoice(it) => match &it.status {
                InvoiceStatus::Other(word) => vec![("invoice.status", word)],
                _ => Vec::new(),
            },
            Self::PaymentIntent(it) => {
                let own = Some(it.stripe_status.as_str())
                    .filter(|status| !PaymentStatus::is_known_at_stripe(status))
                    .map(|word| ("payment_intent.status", word));
                let attempt =
                    it.latest_attempt.as_ref().and_then(|attempt| attempt.unknown_status.as_deref());
                own.into_iter().chain(attempt.map(|word| ("charge.status", word))).collect()
            }
            Self::Charge(it) => {
                it.unknown_status.iter().map(|word| ("charge.status", word.as_str())).collect()
            }
            Self::Refund(it) => {
                it.unknown_status.iter().map(|word| ("refund.status", word.as_str())).collect()
            }
            Self::CreditNote(it) => match &it.status {
                CreditNoteStatus::Other(word) => vec![("credit_note.status", word)],
                _ => Vec::new(),
            },
            Self::Dispute(it) => match &it.status {
                DisputeStatus::Other(word) => vec![("dispute.status", word)],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}
