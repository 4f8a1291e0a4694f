//! Usage and entitlements, as their page has it.

use serde_json::{Value, json};

use super::page::Page;
use super::run;
use crate::mutations::member::done;
use crate::support::{Client, TestApp, text};

#[tokio::test]
async fn usage_and_entitlements() {
    let page = Page::read("docs/guides/usage.md");
    let app = TestApp::start().await;
    let (owner, staff) = (app.client("olivia"), app.staff());
    let organization = app.organization(&owner, "acme").await;
    let here = ("org_…", organization.as_str());
    let features = page.json_after("query { usageByMeter");
    let input = json!({ "name": "Metered", "slug": "metered", "features": features, "prices": [
        { "unitAmount": { "minorUnits": "0", "currency": "USD" }, "billingInterval": "MONTH" }] });
    let plan = text(&done(&staff, "planCreate", input, "plan { id }").await["plan"]["id"]);
    app.subscribe(&owner, &organization, &plan).await;

    let meters = run(&owner, &page.graphql("meters", &[]), "meters").await;
    assert_eq!(meters.as_array().map(Vec::len), Some(3));
    run(&staff, &page.graphql("meterCreate", &[]), "meterCreate").await;

    let input = json!({ "organizationId": organization, "name": "Recorder", "scopes": ["USAGE_WRITE"] });
    let key = text(&done(&owner, "apiKeyCreate", input, "secret").await["secret"]);
    let (path, body) = page.curl("/v1/usage", &[]);
    let answer = reqwest::Client::new()
        .post(format!("http://{}{path}", app.address))
        .bearer_auth(&key)
        .json(&body)
        .send()
        .await
        .expect("the gateway answers");
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.json::<Value>().await.expect("JSON"), page.json_after("/v1/usage"));

    let recorder = Client::new(app.address, Some(key));
    let one = run(&recorder, &page.graphql("usageRecord", &[here]), "usageRecord").await;
    assert_eq!(one["isRecorded"], json!(true));
    let batch = run(&recorder, &page.graphql("usageRecordBatch", &[here]), "usageRecordBatch").await;
    assert_eq!((&batch["acceptedCount"], &batch["duplicates"]), (&json!(1), &json!([0])));
    let usage = run(&owner, &page.graphql("usageByMeter", &[here]), "usageByMeter").await;
    assert_eq!((&usage["quantity"], &usage["timeZone"]), (&json!("3.5"), &json!("UTC")));

    let shown = run(&owner, &page.graphql("entitlements", &[here]), "entitlements").await;
    assert_eq!(shown.as_array().map(Vec::len), Some(3));
    let check = page.graphql("entitlementCheck", &[here]);
    let checked = run(&owner, &check, "entitlementCheck").await;
    assert_eq!((&checked["isAllowed"], &checked["remaining"]), (&json!(true), &json!("996.5")));
    let set = page.graphql("entitlementOverrideSet", &[here]);
    run(&staff, &set, "entitlementOverrideSet").await;
    assert_eq!(run(&owner, &check, "entitlementCheck").await["limit"], "5000");
    let overrides = page.graphql("entitlementOverrides", &[here]);
    let listed = run(&staff, &overrides, "entitlementOverrides").await;
    assert_eq!(listed[0]["reason"], "Ticket 4711");
    let remove = page.graphql("entitlementOverrideRemove", &[here]);
    run(&staff, &remove, "entitlementOverrideRemove").await;
    page.assert_tried();
}
