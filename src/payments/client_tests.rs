//! The client against the sandbox, which is told to lose answers.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use stripe_sandbox::{Fault, FaultKind, Sandbox};
use uuid::Uuid;

use super::*;
use crate::domain::billing_details::BillingDetails;
use crate::domain::ids::{StripePaymentIntentId, StripeSubscriptionId};
use crate::domain::mirror::MirrorObject;
use crate::domain::money::{Currency, Money};
use crate::domain::plan::BillingInterval;
use crate::domain::subscription::SubscriptionStatus;
use crate::payments::transport::tests::{Act, play};
use crate::payments::{
    CancellationReason, MissingPaymentMethod, NewCustomer, NewPrice, NewProduct, NewSubscription, ObjectKind,
    PaymentBehavior,
};

fn key(step: &str) -> IdempotencyKey {
    IdempotencyKey::for_operation(BillingOperationId(Uuid::from_u128(1)), step)
}

/// A sandbox that does with keys on DELETE what Stripe documents: nothing.
async fn sandbox() -> Sandbox {
    Sandbox::builder().seed(1).start(([127, 0, 0, 1], 0).into()).await.unwrap()
}

fn client(sandbox: &Sandbox, max_attempts: u32) -> Stripe {
    let mut options = StripeOptions::new("sk_test_x");
    options.api_base = sandbox.base_url();
    options.timeout = Duration::from_secs(5);
    options.max_attempts = max_attempts;
    Stripe::new(options).unwrap()
}

async fn subscribed(stripe: &Stripe) -> StripeSubscriptionId {
    let metadata = BTreeMap::from([("tollgate_test".to_owned(), "1".to_owned())]);
    let new = NewCustomer {
        name: "Acme".to_owned(),
        details: BillingDetails::default(),
        metadata: metadata.clone(),
    };
    let customer = stripe.create_customer(&new, &key("customer")).await.unwrap().id;
    let new = NewProduct { name: "Pro".to_owned(), description: None, metadata: metadata.clone() };
    let product = stripe.create_product(new, &key("product")).await.unwrap().id;
    let new = NewPrice {
        product,
        unit_amount: Money::new(2_000, Currency::USD),
        interval: BillingInterval::Month,
        metadata: metadata.clone(),
    };
    let price = stripe.create_price(new, &key("price")).await.unwrap().id;
    let method =
        stripe.attach_payment_method(&"pm_card_visa".into(), &customer, &key("attach")).await.unwrap();
    let new = NewSubscription {
        promotion_code: None,
        coupon: None,
        customer,
        price,
        quantity: 1,
        default_payment_method: Some(method.id),
        trial_days: None,
        missing_payment_method: MissingPaymentMethod::Cancel,
        days_until_due: None,
        payment_behavior: PaymentBehavior::AllowIncomplete,
        metadata,
    };
    let subscription = stripe.create_subscription(new, &key("subscribe")).await.unwrap();
    assert_eq!(subscription.status, SubscriptionStatus::Active);
    subscription.id
}

/// Does what is asked, and loses the answer.
fn lose_answer(sandbox: &Sandbox, request: &str) {
    sandbox.fault(Fault::new(request, FaultKind::ActThenDrop));
}

#[tokio::test]
async fn resuming_again_after_a_lost_answer_is_no_key_conflict() {
    let sandbox = sandbox().await;
    let stripe = client(&sandbox, 1);
    let id = subscribed(&stripe).await;
    stripe.cancel_at_period_end(&id, &CancellationReason::default(), None, &key("cancel")).await.unwrap();
    lose_answer(&sandbox, "POST /v1/subscriptions");
    stripe.take_cancellation_back(&id, &key("resume")).await.unwrap_err();
    // The operation is run again, with the same key, by the worker that settles unknown outcomes.
    let resumed = stripe.take_cancellation_back(&id, &key("resume")).await.unwrap();
    assert!(!resumed.cancel_at_period_end && resumed.cancel_at.is_none());
}

#[tokio::test]
async fn cancelling_again_after_a_lost_answer_shows_the_canceled_subscription() {
    let sandbox = sandbox().await;
    let id = subscribed(&client(&sandbox, 1)).await;
    lose_answer(&sandbox, "DELETE /v1/subscriptions");
    let canceled = client(&sandbox, 3)
        .cancel_subscription_now(&id, &CancellationReason::default(), false, &key("cancel"))
        .await
        .unwrap();
    assert_eq!(canceled.status, SubscriptionStatus::Canceled);
    // A later run of the same operation, for instance after a crash.
    let again = client(&sandbox, 1)
        .cancel_subscription_now(&id, &CancellationReason::default(), false, &key("cancel"))
        .await
        .unwrap();
    assert_eq!(again.status, SubscriptionStatus::Canceled);
}

#[tokio::test]
async fn a_date_set_by_the_portal_is_taken_back_too() {
    let sandbox = sandbox().await;
    let stripe = client(&sandbox, 1);
    let id = subscribed(&stripe).await;
    let date = (sandbox.now() + 86_400).to_string();
    let path = format!("/subscriptions/{id}");
    let scheduled: stripe_shared::Subscription =
        stripe.change_form(path, &[("cancel_at", &date)], &key("portal")).await.unwrap();
    assert!(scheduled.cancel_at.is_some() && !scheduled.cancel_at_period_end);
    let resumed = stripe.take_cancellation_back(&id, &key("resume")).await.unwrap();
    assert!(resumed.cancel_at.is_none());
}

#[tokio::test]
async fn a_subscription_that_never_was_cannot_be_cancelled() {
    let sandbox = sandbox().await;
    let error = client(&sandbox, 1)
        .cancel_subscription_now(&"sub_none".into(), &CancellationReason::default(), false, &key("cancel"))
        .await;
    assert!(matches!(error, Err(PaymentsError::NotFound { .. })), "{error:?}");
}

#[tokio::test]
async fn a_refund_and_its_charge_both_lead_to_the_payment() {
    let sandbox = sandbox().await;
    let stripe = client(&sandbox, 1);
    let invoice = stripe.retrieve_subscription(&subscribed(&stripe).await).await.unwrap().latest_invoice_id;
    let paid = stripe.retrieve_invoice(&invoice.unwrap()).await.unwrap();
    let intent = paid.payment_intents.unwrap().remove(0);
    let ours = crate::domain::ids::RefundId(uuid::Uuid::from_u128(7));
    let new = crate::payments::NewRefund {
        payment_intent: intent.clone(),
        amount_minor: 1,
        reason: Some(crate::domain::refund::RefundReason::Duplicate),
        refund_id: Some(ours),
        metadata: HashMap::new(),
    };
    let made = stripe.create_refund(new, &key("refund")).await.unwrap();
    let MirrorObject::Refund(refund) = stripe.fetch(ObjectKind::Refund, made.id.as_str()).await.unwrap()
    else {
        panic!("{made:?}")
    };
    assert_eq!((refund.payment_intent.as_ref(), refund.refund_id), (Some(&intent), Some(ours)));
    assert_eq!((refund.amount.minor, refund.reason.as_deref()), (1, Some("duplicate")));
    assert_eq!(stripe.refunds_of(&intent).await.unwrap(), [made]);
    let charge = stripe.retrieve_payment_intent(&intent).await.unwrap().latest_charge.unwrap();
    let MirrorObject::Charge(charge) = stripe.fetch(ObjectKind::Charge, &charge).await.unwrap() else {
        panic!("{charge}")
    };
    assert_eq!((charge.payment_intent, charge.amount_refunded_minor), (Some(intent), 1));
    assert_eq!(charge.payment_method_summary.as_deref(), Some("visa •••• 4242"));
}

/// The invoice of the fixture, or what it becomes.
fn invoice_of_the_fixture(change: impl FnOnce(&mut serde_json::Value)) -> &'static str {
    let fixture = include_str!("../../tests/payments/fixtures/invoice_paid.json");
    let mut invoice = serde_json::from_str::<serde_json::Value>(fixture).unwrap()["data"]["object"].take();
    change(&mut invoice);
    invoice.to_string().leak()
}

#[tokio::test]
async fn payments_and_lines_that_stripe_has_cut_are_fetched() {
    let page = |data: serde_json::Value, has_more: bool| -> &'static str {
        let url = "/v1/x";
        let page = serde_json::json!({ "object": "list", "url": url, "has_more": has_more, "data": data });
        page.to_string().leak()
    };
    let whole: serde_json::Value = serde_json::from_str(invoice_of_the_fixture(|_| ())).unwrap();
    let (line, payments) = (&whole["lines"]["data"][0], &whole["payments"]["data"]);
    let cut = invoice_of_the_fixture(|invoice| {
        invoice["lines"]["has_more"] = true.into();
        invoice["payments"]["has_more"] = true.into();
    });
    let server = play(vec![
        Act::Answer(200, "", cut),
        Act::Answer(200, "", page(serde_json::json!([line]), true)),
        Act::Answer(200, "", page(serde_json::json!([line]), false)),
        Act::Answer(200, "", page(serde_json::json!([payments[0]]), true)),
        Act::Answer(200, "", page(serde_json::json!([payments[1]]), false)),
    ])
    .await;
    let mut options = StripeOptions::new("sk_test_x");
    options.api_base.clone_from(&server.base);
    let mirror = Stripe::new(options).unwrap().retrieve_invoice(&"in_1".into()).await.unwrap();
    assert_eq!((mirror.lines.len(), mirror.lines_complete), (2, true));
    let intents = mirror.payment_intents.unwrap();
    assert_eq!(intents.iter().map(StripePaymentIntentId::as_str).collect::<Vec<_>>(), ["pi_1", "pi_2"]);
    let requests = server.requests.lock().unwrap().clone();
    assert!(requests[4].contains("starting_after=inpay_1") && requests[4].contains("invoice=in_1"));
}

#[tokio::test]
async fn items_that_stripe_has_cut_are_fetched_and_the_earliest_of_all_counts() {
    let fixture = include_str!("../../tests/payments/fixtures/subscription_updated.json");
    let event = serde_json::from_str::<serde_json::Value>(fixture).unwrap();
    let mut cut = event["data"]["object"].clone();
    cut["items"]["has_more"] = true.into();
    let item = |id: &str, start: i64, end: i64| {
        let mut item = cut["items"]["data"][0].clone();
        item["id"] = id.into();
        item["current_period_start"] = start.into();
        item["current_period_end"] = end.into();
        item
    };
    let page = |item: serde_json::Value, has_more: bool| -> &'static str {
        let page =
            serde_json::json!({ "object": "list", "url": "/v1/x", "has_more": has_more, "data": [item] });
        page.to_string().leak()
    };
    let (later, earlier) =
        (item("si_11", 1_789_000_000, 1_799_000_000), item("si_12", 1_787_000_000, 1_790_000_000));
    let server = play(vec![
        Act::Answer(200, "", cut.to_string().leak()),
        Act::Answer(200, "", page(later, true)),
        Act::Answer(200, "", page(earlier, false)),
    ])
    .await;
    let mut options = StripeOptions::new("sk_test_x");
    options.api_base.clone_from(&server.base);
    let mirror = Stripe::new(options).unwrap().retrieve_subscription(&"sub_1".into()).await.unwrap();
    assert!(mirror.items_complete);
    let seconds = |time: Option<chrono::DateTime<chrono::Utc>>| time.map(|time| time.timestamp());
    assert_eq!(seconds(mirror.current_period_start), Some(1_787_000_000));
    assert_eq!(seconds(mirror.current_period_end), Some(1_790_000_000));
    let requests = server.requests.lock().unwrap().clone();
    assert!(requests[2].contains("starting_after=si_11"), "{requests:#?}");
}

#[tokio::test]
async fn a_dispute_says_what_is_disputed_and_until_when() {
    let published: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/payments/fixtures/dispute.json")).unwrap();
    let server = play(vec![Act::Answer(200, "", published.to_string().leak())]).await;
    let mut options = StripeOptions::new("sk_test_x");
    options.api_base.clone_from(&server.base);
    let stripe = Stripe::new(options).unwrap();
    let MirrorObject::Dispute(found) = stripe.fetch(ObjectKind::Dispute, "du_1").await.unwrap() else {
        panic!("no dispute")
    };
    assert_eq!(found.payment_intent.unwrap().as_str(), "pi_1");
    assert_eq!((found.amount.minor, found.reason.as_str()), (1_000, "general"));
    assert_eq!(found.status, crate::domain::dispute::DisputeStatus::NeedsResponse);
    assert_eq!(found.evidence_due_by.map(|due| due.timestamp()), Some(1_790_000_000));
    assert!(server.requests.lock().unwrap()[0].starts_with("GET /v1/disputes/du_1 "));
}
