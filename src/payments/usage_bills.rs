//! Usage on Stripe's invoices: items of drafts and of the next bill, and invoices of their own.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use stripe_billing::invoice::{CreatePreviewInvoice, CreatePreviewInvoiceInvoiceItems};

use super::client::{IdempotencyKey, Stripe};
use super::convert::{invoice_preview, stripe_currency};
use super::error::PaymentsError;
use super::traces::Note;
use crate::domain::ids::{StripeCustomerId, StripeInvoiceId, StripePaymentMethodId, StripeSubscriptionId};
use crate::domain::invoice::InvoicePreview;
use crate::domain::money::Money;
use crate::domain::proration::Span;

/// The metadata key under which invoice items name the usage charge that they bill.
pub const USAGE_CHARGE_METADATA: &str = "tollgate_usage_charge_id";

/// An item that bills usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageItem {
    /// What it comes to; below zero when it gives something back.
    pub amount: Money,
    /// What it is for.
    pub description: String,
    /// The time that it is for.
    pub period: Span,
}

/// Where an item goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageItemPlace<'a> {
    /// The customer.
    pub customer: &'a StripeCustomerId,
    /// The draft; without one it waits for the customer's next invoice.
    pub invoice: Option<&'a StripeInvoiceId>,
    /// Our notes on it.
    pub metadata: &'a BTreeMap<String, String>,
}

/// An invoice of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUsageInvoice {
    /// The customer.
    pub customer: StripeCustomerId,
    /// The currency.
    pub currency: crate::domain::money::Currency,
    /// Days until it must be paid, when it is sent instead of charged.
    pub days_until_due: Option<u32>,
    /// What is charged, when it is not the customer's default.
    pub payment_method: Option<StripePaymentMethodId>,
    /// What it is.
    pub description: String,
    /// Our notes on it.
    pub metadata: BTreeMap<String, String>,
}

/// The invoice that a renewal made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalInvoice {
    /// Which.
    pub id: StripeInvoiceId,
    /// Whether items can be put on it still.
    pub is_draft: bool,
}

/// What was made, by its id alone.
#[derive(miniserde::Deserialize)]
struct Made {
    id: String,
}

/// Of how long before a period's end the renewal's invoice may be said to be.
const CLOCKS_DIFFER: Duration = Duration::hours(1);

impl Stripe {
    /// Bills usage: on a draft, or on the customer's next invoice. The item's id.
    pub async fn create_usage_item(
        &self,
        item: &UsageItem,
        place: &UsageItemPlace<'_>,
        key: &IdempotencyKey,
    ) -> Result<String, PaymentsError> {
        let (start, end) = (item.period.start().timestamp(), item.period.end().timestamp());
        let mut form: Vec<(String, String)> = vec![
            ("customer".to_owned(), place.customer.0.clone()),
            ("currency".to_owned(), item.amount.currency.stripe_code()),
            ("amount".to_owned(), item.amount.minor.to_string()),
            ("description".to_owned(), item.description.clone()),
            ("period[start]".to_owned(), start.to_string()),
            ("period[end]".to_owned(), end.to_string()),
        ];
        if let Some(invoice) = place.invoice {
            form.push(("invoice".to_owned(), invoice.0.clone()));
        }
        form.extend(place.metadata.iter().map(|(name, value)| (format!("metadata[{name}]"), value.clone())));
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let made: Made = self.change_form("/invoiceitems".to_owned(), &form, key).await?;
        Ok(made.id)
    }

    /// The item of a customer that carries a note of ours: its id, and the invoice that it is on.
    pub async fn find_usage_item(
        &self,
        customer: &StripeCustomerId,
        note: Note<'_>,
    ) -> Result<Option<(String, Option<StripeInvoiceId>)>, PaymentsError> {
        let query = [("customer", customer.as_str())];
        let found = self.find_listed("/invoiceitems", &query, |row| note.is_on(row)).await?;
        Ok(found.and_then(|row| {
            let invoice = row["invoice"].as_str().map(StripeInvoiceId::from);
            Some((row["id"].as_str()?.to_owned(), invoice))
        }))
    }

    /// Whether anything of ours waits for a customer's next invoice.
    pub async fn has_waiting_usage(&self, customer: &StripeCustomerId) -> Result<bool, PaymentsError> {
        let query = [("customer", customer.as_str()), ("pending", "true")];
        let is_ours = |row: &serde_json::Value| row["metadata"][USAGE_CHARGE_METADATA].is_string();
        Ok(self.find_listed("/invoiceitems", &query, is_ours).await?.is_some())
    }

    /// The invoice that a subscription's renewal at a time made; `None` when none did.
    pub async fn renewal_invoice(
        &self,
        subscription: &StripeSubscriptionId,
        renewed_at: DateTime<Utc>,
    ) -> Result<Option<RenewalInvoice>, PaymentsError> {
        let since = (renewed_at - CLOCKS_DIFFER).timestamp().to_string();
        let query = [("subscription", subscription.as_str()), ("created[gte]", since.as_str())];
        let is_it = |row: &serde_json::Value| {
            row["billing_reason"] == "subscription_cycle" && row["period_end"] == renewed_at.timestamp()
        };
        let found = self.find_listed("/invoices", &query, is_it).await?;
        Ok(found.and_then(|row| {
            let id = row["id"].as_str()?.into();
            Some(RenewalInvoice { id, is_draft: row["status"] == "draft" })
        }))
    }

    /// The days in which a subscription's invoices must be paid, when they are sent.
    pub async fn days_until_due(
        &self,
        subscription: &StripeSubscriptionId,
    ) -> Result<Option<u32>, PaymentsError> {
        let row = self.read_value(&format!("/subscriptions/{subscription}"), &[]).await?;
        let days = row["days_until_due"].as_u64().and_then(|days| u32::try_from(days).ok());
        Ok(days.filter(|_| row["collection_method"] == "send_invoice"))
    }

    /// Makes the draft of an invoice of its own, with all that waits for the customer.
    pub async fn create_usage_invoice(
        &self,
        new: &NewUsageInvoice,
        key: &IdempotencyKey,
    ) -> Result<StripeInvoiceId, PaymentsError> {
        let days = new.days_until_due.map(|days| days.to_string());
        let currency = new.currency.stripe_code();
        let mut form: Vec<(String, &str)> = vec![
            ("customer".to_owned(), new.customer.as_str()),
            ("currency".to_owned(), &currency),
            ("auto_advance".to_owned(), "false"),
            ("pending_invoice_items_behavior".to_owned(), "include"),
            ("description".to_owned(), &new.description),
        ];
        match &days {
            Some(days) => {
                form.push(("collection_method".to_owned(), "send_invoice"));
                form.push(("days_until_due".to_owned(), days));
            }
            None => form.push(("collection_method".to_owned(), "charge_automatically")),
        }
        if let Some(method) = &new.payment_method {
            form.push(("default_payment_method".to_owned(), method.as_str()));
        }
        for (name, value) in &new.metadata {
            form.push((format!("metadata[{name}]"), value));
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let made: Made = self.change_form("/invoices".to_owned(), &form, key).await?;
        Ok(made.id.into())
    }

    /// The invoice of a customer that carries a note of ours.
    pub async fn find_usage_invoice(
        &self,
        customer: &StripeCustomerId,
        note: Note<'_>,
    ) -> Result<Option<StripeInvoiceId>, PaymentsError> {
        let query = [("customer", customer.as_str())];
        let found = self.find_listed("/invoices", &query, |row| note.is_on(row)).await?;
        Ok(found.and_then(|row| row["id"].as_str().map(StripeInvoiceId::from)))
    }

    /// The next bill of a subscription as it would be now, with what usage would add; `None` when there will be none.
    pub async fn upcoming_invoice(
        &self,
        subscription: &StripeSubscriptionId,
        usage: Vec<UsageItem>,
    ) -> Result<Option<InvoicePreview>, PaymentsError> {
        let mut request = CreatePreviewInvoice::new().subscription(subscription.as_str());
        let mut items = Vec::with_capacity(usage.len());
        for one in usage {
            let mut item = CreatePreviewInvoiceInvoiceItems::new();
            item.amount = Some(one.amount.minor);
            item.currency = Some(stripe_currency(one.amount.currency)?);
            item.description = Some(one.description);
            item.period = Some(stripe_billing::invoice::Period::new(
                one.period.end().timestamp(),
                one.period.start().timestamp(),
            ));
            items.push(item);
        }
        if !items.is_empty() {
            request = request.invoice_items(items);
        }
        match self.read(request).await {
            Ok(preview) => invoice_preview(preview).map(Some),
            Err(PaymentsError::InvalidRequest { code: Some(code), .. })
                if code == "invoice_upcoming_none" =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
