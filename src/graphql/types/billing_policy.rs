//! Billing policies.

use async_graphql::{InputObject, SimpleObject};

use super::super::scalars::BigInt;
use super::enums;
use crate::domain::billing_policy;
use crate::store::StoredPolicy;

/// What happens when payments fail, trials end and quotas are used up.
#[derive(Clone, SimpleObject)]
pub struct BillingPolicy {
    /// What happens while a renewal is not paid, in the order of days.
    dunning: Vec<DunningStep>,
    /// What is left at most once Stripe has stopped trying.
    unpaid: enums::AccessLevel,
    /// What is left when a trial has ended without a payment method and the subscription waits.
    trial_ended: enums::AccessLevel,
    /// What there is without a subscription.
    without_subscription: enums::AccessLevel,
    /// What is left while a payment is disputed.
    dispute_open: enums::AccessLevel,
    /// What is left once a dispute was lost.
    dispute_lost: enums::AccessLevel,
    /// What is left once a quota is used up.
    quota_exceeded: enums::AccessLevel,
    /// What happens when a trial ends without a payment method.
    trial_end: enums::TrialEnd,
    /// What becomes of open invoices when a subscription is canceled at once.
    open_invoices: enums::OpenInvoices,
    /// Counts the changes; zero when none was ever written, and this is the default.
    version: BigInt,
    /// Whether it is the organization's own; else the platform's.
    is_own: bool,
}

/// A step of dunning.
#[derive(Clone, SimpleObject, InputObject)]
#[graphql(input_name = "DunningStepInput")]
pub struct DunningStep {
    /// Days after the payment failed, 0 to 365.
    after_days: u16,
    /// What the reminder says.
    reminder: enums::ReminderKind,
    /// What is left from then on: never more than before.
    access: enums::AccessLevel,
}

/// A policy to be set, whole.
#[derive(InputObject)]
pub struct BillingPolicyInput {
    /// What happens while a renewal is not paid, in the order of days, at most 20 steps.
    dunning: Vec<DunningStep>,
    /// What is left at most once Stripe has stopped trying.
    unpaid: enums::AccessLevel,
    /// What is left when a trial has ended without a payment method and the subscription waits.
    trial_ended: enums::AccessLevel,
    /// What there is without a subscription.
    without_subscription: enums::AccessLevel,
    /// What is left while a payment is disputed.
    dispute_open: enums::AccessLevel,
    /// What is left once a dispute was lost.
    dispute_lost: enums::AccessLevel,
    /// What is left once a quota is used up.
    quota_exceeded: enums::AccessLevel,
    /// What happens when a trial ends without a payment method.
    trial_end: enums::TrialEnd,
    /// What becomes of open invoices when a subscription is canceled at once.
    open_invoices: enums::OpenInvoices,
}

impl From<StoredPolicy> for BillingPolicy {
    fn from(stored: StoredPolicy) -> Self {
        let policy = stored.policy;
        let step = |step: &billing_policy::DunningStep| DunningStep {
            after_days: step.after_days,
            reminder: step.reminder.into(),
            access: step.access.into(),
        };
        Self {
            dunning: policy.dunning.iter().map(step).collect(),
            unpaid: policy.unpaid.into(),
            trial_ended: policy.trial_ended.into(),
            without_subscription: policy.without_subscription.into(),
            dispute_open: policy.dispute_open.into(),
            dispute_lost: policy.dispute_lost.into(),
            quota_exceeded: policy.quota_exceeded.into(),
            trial_end: policy.trial_end.into(),
            open_invoices: policy.open_invoices.into(),
            version: BigInt(stored.version),
            is_own: stored.is_own,
        }
    }
}

impl From<BillingPolicyInput> for billing_policy::BillingPolicy {
    fn from(input: BillingPolicyInput) -> Self {
        let step = |step: DunningStep| billing_policy::DunningStep {
            after_days: step.after_days,
            reminder: step.reminder.into(),
            access: step.access.into(),
        };
        Self {
            dunning: input.dunning.into_iter().map(step).collect(),
            unpaid: input.unpaid.into(),
            trial_ended: input.trial_ended.into(),
            without_subscription: input.without_subscription.into(),
            dispute_open: input.dispute_open.into(),
            dispute_lost: input.dispute_lost.into(),
            quota_exceeded: input.quota_exceeded.into(),
            trial_end: input.trial_end.into(),
            open_invoices: input.open_invoices.into(),
        }
    }
}
