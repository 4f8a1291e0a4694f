//! The number of SQL statements of an operation does not grow with its rows.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::ids::OrganizationId;
use tollgate::jobs::WorkerOptions;
use tollgate::store::DemoRows;

use crate::support::{Answer, Client, TestApp, TestOptions, text, uuid_of};

/// Another process on the same database, whose worker looks for nothing: what it asks of the database, its requests ask.
async fn without_work(app: &TestApp) -> TestApp {
    // What the events of the setup cause is not the query's.
    app.settled().await;
    let never = Duration::from_secs(3_600);
    let defaults = TestOptions::default();
    let worker =
        WorkerOptions { idle: never, sweep: never, dunning: never, usage_close: never, ..defaults.worker };
    let quiet = app.another_process(TestOptions { worker, deliver_webhooks: false, ..defaults }).await;
    // What it looks at once when it starts.
    while !quiet.statements_of(tokio::time::sleep(Duration::from_millis(300))).await.1.is_empty() {}
    quiet
}

/// Statements of the operation itself, without the one that finds out who is calling.
fn beside_authentication(statements: &[String]) -> Vec<&String> {
    statements.iter().filter(|sql| !sql.contains("\"issuer\" =") && !is_transaction(sql)).collect()
}

fn is_transaction(sql: &str) -> bool {
    ["BEGIN", "COMMIT", "ROLLBACK"].iter().any(|word| sql.trim_start().to_uppercase().starts_with(word))
}

/// Several parts of an answer ask for plans and people; whether their questions meet in one statement is a matter of
/// milliseconds, so the fewest of three runs count.
async fn fewest(app: &TestApp, client: &Client, query: &str, variables: Value) -> (Answer, Vec<String>) {
    let mut fewest = app.statements_of(client.send(query, variables.clone())).await;
    for _ in 0..2 {
        let again = app.statements_of(client.send(query, variables.clone())).await;
        if beside_authentication(&again.1).len() < beside_authentication(&fewest.1).len() {
            fewest = again;
        }
    }
    fewest
}

const DASHBOARD: &str = "query($id: ID!) {
  organization(id: $id) {
    name
    subscription { status currentPeriodEnd plan { name price { amount } } }
    invoices(first: 10) { nodes { number status amountDue { amount } } }
    usage { day meter quantity }
    members(first: 20) { nodes { role user { email name } } }
  }
}";

/// Three meters of so many days, the last of them today.
async fn use_for_days(app: &TestApp, organization: &str, days: i64, skipped: i64) {
    let today = SystemClock.now().date_naive();
    let days = (skipped..days).map(|ago| today - chrono::Duration::days(ago));
    let meters = ["api_calls", "storage_gb", "seats"];
    let id = OrganizationId(uuid_of(organization));
    let usage = days.flat_map(|day| meters.map(|meter| (id, day, meter, 7))).collect();
    app.store().insert_demo(DemoRows { usage, ..DemoRows::default() }).await.expect("rows");
}

/// Ten invoices, thirty days' usage and twenty members take no more statements than one of each.
#[tokio::test]
async fn the_dashboard_takes_at_most_five_statements_however_much_it_shows() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    use_for_days(&app, &organization, 1, 0).await;
    let quiet = without_work(&app).await;
    let variables = json!({ "id": organization });
    let asker = quiet.client("olivia");
    let rows = |answer: &Answer| {
        let shown = &answer.data()["organization"];
        [&shown["invoices"]["nodes"], &shown["usage"], &shown["members"]["nodes"]]
            .map(|rows| rows.as_array().map(Vec::len))
    };
    let (little, for_little) = fewest(&quiet, &asker, DASHBOARD, variables.clone()).await;
    assert_eq!(little.data()["organization"]["subscription"]["plan"]["name"], "pro");
    assert_eq!(rows(&little), [Some(1), Some(3), Some(1)]);

    let customer = app.stripe_customer(&organization).await;
    for _ in 0..10 {
        app.at_stripe(reqwest::Method::POST, "invoices", &[("customer", customer.as_str())]).await;
    }
    use_for_days(&app, &organization, 30, 1).await;
    for number in 0..20 {
        app.member(&organization, &format!("member-{number}")).await;
    }
    app.settled().await;
    let (much, for_much) = fewest(&quiet, &asker, DASHBOARD, variables).await;
    assert_eq!(rows(&much), [Some(10), Some(90), Some(20)]);
    let (little, much) = (beside_authentication(&for_little), beside_authentication(&for_much));
    assert!((1..=5).contains(&much.len()), "{} statements: {much:#?}", much.len());
    assert_eq!(little.len(), much.len(), "{little:#?} and {much:#?}");
    assert!(for_much.len() > much.len(), "authentication was counted: {for_much:#?}");
}

const FIFTY: &str = "{
  organizations(first: 50) {
    nodes { name subscription { status plan { name } } latestInvoice { number status amountDue { amount } } }
  }
}";

#[tokio::test]
async fn fifty_organizations_take_at_most_four_statements() {
    let app = TestApp::start().await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let owner = app.client("olivia");
    for number in 0..50 {
        let organization = app.organization(&owner, &format!("acme-{number}")).await;
        if number % 10 == 0 {
            app.card(&owner, &organization, "pm_card_visa").await;
            app.subscribe(&owner, &organization, &plan).await;
        }
    }
    let quiet = without_work(&app).await;
    let (answer, statements) = fewest(&quiet, &quiet.client("olivia"), FIFTY, json!({})).await;
    let nodes = answer.data()["organizations"]["nodes"].as_array().expect("organizations").clone();
    assert_eq!(nodes.len(), 50);
    assert_eq!(nodes.iter().filter(|node| node["latestInvoice"]["status"] == "PAID").count(), 5);
    assert_eq!(nodes.iter().filter(|node| node["subscription"]["plan"]["name"] == "pro").count(), 5);
    let counted = beside_authentication(&statements);
    assert!((1..=4).contains(&counted.len()), "{} statements: {counted:#?}", counted.len());
}

/// What is asked of each organization of a list, connections and their totals included, is asked of all at once.
#[tokio::test]
async fn connections_below_a_list_are_batched() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let everything = "query($first: Int!) { organizations(first: $first) { totalCount nodes {
        members(first: 2) { totalCount nodes { user { email } } }
        invoices(first: 2, filter: { status: [PAID] }) {
          totalCount nodes { number payments { status } subscription { plan { name } } }
        }
        payments(first: 2) { totalCount nodes { status } }
        refunds(first: 2) { totalCount nodes { status } }
        disputes(first: 2) { totalCount nodes { status } }
        subscriptions(first: 2) { totalCount nodes {
          status plan { name prices { unitAmount { amount } } } latestInvoice { number }
          scheduledChange { billingInterval plan { name } }
        } }
        subscription { latestInvoice { status } }
        paymentMethods { kind }
        usage { quantity }
        auditLogs(first: 2) { totalCount nodes { action user { email } } }
        settings { general { version } }
      } } }";
    let cheap = app.paid_plan("starter", 900, 0).await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    for number in 0..6 {
        let organization = app.organization(&owner, &format!("acme-{number}")).await;
        app.card(&owner, &organization, "pm_card_visa").await;
        let subscription = app.subscribe(&owner, &organization, &plan).await;
        let change = "mutation($input: SubscriptionChangeInput!) { subscriptionChange(input: $input) {
            subscription { scheduledChange { at } } userErrors { message } } }";
        let input = json!({ "subscriptionId": subscription["subscription"]["id"], "planId": cheap });
        let answer = owner.send(change, json!({ "input": input })).await;
        let changed = &answer.data()["subscriptionChange"];
        assert!(changed["subscription"]["scheduledChange"]["at"].is_string(), "{changed}");
    }
    let quiet = without_work(&app).await;
    let asker = quiet.client("olivia");
    let fewest = async |first: i32| fewest(&quiet, &asker, everything, json!({ "first": first })).await;
    let (few, for_two) = fewest(2).await;
    let (many, for_six) = fewest(6).await;
    assert_eq!(few.data()["organizations"]["nodes"].as_array().map(Vec::len), Some(2));
    let nodes = many.data()["organizations"]["nodes"].as_array().expect("organizations").clone();
    assert_eq!(nodes.len(), 6);
    for node in &nodes {
        assert_eq!(node["members"]["totalCount"], 1, "{node}");
        assert_eq!(node["invoices"]["totalCount"], 1, "{node}");
        assert_eq!(node["payments"]["totalCount"], 1, "{node}");
        assert_eq!(node["refunds"]["totalCount"], 0, "{node}");
        assert!(node["auditLogs"]["totalCount"].as_u64() > Some(2), "{node}");
        assert_eq!(node["subscription"]["latestInvoice"]["status"], "PAID", "{node}");
        assert_eq!(node["subscriptions"]["nodes"][0]["scheduledChange"]["plan"]["name"], "starter", "{node}");
    }
    // Three places ask for plans. What were asked for row by row would be four statements more, at least.
    let (two, six) = (beside_authentication(&for_two).len(), beside_authentication(&for_six).len());
    assert!(six <= two + 3, "{two} and {six}: {for_two:#?} and {for_six:#?}");
}

#[tokio::test]
async fn nodes_take_one_statement_a_type() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(app.organization(&owner, &format!("acme-{number}")).await);
    }
    ids.push(ids[0].clone());
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Organization { slug } } }";
    let quiet = without_work(&app).await;
    let asker = quiet.client("olivia");
    let (answer, statements) = quiet.statements_of(asker.send(query, json!({ "ids": ids }))).await;
    let nodes = answer.data()["nodes"].as_array().expect("nodes").clone();
    let got: Vec<String> = nodes.iter().map(|node| text(&node["id"])).collect();
    assert_eq!(got, ids, "in the order of the ids, the same one twice included");
    assert_eq!(beside_authentication(&statements).len(), 1, "{statements:#?}");
}
