//! Whether the tables say what Stripe says.

use serde_json::{Value, json};
use stripe_sandbox::Sandbox;

use super::{ASKED_AGAIN, Before, Case};
use crate::support::{TestApp, text, uuid_of};

/// The customer that an organization has at Stripe: exactly one.
pub(super) fn customer_of(sandbox: &Sandbox, organization: &str, what: &str) -> String {
    let organization = uuid_of(organization).to_string();
    let customers = sandbox.objects("customer");
    let ours: Vec<_> = customers
        .iter()
        .filter(|it| it["metadata"]["tollgate_organization_id"] == organization.as_str())
        .filter(|it| it["deleted"] != true)
        .collect();
    assert_eq!(ours.len(), 1, "{what}: one customer");
    text(&ours[0]["id"])
}

/// The tables say what Stripe says, what was to be charged was charged once, and what was to be made is there once.
pub(super) async fn check_against_stripe(app: &TestApp, case: &Case, what: &str) {
    if case.scenario.before == Before::Plan {
        return check_plan(app, case, what).await;
    }
    let query = "query($id: ID!) { organization(id: $id) {
        subscription { stripeSubscriptionId status quantity isCollectionPaused cancelAtPeriodEnd trialEnd
            discounts { endsAt } scheduledChange { quantity } }
        paymentMethods { stripePaymentMethodId isDefault card { brand } } payments { nodes { stripePaymentIntentId status } }
        invoices { nodes { stripeInvoiceId status } } } }";
    let answer = app.client("olivia").send(query, json!({ "id": case.organization })).await;
    let shown = &answer.data()["organization"];
    let customer = customer_of(&app.sandbox, &case.organization, what);
    let of_customer = |kind: &str| -> Vec<Value> {
        let objects = app.sandbox.objects(kind).into_iter();
        objects.filter(|object| object["customer"] == customer.as_str()).collect()
    };
    let charged = of_customer("charge").iter().filter(|charge| charge["status"] == "succeeded").count();
    assert_eq!(charged, case.scenario.charges, "{what}: charges");
    if let Some(kind) = case.scenario.makes {
        let organization = uuid_of(&case.organization).to_string();
        let made = app.sandbox.objects(kind);
        let made =
            made.iter().filter(|it| it["metadata"]["tollgate_organization_id"] == organization.as_str());
        assert_eq!(made.count(), 1, "{what}: one {kind}");
    }
    let subscriptions = of_customer("subscription");
    assert!(subscriptions.len() <= 1, "{what}: {subscriptions:#?}");
    if let Some(at_stripe) = subscriptions.first() {
        let row = &shown["subscription"];
        assert_eq!(row["stripeSubscriptionId"], at_stripe["id"], "{what}");
        assert_eq!(text(&row["status"]).to_lowercase(), text(&at_stripe["status"]), "{what}: {row:#}");
        assert_eq!(row["quantity"], at_stripe["items"]["data"][0]["quantity"].to_string(), "{what}");
        assert_eq!(row["isCollectionPaused"], !at_stripe["pause_collection"].is_null(), "{what}");
        assert_eq!(row["cancelAtPeriodEnd"], at_stripe["cancel_at_period_end"], "{what}");
        assert_eq!(row["scheduledChange"].is_null(), at_stripe["schedule"].is_null(), "{what}: {row:#}");
        let discounts = |it: &Value| it["discounts"].as_array().map_or(0, Vec::len);
        assert_eq!(discounts(row), discounts(at_stripe), "{what}: {row:#}");
    }
    let default = app.sandbox.objects("customer").into_iter().find(|it| it["id"] == customer.as_str());
    let default = default.expect("the customer")["invoice_settings"]["default_payment_method"].clone();
    let methods = shown["paymentMethods"].as_array().expect("methods");
    if case.scenario.before != Before::Deleted {
        let row = methods.iter().find(|method| method["isDefault"] == true).expect("a default");
        assert_eq!(row["stripePaymentMethodId"], default, "{what}");
        assert_eq!(methods.len(), of_customer("payment_method").len(), "{what}: {methods:#?}");
    }
    for (rows, kind, id) in
        [("invoices", "invoice", "stripeInvoiceId"), ("payments", "payment_intent", "stripePaymentIntentId")]
    {
        let at_stripe = of_customer(kind);
        for row in shown[rows]["nodes"].as_array().expect("rows") {
            let object = at_stripe.iter().find(|it| it["id"] == row[id]).expect("it is at Stripe");
            let status = match object["status"].as_str().expect("a status") {
                "requires_payment_method" if !object["last_payment_error"].is_null() => "failed",
                "requires_payment_method" | "requires_confirmation" => "pending",
                status => status,
            };
            assert_eq!(text(&row["status"]).to_lowercase(), status, "{what}: {row:#}");
        }
    }
}

/// What the catalogue sells is what Stripe sells.
async fn check_plan(app: &TestApp, case: &Case, what: &str) {
    let row = app.store().find_plan_by_slug(&case.slug).await.expect("a query").expect(what);
    let product = row.stripe_product_id.expect("a product").0;
    let at_stripe = app.sandbox.objects("product").into_iter().find(|it| it["id"] == product.as_str());
    let at_stripe = at_stripe.expect("it is at Stripe");
    assert_eq!(at_stripe["active"], row.is_active, "{what}");
    assert_eq!(at_stripe["description"].as_str().unwrap_or_default(), row.description, "{what}");
    let sold: Vec<String> = app
        .sandbox
        .objects("price")
        .iter()
        .filter(|it| it["product"] == product.as_str() && it["active"] == true)
        .map(|it| text(&it["id"]))
        .collect();
    let prices = app.store().prices_of(&[row.id]).await.expect("a query").remove(&row.id).expect("prices");
    let ours: Vec<String> =
        prices.into_iter().filter(|it| it.is_active).filter_map(|it| Some(it.stripe_price_id?.0)).collect();
    if case.place == ASKED_AGAIN {
        // What was published of the first try is sold by nobody.
        assert!(ours.iter().all(|price| sold.contains(price)), "{what}: {ours:?} {sold:?}");
    } else {
        assert_eq!(ours, sold, "{what}");
    }
}
