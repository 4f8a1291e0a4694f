//! Meters: those that everybody has, and those that platform staff make.

use serde_json::json;
use tollgate::domain::meter::Meter;

use super::{event, record, recorded, subscribed};
use crate::mutations::member::{done, refused};
use crate::support::{TestApp, text};

#[tokio::test]
async fn everybody_has_the_meters_that_the_rules_name() {
    let app = TestApp::start().await;
    let stored: Vec<Meter> =
        app.store().list_meters().await.expect("meters").into_iter().map(|row| row.meter).collect();
    let mut expected = Meter::defaults().to_vec();
    expected.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(stored, expected);
    let query = "{ meters { name unit aggregation reset keyProperty archivedAt } }";
    let answer = app.client("anybody").send(query, json!({})).await;
    assert_eq!(
        answer.data()["meters"][0],
        json!({ "name": "api_calls", "unit": "call", "aggregation": "SUM", "reset": "BILLING_PERIOD",
                "keyProperty": null, "archivedAt": null })
    );
}

#[tokio::test]
async fn staff_make_change_and_archive_a_meter() {
    let app = TestApp::start().await;
    let staff = app.staff();
    let (owner, acme) = subscribed(&app, json!({})).await;
    let input = json!({ "name": "exports", "unit": "export", "aggregation": "SUM", "reset": "MONTH" });
    let made = done(&staff, "meterCreate", input.clone(), "meter { id name reset version }").await;
    assert_eq!((&made["meter"]["reset"], &made["meter"]["version"]), (&json!("MONTH"), &json!("1")));
    let meter = text(&made["meter"]["id"]);
    assert_eq!(refused(&staff, "meterCreate", input).await, ("CONFLICT".to_owned(), "name".to_owned()));
    recorded(&owner, &acme, json!([event("exports", "a", "1")])).await;

    let update =
        json!({ "meterId": meter, "expectedVersion": "1", "description": "Files that were exported" });
    let changed = done(&staff, "meterUpdate", update.clone(), "meter { unit description version }").await;
    assert_eq!(
        changed["meter"],
        json!({ "unit": "export", "description": "Files that were exported", "version": "2" })
    );
    assert_eq!(refused(&staff, "meterUpdate", update).await.0, "CONFLICT");

    done(&staff, "meterArchive", json!({ "meterId": meter }), "meter { archivedAt }").await;
    let query = "query($all: Boolean!) { meters(includeArchived: $all) { name } }";
    let listed = staff.send(query, json!({ "all": false })).await;
    assert_eq!(listed.data()["meters"].as_array().map(Vec::len), Some(3));
    let all = staff.send(query, json!({ "all": true })).await;
    assert_eq!(all.data()["meters"].as_array().map(Vec::len), Some(4));
    let (mut number, owner, acme) = (0, &owner, &acme);
    crate::support::eventually("nothing more to be recorded of it", || {
        number += 1;
        let events = json!([event("exports", &format!("after-{number}"), "1")]);
        async move {
            let (_, _, errors) = record(owner, acme, events).await;
            (errors == [("BAD_USER_INPUT".to_owned(), "events.0.meter".to_owned())]).then_some(())
        }
    })
    .await;
}

#[tokio::test]
async fn a_meter_that_makes_no_sense_is_refused() {
    let app = TestApp::start().await;
    let staff = app.staff();
    for (input, path) in [
        (json!({ "name": "Exports", "unit": "x", "aggregation": "SUM" }), "name"),
        (json!({ "name": "exports", "unit": " ", "aggregation": "SUM" }), "unit"),
        (json!({ "name": "users", "unit": "x", "aggregation": "UNIQUE_COUNT" }), "keyProperty"),
        (json!({ "name": "users", "unit": "x", "aggregation": "MAX", "keyProperty": "user" }), "keyProperty"),
    ] {
        let expected = ("BAD_USER_INPUT".to_owned(), path.to_owned());
        assert_eq!(refused(&staff, "meterCreate", input.clone()).await, expected, "{input}");
    }
}

#[tokio::test]
async fn a_plan_meters_only_what_there_is() {
    let app = TestApp::start().await;
    let plan = |features| {
        json!({ "name": "Pro", "slug": "pro", "features": features, "prices": [
            { "unitAmount": { "minorUnits": "0", "currency": "USD" }, "billingInterval": "MONTH" }] })
    };
    for features in [
        json!({ "calls": { "meter": "nothing", "included": 1 } }),
        json!({ "calls": { "meter": "api_calls" } }),
        json!({ "api_calls": -1 }),
    ] {
        let expected = ("BAD_USER_INPUT".to_owned(), "features".to_owned());
        assert_eq!(refused(&app.staff(), "planCreate", plan(features.clone())).await, expected, "{features}");
    }
}
