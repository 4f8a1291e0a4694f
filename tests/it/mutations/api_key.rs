//! API keys: programs that act for a person.

use std::num::NonZeroU32;

use serde_json::{Value, json};
use tollgate::domain::audit::ActorKind;
use tollgate::domain::membership::Role;
use tollgate::http::HttpOptions;

use super::member::{ask, done, member, permissions, refused};
use crate::support::{Client, TestApp, TestOptions, text};

const KEY: &str = "secret apiKey { id prefix name scopes version lastUsedAt revokedAt previousSecretUntil }";

async fn create(client: &Client, organization: &str, scopes: &[&str]) -> Value {
    let input = json!({ "organizationId": organization, "name": "Deploys", "scopes": scopes });
    done(client, "apiKeyCreate", input, KEY).await
}

fn program(app: &TestApp, secret: &Value) -> Client {
    Client::new(app.address, Some(text(secret)))
}

/// The code with which a program is turned away before anything of its request is read.
async fn turned_away(client: &Client) -> (u16, String, String) {
    let answer = client.send("{ viewer { isPlatformStaff } }", json!({})).await;
    (answer.status, answer.code().to_owned(), answer.message().to_owned())
}

#[tokio::test]
async fn a_key_acts_within_its_scopes_and_as_itself() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.organization(&owner, "globex").await;
    let made =
        create(&owner, &acme, &["MEMBERS_READ", "MEMBERS_WRITE", "SUBSCRIPTION_READ", "AUDIT_READ"]).await;
    let secret = text(&made["secret"]);
    assert!(secret.starts_with("tgk_") && secret.starts_with(&text(&made["apiKey"]["prefix"])));
    let program = program(&app, &made["secret"]);
    let who = "{ viewer { user { id } apiKey { name } organizations { nodes { slug } } isPlatformStaff } organizations { totalCount } }";
    let answer = program.send(who, json!({})).await;
    assert_eq!(answer.data()["viewer"]["user"], Value::Null);
    assert_eq!(answer.data()["viewer"]["apiKey"]["name"], "Deploys");
    assert_eq!(answer.data()["viewer"]["organizations"]["nodes"], json!([{ "slug": "acme" }]));
    assert_eq!(answer.data()["organizations"]["totalCount"], 1);
    assert_eq!(permissions(&program, &acme).await, made["apiKey"]["scopes"]);
    let invoices = "query($id: ID!) { invoices(organizationId: $id) { nodes { id } } }";
    let forbidden = program.send(invoices, json!({ "id": acme })).await;
    assert_eq!(forbidden.code(), "FORBIDDEN");
    assert!(forbidden.message().contains("billing:read"), "{}", forbidden.message());

    // What it does is recorded as its own.
    let input = json!({ "organizationId": acme, "email": "peter@example.com" });
    done(&program, "memberInvite", input, "token").await;
    let record =
        app.audit_records().await.into_iter().find(|it| it.action == "member.invite").expect("a record");
    assert_eq!(record.actor_kind, ActorKind::ApiKey);
    let log =
        "query($id: ID!) { auditLogs(organizationId: $id, filter: { action: \"member.invite\" }) { nodes {
        actorKind apiKey { id name } user { name } } } }";
    let shown = owner.send(log, json!({ "id": acme })).await;
    assert_eq!(
        shown.data()["auditLogs"]["nodes"][0],
        json!({ "actorKind": "API_KEY", "apiKey": { "id": made["apiKey"]["id"], "name": "Deploys" }, "user": { "name": "olivia" } })
    );
    // It passes on no more than it holds, whatever its person holds.
    let input = json!({ "organizationId": acme, "email": "eve@example.com", "role": "ADMIN" });
    assert_eq!(refused(&program, "memberInvite", input).await, ("FORBIDDEN".to_owned(), "role".to_owned()));
    // What only a person does it does not.
    for (mutation, input) in [
        ("organizationCreate", json!({ "name": "Own", "slug": "own" })),
        ("organizationLeave", json!({ "organizationId": acme })),
        ("invitationAccept", json!({ "token": "tgi_x" })),
    ] {
        assert_eq!(ask(&program, mutation, input, "").await.code(), "FORBIDDEN", "{mutation}");
    }
    let kept = format!("{:?}", app.audit_records().await);
    assert!(!kept.contains(&secret), "the secret is in a record");
}

#[tokio::test]
async fn a_key_loses_what_its_person_loses() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    let made = create(&admin, &acme, &["BILLING_READ", "AUDIT_READ", "KEYS_WRITE"]).await;
    let program = program(&app, &made["secret"]);
    let held = permissions(&program, &acme).await;
    assert_eq!(held, json!(["ORGANIZATION_READ", "KEYS_WRITE", "BILLING_READ", "AUDIT_READ"]));
    let adam = member(&owner, &acme, "adam").await["id"].clone();
    let demote = json!({ "memberId": adam, "role": "BILLING_MANAGER", "expectedVersion": "1" });
    done(&owner, "memberRoleChange", demote, "").await;
    assert_eq!(permissions(&program, &acme).await, json!(["ORGANIZATION_READ", "BILLING_READ"]));
    let revoke = json!({ "apiKeyId": made["apiKey"]["id"] });
    assert_eq!(ask(&program, "apiKeyRevoke", revoke, "").await.code(), "FORBIDDEN");
}

/// Hard case 78.
#[tokio::test]
async fn case_78_keys_die_with_their_persons_membership() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    for (name, mutation) in [("adam", "memberSuspend"), ("berta", "memberRemove")] {
        let person = app.member_as(&acme, name, Role::Admin).await;
        let made = create(&person, &acme, &["BILLING_READ"]).await;
        let program = program(&app, &made["secret"]);
        program.send("{ viewer { isPlatformStaff } }", json!({})).await.data();
        let id = member(&owner, &acme, name).await["id"].clone();
        done(&owner, mutation, json!({ "memberId": id }), "").await;
        let (status, code, message) = turned_away(&program).await;
        assert_eq!((status, code.as_str()), (401, "UNAUTHENTICATED"), "{mutation}");
        assert!(message.contains("revoked"), "{message}");
        if mutation == "memberSuspend" {
            // Who comes back makes new keys.
            done(&owner, "memberReinstate", json!({ "memberId": id }), "").await;
            assert_eq!(turned_away(&program).await.0, 401);
        }
    }
    let records = app.audit_records().await;
    let ended = records.iter().find(|it| it.action == "member.remove").expect("a record");
    let revoked = ended.new_values.as_ref().expect("values")["revokedAccess"].as_array();
    assert_eq!(revoked.map(Vec::len), Some(1), "which keys ended");
}

#[tokio::test]
async fn a_new_secret_and_the_old_one_overlap_and_a_revoked_key_is_over() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = create(&owner, &acme, &["BILLING_READ"]).await;
    let id = made["apiKey"]["id"].clone();
    let stale = json!({ "apiKeyId": id, "expectedVersion": "4" });
    for mutation in ["apiKeyRotate", "apiKeyRevoke"] {
        assert_eq!(refused(&owner, mutation, stale.clone()).await.1, "expectedVersion", "{mutation}");
    }
    let long = json!({ "apiKeyId": id, "overlapSeconds": 604_801 });
    assert_eq!(refused(&owner, "apiKeyRotate", long).await.1, "overlapSeconds");
    let rotated = done(&owner, "apiKeyRotate", json!({ "apiKeyId": id, "expectedVersion": "1" }), KEY).await;
    assert_eq!(rotated["apiKey"]["id"], id);
    assert!(rotated["apiKey"]["previousSecretUntil"].is_string());
    let (old, new) = (program(&app, &made["secret"]), program(&app, &rotated["secret"]));
    for client in [&old, &new] {
        client.send("{ viewer { isPlatformStaff } }", json!({})).await.data();
    }
    app.disturb("UPDATE api_keys SET previous_until = created_at").await;
    assert_eq!(turned_away(&old).await.1, "UNAUTHENTICATED");
    let at_once = done(&owner, "apiKeyRotate", json!({ "apiKeyId": id, "overlapSeconds": 0 }), KEY).await;
    assert_eq!(turned_away(&new).await.1, "UNAUTHENTICATED");
    let newest = program(&app, &at_once["secret"]);
    newest.send("{ viewer { isPlatformStaff } }", json!({})).await.data();

    // Somebody else's key can be revoked and not rotated: its secret would be theirs to use.
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    let rotate = refused(&admin, "apiKeyRotate", json!({ "apiKeyId": id })).await;
    assert_eq!(rotate, ("FORBIDDEN".to_owned(), "apiKeyId".to_owned()));
    let revoked = done(&admin, "apiKeyRevoke", json!({ "apiKeyId": id }), "apiKey { revokedAt }").await;
    assert!(revoked["apiKey"]["revokedAt"].is_string());
    assert_eq!(turned_away(&newest).await.0, 401);
    for mutation in ["apiKeyRotate", "apiKeyRevoke"] {
        assert_eq!(refused(&owner, mutation, json!({ "apiKeyId": id })).await.0, "CONFLICT", "{mutation}");
    }
    let list = "query($id: ID!) { apiKeys(organizationId: $id) { totalCount nodes { id revokedAt } } }";
    assert_eq!(owner.send(list, json!({ "id": acme })).await.data()["apiKeys"]["totalCount"], 1);
}

#[tokio::test]
async fn a_key_counts_until_its_end_and_only_from_its_networks() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let input = |networks: &[&str]| json!({ "organizationId": acme, "name": "Deploys", "scopes": [], "allowedAddresses": networks });
    let here = done(
        &owner,
        "apiKeyCreate",
        input(&["10.0.0.0/8", "127.0.0.1"]),
        "secret apiKey { id allowedAddresses }",
    )
    .await;
    assert_eq!(here["apiKey"]["allowedAddresses"], json!(["10.0.0.0/8", "127.0.0.1/32"]));
    program(&app, &here["secret"]).send("{ viewer { isPlatformStaff } }", json!({})).await.data();
    let elsewhere = done(&owner, "apiKeyCreate", input(&["203.0.113.0/24"]), "secret").await;
    let (status, code, message) = turned_away(&program(&app, &elsewhere["secret"])).await;
    assert_eq!((status, code.as_str()), (403, "FORBIDDEN"));
    assert!(message.contains("127.0.0.1"), "{message}");
    let mut ends = input(&[]);
    ends["expiresAt"] = json!(chrono::DateTime::from_timestamp(4_000_000_000, 0).expect("a time"));
    let ends = done(&owner, "apiKeyCreate", ends, "secret").await;
    program(&app, &ends["secret"]).send("{ viewer { isPlatformStaff } }", json!({})).await.data();
    app.disturb("UPDATE api_keys SET expires_at = created_at").await;
    assert!(turned_away(&program(&app, &ends["secret"])).await.2.contains("expired"));
    assert!(turned_away(&program(&app, &json!("tgk_guessed"))).await.2.contains("no such"));
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_said_at_its_field() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let input = |extra: Value| {
        let mut input = json!({ "organizationId": acme, "name": "Deploys", "scopes": ["BILLING_READ"] });
        input.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        input
    };
    for (extra, path) in [
        (json!({ "name": " " }), "name"),
        (json!({ "scopes": ["ORGANIZATION_TRANSFER"] }), "scopes"),
        (json!({ "allowedAddresses": ["127.0.0.1", "10.0.0.1/8"] }), "allowedAddresses.1"),
        (json!({ "expiresAt": "2020-01-01T00:00:00Z" }), "expiresAt"),
    ] {
        let found = refused(&owner, "apiKeyCreate", input(extra)).await;
        assert_eq!(found, ("BAD_USER_INPUT".to_owned(), path.to_owned()));
    }
    let keeper = app.member(&acme, "keeper").await;
    let role = json!({ "organizationId": acme, "name": "Keys", "permissions": ["KEYS_WRITE", "KEYS_READ"] });
    let role = done(&owner, "roleCreate", role, "role { id }").await["role"]["id"].clone();
    let id = member(&owner, &acme, "keeper").await["id"].clone();
    let give = json!({ "memberId": id, "role": "CUSTOM", "roleId": role, "expectedVersion": "1" });
    done(&owner, "memberRoleChange", give, "").await;
    let beyond = refused(&keeper, "apiKeyCreate", input(json!({}))).await;
    assert_eq!(beyond, ("FORBIDDEN".to_owned(), "scopes".to_owned()));
    let auditor = app.member_as(&acme, "ada", Role::Auditor).await;
    assert_eq!(ask(&auditor, "apiKeyCreate", input(json!({})), "").await.code(), "FORBIDDEN");
}

#[tokio::test]
async fn case_83_each_key_spends_its_own_budget_however_it_asks() {
    let http = HttpOptions {
        introspection_for_all: true,
        api_key_rate: NonZeroU32::new(5).expect("not zero"),
        ..HttpOptions::default()
    };
    let app = TestApp::start_with(TestOptions { http, ..TestOptions::default() }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let (one, other) = (create(&owner, &acme, &[]).await, create(&owner, &acme, &[]).await);
    let busy = program(&app, &one["secret"]);
    for _ in 0..5 {
        busy.send("{ viewer { isPlatformStaff } }", json!({})).await.data();
    }
    let (status, code, message) = turned_away(&busy).await;
    assert_eq!((status, code.as_str()), (429, "RATE_LIMITED"), "{message}");
    // Asking for several things at once is no way around it.
    let greedy = program(&app, &other["secret"]);
    let together =
        "{ a: viewer { isPlatformStaff } b: viewer { isPlatformStaff } c: viewer { isPlatformStaff } }";
    greedy.send(together, json!({})).await.data();
    let refused = greedy.send(together, json!({})).await;
    assert_eq!((refused.status, refused.code()), (429, "RATE_LIMITED"), "{:#}", refused.body);
    owner.send("{ viewer { isPlatformStaff } }", json!({})).await.data();
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_a_minute() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = create(&owner, &acme, &[]).await;
    assert_eq!(made["apiKey"]["lastUsedAt"], Value::Null);
    let program = program(&app, &made["secret"]);
    let ask = || program.send("{ viewer { isPlatformStaff } }", json!({}));
    let notes = |statements: Vec<String>| {
        statements.iter().filter(|sql| sql.starts_with("UPDATE \"api_keys\"")).count()
    };
    let (_, first) = app.statements_of(ask()).await;
    assert_eq!(notes(first), 1);
    let (_, second) = app.statements_of(ask()).await;
    assert_eq!(notes(second), 0);
    let list = "query($id: ID!) { apiKeys(organizationId: $id) { nodes { lastUsedAt } } }";
    let listed = owner.send(list, json!({ "id": acme })).await;
    assert!(listed.data()["apiKeys"]["nodes"][0]["lastUsedAt"].is_string());
    app.disturb("UPDATE api_keys SET last_used_at = '2026-01-01T00:00:00+00:00'").await;
    let (_, third) = app.statements_of(ask()).await;
    assert_eq!(notes(third), 1);
}

#[tokio::test]
async fn a_persons_idempotency_keys_are_not_their_programs() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let made = create(&owner, &acme, &["MEMBERS_WRITE", "MEMBERS_READ", "SUBSCRIPTION_READ"]).await;
    let program = program(&app, &made["secret"]);
    let input = |email: &str| json!({ "organizationId": acme, "email": email, "idempotencyKey": "same" });
    let by_owner = done(&owner, "memberInvite", input("a@example.com"), "token").await;
    let by_program = done(&program, "memberInvite", input("b@example.com"), "token").await;
    assert!(by_owner["token"].is_string() && by_program["token"].is_string());
}
