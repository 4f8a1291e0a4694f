//! Giving payments back: in part, in full, within limits, with a second person's approval.

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};
use tollgate::domain::membership::Role;

use crate::support::{Client, TestApp, text};

const REFUND: &str = "mutation($input: PaymentRefundInput!) { paymentRefund(input: $input) {
    refund { id status amount { minorUnits currency } reason note stripeRefundId requestedBy { id } }
    payment { status amountRefunded { minorUnits } }
    preview { amount { minorUnits } refundableBefore { minorUnits } refundableAfter { minorUnits }
              needsApproval dailyLimit { minorUnits } askedToday { minorUnits } }
    operation { kind state } userErrors { code message path } } }";

/// Asks to give a payment back.
pub async fn refund(client: &Client, input: Value) -> Value {
    client.send(REFUND, json!({ "input": input })).await.data()["paymentRefund"].clone()
}

pub fn usd(minor: &str) -> Value {
    json!({ "minorUnits": minor, "currency": "USD" })
}

/// A payment that succeeded. Its global id.
pub async fn paid(app: &TestApp, owner: &Client, slug: &str, minor: &str) -> (String, String) {
    let organization = app.organization(owner, slug).await;
    app.card(owner, &organization, "pm_card_visa").await;
    let payment = charge(owner, &organization, minor).await;
    (organization, payment)
}

async fn charge(owner: &Client, organization: &str, minor: &str) -> String {
    let answer = owner
        .send(
            "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
               payment { id status } userErrors { message } } }",
            json!({ "input": { "organizationId": organization, "amount": usd(minor), "confirm": true } }),
        )
        .await;
    let payment = &answer.data()["paymentIntentCreate"]["payment"];
    assert_eq!(payment["status"], "SUCCEEDED", "{:#}", answer.body);
    text(&payment["id"])
}

pub async fn set_limit(app: &TestApp, role: &str, daily: &str, approval_above: &str) {
    let answer = app
        .staff()
        .send(
            "mutation($input: RefundLimitSetInput!) { refundLimitSet(input: $input) {
               limit { daily { minorUnits } } userErrors { code path message } } }",
            json!({ "input": { "role": role, "currency": "USD", "dailyMinorUnits": daily,
                               "approvalAboveMinorUnits": approval_above } }),
        )
        .await;
    assert_eq!(answer.data()["refundLimitSet"]["limit"]["daily"]["minorUnits"], daily, "{:#}", answer.body);
}

pub async fn decide(client: &Client, mutation: &str, refund: &str) -> Value {
    let mut letters = mutation.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let query = format!(
        "mutation($input: {capital}Input!) {{ {mutation}(input: $input) {{
           refund {{ status stripeRefundId decidedBy {{ id }} }} userErrors {{ code message }} }} }}"
    );
    client.send(&query, json!({ "input": { "refundId": refund } })).await.data()[mutation].clone()
}

#[tokio::test]
async fn parts_add_up_and_no_more_than_was_paid_is_given_back() {
    let app = TestApp::start().await;
    let (_, payment) = paid(&app, &app.client("olivia"), "acme", "5000").await;
    let staff = app.staff();
    let first = refund(
        &staff,
        json!({ "paymentId": payment, "amount": usd("1200"), "reason": "REQUESTED_BY_CUSTOMER",
                "note": "A week of outage" }),
    )
    .await;
    assert_eq!(first["userErrors"], json!([]), "{first:#}");
    assert_eq!(first["refund"]["status"], "SUCCEEDED");
    assert_eq!(first["refund"]["reason"], "requested_by_customer");
    assert_eq!(first["refund"]["note"], "A week of outage");
    assert_eq!(first["operation"], json!({ "kind": "payment.refund", "state": "CONFIRMED" }));
    assert_eq!(first["payment"]["amountRefunded"]["minorUnits"], "1200");
    assert_eq!(first["preview"]["refundableAfter"]["minorUnits"], "3800");
    let too_much = refund(&staff, json!({ "paymentId": payment, "amount": usd("3801") })).await;
    assert_eq!(too_much["userErrors"][0]["path"], json!(["amount"]), "{too_much:#}");
    let rest = refund(&staff, json!({ "paymentId": payment })).await;
    assert_eq!(rest["refund"]["amount"]["minorUnits"], "3800", "{rest:#}");
    assert_eq!(rest["payment"]["amountRefunded"]["minorUnits"], "5000");
    let again = refund(&staff, json!({ "paymentId": payment })).await;
    assert_eq!(again["userErrors"][0]["code"], "CONFLICT");
    let refunds = app.sandbox.objects("refund");
    assert_eq!(refunds.len(), 2);
    app.settled().await;
    let read = app
        .client("olivia")
        .send(
            "query($id: ID!) { payment(id: $id) { amountRefunded { minorUnits }
               refunds { amount { minorUnits } status } attempts { status failure { code } } } }",
            json!({ "id": payment }),
        )
        .await;
    assert_eq!(
        read.data()["payment"],
        json!({ "amountRefunded": { "minorUnits": "5000" },
                "refunds": [{ "amount": { "minorUnits": "1200" }, "status": "SUCCEEDED" },
                            { "amount": { "minorUnits": "3800" }, "status": "SUCCEEDED" }],
                "attempts": [{ "status": "SUCCEEDED", "failure": null }] })
    );
}

#[tokio::test]
async fn customers_give_themselves_nothing_back_until_their_role_has_a_limit() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let (organization, payment) = paid(&app, &owner, "acme", "5000").await;
    let refused = refund(&owner, json!({ "paymentId": payment })).await;
    assert_eq!(refused["userErrors"][0]["code"], "FORBIDDEN", "{refused:#}");
    set_limit(&app, "BILLING_MANAGER", "2000", "2000").await;
    let still = refund(&owner, json!({ "paymentId": payment, "amount": usd("100") })).await;
    assert_eq!(still["userErrors"][0]["code"], "FORBIDDEN", "the limit is another role's");
    let manager = app.member_as(&organization, "bill", Role::BillingManager).await;
    let given = refund(&manager, json!({ "paymentId": payment, "amount": usd("1500") })).await;
    assert_eq!(given["refund"]["status"], "SUCCEEDED", "{given:#}");
    let beyond = refund(&manager, json!({ "paymentId": payment, "amount": usd("501") })).await;
    assert_eq!(beyond["userErrors"][0]["code"], "LIMIT_EXCEEDED", "{beyond:#}");
    let exactly = refund(&manager, json!({ "paymentId": payment, "amount": usd("500") })).await;
    assert_eq!(exactly["refund"]["status"], "SUCCEEDED", "{exactly:#}");
    assert_eq!(app.sandbox.objects("refund").len(), 2);
}

#[tokio::test]
async fn the_daily_limit_holds_over_all_organizations_and_for_two_at_once() {
    let app = TestApp::start().await;
    let (owner, staff) = (app.client("olivia"), app.staff());
    let (_, first) = paid(&app, &owner, "acme", "5000").await;
    let (_, second) = paid(&app, &owner, "globex", "5000").await;
    set_limit(&app, "PLATFORM_STAFF", "6000", "6000").await;
    let (one, other) = tokio::join!(
        refund(&staff, json!({ "paymentId": first })),
        refund(&staff, json!({ "paymentId": second }))
    );
    let codes: Vec<&Value> = [&one, &other].into_iter().map(|done| &done["userErrors"][0]["code"]).collect();
    assert!(codes.contains(&&json!("LIMIT_EXCEEDED")) && codes.contains(&&Value::Null), "{one:#} {other:#}");
    assert_eq!(app.sandbox.objects("refund").len(), 1);
}

#[tokio::test]
async fn above_the_bound_another_person_approves() {
    let app = TestApp::start().await;
    let (_, payment) = paid(&app, &app.client("olivia"), "acme", "5000").await;
    set_limit(&app, "PLATFORM_STAFF", "100000", "1000").await;
    let (asker, approver) =
        (app.staff(), Client::new(app.address, Some(app.tokens.staff_token("second-staff"))));
    let asked = refund(&asker, json!({ "paymentId": payment, "amount": usd("1001") })).await;
    assert_eq!(asked["refund"]["status"], "AWAITING_APPROVAL", "{asked:#}");
    assert_eq!((&asked["operation"], &asked["preview"]["needsApproval"]), (&Value::Null, &json!(true)));
    assert_eq!(app.sandbox.objects("refund").len(), 0, "nothing is given back yet");
    let id = text(&asked["refund"]["id"]);
    // What waits is held: the rest alone is left.
    let rest = refund(&asker, json!({ "paymentId": payment, "dryRun": true })).await;
    assert_eq!(rest["preview"]["amount"]["minorUnits"], "3999", "{rest:#}");
    let own = decide(&asker, "refundApprove", &id).await;
    assert_eq!(own["userErrors"][0]["code"], "FORBIDDEN", "{own:#}");
    let approved = decide(&approver, "refundApprove", &id).await;
    assert_eq!(approved["refund"]["status"], "SUCCEEDED", "{approved:#}");
    assert_ne!(approved["refund"]["decidedBy"]["id"], asked["refund"]["requestedBy"]["id"]);
    let twice = decide(&approver, "refundApprove", &id).await;
    assert_eq!(twice["userErrors"][0]["code"], "CONFLICT", "{twice:#}");
    assert_eq!(app.sandbox.objects("refund").len(), 1);
}

#[tokio::test]
async fn parts_of_a_payment_are_no_way_around_the_second_person() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let (organization, payment) = paid(&app, &owner, "acme", "5000").await;
    set_limit(&app, "PLATFORM_STAFF", "100000", "1000").await;
    let staff = app.staff();
    for (amount, status) in [("900", "SUCCEEDED"), ("100", "SUCCEEDED"), ("1", "AWAITING_APPROVAL")] {
        let given = refund(&staff, json!({ "paymentId": payment, "amount": usd(amount) })).await;
        assert_eq!(given["refund"]["status"], status, "{amount}: {given:#}");
    }
    // Another payment, and another person, have bounds of their own.
    let other = charge(&owner, &organization, "2000").await;
    let second = Client::new(app.address, Some(app.tokens.staff_token("second-staff")));
    for (client, payment) in [(&staff, &other), (&second, &payment)] {
        let given = refund(client, json!({ "paymentId": payment, "amount": usd("1000") })).await;
        assert_eq!(given["refund"]["status"], "SUCCEEDED", "{given:#}");
    }
}

#[tokio::test]
async fn a_rejected_refund_frees_its_amount() {
    let app = TestApp::start().await;
    let (_, payment) = paid(&app, &app.client("olivia"), "acme", "5000").await;
    set_limit(&app, "PLATFORM_STAFF", "100000", "1000").await;
    let asked = refund(&app.staff(), json!({ "paymentId": payment })).await;
    let id = text(&asked["refund"]["id"]);
    let second = Client::new(app.address, Some(app.tokens.staff_token("second-staff")));
    let rejected = decide(&second, "refundReject", &id).await;
    assert_eq!(rejected["refund"]["status"], "REJECTED", "{rejected:#}");
    let late = decide(&second, "refundApprove", &id).await;
    assert_eq!(late["userErrors"][0]["code"], "CONFLICT");
    let after = refund(&app.staff(), json!({ "paymentId": payment, "dryRun": true })).await;
    assert_eq!(after["preview"]["refundableBefore"]["minorUnits"], "5000", "{after:#}");
    assert_eq!(after["preview"]["askedToday"]["minorUnits"], "0");
    assert_eq!(app.sandbox.objects("refund").len(), 0);
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_asks_nobody() {
    let app = TestApp::start().await;
    let (_, payment) = paid(&app, &app.client("olivia"), "acme", "5000").await;
    app.settled().await;
    let staff = app.staff();
    staff.send("{ viewer { user { id } } }", json!({})).await;
    let (records, requests) = (app.audit_records().await.len(), app.sandbox.requests().len());
    let would = refund(&staff, json!({ "paymentId": payment, "amount": usd("700"), "dryRun": true })).await;
    assert_eq!(
        would,
        json!({ "refund": null, "payment": null, "operation": null, "userErrors": [],
                "preview": { "amount": { "minorUnits": "700" }, "refundableBefore": { "minorUnits": "5000" },
                             "refundableAfter": { "minorUnits": "4300" }, "needsApproval": false,
                             "dailyLimit": { "minorUnits": "1000000" }, "askedToday": { "minorUnits": "0" } } })
    );
    assert_eq!(app.audit_records().await.len(), records);
    assert_eq!(app.sandbox.requests().len(), requests);
}

#[tokio::test]
async fn the_same_key_gives_the_same_refund() {
    let app = TestApp::start().await;
    let (_, payment) = paid(&app, &app.client("olivia"), "acme", "5000").await;
    let input = json!({ "paymentId": payment, "amount": usd("700"), "idempotencyKey": "once" });
    let first = refund(&app.staff(), input.clone()).await;
    let second = refund(&app.staff(), input).await;
    assert_eq!(first["refund"]["id"], second["refund"]["id"], "{second:#}");
    let other =
        refund(&app.staff(), json!({ "paymentId": payment, "amount": usd("701"), "idempotencyKey": "once" }))
            .await;
    assert_eq!(other["userErrors"][0]["code"], "CONFLICT");
    assert_eq!(app.sandbox.objects("refund").len(), 1);
}

/// Nothing was sent, so the key stands for nothing; and who approved approves again.
#[tokio::test]
async fn a_refund_of_which_nothing_was_sent_is_asked_for_again_with_the_same_key() {
    let app = TestApp::start().await;
    let (_, payment) = paid(&app, &app.client("olivia"), "acme", "5000").await;
    set_limit(&app, "PLATFORM_STAFF", "100000", "1000").await;
    let limited = || Fault::new("POST /v1/refunds", FaultKind::RateLimit { retry_after: None }).times(2);
    app.sandbox.fault(limited());
    let input = json!({ "paymentId": payment, "amount": usd("900"), "idempotencyKey": "once" });
    let refused = app.staff().send(REFUND, json!({ "input": input })).await;
    assert_eq!(refused.code(), "STRIPE_UNAVAILABLE", "{:#}", refused.body);
    let again = refund(&app.staff(), input).await;
    assert_eq!(again["refund"]["status"], "SUCCEEDED", "{again:#}");

    let asked = refund(&app.staff(), json!({ "paymentId": payment, "amount": usd("1001") })).await;
    assert_eq!(asked["refund"]["status"], "AWAITING_APPROVAL", "{asked:#}");
    let second = Client::new(app.address, Some(app.tokens.staff_token("second-staff")));
    let approve = "mutation($input: RefundApproveInput!) { refundApprove(input: $input) {
        refund { status } userErrors { code message } } }";
    let input = json!({ "input": { "refundId": asked["refund"]["id"], "idempotencyKey": "yes" } });
    app.sandbox.fault(limited());
    let refused = second.send(approve, input.clone()).await;
    assert_eq!(refused.code(), "STRIPE_UNAVAILABLE", "{:#}", refused.body);
    let approved = second.send(approve, input).await;
    assert_eq!(approved.data()["refundApprove"]["refund"]["status"], "SUCCEEDED", "{:#}", approved.body);
    assert_eq!(app.sandbox.objects("refund").len(), 2);
}

#[tokio::test]
async fn what_was_not_paid_is_not_given_back() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let answer = owner
        .send(
            "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) { payment { id } } }",
            json!({ "input": { "organizationId": organization, "amount": usd("900") } }),
        )
        .await;
    let payment = text(&answer.data()["paymentIntentCreate"]["payment"]["id"]);
    let refused = refund(&app.staff(), json!({ "paymentId": payment })).await;
    assert_eq!(refused["userErrors"][0]["code"], "CONFLICT", "{refused:#}");
    let (_, paid) = paid(&app, &owner, "globex", "5000").await;
    let euros = refund(
        &app.staff(),
        json!({ "paymentId": paid, "amount": { "minorUnits": "100", "currency": "EUR" } }),
    )
    .await;
    assert_eq!(euros["userErrors"][0]["path"], json!(["amount", "currency"]), "{euros:#}");
}

#[tokio::test]
async fn a_refund_made_in_stripes_dashboard_is_shown() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let (_, payment) = paid(&app, &owner, "acme", "5000").await;
    let intent = app.sandbox.objects("payment_intent")[0]["id"].clone();
    let form = [("payment_intent", intent.as_str().expect("an id")), ("amount", "900")];
    app.at_stripe(reqwest::Method::POST, "refunds", &form).await;
    app.settled().await;
    let read = owner
        .send(
            "query($id: ID!) { payment(id: $id) { amountRefunded { minorUnits }
               refunds { status requestedBy { id } amount { minorUnits } } } }",
            json!({ "id": payment }),
        )
        .await;
    assert_eq!(
        read.data()["payment"],
        json!({ "amountRefunded": { "minorUnits": "900" }, "refunds": [
            { "status": "SUCCEEDED", "requestedBy": null, "amount": { "minorUnits": "900" } }] })
    );
}

#[tokio::test]
async fn an_organizations_own_limit_counts_before_the_platforms_until_it_is_taken_back() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let (organization, payment) = paid(&app, &owner, "acme", "4900").await;
    let other = app.organization(&owner, "other").await;
    app.card(&owner, &other, "pm_card_visa").await;
    let elsewhere = charge(&owner, &other, "4900").await;
    let staff = app.staff();
    let set = "mutation($input: RefundLimitSetInput!) { refundLimitSet(input: $input) {
        limit { isOwn daily { minorUnits } approvalAbove { minorUnits } } userErrors { code message path } } }";
    let set = async |input: Value| -> Value {
        staff.send(set, json!({ "input": input })).await.data()["refundLimitSet"].clone()
    };
    let part = |payment: &str, minor: &str| json!({ "paymentId": payment, "amount": usd(minor) });
    let of = |daily: Value, above: Value| {
        json!({ "organizationId": organization, "role": "OWNER", "currency": "USD",
            "dailyMinorUnits": daily, "approvalAboveMinorUnits": above })
    };
    assert_eq!(refund(&owner, part(&payment, "500")).await["userErrors"][0]["code"], "FORBIDDEN");
    let own = set(of(json!("1000"), json!("1000"))).await;
    assert_eq!(
        own["limit"],
        json!({ "isOwn": true, "daily": { "minorUnits": "1000" }, "approvalAbove": { "minorUnits": "1000" } })
    );
    let given = refund(&owner, part(&payment, "500")).await;
    assert_eq!(given["refund"]["status"], "SUCCEEDED", "{given:#}");
    let above = refund(&owner, part(&payment, "600")).await;
    assert_eq!(above["userErrors"][0]["code"], "LIMIT_EXCEEDED", "{above:#}");
    let refused = refund(&owner, part(&elsewhere, "500")).await;
    assert_eq!(refused["userErrors"][0]["code"], "FORBIDDEN", "another organization has none: {refused:#}");
    // The platform's own limit does not change what was said of the organization alone.
    let platform = json!({ "role": "OWNER", "currency": "USD", "dailyMinorUnits": "9000", "approvalAboveMinorUnits": "9000" });
    assert_eq!(set(platform).await["limit"]["isOwn"], false);
    assert_eq!(refund(&owner, part(&payment, "600")).await["userErrors"][0]["code"], "LIMIT_EXCEEDED");
    let listed = "query($id: ID) { refundLimits(organizationId: $id) { isOwn role daily { minorUnits } } }";
    let shown = staff.send(listed, json!({ "id": organization })).await;
    assert_eq!(
        shown.data()["refundLimits"],
        json!([{ "isOwn": true, "role": "OWNER", "daily": { "minorUnits": "1000" } }])
    );
    let platforms = staff.send(listed, json!({})).await;
    assert_eq!(platforms.data()["refundLimits"][0]["daily"]["minorUnits"], "9000");
    let cleared = set(of(Value::Null, Value::Null)).await;
    assert_eq!(
        (&cleared["limit"]["isOwn"], &cleared["limit"]["daily"]["minorUnits"]),
        (&json!(false), &json!("9000"))
    );
    let given = refund(&owner, part(&payment, "600")).await;
    assert_eq!(given["refund"]["status"], "SUCCEEDED", "{given:#}");
    let records = app.audit_records().await;
    let recorded = records.iter().filter(|record| record.action == "refund_limit.set");
    assert_eq!(recorded.filter(|record| record.organization_id.is_some()).count(), 2, "set and taken back");
    let nothing = set(json!({ "role": "OWNER", "currency": "USD" })).await;
    assert_eq!(
        nothing["userErrors"][0]["code"], "BAD_USER_INPUT",
        "the platform's is not taken back: {nothing:#}"
    );
}
