//! The kind of operation that time brings about: collecting what piled up while a debt was unpaid.

use std::time::Duration;

use serde_json::json;
use stripe_sandbox::{AfterRetries, Fault, FaultKind};

use super::kill::{gateway, kill_when_reached};
use crate::dunning::{Debt, debt, look};
use crate::support::{TestApp, TestOptions, eventually, text};

/// An organization that has paid its debt while a draft waits. The draft, at Stripe.
async fn paid_debt(app: &TestApp) -> (Debt, String) {
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
    for place in ["opened", "before-collect", "answered", "settled"] {
        let app = TestApp::start_days_ago_with(100, AfterRetries::Unpaid).await;
        let (it, draft) = paid_debt(&app).await;
        let before = charges(&app);
        let place =
            if place == "before-collect" { format!("before-collect-{draft}") } else { place.to_owned() };
        let (database, sandbox) = app.stop().await;
        let point = format!("subscription.recover@{place}");
        // Its worker looks for paid debts by itself.
        let (process, _) = gateway(&database, &sandbox, &point).await;
        kill_when_reached(process, &point).await;
        TestApp::let_leases_run_out(&database).await;
        let next = TestApp::start_on(database, sandbox, TestOptions::default()).await;
        eventually("it to be settled", || async {
            next.service.settle_abandoned_operations().await.expect("a sweep");
            next.open_operations().await.is_empty().then_some(())
        })
        .await;
        let states = next.operation_states(&it.organization, "subscription.recover").await;
        assert_eq!(states, ["CONFIRMED"], "{place}");
        assert_eq!(charges(&next), before + 1, "{place}");
        assert_eq!(next.service.recover_subscriptions().await.expect("a round"), 0, "{place}: once");
    }
}

#[tokio::test]
async fn a_recovery_older_than_its_keys_is_looked_up() {
    for (fault, state) in [(FaultKind::ActThenDrop, "CONFIRMED"), (FaultKind::FailBefore, "FAILED")] {
        let app = TestApp::start_days_ago_with(100, AfterRetries::Unpaid).await;
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
