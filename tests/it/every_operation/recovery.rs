//! The kinds of operation that nobody asks for: collecting what piled up while a debt was unpaid, and ending a second
//! subscription.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use stripe_sandbox::{AfterRetries, Fault, FaultKind};

use super::kill::{gateway, kill_when_reached};
use super::passed::{DUPLICATE_ENDED, PUT_BACK, RECOVERED};
use crate::dunning::{Debt, debt, look};
use crate::mutations::subscription_change::{Subscribed, change, subscribed};
use crate::support::database::TestDatabase;
use crate::support::{TestApp, TestOptions, eventually, text, webhook};

/// An organization that has paid its debt while a draft waits. The draft, at Stripe.
pub(super) async fn paid_debt(app: &TestApp) -> (Debt, String) {
    let it = debt(app).await;
    app.pass_days(50).await;
    app.pass_days(20).await;
    let shown = look(&it.owner, &it.organization).await;
    app.card(&it.owner, &it.organization, "pm_card_visa").await;
    let pay = "mutation($input: InvoicePayInput!) { invoicePay(input: $input) { userErrors { message } } }";
    let nodes = shown["invoices"]["nodes"].as_array().expect("invoices");
    for open in nodes.iter().filter(|invoice| invoice["status"] == "OPEN") {
        it.owner.send(pay, json!({ "input": { "invoiceId": open["id"] } })).await.data();
    }
    app.settled().await;
    let drafts = app.sandbox.objects("invoice");
    let drafts: Vec<_> = drafts.iter().filter(|invoice| invoice["status"] == "draft").collect();
    assert_eq!(drafts.len(), 1, "{drafts:#?}");
    (it, text(&drafts[0]["id"]))
}

fn charges(app: &TestApp) -> usize {
    app.succeeded_charges()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_that_was_killed_is_finished_once() {
    for place in RECOVERED.places {
        let app = TestApp::start_days_ago_with(100, AfterRetries::Unpaid).await;
        let (it, draft) = paid_debt(&app).await;
        let before = charges(&app);
        let place = if place.ends_with('-') { format!("{place}{draft}") } else { (*place).to_owned() };
        let (database, sandbox) = app.stop().await;
        let point = format!("subscription.recover@{place}");
        // Its worker looks for paid debts by itself.
        let (process, _) = gateway(&database, &sandbox, &point).await;
        kill_when_reached(process, &point).await;
        TestApp::let_leases_run_out(&database).await;
        let next = TestApp::start_on(database, sandbox, TestOptions::default()).await;
        // Whoever looked for debts just before it was settled may ask once more, for nothing.
        eventually("it to be settled", || async {
            next.service.settle_abandoned_operations().await.expect("a sweep");
            let states = next.operation_states(&it.organization, "subscription.recover").await;
            (!states.is_empty() && states.iter().all(|state| state == "CONFIRMED")).then_some(())
        })
        .await;
        assert_eq!(charges(&next), before + 1, "{place}");
        assert_eq!(next.service.recover_subscriptions().await.expect("a round"), 0, "{place}: once");
    }
}

#[tokio::test]
async fn a_recovery_older_than_its_keys_is_looked_up() {
    for (fault, state) in [(FaultKind::ActThenDrop, "CONFIRMED"), (FaultKind::FailBefore, "FAILED")] {
        // Whatever else Stripe tells of the debt is not to make it due before its keys are too old.
        let mut options = TestOptions::default();
        options.worker.settle_when_told = false;
        let sandbox = TestApp::sandbox_days_ago(100, AfterRetries::Unpaid).await;
        let app = TestApp::start_on(TestDatabase::create().await, sandbox, options).await;
        let (it, _) = paid_debt(&app).await;
        // Three attempts of the client, and none of a sweeper.
        app.sandbox.fault(Fault::new("POST /v1/invoices/*/finalize", fault).times(2));
        app.service.recover_subscriptions().await.expect("a round");
        app.age_operations().await;
        eventually("it to be looked up", || async {
            let states = app.operation_states(&it.organization, "subscription.recover").await;
            (states == [state]).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let states = app.operation_states(&it.organization, "subscription.recover").await;
        assert_eq!(states, [state], "and that is that");
    }
}

/// An organization that is subscribed, and a moment later was subscribed past the gateway once more. With it the payment
/// of the second subscription.
pub(super) async fn subscribed_twice(app: &TestApp) -> (String, String) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = app.paid_plan("pro", 2_900, 0).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    app.subscribe(&owner, &organization, &plan).await;
    let price = text(&app.sandbox.objects("price")[0]["id"]);
    let customer = app.stripe_customer(&organization).await;
    let form = [("customer", &customer[..]), ("items[0][price]", &price)];
    app.sandbox.set_now(app.sandbox.now() + 5);
    let second = app.at_stripe(Method::POST, "subscriptions", &form).await;
    assert_eq!(charges(app), 2, "both are paid");
    let payments = app.sandbox.objects("invoice_payment");
    let payment = payments.iter().find(|it| it["invoice"] == second["latest_invoice"]).expect("its payment");
    (organization, text(&payment["payment"]["payment_intent"]))
}

fn check_ended(app: &TestApp, what: &str) {
    let subscriptions = app.sandbox.objects("subscription");
    let live = subscriptions.iter().filter(|it| it["status"] == "active").count();
    assert_eq!((subscriptions.len(), live), (2, 1), "{what}");
    let refunds = app.sandbox.objects("refund");
    assert_eq!(refunds.len(), 1, "{what}: given back once");
    assert_eq!(refunds[0]["amount"], 2_900, "{what}");
}

pub(super) const DUPLICATE: &str = "subscription.cancel_duplicate";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_second_subscription_that_was_killed_is_finished_once() {
    for place in DUPLICATE_ENDED.places {
        let app = TestApp::start_with(super::quiet()).await;
        let (organization, intent) = subscribed_twice(&app).await;
        let place = if place.ends_with('-') { format!("{place}{intent}") } else { (*place).to_owned() };
        let (database, sandbox) = app.stop().await;
        let point = format!("{DUPLICATE}@{place}");
        // Its worker finds the event of the second one in Stripe's list.
        let (process, _) = gateway(&database, &sandbox, &point).await;
        kill_when_reached(process, &point).await;
        TestApp::let_leases_run_out(&database).await;
        let next = TestApp::start_on(database, sandbox, super::quiet()).await;
        eventually("it to be settled", || async {
            next.service.settle_abandoned_operations().await.expect("a sweep");
            next.open_operations().await.is_empty().then_some(())
        })
        .await;
        assert_eq!(next.operation_states(&organization, DUPLICATE).await, ["CONFIRMED"], "{place}");
        check_ended(&next, &place);
    }
}

#[tokio::test]
async fn the_end_of_a_second_subscription_is_looked_up_and_done_again_when_it_was_not_done() {
    for (fault, states) in
        [(FaultKind::ActThenDrop, vec!["CONFIRMED"]), (FaultKind::FailBefore, vec!["FAILED", "CONFIRMED"])]
    {
        let app = TestApp::start_with(super::patient(true)).await;
        app.sandbox.fault(Fault::new("POST /v1/refunds", fault));
        let (organization, _) = subscribed_twice(&app).await;
        eventually("its outcome to be unknown", || async {
            (app.operation_states(&organization, DUPLICATE).await == ["UNKNOWN"]).then_some(())
        })
        .await;
        app.age_operations().await;
        eventually("it to be looked up", || async {
            app.service.settle_abandoned_operations().await.expect("a sweep");
            (app.operation_states(&organization, DUPLICATE).await == states).then_some(())
        })
        .await;
        check_ended(&app, "looked up");
    }
}

/// Killed before anything was sent: whoever takes it over makes its checks, for much may have moved since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_killed_before_anything_was_sent_is_checked_again() {
    let app = TestApp::start_with(super::quiet()).await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = super::seat_plan(&app, "pro", 2_900).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let token = app.tokens.token("olivia");
    let (database, sandbox) = app.stop().await;
    let point = "subscription.create@opened";
    let (process, port) = gateway(&database, &sandbox, point).await;
    let client = crate::support::Client::new(([127, 0, 0, 1], port).into(), Some(token));
    let variables = json!({ "input": { "organizationId": organization, "planId": plan } });
    let request =
        tokio::spawn(async move { client.try_send(&super::query_of("subscriptionCreate"), variables).await });
    kill_when_reached(process, point).await;
    request.abort();
    let quiet = super::patient(false);
    let next = TestApp::start_on(database, sandbox, quiet).await;
    next.member(&organization, "mia").await;
    next.let_own_leases_run_out().await;
    next.service.settle_abandoned_operations().await.expect("a sweep");
    let states = next.operation_states(&organization, "subscription.create").await;
    assert_eq!(states, ["FAILED"], "one seat, two members");
    assert!(next.sandbox.objects("subscription").is_empty());
}

/// The plan is archived after it was chosen and before that was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_is_archived_before_it_is_sent_is_unavailable() {
    for (mutation, kind) in [
        ("subscriptionCreate", "subscription.create"),
        ("subscriptionChange", "subscription.change"),
        ("checkoutSessionCreate", "checkout_session.create"),
    ] {
        let app = TestApp::start_with(super::quiet()).await;
        let (organization, subscription) = match mutation {
            "subscriptionChange" => subscribed_quietly(&app).await,
            _ => {
                let owner = app.client("olivia");
                let organization = app.organization(&owner, "acme").await;
                app.card(&owner, &organization, "pm_card_visa").await;
                (organization, String::new())
            }
        };
        let plan = super::seat_plan(&app, "top", 9_900).await;
        let input = match mutation {
            "subscriptionChange" => json!({ "subscriptionId": subscription, "planId": plan }),
            "subscriptionCreate" => json!({ "organizationId": organization, "planId": plan }),
            _ => json!({ "organizationId": organization, "planId": plan,
                "successUrl": super::PAGE, "cancelUrl": super::PAGE }),
        };
        let token = app.tokens.token("olivia");
        let (database, sandbox) = app.stop().await;
        let point = format!("{kind}@opened");
        let (process, port) = gateway(&database, &sandbox, &point).await;
        let client = crate::support::Client::new(([127, 0, 0, 1], port).into(), Some(token));
        let variables = json!({ "input": input });
        let request =
            tokio::spawn(async move { client.try_send(&super::query_of(mutation), variables).await });
        kill_when_reached(process, &point).await;
        request.abort();
        let next = TestApp::start_on(database, sandbox, super::patient(false)).await;
        super::mutate(&next.staff(), "planArchive", json!({ "planId": plan })).await;
        let asked = next.sandbox.requests().len();
        next.let_own_leases_run_out().await;
        next.service.settle_abandoned_operations().await.expect("a sweep");
        assert_eq!(next.operation_states(&organization, kind).await, ["FAILED"], "{mutation}");
        assert_eq!(next.operation_errors(kind).await, ["PLAN_UNAVAILABLE"], "{mutation}");
        let changes = next.sandbox.requests();
        let changes = changes[asked..].iter().filter(|request| request.method != "GET").count();
        assert_eq!(changes, 0, "{mutation}: Stripe was asked");
    }
}

/// Somebody joins after fewer seats were asked for and before that was sent: the members are counted inside the operation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_61_who_joins_before_it_is_sent_is_counted() {
    let app = TestApp::start_with(super::quiet()).await;
    let it = subscribed_quietly(&app).await;
    let token = app.tokens.token("olivia");
    let (database, sandbox) = app.stop().await;
    let point = "subscription.change@opened";
    let (process, port) = gateway(&database, &sandbox, point).await;
    let client = crate::support::Client::new(([127, 0, 0, 1], port).into(), Some(token));
    let variables = json!({ "input": { "subscriptionId": it.1, "quantity": "1", "timing": "NOW" } });
    let request =
        tokio::spawn(async move { client.try_send(&super::query_of("subscriptionChange"), variables).await });
    kill_when_reached(process, point).await;
    request.abort();
    let next = TestApp::start_on(database, sandbox, super::patient(false)).await;
    next.member(&it.0, "mia").await;
    next.let_own_leases_run_out().await;
    next.service.settle_abandoned_operations().await.expect("a sweep");
    let states = next.operation_states(&it.0, "subscription.change").await;
    assert_eq!(states, ["FAILED"], "one seat, two members");
    assert_eq!(next.sandbox.objects("subscription")[0]["items"]["data"][0]["quantity"], 3, "unchanged");
}

/// An organization with three seats, and its subscription, without waiting for events.
async fn subscribed_quietly(app: &TestApp) -> (String, String) {
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    let plan = super::seat_plan(app, "pro", 2_900).await;
    app.card(&owner, &organization, "pm_card_visa").await;
    let input = json!({ "organizationId": organization, "planId": plan, "quantity": "3" });
    let begun = owner.send(crate::support::SUBSCRIBE, json!({ "input": input })).await;
    (organization, text(&begun.data()["subscriptionCreate"]["subscription"]["id"]))
}

/// The first one has ended, and nobody has heard of it yet: the second one is the only one, and stays.
#[tokio::test]
async fn a_second_subscription_stays_when_the_first_has_ended() {
    let app = TestApp::start_with(super::patient(false)).await;
    let (organization, _) = subscribed_twice(&app).await;
    let subscriptions = app.sandbox.objects("subscription");
    let (second, first) = (&subscriptions[0], &subscriptions[1]);
    app.at_stripe(Method::DELETE, &format!("subscriptions/{}", text(&first["id"])), &[]).await;
    webhook::apply(&app, &webhook::event("evt_second", "customer.subscription.created", 0, second)).await;
    let live: Vec<_> =
        app.sandbox.objects("subscription").into_iter().filter(|it| it["status"] == "active").collect();
    assert_eq!(live.len(), 1, "{live:#?}");
    assert_eq!(live[0]["id"], second["id"]);
    assert!(app.sandbox.objects("refund").is_empty());
    assert_eq!(app.operation_states(&organization, DUPLICATE).await, ["FAILED"]);
}

/// A bank that has not decided yet: what is paid for the second one in the end is given back then.
#[tokio::test]
async fn a_payment_that_was_processing_is_given_back_once_it_is_made() {
    let app = TestApp::start_with(super::patient(false)).await;
    let (organization, intent) = subscribed_twice(&app).await;
    let second = app.sandbox.objects("subscription")[0].clone();
    let paid = app.sandbox.objects("payment_intent").into_iter().find(|it| it["id"] == intent.as_str());
    let paid = paid.expect("the payment");
    let mut processing = paid.clone();
    processing["status"] = json!("processing");
    processing["amount_received"] = json!(0);
    app.sandbox.import(vec![processing]);
    webhook::apply(&app, &webhook::event("evt_second", "customer.subscription.created", 0, &second)).await;
    assert_eq!(app.operation_states(&organization, DUPLICATE).await, ["REQUIRES_ACTION"]);
    assert!(app.sandbox.objects("refund").is_empty());
    app.sandbox.import(vec![paid.clone()]);
    webhook::apply(&app, &webhook::event("evt_paid", "payment_intent.succeeded", 0, &paid)).await;
    app.service.settle_abandoned_operations().await.expect("a sweep");
    assert_eq!(app.operation_states(&organization, DUPLICATE).await, ["CONFIRMED", "CONFIRMED"]);
    check_ended(&app, "given back");
}

pub(super) const RESTORE: &str = "subscription.restore";

/// An organization whose upgrade was given up: what it had arranged before is written down to be put back.
pub(super) async fn given_up(app: &TestApp) -> Subscribed {
    let it = subscribed(app).await;
    for plan in [&it.top, &it.pro] {
        let made = change(&it.owner, json!({ "subscriptionId": it.subscription, "planId": plan })).await;
        assert_eq!(made["userErrors"], json!([]), "{made:#}");
    }
    app.settled().await;
    app.card(&it.owner, &it.organization, "pm_card_authenticationRequired").await;
    let yearly = json!({ "subscriptionId": it.subscription, "billingInterval": "YEAR" });
    let asked = change(&it.owner, yearly).await;
    assert_eq!(asked["operation"]["state"], "REQUIRES_ACTION", "{asked:#}");
    let invoice = text(&app.sandbox.objects("subscription")[0]["latest_invoice"]);
    app.at_stripe(Method::POST, &format!("invoices/{invoice}/void"), &[]).await;
    app.settled().await;
    assert_eq!(app.operation_states(&it.organization, RESTORE).await, ["PENDING"]);
    it
}

fn active_schedules(app: &TestApp) -> usize {
    app.sandbox.objects("subscription_schedule").iter().filter(|it| it["status"] == "active").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn putting_back_that_was_killed_is_finished_once() {
    for place in PUT_BACK.places {
        let app = TestApp::start_with(super::patient(true)).await;
        let it = given_up(&app).await;
        let (database, sandbox) = app.stop().await;
        let point = format!("{RESTORE}@{place}");
        let (process, _) = gateway(&database, &sandbox, &point).await;
        kill_when_reached(process, &point).await;
        TestApp::let_leases_run_out(&database).await;
        let next = TestApp::start_on(database, sandbox, super::quiet()).await;
        eventually("it to be settled", || async {
            next.service.settle_abandoned_operations().await.expect("a sweep");
            next.open_operations().await.is_empty().then_some(())
        })
        .await;
        assert_eq!(next.operation_states(&it.organization, RESTORE).await, ["CONFIRMED"], "{place}");
        assert_eq!(active_schedules(&next), 1, "{place}");
        let query = "query($id: ID!) { subscription(id: $id) { scheduledChange { plan { slug } } } }";
        let owner = next.client("olivia");
        let shown = owner.send(query, json!({ "id": it.subscription })).await;
        let arranged = &shown.data()["subscription"]["scheduledChange"];
        assert_eq!(arranged, &json!({ "plan": { "slug": "pro" } }), "{place}");
    }
}

#[tokio::test]
async fn putting_back_that_is_older_than_its_keys_is_looked_up() {
    for (fault, states) in
        [(FaultKind::ActThenDrop, vec!["CONFIRMED"]), (FaultKind::FailBefore, vec!["FAILED", "CONFIRMED"])]
    {
        let app = TestApp::start_with(super::patient(true)).await;
        let it = given_up(&app).await;
        app.sandbox.fault(Fault::new("POST /v1/subscription_schedules/*", fault));
        app.service.settle_abandoned_operations().await.expect("a sweep");
        assert_eq!(app.operation_states(&it.organization, RESTORE).await, ["UNKNOWN"]);
        app.age_operations().await;
        eventually("it to be looked up, and done again where it was not", || async {
            app.service.settle_abandoned_operations().await.expect("a sweep");
            app.open_operations().await.is_empty().then_some(())
        })
        .await;
        assert_eq!(app.operation_states(&it.organization, RESTORE).await, states);
        assert_eq!(active_schedules(&app), 1);
    }
}
