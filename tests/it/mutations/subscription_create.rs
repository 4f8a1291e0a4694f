//! Subscribing.

use serde_json::json;

use crate::support::{Client, SUBSCRIBE, TestApp, TestOptions, eventually, text};

#[tokio::test]
async fn a_trial_needs_no_card_and_is_given_once() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 14).await;
    let first = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(first["userErrors"], json!([]), "{first:#}");
    assert_eq!(first["subscription"]["status"], "TRIALING");
    assert!(first["subscription"]["trialEnd"].is_string());

    let canceled = owner
        .send(
            "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) { subscription { status } userErrors { code } } }",
            json!({ "input": { "subscriptionId": first["subscription"]["id"], "when": "NOW" } }),
        )
        .await;
    assert_eq!(canceled.data()["subscriptionCancel"]["subscription"]["status"], "CANCELED");
    app.card(&owner, &organization, "pm_card_visa").await;
    let refused = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(refused["userErrors"][0]["code"], "PLAN_UNAVAILABLE", "no second trial: {refused:#}");
    let input = json!({ "organizationId": organization, "planId": plan, "trial": false });
    let second = owner.send(crate::support::SUBSCRIBE, json!({ "input": input })).await;
    let second = &second.data()["subscriptionCreate"];
    assert_eq!(second["subscription"]["status"], "ACTIVE", "{second:#}");
    assert_eq!(second["subscription"]["trialEnd"], json!(null));
}

#[tokio::test]
async fn a_trial_can_be_declined() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 14).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let answer = owner
        .send(
            SUBSCRIBE,
            json!({ "input": { "organizationId": organization, "planId": plan, "trial": false } }),
        )
        .await;
    assert_eq!(answer.data()["subscriptionCreate"]["subscription"]["status"], "ACTIVE");
}

#[tokio::test]
async fn without_a_payment_method_the_front_end_gets_a_client_secret() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let payload = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(payload["subscription"]["status"], "INCOMPLETE", "{payload:#}");
    assert_eq!(payload["operation"]["state"], "REQUIRES_ACTION");
    assert!(payload["clientSecret"].is_string());
    assert_eq!(payload["userErrors"], json!([]));
}

#[tokio::test]
async fn a_declined_card_leaves_an_incomplete_subscription_and_says_why() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    let payload = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(payload["subscription"]["status"], "INCOMPLETE", "{payload:#}");
    assert_eq!(payload["operation"]["state"], "FAILED");
    assert_eq!(payload["userErrors"][0]["code"], "PAYMENT_DECLINED");

    // The customer may start anew at once, and the one that was never paid cannot be paid later.
    app.card(&owner, &organization, "pm_card_visa").await;
    let again = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(again["subscription"]["status"], "ACTIVE", "{again:#}");
    let subscriptions = app.sandbox.objects("subscription");
    let mut states: Vec<String> = subscriptions.iter().map(|object| text(&object["status"])).collect();
    states.sort();
    assert!(states == ["active", "canceled"] || states == ["active", "incomplete_expired"], "{states:?}");
}

#[tokio::test]
async fn a_bank_that_asks_the_cardholder_is_an_answer_with_a_secret() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_authenticationRequired").await;
    let payload = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(payload["subscription"]["status"], "INCOMPLETE", "{payload:#}");
    assert_eq!(payload["operation"]["state"], "REQUIRES_ACTION");
    assert_eq!(payload["userErrors"][0]["code"], "PAYMENT_ACTION_REQUIRED");
    let secret = text(&payload["clientSecret"]);

    // The cardholder confirms; Stripe tells by webhook.
    let intent = secret.split("_secret_").next().expect("an id before the secret").to_owned();
    app.authenticate(&intent).await;
    let query =
        "query($id: ID!) { organization(id: $id) { subscription { status } invoices { nodes { status } } } }";
    eventually("the subscription to be active", || async {
        let answer = owner.send(query, json!({ "id": organization })).await;
        let shown = &answer.data()["organization"];
        (shown["subscription"]["status"] == "ACTIVE" && shown["invoices"]["nodes"][0]["status"] == "PAID")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_live_subscription_at_a_time() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    let second = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(second["subscription"], json!(null));
    assert_eq!(second["userErrors"][0]["code"], "CONFLICT");
}

#[tokio::test]
async fn twice_at_once_makes_one_subscription() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let payloads =
        futures::future::join_all((0..6).map(|_| app.subscribe(&owner, &organization, &plan))).await;
    let made = payloads.iter().filter(|payload| payload["subscription"]["status"] == "ACTIVE").count();
    assert_eq!(made, 1, "{payloads:#?}");
    let refused = payloads.iter().filter(|payload| payload["userErrors"][0]["code"] == "CONFLICT").count();
    assert_eq!(refused, 5, "{payloads:#?}");
    assert_eq!(app.sandbox.objects("subscription").len(), 1);
    assert_eq!(app.sandbox.objects("charge").len(), 1, "charged once");
}

#[tokio::test]
async fn the_free_plan_needs_no_stripe_and_gives_way_to_a_paid_one() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let free = app.paid_plan("free", 0, 0).await;
    let before = app.sandbox.requests().len();
    let payload = app.subscribe(&owner, &organization, &free).await;
    assert_eq!(payload["subscription"]["status"], "ACTIVE", "{payload:#}");
    assert_eq!(payload["subscription"]["stripeSubscriptionId"], json!(null));
    assert_eq!(payload["operation"], json!(null));
    assert_eq!(app.sandbox.requests().len(), before, "Stripe was asked");

    let pro = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let payload = app.subscribe(&owner, &organization, &pro).await;
    assert_eq!(payload["subscription"]["plan"]["slug"], "pro", "{payload:#}");
    let query = "query($id: ID!) { organization(id: $id) { subscription { plan { slug } } subscriptions { nodes { status plan { slug } } } } }";
    let answer = owner.send(query, json!({ "id": organization })).await;
    assert_eq!(answer.data()["organization"]["subscription"]["plan"]["slug"], "pro");
    // Stripe counts in seconds, so which of the two is newer within one is not said.
    let mut states: Vec<String> = answer.data()["organization"]["subscriptions"]["nodes"]
        .as_array()
        .expect("subscriptions")
        .iter()
        .map(|node| format!("{} {}", text(&node["plan"]["slug"]), text(&node["status"])))
        .collect();
    states.sort();
    assert_eq!(states, ["free CANCELED", "pro ACTIVE"]);
}

/// What an organization has, in a few words: its current plan, its access and all its subscriptions.
async fn plans_of(owner: &crate::support::Client, organization: &str) -> (String, String, Vec<String>) {
    let query =
        "query($id: ID!) { organization(id: $id) { accessState { reason } subscription { plan { slug } }
        subscriptions { nodes { status plan { slug } } } } }";
    let answer = owner.send(query, json!({ "id": organization })).await;
    let shown = &answer.data()["organization"];
    let nodes = shown["subscriptions"]["nodes"].as_array().expect("subscriptions");
    let mut all: Vec<String> = nodes
        .iter()
        .map(|node| format!("{} {}", text(&node["plan"]["slug"]), text(&node["status"])))
        .collect();
    all.sort();
    (text(&shown["subscription"]["plan"]["slug"]), text(&shown["accessState"]["reason"]), all)
}

/// An organization on the free plan, with a card, and a plan to go up to.
async fn on_the_free_plan(app: &TestApp, card: &str) -> (Client, String, String) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let free = app.paid_plan("free", 0, 0).await;
    let pro = app.paid_plan("pro", 2900, 0).await;
    app.subscribe(&owner, &organization, &free).await;
    app.card(&owner, &organization, card).await;
    (owner, organization, pro)
}

/// The free plan goes on until the paid one is live, and a later try takes the place of both.
#[tokio::test]
async fn an_upgrade_that_is_declined_leaves_the_free_plan() {
    let app = TestApp::start().await;
    let (owner, organization, pro) = on_the_free_plan(&app, "pm_card_chargeCustomerFail").await;
    let declined = app.subscribe(&owner, &organization, &pro).await;
    assert_eq!(declined["userErrors"][0]["code"], "PAYMENT_DECLINED", "{declined:#}");
    app.settled().await;
    let (plan, reason, all) = plans_of(&owner, &organization).await;
    assert_eq!((plan.as_str(), reason.as_str()), ("free", "FREE_PLAN"));
    assert_eq!(all, ["free ACTIVE", "pro INCOMPLETE"]);

    app.card(&owner, &organization, "pm_card_visa").await;
    let paid = app.subscribe(&owner, &organization, &pro).await;
    assert_eq!(paid["subscription"]["status"], "ACTIVE", "{paid:#}");
    let (plan, reason, all) = plans_of(&owner, &organization).await;
    assert_eq!((plan.as_str(), reason.as_str()), ("pro", "PAID"));
    assert_eq!(
        all,
        ["free CANCELED", "pro ACTIVE", "pro CANCELED"],
        "what was never paid cannot be paid later"
    );
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn a_free_plan_ends_when_the_cardholder_has_confirmed_the_paid_one() {
    let app = TestApp::start().await;
    let (owner, organization, pro) = on_the_free_plan(&app, "pm_card_authenticationRequired").await;
    let asked = app.subscribe(&owner, &organization, &pro).await;
    assert_eq!(asked["operation"]["state"], "REQUIRES_ACTION", "{asked:#}");
    assert_eq!(plans_of(&owner, &organization).await.2, ["free ACTIVE", "pro INCOMPLETE"]);
    let secret = text(&asked["clientSecret"]);
    app.authenticate(secret.split("_secret_").next().expect("an id before the secret")).await;
    eventually("the paid plan to take the place of the free one", || async {
        (plans_of(&owner, &organization).await.2 == ["free CANCELED", "pro ACTIVE"]).then_some(())
    })
    .await;
    assert_eq!(plans_of(&owner, &organization).await.0, "pro");
}

#[tokio::test]
async fn an_archived_plan_and_a_price_that_is_not_sold_are_unavailable() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let yearly = owner
        .send(
            SUBSCRIBE,
            json!({ "input": { "organizationId": organization, "planId": plan, "billingInterval": "YEAR" } }),
        )
        .await;
    let (code, path, message) = yearly.user_error("subscriptionCreate");
    assert_eq!((code.as_str(), path.as_str()), ("PLAN_UNAVAILABLE", "billingInterval"));
    assert!(message.contains("USD by the month"), "{message}");

    app.staff()
        .send(
            "mutation($input: PlanArchiveInput!) { planArchive(input: $input) { plan { isActive } } }",
            json!({ "input": { "planId": plan } }),
        )
        .await;
    let archived = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(archived["userErrors"][0]["code"], "PLAN_UNAVAILABLE", "{archived:#}");
    assert_eq!(app.sandbox.objects("subscription").len(), 0);
}

#[tokio::test]
async fn seats_below_one_are_refused() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    for quantity in ["0", "-3", "1000001"] {
        let answer = owner
            .send(
                SUBSCRIBE,
                json!({ "input": { "organizationId": organization, "planId": plan, "quantity": quantity } }),
            )
            .await;
        let (code, path, _) = answer.user_error("subscriptionCreate");
        assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "quantity"), "{quantity}");
    }
}

#[tokio::test]
async fn seats_are_paid_each() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let answer = owner
        .send(
            SUBSCRIBE,
            json!({ "input": { "organizationId": organization, "planId": plan, "quantity": "3" } }),
        )
        .await;
    assert_eq!(answer.data()["subscriptionCreate"]["subscription"]["quantity"], "3");
    let query = "query($id: ID!) { organization(id: $id) { invoices { nodes { total { minorUnits } } } } }";
    let shown = owner.send(query, json!({ "id": organization })).await;
    assert_eq!(shown.data()["organization"]["invoices"]["nodes"][0]["total"]["minorUnits"], "8700");
}

/// Paid on Stripe's own page, and the event is not here yet: Stripe is asked before another one takes its place.
#[tokio::test]
async fn a_beginning_that_was_paid_meanwhile_is_not_replaced() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..TestOptions::default() }).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    app.subscribe(&owner, &organization, &plan).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let invoice = text(&app.sandbox.objects("invoice")[0]["id"]);
    app.at_stripe(reqwest::Method::POST, &format!("invoices/{invoice}/pay"), &[]).await;
    let again = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT", "{again:#}");
    let subscriptions = app.sandbox.objects("subscription");
    assert_eq!(subscriptions.len(), 1, "{subscriptions:#?}");
    assert_eq!(subscriptions[0]["status"], "active");
    assert_eq!(app.succeeded_charges(), 1);
}

/// A beginning that was never paid, replaced while somebody pays it: the look at it takes so long that the payment comes
/// between the look and the end.
async fn paid_while_replaced(app: &TestApp) -> (String, serde_json::Value) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_chargeCustomerFail").await;
    app.subscribe(&owner, &organization, &plan).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let invoice = text(&app.sandbox.objects("invoice")[0]["id"]);
    app.sandbox.fault(stripe_sandbox::Fault::new(
        "GET /v1/invoices/*",
        stripe_sandbox::FaultKind::ActThenDelay { ms: 1_500 },
    ));
    let paying = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        app.at_stripe(reqwest::Method::POST, &format!("invoices/{invoice}/pay"), &[]).await;
    };
    let (again, ()) = futures::join!(app.subscribe(&owner, &organization, &plan), paying);
    (organization, again)
}

/// What was paid for the one that ends goes back, and the new one is paid once.
#[tokio::test]
async fn a_beginning_that_is_paid_while_it_is_replaced_is_given_back() {
    let app = TestApp::start_with(TestOptions { deliver_webhooks: false, ..TestOptions::default() }).await;
    let (organization, again) = paid_while_replaced(&app).await;
    assert_eq!(again["operation"]["state"], "CONFIRMED", "{again:#}");
    assert_eq!(again["subscription"]["status"], "ACTIVE");
    let of =
        |status: &str| app.sandbox.objects("subscription").iter().filter(|it| it["status"] == status).count();
    assert_eq!((of("active"), of("canceled")), (1, 1));
    let refunds = app.sandbox.objects("refund");
    assert_eq!(refunds.len(), 1, "{refunds:#?}");
    assert_eq!((&refunds[0]["amount"], app.succeeded_charges()), (&json!(2_900), 2));
    assert_eq!(app.operation_states(&organization, "subscription.create").await, ["FAILED", "CONFIRMED"]);
}

/// The end was made and its answer lost, so that nothing was given back yet: whoever takes it over does that first.
#[tokio::test]
async fn a_beginning_that_was_paid_is_given_back_by_a_later_attempt() {
    let app = TestApp::start_with(TestOptions::patient()).await;
    app.sandbox.fault(stripe_sandbox::Fault::new(
        "DELETE /v1/subscriptions/*",
        stripe_sandbox::FaultKind::ActThenDrop,
    ));
    let (organization, again) = paid_while_replaced(&app).await;
    assert_eq!(again["operation"]["state"], "UNKNOWN", "{again:#}");
    assert!(app.sandbox.objects("refund").is_empty());
    app.let_own_leases_run_out().await;
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(app.operation_states(&organization, "subscription.create").await, ["FAILED", "CONFIRMED"]);
    let refunds = app.sandbox.objects("refund");
    assert_eq!(refunds.len(), 1, "{refunds:#?}");
    assert_eq!((&refunds[0]["amount"], app.succeeded_charges()), (&json!(2_900), 2));
}

/// When it cannot be given back, that is told, and nothing is begun on top of it.
#[tokio::test]
async fn a_beginning_that_was_paid_and_cannot_be_given_back_is_not_replaced() {
    let database = crate::support::database::TestDatabase::create().await;
    let sandbox = TestApp::sandbox_days_ago(1, stripe_sandbox::AfterRetries::Cancel).await;
    let stripe = crate::support::detour::detour(&sandbox, |method, path| match (method.as_str(), path) {
        ("POST", "/v1/refunds") => {
            crate::support::detour::Way::Refused("charge_disputed", "Stripe has its reasons.")
        }
        _ => crate::support::detour::Way::Straight,
    })
    .await;
    let options = TestOptions { stripe: Some(stripe), deliver_webhooks: false, ..TestOptions::default() };
    let app = TestApp::start_on(database, sandbox, options).await;
    let (organization, again) = paid_while_replaced(&app).await;
    assert_eq!(again["operation"]["state"], "FAILED", "{again:#}");
    let messages = again["userErrors"].as_array().expect("errors").iter().map(|it| text(&it["message"]));
    assert!(messages.into_iter().any(|message| message.contains("Stripe has its reasons.")), "{again:#}");
    let subscriptions = app.sandbox.objects("subscription");
    assert_eq!(subscriptions.len(), 1, "{subscriptions:#?}");
    assert_eq!((&subscriptions[0]["status"], app.succeeded_charges()), (&json!("canceled"), 1));
    assert_eq!(app.open_operations().await, Vec::<String>::new());
    assert_eq!(app.operation_states(&organization, "subscription.create").await, ["FAILED", "FAILED"]);
}

/// Somebody archived the price in Stripe's dashboard, and the catalogue here still has it.
#[tokio::test]
async fn a_price_that_was_archived_at_stripe_alone_is_unavailable() {
    let app = TestApp::start().await;
    let it = super::subscription_change::subscribed(&app).await;
    for price in app.sandbox.objects("price") {
        let path = format!("prices/{}", text(&price["id"]));
        app.at_stripe(reqwest::Method::POST, &path, &[("active", "false")]).await;
    }
    let other = app.organization(&it.owner, "other").await;
    app.card(&it.owner, &other, "pm_card_visa").await;
    let page = "https://app.example.com/billing";
    let checkout = "mutation($input: CheckoutSessionCreateInput!) { checkoutSessionCreate(input: $input) {
        operation { state } userErrors { code message path } } }";
    let change = "mutation($input: SubscriptionChangeInput!) { subscriptionChange(input: $input) {
        operation { state } userErrors { code message path } } }";
    let asked = [
        ("subscriptionCreate", SUBSCRIBE, json!({ "organizationId": other, "planId": it.top })),
        (
            "checkoutSessionCreate",
            checkout,
            json!({ "organizationId": other, "planId": it.top, "successUrl": page, "cancelUrl": page }),
        ),
        ("subscriptionChange", change, json!({ "subscriptionId": it.subscription, "planId": it.top })),
    ];
    for (mutation, query, input) in asked {
        let refused = it.owner.send(query, json!({ "input": input })).await;
        let (code, path, message) = refused.user_error(mutation);
        assert_eq!((code.as_str(), path.as_str()), ("PLAN_UNAVAILABLE", "planId"), "{mutation}: {message}");
        assert_eq!(refused.data()[mutation]["operation"]["state"], "FAILED", "{mutation}");
    }
    let preview = "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) {
        preview { token } userErrors { code message path } } }";
    let input = json!({ "subscriptionId": it.subscription, "planId": it.top });
    let refused = it.owner.send(preview, json!({ "input": input })).await;
    let (code, path, message) = refused.user_error("subscriptionPreviewChange");
    assert_eq!((code.as_str(), path.as_str()), ("PLAN_UNAVAILABLE", "planId"), "{message}");
    assert_eq!(app.sandbox.objects("subscription").len(), 1);
    assert_eq!(app.succeeded_charges(), 1);
}

/// What support gives to begin with: a coupon without a code, and a trial to somebody who had one.
#[tokio::test]
async fn support_begins_a_subscription_with_a_coupon_and_a_trial_of_its_own() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 10_000, 14).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let form = [("id", "GOODWILL"), ("percent_off", "25"), ("duration", "forever")];
    app.at_stripe(reqwest::Method::POST, "coupons", &form).await;
    let first = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(first["subscription"]["status"], "TRIALING", "{first:#}");
    let cancel = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) { userErrors { code } } }";
    let input = json!({ "subscriptionId": first["subscription"]["id"], "when": "NOW" });
    owner.send(cancel, json!({ "input": input })).await;
    app.settled().await;
    let with = |more: serde_json::Value| {
        let mut input = json!({ "organizationId": organization, "planId": plan });
        input.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        json!({ "input": input })
    };
    let again = owner.send(SUBSCRIBE, with(json!({}))).await;
    assert_eq!(again.user_error("subscriptionCreate").0, "PLAN_UNAVAILABLE", "{:#}", again.body);
    for given in [json!({ "trialDays": 30 }), json!({ "stripeCouponId": "GOODWILL" })] {
        assert_eq!(owner.send(SUBSCRIBE, with(given)).await.code(), "FORBIDDEN");
    }
    let staff = app.staff();
    for (wrong, path) in [
        (json!({ "trialDays": 0 }), "trialDays"),
        (json!({ "trialDays": 731 }), "trialDays"),
        (json!({ "trialDays": 30, "trial": false }), "trialDays"),
        (json!({ "trial": false, "stripeCouponId": "NONE" }), "stripeCouponId"),
        (
            json!({ "trial": false, "stripeCouponId": "GOODWILL", "promotionCode": "LAUNCH" }),
            "stripeCouponId",
        ),
    ] {
        let refused = staff.send(SUBSCRIBE, with(wrong.clone())).await;
        let (code, at, _) = refused.user_error("subscriptionCreate");
        assert_eq!((code.as_str(), at.as_str()), ("BAD_USER_INPUT", path), "{wrong}");
    }
    let given = json!({ "trialDays": 30, "stripeCouponId": "GOODWILL" });
    let begun = staff.send(SUBSCRIBE, with(given)).await;
    let payload = &begun.data()["subscriptionCreate"];
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    assert_eq!(payload["subscription"]["status"], "TRIALING");
    let end: chrono::DateTime<chrono::Utc> =
        text(&payload["subscription"]["trialEnd"]).parse().expect("a time");
    assert_eq!((end.timestamp() - app.sandbox.now() + 3_600) / 86_400, 30);
    app.settled().await;
    let query = "query($id: ID!) { upcomingInvoice(organizationId: $id) { total { minorUnits } } }";
    let next = owner.send(query, json!({ "id": organization })).await;
    assert_eq!(next.data()["upcomingInvoice"]["total"]["minorUnits"], "7500", "{:#}", next.body);
}
