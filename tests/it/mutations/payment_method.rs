//! Saving payment methods.

use serde_json::{Value, json};

use crate::support::{Client, TestApp, text};

async fn attach(client: &Client, input: Value) -> Value {
    let query = "mutation($input: PaymentMethodAttachInput!) { paymentMethodAttach(input: $input) {
        paymentMethod { id kind card { brand last4 expMonth expYear country } isDefault }
        operation { state } userErrors { code message path } } }";
    client.send(query, json!({ "input": input })).await.data()["paymentMethodAttach"].clone()
}

#[tokio::test]
async fn setup_gives_the_front_end_a_secret_and_keeps_none() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let query = "mutation($input: PaymentMethodSetupInput!) { paymentMethodSetup(input: $input) {
        clientSecret operation { state } userErrors { code } } }";
    let answer = owner
        .send(query, json!({ "input": { "organizationId": organization, "idempotencyKey": "s1" } }))
        .await;
    let secret = text(&answer.data()["paymentMethodSetup"]["clientSecret"]);
    assert!(secret.starts_with("seti_"), "{secret}");
    let operation = &answer.data()["paymentMethodSetup"]["operation"];
    assert_eq!(operation["state"], "CONFIRMED", "what was asked for is done: {:#}", answer.body);
    let again = owner
        .send(query, json!({ "input": { "organizationId": organization, "idempotencyKey": "s1" } }))
        .await;
    assert_eq!(again.data(), answer.data(), "the same key gives the same answer, the secret included");
    for record in app.audit_records().await {
        let kept = format!("{:?}{:?}", record.old_values, record.new_values);
        assert!(!kept.contains(&secret), "{kept}");
    }
}

#[tokio::test]
async fn only_what_may_be_shown_of_a_card_is_kept_and_the_newest_default_is_the_only_one() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let first =
        attach(&owner, json!({ "organizationId": organization, "stripePaymentMethodId": "pm_card_visa" }))
            .await;
    assert_eq!(first["paymentMethod"]["card"]["brand"], "visa", "{first:#}");
    assert_eq!(first["paymentMethod"]["card"]["last4"], "4242");
    assert_eq!(first["paymentMethod"]["isDefault"], true);
    let second = attach(
        &owner,
        json!({ "organizationId": organization, "stripePaymentMethodId": "pm_card_mastercard" }),
    )
    .await;
    assert_eq!(second["paymentMethod"]["isDefault"], true, "{second:#}");
    let third = attach(
        &owner,
        json!({ "organizationId": organization, "stripePaymentMethodId": "pm_card_amex", "makeDefault": false }),
    )
    .await;
    assert_eq!(third["paymentMethod"]["isDefault"], false, "{third:#}");
    let query = "query($id: ID!) { paymentMethods(organizationId: $id) { card { brand } isDefault } }";
    let listed = owner.send(query, json!({ "id": organization })).await;
    let defaults: Vec<&Value> = listed.data()["paymentMethods"]
        .as_array()
        .expect("methods")
        .iter()
        .filter(|method| method["isDefault"] == true)
        .collect();
    assert_eq!(defaults, [&json!({ "card": { "brand": "mastercard" }, "isDefault": true })]);
}

#[tokio::test]
async fn a_card_that_is_declined_when_it_is_saved_is_not_kept() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let refused = attach(
        &owner,
        json!({ "organizationId": organization, "stripePaymentMethodId": "pm_card_chargeDeclined" }),
    )
    .await;
    assert_eq!(refused["userErrors"][0]["code"], "PAYMENT_DECLINED", "{refused:#}");
    assert_eq!(refused["operation"]["state"], "FAILED");
    let query = "query($id: ID!) { paymentMethods(organizationId: $id) { id } }";
    assert_eq!(owner.send(query, json!({ "id": organization })).await.data()["paymentMethods"], json!([]));
}

#[tokio::test]
async fn what_is_no_payment_method_of_stripes_is_refused_before_stripe_is_asked() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let before = app.sandbox.requests().len();
    for id in ["", "4242424242424242", "card_123", "pm_", "pm_../customers"] {
        let refused =
            attach(&owner, json!({ "organizationId": organization, "stripePaymentMethodId": id })).await;
        assert_eq!(refused["userErrors"][0]["code"], "BAD_USER_INPUT", "{id}");
        assert_eq!(refused["userErrors"][0]["path"], json!(["stripePaymentMethodId"]));
    }
    assert_eq!(app.sandbox.requests().len(), before);
    let unknown =
        attach(&owner, json!({ "organizationId": organization, "stripePaymentMethodId": "pm_nobody" })).await;
    assert_eq!(unknown["userErrors"][0]["code"], "BAD_USER_INPUT", "{unknown:#}");
}

#[tokio::test]
async fn exactly_one_customer_under_a_race() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let query = "mutation($input: PaymentMethodSetupInput!) { paymentMethodSetup(input: $input) { clientSecret userErrors { code } } }";
    let answers = futures::future::join_all(
        (0..8).map(|_| owner.send(query, json!({ "input": { "organizationId": organization } }))),
    )
    .await;
    for answer in &answers {
        assert!(answer.data()["paymentMethodSetup"]["clientSecret"].is_string(), "{:#}", answer.body);
    }
    assert_eq!(app.sandbox.objects("customer").len(), 1);
}

async fn change(client: &Client, mutation: &str, method: &str) -> Value {
    let mut letters = mutation.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let query = format!(
        "mutation($input: {capital}Input!) {{ {mutation}(input: $input) {{
           paymentMethod {{ isDefault detachedAt summary expiresAt }} operation {{ state }} userErrors {{ code message }} }} }}"
    );
    let input = json!({ "input": { "paymentMethodId": method } });
    client.send(&query, input).await.data()[mutation].clone()
}

/// The defaults of an organization, by the card's brand.
async fn defaults(client: &Client, organization: &str) -> Vec<String> {
    let query = "query($id: ID!) { paymentMethods(organizationId: $id) { card { brand } isDefault } }";
    let listed = client.send(query, json!({ "id": organization })).await;
    let methods = listed.data()["paymentMethods"].as_array().expect("methods").clone();
    methods.iter().filter(|it| it["isDefault"] == true).map(|it| text(&it["card"]["brand"])).collect()
}

#[tokio::test]
async fn another_payment_method_becomes_the_default() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let visa = app.card(&owner, &organization, "pm_card_visa").await;
    app.card(&owner, &organization, "pm_card_mastercard").await;
    assert_eq!(defaults(&owner, &organization).await, ["mastercard"]);
    let changed = change(&owner, "paymentMethodSetDefault", &visa).await;
    assert_eq!(changed["userErrors"], json!([]), "{changed:#}");
    assert_eq!(changed["paymentMethod"]["isDefault"], true);
    assert_eq!(changed["paymentMethod"]["summary"], "visa •••• 4242");
    assert!(changed["paymentMethod"]["expiresAt"].is_string());
    app.settled().await;
    assert_eq!(defaults(&owner, &organization).await, ["visa"]);
}

#[tokio::test]
async fn what_a_paid_subscription_is_charged_to_stays() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let visa = app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    let last = change(&owner, "paymentMethodDetach", &visa).await;
    assert_eq!(last["userErrors"][0]["code"], "CONFLICT", "{last:#}");
    let mastercard = app.card(&owner, &organization, "pm_card_mastercard").await;
    let default = change(&owner, "paymentMethodDetach", &mastercard).await;
    assert_eq!(default["userErrors"][0]["code"], "CONFLICT", "{default:#}");
    app.settled().await;
    let other = change(&owner, "paymentMethodDetach", &visa).await;
    assert_eq!(other["userErrors"], json!([]), "{other:#}");
    assert!(other["paymentMethod"]["detachedAt"].is_string());
    let again = change(&owner, "paymentMethodDetach", &visa).await;
    assert_eq!(again["userErrors"][0]["code"], "NOT_FOUND", "{again:#}");
    assert_eq!(
        app.sandbox.objects("payment_method").iter().filter(|it| it["customer"].is_string()).count(),
        1
    );
}

#[tokio::test]
async fn without_a_subscription_the_last_one_can_go() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let visa = app.card(&owner, &organization, "pm_card_visa").await;
    let gone = change(&owner, "paymentMethodDetach", &visa).await;
    assert_eq!(gone["operation"]["state"], "CONFIRMED", "{gone:#}");
    assert_eq!(gone["paymentMethod"]["isDefault"], false);
    app.settled().await;
    assert!(defaults(&owner, &organization).await.is_empty());
}

/// Of a bank account as much is shown as of a card: whose it is kept with, and its last digits.
#[tokio::test]
async fn a_bank_account_is_shown_by_its_bank_and_its_last_digits() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_usBankAccount_success").await;
    let query =
        "query($id: ID!) { paymentMethods(organizationId: $id) { kind summary card { brand } expiresAt
        bankAccount { bankName last4 } } }";
    let shown = owner.send(query, json!({ "id": organization })).await;
    assert_eq!(
        shown.data()["paymentMethods"],
        json!([{ "kind": "us_bank_account", "summary": "STRIPE TEST BANK •••• 6789", "card": null,
            "expiresAt": null, "bankAccount": { "bankName": "STRIPE TEST BANK", "last4": "6789" } }])
    );
    let records = app.audit_records().await;
    let attached = records.iter().find(|record| record.action == "payment_method.attach").expect("a record");
    let kept = attached.new_values.as_ref().expect("values");
    assert_eq!((&kept["bankName"], &kept["last4"]), (&json!("STRIPE TEST BANK"), &json!("6789")), "{kept:#}");
    let card = app.card(&owner, &organization, "pm_card_visa").await;
    let query =
        "query($id: ID!) { node(id: $id) { ... on PaymentMethod { summary bankAccount { last4 } } } }";
    let shown = owner.send(query, json!({ "id": card })).await;
    assert_eq!(shown.data()["node"], json!({ "summary": "visa •••• 4242", "bankAccount": null }));
}

/// Another organization's method is none of ours, whoever belongs to both, and Stripe is not asked.
#[tokio::test]
async fn a_method_of_another_organization_is_charged_for_nothing() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let other = app.organization(&owner, "other").await;
    let foreign = app.card(&owner, &other, "pm_card_visa").await;
    let open = app.open_invoice(&owner).await;
    let organization = &open.organization;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    let create = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) { payment { id } userErrors { code path } } }";
    let amount = json!({ "minorUnits": "1500", "currency": "USD" });
    let input = json!({ "organizationId": organization, "amount": amount });
    let waiting = owner.send(create, json!({ "input": input })).await;
    let waiting = waiting.data()["paymentIntentCreate"]["payment"]["id"].clone();
    let changes = || app.sandbox.requests().iter().filter(|request| request.method != "GET").count();
    let asked = changes();
    let fresh = app.organization(&owner, "fresh").await;
    for (mutation, input_type, input) in [
        (
            "paymentIntentCreate",
            "PaymentIntentCreateInput",
            json!({ "organizationId": organization, "amount": amount, "confirm": true }),
        ),
        ("paymentIntentConfirm", "PaymentIntentConfirmInput", json!({ "paymentId": waiting })),
        ("invoicePay", "InvoicePayInput", json!({ "invoiceId": open.invoice })),
        ("subscriptionCreate", "SubscriptionCreateInput", json!({ "organizationId": fresh, "planId": plan })),
    ] {
        let query = format!(
            "mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ operation {{ id }} userErrors {{ code message path }} }} }}"
        );
        let mut input = input;
        input["paymentMethodId"] = json!(foreign);
        let refused = owner.send(&query, json!({ "input": input })).await;
        let (code, path, _) = refused.user_error(mutation);
        assert_eq!((code.as_str(), path.as_str()), ("NOT_FOUND", "paymentMethodId"), "{mutation}");
        assert_eq!(refused.data()[mutation]["operation"], Value::Null, "{mutation}");
    }
    assert_eq!((changes(), app.succeeded_charges()), (asked, 0), "Stripe was asked for something");
}
