//! Invoices, mirrored from Stripe.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{InvoiceId, OrganizationId, StripeInvoiceId, SubscriptionId};
use super::mirror::InvoiceMirror;
use super::money::{Currency, Money};
use super::string_enum;

/// The state of an invoice. Source: <https://docs.stripe.com/invoicing/overview#invoice-statuses>.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InvoiceStatus {
    /// Still being put together.
    Draft,
    /// Waiting to be paid.
    Open,
    /// Paid. Final.
    Paid,
    /// Withdrawn. Final.
    Void,
    /// Given up.
    Uncollectible,
    /// A draft that was deleted. Final; Stripe has no word for it, since it has no such object any more.
    Deleted,
    /// A state that Stripe introduced after this version.
    Other(String),
}

impl InvoiceStatus {
    /// The state of Stripe's word for it.
    pub fn parse(text: &str) -> Self {
        match text {
            "draft" => Self::Draft,
            "open" => Self::Open,
            "paid" => Self::Paid,
            "void" => Self::Void,
            "uncollectible" => Self::Uncollectible,
            "deleted" => Self::Deleted,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Stripe's word for the state.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Void => "void",
            Self::Uncollectible => "uncollectible",
            Self::Deleted => "deleted",
            Self::Other(text) => text,
        }
    }

    /// Whether nothing changes an invoice in this state.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Paid | Self::Void | Self::Deleted)
    }
}

string_enum! {
    /// How an invoice is collected.
    CollectionMethod {
        /// It is charged by itself.
        ChargeAutomatically => "charge_automatically",
        /// It is sent, and paid by its due date.
        SendInvoice => "send_invoice",
    }
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// Stripe's id of the line.
    pub id: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it adds, in minor units of the invoice's currency; negative for credit.
    pub amount_minor: i64,
    /// How many units.
    pub quantity: Option<i64>,
    /// Start of the time it is for.
    pub period_start: DateTime<Utc>,
    /// End of the time it is for.
    pub period_end: DateTime<Utc>,
    /// Whether it corrects an earlier charge.
    pub proration: bool,
    /// Stripe's id of the price, when it has one.
    pub stripe_price_id: Option<String>,
}

/// An invoice of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Our id.
    pub id: InvoiceId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The subscription that made it, if one did.
    pub subscription_id: Option<SubscriptionId>,
    /// The invoice at Stripe.
    pub stripe_invoice_id: StripeInvoiceId,
    /// Its number, once finalised.
    pub number: Option<String>,
    /// Stripe's state.
    pub status: InvoiceStatus,
    /// Why Stripe made it, in Stripe's word.
    pub billing_reason: Option<String>,
    /// The currency of all its amounts.
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
    /// How it is collected; `None` for rows of before it was kept.
    pub collection_method: Option<CollectionMethod>,
    /// When it should be paid, for invoices that are sent.
    pub due_date: Option<DateTime<Utc>>,
    /// Start of the period it bills.
    pub period_start: DateTime<Utc>,
    /// End of the period it bills.
    pub period_end: DateTime<Utc>,
    /// Its lines.
    pub lines: Vec<InvoiceLine>,
    /// The PDF at Stripe.
    pub pdf_url: Option<String>,
    /// The page at Stripe where it can be paid.
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
    /// When the row was last known to equal Stripe's object.
    pub stripe_synced_at: DateTime<Utc>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When the row was last changed.
    pub updated_at: DateTime<Utc>,
}

/// The bill that would be made now for the next period. It exists nowhere yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoicePreview {
    /// The currency of all its amounts.
    pub currency: Currency,
    /// Before discounts and tax, in minor units.
    pub subtotal_minor: i64,
    /// What discounts take off, in minor units.
    pub discount_minor: i64,
    /// Tax, in minor units.
    pub tax_minor: i64,
    /// After tax and discounts, in minor units.
    pub total_minor: i64,
    /// What will be asked for: the total less what credit covers, in minor units.
    pub amount_due_minor: i64,
    /// Its lines.
    pub lines: Vec<InvoiceLine>,
    /// Whether `lines` are all.
    pub lines_complete: bool,
    /// Start of the period it bills.
    pub period_start: DateTime<Utc>,
    /// End of the period it bills.
    pub period_end: DateTime<Utc>,
    /// When it will be made and charged, or sent.
    pub due_at: Option<DateTime<Utc>>,
}

impl Invoice {
    /// `minor` units of the invoice's currency.
    pub const fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }
}

impl Invoice {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "number": self.number,
            "status": self.status.as_str(),
            "currency": self.currency,
            "totalMinor": self.total_minor,
            "amountDueMinor": self.amount_due_minor,
            "amountPaidMinor": self.amount_paid_minor,
            "amountRemainingMinor": self.amount_remaining_minor,
            "attemptCount": self.attempt_count,
            "paidAt": self.paid_at,
            "voidedAt": self.voided_at,
            "stripeInvoiceId": self.stripe_invoice_id,
        })
    }
}

impl Invoice {
    /// The row that Stripe's object makes.
    pub fn from_mirror(
        id: InvoiceId,
        organization_id: OrganizationId,
        subscription_id: Option<SubscriptionId>,
        mirror: &InvoiceMirror,
        synced_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            organization_id,
            subscription_id,
            stripe_invoice_id: mirror.id.clone(),
            number: mirror.number.clone(),
            status: mirror.status.clone(),
            billing_reason: mirror.billing_reason.clone(),
            currency: mirror.currency,
            subtotal_minor: mirror.subtotal_minor,
            tax_minor: mirror.tax_minor,
            total_minor: mirror.total_minor,
            amount_due_minor: mirror.amount_due_minor,
            amount_paid_minor: mirror.amount_paid_minor,
            amount_remaining_minor: mirror.amount_remaining_minor,
            collection_method: mirror.collection_method,
            due_date: mirror.due_date,
            period_start: mirror.period_start,
            period_end: mirror.period_end,
            lines: mirror.lines.clone(),
            pdf_url: mirror.pdf_url.clone(),
            hosted_url: mirror.hosted_url.clone(),
            attempt_count: mirror.attempt_count,
            next_payment_attempt_at: mirror.next_payment_attempt_at,
            finalized_at: mirror.finalized_at,
            paid_at: mirror.paid_at,
            voided_at: mirror.voided_at,
            stripe_synced_at: synced_at,
            created_at: mirror.created_at,
            updated_at,
        }
    }
}

impl Invoice {
    /// What must equal Stripe's object.
    pub fn mirrored_values(&self) -> serde_json::Value {
        let mut values = self.audit_values();
        values["subscriptionId"] = serde_json::json!(self.subscription_id);
        values["billingReason"] = serde_json::json!(self.billing_reason);
        values["subtotalMinor"] = self.subtotal_minor.into();
        values["taxMinor"] = self.tax_minor.into();
        values["dueDate"] = serde_json::json!(self.due_date);
        values["periodStart"] = serde_json::json!(self.period_start);
        values["periodEnd"] = serde_json::json!(self.period_end);
        values["lines"] = serde_json::json!(self.lines);
        values["pdfUrl"] = serde_json::json!(self.pdf_url);
        values["hostedUrl"] = serde_json::json!(self.hosted_url);
        values["nextPaymentAttemptAt"] = serde_json::json!(self.next_payment_attempt_at);
        values["finalizedAt"] = serde_json::json!(self.finalized_at);
        values
    }
}
