//! Bills before they exist: what a change of a subscription would come to.

use chrono::{DateTime, Utc};
use stripe_billing::invoice::{
    CreatePreviewInvoice, CreatePreviewInvoiceDiscounts, CreatePreviewInvoicePreviewMode,
    CreatePreviewInvoiceSubscriptionDetails, CreatePreviewInvoiceSubscriptionDetailsItems,
    CreatePreviewInvoiceSubscriptionDetailsProrationBehavior,
};

use super::client::Stripe;
use super::convert::{invoice_line, our_currency, time};
use super::error::PaymentsError;
use crate::domain::ids::{StripePriceId, StripeSubscriptionId, StripeSubscriptionItemId};
use crate::domain::mirror::BillPreview;
use crate::domain::subscription_change::Proration;

/// What is to be previewed.
#[derive(Clone, Debug)]
pub struct ChangePreview {
    /// Which subscription.
    pub id: StripeSubscriptionId,
    /// Its item.
    pub item: StripeSubscriptionItemId,
    /// The price from then on.
    pub price: StripePriceId,
    /// The quantity from then on.
    pub quantity: u64,
    /// How the running period's difference is billed.
    pub proration: Proration,
    /// From when the difference is counted.
    pub proration_date: DateTime<Utc>,
    /// The discounts that are there, `di_…`, and the promotion code to redeem on top of them; as it is when not given.
    pub redeemed: Option<(Vec<String>, String)>,
    /// Only what recurs, as it will be billed each time; else the next bill with all that waits for it.
    pub recurring: bool,
}

impl Stripe {
    /// The bill that a change would make. Nothing is changed.
    pub async fn preview_change(&self, preview: ChangePreview) -> Result<BillPreview, PaymentsError> {
        let mut item = CreatePreviewInvoiceSubscriptionDetailsItems::new();
        item.id = Some(preview.item.0);
        item.price = Some(preview.price.0);
        item.quantity = Some(preview.quantity);
        let mut details = CreatePreviewInvoiceSubscriptionDetails::new();
        details.items = Some(vec![item]);
        details.proration_behavior = Some(match preview.proration {
            Proration::None => CreatePreviewInvoiceSubscriptionDetailsProrationBehavior::None,
            Proration::NextInvoice => {
                CreatePreviewInvoiceSubscriptionDetailsProrationBehavior::CreateProrations
            }
            Proration::InvoiceNow => CreatePreviewInvoiceSubscriptionDetailsProrationBehavior::AlwaysInvoice,
        });
        if preview.proration != Proration::None {
            details.proration_date = Some(preview.proration_date.timestamp());
        }
        let mut request =
            CreatePreviewInvoice::new().subscription(preview.id.as_str()).subscription_details(details);
        if let Some((held, code)) = preview.redeemed {
            let kept = held.into_iter().map(|discount| {
                let mut kept = CreatePreviewInvoiceDiscounts::new();
                kept.discount = Some(discount);
                kept
            });
            let mut discounts: Vec<_> = kept.collect();
            let mut new = CreatePreviewInvoiceDiscounts::new();
            new.promotion_code = Some(code);
            discounts.push(new);
            request = request.discounts(discounts);
        }
        if preview.recurring {
            request = request.preview_mode(CreatePreviewInvoicePreviewMode::Recurring);
        }
        let it = self.read(request).await?;
        let discount_minor = it.total_discount_amounts.unwrap_or_default().iter().map(|one| one.amount).sum();
        Ok(BillPreview {
            currency: our_currency(&it.currency)?,
            subtotal_minor: it.subtotal,
            discount_minor,
            tax_minor: it.total_taxes.unwrap_or_default().iter().map(|tax| tax.amount).sum(),
            total_minor: it.total,
            amount_due_minor: it.amount_due,
            period_end: time(it.period_end),
            // Stripe embeds ten, and the id of a preview leads nowhere: the rest cannot be asked for.
            lines_complete: !it.lines.has_more,
            lines: it.lines.data.into_iter().map(invoice_line).collect(),
        })
    }
}
