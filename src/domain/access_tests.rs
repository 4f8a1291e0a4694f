//! Every combination of status, days unpaid, dispute and quota under several policies, against rules written down
//! another way than the function is.

use chrono::TimeZone;
use uuid::Uuid;

use super::*;
use crate::domain::billing_policy::{DunningStep, OpenInvoices, ReminderKind, TrialEnd};
use crate::domain::ids::{OrganizationId, SubscriptionId};

fn at(day: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap() + Duration::days(day)
}

/// A subscription that began on day -40, with a period from day 0 to day 30.
fn subscription(status: &str) -> Subscription {
    Subscription {
        id: SubscriptionId(Uuid::from_u128(1)),
        organization_id: OrganizationId(Uuid::from_u128(2)),
        plan_id: None,
        price_id: None,
        stripe_subscription_id: Some("sub_1".into()),
        stripe_customer_id: Some("cus_1".into()),
        plan_type: "pro".to_owned(),
        status: SubscriptionStatus::parse(status),
        quantity: 1,
        current_period_start: Some(at(0)),
        current_period_end: Some(at(30)),
        trial_start: None,
        trial_end: None,
        cancel_at: None,
        cancel_at_period_end: false,
        canceled_at: None,
        ended_at: None,
        cancellation_reason: None,
        cancellation_feedback: None,
        collection_paused: false,
        collection_pause_behavior: None,
        collection_resumes_at: None,
        pending_update_expires_at: None,
        discounts: Vec::new(),
        stripe_schedule_id: None,
        scheduled_change: None,
        next_plan: None,
        default_payment_method: None,
        latest_stripe_invoice_id: None,
        stripe_synced_at: Some(at(0)),
        started_at: Some(at(-40)),
        created_at: at(-40),
        updated_at: at(0),
    }
}

fn disputed(is_lost: bool) -> DisputeFact {
    DisputeFact { is_lost, since: at(1), evidence_due_by: (!is_lost).then(|| at(10)) }
}

fn policies() -> Vec<(&'static str, BillingPolicy)> {
    let step = |after_days, access| DunningStep { after_days, reminder: ReminderKind::Reminder, access };
    let strict = BillingPolicy {
        dunning: vec![step(0, AccessLevel::None)],
        unpaid: AccessLevel::None,
        trial_ended: AccessLevel::None,
        without_subscription: AccessLevel::None,
        dispute_open: AccessLevel::None,
        dispute_lost: AccessLevel::None,
        quota_exceeded: AccessLevel::None,
        trial_end: TrialEnd::Cancel,
        open_invoices: OpenInvoices::Void,
    };
    let lenient = BillingPolicy {
        dunning: vec![],
        unpaid: AccessLevel::Full,
        trial_ended: AccessLevel::Full,
        without_subscription: AccessLevel::Full,
        dispute_open: AccessLevel::Full,
        dispute_lost: AccessLevel::Full,
        quota_exceeded: AccessLevel::Full,
        trial_end: TrialEnd::Invoice,
        open_invoices: OpenInvoices::Keep,
    };
    vec![("default", BillingPolicy::default()), ("strict", strict), ("lenient", lenient)]
}

const STATUSES: [&str; 9] = [
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "canceled",
    "unpaid",
    "paused",
    "hibernating",
];

/// What the status alone leaves, as a table. The columns are the days after the failure.
fn expected_level(policy: &str, status: &str, day: i64) -> AccessLevel {
    use AccessLevel::{Full, Limited, None};
    let dunning = match (policy, day) {
        ("strict", _) => None,
        ("lenient", _) => Full,
        (_, ..7) => Full,
        (_, 7..14) => Limited,
        _ => None,
    };
    match (status, policy) {
        ("hibernating", _) => None,
        ("active" | "trialing", _) => Full,
        ("past_due", _) => dunning,
        ("unpaid", "lenient") => Full,
        ("unpaid", _) => None,
        ("paused", "default") => Limited,
        (_, "lenient") => Full,
        _ => None,
    }
}

#[test]
fn every_status_under_every_policy() {
    let mut seen = 0;
    for (name, policy) in policies() {
        for status in STATUSES {
            for day in [0, 1, 6, 7, 13, 14, 200] {
                for dispute in [None, Some(false), Some(true)] {
                    for has_quota_left in [true, false] {
                        let subscription = subscription(status);
                        let disputes: Vec<_> = dispute.into_iter().map(disputed).collect();
                        let facts = AccessFacts {
                            subscription: Some(&subscription),
                            unpaid: Some(UnpaidInvoice {
                                since: at(0),
                                must_confirm: false,
                                is_with_bank: false,
                            }),
                            has_payment_method: true,
                            disputes: &disputes,
                            quota: (!has_quota_left)
                                .then_some(QuotaFact { since: at(2), until: Some(at(30)) }),
                        };
                        let state = access_state(&facts, &policy, at(day));
                        let by_dispute = match dispute {
                            None => AccessLevel::Full,
                            Some(false) => policy.dispute_open,
                            Some(true) => policy.dispute_lost,
                        };
                        let by_quota = if has_quota_left { AccessLevel::Full } else { policy.quota_exceeded };
                        let least = expected_level(name, status, day).max(by_dispute).max(by_quota);
                        let what = format!("{name} {status} day {day} {dispute:?} quota {has_quota_left}");
                        assert_eq!(state.level, least, "{what}");
                        // Who is kept from anything is told what can be done.
                        if state.level != AccessLevel::Full {
                            assert_ne!(state.next_action, AccessAction::None, "{what}");
                        }
                        assert!(state.since.is_some(), "{what}");
                        if let Some(until) = state.until
                            && state.reason == AccessReason::PaymentDue
                        {
                            assert!(until > at(day), "a change that lies ahead: {what}");
                            let later = access_state(&facts, &policy, until);
                            assert!(later.level > state.level || least > later.level, "{what}");
                        }
                        seen += 1;
                    }
                }
            }
        }
    }
    assert_eq!(seen, 3 * 9 * 7 * 3 * 2);
}

#[test]
fn reasons_times_and_actions_are_those_of_the_status() {
    use AccessAction as A;
    use AccessReason as R;
    let policy = BillingPolicy::default();
    let look = |subscription: &Subscription, unpaid: Option<UnpaidInvoice>, has_payment_method| {
        let facts = AccessFacts {
            subscription: Some(subscription),
            unpaid,
            has_payment_method,
            ..AccessFacts::default()
        };
        access_state(&facts, &policy, at(5))
    };
    let due = Some(UnpaidInvoice { since: at(1), must_confirm: false, is_with_bank: false });
    let confirm = Some(UnpaidInvoice { since: at(1), must_confirm: true, is_with_bank: false });
    let with_bank = Some(UnpaidInvoice { since: at(1), must_confirm: false, is_with_bank: true });
    let trial =
        Subscription { trial_start: Some(at(-3)), trial_end: Some(at(11)), ..subscription("trialing") };
    let ending = Subscription { cancel_at_period_end: true, ..subscription("active") };
    let by_date = Subscription { cancel_at: Some(at(9)), ..subscription("active") };
    let free = Subscription { stripe_subscription_id: None, ..subscription("active") };
    let not_collected = Subscription {
        collection_paused: true,
        collection_resumes_at: Some(at(20)),
        ..subscription("active")
    };
    let ended = Subscription { ended_at: Some(at(4)), ..subscription("canceled") };
    let paused = Subscription { trial_end: Some(at(2)), ..subscription("paused") };
    for (subscription, unpaid, has_method, reason, since, until, action) in [
        (&subscription("active"), None, true, R::Paid, at(-40), None, A::None),
        (&subscription("active"), confirm, true, R::Paid, at(-40), None, A::ConfirmPayment),
        (&subscription("active"), with_bank, true, R::Paid, at(-40), None, A::None),
        (&free, None, false, R::FreePlan, at(-40), None, A::None),
        (&ending, None, true, R::Ending, at(-40), Some(at(30)), A::Resume),
        (&by_date, None, true, R::Ending, at(-40), Some(at(9)), A::Resume),
        (&not_collected, None, true, R::CollectionPaused, at(-40), Some(at(20)), A::None),
        (&trial, None, true, R::Trial, at(-3), Some(at(11)), A::None),
        (&trial, None, false, R::Trial, at(-3), Some(at(11)), A::AddPaymentMethod),
        (&subscription("past_due"), due, true, R::PaymentDue, at(1), Some(at(8)), A::PayInvoice),
        (&subscription("past_due"), due, false, R::PaymentDue, at(1), Some(at(8)), A::AddPaymentMethod),
        (&subscription("past_due"), confirm, true, R::PaymentDue, at(1), Some(at(8)), A::ConfirmPayment),
        // The invoice's event is still on its way: counted from the period that it is for.
        (&subscription("past_due"), None, true, R::PaymentDue, at(0), Some(at(7)), A::PayInvoice),
        (&subscription("unpaid"), due, true, R::PaymentFailed, at(1), None, A::PayInvoice),
        (&paused, None, false, R::TrialEnded, at(2), None, A::AddPaymentMethod),
        (&paused, None, true, R::TrialEnded, at(2), None, A::Resume),
        (&ended, None, true, R::Ended, at(4), None, A::Subscribe),
        (&subscription("hibernating"), None, true, R::UnknownState, at(0), None, A::ContactSupport),
    ] {
        let state = look(subscription, unpaid, has_method);
        let what = format!("{} {unpaid:?} {has_method}", subscription.status.as_str());
        assert_eq!(state.reason, reason, "{what}");
        assert_eq!(state.since, Some(since), "{what}");
        assert_eq!(state.until, until, "{what}");
        assert_eq!(state.next_action, action, "{what}");
    }
    let first = look(&subscription("incomplete"), due, true);
    assert_eq!(first.reason, R::FirstPaymentDue);
    assert_eq!(first.until, Some(at(-40) + Duration::hours(23)));
}

#[test]
fn without_a_subscription_there_is_what_the_policy_gives() {
    for (name, policy) in policies() {
        let state = access_state(&AccessFacts::default(), &policy, at(0));
        assert_eq!(state.level, policy.without_subscription, "{name}");
        assert_eq!(state.reason, AccessReason::NoSubscription, "{name}");
        assert_eq!(state.next_action, AccessAction::Subscribe, "{name}");
        assert_eq!(state.since, None, "{name}");
    }
}

/// Hard case 67: a dispute is judged by its own policy, and the payment that is due speaks first when both say the same.
#[test]
fn of_equal_levels_the_payment_speaks_first() {
    let subscription = subscription("past_due");
    let facts = AccessFacts {
        subscription: Some(&subscription),
        unpaid: Some(UnpaidInvoice { since: at(0), must_confirm: false, is_with_bank: false }),
        has_payment_method: true,
        disputes: &[disputed(true)],
        quota: None,
    };
    let late = access_state(&facts, &BillingPolicy::default(), at(20));
    assert_eq!((late.level, late.reason), (AccessLevel::None, AccessReason::PaymentDue));
    let early = access_state(&facts, &BillingPolicy::default(), at(2));
    assert_eq!((early.level, early.reason), (AccessLevel::None, AccessReason::DisputeLost));
}

#[test]
fn of_several_disputes_the_one_that_leaves_least_speaks() {
    let subscription = subscription("active");
    let look = |disputes: &[DisputeFact], policy: &BillingPolicy| {
        let facts = AccessFacts { subscription: Some(&subscription), disputes, ..AccessFacts::default() };
        access_state(&facts, policy, at(5))
    };
    let policy = BillingPolicy::default();
    let open = look(&[disputed(false)], &policy);
    assert_eq!((open.level, open.reason), (AccessLevel::Full, AccessReason::Disputed));
    assert_eq!((open.until, open.next_action), (Some(at(10)), AccessAction::ContactSupport));
    for both in [[disputed(false), disputed(true)], [disputed(true), disputed(false)]] {
        let state = look(&both, &policy);
        assert_eq!((state.level, state.reason), (AccessLevel::None, AccessReason::DisputeLost));
        assert_eq!((state.since, state.until), (Some(at(1)), None));
    }
    // Where losing it takes no more away, nothing changes with the deadline.
    let strict = BillingPolicy { dispute_open: AccessLevel::None, ..policy };
    assert_eq!(look(&[disputed(false)], &strict).until, None);
}
