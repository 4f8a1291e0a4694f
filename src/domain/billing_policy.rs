//! What happens when payments fail, trials end and quotas are used up: data, the platform's and an organization's own.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::access::AccessLevel;
use super::string_enum;

/// Steps at most.
const MAXIMUM_STEPS: usize = 20;
/// The latest step, in days after the failure.
const MAXIMUM_DAYS: u16 = 365;

string_enum! {
    /// What a reminder says.
    ReminderKind {
        /// The payment failed, and is tried again.
        PaymentFailed => "payment_failed",
        /// It still is not paid.
        Reminder => "reminder",
        /// It will have consequences.
        FinalNotice => "final_notice",
        /// It had consequences.
        Suspension => "suspension",
    }
}

string_enum! {
    /// What happens when a trial ends without a payment method.
    TrialEnd {
        /// The subscription ends.
        Cancel => "cancel",
        /// It waits until it is resumed.
        Pause => "pause",
        /// An invoice is made all the same.
        Invoice => "invoice",
    }
}

string_enum! {
    /// What becomes of open invoices when a subscription is canceled at once.
    OpenInvoices {
        /// They stay due. No reminders follow.
        Keep => "keep",
        /// They are voided: the debt is given up.
        Void => "void",
    }
}

/// A step of dunning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DunningStep {
    /// Days after the payment failed.
    pub after_days: u16,
    /// What the reminder says.
    pub reminder: ReminderKind,
    /// What is left from then on.
    pub access: AccessLevel,
}

impl DunningStep {
    /// When the step falls due.
    pub fn due_at(&self, since: DateTime<Utc>) -> DateTime<Utc> {
        since + Duration::days(i64::from(self.after_days))
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingPolicy {
    /// What happens while a renewal is not paid, in the order of days.
    pub dunning: Vec<DunningStep>,
    /// What is left at most once Stripe has stopped trying.
    pub unpaid: AccessLevel,
    /// What is left when a trial has ended without a payment method and the subscription waits.
    pub trial_ended: AccessLevel,
    /// What there is without a subscription.
    pub without_subscription: AccessLevel,
    /// What is left while a payment is disputed.
    pub dispute_open: AccessLevel,
    /// What is left once a dispute was lost.
    pub dispute_lost: AccessLevel,
    /// What is left once a quota is used up.
    pub quota_exceeded: AccessLevel,
    /// What happens when a trial ends without a payment method.
    pub trial_end: TrialEnd,
    /// What becomes of open invoices when a subscription is canceled at once.
    pub open_invoices: OpenInvoices,
}

impl Default for BillingPolicy {
    /// A week of everything, a week of reading, then nothing; a trial without a card ends.
    fn default() -> Self {
        let step = |after_days, reminder, access| DunningStep { after_days, reminder, access };
        Self {
            dunning: vec![
                step(0, ReminderKind::PaymentFailed, AccessLevel::Full),
                step(3, ReminderKind::Reminder, AccessLevel::Full),
                step(7, ReminderKind::FinalNotice, AccessLevel::Limited),
                step(14, ReminderKind::Suspension, AccessLevel::None),
            ],
            unpaid: AccessLevel::None,
            trial_ended: AccessLevel::Limited,
            without_subscription: AccessLevel::None,
            dispute_open: AccessLevel::Full,
            dispute_lost: AccessLevel::None,
            quota_exceeded: AccessLevel::Limited,
            trial_end: TrialEnd::Cancel,
            open_invoices: OpenInvoices::Keep,
        }
    }
}

/// What is wrong with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// Too many steps.
    #[error("There are at most {MAXIMUM_STEPS} steps.")]
    TooMany,
    /// A step is too late.
    #[error("The last step is at most {MAXIMUM_DAYS} days after the failure.")]
    TooLate,
    /// The steps are not in the order of days, or two are on one day.
    #[error("Steps are in the order of their days, one a day.")]
    Disorder,
    /// A later step leaves more than an earlier one.
    #[error("A later step never leaves more than an earlier one.")]
    Rising,
}

impl BillingPolicy {
    /// Refuses a policy that cannot be meant.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.dunning.len() > MAXIMUM_STEPS {
            return Err(PolicyError::TooMany);
        }
        if self.dunning.iter().any(|step| step.after_days > MAXIMUM_DAYS) {
            return Err(PolicyError::TooLate);
        }
        if !self.dunning.is_sorted_by(|one, next| one.after_days < next.after_days) {
            return Err(PolicyError::Disorder);
        }
        if !self.dunning.is_sorted_by(|one, next| one.access <= next.access) {
            return Err(PolicyError::Rising);
        }
        Ok(())
    }

    /// What is left at `now` of a renewal that is unpaid since `since`, and when that changes next.
    pub fn dunning_access(
        &self,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> (AccessLevel, Option<DateTime<Utc>>) {
        let level = self
            .dunning
            .iter()
            .rfind(|step| step.due_at(since) <= now)
            .map_or(AccessLevel::Full, |step| step.access);
        let next = self.dunning.iter().find(|step| step.due_at(since) > now && step.access > level);
        (level, next.map(|step| step.due_at(since)))
    }

    /// The steps that have fallen due, with their places.
    pub fn due_steps(
        &self,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (i32, &DunningStep)> {
        (0..).zip(&self.dunning).filter(move |(_, step)| step.due_at(since) <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_one_that_can_be_meant() {
        assert_eq!(BillingPolicy::default().check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let step = |after_days, access| DunningStep { after_days, reminder: ReminderKind::Reminder, access };
        let with = |dunning| BillingPolicy { dunning, ..BillingPolicy::default() }.check();
        assert_eq!(with(vec![]), Ok(()));
        assert_eq!(
            with(vec![step(3, AccessLevel::Full), step(3, AccessLevel::None)]),
            Err(PolicyError::Disorder)
        );
        assert_eq!(
            with(vec![step(1, AccessLevel::None), step(3, AccessLevel::Full)]),
            Err(PolicyError::Rising)
        );
        assert_eq!(with(vec![step(366, AccessLevel::None)]), Err(PolicyError::TooLate));
        assert_eq!(
            with((0..21).map(|day| step(day, AccessLevel::Full)).collect()),
            Err(PolicyError::TooMany)
        );
    }

    #[test]
    fn steps_fall_due_one_after_the_other() {
        let policy = BillingPolicy::default();
        let since = DateTime::UNIX_EPOCH;
        let at = |days: i64, hours: i64| since + Duration::days(days) + Duration::hours(hours);
        for (now, level, until, due) in [
            (at(0, 0), AccessLevel::Full, Some(at(7, 0)), 1),
            (at(2, 23), AccessLevel::Full, Some(at(7, 0)), 1),
            (at(3, 0), AccessLevel::Full, Some(at(7, 0)), 2),
            (at(7, 0), AccessLevel::Limited, Some(at(14, 0)), 3),
            (at(13, 23), AccessLevel::Limited, Some(at(14, 0)), 3),
            (at(14, 0), AccessLevel::None, None, 4),
            (at(900, 0), AccessLevel::None, None, 4),
        ] {
            assert_eq!(policy.dunning_access(since, now), (level, until), "{now}");
            assert_eq!(policy.due_steps(since, now).count(), due, "{now}");
        }
    }
}
