//! Changes of subscriptions: what is up and what is down, when each takes effect, and how the difference is billed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::plan::{BillingInterval, Plan, Price};
use super::string_enum;
use super::subscription::SubscriptionStatus;

string_enum! {
    /// When a change takes effect.
    ChangeTiming {
        /// What costs more at once, what costs less when the paid period is over.
        Automatic => "automatic",
        /// At once.
        Now => "now",
        /// When the paid period is over.
        PeriodEnd => "period_end",
    }
}

string_enum! {
    /// How the difference for the running period is billed.
    Proration {
        /// Not at all: the change counts from the next period.
        None => "none",
        /// On the next invoice.
        NextInvoice => "next_invoice",
        /// On an invoice of its own, at once. The change is made only when that is paid.
        InvoiceNow => "invoice_now",
    }
}

string_enum! {
    /// What becomes of invoices while collecting is paused.
    CollectionPause {
        /// They stay drafts, to be collected later.
        KeepAsDraft => "keep_as_draft",
        /// They are written off.
        MarkUncollectible => "mark_uncollectible",
        /// They are voided: the time is free.
        Void => "void",
    }
}

string_enum! {
    /// Why a customer leaves, as Stripe counts it.
    CancellationFeedback {
        /// The customer service was less than expected.
        CustomerService => "customer_service",
        /// The quality was less than expected.
        LowQuality => "low_quality",
        /// Some features are missing.
        MissingFeatures => "missing_features",
        /// Another reason.
        Other => "other",
        /// Another product took its place.
        SwitchedService => "switched_service",
        /// It is hard to use.
        TooComplex => "too_complex",
        /// It costs too much.
        TooExpensive => "too_expensive",
        /// It is not used enough.
        Unused => "unused",
    }
}

/// A discount on a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// Stripe's id, `di_…`.
    pub id: String,
    /// Stripe's id of the coupon.
    pub coupon: Option<String>,
    /// Stripe's id of the promotion code it came by, `promo_…`.
    pub promotion_code: Option<String>,
    /// Until when it counts; `None` when it never ends or counts once.
    pub ends_at: Option<DateTime<Utc>>,
}

/// What a subscription is, or shall be, billed for.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The plan; `None` when the price is none of ours.
    pub plan: Option<&'a Plan>,
    /// The price; `None` when it is none of ours.
    pub price: Option<&'a Price>,
    /// Units.
    pub quantity: i64,
}

impl Terms<'_> {
    /// What a year costs, in minor units. Wide enough for any price and quantity.
    fn yearly(&self) -> Option<i128> {
        let price = self.price?;
        let periods = match price.billing_interval {
            BillingInterval::Month => 12,
            BillingInterval::Year => 1,
        };
        Some(i128::from(price.unit_amount.minor) * i128::from(self.quantity) * periods)
    }

    fn interval(&self) -> Option<BillingInterval> {
        self.price.map(|price| price.billing_interval)
    }
}

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Nothing is different.
    Same,
    /// It costs more, or binds for longer.
    Up,
    /// It costs less.
    Down,
}

/// Which way it goes from `old` to `new`. Paying by the year for the same plan is up, although the year then costs less;
/// paying by the month again is down: the year that was paid for is used first. What cannot be compared counts as up.
pub fn direction(old: &Terms<'_>, new: &Terms<'_>) -> Direction {
    let same_price = old.price.map(|price| price.id) == new.price.map(|price| price.id);
    if same_price && old.quantity == new.quantity {
        return Direction::Same;
    }
    let same_plan = old.plan.map(|plan| plan.id) == new.plan.map(|plan| plan.id);
    if same_plan && new.quantity >= old.quantity {
        match (old.interval(), new.interval()) {
            (Some(BillingInterval::Month), Some(BillingInterval::Year)) => return Direction::Up,
            (Some(BillingInterval::Year), Some(BillingInterval::Month)) => return Direction::Down,
            _ => {}
        }
    }
    match (old.yearly(), new.yearly()) {
        (Some(before), Some(after)) if after < before => Direction::Down,
        _ => Direction::Up,
    }
}

/// Why a change cannot be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeBarrier {
    /// It has ended.
    Ended,
    /// The first payment is still due.
    Incomplete,
    /// A payment is due, and the change would cost more.
    PaymentDue,
    /// The trial ended without a payment method.
    Paused,
    /// The end is arranged, and the change would come with or after it.
    Ending,
    /// A change waits for its payment already.
    ChangePending,
    /// Stripe is in a state that this version does not know.
    Unknown,
}

/// What a change does: when, and how it is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeTerms {
    /// Whether it takes effect at once; else when the paid period is over.
    pub now: bool,
    /// How the running period's difference is billed.
    pub proration: Proration,
}

/// The state of the subscription that a change is decided on.
#[derive(Clone, Copy, Debug)]
pub struct ChangeState<'a> {
    /// Stripe's state.
    pub status: &'a SubscriptionStatus,
    /// Whether an end is arranged.
    pub is_ending: bool,
    /// Whether a change waits for its payment.
    pub has_pending_update: bool,
}

/// Decides when a change takes effect and how it is billed.
///
/// - In a trial nothing was paid, so every change is made at once and costs nothing yet.
/// - While a payment is due, what costs more must wait until it is paid; what costs less is made at once and counts from
///   the next period, since there is nothing paid to give back.
/// - Another plan or interval is invoiced at once, and made only when that is paid.
/// - Seats by the month go onto the next invoice, so that many small changes make one bill. Seats by the year are
///   invoiced at once, since the next invoice may be a year away.
pub fn change_terms(
    state: ChangeState<'_>,
    old: &Terms<'_>,
    new: &Terms<'_>,
    timing: ChangeTiming,
) -> Result<ChangeTerms, ChangeBarrier> {
    let direction = direction(old, new);
    match state.status {
        SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired => {
            return Err(ChangeBarrier::Ended);
        }
        SubscriptionStatus::Incomplete => return Err(ChangeBarrier::Incomplete),
        SubscriptionStatus::Paused => return Err(ChangeBarrier::Paused),
        SubscriptionStatus::Other(_) => return Err(ChangeBarrier::Unknown),
        _ => {}
    }
    if state.has_pending_update {
        return Err(ChangeBarrier::ChangePending);
    }
    if *state.status == SubscriptionStatus::Trialing {
        return Ok(ChangeTerms { now: true, proration: Proration::None });
    }
    if matches!(state.status, SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid) {
        return match direction {
            Direction::Up => Err(ChangeBarrier::PaymentDue),
            // Another interval begins a new period, and so a new bill, at once.
            _ if old.interval() != new.interval() => Err(ChangeBarrier::PaymentDue),
            _ => Ok(ChangeTerms { now: true, proration: Proration::None }),
        };
    }
    let now = match timing {
        ChangeTiming::Now => true,
        ChangeTiming::PeriodEnd => false,
        ChangeTiming::Automatic => direction != Direction::Down,
    };
    if !now {
        return if state.is_ending {
            Err(ChangeBarrier::Ending)
        } else {
            Ok(ChangeTerms { now, proration: Proration::None })
        };
    }
    let same_price = old.price.map(|price| price.id) == new.price.map(|price| price.id);
    let same_interval = old.interval() == new.interval();
    let proration = if !same_interval {
        Proration::InvoiceNow
    } else if direction == Direction::Down || same_price && new.interval() == Some(BillingInterval::Month) {
        Proration::NextInvoice
    } else {
        Proration::InvoiceNow
    };
    Ok(ChangeTerms { now, proration })
}

#[cfg(test)]
#[path = "subscription_change_tests.rs"]
mod tests;
