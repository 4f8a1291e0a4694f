//! Previews of changes: what a change costs, shown before it is made, and a token by which exactly that is made.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Service;
use super::answer::Answer;
use super::command::{Command, SubscriptionChange};
use super::error::{Refusal, ServiceError};
use super::operation::{OperationRequest, billing_scope};
use super::refused_field::refused_price;
use super::subscription_change::{DecidedChange, SubscriptionChangeInput, within_period};
use super::subscription_foundation::{Foundation, moved_refusal};
use super::subscription_free::DecidedFree;
use crate::domain::audit::Actor;
use crate::domain::ids::{
    OrganizationId, PlanId, StripePriceId, StripeSubscriptionItemId, SubscriptionId, UserId,
};
use crate::domain::mirror::BillPreview;
use crate::domain::money::Money;
use crate::domain::plan::{BillingInterval, Plan};
use crate::domain::subscription::Subscription;
use crate::domain::subscription_change::{ChangeTiming, Proration};
use crate::payments::ChangePreview;
use crate::store::NewIdempotencyRecord;

/// How long a preview holds.
const HOLDS: Duration = Duration::minutes(15);
/// What the signing key is for. Another version of the token gets another name, and so another key.
const PURPOSE: &str = "subscription change preview, version 3";
/// The longest token that is looked at.
const LONGEST_TOKEN: usize = 8 * 1024;

/// What a change would come to.
#[derive(Clone, Debug)]
pub struct ChangePreviewed {
    /// Whether it takes effect at once.
    pub is_immediate: bool,
    /// When it takes effect.
    pub effective_at: DateTime<Utc>,
    /// From when the running period's difference is counted.
    pub proration_date: DateTime<Utc>,
    /// The bill that the change makes at once, if it makes one.
    pub bill: Option<BillPreview>,
    /// The next regular bill.
    pub next_bill: BillPreview,
    /// When that is due.
    pub next_bill_at: Option<DateTime<Utc>>,
    /// What is charged at once.
    pub due_now: Money,
    /// The plan before; `None` when its price is none of ours.
    pub old_plan: Option<Plan>,
    /// The plan after.
    pub plan: Plan,
    /// Units before.
    pub old_quantity: i64,
    /// Units after.
    pub quantity: i64,
    /// People who hold a seat.
    pub members: i64,
    /// Makes exactly this change, while it holds.
    pub token: String,
    /// Until when it holds.
    pub expires_at: DateTime<Utc>,
}

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Promise {
    organization_id: OrganizationId,
    subscription_id: SubscriptionId,
    plan_id: PlanId,
    /// The price; `None` of a free plan.
    price: Option<StripePriceId>,
    billing_interval: BillingInterval,
    quantity: i64,
    is_immediate: bool,
    proration: Proration,
    proration_date: DateTime<Utc>,
    due_minor: i64,
    promotion_code: Option<String>,
    foundation: Foundation,
    expires_at: DateTime<Utc>,
}

/// A token that is ours and was not altered.
#[derive(Clone, Debug)]
pub struct OpenedPreview {
    promise: Promise,
    digest: String,
}

impl OpenedPreview {
    /// Whose subscription it would change.
    pub const fn organization_id(&self) -> OrganizationId {
        self.promise.organization_id
    }

    /// Which.
    pub const fn subscription_id(&self) -> SubscriptionId {
        self.promise.subscription_id
    }
}

impl Service {
    /// Shows what a change would come to. Nothing is changed.
    pub async fn preview_change(
        &self,
        input: &SubscriptionChangeInput,
    ) -> Result<ChangePreviewed, ServiceError> {
        if let Some(plan) = self.free_plan_of(input).await? {
            let decided = self.decide_free(input, plan).await?;
            return self.preview_free(decided).await;
        }
        let mut decided = self.decide_change(input).await?;
        decided.promotion_code = self.redeemed_with(input, &decided).await?;
        let now = self.clock.now();
        let shown = self.stripe.retrieve_subscription(&decided.stripe_subscription_id).await?;
        let foundation = Foundation::of_row(&decided.subscription, decided.old_price.as_ref());
        // An event is on its way: what would be shown is not what the caller sees elsewhere.
        foundation.check(&Foundation::of_mirror(&shown))?;
        self.check_collection(input.organization_id, &decided.plan, &shown).await?;
        let Some(item) = shown.item.clone() else {
            return Err(ServiceError::NotFound("subscription item"));
        };
        // To the second, as Stripe counts: what is previewed is what is charged.
        let at = within_period(&decided.subscription, now);
        let proration_date = DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at);
        let ask = async |proration: Proration, recurring: bool| {
            let preview = ChangePreview {
                id: decided.stripe_subscription_id.clone(),
                item: item.clone(),
                price: decided.stripe_price.clone(),
                quantity: u64::try_from(decided.quantity).unwrap_or(1),
                proration,
                proration_date,
                redeemed: decided.promotion_code.clone().map(|code| (decided.held_discounts(), code)),
                recurring,
            };
            self.stripe.preview_change(preview).await.map_err(|error| match refused_price(&error) {
                Some(refusal) => refusal.into(),
                None => ServiceError::from(error),
            })
        };
        let terms = decided.terms;
        let bill = match terms.proration {
            Proration::InvoiceNow => Some(ask(Proration::InvoiceNow, false).await?),
            _ => None,
        };
        let next_bill = match terms.proration {
            Proration::NextInvoice => ask(Proration::NextInvoice, false).await?,
            Proration::None if terms.now => ask(Proration::None, false).await?,
            Proration::InvoiceNow | Proration::None => ask(Proration::None, true).await?,
        };
        let period_end = decided.subscription.current_period_end;
        let begins_anew = terms.now
            && decided.old_price.as_ref().map(|price| price.billing_interval)
                != Some(decided.price.billing_interval)
            && decided.subscription.status == crate::domain::subscription::SubscriptionStatus::Active;
        let next_bill_at = match &bill {
            Some(bill) if begins_anew => bill.lines.iter().map(|line| line.period_end).max(),
            _ => period_end,
        };
        let due_now = Money::new(
            bill.as_ref().map_or(0, |bill| bill.amount_due_minor.max(0)),
            decided.price.unit_amount.currency,
        );
        let expires_at = now + HOLDS;
        let promise = Promise {
            organization_id: input.organization_id,
            subscription_id: input.subscription_id,
            plan_id: decided.plan.id,
            price: Some(decided.stripe_price.clone()),
            billing_interval: decided.price.billing_interval,
            quantity: decided.quantity,
            is_immediate: terms.now,
            proration: terms.proration,
            proration_date,
            due_minor: due_now.minor,
            promotion_code: decided.promotion_code.clone(),
            foundation,
            expires_at,
        };
        Ok(ChangePreviewed {
            is_immediate: terms.now,
            effective_at: if terms.now { now } else { period_end.unwrap_or(now) },
            proration_date,
            bill,
            next_bill,
            next_bill_at,
            due_now,
            old_quantity: decided.subscription.quantity,
            old_plan: decided.old_plan,
            plan: decided.plan,
            quantity: decided.quantity,
            members: decided.members,
            token: self.seal(&promise)?,
            expires_at,
        })
    }

    /// What a change to a free plan would come to: nothing is billed any more, and the plan begins with the period's end.
    async fn preview_free(&self, decided: DecidedFree) -> Result<ChangePreviewed, ServiceError> {
        let now = self.clock.now();
        let subscription = &decided.subscription;
        let foundation = self.foundation_of(subscription).await?;
        let shown = self.stripe.retrieve_subscription(&decided.stripe_subscription_id).await?;
        foundation.check(&Foundation::of_mirror(&shown))?;
        let end = subscription.current_period_end.unwrap_or(now);
        let currency = decided.plan.price.currency;
        let expires_at = now + HOLDS;
        let promise = Promise {
            organization_id: subscription.organization_id,
            subscription_id: subscription.id,
            plan_id: decided.plan.id,
            price: None,
            billing_interval: decided.plan.billing_interval,
            quantity: decided.quantity,
            is_immediate: false,
            proration: Proration::None,
            proration_date: now,
            due_minor: 0,
            promotion_code: None,
            foundation,
            expires_at,
        };
        Ok(ChangePreviewed {
            is_immediate: false,
            effective_at: end,
            proration_date: now,
            bill: None,
            next_bill: BillPreview {
                currency,
                subtotal_minor: 0,
                discount_minor: 0,
                tax_minor: 0,
                total_minor: 0,
                amount_due_minor: 0,
                period_end: end,
                lines: Vec::new(),
                lines_complete: true,
            },
            next_bill_at: None,
            due_now: Money::new(0, currency),
            old_quantity: subscription.quantity,
            token: self.seal(&promise)?,
            old_plan: decided.old_plan,
            plan: decided.plan,
            quantity: decided.quantity,
            members: decided.members,
            expires_at,
        })
    }

    /// What is known of a subscription that changes of it are decided on.
    async fn foundation_of(&self, subscription: &Subscription) -> Result<Foundation, ServiceError> {
        let price = match (subscription.plan_id, subscription.price_id) {
            (Some(plan), Some(id)) => {
                let prices = self.store.prices_of(&[plan]).await?.remove(&plan).unwrap_or_default();
                prices.into_iter().find(|price| price.id == id)
            }
            _ => None,
        };
        Ok(Foundation::of_row(subscription, price.as_ref()))
    }

    fn seal(&self, promise: &Promise) -> Result<String, ServiceError> {
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(promise)?);
        let seal = URL_SAFE_NO_PAD.encode(self.preview_mac(&body).finalize().into_bytes());
        Ok(format!("{body}.{seal}"))
    }

    fn preview_mac(&self, body: &str) -> Hmac<Sha256> {
        let key = self.stripe.derived_key(PURPOSE);
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
        mac.update(body.as_bytes());
        mac
    }

    /// Reads a token, when it is ours and was not altered. Whether the caller may use it is the caller's to ask.
    pub fn open_preview(&self, token: &str) -> Result<OpenedPreview, ServiceError> {
        let refused = || Refusal::bad_input("token", "This is no token of a preview, or it was altered.");
        let (body, seal) =
            token.split_once('.').filter(|_| token.len() <= LONGEST_TOKEN).ok_or_else(refused)?;
        let seal = URL_SAFE_NO_PAD.decode(seal).map_err(|_| refused())?;
        self.preview_mac(body).verify_slice(&seal).map_err(|_| refused())?;
        let promise = URL_SAFE_NO_PAD
            .decode(body)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(refused)?;
        Ok(OpenedPreview { promise, digest: hex::encode(Sha256::digest(token)) })
    }

    /// Makes the change that was previewed, when it still is what was shown. The same token again is answered with the
    /// same operation.
    pub async fn apply_change(
        &self,
        actor: &Actor,
        user: UserId,
        opened: OpenedPreview,
    ) -> Result<Answer, ServiceError> {
        let OpenedPreview { promise, digest } = opened;
        let organization = promise.organization_id;
        let idempotency = NewIdempotencyRecord {
            user_id: user,
            organization_id: Some(organization),
            // Whoever applies it, it is applied once.
            scope_hash: hex::encode(Sha256::digest(format!("preview\n{digest}"))),
            mutation: "subscriptionApplyChange",
            input_hash: digest,
        };
        if let Some(answer) = self.answered_meanwhile(Some(&idempotency)).await? {
            return Ok(answer);
        }
        if promise.expires_at <= self.clock.now() {
            return Err(
                Refusal::conflict("The preview is older than 15 minutes. Preview the change again.").into()
            );
        }
        if promise.price.is_none() {
            let subscription = self.subscription_of(organization, promise.subscription_id).await?;
            promise.foundation.check(&self.foundation_of(&subscription).await?)?;
            let input = promised(&promise);
            let Some(plan) = self.free_plan_of(&input).await? else {
                return Err(moved_refusal(&["the plan, which is not offered any more"]).into());
            };
            let decided = self.decide_free(&input, plan).await.map_err(moved_since)?;
            return self.change_to_free(actor, decided, Some(promise.foundation), Some(idempotency)).await;
        }
        let decided = self.decide_again(&promise).await?;
        let mut command = decided.command(promise.proration_date, Some(promise.foundation));
        command.due_minor = Some(promise.due_minor).filter(|_| promise.proration == Proration::InvoiceNow);
        self.operate(OperationRequest {
            organization_id: Some(organization),
            actor: actor.clone(),
            scope: billing_scope(organization),
            idempotency: Some(idempotency),
            command: Command::SubscriptionChange(Box::new(command)),
        })
        .await
    }

    /// Asks once more what is due at once, and refuses when it is another amount: credit, tax and what waits to be billed are
    /// no part of the subscription that the change was decided on.
    pub(super) async fn check_due(
        &self,
        command: &SubscriptionChange,
        item: StripeSubscriptionItemId,
    ) -> Result<(), ServiceError> {
        let Some(due_minor) = command.due_minor else { return Ok(()) };
        let bill = self.stripe.preview_change(ChangePreview {
            id: command.stripe_subscription_id.clone(),
            item,
            price: command.price.clone(),
            quantity: u64::try_from(command.quantity).unwrap_or(1),
            proration: command.proration,
            proration_date: command.proration_date,
            redeemed: command.promotion_code.clone().map(|code| (command.held_discounts.clone(), code)),
            recurring: false,
        });
        if bill.await?.amount_due_minor.max(0) == due_minor {
            return Ok(());
        }
        Err(moved_refusal(&["what is due at once (credit, tax, or what waits to be billed)"]).into())
    }

    /// Decides a previewed change once more, and refuses when it comes out differently.
    async fn decide_again(&self, promise: &Promise) -> Result<DecidedChange, ServiceError> {
        let subscription = self.subscription_of(promise.organization_id, promise.subscription_id).await?;
        promise.foundation.check(&self.foundation_of(&subscription).await?)?;
        let input = promised(promise);
        let mut decided = match self.decide_change(&input).await {
            Ok(decided) => decided,
            Err(error) => return Err(moved_since(error)),
        };
        decided.promotion_code.clone_from(&promise.promotion_code);
        // A plan may have got another price since, in the place of the one that was shown.
        if Some(&decided.stripe_price) != promise.price.as_ref() {
            return Err(moved_refusal(&["the price of the plan"]).into());
        }
        let differs =
            decided.terms.now != promise.is_immediate || decided.terms.proration != promise.proration;
        if differs { Err(moved_refusal(&["how the change is billed"]).into()) } else { Ok(decided) }
    }
}

/// The change that was promised.
fn promised(promise: &Promise) -> SubscriptionChangeInput {
    SubscriptionChangeInput {
        organization_id: promise.organization_id,
        subscription_id: promise.subscription_id,
        plan_id: Some(promise.plan_id),
        billing_interval: Some(promise.billing_interval),
        quantity: Some(promise.quantity),
        timing: if promise.is_immediate { ChangeTiming::Now } else { ChangeTiming::PeriodEnd },
        // The one that was found then: it is Stripe's to say whether it still can be redeemed.
        promotion_code: None,
    }
}

/// Why a promise cannot be kept: the subscription is as it was, so it is the plan or the members that moved.
fn moved_since(error: ServiceError) -> ServiceError {
    let ServiceError::Refused(refusals) = error else { return error };
    let reasons: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
    Refusal::conflict(format!(
        "Since the preview something has changed. {} Preview the change again.",
        reasons.join(" ")
    ))
    .into()
}
