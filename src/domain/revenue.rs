//! What recurs: monthly revenue, and what moved it, day by day and by currency. A pure fold over what was recorded of
//! subscriptions.
//!
//! What counts is what people pay for now: active and past-due subscriptions, at their price, by the month; a year's price counts a
//! twelfth, rounded half up. Trials, discounts and usage do not. What an organization does within one day counts as what it comes to.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::ids::{OrganizationId, SubscriptionId};
use super::money::{Currency, Money};
use super::plan::BillingInterval;
use super::subscription::SubscriptionStatus;

/// What a subscription came to from a time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRecord {
    /// Which.
    pub subscription_id: SubscriptionId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// When it was learned.
    pub recorded_at: DateTime<Utc>,
    /// The state.
    pub status: SubscriptionStatus,
    /// What its price comes to in a month; `None` of a price that is none of ours.
    pub monthly: Option<Money>,
}

/// What a price comes to in a month, in minor units.
pub fn monthly_minor(unit_minor: i64, quantity: i64, interval: BillingInterval) -> i64 {
    let whole = i128::from(unit_minor) * i128::from(quantity);
    let monthly = match interval {
        BillingInterval::Month => whole,
        BillingInterval::Year => (whole + 6).div_euclid(12),
    };
    i64::try_from(monthly).unwrap_or(i64::MAX)
}

impl SubscriptionRecord {
    /// What counts of it.
    fn counting(&self) -> Option<Money> {
        let counts = matches!(self.status, SubscriptionStatus::Active | SubscriptionStatus::PastDue);
        self.monthly.filter(|monthly| counts && monthly.minor > 0)
    }
}

/// One day of one currency, in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevenueDay {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// The currency.
    pub currency: Currency,
    /// What recurred at its end.
    pub monthly: i64,
    /// Of organizations that never paid before.
    pub new: i64,
    /// Of organizations that had paid before, and not at the end of the day before.
    pub reactivation: i64,
    /// What organizations pay more than the day before.
    pub expansion: i64,
    /// What they pay less.
    pub contraction: i64,
    /// What those paid who pay nothing any more.
    pub churn: i64,
    /// How many subscriptions counted at its end.
    pub subscriptions: u64,
    /// How many were in their trial.
    pub trials: u64,
    /// How many were past due.
    pub past_due: u64,
    /// What those come to.
    pub past_due_monthly: i64,
}

/// What is known while records are folded, in the order of their time.
#[derive(Clone, Debug, Default)]
pub struct Revenue {
    subscriptions: BTreeMap<SubscriptionId, SubscriptionRecord>,
    of_organizations: BTreeMap<(OrganizationId, &'static str), i64>,
    /// Who has ever paid, in which currency.
    paid: BTreeSet<(OrganizationId, &'static str)>,
}

/// A day while it is folded: what organizations paid before it.
#[derive(Clone, Debug, Default)]
pub struct DayInProgress {
    before: BTreeMap<(OrganizationId, &'static str), i64>,
}

impl Revenue {
    /// Takes a record in.
    pub fn take(&mut self, record: SubscriptionRecord, day: &mut DayInProgress) {
        let old = self.subscriptions.get(&record.subscription_id).and_then(SubscriptionRecord::counting);
        let new = record.counting();
        let organization = record.organization_id;
        for (money, sign) in [(old, -1), (new, 1)] {
            let Some(money) = money else { continue };
            let key = (organization, money.currency.code());
            let sum = self.of_organizations.entry(key).or_insert(0);
            day.before.entry(key).or_insert(*sum);
            *sum = sum.saturating_add(money.minor * sign);
        }
        if record.status.is_final() {
            self.subscriptions.remove(&record.subscription_id);
        } else {
            self.subscriptions.insert(record.subscription_id, record);
        }
    }

    /// Ends a day: what it comes to in each currency that there is, or was until then, anything in.
    pub fn end(&mut self, day: NaiveDate, moved: DayInProgress) -> Vec<RevenueDay> {
        let mut days: BTreeMap<&'static str, RevenueDay> = BTreeMap::new();
        for record in self.subscriptions.values() {
            let Some(monthly) = record.monthly else { continue };
            let it = of(&mut days, day, monthly.currency);
            it.trials += u64::from(record.status == SubscriptionStatus::Trialing);
            if let Some(monthly) = record.counting() {
                it.subscriptions += 1;
                it.monthly = it.monthly.saturating_add(monthly.minor);
                if record.status == SubscriptionStatus::PastDue {
                    it.past_due += 1;
                    it.past_due_monthly = it.past_due_monthly.saturating_add(monthly.minor);
                }
            }
        }
        for (key, before) in moved.before {
            let after = self.of_organizations.get(&key).copied().unwrap_or_default();
            let Some(currency) = Currency::parse(key.1) else { continue };
            let it = of(&mut days, day, currency);
            match (before, after) {
                (0, 0) => {}
                (0, after) if self.paid.contains(&key) => it.reactivation += after,
                (0, after) => it.new += after,
                (before, 0) => it.churn += before,
                (before, after) if after > before => it.expansion += after - before,
                (before, after) => it.contraction += before - after,
            }
            if after > 0 {
                self.paid.insert(key);
            }
        }
        days.into_values().collect()
    }
}

fn of<'a>(
    days: &'a mut BTreeMap<&'static str, RevenueDay>,
    day: NaiveDate,
    currency: Currency,
) -> &'a mut RevenueDay {
    days.entry(currency.code()).or_insert(RevenueDay {
        day,
        currency,
        monthly: 0,
        new: 0,
        reactivation: 0,
        expansion: 0,
        contraction: 0,
        churn: 0,
        subscriptions: 0,
        trials: 0,
        past_due: 0,
        past_due_monthly: 0,
    })
}

/// The days from `since` up to `until`, without it.
pub fn days_between(since: NaiveDate, until: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    std::iter::successors(Some(since), |day| day.checked_add_days(Days::new(1)))
        .take_while(move |day| *day < until)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn record(
        subscription: u128,
        organization: u128,
        status: SubscriptionStatus,
        minor: i64,
    ) -> SubscriptionRecord {
        SubscriptionRecord {
            subscription_id: SubscriptionId(Uuid::from_u128(subscription)),
            organization_id: OrganizationId(Uuid::from_u128(organization)),
            recorded_at: DateTime::UNIX_EPOCH,
            status,
            monthly: Some(Money::new(minor, Currency::USD)),
        }
    }

    fn day(number: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2027, 1, 1).unwrap() + Days::new(number)
    }

    fn folded(days: Vec<Vec<SubscriptionRecord>>) -> Vec<RevenueDay> {
        let mut revenue = Revenue::default();
        let mut all = Vec::new();
        for (number, records) in (0..).zip(days) {
            let mut progress = DayInProgress::default();
            for record in records {
                revenue.take(record, &mut progress);
            }
            all.extend(revenue.end(day(number), progress));
        }
        all
    }

    use SubscriptionStatus::{Active, Canceled, PastDue, Trialing};

    #[test]
    fn each_movement_is_what_it_is() {
        let days = folded(vec![
            vec![record(1, 1, Trialing, 1_000), record(2, 2, Active, 500)],
            vec![record(1, 1, Active, 1_000), record(2, 2, Active, 800)],
            vec![record(1, 1, PastDue, 1_000), record(2, 2, Active, 600)],
            // A plan for another: no churn and nothing new.
            vec![record(2, 2, Canceled, 600), record(3, 2, Active, 700)],
            vec![record(1, 1, Canceled, 1_000), record(3, 2, Canceled, 700)],
            vec![record(4, 2, Active, 700)],
        ]);
        let moved = |day: &RevenueDay| {
            (day.monthly, day.new, day.reactivation, day.expansion, day.contraction, day.churn)
        };
        assert_eq!(
            days.iter().map(moved).collect::<Vec<_>>(),
            [
                (500, 500, 0, 0, 0, 0),
                (1_800, 1_000, 0, 300, 0, 0),
                (1_600, 0, 0, 0, 200, 0),
                (1_700, 0, 0, 100, 0, 0),
                (0, 0, 0, 0, 0, 1_700),
                (700, 0, 700, 0, 0, 0),
            ]
        );
        assert_eq!((days[0].trials, days[0].subscriptions), (1, 1));
        assert_eq!((days[2].past_due, days[2].past_due_monthly), (1, 1_000));
    }

    #[test]
    fn a_year_counts_a_twelfth() {
        assert_eq!(monthly_minor(12_000, 2, BillingInterval::Year), 2_000);
        assert_eq!(monthly_minor(5, 1, BillingInterval::Year), 0);
        assert_eq!(monthly_minor(6, 1, BillingInterval::Year), 1);
        assert_eq!(monthly_minor(2_900, 3, BillingInterval::Month), 8_700);
    }

    proptest! {
        /// What there was, with what came and without what went, is what there is.
        #[test]
        fn movements_add_up(
            histories in proptest::collection::vec(
                proptest::collection::vec((0_u128..6, 0_usize..5, 0_i64..1_000), 0..8), 1..20),
        ) {
            let statuses = [Trialing, Active, PastDue, Canceled, SubscriptionStatus::Unpaid];
            let days = histories.into_iter().map(|day| {
                let records = day.into_iter().map(|(subscription, status, minor)| {
                    record(subscription, subscription / 2, statuses[status].clone(), minor)
                });
                records.collect()
            });
            let mut before = 0;
            for day in folded(days.collect()) {
                let moved = day.new + day.reactivation + day.expansion - day.contraction - day.churn;
                prop_assert_eq!(before + moved, day.monthly);
                before = day.monthly;
            }
        }
    }
}
