use serde_json::{Value, json};

use crate::support::{Client, DAY, HOUR, Params, START, id, world};

/// Pays 2000 with a test card; gives the charge.
async fn pay(client: &Client, card: &str) -> Value {
    let params = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("payment_method", card),
        ("confirm", "true"),
        ("return_url", "http://127.0.0.1/back"),
        ("expand[]", "latest_charge"),
    ];
    client.post("/v1/payment_intents", &params).await.ok()["latest_charge"].clone()
}

#[tokio::test]
async fn a_refund_that_fails_after_all_gives_the_charge_its_money_back() {
    let world = world().await;
    let client = &world.client;
    let charge = format!("/v1/charges/{}", id(&pay(client, "pm_card_refundFail").await));
    let charge_id = charge.rsplit('/').next().unwrap();
    let refund = client.post("/v1/refunds", &[("charge", charge_id)]).await.ok();
    assert_eq!(refund["status"], "succeeded");
    assert_eq!(client.get(&charge, &[]).await.ok()["refunded"], true);
    let before = world.sandbox.events().len();
    world.sandbox.set_now(START + HOUR);
    assert_eq!(world.event_types(before), ["refund.updated", "charge.refund.updated", "refund.failed"]);
    let refund = client.get(&format!("/v1/refunds/{}", id(&refund)), &[]).await.ok();
    assert_eq!((&refund["status"], &refund["failure_reason"]), (&json!("failed"), &json!("unknown")));
    let after = client.get(&charge, &[]).await.ok();
    assert_eq!((&after["refunded"], &after["amount_refunded"]), (&json!(false), &json!(0)));
    client.post("/v1/refunds", &[("charge", charge_id), ("amount", "2000")]).await.ok();
    world.check_events();
}

#[tokio::test]
async fn a_pending_refund_arrives_later_and_counts_from_the_beginning() {
    let world = world().await;
    let client = &world.client;
    let charge = id(&pay(client, "pm_card_pendingRefund").await);
    let refund = client.post("/v1/refunds", &[("charge", &charge), ("amount", "1500")]).await.ok();
    assert_eq!((&refund["status"], &refund["pending_reason"]), (&json!("pending"), &json!("processing")));
    let more = client.post("/v1/refunds", &[("charge", &charge), ("amount", "501")]).await;
    assert_eq!(more.refusal(), (400, "", "amount"));
    let path = format!("/v1/refunds/{}", id(&refund));
    assert_eq!(
        client.post(&format!("{path}/cancel"), &[]).await.refusal().0,
        400,
        "only those that wait for somebody"
    );
    world.sandbox.set_now(START + HOUR);
    let refund = client.get(&path, &[]).await.ok();
    assert_eq!((&refund["status"], refund.get("pending_reason")), (&json!("succeeded"), None));
    assert_eq!(world.event_types(0).last().unwrap(), "charge.refund.updated");
}

#[tokio::test]
async fn a_disputed_charge_loses_its_money_until_the_evidence_wins() {
    for (text, status, last, booked) in [
        ("winning_evidence", "won", "charge.dispute.closed", vec![-2000, 2000]),
        ("losing_evidence", "lost", "charge.dispute.closed", vec![-2000]),
    ] {
        let world = world().await;
        let client = &world.client;
        let charge = id(&pay(client, "pm_card_createDispute").await);
        let types = world.event_types(0);
        assert_eq!(types[types.len() - 2..], ["charge.dispute.created", "charge.dispute.funds_withdrawn"]);
        let disputes =
            client.get("/v1/disputes", &[("charge", &charge), ("expand[]", "data.charge")]).await.ok();
        let dispute = &disputes["data"][0];
        assert_eq!(
            (&dispute["status"], &dispute["reason"]),
            (&json!("needs_response"), &json!("fraudulent"))
        );
        assert_eq!(dispute["charge"]["disputed"], true);
        assert_eq!(
            client.post("/v1/refunds", &[("charge", &charge)]).await.refusal(),
            (400, "charge_disputed", "")
        );
        let path = format!("/v1/disputes/{}", id(dispute));
        let staged = [("evidence[product_description]", "A thing"), ("submit", "false")];
        let staged = client.post(&path, &staged).await.ok();
        assert_eq!(
            (&staged["status"], &staged["evidence_details"]["has_evidence"]),
            (&json!("needs_response"), &json!(true))
        );
        let submitted = client.post(&path, &[("evidence[uncategorized_text]", text)]).await.ok();
        assert_eq!(
            (&submitted["status"], &submitted["evidence_details"]["submission_count"]),
            (&json!("under_review"), &json!(1))
        );
        assert_eq!(client.post(&path, &[("submit", "true")]).await.refusal().0, 400, "once");
        world.sandbox.set_now(START + HOUR);
        let decided = client.get(&path, &[]).await.ok();
        assert_eq!(decided["status"], status);
        let amounts: Vec<i64> = decided["balance_transactions"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|t| t["net"].as_i64())
            .collect();
        assert_eq!(amounts, booked);
        let types = world.event_types(0);
        assert_eq!(types.last().unwrap(), last);
        assert_eq!(types.contains(&"charge.dispute.funds_reinstated".to_owned()), status == "won");
        assert_eq!(client.post(&format!("{path}/close"), &[]).await.refusal().0, 400);
        world.check_events();
    }
}

#[tokio::test]
async fn a_dispute_nobody_answers_is_lost_and_an_inquiry_closes() {
    for (card, status, lost) in [
        ("pm_card_createDisputeProductNotReceived", "lost", true),
        ("pm_card_createDisputeInquiry", "warning_closed", false),
    ] {
        let world = world().await;
        let client = &world.client;
        let charge = id(&pay(client, card).await);
        let dispute = client.get("/v1/disputes", &[]).await.ok()["data"][0].clone();
        assert_eq!(dispute["is_charge_refundable"], !lost);
        assert_eq!(dispute["balance_transactions"].as_array().unwrap().is_empty(), !lost);
        world.sandbox.set_now(START + 9 * DAY);
        let path = format!("/v1/disputes/{}", id(&dispute));
        assert_eq!(client.get(&path, &[]).await.ok()["status"], status);
        assert_eq!(client.post("/v1/refunds", &[("charge", &charge)]).await.status == 200, !lost);
    }
    let world = world().await;
    pay(&world.client, "pm_card_createDispute").await;
    let dispute = world.client.get("/v1/disputes", &[]).await.ok()["data"][0].clone();
    let close = format!("/v1/disputes/{}/close", id(&dispute));
    assert_eq!(world.client.post(&close, &[]).await.ok()["status"], "lost");
}

#[tokio::test]
async fn an_authorised_charge_is_disputed_for_what_was_captured() {
    let world = world().await;
    let client = &world.client;
    let params = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("payment_method", "pm_card_createDispute"),
        ("confirm", "true"),
        ("capture_method", "manual"),
        ("return_url", "http://127.0.0.1/back"),
    ];
    let held = client.post("/v1/payment_intents", &params).await.ok();
    assert_eq!(client.get("/v1/disputes", &[]).await.ok()["data"], json!([]));
    let capture = format!("/v1/payment_intents/{}/capture", id(&held));
    client.post(&capture, &[("amount_to_capture", "1200")]).await.ok();
    assert_eq!(client.get("/v1/disputes", &[]).await.ok()["data"][0]["amount"], 1200);
}

#[tokio::test]
async fn an_issuer_reports_fraud_until_the_charge_is_given_back() {
    let world = world().await;
    let client = &world.client;
    let charge = pay(client, "pm_card_createIssuerFraudRecord").await;
    let intent = charge["payment_intent"].as_str().unwrap();
    let found = client.get("/v1/radar/early_fraud_warnings", &[("payment_intent", intent)]).await.ok();
    let warning = &found["data"][0];
    assert_eq!((&warning["actionable"], &warning["charge"]), (&json!(true), &charge["id"]));
    let path = format!("/v1/radar/early_fraud_warnings/{}", id(warning));
    client.post("/v1/refunds", &[("payment_intent", intent), ("amount", "100")]).await.ok();
    assert_eq!(client.get(&path, &[]).await.ok()["actionable"], true, "there is something left to refund");
    client.post("/v1/refunds", &[("payment_intent", intent)]).await.ok();
    let after = client.get(&path, &[("expand[]", "charge"), ("expand[]", "payment_intent")]).await.ok();
    assert_eq!((&after["actionable"], &after["charge"]["refunded"]), (&json!(false), &json!(true)));
    let events = world.event_types(0);
    for kind in ["radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"] {
        assert_eq!(events.iter().filter(|event| *event == kind).count(), 1, "{kind}");
    }
    let other = pay(client, "pm_card_visa").await;
    let none = client.get("/v1/radar/early_fraud_warnings", &[("charge", &*id(&other))]).await.ok();
    assert_eq!(none["data"], json!([]));
    assert_eq!(client.get("/v1/radar/early_fraud_warnings/issfr_none", &[]).await.refusal().0, 404);
    world.check_events();
}

#[tokio::test]
async fn an_inquiry_can_grow_into_a_dispute() {
    let world = world().await;
    let client = &world.client;
    pay(client, "pm_card_createDisputeInquiry").await;
    let path = format!("/v1/disputes/{}", id(&client.get("/v1/disputes", &[]).await.ok()["data"][0]));
    let evidence: Params<'_> = &[("evidence[uncategorized_text]", "escalate_inquiry_evidence")];
    assert_eq!(client.post(&path, evidence).await.ok()["status"], "warning_under_review");
    world.sandbox.set_now(START + HOUR);
    let escalated = client.get(&path, &[]).await.ok();
    assert_eq!(
        (&escalated["status"], &escalated["payment_method_details"]["card"]["case_type"]),
        (&json!("needs_response"), &json!("chargeback"))
    );
    assert_eq!(world.event_types(0).last().unwrap(), "charge.dispute.funds_withdrawn");
    world.check_events();
}
