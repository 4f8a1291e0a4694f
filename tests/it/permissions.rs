//! Roles hold what the policy says, and nothing more.

use serde_json::json;
use tollgate::domain::membership::Role;
use tollgate::domain::permission::Permission;

use crate::mutations::member::done;
use crate::support::{Client, TestApp, text};

const READS: [(&str, &str, Permission); 7] = [
    ("members", "members { nodes { id } }", Permission::MembersRead),
    ("subscription", "subscription { status }", Permission::SubscriptionRead),
    ("usage", "usage { quantity }", Permission::SubscriptionRead),
    ("invoices", "invoices { nodes { id } }", Permission::BillingRead),
    ("paymentMethods", "paymentMethods { id }", Permission::BillingRead),
    ("settings", "settings { general { version } }", Permission::SettingsRead),
    ("auditLogs", "auditLogs { nodes { id } }", Permission::AuditRead),
];

#[tokio::test]
async fn each_role_reads_what_it_holds_and_is_told_which_permission_it_lacks() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    for &role in Role::BUILT_IN {
        let client = app.member_as(&organization, &format!("as-{role}"), role).await;
        for (field, selection, permission) in READS {
            let query = format!("query($id: ID!) {{ organization(id: $id) {{ {selection} }} }}");
            let answer = client.send(&query, json!({ "id": organization })).await;
            if role.holds(permission) {
                assert!(answer.body.get("errors").is_none(), "{role} {field}: {:#}", answer.body);
            } else {
                assert_eq!(answer.code(), "FORBIDDEN", "{role} {field}");
                assert!(
                    answer.message().contains(permission.as_str()),
                    "{role} {field}: {}",
                    answer.message()
                );
            }
        }
    }
}

/// No built-in role reads invoices or records without what they lead to; roles and keys of an organization's own may.
#[tokio::test]
async fn what_an_object_leads_to_needs_its_own_permission() {
    let app = TestApp::start().await;
    let (owner, organization) = app.subscriber().await;
    let key = |scopes: &[&str]| {
        let input = json!({ "organizationId": organization, "name": "Narrow", "scopes": scopes });
        let (owner, address) = (owner.clone(), app.address);
        async move {
            let made = done(&owner, "apiKeyCreate", input, "secret").await;
            Client::new(address, made["secret"].as_str().map(str::to_owned))
        }
    };
    // A record and a version that a key left.
    let busy =
        key(&["MEMBERS_READ", "MEMBERS_WRITE", "SUBSCRIPTION_READ", "SETTINGS_READ", "SETTINGS_WRITE"]).await;
    let invite = json!({ "organizationId": organization, "email": "guest@example.com" });
    done(&busy, "memberInvite", invite, "").await;
    let locale = json!({ "organizationId": organization, "expectedVersion": "0", "locale": "en-GB" });
    done(&busy, "settingsGeneralUpdate", locale, "").await;
    for (narrow, wide, selection, permission) in [
        (
            vec!["BILLING_READ"],
            vec!["BILLING_READ", "SUBSCRIPTION_READ"],
            "organization(id: $id) { invoices { nodes { subscription { status } } } }",
            Permission::SubscriptionRead,
        ),
        (
            vec!["AUDIT_READ"],
            vec!["AUDIT_READ", "KEYS_READ"],
            "organization(id: $id) { auditLogs(filter: { action: \"settings.general_update\" }) { nodes { apiKey { scopes } } } }",
            Permission::KeysRead,
        ),
        (
            vec!["SETTINGS_READ"],
            vec!["SETTINGS_READ", "KEYS_READ"],
            "settingsHistory(organizationId: $id, section: GENERAL) { nodes { apiKey { scopes } } }",
            Permission::KeysRead,
        ),
    ] {
        let query = format!("query($id: ID!) {{ {selection} }}");
        let refused = key(&narrow).await.send(&query, json!({ "id": organization })).await;
        assert_eq!(refused.code(), "FORBIDDEN", "{selection}: {:#}", refused.body);
        assert!(refused.message().contains(permission.as_str()), "{}", refused.message());
        let let_in = key(&wide).await.send(&query, json!({ "id": organization })).await;
        assert!(let_in.body.get("errors").is_none(), "{selection}: {:#}", let_in.body);
    }
}

#[tokio::test]
async fn those_who_only_read_change_nothing() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let before = app.sandbox.requests().len();
    for role in [Role::Auditor, Role::Member] {
        let client = app.member_as(&organization, &format!("as-{role}"), role).await;
        let answer = client
            .send(
                "mutation($input: PaymentMethodAttachInput!) {
                   paymentMethodAttach(input: $input) { userErrors { code } } }",
                json!({ "input": { "organizationId": organization, "stripePaymentMethodId": "pm_card_visa" } }),
            )
            .await;
        assert_eq!(answer.code(), "FORBIDDEN", "{role}");
    }
    assert_eq!(app.sandbox.requests().len(), before, "Stripe was asked");
}

#[tokio::test]
async fn platform_staff_read_every_organization_and_pay_for_none() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let read = app
        .staff()
        .send(
            "query($id: ID!) { organization(id: $id) { slug auditLogs { nodes { action } } } }",
            json!({ "id": organization }),
        )
        .await;
    assert_eq!(read.data()["organization"]["slug"], "acme");
    let write = app
        .staff()
        .send(
            "mutation($input: PaymentMethodAttachInput!) { paymentMethodAttach(input: $input) { userErrors { code } } }",
            json!({ "input": { "organizationId": organization, "stripePaymentMethodId": "pm_card_visa" } }),
        )
        .await;
    assert_eq!(write.code(), "NOT_FOUND");
}

#[tokio::test]
async fn the_catalogue_is_changed_by_platform_staff_alone() {
    let app = TestApp::start().await;
    let create = "mutation($input: PlanCreateInput!) { planCreate(input: $input) { plan { id } userErrors { code } } }";
    let input = json!({ "input": { "name": "Mine", "slug": "mine", "prices": [
        { "unitAmount": { "minorUnits": "0", "currency": "USD" }, "billingInterval": "MONTH" }] } });
    assert_eq!(app.client("olivia").send(create, input.clone()).await.code(), "FORBIDDEN");
    assert_eq!(app.anonymous().send(create, input.clone()).await.code(), "UNAUTHENTICATED");
    assert_eq!(
        app.client("olivia").send("{ stripeEvents { nodes { id } } }", json!({})).await.code(),
        "FORBIDDEN"
    );
    assert_eq!(
        app.client("olivia").send("{ auditLogs { nodes { id } } }", json!({})).await.code(),
        "FORBIDDEN"
    );
    assert!(app.staff().send(create, input).await.data()["planCreate"]["plan"]["id"].is_string());
}

#[tokio::test]
async fn being_provisioned_gives_no_membership_and_an_equal_address_is_another_person() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let other = crate::support::Client::new(
        app.address,
        Some(app.tokens.token_with_email("someone-else", "olivia@example.com")),
    );
    let me = other.send("{ viewer { user { id email } organizations { totalCount } } }", json!({})).await;
    assert_eq!(me.data()["viewer"]["user"]["email"], "olivia@example.com");
    assert_eq!(me.data()["viewer"]["organizations"]["totalCount"], 0);
    let answer =
        other.send("query($id: ID!) { organization(id: $id) { id } }", json!({ "id": organization })).await;
    assert_eq!(answer.code(), "NOT_FOUND");
}

#[tokio::test]
async fn two_at_once_provision_one_person() {
    let app = TestApp::start().await;
    let client = app.client("newcomer");
    let ask = || client.send("{ viewer { user { id } } }", json!({}));
    let answers = futures::future::join_all((0..16).map(|_| ask())).await;
    let ids: std::collections::HashSet<String> =
        answers.iter().map(|answer| text(&answer.data()["viewer"]["user"]["id"])).collect();
    assert_eq!(ids.len(), 1);
}

/// A person works with a token of the company's own sign-in and with one of the product's. What each tells is not written over
/// the other's with each request, and each gives what it gives.
#[tokio::test]
async fn two_tokens_of_one_person_do_not_write_over_each_other() {
    let app = TestApp::start().await;
    let (staff, plain) = (app.staff(), app.client("staff"));
    let query = "{ viewer { isPlatformStaff user { email } } }";
    for _ in 0..3 {
        let answer = staff.send(query, json!({})).await;
        assert_eq!(answer.data()["viewer"]["isPlatformStaff"], true);
        let answer = plain.send(query, json!({})).await;
        assert_eq!(answer.data()["viewer"]["isPlatformStaff"], false);
    }
    let at_once = (0..8).flat_map(|_| [staff.send(query, json!({})), plain.send(query, json!({}))]);
    futures::future::join_all(at_once).await;
    let records = app.audit_records().await;
    let told = |action: &str| records.iter().filter(|record| record.action == action).count();
    // The two may have been made in one second or in two: the newer one is what counts, once.
    assert_eq!(told("user.provision"), 1);
    assert!(told("user.update") <= 1, "{records:#?}");
}

/// What the issuer tells in a newer token is what counts, whichever of the two is used.
#[tokio::test]
async fn an_older_token_does_not_take_back_what_a_newer_one_told() {
    let app = TestApp::start().await;
    let email = async |token: &str| {
        let client = crate::support::Client::new(app.address, Some(token.to_owned()));
        let answer = client.send("{ viewer { user { email } } }", json!({})).await;
        text(&answer.data()["viewer"]["user"]["email"])
    };
    let older = app.tokens.token_with_email("olivia", "old@example.com");
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let newer = app.tokens.token_with_email("olivia", "new@example.com");
    assert_eq!(email(&older).await, "old@example.com");
    assert_eq!(email(&newer).await, "new@example.com");
    assert_eq!(email(&older).await, "new@example.com");
    assert_eq!(email(&newer).await, "new@example.com");
}

#[tokio::test]
async fn permissions_of_the_viewer_are_what_the_role_holds() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let query = "query($id: ID!) { viewer { permissions(organizationId: $id) } }";
    let auditor = app.member_as(&organization, "ada", Role::Auditor).await;
    let held = auditor.send(query, json!({ "id": organization })).await;
    assert_eq!(
        held.data()["viewer"]["permissions"],
        json!([
            "ORGANIZATION_READ",
            "MEMBERS_READ",
            "KEYS_READ",
            "SUBSCRIPTION_READ",
            "BILLING_READ",
            "SETTINGS_READ",
            "AUDIT_READ",
            "WEBHOOKS_READ"
        ])
    );
    let none = app.client("stranger").send(query, json!({ "id": organization })).await;
    assert_eq!(none.data()["viewer"]["permissions"], json!([]));
}
