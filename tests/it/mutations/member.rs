//! Members: roles, suspending, reinstating, removing, leaving, handing an organization over.

use serde_json::{Value, json};
use tollgate::domain::membership::Role;

use crate::support::tokens::SignIn;
use crate::support::{Answer, Client, TestApp, eventually, text};

/// Sends a mutation.
pub async fn ask(client: &Client, mutation: &str, input: Value, selection: &str) -> Answer {
    let mut letters = mutation.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let query = format!(
        "mutation($input: {capital}Input!) {{ {mutation}(input: $input) {{ {selection} userErrors {{ code message path }} }} }}"
    );
    client.send(&query, json!({ "input": input })).await
}

/// Sends a mutation that must be done.
#[track_caller]
pub fn payload(answer: &Answer, mutation: &str) -> Value {
    let payload = answer.data()[mutation].clone();
    assert_eq!(payload["userErrors"], json!([]), "{mutation}: {payload:#}");
    payload
}

pub async fn done(client: &Client, mutation: &str, input: Value, selection: &str) -> Value {
    payload(&ask(client, mutation, input, selection).await, mutation)
}

/// The code and path of what must be refused.
pub async fn refused(client: &Client, mutation: &str, input: Value) -> (String, String) {
    let answer = ask(client, mutation, input, "").await;
    let (code, path, _) = answer.user_error(mutation);
    (code, path)
}

/// A member as the owner sees them.
pub async fn member(owner: &Client, organization: &str, name: &str) -> Value {
    let query = "query($id: ID!) { members(organizationId: $id, first: 100) { nodes {
        id role status version permissions customRole { id name } user { name } } } }";
    let answer = owner.send(query, json!({ "id": organization })).await;
    let nodes = answer.data()["members"]["nodes"].as_array().expect("members").clone();
    nodes.into_iter().find(|node| node["user"]["name"] == name).unwrap_or(Value::Null)
}

/// What somebody may do in an organization; `None` for whom it does not exist.
pub async fn permissions(client: &Client, organization: &str) -> Value {
    let query = "query($id: ID!) { viewer { permissions(organizationId: $id) } }";
    client.send(query, json!({ "id": organization })).await.data()["viewer"]["permissions"].clone()
}

async fn owners(owner: &Client, organization: &str) -> usize {
    let query = "query($id: ID!) { members(organizationId: $id) { nodes { role status } } }";
    let answer = owner.send(query, json!({ "id": organization })).await;
    let nodes = answer.data()["members"]["nodes"].as_array().expect("members").clone();
    nodes.iter().filter(|node| node["role"] == "OWNER" && node["status"] == "ACTIVE").count()
}

#[tokio::test]
async fn a_role_is_changed_on_the_version_that_was_read() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let peter = app.member(&acme, "peter").await;
    let seen = member(&owner, &acme, "peter").await;
    let input = json!({ "memberId": seen["id"], "role": "AUDITOR", "expectedVersion": seen["version"] });
    let payload = done(&owner, "memberRoleChange", input.clone(), "member { role version }").await;
    assert_eq!(payload["member"], json!({ "role": "AUDITOR", "version": "2" }));
    assert!(
        permissions(&peter, &acme).await.as_array().is_some_and(|held| held.contains(&json!("AUDIT_READ")))
    );
    // The same again was decided on what is not there any more.
    assert_eq!(
        refused(&owner, "memberRoleChange", input).await,
        ("CONFLICT".to_owned(), "expectedVersion".to_owned())
    );
    let again = json!({ "memberId": seen["id"], "role": "AUDITOR", "expectedVersion": "2" });
    assert_eq!(refused(&owner, "memberRoleChange", again).await.0, "CONFLICT");
    let record =
        app.audit_records().await.into_iter().find(|it| it.action == "member.role_change").expect("a record");
    assert_eq!(record.old_values, Some(json!({ "role": "member" })));
    assert_eq!(record.new_values, Some(json!({ "role": "auditor" })));
}

#[tokio::test]
async fn nobody_gives_or_takes_what_they_do_not_hold() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    app.member(&acme, "peter").await;
    let (boss, peter) = (member(&owner, &acme, "olivia").await, member(&owner, &acme, "peter").await);
    let forbidden = |path: &str| ("FORBIDDEN".to_owned(), path.to_owned());
    let make_owner = json!({ "memberId": peter["id"], "role": "OWNER", "expectedVersion": "1" });
    assert_eq!(refused(&admin, "memberRoleChange", make_owner).await, forbidden("role"));
    let demote = json!({ "memberId": boss["id"], "role": "MEMBER", "expectedVersion": "1" });
    assert_eq!(refused(&admin, "memberRoleChange", demote).await, forbidden("memberId"));
    for mutation in ["memberSuspend", "memberRemove"] {
        let input = json!({ "memberId": boss["id"] });
        assert_eq!(refused(&admin, mutation, input).await, forbidden("memberId"), "{mutation}");
    }
    let transfer = ask(&admin, "organizationOwnershipTransfer", json!({ "memberId": peter["id"] }), "").await;
    assert_eq!(transfer.code(), "FORBIDDEN");
    // Who does not manage members at all is refused before anything is looked at.
    let manager = app.member_as(&acme, "mona", Role::BillingManager).await;
    let answer = ask(&manager, "memberRemove", json!({ "memberId": peter["id"] }), "").await;
    assert_eq!(answer.code(), "FORBIDDEN");
    assert!(answer.message().contains("members:write"), "{}", answer.message());
    // A role is named by its id exactly when it is one of the organization's own.
    for (role, id) in [("CUSTOM", Value::Null), ("MEMBER", json!("role_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b"))] {
        let input = json!({ "memberId": peter["id"], "role": role, "roleId": id, "expectedVersion": "1" });
        assert_eq!(ask(&owner, "memberRoleChange", input, "").await.code(), "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn a_suspended_member_is_nobody_until_reinstated() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let peter = app.member_as(&acme, "peter", Role::Admin).await;
    let id = member(&owner, &acme, "peter").await["id"].clone();
    let suspended = done(&owner, "memberSuspend", json!({ "memberId": id }), "member { status }").await;
    assert_eq!(suspended["member"]["status"], "SUSPENDED");

    let read = "query($id: ID!) { organization(id: $id) { name } }";
    assert_eq!(peter.send(read, json!({ "id": acme })).await.code(), "NOT_FOUND");
    assert_eq!(permissions(&peter, &acme).await, json!([]));
    let listed = peter
        .send("{ organizations { totalCount } viewer { organizations { totalCount } } }", json!({}))
        .await;
    assert_eq!(listed.data()["organizations"]["totalCount"], 0);
    assert_eq!(listed.data()["viewer"]["organizations"]["totalCount"], 0);
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(peter.send(node, json!({ "id": acme })).await.code(), "NOT_FOUND");
    let leave = ask(&peter, "organizationLeave", json!({ "organizationId": acme }), "").await;
    assert_eq!(leave.code(), "NOT_FOUND");

    assert_eq!(refused(&owner, "memberSuspend", json!({ "memberId": id })).await.0, "CONFLICT");
    let stale = json!({ "memberId": id, "expectedVersion": "1" });
    assert_eq!(refused(&owner, "memberReinstate", stale).await.1, "expectedVersion");
    let back = done(&owner, "memberReinstate", json!({ "memberId": id }), "member { status }").await;
    assert_eq!(back["member"]["status"], "ACTIVE");
    // The sessions of before are over for good.
    assert_eq!(peter.send(read, json!({ "id": acme })).await.code(), "FORBIDDEN");
    let again = app.client_by("peter", &SignIn::again()).send(read, json!({ "id": acme })).await;
    assert_eq!(again.data()["organization"]["name"], "The acme company");
    assert_eq!(refused(&owner, "memberReinstate", json!({ "memberId": id })).await.0, "CONFLICT");
}

#[tokio::test]
async fn a_removed_member_is_gone_and_recorded() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let peter = app.member_as(&acme, "peter", Role::Admin).await;
    let seen = member(&owner, &acme, "peter").await;
    let stale = json!({ "memberId": seen["id"], "expectedVersion": "7" });
    assert_eq!(refused(&owner, "memberRemove", stale).await.1, "expectedVersion");
    let input = json!({ "memberId": seen["id"], "expectedVersion": "1", "idempotencyKey": "remove-peter" });
    let payload = done(&owner, "memberRemove", input.clone(), "memberId operation { id }").await;
    assert_eq!(payload["memberId"], seen["id"]);
    assert_eq!(payload["operation"], Value::Null);
    assert_eq!(member(&owner, &acme, "peter").await, Value::Null);
    let read = "query($id: ID!) { organization(id: $id) { name } }";
    assert_eq!(peter.send(read, json!({ "id": acme })).await.code(), "NOT_FOUND");
    let record =
        app.audit_records().await.into_iter().find(|it| it.action == "member.remove").expect("a record");
    let old = record.old_values.expect("what it was");
    assert_eq!(old["role"], "admin");
    let new = record.new_values.expect("what came of it");
    assert_eq!(
        new,
        json!({ "status": "ended", "revokedAccess": [], "revokedInvitations": [], "seat": "kept" })
    );
    // The answer that was lost on its way is given again, though there is nobody to be asked about any more.
    let repeated = done(&owner, "memberRemove", input.clone(), "memberId operation { id }").await;
    assert_eq!(repeated, payload);
    let mut other = input.clone();
    other["expectedVersion"] = json!("2");
    assert_eq!(refused(&owner, "memberRemove", other).await.1, "idempotencyKey");
    assert_eq!(ask(&app.client("mallory"), "memberRemove", input, "").await.code(), "NOT_FOUND");
    // Somebody who is not there cannot be removed again; the organization's stranger learns nothing of either.
    let again = ask(&owner, "memberRemove", json!({ "memberId": seen["id"] }), "").await;
    assert_eq!(again.code(), "NOT_FOUND");
    let stranger = ask(&app.client("mallory"), "memberRemove", json!({ "memberId": seen["id"] }), "").await;
    assert_eq!(stranger.message(), again.message());
}

#[tokio::test]
async fn case_79_who_was_removed_and_signs_in_again_is_the_same_person_and_no_member() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let peter = app.member_as(&acme, "peter", Role::Admin).await;
    let me = "{ viewer { user { id } organizations { totalCount } } }";
    let before = peter.send(me, json!({})).await.data()["viewer"].clone();
    assert_eq!(before["organizations"]["totalCount"], 1);
    let id = member(&owner, &acme, "peter").await["id"].clone();
    done(&owner, "memberRemove", json!({ "memberId": id }), "").await;
    // A token of a new sign-in, as single sign-on gives one.
    let again = app.client("peter");
    let after = again.send(me, json!({})).await.data()["viewer"].clone();
    assert_eq!(after["user"]["id"], before["user"]["id"], "no second person is made");
    assert_eq!(after["organizations"]["totalCount"], 0);
    let read = "query($id: ID!) { organization(id: $id) { name } }";
    assert_eq!(again.send(read, json!({ "id": acme })).await.code(), "NOT_FOUND");
    assert_eq!(member(&owner, &acme, "peter").await, Value::Null);
}

#[tokio::test]
async fn case_77_the_only_owner_stays() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.member_as(&acme, "adam", Role::Admin).await;
    let boss = member(&owner, &acme, "olivia").await;
    let demote = json!({ "memberId": boss["id"], "role": "ADMIN", "expectedVersion": "1" });
    assert_eq!(refused(&owner, "memberRoleChange", demote).await.0, "CONFLICT");
    for mutation in ["memberSuspend", "memberRemove"] {
        assert_eq!(refused(&owner, mutation, json!({ "memberId": boss["id"] })).await.0, "CONFLICT");
    }
    let leave = json!({ "organizationId": acme });
    assert_eq!(refused(&owner, "organizationLeave", leave.clone()).await.0, "CONFLICT");
    // A suspended owner is none: with one beside, the other is still the only one.
    app.member_as(&acme, "second", Role::Owner).await;
    let second = member(&owner, &acme, "second").await;
    done(&owner, "memberSuspend", json!({ "memberId": second["id"] }), "").await;
    assert_eq!(refused(&owner, "organizationLeave", leave.clone()).await.0, "CONFLICT");
    done(&owner, "memberReinstate", json!({ "memberId": second["id"] }), "").await;
    let mut keyed = leave.clone();
    keyed["idempotencyKey"] = json!("leaving");
    for time in ["once", "and the same answer again, to a stranger by then"] {
        let left = done(&owner, "organizationLeave", keyed.clone(), "memberId").await;
        assert_eq!(left["memberId"], boss["id"], "{time}");
    }
    assert_eq!(ask(&owner, "organizationLeave", leave, "").await.code(), "NOT_FOUND");
    assert_eq!(permissions(&owner, &acme).await, json!([]));
}

#[tokio::test]
async fn case_77_one_of_two_owners_stays_whatever_they_do_at_once() {
    let app = TestApp::start().await;
    for round in 0..6 {
        let (anna, bert) = (app.client(&format!("anna{round}")), app.client(&format!("bert{round}")));
        let acme = app.organization(&anna, &format!("acme-{round}")).await;
        app.member_as(&acme, &format!("bert{round}"), Role::Owner).await;
        let id_of = async |name: &str| member(&anna, &acme, &format!("{name}{round}")).await["id"].clone();
        let (annas, berts) = (id_of("anna").await, id_of("bert").await);
        let (first, second) = match round % 3 {
            0 => futures::join!(
                ask(&anna, "memberRemove", json!({ "memberId": berts }), ""),
                ask(&bert, "memberRemove", json!({ "memberId": annas }), "")
            ),
            1 => futures::join!(
                ask(&anna, "organizationLeave", json!({ "organizationId": acme }), ""),
                ask(&bert, "organizationLeave", json!({ "organizationId": acme }), "")
            ),
            _ => {
                let demote = |id: &Value| json!({ "memberId": id, "role": "MEMBER", "expectedVersion": "1" });
                futures::join!(
                    ask(&anna, "memberRoleChange", demote(&berts), ""),
                    ask(&bert, "memberRoleChange", demote(&annas), "")
                )
            }
        };
        let is_done = |answer: &Answer| {
            answer.body.get("errors").is_none()
                && answer.body["data"]
                    .as_object()
                    .is_some_and(|data| data.values().all(|payload| payload["userErrors"] == json!([])))
        };
        let done = [&first, &second].into_iter().filter(|answer| is_done(answer)).count();
        assert_eq!(done, 1, "round {round}: {:#} {:#}", first.body, second.body);
        let left = if permissions(&anna, &acme).await == json!([]) { &bert } else { &anna };
        assert_eq!(owners(left, &acme).await, 1, "round {round}");
    }
}

#[tokio::test]
async fn an_organization_is_handed_over_in_one_step() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.member(&acme, "peter").await;
    let (boss, heir) = (member(&owner, &acme, "olivia").await, member(&owner, &acme, "peter").await);
    let transfer = "organizationOwnershipTransfer";
    let of = |id: &Value| json!({ "memberId": id });
    assert_eq!(
        refused(&owner, transfer, of(&boss["id"])).await,
        ("CONFLICT".to_owned(), "memberId".to_owned())
    );
    let to_owner = json!({ "memberId": heir["id"], "previousOwnerRole": "OWNER" });
    assert_eq!(refused(&owner, transfer, to_owner).await.1, "previousOwnerRole");
    done(&owner, "memberSuspend", of(&heir["id"]), "").await;
    assert_eq!(refused(&owner, transfer, of(&heir["id"])).await.1, "memberId");
    done(&owner, "memberReinstate", of(&heir["id"]), "").await;
    let stale = json!({ "memberId": heir["id"], "expectedVersion": "1" });
    assert_eq!(refused(&owner, transfer, stale).await.1, "expectedVersion");

    let input =
        json!({ "memberId": heir["id"], "previousOwnerRole": "AUDITOR", "idempotencyKey": "to-peter" });
    for time in ["once", "and the same answer again, to somebody who may not ask any more"] {
        let handed = done(&owner, transfer, input.clone(), "member { role }").await;
        assert_eq!(handed["member"]["role"], "OWNER", "{time}");
    }
    let peter = app.client_by("peter", &SignIn::again());
    assert_eq!(member(&peter, &acme, "olivia").await["role"], "AUDITOR");
    assert_eq!(owners(&peter, &acme).await, 1);
    let again = ask(&owner, transfer, of(&heir["id"]), "").await;
    assert_eq!(again.code(), "FORBIDDEN");
    let record = eventually("the record", || async {
        app.audit_records().await.into_iter().find(|it| it.action == "organization.ownership_transfer")
    })
    .await;
    let new = record.new_values.expect("what came of it");
    assert_eq!((&new["role"], &new["previousOwnerRole"]), (&json!("owner"), &json!("auditor")));
    let uuid = |id: &Value| json!(crate::support::uuid_of(id.as_str().expect("an id")));
    assert_eq!(new["membershipId"], uuid(&heir["id"]), "to whom");
    assert_eq!(new["previousOwnerMembershipId"], uuid(&boss["id"]), "and from whom");
    assert_eq!(text(&json!(record.old_values.expect("before")["previousOwnerRole"])), "owner");
}
