//! G: money.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tollgate::domain::clock::{Clock, SystemClock};

use super::lifecycle::set_policy;
use crate::dunning::look;
use crate::mutations::invoice_change::sent_invoice;
use crate::support::{Client, TestApp, WEBHOOK_SECRET, text};

const CREATE: &str = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
    payment { id status amount { amount minorUnits currency } } userErrors { code message path } } }";

async fn charge(client: &Client, organization: &str, minor: &str, currency: &str) -> crate::support::Answer {
    let input = json!({ "organizationId": organization, "confirm": true,
                        "amount": { "minorUnits": minor, "currency": currency } });
    client.send(CREATE, json!({ "input": input })).await
}

#[tokio::test]
async fn case_64_currencies_keep_their_own_decimals() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    for (minor, currency, amount) in
        [("6000", "JPY", "6000"), ("6000", "USD", "60.00"), ("6000", "KWD", "6.000")]
    {
        let paid = charge(&owner, &organization, minor, currency).await;
        let payment = &paid.data()["paymentIntentCreate"]["payment"];
        assert_eq!(
            payment["amount"],
            json!({ "amount": amount, "minorUnits": minor, "currency": currency }),
            "{:#}",
            paid.body
        );
        let at_stripe = app.sandbox.objects("payment_intent");
        let charged =
            at_stripe.iter().find(|it| it["currency"] == currency.to_lowercase()).expect("a charge");
        assert_eq!(charged["amount"], 6000, "Stripe is told minor units as they are");
    }
    let uneven = charge(&owner, &organization, "6001", "KWD").await;
    let (code, path, _) = uneven.user_error("paymentIntentCreate");
    assert_eq!((code.as_str(), path.as_str()), ("BAD_USER_INPUT", "amount"), "Stripe rounds fils to tens");
}

/// Sends a signed event, as Stripe would.
pub async fn tell(app: &TestApp, id: &str, event_type: &str, at: DateTime<Utc>, object: &Value) {
    let body = json!({ "id": id, "object": "event", "type": event_type, "created": at.timestamp(),
        "livemode": false, "api_version": "2026-09-30.endive", "data": { "object": object } })
    .to_string();
    let signature = tollgate::payments::sign(body.as_bytes(), WEBHOOK_SECRET, SystemClock.now());
    let answer = reqwest::Client::new()
        .post(format!("http://{}/webhooks/stripe", app.address))
        .header("stripe-signature", signature)
        .body(body)
        .send()
        .await
        .expect("the gateway answers");
    assert_eq!(answer.status().as_u16(), 200);
}

/// Whatever the order of events is, told as Stripe tells them; `debits.rs` has a debit of the sandbox.
#[tokio::test]
async fn case_65_a_debit_is_pending_until_the_bank_answers_and_may_fail_days_later() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    charge(&owner, &organization, "4900", "USD").await;
    app.settled().await;
    let mut debit = app.sandbox.objects("payment_intent")[0].clone();
    for (name, value) in [
        ("id", json!("pi_debit")),
        ("status", json!("processing")),
        ("amount_received", json!(0)),
        ("latest_charge", json!("py_debit")),
        ("payment_method_types", json!(["us_bank_account"])),
    ] {
        debit[name] = value;
    }
    let payment = async || -> Value {
        let query = "query($id: ID!) { payments(organizationId: $id) { nodes {
            stripePaymentIntentId status amountReceived { minorUnits } failure { code } } } }";
        let answer = owner.send(query, json!({ "id": organization })).await;
        let nodes = answer.data()["payments"]["nodes"].as_array().expect("payments").clone();
        nodes.into_iter().find(|it| it["stripePaymentIntentId"] == "pi_debit").expect("the debit")
    };
    let now = SystemClock.now();
    tell(&app, "evt_debit_1", "payment_intent.processing", now, &debit).await;
    let shown = crate::support::eventually("the debit to be shown", || async {
        let query = "query($id: ID!) { payments(organizationId: $id) { totalCount } }";
        let answer = owner.send(query, json!({ "id": organization })).await;
        (answer.data()["payments"]["totalCount"] == 2).then_some(())
    });
    shown.await;
    let pending = payment().await;
    assert_eq!(pending["status"], "PENDING", "completed is not paid: {pending:#}");
    assert_eq!(pending["amountReceived"]["minorUnits"], "0");
    // Days later the bank says no.
    debit["status"] = "requires_payment_method".into();
    debit["last_payment_error"] = json!({ "type": "invalid_request_error", "code": "payment_intent_payment_attempt_failed",
        "message": "The customer's bank account could not be debited." });
    tell(&app, "evt_debit_2", "payment_intent.payment_failed", now + chrono::TimeDelta::seconds(2), &debit)
        .await;
    crate::support::eventually("the debit to fail", || async {
        (payment().await["status"] == "FAILED").then_some(())
    })
    .await;
    let failed = payment().await;
    assert_eq!(failed["failure"]["code"], "payment_intent_payment_attempt_failed");
    assert_eq!(failed["amountReceived"]["minorUnits"], "0");
}

#[tokio::test]
async fn case_68_a_card_that_the_network_replaced_or_somebody_detached_is_shown_as_it_is() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.settled().await;
    let query = "query($id: ID!) { paymentMethods(organizationId: $id) {
        isDefault card { last4 expMonth expYear } stripePaymentMethodId } }";
    let shown = owner.send(query, json!({ "id": organization })).await;
    let id = text(&shown.data()["paymentMethods"][0]["stripePaymentMethodId"]);
    // The network sends a new expiry: Stripe changes the card and says so.
    let mut replaced =
        app.sandbox.objects("payment_method").into_iter().find(|it| it["id"] == id.as_str()).expect("it");
    replaced["card"]["exp_year"] = 2039.into();
    replaced["card"]["last4"] = "0005".into();
    let later = SystemClock.now() + chrono::TimeDelta::seconds(2);
    tell(&app, "evt_card_1", "payment_method.automatically_updated", later, &replaced).await;
    crate::support::eventually("the new card", || async {
        let answer = owner.send(query, json!({ "id": organization })).await;
        let card = &answer.data()["paymentMethods"][0]["card"];
        (card["expYear"] == 2039 && card["last4"] == "0005").then_some(())
    })
    .await;
    app.at_stripe(Method::POST, &format!("payment_methods/{id}/detach"), &[]).await;
    crate::support::eventually("the card to be gone", || async {
        let gone = owner.send(query, json!({ "id": organization })).await;
        (gone.data()["paymentMethods"] == json!([])).then_some(())
    })
    .await;
    let refused = charge(&owner, &organization, "4900", "USD").await;
    let (code, path, _) = refused.user_error("paymentIntentCreate");
    assert_eq!(
        (code.as_str(), path.as_str()),
        ("BAD_USER_INPUT", "paymentMethodId"),
        "there is no default any more"
    );
}

#[tokio::test]
async fn case_69_an_invoice_without_a_subscription_is_paid_like_any_other() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let invoice = sent_invoice(&app, &owner, &organization, "25000").await;
    let sent = owner
        .send(
            "mutation($input: InvoiceSendInput!) { invoiceSend(input: $input) {
               invoice { status subscription { id } billingReason hostedUrl pdfUrl lines { description amount { minorUnits } } }
               userErrors { message } } }",
            json!({ "input": { "invoiceId": invoice } }),
        )
        .await;
    let shown = &sent.data()["invoiceSend"]["invoice"];
    assert_eq!((&shown["status"], &shown["subscription"]), (&json!("OPEN"), &Value::Null), "{:#}", sent.body);
    assert_eq!(shown["billingReason"], "manual");
    assert_eq!(shown["lines"][0]["description"], "Onboarding workshop");
    assert!(shown["hostedUrl"].is_string() && shown["pdfUrl"].is_string());
    let list =
        "query($id: ID!) { invoices(organizationId: $id) { nodes { id amountRemaining { minorUnits } } } }";
    let listed = owner.send(list, json!({ "id": organization })).await;
    assert_eq!(
        listed.data()["invoices"]["nodes"],
        json!([{ "id": invoice, "amountRemaining": { "minorUnits": "25000" } }])
    );
    let credit = "mutation($input: CreditNoteCreateInput!) { creditNoteCreate(input: $input) {
        creditNote { status } userErrors { message } } }";
    let input = json!({ "invoiceId": invoice, "amount": { "minorUnits": "5000", "currency": "USD" } });
    let credited = app.staff().send(credit, json!({ "input": input })).await;
    assert_eq!(credited.data()["creditNoteCreate"]["userErrors"], json!([]), "{:#}", credited.body);
    let listed = owner.send(list, json!({ "id": organization })).await;
    assert_eq!(listed.data()["invoices"]["nodes"][0]["amountRemaining"]["minorUnits"], "20000");
    let paid = owner
        .send(
            "mutation($input: InvoicePayInput!) { invoicePay(input: $input) {
               invoice { status payments { status } } userErrors { message } } }",
            json!({ "input": { "invoiceId": invoice } }),
        )
        .await;
    assert_eq!(
        paid.data()["invoicePay"]["invoice"],
        json!({ "status": "PAID", "payments": [{ "status": "SUCCEEDED" }] }),
        "{:#}",
        paid.body
    );
    assert_eq!(app.succeeded_charges(), 1);
}

/// Lets the bank take its time.
fn an_hour_passes(app: &TestApp) {
    app.sandbox.set_now(app.sandbox.now() + 3_700);
}

async fn refund(client: &Client, input: Value) -> Value {
    let query = "mutation($input: PaymentRefundInput!) { paymentRefund(input: $input) {
        refund { id status } payment { amountRefunded { minorUnits } }
        preview { refundableBefore { minorUnits } } userErrors { code message } } }";
    client.send(query, json!({ "input": input })).await.data()["paymentRefund"].clone()
}

#[tokio::test]
async fn case_66_a_refund_that_fails_later_gives_its_amount_free_again() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_refundFail").await;
    let paid = charge(&owner, &organization, "4900", "USD").await;
    let payment = text(&paid.data()["paymentIntentCreate"]["payment"]["id"]);
    let staff = app.staff();
    let part = json!({ "paymentId": payment, "amount": { "minorUnits": "1900", "currency": "USD" } });
    let given = refund(&staff, part).await;
    assert_eq!(given["payment"]["amountRefunded"]["minorUnits"], "1900", "{given:#}");
    let left = refund(&staff, json!({ "paymentId": payment, "dryRun": true })).await;
    assert_eq!(left["preview"]["refundableBefore"]["minorUnits"], "3000", "{left:#}");
    an_hour_passes(&app);
    app.settled().await;
    let query = "query($id: ID!) { payment(id: $id) { status amountRefunded { minorUnits } refunds { status failureReason } } }";
    let shown = owner.send(query, json!({ "id": payment })).await;
    let shown = &shown.data()["payment"];
    assert_eq!(shown["refunds"][0]["status"], "FAILED", "{shown:#}");
    assert!(shown["refunds"][0]["failureReason"].is_string());
    assert_eq!(
        (&shown["status"], &shown["amountRefunded"]["minorUnits"]),
        (&json!("SUCCEEDED"), &json!("0"))
    );
    let free = refund(&staff, json!({ "paymentId": payment, "dryRun": true })).await;
    assert_eq!(free["preview"]["refundableBefore"]["minorUnits"], "4900", "{free:#}");
}

/// Money that goes back, in part or whole, takes no access: ending a subscription is another act.
#[tokio::test]
async fn case_66_what_is_given_back_takes_no_access() {
    let app = TestApp::start().await;
    let (owner, organization) = app.subscriber().await;
    let query = "query($id: ID!) { payments(organizationId: $id) { nodes { id } } }";
    let shown = owner.send(query, json!({ "id": organization })).await;
    let payment = text(&shown.data()["payments"]["nodes"][0]["id"]);
    let staff = app.staff();
    let part = json!({ "paymentId": payment, "amount": { "minorUnits": "900", "currency": "USD" } });
    for (input, back) in [(part, "900"), (json!({ "paymentId": payment }), "2900")] {
        let given = refund(&staff, input).await;
        assert_eq!(given["payment"]["amountRefunded"]["minorUnits"], back, "{given:#}");
        app.settled().await;
        let shown = look(&owner, &organization).await;
        assert_eq!(shown["subscription"]["status"], "ACTIVE", "{shown:#}");
        assert_eq!(
            (&shown["accessState"]["level"], &shown["accessState"]["nextAction"]),
            (&json!("FULL"), &json!("NONE")),
            "{shown:#}"
        );
    }
}

#[tokio::test]
async fn case_67_a_dispute_is_shown_on_the_payment_of_its_charge_with_its_deadline() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_createDispute").await;
    let paid = charge(&owner, &organization, "4900", "USD").await;
    let payment = text(&paid.data()["paymentIntentCreate"]["payment"]["id"]);
    app.card(&owner, &organization, "pm_card_visa").await;
    charge(&owner, &organization, "700", "USD").await;
    app.settled().await;
    let query = "query($payment: ID!, $id: ID!) {
        payment(id: $payment) { disputes { status reason isOpen amount { minorUnits } evidenceDueBy stripeDisputeId } }
        disputes(organizationId: $id, open: true) { totalCount nodes { payment { id } } } }";
    let variables = json!({ "payment": payment, "id": organization });
    let shown = owner.send(query, variables.clone()).await;
    let dispute = &shown.data()["payment"]["disputes"][0];
    assert_eq!(dispute["status"], "NEEDS_RESPONSE", "{:#}", shown.body);
    assert_eq!(
        (&dispute["reason"], &dispute["amount"]["minorUnits"]),
        (&json!("fraudulent"), &json!("4900"))
    );
    assert!(dispute["evidenceDueBy"].is_string());
    assert_eq!(
        shown.data()["disputes"],
        json!({ "totalCount": 1, "nodes": [{ "payment": { "id": payment } }] }),
        "on the payment of its charge, and on no other"
    );
    let path = format!("disputes/{}", text(&dispute["stripeDisputeId"]));
    let evidence = [("evidence[uncategorized_text]", "winning_evidence"), ("submit", "true")];
    app.at_stripe(Method::POST, &path, &evidence).await;
    an_hour_passes(&app);
    app.settled().await;
    let decided = owner.send(query, variables).await;
    assert_eq!(decided.data()["payment"]["disputes"][0]["status"], "WON", "{:#}", decided.body);
    assert_eq!(decided.data()["disputes"]["totalCount"], 0);
}

/// Sends evidence, and lets the bank decide by it.
async fn answer_dispute(app: &TestApp, dispute: &str, evidence: &str) {
    let form = [("evidence[uncategorized_text]", evidence), ("submit", "true")];
    app.at_stripe(Method::POST, &format!("disputes/{dispute}"), &form).await;
    an_hour_passes(app);
    app.settled().await;
}

#[tokio::test]
async fn case_67_a_dispute_of_the_subscriptions_charge_takes_what_the_policy_says_until_it_is_won() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_createDispute").await;
    let subscribed = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(subscribed["subscription"]["status"], "ACTIVE", "{subscribed:#}");
    app.settled().await;
    let disputes = app.sandbox.objects("dispute");
    let (id, due) = (text(&disputes[0]["id"]), &disputes[0]["evidence_details"]["due_by"]);
    let due = DateTime::from_timestamp(due.as_i64().expect("a deadline"), 0).expect("a time");

    let access = async || look(&owner, &organization).await["accessState"].clone();
    let shown = access().await;
    assert_eq!((&shown["level"], &shown["reason"]), (&json!("FULL"), &json!("DISPUTED")), "{shown:#}");
    assert_eq!(shown["nextAction"], "CONTACT_SUPPORT");
    assert_eq!(text(&shown["until"]).parse::<DateTime<Utc>>().expect("a time"), due, "lost then, by default");
    set_policy(&app, "disputeOpen", "LIMITED").await;
    assert_eq!(access().await["level"], "LIMITED");

    answer_dispute(&app, &id, "winning_evidence").await;
    let shown = access().await;
    assert_eq!((&shown["level"], &shown["reason"]), (&json!("FULL"), &json!("PAID")), "{shown:#}");
    assert_eq!((&shown["until"], &shown["nextAction"]), (&Value::Null, &json!("NONE")));
}

/// A bank that asks takes no money, and so no access, whatever the policy does with disputes.
#[tokio::test]
async fn case_67_an_inquiry_takes_nothing() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    set_policy(&app, "disputeOpen", "NONE").await;
    app.card(&owner, &organization, "pm_card_createDisputeInquiry").await;
    app.subscribe(&owner, &organization, &plan).await;
    app.settled().await;
    let query = "query($id: ID!) { disputes(organizationId: $id, open: true) { nodes { status isOpen } } }";
    let shown = owner.send(query, json!({ "id": organization })).await;
    assert_eq!(
        shown.data()["disputes"]["nodes"],
        json!([{ "status": "WARNING_NEEDS_RESPONSE", "isOpen": true }]),
        "it is shown all the same"
    );
    let shown = look(&owner, &organization).await["accessState"].clone();
    assert_eq!((&shown["level"], &shown["reason"]), (&json!("FULL"), &json!("PAID")), "{shown:#}");
}

#[tokio::test]
async fn case_67_a_lost_dispute_takes_access_and_one_of_another_charge_does_not() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_createDispute").await;
    let first = app.subscribe(&owner, &organization, &plan).await;
    app.settled().await;
    let dispute = text(&app.sandbox.objects("dispute")[0]["id"]);
    answer_dispute(&app, &dispute, "losing_evidence").await;
    let shown = look(&owner, &organization).await["accessState"].clone();
    assert_eq!((&shown["level"], &shown["reason"]), (&json!("NONE"), &json!("DISPUTE_LOST")), "{shown:#}");

    // A one-off charge that is disputed, and the charge of a subscription that is over.
    charge(&owner, &organization, "4900", "USD").await;
    let cancel = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) { userErrors { code } } }";
    let input = json!({ "subscriptionId": first["subscription"]["id"], "when": "NOW" });
    owner.send(cancel, json!({ "input": input })).await.data();
    app.card(&owner, &organization, "pm_card_visa").await;
    let second = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(second["subscription"]["status"], "ACTIVE", "{second:#}");
    app.settled().await;
    assert_eq!(app.sandbox.objects("dispute").len(), 2);
    let shown = look(&owner, &organization).await["accessState"].clone();
    assert_eq!((&shown["level"], &shown["reason"]), (&json!("FULL"), &json!("PAID")), "{shown:#}");
}
