//! Members, roles and API keys, as their page has it.

use serde_json::json;

use super::page::Page;
use super::run;
use crate::mutations::member::permissions;
use crate::support::tokens::SignIn;
use crate::support::{TestApp, text};

#[tokio::test]
async fn members_roles_and_api_keys() {
    let page = Page::read("docs/guides/members-and-roles.md");
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let here = ("org_…", organization.as_str());

    let invited = run(&owner, &page.graphql("memberInvite", &[here]), "memberInvite").await;
    assert_eq!(invited["invitation"]["status"], "PENDING");
    let listed = run(&owner, &page.graphql("invitations", &[here]), "invitations").await;
    assert_eq!(listed["nodes"][0]["invitedBy"]["name"], "olivia");
    let peter = app.client("peter");
    let token = text(&invited["token"]);
    let accept = page.graphql("invitationAccept", &[("tgi_…", &token)]);
    let accepted = run(&peter, &accept, "invitationAccept").await;
    assert_eq!(accepted["member"]["role"], "BILLING_MANAGER");
    let member = text(&accepted["member"]["id"]);
    let of_member = ("mem_…", member.as_str());

    let role = run(&owner, &page.graphql("roleCreate", &[here]), "roleCreate").await;
    let role = text(&role["role"]["id"]);
    let change = page.graphql("memberRoleChange", &[of_member, ("role_…", &role)]);
    let changed = run(&owner, &change, "memberRoleChange").await;
    assert_eq!(changed["member"]["customRole"]["name"], "Support");
    let held = run(&peter, &page.graphql("viewer", &[here]), "viewer").await;
    assert_eq!(held["permissions"], json!(["ORGANIZATION_READ", "MEMBERS_READ", "BILLING_READ"]));

    let policy = page.graphql("organizationSeatReleaseSet", &[here]);
    run(&owner, &policy, "organizationSeatReleaseSet").await;
    let suspended = run(&owner, &page.graphql("memberSuspend", &[of_member]), "memberSuspend").await;
    assert_eq!(suspended["member"]["status"], "SUSPENDED");
    assert_eq!(permissions(&peter, &organization).await, json!([]));
    run(&owner, &page.graphql("memberReinstate", &[of_member]), "memberReinstate").await;
    let peter = app.client_by("peter", &SignIn::again());

    let created = run(&owner, &page.graphql("apiKeyCreate", &[here]), "apiKeyCreate").await;
    let secret = text(&created["secret"]);
    let (path, body) = page.curl("viewer { apiKey", &[("tgk_…", &secret)]);
    let answer = reqwest::Client::new()
        .post(format!("http://{}{path}", app.address))
        .bearer_auth(&secret)
        .json(&body)
        .send()
        .await
        .expect("the gateway answers");
    let answer: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(answer["data"]["viewer"]["apiKey"]["name"], "Nightly report", "{answer:#}");
    assert_eq!(answer["data"]["viewer"]["organizations"]["nodes"], json!([{ "slug": "acme" }]));
    let key = text(&created["apiKey"]["id"]);
    let rotated = run(&owner, &page.graphql("apiKeyRotate", &[("key_…", &key)]), "apiKeyRotate").await;
    assert_ne!(text(&rotated["secret"]), secret);
    run(&owner, &page.graphql("apiKeyRevoke", &[("key_…", &key)]), "apiKeyRevoke").await;

    let transfer = page.graphql("organizationOwnershipTransfer", &[of_member]);
    let transferred = run(&owner, &transfer, "organizationOwnershipTransfer").await;
    assert_eq!(transferred["member"]["role"], "OWNER");
    // An admin removes no owner: the page's last word is tried on somebody else.
    app.member(&organization, "quinn").await;
    let quinn = text(&crate::mutations::member::member(&peter, &organization, "quinn").await["id"]);
    let removed = run(&peter, &page.graphql("memberRemove", &[("mem_…", &quinn)]), "memberRemove").await;
    assert_eq!(removed["memberId"], quinn.as_str());
    page.assert_tried();
}
