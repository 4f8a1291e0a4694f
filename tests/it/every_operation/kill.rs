//! Gateways that die: a real process is killed with SIGKILL at each step of each kind of operation. The next process
//! finds Stripe and the tables agreed, and the customer charged once.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use stripe_sandbox::Sandbox;
use tokio::net::TcpStream;

use super::passed::{check, told};
use super::{
    Before, CONFIRMED, Case, SCENARIOS, catalogue, check_against_stripe, is_by_staff, prepare, query_of,
    quiet,
};
use crate::support::database::TestDatabase;
use crate::support::tokens::{AUDIENCE, ISSUER, SECRET};
use crate::support::{Client, TestApp, WEBHOOK_SECRET, eventually, free_port, uuid_of};

/// Processes that live, and die, at the same time.
const AT_ONCE: usize = 3;

/// The tokens of those who ask.
struct Tokens {
    owner: String,
    staff: String,
}

/// A process that does not outlive its test.
pub struct Gateway(pub Child);

impl Drop for Gateway {
    fn drop(&mut self) {
        // It has ended already, or it is killed now: SIGKILL either way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A gateway in a process of its own, which stands still at `fault_point`.
pub async fn gateway(database: &TestDatabase, sandbox: &Sandbox, fault_point: &str) -> (Gateway, u16) {
    let port = free_port();
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
        .env("TOLLGATE_RETURN_URLS", super::PAGE)
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

/// Waits until a process stands still, and kills it there.
pub(super) async fn kill_when_reached(mut process: Gateway, point: &str) {
    let stderr = process.0.stderr.take().expect("a pipe");
    let reached = tokio::task::spawn_blocking(move || {
        let mut passed = Vec::new();
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            passed.extend(told(&line).map(str::to_owned));
            if line.contains("fault point reached") {
                return Some(passed);
            }
        }
        None
    });
    let reached = tokio::time::timeout(Duration::from_secs(30), reached).await;
    // SIGKILL: nothing is tidied up.
    drop(process);
    match reached {
        // Nor does it pass any place on its way at which none is killed.
        Ok(Ok(Some(passed))) => check(&passed),
        reached => panic!("{point} was not reached: {reached:?}"),
    }
}

/// Asks a process for the operation, and kills it where it stands still.
async fn kill_at(case: &Case, database: &TestDatabase, sandbox: &Sandbox, tokens: &Tokens) {
    let point = format!("{}@{}", case.scenario.kind, case.place);
    let token = if is_by_staff(case.scenario) { &tokens.staff } else { &tokens.owner };
    let asked = (case.scenario.mutation, (case.scenario.input)(case));
    ask_and_kill(database, sandbox, token.clone(), asked, &point).await;
}

/// Asks a process of its own for something, and kills it where it stands still.
pub(super) async fn ask_and_kill(
    database: &TestDatabase,
    sandbox: &Sandbox,
    token: String,
    (mutation, input): (&str, Value),
    point: &str,
) {
    let (process, port) = gateway(database, sandbox, point).await;
    let client = Client::new(([127, 0, 0, 1], port).into(), Some(token));
    let (query, variables) = (query_of(mutation), json!({ "input": input }));
    let request = tokio::spawn(async move { client.try_send(&query, variables).await });
    let answered = async {
        let answer = request.await.expect("the request does not panic");
        panic!("{point} was passed by: {answer:?}");
    };
    tokio::select! {
        () = kill_when_reached(process, point) => {}
        () = answered => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_left_is_finished_once() {
    let app = TestApp::start_with(quiet()).await;
    let catalogue = catalogue(&app).await;
    let mut cases = Vec::new();
    for scenario in SCENARIOS {
        for place in scenario.places {
            let slug = format!("case-{}", cases.len());
            cases.push(prepare(&app, &catalogue, scenario, place, slug).await);
        }
    }
    let tokens = Tokens { owner: app.tokens.token("olivia"), staff: app.tokens.staff_token("staff") };
    let (database, sandbox) = app.stop().await;

    stream::iter(&cases)
        .for_each_concurrent(AT_ONCE, |case| kill_at(case, &database, &sandbox, &tokens))
        .await;

    TestApp::let_leases_run_out(&database).await;
    let next = TestApp::start_on(database, sandbox, quiet()).await;
    eventually("everything that was left to be settled", || async {
        next.service.settle_abandoned_operations().await.expect("a sweep");
        next.open_operations().await.is_empty().then_some(())
    })
    .await;

    for case in &cases {
        let what = format!("{} killed at {}", case.scenario.kind, case.place);
        check_operation(&next, case, &what).await;
        check_against_stripe(&next, case, &what).await;
    }
}

/// Done, and recorded once as the caller's.
async fn check_operation(app: &TestApp, case: &Case, what: &str) {
    let kind = case.scenario.kind.as_str();
    if case.scenario.before == Before::Plan {
        let plan = app.store().find_plan_by_slug(&case.slug).await.expect("a query").expect(what);
        let about = if case.plan.is_empty() { case.slug.clone() } else { plan.id.to_string() };
        assert_eq!(app.operations_about(kind, &about).await, [CONFIRMED], "{what}");
        let records = app.audit_records().await;
        let id = plan.id.to_string();
        let of_plan = records.iter().filter(|record| record.action == kind && record.resource_id == id);
        assert_eq!(of_plan.count(), 1, "{what}: a record");
        return;
    }
    let states = app.operation_states(&case.organization, kind).await;
    assert_eq!(states.last().map(String::as_str), Some(case.scenario.state), "{what}: {states:?}");
    let records = app.audit_records().await;
    let of_case = records
        .iter()
        .filter(|record| {
            record.organization_id.is_some_and(|id| id.0 == uuid_of(&case.organization))
                && record.action == kind
        })
        .count();
    assert_eq!(of_case, states.len(), "{what}: a record for each");
}
