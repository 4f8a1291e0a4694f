//! Addresses, single sign-on, second factors, and how long a session lasts.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use tollgate::domain::audit::{Actor, ActorKind};
use tollgate::domain::clock::{Clock, FixedClock, SystemClock};
use tollgate::domain::general_settings::GeneralSettingsPatch;
use tollgate::domain::ids::{ApiKeyId, OrganizationId, PaymentId, SubscriptionId};
use tollgate::domain::membership::Role;
use tollgate::domain::money::{Currency, Money};
use tollgate::domain::refund::RefundRole;
use tollgate::domain::session::{Bar, Session};
use tollgate::domain::setting::Patch;
use tollgate::domain::subscription::CancellationTime;
use tollgate::domain::subscription_change::ChangeTiming;
use tollgate::service::{
    PaymentIntentCreateInput, PaymentRefundInput, RefundActor, ServiceError, SettingsUpdateInput,
    SubscriptionCancelInput, SubscriptionChangeInput,
};

use super::{behind_proxy, from, look, reason, secure};
use crate::mutations::member::{ask, done, member, refused};
use crate::mutations::settings::at;
use crate::notifications::email::column;
use crate::support::tokens::{ISSUER, SignIn};
use crate::support::{Client, TestApp, TestOptions, eventually, text, uuid_of};

#[tokio::test]
async fn who_comes_from_elsewhere_is_refused_there_and_nowhere_else() {
    let app = behind_proxy().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let other = app.organization(&owner, "other").await;
    let office = from(&owner, "198.51.100.7");
    secure(&office, &acme, 0, json!({ "allowedAddresses": ["198.51.100.0/24", "2001:db8::/32"] })).await;
    for address in ["198.51.100.200", "2001:db8::7", "::ffff:198.51.100.1"] {
        assert_eq!(reason(&from(&owner, address), &acme).await, None, "{address}");
    }
    let home = from(&owner, "203.0.113.9");
    assert_eq!(reason(&home, &acme).await.as_deref(), Some("IP_ADDRESS_NOT_ALLOWED"));
    assert_eq!(reason(&home, &other).await, None, "another organization of the same person");
    // Not by way of an id or of a mutation either, and nothing is said to hold there.
    let node = home.send("query($id: ID!) { node(id: $id) { id } }", json!({ "id": acme })).await;
    assert_eq!(node.code(), "NOT_FOUND");
    // Nor is it in a list, or counted.
    let lists = "{ organizations { totalCount nodes { slug } }
        viewer { organizations { totalCount nodes { slug settings { general { version } } } } } }";
    let listed = home.send(lists, json!({})).await;
    let others = json!([{ "slug": "other", "settings": { "general": { "version": "0" } } }]);
    assert_eq!(listed.data()["organizations"], json!({ "totalCount": 1, "nodes": [{ "slug": "other" }] }));
    assert_eq!(listed.data()["viewer"]["organizations"], json!({ "totalCount": 1, "nodes": others }));
    let write = ask(&home, "settingsGeneralUpdate", at(&acme, 0, json!({ "locale": "en" })), "").await;
    assert_eq!(write.code(), "FORBIDDEN");
    let query = "query($id: ID!) { viewer { permissions(organizationId: $id) } }";
    let held = home.send(query, json!({ "id": acme })).await;
    assert_eq!(held.data()["viewer"]["permissions"], json!([]));
}

/// The same key gets the same answer, and not from where it may not be asked.
#[tokio::test]
async fn what_was_answered_before_is_not_said_again_to_whom_it_would_be_refused() {
    let app = behind_proxy().await;
    let owner = from(&app.client("olivia"), "198.51.100.7");
    let created = json!({ "name": "Acme", "slug": "acme", "idempotencyKey": "create-1" });
    let made = done(&owner, "organizationCreate", created.clone(), "organization { id }").await;
    let acme = text(&made["organization"]["id"]);
    let role = json!({ "organizationId": acme, "name": "Ops", "permissions": ["SETTINGS_READ"] });
    let role = done(&owner, "roleCreate", role, "role { id }").await["role"]["id"].clone();
    let removed = json!({ "roleId": role, "expectedVersion": "1", "idempotencyKey": "delete-1" });
    done(&owner, "roleDelete", removed.clone(), "").await;
    secure(&owner, &acme, 0, json!({ "allowedAddresses": ["198.51.100.0/24"] })).await;
    let home = from(&owner, "203.0.113.9");
    done(&owner, "roleDelete", removed.clone(), "").await;
    assert_eq!(ask(&home, "roleDelete", removed, "").await.code(), "NOT_FOUND");
    let again = ask(&home, "organizationCreate", created.clone(), "organization { id name }").await;
    assert_eq!(again.data()["organizationCreate"]["organization"], json!(null));
    let again = done(&owner, "organizationCreate", created, "organization { id }").await;
    assert_eq!(again["organization"]["id"], acme.as_str());
}

#[tokio::test]
async fn a_stranger_learns_nothing_from_what_is_enforced() {
    let app = behind_proxy().await;
    let owner = from(&app.client("olivia"), "198.51.100.7");
    let acme = app.organization(&owner, "acme").await;
    let all = json!({ "allowedAddresses": ["198.51.100.0/24"], "sessionLifetimeMinutes": 60 });
    secure(&owner, &acme, 0, all).await;
    let stranger = app.client_by("stranger", &SignIn { authenticated: None, ..SignIn::default() });
    let missing = look(&stranger, "org_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b").await;
    let there = look(&stranger, &acme).await;
    assert_eq!((there.code(), there.message()), (missing.code(), missing.message()));
    assert!(there.body["errors"][0]["extensions"].get("reason").is_none(), "{:#}", there.body);
    // Nor does somebody who is suspended.
    let peter = app.member(&acme, "peter").await;
    let id = crate::mutations::member::member(&owner, &acme, "peter").await["id"].clone();
    done(&owner, "memberSuspend", json!({ "memberId": id }), "").await;
    assert_eq!(look(&peter, &acme).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn case_80_single_sign_on_is_required_of_members_and_owners_have_a_way_in() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    let required = json!({ "ssoRequired": true, "ssoOptionalForOwners": true,
        "ssoProviders": [{ "issuer": ISSUER, "connection": "acme-okta" }] });
    secure(&owner, &acme, 0, required).await;
    assert_eq!(reason(&admin, &acme).await.as_deref(), Some("SSO_REQUIRED"));
    let by =
        |connection| app.client_by("adam", &SignIn { connection: Some(connection), ..SignIn::default() });
    assert_eq!(reason(&by("acme-okta"), &acme).await, None);
    assert_eq!(reason(&by("globex-okta"), &acme).await.as_deref(), Some("SSO_REQUIRED"));
    // The provider may fail: an owner still comes in, and puts another in its place.
    assert_eq!(reason(&owner, &acme).await, None);
    // The last one does not go while it is required: nobody could come in.
    let none = at(&acme, 1, json!({ "ssoProviders": [] }));
    let conflict = ("CONFLICT".to_owned(), "ssoProviders".to_owned());
    assert_eq!(refused(&owner, "settingsSecurityUpdate", none).await, conflict);
    // Nor is one that the gateway does not trust put there unawares.
    let elsewhere = json!({ "ssoProviders": [{ "issuer": "https://broken.example" }] });
    let untrusted = refused(&owner, "settingsSecurityUpdate", at(&acme, 1, elsewhere)).await;
    assert_eq!(untrusted, ("CONFLICT".to_owned(), "ssoProviders.0".to_owned()));
    let elsewhere =
        json!({ "ssoProviders": [{ "issuer": "https://broken.example" }], "confirmLockOut": true });
    secure(&owner, &acme, 1, elsewhere).await;
    // What is required already is not asked about with each other change.
    secure(&owner, &acme, 2, json!({ "sessionLifetimeMinutes": 600 })).await;
    assert_eq!(reason(&by("acme-okta"), &acme).await.as_deref(), Some("SSO_REQUIRED"));
    assert_eq!(reason(&owner, &acme).await, None);
}

#[tokio::test]
async fn a_second_factor_is_what_the_token_tells() {
    let app = TestApp::start().await;
    let owner = app.client_by("olivia", &SignIn { methods: vec!["pwd", "otp"], ..SignIn::default() });
    let acme = app.organization(&owner, "acme").await;
    secure(&owner, &acme, 0, json!({ "mfaRequired": true })).await;
    let by = |methods: &[&'static str], context| {
        app.client_by("olivia", &SignIn { methods: methods.to_vec(), context, ..SignIn::default() })
    };
    assert_eq!(reason(&by(&["pwd"], None), &acme).await.as_deref(), Some("MFA_REQUIRED"));
    assert_eq!(reason(&by(&[], Some("1")), &acme).await.as_deref(), Some("MFA_REQUIRED"));
    assert_eq!(reason(&by(&["mfa"], None), &acme).await, None);
    assert_eq!(reason(&by(&["pwd"], Some("https://refeds.org/profile/mfa")), &acme).await, None);
    let other = app.organization(&by(&["pwd"], None), "other").await;
    assert_eq!(reason(&by(&["pwd"], None), &other).await, None);
}

#[tokio::test]
async fn a_session_lasts_so_long_after_signing_in() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    secure(&owner, &acme, 0, json!({ "sessionLifetimeMinutes": 60 })).await;
    let ago = |minutes| SignIn { authenticated: Some(TimeDelta::minutes(minutes)), ..SignIn::default() };
    assert_eq!(reason(&app.client_by("olivia", &ago(59)), &acme).await, None);
    // The token is new; the sign-in is not.
    assert_eq!(reason(&app.client_by("olivia", &ago(61)), &acme).await.as_deref(), Some("SESSION_EXPIRED"));
    let untold = SignIn { authenticated: None, ..SignIn::default() };
    assert_eq!(
        reason(&app.client_by("olivia", &untold), &acme).await.as_deref(),
        Some("SESSION_TIME_UNKNOWN")
    );
}

/// A gateway whose clock is moved by hand.
async fn with_clock() -> (TestApp, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::new(SystemClock.now()));
    let options = TestOptions { clock: Arc::<FixedClock>::clone(&clock), ..TestOptions::default() };
    (TestApp::start_with(options).await, clock)
}

/// Waits until all events are applied. What is tried again is so after a while, which would not come by itself.
async fn settled(app: &TestApp, clock: &FixedClock) {
    eventually("all events to be applied", || async {
        clock.advance(TimeDelta::milliseconds(20));
        app.is_settled().await.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_session_may_be_idle_so_long_and_stays_dead_afterwards() {
    let (app, clock) = with_clock().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let lax = app.organization(&owner, "lax").await;
    secure(&owner, &acme, 0, json!({ "sessionIdleMinutes": 10 })).await;
    secure(&owner, &lax, 0, json!({ "sessionIdleMinutes": 50 })).await;
    for _ in 0..3 {
        clock.advance(TimeDelta::minutes(8));
        assert_eq!(reason(&owner, &acme).await, None, "it is used");
    }
    clock.advance(TimeDelta::minutes(11));
    assert_eq!(reason(&owner, &lax).await, None, "another organization bounds it less");
    assert_eq!(reason(&owner, &acme).await.as_deref(), Some("SESSION_IDLE"));
    // What it does elsewhere does not wake it.
    clock.advance(TimeDelta::minutes(1));
    assert_eq!(reason(&owner, &lax).await, None);
    assert_eq!(reason(&owner, &acme).await.as_deref(), Some("SESSION_IDLE"));
    let again = app.client("olivia");
    assert_eq!(reason(&again, &acme).await, None, "signed in again");
    // One of which the token says neither when nor which it is cannot be told from another.
    let untold = SignIn { authenticated: None, ..SignIn::default() };
    assert_eq!(
        reason(&app.client_by("olivia", &untold), &acme).await.as_deref(),
        Some("SESSION_TIME_UNKNOWN")
    );
    // A session that the issuer names is one, however often its token is renewed.
    let named = SignIn { session_id: Some("s-1"), ..SignIn::default() };
    assert_eq!(reason(&app.client_by("olivia", &named), &acme).await, None);
    clock.advance(TimeDelta::minutes(11));
    assert_eq!(
        reason(
            &app.client_by("olivia", &SignIn { authenticated: Some(TimeDelta::minutes(11)), ..named }),
            &acme
        )
        .await
        .as_deref(),
        Some("SESSION_IDLE")
    );
}

#[tokio::test]
async fn being_seen_is_written_once_a_minute() {
    let (app, clock) = with_clock().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    secure(&owner, &acme, 0, json!({ "sessionIdleMinutes": 10 })).await;
    let writes = async || {
        let (_, statements) = app.statements_of(look(&owner, &acme)).await;
        statements
            .iter()
            .filter(|sql| sql.contains("organization_sessions") && sql.starts_with("INSERT"))
            .count()
    };
    clock.advance(TimeDelta::seconds(61));
    assert_eq!(writes().await, 1);
    assert_eq!(writes().await, 0);
    clock.advance(TimeDelta::seconds(59));
    assert_eq!(writes().await, 0);
    clock.advance(TimeDelta::seconds(2));
    assert_eq!(writes().await, 1);
}

#[tokio::test]
async fn who_is_calling_is_found_in_one_statement_whatever_is_asked_of_them() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    secure(&owner, &acme, 0, json!({ "sessionIdleMinutes": 60, "sessionLifetimeMinutes": 600 })).await;
    // Whom the change is told to is asked in the background.
    eventually("the change to be told", || async {
        let waiting = "SELECT state FROM outbox_messages WHERE state = 'pending'";
        column(&app, waiting).await.is_empty().then_some(())
    })
    .await;
    let (answer, statements) =
        app.statements_of(owner.send("{ viewer { isPlatformStaff } }", json!({}))).await;
    answer.data();
    // The worker asks for other things meanwhile.
    let tables = ["users", "memberships", "organization_settings", "organization_sessions"];
    let asked = statements
        .iter()
        .filter(|sql| !sql.starts_with("DELETE") && tables.iter().any(|table| sql.contains(table)));
    assert_eq!(asked.count(), 1, "{statements:#?}");
}

#[tokio::test]
async fn who_is_signed_out_of_an_organization_signs_in_again() {
    let (app, clock) = with_clock().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let peter = app.member(&acme, "peter").await;
    let other = app.organization(&peter, "other").await;
    let me = peter.send("{ viewer { user { id } } }", json!({})).await;
    let id = text(&me.data()["viewer"]["user"]["id"]);
    clock.advance(TimeDelta::seconds(2));
    done(&owner, "sessionsRevoke", json!({ "organizationId": acme, "userId": id }), "organization { slug }")
        .await;
    assert_eq!(reason(&peter, &acme).await.as_deref(), Some("SESSION_REVOKED"));
    assert_eq!(reason(&peter, &other).await, None);
    assert_eq!(reason(&owner, &acme).await, None);
    // A token that is renewed is of the same sign-in.
    let renewed = SignIn { authenticated: Some(TimeDelta::seconds(2)), ..SignIn::default() };
    assert_eq!(reason(&app.client_by("peter", &renewed), &acme).await.as_deref(), Some("SESSION_REVOKED"));
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(reason(&app.client("peter"), &acme).await, None);
    // All of them, the author among them.
    clock.advance(TimeDelta::seconds(1));
    done(&owner, "sessionsRevoke", json!({ "organizationId": acme }), "").await;
    assert_eq!(reason(&owner, &acme).await.as_deref(), Some("SESSION_REVOKED"));
    let nobody = json!({ "organizationId": acme, "userId": "usr_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b" });
    clock.advance(TimeDelta::seconds(1));
    let missing = refused(&app.client("olivia"), "sessionsRevoke", nobody).await;
    assert_eq!(missing, ("NOT_FOUND".to_owned(), "userId".to_owned()));
}

/// When a token was made says nothing of its sign-in: a refresh would undo every sign-out.
#[tokio::test]
async fn a_token_that_tells_no_sign_in_counts_no_more_after_a_sign_out() {
    let (app, clock) = with_clock().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let untold = SignIn { authenticated: None, session_id: Some("phone"), ..SignIn::default() };
    let peter = app.member(&acme, "peter").await;
    assert_eq!(reason(&app.client_by("peter", &untold), &acme).await, None);
    clock.advance(TimeDelta::seconds(2));
    done(&owner, "sessionsRevoke", json!({ "organizationId": acme }), "").await;
    clock.advance(TimeDelta::seconds(2));
    let refreshed = app.client_by("peter", &untold);
    assert_eq!(reason(&refreshed, &acme).await.as_deref(), Some("SESSION_TIME_UNKNOWN"));
    assert_eq!(reason(&app.client("peter"), &acme).await, None);
    // Everywhere, too.
    done(&app.client("peter"), "viewerSessionsRevoke", json!({}), "").await;
    clock.advance(TimeDelta::seconds(2));
    for (client, reason) in
        [(peter, "SESSION_REVOKED"), (app.client_by("peter", &untold), "SESSION_TIME_UNKNOWN")]
    {
        let answer = client.send("{ viewer { isPlatformStaff } }", json!({})).await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"));
        assert_eq!(answer.body["errors"][0]["extensions"]["reason"], reason);
    }
}

/// A membership that comes back brings no session of before with it.
#[tokio::test]
async fn sessions_of_before_do_not_outlive_a_suspension_or_a_removal() {
    let (app, clock) = with_clock().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let peter = app.member(&acme, "peter").await;
    let id = member(&owner, &acme, "peter").await["id"].clone();
    clock.advance(TimeDelta::seconds(2));
    done(&owner, "memberSuspend", json!({ "memberId": id }), "").await;
    done(&owner, "memberReinstate", json!({ "memberId": id }), "").await;
    clock.advance(TimeDelta::seconds(2));
    assert_eq!(reason(&peter, &acme).await.as_deref(), Some("SESSION_REVOKED"));
    let peter = app.client("peter");
    assert_eq!(reason(&peter, &acme).await, None);
    clock.advance(TimeDelta::seconds(2));
    done(&owner, "memberRemove", json!({ "memberId": id }), "").await;
    let invite = json!({ "organizationId": acme, "email": "peter@example.com" });
    let invited = done(&owner, "memberInvite", invite, "token").await;
    let accept = json!({ "token": invited["token"] });
    clock.advance(TimeDelta::seconds(2));
    // Nor does such a session accept what it could not use.
    let forbidden = ("FORBIDDEN".to_owned(), "token".to_owned());
    assert_eq!(refused(&peter, "invitationAccept", accept.clone()).await, forbidden);
    let again = app.client("peter");
    let accepted = done(&again, "invitationAccept", accept, "member { role }").await;
    assert_eq!(accepted["member"]["role"], "MEMBER");
    assert_eq!(reason(&peter, &acme).await.as_deref(), Some("SESSION_REVOKED"));
    assert_eq!(reason(&again, &acme).await, None);
}

/// What was let in before a sign-out, or before more was asked, is looked at again where it is written.
#[tokio::test]
async fn a_change_that_is_under_way_does_not_outlive_its_session() {
    let (app, clock) = with_clock().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.member_as(&acme, "adam", Role::Admin).await;
    let id = OrganizationId(uuid_of(&acme));
    let adam = app.store().find_principal(ISSUER, "adam", &Session::default()).await.expect("a statement");
    let session = Session {
        issuer: ISSUER.to_owned(),
        methods: vec!["pwd".to_owned()],
        authenticated_at: Some(clock.now()),
        ..Session::default()
    };
    let actor = Actor {
        kind: ActorKind::User,
        user_id: adam.map(|it| it.user.id),
        session: Some(Box::new(session)),
        ..Actor::system()
    };
    let change = async |expected_version: i64| {
        let time_zone = if expected_version % 2 == 0 { "Europe/Berlin" } else { "Europe/London" };
        let patch = GeneralSettingsPatch {
            time_zone: Patch::Set(time_zone.to_owned()),
            ..GeneralSettingsPatch::default()
        };
        let input = SettingsUpdateInput { organization_id: id, expected_version, patch };
        match app.service.update_general_settings(&actor, input, None).await {
            Ok(_) => None,
            Err(ServiceError::Refused(refusals)) => Some(refusals[0].message.clone()),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(change(0).await, None);
    secure(
        &app.client_by("olivia", &SignIn { methods: vec!["mfa"], ..SignIn::default() }),
        &acme,
        0,
        json!({ "mfaRequired": true }),
    )
    .await;
    assert_eq!(change(1).await.as_deref(), Some(Bar::MfaRequired.sentence()));
    let again = app.client_by("olivia", &SignIn { methods: vec!["mfa"], ..SignIn::default() });
    secure(&again, &acme, 1, json!({ "mfaRequired": false })).await;
    assert_eq!(change(1).await, None);
    clock.advance(TimeDelta::seconds(2));
    done(&owner, "sessionsRevoke", json!({ "organizationId": acme }), "").await;
    assert_eq!(change(2).await.as_deref(), Some(Bar::SessionRevoked.sentence()));
}

/// What charges, changes or gives back what an organization pays, asked for in the middle of things: each with what it was
/// refused for, nothing when it was let in.
struct Billing {
    organization: OrganizationId,
    subscription: SubscriptionId,
    payment: PaymentId,
}

fn reason_of<T>(asked: Result<T, ServiceError>) -> Option<String> {
    match asked {
        Ok(_) => None,
        Err(ServiceError::Refused(refusals)) => Some(refusals[0].message.clone()),
        Err(ServiceError::NotFound(what)) => Some(format!("no {what}")),
        Err(error) => panic!("{error}"),
    }
}

impl Billing {
    async fn charge(&self, app: &TestApp, actor: &Actor) -> Option<String> {
        let input = PaymentIntentCreateInput {
            organization_id: self.organization,
            amount: Money::new(1_500, Currency::USD),
            description: None,
            metadata: std::collections::BTreeMap::new(),
            payment_method_id: None,
            confirm: true,
        };
        reason_of(app.service.create_payment_intent(actor, input, None).await)
    }

    async fn all(&self, app: &TestApp, actor: &Actor) -> [Option<String>; 4] {
        let (organization_id, subscription_id) = (self.organization, self.subscription);
        let change = SubscriptionChangeInput {
            organization_id,
            subscription_id,
            plan_id: None,
            billing_interval: None,
            quantity: Some(3),
            timing: ChangeTiming::Now,
            promotion_code: None,
        };
        let cancel = SubscriptionCancelInput {
            organization_id,
            subscription_id,
            when: CancellationTime::PeriodEnd,
            feedback: None,
            reason: None,
        };
        let refund = PaymentRefundInput {
            organization_id,
            payment_id: self.payment,
            amount: None,
            reason: None,
            note: None,
        };
        let by = RefundActor { user_id: actor.user_id.expect("a person"), role: Some(RefundRole::Admin) };
        let service = &app.service;
        [
            self.charge(app, actor).await,
            reason_of(service.change_subscription(actor, change, None).await),
            reason_of(service.cancel_subscription(actor, cancel, None).await),
            reason_of(service.refund_payment(actor, by, refund, false, None).await),
        ]
    }
}

/// Money, too: whoever was let in and is not any more, by their session, by their key or by their membership, has opened no
/// operation, and Stripe was asked for nothing.
#[tokio::test]
async fn what_costs_money_does_not_outlive_the_session_that_asked_for_it() {
    let (app, clock) = with_clock().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &acme, "pm_card_visa").await;
    let subscribed = app.subscribe(&owner, &acme, &plan).await;
    let limit = json!({ "role": "ADMIN", "currency": "USD", "dailyMinorUnits": "100000",
        "approvalAboveMinorUnits": "100000" });
    done(&app.staff(), "refundLimitSet", limit, "").await;
    let query = "query($id: ID!) { payments(organizationId: $id) { nodes { id } } }";
    let payment = eventually("the payment", || async {
        let answer = owner.send(query, json!({ "id": acme })).await;
        answer.data()["payments"]["nodes"][0]["id"].as_str().map(str::to_owned)
    })
    .await;
    settled(&app, &clock).await;
    // With a clock that stands, what came before its object was there may have been given up.
    app.service.reconcile(true, TimeDelta::minutes(1)).await.expect("a comparison");
    let billing = Billing {
        organization: OrganizationId(uuid_of(&acme)),
        subscription: SubscriptionId(uuid_of(&text(&subscribed["subscription"]["id"]))),
        payment: PaymentId(uuid_of(&payment)),
    };
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    let scopes = json!(["BILLING_READ", "BILLING_WRITE", "SUBSCRIPTION_READ", "SUBSCRIPTION_WRITE"]);
    let key = json!({ "organizationId": acme, "name": "Billing", "scopes": scopes });
    let key = text(&done(&admin, "apiKeyCreate", key, "apiKey { id }").await["apiKey"]["id"]);
    let adam = app.store().find_principal(ISSUER, "adam", &Session::default()).await.expect("a statement");
    let session = Session {
        issuer: ISSUER.to_owned(),
        methods: vec!["pwd".to_owned()],
        authenticated_at: Some(clock.now()),
        ..Session::default()
    };
    let person = Actor {
        kind: ActorKind::User,
        user_id: adam.map(|it| it.user.id),
        session: Some(Box::new(session)),
        ..Actor::system()
    };
    let program = Actor {
        kind: ActorKind::ApiKey,
        api_key_id: Some(ApiKeyId(uuid_of(&key))),
        session: None,
        ..person.clone()
    };
    for actor in [&person, &program] {
        assert_eq!(billing.charge(&app, actor).await, None, "let in as they came");
    }
    settled(&app, &clock).await;
    let (opened, asked) = (app.open_operations().await, app.sandbox.requests().len());
    let posts = || app.sandbox.requests().iter().skip(asked).filter(|it| it.method == "POST").count();

    let strong = app.client_by("olivia", &SignIn { methods: vec!["mfa"], ..SignIn::default() });
    secure(&strong, &acme, 0, json!({ "mfaRequired": true })).await;
    let barred = || [(); 4].map(|()| Some(Bar::MfaRequired.sentence().to_owned()));
    assert_eq!(billing.all(&app, &person).await, barred());
    secure(&strong, &acme, 1, json!({ "mfaRequired": false })).await;
    clock.advance(TimeDelta::seconds(2));
    done(&owner, "sessionsRevoke", json!({ "organizationId": acme }), "").await;
    let signed_out = || [(); 4].map(|()| Some(Bar::SessionRevoked.sentence().to_owned()));
    assert_eq!(billing.all(&app, &person).await, signed_out());

    clock.advance(TimeDelta::seconds(2));
    let again = app.client("olivia");
    done(&again, "apiKeyRevoke", json!({ "apiKeyId": key }), "").await;
    let gone = || [(); 4].map(|()| Some("no organization".to_owned()));
    assert_eq!(billing.all(&app, &program).await, gone());

    let signed_in = Actor { session: None, ..person.clone() };
    let seen = member(&again, &acme, "adam").await;
    let demote = json!({ "memberId": seen["id"], "role": "AUDITOR", "expectedVersion": seen["version"] });
    done(&again, "memberRoleChange", demote, "").await;
    let [charge, change, cancel, refund] = billing.all(&app, &signed_in).await;
    assert_eq!(charge.as_deref(), Some("You do not hold the permission billing:write any more."));
    for refused in [change, cancel] {
        let lacking = "You do not hold the permission subscription:write any more.";
        assert_eq!(refused.as_deref(), Some(lacking));
    }
    assert!(refund.is_some(), "the role gives nothing back");
    assert_eq!(posts(), 0, "Stripe was asked: {:#?}", app.sandbox.requests());
    assert_eq!(app.open_operations().await, opened);
}

#[tokio::test]
async fn who_signs_out_everywhere_is_signed_out_everywhere() {
    let (app, clock) = with_clock().await;
    let (here, there) = (
        app.client("olivia"),
        app.client_by("olivia", &SignIn { session_id: Some("phone"), ..SignIn::default() }),
    );
    let acme = app.organization(&here, "acme").await;
    assert_eq!(reason(&there, &acme).await, None);
    clock.advance(TimeDelta::seconds(2));
    done(&here, "viewerSessionsRevoke", json!({}), "user { name }").await;
    for client in [&here, &there] {
        let answer = client.send("{ viewer { isPlatformStaff } }", json!({})).await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"));
        assert_eq!(answer.body["errors"][0]["extensions"]["reason"], "SESSION_REVOKED");
    }
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(reason(&app.client("olivia"), &acme).await, None);
    let anonymous: &Client = &app.anonymous();
    assert_eq!(ask(anonymous, "viewerSessionsRevoke", json!({}), "").await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn sessions_that_nobody_comes_back_with_are_forgotten_and_stay_over() {
    let (app, clock) = with_clock().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    secure(&owner, &acme, 0, json!({ "sessionIdleMinutes": 10 })).await;
    let forgotten = app.store().forget_sessions(clock.now() - TimeDelta::days(90)).await.expect("a count");
    assert_eq!(forgotten, 0);
    clock.advance(TimeDelta::minutes(11));
    let forgotten = app.store().forget_sessions(clock.now()).await.expect("a count");
    assert_eq!(forgotten, 1);
    assert_eq!(reason(&owner, &acme).await.as_deref(), Some("SESSION_IDLE"));
}

/// Who may be idle for long is not forgotten with the events of Stripe.
#[tokio::test]
async fn a_session_is_kept_for_as_long_as_any_may_be_idle() {
    let clock = Arc::new(FixedClock::new(SystemClock.now()));
    let options = TestOptions { clock: Arc::<FixedClock>::clone(&clock), ..TestOptions::default() };
    let worker = tollgate::jobs::WorkerOptions {
        event_retention: std::time::Duration::from_secs(86_400),
        retention: std::time::Duration::from_millis(20),
        ..options.worker
    };
    let app = TestApp::start_with(TestOptions { worker, ..options }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    secure(&owner, &acme, 0, json!({ "sessionIdleMinutes": 366 * 24 * 60 })).await;
    let since = |days| SignIn { authenticated: Some(TimeDelta::days(days)), ..SignIn::default() };
    assert_eq!(reason(&app.client_by("olivia", &since(300)), &acme).await, None);
    clock.advance(TimeDelta::days(100));
    // The worker comes by, several times.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(reason(&app.client_by("olivia", &since(400)), &acme).await, None, "seen a hundred days ago");
}
