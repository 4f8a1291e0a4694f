use serde_json::json;

use crate::support::{Client, id, world};

async fn total(client: &Client, customer: &str, price: &str, quantity: &str) -> i64 {
    let params = [
        ("customer", customer),
        ("subscription_details[items][0][price]", price),
        ("subscription_details[items][0][quantity]", quantity),
    ];
    client.post("/v1/invoices/create_preview", &params).await.ok()["total"].as_i64().unwrap()
}

const TIERS: &[(&str, &str)] = &[
    ("currency", "usd"),
    ("recurring[interval]", "month"),
    ("product_data[name]", "Seats"),
    ("billing_scheme", "tiered"),
    ("tiers[0][up_to]", "5"),
    ("tiers[0][unit_amount]", "1000"),
    ("tiers[0][flat_amount]", "300"),
    ("tiers[1][up_to]", "inf"),
    ("tiers[1][unit_amount_decimal]", "0.5"),
    ("tiers[1][flat_amount]", "200"),
];

#[tokio::test]
async fn graduated_and_volume_tiers_are_charged_as_they_say() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(None).await;
    let price = async |mode: &str| {
        let mut params = TIERS.to_vec();
        params.push(("tiers_mode", mode));
        id(&client.post("/v1/prices", &params).await.ok())
    };
    let (graduated, volume) = (price("graduated").await, price("volume").await);
    for (quantity, by_step, by_volume) in
        [("1", 1300, 1300), ("5", 5300, 5300), ("6", 5501, 203), ("9", 5502, 205)]
    {
        assert_eq!(total(client, &customer, &graduated, quantity).await, by_step, "{quantity} graduated");
        assert_eq!(total(client, &customer, &volume, quantity).await, by_volume, "{quantity} by volume");
    }
    assert!(client.get(&format!("/v1/prices/{volume}"), &[]).await.ok().get("tiers").is_none());
    let shown = client.get(&format!("/v1/prices/{volume}"), &[("expand[]", "tiers")]).await.ok();
    assert_eq!(
        shown["tiers"][1],
        json!({ "flat_amount": 200, "flat_amount_decimal": "200", "unit_amount": null, "unit_amount_decimal": "0.5", "up_to": null })
    );
}

#[tokio::test]
async fn packages_and_fractions_of_a_cent_are_charged_for_the_whole_quantity() {
    let world = world().await;
    let client = &world.client;
    let customer = client.customer(None).await;
    let base = [("currency", "usd"), ("recurring[interval]", "month"), ("product_data[name]", "Calls")];
    let mut packages = base.to_vec();
    packages.extend([
        ("unit_amount", "700"),
        ("transform_quantity[divide_by]", "10"),
        ("transform_quantity[round]", "up"),
    ]);
    let packages = id(&client.post("/v1/prices", &packages).await.ok());
    assert_eq!(total(client, &customer, &packages, "21").await, 2100);
    let mut calls = base.to_vec();
    calls.push(("unit_amount_decimal", "0.025"));
    let calls = client.post("/v1/prices", &calls).await.ok();
    assert_eq!((&calls["unit_amount"], &calls["unit_amount_decimal"]), (&json!(null), &json!("0.025")));
    assert_eq!(total(client, &customer, &id(&calls), "1001").await, 25);
}

#[tokio::test]
async fn prices_that_contradict_themselves_and_what_is_not_modelled_are_refused_by_name() {
    let world = world().await;
    let client = &world.client;
    let refused = async |params: &[(&str, &str)]| {
        let answer = client.post("/v1/prices", params).await;
        let (status, code, param) = answer.refusal();
        (status, code.to_owned(), param.to_owned())
    };
    let base = [("currency", "usd"), ("product_data[name]", "X")];
    let with = |more: &[(&'static str, &'static str)]| [&base, more].concat();
    let cases = [
        (with(&[("custom_unit_amount[enabled]", "true")]), "sandbox_unsupported", "custom_unit_amount"),
        (with(&[("billing_scheme", "tiered")]), "parameter_missing", "tiers_mode"),
        (with(&[("unit_amount", "1"), ("tiers_mode", "volume")]), "", "tiers_mode"),
        (with(&[]), "parameter_missing", "unit_amount"),
        (
            with(&[("unit_amount_decimal", "1.0000000000001")]),
            "parameter_invalid_decimal",
            "unit_amount_decimal",
        ),
        (with(&[("unit_amount_decimal", "-1")]), "parameter_invalid_integer", "unit_amount"),
        (
            with(&[
                ("billing_scheme", "tiered"),
                ("tiers_mode", "volume"),
                ("tiers[0][up_to]", "5"),
                ("tiers[0][unit_amount]", "1"),
            ]),
            "",
            "tiers[0][up_to]",
        ),
    ];
    for (params, code, param) in cases {
        assert_eq!(refused(&params).await, (400, code.to_owned(), param.to_owned()), "{params:?}");
    }
    assert!(world.sandbox.objects("price").is_empty());
}
