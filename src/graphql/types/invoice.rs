//! Invoices.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};

use super::super::context::{authorize_in, loaders, service};
use super::super::error::{bad_input, failed, internal};
use super::super::loaders::InvoiceKey;
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, Money, MoneyInput, optional_moment};
use super::credit_note::CreditNote;
use super::enums;
use super::payment::Payment;
use super::subscription::Subscription;
use crate::domain;
use crate::domain::ids::SubscriptionId;

/// An invoice, as Stripe has it.
#[derive(Clone)]
pub struct Invoice(pub domain::invoice::Invoice);

/// An invoice, as Stripe has it.
#[Object]
impl Invoice {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Invoice.encode(self.0.id.0)
    }

    /// The id of the organization whose it is.
    async fn organization_id(&self) -> ID {
        NodeKind::Organization.encode(self.0.organization_id.0)
    }

    /// The number people quote; null while it is a draft.
    async fn number(&self) -> Option<&str> {
        self.0.number.as_deref()
    }

    /// The state.
    async fn status(&self) -> enums::InvoiceStatus {
        (&self.0.status).into()
    }

    /// Why Stripe made it, in Stripe's word: `subscription_create`, `subscription_cycle`, `manual` and others.
    async fn billing_reason(&self) -> Option<&str> {
        self.0.billing_reason.as_deref()
    }

    /// Before tax.
    async fn subtotal(&self) -> Money {
        self.0.money(self.0.subtotal_minor).into()
    }

    /// Tax, as Stripe computed it.
    async fn tax(&self) -> Money {
        self.0.money(self.0.tax_minor).into()
    }

    /// After tax and discounts.
    async fn total(&self) -> Money {
        self.0.money(self.0.total_minor).into()
    }

    /// What is asked for: the total less what credit covers.
    async fn amount_due(&self) -> Money {
        self.0.money(self.0.amount_due_minor).into()
    }

    /// What was paid.
    async fn amount_paid(&self) -> Money {
        self.0.money(self.0.amount_paid_minor).into()
    }

    /// What is still to be paid.
    async fn amount_remaining(&self) -> Money {
        self.0.money(self.0.amount_remaining_minor).into()
    }

    /// The lines. They add up to the subtotal.
    async fn lines(&self) -> Vec<InvoiceLine> {
        let currency = self.0.currency;
        self.0.lines.iter().cloned().map(|line| InvoiceLine { line, currency }).collect()
    }

    /// The payments of it, every attempt, oldest first.
    async fn payments(&self, ctx: &Context<'_>) -> Result<Vec<Payment>> {
        let key = InvoiceKey { organization: self.0.organization_id, invoice: self.0.id };
        let payments = loaders(ctx)
            .payments_of_invoices
            .load_one(key)
            .await
            .map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(payments.unwrap_or_default().into_iter().map(Payment).collect())
    }

    /// The credit notes of it, oldest first.
    async fn credit_notes(&self, ctx: &Context<'_>) -> Result<Vec<CreditNote>> {
        let key = InvoiceKey { organization: self.0.organization_id, invoice: self.0.id };
        let notes = loaders(ctx).credit_notes_of_invoices.load_one(key).await;
        let notes = notes.map_err(|error| internal(ctx, error.as_ref()))?.unwrap_or_default();
        Ok(notes.into_iter().map(CreditNote).collect())
    }

    /// The subscription that made it, if one did. For those who may read subscriptions.
    async fn subscription(&self, ctx: &Context<'_>) -> Result<Option<Subscription>> {
        authorize_in(ctx, "Invoice", self.0.organization_id, "invoice")?;
        let Some(id) = self.0.subscription_id else { return Ok(None) };
        let row = loaders(ctx)
            .subscriptions_by_id
            .load_one(id)
            .await
            .map_err(|error| internal(ctx, error.as_ref()))?;
        Ok(row.map(Subscription::from))
    }

    /// How it is collected; null for invoices of before this was kept.
    async fn collection_method(&self) -> Option<enums::CollectionMethod> {
        self.0.collection_method.map(Into::into)
    }

    /// The secret with which Stripe.js pays it, with 3-D Secure where the bank asks for it; null when there is nothing
    /// to pay. For those who may pay. Stripe is asked for it. Never log it.
    async fn client_secret(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        authorize_in(ctx, "Invoice", self.0.organization_id, "invoice")?;
        service(ctx).invoice_client_secret(&self.0).await.map_err(|error| failed(ctx, error))
    }

    /// When it should be paid, in UTC; null when it is charged by itself.
    async fn due_date(&self) -> Option<DateTime<Utc>> {
        self.0.due_date
    }

    /// Start of the period it bills, in UTC.
    async fn period_start(&self) -> DateTime<Utc> {
        self.0.period_start
    }

    /// End of the period it bills, in UTC.
    async fn period_end(&self) -> DateTime<Utc> {
        self.0.period_end
    }

    /// How often payment was tried.
    async fn attempt_count(&self) -> i32 {
        self.0.attempt_count
    }

    /// When Stripe tries next, in UTC.
    async fn next_payment_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_payment_attempt_at
    }

    /// The PDF, at Stripe.
    async fn pdf_url(&self) -> Option<&str> {
        self.0.pdf_url.as_deref()
    }

    /// The page where it can be paid, at Stripe.
    async fn hosted_url(&self) -> Option<&str> {
        self.0.hosted_url.as_deref()
    }

    /// When it was finalised, in UTC.
    async fn finalized_at(&self) -> Option<DateTime<Utc>> {
        self.0.finalized_at
    }

    /// When it was paid, in UTC.
    async fn paid_at(&self) -> Option<DateTime<Utc>> {
        self.0.paid_at
    }

    /// The id at Stripe, `in_…`.
    async fn stripe_invoice_id(&self) -> &str {
        self.0.stripe_invoice_id.as_str()
    }

    /// When this was last known to equal Stripe's object, in UTC.
    async fn synced_at(&self) -> DateTime<Utc> {
        self.0.stripe_synced_at
    }

    /// When it was created, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

/// One line of an invoice.
pub struct InvoiceLine {
    line: domain::invoice::InvoiceLine,
    currency: domain::money::Currency,
}

impl InvoiceLine {
    /// A line of a bill in this currency.
    pub const fn new(line: domain::invoice::InvoiceLine, currency: domain::money::Currency) -> Self {
        Self { line, currency }
    }
}

/// One line of an invoice.
#[Object]
impl InvoiceLine {
    /// What it is for.
    async fn description(&self) -> Option<&str> {
        self.line.description.as_deref()
    }

    /// What it adds; negative for credit.
    async fn amount(&self) -> Money {
        domain::money::Money::new(self.line.amount_minor, self.currency).into()
    }

    /// How many units.
    async fn quantity(&self) -> Option<BigInt> {
        self.line.quantity.map(BigInt)
    }

    /// Start of the time it is for, in UTC.
    async fn period_start(&self) -> DateTime<Utc> {
        self.line.period_start
    }

    /// End of the time it is for, in UTC.
    async fn period_end(&self) -> DateTime<Utc> {
        self.line.period_end
    }

    /// Whether it corrects an earlier charge.
    async fn proration(&self) -> bool {
        self.line.proration
    }
}

impl From<domain::invoice::Invoice> for Invoice {
    fn from(row: domain::invoice::Invoice) -> Self {
        Self(row)
    }
}

/// The bill that would be made now for the next period. It does not exist yet, and changes with the subscription.
pub struct InvoicePreview(pub domain::invoice::InvoicePreview);

impl InvoicePreview {
    fn money(&self, minor: i64) -> Money {
        domain::money::Money::new(minor, self.0.currency).into()
    }
}

/// The bill that would be made now for the next period. It does not exist yet, and changes with the subscription.
#[Object]
impl InvoicePreview {
    /// Before discounts and tax.
    async fn subtotal(&self) -> Money {
        self.money(self.0.subtotal_minor)
    }

    /// What discounts take off.
    async fn discount(&self) -> Money {
        self.money(self.0.discount_minor)
    }

    /// Tax, as Stripe computes it.
    async fn tax(&self) -> Money {
        self.money(self.0.tax_minor)
    }

    /// After tax and discounts.
    async fn total(&self) -> Money {
        self.money(self.0.total_minor)
    }

    /// What will be asked for: the total less what credit covers.
    async fn amount_due(&self) -> Money {
        self.money(self.0.amount_due_minor)
    }

    /// The lines. They add up to the subtotal when they are all.
    async fn lines(&self) -> Vec<InvoiceLine> {
        let currency = self.0.currency;
        self.0.lines.iter().cloned().map(|line| InvoiceLine { line, currency }).collect()
    }

    /// Whether there are more lines than are shown.
    async fn has_more_lines(&self) -> bool {
        !self.0.lines_complete
    }

    /// Start of the period it bills, in UTC.
    async fn period_start(&self) -> DateTime<Utc> {
        self.0.period_start
    }

    /// End of the period it bills, in UTC.
    async fn period_end(&self) -> DateTime<Utc> {
        self.0.period_end
    }

    /// When it will be charged, or must be paid, in UTC.
    async fn due_at(&self) -> Option<DateTime<Utc>> {
        self.0.due_at
    }
}

/// Which invoices are asked for: those that fit everything that is given.
#[derive(Clone, Default, InputObject)]
pub struct InvoiceFilter {
    /// In one of these states.
    status: Option<Vec<enums::InvoiceStatusFilter>>,
    /// Made by this subscription.
    subscription_id: Option<ID>,
    /// Made at or after this time, in UTC.
    created_since: Option<DateTime<Utc>>,
    /// Made before this time, in UTC.
    created_until: Option<DateTime<Utc>>,
    /// To be paid at or after this time, in UTC.
    due_since: Option<DateTime<Utc>>,
    /// To be paid before this time, in UTC.
    due_until: Option<DateTime<Utc>>,
    /// With exactly this number.
    number: Option<String>,
    /// With a total of at least this, in its currency.
    minimum_total: Option<MoneyInput>,
    /// With a total of at most this, in its currency.
    maximum_total: Option<MoneyInput>,
}

impl InvoiceFilter {
    /// The store's filter.
    pub fn decode(self) -> Result<crate::store::InvoiceFilter> {
        let money = |input: Option<MoneyInput>| input.map(domain::money::Money::from);
        let (minimum, maximum) = (money(self.minimum_total), money(self.maximum_total));
        if let (Some(minimum), Some(maximum)) = (minimum, maximum)
            && minimum.currency != maximum.currency
        {
            return Err(bad_input("filter: minimumTotal and maximumTotal must be of one currency."));
        }
        let subscription =
            self.subscription_id.map(|id| NodeKind::Subscription.decode("filter.subscriptionId", &id));
        Ok(crate::store::InvoiceFilter {
            statuses: self
                .status
                .unwrap_or_default()
                .into_iter()
                .map(|status| status.as_str().to_owned())
                .collect(),
            subscription_id: subscription.transpose()?.map(SubscriptionId),
            created_since: optional_moment("filter.createdSince", self.created_since)?,
            created_until: optional_moment("filter.createdUntil", self.created_until)?,
            due_since: optional_moment("filter.dueSince", self.due_since)?,
            due_until: optional_moment("filter.dueUntil", self.due_until)?,
            number: self.number,
            currency: minimum.or(maximum).map(|money| money.currency),
            minimum_total_minor: minimum.map(|money| money.minor),
            maximum_total_minor: maximum.map(|money| money.minor),
        })
    }
}
