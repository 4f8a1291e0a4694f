//! What a new user does first, with the program itself: the first run, and the rehearsal of a connection to Stripe.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sandbox::Sandbox;
use tempfile::TempDir;

use super::page::Page;
use crate::support::database::TestDatabase;
use crate::support::{Client, eventually, free_port, measure, text};

/// A gateway in a process of its own, with nothing but these settings, in a folder of its own.
struct Gateway {
    child: Child,
    out: BufReader<ChildStdout>,
    port: u16,
    settings: Vec<(String, String)>,
    folder: Arc<TempDir>,
}

impl Gateway {
    async fn start(port: u16, settings: Vec<(String, String)>) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().expect("a folder")), port, settings).await
    }

    /// One in a folder where another ran before.
    async fn start_in(folder: Arc<TempDir>, port: u16, mut settings: Vec<(String, String)>) -> Self {
        settings.push(("TOLLGATE_LISTEN".to_owned(), format!("127.0.0.1:{port}")));
        // Nothing on this machine is reached through a proxy, least of all through one that is not there.
        settings.push(("HTTP_PROXY".to_owned(), "http://127.0.0.1:9".to_owned()));
        let mut command = tollgate("serve", &settings, &folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let gateway = Self { child, out, port, settings, folder };
        let health = format!("http://127.0.0.1:{port}/healthz");
        let begun = Instant::now();
        // The demo is made before it serves, which takes its time on a machine that does much else.
        while reqwest::get(&health).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "waited a minute for the gateway to serve");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        gateway
    }

    fn client(&self, token: &str) -> Client {
        Client::new(([127, 0, 0, 1], self.port).into(), Some(token.to_owned()))
    }

    /// Another command of the program, with the same settings in the same folder.
    fn command(&self, arguments: &str) -> Output {
        tollgate(arguments, &self.settings, &self.folder).output().expect("the binary")
    }

    fn token(&self, arguments: &str) -> String {
        let output = self.command(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// What it prints, up to the line that holds this.
    fn printed_until(&mut self, words: &str) -> String {
        let mut printed = String::new();
        while !printed.contains(words) {
            let read = self.out.read_line(&mut printed).expect("text");
            assert!(read > 0, "it ended without {words}:\n{printed}");
        }
        printed
    }

    fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
    }

    /// Waits for the end that somebody asked for.
    async fn end(mut self) -> std::process::ExitStatus {
        let ended = tokio::task::spawn_blocking(move || {
            // A full pipe would keep it from ending.
            let _ = self.out.read_to_end(&mut Vec::new());
            self.child.wait().expect("it was started")
        });
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends").expect("no panic")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tollgate(arguments: &str, settings: &[(String, String)], folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command
        .args(arguments.split(' '))
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .envs(settings.iter().map(|(name, value)| (name, value)));
    command
}

/// Nothing on SQLite: the program makes its own file. PostgreSQL must be named.
fn named(database: &TestDatabase) -> Vec<(String, String)> {
    let is_named = database.url().starts_with("postgres");
    is_named.then(|| ("DATABASE_URL".to_owned(), database.url().to_owned())).into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_run_has_all_that_the_readme_says() {
    let page = Page::read("README.md");
    let database = TestDatabase::empty().await;
    let port = free_port();
    let mut gateway = Gateway::start(port, named(&database)).await;

    // The first token that was printed answers the README's first query as the README says.
    let printed = gateway.printed_until("viewer");
    let token = printed.split_whitespace().find(|word| word.starts_with("eyJ")).expect("a token").to_owned();
    let (_, body) = page.curl("{ organizations { nodes", &[]);
    let answer = gateway.client(&token).post(&body).await;
    assert_eq!(answer.body, page.json_after("{ organizations { nodes"));

    // The curl line that was printed works as it was printed.
    let line = &printed[printed.find("curl -s").expect("a line for curl")..];
    let output =
        Command::new("sh").args(["-c", line]).env("NO_PROXY", "127.0.0.1").output().expect("a shell");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(answer["data"]["viewer"]["organizations"]["nodes"][0]["name"].is_string(), "{answer:#}");
    let graphiql = reqwest::get(format!("http://127.0.0.1:{port}/graphiql")).await.expect("an answer");
    assert_eq!(graphiql.status(), 200);

    gateway.terminate();
    assert!(gateway.end().await.success());
}

/// Far above what is asked of a release build on a quiet machine, which `cargo xtask bench start` sets.
const START_BOUND: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_soon_after_its_start() {
    let mut took = Vec::new();
    for _ in 0..measure::rounds("TOLLGATE_TEST_START_ROUNDS", 1) {
        let database = TestDatabase::empty().await;
        let port = free_port();
        let began = Instant::now();
        let gateway = Gateway::start(port, named(&database)).await;
        took.push(began.elapsed());
        gateway.terminate();
        assert!(gateway.end().await.success());
    }
    let bound = measure::bound("TOLLGATE_TEST_START_BOUND_MS", START_BOUND);
    measure::report("from the start to serving, with a new demo", took, bound);
}

/// `cargo run`, `DATABASE_URL=… cargo run`, and `cargo run` again, in one folder: each database keeps the Stripe that its
/// rows are of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demos_of_two_databases_do_not_mix() {
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    let other = TestDatabase::empty().await;
    let another = vec![("DATABASE_URL".to_owned(), other.url().to_owned())];
    for settings in [Vec::new(), another.clone(), Vec::new(), another] {
        let gateway = Gateway::start_in(Arc::clone(&folder), free_port(), settings).await;
        // Stripe is asked for the next bill of the demo's customer.
        let owner = gateway.client(&gateway.token("token olivia"));
        let query = "{ organizations { nodes { slug upcomingInvoice { total { amount } } } } }";
        let answer = owner.send(query, json!({})).await;
        let nodes = answer.data()["organizations"]["nodes"].as_array().expect("organizations").clone();
        let bills =
            nodes.iter().filter(|node| node["upcomingInvoice"]["total"]["amount"].is_string()).count();
        assert!(bills > 0, "{:#}", answer.body);
        gateway.terminate();
        assert!(gateway.end().await.success());
    }
}

/// What an older version kept beside the default database goes on with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_of_an_older_version_is_taken_over() {
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    let gateway = Gateway::start_in(Arc::clone(&folder), free_port(), Vec::new()).await;
    gateway.terminate();
    assert!(gateway.end().await.success());
    let data = folder.path().join("data");
    let kept = || {
        let names =
            std::fs::read_dir(&data).expect("the data folder").map(|entry| entry.expect("an entry").path());
        names.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect::<Vec<_>>()
    };
    let [state] = &kept()[..] else { panic!("one file of the sandbox's: {:?}", kept()) };
    std::fs::rename(state, data.join("stripe-sandbox.json")).expect("it is there");
    let database = sea_orm::Database::connect(format!("sqlite://{}", data.join("tollgate.sqlite").display()));
    let database = database.await.expect("the database opens");
    let unbind = "DELETE FROM sync_cursors WHERE name = 'stripe.account'";
    sea_orm::ConnectionTrait::execute_unprepared(&database, unbind).await.expect("a delete");
    database.close().await.expect("it closes");

    let real = [("STRIPE_SECRET_KEY".to_owned(), "sk_test_1".to_owned())];
    let refused = tollgate("serve", &real, &folder).output().expect("the binary");
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(complaint.contains("was filled from the Stripe sandbox"), "{complaint}");

    let gateway = Gateway::start_in(Arc::clone(&folder), free_port(), Vec::new()).await;
    assert!(!data.join("stripe-sandbox.json").exists() && kept().len() == 1, "{:?}", kept());
    gateway.terminate();
    assert!(gateway.end().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_is_used_with_the_stripe_that_filled_it_alone() {
    let database = TestDatabase::empty().await;
    let folder = Arc::new(tempfile::tempdir().expect("a folder"));
    let sandbox = Sandbox::builder().seed(7).start(([127, 0, 0, 1], 0).into()).await.expect("it starts");
    let with_url = |more: &[(&str, &str)]| -> Vec<(String, String)> {
        let url = ("DATABASE_URL", database.url());
        [url].iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let base = sandbox.base_url();
    let test = [("STRIPE_SECRET_KEY", "sk_test_1"), ("STRIPE_API_BASE", base.as_str())];
    let complaint = |command: &str, settings: &[(&str, &str)]| {
        let output = tollgate(command, &with_url(settings), &folder).output().expect("the binary");
        assert!(!output.status.success(), "{settings:?}");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };

    let gateway = Gateway::start_in(Arc::clone(&folder), free_port(), with_url(&[])).await;
    gateway.terminate();
    assert!(gateway.end().await.success());
    for command in ["serve", "reconcile", "doctor"] {
        let why = complaint(command, &test);
        assert!(why.contains("was filled from the Stripe sandbox") && why.contains("DATABASE_URL"), "{why}");
    }

    // The rows of an account: nothing but another binding is needed to try it.
    for (filled, why) in [
        ("test:acct_another", "was filled from Stripe's account acct_another in test mode"),
        ("live:acct_1Sandbox00000000", "was filled from Stripe's account acct_1Sandbox00000000 in live mode"),
    ] {
        rebind(database.url(), filled).await;
        for settings in [&test[..], &[]] {
            let said = complaint("serve", settings);
            assert!(said.contains(why) && said.contains("STRIPE_SECRET_KEY"), "{said}");
        }
    }
    rebind(database.url(), "test:acct_1Sandbox00000000").await;
    let gateway = Gateway::start_in(folder, free_port(), with_url(&test)).await;
    gateway.terminate();
    assert!(gateway.end().await.success());
}

async fn rebind(url: &str, filled: &str) {
    let database = sea_orm::Database::connect(url).await.expect("the database opens");
    let sql = format!("UPDATE sync_cursors SET value = '{filled}' WHERE name = 'stripe.account'");
    let updated = sea_orm::ConnectionTrait::execute_unprepared(&database, &sql).await.expect("an update");
    assert_eq!(updated.rows_affected(), 1);
    database.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_is_made_once_and_ahead_of_serving() {
    let database = TestDatabase::empty().await;
    let folder = tempfile::tempdir().expect("a folder");
    let seed = || tollgate("seed", &named(&database), &folder).output().expect("the binary");
    let made = seed();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let again = seed();
    let complaint = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && complaint.contains("The database is not empty"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_stripe_is_rehearsed_as_the_guide_says() {
    let page = Page::read("docs/guides/connecting-stripe.md");
    let database = TestDatabase::empty().await;
    let sandbox = Sandbox::builder().seed(7).start(([127, 0, 0, 1], 0).into()).await.expect("it starts");
    let port = free_port();
    let at_home = |text: &str| {
        text.replace("http://127.0.0.1:12111", &sandbox.base_url())
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"))
    };

    let (path, fields) = page.form("/v1/webhook_endpoints");
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), at_home(value))).collect();
    let endpoint = reqwest::Client::new()
        .post(format!("{}{path}", sandbox.base_url()))
        .basic_auth("sk_test_1", Some(""))
        .form(&fields)
        .send()
        .await
        .expect("the sandbox answers");
    let endpoint: Value = endpoint.json().await.expect("JSON");
    let secret = text(&endpoint["secret"]);

    let mut settings = page.settings_of(" cargo run");
    for (_, value) in &mut settings {
        *value = at_home(value).replace("whsec_…", &secret);
    }
    settings.extend(named(&database));
    let gateway = Gateway::start(port, settings).await;

    let doctor = gateway.command("doctor");
    let report = String::from_utf8_lossy(&doctor.stdout);
    assert!(doctor.status.success() && report.contains("Nothing is wrong."), "{report}");

    // What happens at the sandbox arrives at stripeEvents.
    let http = reqwest::Client::new();
    let url = format!("{}/v1/customers", sandbox.base_url());
    let made =
        http.post(url).bearer_auth("sk_test_1").form(&[("name", "Hooli")]).send().await.expect("an answer");
    let customer = text(&made.json::<Value>().await.expect("JSON")["id"]);
    let staff = gateway.client(&gateway.token("token casey --staff"));
    eventually("the event of the customer", || async {
        let answer = staff.send("{ stripeEvents(first: 5) { nodes { type state } } }", json!({})).await;
        let nodes = answer.data()["stripeEvents"]["nodes"].as_array()?.clone();
        nodes.iter().any(|event| event["type"] == "customer.created").then_some(())
    })
    .await;
    // It was there before: it is said whose it is.
    let owner = gateway.client(&gateway.token("token olivia"));
    let create = "mutation { organizationCreate(input: { name: \"Raviga\", slug: \"raviga\" }) { organization { id } } }";
    let made = owner.send(create, json!({})).await;
    let organization = made.data()["organizationCreate"]["organization"]["id"].clone();
    let link = page.graphql("customerLink", &[("cus_…", &customer)]);
    let linked =
        staff.send(&link, json!({ "organization": organization })).await.data()["customerLink"].clone();
    assert_eq!(linked["userErrors"], json!([]), "{linked:#}");
    assert_eq!(linked["organization"]["id"], organization, "{linked:#}");
    page.assert_tried();

    requests_under_way_end_before_the_process(gateway, &sandbox).await;
}

/// SIGTERM: the charge that Stripe is being asked for is answered, and then the process ends well.
async fn requests_under_way_end_before_the_process(gateway: Gateway, sandbox: &Sandbox) {
    let owner = gateway.client(&gateway.token("token olivia"));
    let create = "mutation { organizationCreate(input: { name: \"Hooli\", slug: \"hooli\" }) { organization { id } } }";
    let created = owner.send(create, json!({})).await;
    let organization = text(&created.data()["organizationCreate"]["organization"]["id"]);
    let attach = "mutation($id: ID!) { paymentMethodAttach(input: { organizationId: $id, stripePaymentMethodId: \"pm_card_visa\" }) { userErrors { code } } }";
    owner.send(attach, json!({ "id": organization })).await.data();

    let url = format!("{}/_sandbox/faults", sandbox.base_url());
    let delay = json!({ "match": "POST /v1/payment_intents", "kind": "delay", "ms": 1500, "count": 1 });
    reqwest::Client::new().post(url).json(&delay).send().await.expect("an answer");
    let charging = owner.clone();
    let charge = tokio::spawn(async move {
        let charge = "mutation($id: ID!) { paymentIntentCreate(input: { organizationId: $id, confirm: true,
            amount: { minorUnits: \"1500\", currency: \"USD\" } }) { operation { state } } }";
        charging.send(charge, json!({ "id": organization })).await
    });
    eventually("Stripe to be asked", || async {
        let asked = sandbox.requests();
        asked
            .iter()
            .any(|request| request.method == "POST" && request.path == "/v1/payment_intents")
            .then_some(())
    })
    .await;
    gateway.terminate();
    let answer = charge.await.expect("no panic");
    assert_eq!(answer.data()["paymentIntentCreate"]["operation"]["state"], "CONFIRMED");
    assert!(gateway.end().await.success());
}
