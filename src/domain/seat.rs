//! What becomes of the seat that a member leaves.

use super::string_enum;
use super::subscription::SubscriptionStatus;

string_enum! {
    /// When the subscription is billed for a seat less.
    SeatRelease {
        /// At once; what was paid for the rest of the period is credited to the next invoice.
        Now => "now",
        /// When the paid period is over.
        PeriodEnd => "period_end",
        /// Never by itself: the seat stays for the next member.
        Keep => "keep",
    }
}

/// What a seat less leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreedSeats {
    /// Billing stays as it is.
    Stay,
    /// Not while a payment is due, or a change is under way: asked again later.
    Later,
    /// So many units are billed.
    Billed(i64),
}

/// What is known when seats were freed.
#[derive(Clone, Copy, Debug)]
pub struct SeatState<'a> {
    /// What the organization chose.
    pub policy: SeatRelease,
    /// Stripe's state of the subscription.
    pub status: &'a SubscriptionStatus,
    /// Whether its end is arranged.
    pub is_ending: bool,
    /// Seats of one unit.
    pub included: i64,
    /// Units that are billed, or will be when the period is over, if that was arranged.
    pub units: i64,
    /// People who hold a seat, and those who are invited to one.
    pub holders: i64,
    /// Seats that were freed.
    pub freed: i64,
}

impl SeatState<'_> {
    /// What the freed seats lead to. Nobody who holds a seat loses it, and nothing is billed less while a payment is
    /// due: what was used is paid first.
    pub fn decide(self) -> FreedSeats {
        let included = self.included.max(1);
        if self.policy == SeatRelease::Keep || self.is_ending || self.status.is_final() || self.freed < 1 {
            return FreedSeats::Stay;
        }
        // So many whole units as the freed seats fill; a unit of several seats is given back with the last of them.
        let needed = (self.holders + included - 1) / included;
        let units = (self.units - self.freed).max(needed).max(1);
        if units >= self.units {
            return FreedSeats::Stay;
        }
        match self.status {
            SubscriptionStatus::Active | SubscriptionStatus::Trialing => FreedSeats::Billed(units),
            _ => FreedSeats::Later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(status: &SubscriptionStatus) -> SeatState<'_> {
        SeatState {
            policy: SeatRelease::PeriodEnd,
            status,
            is_ending: false,
            included: 1,
            units: 10,
            holders: 4,
            freed: 1,
        }
    }

    #[test]
    fn one_seat_less_is_billed_and_spare_ones_stay() {
        let active = SubscriptionStatus::Active;
        assert_eq!(state(&active).decide(), FreedSeats::Billed(9));
        assert_eq!(SeatState { freed: 3, ..state(&active) }.decide(), FreedSeats::Billed(7));
        assert_eq!(SeatState { policy: SeatRelease::Keep, ..state(&active) }.decide(), FreedSeats::Stay);
        assert_eq!(SeatState { is_ending: true, ..state(&active) }.decide(), FreedSeats::Stay);
    }

    #[test]
    fn nobody_loses_a_seat_and_one_unit_stays() {
        let active = SubscriptionStatus::Active;
        assert_eq!(SeatState { units: 4, ..state(&active) }.decide(), FreedSeats::Stay);
        assert_eq!(SeatState { units: 1, holders: 0, ..state(&active) }.decide(), FreedSeats::Stay);
        // Two units of five seats, six holders: both are needed; with five holders one is enough.
        let packs = SeatState { included: 5, units: 2, holders: 6, ..state(&active) };
        assert_eq!(packs.decide(), FreedSeats::Stay);
        assert_eq!(SeatState { holders: 5, ..packs }.decide(), FreedSeats::Billed(1));
    }

    #[test]
    fn a_seat_is_not_given_back_while_a_payment_is_due() {
        for status in [SubscriptionStatus::PastDue, SubscriptionStatus::Unpaid, SubscriptionStatus::Paused] {
            for policy in [SeatRelease::Now, SeatRelease::PeriodEnd] {
                assert_eq!(SeatState { policy, ..state(&status) }.decide(), FreedSeats::Later);
            }
        }
        let canceled = SubscriptionStatus::Canceled;
        assert_eq!(state(&canceled).decide(), FreedSeats::Stay);
    }
}
