//! Subscriptions.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use stripe_billing::subscription::{
    CancelSubscription, CancelSubscriptionCancellationDetails, CancelSubscriptionCancellationDetailsFeedback,
    CreateSubscription, CreateSubscriptionItems, CreateSubscriptionPaymentBehavior,
    CreateSubscriptionTrialSettings, CreateSubscriptionTrialSettingsEndBehavior,
    CreateSubscriptionTrialSettingsEndBehaviorMissingPaymentMethod, DiscountsDataParam, RetrieveSubscription,
    UpdateSubscription, UpdateSubscriptionCancellationDetails, UpdateSubscriptionCancellationDetailsFeedback,
};

use super::client::{IdempotencyKey, Stripe};
use super::convert::time;
use super::convert_subscription::subscription;
use super::error::PaymentsError;
use crate::domain::ids::{
    PlanId, StripeCustomerId, StripePaymentMethodId, StripePriceId, StripeSubscriptionId,
};
use crate::domain::mirror::SubscriptionMirror;
use crate::domain::subscription_change::CancellationFeedback;

/// The metadata key under which a subscription that ends names the free plan that follows it.
pub const NEXT_PLAN_METADATA: &str = "tollgate_next_plan_id";

/// The metadata key of the units of that plan.
pub const NEXT_QUANTITY_METADATA: &str = "tollgate_next_quantity";

/// What every answer carries, so that the mirror is whole: the schedule's phases and the discounts themselves.
pub(super) fn expanded() -> Vec<String> {
    ["schedule", "discounts"].map(str::to_owned).to_vec()
}

/// The same, with the newest invoice and the payments of that.
pub(super) fn expanded_with_invoice() -> Vec<String> {
    let mut paths = expanded();
    paths.extend(
        ["latest_invoice", "latest_invoice.payments", "latest_invoice.confirmation_secret"]
            .map(str::to_owned),
    );
    paths
}

/// What Stripe does with a first payment that cannot be made at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentBehavior {
    /// Try it; the subscription is incomplete when it fails.
    AllowIncomplete,
    /// Do not try it: the front end confirms it.
    DefaultIncomplete,
}

/// What Stripe does when a trial ends without a payment method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPaymentMethod {
    /// End the subscription.
    Cancel,
    /// Pause it.
    Pause,
    /// Make an invoice all the same.
    CreateInvoice,
}

/// Why a subscription is canceled.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CancellationReason {
    /// What the customer chose.
    pub feedback: Option<CancellationFeedback>,
    /// What the customer said.
    pub comment: Option<String>,
}

impl CancellationReason {
    /// Whether nothing was said.
    pub const fn is_empty(&self) -> bool {
        self.feedback.is_none() && self.comment.is_none()
    }
}

/// A new subscription.
#[derive(Clone, Debug)]
pub struct NewSubscription {
    /// Who subscribes.
    pub customer: StripeCustomerId,
    /// To what.
    pub price: StripePriceId,
    /// Seats.
    pub quantity: u64,
    /// What is charged.
    pub default_payment_method: Option<StripePaymentMethodId>,
    /// Days of trial.
    pub trial_days: Option<u32>,
    /// What happens when it ends without a payment method.
    pub missing_payment_method: MissingPaymentMethod,
    /// A promotion code's id to redeem.
    pub promotion_code: Option<String>,
    /// A coupon's id to redeem.
    pub coupon: Option<String>,
    /// What happens to the first payment.
    pub payment_behavior: PaymentBehavior,
    /// Days until its invoices must be paid, when they are sent instead of charged.
    pub days_until_due: Option<u32>,
    /// Our notes.
    pub metadata: BTreeMap<String, String>,
}

impl Stripe {
    /// Creates a subscription. The answer carries its first invoice with the payments of that.
    pub async fn create_subscription(
        &self,
        new: NewSubscription,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        let mut item = CreateSubscriptionItems::new();
        item.price = Some(new.price.0);
        item.quantity = Some(new.quantity);
        let mut request = CreateSubscription::new()
            .customer(new.customer.0)
            .items(vec![item])
            .payment_behavior(match new.payment_behavior {
                PaymentBehavior::AllowIncomplete => CreateSubscriptionPaymentBehavior::AllowIncomplete,
                PaymentBehavior::DefaultIncomplete => CreateSubscriptionPaymentBehavior::DefaultIncomplete,
            })
            .metadata(new.metadata.into_iter().collect::<HashMap<_, _>>())
            .expand(expanded_with_invoice());
        if let Some(days) = new.days_until_due {
            request = request
                .collection_method(stripe_shared::SubscriptionCollectionMethod::SendInvoice)
                .days_until_due(days);
        }
        if let Some(method) = new.default_payment_method {
            request = request.default_payment_method(method.0);
        }
        if new.promotion_code.is_some() || new.coupon.is_some() {
            let mut discount = DiscountsDataParam::new();
            discount.promotion_code = new.promotion_code;
            discount.coupon = new.coupon;
            request = request.discounts(vec![discount]);
        }
        if let Some(days) = new.trial_days {
            let missing = match new.missing_payment_method {
                MissingPaymentMethod::Cancel => {
                    CreateSubscriptionTrialSettingsEndBehaviorMissingPaymentMethod::Cancel
                }
                MissingPaymentMethod::Pause => {
                    CreateSubscriptionTrialSettingsEndBehaviorMissingPaymentMethod::Pause
                }
                MissingPaymentMethod::CreateInvoice => {
                    CreateSubscriptionTrialSettingsEndBehaviorMissingPaymentMethod::CreateInvoice
                }
            };
            let mut end = CreateSubscriptionTrialSettingsEndBehavior::new();
            end.missing_payment_method = Some(missing);
            request =
                request.trial_period_days(days).trial_settings(CreateSubscriptionTrialSettings::new(end));
        }
        subscription(self.change(request, key).await?)
    }

    /// A subscription as it is now.
    pub async fn retrieve_subscription(
        &self,
        id: &StripeSubscriptionId,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        let shown = self.read(RetrieveSubscription::new(id.as_str()).expand(expanded())).await?;
        let last = shown.items.data.last().map(|item| item.id.as_str().to_owned());
        let mut mirror = subscription(shown)?;
        if !mirror.items_complete {
            self.see_more_items(&mut mirror, last).await?;
        }
        Ok(mirror)
    }

    /// The items that Stripe does not embed: the next bill is the earliest of all.
    async fn see_more_items(
        &self,
        mirror: &mut SubscriptionMirror,
        mut starting_after: Option<String>,
    ) -> Result<(), PaymentsError> {
        while let Some(after) = starting_after.take() {
            let query =
                [("subscription", mirror.id.as_str()), ("limit", "100"), ("starting_after", after.as_str())];
            let page = self.read_value("/subscription_items", &query).await?;
            let items = page["data"].as_array().map_or(&[][..], Vec::as_slice);
            let earliest = |name: &str, known: Option<DateTime<Utc>>| {
                items.iter().filter_map(|item| item[name].as_i64()).map(time).chain(known).min()
            };
            mirror.current_period_start = earliest("current_period_start", mirror.current_period_start);
            mirror.current_period_end = earliest("current_period_end", mirror.current_period_end);
            if page["has_more"] == true {
                starting_after = items.last().and_then(|item| item["id"].as_str()).map(str::to_owned);
            }
        }
        mirror.items_complete = true;
        Ok(())
    }

    /// Lets a subscription end with its period. The notes say which free plan begins then, and how many units of it.
    pub async fn cancel_at_period_end(
        &self,
        id: &StripeSubscriptionId,
        reason: &CancellationReason,
        next_plan: Option<(PlanId, i64)>,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        // An empty value takes a note off: one of a cancellation that somebody took back on Stripe's pages may be there.
        let (plan, quantity) = next_plan
            .map_or_else(Default::default, |(plan, quantity)| (plan.to_string(), quantity.to_string()));
        let mut request = UpdateSubscription::new(id.as_str())
            .cancel_at_period_end(true)
            .metadata(HashMap::from([
                (NEXT_PLAN_METADATA.to_owned(), plan),
                (NEXT_QUANTITY_METADATA.to_owned(), quantity),
            ]))
            .expand(expanded());
        if !reason.is_empty() {
            let mut details = UpdateSubscriptionCancellationDetails::new();
            details.comment.clone_from(&reason.comment);
            details.feedback = reason.feedback.map(|feedback| {
                use UpdateSubscriptionCancellationDetailsFeedback as F;
                match feedback {
                    CancellationFeedback::CustomerService => F::CustomerService,
                    CancellationFeedback::LowQuality => F::LowQuality,
                    CancellationFeedback::MissingFeatures => F::MissingFeatures,
                    CancellationFeedback::Other => F::Other,
                    CancellationFeedback::SwitchedService => F::SwitchedService,
                    CancellationFeedback::TooComplex => F::TooComplex,
                    CancellationFeedback::TooExpensive => F::TooExpensive,
                    CancellationFeedback::Unused => F::Unused,
                }
            });
            request = request.cancellation_details(details);
        }
        subscription(self.change(request, key).await?)
    }

    /// Takes back that a subscription ends. What is sent depends on how the end was arranged, and that may differ when the same operation is run again after a
    /// lost answer: each form has a key of its own, and when nothing is arranged any more it was done.
    pub async fn take_cancellation_back(
        &self,
        id: &StripeSubscriptionId,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        let now = self.retrieve_subscription(id).await?;
        if now.cancel_at_period_end {
            let mut request =
                UpdateSubscription::new(id.as_str()).cancel_at_period_end(false).expand(expanded());
            if now.metadata.contains_key(NEXT_PLAN_METADATA) {
                // An empty value takes a note off.
                request = request.metadata(HashMap::from([
                    (NEXT_PLAN_METADATA.to_owned(), String::new()),
                    (NEXT_QUANTITY_METADATA.to_owned(), String::new()),
                ]));
            }
            return subscription(self.change(request, key).await?);
        }
        if now.cancel_at.is_none() {
            return Ok(now);
        }
        // Stripe's portal sets a date instead of the flag; only an empty value takes it back, and async-stripe's type has
        // no way to say one.
        let path = format!("/subscriptions/{id}");
        let form = [("cancel_at", ""), ("expand[0]", "schedule"), ("expand[1]", "discounts")];
        subscription(self.change_form(path, &form, &key.in_other_words("date")).await?)
    }

    /// Ends a subscription now; with `invoice_now`, what was added since the last bill and waits for the next one is invoiced,
    /// else it never is. One that has ended already is given as it is: Stripe ignores keys on DELETE, so the same request
    /// sent again after a lost answer meets 404.
    /// Sources: <https://docs.stripe.com/api/subscriptions/cancel>, <https://docs.stripe.com/api/idempotent_requests>.
    pub async fn cancel_subscription_now(
        &self,
        id: &StripeSubscriptionId,
        reason: &CancellationReason,
        invoice_now: bool,
        key: &IdempotencyKey,
    ) -> Result<SubscriptionMirror, PaymentsError> {
        let mut request = CancelSubscription::new(id.as_str()).expand(expanded());
        if invoice_now {
            request = request.invoice_now(true);
        }
        if !reason.is_empty() {
            let mut details = CancelSubscriptionCancellationDetails::new();
            details.comment.clone_from(&reason.comment);
            details.feedback = reason.feedback.map(|feedback| {
                use CancelSubscriptionCancellationDetailsFeedback as F;
                match feedback {
                    CancellationFeedback::CustomerService => F::CustomerService,
                    CancellationFeedback::LowQuality => F::LowQuality,
                    CancellationFeedback::MissingFeatures => F::MissingFeatures,
                    CancellationFeedback::Other => F::Other,
                    CancellationFeedback::SwitchedService => F::SwitchedService,
                    CancellationFeedback::TooComplex => F::TooComplex,
                    CancellationFeedback::TooExpensive => F::TooExpensive,
                    CancellationFeedback::Unused => F::Unused,
                }
            });
            request = request.cancellation_details(details);
        }
        match self.change(request, key).await {
            Ok(canceled) => subscription(canceled),
            Err(error @ PaymentsError::NotFound { .. }) => {
                let now = self.retrieve_subscription(id).await?;
                if now.status.is_final() { Ok(now) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }
}
