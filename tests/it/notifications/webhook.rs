//! Webhooks, at a consumer that checks them with the scheme's own library.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::delivery::{Lookup, Webhook, WebhookError, WebhookSender};
use tollgate::domain::ids::WebhookDeliveryId;
use tollgate::domain::membership::Role;
use tollgate::domain::webhook_delivery::WebhookDeliveryState;
use tollgate::jobs::WorkerOptions;
use tollgate::service::{Outgoing, WebhookOutcome};
use tollgate::store::{ClaimedWebhook, WebhookAnswer};

use crate::mutations::member::{ask, done, member};
use crate::support::receivers::Receiver;
use crate::support::{Client, TestApp, TestOptions, eventually, text, uuid_of};

/// A gateway that may send to this machine, with a consumer that takes at once.
pub fn sending() -> TestOptions {
    let sender = WebhookSender::new(Duration::from_secs(1), true).expect("a sender");
    let defaults = TestOptions::default();
    TestOptions { outgoing: Outgoing { webhooks: Some(sender), ..defaults.outgoing }, ..defaults }
}

const SELECTION: &str = "query($organizationId: ID!, $subjectId: ID!) {
  organization(id: $organizationId) { slug }
  node(id: $subjectId) { id ... on ApiKey { name } ... on Invoice { status total { amount currency } } }
}";

pub async fn endpoint(client: &Client, organization: &str, consumer: &mut Receiver) -> Value {
    let input = json!({ "organizationId": organization, "url": consumer.hook(), "selection": SELECTION });
    let made = done(client, "webhookEndpointCreate", input, "secret webhookEndpoint { id }").await;
    consumer.order(&format!("secrets {}", text(&made["secret"]))).await;
    made
}

pub async fn create_key(client: &Client, organization: &str, name: &str) -> Value {
    let input = json!({ "organizationId": organization, "name": name, "scopes": [] });
    done(client, "apiKeyCreate", input, "apiKey { id }").await["apiKey"]["id"].clone()
}

const LOG: &str = "query($id: ID!, $state: WebhookDeliveryState) {
  webhookDeliveries(organizationId: $id, filter: { state: $state }) { totalCount nodes {
    id messageId event subjectId state attempts responseStatus responseBody lastError payload finishedAt } }
  webhookEndpoints(organizationId: $id) { nodes { state disabledReason failingSince } } }";

pub async fn log(client: &Client, organization: &str) -> Value {
    client.send(LOG, json!({ "id": organization })).await.data().clone()
}

/// The newest webhook once it is in a state.
pub async fn newest_in(client: &Client, organization: &str, state: &str) -> Value {
    eventually(&format!("the newest webhook to be {state}"), || async {
        let newest = log(client, organization).await["webhookDeliveries"]["nodes"][0].clone();
        (newest["state"] == state).then_some(newest)
    })
    .await
}

#[tokio::test]
async fn a_webhook_carries_what_its_consumer_chose_and_is_signed_by_the_scheme() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    endpoint(&owner, &acme, &mut consumer).await;
    let key = create_key(&owner, &acme, "Deploys").await;
    let (taken, body) = consumer.webhook("api_key_created").await;
    assert_eq!(taken["signedBy"], json!([0]), "{taken:#}");
    assert_eq!((&taken["method"], &taken["path"]), (&json!("POST"), &json!("/hook")));
    assert_eq!(taken["contentType"], "application/json");
    assert_eq!(body["data"]["organization"]["slug"], "acme");
    assert_eq!(body["data"]["node"], json!({ "id": key, "name": "Deploys" }));
    assert!(body["timestamp"].is_string() && body.get("errors").is_none(), "{body:#}");
    let logged = newest_in(&owner, &acme, "DELIVERED").await;
    assert_eq!(logged["messageId"], taken["id"]);
    assert_eq!(logged["event"], "API_KEY_CREATED");
    assert_eq!(logged["subjectId"], key);
    assert_eq!((&logged["attempts"], &logged["responseStatus"]), (&json!(1), &json!(200)));
    assert_eq!(logged["responseBody"], "answer 200");
    assert_eq!(logged["payload"], taken["body"]);
    // Whoever may see what was sent, and not all that it was made of, does not see the body.
    let role = json!({ "organizationId": acme, "name": "Hooks", "permissions": ["WEBHOOKS_READ"] });
    let role = done(&owner, "roleCreate", role, "role { id }").await["role"]["id"].clone();
    let helper = app.member_as(&acme, "hugo", Role::Member).await;
    let membership = member(&owner, &acme, "hugo").await["id"].clone();
    let change = json!({ "memberId": membership, "role": "CUSTOM", "roleId": role, "expectedVersion": "1" });
    done(&owner, "memberRoleChange", change, "member { id }").await;
    let seen = newest_in(&helper, &acme, "DELIVERED").await;
    assert_eq!(seen["payload"], json!(null));
    assert_eq!(seen["responseBody"], json!(null), "an answer may repeat what was sent");

    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.subscribe(&owner, &acme, &plan).await;
    let (_, body) = consumer.webhook("invoice_paid").await;
    assert_eq!(body["data"]["node"]["total"], json!({ "amount": "29.00", "currency": "USD" }));
}

/// Whoever chose the selection belongs to other organizations, too: none of them leaves with this one's webhooks.
#[tokio::test]
async fn a_webhook_tells_of_its_organization_alone() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let other = app.organization(&owner, "other").await;
    let selection = format!(
        "query {{ organizations {{ totalCount nodes {{ slug }} }} viewer {{ organizations {{ totalCount nodes {{ slug }} }}
           permissions(organizationId: \"{other}\") }} nodes(ids: [\"{other}\"]) {{ id }} }}"
    );
    let input = json!({ "organizationId": acme, "url": consumer.hook(), "selection": selection });
    let made = done(&owner, "webhookEndpointCreate", input, "secret").await;
    consumer.order(&format!("secrets {}", text(&made["secret"]))).await;
    create_key(&owner, &acme, "Deploys").await;
    let (_, body) = consumer.webhook("api_key_created").await;
    let alone = json!({ "totalCount": 1, "nodes": [{ "slug": "acme" }] });
    assert_eq!(body["data"]["organizations"], alone, "{body:#}");
    assert_eq!(body["data"]["viewer"], json!({ "organizations": alone, "permissions": [] }));
    assert_eq!(body["data"]["nodes"], json!([null]));
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_old_one_until_the_overlap_is_over() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = endpoint(&owner, &acme, &mut consumer).await;
    let old = text(&made["secret"]);
    let rotate = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"], "overlapSeconds": 3600 });
    let rotated = done(&owner, "webhookEndpointSecretRotate", rotate, "secret").await;
    let new = text(&rotated["secret"]);
    consumer.order(&format!("secrets {old},{new}")).await;
    create_key(&owner, &acme, "Deploys").await;
    let (taken, _) = consumer.webhook("api_key_created").await;
    assert_eq!(taken["signedBy"], json!([0, 1]));
    let rotate = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"], "overlapSeconds": 0 });
    let rotated = done(&owner, "webhookEndpointSecretRotate", rotate, "secret").await;
    consumer.order(&format!("secrets {old},{new},{}", text(&rotated["secret"]))).await;
    create_key(&owner, &acme, "Second").await;
    eventually("the second webhook", || async {
        let taken = consumer.webhooks_of("api_key_created");
        (taken.len() == 2).then(|| assert_eq!(taken[1].0["signedBy"], json!([2])))
    })
    .await;
}

#[tokio::test]
async fn a_replaced_secret_signs_no_more_once_its_overlap_is_over() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = endpoint(&owner, &acme, &mut consumer).await;
    let rotate = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"], "overlapSeconds": 3600 });
    let rotated = done(&owner, "webhookEndpointSecretRotate", rotate, "secret").await;
    consumer.order(&format!("secrets {},{}", text(&made["secret"]), text(&rotated["secret"]))).await;
    // An hour later.
    app.disturb("UPDATE webhook_endpoints SET previous_until = '2020-01-01T00:00:00+00:00'").await;
    create_key(&owner, &acme, "Deploys").await;
    let (taken, _) = consumer.webhook("api_key_created").await;
    assert_eq!(taken["signedBy"], json!([1]));
}

#[tokio::test]
async fn what_is_not_taken_comes_again_as_the_same_and_is_given_up_in_the_end() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    endpoint(&owner, &acme, &mut consumer).await;
    consumer.order("answer 503").await;
    create_key(&owner, &acme, "Deploys").await;
    let failed = newest_in(&owner, &acme, "FAILED").await;
    assert_eq!((&failed["attempts"], &failed["responseStatus"]), (&json!(3), &json!(503)));
    assert_eq!(failed["lastError"], "it answered 503");
    let taken = consumer.webhooks_of("api_key_created");
    assert_eq!(taken.len(), 3);
    for (again, _) in &taken {
        assert_eq!((&again["id"], &again["body"]), (&taken[0].0["id"], &taken[0].0["body"]));
        assert_eq!(again["signedBy"], json!([0]));
    }
    assert!(log(&owner, &acme).await["webhookEndpoints"]["nodes"][0]["failingSince"].is_string());

    consumer.order("answer 204").await;
    let replay = json!({ "webhookDeliveryId": failed["id"] });
    done(&owner, "webhookDeliveryReplay", replay.clone(), "webhookDelivery { state attempts }").await;
    let delivered = newest_in(&owner, &acme, "DELIVERED").await;
    assert_eq!((&delivered["attempts"], &delivered["responseStatus"]), (&json!(1), &json!(204)));
    assert_eq!(consumer.taken().last().expect("a webhook")["id"], taken[0].0["id"]);
    assert_eq!(log(&owner, &acme).await["webhookEndpoints"]["nodes"][0]["failingSince"], json!(null));
}

#[tokio::test]
async fn a_webhook_that_was_sent_and_not_marked_comes_again_under_the_same_id() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = endpoint(&owner, &acme, &mut consumer).await;
    let id = made["webhookEndpoint"]["id"].clone();
    // Held, so that no worker takes what this test takes.
    done(&owner, "webhookEndpointDisable", json!({ "webhookEndpointId": id }), "webhookEndpoint { id }")
        .await;
    create_key(&owner, &acme, "Deploys").await;
    newest_in(&owner, &acme, "HELD").await;
    done(&owner, "webhookEndpointEnable", json!({ "webhookEndpointId": id }), "webhookEndpoint { id }").await;
    // A process that dies after the consumer has it, and before it is marked. The lease is made up.
    let lease_token = uuid::Uuid::from_u128(7);
    let word = if app.store().backend() == tollgate::store::Backend::Sqlite {
        format!("X'{}'", lease_token.simple())
    } else {
        format!("'{lease_token}'")
    };
    app.disturb(&format!(
        "UPDATE webhook_deliveries SET state = 'pending', next_attempt_at = '2999-01-01T00:00:00+00:00', lease_token = {word}"
    ))
    .await;
    let id = log(&owner, &acme).await["webhookDeliveries"]["nodes"][0]["id"].clone();
    let id = WebhookDeliveryId(uuid_of(&text(&id)));
    let delivery = app.store().webhook_deliveries(&[id]).await.expect("a row").pop().expect("a webhook");
    let claimed = ClaimedWebhook { delivery, lease_token };
    let outcome = app.service.send_webhook(&claimed).await.expect("it is sent");
    assert!(matches!(outcome, WebhookOutcome::Delivered(_)), "{outcome:?}");
    app.disturb("UPDATE webhook_deliveries SET next_attempt_at = created_at").await;
    newest_in(&owner, &acme, "DELIVERED").await;
    let taken = consumer.webhooks_of("api_key_created");
    assert_eq!(taken.len(), 2);
    assert_eq!((&taken[0].0["id"], &taken[0].0["body"]), (&taken[1].0["id"], &taken[1].0["body"]));
    let answer = WebhookAnswer::default();
    let lost = app.store().finish_webhook(&claimed, WebhookDeliveryState::Failed, &answer, None).await;
    assert!(lost.is_err(), "who lost its lease marks nothing");
}

/// Told to stop, a gateway hands back what its consumer has not answered: the next one does not wait for the lease.
#[tokio::test]
async fn a_webhook_that_is_being_sent_when_the_gateway_stops_comes_again_from_the_next_one_at_once() {
    let mut consumer = Receiver::webhooks();
    let sender = WebhookSender::new(Duration::from_secs(60), true).expect("a sender");
    let patient = sending();
    let outgoing = Outgoing { webhooks: Some(sender), ..patient.outgoing };
    let app = TestApp::start_with(TestOptions { outgoing, ..patient }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    endpoint(&owner, &acme, &mut consumer).await;
    consumer.order("answer hang").await;
    create_key(&owner, &acme, "Deploys").await;
    let (first, _) = consumer.webhook("api_key_created").await;
    let (database, sandbox) = app.stop().await;
    consumer.order("answer 200").await;
    let next = TestApp::start_on(database, sandbox, sending()).await;
    // Its lease would have lasted half a minute.
    let delivered = newest_in(&next.client("olivia"), &acme, "DELIVERED").await;
    assert_eq!(delivered["attempts"], 1);
    let taken = consumer.webhooks_of("api_key_created");
    assert_eq!(taken.len(), 2);
    assert_eq!((&taken[1].0["id"], &taken[1].0["body"]), (&first["id"], &first["body"]));
}

#[tokio::test]
async fn two_processes_send_each_webhook_once() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    endpoint(&owner, &acme, &mut consumer).await;
    let other = app.another_process(sending()).await;
    for number in 0..12 {
        create_key(&owner, &acme, &format!("Key {number}")).await;
    }
    eventually("all to be taken", || async {
        let log = owner.send(LOG, json!({ "id": acme, "state": "DELIVERED" })).await;
        (log.data()["webhookDeliveries"]["totalCount"] == 12).then_some(())
    })
    .await;
    let mut ids: Vec<String> =
        consumer.webhooks_of("api_key_created").iter().map(|(it, _)| text(&it["id"])).collect();
    assert_eq!(ids.len(), 12);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);
    drop(other);
}

#[tokio::test]
async fn an_endpoint_that_takes_nothing_is_warned_of_then_disabled_and_can_catch_up() {
    let mut consumer = Receiver::webhooks();
    let defaults = sending();
    let worker = WorkerOptions {
        webhook_warn_after: Duration::ZERO,
        webhook_disable_after: Duration::ZERO,
        ..defaults.worker
    };
    let app = TestApp::start_with(TestOptions { worker, ..defaults }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = endpoint(&owner, &acme, &mut consumer).await;
    consumer.order("answer 500").await;
    create_key(&owner, &acme, "Deploys").await;
    let endpoint = eventually("the endpoint to be disabled", || async {
        let endpoint = log(&owner, &acme).await["webhookEndpoints"]["nodes"][0].clone();
        (endpoint["state"] == "DISABLED").then_some(endpoint)
    })
    .await;
    assert_eq!(endpoint["disabledReason"], "FAILING");
    let query = "query($id: ID!) { notifications(organizationId: $id) { nodes { title } } }";
    eventually("both to be told", || async {
        let told = owner.send(query, json!({ "id": acme })).await.data().to_string();
        (told.contains("does not answer") && told.contains("was disabled")).then_some(())
    })
    .await;
    // What happens meanwhile is kept for it, and a disabled endpoint is not told of its own end.
    create_key(&owner, &acme, "Missed").await;
    newest_in(&owner, &acme, "HELD").await;
    consumer.order("answer 200").await;
    let before = consumer.taken().len();
    let id = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"] });
    done(&owner, "webhookEndpointEnable", id.clone(), "webhookEndpoint { state }").await;
    let mut range = id;
    range["since"] = json!("2020-01-01T00:00:00Z");
    range["until"] = json!("2999-01-01T00:00:00Z");
    range["state"] = json!("HELD");
    let replayed = done(&owner, "webhookDeliveriesReplay", range, "replayedCount").await;
    assert_eq!(replayed["replayedCount"], 2);
    eventually("both to be taken", || async { (consumer.taken().len() == before + 2).then_some(()) }).await;
    let actions: Vec<String> = app.audit_records().await.into_iter().map(|record| record.action).collect();
    for action in ["webhook_endpoint.warn", "webhook_endpoint.disable", "webhook_deliveries.replay"] {
        assert_eq!(actions.iter().filter(|it| *it == action).count(), 1, "{action}");
    }
}

#[tokio::test]
async fn an_endpoint_that_says_it_is_gone_is_disabled_at_once() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    endpoint(&owner, &acme, &mut consumer).await;
    consumer.order("answer 410").await;
    create_key(&owner, &acme, "Deploys").await;
    eventually("the endpoint to be disabled", || async {
        (log(&owner, &acme).await["webhookEndpoints"]["nodes"][0]["disabledReason"] == "GONE").then_some(())
    })
    .await;
    assert_eq!(consumer.taken().len(), 1);
}

#[tokio::test]
async fn a_webhook_shows_what_its_chooser_may_still_see() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let adam = app.member_as(&acme, "adam", Role::Admin).await;
    endpoint(&adam, &acme, &mut consumer).await;
    let membership = member(&owner, &acme, "adam").await["id"].clone();
    done(
        &owner,
        "memberRoleChange",
        json!({ "memberId": membership, "role": "MEMBER", "expectedVersion": "1" }),
        "member { id }",
    )
    .await;
    create_key(&owner, &acme, "Deploys").await;
    let (_, body) = consumer.webhook("api_key_created").await;
    assert_eq!(body["data"]["node"], json!(null), "a key is not for a mere member to see: {body:#}");
    assert_eq!(
        body["data"]["organization"]["slug"], "acme",
        "of what they may still see, they are told: {body:#}"
    );
    assert_eq!(body["errors"][0]["extensions"]["code"], "NOT_FOUND");
}

fn to(url: &str) -> Webhook {
    Webhook {
        url: url.to_owned(),
        id: "msg_1".to_owned(),
        timestamp: 1,
        signature: "v1,x".to_owned(),
        body: "{}".to_owned(),
    }
}

#[tokio::test]
async fn nothing_is_sent_into_private_networks() {
    let consumer = Receiver::webhooks();
    let strict = WebhookSender::new(Duration::from_secs(2), false).expect("a sender");
    let port = consumer.port;
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://[::1]:{port}/"),
        "https://10.0.0.1/".to_owned(),
        "https://169.254.169.254/".to_owned(),
    ] {
        let refused = strict.send(&to(&url)).await;
        assert!(matches!(refused, Err(WebhookError::Forbidden(_))), "{url}: {refused:?}");
    }
    // A name that everybody may register, and that stands for this machine: what it stands for is looked at.
    let allowed = WebhookSender::new(Duration::from_secs(2), true).expect("a sender");
    let named = allowed.send(&to(&format!("http://localhost:{port}/"))).await;
    assert_eq!(named.map(|answer| answer.status), Ok(200));
    eventually("the consumer to say what it took", || async { (!consumer.taken().is_empty()).then_some(()) })
        .await;
    assert_eq!(consumer.taken().len(), 1);
}

#[tokio::test]
async fn a_name_that_stands_for_something_private_is_not_connected_to() {
    let consumer = Receiver::webhooks();
    let port = consumer.port;
    let patience = Duration::from_secs(2);
    for private in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"] {
        let address: std::net::IpAddr = private.parse().expect("an address");
        // Nothing of the address itself is wrong: whoever registered the name says what it stands for.
        let lookup: Lookup = Arc::new(move |_| Box::pin(async move { Ok(vec![address]) }));
        let sender = WebhookSender::with_lookup(patience, false, lookup).expect("a sender");
        let refused = sender.send(&to(&format!("https://hooks.example.com:{port}/"))).await;
        assert!(
            matches!(&refused, Err(WebhookError::Forbidden(why)) if why.contains("hooks.example.com")),
            "{private}: {refused:?}"
        );
    }
    assert!(consumer.taken().is_empty());
}

/// Where the consumer is, for the process that the test below starts.
const HOOK: &str = "TOLLGATE_TEST_HOOK";

/// One webhook and, to show that the environment is heeded by others, one request of a plain client.
async fn send_where_the_environment_names_a_proxy(hook: String) {
    let sender = WebhookSender::new(Duration::from_secs(5), true).expect("a sender");
    assert_eq!(sender.send(&to(&hook)).await.map(|answer| answer.status), Ok(200));
    let control = reqwest::Client::new().post(hook).header("webhook-id", "control").body("{}").send().await;
    assert_eq!(control.expect("the proxy answers").status(), 200);
}

/// A proxy would look names up by itself: what was checked here would not be what is connected to. The test runs itself once
/// more, in a process with another environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_the_environment_names_is_not_asked() {
    if let Ok(hook) = std::env::var(HOOK) {
        return send_where_the_environment_names_a_proxy(hook).await;
    }
    let (consumer, trap) = (Receiver::webhooks(), Receiver::webhooks());
    let (hook, proxy) = (consumer.hook(), format!("http://127.0.0.1:{}", trap.port));
    let child = tokio::task::spawn_blocking(move || {
        let mut child = std::process::Command::new(std::env::current_exe().expect("this test"));
        child.args(["--exact", "notifications::webhook::a_proxy_that_the_environment_names_is_not_asked"]);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            child.env(name, &proxy).env(name.to_lowercase(), &proxy);
        }
        // Set, it lets a program take HTTP_PROXY for a header of a request that it is to answer.
        child.env_remove("REQUEST_METHOD");
        child.env("NO_PROXY", "").env("no_proxy", "").env(HOOK, hook).output().expect("it runs")
    });
    let child = child.await.expect("it ends");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    let ids = |of: &Receiver| -> Vec<Value> { of.taken().iter().map(|it| it["id"].clone()).collect() };
    eventually("the proxy to say what it took", || async { (!ids(&trap).is_empty()).then_some(()) }).await;
    assert_eq!(ids(&trap), [json!("control")]);
    assert_eq!(ids(&consumer), [json!("msg_1")]);
}

#[tokio::test]
async fn redirects_are_not_followed_and_slow_or_endless_answers_hold_nobody_up() {
    let mut consumer = Receiver::webhooks();
    let elsewhere = Receiver::webhooks();
    let sender = WebhookSender::new(Duration::from_millis(700), true).expect("a sender");
    consumer.order(&format!("answer redirect {}", elsewhere.hook())).await;
    let redirected = sender.send(&to(&consumer.hook())).await.expect("an answer");
    assert_eq!(redirected.status, 307);
    assert!(elsewhere.taken().is_empty());
    consumer.order("answer flood").await;
    let flooded = sender.send(&to(&consumer.hook())).await.expect("an answer");
    assert_eq!((flooded.status, flooded.body.len()), (200, 1_024));
    consumer.order("answer hang").await;
    let hung = sender.send(&to(&consumer.hook())).await;
    assert!(matches!(&hung, Err(WebhookError::Unreachable(why)) if why.contains("in time")), "{hung:?}");
}

#[tokio::test]
async fn what_an_endpoint_is_not_sent_is_what_it_did_not_choose() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = endpoint(&owner, &acme, &mut consumer).await;
    let update = json!({ "webhookEndpointId": made["webhookEndpoint"]["id"], "events": ["MEMBER_REMOVED"] });
    done(&owner, "webhookEndpointUpdate", update, "webhookEndpoint { events }").await;
    create_key(&owner, &acme, "Deploys").await;
    app.member_as(&acme, "mary", Role::Member).await;
    let mary = member(&owner, &acme, "mary").await;
    let removed = ask(&owner, "memberRemove", json!({ "memberId": mary["id"] }), "memberId").await;
    removed.data();
    consumer.webhook("member_removed").await;
    assert_eq!(log(&owner, &acme).await["webhookDeliveries"]["totalCount"], 1);
}
