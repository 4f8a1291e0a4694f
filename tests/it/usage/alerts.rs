//! Alerts: each threshold is told of once in a period, to everybody who is to hear of it, on every way.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::domain::ids::OrganizationId;
use tollgate::domain::membership::Role;

use super::{app_at, event, number, record, recorded, subscribed};
use crate::live::{hear, idle_process, say, signed_in};
use crate::mutations::member::{ask, done, refused};
use crate::notifications::email::column;
use crate::notifications::webhook::sending;
use crate::support::receivers::Receiver;
use crate::support::{Client, TestApp, TestOptions, eventually, text, uuid_of};

fn hard(included: i64) -> Value {
    json!({ "calls": { "meter": "api_calls", "included": included, "limit": "hard" } })
}

fn soft(included: i64) -> Value {
    json!({ "calls": { "meter": "api_calls", "included": included } })
}

/// What was told so far, in order: meter's threshold and kind.
async fn told(app: &TestApp) -> Vec<String> {
    let rows = column(app, "SELECT threshold_key || ' ' || kind FROM usage_notices ORDER BY id").await;
    rows.into_iter().flatten().collect()
}

async fn look(app: &TestApp) -> usize {
    app.service.look_at_usage().await.expect("it is looked")
}

const ALERTS: &str =
    "query($id: ID!) { usageAlerts(organizationId: $id) { meter { name } isDefault version used limit
    spend { amount currency } spendLimit { amount currency } periodStart periodEnd
    thresholds { isReached threshold { units percent spend { amount } } } } }";

async fn alerts(client: &Client, organization: &str) -> Value {
    client.send(ALERTS, json!({ "id": organization })).await.data()["usageAlerts"].clone()
}

async fn set(client: &Client, organization: &str, thresholds: Value) {
    let input = json!({ "organizationId": organization, "meter": "api_calls", "thresholds": thresholds });
    done(client, "usageAlertSet", input, "usageAlert { version }").await;
}

async fn access(client: &Client, organization: &str) -> Value {
    let query = "query($id: ID!) { organization(id: $id) { accessState { level reason nextAction until } } }";
    client.send(query, json!({ "id": organization })).await.data()["organization"]["accessState"].clone()
}

#[tokio::test]
async fn a_limit_is_told_of_by_itself_by_mail_and_in_the_application() {
    let server = Receiver::mail();
    let app =
        TestApp::start_with(TestOptions { outgoing: server.outgoing(), ..TestOptions::default() }).await;
    let (owner, acme) = subscribed(&app, soft(1_000)).await;
    app.member_as(&acme, "bianca", Role::BillingManager).await;
    app.member_as(&acme, "mary", Role::Member).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "799")])).await;
    assert_eq!(look(&app).await, 0);
    recorded(&owner, &acme, json!([event("api_calls", "b", "50.5")])).await;
    assert_eq!(look(&app).await, 1);
    assert_eq!(look(&app).await, 0, "nothing was recorded since");
    for reader in ["olivia@example.com", "bianca@example.com"] {
        let mail = server.mail_about(reader, "80%").await;
        assert_eq!(mail["subject"], "The acme company has reached 80% of its api_calls");
        assert!(text(&mail["text"]).contains("849.5 call, of 1,000 that are included"), "{mail:#}");
    }
    recorded(&owner, &acme, json!([event("api_calls", "c", "200")])).await;
    assert_eq!(look(&app).await, 1);
    server.mail_about("olivia@example.com", "100%").await;
    assert_eq!(told(&app).await, ["percent:80 reached", "percent:100 reached"]);
    assert!(server.mails_to("mary@example.com").is_empty());
    let query = "query($id: ID!) { notifications(organizationId: $id, locale: \"zh-CN\") { nodes { event title subjectId } } }";
    let newest = eventually("both to be read", || async {
        let answer = owner.send(query, json!({ "id": acme })).await;
        let nodes = answer.data()["notifications"]["nodes"].clone();
        (nodes.as_array().map(Vec::len) == Some(2)).then(|| nodes[0].clone())
    })
    .await;
    assert_eq!(newest["event"], "USAGE_ALERT");
    assert_eq!(newest["title"], "The acme company 的 api_calls 用量已达到额度的 100%");
    let query = "query($id: ID!) { node(id: $id) { ... on UsageNotice { kind used limit meter { name } threshold { percent } } } }";
    let node = owner.send(query, json!({ "id": newest["subjectId"] })).await;
    assert_eq!(
        node.data()["node"],
        json!({ "kind": "REACHED", "used": "1049.5", "limit": "1000", "meter": { "name": "api_calls" },
                "threshold": { "percent": 100 } })
    );
    let stranger = app.client("stranger").send(query, json!({ "id": newest["subjectId"] })).await;
    assert_eq!(stranger.code(), "NOT_FOUND");
    let records = app.audit_records().await;
    let raised: Vec<_> = records.iter().filter(|record| record.action == "usage_alert.raise").collect();
    assert_eq!(raised.len(), 2);
}

#[tokio::test]
async fn case_75_several_at_once_are_told_highest_first_and_flapping_says_nothing_new() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, soft(1_000)).await;
    set(&owner, &acme, json!([{ "units": "500" }, { "percent": 90 }, { "units": "700" }])).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "950")])).await;
    assert_eq!(look(&app).await, 3);
    let first = ["percent:90 reached", "units:700 reached", "units:500 reached"];
    assert_eq!(told(&app).await, first);
    // Just below is not below; well below is, once.
    for (id, quantity, raised) in
        [("b", "-60", 0), ("c", "20", 0), ("d", "-110", 1), ("e", "150", 0), ("f", "-120", 0)]
    {
        recorded(&owner, &acme, json!([event("api_calls", id, quantity)])).await;
        assert_eq!(look(&app).await, raised, "{id}");
    }
    assert_eq!(told(&app).await[3..], ["percent:90 recovered"]);
    let shown = alerts(&owner, &acme).await;
    let reached: Vec<_> =
        shown[0]["thresholds"].as_array().expect("thresholds").iter().map(|it| &it["isReached"]).collect();
    assert_eq!(reached, [true, false, true]);
    assert_eq!((&shown[0]["used"], &shown[0]["isDefault"]), (&json!("830"), &json!(false)));
}

#[tokio::test]
async fn case_75_whoever_looks_at_the_same_time_tells_once() {
    let server = Receiver::mail();
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, soft(100)).await;
    let mailing = || TestOptions { outgoing: server.outgoing(), ..TestOptions::default() };
    let one = app.another_process(mailing()).await;
    let other = app.another_process(mailing()).await;
    let organization = OrganizationId(uuid_of(&acme));
    for round in 0..5 {
        let quantity = if round % 2 == 0 { "100" } else { "-90" };
        let events = json!([event("api_calls", &format!("event-{round}"), quantity)]);
        let looks = (0..4).flat_map(|_| [&app, &one, &other]).map(|process| async move {
            process.service.look_at_usage_of(organization).await.expect("it is looked");
        });
        tokio::join!(recorded(&owner, &acme, events), futures::future::join_all(looks));
        look(&app).await;
    }
    let mut all = told(&app).await;
    all.sort();
    let expected =
        ["percent:100 reached", "percent:100 recovered", "percent:80 reached", "percent:80 recovered"];
    assert_eq!(all, expected);
    assert_eq!(
        number(&app, "SELECT COUNT(*) AS number FROM outbox_messages WHERE event = 'usage_alert'").await,
        4
    );
    eventually("four mails", || async { (server.mails_to("olivia@example.com").len() >= 4).then_some(()) })
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.mails_to("olivia@example.com").len(), 4);
    drop((one, other));
}

#[tokio::test]
async fn who_dies_after_telling_lets_nobody_tell_again() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, soft(100)).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "85")])).await;
    assert_eq!(look(&app).await, 1);
    // As whoever died before it was marked left it.
    app.disturb("UPDATE usage_counters SET seen_events = NULL").await;
    assert_eq!(look(&app).await, 0);
    // Even what was told of the period may be lost: the notice is a row that comes once.
    app.disturb("UPDATE usage_alert_states SET state = '{\"periodStart\":null,\"reached\":[]}', look_again_at = updated_at").await;
    assert_eq!(look(&app).await, 0);
    assert_eq!(told(&app).await, ["percent:80 reached"]);
    assert_eq!(
        number(&app, "SELECT COUNT(*) AS number FROM outbox_messages WHERE event = 'usage_alert'").await,
        1
    );
    // And what is not committed is not told: the organization's row is not there to be held.
    let open =
        "SELECT COUNT(*) AS number FROM usage_counters WHERE seen_events IS NULL OR seen_events <> events";
    assert_eq!(number(&app, open).await, 0);
}

#[tokio::test]
async fn a_period_turns_though_nothing_is_recorded() {
    let (app, clock) = app_at("2027-03-31T20:00:00Z").await;
    let (owner, acme) = subscribed(&app, hard(10)).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "10")])).await;
    assert_eq!(look(&app).await, 2);
    let used_up = json!({ "level": "LIMITED", "reason": "QUOTA_EXCEEDED", "nextAction": "UPGRADE",
                          "until": "2027-04-01T00:00:00+00:00" });
    assert_eq!(access(&owner, &acme).await, used_up);
    clock.advance(chrono::Duration::hours(5));
    let owner = app.client("olivia");
    // By the clock alone, before anybody looks.
    assert_eq!(access(&owner, &acme).await["level"], "FULL");
    assert_eq!(look(&app).await, 2);
    assert_eq!(told(&app).await[2..], ["percent:100 reset", "percent:80 reset"]);
    assert_eq!(look(&app).await, 0);
    let shown = alerts(&owner, &acme).await;
    assert_eq!((&shown[0]["used"], &shown[0]["thresholds"][1]["isReached"]), (&json!("0"), &json!(false)));
    // The new period tells of the same thresholds again.
    recorded(&owner, &acme, json!([event("api_calls", "b", "9")])).await;
    assert_eq!(look(&app).await, 1);
    assert_eq!(told(&app).await[4..], ["percent:80 reached"]);
}

#[tokio::test]
async fn a_limit_that_is_used_up_shows_in_access_until_there_is_room() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, hard(10)).await;
    let mut socket = signed_in(&app, &owner).await;
    let follow = "subscription($id: ID!) { accessState(organizationId: $id) { level reason } }";
    say(&mut socket, json!({ "id": "1", "type": "subscribe", "payload": { "query": follow, "variables": { "id": acme } } })).await;
    let mut next =
        async || hear(&mut socket).await.expect("an event")["payload"]["data"]["accessState"].clone();
    assert_eq!(next().await, json!({ "level": "FULL", "reason": "FREE_PLAN" }));
    recorded(&owner, &acme, json!([event("api_calls", "a", "9.5")])).await;
    look(&app).await;
    assert_eq!(access(&owner, &acme).await["reason"], "FREE_PLAN");
    recorded(&owner, &acme, json!([event("api_calls", "b", "0.5")])).await;
    look(&app).await;
    assert_eq!(next().await, json!({ "level": "LIMITED", "reason": "QUOTA_EXCEEDED" }));
    assert_eq!(access(&owner, &acme).await["nextAction"], "UPGRADE");
    // What is given beside the plan makes room, and so does what is taken back.
    let input = json!({ "organizationId": acme, "feature": "calls", "reason": "Ticket 4711",
        "value": { "meter": "api_calls", "included": 20, "limit": "hard" } });
    done(&app.staff(), "entitlementOverrideSet", input, "entitlementOverride { version }").await;
    let organization = OrganizationId(uuid_of(&acme));
    app.service.look_at_usage_of(organization).await.expect("it is looked");
    assert_eq!(next().await, json!({ "level": "FULL", "reason": "FREE_PLAN" }));
}

/// On PostgreSQL the follower hangs on another process than the one that records, and than the one that looks.
#[tokio::test]
async fn a_notice_reaches_a_follower_of_another_process_by_itself() {
    let mut looking = TestOptions::default();
    looking.worker.usage_alerts = Some(Duration::from_millis(50));
    let app = TestApp::start_with(looking).await;
    let (owner, acme) = subscribed(&app, soft(100)).await;
    let is_postgres = app.store().backend() == tollgate::store::Backend::Postgres;
    let other = if is_postgres { Some(app.another_process(idle_process()).await) } else { None };
    let mut socket = signed_in(other.as_ref().unwrap_or(&app), &owner).await;
    let query = "subscription($id: ID!) { usageAlertRaised(organizationId: $id) {
        kind meter { name } threshold { percent } used } }";
    say(
        &mut socket,
        json!({ "id": "1", "type": "subscribe", "payload": { "query": query, "variables": { "id": acme } } }),
    )
    .await;
    // What is heard before the follower stands is not told to it.
    tokio::time::sleep(Duration::from_millis(300)).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "85")])).await;
    let heard = hear(&mut socket).await.expect("an event");
    assert_eq!(
        heard["payload"]["data"]["usageAlertRaised"],
        json!({ "kind": "REACHED", "meter": { "name": "api_calls" }, "threshold": { "percent": 80 }, "used": "85" })
    );
    // What is wanted from now on counts without anything being recorded.
    set(&owner, &acme, json!([{ "units": "50" }])).await;
    let heard = hear(&mut socket).await.expect("an event");
    assert_eq!(heard["payload"]["data"]["usageAlertRaised"]["kind"], "REACHED");
    assert_eq!(told(&app).await, ["percent:80 reached", "units:50 reached"]);
}

#[tokio::test]
async fn a_stranger_follows_no_alerts() {
    let app = TestApp::start().await;
    let (_, acme) = subscribed(&app, soft(100)).await;
    let mut socket = signed_in(&app, &app.client("stranger")).await;
    let query = "subscription($id: ID!) { usageAlertRaised(organizationId: $id) { kind } }";
    say(
        &mut socket,
        json!({ "id": "1", "type": "subscribe", "payload": { "query": query, "variables": { "id": acme } } }),
    )
    .await;
    let heard = hear(&mut socket).await.expect("an answer").to_string();
    assert!(heard.contains("NOT_FOUND"), "{heard}");
}

#[tokio::test]
async fn a_webhook_carries_the_notice_that_its_consumer_asks_for() {
    let mut consumer = Receiver::webhooks();
    let app = TestApp::start_with(sending()).await;
    let (owner, acme) = subscribed(&app, soft(100)).await;
    let selection = "query($subjectId: ID!) { node(id: $subjectId) { ... on UsageNotice { kind used threshold { percent } } } }";
    let input = json!({ "organizationId": acme, "url": consumer.hook(), "events": ["USAGE_ALERT"], "selection": selection });
    let made = done(&owner, "webhookEndpointCreate", input, "secret").await;
    consumer.order(&format!("secrets {}", text(&made["secret"]))).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "80")])).await;
    assert_eq!(look(&app).await, 1);
    let (_, body) = consumer.webhook("usage_alert").await;
    assert_eq!(
        body["data"]["node"],
        json!({ "kind": "REACHED", "used": "80", "threshold": { "percent": 80 } })
    );
}

#[tokio::test]
async fn alerts_are_set_on_the_version_that_was_read_and_taken_away_again() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, soft(100)).await;
    let usual = alerts(&owner, &acme).await;
    assert_eq!((&usual[0]["isDefault"], &usual[0]["version"]), (&json!(true), &json!("0")));
    let percents: Vec<_> = usual[0]["thresholds"]
        .as_array()
        .expect("thresholds")
        .iter()
        .map(|it| &it["threshold"]["percent"])
        .collect();
    assert_eq!(percents, [80, 100]);

    let input = json!({ "organizationId": acme, "meter": "seats", "thresholds": [{ "units": "5" }],
                        "expectedVersion": "0", "idempotencyKey": "once" });
    let selection = "usageAlert { version isDefault periodStart thresholds { threshold { units } } }";
    let first = done(&owner, "usageAlertSet", input.clone(), selection).await;
    assert_eq!(
        first["usageAlert"],
        json!({ "version": "1", "isDefault": false, "periodStart": null,
                "thresholds": [{ "threshold": { "units": "5" } }] })
    );
    assert_eq!(
        done(&owner, "usageAlertSet", input.clone(), selection).await,
        first,
        "the same key, the same answer"
    );
    let mut stale = input;
    stale["idempotencyKey"] = Value::Null;
    assert_eq!(
        refused(&owner, "usageAlertSet", stale).await,
        ("CONFLICT".to_owned(), "expectedVersion".to_owned())
    );
    assert_eq!(alerts(&owner, &acme).await.as_array().map(Vec::len), Some(2), "by meter");

    let remove = json!({ "organizationId": acme, "meter": "seats", "expectedVersion": "1" });
    assert_eq!(done(&owner, "usageAlertRemove", remove.clone(), "meter").await["meter"], "seats");
    assert_eq!(refused(&owner, "usageAlertRemove", remove).await.0, "CONFLICT");
    assert_eq!(alerts(&owner, &acme).await.as_array().map(Vec::len), Some(1));
    // None are none: what is usual is not told either.
    set(&owner, &acme, json!([])).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "200")])).await;
    assert_eq!(look(&app).await, 0);
    let records = app.audit_records().await;
    for (action, times) in [("usage_alert.set", 2), ("usage_alert.remove", 1), ("usage_alert.raise", 0)] {
        assert_eq!(records.iter().filter(|record| record.action == action).count(), times, "{action}");
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_at_its_place() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, soft(100)).await;
    let usd = |minor: &str| json!({ "spend": { "minorUnits": minor, "currency": "USD" } });
    for (meter, thresholds, path) in [
        ("nothing", json!([]), "meter"),
        ("api_calls", json!([{}]), "thresholds.0"),
        ("api_calls", json!([{ "percent": 5, "units": "1" }]), "thresholds.0"),
        ("api_calls", json!([{ "percent": 5 }, { "percent": 0 }]), "thresholds.1"),
        ("api_calls", json!([{ "percent": -1 }]), "thresholds.0"),
        ("api_calls", json!([{ "percent": 1_001 }]), "thresholds.0"),
        ("api_calls", json!([{ "units": "0.0000000000001" }]), "thresholds.0.units"),
        ("api_calls", json!([usd("0")]), "thresholds.0"),
        ("api_calls", json!([{ "percent": 5 }, { "percent": 5 }]), "thresholds.1"),
        ("api_calls", json!((1..=21).map(|it| json!({ "percent": it })).collect::<Vec<_>>()), "thresholds"),
    ] {
        let input = json!({ "organizationId": acme, "meter": meter, "thresholds": thresholds });
        let found = refused(&owner, "usageAlertSet", input.clone()).await;
        assert_eq!(found, ("BAD_USER_INPUT".to_owned(), path.to_owned()), "{input:#}");
    }
    let limit = json!({ "organizationId": acme, "meter": "api_calls", "thresholds": [],
                        "spendLimit": { "minorUnits": "0", "currency": "USD" } });
    assert_eq!(refused(&owner, "usageAlertSet", limit).await.1, "spendLimit");
    let member = app.member_as(&acme, "mary", Role::Member).await;
    let input = json!({ "organizationId": acme, "meter": "api_calls", "thresholds": [] });
    for (client, code) in [
        (&member, "FORBIDDEN"),
        (&app.client("stranger"), "NOT_FOUND"),
        (&app.anonymous(), "UNAUTHENTICATED"),
    ] {
        assert_eq!(ask(client, "usageAlertSet", input.clone(), "").await.code(), code);
    }
    assert_eq!(
        alerts(&member, &acme).await[0]["isDefault"],
        true,
        "who sees the usage sees what is told of it"
    );
}

/// A plan of 10 dollars a month that charges two cents for each call above a hundred.
async fn charged(app: &TestApp) -> (Client, String) {
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let input = json!({ "name": "Charged", "slug": "charged", "features": soft(100),
        "prices": [{ "unitAmount": { "minorUnits": "1000", "currency": "USD" }, "billingInterval": "MONTH" }],
        "charges": [{ "meter": "api_calls", "currency": "USD", "model": "PER_UNIT", "unitAmount": "2" }] });
    let plan = text(&done(&app.staff(), "planCreate", input, "plan { id }").await["plan"]["id"]);
    app.card(&owner, &acme, "pm_card_visa").await;
    let payload = app.subscribe(&owner, &acme, &plan).await;
    assert_eq!(payload["subscription"]["status"], "ACTIVE", "{payload:#}");
    app.settled().await;
    (owner, acme)
}

#[tokio::test]
async fn money_that_usage_comes_to_is_told_and_bounded() {
    let app = TestApp::start().await;
    let (owner, acme) = charged(&app).await;
    let usd = |minor: &str| json!({ "minorUnits": minor, "currency": "USD" });
    let wrong = json!({ "organizationId": acme, "meter": "api_calls", "thresholds": [{ "spend": { "minorUnits": "5", "currency": "EUR" } }] });
    assert_eq!(refused(&owner, "usageAlertSet", wrong).await.1, "thresholds.0.spend");
    let input = json!({ "organizationId": acme, "meter": "api_calls", "thresholds": [{ "spend": usd("100") }],
                        "spendLimit": usd("200") });
    done(&owner, "usageAlertSet", input, "usageAlert { version }").await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "149")])).await;
    assert_eq!(look(&app).await, 0);
    recorded(&owner, &acme, json!([event("api_calls", "b", "1")])).await;
    assert_eq!(look(&app).await, 1);
    let shown = alerts(&owner, &acme).await;
    assert_eq!(shown[0]["spend"], json!({ "amount": "1.00", "currency": "USD" }));
    assert_eq!(shown[0]["spendLimit"], json!({ "amount": "2.00", "currency": "USD" }));
    // Two hundred calls come to two dollars: what would be more is refused, what takes back is not.
    let (accepted, _, errors) =
        record(&owner, &acme, json!([event("api_calls", "c", "51"), event("api_calls", "d", "50")])).await;
    assert_eq!(accepted, 1);
    assert_eq!(errors, [("LIMIT_EXCEEDED".to_owned(), "events.0.quantity".to_owned())]);
    assert_eq!(look(&app).await, 1);
    assert_eq!(told(&app).await, ["spend:USD:100 reached", "spend:USD:200 reached"]);
    let check =
        "query($id: ID!) { entitlementCheck(organizationId: $id, feature: \"calls\") { isAllowed reason } }";
    let checked = owner.send(check, json!({ "id": acme })).await;
    assert_eq!(checked.data()["entitlementCheck"], json!({ "isAllowed": false, "reason": "LIMIT_EXCEEDED" }));
    recorded(&owner, &acme, json!([event("api_calls", "back", "-10"), event("api_calls", "e", "5")])).await;
    // It is the customer's own bound, and no quota of the plan's: access stays.
    assert_eq!(access(&owner, &acme).await["reason"], "PAID");
    done(&owner, "usageAlertRemove", json!({ "organizationId": acme, "meter": "api_calls" }), "meter").await;
    let number = std::cell::Cell::new(0);
    eventually("the limit to be gone", || async {
        number.set(number.get() + 1);
        let more = json!([event("api_calls", &format!("more-{}", number.get()), "100")]);
        (record(&owner, &acme, more).await.0 == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn many_at_once_do_not_spend_more_than_the_limit() {
    let app = TestApp::start().await;
    let (owner, acme) = charged(&app).await;
    let input = json!({ "organizationId": acme, "meter": "api_calls", "thresholds": [],
                        "spendLimit": { "minorUnits": "300", "currency": "USD" } });
    done(&owner, "usageAlertSet", input, "usageAlert { version }").await;
    eventually("the limit to be known", || async {
        let check = "query($id: ID!) { entitlementCheck(organizationId: $id, feature: \"calls\", quantity: \"300\") { isAllowed } }";
        let checked = owner.send(check, json!({ "id": acme })).await;
        (checked.data()["entitlementCheck"]["isAllowed"] == false).then_some(())
    })
    .await;
    let clients = (0..32).map(|client| {
        let (owner, acme) = (owner.clone(), acme.clone());
        async move {
            let mut accepted = 0;
            for round in 0..2 {
                let events: Vec<Value> =
                    (0..10).map(|it| event("api_calls", &format!("{client}-{round}-{it}"), "1")).collect();
                accepted += record(&owner, &acme, json!(events)).await.0;
            }
            accepted
        }
    });
    let accepted: i64 = futures::future::join_all(clients).await.into_iter().sum();
    assert_eq!(accepted, 250, "a hundred that cost nothing, and three dollars' worth");
}
