//! Payloads in our words: Stripe's own example objects, filled in where a value matters.

use super::*;
use crate::domain::ids::StripePaymentIntentId;
use crate::domain::invoice::InvoiceStatus;
use crate::domain::mirror::{InvoiceMirror, PaymentIntentMirror, SubscriptionMirror};
use crate::domain::payment::PaymentStatus;
use crate::domain::subscription::SubscriptionStatus;
use crate::payments::parse_envelope;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../tests/payments/fixtures/", $name, ".json"))
    };
}

/// The object of a fixture, after a change to it.
fn read(fixture: &str, change: impl FnOnce(&mut Value)) -> Result<MirrorObject, Unreadable> {
    let mut event: Value = serde_json::from_str(fixture).unwrap();
    change(&mut event);
    mirror_of(&parse_envelope(event.to_string().as_bytes()).unwrap())
}

fn subscription(change: impl FnOnce(&mut Value)) -> SubscriptionMirror {
    match read(fixture!("subscription_updated"), |event| change(&mut event["data"]["object"])) {
        Ok(MirrorObject::Subscription(mirror)) => mirror,
        other => panic!("{other:?}"),
    }
}

fn invoice(change: impl FnOnce(&mut Value)) -> InvoiceMirror {
    match read(fixture!("invoice_paid"), |event| change(&mut event["data"]["object"])) {
        Ok(MirrorObject::Invoice(mirror)) => mirror,
        other => panic!("{other:?}"),
    }
}

fn payment_intent(change: impl FnOnce(&mut Value)) -> PaymentIntentMirror {
    match read(fixture!("payment_intent_payment_failed"), |event| change(&mut event["data"]["object"])) {
        Ok(MirrorObject::PaymentIntent(mirror)) => mirror,
        other => panic!("{other:?}"),
    }
}

fn seconds(time: Option<chrono::DateTime<chrono::Utc>>) -> Option<i64> {
    time.map(|time| time.timestamp())
}

#[test]
fn the_period_of_a_subscription_is_the_earliest_of_its_items() {
    let mirror = subscription(|_| ());
    assert_eq!(seconds(mirror.current_period_start), Some(1_788_000_000));
    assert_eq!(seconds(mirror.current_period_end), Some(1_792_000_000));
    assert_eq!((mirror.quantity, mirror.status), (7, SubscriptionStatus::Active));
    assert_eq!(mirror.price.unwrap().as_str(), "price_1PgafmB7WZ01zgkW6dKueIc5");
}

#[test]
fn an_end_by_date_alone_is_kept_with_what_the_customer_said() {
    let mirror = subscription(|_| ());
    assert_eq!((mirror.cancel_at_period_end, seconds(mirror.cancel_at)), (false, Some(1_792_000_000)));
    assert_eq!(mirror.cancellation_reason.as_deref(), Some("too_expensive"));
    let commented = subscription(|it| it["cancellation_details"]["comment"] = "Moving on".into());
    assert_eq!(commented.cancellation_reason.as_deref(), Some("Moving on"));
}

#[test]
fn a_subscription_without_items_has_no_period_and_is_not_refused() {
    let mirror = subscription(|it| it["items"]["data"] = Value::Array(Vec::new()));
    assert_eq!((mirror.current_period_end, mirror.price), (None, None));
}

#[test]
fn a_subscription_of_before_2025_03_31_is_read_with_the_period_of_its_root() {
    let old = fixture!("subscription_updated_before_2025-03-31");
    let Ok(MirrorObject::Subscription(mirror)) = read(old, |_| ()) else { panic!("{:?}", read(old, |_| ())) };
    assert_eq!(seconds(mirror.current_period_start), Some(1_789_000_000));
    assert_eq!(seconds(mirror.current_period_end), Some(1_792_000_000));
    // Taken for one of our version it would have no period: the label decides, and so does the shape.
    let relabelled = read(old, |event| event["api_version"] = stripe_client_core::VERSION.as_str().into());
    assert_eq!(relabelled, Err(Unreadable::UnknownShape));
    assert_eq!(read(old, |event| event["api_version"] = Value::Null), Err(Unreadable::OtherVersion));
    // One that has no period at the root either is of no version that we know.
    let without = read(old, |event| {
        drop(event["data"]["object"].as_object_mut().unwrap().remove("current_period_end"));
    });
    assert_eq!(without, Err(Unreadable::OtherVersion));
}

#[test]
fn an_invoice_of_before_2025_03_31_is_fetched() {
    let old = fixture!("invoice_paid_before_2025-03-31");
    assert_eq!(read(old, |_| ()), Err(Unreadable::OtherVersion));
    // Taken for one of ours it would lose its payments and its subscription.
    let relabelled = read(old, |event| event["api_version"] = stripe_client_core::VERSION.as_str().into());
    assert!(
        !matches!(&relabelled, Ok(MirrorObject::Invoice(mirror)) if mirror.payment_intents.is_some()),
        "{relabelled:?}"
    );
}

#[test]
fn a_version_newer_than_the_library_is_fetched() {
    for fixture in [fixture!("subscription_updated"), fixture!("invoice_paid")] {
        let newer = read(fixture, |event| event["api_version"] = "2031-01-01.zinnia".into());
        assert_eq!(newer, Err(Unreadable::OtherVersion));
    }
}

#[test]
fn a_deleted_draft_is_known_by_its_id_whatever_the_version() {
    let deleted = read(fixture!("invoice_paid"), |event| {
        event["type"] = "invoice.deleted".into();
        event["api_version"] = "2019-12-03".into();
    });
    assert!(matches!(deleted, Ok(MirrorObject::DeletedInvoice(_))), "{deleted:?}");
}

#[test]
fn words_that_stripe_introduces_later_are_kept() {
    let mirror = subscription(|it| it["status"] = "hibernating".into());
    assert_eq!(mirror.status, SubscriptionStatus::Other("hibernating".to_owned()));
    let mirror = invoice(|it| {
        it["status"] = "contested".into();
        it["billing_reason"] = "subscription_dream".into();
    });
    assert_eq!(mirror.status, InvoiceStatus::Other("contested".to_owned()));
    assert_eq!(mirror.billing_reason.as_deref(), Some("subscription_dream"));
    let mirror = payment_intent(|it| it["status"] = "requires_prayer".into());
    assert_eq!((mirror.status, mirror.stripe_status.as_str()), (PaymentStatus::Pending, "requires_prayer"));
}

#[test]
fn an_invoice_names_its_subscription_its_tax_and_its_payments() {
    let mirror = invoice(|_| ());
    assert_eq!(mirror.subscription.unwrap().as_str(), "sub_1");
    assert_eq!((mirror.subtotal_minor, mirror.tax_minor, mirror.total_minor), (1_000, 100, 1_100));
    let intents = mirror.payment_intents.unwrap();
    assert_eq!(intents.iter().map(StripePaymentIntentId::as_str).collect::<Vec<_>>(), ["pi_1", "pi_2"]);
    assert!(mirror.lines_complete && mirror.lines.len() == 1 && mirror.lines[0].proration);
}

#[test]
fn what_stripe_has_cut_from_an_invoice_does_not_pass_for_the_whole() {
    assert!(!invoice(|it| it["lines"]["has_more"] = true.into()).lines_complete);
    assert_eq!(invoice(|it| it["payments"]["has_more"] = true.into()).payment_intents, None);
    let absent = invoice(|it| drop(it.as_object_mut().unwrap().remove("payments")));
    assert_eq!(absent.payment_intents, None);
}

#[test]
fn an_invoice_without_a_subscription_is_one() {
    assert_eq!(invoice(|it| it["parent"] = Value::Null).subscription, None);
}

#[test]
fn a_declined_payment_tells_why_with_what_and_what_was_given_back() {
    let mirror = payment_intent(|_| ());
    assert_eq!(mirror.status, PaymentStatus::Failed);
    let failure = mirror.failure.unwrap();
    assert_eq!(
        (failure.code.as_str(), failure.decline_code.as_deref()),
        ("card_declined", Some("insufficient_funds"))
    );
    assert_eq!(mirror.payment_method_summary.as_deref(), Some("visa •••• 4242"));
    assert_eq!(mirror.amount_refunded_minor, Some(300));
    assert_eq!(mirror.amount, crate::domain::money::Money::new(1_099, crate::domain::money::Currency::USD));
    let bare = payment_intent(|it| it["latest_charge"] = "ch_1".into());
    assert_eq!((bare.amount_refunded_minor, bare.latest_charge.as_deref()), (None, Some("ch_1")));
}

#[test]
fn an_amount_in_a_currency_that_we_do_not_know_is_unreadable() {
    let strange = read(fixture!("payment_intent_payment_failed"), |event| {
        event["data"]["object"]["currency"] = "zzz".into();
    });
    assert_eq!(strange, Err(Unreadable::UnknownShape));
}

#[test]
fn an_object_that_is_not_whole_is_unreadable() {
    let broken = read(fixture!("invoice_paid"), |event| {
        drop(event["data"]["object"].as_object_mut().unwrap().remove("amount_due"));
    });
    assert_eq!(broken, Err(Unreadable::UnknownShape));
}

#[test]
fn a_deleted_customer_is_deleted_although_its_payload_does_not_say_so() {
    let Ok(MirrorObject::Customer(mirror)) = read(fixture!("customer_deleted"), |_| ()) else { panic!() };
    assert!(mirror.deleted);
    let Ok(MirrorObject::Customer(mirror)) =
        read(fixture!("customer_deleted"), |event| event["type"] = "customer.updated".into())
    else {
        panic!()
    };
    assert!(!mirror.deleted);
}

#[test]
fn refunds_disputes_and_credit_notes_are_told_apart() {
    for (event_type, kind) in [
        ("charge.refunded", ObjectKind::Charge),
        ("charge.failed", ObjectKind::Charge),
        ("charge.refund.updated", ObjectKind::Refund),
        ("refund.failed", ObjectKind::Refund),
        ("charge.dispute.created", ObjectKind::Dispute),
        ("charge.dispute.funds_withdrawn", ObjectKind::Dispute),
        ("credit_note.voided", ObjectKind::CreditNote),
        ("checkout.session.completed", ObjectKind::CheckoutSession),
    ] {
        assert_eq!(ObjectKind::of_event_type(event_type), Some(kind), "{event_type}");
        let event = serde_json::json!({
            "id": "evt_1", "type": event_type, "created": 1_790_000_000, "livemode": false,
            "api_version": stripe_client_core::VERSION.as_str(),
            "data": { "object": { "id": "x_1", "payment_intent": "pi_1" } }
        });
        // Not whole: it is fetched.
        let mirror = mirror_of(&parse_envelope(event.to_string().as_bytes()).unwrap());
        assert_eq!(mirror, Err(Unreadable::UnknownShape), "{event_type}");
    }
}

#[test]
fn types_that_are_not_handled_are_told_apart() {
    for event_type in ["invoice.upcoming", "customer.tax_id.created", "payout.paid", "made.up", "nonsense"] {
        assert_eq!(ObjectKind::of_event_type(event_type), None, "{event_type}");
    }
}

#[test]
fn times_of_no_calendar_become_the_nearest_that_can_be_written() {
    for (seconds, written) in [
        (i64::MIN, "1970-01-01T00:00:00+00:00"),
        (-1, "1970-01-01T00:00:00+00:00"),
        (1_790_000_000, "2026-09-21T14:13:20+00:00"),
        (253_402_300_800, "9999-01-01T00:00:00+00:00"),
        (i64::MAX, "9999-01-01T00:00:00+00:00"),
    ] {
        assert_eq!(convert::time(seconds).to_rfc3339(), written, "{seconds}");
    }
}
