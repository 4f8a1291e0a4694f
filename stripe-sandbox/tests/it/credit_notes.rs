use serde_json::{Value, json};

use crate::support::{Client, Params, id, world};

/// An invoice of two lines, 3 × 1000 and 500, finalised; paid when there is a card.
async fn invoice(client: &Client, card: Option<&str>) -> (String, Value) {
    let customer = client.customer(card).await;
    let draft = client.post("/v1/invoices", &[("customer", &customer), ("currency", "usd")]).await.ok();
    let draft = id(&draft);
    let hours = [
        ("customer", customer.as_str()),
        ("invoice", &draft),
        ("unit_amount_decimal", "1000"),
        ("quantity", "3"),
        ("currency", "usd"),
    ];
    client.post("/v1/invoiceitems", &hours).await.ok();
    let travel = [
        ("customer", customer.as_str()),
        ("invoice", &draft),
        ("amount", "500"),
        ("currency", "usd"),
        ("description", "Travel"),
    ];
    client.post("/v1/invoiceitems", &travel).await.ok();
    let action = if card.is_some() { "pay" } else { "finalize" };
    let done = client.post(&format!("/v1/invoices/{draft}/{action}"), &[]).await.ok();
    (customer, done)
}

async fn reload(client: &Client, invoice: &Value) -> Value {
    client.get(&format!("/v1/invoices/{}", id(invoice)), &[("expand[]", "payments")]).await.ok()
}

#[tokio::test]
async fn a_note_of_an_open_invoice_lowers_what_is_due_and_voiding_raises_it_again() {
    let world = world().await;
    let client = &world.client;
    let (_, open) = invoice(client, None).await;
    let before = world.sandbox.events().len();
    let line = open["lines"]["data"].as_array().unwrap().iter().find(|line| line["quantity"] == 3).unwrap();
    let params = [
        ("invoice", open["id"].as_str().unwrap()),
        ("lines[0][type]", "invoice_line_item"),
        ("lines[0][invoice_line_item]", line["id"].as_str().unwrap()),
        ("lines[0][quantity]", "2"),
        ("memo", "Too many"),
    ];
    let preview = client.get("/v1/credit_notes/preview", &params).await.ok();
    assert_eq!((&preview["total"], &preview["pre_payment_amount"]), (&json!(2000), &json!(2000)));
    assert_eq!(world.sandbox.objects("credit_note"), Vec::<Value>::new());
    let note = client.post("/v1/credit_notes", &params).await.ok();
    assert_eq!(
        (&note["type"], &note["status"], &note["total"]),
        (&json!("pre_payment"), &json!("issued"), &json!(2000))
    );
    assert_eq!(note["number"], format!("{}-CN-01", open["number"].as_str().unwrap()));
    let after = reload(client, &open).await;
    assert_eq!(
        (
            &after["total"],
            &after["amount_due"],
            &after["amount_remaining"],
            &after["pre_payment_credit_notes_amount"]
        ),
        (&json!(3500), &json!(1500), &json!(1500), &json!(2000))
    );
    let payment = &after["payments"]["data"][0];
    assert_eq!(payment["amount_requested"], 1500);
    let intent = format!("/v1/payment_intents/{}", payment["payment"]["payment_intent"].as_str().unwrap());
    assert_eq!(client.get(&intent, &[]).await.ok()["amount"], 1500);
    assert_eq!(world.event_types(before), ["credit_note.created", "invoice.updated"]);

    let once_more = client.post("/v1/credit_notes", &params).await;
    assert_eq!(once_more.refusal(), (400, "", "lines[0][amount]"), "one of three is left of the line");
    let path = format!("/v1/credit_notes/{}", id(&note));
    let voided = client.post(&format!("{path}/void"), &[]).await.ok();
    assert_eq!(voided["status"], "void");
    assert_eq!(reload(client, &open).await["amount_remaining"], 3500);
    assert_eq!(client.post(&format!("{path}/void"), &[]).await.refusal().0, 400);

    let all = [("invoice", open["id"].as_str().unwrap()), ("amount", "3500")];
    client.post("/v1/credit_notes", &all).await.ok();
    let paid = reload(client, &open).await;
    assert_eq!(
        (&paid["status"], &paid["amount_paid"], &paid["amount_due"]),
        (&json!("paid"), &json!(0), &json!(0))
    );
    assert_eq!(paid["payments"]["data"][0]["status"], "canceled");
    world.check_events();
}

#[tokio::test]
async fn a_note_of_a_paid_invoice_gives_the_money_back_as_it_says() {
    let world = world().await;
    let client = &world.client;
    let (customer, paid) = invoice(client, Some("pm_card_visa")).await;
    let invoice = paid["id"].as_str().unwrap();
    let before = world.sandbox.events().len();
    let params = [
        ("invoice", invoice),
        ("amount", "1800"),
        ("refund_amount", "1000"),
        ("credit_amount", "500"),
        ("out_of_band_amount", "300"),
        ("reason", "duplicate"),
        ("expand[]", "refunds.refund"),
    ];
    let note = client.post("/v1/credit_notes", &params).await.ok();
    assert_eq!((&note["type"], &note["post_payment_amount"]), (&json!("post_payment"), &json!(1800)));
    assert_eq!(note["out_of_band_amount"], 300);
    let refund = &note["refunds"][0];
    assert_eq!((&refund["amount_refunded"], &refund["refund"]["amount"]), (&json!(1000), &json!(1000)));
    assert_eq!(refund["refund"]["reason"], "duplicate");
    let charge =
        client.get(&format!("/v1/charges/{}", refund["refund"]["charge"].as_str().unwrap()), &[]).await.ok();
    assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(1000), &json!(false)));
    assert_eq!(client.get(&format!("/v1/customers/{customer}"), &[]).await.ok()["balance"], -500);
    let after = reload(client, &paid).await;
    assert_eq!(
        (&after["status"], &after["amount_paid"], &after["post_payment_credit_notes_amount"]),
        (&json!("paid"), &json!(3500), &json!(1800))
    );
    assert_eq!(
        world.event_types(before),
        ["charge.refunded", "refund.created", "credit_note.created", "customer.updated", "invoice.updated"]
    );
    let path = format!("/v1/credit_notes/{}", id(&note));
    assert_eq!(client.post(&format!("{path}/void"), &[]).await.refusal().0, 400, "money has moved");

    // Never more than was invoiced, and all of it must go somewhere.
    let more = [("invoice", invoice), ("amount", "1701"), ("credit_amount", "1701")];
    assert_eq!(client.post("/v1/credit_notes", &more).await.refusal(), (400, "", "amount"));
    let vague = [("invoice", invoice), ("amount", "1700"), ("credit_amount", "1699")];
    assert_eq!(client.post("/v1/credit_notes", &vague).await.refusal(), (400, "", ""));
    let rest = [("invoice", invoice), ("amount", "1700"), ("refund_amount", "1700")];
    client.post("/v1/credit_notes", &rest).await.ok();
    let nothing = [("invoice", invoice), ("amount", "1"), ("credit_amount", "1")];
    assert_eq!(client.post("/v1/credit_notes", &nothing).await.refusal(), (400, "", "amount"));
    world.check_events();
}

#[tokio::test]
async fn a_refund_made_before_can_belong_to_a_note_once() {
    let world = world().await;
    let client = &world.client;
    let (_, paid) = invoice(client, Some("pm_card_visa")).await;
    let charge = world.sandbox.objects("charge")[0]["id"].as_str().unwrap().to_owned();
    let refund = id(&client.post("/v1/refunds", &[("charge", &charge), ("amount", "700")]).await.ok());
    let params = [
        ("invoice", paid["id"].as_str().unwrap()),
        ("amount", "700"),
        ("refunds[0][refund]", refund.as_str()),
    ];
    let note = client.post("/v1/credit_notes", &params).await.ok();
    assert_eq!(note["refunds"][0]["amount_refunded"], 700);
    assert_eq!(world.sandbox.objects("refund").len(), 1);
    assert_eq!(client.post("/v1/credit_notes", &params).await.refusal(), (400, "", "refunds[0][refund]"));
}

#[tokio::test]
async fn a_note_says_which_invoice_and_what_of_it() {
    let world = world().await;
    let client = &world.client;
    let (customer, open) = invoice(client, None).await;
    let draft = id(&client.post("/v1/invoices", &[("customer", &customer), ("currency", "usd")]).await.ok());
    let open = open["id"].as_str().unwrap();
    let cases: [(Params<'_>, &str, &str); 6] = [
        (&[], "parameter_missing", "invoice"),
        (&[("invoice", "in_none"), ("amount", "1")], "resource_missing", "invoice"),
        (&[("invoice", &draft), ("amount", "1")], "", "invoice"),
        (&[("invoice", open)], "", "amount"),
        (&[("invoice", open), ("amount", "0")], "parameter_invalid_integer", "amount"),
        (&[("invoice", open), ("amount", "100"), ("refund_amount", "100")], "", ""),
    ];
    for (params, code, param) in cases {
        assert_eq!(client.post("/v1/credit_notes", params).await.refusal(), (400, code, param), "{params:?}");
    }
    assert_eq!(world.sandbox.objects("credit_note"), Vec::<Value>::new());
}

/// Numbers that look random, and are the same on every run.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[tokio::test]
async fn whatever_is_asked_for_credits_never_exceed_the_invoice_nor_refunds_the_charge() {
    let world = world().await;
    let client = &world.client;
    for card in ["pm_card_visa", "pm_card_refundFail", "pm_card_pendingRefund"] {
        let (customer, paid) = invoice(client, Some(card)).await;
        let invoice = id(&paid);
        let charge = id(&client.get("/v1/charges", &[("customer", &customer)]).await.ok()["data"][0]);
        let mut draws = Draws(7);
        let mut refused = 0;
        for _ in 0..30 {
            let amount = (draws.below(900) + 1).to_string();
            let answer = match draws.below(4) {
                0 => client.post("/v1/refunds", &[("charge", &charge), ("amount", &amount)]).await,
                1 => {
                    let note =
                        [("invoice", invoice.as_str()), ("amount", &amount), ("refund_amount", &amount)];
                    client.post("/v1/credit_notes", &note).await
                }
                2 => {
                    let note =
                        [("invoice", invoice.as_str()), ("amount", &amount), ("credit_amount", &amount)];
                    client.post("/v1/credit_notes", &note).await
                }
                _ => {
                    world.sandbox.set_now(world.sandbox.now() + 1800);
                    continue;
                }
            };
            refused += i64::from(answer.status != 200);
            let charge = client.get(&format!("/v1/charges/{charge}"), &[("expand[]", "refunds")]).await.ok();
            let refunded: i64 = charge["refunds"]["data"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|refund| refund["status"] != "failed")
                .map(|refund| refund["amount"].as_i64().unwrap())
                .sum();
            assert_eq!(charge["amount_refunded"], refunded);
            assert!(refunded <= 3500, "{refunded}");
            let now = client.get(&format!("/v1/invoices/{invoice}"), &[]).await.ok();
            let notes = client.get("/v1/credit_notes", &[("invoice", &invoice), ("limit", "100")]).await.ok();
            let credited: i64 =
                notes["data"].as_array().unwrap().iter().map(|note| note["total"].as_i64().unwrap()).sum();
            assert_eq!(now["post_payment_credit_notes_amount"], credited);
            assert!(credited <= 3500, "{credited}");
            let balance = client.get(&format!("/v1/customers/{customer}"), &[]).await.ok()["balance"].clone();
            let given: i64 = notes["data"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|note| note["refunds"].as_array().unwrap().is_empty())
                .map(|note| note["total"].as_i64().unwrap())
                .sum();
            assert_eq!(balance, -given);
        }
        assert!(refused > 0, "the walk reached the limits with {card}");
    }
}
