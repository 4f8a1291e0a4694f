//! Section F: plan changes, seats, proration.

use serde_json::{Value, json};

use crate::dunning::{debt, look};
use crate::mutations::subscription_change::{change, subscribed};
use crate::support::{Client, TestApp, text};

async fn cancel(client: &Client, subscription: &str, when: &str) -> Value {
    let query = "mutation($input: SubscriptionCancelInput!) { subscriptionCancel(input: $input) {
        subscription { status cancelAtPeriodEnd scheduledChange { at } } userErrors { code message } } }";
    let input = json!({ "subscriptionId": subscription, "when": when });
    client.send(query, json!({ "input": input })).await.data()["subscriptionCancel"].clone()
}

/// An organization on the larger plan, with the smaller one arranged for the end of the period.
async fn downgrading(app: &TestApp) -> crate::mutations::subscription_change::Subscribed {
    let it = subscribed(app).await;
    change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    let down = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.pro })).await;
    assert_eq!(down["subscription"]["scheduledChange"]["plan"]["slug"], "pro", "{down:#}");
    app.settled().await;
    it
}

#[tokio::test]
async fn case_56_with_a_schedule_attached_it_can_be_canceled_and_changed() {
    let app = TestApp::start().await;
    let it = downgrading(&app).await;
    let ending = cancel(&it.owner, &it.subscription, "PERIOD_END").await;
    assert_eq!(
        ending["subscription"],
        json!({ "status": "ACTIVE", "cancelAtPeriodEnd": true, "scheduledChange": null }),
        "{ending:#}"
    );
    let gone = cancel(&it.owner, &it.subscription, "NOW").await;
    assert_eq!(gone["subscription"]["status"], "CANCELED", "{gone:#}");

    // A second arrangement takes the first one's place; there never are two.
    let again = TestApp::start().await;
    let it = downgrading(&again).await;
    let fewer = change(
        &it.owner,
        json!({ "subscriptionId": it.subscription, "planId": it.pro, "quantity": "1", "timing": "PERIOD_END" }),
    )
    .await;
    assert_eq!(fewer["subscription"]["scheduledChange"]["quantity"], "1", "{fewer:#}");
    let attached: Vec<_> = again
        .sandbox
        .objects("subscription_schedule")
        .into_iter()
        .filter(|schedule| schedule["status"] == "active")
        .collect();
    assert_eq!(attached.len(), 1, "{attached:#?}");
}

#[tokio::test]
async fn case_57_seats_change_while_a_downgrade_waits_and_both_survive() {
    let app = TestApp::start().await;
    let it = downgrading(&app).await;
    let more = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "5" })).await;
    assert_eq!(more["userErrors"], json!([]), "{more:#}");
    assert_eq!(more["subscription"]["quantity"], "5");
    assert_eq!(more["subscription"]["plan"]["slug"], "top");
    assert_eq!(more["subscription"]["scheduledChange"]["plan"]["slug"], "pro", "{more:#}");
    assert_eq!(more["subscription"]["scheduledChange"]["quantity"], "5");
    app.settled().await;
    let end: chrono::DateTime<chrono::Utc> =
        text(&more["subscription"]["currentPeriodEnd"]).parse().expect("a time");
    app.sandbox.set_now(end.timestamp() + 2 * 3_600);
    app.settled().await;
    let query = "query($id: ID!) { subscription(id: $id) { quantity plan { slug } } }";
    let shown = it.owner.send(query, json!({ "id": it.subscription })).await;
    assert_eq!(shown.data()["subscription"], json!({ "quantity": "5", "plan": { "slug": "pro" } }));
}

/// By the year the seats are billed at once, and made only when that is paid.
#[tokio::test]
async fn case_57_seats_by_the_year_change_while_a_downgrade_waits() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let changed = async |input: Value| {
        let made = change(&it.owner, input).await;
        assert_eq!(made["userErrors"], json!([]), "{made:#}");
        made["subscription"].clone()
    };
    changed(json!({ "subscriptionId": it.subscription, "planId": it.top, "billingInterval": "YEAR" })).await;
    changed(json!({ "subscriptionId": it.subscription, "planId": it.pro })).await;
    app.settled().await;
    let charged = app.succeeded_charges();
    let more = changed(json!({ "subscriptionId": it.subscription, "quantity": "5" })).await;
    assert_eq!(app.succeeded_charges(), charged + 1, "charged at once");
    assert_eq!((&more["quantity"], &more["plan"]["slug"]), (&json!("5"), &json!("top")), "{more:#}");
    assert_eq!(more["scheduledChange"]["plan"]["slug"], "pro", "{more:#}");
    assert_eq!(more["scheduledChange"]["quantity"], "5", "{more:#}");

    app.card(&it.owner, &it.organization, "pm_card_chargeCustomerFail").await;
    let declined = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "7" })).await;
    assert_eq!(declined["userErrors"][0]["code"], "PAYMENT_DECLINED", "{declined:#}");
    assert_eq!(declined["subscription"]["quantity"], "5", "{declined:#}");
    assert_eq!(declined["subscription"]["status"], "ACTIVE", "{declined:#}");
    assert_eq!(declined["subscription"]["scheduledChange"]["quantity"], "5", "{declined:#}");
}

#[tokio::test]
async fn case_58_from_seats_to_a_fixed_price_unused_seats_are_credited() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let fixed = app.paid_plan("fixed", 19_900, 0).await;
    let flat = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": fixed })).await;
    assert_eq!(flat["userErrors"], json!([]), "{flat:#}");
    assert_eq!(flat["subscription"]["quantity"], "1", "seats are not counted there");
    let invoices = app.sandbox.objects("invoice");
    let lines = invoices[0]["lines"]["data"].as_array().expect("lines").clone();
    let credit: i64 =
        lines.iter().filter_map(|line| line["amount"].as_i64()).filter(|amount| *amount < 0).sum();
    assert!((-8_700..=-8_650).contains(&credit), "{credit}: {lines:#?}");

    // And back: a seat for each member at least.
    app.member(&it.organization, "mia").await;
    let back =
        change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top, "timing": "NOW" }))
            .await;
    assert_eq!(back["subscription"]["quantity"], "2", "{back:#}");
}

#[tokio::test]
async fn case_59_while_a_payment_is_due_seats_only_go_and_give_nothing_back() {
    let app = TestApp::start_days_ago(40).await;
    let it = debt(&app).await;
    app.pass_days(32).await;
    assert_eq!(look(&it.owner, &it.organization).await["subscription"]["status"], "PAST_DUE");
    let more = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "6" })).await;
    assert_eq!(more["userErrors"][0]["code"], "CONFLICT", "{more:#}");
    assert!(text(&more["userErrors"][0]["message"]).contains("Pay the open invoice"), "{more:#}");
    let before = app.sandbox.objects("invoiceitem").len();
    let fewer = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "2" })).await;
    assert_eq!(fewer["subscription"]["quantity"], "2", "{fewer:#}");
    assert_eq!(app.sandbox.objects("invoiceitem").len(), before, "nothing is given back");
}

#[tokio::test]
async fn case_60_many_small_changes_of_seats_make_one_bill() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let before = app.sandbox.objects("invoice").len();
    for quantity in 4..10 {
        let more =
            change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": quantity.to_string() }))
                .await;
        assert_eq!(more["userErrors"], json!([]), "{more:#}");
    }
    assert_eq!(app.sandbox.objects("invoice").len(), before, "no bill of their own");
    app.pass_days(32).await;
    let invoices = app.sandbox.objects("invoice");
    assert_eq!(invoices.len(), before + 1, "one for all of them");

    // By the year the next bill is a year away: it is asked for at once.
    let yearly =
        change(&it.owner, json!({ "subscriptionId": it.subscription, "billingInterval": "YEAR" })).await;
    assert_eq!(yearly["userErrors"], json!([]), "{yearly:#}");
    let charged = app.succeeded_charges();
    let more = change(&it.owner, json!({ "subscriptionId": it.subscription, "quantity": "12" })).await;
    assert_eq!(more["userErrors"], json!([]), "{more:#}");
    assert_eq!(app.succeeded_charges(), charged + 1, "charged at once");
}

#[tokio::test]
async fn case_61_members_are_counted_inside_the_operation() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    let query = "query($input: SubscriptionChangeInput!) { subscriptionPreviewChange(input: $input) { preview { token } userErrors { message } } }";
    let input = json!({ "subscriptionId": it.subscription, "quantity": "2", "timing": "NOW" });
    let preview = it.owner.send(query, json!({ "input": input })).await;
    let token = preview.data()["subscriptionPreviewChange"]["preview"]["token"].clone();
    for name in ["mia", "noah"] {
        app.member(&it.organization, name).await;
    }
    let apply = "mutation($input: SubscriptionApplyChangeInput!) { subscriptionApplyChange(input: $input) { subscription { quantity } userErrors { code message } } }";
    let applied = it.owner.send(apply, json!({ "input": { "token": token } })).await;
    let payload = &applied.data()["subscriptionApplyChange"];
    assert_eq!(payload["userErrors"][0]["code"], "CONFLICT", "{payload:#}");
    assert!(text(&payload["userErrors"][0]["message"]).contains("3 members"), "{payload:#}");
    let at_stripe = &app.sandbox.objects("subscription")[0];
    assert_eq!(at_stripe["items"]["data"][0]["quantity"], 3, "unchanged");
}

#[tokio::test]
async fn case_61_the_first_seats_are_for_every_member() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = crate::mutations::subscription_change::seat_plan(&app, "pro", 2_900).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.member(&organization, "mia").await;
    let refused = app.subscribe(&owner, &organization, &plan).await;
    assert_eq!(refused["userErrors"][0]["code"], "LIMIT_EXCEEDED", "{refused:#}");
    assert_eq!(refused["userErrors"][0]["path"], json!(["quantity"]));
    assert!(app.sandbox.objects("subscription").is_empty());
    let input = json!({ "organizationId": organization, "planId": plan, "quantity": "2" });
    let enough = owner.send(crate::support::SUBSCRIBE, json!({ "input": input })).await;
    assert_eq!(enough.data()["subscriptionCreate"]["userErrors"], json!([]), "{:#}", enough.body);
}

#[tokio::test]
async fn case_62_a_declined_upgrade_keeps_the_old_plan_paid_and_active() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    app.card(&it.owner, &it.organization, "pm_card_chargeCustomerFail").await;
    let up = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    assert_eq!(up["userErrors"][0]["code"], "PAYMENT_DECLINED", "{up:#}");
    app.settled().await;
    let shown = look(&it.owner, &it.organization).await;
    assert_eq!(shown["subscription"]["status"], "ACTIVE");
    assert_eq!(shown["accessState"]["level"], "FULL");
    assert_eq!(shown["accessState"]["nextAction"], "NONE", "nothing is owed: {shown:#}");
    // The old plan, paid once; the bill of the change is no debt that somebody could pay later by mistake.
    let query = "query($id: ID!) { subscription(id: $id) { quantity pendingChangeExpiresAt plan { slug } } }";
    let kept = it.owner.send(query, json!({ "id": it.subscription })).await;
    assert_eq!(
        kept.data()["subscription"],
        json!({ "quantity": "3", "pendingChangeExpiresAt": null, "plan": { "slug": "pro" } })
    );
    let mut bills: Vec<String> = shown["invoices"]["nodes"]
        .as_array()
        .expect("invoices")
        .iter()
        .map(|invoice| text(&invoice["status"]))
        .collect();
    bills.sort();
    assert_eq!(bills, ["PAID", "VOID"], "{shown:#}");
    assert_eq!(app.succeeded_charges(), 1);
}

#[tokio::test]
async fn case_63_an_upgrade_changes_the_one_subscription() {
    let app = TestApp::start().await;
    let it = subscribed(&app).await;
    change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": it.top })).await;
    let refused = app.subscribe(&it.owner, &it.organization, &it.top).await;
    assert_eq!(refused["userErrors"][0]["code"], "CONFLICT", "{refused:#}");
    let at_stripe = app.sandbox.objects("subscription");
    assert_eq!(at_stripe.len(), 1);
    assert_eq!(at_stripe[0]["items"]["data"].as_array().map(Vec::len), Some(1), "{at_stripe:#?}");
    assert_eq!(at_stripe[0]["items"]["data"][0]["price"]["unit_amount"], 9_900);
}
