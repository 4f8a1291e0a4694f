//! The demo: three organizations, a year behind them, and everything adds up.

use std::sync::Arc;

use chrono::Duration;
use tollgate::domain::audit::ActorKind;
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::ids::SystemIds;
use tollgate::domain::invoice::InvoiceStatus;
use tollgate::domain::page::PageRequest;
use tollgate::domain::payment::PaymentStatus;
use tollgate::payments::{Stripe, StripeOptions};
use tollgate::store::{AuditLogFilter, InvoiceFilter, OrganizationScope, PaymentFilter, Store, StoreOptions};

use crate::support::database::TestDatabase;

async fn demo() -> (Store, Stripe, stripe_sandbox::Sandbox, TestDatabase, tempfile::TempDir) {
    let database = TestDatabase::empty().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::connect(StoreOptions {
        url: database.url().to_owned(),
        max_connections: 4,
        clock: Arc::clone(&clock),
        ids: Arc::new(SystemIds),
        on_statement: None,
    })
    .await
    .expect("the database opens");
    store.migrate().await.expect("the migrations apply");
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = tollgate::demo::start_sandbox(&folder.path().join("sandbox.json"), &clock, true)
        .await
        .expect("the sandbox starts");
    let options =
        StripeOptions { api_base: sandbox.base_url(), ..StripeOptions::new(tollgate::demo::SANDBOX_KEY) };
    let stripe = Stripe::new(options).expect("a client");
    tollgate::demo::seed(&store, &stripe, &sandbox, clock.now(), "https://tollgate.localhost")
        .await
        .expect("the demo is made");
    (store, stripe, sandbox, database, folder)
}

#[tokio::test]
async fn every_paid_invoice_has_its_payment_and_every_total_its_lines() {
    let (store, stripe, _sandbox, _database, _folder) = demo().await;
    let page = PageRequest::first(100);
    let organizations =
        store.list_organizations(&OrganizationScope::All, true, &page).await.expect("a list").items;
    assert_eq!(organizations.len(), 3);
    let mut plans = std::collections::BTreeSet::new();
    let mut invoices_seen = 0;
    for view in organizations {
        let id = view.organization.id;
        let subscription = view.subscription.flatten().expect("each has a plan");
        plans.insert(subscription.subscription.plan_type.clone());
        let invoices = store
            .list_invoices(&[id], &InvoiceFilter::default(), &page)
            .await
            .expect("a list")
            .remove(&id)
            .expect("a page")
            .items;
        let payments = store
            .list_payments(&[id], PaymentFilter::default(), &page)
            .await
            .expect("a list")
            .remove(&id)
            .expect("a page")
            .items;
        if subscription.subscription.stripe_subscription_id.is_some() {
            assert!(invoices.len() >= 12, "a year of invoices: {}", invoices.len());
        }
        for invoice in &invoices {
            invoices_seen += 1;
            let lines: i64 = invoice.lines.iter().map(|line| line.amount_minor).sum();
            assert_eq!(lines, invoice.subtotal_minor, "{:?}", invoice.number);
            assert_eq!(invoice.subtotal_minor + invoice.tax_minor, invoice.total_minor);
            assert_eq!(invoice.amount_due_minor - invoice.amount_paid_minor, invoice.amount_remaining_minor);
            if invoice.status == InvoiceStatus::Paid && invoice.amount_paid_minor > 0 {
                let paid: i64 = payments
                    .iter()
                    .filter(|payment| {
                        payment.invoice_id == Some(invoice.id) && payment.status == PaymentStatus::Succeeded
                    })
                    .map(|payment| payment.amount_received_minor)
                    .sum();
                assert_eq!(paid, invoice.amount_paid_minor, "{:?}", invoice.number);
            }
            // And Stripe says the same.
            let at_stripe =
                stripe.retrieve_invoice(&invoice.stripe_invoice_id).await.expect("the sandbox knows it");
            assert_eq!(at_stripe.amount_paid_minor, invoice.amount_paid_minor);
            assert_eq!(at_stripe.status, invoice.status);
        }
        let today = SystemClock.now().date_naive();
        let usage = store
            .usage_of(&[id], today - Duration::days(365), today)
            .await
            .expect("usage")
            .remove(&id)
            .expect("rows");
        assert_eq!(usage.len(), 366 * 2, "two meters, every day");
        let logs = store
            .list_audit_logs(&[id], &AuditLogFilter::default(), &page)
            .await
            .expect("a list")
            .remove(&id)
            .expect("a page")
            .items;
        assert!(
            logs.iter().any(|log| log.actor_kind == ActorKind::User && log.action == "subscription.create")
        );
    }
    assert!(invoices_seen >= 24);
    assert_eq!(plans.into_iter().collect::<Vec<_>>(), ["enterprise", "free", "pro"]);
}

#[tokio::test]
async fn the_demo_is_put_into_an_empty_database_only() {
    let (store, _stripe, _sandbox, _database, _folder) = demo().await;
    assert!(!store.is_empty().await.expect("an answer"));
}
