//! What happens to an organization, followed: access, subscriptions, invoices, payments.

use std::collections::HashMap;

use serde_json::{Value, json};
use tollgate::domain::membership::Role;

use crate::live::{Socket, hear, idle_process, say, signed_in};
use crate::mutations::member::{done, member};
use crate::support::{Client, TestApp, TestOptions, text};

/// Each field with a selection of it.
const FIELDS: [(&str, &str); 4] = [
    ("accessState", "level reason"),
    ("subscriptionChanged", "id status"),
    ("invoiceChanged", "id status"),
    ("paymentChanged", "id status"),
];

fn query(field: &str) -> String {
    let (_, selection) = FIELDS.iter().find(|(name, _)| *name == field).expect("one of them");
    format!("subscription($id: ID!) {{ {field}(organizationId: $id) {{ {selection} }} }}")
}

/// Follows a field; its messages bear the field's name.
async fn follow(socket: &mut Socket, field: &str, organization: &str) {
    let payload = json!({ "query": query(field), "variables": { "id": organization } });
    say(socket, json!({ "id": field, "type": "subscribe", "payload": payload })).await;
}

/// Hears until each field's last event is as expected.
async fn hear_until(socket: &mut Socket, expected: &[(&str, Value)]) {
    let mut last: HashMap<String, Value> = HashMap::new();
    let is_met = |last: &HashMap<String, Value>| {
        expected.iter().all(|(field, wanted)| {
            last.get(*field).is_some_and(|event| {
                let wanted = wanted.as_object().expect("an object");
                wanted.iter().all(|(name, value)| event[name] == *value)
            })
        })
    };
    while !is_met(&last) {
        let message = hear(socket).await.unwrap_or_else(|close| panic!("closed: {close:?}, after {last:#?}"));
        assert_eq!(message["type"], "next", "{message:#}");
        let field = text(&message["id"]);
        assert!(message["payload"]["errors"].is_null(), "{message:#}");
        last.insert(field.clone(), message["payload"]["data"][&field].clone());
    }
}

const SET_POLICY: &str = "mutation($input: BillingPolicySetInput!) { billingPolicySet(input: $input) {
    userErrors { message } } }";

fn policy(without_subscription: &str) -> Value {
    json!({ "dunning": [{ "afterDays": 1, "reminder": "REMINDER", "access": "NONE" }], "unpaid": "NONE",
        "trialEnded": "LIMITED", "withoutSubscription": without_subscription, "disputeOpen": "FULL",
        "disputeLost": "NONE", "quotaExceeded": "LIMITED", "trialEnd": "CANCEL", "openInvoices": "KEEP" })
}

/// On PostgreSQL the follower hangs on another process than the one that writes; SQLite has one process.
#[tokio::test]
async fn what_happens_through_one_process_reaches_a_follower_of_another() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let other = if app.store().backend() == tollgate::store::Backend::Postgres {
        Some(app.another_process(idle_process()).await)
    } else {
        None
    };
    let mut socket = signed_in(other.as_ref().unwrap_or(&app), &owner).await;
    for (field, _) in FIELDS {
        follow(&mut socket, field, &organization).await;
    }
    let access = |level: &str, reason: &str| ("accessState", json!({ "level": level, "reason": reason }));
    hear_until(&mut socket, &[access("NONE", "NO_SUBSCRIPTION")]).await;

    // The platform's policy belongs to no organization, and counts for this one.
    let input = json!({ "policy": policy("LIMITED") });
    let set = app.staff().send(SET_POLICY, json!({ "input": input })).await;
    assert_eq!(set.data()["billingPolicySet"]["userErrors"], json!([]), "{:#}", set.body);
    hear_until(&mut socket, &[access("LIMITED", "NO_SUBSCRIPTION")]).await;

    let payload = app.subscribe(&owner, &organization, &plan).await;
    let subscription = &payload["subscription"]["id"];
    let expected = [
        access("FULL", "PAID"),
        ("subscriptionChanged", json!({ "id": subscription, "status": "ACTIVE" })),
        ("invoiceChanged", json!({ "status": "PAID" })),
        ("paymentChanged", json!({ "status": "SUCCEEDED" })),
    ];
    hear_until(&mut socket, &expected).await;

    let cancel = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) {
        userErrors { message } } }";
    let input = json!({ "subscriptionId": subscription, "when": "NOW" });
    let canceled = owner.send(cancel, json!({ "input": input })).await;
    assert_eq!(canceled.data()["subscriptionCancel"]["userErrors"], json!([]), "{:#}", canceled.body);
    let expected = [
        access("LIMITED", "ENDED"),
        ("subscriptionChanged", json!({ "id": subscription, "status": "CANCELED" })),
    ];
    hear_until(&mut socket, &expected).await;
}

#[tokio::test]
async fn another_tenants_changes_are_told_to_nobody_else() {
    let app = TestApp::start().await;
    let (owner, neighbour) = (app.client("olivia"), app.client("nadia"));
    let organization = app.organization(&owner, "acme").await;
    let next_door = app.organization(&neighbour, "globex").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    let mut socket = signed_in(&app, &owner).await;
    for (field, _) in FIELDS {
        follow(&mut socket, field, &organization).await;
    }
    let (first, paid) = (json!({ "reason": "NO_SUBSCRIPTION" }), json!({ "reason": "PAID" }));
    hear_until(&mut socket, &[("accessState", first)]).await;
    app.card(&neighbour, &next_door, "pm_card_visa").await;
    app.subscribe(&neighbour, &next_door, &plan).await;
    app.settled().await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let ours = app.subscribe(&owner, &organization, &plan).await;
    // Had the other's been told, they had come before.
    let mut told: HashMap<String, Vec<Value>> = HashMap::new();
    let mut is_paid = false;
    while !is_paid || told.len() < 3 {
        let message = hear(&mut socket).await.expect("no close");
        let field = text(&message["id"]);
        let event = message["payload"]["data"][&field].clone();
        if field == "accessState" {
            is_paid |= event["reason"] == paid["reason"];
        } else {
            told.entry(field).or_default().push(event["id"].clone());
        }
    }
    let seen = owner
        .send(
            "query($id: ID!) { organization(id: $id) { invoices { nodes { id } } payments { nodes { id } } } }",
            json!({ "id": organization }),
        )
        .await;
    let seen = &seen.data()["organization"];
    for (field, own) in [
        ("subscriptionChanged", &ours["subscription"]["id"]),
        ("invoiceChanged", &seen["invoices"]["nodes"][0]["id"]),
        ("paymentChanged", &seen["payments"]["nodes"][0]["id"]),
    ] {
        assert!(told[field].iter().all(|id| id == own), "{field}: {told:?}, and ours is {own}");
    }
}

/// The fields below a followed one ask who was following when it began.
#[tokio::test]
async fn who_lost_a_right_sees_nothing_more_below_what_they_follow() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let manager = app.member_as(&organization, "mona", Role::BillingManager).await;
    let mut socket = signed_in(&app, &manager).await;
    let query =
        "subscription($id: ID!) { subscriptionChanged(organizationId: $id) { id latestInvoice { id } } }";
    let payload = json!({ "query": query, "variables": { "id": organization } });
    say(&mut socket, json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
    // Another field tells when the first is followed: what is said over one connection is done in order.
    follow(&mut socket, "accessState", &organization).await;
    hear_until(&mut socket, &[("accessState", json!({ "reason": "NO_SUBSCRIPTION" }))]).await;
    say(&mut socket, json!({ "id": "accessState", "type": "complete" })).await;
    let mona = member(&owner, &organization, "mona").await;
    let demote = json!({ "memberId": mona["id"], "role": "MEMBER", "expectedVersion": mona["version"] });
    done(&owner, "memberRoleChange", demote, "").await;
    app.subscribe(&owner, &organization, &plan).await;
    let message = loop {
        let message = hear(&mut socket).await.expect("no close");
        if message["id"] == "1" {
            break message;
        }
    };
    let error = &message["payload"]["errors"][0];
    assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{message:#}");
}

#[tokio::test]
async fn what_a_replaced_secret_opened_ends_with_it() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let input = json!({ "organizationId": organization, "name": "Watcher", "scopes": ["SUBSCRIPTION_READ"] });
    let key = done(&owner, "apiKeyCreate", input, "secret apiKey { id }").await;
    let program = Client::new(app.address, key["secret"].as_str().map(str::to_owned));
    let mut socket = signed_in(&app, &program).await;
    follow(&mut socket, "accessState", &organization).await;
    hear_until(&mut socket, &[("accessState", json!({ "reason": "NO_SUBSCRIPTION" }))]).await;
    let input = json!({ "apiKeyId": key["apiKey"]["id"], "overlapSeconds": 0 });
    done(&owner, "apiKeyRotate", input, "secret").await;
    let closed = loop {
        if let Err(closed) = hear(&mut socket).await {
            break closed;
        }
    };
    assert_eq!(closed.0, 4403, "{}", closed.1);
}

#[tokio::test]
async fn who_may_not_see_it_may_not_follow_it() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..TestOptions::default() }).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let missing = "org_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b";
    let stranger = app.client("stranger");
    let member = app.member_as(&organization, "mia", Role::Member).await;
    for (field, _) in FIELDS {
        let mut told = Vec::new();
        for id in [organization.as_str(), missing] {
            let mut socket = signed_in(&app, &stranger).await;
            follow(&mut socket, field, id).await;
            let message = hear(&mut socket).await.expect("an answer");
            let error = &message["payload"]["errors"][0];
            assert_eq!(error["extensions"]["code"], "NOT_FOUND", "{field}: {message:#}");
            told.push(error["message"].clone());
        }
        assert_eq!(told[0], told[1], "{field}");
        if matches!(field, "invoiceChanged" | "paymentChanged") {
            let mut socket = signed_in(&app, &member).await;
            follow(&mut socket, field, &organization).await;
            let message = hear(&mut socket).await.expect("an answer");
            let error = &message["payload"]["errors"][0];
            assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{field}: {message:#}");
        }
    }
    let mut socket = signed_in(&app, &member).await;
    follow(&mut socket, "accessState", &organization).await;
    hear_until(&mut socket, &[("accessState", json!({ "reason": "NO_SUBSCRIPTION" }))]).await;
}

/// Only PostgreSQL can be heard by several processes, and only what comes from it can be lost on the way.
#[tokio::test]
async fn what_was_missed_while_the_database_was_away_is_said() {
    let app = TestApp::start().await;
    if app.store().backend() == tollgate::store::Backend::Sqlite {
        return;
    }
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.settled().await;
    let mut socket = signed_in(&app, &owner).await;
    // The one that tells how it stands is the last: what is said over one connection is done in order.
    for (field, _) in FIELDS.iter().rev() {
        follow(&mut socket, field, &organization).await;
    }
    hear_until(&mut socket, &[("accessState", json!({ "reason": "NO_SUBSCRIPTION" }))]).await;
    app.disturb(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'",
    )
    .await;
    let mut ended = Vec::new();
    while ended.len() < 3 {
        let message = hear(&mut socket).await.expect("no close");
        if message["type"] == "complete" {
            ended.push(text(&message["id"]));
            continue;
        }
        let error = &message["payload"]["errors"][0];
        assert_eq!(error["extensions"]["code"], "INTERNAL", "{message:#}");
        assert!(text(&error["message"]).contains("while the database was away"), "{message:#}");
    }
    ended.sort_unstable();
    assert_eq!(ended, ["invoiceChanged", "paymentChanged", "subscriptionChanged"]);
    // Access is read whole each time, so nothing of it was missed, and its stream goes on.
    app.subscribe(&owner, &organization, &plan).await;
    hear_until(&mut socket, &[("accessState", json!({ "reason": "PAID" }))]).await;
}
