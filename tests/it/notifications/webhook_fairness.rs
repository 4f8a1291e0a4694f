//! Who gets a webhook when: nobody waits for another's consumer, and a consumer that fails is left alone for a while.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tollgate::delivery::WebhookSender;
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::ids::{OrganizationId, WebhookEndpointId};
use tollgate::jobs::WorkerOptions;
use tollgate::service::Outgoing;
use tollgate::store::WebhookDeliveryFilter;

use super::webhook::{create_key, endpoint, log, newest_in, sending};
use crate::mutations::member::{ask, done};
use crate::support::receivers::Receiver;
use crate::support::{TestApp, TestOptions, eventually, text, uuid_of};

/// Nothing is tried a second time while a test runs.
const LATER: &[Duration] = &[Duration::from_secs(3_600), Duration::from_secs(3_600)];

fn with(worker: impl FnOnce(WorkerOptions) -> WorkerOptions) -> TestOptions {
    let options = sending();
    TestOptions { worker: worker(options.worker), ..options }
}

#[tokio::test]
async fn one_tenants_silent_consumer_keeps_no_other_tenant_waiting() {
    let mut silent = Receiver::webhooks();
    let mut quick = Receiver::webhooks();
    // Longer than this test waits for anything.
    let sender = WebhookSender::new(Duration::from_secs(60), true).expect("a sender");
    let defaults = TestOptions::default();
    let outgoing = Outgoing { webhooks: Some(sender), ..defaults.outgoing };
    let app = TestApp::start_with(TestOptions { outgoing, ..defaults }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let globex = app.organization(&owner, "globex").await;
    endpoint(&owner, &acme, &mut silent).await;
    endpoint(&owner, &globex, &mut quick).await;
    silent.order("answer hang").await;
    for number in 0..40 {
        create_key(&owner, &acme, &format!("Key {number}")).await;
    }
    create_key(&owner, &globex, "Deploys").await;
    quick.webhook("api_key_created").await;
    assert_eq!(silent.taken().len(), 4, "so many are asked of one endpoint at the same time");
}

#[tokio::test]
async fn a_consumer_that_fails_is_asked_with_one_at_a_time_and_after_a_pause() {
    let mut consumer = Receiver::webhooks();
    let pause = Duration::from_secs(2);
    let app = TestApp::start_with(with(|worker| WorkerOptions {
        first_pause: pause,
        longest_pause: pause,
        webhook_schedule: LATER,
        ..worker
    }))
    .await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    endpoint(&owner, &acme, &mut consumer).await;
    consumer.order("answer 503").await;
    create_key(&owner, &acme, "First").await;
    eventually("it to fail", || async {
        log(&owner, &acme).await["webhookEndpoints"]["nodes"][0]["failingSince"].is_string().then_some(())
    })
    .await;
    for number in 0..6 {
        create_key(&owner, &acme, &format!("Key {number}")).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(consumer.taken().len(), 1, "it is left alone");
    eventually("it to be asked again", || async { (consumer.taken().len() == 2).then_some(()) }).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(consumer.taken().len(), 2, "with one");
    consumer.order("answer 200").await;
    eventually("all others to be taken", || async { (consumer.taken().len() == 7).then_some(()) }).await;
}

#[tokio::test]
async fn a_consumer_says_how_long_to_wait() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    endpoint(&owner, &acme, &mut consumer).await;
    consumer.order("answer 429 3600").await;
    create_key(&owner, &acme, "Deploys").await;
    let query = "query($id: ID!) { webhookDeliveries(organizationId: $id) { nodes { responseStatus nextAttemptAt } } }";
    let next = eventually("it to be refused", || async {
        let shown = owner.send(query, json!({ "id": acme })).await;
        let newest = shown.data()["webhookDeliveries"]["nodes"][0].clone();
        (newest["responseStatus"] == 429).then(|| text(&newest["nextAttemptAt"]))
    })
    .await;
    let next: DateTime<Utc> = next.parse().expect("a time");
    assert!(next > SystemClock.now() + TimeDelta::minutes(59), "{next}");
}

#[tokio::test]
async fn another_address_is_not_blamed_for_what_the_one_before_did() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(with(|worker| WorkerOptions { webhook_schedule: LATER, ..worker })).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = endpoint(&owner, &acme, &mut consumer).await;
    consumer.order("answer 500").await;
    create_key(&owner, &acme, "Deploys").await;
    let failing = async || log(&owner, &acme).await["webhookEndpoints"]["nodes"][0]["failingSince"].clone();
    eventually("it to fail", || async { failing().await.is_string().then_some(()) }).await;
    let id = made["webhookEndpoint"]["id"].clone();
    let update = json!({ "webhookEndpointId": id, "url": "https://hooks.example.com/" });
    done(&owner, "webhookEndpointUpdate", update, "webhookEndpoint { id }").await;
    assert_eq!(failing().await, json!(null));
    // What was under way to the old address when it changed counts for nothing either.
    let id = WebhookEndpointId(uuid_of(&text(&id)));
    app.store().note_webhook_failed(id, &consumer.hook(), SystemClock.now()).await.expect("it is noted");
    assert_eq!(failing().await, json!(null));
}

#[tokio::test]
async fn an_endpoint_is_judged_by_the_clock_too_and_not_by_one_failure() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(with(|worker| WorkerOptions {
        webhook_schedule: LATER,
        webhook_warn_after: Duration::ZERO,
        webhook_disable_after: Duration::ZERO,
        webhook_failures: 2,
        webhook_judge: Duration::from_millis(50),
        ..worker
    }))
    .await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    endpoint(&owner, &acme, &mut consumer).await;
    consumer.order("answer 500").await;
    create_key(&owner, &acme, "First").await;
    eventually("it to fail", || async {
        log(&owner, &acme).await["webhookEndpoints"]["nodes"][0]["failingSince"].is_string().then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let shown = log(&owner, &acme).await["webhookEndpoints"]["nodes"][0].clone();
    assert_eq!(shown["state"], "ENABLED", "one failure is an accident: {shown:#}");
    create_key(&owner, &acme, "Second").await;
    // The second failure warns; nothing more is sent, and the clock alone disables it.
    eventually("the endpoint to be disabled", || async {
        (log(&owner, &acme).await["webhookEndpoints"]["nodes"][0]["disabledReason"] == "FAILING")
            .then_some(())
    })
    .await;
    assert_eq!(consumer.taken().len(), 2);
}

#[tokio::test]
async fn an_endpoint_that_took_something_meanwhile_is_not_warned_of() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let url = "https://hooks.example.com/";
    let input = json!({ "organizationId": acme, "url": url, "selection": "{ __typename }" });
    let made = done(&owner, "webhookEndpointCreate", input, "webhookEndpoint { id }").await;
    let id = WebhookEndpointId(uuid_of(&text(&made["webhookEndpoint"]["id"])));
    let store = app.store();
    store.note_webhook_failed(id, url, SystemClock.now()).await.expect("it is noted");
    let seen = store.webhook_endpoints(&[id]).await.expect("a row").pop().expect("an endpoint");
    let is_as_seen = async || {
        let transaction = store.begin_in(seen.organization_id).await.expect("a transaction");
        let marked = transaction.mark_webhook_warned(&seen).await.expect("an update");
        transaction.rollback().await.expect("a rollback");
        marked
    };
    assert!(is_as_seen().await);
    store.note_webhook_taken(id, url).await.expect("it is noted");
    store.note_webhook_failed(id, url, SystemClock.now()).await.expect("it is noted");
    assert!(!is_as_seen().await, "it fails anew");
}

#[tokio::test]
async fn what_is_sent_again_is_bounded_and_goes_to_who_takes_it() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = endpoint(&owner, &acme, &mut consumer).await;
    let id = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"] });
    for name in ["One", "Two", "Three"] {
        create_key(&owner, &acme, name).await;
    }
    eventually("all to be taken", || async { (consumer.taken().len() == 3).then_some(()) }).await;
    let delivered = newest_in(&owner, &acme, "DELIVERED").await;
    eventually("all to be marked", || async {
        let all = log(&owner, &acme).await["webhookDeliveries"]["nodes"].clone();
        all.as_array().is_some_and(|all| all.iter().all(|it| it["state"] == "DELIVERED")).then_some(())
    })
    .await;
    let filter = WebhookDeliveryFilter {
        organization_id: OrganizationId(uuid_of(&acme)),
        webhook_endpoint_id: None,
        state: None,
        since: None,
        until: None,
    };
    let transaction = app.store().begin().await.expect("a transaction");
    for (most, counted) in [(1, 2), (3, 3), (10, 3)] {
        let found = transaction.count_replayable_webhooks(&filter, most).await.expect("a count");
        assert_eq!(found, counted, "no more than one beyond {most}");
    }
    transaction.rollback().await.expect("a rollback");

    let range = |since: &str, until: &str| -> Value {
        json!({ "webhookEndpointId": id["webhookEndpointId"], "since": since, "until": until })
    };
    let all = range("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z");
    let backwards = range("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z");
    let refused = ask(&owner, "webhookDeliveriesReplay", backwards, "replayedCount").await;
    let (code, path, _) = refused.user_error("webhookDeliveriesReplay");
    assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "until"));
    done(&owner, "webhookEndpointDisable", id.clone(), "webhookEndpoint { id }").await;
    let one = json!({ "webhookDeliveryId": delivered["id"] });
    let refused = ask(&owner, "webhookDeliveriesReplay", all.clone(), "replayedCount").await;
    assert_eq!(refused.user_error("webhookDeliveriesReplay").0, "CONFLICT");
    let refused = ask(&owner, "webhookDeliveryReplay", one, "webhookDelivery { id }").await;
    assert_eq!(refused.user_error("webhookDeliveryReplay").0, "CONFLICT");
    done(&owner, "webhookEndpointEnable", id, "webhookEndpoint { id }").await;
    let before = range("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
    let none = done(&owner, "webhookDeliveriesReplay", before, "replayedCount").await;
    assert_eq!(none["replayedCount"], 0);
    let replayed = done(&owner, "webhookDeliveriesReplay", all, "replayedCount").await;
    assert_eq!(replayed["replayedCount"], 3);
}

#[tokio::test]
async fn queries_of_webhooks_that_ask_stripe_stay_inside_the_budget_of_the_background() {
    let mut consumer = Receiver::webhooks();
    let background_rate = std::num::NonZeroU32::new(1);
    let app =
        TestApp::start_with(TestOptions { background_rate, deliver_webhooks: false, ..sending() }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.subscribe(&owner, &acme, &plan).await;
    let selection = "query($organizationId: ID!) { organization(id: $organizationId) {
        upcomingInvoice { total { amount } } } }";
    let input = json!({ "organizationId": acme, "url": consumer.hook(), "selection": selection,
        "events": ["API_KEY_CREATED"] });
    let made = done(&owner, "webhookEndpointCreate", input, "secret").await;
    consumer.order(&format!("secrets {}", text(&made["secret"]))).await;
    let began = std::time::Instant::now();
    for number in 0..4 {
        create_key(&owner, &acme, &format!("Key {number}")).await;
    }
    eventually("all to be taken", || async { (consumer.taken().len() == 4).then_some(()) }).await;
    let (_, body) = consumer.webhook("api_key_created").await;
    assert_eq!(body["data"]["organization"]["upcomingInvoice"]["total"]["amount"], "29.00", "{body:#}");
    // One at once, or two; then one a second.
    assert!(began.elapsed() > Duration::from_millis(1_500), "four questions within {:?}", began.elapsed());
}
