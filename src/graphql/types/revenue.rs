//! What recurs.

use async_graphql::Object;

use super::super::scalars::{BigInt, CurrencyCode, Date, Money};
use crate::domain;
use crate::domain::revenue::RevenueDay as Day;

/// What recurs at the end of a day in one currency, and what moved it on that day.
pub struct RevenueDay(pub Day);

impl RevenueDay {
    fn money(&self, minor: i64) -> Money {
        domain::money::Money::new(minor, self.0.currency).into()
    }
}

fn number(count: u64) -> BigInt {
    BigInt(i64::try_from(count).unwrap_or(i64::MAX))
}

/// What recurs at the end of a day in one currency, and what moved it on that day.
#[Object]
impl RevenueDay {
    /// The day, in UTC.
    async fn day(&self) -> Date {
        Date(self.0.day)
    }

    /// The currency of all amounts.
    async fn currency(&self) -> CurrencyCode {
        CurrencyCode(self.0.currency)
    }

    /// What recurred monthly at its end: active and past-due subscriptions at their price, a year's price by a twelfth; without
    /// trials, discounts and usage.
    async fn monthly(&self) -> Money {
        self.money(self.0.monthly)
    }

    /// What came of organizations that never paid before.
    #[graphql(name = "new")]
    async fn new_revenue(&self) -> Money {
        self.money(self.0.new)
    }

    /// What came of organizations that had paid before, and not the day before.
    async fn reactivation(&self) -> Money {
        self.money(self.0.reactivation)
    }

    /// What organizations pay more than the day before.
    async fn expansion(&self) -> Money {
        self.money(self.0.expansion)
    }

    /// What they pay less.
    async fn contraction(&self) -> Money {
        self.money(self.0.contraction)
    }

    /// What those paid who pay nothing any more.
    async fn churn(&self) -> Money {
        self.money(self.0.churn)
    }

    /// How many subscriptions are in it.
    async fn subscriptions(&self) -> BigInt {
        number(self.0.subscriptions)
    }

    /// How many were in their trial; they are not in it.
    async fn trials(&self) -> BigInt {
        number(self.0.trials)
    }

    /// How many of the subscriptions were past due.
    async fn past_due(&self) -> BigInt {
        number(self.0.past_due)
    }

    /// What those come to.
    async fn past_due_monthly(&self) -> Money {
        self.money(self.0.past_due_monthly)
    }
}
