//! Products, prices, coupons, codes and taxes.

use crate::support::{Client, id};

pub(super) async fn catalog(client: &Client) {
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

pub(super) async fn discounts(client: &Client) {
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

pub(super) async fn taxes(client: &Client) {
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

pub(super) async fn currencies(client: &Client) {
    let price = [
        ("currency", "usd"),
        ("unit_amount", "2900"),
        ("recurring[interval]", "month"),
        ("product_data[name]", "Anywhere"),
        ("currency_options[eur][unit_amount]", "2700"),
        ("currency_options[eur][tax_behavior]", "exclusive"),
        ("currency_options[kwd][unit_amount_decimal]", "8900.5"),
        ("expand[]", "currency_options"),
    ];
    let price = client.post("/v1/prices", &price).await.ok();
    assert_eq!(price["currency_options"]["eur"]["unit_amount"], 2700);
    let path = format!("/v1/prices/{}", id(&price));
    let more = [("currency_options[jpy][unit_amount]", "4000"), ("expand[]", "currency_options")];
    assert_eq!(client.post(&path, &more).await.ok()["currency_options"].as_object().unwrap().len(), 4);
    let customer = client.customer(Some("pm_card_visa")).await;
    let euros = [("currency", "eur"), ("expand[]", "latest_invoice")];
    let subscription = client.subscribe(&customer, &id(&price), &euros).await.ok();
    assert_eq!(subscription["latest_invoice"]["currency"], "eur");
}
