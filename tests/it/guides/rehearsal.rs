//! What a new user does first, with the program itself: the first run, and the rehearsal of a connection to Stripe.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sandbox::Sandbox;
use tokio::net::TcpListener;

use super::page::Page;
use crate::support::database::TestDatabase;
use crate::support::{Client, eventually, text};

/// A gateway in a process of its own, with nothing but these settings, in a folder of its own.
struct Gateway {
    child: Child,
    out: BufReader<ChildStdout>,
    port: u16,
    settings: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl Gateway {
    async fn start(port: u16, mut settings: Vec<(String, String)>) -> Self {
        settings.push(("TOLLGATE_LISTEN".to_owned(), format!("127.0.0.1:{port}")));
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = tollgate("serve", &settings, &folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let gateway = Self { child, out, port, settings, folder };
        let health = format!("http://127.0.0.1:{port}/healthz");
        eventually("the gateway to serve", || async { reqwest::get(&health).await.ok() }).await;
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
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(status.expect("kill").success());
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

fn tollgate(arguments: &str, settings: &[(String, String)], folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command
        .args(arguments.split(' '))
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .envs(settings.iter().map(|(name, value)| (name, value)));
    command
}

async fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    free.local_addr().expect("an address").port()
}

/// Nothing on SQLite: the program makes its own file. PostgreSQL must be named.
fn named(database: &TestDatabase) -> Vec<(String, String)> {
    let is_named = database.url().starts_with("postgres");
    is_named.then(|| ("DATABASE_URL".to_owned(), database.url().to_owned())).into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_run_has_all_that_the_readme_says() {
    let page = Page::read("README.md");
    let database = TestDatabase::create().await;
    let port = free_port().await;
    let started = Instant::now();
    let mut gateway = Gateway::start(port, named(&database)).await;
    eprintln!("from the start to serving: {:.2?}", started.elapsed());

    // The first token that was printed answers the README's first query as the README says.
    let printed = gateway.printed_until("viewer");
    let token = printed.split_whitespace().find(|word| word.starts_with("eyJ")).expect("a token").to_owned();
    let (_, body) = page.curl("{ organizations { nodes", &[]);
    let answer = gateway.client(&token).post(&body).await;
    assert_eq!(answer.body, page.json_after("{ organizations { nodes"));

    // The curl line that was printed works as it was printed.
    let line = &printed[printed.find("curl -s").expect("a line for curl")..];
    let output = Command::new("sh").args(["-c", line]).output().expect("a shell");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(answer["data"]["viewer"]["organizations"]["nodes"][0]["name"].is_string(), "{answer:#}");
    let graphiql = reqwest::get(format!("http://127.0.0.1:{port}/graphiql")).await.expect("an answer");
    assert_eq!(graphiql.status(), 200);

    gateway.terminate();
    assert!(gateway.end().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_is_made_once_and_ahead_of_serving() {
    let database = TestDatabase::create().await;
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
    let database = TestDatabase::create().await;
    let sandbox = Sandbox::builder().seed(7).start(([127, 0, 0, 1], 0).into()).await.expect("it starts");
    let port = free_port().await;
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
    http.post(url).bearer_auth("sk_test_1").form(&[("name", "Hooli")]).send().await.expect("an answer");
    let staff = gateway.client(&gateway.token("token casey --staff"));
    eventually("the event of the customer", || async {
        let answer = staff.send("{ stripeEvents(first: 5) { nodes { type state } } }", json!({})).await;
        let nodes = answer.data()["stripeEvents"]["nodes"].as_array()?.clone();
        nodes.iter().any(|event| event["type"] == "customer.created").then_some(())
    })
    .await;
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
