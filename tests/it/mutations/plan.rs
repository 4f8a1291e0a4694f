//! The catalogue.

use serde_json::{Value, json};

use crate::support::{TestApp, text};

async fn update(app: &TestApp, input: Value) -> Value {
    let query = "mutation($input: PlanUpdateInput!) { planUpdate(input: $input) {
        plan { name version price { minorUnits } prices { isActive unitAmount { minorUnits } } }
        userErrors { code message path } } }";
    app.staff().send(query, json!({ "input": input })).await.data()["planUpdate"].clone()
}

#[tokio::test]
async fn a_plan_is_published_as_a_product_with_its_prices() {
    let app = TestApp::start().await;
    let answer = app
        .staff()
        .send(
            "mutation($input: PlanCreateInput!) { planCreate(input: $input) {
               plan { id slug features prices { unitAmount { amount currency } billingInterval } } operation { state } userErrors { code } } }",
            json!({ "input": { "name": "Pro", "slug": "pro", "features": { "api_calls": 100_000 }, "prices": [
                { "unitAmount": { "minorUnits": "2900", "currency": "USD" }, "billingInterval": "MONTH" },
                { "unitAmount": { "minorUnits": "29000", "currency": "USD" }, "billingInterval": "YEAR" },
                { "unitAmount": { "minorUnits": "4000", "currency": "JPY" }, "billingInterval": "MONTH" }
            ] } }),
        )
        .await;
    let payload = &answer.data()["planCreate"];
    assert_eq!(payload["operation"]["state"], "CONFIRMED", "{payload:#}");
    assert_eq!(payload["plan"]["features"], json!({ "api_calls": 100_000 }));
    assert_eq!(payload["plan"]["prices"].as_array().map(Vec::len), Some(3));
    assert_eq!(app.sandbox.objects("product").len(), 1);
    assert_eq!(app.sandbox.objects("price").len(), 3);
    let public = app.anonymous().send("{ plans { slug price { amount } } }", json!({})).await;
    assert_eq!(public.data()["plans"], json!([{ "slug": "pro", "price": { "amount": "29.00" } }]));
}

#[tokio::test]
async fn a_new_amount_is_a_new_price_and_subscribers_stay_on_theirs() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let payload = app.subscribe(&owner, &organization, &plan).await;
    let at_stripe = text(&payload["subscription"]["stripeSubscriptionId"]);
    let old_price = app.sandbox.objects("price")[0]["id"].clone();

    let updated = update(
        &app,
        json!({ "planId": plan, "expectedVersion": "1",
                "price": { "unitAmount": { "minorUnits": "3900", "currency": "USD" }, "billingInterval": "MONTH" } }),
    )
    .await;
    assert_eq!(updated["userErrors"], json!([]), "{updated:#}");
    assert_eq!(updated["plan"]["price"]["minorUnits"], "3900");
    assert_eq!(
        updated["plan"]["prices"],
        json!([
            { "isActive": true, "unitAmount": { "minorUnits": "3900" } },
            { "isActive": false, "unitAmount": { "minorUnits": "2900" } }
        ])
    );
    let prices = app.sandbox.objects("price");
    assert_eq!(prices.len(), 2);
    assert_eq!(prices.iter().filter(|price| price["active"] == true).count(), 1);
    let subscriptions = app.sandbox.objects("subscription");
    let mine =
        subscriptions.iter().find(|object| object["id"] == json!(at_stripe)).expect("the subscription");
    assert_eq!(mine["items"]["data"][0]["price"]["id"], old_price);
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_and_changes_nothing() {
    let app = TestApp::start().await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let first = update(&app, json!({ "planId": plan, "expectedVersion": "1", "name": "Professional" })).await;
    assert_eq!(first["plan"]["version"], "2", "{first:#}");
    let stale = update(&app, json!({ "planId": plan, "expectedVersion": "1", "name": "Pro again" })).await;
    assert_eq!(stale["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(stale["userErrors"][0]["path"], json!(["expectedVersion"]));
    let now = app.anonymous().send("{ plans { name } }", json!({})).await;
    assert_eq!(now.data()["plans"], json!([{ "name": "Professional" }]));
}

#[tokio::test]
async fn two_changes_at_once_do_not_overwrite_each_other() {
    let app = TestApp::start().await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    let names = ["A", "B", "C", "D"];
    let results = futures::future::join_all(
        names
            .iter()
            .map(|name| update(&app, json!({ "planId": plan, "expectedVersion": "1", "name": name }))),
    )
    .await;
    let done = results.iter().filter(|result| result["userErrors"] == json!([])).count();
    assert_eq!(done, 1, "{results:#?}");
    assert!(
        results
            .iter()
            .all(|result| result["userErrors"] == json!([]) || result["userErrors"][0]["code"] == "CONFLICT")
    );
}

#[tokio::test]
async fn an_archived_plan_is_off_the_list_and_stays_with_its_subscribers() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    let query = "mutation($input: PlanArchiveInput!) { planArchive(input: $input) { plan { isActive } userErrors { code } } }";
    let archived = app.staff().send(query, json!({ "input": { "planId": plan } })).await;
    assert_eq!(archived.data()["planArchive"]["plan"]["isActive"], false);
    let again = app.staff().send(query, json!({ "input": { "planId": plan } })).await;
    assert_eq!(again.user_error("planArchive").0, "CONFLICT");
    assert_eq!(app.anonymous().send("{ plans { slug } }", json!({})).await.data()["plans"], json!([]));
    let mine = owner
        .send(
            "query($id: ID!) { organization(id: $id) { subscription { status plan { slug isActive } } } }",
            json!({ "id": organization }),
        )
        .await;
    assert_eq!(
        mine.data()["organization"]["subscription"],
        json!({ "status": "ACTIVE", "plan": { "slug": "pro", "isActive": false } })
    );
    assert!(app.sandbox.objects("price").iter().all(|price| price["active"] == false));
}

#[tokio::test]
async fn a_plan_made_for_one_organization_is_nobody_elses_to_see() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let answer = app
        .staff()
        .send(
            "mutation($input: PlanCreateInput!) { planCreate(input: $input) { plan { id isPublic } userErrors { code message path } } }",
            json!({ "input": { "organizationId": organization, "name": "Custom", "slug": "acme-custom", "prices": [
                { "unitAmount": { "minorUnits": "500000", "currency": "USD" }, "billingInterval": "MONTH" }] } }),
        )
        .await;
    let plan = text(&answer.data()["planCreate"]["plan"]["id"]);
    assert_eq!(answer.data()["planCreate"]["plan"]["isPublic"], false);
    let list = "{ plans { slug } }";
    assert_eq!(owner.send(list, json!({})).await.data()["plans"], json!([{ "slug": "acme-custom" }]));
    let stranger = app.client("stranger");
    assert_eq!(stranger.send(list, json!({})).await.data()["plans"], json!([]));
    assert_eq!(
        stranger.send("query($id: ID!) { plan(id: $id) { id } }", json!({ "id": plan })).await.code(),
        "NOT_FOUND"
    );
    let theirs = app.organization(&stranger, "globex").await;
    let refused = app.subscribe(&stranger, &theirs, &plan).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND", "{refused:#}");
}

#[tokio::test]
async fn what_is_wrong_with_a_plan_is_said_at_its_field() {
    let app = TestApp::start().await;
    let price = |minor: &str, interval: &str| json!({ "unitAmount": { "minorUnits": minor, "currency": "USD" }, "billingInterval": interval });
    let cases = [
        (json!({ "name": "", "slug": "pro", "prices": [price("1", "MONTH")] }), "name"),
        (json!({ "name": "Pro", "slug": "Pro!", "prices": [price("1", "MONTH")] }), "slug"),
        (json!({ "name": "Pro", "slug": "pro", "prices": [] }), "prices"),
        (json!({ "name": "Pro", "slug": "pro", "prices": [price("-1", "MONTH")] }), "prices.0.unitAmount"),
        (
            json!({ "name": "Pro", "slug": "pro", "prices": [price("1", "MONTH"), price("2", "MONTH")] }),
            "prices.1",
        ),
        (
            json!({ "name": "Pro", "slug": "pro", "prices": [price("1", "MONTH"), price("0", "YEAR")] }),
            "prices",
        ),
        (
            json!({ "name": "Pro", "slug": "pro", "trialDays": 731, "prices": [price("1", "MONTH")] }),
            "trialDays",
        ),
        (
            json!({ "name": "Pro", "slug": "pro", "features": [], "prices": [price("1", "MONTH")] }),
            "features",
        ),
    ];
    for (input, path) in cases {
        let answer = app
            .staff()
            .send(
                "mutation($input: PlanCreateInput!) { planCreate(input: $input) { userErrors { code message path } } }",
                json!({ "input": input }),
            )
            .await;
        let (code, at, _) = answer.user_error("planCreate");
        assert_eq!((code.as_str(), at.as_str()), ("BAD_USER_INPUT", path), "{input}");
    }
    assert_eq!(app.sandbox.objects("product").len(), 0);
}
