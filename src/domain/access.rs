//! What an organization may use right now, and why: one pure function of everything that has a say in it.

use chrono::{DateTime, Duration, Utc};

use super::billing_policy::BillingPolicy;
use super::string_enum;
use super::subscription::{Subscription, SubscriptionStatus};

/// How long Stripe lets a first payment be made.
/// Source: <https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses>.
const FIRST_PAYMENT: Duration = Duration::hours(23);

string_enum! {
    /// How much may be used. A later value is less.
    AccessLevel {
        /// Everything that the plan has.
        Full => "full",
        /// What is there can be read and exported; nothing new is made.
        Limited => "limited",
        /// Nothing but paying, settings and signing out.
        None => "none",
    }
}

string_enum! {
    /// Why access is as it is.
    AccessReason {
        /// Paid.
        Paid => "paid",
        /// A plan that costs nothing.
        FreePlan => "free_plan",
        /// In the trial.
        Trial => "trial",
        /// Paid, and set to end.
        Ending => "ending",
        /// Paid so far; invoices are not collected for now.
        CollectionPaused => "collection_paused",
        /// The first payment is still due.
        FirstPaymentDue => "first_payment_due",
        /// A renewal was not paid, and is tried again.
        PaymentDue => "payment_due",
        /// A renewal was not paid, and is not tried any more.
        PaymentFailed => "payment_failed",
        /// The trial ended without a payment method.
        TrialEnded => "trial_ended",
        /// There was a subscription, and it ended.
        Ended => "ended",
        /// There never was a subscription.
        NoSubscription => "no_subscription",
        /// A payment is disputed.
        Disputed => "disputed",
        /// A dispute was lost: the payment was taken back.
        DisputeLost => "dispute_lost",
        /// A quota of the plan is used up.
        QuotaExceeded => "quota_exceeded",
        /// Stripe has the subscription in a state that this version does not know.
        UnknownState => "unknown_state",
    }
}

string_enum! {
    /// What a person can do about it.
    AccessAction {
        /// Nothing needs to be done.
        None => "none",
        /// Choose a plan.
        Subscribe => "subscribe",
        /// Pay the open invoice.
        PayInvoice => "pay_invoice",
        /// Confirm the payment with the bank.
        ConfirmPayment => "confirm_payment",
        /// Attach a payment method.
        AddPaymentMethod => "add_payment_method",
        /// Take the cancellation back, if it was not meant.
        Resume => "resume",
        /// Use less, or change to a larger plan.
        Upgrade => "upgrade",
        /// Talk to the vendor.
        ContactSupport => "contact_support",
    }
}

/// The oldest invoice of the subscription that should have been paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpaidInvoice {
    /// Since when it should have been.
    pub since: DateTime<Utc>,
    /// Whether the bank waits for the cardholder.
    pub must_confirm: bool,
    /// Whether the bank has the payment and decides later: to pay again would be to pay twice.
    pub is_with_bank: bool,
}

/// A dispute of one of the subscription's payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisputeFact {
    /// Whether it was lost; else it is open.
    pub is_lost: bool,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it is lost if nobody sends evidence; `None` when that is not what it waits for.
    pub evidence_due_by: Option<DateTime<Utc>>,
}

/// A quota that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaFact {
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it begins anew.
    pub until: Option<DateTime<Utc>>,
}

/// Everything that has a say in access.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccessFacts<'a> {
    /// The current subscription: a live one, else one whose first payment is due, else the last that ended.
    pub subscription: Option<&'a Subscription>,
    /// What should have been paid.
    pub unpaid: Option<UnpaidInvoice>,
    /// Whether there is anything to charge.
    pub has_payment_method: bool,
    /// What is disputed.
    pub disputes: &'a [DisputeFact],
    /// What is used up.
    pub quota: Option<QuotaFact>,
}

/// What may be used, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessState {
    /// How much.
    pub level: AccessLevel,
    /// Why.
    pub reason: AccessReason,
    /// Since when; `None` when there never was anything.
    pub since: Option<DateTime<Utc>>,
    /// When it changes by itself, as far as is known.
    pub until: Option<DateTime<Utc>>,
    /// What a person can do about it.
    pub next_action: AccessAction,
}

/// The access of an organization: the least that any of the facts leaves. Of equal ones, what concerns payment speaks
/// first, since paying is what a person can do.
pub fn access_state(facts: &AccessFacts<'_>, policy: &BillingPolicy, now: DateTime<Utc>) -> AccessState {
    let base = by_subscription(facts, policy, now);
    let disputes = facts.disputes.iter().map(|dispute| by_dispute(dispute, policy));
    disputes.chain(by_quota(facts, policy)).fold(base, |least, other| {
        let says_more = other.level > least.level
            || other.level == least.level && least.next_action == AccessAction::None;
        if says_more { other } else { least }
    })
}

fn by_subscription(facts: &AccessFacts<'_>, policy: &BillingPolicy, now: DateTime<Utc>) -> AccessState {
    let Some(subscription) = facts.subscription else {
        return AccessState {
            level: policy.without_subscription,
            reason: AccessReason::NoSubscription,
            since: None,
            until: None,
            next_action: AccessAction::Subscribe,
        };
    };
    let began = subscription.started_at.unwrap_or(subscription.created_at);
    let state = |level, reason, since, until, next_action| AccessState {
        level,
        reason,
        since: Some(since),
        until,
        next_action,
    };
    match &subscription.status {
        SubscriptionStatus::Incomplete => state(
            policy.without_subscription,
            AccessReason::FirstPaymentDue,
            subscription.created_at,
            Some(subscription.created_at + FIRST_PAYMENT),
            payment_action(facts),
        ),
        SubscriptionStatus::Trialing => state(
            AccessLevel::Full,
            if subscription.is_cancellation_scheduled() { AccessReason::Ending } else { AccessReason::Trial },
            subscription.trial_start.unwrap_or(began),
            subscription.cancel_at.or(subscription.trial_end),
            if subscription.is_cancellation_scheduled() {
                AccessAction::Resume
            } else if facts.has_payment_method || subscription.default_payment_method.is_some() {
                AccessAction::None
            } else {
                AccessAction::AddPaymentMethod
            },
        ),
        SubscriptionStatus::Active => active(facts, subscription, began),
        SubscriptionStatus::PastDue => {
            let since = unpaid_since(facts, subscription);
            let (level, until) = policy.dunning_access(since, now);
            state(level, AccessReason::PaymentDue, since, until, payment_action(facts))
        }
        SubscriptionStatus::Unpaid => {
            let since = unpaid_since(facts, subscription);
            // Stripe has given up: never more than what the policy leaves then, whatever step it is.
            let (level, until) = policy.dunning_access(since, now);
            let level = level.max(policy.unpaid);
            let until = until.filter(|_| level < AccessLevel::None);
            state(level, AccessReason::PaymentFailed, since, until, payment_action(facts))
        }
        SubscriptionStatus::Paused => state(
            policy.trial_ended,
            AccessReason::TrialEnded,
            subscription.trial_end.unwrap_or(began),
            None,
            if facts.has_payment_method || subscription.default_payment_method.is_some() {
                AccessAction::Resume
            } else {
                AccessAction::AddPaymentMethod
            },
        ),
        SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired => state(
            policy.without_subscription,
            AccessReason::Ended,
            subscription.ended_at.or(subscription.canceled_at).unwrap_or(subscription.updated_at),
            None,
            AccessAction::Subscribe,
        ),
        // Least privilege: whatever it means, it is not what we know as paid.
        SubscriptionStatus::Other(_) => state(
            AccessLevel::None,
            AccessReason::UnknownState,
            subscription.updated_at,
            None,
            AccessAction::ContactSupport,
        ),
    }
}

fn active(facts: &AccessFacts<'_>, subscription: &Subscription, began: DateTime<Utc>) -> AccessState {
    let full = |reason, until, next_action| AccessState {
        level: AccessLevel::Full,
        reason,
        since: Some(began),
        until,
        next_action,
    };
    if subscription.is_cancellation_scheduled() {
        let end = subscription.cancel_at.or(subscription.current_period_end);
        return full(AccessReason::Ending, end, AccessAction::Resume);
    }
    if subscription.stripe_subscription_id.is_none() {
        return full(AccessReason::FreePlan, None, AccessAction::None);
    }
    if subscription.collection_paused {
        return full(AccessReason::CollectionPaused, subscription.collection_resumes_at, AccessAction::None);
    }
    // An invoice beside the renewal, a change that waits for its payment for instance, takes nothing away.
    let action = match facts.unpaid {
        Some(unpaid) if unpaid.must_confirm => AccessAction::ConfirmPayment,
        Some(unpaid) if unpaid.is_with_bank => AccessAction::None,
        Some(_) => AccessAction::PayInvoice,
        None => AccessAction::None,
    };
    full(AccessReason::Paid, None, action)
}

fn unpaid_since(facts: &AccessFacts<'_>, subscription: &Subscription) -> DateTime<Utc> {
    // The invoice may not be mirrored yet: then it is the one of the period that runs.
    facts
        .unpaid
        .map(|unpaid| unpaid.since)
        .or(subscription.current_period_start)
        .unwrap_or(subscription.updated_at)
}

fn payment_action(facts: &AccessFacts<'_>) -> AccessAction {
    match facts.unpaid {
        Some(unpaid) if unpaid.must_confirm => AccessAction::ConfirmPayment,
        Some(unpaid) if unpaid.is_with_bank => AccessAction::None,
        _ if facts.has_payment_method => AccessAction::PayInvoice,
        _ => AccessAction::AddPaymentMethod,
    }
}

fn by_dispute(dispute: &DisputeFact, policy: &BillingPolicy) -> AccessState {
    let (level, reason) = if dispute.is_lost {
        (policy.dispute_lost, AccessReason::DisputeLost)
    } else {
        (policy.dispute_open, AccessReason::Disputed)
    };
    AccessState {
        level,
        reason,
        since: Some(dispute.since),
        // Left alone it is lost then, which matters when the policy leaves something else for that.
        until: dispute.evidence_due_by.filter(|_| !dispute.is_lost && policy.dispute_lost != level),
        next_action: AccessAction::ContactSupport,
    }
}

fn by_quota(facts: &AccessFacts<'_>, policy: &BillingPolicy) -> Option<AccessState> {
    let quota = facts.quota?;
    Some(AccessState {
        level: policy.quota_exceeded,
        reason: AccessReason::QuotaExceeded,
        since: Some(quota.since),
        until: quota.until,
        next_action: AccessAction::Upgrade,
    })
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
