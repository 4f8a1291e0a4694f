//! Customers and their cards, intents, charges, refunds, credit notes and disputes.

use crate::support::{Client, World, id};

pub(super) async fn people(client: &Client) -> String {
    let customer = client
        .post(
            "/v1/customers",
            &[
                ("name", "Ann"),
                ("email", "ann@example.com"),
                ("address[country]", "DE"),
                ("shipping[name]", "Ann"),
                ("shipping[address][line1]", "Street 1"),
                ("metadata[a]", "b"),
            ],
        )
        .await
        .ok();
    let customer = id(&customer);
    let path = format!("/v1/customers/{customer}");
    client.post(&path, &[("phone", "+49 30 1"), ("preferred_locales[]", "de")]).await.ok();
    let expand = [("expand[]", "subscriptions"), ("expand[]", "sources"), ("expand[]", "tax_ids")];
    client.get(&path, &expand).await.ok();
    client.get("/v1/customers", &[("email", "ann@example.com"), ("created[gte]", "1")]).await.ok();
    let typed = [
        ("type", "card"),
        ("card[number]", "4242424242424242"),
        ("card[exp_month]", "8"),
        ("card[exp_year]", "2030"),
        ("card[cvc]", "123"),
    ];
    let method = client.post("/v1/payment_methods", &typed).await.ok();
    let path = format!("/v1/payment_methods/{}", id(&method));
    client.post(&format!("{path}/attach"), &[("customer", &customer)]).await.ok();
    client.get(&path, &[("expand[]", "customer")]).await.ok();
    client.post(&path, &[("billing_details[name]", "Ann"), ("card[exp_month]", "9")]).await.ok();
    client.get("/v1/payment_methods", &[("customer", &customer), ("type", "card")]).await.ok();
    client.get(&format!("/v1/customers/{customer}/payment_methods"), &[]).await.ok();
    client.get(&format!("/v1/customers/{customer}/payment_methods/{}", id(&method)), &[]).await.ok();
    client.post(&format!("{path}/detach"), &[]).await.ok();
    let gone = client.customer(None).await;
    client.delete(&format!("/v1/customers/{gone}"), &[]).await.ok();
    client.get(&format!("/v1/customers/{gone}"), &[]).await.ok();
    customer
}

pub(super) async fn intents(world: &World, client: &Client, customer: &str) {
    let authenticate = async |kind: &str, id: &str, outcome: &str| {
        let url = format!("{}/_sandbox/{kind}/{id}/authenticate", world.sandbox.base_url());
        let answer =
            client.http.post(url).json(&serde_json::json!({ "outcome": outcome })).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    };
    let back = ("return_url", "http://127.0.0.1/back");
    let setup =
        client.post("/v1/setup_intents", &[("customer", customer), ("usage", "off_session")]).await.ok();
    let path = format!("/v1/setup_intents/{}", id(&setup));
    client.get(&path, &[]).await.ok();
    client.post(&path, &[("description", "Card")]).await.ok();
    client
        .post(&format!("{path}/confirm"), &[("payment_method", "pm_card_authenticationRequired"), back])
        .await
        .ok();
    authenticate("setup_intents", &id(&setup), "fail").await;
    client.get(&path, &[]).await.ok();
    client
        .post(
            &format!("{path}/confirm"),
            &[("payment_method", "pm_card_visa"), back, ("expand[]", "payment_method")],
        )
        .await
        .ok();
    client.get("/v1/setup_intents", &[("customer", customer)]).await.ok();
    let setup = client.post("/v1/setup_intents", &[]).await.ok();
    client.post(&format!("/v1/setup_intents/{}/cancel", id(&setup)), &[]).await.ok();

    let intent = client
        .post(
            "/v1/payment_intents",
            &[("amount", "2000"), ("currency", "usd"), ("customer", customer), ("receipt_email", "a@b.c")],
        )
        .await
        .ok();
    let path = format!("/v1/payment_intents/{}", id(&intent));
    client.post(&path, &[("amount", "2100"), ("metadata[k]", "v")]).await.ok();
    let declined =
        client.post(&format!("{path}/confirm"), &[("payment_method", "pm_card_chargeDeclined"), back]).await;
    assert_eq!(declined.status, 402);
    client.get(&path, &[]).await.ok();
    let waiting = client
        .post(&format!("{path}/confirm"), &[("payment_method", "pm_card_threeDSecure2Required"), back])
        .await
        .ok();
    assert_eq!(waiting["status"], "requires_action");
    authenticate("payment_intents", &id(&intent), "fail").await;
    client.get(&path, &[]).await.ok();
    client
        .post(
            &format!("{path}/confirm"),
            &[("payment_method", "pm_card_threeDSecure2Required"), ("use_stripe_sdk", "true")],
        )
        .await
        .ok();
    authenticate("payment_intents", &id(&intent), "succeed").await;
    let paid = client
        .get(
            &path,
            &[("expand[]", "latest_charge"), ("expand[]", "payment_method"), ("expand[]", "customer")],
        )
        .await
        .ok();
    assert_eq!(paid["latest_charge"]["paid"], true);
    let charge = id(&paid["latest_charge"]);
    client.post(&format!("/v1/charges/{charge}"), &[("description", "Thing")]).await.ok();
    let refund = client
        .post("/v1/refunds", &[("charge", &charge), ("amount", "100"), ("reason", "requested_by_customer")])
        .await
        .ok();
    client.get(&format!("/v1/refunds/{}", id(&refund)), &[("expand[]", "charge")]).await.ok();
    client.post(&format!("/v1/refunds/{}", id(&refund)), &[("metadata[k]", "v")]).await.ok();
    client.get("/v1/refunds", &[("charge", &charge)]).await.ok();
    client
        .get(&format!("/v1/charges/{charge}"), &[("expand[]", "refunds"), ("expand[]", "payment_intent")])
        .await
        .ok();
    client.get("/v1/charges", &[("customer", customer)]).await.ok();
    client
        .get("/v1/payment_intents", &[("customer", customer), ("expand[]", "data.latest_charge")])
        .await
        .ok();
    let manual = [
        ("amount", "900"),
        ("currency", "eur"),
        ("payment_method", "pm_card_visa"),
        ("confirm", "true"),
        ("capture_method", "manual"),
        back,
    ];
    let held = client.post("/v1/payment_intents", &manual).await.ok();
    client
        .post(&format!("/v1/payment_intents/{}/capture", id(&held)), &[("amount_to_capture", "500")])
        .await
        .ok();
    let idle = client.post("/v1/payment_intents", &[("amount", "900"), ("currency", "eur")]).await.ok();
    client
        .post(&format!("/v1/payment_intents/{}/cancel", id(&idle)), &[("cancellation_reason", "abandoned")])
        .await
        .ok();
}

pub(super) async fn money_back(client: &Client) {
    let customer = client.customer(Some("pm_card_createDispute")).await;
    let item = [("customer", customer.as_str()), ("amount", "5000"), ("currency", "usd")];
    client.post("/v1/invoiceitems", &item).await.ok();
    let draft = [("customer", customer.as_str()), ("pending_invoice_items_behavior", "include")];
    let invoice = id(&client.post("/v1/invoices", &draft).await.ok());
    let open = client.post(&format!("/v1/invoices/{invoice}/finalize"), &[]).await.ok();
    let line = id(&open["lines"]["data"][0]);
    let credit = [
        ("invoice", invoice.as_str()),
        ("lines[0][type]", "invoice_line_item"),
        ("lines[0][invoice_line_item]", line.as_str()),
        ("lines[0][amount]", "600"),
        ("lines[1][type]", "custom_line_item"),
        ("lines[1][description]", "Sorry"),
        ("lines[1][unit_amount]", "100"),
        ("lines[1][quantity]", "4"),
    ];
    client.get("/v1/credit_notes/preview", &credit).await.ok();
    client.get("/v1/credit_notes/preview/lines", &credit).await.ok();
    let note = client.post("/v1/credit_notes", &credit).await.ok();
    let path = format!("/v1/credit_notes/{}", id(&note));
    client.post(&path, &[("memo", "Sorry"), ("metadata[k]", "v")]).await.ok();
    client.get(&format!("{path}/lines"), &[]).await.ok();
    client.post(&format!("{path}/void"), &[]).await.ok();
    client.post(&format!("/v1/invoices/{invoice}/pay"), &[]).await.ok();
    let credit = [("invoice", invoice.as_str()), ("amount", "500"), ("credit_amount", "500")];
    let note = client.post("/v1/credit_notes", &credit).await.ok();
    client.get(&format!("/v1/credit_notes/{}", id(&note)), &[("expand[]", "invoice")]).await.ok();
    client.get("/v1/credit_notes", &[("invoice", &invoice)]).await.ok();

    let disputes = client.get("/v1/disputes", &[("limit", "1")]).await.ok();
    let path = format!("/v1/disputes/{}", id(&disputes["data"][0]));
    client
        .post(&path, &[("evidence[customer_name]", "Ann"), ("submit", "false"), ("metadata[k]", "v")])
        .await
        .ok();
    client.get(&path, &[("expand[]", "charge"), ("expand[]", "payment_intent")]).await.ok();
    client.post(&format!("{path}/close"), &[]).await.ok();
    let paid = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("payment_method", "pm_card_pendingRefund"),
        ("confirm", "true"),
        ("return_url", "http://127.0.0.1/back"),
    ];
    let paid = client.post("/v1/payment_intents", &paid).await.ok();
    let refund = client.post("/v1/refunds", &[("payment_intent", &id(&paid))]).await.ok();
    assert_eq!(refund["status"], "pending");
    assert_eq!(client.post(&format!("/v1/refunds/{}/cancel", id(&refund)), &[]).await.status, 400);
}

pub(super) async fn fraud(client: &Client) {
    let paid = [
        ("amount", "2000"),
        ("currency", "usd"),
        ("payment_method", "pm_card_createIssuerFraudRecord"),
        ("confirm", "true"),
        ("return_url", "http://127.0.0.1/back"),
    ];
    let paid = client.post("/v1/payment_intents", &paid).await.ok();
    let charge = paid["latest_charge"].as_str().unwrap();
    let reported = client.get("/v1/radar/early_fraud_warnings", &[("charge", charge)]).await.ok();
    let path = format!("/v1/radar/early_fraud_warnings/{}", id(&reported["data"][0]));
    client.get(&path, &[("expand[]", "charge"), ("expand[]", "payment_intent")]).await.ok();
    client.post("/v1/refunds", &[("charge", charge)]).await.ok();
    assert_eq!(client.get(&path, &[]).await.ok()["actionable"], false);
}
