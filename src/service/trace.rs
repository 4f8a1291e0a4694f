//! What Stripe shows of each kind of operation, asked for by its objects, our notes on them, or its key. There is an arm for
//! every command: the compiler misses none.

use chrono::{DateTime, Duration, Utc};

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, InvoiceChange, InvoicePay};
use super::error::ServiceError;
use super::invoice_change::InvoiceAct;
use super::mirror::Seen;
use super::operation::{OPERATION_METADATA, ORGANIZATION_METADATA};
use crate::domain::billing_details::CustomerDetails;
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, StripeCustomerId, StripeSubscriptionId};
use crate::domain::invoice::InvoiceStatus;
use crate::domain::mirror::{CustomerMirror, MirrorObject, PaymentIntentMirror, SubscriptionMirror};
use crate::domain::payment::PaymentStatus;
use crate::domain::subscription::{CancellationTime, NextPlan, SubscriptionStatus};
use crate::payments::{IdempotencyKey, Note, ObjectKind};
use crate::store::OperationRecord;

/// What Stripe made for an operation was made after it was written down, by Stripe's clock, which may differ from ours.
pub(super) const CLOCKS_DIFFER: Duration = Duration::hours(1);
/// The customer's key is the organization's, and an earlier operation may have sent it.
const CUSTOMER_KEY_KEPT: Duration = Duration::days(1);

/// What Stripe shows of an operation.
pub(super) enum Trace {
    /// The objects that it is about, and what they say of it.
    Shown(OperationState, Vec<Seen>),
    /// What it opened at Stripe, which has no row here: its state, the noun, and Stripe's id.
    Opened(OperationState, Resource, &'static str, String),
    /// It was finished from what Stripe has.
    Settled(Box<Answer>),
    /// There is nothing of it.
    Nothing,
    /// It was not done, and nobody but us could ask for it again.
    AskAgain,
}

const fn state_of(is_done: bool) -> OperationState {
    if is_done { OperationState::Confirmed } else { OperationState::Failed }
}

/// What a payment intent says of an attempt to charge it. What the bank still thinks about is pending; what was never
/// attempted was not done.
fn state_of_charge(intent: &PaymentIntentMirror) -> OperationState {
    match intent.status {
        PaymentStatus::Succeeded => OperationState::Confirmed,
        PaymentStatus::RequiresAction => OperationState::RequiresAction,
        PaymentStatus::Pending if PaymentStatus::is_with_bank(&intent.stripe_status) => {
            OperationState::Pending
        }
        PaymentStatus::Pending => {
            let was_attempted =
                !matches!(intent.stripe_status.as_str(), "requires_payment_method" | "requires_confirmation");
            state_of(was_attempted)
        }
        PaymentStatus::Failed | PaymentStatus::Canceled => OperationState::Failed,
    }
}

/// Whether it is a payment that a bank has, and decides later about.
fn has_bank(seen: &Seen) -> bool {
    matches!(&seen.object, MirrorObject::PaymentIntent(intent)
        if PaymentStatus::is_with_bank(&intent.stripe_status))
}

impl Service {
    pub(super) async fn trace(
        &self,
        record: &OperationRecord,
        command: &Command,
    ) -> Result<Trace, ServiceError> {
        let id = record.operation.id.to_string();
        let of_operation = Note { name: OPERATION_METADATA, value: &id };
        Ok(match command {
            Command::SubscriptionCreate(it) => {
                let Some(customer) = self.traced_customer(record, it.organization_id).await? else {
                    return Ok(Trace::Nothing);
                };
                match self.stripe.find_subscription_by_metadata(&customer, OPERATION_METADATA, &id).await? {
                    None => Trace::Nothing,
                    Some(found) => {
                        let seen = self.see(ObjectKind::Subscription, found.id.as_str()).await?;
                        // The first payment could be made for 23 hours: what is not paid by now will not be.
                        let is_paid =
                            !found.status.is_final() && found.status != SubscriptionStatus::Incomplete;
                        let mut shown = self.see_first_payment(&found).await?;
                        let is_with_bank = !found.status.is_final() && shown.iter().any(has_bank);
                        shown.push(seen);
                        let state = if is_with_bank { OperationState::Pending } else { state_of(is_paid) };
                        Trace::Shown(state, shown)
                    }
                }
            }
            Command::SubscriptionCancel(it) => {
                let is_done = |now: &SubscriptionMirror| match it.when {
                    CancellationTime::Now => now.status.is_final(),
                    CancellationTime::PeriodEnd => {
                        let is_noted = it.next_plan.is_none_or(|(plan_id, quantity)| {
                            now.next_plan == Some(NextPlan { plan_id, quantity })
                        });
                        is_noted && (now.status.is_final() || now.cancel_at_period_end)
                    }
                };
                self.trace_subscription(&it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionResume(it) => {
                let is_done = |now: &SubscriptionMirror| {
                    let goes_on = !now.cancel_at_period_end && now.cancel_at.is_none();
                    goes_on && !now.status.is_final() && now.status != SubscriptionStatus::Paused
                };
                self.trace_paid_change(&it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionChange(it) => {
                let is_done = |now: &SubscriptionMirror| {
                    if it.now {
                        now.price.as_ref() == Some(&it.price) && now.quantity == it.quantity
                    } else {
                        // Arranged, or in effect by now.
                        let (price, quantity) = match now.scheduled_change() {
                            Some(change) => (Some(change.stripe_price_id), change.quantity),
                            None => (now.price.clone(), now.quantity),
                        };
                        price.as_ref() == Some(&it.price) && quantity == it.quantity
                    }
                };
                self.trace_paid_change(&it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionScheduledChangeRevoke(it) => {
                let is_done = |now: &SubscriptionMirror| {
                    now.schedule.as_ref().is_none_or(|schedule| schedule.id != it.schedule)
                };
                self.trace_subscription(&it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionCollectionPause(it) => {
                let is_done = |now: &SubscriptionMirror| now.collection_paused;
                self.trace_subscription(&it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionCollectionResume(it) => {
                let is_done = |now: &SubscriptionMirror| !now.collection_paused;
                self.trace_subscription(&it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionTrial(it) => {
                let is_done = |now: &SubscriptionMirror| match it.until {
                    None => now.status != SubscriptionStatus::Trialing,
                    Some(until) => now.trial_end.is_some_and(|end| end.timestamp() == until.timestamp()),
                };
                self.trace_paid_change(&it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionDiscount(it) => {
                let is_done = |now: &SubscriptionMirror| {
                    let mut held = now.discounts.iter().flatten();
                    match (&it.promotion_code, &it.coupon) {
                        (Some(code), _) => held.any(|one| one.promotion_code.as_ref() == Some(code)),
                        // One that came by a code is another's.
                        (None, Some(coupon)) => held
                            .any(|one| one.coupon.as_ref() == Some(coupon) && one.promotion_code.is_none()),
                        (None, None) => held.next().is_none(),
                    }
                };
                self.trace_subscription(&it.stripe_subscription_id, is_done).await?
            }
            Command::SubscriptionRestore(it) => self.trace_restore(it).await?,
            Command::SubscriptionRecover(it) => {
                let mut seen = Vec::new();
                let mut is_done = true;
                for draft in &it.drafts {
                    let invoice = self.see(ObjectKind::Invoice, draft.as_str()).await?;
                    if let MirrorObject::Invoice(shown) = &invoice.object {
                        is_done &= shown.status != InvoiceStatus::Draft;
                        let intents = shown.payment_intents.clone().unwrap_or_default();
                        seen.extend(self.see_payments_of(draft, &intents).await?);
                    }
                    seen.push(invoice);
                }
                seen.push(self.see(ObjectKind::Subscription, it.stripe_subscription_id.as_str()).await?);
                Trace::Shown(state_of(is_done), seen)
            }
            Command::SubscriptionCancelDuplicate(it) => self.trace_duplicate(it).await?,
            Command::CustomerSync(it) => {
                let Some(customer) = self.traced_customer(record, it.organization_id).await? else {
                    return Ok(Trace::Nothing);
                };
                let row = self.store.find_organization(it.organization_id).await?;
                let row = row.ok_or(ServiceError::NotFound("organization"))?;
                let seen = self.see(ObjectKind::Customer, customer.as_str()).await?;
                let wanted = CustomerDetails::wanted(&it.details, &row.name);
                let is_done = self.stripe.customer_details(&customer).await? == Some(wanted);
                Trace::Shown(state_of(is_done), vec![seen])
            }
            Command::CustomerRecreate(it) => {
                let since = record.operation.created_at - CLOCKS_DIFFER;
                match self.stripe.find_customer(of_operation, since).await? {
                    None => Trace::Nothing,
                    Some(customer) => {
                        Trace::Settled(Box::new(self.settle_recreated_customer(record, it, &customer).await?))
                    }
                }
            }
            Command::InvoicePay(it) => self.trace_invoice_payment(it).await?,
            Command::InvoiceChange(it) => self.trace_invoice_change(record, it).await?,
            Command::CreditNoteCreate(it) => {
                match self.stripe.find_credit_note(&it.stripe_invoice_id, of_operation).await? {
                    None => Trace::Nothing,
                    Some(id) => {
                        let seen = vec![
                            self.see(ObjectKind::Invoice, it.stripe_invoice_id.as_str()).await?,
                            self.see(ObjectKind::CreditNote, &id).await?,
                        ];
                        // One that was voided since was made all the same.
                        Trace::Shown(OperationState::Confirmed, seen)
                    }
                }
            }
            Command::PaymentMethodSetup(it) => {
                let Some(customer) = self.traced_customer(record, it.organization_id).await? else {
                    return Ok(Trace::Nothing);
                };
                match self.stripe.find_setup_intent(&customer, of_operation).await? {
                    None => Trace::Nothing,
                    Some(id) => {
                        let setup = self.stripe.retrieve_setup_intent(&id).await?;
                        let state = state_of(setup.status != "canceled");
                        Trace::Opened(state, Resource::SetupIntent(id.clone()), "setup_intent", id)
                    }
                }
            }
            Command::PaymentMethodAttach(it) => {
                let Some(customer) = self.traced_customer(record, it.organization_id).await? else {
                    return Ok(Trace::Nothing);
                };
                let method = self.see(ObjectKind::PaymentMethod, it.payment_method.as_str()).await?;
                let MirrorObject::PaymentMethod(shown) = &method.object else { return Ok(Trace::Nothing) };
                if shown.customer.as_ref() != Some(&customer) {
                    return Ok(Trace::Nothing);
                }
                let customer = self.see(ObjectKind::Customer, customer.as_str()).await?;
                let is_done = matches!(&customer.object, MirrorObject::Customer(shown)
                    if !it.make_default || shown.default_payment_method.as_ref() == Some(&it.payment_method));
                Trace::Shown(state_of(is_done), vec![method, customer])
            }
            Command::PaymentMethodSetDefault(it) => {
                let Some(customer) = self.traced_customer(record, it.organization_id).await? else {
                    return Ok(Trace::Nothing);
                };
                let method = self.see(ObjectKind::PaymentMethod, it.payment_method.as_str()).await?;
                let customer = self.see(ObjectKind::Customer, customer.as_str()).await?;
                let is_done = matches!(&customer.object, MirrorObject::Customer(shown)
                    if shown.default_payment_method.as_ref() == Some(&it.payment_method));
                Trace::Shown(state_of(is_done), vec![method, customer])
            }
            Command::PaymentMethodDetach(it) => {
                let Some(customer) = self.traced_customer(record, it.organization_id).await? else {
                    return Ok(Trace::Nothing);
                };
                let method = self.see(ObjectKind::PaymentMethod, it.payment_method.as_str()).await?;
                let is_done =
                    matches!(&method.object, MirrorObject::PaymentMethod(shown) if shown.customer.is_none());
                let customer = self.see(ObjectKind::Customer, customer.as_str()).await?;
                Trace::Shown(state_of(is_done), vec![method, customer])
            }
            Command::PaymentIntentCreate(it) => {
                let Some(customer) = self.traced_customer(record, it.organization_id).await? else {
                    return Ok(Trace::Nothing);
                };
                match self.stripe.find_payment_intent_by_metadata(&customer, OPERATION_METADATA, &id).await? {
                    None => Trace::Nothing,
                    Some(found) => {
                        let seen = self.see(ObjectKind::PaymentIntent, found.as_str()).await?;
                        let state = match &seen.object {
                            MirrorObject::PaymentIntent(now) if it.confirm => state_of_charge(now),
                            _ => OperationState::Confirmed,
                        };
                        Trace::Shown(state, vec![seen])
                    }
                }
            }
            Command::PaymentIntentConfirm(it) => {
                let seen = self.see(ObjectKind::PaymentIntent, it.stripe_payment_intent_id.as_str()).await?;
                let MirrorObject::PaymentIntent(now) = &seen.object else { return Ok(Trace::Nothing) };
                Trace::Shown(state_of_charge(now), vec![seen])
            }
            Command::PaymentIntentCancel(it) => {
                let seen = self.see(ObjectKind::PaymentIntent, it.stripe_payment_intent_id.as_str()).await?;
                let is_done = matches!(&seen.object, MirrorObject::PaymentIntent(now)
                    if now.status == PaymentStatus::Canceled);
                Trace::Shown(state_of(is_done), vec![seen])
            }
            Command::PaymentRefund(it) => {
                let refunds = self.see_refunds_of(&it.stripe_payment_intent_id).await?;
                let ours = refunds.iter().find_map(|one| match &one.object {
                    MirrorObject::Refund(shown) if shown.refund_id == Some(it.refund_id) => {
                        Some(shown.status)
                    }
                    _ => None,
                });
                match ours {
                    None => Trace::Nothing,
                    Some(status) => {
                        let intent = it.stripe_payment_intent_id.as_str();
                        let mut seen = vec![self.see(ObjectKind::PaymentIntent, intent).await?];
                        seen.extend(refunds);
                        Trace::Shown(state_of(!status.is_final()), seen)
                    }
                }
            }
            Command::CheckoutSessionCreate(it) => {
                let Some(customer) = self.traced_customer(record, it.organization_id).await? else {
                    return Ok(Trace::Nothing);
                };
                match self.stripe.find_checkout_session(&customer, of_operation).await? {
                    None => Trace::Nothing,
                    Some(id) => {
                        let resource = Resource::CheckoutSession(id.clone());
                        Trace::Opened(OperationState::Confirmed, resource, "checkout_session", id)
                    }
                }
            }
            // Stripe shows no portal sessions. One that was opened changed nothing, and has been closed for long.
            Command::PortalSessionCreate(_) => Trace::Nothing,
            Command::UsageBill(it) => self.trace_usage_bill(record, it).await?,
            Command::PlanCreate(it) => self.trace_plan_create(record, it).await?,
            Command::PlanUpdate(it) => self.trace_plan_update(record, it).await?,
            Command::PlanArchive(it) => self.trace_plan_archive(record, it).await?,
            Command::PlanRestore(it) => self.trace_plan_restore(record, it).await?,
        })
    }

    async fn trace_subscription(
        &self,
        id: &StripeSubscriptionId,
        is_done: impl Fn(&SubscriptionMirror) -> bool,
    ) -> Result<Trace, ServiceError> {
        let seen = self.see(ObjectKind::Subscription, id.as_str()).await?;
        let MirrorObject::Subscription(now) = &seen.object else { return Ok(Trace::Nothing) };
        Ok(Trace::Shown(state_of(is_done(now)), vec![seen]))
    }

    /// The newest invoice of a subscription and its payments.
    async fn see_first_payment(&self, subscription: &SubscriptionMirror) -> Result<Vec<Seen>, ServiceError> {
        let Some(id) = &subscription.latest_invoice_id else { return Ok(Vec::new()) };
        let invoice = self.see(ObjectKind::Invoice, id.as_str()).await?;
        let mut seen = match &invoice.object {
            MirrorObject::Invoice(now) => {
                self.see_payments_of(id, &now.payment_intents.clone().unwrap_or_default()).await?
            }
            _ => Vec::new(),
        };
        seen.push(invoice);
        Ok(seen)
    }

    /// The same for a change that may wait for its payment: while it can still be paid, it is neither done nor given up,
    /// and what comes of it settles it.
    async fn trace_paid_change(
        &self,
        id: &StripeSubscriptionId,
        is_done: impl Fn(&SubscriptionMirror) -> bool,
    ) -> Result<Trace, ServiceError> {
        let seen = self.see(ObjectKind::Subscription, id.as_str()).await?;
        let MirrorObject::Subscription(now) = &seen.object else { return Ok(Trace::Nothing) };
        if is_done(now) {
            return Ok(Trace::Shown(OperationState::Confirmed, vec![seen]));
        }
        if now.pending_update_expires_at.is_some() {
            return Ok(Trace::Shown(OperationState::RequiresAction, vec![seen]));
        }
        let resumption = now.latest_invoice_id.clone().filter(|_| now.status == SubscriptionStatus::Paused);
        let Some(invoice_id) = resumption else {
            return Ok(Trace::Shown(OperationState::Failed, vec![seen]));
        };
        // A paused subscription goes on when its resumption is paid, which a bank may take days for.
        let invoice = self.see(ObjectKind::Invoice, invoice_id.as_str()).await?;
        let MirrorObject::Invoice(shown) = &invoice.object else { return Ok(Trace::Nothing) };
        let intents = shown.payment_intents.clone().unwrap_or_default();
        let payments = self.see_payments_of(&invoice_id, &intents).await?;
        let is_open = shown.status == InvoiceStatus::Open;
        let may_be_paid = is_open
            && payments.iter().any(|one| {
                matches!(&one.object, MirrorObject::PaymentIntent(intent)
                    if state_of_charge(intent) != OperationState::Failed)
            });
        let state = if may_be_paid { OperationState::RequiresAction } else { OperationState::Failed };
        let mut all = payments;
        all.extend([invoice, seen]);
        Ok(Trace::Shown(state, all))
    }

    async fn trace_invoice_payment(&self, command: &InvoicePay) -> Result<Trace, ServiceError> {
        let id = &command.stripe_invoice_id;
        let invoice = self.see(ObjectKind::Invoice, id.as_str()).await?;
        let MirrorObject::Invoice(now) = &invoice.object else { return Ok(Trace::Nothing) };
        let mut seen = self.see_payments_of(id, &now.payment_intents.clone().unwrap_or_default()).await?;
        let newest = seen.iter().rev().find_map(|one| match &one.object {
            MirrorObject::PaymentIntent(intent) => Some(state_of_charge(intent)),
            _ => None,
        });
        let state = match now.status {
            InvoiceStatus::Paid => OperationState::Confirmed,
            InvoiceStatus::Open => newest.unwrap_or(OperationState::Failed),
            _ => OperationState::Failed,
        };
        seen.push(invoice);
        if let Some(subscription) = &command.stripe_subscription_id {
            seen.push(self.see(ObjectKind::Subscription, subscription.as_str()).await?);
        }
        Ok(Trace::Shown(state, seen))
    }

    async fn trace_invoice_change(
        &self,
        record: &OperationRecord,
        command: &InvoiceChange,
    ) -> Result<Trace, ServiceError> {
        let invoice = self.see(ObjectKind::Invoice, command.stripe_invoice_id.as_str()).await?;
        let MirrorObject::Invoice(now) = &invoice.object else { return Ok(Trace::Nothing) };
        let is_done = match command.act {
            InvoiceAct::Void => now.status == InvoiceStatus::Void,
            InvoiceAct::MarkUncollectible => now.status == InvoiceStatus::Uncollectible,
            // An invoice does not say that it was sent; Stripe's event does, and with which key.
            InvoiceAct::Send => {
                let key = IdempotencyKey::for_operation(record.operation.id, "change");
                let since = record.operation.created_at - CLOCKS_DIFFER;
                self.stripe.made_event("invoice.sent", &key, since).await?
            }
        };
        Ok(Trace::Shown(state_of(is_done), self.see_changed_invoice(command).await?))
    }

    /// The organization's customer. One that Stripe made, and whose answer was lost, is taken over now: after its key is
    /// forgotten, the next operation would make a second one.
    async fn traced_customer(
        &self,
        record: &OperationRecord,
        organization: OrganizationId,
    ) -> Result<Option<StripeCustomerId>, ServiceError> {
        let row = self.store.find_organization(organization).await?;
        let row = row.ok_or(ServiceError::NotFound("organization"))?;
        if let Some(id) = row.stripe_customer_id {
            // Stripe refuses to list anything of a customer that was deleted, and nothing of it is left.
            let is_deleted = self.stripe.retrieve_customer(&id).await?.deleted;
            return Ok(Some(id).filter(|_| !is_deleted));
        }
        match self.find_customer_of(organization, record.operation.created_at).await? {
            None => Ok(None),
            Some(customer) => {
                self.take_over_customer(&record.actor, organization, &customer).await?;
                Ok(Some(customer.id))
            }
        }
    }

    /// The customer that Stripe made for an organization, for an operation that was written down at `at` or an earlier one.
    pub(super) async fn find_customer_of(
        &self,
        organization: OrganizationId,
        at: DateTime<Utc>,
    ) -> Result<Option<CustomerMirror>, ServiceError> {
        let id = organization.to_string();
        let note = Note { name: ORGANIZATION_METADATA, value: &id };
        Ok(self.stripe.find_customer(note, at - CUSTOMER_KEY_KEPT - CLOCKS_DIFFER).await?)
    }
}
