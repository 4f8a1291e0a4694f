//! What a change was decided on, and whether it still is so.

use serde::{Deserialize, Serialize};

use super::error::{Refusal, ServiceError};
use crate::domain::ids::StripePriceId;
use crate::domain::mirror::SubscriptionMirror;
use crate::domain::plan::Price;
use crate::domain::subscription::{ScheduledChange, Subscription};

/// What a change is decided on. When any of it is different later, the decision does not hold any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Foundation {
    status: String,
    price: Option<StripePriceId>,
    quantity: i64,
    period_end: Option<i64>,
    trial_end: Option<i64>,
    is_ending: bool,
    is_paused: bool,
    scheduled: Option<(StripePriceId, i64, i64)>,
    pending_update: bool,
    discounts: Vec<String>,
}

impl Foundation {
    /// As our row has it.
    pub(super) fn of_row(row: &Subscription, price: Option<&Price>) -> Self {
        Self {
            status: row.status.as_str().to_owned(),
            price: price.and_then(|price| price.stripe_price_id.clone()),
            quantity: row.quantity,
            period_end: row.current_period_end.map(|at| at.timestamp()),
            trial_end: row.trial_end.map(|at| at.timestamp()),
            is_ending: row.is_cancellation_scheduled(),
            is_paused: row.collection_paused,
            scheduled: row.scheduled_change.as_ref().map(scheduled),
            pending_update: row.pending_update_expires_at.is_some(),
            discounts: row.discounts.iter().map(|discount| discount.id.clone()).collect(),
        }
    }

    /// As Stripe has it.
    pub(super) fn of_mirror(mirror: &SubscriptionMirror) -> Self {
        Self {
            status: mirror.status.as_str().to_owned(),
            price: mirror.price.clone(),
            quantity: mirror.quantity,
            period_end: mirror.current_period_end.map(|at| at.timestamp()),
            trial_end: mirror.trial_end.map(|at| at.timestamp()),
            is_ending: mirror.cancel_at_period_end || mirror.cancel_at.is_some(),
            is_paused: mirror.collection_paused,
            scheduled: mirror.scheduled_change().as_ref().map(scheduled),
            pending_update: mirror.pending_update_expires_at.is_some(),
            discounts: mirror.discounts.iter().flatten().map(|discount| discount.id.clone()).collect(),
        }
    }

    /// What is different in `now`, in words.
    fn moved(&self, now: &Self) -> Vec<&'static str> {
        let mut moved = Vec::new();
        let mut compare = |same: bool, name| {
            if !same {
                moved.push(name);
            }
        };
        compare(self.status == now.status, "the status");
        compare(self.price == now.price, "the price");
        compare(self.quantity == now.quantity, "the seats");
        compare(self.period_end == now.period_end, "the billing period");
        compare(self.trial_end == now.trial_end, "the trial");
        compare(self.is_ending == now.is_ending, "the arranged end");
        compare(self.is_paused == now.is_paused, "the pause of collection");
        compare(self.scheduled == now.scheduled, "the scheduled change");
        compare(self.pending_update == now.pending_update, "a change that waits for its payment");
        compare(self.discounts == now.discounts, "the discounts");
        moved
    }

    /// Refuses when anything moved.
    pub(super) fn check(&self, now: &Self) -> Result<(), ServiceError> {
        let moved = self.moved(now);
        if moved.is_empty() { Ok(()) } else { Err(moved_refusal(&moved).into()) }
    }
}

fn scheduled(change: &ScheduledChange) -> (StripePriceId, i64, i64) {
    (change.stripe_price_id.clone(), change.quantity, change.at.timestamp())
}

/// A decision that does not hold any more, and why.
pub(super) fn moved_refusal(moved: &[&str]) -> Refusal {
    Refusal::conflict(format!(
        "Since the preview something has changed: {}. Preview the change again.",
        moved.join(", ")
    ))
}
