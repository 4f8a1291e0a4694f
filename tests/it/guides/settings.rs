//! Settings and security, as their page has it.

use serde_json::json;

use super::page::Page;
use super::run;
use crate::support::{Client, TestApp, text};

#[tokio::test]
async fn settings_and_security() {
    let page = Page::read("docs/guides/settings-and-security.md");
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let here = ("org_…", organization.as_str());
    let ask = async |client: &Client, field: &str| run(client, &page.graphql(field, &[here]), field).await;

    let general = ask(&owner, "settingsGeneral").await;
    assert_eq!((&general["version"], &general["slug"]), (&json!("0"), &json!("acme")));
    let general = ask(&owner, "settingsGeneralUpdate").await;
    assert_eq!(general["settings"]["timeZone"], "Europe/London");
    let billing = ask(&owner, "settingsBillingUpdate").await;
    assert_eq!(billing["settings"]["version"], "1");
    let rules = ask(&owner, "settingsNotificationsUpdate").await;
    assert_eq!(rules["settings"]["version"], "1");
    let history = ask(&owner, "settingsHistory").await;
    assert_eq!(history["nodes"][0]["author"]["name"], "olivia", "{history:#}");
    let back = ask(&owner, "settingsRollback").await;
    let general = &back["organization"]["settings"]["general"];
    assert_eq!(general, &json!({ "version": "2", "locale": null }));

    let secured = ask(&owner, "settingsSecurityUpdate").await;
    assert_eq!(secured["settings"]["version"], "1");
    let opened = ask(&app.staff(), "settingsSecurityRecover").await;
    assert_eq!(opened["settings"]["allowedAddresses"], json!([]));
    let peter = app.member(&organization, "peter").await;
    let user = peter.send("{ viewer { user { id } } }", json!({})).await;
    let user = text(&user.data()["viewer"]["user"]["id"]);
    let revoke = page.graphql("sessionsRevoke", &[here, ("usr_…", &user)]);
    run(&owner, &revoke, "sessionsRevoke").await;
    run(&owner, &page.graphql("viewerSessionsRevoke", &[]), "viewerSessionsRevoke").await;
    page.assert_tried();
}
