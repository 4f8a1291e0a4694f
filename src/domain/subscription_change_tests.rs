//! Every change in every state has its answer, and no answer gives away or takes what was not asked for.

use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::domain::ids::{PlanId, PriceId};
use crate::domain::money::{Currency, Money};

fn plan(n: u128) -> Plan {
    Plan {
        id: PlanId(Uuid::from_u128(n)),
        organization_id: None,
        name: String::new(),
        slug: String::new(),
        description: String::new(),
        price: Money::new(1, Currency::parse("USD").unwrap()),
        billing_interval: BillingInterval::Month,
        features: serde_json::Value::Null,
        trial_days: 0,
        seats_included: Some(1),
        sort_order: 0,
        is_public: true,
        is_active: true,
        stripe_product_id: None,
        stripe_price_id: None,
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        archived_at: None,
    }
}

fn price(n: u128, of: &Plan, minor: i64, billing_interval: BillingInterval) -> Price {
    Price {
        id: PriceId(Uuid::from_u128(n)),
        plan_id: of.id,
        unit_amount: Money::new(minor, Currency::parse("USD").unwrap()),
        billing_interval,
        stripe_price_id: None,
        is_active: true,
        created_at: DateTime::UNIX_EPOCH,
        archived_at: None,
    }
}

struct Catalogue {
    pro: Plan,
    top: Plan,
    pro_month: Price,
    pro_year: Price,
    top_month: Price,
}

fn catalogue() -> Catalogue {
    let (pro, top) = (plan(1), plan(2));
    Catalogue {
        pro_month: price(1, &pro, 2_900, BillingInterval::Month),
        pro_year: price(2, &pro, 29_000, BillingInterval::Year),
        top_month: price(3, &top, 9_900, BillingInterval::Month),
        pro,
        top,
    }
}

fn terms<'a>(plan: &'a Plan, price: &'a Price, quantity: i64) -> Terms<'a> {
    Terms { plan: Some(plan), price: Some(price), quantity }
}

fn decide(
    status: &SubscriptionStatus,
    old: &Terms<'_>,
    new: &Terms<'_>,
    timing: ChangeTiming,
) -> Result<ChangeTerms, ChangeBarrier> {
    let state = ChangeState { status, is_ending: false, has_pending_update: false };
    change_terms(state, old, new, timing)
}

#[test]
fn directions_follow_what_a_year_costs_and_how_long_it_binds() {
    let it = catalogue();
    let pro = terms(&it.pro, &it.pro_month, 3);
    assert_eq!(direction(&pro, &terms(&it.pro, &it.pro_month, 3)), Direction::Same);
    assert_eq!(direction(&pro, &terms(&it.pro, &it.pro_month, 4)), Direction::Up);
    assert_eq!(direction(&pro, &terms(&it.pro, &it.pro_month, 2)), Direction::Down);
    assert_eq!(direction(&pro, &terms(&it.top, &it.top_month, 3)), Direction::Up);
    assert_eq!(
        direction(&terms(&it.top, &it.top_month, 1), &terms(&it.pro, &it.pro_month, 1)),
        Direction::Down
    );
    // A year costs 290 instead of 348, and is a step up all the same; back to months waits for the year's end.
    assert_eq!(direction(&pro, &terms(&it.pro, &it.pro_year, 3)), Direction::Up);
    assert_eq!(direction(&terms(&it.pro, &it.pro_year, 3), &pro), Direction::Down);
    // A dearer plan by the month, from a year that was paid: compared by the year.
    assert_eq!(direction(&terms(&it.pro, &it.pro_year, 1), &terms(&it.top, &it.top_month, 1)), Direction::Up);
    // What cannot be compared counts as up: it is never made to wait by mistake.
    assert_eq!(
        direction(&Terms { plan: None, price: None, quantity: 1 }, &terms(&it.pro, &it.pro_month, 1)),
        Direction::Up
    );
}

#[test]
fn what_costs_more_is_paid_at_once_and_what_costs_less_waits() {
    let it = catalogue();
    let active = SubscriptionStatus::Active;
    let (pro, top) = (terms(&it.pro, &it.pro_month, 1), terms(&it.top, &it.top_month, 1));
    let up = decide(&active, &pro, &top, ChangeTiming::Automatic).unwrap();
    assert_eq!(up, ChangeTerms { now: true, proration: Proration::InvoiceNow });
    let down = decide(&active, &top, &pro, ChangeTiming::Automatic).unwrap();
    assert_eq!(down, ChangeTerms { now: false, proration: Proration::None });
    let down_now = decide(&active, &top, &pro, ChangeTiming::Now).unwrap();
    assert_eq!(down_now, ChangeTerms { now: true, proration: Proration::NextInvoice });
}

/// Hard case 60: monthly seats go onto one bill, yearly ones are not put off for a year.
#[test]
fn seats_are_billed_by_their_interval() {
    let it = catalogue();
    let active = SubscriptionStatus::Active;
    let more = |price| {
        decide(&active, &terms(&it.pro, price, 2), &terms(&it.pro, price, 3), ChangeTiming::Automatic)
            .unwrap()
            .proration
    };
    assert_eq!(more(&it.pro_month), Proration::NextInvoice);
    assert_eq!(more(&it.pro_year), Proration::InvoiceNow);
}

#[test]
fn every_state_has_its_answer() {
    let it = catalogue();
    let pro = terms(&it.pro, &it.pro_month, 2);
    let up = terms(&it.top, &it.top_month, 2);
    let down = terms(&it.pro, &it.pro_month, 1);
    let other_interval = terms(&it.pro, &it.pro_year, 2);
    for timing in ChangeTiming::ALL.iter().copied() {
        for (word, expected) in [
            ("incomplete", ChangeBarrier::Incomplete),
            ("incomplete_expired", ChangeBarrier::Ended),
            ("canceled", ChangeBarrier::Ended),
            ("paused", ChangeBarrier::Paused),
            ("hibernating", ChangeBarrier::Unknown),
        ] {
            let status = SubscriptionStatus::parse(word);
            for new in [&up, &down, &other_interval] {
                assert_eq!(decide(&status, &pro, new, timing), Err(expected), "{word} {timing}");
            }
        }
        // A trial was not paid: nothing is counted, and nothing waits.
        let trial = SubscriptionStatus::Trialing;
        for new in [&up, &down, &other_interval] {
            assert_eq!(
                decide(&trial, &pro, new, timing),
                Ok(ChangeTerms { now: true, proration: Proration::None })
            );
        }
        // Hard case 59: while a payment is due, only what costs less is taken, and it gives nothing back.
        for status in [SubscriptionStatus::PastDue, SubscriptionStatus::Unpaid] {
            assert_eq!(decide(&status, &pro, &up, timing), Err(ChangeBarrier::PaymentDue));
            assert_eq!(decide(&status, &pro, &other_interval, timing), Err(ChangeBarrier::PaymentDue));
            assert_eq!(
                decide(&status, &pro, &down, timing),
                Ok(ChangeTerms { now: true, proration: Proration::None })
            );
        }
    }
}

#[test]
fn what_is_about_to_end_or_to_change_is_not_changed_again_for_later() {
    let it = catalogue();
    let (pro, top) = (terms(&it.pro, &it.pro_month, 1), terms(&it.top, &it.top_month, 1));
    let status = SubscriptionStatus::Active;
    let ending = ChangeState { status: &status, is_ending: true, has_pending_update: false };
    assert_eq!(change_terms(ending, &top, &pro, ChangeTiming::Automatic), Err(ChangeBarrier::Ending));
    assert!(change_terms(ending, &pro, &top, ChangeTiming::Automatic).unwrap().now);
    let pending = ChangeState { status: &status, is_ending: false, has_pending_update: true };
    assert_eq!(change_terms(pending, &pro, &top, ChangeTiming::Now), Err(ChangeBarrier::ChangePending));
}
