//! Nobody locks themselves out unawares, and there is a way back in.

use chrono::TimeDelta;
use serde_json::json;
use tollgate::domain::audit::{Actor, AuditEntry};
use tollgate::domain::ids::OrganizationId;
use tollgate::domain::membership::Role;
use tollgate::domain::setting::SettingSection;

use super::{behind_proxy, from, look, reason, secure};
use crate::mutations::customer::new_setting;
use crate::mutations::member::{ask, done, refused};
use crate::mutations::settings::at;
use crate::support::tokens::SignIn;
use crate::support::{TestApp, uuid_of};

#[tokio::test]
async fn a_change_that_locks_its_author_out_needs_their_word() {
    let app = behind_proxy().await;
    let old = SignIn { authenticated: Some(TimeDelta::hours(2)), ..SignIn::default() };
    let owner = from(&app.client_by("olivia", &old), "203.0.113.9");
    let acme = app.organization(&owner, "acme").await;
    for (field, value) in [
        ("allowedAddresses", json!(["198.51.100.0/24"])),
        ("mfaRequired", json!(true)),
        ("sessionLifetimeMinutes", json!(60)),
    ] {
        let input = at(&acme, 0, json!({ field: value }));
        let refused = refused(&owner, "settingsSecurityUpdate", input).await;
        assert_eq!(refused, ("CONFLICT".to_owned(), field.to_owned()));
    }
    let sso = json!({ "ssoRequired": true, "ssoProviders": [{ "issuer": "https://other.example" }] });
    let refused = refused(&owner, "settingsSecurityUpdate", at(&acme, 0, sso)).await;
    assert_eq!(refused, ("CONFLICT".to_owned(), "ssoRequired".to_owned()));
    assert_eq!(reason(&owner, &acme).await, None);
    // Whoever bounds idle time is not idle, however long ago they signed in.
    secure(&owner, &acme, 0, json!({ "sessionIdleMinutes": 30 })).await;
    assert_eq!(reason(&owner, &acme).await, None);
    let confirmed = json!({ "allowedAddresses": ["198.51.100.0/24"], "confirmLockOut": true });
    let answer = ask(&owner, "settingsSecurityUpdate", at(&acme, 1, confirmed), "settings { version }").await;
    assert_eq!(answer.data()["settingsSecurityUpdate"]["settings"]["version"], "2", "{:#}", answer.body);
    assert_eq!(reason(&owner, &acme).await.as_deref(), Some("IP_ADDRESS_NOT_ALLOWED"));
}

/// A session that the issuer names, and of which it does not tell when it began, is seen now; the next one is not.
#[tokio::test]
async fn who_could_not_come_in_again_is_warned() {
    let app = TestApp::start().await;
    let named = SignIn { authenticated: None, session_id: Some("s-1"), ..SignIn::default() };
    let owner = app.client_by("olivia", &named);
    let acme = app.organization(&owner, "acme").await;
    let idle = json!({ "sessionIdleMinutes": 60 });
    let told = refused(&owner, "settingsSecurityUpdate", at(&acme, 0, idle)).await;
    assert_eq!(told, ("CONFLICT".to_owned(), "sessionIdleMinutes".to_owned()));
    secure(&owner, &acme, 0, json!({ "sessionIdleMinutes": 60, "confirmLockOut": true })).await;
    assert_eq!(reason(&owner, &acme).await, None);
    let next = app.client_by("olivia", &SignIn { session_id: Some("s-2"), ..named });
    assert_eq!(reason(&next, &acme).await.as_deref(), Some("SESSION_TIME_UNKNOWN"));
}

#[tokio::test]
async fn an_earlier_version_locks_nobody_out_unawares_either() {
    let app = behind_proxy().await;
    let office = from(&app.client("olivia"), "198.51.100.7");
    let acme = app.organization(&office, "acme").await;
    secure(&office, &acme, 0, json!({ "allowedAddresses": ["198.51.100.0/24"] })).await;
    secure(&office, &acme, 1, json!({ "allowedAddresses": null })).await;
    let home = from(&office, "203.0.113.9");
    let back = at(&acme, 2, json!({ "section": "SECURITY", "version": "1" }));
    let told = refused(&home, "settingsRollback", back.clone()).await;
    assert_eq!(told, ("CONFLICT".to_owned(), "allowedAddresses".to_owned()));
    done(&office, "settingsRollback", back, "").await;
    assert_eq!(reason(&home, &acme).await.as_deref(), Some("IP_ADDRESS_NOT_ALLOWED"));
}

#[tokio::test]
async fn platform_staff_read_on_and_open_the_door_again_on_the_record() {
    let app = behind_proxy().await;
    let owner = from(&app.client("olivia"), "203.0.113.9");
    let acme = app.organization(&owner, "acme").await;
    let shut = json!({ "allowedAddresses": ["198.51.100.0/24"], "mfaRequired": true, "confirmLockOut": true,
        "allowedEmailDomains": ["acme.example"], "keyPolicy": { "longestLifeDays": 30 } });
    ask(&owner, "settingsSecurityUpdate", at(&acme, 0, shut), "").await;
    assert!(reason(&owner, &acme).await.is_some());
    let staff = app.staff();
    assert_eq!(look(&staff, &acme).await.data()["organization"]["slug"], "acme");
    let recover = json!({ "organizationId": acme, "reason": "Ticket 4711: the owner moved" });
    let selection =
        "settings { version mfaRequired allowedAddresses allowedEmailDomains keyPolicy { longestLifeDays } }";
    let opened = done(&staff, "settingsSecurityRecover", recover.clone(), selection).await;
    assert_eq!(
        opened["settings"],
        json!({ "version": "2", "mfaRequired": false, "allowedAddresses": [],
                "allowedEmailDomains": ["acme.example"], "keyPolicy": { "longestLifeDays": 30 } })
    );
    assert_eq!(reason(&owner, &acme).await, None);
    let query = "query($id: ID!) { auditLogs(organizationId: $id, filter: { action: \"settings.security_recover\" }) {
        nodes { oldValues newValues user { name } } } }";
    let log = owner.send(query, json!({ "id": acme })).await;
    let record = &log.data()["auditLogs"]["nodes"][0];
    assert_eq!(record["user"]["name"], "staff", "{record:#}");
    assert_eq!(record["newValues"]["reason"], "Ticket 4711: the owner moved");
    assert_eq!(record["oldValues"]["mfaRequired"], true);
    // There is nothing more to open, and nobody else opens.
    assert_eq!(refused(&staff, "settingsSecurityRecover", recover.clone()).await.0, "CONFLICT");
    assert_eq!(ask(&owner, "settingsSecurityRecover", recover, "").await.code(), "FORBIDDEN");
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    let empty = json!({ "organizationId": acme, "reason": " " });
    assert_eq!(refused(&staff, "settingsSecurityRecover", empty.clone()).await.1, "reason");
    assert_eq!(ask(&admin, "settingsSecurityRecover", empty, "").await.code(), "FORBIDDEN");
}

/// A person of the platform's who is also a member is not bound as staff, and is bound as a member.
#[tokio::test]
async fn staff_who_are_members_are_bound_as_members() {
    let app = TestApp::start().await;
    let owner = app.client_by("olivia", &SignIn { methods: vec!["mfa"], ..SignIn::default() });
    let acme = app.organization(&owner, "acme").await;
    app.member_as(&acme, "pat", Role::Admin).await;
    secure(&owner, &acme, 0, json!({ "mfaRequired": true })).await;
    let pat = app.client_by("pat", &SignIn { is_staff: true, ..SignIn::default() });
    assert_eq!(look(&pat, &acme).await.data()["organization"]["slug"], "acme");
    let write = ask(&pat, "settingsGeneralUpdate", at(&acme, 0, json!({ "locale": "en" })), "").await;
    assert_eq!(write.body["errors"][0]["extensions"]["reason"], "MFA_REQUIRED", "{:#}", write.body);
}

#[tokio::test]
async fn programs_leave_security_to_people() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let key = json!({ "organizationId": acme, "name": "Ops", "scopes": ["SETTINGS_READ", "SETTINGS_WRITE", "MEMBERS_WRITE"] });
    let key = done(&owner, "apiKeyCreate", key, "secret").await;
    let program = crate::support::Client::new(app.address, key["secret"].as_str().map(str::to_owned));
    done(&program, "settingsGeneralUpdate", at(&acme, 0, json!({ "locale": "en" })), "").await;
    for (mutation, input) in [
        ("settingsSecurityUpdate", at(&acme, 0, json!({ "mfaRequired": true }))),
        ("settingsRollback", at(&acme, 1, json!({ "section": "GENERAL", "version": "0" }))),
        ("sessionsRevoke", json!({ "organizationId": acme })),
        ("viewerSessionsRevoke", json!({})),
    ] {
        assert_eq!(ask(&program, mutation, input, "").await.code(), "FORBIDDEN", "{mutation}");
    }
}

/// What a later version wrote, or somebody's hand, lets nobody in; and keeps nobody out of anything else.
#[tokio::test]
async fn settings_that_cannot_be_read_let_nobody_in_until_they_are_opened() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let other = app.organization(&owner, "other").await;
    let id = OrganizationId(uuid_of(&acme));
    let transaction = app.store().begin().await.expect("a transaction");
    let document = json!({ "mfaRequired": "perhaps" });
    let written = transaction.write_setting(new_setting(id, SettingSection::Security, 0, document)).await;
    written.expect("it is the first");
    let entry = AuditEntry::new(Some(id), "settings.update", "setting", "security");
    transaction.commit(&Actor::system(), entry).await.expect("a commit");
    assert_eq!(reason(&owner, &acme).await.as_deref(), Some("SSO_REQUIRED"));
    assert_eq!(reason(&owner, &other).await, None);
    let recover = json!({ "organizationId": acme, "reason": "Unreadable" });
    done(&app.staff(), "settingsSecurityRecover", recover, "settings { version }").await;
    assert_eq!(reason(&owner, &acme).await, None);
}
