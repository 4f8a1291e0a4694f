//! docs/permissions.md says the truth: it is what the code prints, and each of its fields answers each of its callers as it
//! says.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tollgate::auth::POLICY;
use tollgate::auth::table::{Caller, permissions_markdown, refusal};
use tollgate::domain::membership::Role;
use tollgate::domain::permission::Permission;

use crate::mutations::member::done;
use crate::support::{Client, TestApp, text};
use crate::tenancy::{Tenant, questions, tenant};

/// A well-formed id of something that is not there, for fields whose rule does not look at it.
fn nothing(prefix: &str) -> Value {
    json!(format!("{prefix}_0190a3b2c4d57e8f9a0b1c2d3e4f5a6b"))
}

/// The questions that are about no organization in particular.
fn platform_questions(tenant: &Tenant) -> Vec<(&'static str, String, Value)> {
    let read = |field: &'static str, query: &str, variables: Value| (field, query.to_owned(), variables);
    let change = |field: &'static str, input: Value| {
        let name = field.strip_prefix("Mutation.").expect("a mutation");
        let mut letters = name.chars();
        let capital: String =
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        let query = format!(
            "mutation($input: {capital}Input!) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}"
        );
        (field, query, json!({ "input": input }))
    };
    let money = json!({ "minorUnits": "100", "currency": "USD" });
    let nobody = json!({});
    vec![
        read("Query.viewer", "{ viewer { isPlatformStaff } }", nobody.clone()),
        read("Query.node", "query($id: ID!) { node(id: $id) { id } }", json!({ "id": tenant.plan })),
        read(
            "Query.nodes",
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
            json!({ "ids": [tenant.plan] }),
        ),
        read("Query.organizations", "{ organizations { totalCount } }", nobody.clone()),
        read("Query.plans", "{ plans { id } }", nobody.clone()),
        read("Query.plan", "query($id: ID!) { plan(id: $id) { id } }", json!({ "id": tenant.plan })),
        read("Query.meters", "{ meters { name } }", nobody.clone()),
        read(
            "Query.entitlementOverrides",
            "query($id: ID!) { entitlementOverrides(organizationId: $id) { feature } }",
            json!({ "id": tenant.organization }),
        ),
        read("Query.refundLimits", "{ refundLimits { role } }", nobody.clone()),
        read("Query.billingPolicy", "{ billingPolicy { version } }", nobody.clone()),
        read(
            "Query.revenueReport",
            "{ revenueReport(since: \"2027-01-01\", until: \"2027-01-02\") { day } }",
            nobody.clone(),
        ),
        read("Query.stripeEvents", "{ stripeEvents { totalCount } }", nobody.clone()),
        read("Query.stripeIntake", "{ stripeIntake { __typename } }", nobody.clone()),
        read("Query.billingDrift", "{ billingDrift { totalCount } }", nobody),
        change("Mutation.organizationCreate", json!({ "name": "Taken", "slug": "acme" })),
        change("Mutation.invitationAccept", json!({ "token": "tgi_unknown" })),
        change(
            "Mutation.settingsSecurityRecover",
            json!({ "organizationId": tenant.organization, "reason": "They cannot come in" }),
        ),
        change("Mutation.notificationMarkRead", json!({ "notificationId": nothing("ntf") })),
        change("Mutation.stripeEventReplay", json!({ "stripeEventId": nothing("evt") })),
        change(
            "Mutation.stripeEventsReplay",
            json!({ "since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z" }),
        ),
        change("Mutation.driftCompare", json!({ "organizationId": tenant.organization })),
        change("Mutation.driftRepair", json!({ "driftId": nothing("drift") })),
        change("Mutation.planCreate", json!({ "name": "x", "slug": "x", "prices": [] })),
        change("Mutation.planUpdate", json!({ "planId": tenant.plan, "expectedVersion": "1" })),
        change("Mutation.planArchive", json!({ "planId": tenant.plan })),
        change(
            "Mutation.subscriptionTrialExtend",
            json!({ "subscriptionId": tenant.subscription, "until": "2030-01-01T00:00:00Z" }),
        ),
        change(
            "Mutation.subscriptionCouponApply",
            json!({ "subscriptionId": tenant.subscription, "stripeCouponId": "NONE" }),
        ),
        change("Mutation.subscriptionCollectionPause", json!({ "subscriptionId": tenant.subscription })),
        change("Mutation.subscriptionCollectionResume", json!({ "subscriptionId": tenant.subscription })),
        change("Mutation.billingPolicySet", json!({ "organizationId": tenant.organization })),
        change("Mutation.invoiceVoid", json!({ "invoiceId": tenant.invoice })),
        change("Mutation.invoiceMarkUncollectible", json!({ "invoiceId": tenant.invoice })),
        change("Mutation.creditNoteCreate", json!({ "invoiceId": tenant.invoice, "amount": money })),
        change("Mutation.meterCreate", json!({ "name": "x", "unit": "x", "aggregation": "SUM" })),
        change("Mutation.meterUpdate", json!({ "meterId": nothing("mtr"), "expectedVersion": "1" })),
        change("Mutation.meterArchive", json!({ "meterId": nothing("mtr") })),
        change(
            "Mutation.entitlementOverrideSet",
            json!({ "organizationId": tenant.organization, "feature": "sso", "value": true, "reason": "x" }),
        ),
        change(
            "Mutation.entitlementOverrideRemove",
            json!({ "organizationId": tenant.organization, "feature": "sso" }),
        ),
        change("Mutation.refundLimitSet", json!({ "role": "OWNER", "currency": "USD" })),
    ]
}

/// The fields of an organization that have rules of their own.
fn nested_questions(tenant: &Tenant) -> Vec<(&'static str, String, Value)> {
    [
        ("Organization.members", "members { totalCount }"),
        ("Organization.seatRelease", "seatRelease"),
        ("Organization.subscription", "subscription { id }"),
        ("Organization.accessState", "accessState { level }"),
        ("Organization.subscriptions", "subscriptions { totalCount }"),
        ("Organization.usage", "usage { quantity }"),
        ("Organization.invoices", "invoices { totalCount }"),
        ("Organization.latestInvoice", "latestInvoice { id }"),
        ("Organization.upcomingInvoice", "upcomingInvoice { hasMoreLines }"),
        ("Organization.payments", "payments { totalCount }"),
        ("Organization.refunds", "refunds { totalCount }"),
        ("Organization.disputes", "disputes { totalCount }"),
        ("Organization.paymentMethods", "paymentMethods { id }"),
        ("Organization.auditLogs", "auditLogs { totalCount }"),
        ("Organization.settings", "settings { general { version } }"),
    ]
    .into_iter()
    .map(|(field, selection)| {
        let query = format!("query($id: ID!) {{ organization(id: $id) {{ {selection} }} }}");
        (field, query, json!({ "id": tenant.organization }))
    })
    .collect()
}

/// Fields below objects of other types, which have tests of their own: whoever may not see the object never comes to them;
/// and what is followed, which needs a stream (`live`, `live_organization`, `notifications`).
const BELOW: [&str; 13] = [
    "Invoice.subscription",
    "AuditLog.apiKey",
    "SettingVersion.apiKey",
    "StripeEvent.payload",
    "Invoice.clientSecret",
    "Subscription.latestInvoice",
    "Live.billingOperation",
    "Live.accessState",
    "Live.subscriptionChanged",
    "Live.invoiceChanged",
    "Live.paymentChanged",
    "Live.usageAlertRaised",
    "Live.notificationAdded",
];

fn code(body: &Value) -> Option<String> {
    body["errors"][0]["extensions"]["code"].as_str().map(str::to_owned)
}

async fn key(owner: &Client, app: &TestApp, organization: &str, scopes: &[Permission]) -> Client {
    let scopes: Vec<String> =
        scopes.iter().map(|scope| scope.as_str().replace(':', "_").to_uppercase()).collect();
    let input = json!({ "organizationId": organization, "name": "Table", "scopes": scopes });
    let made = done(owner, "apiKeyCreate", input, "secret").await;
    Client::new(app.address, Some(text(&made["secret"])))
}

#[tokio::test]
async fn each_field_answers_each_caller_as_the_table_says() {
    let app = TestApp::start().await;
    let acme = tenant(&app, "acme").await;
    let mut asked = platform_questions(&acme);
    asked.extend(nested_questions(&acme));
    asked.extend(questions(&acme));
    // Last: it signs whoever asks out.
    let sign_out = "mutation($input: ViewerSessionsRevokeInput!) {
        viewerSessionsRevoke(input: $input) { userErrors { code } } }";
    asked.push(("Mutation.viewerSessionsRevoke", sign_out.to_owned(), json!({ "input": {} })));
    let named: BTreeSet<&str> = asked.iter().map(|(field, ..)| *field).chain(BELOW).collect();
    let listed: BTreeSet<&str> = POLICY.iter().map(|(field, _)| *field).collect();
    assert_eq!(named, listed, "each field of the table has a question");

    let all: Vec<Permission> = Permission::ALL
        .iter()
        .copied()
        .filter(|&permission| permission != Permission::OrganizationTransfer)
        .collect();
    // Whoever may least asks first: what is left is there for the next.
    let mut callers =
        vec![(Caller::Anonymous, app.anonymous()), (Caller::Stranger, app.client("a-stranger"))];
    for &role in Role::BUILT_IN.iter().rev() {
        if role != Role::Owner {
            let client = app.member_as(&acme.organization, &format!("as-{role}"), role).await;
            callers.push((Caller::Member(role), client));
        }
    }
    callers.push((Caller::Key, key(&acme.owner, &app, &acme.organization, &all).await));
    callers.push((Caller::Member(Role::Owner), acme.owner.clone()));
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut wrong = Vec::new();
    for (caller, client) in &callers {
        for (field, query, variables) in &asked {
            let answer = client.send(query, variables.clone()).await;
            let found = code(&answer.body);
            match refusal(field, *caller) {
                Some(expected) => {
                    if found.as_deref() != Some(expected) {
                        wrong.push(format!("{field} as {caller:?}: {expected}, not {:#}", answer.body));
                    }
                }
                None => {
                    // What an earlier caller was let in to take away is not there any more.
                    let is_gone = found.as_deref() == Some("NOT_FOUND") && used.contains(field);
                    if found.is_some() && !is_gone {
                        wrong.push(format!("{field} as {caller:?}: yes, not {:#}", answer.body));
                    }
                    if field.starts_with("Mutation.") {
                        used.insert(field);
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_key_without_a_scope_is_told_which_one_it_lacks() {
    let app = TestApp::start().await;
    let acme = tenant(&app, "acme").await;
    let bare = key(&acme.owner, &app, &acme.organization, &[]).await;
    let mut asked = nested_questions(&acme);
    asked.extend(questions(&acme));
    for (field, query, variables) in asked {
        let answer = bare.send(&query, variables).await;
        // What every key may. What its person is told is that person's alone.
        let expected = (field != "Query.organization").then_some("FORBIDDEN");
        assert_eq!(code(&answer.body).as_deref(), expected, "{field}: {:#}", answer.body);
    }
}

#[test]
fn the_committed_table_is_the_one_that_the_code_prints() {
    let committed = include_str!("../../docs/permissions.md");
    assert_eq!(committed, permissions_markdown(), "renew it with `cargo xtask schema`");
}
