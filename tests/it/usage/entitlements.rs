//! What may be used: by the plan, by what overrides it, and as soon as either changes.

use std::time::Duration;

use serde_json::{Value, json};

use super::{app_at, event, number, plan_with, recorded, subscribed};
use crate::mutations::member::{done, refused};
use crate::support::{Client, TestApp, TestOptions, eventually};

async fn check(client: &Client, organization: &str, feature: &str, quantity: &str) -> Value {
    let query = "query($id: ID!, $feature: String!, $quantity: Decimal) {
        entitlementCheck(organizationId: $id, feature: $feature, quantity: $quantity) {
            isAllowed reason limit used remaining } }";
    let variables = json!({ "id": organization, "feature": feature, "quantity": quantity });
    client.send(query, variables).await.data()["entitlementCheck"].clone()
}

async fn override_with(app: &TestApp, organization: &str, feature: &str, value: Value, until: Option<&str>) {
    let input = json!({ "organizationId": organization, "feature": feature, "value": value,
                        "reason": "Ticket 4711", "expiresAt": until });
    done(&app.staff(), "entitlementOverrideSet", input, "entitlementOverride { version }").await;
}

fn features() -> Value {
    json!({
        "sso": false,
        "projects": 3,
        "support": "mail",
        "calls": { "meter": "api_calls", "included": 10, "limit": "hard" },
    })
}

#[tokio::test]
async fn the_plan_says_what_may_be_used() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, features()).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "7.5")])).await;
    let query = "query($id: ID!) { entitlements(organizationId: $id) {
        feature kind isEnabled meter limit limitKind used remaining isOverride } }";
    let answer = owner.send(query, json!({ "id": acme })).await;
    let shown = |feature: &str| {
        let listed = answer.data()["entitlements"].as_array().expect("entitlements");
        listed.iter().find(|it| it["feature"] == feature).expect("it is listed").clone()
    };
    assert_eq!(
        shown("calls"),
        json!({ "feature": "calls", "kind": "METERED", "isEnabled": true, "meter": "api_calls", "limit": "10",
                "limitKind": "HARD", "used": "7.5", "remaining": "2.5", "isOverride": false })
    );
    assert_eq!((&shown("sso")["kind"], &shown("sso")["isEnabled"]), (&json!("BOOLEAN"), &json!(false)));
    assert_eq!((&shown("projects")["limit"], &shown("support")["kind"]), (&json!("3"), &json!("STATIC")));
    for (feature, quantity, reason) in [
        ("sso", "1", "NOT_INCLUDED"),
        ("nothing", "1", "NOT_INCLUDED"),
        ("support", "1", "INCLUDED"),
        ("projects", "3", "INCLUDED"),
        ("projects", "4", "LIMIT_EXCEEDED"),
        ("calls", "2.5", "INCLUDED"),
        ("calls", "2.6", "LIMIT_EXCEEDED"),
    ] {
        let checked = check(&owner, &acme, feature, quantity).await;
        assert_eq!(checked["reason"], reason, "{feature} {quantity}");
        assert_eq!(checked["isAllowed"], json!(reason == "INCLUDED"), "{feature} {quantity}");
    }
    let nobody = app.client("nina");
    let without = app.organization(&nobody, "without-a-plan").await;
    assert_eq!(check(&nobody, &without, "projects", "1").await["reason"], "NOT_INCLUDED");
}

#[tokio::test]
async fn what_goes_on_as_it_did_is_foretold() {
    let (app, _) = app_at("2027-04-11T00:00:00Z").await;
    let (owner, acme) = subscribed(&app, json!({ "api_calls": 10, "seats": 5 })).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "20"), event("seats", "b", "3")])).await;
    let query = "query($id: ID!) { entitlements(organizationId: $id) { feature used periodStart periodEnd forecast } }";
    let answer = owner.send(query, json!({ "id": acme })).await;
    assert_eq!(
        answer.data()["entitlements"],
        json!([
            { "feature": "api_calls", "used": "20", "periodStart": "2027-04-01T00:00:00+00:00",
              "periodEnd": "2027-05-01T00:00:00+00:00", "forecast": "60" },
            { "feature": "seats", "used": "3", "periodStart": null, "periodEnd": null,
              "forecast": null },
        ])
    );
}

#[tokio::test]
async fn an_override_counts_at_once_and_ends_by_itself() {
    let (app, clock) = app_at("2027-03-10T12:00:00Z").await;
    let (owner, acme) = subscribed(&app, features()).await;
    assert_eq!(check(&owner, &acme, "projects", "5").await["reason"], "LIMIT_EXCEEDED");
    override_with(&app, &acme, "projects", json!(5), Some("2027-03-11T12:00:00Z")).await;
    // It was answered: it counts.
    assert_eq!(check(&owner, &acme, "projects", "5").await["reason"], "INCLUDED");
    clock.advance(chrono::Duration::days(1));
    let owner = app.client("olivia");
    assert_eq!(check(&owner, &acme, "projects", "5").await["reason"], "LIMIT_EXCEEDED");
    override_with(&app, &acme, "projects", json!(6), None).await;
    assert_eq!(check(&owner, &acme, "projects", "6").await["reason"], "INCLUDED");
    let query =
        "query($id: ID!) { entitlementOverrides(organizationId: $id) { feature value reason version } }";
    let listed = app.staff().send(query, json!({ "id": acme })).await;
    assert_eq!(
        listed.data()["entitlementOverrides"],
        json!([{ "feature": "projects", "value": 6, "reason": "Ticket 4711", "version": "2" }])
    );
    let remove = json!({ "organizationId": acme, "feature": "projects" });
    done(&app.staff(), "entitlementOverrideRemove", remove, "feature").await;
    assert_eq!(check(&owner, &acme, "projects", "6").await["reason"], "LIMIT_EXCEEDED");
}

#[tokio::test]
async fn an_override_that_makes_no_sense_is_refused() {
    let (app, _) = app_at("2027-03-10T12:00:00Z").await;
    let (_, acme) = subscribed(&app, features()).await;
    let input = |feature: &str, value: Value, reason: &str, until: Value| json!({ "organizationId": acme, "feature": feature, "value": value, "reason": reason, "expiresAt": until });
    for (input, path) in [
        (input("", json!(true), "x", Value::Null), "feature"),
        (input("sso", json!(true), " ", Value::Null), "reason"),
        (input("sso", json!(true), "x", json!("2027-03-10T12:00:00Z")), "expiresAt"),
        (input("calls", json!({ "meter": "nothing", "included": 1 }), "x", Value::Null), "value"),
    ] {
        let expected = ("BAD_USER_INPUT".to_owned(), path.to_owned());
        assert_eq!(refused(&app.staff(), "entitlementOverrideSet", input.clone()).await, expected, "{input}");
    }
}

/// Whatever changes what may be used counts in the process that changed it as soon as it has answered, and in another one,
/// which has answered before, as soon as the database has told it.
#[tokio::test]
async fn a_change_counts_in_every_process() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = plan_with(&app, "metered", features()).await;
    app.subscribe(&owner, &acme, &plan).await;
    let other = two_processes(&app).await;
    let there = other.as_ref().map(|other| other.client("olivia"));
    let counts = async |feature: &str, quantity: &str, reason: &str| {
        let (here, there) = (&owner, there.as_ref());
        assert_eq!(
            check(here, &acme, feature, quantity).await["reason"],
            reason,
            "{feature} {quantity} here"
        );
        let Some(there) = there else { return };
        eventually(&format!("{feature} {quantity} to be {reason} in the other process"), || async {
            (check(there, &acme, feature, quantity).await["reason"] == reason).then_some(())
        })
        .await;
    };
    counts("projects", "5", "LIMIT_EXCEEDED").await;
    override_with(&app, &acme, "projects", json!(5), None).await;
    counts("projects", "5", "INCLUDED").await;
    let remove = json!({ "organizationId": acme, "feature": "projects" });
    done(&app.staff(), "entitlementOverrideRemove", remove, "feature").await;
    counts("projects", "5", "LIMIT_EXCEEDED").await;

    let more = json!({ "sso": true, "projects": 7, "exports": { "meter": "api_calls", "included": 1 } });
    let change = json!({ "planId": plan, "expectedVersion": "1", "features": more });
    done(&app.staff(), "planUpdate", change, "plan { id }").await;
    counts("projects", "7", "INCLUDED").await;
    counts("sso", "1", "INCLUDED").await;
    counts("calls", "1", "NOT_INCLUDED").await;

    let subscription = "query($id: ID!) { organization(id: $id) { subscription { id } } }";
    let found = owner.send(subscription, json!({ "id": acme })).await;
    let id = found.data()["organization"]["subscription"]["id"].clone();
    let cancel = json!({ "subscriptionId": id, "when": "NOW" });
    done(&owner, "subscriptionCancel", cancel, "subscription { status }").await;
    counts("sso", "1", "NOT_INCLUDED").await;
}

/// Another process, which hears what is committed: on PostgreSQL alone, for SQLite has one process.
async fn two_processes(app: &TestApp) -> Option<TestApp> {
    if app.database_url().starts_with("sqlite") {
        return None;
    }
    let other = app.another_process(TestOptions { deliver_webhooks: false, ..TestOptions::default() }).await;
    eventually("the other process to hear", || async { other.store().hears_others().then_some(()) }).await;
    Some(other)
}

/// A process that hears nothing keeps nothing: however long its ear is cut off, what it says is what the database has.
#[tokio::test]
async fn a_process_that_hears_nothing_answers_by_the_database() {
    let app = TestApp::start().await;
    let (_, acme) = subscribed(&app, features()).await;
    let Some(other) = two_processes(&app).await else { return };
    let there = other.client("olivia");
    let ears = "SELECT COUNT(pg_terminate_backend(pid)) AS number FROM pg_stat_activity \
                WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    for (round, projects) in [(1, 4), (2, 5), (3, 6)] {
        assert_eq!(
            check(&there, &acme, "projects", &projects.to_string()).await["reason"],
            "LIMIT_EXCEEDED",
            "{round}"
        );
        assert!(number(&app, ears).await >= 1, "somebody listened");
        eventually("the ear to be cut off", || async { (!other.store().hears_others()).then_some(()) }).await;
        override_with(&app, &acme, "projects", json!(projects), None).await;
        assert_eq!(
            check(&there, &acme, "projects", &projects.to_string()).await["reason"],
            "INCLUDED",
            "{round}"
        );
        eventually("it to hear again", || async { other.store().hears_others().then_some(()) }).await;
        assert_eq!(
            check(&there, &acme, "projects", &projects.to_string()).await["reason"],
            "INCLUDED",
            "{round}"
        );
    }
}

/// What is asked of a kept entitlement asks the database for nothing but who is calling and what was used.
#[tokio::test]
async fn a_kept_entitlement_takes_no_statement_and_a_metered_one_takes_one() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, features()).await;
    // What is told of the setup is heard before.
    eventually("the process to hear", || async { app.store().hears_others().then_some(()) }).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    check(&owner, &acme, "calls", "1").await;
    for (feature, most) in [("projects", 0), ("calls", 1)] {
        let (_, statements) = app.statements_of(check(&owner, &acme, feature, "1")).await;
        let about = statements
            .iter()
            .filter(|sql| {
                ["usage_counters", "entitlement_overrides", "\"meters\"", "\"plans\""]
                    .iter()
                    .any(|table| sql.contains(table))
            })
            .count();
        assert_eq!(about, most, "{feature}: {statements:#?}");
    }
}
