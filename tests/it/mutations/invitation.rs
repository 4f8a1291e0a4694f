//! Invitations: by address, accepted by whoever signs in with it.

use serde_json::{Value, json};
use tollgate::domain::membership::Role;

use super::member::{ask, done, member, permissions, refused};
use super::subscription_change::seat_plan;
use crate::support::{Client, TestApp, text};

async fn invite(client: &Client, organization: &str, email: &str, role: &str) -> Value {
    let input = json!({ "organizationId": organization, "email": email, "role": role });
    done(client, "memberInvite", input, "token invitation { id email role status version }").await
}

fn accepting(token: &Value) -> Value {
    json!({ "token": token })
}

async fn open_invitations(client: &Client, organization: &str) -> Value {
    let query = "query($id: ID!) { invitations(organizationId: $id) { totalCount nodes { email status } } }";
    client.send(query, json!({ "id": organization })).await.data()["invitations"].clone()
}

#[tokio::test]
async fn an_invited_person_becomes_a_member_in_the_role() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let invited = invite(&owner, &acme, "  Peter@Example.COM ", "BILLING_MANAGER").await;
    assert_eq!(invited["invitation"]["email"], "peter@example.com");
    assert_eq!(invited["invitation"]["status"], "PENDING");
    assert_eq!(open_invitations(&owner, &acme).await["totalCount"], 1);
    let token = text(&invited["token"]);
    assert!(token.starts_with("tgi_") && token.len() > 40, "{token}");

    let peter = app.client("peter");
    let accepted = done(
        &peter,
        "invitationAccept",
        accepting(&invited["token"]),
        "member { role status user { name } } organization { slug viewerRole }",
    )
    .await;
    assert_eq!(
        accepted["member"],
        json!({ "role": "BILLING_MANAGER", "status": "ACTIVE", "user": { "name": "peter" } })
    );
    assert_eq!(accepted["organization"]["slug"], "acme");
    assert!(
        permissions(&peter, &acme)
            .await
            .as_array()
            .is_some_and(|held| held.contains(&json!("BILLING_WRITE")))
    );
    assert_eq!(open_invitations(&owner, &acme).await["totalCount"], 0);
    let again = refused(&peter, "invitationAccept", accepting(&invited["token"])).await;
    assert_eq!(again, ("CONFLICT".to_owned(), "token".to_owned()));

    // Nothing that is kept has the token.
    let records = app.audit_records().await;
    assert!(
        records.iter().any(|it| it.action == "member.invite")
            && records.iter().any(|it| it.action == "invitation.accept")
    );
    let kept = format!("{records:?}");
    assert!(!kept.contains(&token), "the token is in a record");
}

#[tokio::test]
async fn who_has_the_token_and_not_the_address_is_not_who_was_invited() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let token = invite(&owner, &acme, "peter@example.com", "ADMIN").await["token"].clone();
    let forbidden = ("FORBIDDEN".to_owned(), "token".to_owned());
    assert_eq!(refused(&app.client("mallory"), "invitationAccept", accepting(&token)).await, forbidden);
    // Known with the address from an earlier token; this one does not tell it, so nobody has vouched for it now.
    let known = app.client("peter");
    known.send("{ viewer { user { id } } }", json!({})).await.data();
    let bare = Client::new(app.address, Some(app.tokens.bare_token("peter")));
    assert_eq!(refused(&bare, "invitationAccept", accepting(&token)).await, forbidden);
    let unknown = refused(&known, "invitationAccept", accepting(&json!("tgi_guessed"))).await;
    assert_eq!(unknown, ("NOT_FOUND".to_owned(), "token".to_owned()));
    let anonymous = ask(&app.anonymous(), "invitationAccept", accepting(&token), "").await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
    assert_eq!(member(&owner, &acme, "peter").await, Value::Null);
    // Another person with the same address, as another subject of the issuer, is who signs in with it: the address is
    // what was invited, the identity what becomes a member.
    let namesake = Client::new(app.address, Some(app.tokens.token_with_email("p2", "PETER@example.com")));
    done(&namesake, "invitationAccept", accepting(&token), "member { id }").await;
    assert_eq!(permissions(&known, &acme).await, json!([]));
}

#[tokio::test]
async fn an_invitation_ends_by_time_by_revoking_and_by_being_sent_again() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let peter = app.client("peter");
    let first = invite(&owner, &acme, "peter@example.com", "MEMBER").await;
    let id = first["invitation"]["id"].clone();
    let stale = json!({ "invitationId": id, "expectedVersion": "9" });
    for mutation in ["invitationResend", "invitationRevoke"] {
        assert_eq!(refused(&owner, mutation, stale.clone()).await.1, "expectedVersion", "{mutation}");
    }
    let resent =
        done(&owner, "invitationResend", json!({ "invitationId": id }), "token invitation { version }").await;
    assert_eq!(resent["invitation"]["version"], "2");
    let old = refused(&peter, "invitationAccept", accepting(&first["token"])).await;
    assert_eq!(old.0, "NOT_FOUND", "the token before counts no more");

    app.disturb("UPDATE invitations SET expires_at = created_at").await;
    let late = refused(&peter, "invitationAccept", accepting(&resent["token"])).await;
    assert_eq!(late.0, "CONFLICT");
    assert_eq!(open_invitations(&owner, &acme).await["nodes"][0]["status"], "EXPIRED");
    // One that is too late does not keep its address from being invited anew.
    let second = invite(&owner, &acme, "peter@example.com", "MEMBER").await;
    let replaced = refused(&owner, "invitationResend", json!({ "invitationId": id })).await;
    assert_eq!(replaced, ("CONFLICT".to_owned(), "invitationId".to_owned()));

    let of_second = json!({ "invitationId": second["invitation"]["id"] });
    let revoked = done(&owner, "invitationRevoke", of_second.clone(), "invitation { status }").await;
    assert_eq!(revoked["invitation"]["status"], "REVOKED");
    assert_eq!(refused(&owner, "invitationRevoke", of_second).await.0, "CONFLICT");
    assert_eq!(refused(&peter, "invitationAccept", accepting(&second["token"])).await.0, "CONFLICT");
    assert_eq!(member(&owner, &acme, "peter").await, Value::Null);
}

#[tokio::test]
async fn what_is_wrong_with_an_invitation_is_said_at_its_field() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let input = |email: &str, role: &str| json!({ "organizationId": acme, "email": email, "role": role });
    let at = |code: &str, path: &str| (code.to_owned(), path.to_owned());
    assert_eq!(
        refused(&owner, "memberInvite", input("nobody", "MEMBER")).await,
        at("BAD_USER_INPUT", "email")
    );
    for end in ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        let mut late = input("peter@example.com", "MEMBER");
        late["expiresAt"] = json!(end);
        assert_eq!(refused(&owner, "memberInvite", late).await, at("BAD_USER_INPUT", "expiresAt"));
    }
    invite(&owner, &acme, "peter@example.com", "MEMBER").await;
    assert_eq!(
        refused(&owner, "memberInvite", input("PETER@example.com", "ADMIN")).await,
        at("CONFLICT", "email")
    );
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    assert_eq!(
        refused(&admin, "memberInvite", input("eve@example.com", "OWNER")).await,
        at("FORBIDDEN", "role")
    );
    let mut missing = input("eve@example.com", "CUSTOM");
    missing["roleId"] = json!("role_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b");
    assert_eq!(refused(&owner, "memberInvite", missing).await, at("NOT_FOUND", "roleId"));

    let only_acme = json!({ "organizationId": acme, "expectedVersion": "0",
        "allowedEmailDomains": ["acme.example"] });
    done(&owner, "settingsSecurityUpdate", only_acme, "settings { allowedEmailDomains }").await;
    assert_eq!(
        refused(&owner, "memberInvite", input("eve@example.com", "MEMBER")).await,
        at("BAD_USER_INPUT", "email")
    );
    invite(&owner, &acme, "eve@ACME.example", "MEMBER").await;
}

#[tokio::test]
async fn of_two_at_once_one_invites_and_one_accepts() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let input = json!({ "organizationId": acme, "email": "peter@example.com" });
    let asked = || ask(&owner, "memberInvite", input.clone(), "token");
    let answers = futures::future::join_all((0..4).map(|_| asked())).await;
    let tokens: Vec<Value> = answers
        .iter()
        .map(|answer| answer.data()["memberInvite"]["token"].clone())
        .filter(|token| !token.is_null())
        .collect();
    assert_eq!(tokens.len(), 1, "{answers:#?}");
    let peter = app.client("peter");
    peter.send("{ viewer { user { id } } }", json!({})).await.data();
    let accept = || ask(&peter, "invitationAccept", accepting(&tokens[0]), "member { id }");
    let answers = futures::future::join_all((0..4).map(|_| accept())).await;
    let made = answers.iter().filter(|answer| !answer.data()["invitationAccept"]["member"].is_null()).count();
    assert_eq!(made, 1, "{answers:#?}");
}

#[tokio::test]
async fn an_invitation_passes_on_no_right_that_its_sender_has_lost() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    let by_admin = invite(&admin, &acme, "peter@example.com", "ADMIN").await;
    let also = invite(&admin, &acme, "quinn@example.com", "MEMBER").await;
    let adam = member(&owner, &acme, "adam").await["id"].clone();
    let demote = json!({ "memberId": adam, "role": "BILLING_MANAGER", "expectedVersion": "1" });
    done(&owner, "memberRoleChange", demote, "").await;
    let peter = app.client("peter");
    assert_eq!(refused(&peter, "invitationAccept", accepting(&by_admin["token"])).await.0, "CONFLICT");
    // Sent again by somebody who holds it, it counts.
    let input = json!({ "invitationId": by_admin["invitation"]["id"] });
    let resent = done(&owner, "invitationResend", input, "token invitation { invitedBy { name } }").await;
    assert_eq!(resent["invitation"]["invitedBy"]["name"], "olivia");
    done(&peter, "invitationAccept", accepting(&resent["token"]), "member { role }").await;
    // With its sender, an invitation goes.
    done(&owner, "memberRemove", json!({ "memberId": adam }), "").await;
    assert_eq!(
        refused(&app.client("quinn"), "invitationAccept", accepting(&also["token"])).await.0,
        "CONFLICT"
    );
    assert_eq!(open_invitations(&owner, &acme).await["totalCount"], 0);
}

#[tokio::test]
async fn a_seat_must_be_free_where_the_plan_counts_them() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = seat_plan(&app, "pro", 2_900).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    let subscribe = json!({ "input": { "organizationId": acme, "planId": plan, "quantity": "2" } });
    owner.send(crate::support::SUBSCRIBE, subscribe).await.data();
    let first = invite(&owner, &acme, "peter@example.com", "MEMBER").await;
    let input = json!({ "organizationId": acme, "email": "quinn@example.com" });
    assert_eq!(refused(&owner, "memberInvite", input.clone()).await.0, "LIMIT_EXCEEDED");
    let peter = app.client("peter");
    done(&peter, "invitationAccept", accepting(&first["token"]), "member { id }").await;
    assert_eq!(refused(&owner, "memberInvite", input.clone()).await.0, "LIMIT_EXCEEDED");
    // Who is suspended holds no seat, and comes back only to a free one.
    let id = member(&owner, &acme, "peter").await["id"].clone();
    let keep = json!({ "organizationId": acme, "seatRelease": "KEEP" });
    done(&owner, "organizationSeatReleaseSet", keep, "organization { seatRelease }").await;
    done(&owner, "memberSuspend", json!({ "memberId": id }), "").await;
    invite(&owner, &acme, "quinn@example.com", "MEMBER").await;
    assert_eq!(refused(&owner, "memberReinstate", json!({ "memberId": id })).await.0, "LIMIT_EXCEEDED");
}

#[tokio::test]
async fn the_same_key_gives_the_same_invitation_and_the_token_once() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let input =
        json!({ "organizationId": acme, "email": "peter@example.com", "idempotencyKey": "invite-peter" });
    let first = done(&owner, "memberInvite", input.clone(), "token invitation { id }").await;
    let second = done(&owner, "memberInvite", input, "token invitation { id }").await;
    assert_eq!(first["invitation"], second["invitation"]);
    assert!(first["token"].is_string() && second["token"].is_null(), "{first:#} {second:#}");
}
