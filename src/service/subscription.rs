//! Subscribing.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::check_still_held;
use super::command::{Command, SubscriptionCreate};
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::mirror::{Rows, Seen};
use super::operation::{
    OPERATION_METADATA, ORGANIZATION_METADATA, OperationRequest, Running, Settlement, billing_scope,
    recorded, written,
};
use super::subscription_change::check_seats;
use super::subscription_terms::MAXIMUM_TRIAL_DAYS;
use super::trial::trial_taken;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::billing_policy::TrialEnd;
use crate::domain::ids::{
    OrganizationId, PaymentMethodId, PlanId, StripePriceId, StripeSubscriptionId, SubscriptionId,
};
use crate::domain::mirror::{InvoiceMirror, MirrorObject, SubscriptionMirror};
use crate::domain::money::Currency;
use crate::domain::payment::PaymentStatus;
use crate::domain::permission::Permission;
use crate::domain::plan::{BillingInterval, Plan, Price};
use crate::domain::subscription::{Subscription, SubscriptionStatus};
use crate::payments::{
    CancellationReason, MissingPaymentMethod, NewSubscription, ObjectKind, PaymentBehavior, PaymentsError,
};

/// Seats at most in one subscription.
pub(super) const MAXIMUM_QUANTITY: i64 = 1_000_000;

/// A new subscription.
#[derive(Clone, Debug, Serialize)]
pub struct SubscriptionCreateInput {
    /// Who subscribes.
    pub organization_id: OrganizationId,
    /// To what.
    pub plan_id: PlanId,
    /// At which of the plan's prices; the default price's interval when not given.
    pub billing_interval: Option<BillingInterval>,
    /// In which currency; the organization's, else the default price's.
    pub currency: Option<Currency>,
    /// Seats.
    pub quantity: i64,
    /// What is charged; the organization's default when not given.
    pub payment_method_id: Option<PaymentMethodId>,
    /// Whether to start with the plan's trial, if it has one. Whoever had one is refused.
    pub trial: bool,
    /// A promotion code as people type it.
    pub promotion_code: Option<String>,
    /// A coupon at Stripe, by its id: support gives it.
    pub coupon: Option<String>,
    /// Days of trial that support gives, whoever had one before.
    pub trial_days: Option<i32>,
}

/// The days of trial that support gives.
fn given_trial(input: &SubscriptionCreateInput, refusals: &mut Refusals) -> Option<u32> {
    let days = input.trial_days?;
    let refused = if !input.trial {
        Some("Without a trial it has no days.".to_owned())
    } else if !(1..=MAXIMUM_TRIAL_DAYS).contains(&i64::from(days)) {
        Some(format!("A trial lasts 1 to {MAXIMUM_TRIAL_DAYS} days."))
    } else {
        None
    };
    if let Some(message) = refused {
        refusals.add(Refusal::bad_input("trialDays", message));
    }
    u32::try_from(days).ok()
}

impl Service {
    /// Subscribes an organization to a plan.
    pub async fn create_subscription(
        &self,
        actor: &Actor,
        input: SubscriptionCreateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        let once = self.create_subscription_once(actor, input, idempotency.clone());
        self.once(idempotency.as_ref(), Box::pin(once)).await
    }

    async fn create_subscription_once(
        &self,
        actor: &Actor,
        input: SubscriptionCreateInput,
        idempotency: Option<crate::store::NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        let organization = self
            .store
            .find_organization(input.organization_id)
            .await?
            .ok_or(ServiceError::NotFound("organization"))?;
        let mut refusals = Refusals::default();
        if !(1..=MAXIMUM_QUANTITY).contains(&input.quantity) {
            refusals.add(Refusal::bad_input("quantity", format!("Seats are 1 to {MAXIMUM_QUANTITY}.")));
        }
        let given_days = given_trial(&input, &mut refusals);
        if input.coupon.is_some() && input.promotion_code.is_some() {
            let message = "Give a coupon or a promotion code, not both.";
            refusals.add(Refusal::bad_input("stripeCouponId", message));
        }
        let plan = self.visible_plan(input.plan_id, organization.id).await?;
        if plan.is_none() {
            refusals.add(Refusal::at("planId", ErrorCode::NotFound, "There is no such plan."));
        }
        let payment_method = match input.payment_method_id {
            None => None,
            Some(id) => {
                let method = self.store.find_payment_method(organization.id, id).await?;
                match method {
                    Some(method) if method.detached_at.is_none() => Some(method.stripe_payment_method_id),
                    _ => {
                        refusals.add(Refusal::at(
                            "paymentMethodId",
                            ErrorCode::NotFound,
                            "The organization has no such payment method.",
                        ));
                        None
                    }
                }
            }
        };
        refusals.finish()?;
        let plan = plan.expect("refused above when there is none");
        if !plan.is_active {
            return Err(Refusal::at(
                "planId",
                ErrorCode::PlanUnavailable,
                "This plan is not offered any more.",
            )
            .into());
        }

        let current =
            self.store.find_current_subscription(organization.id).await?.map(|view| view.subscription);
        let incomplete = self.store.find_incomplete_subscription(organization.id).await?;
        let (replaces_free, replaces_incomplete) = replaced(current.as_ref(), incomplete, &plan)?;
        self.check_members(&plan, organization.id, input.quantity).await?;
        if plan.is_free() {
            let given = [("stripeCouponId", input.coupon.is_some()), ("trialDays", given_days.is_some())];
            if let Some((path, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                return Err(Refusal::bad_input(path, "A free plan is not billed.").into());
            }
            return self.create_free_subscription(actor, &plan, &input, idempotency.as_ref()).await;
        }
        let prices = self.store.prices_of(&[plan.id]).await?.remove(&plan.id).unwrap_or_default();
        let currency = input.currency.or(organization.currency);
        let price = chosen_price(&plan, &prices, input.billing_interval, currency)?;
        if let Some(fixed) = organization.currency
            && price.unit_amount.currency != fixed
        {
            return Err(Refusal::bad_input(
                "currency",
                format!("This organization is billed in {fixed}. Stripe fixes a customer's currency with the first charge."),
            )
            .into());
        }
        let Some(stripe_price) = price.stripe_price_id.clone() else {
            return Err(Refusal::at(
                "planId",
                ErrorCode::PlanUnavailable,
                "This price is not published to Stripe yet.",
            )
            .into());
        };
        let promotion_code = self
            .redeemable(input.promotion_code.as_deref(), organization.stripe_customer_id.as_ref())
            .await?;
        let coupon = match &input.coupon {
            Some(id) => Some(self.valid_coupon(id).await?),
            None => None,
        };
        let trial_days = match given_days {
            Some(days) => days,
            None => self.trial_days(&plan, organization.id, input.trial).await?,
        };
        self.operate(OperationRequest {
            organization_id: Some(organization.id),
            actor: actor.clone(),
            scope: billing_scope(organization.id),
            idempotency,
            command: Command::SubscriptionCreate(SubscriptionCreate {
                organization_id: organization.id,
                plan_id: plan.id,
                price: stripe_price,
                quantity: input.quantity,
                can_charge: payment_method.is_some()
                    || self.default_payment_method(organization.id).await?.is_some(),
                payment_method,
                trial_days,
                trial_is_given: given_days.is_some(),
                trial_end: self.store.policy_of(organization.id).await?.policy.trial_end,
                promotion_code,
                coupon,
                replaces_free,
                replaces_incomplete,
                days_until_due: self.days_until_due(&plan, organization.id).await?,
            }),
        })
        .await
    }

    async fn create_free_subscription(
        &self,
        actor: &Actor,
        plan: &Plan,
        input: &SubscriptionCreateInput,
        idempotency: Option<&crate::store::NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        // Read again under the lock: two at once must not both find nothing.
        let transaction = self.store.begin_in(input.organization_id).await?;
        check_still_held(&transaction, input.organization_id, actor, Permission::SubscriptionWrite).await?;
        if transaction.has_live_subscription(input.organization_id).await? {
            return Err(already_subscribed());
        }
        let created =
            transaction.create_free_subscription(input.organization_id, plan, input.quantity).await?;
        let entry =
            AuditEntry::new(Some(input.organization_id), "subscription.create", "subscription", created.id)
                .created(created.audit_values());
        Answer::of(Resource::Subscription(created.id)).commit(transaction, actor, entry, idempotency).await
    }

    /// Refuses fewer seats than the organization has members.
    pub(super) async fn check_members(
        &self,
        plan: &Plan,
        organization: OrganizationId,
        quantity: i64,
    ) -> Result<(), ServiceError> {
        if plan.seats_included.is_none() {
            return Ok(());
        }
        let members = i64::try_from(self.store.count_members(organization).await?).unwrap_or(i64::MAX);
        check_seats(plan, quantity, members)
    }

    /// Refuses a plan or a price that was taken off the list since it was chosen.
    pub(super) async fn check_sold(&self, plan: &Plan, price: &StripePriceId) -> Result<(), ServiceError> {
        let prices = self.store.prices_of(&[plan.id]).await?.remove(&plan.id).unwrap_or_default();
        let is_sold = prices.iter().any(|it| it.is_active && it.stripe_price_id.as_ref() == Some(price));
        if plan.is_active && is_sold {
            return Ok(());
        }
        Err(Refusal::at(
            "planId",
            ErrorCode::PlanUnavailable,
            "This plan, or its price, is not offered any more. Look at the plans again.",
        )
        .into())
    }

    /// A plan that the organization may see.
    pub(super) async fn visible_plan(
        &self,
        id: PlanId,
        organization: OrganizationId,
    ) -> Result<Option<Plan>, ServiceError> {
        let plan = self.store.find_plan(id).await?;
        Ok(plan.filter(|plan| match plan.organization_id {
            Some(owner) => owner == organization,
            None => plan.is_public,
        }))
    }

    pub(super) async fn perform_subscription_create(
        &self,
        running: &Running<'_>,
        command: SubscriptionCreate,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        if running.is_unchecked() {
            self.check_still_vacant(&command).await?;
            let plan = self.store.find_plan(command.plan_id).await?.ok_or(ServiceError::NotFound("plan"))?;
            self.check_members(&plan, organization_id, command.quantity).await?;
            self.check_sold(&plan, &command.price).await?;
            let takes_trial = command.trial_days > 0 && !command.trial_is_given;
            if takes_trial && self.store.has_had_trial(organization_id).await? {
                return Err(trial_taken("This organization has had its trial.").into());
            }
            self.checked(running).await?;
        }
        let (_, customer) = self.ensure_customer(running, organization_id).await?;
        let mut seen = Vec::new();
        if let Some(incomplete) = &command.replaces_incomplete {
            seen.extend(self.end_incomplete(running, organization_id, incomplete).await?);
        }
        let metadata = [
            (ORGANIZATION_METADATA.to_owned(), organization_id.to_string()),
            (OPERATION_METADATA.to_owned(), running.record.operation.id.to_string()),
        ];
        let subscription = self
            .stripe
            .create_subscription(
                NewSubscription {
                    customer,
                    price: command.price,
                    quantity: u64::try_from(command.quantity).unwrap_or(1),
                    // With a method the first payment is tried at once; without one the front end collects it.
                    payment_behavior: if command.can_charge {
                        PaymentBehavior::AllowIncomplete
                    } else {
                        PaymentBehavior::DefaultIncomplete
                    },
                    default_payment_method: command.payment_method,
                    promotion_code: command.promotion_code,
                    coupon: command.coupon,
                    trial_days: (command.trial_days > 0).then_some(command.trial_days),
                    missing_payment_method: match command.trial_end {
                        TrialEnd::Cancel => MissingPaymentMethod::Cancel,
                        TrialEnd::Pause => MissingPaymentMethod::Pause,
                        TrialEnd::Invoice => MissingPaymentMethod::CreateInvoice,
                    },
                    days_until_due: command.days_until_due,
                    metadata: metadata.into(),
                },
                &running.key("create"),
            )
            .await?;
        let free = match command.replaces_free {
            Some(id) => self.store.find_subscription(organization_id, id).await?,
            None => None,
        };
        let (created, secret) = if running.is_first_attempt() {
            self.see_subscription(subscription).await?
        } else {
            let (seen, secret, _) = self.see_changed_anew(&subscription.id).await?;
            (seen, secret)
        };
        // The new one last: it is the one that the settlement speaks of.
        seen.extend(created);
        self.settle(running, organization_id, seen, free.as_ref(), |rows| {
            let (_, new) = written(rows.subscription.as_ref());
            let entry = AuditEntry::new(Some(organization_id), "subscription.create", "subscription", new.id);
            first_payment(&new, rows, entry.created(new.audit_values()), secret.clone())
        })
        .await
    }

    /// Ends a subscription whose first payment was never made. Stripe decides whether it was: its event may be on its way.
    async fn end_incomplete(
        &self,
        running: &Running<'_>,
        organization: OrganizationId,
        incomplete: &StripeSubscriptionId,
    ) -> Result<Vec<Seen>, ServiceError> {
        let now = match self.stripe.retrieve_subscription(incomplete).await {
            Err(PaymentsError::NotFound { .. }) => return Ok(Vec::new()),
            now => now?,
        };
        // It expired or was canceled meanwhile, perhaps by an earlier attempt of this very operation, which may have died
        // before it gave anything back.
        let canceled = if now.status.is_final() {
            now
        } else {
            self.cancel_incomplete(running, incomplete, &now).await?
        };
        // Somebody may have paid between the look and the end. Money that cannot be given back is told, and no second
        // subscription is begun on top of it.
        let refusals = self.give_back_paid_for(running, organization, &canceled).await?;
        if !refusals.is_empty() {
            return Err(ServiceError::Refused(refusals));
        }
        Ok(vec![self.see(ObjectKind::Subscription, incomplete.as_str()).await?])
    }

    async fn cancel_incomplete(
        &self,
        running: &Running<'_>,
        incomplete: &StripeSubscriptionId,
        now: &SubscriptionMirror,
    ) -> Result<SubscriptionMirror, ServiceError> {
        if now.status != SubscriptionStatus::Incomplete {
            return Err(Refusal::conflict(
                "The first payment of the subscription that was begun before has been made meanwhile: it is live. \
                 Change or cancel that one.",
            )
            .into());
        }
        if self.is_with_bank(now).await? {
            return Err(Refusal::conflict(
                "The first payment of the subscription that was begun before is with the bank, which has not decided yet. \
                 Nothing was charged again.",
            )
            .into());
        }
        let key = running.key("cancel-incomplete");
        let reason = CancellationReason::default();
        match self.stripe.cancel_subscription_now(incomplete, &reason, false, &key).await {
            Ok(canceled) => Ok(canceled),
            // It expired at this very moment.
            Err(PaymentsError::NotFound { .. } | PaymentsError::InvalidRequest { .. }) => {
                let now = self.stripe.retrieve_subscription(incomplete).await?;
                if now.status.is_final() { Ok(now) } else { Err(already_subscribed()) }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Looks again now that the operation holds the organization's billing: what was read before may have been of before
    /// another one's end. Only before anything is sent: later it may find what it made itself.
    async fn check_still_vacant(&self, command: &SubscriptionCreate) -> Result<(), ServiceError> {
        let current = self.store.find_current_subscription(command.organization_id).await?;
        let incomplete = self.store.find_incomplete_subscription(command.organization_id).await?;
        // An incomplete one may stand behind a free one.
        for row in current.map(|view| view.subscription).into_iter().chain(incomplete) {
            let is_replaced = command.replaces_free == Some(row.id)
                || (row.stripe_subscription_id.is_some()
                    && row.stripe_subscription_id == command.replaces_incomplete);
            if !row.status.is_final() && !is_replaced {
                return Err(already_subscribed());
            }
        }
        Ok(())
    }

    /// What the answer of a creation shows: the subscription, its first invoice, and the payments of that.
    async fn see_subscription(
        &self,
        mut subscription: SubscriptionMirror,
    ) -> Result<(Vec<Seen>, Option<String>), ServiceError> {
        let invoice = subscription.latest_invoice.take();
        let mut seen = vec![self.seen_new(MirrorObject::Subscription(subscription))];
        let Some(invoice) = invoice else { return Ok((seen, None)) };
        let invoice: InvoiceMirror = *invoice;
        let secret = invoice.client_secret.clone();
        let intents = invoice.payment_intents.clone().unwrap_or_default();
        let payments = self.see_payments_of(&invoice.id, &intents).await?;
        seen.push(self.seen_new(MirrorObject::Invoice(invoice)));
        seen.extend(payments);
        Ok((seen, secret))
    }

    pub(super) async fn settle_subscription(
        &self,
        running: &Running<'_>,
        organization: OrganizationId,
        subscription: SubscriptionMirror,
        before: Option<chrono::DateTime<chrono::Utc>>,
    ) -> Result<Answer, ServiceError> {
        let kind = running.record.operation.kind.clone();
        let id = subscription.id.clone();
        let at = super::mirror::later(self.clock.now(), before);
        let shown = Seen { object: MirrorObject::Subscription(subscription), before, at, invoice: None };
        let seen = vec![self.seen_of(running, shown, ObjectKind::Subscription, id.as_str()).await?];
        self.settle(running, organization, seen, None, |rows| {
            let (old, new) = written(rows.subscription.as_ref());
            let entry = AuditEntry::new(Some(organization), kind.clone(), "subscription", new.id);
            Settlement {
                state: OperationState::Confirmed,
                resource: Some(Resource::Subscription(new.id)),
                client_secret: None,
                refusals: Vec::new(),
                audit: recorded(entry, old.map(|old| old.audit_values()), new.audit_values()),
            }
        })
        .await
    }

    pub(super) async fn subscription_of(
        &self,
        organization: OrganizationId,
        id: SubscriptionId,
    ) -> Result<Subscription, ServiceError> {
        self.store.find_subscription(organization, id).await?.ok_or(ServiceError::NotFound("subscription"))
    }
}

pub(super) fn already_subscribed() -> ServiceError {
    Refusal::conflict("This organization has a live subscription already. Change or cancel that one.").into()
}

/// What a new subscription to `plan` takes the place of: a free one, one that was never paid, or both.
fn replaced(
    current: Option<&Subscription>,
    incomplete: Option<Subscription>,
    plan: &Plan,
) -> Result<(Option<SubscriptionId>, Option<StripeSubscriptionId>), ServiceError> {
    match current {
        Some(current) if current.status == SubscriptionStatus::Incomplete => {
            Ok((None, current.stripe_subscription_id.clone()))
        }
        Some(current)
            if current.status.is_live() && current.stripe_subscription_id.is_none() && !plan.is_free() =>
        {
            Ok((Some(current.id), incomplete.and_then(|row| row.stripe_subscription_id)))
        }
        Some(current) if current.status.is_live() || !current.status.is_final() => Err(already_subscribed()),
        _ => Ok((None, None)),
    }
}

/// The active price of the interval and currency asked for.
pub(super) fn chosen_price<'a>(
    plan: &Plan,
    prices: &'a [Price],
    interval: Option<BillingInterval>,
    currency: Option<Currency>,
) -> Result<&'a Price, ServiceError> {
    let interval = interval.unwrap_or(plan.billing_interval);
    let currency = currency.unwrap_or(plan.price.currency);
    prices
        .iter()
        .find(|price| {
            price.is_active && price.billing_interval == interval && price.unit_amount.currency == currency
        })
        .ok_or_else(|| {
            let offered: Vec<String> = prices
                .iter()
                .filter(|price| price.is_active)
                .map(|price| format!("{} by the {}", price.unit_amount.currency, price.billing_interval))
                .collect();
            Refusal::at(
                "billingInterval",
                ErrorCode::PlanUnavailable,
                format!(
                    "This plan is not sold in {currency} by the {interval}. It is sold in {}.",
                    offered.join(", ")
                ),
            )
            .into()
        })
}

/// What a subscription's first payment came to.
fn first_payment(
    subscription: &Subscription,
    rows: &Rows,
    entry: AuditEntry,
    client_secret: Option<String>,
) -> Settlement {
    let payment = rows.payment.as_ref().map(|(_, payment)| payment);
    let declined = payment.filter(|payment| payment.status == PaymentStatus::Failed);
    let resource = Some(Resource::Subscription(subscription.id));
    // The bank has the first payment and decides later: the mirror learns it.
    if rows.is_with_bank && !subscription.status.is_final() {
        return Settlement {
            state: OperationState::Pending,
            resource,
            client_secret: None,
            refusals: Vec::new(),
            audit: entry,
        };
    }
    if subscription.status != SubscriptionStatus::Incomplete {
        return Settlement {
            state: OperationState::Confirmed,
            resource,
            client_secret: None,
            refusals: Vec::new(),
            audit: entry,
        };
    }
    if let Some(failure) = declined.and_then(|payment| payment.failure.as_ref()) {
        return Settlement {
            state: OperationState::Failed,
            resource,
            client_secret,
            refusals: vec![Refusal::declined(failure)],
            audit: entry.failed(),
        };
    }
    let must_act = payment.is_some_and(|payment| payment.status == PaymentStatus::RequiresAction);
    let refusals = if must_act {
        vec![Refusal::at(
            "",
            ErrorCode::PaymentActionRequired,
            "The bank asks the cardholder to confirm this payment. Go on with the client secret.",
        )]
    } else {
        Vec::new()
    };
    Settlement { state: OperationState::RequiresAction, resource, client_secret, refusals, audit: entry }
}
