//! Roles that organizations put together.

use serde_json::{Value, json};
use tollgate::domain::membership::Role;

use super::member::{ask, done, member, permissions, refused};
use crate::support::{Client, TestApp};

async fn create(client: &Client, organization: &str, name: &str, permissions: &[&str]) -> Value {
    let input = json!({ "organizationId": organization, "name": name, "description": "For tests", "permissions": permissions });
    done(client, "roleCreate", input, "role { id name description permissions version }").await["role"]
        .clone()
}

async fn give(owner: &Client, organization: &str, name: &str, role: &Value) {
    let seen = member(owner, organization, name).await;
    let input = json!({ "memberId": seen["id"], "role": "CUSTOM", "roleId": role["id"], "expectedVersion": seen["version"] });
    done(owner, "memberRoleChange", input, "").await;
}

#[tokio::test]
async fn a_role_holds_what_it_was_put_together_from_and_changes_for_all_who_have_it() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let peter = app.member(&acme, "peter").await;
    let role = create(&owner, &acme, "Support", &["BILLING_READ", "MEMBERS_READ"]).await;
    // That the organization can be seen goes without saying.
    assert_eq!(role["permissions"], json!(["ORGANIZATION_READ", "MEMBERS_READ", "BILLING_READ"]));
    give(&owner, &acme, "peter", &role).await;
    let seen = member(&owner, &acme, "peter").await;
    assert_eq!((&seen["role"], &seen["customRole"]["name"]), (&json!("CUSTOM"), &json!("Support")));
    assert_eq!(permissions(&peter, &acme).await, role["permissions"]);
    let query = "query($id: ID!) { organization(id: $id) { viewerRole invoices { nodes { id } } } }";
    assert_eq!(peter.send(query, json!({ "id": acme })).await.data()["organization"]["viewerRole"], "CUSTOM");
    let audit = "query($id: ID!) { auditLogs(organizationId: $id) { nodes { id } } }";
    assert_eq!(peter.send(audit, json!({ "id": acme })).await.code(), "FORBIDDEN");

    let update = json!({ "roleId": role["id"], "expectedVersion": "1", "permissions": ["AUDIT_READ"] });
    let updated = done(&owner, "roleUpdate", update.clone(), "role { name permissions version }").await;
    assert_eq!(
        updated["role"],
        json!({ "name": "Support", "permissions": ["ORGANIZATION_READ", "AUDIT_READ"], "version": "2" })
    );
    peter.send(audit, json!({ "id": acme })).await.data();
    assert_eq!(peter.send(query, json!({ "id": acme })).await.code(), "FORBIDDEN");
    assert_eq!(
        refused(&owner, "roleUpdate", update).await,
        ("CONFLICT".to_owned(), "expectedVersion".to_owned())
    );

    let list = "query($id: ID!) { roles(organizationId: $id) { name version } node(id: $role) { id } }";
    let list = list.replace("$id: ID!", "$id: ID!, $role: ID!");
    let listed = owner.send(&list, json!({ "id": acme, "role": role["id"] })).await;
    assert_eq!(listed.data()["roles"], json!([{ "name": "Support", "version": "2" }]));
    assert_eq!(listed.data()["node"]["id"], role["id"]);
}

#[tokio::test]
async fn a_role_that_somebody_has_or_is_invited_to_stays() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.member(&acme, "peter").await;
    let role = create(&owner, &acme, "Support", &["BILLING_READ"]).await;
    give(&owner, &acme, "peter", &role).await;
    let delete = json!({ "roleId": role["id"] });
    let held = ("CONFLICT".to_owned(), "roleId".to_owned());
    assert_eq!(refused(&owner, "roleDelete", delete.clone()).await, held);
    let seen = member(&owner, &acme, "peter").await;
    // A suspended member has it still.
    done(&owner, "memberSuspend", json!({ "memberId": seen["id"] }), "").await;
    assert_eq!(refused(&owner, "roleDelete", delete.clone()).await, held);
    done(&owner, "memberRemove", json!({ "memberId": seen["id"] }), "").await;
    let invite =
        json!({ "organizationId": acme, "email": "q@example.com", "role": "CUSTOM", "roleId": role["id"] });
    let invited = done(&owner, "memberInvite", invite, "token invitation { id customRole { name } }").await;
    assert_eq!(invited["invitation"]["customRole"]["name"], "Support");
    assert_eq!(refused(&owner, "roleDelete", delete.clone()).await, held);
    done(&owner, "invitationRevoke", json!({ "invitationId": invited["invitation"]["id"] }), "").await;
    let stale = json!({ "roleId": role["id"], "expectedVersion": "3" });
    assert_eq!(refused(&owner, "roleDelete", stale).await.1, "expectedVersion");
    let keyed = json!({ "roleId": role["id"], "idempotencyKey": "no-support" });
    for time in ["once", "and the same answer again, though it is gone"] {
        let gone = done(&owner, "roleDelete", keyed.clone(), "roleId").await;
        assert_eq!(gone["roleId"], role["id"], "{time}");
    }
    assert_eq!(ask(&owner, "roleDelete", delete, "").await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn nobody_puts_together_or_edits_more_than_they_hold() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let keeper = app.member(&acme, "keeper").await;
    let held = ["ROLES_WRITE", "MEMBERS_READ", "MEMBERS_WRITE", "SUBSCRIPTION_READ"];
    let keepers = create(&owner, &acme, "Role keeper", &held).await;
    give(&owner, &acme, "keeper", &keepers).await;
    let auditors = create(&owner, &acme, "Auditors", &["AUDIT_READ"]).await;
    let forbidden = |path: &str| ("FORBIDDEN".to_owned(), path.to_owned());
    let input =
        |name: &str, held: &[&str]| json!({ "organizationId": acme, "name": name, "permissions": held });
    assert_eq!(
        refused(&keeper, "roleCreate", input("More", &["BILLING_WRITE"])).await,
        forbidden("permissions")
    );
    create(&keeper, &acme, "Less", &["MEMBERS_READ"]).await;
    let own = json!({ "roleId": keepers["id"], "expectedVersion": "1", "permissions": ["ROLES_WRITE", "AUDIT_READ"] });
    assert_eq!(refused(&keeper, "roleUpdate", own).await, forbidden("permissions"));
    let theirs = json!({ "roleId": auditors["id"], "expectedVersion": "1", "permissions": ["MEMBERS_READ"] });
    assert_eq!(refused(&keeper, "roleUpdate", theirs).await, forbidden("roleId"));
    assert_eq!(
        refused(&keeper, "roleDelete", json!({ "roleId": auditors["id"] })).await,
        forbidden("roleId")
    );
    // Nor do they give it to anybody.
    app.member(&acme, "peter").await;
    let peter = member(&owner, &acme, "peter").await;
    let give = json!({ "memberId": peter["id"], "role": "CUSTOM", "roleId": auditors["id"], "expectedVersion": "1" });
    assert_eq!(refused(&keeper, "memberRoleChange", give).await, forbidden("role"));

    let at = |code: &str, path: &str| (code.to_owned(), path.to_owned());
    assert_eq!(
        refused(&owner, "roleCreate", input("All", &["ORGANIZATION_TRANSFER"])).await,
        at("BAD_USER_INPUT", "permissions")
    );
    assert_eq!(refused(&owner, "roleCreate", input(" ", &[])).await, at("BAD_USER_INPUT", "name"));
    assert_eq!(refused(&owner, "roleCreate", input("Auditors", &[])).await, at("CONFLICT", "name"));
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    create(&admin, &acme, "By an admin", &["KEYS_WRITE"]).await;
    let manager = app.member_as(&acme, "mona", Role::BillingManager).await;
    assert_eq!(ask(&manager, "roleCreate", input("x", &[]), "").await.code(), "FORBIDDEN");
    // Another organization's role is none of ours.
    let other = app.organization(&owner, "globex").await;
    let foreign = create(&owner, &other, "Foreign", &[]).await;
    let give =
        json!({ "memberId": peter["id"], "role": "CUSTOM", "roleId": foreign["id"], "expectedVersion": "1" });
    assert_eq!(refused(&owner, "memberRoleChange", give).await, at("NOT_FOUND", "roleId"));
}
