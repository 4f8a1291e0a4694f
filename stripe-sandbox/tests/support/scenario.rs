//! A walk through every endpoint.

use super::{Client, DAY, HOUR, START, World, browser, id};

/// Every endpoint, and every state that has a shape of its own.
pub async fn drive(world: &World, client: &Client) {
    client.get("/v1/account", &[]).await.ok();
    catalog(client).await;
    let customer = people(client).await;
    intents(world, client, &customer).await;
    subscriptions(world, client).await;
    schedules(world, client).await;
    invoices(client).await;
    money_back(client).await;
    clocks(client).await;
    checkout(world, client).await;
    portal(client).await;
    meters(client).await;
    search(client).await;
    discounts(client).await;
    taxes(client).await;
    let events = client.get("/v1/events", &[("limit", "3"), ("type", "invoice.*")]).await.ok();
    client.get(&format!("/v1/events/{}", id(&events["data"][0])), &[]).await.ok();
    let endpoint = client
        .post(
            "/v1/webhook_endpoints",
            &[
                ("url", "http://127.0.0.1:9/hook"),
                ("enabled_events[]", "account.updated"),
                ("description", "x"),
            ],
        )
        .await
        .ok();
    let path = format!("/v1/webhook_endpoints/{}", id(&endpoint));
    client.get(&path, &[]).await.ok();
    client.post(&path, &[("disabled", "true")]).await.ok();
    client.get("/v1/webhook_endpoints", &[]).await.ok();
    client.delete(&path, &[]).await.ok();
    let refused = [
        client.get("/v1/customers/cus_none", &[]).await.status,
        client.get("/v1/customers", &[("limit", "3"), ("starting_after", "cus_none")]).await.status,
        client.post("/v1/payment_intents", &[("amount", "3"), ("currency", "usd")]).await.status,
    ];
    assert_eq!(refused, [404, 400, 400]);
}

async fn catalog(client: &Client) {
    let product = client
        .post(
            "/v1/products",
            &[
                ("name", "Pro"),
                ("description", "For teams"),
                ("marketing_features[0][name]", "Fast"),
                ("default_price_data[currency]", "usd"),
                ("default_price_data[unit_amount]", "2900"),
                ("default_price_data[recurring][interval]", "month"),
                ("expand[]", "default_price"),
            ],
        )
        .await
        .ok();
    assert_eq!(product["default_price"]["unit_amount"], 2900);
    let path = format!("/v1/products/{}", id(&product));
    client.get(&path, &[]).await.ok();
    client.post(&path, &[("name", "Pro 2"), ("metadata[tier]", "2")]).await.ok();
    client.get("/v1/products", &[("active", "true")]).await.ok();
    let spare = client.post("/v1/products", &[("name", "Spare")]).await.ok();
    client.delete(&format!("/v1/products/{}", id(&spare)), &[]).await.ok();
    let price = client
        .post(
            "/v1/prices",
            &[
                ("currency", "jpy"),
                ("unit_amount", "500"),
                ("product", &id(&product)),
                ("lookup_key", "once"),
            ],
        )
        .await
        .ok();
    let path = format!("/v1/prices/{}", id(&price));
    client.get(&path, &[("expand[]", "product")]).await.ok();
    client.post(&path, &[("nickname", "Once")]).await.ok();
    client.get("/v1/prices", &[("lookup_keys[]", "once"), ("expand[]", "data.product")]).await.ok();
}

async fn people(client: &Client) -> String {
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

async fn intents(world: &World, client: &Client, customer: &str) {
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

async fn subscriptions(world: &World, client: &Client) {
    let (customer, pro, enterprise) = (
        client.customer(Some("pm_card_visa")).await,
        client.monthly("Pro", 2900).await,
        client.monthly("Enterprise", 9900).await,
    );
    let expand = [
        ("expand[]", "latest_invoice.payments"),
        ("expand[]", "latest_invoice.confirmation_secret"),
        ("expand[]", "customer"),
        ("expand[]", "items.data.price.product"),
    ];
    let subscription = client.subscribe(&customer, &pro, &expand).await.ok();
    let invoice = format!("/v1/invoices/{}", id(&subscription["latest_invoice"]));
    let invoice = client.get(&invoice, &[("expand[]", "payments.data.payment.payment_intent")]).await.ok();
    assert_eq!(invoice["payments"]["data"][0]["payment"]["payment_intent"]["status"], "succeeded");
    let (path, item) =
        (format!("/v1/subscriptions/{}", id(&subscription)), id(&subscription["items"]["data"][0]));
    client
        .get(&path, &[("expand[]", "default_payment_method"), ("expand[]", "pending_setup_intent")])
        .await
        .ok();
    client.post(&path, &[("cancel_at_period_end", "true")]).await.ok();
    client.post(&path, &[("cancel_at_period_end", "false"), ("metadata[k]", "v")]).await.ok();
    world.sandbox.set_now(START + 10 * DAY);
    let preview = [
        ("subscription", &*id(&subscription)),
        ("subscription_details[items][0][id]", &item),
        ("subscription_details[items][0][price]", &enterprise),
    ];
    client.post("/v1/invoices/create_preview", &preview).await.ok();
    let upgrade = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", enterprise.as_str()),
        ("proration_behavior", "always_invoice"),
        ("expand[]", "latest_invoice"),
    ];
    let upgraded = client.post(&path, &upgrade).await.ok();
    assert_eq!(upgraded["latest_invoice"]["status"], "paid");
    world.sandbox.set_now(START + 29 * DAY);
    client.get(&format!("/v1/subscription_items/{item}"), &[]).await.ok();
    client.get("/v1/subscription_items", &[("subscription", &id(&subscription))]).await.ok();
    client
        .get(
            "/v1/subscriptions",
            &[
                ("status", "all"),
                ("customer", &customer),
                ("expand[]", "data.latest_invoice"),
                ("expand[]", "data.customer"),
            ],
        )
        .await
        .ok();
    client
        .delete(
            &path,
            &[("invoice_now", "true"), ("prorate", "true"), ("cancellation_details[comment]", "bye")],
        )
        .await
        .ok();

    let bare = client.customer(None).await;
    let trial = [
        ("trial_period_days", "7"),
        ("trial_settings[end_behavior][missing_payment_method]", "pause"),
        ("payment_behavior", "default_incomplete"),
        ("expand[]", "pending_setup_intent"),
    ];
    let trial = client.subscribe(&bare, &pro, &trial).await.ok();
    assert_eq!(trial["status"], "trialing");
    let incomplete = client
        .subscribe(
            &bare,
            &enterprise,
            &[("payment_behavior", "default_incomplete"), ("expand[]", "latest_invoice.confirmation_secret")],
        )
        .await
        .ok();
    assert_eq!(incomplete["latest_invoice"]["confirmation_secret"]["type"], "payment_intent");
    world.sandbox.set_now(START + 37 * DAY);
    let method = client.post("/v1/payment_methods/pm_card_visa/attach", &[("customer", &bare)]).await.ok();
    client
        .post(&format!("/v1/customers/{bare}"), &[("invoice_settings[default_payment_method]", &id(&method))])
        .await
        .ok();
    let resumed = client.post(&format!("/v1/subscriptions/{}/resume", id(&trial)), &[]).await.ok();
    assert_eq!(resumed["status"], "active");
    let sent = client
        .subscribe(&bare, &enterprise, &[("collection_method", "send_invoice"), ("days_until_due", "14")])
        .await
        .ok();
    world.sandbox.set_now(START + 37 * DAY + 2 * HOUR);
    client.get(&format!("/v1/subscriptions/{}", id(&sent)), &[("expand[]", "latest_invoice")]).await.ok();
}

async fn clocks(client: &Client) {
    let frozen = START.to_string();
    let params = [("frozen_time", frozen.as_str()), ("name", "A year")];
    let clock = client.post("/v1/test_helpers/test_clocks", &params).await.ok();
    let path = format!("/v1/test_helpers/test_clocks/{}", id(&clock));
    let customer = client.post("/v1/customers", &[("test_clock", &id(&clock))]).await.ok();
    client.get(&format!("/v1/customers/{}", id(&customer)), &[("expand[]", "test_clock")]).await.ok();
    client.get(&path, &[]).await.ok();
    client.get("/v1/test_helpers/test_clocks", &[]).await.ok();
    let later = (START + DAY).to_string();
    let advancing = client.post(&format!("{path}/advance"), &[("frozen_time", &later)]).await.ok();
    assert_eq!(advancing["status"], "advancing");
    client.delete(&path, &[]).await.ok();
}

async fn money_back(client: &Client) {
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

async fn schedules(world: &World, client: &Client) {
    let now = world.sandbox.now();
    let (customer, pro, enterprise) = (
        client.customer(Some("pm_card_visa")).await,
        client.monthly("Pro", 2900).await,
        client.monthly("Enterprise", 9900).await,
    );
    let subscription = id(&client.subscribe(&customer, &enterprise, &[]).await.ok());
    let schedule =
        client.post("/v1/subscription_schedules", &[("from_subscription", &subscription)]).await.ok();
    let path = format!("/v1/subscription_schedules/{}", id(&schedule));
    let (start, end) = (
        schedule["current_phase"]["start_date"].to_string(),
        schedule["current_phase"]["end_date"].to_string(),
    );
    let phases = [
        ("phases[0][items][0][price]", enterprise.as_str()),
        ("phases[0][start_date]", start.as_str()),
        ("phases[0][end_date]", end.as_str()),
        ("phases[1][items][0][price]", pro.as_str()),
        ("phases[1][duration][interval]", "month"),
        ("phases[1][proration_behavior]", "none"),
        ("phases[1][metadata][plan]", "pro"),
        ("metadata[k]", "v"),
        ("expand[]", "subscription"),
        ("expand[]", "phases.items.price"),
        ("expand[]", "phases.items.plan"),
    ];
    let changed = client.post(&path, &phases).await.ok();
    assert_eq!(changed["phases"][1]["items"][0]["plan"]["object"], "plan");
    client.get(&path, &[("expand[]", "customer")]).await.ok();
    client.post(&format!("{path}/release"), &[]).await.ok();
    let later = (now + 40 * DAY).to_string();
    let future = [
        ("customer", customer.as_str()),
        ("start_date", later.as_str()),
        ("end_behavior", "cancel"),
        ("default_settings[collection_method]", "send_invoice"),
        ("default_settings[invoice_settings][days_until_due]", "7"),
        ("phases[0][items][0][price]", pro.as_str()),
        ("phases[0][items][0][quantity]", "2"),
        ("phases[0][trial]", "true"),
    ];
    let future = client.post("/v1/subscription_schedules", &future).await.ok();
    client.get("/v1/subscription_schedules", &[("customer", &customer), ("scheduled", "true")]).await.ok();
    let canceled = client.post(&format!("/v1/subscription_schedules/{}/cancel", id(&future)), &[]).await.ok();
    assert_eq!(canceled["status"], "canceled");
}

async fn invoices(client: &Client) {
    let customer = client.customer(Some("pm_card_visa")).await;
    let draft = async || {
        let invoice = client
            .post("/v1/invoices", &[("customer", &customer), ("currency", "usd"), ("description", "Work")])
            .await
            .ok();
        let invoice = id(&invoice);
        let item = client
            .post(
                "/v1/invoiceitems",
                &[
                    ("customer", &customer),
                    ("invoice", &invoice),
                    ("amount", "1500"),
                    ("currency", "usd"),
                    ("description", "Hours"),
                ],
            )
            .await
            .ok();
        (format!("/v1/invoices/{invoice}"), format!("/v1/invoiceitems/{}", id(&item)))
    };
    let (invoice, item) = draft().await;
    client.get(&item, &[("expand[]", "invoice")]).await.ok();
    client.post(&item, &[("amount", "1600")]).await.ok();
    client.get("/v1/invoiceitems", &[("customer", &customer), ("pending", "false")]).await.ok();
    client.post(&invoice, &[("footer", "Thanks"), ("metadata[k]", "v")]).await.ok();
    client.post(&format!("{invoice}/finalize"), &[("auto_advance", "false")]).await.ok();
    let paid = client.post(&format!("{invoice}/pay"), &[("expand[]", "payments")]).await.ok();
    assert_eq!(paid["amount_paid"], 1600);
    client.get(&format!("{invoice}/lines"), &[]).await.ok();
    let payment = id(&paid["payments"]["data"][0]);
    client.get("/v1/invoice_payments", &[("invoice", &id(&paid))]).await.ok();
    client.get(&format!("/v1/invoice_payments/{payment}"), &[("expand[]", "invoice")]).await.ok();
    client.get("/v1/invoices", &[("status", "paid"), ("customer", &customer)]).await.ok();
    let (invoice, _) = draft().await;
    client.post(&format!("{invoice}/finalize"), &[]).await.ok();
    client.post(&format!("{invoice}/mark_uncollectible"), &[]).await.ok();
    client.post(&format!("{invoice}/void"), &[]).await.ok();
    let (invoice, item) = draft().await;
    client.delete(&item, &[]).await.ok();
    client.delete(&invoice, &[]).await.ok();
    let (invoice, _) = draft().await;
    client.post(&invoice, &[("collection_method", "send_invoice"), ("days_until_due", "7")]).await.ok();
    client.post(&format!("{invoice}/send"), &[]).await.ok();
    client.post(&format!("{invoice}/pay"), &[("paid_out_of_band", "true")]).await.ok();
}

async fn checkout(world: &World, client: &Client) {
    let (customer, pro) = (client.customer(None).await, client.monthly("Pro", 2900).await);
    let back = ("success_url", "http://127.0.0.1/thanks?session={CHECKOUT_SESSION_ID}");
    let payment = [
        ("mode", "payment"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "1500"),
        ("line_items[0][price_data][product_data][name]", "Book"),
        ("line_items[0][quantity]", "2"),
        ("payment_intent_data[description]", "Books"),
        ("customer_creation", "always"),
        ("cancel_url", "http://127.0.0.1/cart"),
        ("metadata[k]", "v"),
        back,
    ];
    let subscription = [
        ("mode", "subscription"),
        ("customer", &customer),
        ("line_items[0][price]", &pro),
        ("line_items[0][quantity]", "3"),
        ("subscription_data[metadata][k]", "v"),
        back,
    ];
    let setup = [("mode", "setup"), ("customer", customer.as_str()), ("currency", "usd"), back];
    for params in [&payment[..], &subscription[..], &setup[..]] {
        let session = client.post("/v1/checkout/sessions", params).await.ok();
        let path = format!("/v1/checkout/sessions/{}", id(&session));
        client.get(&path, &[("expand[]", "line_items")]).await.ok();
        client.get(&format!("{path}/line_items"), &[]).await.ok();
        client.post(&path, &[("metadata[order]", "7")]).await.ok();
        let page = format!("{}/_pages/checkout/{}", world.sandbox.base_url(), id(&session));
        let form = [("email", "ann@example.com"), ("name", "Ann"), ("payment_method", "pm_card_visa")];
        let paid = browser().post(page).form(&form).send().await.unwrap();
        assert_eq!(paid.status(), 303);
        let expand = [
            ("expand[]", "payment_intent"),
            ("expand[]", "setup_intent"),
            ("expand[]", "subscription"),
            ("expand[]", "invoice"),
            ("expand[]", "customer"),
        ];
        assert_eq!(client.get(&path, &expand).await.ok()["status"], "complete");
    }
    let open = client.post("/v1/checkout/sessions", &payment).await.ok();
    client.post(&format!("/v1/checkout/sessions/{}/expire", id(&open)), &[]).await.ok();
    client.get("/v1/checkout/sessions", &[("customer", &customer), ("status", "complete")]).await.ok();
}

async fn portal(client: &Client) {
    let customer = client.customer(None).await;
    let configuration = client
        .post(
            "/v1/billing_portal/configurations",
            &[
                ("features[invoice_history][enabled]", "true"),
                ("features[subscription_cancel][enabled]", "true"),
                ("features[subscription_cancel][mode]", "immediately"),
                ("business_profile[headline]", "Your plan"),
                ("name", "Short"),
            ],
        )
        .await
        .ok();
    let path = format!("/v1/billing_portal/configurations/{}", id(&configuration));
    client.get(&path, &[]).await.ok();
    client.post(&path, &[("features[payment_method_update][enabled]", "true")]).await.ok();
    let own = [
        ("customer", customer.as_str()),
        ("configuration", &id(&configuration)),
        ("return_url", "http://127.0.0.1/account"),
        ("expand[]", "configuration"),
    ];
    client.post("/v1/billing_portal/sessions", &own).await.ok();
    client.post("/v1/billing_portal/sessions", &[("customer", &customer)]).await.ok();
    client.get("/v1/billing_portal/configurations", &[("is_default", "true")]).await.ok();
}

async fn meters(client: &Client) {
    let customer = client.customer(Some("pm_card_visa")).await;
    let meter = client
        .post(
            "/v1/billing/meters",
            &[
                ("display_name", "Calls"),
                ("event_name", "calls"),
                ("default_aggregation[formula]", "sum"),
                ("value_settings[event_payload_key]", "calls"),
            ],
        )
        .await
        .ok();
    let path = format!("/v1/billing/meters/{}", id(&meter));
    client.get(&path, &[]).await.ok();
    client.post(&path, &[("display_name", "API calls")]).await.ok();
    client.post(&format!("{path}/deactivate"), &[]).await.ok();
    client.post(&format!("{path}/reactivate"), &[]).await.ok();
    client.get("/v1/billing/meters", &[("status", "active")]).await.ok();
    let price = client
        .post(
            "/v1/prices",
            &[
                ("currency", "usd"),
                ("unit_amount", "3"),
                ("recurring[interval]", "month"),
                ("recurring[usage_type]", "metered"),
                ("recurring[meter]", &id(&meter)),
                ("product_data[name]", "Calls"),
            ],
        )
        .await
        .ok();
    client.subscribe(&customer, &id(&price), &[("expand[]", "latest_invoice")]).await.ok();
    let event = [
        ("event_name", "calls"),
        ("identifier", "call-1"),
        ("payload[stripe_customer_id]", &customer),
        ("payload[calls]", "25"),
    ];
    client.post("/v1/billing/meter_events", &event).await.ok();
    let range = [
        ("customer", customer.as_str()),
        ("start_time", &(START - START % DAY).to_string()),
        ("end_time", &(START - START % DAY + 40 * DAY).to_string()),
        ("value_grouping_window", "day"),
    ];
    client.get(&format!("{path}/event_summaries"), &range).await.ok();
    let cancel = [("event_name", "calls"), ("type", "cancel"), ("cancel[identifier]", "call-1")];
    client.post("/v1/billing/meter_event_adjustments", &cancel).await.ok();
}

async fn search(client: &Client) {
    for (resource, query) in [
        ("charges", "amount>100 status:'succeeded'"),
        ("customers", "email~'example'"),
        ("invoices", "status:'paid'"),
        ("payment_intents", "status:'succeeded'"),
        ("prices", "type:'recurring'"),
        ("products", "name~'pro'"),
        ("subscriptions", "status:'active' OR status:'canceled'"),
    ] {
        let params = [("query", query), ("limit", "2"), ("expand[]", "total_count")];
        let found = client.get(&format!("/v1/{resource}/search"), &params).await.ok();
        assert!(found["total_count"].as_u64().is_some_and(|count| count > 0), "{found}");
    }
}

async fn discounts(client: &Client) {
    let tiered = [
        ("currency", "usd"),
        ("recurring[interval]", "month"),
        ("product_data[name]", "Seats"),
        ("billing_scheme", "tiered"),
        ("tiers_mode", "graduated"),
        ("tiers[0][up_to]", "5"),
        ("tiers[0][unit_amount]", "1000"),
        ("tiers[0][flat_amount]", "500"),
        ("tiers[1][up_to]", "inf"),
        ("tiers[1][unit_amount_decimal]", "800.5"),
        ("expand[]", "tiers"),
    ];
    let seats = client.post("/v1/prices", &tiered).await.ok();
    assert_eq!(seats["tiers"][1]["unit_amount_decimal"], "800.5");
    let packages = [
        ("currency", "usd"),
        ("unit_amount", "700"),
        ("recurring[interval]", "month"),
        ("product_data[name]", "Packages"),
        ("transform_quantity[divide_by]", "10"),
        ("transform_quantity[round]", "up"),
    ];
    let packages = client.post("/v1/prices", &packages).await.ok();
    let product = seats["product"].as_str().unwrap();
    let percent = [
        ("percent_off", "25.5"),
        ("duration", "repeating"),
        ("duration_in_months", "3"),
        ("applies_to[products][]", product),
        ("expand[]", "applies_to"),
    ];
    let percent = client.post("/v1/coupons", &percent).await.ok();
    assert_eq!(percent["applies_to"]["products"][0], product);
    let amount = [
        ("id", "five"),
        ("amount_off", "500"),
        ("currency", "usd"),
        ("currency_options[eur][amount_off]", "450"),
        ("duration", "once"),
        ("expand[]", "currency_options"),
    ];
    let amount = client.post("/v1/coupons", &amount).await.ok();
    assert_eq!(amount["currency_options"]["eur"]["amount_off"], 450);
    client.post("/v1/coupons/five", &[("name", "Five off"), ("metadata[k]", "v")]).await.ok();
    client.get("/v1/coupons/five", &[]).await.ok();
    client.get("/v1/coupons", &[("limit", "3")]).await.ok();
    let code = [
        ("promotion[type]", "coupon"),
        ("promotion[coupon]", "five"),
        ("code", "FIVE"),
        ("restrictions[minimum_amount]", "100"),
        ("restrictions[minimum_amount_currency]", "usd"),
        ("expand[]", "promotion.coupon"),
    ];
    let code = client.post("/v1/promotion_codes", &code).await.ok();
    assert_eq!(code["promotion"]["coupon"]["id"], "five");
    let path = format!("/v1/promotion_codes/{}", id(&code));
    client.get(&path, &[]).await.ok();
    client.post(&path, &[("metadata[k]", "v")]).await.ok();
    client.get("/v1/promotion_codes", &[("code", "five"), ("active", "true")]).await.ok();
    let customer = client.customer(Some("pm_card_visa")).await;
    let new = [
        ("items[0][quantity]", "7"),
        ("items[0][discounts][0][coupon]", &id(&percent)),
        ("discounts[0][promotion_code]", &id(&code)),
        ("expand[]", "discounts"),
        ("expand[]", "items.data.discounts"),
        ("expand[]", "latest_invoice.discounts"),
    ];
    let subscription = client.subscribe(&customer, &id(&seats), &new).await.ok();
    assert_eq!(subscription["latest_invoice"]["discounts"][0]["source"]["coupon"], "five");
    let subscription = id(&subscription);
    let new = [("subscription", subscription.as_str()), ("price", &id(&packages)), ("quantity", "12")];
    let item = client.post("/v1/subscription_items", &new).await.ok();
    let item = format!("/v1/subscription_items/{}", id(&item));
    client.post(&item, &[("quantity", "21"), ("proration_behavior", "always_invoice")]).await.ok();
    client.delete(&item, &[("proration_behavior", "none")]).await.ok();
    let path = format!("/v1/subscriptions/{subscription}");
    client.post(&path, &[("discounts[0][coupon]", "five")]).await.ok();
    client.post(&path, &[("pause_collection[behavior]", "keep_as_draft")]).await.ok();
    client.delete(&format!("{path}/discount"), &[]).await.ok();
    client.delete("/v1/coupons/five", &[]).await.ok();
}

async fn taxes(client: &Client) {
    let debtor = [
        ("email", "debtor@example.com"),
        ("balance", "-100"),
        ("tax_id_data[0][type]", "us_ein"),
        ("tax_id_data[0][value]", "12-3456789"),
    ];
    let debtor = id(&client.post("/v1/customers", &debtor).await.ok());
    let path = format!("/v1/customers/{debtor}/balance_transactions");
    let moved =
        client.post(&path, &[("amount", "300"), ("currency", "usd"), ("expand[]", "customer")]).await.ok();
    let one = format!("{path}/{}", id(&moved));
    client.get(&one, &[]).await.ok();
    client.post(&one, &[("description", "Late")]).await.ok();
    client.get(&path, &[("limit", "5")]).await.ok();
    let path = format!("/v1/customers/{debtor}/tax_ids");
    let tax_id = client.post(&path, &[("type", "eu_vat"), ("value", "FR12345678901")]).await.ok();
    client.get(&path, &[]).await.ok();
    let one = format!("{path}/{}", id(&tax_id));
    client.get(&one, &[("expand[]", "customer")]).await.ok();
    client.delete(&one, &[]).await.ok();
    let rate = [("display_name", "VAT"), ("percentage", "19"), ("inclusive", "true"), ("tax_type", "vat")];
    let rate = id(&client.post("/v1/tax_rates", &rate).await.ok());
    let path = format!("/v1/tax_rates/{rate}");
    client.post(&path, &[("jurisdiction", "DE"), ("country", "DE")]).await.ok();
    client.get(&path, &[]).await.ok();
    client.get("/v1/tax_rates", &[("inclusive", "true")]).await.ok();
    let customer = client.customer(Some("pm_card_visa")).await;
    client.post(&format!("/v1/customers/{customer}"), &[("address[country]", "DE")]).await.ok();
    let price = client.monthly("Taxed", 1190).await;
    let by_rate = [("default_tax_rates[]", rate.as_str()), ("expand[]", "latest_invoice")];
    let by_rate = client.subscribe(&customer, &price, &by_rate).await.ok();
    assert_eq!(by_rate["latest_invoice"]["total_taxes"][0]["amount"], 190);
    let automatic = [("automatic_tax[enabled]", "true"), ("expand[]", "latest_invoice")];
    let automatic = client.subscribe(&customer, &price, &automatic).await.ok();
    assert_eq!(automatic["latest_invoice"]["total"], 1309);
}
