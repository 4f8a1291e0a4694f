//! docs/permissions.md says the truth: it is what the code prints, and each of its fields answers each of its callers as it
//! says.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::auth::table::{Caller, permissions_markdown, refusal};
use tollgate::auth::{POLICY, Rule};
use tollgate::domain::billing_operation::{AskedBy, OperationKind};
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
        change(
            "Mutation.customerLink",
            json!({ "organizationId": tenant.organization, "stripeCustomerId": "cus_of_nobody" }),
        ),
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

/// The fields below objects of other types, each with the field through which it is asked for.
const BELOW: [(&str, &str); 6] = [
    ("Invoice.subscription", "Query.invoice"),
    ("Invoice.clientSecret", "Query.invoice"),
    ("Subscription.latestInvoice", "Query.subscription"),
    ("AuditLog.apiKey", "Query.auditLogs"),
    ("SettingVersion.apiKey", "Query.settingsHistory"),
    ("StripeEvent.payload", "Query.stripeEvents"),
];

/// A question for each of [`BELOW`]: each finds something that bears what the field is about.
fn below_questions(tenant: &Tenant) -> Vec<(&'static str, String, Value)> {
    let by_id = |of: &str, selection: &str| format!("query($id: ID!) {{ {of}(id: $id) {{ {selection} }} }}");
    let (invoice, subscription) = (json!({ "id": tenant.invoice }), json!({ "id": tenant.subscription }));
    let organization = json!({ "id": tenant.organization });
    let records =
        "query($id: ID!) { auditLogs(organizationId: $id, filter: { action: \"settings.general_update\" }) {
        nodes { apiKey { id } } } }";
    let versions = "query($id: ID!) { settingsHistory(organizationId: $id, section: GENERAL) {
        nodes { apiKey { id } } } }";
    vec![
        ("Invoice.subscription", by_id("invoice", "subscription { id }"), invoice.clone()),
        ("Invoice.clientSecret", by_id("invoice", "clientSecret"), invoice),
        ("Subscription.latestInvoice", by_id("subscription", "latestInvoice { id }"), subscription),
        ("AuditLog.apiKey", records.to_owned(), organization.clone()),
        ("SettingVersion.apiKey", versions.to_owned(), organization),
        ("StripeEvent.payload", "{ stripeEvents(first: 1) { nodes { payload } } }".to_owned(), json!({})),
    ]
}

/// What is followed, with whether it tells how it stands at once.
fn followed(tenant: &Tenant) -> Vec<(&'static str, String, Value, bool)> {
    let of = |field: &str, selection: &str| {
        format!("subscription($id: ID!) {{ {field}(organizationId: $id) {{ {selection} }} }}")
    };
    let organization = json!({ "id": tenant.organization });
    let operation = "subscription($id: ID!) { billingOperation(id: $id) { state } }".to_owned();
    vec![
        ("Live.billingOperation", operation, json!({ "id": tenant.operation }), true),
        ("Live.accessState", of("accessState", "level"), organization.clone(), true),
        ("Live.subscriptionChanged", of("subscriptionChanged", "id"), organization.clone(), false),
        ("Live.invoiceChanged", of("invoiceChanged", "id"), organization.clone(), false),
        ("Live.paymentChanged", of("paymentChanged", "id"), organization.clone(), false),
        ("Live.notificationAdded", of("notificationAdded", "id"), organization, false),
    ]
}

/// The code with which the policy refuses a question to a caller: by way of the field above it, if there is one.
fn expected(field: &str, caller: Caller) -> Option<&'static str> {
    let above = BELOW.iter().find(|(below, _)| *below == field).map(|(_, above)| *above);
    above.and_then(|above| refusal(above, caller)).or_else(|| refusal(field, caller))
}

/// What is not there for anybody: who is let in is told so, and who is not is told that first.
const ABOUT_NOTHING: [&str; 3] =
    ["Mutation.notificationMarkRead", "Mutation.stripeEventReplay", "Mutation.driftRepair"];

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

/// Every caller of the table but the owner. Whoever may least asks first: what is left is there for the next.
async fn callers(app: &TestApp, tenant: &Tenant) -> Vec<(Caller, Client)> {
    let all: Vec<Permission> = Permission::ALL
        .iter()
        .copied()
        .filter(|&permission| permission != Permission::OrganizationTransfer)
        .collect();
    let mut callers =
        vec![(Caller::Anonymous, app.anonymous()), (Caller::Stranger, app.client("a-stranger"))];
    for &role in Role::BUILT_IN.iter().rev() {
        if role != Role::Owner {
            let client = app.member_as(&tenant.organization, &format!("as-{role}"), role).await;
            callers.push((Caller::Member(role), client));
        }
    }
    callers.push((Caller::Key, key(&tenant.owner, app, &tenant.organization, &all).await));
    callers.push((Caller::Member(Role::Owner), tenant.owner.clone()));
    // They change what members cannot, and look at what is left all the same.
    callers.push((Caller::Staff, app.staff()));
    let named: BTreeSet<String> = callers.iter().map(|(caller, _)| format!("{caller:?}")).collect();
    assert_eq!(
        named,
        Caller::ALL.iter().map(|caller| format!("{caller:?}")).collect::<BTreeSet<_>>(),
        "each column is tried"
    );
    callers
}

#[tokio::test]
async fn each_field_answers_each_caller_as_the_table_says() {
    let app = TestApp::start().await;
    let acme = tenant(&app, "acme").await;
    let callers = callers(&app, &acme).await;
    // So that a record and a version name a key.
    let (_, program) = callers.iter().find(|(caller, _)| *caller == Caller::Key).expect("one of them");
    let written = json!({ "organizationId": acme.organization, "expectedVersion": "0", "locale": "en-GB" });
    done(program, "settingsGeneralUpdate", written, "").await;
    let mut asked = below_questions(&acme);
    asked.extend(platform_questions(&acme));
    asked.extend(nested_questions(&acme));
    asked.extend(questions(&acme));
    // Last: it signs whoever asks out.
    let sign_out = "mutation($input: ViewerSessionsRevokeInput!) {
        viewerSessionsRevoke(input: $input) { userErrors { code } } }";
    asked.push(("Mutation.viewerSessionsRevoke", sign_out.to_owned(), json!({ "input": {} })));
    let streams = followed(&acme);
    let named: BTreeSet<&str> =
        asked.iter().map(|(field, ..)| *field).chain(streams.iter().map(|(field, ..)| *field)).collect();
    let listed: BTreeSet<&str> = POLICY.iter().map(|(field, _)| *field).collect();
    assert_eq!(named, listed, "each field of the table has a question");

    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut wrong = Vec::new();
    for (caller, client) in &callers {
        for (field, query, variables) in &asked {
            let answer = client.send(query, variables.clone()).await;
            let found = code(&answer.body);
            match expected(field, *caller) {
                Some(expected) => {
                    if found.as_deref() != Some(expected) {
                        wrong.push(format!("{field} as {caller:?}: {expected}, not {:#}", answer.body));
                    }
                }
                None => {
                    // What an earlier caller was let in to take away is not there any more.
                    let is_gone = found.as_deref() == Some("NOT_FOUND")
                        && (used.contains(field) || ABOUT_NOTHING.contains(field));
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

/// The code of the first event of a stream; `None` when it tells something, or nothing within `patience`.
async fn first_code(
    app: &TestApp,
    client: &Client,
    body: &Value,
    patience: Duration,
) -> (bool, Option<String>) {
    let mut request = reqwest::Client::new()
        .post(format!("http://{}/graphql", app.address))
        .header("accept", "text/event-stream")
        .json(body);
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    let mut answer = request.send().await.expect("the gateway answers");
    assert_eq!(answer.status(), 200, "{body:#}");
    let mut text = String::new();
    let read = async {
        while let Some(chunk) = answer.chunk().await.expect("a part of the stream") {
            text.push_str(&String::from_utf8_lossy(&chunk));
            let event = text.split_once("\n\n").map(|(event, _)| event);
            if let Some(data) =
                event.and_then(|event| event.lines().find_map(|line| line.strip_prefix("data:")))
            {
                return Some(serde_json::from_str::<Value>(data.trim()).expect("JSON"));
            }
        }
        None
    };
    let first = tokio::time::timeout(patience, read).await.ok().flatten();
    (first.is_some(), first.as_ref().and_then(code))
}

#[tokio::test]
async fn each_stream_answers_each_caller_as_the_table_says() {
    let app = TestApp::start().await;
    let acme = tenant(&app, "acme").await;
    let (streams, callers) = (followed(&acme), callers(&app, &acme).await);
    let asked = callers.iter().flat_map(|caller| streams.iter().map(move |stream| (caller, stream)));
    let app = &app;
    let answers = asked.map(|((caller, client), (field, query, variables, tells_at_once))| async move {
        let expected = refusal(field, *caller);
        // What tells nothing is waited for no longer than a refusal takes by far.
        let is_told = expected.is_some() || *tells_at_once;
        let patience = Duration::from_secs(if is_told { 20 } else { 3 });
        let body = json!({ "query": query, "variables": variables });
        let (was_told, found) = first_code(app, client, &body, patience).await;
        let is_so = found.as_deref() == expected && (was_told || !is_told);
        (!is_so).then(|| format!("{field} as {caller:?}: {expected:?}, not {found:?}, told: {was_told}"))
    });
    let wrong: Vec<String> = futures::future::join_all(answers).await.into_iter().flatten().collect();
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

/// What is asked again when an operation is opened is what the policy asked.
#[test]
fn operations_are_asked_for_by_whom_the_policy_lets() {
    for &kind in OperationKind::ALL {
        let (noun, act) = kind.as_str().split_once('.').expect("a noun and an act");
        let mut words = noun.split('_').chain(act.split('_'));
        let mut field = format!("Mutation.{}", words.next().expect("a word"));
        for word in words {
            let (first, rest) = word.split_at(1);
            field = format!("{field}{}{rest}", first.to_uppercase());
        }
        let rule = POLICY.iter().find(|(name, _)| *name == field).map(|(_, rule)| *rule);
        let asked_by = match rule {
            Some(Rule::Member(permission)) => AskedBy::Members(permission),
            Some(Rule::MemberOrStaff(permission)) => AskedBy::MembersOrStaff(permission),
            Some(Rule::Staff) | None => AskedBy::Others,
            Some(rule) => panic!("{field}: {rule:?}"),
        };
        assert_eq!(kind.asked_by(), asked_by, "{field}");
    }
}

#[test]
fn the_committed_table_is_the_one_that_the_code_prints() {
    let committed = include_str!("../../docs/permissions.md");
    assert_eq!(committed, permissions_markdown(), "renew it with `cargo xtask schema`");
}
