//! Stripe's own pages: checkout and the customer portal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Client, TestApp, TestOptions, eventually, text};

const PAGE: &str = "https://app.example.com/billing";

async fn checkout(client: &Client, input: Value) -> Value {
    let query = "mutation($input: CheckoutSessionCreateInput!) { checkoutSessionCreate(input: $input) {
        url stripeCheckoutSessionId operation { state } userErrors { code message path } } }";
    client.send(query, json!({ "input": input })).await.data()["checkoutSessionCreate"].clone()
}

fn to(organization: &str, plan: &str) -> Value {
    json!({ "organizationId": organization, "planId": plan, "trial": false,
            "successUrl": format!("{PAGE}/done?session={{CHECKOUT_SESSION_ID}}"), "cancelUrl": PAGE })
}

/// Plays the person who fills in the page. Where it leads.
async fn fill_in(page: &str, card: &str) -> String {
    let http =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let form = [("email", "ann@example.com"), ("name", "Ann"), ("payment_method", card)];
    let answer = http.post(page).form(&form).send().await.expect("the page answers");
    let location = answer.headers().get("location").map(|it| it.to_str().expect("text").to_owned());
    location.unwrap_or_else(|| panic!("no redirect: {}", answer.status()))
}

async fn subscriptions(client: &Client, organization: &str) -> Value {
    let query = "query($id: ID!) { subscriptions(organizationId: $id) { nodes {
        status plan { slug } quantity cancellationReason } } }";
    let answer = client.send(query, json!({ "id": organization })).await;
    answer.data()["subscriptions"]["nodes"].clone()
}

#[tokio::test]
async fn what_was_bought_on_stripes_page_is_the_organizations() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let mut input = to(&organization, &plan);
    input["quantity"] = "3".into();
    input["idempotencyKey"] = "once".into();
    let opened = checkout(&owner, input.clone()).await;
    assert_eq!(opened["userErrors"], json!([]), "{opened:#}");
    let page = text(&opened["url"]);
    let again = checkout(&owner, input).await;
    assert_eq!(again, opened, "the same key gives the same page");
    let leads = fill_in(&page, "pm_card_visa").await;
    assert_eq!(leads, format!("{PAGE}/done?session={}", text(&opened["stripeCheckoutSessionId"])));
    app.settled().await;
    assert_eq!(
        subscriptions(&owner, &organization).await,
        json!([{ "status": "ACTIVE", "plan": { "slug": "pro" }, "quantity": "3", "cancellationReason": null }])
    );
    let twice = checkout(&owner, to(&organization, &plan)).await;
    assert_eq!(twice["userErrors"][0]["code"], "CONFLICT", "{twice:#}");
}

#[tokio::test]
async fn a_promotion_code_is_redeemed_on_stripes_page() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 10_000, 0).await;
    app.promotion_code("LAUNCH", 20).await;
    let mut input = to(&organization, &plan);
    input["promotionCode"] = "NOPE".into();
    let refused = checkout(&owner, input.clone()).await;
    let error = &refused["userErrors"][0];
    assert_eq!((&error["code"], &error["path"]), (&json!("BAD_USER_INPUT"), &json!(["promotionCode"])));
    input["promotionCode"] = "LAUNCH".into();
    let opened = checkout(&owner, input).await;
    assert_eq!(opened["userErrors"], json!([]), "{opened:#}");
    fill_in(&text(&opened["url"]), "pm_card_visa").await;
    app.settled().await;
    let query = "query($id: ID!) { organization(id: $id) { subscription { status discounts { stripePromotionCodeId } }
        invoices { nodes { status amountPaid { minorUnits } } } } }";
    let shown = owner.send(query, json!({ "id": organization })).await;
    let shown = &shown.data()["organization"];
    assert_eq!(shown["subscription"]["status"], "ACTIVE", "{shown:#}");
    assert!(shown["subscription"]["discounts"][0]["stripePromotionCodeId"].is_string(), "{shown:#}");
    let paid = json!([{ "status": "PAID", "amountPaid": { "minorUnits": "8000" } }]);
    assert_eq!(shown["invoices"]["nodes"], paid, "{shown:#}");
}

#[tokio::test]
async fn a_plan_that_is_billed_by_invoice_is_not_bought_on_stripes_page() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = super::subscription_change::own_plan(&app, &organization).await;
    super::customer::billing_settings(&app, &organization, 0, json!({ "netTerms": 30 })).await;
    let refused = checkout(&owner, to(&organization, &plan)).await;
    let error = &refused["userErrors"][0];
    assert_eq!((&error["code"], &error["path"]), (&json!("CONFLICT"), &json!(["planId"])), "{refused:#}");
    assert_eq!(app.sandbox.objects("checkout.session").len(), 0);
}

#[tokio::test]
async fn what_was_bought_takes_the_place_of_a_free_plan() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let free = app.paid_plan("free", 0, 0).await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let begun = app.subscribe(&owner, &organization, &free).await;
    assert_eq!(begun["subscription"]["status"], "ACTIVE", "{begun:#}");
    let opened = checkout(&owner, to(&organization, &plan)).await;
    fill_in(&text(&opened["url"]), "pm_card_visa").await;
    app.settled().await;
    let query = "query($id: ID!) { organization(id: $id) { subscription { status plan { slug } } } }";
    let current = owner.send(query, json!({ "id": organization })).await;
    assert_eq!(
        current.data()["organization"]["subscription"],
        json!({ "status": "ACTIVE", "plan": { "slug": "pro" } })
    );
    let shown = subscriptions(&owner, &organization).await;
    let ended =
        shown.as_array().expect("subscriptions").iter().filter(|it| it["status"] == "CANCELED").count();
    assert_eq!(ended, 1, "{shown:#}");
}

#[tokio::test]
async fn of_two_tabs_one_subscription_stays() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let pages = [
        text(&checkout(&owner, to(&organization, &plan)).await["url"]),
        text(&checkout(&owner, to(&organization, &plan)).await["url"]),
    ];
    for page in &pages {
        fill_in(page, "pm_card_visa").await;
    }
    app.settled().await;
    let shown = subscriptions(&owner, &organization).await;
    let of = |status: &str| {
        shown.as_array().expect("subscriptions").iter().filter(|it| it["status"] == status).count()
    };
    assert_eq!((of("ACTIVE"), of("CANCELED")), (1, 1), "{shown:#}");
    let live = app.sandbox.objects("subscription").iter().filter(|it| it["status"] == "active").count();
    assert_eq!(live, 1);
}

#[tokio::test]
async fn people_are_sent_back_to_allowed_addresses_alone() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let mut input = to(&organization, &plan);
    input["successUrl"] = "https://evil.example/billing".into();
    let refused = checkout(&owner, input).await;
    assert_eq!(refused["userErrors"][0]["path"], json!(["successUrl"]), "{refused:#}");
    let portal = "mutation($input: PortalSessionCreateInput!) { portalSessionCreate(input: $input) {
        url operation { state } userErrors { code path } } }";
    let elsewhere =
        json!({ "input": { "organizationId": organization, "returnUrl": "https://evil.example" } });
    let refused = owner.send(portal, elsewhere).await;
    assert_eq!(refused.user_error("portalSessionCreate").1, "returnUrl");
    assert_eq!(app.sandbox.objects("customer").len(), 0, "Stripe was not asked");
}

#[tokio::test]
async fn the_portal_opens_and_its_address_is_kept_nowhere() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let portal = "mutation($input: PortalSessionCreateInput!) { portalSessionCreate(input: $input) {
        url operation { state } userErrors { code } } }";
    let input =
        json!({ "input": { "organizationId": organization, "returnUrl": PAGE, "idempotencyKey": "p" } });
    let opened = owner.send(portal, input.clone()).await;
    let url = text(&opened.data()["portalSessionCreate"]["url"]);
    let again = owner.send(portal, input).await;
    assert_eq!(again.data(), opened.data(), "the same key gives the same page");
    for record in app.audit_records().await {
        let kept = format!("{:?}{:?}", record.old_values, record.new_values);
        assert!(!kept.contains(&url), "{kept}");
    }
}

/// Stripe's page sells as many seats as it is opened with: no fewer than people hold.
#[tokio::test]
async fn seats_below_the_members_are_refused_before_the_page_opens() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.member(&organization, "mia").await;
    let plan = super::subscription_change::seat_plan(&app, "pro", 2_900).await;
    let before = app.sandbox.requests().len();
    let mut input = to(&organization, &plan);
    input["quantity"] = "1".into();
    let refused = checkout(&owner, input.clone()).await;
    assert_eq!(refused["userErrors"][0]["code"], "LIMIT_EXCEEDED", "{refused:#}");
    assert_eq!(refused["userErrors"][0]["path"], json!(["quantity"]));
    assert_eq!(app.sandbox.requests().len(), before, "Stripe was asked");
    input["quantity"] = "2".into();
    let opened = checkout(&owner, input).await;
    assert_eq!(opened["userErrors"], json!([]), "{opened:#}");
}

/// Holds a checkout when it has looked for a subscription and is about to take the organization's billing.
#[derive(Clone, Default)]
struct Gate(Arc<AtomicU8>);

impl Gate {
    const OPEN: u8 = 0;
    const ARMED: u8 = 1;
    const HOLDS: u8 = 2;

    fn options(&self) -> TestOptions {
        let gate = self.clone();
        let on_statement = move |sql: &str| {
            // The prices come after the look.
            if sql.starts_with("SELECT") && sql.contains("FROM \"prices\"") {
                gate.hold();
            }
        };
        TestOptions { on_statement: Some(Arc::new(on_statement)), ..TestOptions::default() }
    }

    fn hold(&self) {
        let armed = self.0.compare_exchange(Self::ARMED, Self::HOLDS, Ordering::SeqCst, Ordering::SeqCst);
        if armed.is_ok() {
            let deadline = Instant::now() + Duration::from_secs(10);
            tokio::task::block_in_place(|| {
                while self.0.load(Ordering::SeqCst) == Self::HOLDS && Instant::now() < deadline {
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
    }

    /// Runs `meanwhile` while a checkout stands still, and gives what that answers in the end.
    async fn meanwhile(&self, client: &Client, input: Value, meanwhile: impl Future<Output = ()>) -> Value {
        self.0.store(Self::ARMED, Ordering::SeqCst);
        let first = async {
            eventually("the checkout to stand still", || async {
                (self.0.load(Ordering::SeqCst) == Self::HOLDS).then_some(())
            })
            .await;
            meanwhile.await;
            self.0.store(Self::OPEN, Ordering::SeqCst);
        };
        futures::join!(checkout(client, input), first).0
    }
}

/// Looked at before, there was no subscription; under the organization's billing there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_checkout_that_a_subscription_overtakes_opens_no_page() {
    let gate = Gate::default();
    let app = TestApp::start_with(gate.options()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.settled().await;
    let subscribes = async {
        let begun = app.subscribe(&owner, &organization, &plan).await;
        assert_eq!(begun["subscription"]["status"], "ACTIVE", "{begun:#}");
    };
    let refused = gate.meanwhile(&owner, to(&organization, &plan), subscribes).await;
    assert_eq!(refused["userErrors"][0]["code"], "CONFLICT", "{refused:#}");
    assert_eq!(refused["operation"]["state"], "FAILED");
    assert!(app.sandbox.objects("checkout.session").is_empty(), "no page was opened");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_checkout_that_another_ones_buyer_overtakes_opens_no_page() {
    let gate = Gate::default();
    let app = TestApp::start_with(gate.options()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let page = text(&checkout(&owner, to(&organization, &plan)).await["url"]);
    app.settled().await;
    let buys = async {
        fill_in(&page, "pm_card_visa").await;
        app.settled().await;
    };
    let refused = gate.meanwhile(&owner, to(&organization, &plan), buys).await;
    assert_eq!(refused["userErrors"][0]["code"], "CONFLICT", "{refused:#}");
    assert_eq!(app.sandbox.objects("checkout.session").len(), 1, "no second page was opened");
    assert_eq!(app.sandbox.objects("subscription").len(), 1);
}
