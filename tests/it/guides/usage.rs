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
    let features = page.json_after("/v1/usage/events?");
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

    let report = run(&owner, &page.graphql("usageReport", &[here]), "usageReport").await;
    assert_eq!((&report["usage"]["quantity"], &report["changePercent"]), (&json!("3.5"), &Value::Null));
    let input = json!({ "organizationId": organization, "name": "Reader", "scopes": ["SUBSCRIPTION_READ"] });
    let reading = text(&done(&owner, "apiKeyCreate", input, "secret").await["secret"]);
    for (path, found) in [("/v1/usage?", "api_calls,call,"), ("/v1/usage/events?", "\"eventId\":\"req-1\"")] {
        let url = format!("http://{}{}", app.address, page.get(path));
        let answer = reqwest::Client::new().get(url).bearer_auth(&reading).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        let body = answer.text().await.expect("a text");
        assert!(body.contains(found), "{path}: {body}");
    }

    let made = run(&staff, &page.graphql("planCreate", &[]), "planCreate").await;
    assert_eq!(made["plan"]["charges"][0]["included"], "1000", "{made:#}");
    assert_eq!(
        run(&owner, &page.graphql("usageBill", &[here]), "usageBill").await,
        Value::Null,
        "it is a free plan"
    );
    assert_eq!(run(&owner, &page.graphql("usageCharges", &[here]), "usageCharges").await, json!([]));

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
    let set = page.graphql("usageAlertSet", &[here]);
    let alert = run(&owner, &set, "usageAlertSet").await["usageAlert"].clone();
    assert_eq!(
        alert["thresholds"].as_array().map(Vec::len),
        Some(5),
        "a spend limit is one of them: {alert:#}"
    );
    let listed = run(&owner, &page.graphql("usageAlerts", &[here]), "usageAlerts").await;
    assert_eq!((&listed[0]["limit"], &listed[0]["used"]), (&json!("1000"), &json!("3.5")));
    let remove = page.graphql("usageAlertRemove", &[here]);
    assert_eq!(run(&owner, &remove, "usageAlertRemove").await["meter"], "api_calls");
    page.assert_tried();
}
