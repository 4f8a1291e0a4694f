//! A running gateway for each test: its own database, its own Stripe sandbox, real HTTP.

pub mod client;
pub mod database;
pub mod detour;
pub mod measure;
pub mod receivers;
pub mod tokens;
pub mod webhook;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sandbox::{Sandbox, WebhookRetries};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tollgate::app::{App, AppParts};
use tollgate::domain::audit::{Actor, AuditEntry, AuditLog};
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::ids::{OrganizationId, SystemIds, UserId};
use tollgate::domain::key_ring::KeyRing;
use tollgate::domain::membership::Role;
use tollgate::domain::page::PageRequest;
use tollgate::domain::return_url::AllowedReturnUrls;
use tollgate::domain::stripe_event::EventState;
use tollgate::http::HttpOptions;
use tollgate::jobs::WorkerOptions;
use tollgate::payments::{Stripe, StripeOptions, WebhookVerifier};
use tollgate::service::{Outgoing, Service, UsageOptions};
use tollgate::store::{
    AuditLogFilter, OrganizationScope, StatementObserver, Store, StoreOptions, StripeEventFilter,
};

pub use client::{Answer, Client};
use database::TestDatabase;
use tokens::{SignIn, TestTokens};

/// A port that a process may be given, which it takes a while later. The system gives none of these to whoever asks for any
/// port, as everything else here does: one from there was another's by the time that the process came up.
pub fn free_port() -> u16 {
    let first = rand::random_range(12_000..32_000);
    (first..32_700)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// The signing secret of the webhook endpoint that tests register at the sandbox.
pub const WEBHOOK_SECRET: &str = "whsec_test_secret_of_the_integration_tests";

/// Two further attempts, soon.
const WEBHOOK_SCHEDULE: &[Duration] = &[Duration::from_millis(20), Duration::from_millis(20)];

/// What a test may want to be different.
pub struct TestOptions {
    pub clock: Arc<dyn Clock>,
    pub http: HttpOptions,
    pub worker: WorkerOptions,
    pub stripe_timeout: Duration,
    pub stripe_attempts: u32,
    /// Whether the sandbox delivers webhooks.
    pub deliver_webhooks: bool,
    /// Stripe's address, when it is not the sandbox's of this process.
    pub stripe: Option<String>,
    /// Requests a second that the worker may make of Stripe; as many as in production unless set.
    pub background_rate: Option<std::num::NonZeroU32>,
    /// Called with each statement after it ran.
    pub on_statement: Option<StatementObserver>,
    /// Keys, texts and the mail server: mails wait unless there is one.
    pub outgoing: Outgoing,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            http: HttpOptions { introspection_for_all: true, ..HttpOptions::default() },
            worker: WorkerOptions {
                idle: Duration::from_millis(50),
                first_pause: Duration::from_millis(20),
                longest_pause: Duration::from_millis(100),
                maximum_attempts: 4,
                outage_attempts: 4,
                foreign_attempts: 2,
                lease: Duration::from_secs(5),
                sweep: Duration::from_millis(100),
                settle_when_told: true,
                // Tests look at what Stripe is asked: it is swept and compared where that is the matter.
                sweep_events: None,
                compare: None,
                mend: true,
                event_retention: Duration::from_secs(90 * 86_400),
                notification_retention: Duration::from_secs(180 * 86_400),
                delivery_retention: Duration::from_secs(90 * 86_400),
                // Tests of them call it themselves.
                usage_alerts: None,
                usage_retention: Duration::from_secs(400 * 86_400),
                retention: Duration::from_secs(3_600),
                // Tests of it call it themselves.
                dunning: Duration::from_secs(3600),
                // Tests of it call it themselves.
                usage_close: Duration::from_secs(3600),
                mail_attempts: 4,
                webhook_schedule: WEBHOOK_SCHEDULE,
                webhook_warn_after: Duration::from_secs(2 * 86_400),
                webhook_disable_after: Duration::from_secs(5 * 86_400),
                webhook_failures: 1,
                // Tests of it call it themselves.
                webhook_judge: Duration::from_secs(3600),
                expiry: Duration::from_secs(3600),
            },
            stripe_timeout: Duration::from_secs(5),
            stripe_attempts: 2,
            deliver_webhooks: true,
            stripe: None,
            background_rate: None,
            on_statement: None,
            outgoing: Outgoing { keys: Arc::new(KeyRing::development()), ..Outgoing::default() },
        }
    }
}

impl TestOptions {
    /// What asks Stripe once, hears nothing from it, and settles nothing by itself: the test says when.
    pub fn patient() -> Self {
        let mut options = Self { stripe_attempts: 1, deliver_webhooks: false, ..Self::default() };
        options.worker.sweep = Duration::from_secs(3_600);
        options.worker.settle_when_told = false;
        options
    }
}

/// A gateway that serves until it is dropped.
pub struct TestApp {
    pub address: SocketAddr,
    pub sandbox: Sandbox,
    pub service: Service,
    pub tokens: TestTokens,
    pub stop: CancellationToken,
    statements: Arc<Mutex<Vec<String>>>,
    serving: Option<tokio::task::JoinHandle<()>>,
    database: TestDatabase,
    #[expect(dead_code, reason = "it stops the gateway when the test is over")]
    stop_on_drop: DropGuard,
}

impl TestApp {
    /// A gateway as most tests want it.
    pub async fn start() -> Self {
        Self::start_with(TestOptions::default()).await
    }

    /// A gateway with something different.
    pub async fn start_with(options: TestOptions) -> Self {
        let database = TestDatabase::create().await;
        let builder = Sandbox::builder().seed(7).webhook_retries(WebhookRetries::Quick);
        let sandbox = builder.start(loopback()).await.expect("the sandbox starts");
        Self::start_on(database, sandbox, options).await
    }

    /// A gateway whose Stripe is so many days behind: time can be moved up to the present, and what fell due on the way
    /// lies in the past of the gateway's own clock.
    pub async fn start_days_ago(days: i64) -> Self {
        Self::start_days_ago_with(days, stripe_sandbox::AfterRetries::Cancel).await
    }

    /// The same, with what becomes of subscriptions whose invoices cannot be collected.
    pub async fn start_days_ago_with(days: i64, after_retries: stripe_sandbox::AfterRetries) -> Self {
        let database = TestDatabase::create().await;
        let sandbox = Self::sandbox_days_ago(days, after_retries).await;
        Self::start_on(database, sandbox, TestOptions::default()).await
    }

    /// The Stripe of such a gateway.
    pub async fn sandbox_days_ago(days: i64, after_retries: stripe_sandbox::AfterRetries) -> Sandbox {
        let begins = SystemClock.now().timestamp() - days * 86_400;
        Sandbox::builder()
            .seed(7)
            .begins_at(begins)
            .settings(stripe_sandbox::Settings { after_retries, ..stripe_sandbox::Settings::default() })
            .start(loopback())
            .await
            .expect("the sandbox starts")
    }

    /// Lets so many days pass at Stripe, and what they bring arrive.
    pub async fn pass_days(&self, days: i64) {
        self.settled().await;
        self.sandbox.set_now(self.sandbox.now() + days * 86_400);
        self.settled().await;
    }

    /// A gateway on a database and a sandbox that exist: another process, or the same one after a crash.
    pub async fn start_on(database: TestDatabase, sandbox: Sandbox, options: TestOptions) -> Self {
        // `RUST_LOG=info cargo test` shows what the gateway says.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let statements = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&statements);
        let observer = options.on_statement;
        let store = Store::connect(StoreOptions {
            url: database.url().to_owned(),
            max_connections: 8,
            clock: Arc::clone(&options.clock),
            ids: Arc::new(SystemIds),
            on_statement: Some(Arc::new(move |sql: &str| {
                seen.lock().expect("no test panics while it holds this").push(sql.to_owned());
                if let Some(observer) = &observer {
                    observer(sql);
                }
            })),
        })
        .await
        .expect("the database opens");
        store.migrate().await.expect("the migrations apply");
        let defaults = StripeOptions::new("sk_test_tollgate_sandbox");
        let stripe = Stripe::new(StripeOptions {
            api_base: options.stripe.unwrap_or_else(|| sandbox.base_url()),
            timeout: options.stripe_timeout,
            max_attempts: options.stripe_attempts,
            background_rate: options.background_rate.unwrap_or(defaults.background_rate),
            ..defaults
        })
        .expect("the options are right");
        let tokens = TestTokens::new(Arc::clone(&options.clock));
        let app = App::new(AppParts {
            store,
            stripe,
            tokens: Arc::new(tokens.verifier()),
            webhooks: Arc::new(WebhookVerifier::new(
                vec![WEBHOOK_SECRET.to_owned().into()],
                Duration::from_secs(300),
            )),
            clock: options.clock,
            ids: Arc::new(SystemIds),
            return_urls: AllowedReturnUrls::new(vec![
                "https://app.example.com/billing".parse().expect("an address"),
            ]),
            outgoing: options.outgoing,
            usage: UsageOptions::default(),
            http: options.http,
            worker: options.worker,
            shutdown: Duration::from_secs(5),
        });
        let service = app.service().clone();
        let listener = TcpListener::bind(loopback()).await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        if options.deliver_webhooks {
            sandbox
                .add_webhook_endpoint(format!("http://{address}/webhooks/stripe"), WEBHOOK_SECRET.to_owned());
        }
        let stop = CancellationToken::new();
        let serving = Some(tokio::spawn(app.serve(listener, stop.clone())));
        let stop_on_drop = stop.clone().drop_guard();
        Self { address, sandbox, service, tokens, stop, statements, serving, database, stop_on_drop }
    }

    /// Another process on the same database and the same Stripe; to be dropped before this one.
    pub async fn another_process(&self, options: TestOptions) -> Self {
        let unused = Sandbox::builder().start(loopback()).await.expect("the sandbox starts");
        let options = TestOptions { stripe: Some(self.sandbox.base_url()), ..options };
        Self::start_on(self.database.borrowed(), unused, options).await
    }

    /// The database, for a look behind the API.
    pub fn store(&self) -> &Store {
        self.service.store()
    }

    /// A client with the token of this person; provisioned on first sight.
    pub fn client(&self, subject: &str) -> Client {
        Client::new(self.address, Some(self.tokens.token(subject)))
    }

    /// A client of a person who signed in like this.
    pub fn client_by(&self, subject: &str, sign_in: &SignIn) -> Client {
        Client::new(self.address, Some(self.tokens.token_by(subject, sign_in)))
    }

    /// A client with the token of platform staff.
    pub fn staff(&self) -> Client {
        Client::new(self.address, Some(self.tokens.staff_token("staff")))
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(self.address, None)
    }

    /// The SQL that `act` causes, without transactions' own statements.
    pub async fn statements_of<T>(&self, act: impl Future<Output = T>) -> (T, Vec<String>) {
        self.statements.lock().expect("no test panics while it holds this").clear();
        let result = act.await;
        let statements = self.statements.lock().expect("no test panics while it holds this").clone();
        (result, statements)
    }

    /// Stops as SIGTERM would, and gives back what outlives a process.
    pub async fn stop(mut self) -> (TestDatabase, Sandbox) {
        self.stop.cancel();
        let serving = self.serving.take().expect("it is stopped once");
        serving.await.expect("serving does not panic");
        (self.database, self.sandbox)
    }

    /// An organization of `owner`'s. Its global id.
    pub async fn organization(&self, owner: &Client, slug: &str) -> String {
        let answer = owner
            .send(
                "mutation($input: OrganizationCreateInput!) {
                   organizationCreate(input: $input) { organization { id } userErrors { message } }
                 }",
                json!({ "input": { "name": format!("The {slug} company"), "slug": slug } }),
            )
            .await;
        text(&answer.data()["organizationCreate"]["organization"]["id"])
    }

    /// Makes a person a plain member of an organization, behind the API: invitations are another issue's.
    pub async fn member(&self, organization: &str, subject: &str) -> Client {
        self.member_as(organization, subject, Role::Member).await
    }

    /// Makes a person a member in a role.
    pub async fn member_as(&self, organization: &str, subject: &str, role: Role) -> Client {
        let client = self.client(subject);
        let answer = client.send("{ viewer { user { id } } }", json!({})).await;
        let user = uuid_of(&text(&answer.data()["viewer"]["user"]["id"]));
        let transaction = self.store().begin().await.expect("a transaction");
        let membership = transaction
            .create_membership(OrganizationId(uuid_of(organization)), UserId(user), role)
            .await
            .expect("a membership");
        let entry = AuditEntry::new(
            Some(membership.organization_id),
            "membership.create",
            "membership",
            membership.id,
        );
        transaction.commit(&Actor::system(), entry).await.expect("a commit");
        client
    }

    /// A paid plan, published. Its global id.
    pub async fn paid_plan(&self, slug: &str, minor_units: i64, trial_days: i32) -> String {
        let answer = self
            .staff()
            .send(
                "mutation($input: PlanCreateInput!) {
                   planCreate(input: $input) { plan { id } userErrors { message path } }
                 }",
                json!({ "input": {
                    "name": slug, "slug": slug, "trialDays": trial_days,
                    "prices": [{
                        "unitAmount": { "minorUnits": minor_units.to_string(), "currency": "USD" },
                        "billingInterval": "MONTH"
                    }]
                } }),
            )
            .await;
        text(&answer.data()["planCreate"]["plan"]["id"])
    }

    /// A promotion code at Stripe that takes off so many percent, for ever.
    pub async fn promotion_code(&self, code: &str, percent: u32) {
        let http = reqwest::Client::new();
        let post = async |path: &str, form: &[(&str, String)]| -> Value {
            let url = format!("{}{path}", self.sandbox.base_url());
            let request = http.post(url).bearer_auth("sk_test_tollgate_sandbox").form(form);
            let answer = request.send().await.expect("the sandbox answers");
            let status = answer.status();
            let body: Value = answer.json().await.expect("JSON");
            assert!(status.is_success(), "{body:#}");
            body
        };
        let coupon =
            post("/v1/coupons", &[("percent_off", percent.to_string()), ("duration", "forever".to_owned())])
                .await;
        let form = [
            ("promotion[type]", "coupon".to_owned()),
            ("promotion[coupon]", text(&coupon["id"])),
            ("code", code.to_owned()),
        ];
        post("/v1/promotion_codes", &form).await;
    }

    /// Attaches one of Stripe's test cards as the default. Its global id.
    pub async fn card(&self, client: &Client, organization: &str, card: &str) -> String {
        let answer = client
            .send(
                "mutation($input: PaymentMethodAttachInput!) {
                   paymentMethodAttach(input: $input) { paymentMethod { id } userErrors { code message path } }
                 }",
                json!({ "input": { "organizationId": organization, "stripePaymentMethodId": card } }),
            )
            .await;
        text(&answer.data()["paymentMethodAttach"]["paymentMethod"]["id"])
    }

    /// An organization with an open invoice: its first payment was never made.
    pub async fn open_invoice(&self, owner: &Client) -> OpenInvoice {
        let organization = self.organization(owner, "open-inc").await;
        let plan = self.paid_plan("open-plan", 1900, 0).await;
        self.card(owner, &organization, "pm_card_chargeCustomerFail").await;
        self.subscribe(owner, &organization, &plan).await;
        self.card(owner, &organization, "pm_card_visa").await;
        let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { id status } } }";
        let answer = owner.send(query, json!({ "id": organization })).await;
        let invoice = &answer.data()["invoices"]["nodes"][0];
        assert_eq!(invoice["status"], "OPEN", "{:#}", answer.body);
        // What the events still say of the declined attempt comes before what the test does next.
        self.settled().await;
        OpenInvoice { client: owner.clone(), organization, invoice: text(&invoice["id"]) }
    }

    /// Waits until every event that was stored is applied.
    pub async fn settled_so_far(&self) {
        eventually("what is stored to be applied", || async {
            (self.open_events().await == 0).then_some(())
        })
        .await;
    }

    async fn open_events(&self) -> u64 {
        let mut open = 0;
        for state in [EventState::Received, EventState::Processing] {
            let filter = StripeEventFilter::in_state(state);
            open += self.store().count_stripe_events(&filter).await.expect("a count");
        }
        open
    }

    /// Waits until every event that the sandbox made was delivered and applied.
    pub async fn settled(&self) {
        eventually("all events to be applied", || async { self.is_settled().await.then_some(()) }).await;
    }

    /// Whether every event that the sandbox made was delivered and applied.
    pub async fn is_settled(&self) -> bool {
        let made: Vec<String> = self.sandbox.events().iter().map(|event| text(&event["id"])).collect();
        // Stripe lists a month of events, and a test may pass more: it is asked of each, not counted. And asked first:
        // what arrives between the two questions must not be missed by both.
        let stored = self.stored_event_ids().await;
        let open = self.open_events().await;
        open == 0 && made.iter().all(|id| stored.contains(id))
    }

    /// The ids of the events that arrived, behind the API.
    async fn stored_event_ids(&self) -> std::collections::HashSet<String> {
        use sea_orm::ConnectionTrait;
        let connection = sea_orm::Database::connect(self.database.url()).await.expect("the database opens");
        let statement = sea_orm::Statement::from_string(
            connection.get_database_backend(),
            "SELECT event_id FROM stripe_events",
        );
        let rows = connection.query_all_raw(statement).await.expect("rows");
        rows.iter().map(|row| row.try_get("", "event_id").expect("an id")).collect()
    }

    /// Plays the cardholder who confirms a payment.
    pub async fn authenticate(&self, payment_intent: &str) {
        let url =
            format!("{}/_sandbox/payment_intents/{payment_intent}/authenticate", self.sandbox.base_url());
        let answer = reqwest::Client::new()
            .post(url)
            .json(&json!({ "outcome": "succeed" }))
            .send()
            .await
            .expect("the sandbox answers");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// Does something at Stripe past the gateway, as somebody in Stripe's dashboard would. Gives the object.
    pub async fn at_stripe(&self, method: reqwest::Method, path: &str, form: &[(&str, &str)]) -> Value {
        let answer = reqwest::Client::new()
            .request(method, format!("{}/v1/{path}", self.sandbox.base_url()))
            .bearer_auth("sk_test_dashboard")
            .form(form)
            .send()
            .await
            .expect("the sandbox answers");
        let is_success = answer.status().is_success();
        let body: Value = answer.json().await.expect("JSON");
        assert!(is_success, "{path}: {body:#}");
        body
    }

    /// Stripe's id of an organization's customer, behind the API.
    pub async fn stripe_customer(&self, organization: &str) -> String {
        let id = OrganizationId(uuid_of(organization));
        let row = self.store().find_organization(id).await.expect("a row").expect("an organization");
        row.stripe_customer_id.expect("a customer").0
    }

    /// How often a card was charged.
    pub fn succeeded_charges(&self) -> usize {
        self.sandbox.objects("charge").iter().filter(|charge| charge["status"] == "succeeded").count()
    }

    /// Every audit record there is, behind the API.
    pub async fn audit_records(&self) -> Vec<AuditLog> {
        let page = PageRequest::first(100);
        let filter = AuditLogFilter::default();
        let mut records = self.store().list_platform_audit_logs(&filter, &page).await.expect("records").items;
        let (mut organizations, mut of_all) = (Vec::new(), page);
        loop {
            let found = self.store().list_organizations(&OrganizationScope::All, false, &of_all).await;
            let found = found.expect("organizations");
            of_all.after = found.items.last().map(|view| view.organization.place());
            organizations.extend(found.items);
            if !found.has_next {
                break;
            }
        }
        for view in organizations {
            let id = view.organization.id;
            let mut page = page;
            loop {
                let mut pages = self.store().list_audit_logs(&[id], &filter, &page).await.expect("records");
                let found = pages.remove(&id).expect("a page");
                page.after = found.items.last().map(AuditLog::place);
                records.extend(found.items);
                if !found.has_next {
                    break;
                }
            }
        }
        records
    }

    /// Takes a membership away, behind the API: removing is another issue's.
    pub async fn remove_member(&self, organization: &str, member: &Client) {
        let answer = member.send("{ viewer { user { id } } }", json!({})).await;
        let user = uuid_of(&text(&answer.data()["viewer"]["user"]["id"]));
        let database = sea_orm::Database::connect(self.database.url()).await.expect("the database opens");
        let backend = sea_orm::ConnectionTrait::get_database_backend(&database);
        let ids = [uuid_of(organization), user].map(sea_orm::Value::from);
        let statement = sea_orm::Statement::from_sql_and_values(
            backend,
            "DELETE FROM memberships WHERE organization_id = $1 AND user_id = $2",
            ids,
        );
        let deleted = sea_orm::ConnectionTrait::execute_raw(&database, statement).await.expect("a delete");
        assert_eq!(deleted.rows_affected(), 1);
    }

    /// Lets the leases of operations run out, as they would twenty seconds after their process died.
    pub async fn let_leases_run_out(database: &TestDatabase) {
        let connection = sea_orm::Database::connect(database.url()).await.expect("the database opens");
        sea_orm::ConnectionTrait::execute_unprepared(
            &connection,
            "UPDATE billing_operations SET lease_until = created_at WHERE open_scope IS NOT NULL",
        )
        .await
        .expect("an update");
    }

    /// The same, while this gateway runs.
    pub async fn let_own_leases_run_out(&self) {
        Self::let_leases_run_out(&self.database).await;
    }

    /// Lets operations be so old that Stripe has forgotten their idempotency keys.
    pub async fn age_operations(&self) {
        let connection = sea_orm::Database::connect(self.database.url()).await.expect("the database opens");
        sea_orm::ConnectionTrait::execute_unprepared(
            &connection,
            "UPDATE billing_operations SET created_at = '2026-01-01T00:00:00+00:00', lease_until = '2026-01-01T00:00:00+00:00' WHERE open_scope IS NOT NULL",
        )
        .await
        .expect("an update");
    }

    /// The operations that are not settled, behind the API.
    pub async fn open_operations(&self) -> Vec<String> {
        self.operations("open_scope IS NOT NULL").await
    }

    /// The states of an organization's operations of a kind, oldest first, behind the API.
    pub async fn operation_states(&self, organization: &str, kind: &str) -> Vec<String> {
        let id = uuid_of(organization);
        // SQLite keeps ids as their bytes.
        let row = if self.database.url().starts_with("sqlite") {
            format!("organization_id = X'{}'", id.simple())
        } else {
            format!("organization_id = '{id}'")
        };
        self.operations(&format!("{row} AND kind = '{kind}'")).await
    }

    /// The error codes of the operations of a kind, oldest first, behind the API.
    pub async fn operation_errors(&self, kind: &str) -> Vec<String> {
        use sea_orm::ConnectionTrait;
        let connection = sea_orm::Database::connect(self.database.url()).await.expect("the database opens");
        let sql = format!(
            "SELECT error_code FROM billing_operations WHERE kind = '{kind}' AND error_code IS NOT NULL ORDER BY created_at"
        );
        let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(statement).await.expect("rows");
        rows.iter().map(|row| row.try_get("", "error_code").expect("a code")).collect()
    }

    /// The states of the operations of a kind whose parameters name something, oldest first, behind the API.
    pub async fn operations_about(&self, kind: &str, about: &str) -> Vec<String> {
        self.operations(&format!("kind = '{kind}' AND CAST(parameters AS TEXT) LIKE '%\"{about}\"%'")).await
    }

    async fn operations(&self, condition: &str) -> Vec<String> {
        use sea_orm::ConnectionTrait;
        let connection = sea_orm::Database::connect(self.database.url()).await.expect("the database opens");
        let sql = format!("SELECT state FROM billing_operations WHERE {condition} ORDER BY created_at");
        let statement = sea_orm::Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(statement).await.expect("rows");
        rows.iter().map(|row| row.try_get("", "state").expect("a state")).collect()
    }

    /// Leaves in the database what no version knows.
    pub async fn break_roles(&self) {
        self.disturb("UPDATE memberships SET role = 'emperor'").await;
    }

    /// Where the database is.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// Changes the database behind the gateway's back.
    pub async fn disturb(&self, sql: &str) {
        let database = sea_orm::Database::connect(self.database.url()).await.expect("the database opens");
        sea_orm::ConnectionTrait::execute_unprepared(&database, sql).await.expect("an update");
        database.close().await.expect("the connection closes");
    }

    /// Subscribes, and gives the whole payload back.
    pub async fn subscribe(&self, client: &Client, organization: &str, plan: &str) -> Value {
        let answer = client
            .send(SUBSCRIBE, json!({ "input": { "organizationId": organization, "planId": plan } }))
            .await;
        answer.data()["subscriptionCreate"].clone()
    }

    /// An owner, and their organization, which has paid 29 dollars for a month, with everything applied.
    pub async fn subscriber(&self) -> (Client, String) {
        let owner = self.client("olivia");
        let organization = self.organization(&owner, "acme").await;
        let plan = self.paid_plan("pro", 2_900, 0).await;
        self.card(&owner, &organization, "pm_card_visa").await;
        self.subscribe(&owner, &organization, &plan).await;
        self.settled().await;
        (owner, organization)
    }
}

/// An open invoice, and who may pay it.
pub struct OpenInvoice {
    pub client: Client,
    pub organization: String,
    pub invoice: String,
}

/// Subscribing, with all that tests look at.
pub const SUBSCRIBE: &str = "mutation($input: SubscriptionCreateInput!) {
  subscriptionCreate(input: $input) {
    subscription { id status quantity plan { slug } currentPeriodEnd trialEnd stripeSubscriptionId }
    clientSecret
    operation { id state kind }
    userErrors { code message path }
  }
}";

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

/// The UUID inside a global id.
pub fn uuid_of(id: &str) -> uuid::Uuid {
    let hex = id.split_once('_').expect("a prefix and an underscore").1;
    uuid::Uuid::try_parse(hex).expect("a UUID")
}

/// A JSON string's text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string, not {value}")).to_owned()
}

/// Asks until the answer is there, for at most ten seconds.
pub async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited ten seconds for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
