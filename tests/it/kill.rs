//! Gateways that die: a real process is killed with SIGKILL at each step of each kind of operation. The next process
//! finds Stripe and the tables agreed, and the customer charged once.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use stripe_sandbox::Sandbox;
use tokio::net::{TcpListener, TcpStream};

use crate::mutations::subscription_change::seat_plan;
use crate::support::database::TestDatabase;
use crate::support::tokens::{AUDIENCE, ISSUER, SECRET};
use crate::support::{Client, SUBSCRIBE, TestApp, TestOptions, WEBHOOK_SECRET, eventually, text, uuid_of};

/// Processes that live, and die, at the same time.
const AT_ONCE: usize = 3;

/// What an organization has before the operation.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Card,
    Subscribed,
    Ending,
    Paused,
    Trial,
    Downgrading,
    Owing,
}

/// An operation, and the places at which its process is killed.
struct Kind {
    kind: &'static str,
    before: Before,
    mutation: &'static str,
    input: fn(&Case) -> Value,
    places: &'static [&'static str],
    /// Charges of the organization when all is done.
    charges: usize,
}

/// An organization of its own for each place.
struct Case {
    kind: &'static Kind,
    place: &'static str,
    organization: String,
    subscription: String,
    invoice: String,
    pro: String,
    top: String,
}

const KINDS: &[Kind] = &[
    Kind {
        kind: "subscription.create",
        before: Before::Card,
        mutation: "subscriptionCreate",
        input: |case| json!({ "organizationId": case.organization, "planId": case.pro }),
        places: &["opened", "before-create", "answered", "settled"],
        charges: 1,
    },
    Kind {
        kind: "subscription.change",
        before: Before::Subscribed,
        mutation: "subscriptionChange",
        input: |case| json!({ "subscriptionId": case.subscription, "planId": case.top }),
        places: &["opened", "before-change", "answered", "settled"],
        charges: 2,
    },
    Kind {
        kind: "subscription.change",
        before: Before::Subscribed,
        mutation: "subscriptionChange",
        input: |case| json!({ "subscriptionId": case.subscription, "planId": case.top, "timing": "PERIOD_END" }),
        places: &["before-schedule", "before-phases", "answered"],
        charges: 1,
    },
    Kind {
        kind: "subscription.change",
        before: Before::Downgrading,
        mutation: "subscriptionChange",
        input: |case| json!({ "subscriptionId": case.subscription, "billingInterval": "YEAR" }),
        places: &["before-release", "before-change"],
        charges: 2,
    },
    Kind {
        kind: "subscription.scheduled_change_revoke",
        before: Before::Downgrading,
        mutation: "subscriptionScheduledChangeRevoke",
        input: |case| json!({ "subscriptionId": case.subscription }),
        places: &["before-release", "answered"],
        charges: 1,
    },
    Kind {
        kind: "subscription.cancel",
        before: Before::Subscribed,
        mutation: "subscriptionCancel",
        input: |case| json!({ "subscriptionId": case.subscription, "when": "NOW", "feedback": "UNUSED" }),
        places: &["before-cancel", "answered"],
        charges: 1,
    },
    Kind {
        kind: "subscription.resume",
        before: Before::Ending,
        mutation: "subscriptionResume",
        input: |case| json!({ "subscriptionId": case.subscription }),
        places: &["before-resume", "answered"],
        charges: 1,
    },
    Kind {
        kind: "subscription.collection_pause",
        before: Before::Subscribed,
        mutation: "subscriptionCollectionPause",
        input: |case| json!({ "subscriptionId": case.subscription }),
        places: &["opened", "answered"],
        charges: 1,
    },
    Kind {
        kind: "subscription.collection_resume",
        before: Before::Paused,
        mutation: "subscriptionCollectionResume",
        input: |case| json!({ "subscriptionId": case.subscription }),
        places: &["answered"],
        charges: 1,
    },
    Kind {
        kind: "subscription.trial_end",
        before: Before::Trial,
        mutation: "subscriptionTrialEnd",
        input: |case| json!({ "subscriptionId": case.subscription }),
        places: &["before-trial", "answered"],
        charges: 1,
    },
    Kind {
        kind: "invoice.pay",
        before: Before::Owing,
        mutation: "invoicePay",
        input: |case| json!({ "invoiceId": case.invoice }),
        places: &["opened", "before-pay", "answered"],
        charges: 1,
    },
    Kind {
        kind: "payment_method.attach",
        before: Before::Card,
        mutation: "paymentMethodAttach",
        input: |case| json!({ "organizationId": case.organization, "stripePaymentMethodId": "pm_card_mastercard" }),
        places: &["before-attach", "before-default", "answered"],
        charges: 0,
    },
    Kind {
        kind: "payment_intent.create",
        before: Before::Card,
        mutation: "paymentIntentCreate",
        input: |case| {
            json!({ "organizationId": case.organization, "confirm": true,
                "amount": { "minorUnits": "1500", "currency": "USD" } })
        },
        places: &["opened", "before-create", "answered", "settled"],
        charges: 1,
    },
];

fn options() -> TestOptions {
    TestOptions { deliver_webhooks: false, ..TestOptions::default() }
}

/// What each kind needs, made through the API.
async fn prepare(app: &TestApp) -> Vec<Case> {
    let owner = app.client("olivia");
    let pro = seat_plan(app, "pro", 2_900).await;
    let top = seat_plan(app, "top", 9_900).await;
    let trial = app.paid_plan("trial", 1_900, 14).await;
    let mut cases = Vec::new();
    for kind in KINDS {
        for place in kind.places {
            let organization = app.organization(&owner, &format!("case-{}", cases.len())).await;
            let mut case = Case {
                kind,
                place,
                organization,
                subscription: String::new(),
                invoice: String::new(),
                pro: pro.clone(),
                top: top.clone(),
            };
            let card =
                if kind.before == Before::Owing { "pm_card_chargeCustomerFail" } else { "pm_card_visa" };
            app.card(&owner, &case.organization, card).await;
            if kind.before != Before::Card {
                let plan = match kind.before {
                    Before::Trial => &trial,
                    Before::Downgrading => &top,
                    _ => &pro,
                };
                let input = json!({ "organizationId": case.organization, "planId": plan });
                let answer = owner.send(SUBSCRIBE, json!({ "input": input })).await;
                case.subscription = text(&answer.data()["subscriptionCreate"]["subscription"]["id"]);
            }
            let id = json!({ "subscriptionId": case.subscription });
            match kind.before {
                Before::Ending => drop(mutate(&owner, "subscriptionCancel", id).await),
                Before::Paused => drop(mutate(&owner, "subscriptionCollectionPause", id).await),
                Before::Downgrading => {
                    let down = json!({ "subscriptionId": case.subscription, "planId": pro });
                    mutate(&owner, "subscriptionChange", down).await;
                }
                Before::Owing => {
                    app.card(&owner, &case.organization, "pm_card_visa").await;
                    let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { id } } }";
                    let answer = owner.send(query, json!({ "id": case.organization })).await;
                    case.invoice = text(&answer.data()["invoices"]["nodes"][0]["id"]);
                }
                Before::Card | Before::Subscribed | Before::Trial => {}
            }
            cases.push(case);
        }
    }
    cases
}

async fn mutate(client: &Client, mutation: &str, input: Value) -> Value {
    let answer = client.send(&query_of(mutation), json!({ "input": input })).await;
    let payload = answer.data()[mutation].clone();
    assert_eq!(payload["userErrors"], json!([]), "{mutation}: {payload:#}");
    payload
}

fn query_of(mutation: &str) -> String {
    let mut letters = mutation.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    format!(
        "mutation($input: {capital}Input!) {{ {mutation}(input: $input) {{ operation {{ state }} userErrors {{ code message }} }} }}"
    )
}

/// A process that does not outlive its test.
struct Gateway(Child);

impl Drop for Gateway {
    fn drop(&mut self) {
        // It has ended already, or it is killed now: SIGKILL either way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A gateway in a process of its own, which stands still at `fault_point`.
async fn gateway(database: &TestDatabase, sandbox: &Sandbox, fault_point: &str) -> (Gateway, u16) {
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        free.local_addr().expect("an address").port()
    };
    let folder = std::env::temp_dir();
    let child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("serve")
        .current_dir(&folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("TOLLGATE_FAULT_POINT", fault_point)
        .env("TOLLGATE_LISTEN", format!("127.0.0.1:{port}"))
        .env("DATABASE_URL", database.url())
        .env("STRIPE_SECRET_KEY", "sk_test_tollgate_sandbox")
        .env("STRIPE_API_BASE", sandbox.base_url())
        .env("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET)
        .env("TOLLGATE_JWT_SECRET", String::from_utf8_lossy(SECRET).as_ref())
        .env("TOLLGATE_JWT_ISSUER", ISSUER)
        .env("TOLLGATE_JWT_AUDIENCE", AUDIENCE)
        .env("TOLLGATE_DATABASE_MAX_CONNECTIONS", "3")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the gateway's own binary");
    // Whatever happens from here on, it ends with its guard.
    let gateway = Gateway(child);
    for _ in 0..600 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return (gateway, port);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("a gateway did not come up for {fault_point}");
}

/// Asks a process for the operation, and kills it where it stands still.
async fn kill_at(case: &Case, database: &TestDatabase, sandbox: &Sandbox, token: &str) {
    let point = format!("{}@{}", case.kind.kind, case.place);
    let (mut process, port) = gateway(database, sandbox, &point).await;
    let client = Client::new(([127, 0, 0, 1], port).into(), Some(token.to_owned()));
    let query = query_of(case.kind.mutation);
    let variables = json!({ "input": (case.kind.input)(case) });
    let request = tokio::spawn(async move { client.try_send(&query, variables).await });
    let stderr = process.0.stderr.take().expect("a pipe");
    let reached = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        lines.any(|line| line.contains("fault point reached"))
    });
    let reached = tokio::time::timeout(Duration::from_secs(30), reached).await;
    // SIGKILL: nothing is tidied up.
    drop(process);
    request.abort();
    assert!(matches!(reached, Ok(Ok(true))), "{point} was not reached: {reached:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_left_is_finished_once() {
    let app = TestApp::start_with(options()).await;
    let cases = prepare(&app).await;
    let token = app.tokens.token("olivia");
    let (database, sandbox) = app.stop().await;

    stream::iter(&cases)
        .for_each_concurrent(AT_ONCE, |case| kill_at(case, &database, &sandbox, &token))
        .await;

    TestApp::let_leases_run_out(&database).await;
    let next = TestApp::start_on(database, sandbox, options()).await;
    eventually("everything that was left to be settled", || async {
        next.service.settle_abandoned_operations().await.expect("a sweep");
        next.open_operations().await.is_empty().then_some(())
    })
    .await;

    let owner = next.client("olivia");
    for case in &cases {
        let what = format!("{} killed at {}", case.kind.kind, case.place);
        check_operation(&next, case, &what).await;
        check_against_stripe(&next, &owner, case, &what).await;
    }
}

/// Done, and recorded once as the caller's.
async fn check_operation(app: &TestApp, case: &Case, what: &str) {
    let states = app.operation_states(&case.organization, case.kind.kind).await;
    assert_eq!(states.last().map(String::as_str), Some("CONFIRMED"), "{what}: {states:?}");
    let records = app.audit_records().await;
    let of_case = records
        .iter()
        .filter(|record| {
            record.organization_id.is_some_and(|id| id.0 == uuid_of(&case.organization))
                && record.action == case.kind.kind
        })
        .count();
    assert_eq!(of_case, states.len(), "{what}: a record for each");
}

/// The tables say what Stripe says, and what was to be charged was charged once.
async fn check_against_stripe(app: &TestApp, owner: &Client, case: &Case, what: &str) {
    let query = "query($id: ID!) { organization(id: $id) {
        subscription { stripeSubscriptionId status quantity isCollectionPaused cancelAtPeriodEnd scheduledChange { quantity } }
        paymentMethods { isDefault card { brand } } payments { nodes { status } } } }";
    let answer = owner.send(query, json!({ "id": case.organization })).await;
    let shown = &answer.data()["organization"];
    let organization = uuid_of(&case.organization).to_string();
    let customers = app.sandbox.objects("customer");
    let ours: Vec<_> = customers
        .iter()
        .filter(|customer| customer["metadata"]["tollgate_organization_id"] == organization.as_str())
        .collect();
    assert_eq!(ours.len(), 1, "{what}: one customer");
    let customer = &ours[0]["id"];
    let charged = app
        .sandbox
        .objects("charge")
        .iter()
        .filter(|charge| charge["customer"] == *customer && charge["status"] == "succeeded")
        .count();
    assert_eq!(charged, case.kind.charges, "{what}: charges");
    let subscriptions: Vec<_> = app
        .sandbox
        .objects("subscription")
        .into_iter()
        .filter(|subscription| subscription["customer"] == *customer)
        .collect();
    assert!(subscriptions.len() <= 1, "{what}: {subscriptions:#?}");
    if let Some(at_stripe) = subscriptions.first() {
        let row = &shown["subscription"];
        assert_eq!(row["stripeSubscriptionId"], at_stripe["id"], "{what}");
        assert_eq!(text(&row["status"]).to_lowercase(), text(&at_stripe["status"]), "{what}: {row:#}");
        assert_eq!(row["quantity"], at_stripe["items"]["data"][0]["quantity"].to_string(), "{what}");
        assert_eq!(row["isCollectionPaused"], !at_stripe["pause_collection"].is_null(), "{what}");
        assert_eq!(row["cancelAtPeriodEnd"], at_stripe["cancel_at_period_end"], "{what}");
        assert_eq!(row["scheduledChange"].is_null(), at_stripe["schedule"].is_null(), "{what}: {row:#}");
    }
    if case.kind.kind == "payment_method.attach" {
        let default = shown["paymentMethods"]
            .as_array()
            .expect("methods")
            .iter()
            .find(|method| method["isDefault"] == true);
        assert_eq!(default.map(|method| &method["card"]["brand"]), Some(&json!("mastercard")), "{what}");
    }
}
