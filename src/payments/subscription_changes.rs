//! Changes of subscriptions that run: items, discounts, trials, pauses of collection.

use chrono::{DateTime, Utc};
use stripe_billing::invoice::{FinalizeInvoiceInvoice, VoidInvoiceInvoice};
use stripe_billing::subscription::{
    DiscountsDataParam, ListSubscription, ListSubscriptionStatus, ResumeSubscription,
    ResumeSubscriptionBillingCycleAnchor, ResumeSubscriptionBillingCycleAnchorType, UpdateSubscription,
    UpdateSubscriptionItems, UpdateSubscriptionPauseCollection, UpdateSubscriptionPauseCollectionBehavior,
    UpdateSubscriptionPaymentBehavior, UpdateSubscriptionProrationBehavior, UpdateSubscriptionTrialEnd,
};
use stripe_product::coupon::RetrieveCoupon;
use stripe_product::promotion_code::ListPromotionCode;

use super::client::{IdempotencyKey, Stripe};
use super::convert_subscription::subscription;
use super::error::PaymentsError;
use super::subscriptions::{expanded, expanded_with_invoice};
use crate::domain::ids::{
    StripeCustomerId, StripeInvoiceId, StripePriceId, StripeSubscriptionId, StripeSubscriptionItemId,
};
use crate::domain::invoice::InvoiceStatus;
use crate::domain::mirror::SubscriptionMirror;
use crate::domain::subscription_change::{CollectionPause, Proration};

/// Pages that are followed at most when something is looked for.
const MAXIMUM_PAGES: u32 = 100;

/// Another price or quantity of a subscription, at once.
#[derive(Clone, Debug)]
pub struct SubscriptionItemChange {
    /// Which.
    pub id: StripeSubscriptionId,
    /// Its item.
    pub item: StripeSubscriptionItemId,
    /// The price from now on.
    pub price: StripePriceId,
    /// The quantity from now on.
    pub quantity: u64,
    /// How the running period's difference is billed.
    pub proration: Proration,
    /// From when the difference is counted.
    pub proration_date: DateTime<Utc>,
    /// Whether the change waits for its payment. Stripe takes that for charged subscriptions alone.
    pub waits_for_payment: bool,
}

/// A promotion code that can be redeemed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionCode {
    /// Stripe's id, `promo_…`.
    pub id: String,
    /// The only customer who may redeem it, if it is for one.
    pub customer: Option<StripeCustomerId>,
}

/// What a discount is redeemed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redeemed<'a> {
    /// A promotion code's id, `promo_…`.
    PromotionCode(&'a str),
    /// A coupon's id.
    Coupon(&'a str),
}

pub(super) fn proration_behavior(proration: Proration) -> UpdateSubscriptionProrationBehavior {
    match proration {
        Proration::None => UpdateSubscriptionProrationBehavior::None,
        Proration::NextInvoice => UpdateSubscriptionProrationBehavior::CreateProrations,
        Proration::InvoiceNow => UpdateSubscriptionProrationBehavior::AlwaysInvoice,
    }
}

const fn behavior_of(waits_for_payment: bool) -> UpdateSubscriptionPaymentBehavior {
    if waits_for_payment {
        UpdateSubscriptionPaymentBehavior::PendingIfIncomplete
    } else {
        UpdateSubscriptionPaymentBehavior::AllowIncomplete
    }
}

impl Stripe {
    /// Changes what a subscription is billed for. The answer carries the invoice of the change with the payments of that.
    pub async fn change_subscription(
        &self,
        change: SubscriptionItemChange,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        let mut item = UpdateSubscriptionItems::new();
        item.id = Some(change.item.0);
        item.price = Some(change.price.0);
        item.quantity = Some(change.quantity);
        // Pending updates take no metadata: what an update came to is seen from the subscription itself.
        // Source: <https://docs.stripe.com/billing/subscriptions/pending-updates-reference>.
        let mut request = UpdateSubscription::new(change.id.as_str())
            .items(vec![item])
            .proration_behavior(proration_behavior(change.proration))
            .payment_behavior(behavior_of(change.waits_for_payment))
            .expand(expanded_with_invoice());
        if change.proration != Proration::None {
            request = request.proration_date(change.proration_date.timestamp());
        }
        subscription(self.change(request, key).await?)
    }

    /// Ends a trial now, or at another time than it would. Ending it now makes the first bill, and can wait for its payment.
    pub async fn set_trial_end(
        &self,
        id: &StripeSubscriptionId,
        at: Option<DateTime<Utc>>,
        waits_for_payment: bool,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        let end = match at {
            None => UpdateSubscriptionTrialEnd::Now,
            Some(at) => UpdateSubscriptionTrialEnd::Timestamp(at.timestamp()),
        };
        let request = UpdateSubscription::new(id.as_str())
            .trial_end(end)
            .proration_behavior(UpdateSubscriptionProrationBehavior::None)
            .payment_behavior(behavior_of(waits_for_payment))
            .expand(expanded_with_invoice());
        subscription(self.change(request, key).await?)
    }

    /// Makes invoices without collecting them, until it is told otherwise or `resumes_at`.
    pub async fn pause_collection(
        &self,
        id: &StripeSubscriptionId,
        behavior: CollectionPause,
        resumes_at: Option<DateTime<Utc>>,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        let mut pause = UpdateSubscriptionPauseCollection::new(match behavior {
            CollectionPause::KeepAsDraft => UpdateSubscriptionPauseCollectionBehavior::KeepAsDraft,
            CollectionPause::MarkUncollectible => {
                UpdateSubscriptionPauseCollectionBehavior::MarkUncollectible
            }
            CollectionPause::Void => UpdateSubscriptionPauseCollectionBehavior::Void,
        });
        pause.resumes_at = resumes_at.map(|at| at.timestamp());
        let request = UpdateSubscription::new(id.as_str()).pause_collection(pause).expand(expanded());
        subscription(self.change(request, key).await?)
    }

    /// Collects again.
    pub async fn resume_collection(
        &self,
        id: &StripeSubscriptionId,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        // Only an empty value takes it back, and async-stripe's type has no way to say one.
        let form = [("pause_collection", ""), ("expand[0]", "schedule"), ("expand[1]", "discounts")];
        subscription(self.change_form(format!("/subscriptions/{id}"), &form, key).await?)
    }

    /// Lets a subscription go on whose trial ended without a payment method: a new period begins, and is billed.
    pub async fn resume_paused_subscription(
        &self,
        id: &StripeSubscriptionId,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        let request = ResumeSubscription::new(id.as_str())
            .billing_cycle_anchor(ResumeSubscriptionBillingCycleAnchor::new(
                ResumeSubscriptionBillingCycleAnchorType::Now,
            ))
            .expand(expanded_with_invoice());
        subscription(self.change(request, key).await?)
    }

    /// Puts a discount on a subscription, in the place of what was there; or takes all off.
    pub async fn set_discount(
        &self,
        id: &StripeSubscriptionId,
        redeemed: Option<Redeemed<'_>>,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        let Some(redeemed) = redeemed else {
            let form = [("discounts", ""), ("expand[0]", "schedule"), ("expand[1]", "discounts")];
            return subscription(self.change_form(format!("/subscriptions/{id}"), &form, key).await?);
        };
        let mut discount = DiscountsDataParam::new();
        match redeemed {
            Redeemed::PromotionCode(code) => discount.promotion_code = Some(code.to_owned()),
            Redeemed::Coupon(coupon) => discount.coupon = Some(coupon.to_owned()),
        }
        let request = UpdateSubscription::new(id.as_str()).discounts(vec![discount]).expand(expanded());
        subscription(self.change(request, key).await?)
    }

    /// Leaves a subscription the discounts that it holds among these, and redeems a promotion code on top of them.
    pub async fn set_discounts(
        &self,
        id: &StripeSubscriptionId,
        held: &[String],
        promotion_code: Option<&str>,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        if held.is_empty() && promotion_code.is_none() {
            return self.set_discount(id, None, key).await;
        }
        let mut discounts = Vec::with_capacity(held.len() + 1);
        for discount in held {
            let mut kept = DiscountsDataParam::new();
            kept.discount = Some(discount.clone());
            discounts.push(kept);
        }
        if let Some(code) = promotion_code {
            let mut new = DiscountsDataParam::new();
            new.promotion_code = Some(code.to_owned());
            discounts.push(new);
        }
        let request = UpdateSubscription::new(id.as_str()).discounts(discounts).expand(expanded());
        subscription(self.change(request, key).await?)
    }

    /// Finalises a draft that was left lying, and lets Stripe collect it. One that is finalised already is left alone.
    pub async fn collect_draft(
        &self,
        id: &StripeInvoiceId,
        key: &IdempotencyKey,
    ) -> Result<(), PaymentsError> {
        match self.change(FinalizeInvoiceInvoice::new(id.as_str()).auto_advance(true), key).await {
            Ok(_) => Ok(()),
            Err(error @ PaymentsError::InvalidRequest { .. }) => {
                let now = self.retrieve_invoice(id).await?;
                if now.status == InvoiceStatus::Draft { Err(error) } else { Ok(()) }
            }
            Err(error) => Err(error),
        }
    }

    /// Voids the invoice of a change that was not paid: with it the change is given up. One that is voided already is.
    pub async fn withdraw_invoice(
        &self,
        id: &StripeInvoiceId,
        key: &IdempotencyKey,
    ) -> Result<(), PaymentsError> {
        match self.change(VoidInvoiceInvoice::new(id.as_str()), key).await {
            Ok(_) => Ok(()),
            Err(error @ PaymentsError::InvalidRequest { .. }) => {
                let now = self.retrieve_invoice(id).await?;
                if now.status == InvoiceStatus::Void { Ok(()) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// The promotion code that people type, while it can be redeemed.
    pub async fn find_promotion_code(&self, code: &str) -> Result<Option<PromotionCode>, PaymentsError> {
        let found = self.read(ListPromotionCode::new().code(code).active(true).limit(1)).await?;
        Ok(found.data.into_iter().next().map(|it| PromotionCode {
            id: it.id.as_str().to_owned(),
            customer: it.customer.map(|customer| super::convert::id_of(&customer).into()),
        }))
    }

    /// Whether there is such a coupon, and it can still be redeemed.
    pub async fn is_valid_coupon(&self, id: &str) -> Result<bool, PaymentsError> {
        match self.read(RetrieveCoupon::new(id)).await {
            Ok(coupon) => Ok(coupon.valid),
            Err(PaymentsError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The subscription of a customer whose metadata carries this value, ended ones included.
    pub async fn find_subscription_by_metadata(
        &self,
        customer: &StripeCustomerId,
        name: &str,
        value: &str,
    ) -> Result<Option<SubscriptionMirror>, PaymentsError> {
        let mut starting_after: Option<String> = None;
        for _ in 0..MAXIMUM_PAGES {
            let mut request = ListSubscription::new()
                .customer(customer.as_str())
                .status(ListSubscriptionStatus::All)
                .limit(100);
            if let Some(after) = &starting_after {
                request = request.starting_after(after.as_str());
            }
            let page = self.read(request).await?;
            starting_after = page.data.last().map(|last| last.id.as_str().to_owned());
            for found in page.data {
                if found.metadata.get(name).is_some_and(|held| held == value) {
                    return self.retrieve_subscription(&found.id.as_str().into()).await.map(Some);
                }
            }
            if !page.has_more || starting_after.is_none() {
                break;
            }
        }
        Ok(None)
    }
}
