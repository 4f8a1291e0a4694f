//! What never came is found, whatever else goes on.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use entity::subscription;
use sea_orm::{Database, EntityTrait};
use serde_json::json;
use stripe_sandbox::{Fault, FaultKind, WebhookFault, WebhookFaultKind};

use super::{begin_anew, sweeping};
use crate::convergence::process::Process;
use crate::hard_cases::{change_seats, object, quantity, quiet, subscribed};
use crate::support::{WEBHOOK_SECRET, eventually, free_port, text};

/// A comparison of everything may take hours: what is lost meanwhile is found within seconds all the same.
#[tokio::test]
async fn lost_events_are_found_while_everything_is_compared() {
    let app = sweeping(Duration::from_millis(100)).await;
    let of = subscribed(&app).await;
    let last = async || app.service.last_comparison().await.expect("a query").and_then(|job| job.finished_at);
    let first = eventually("the first comparison", last).await;
    app.settled().await;
    // As at the first start with an account that exists, and Stripe takes its time.
    app.sandbox.fault(Fault::new("GET /v1/payment_methods$", FaultKind::Delay { ms: 4_500 }).times(100));
    begin_anew(&app).await;
    let began = Instant::now();
    change_seats(&app, &of, "15").await;
    while quantity(&of).await != "15" {
        assert!(began.elapsed() < Duration::from_secs(3), "a lost event waits for the comparison");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(last().await, Some(first), "everything is still being compared");
}

/// A process that dies anywhere in its first reading leaves the comparison to the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_reading_that_is_cut_off_is_followed_by_a_comparison() {
    for statements in [3, 6, 9, 12] {
        let app = quiet().await;
        subscribed(&app).await;
        app.stop.cancel();
        app.disturb("UPDATE subscriptions SET quantity = 99").await;
        let (database, sandbox) = (app.database_url().to_owned(), app.sandbox.base_url());
        let db = Database::connect(&database).await.expect("the database opens");
        tokio::task::spawn_blocking({
            let (database, sandbox) = (database.clone(), sandbox.clone());
            move || {
                let doomed = Process::start(&database, &sandbox, true);
                doomed.die_after(statements);
                let deadline = Instant::now() + Duration::from_secs(2);
                while !doomed.is_dead() && Instant::now() < deadline {
                    std::thread::sleep(Duration::from_millis(5));
                }
                drop(doomed);
            }
        })
        .await
        .expect("it died");
        let survivor = tokio::task::spawn_blocking(move || Process::start(&database, &sandbox, true));
        let survivor = survivor.await.expect("it starts");
        eventually(&format!("the comparison after {statements} statements"), || async {
            let row = subscription::Entity::find().one(&db).await.expect("a query").expect("a row");
            (row.quantity == 1).then_some(())
        })
        .await;
        db.close().await.expect("the connection closes");
        tokio::task::spawn_blocking(move || drop(survivor)).await.expect("it ends");
    }
}

/// What a first reading cannot know is written down before anything says that there was one.
#[tokio::test]
async fn a_first_reading_that_cannot_be_written_down_wants_a_comparison_all_the_same() {
    let app = quiet().await;
    subscribed(&app).await;
    let is_sqlite = app.database_url().starts_with("sqlite:");
    app.disturb(if is_sqlite {
        "CREATE TRIGGER torn BEFORE INSERT ON sync_cursors WHEN NEW.name LIKE 'events%' \
         BEGIN SELECT RAISE(ABORT, 'torn'); END"
    } else {
        "ALTER TABLE sync_cursors ADD CONSTRAINT torn CHECK (name NOT LIKE 'events%')"
    })
    .await;
    assert!(!app.service.is_comparison_wanted().await.expect("a query"));
    app.service.sweep_events(chrono::TimeDelta::seconds(30)).await.expect_err("its end cannot be written");
    assert!(
        app.service.is_comparison_wanted().await.expect("a query"),
        "what was lost before is never found"
    );
}

/// What is compared by itself is compared once, and not again with every reading of the list.
#[tokio::test]
async fn everything_is_compared_once_at_the_first_start() {
    let app = sweeping(Duration::from_millis(50)).await;
    let last = async || app.service.last_comparison().await.expect("a query").and_then(|job| job.finished_at);
    let first = eventually("the first comparison", last).await;
    let swept = eventually("ten more readings of the list", || async {
        let job = app.service.last_sweep().await.expect("a query")?;
        (job.finished_at? > first + chrono::TimeDelta::milliseconds(800)).then_some(job)
    })
    .await;
    assert_eq!(swept.report.expect("a report")["needsComparison"], json!(false));
    assert_eq!(last().await, Some(first));
}

/// The service level is thirty seconds: the gateway's own binary with nothing configured, to which no webhook comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_nothing_configured_a_dropped_webhook_is_made_good_within_thirty_seconds() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    app.settled_so_far().await;
    let item = text(&object(&app, "subscription", &of.subscription)["items"]["data"][0]["id"]);
    let (database, sandbox) = app.stop().await;
    let port = free_port();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut gateway = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("serve")
        .current_dir(folder.path())
        .env_clear()
        .envs([
            ("DATABASE_URL", database.url()),
            ("STRIPE_SECRET_KEY", "sk_test_tollgate_sandbox"),
            ("STRIPE_API_BASE", &sandbox.base_url()),
            ("STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET),
            ("TOLLGATE_LISTEN", &format!("127.0.0.1:{port}")),
            ("TOLLGATE_LOG", "error"),
        ])
        .stdout(Stdio::null())
        .spawn()
        .expect("the gateway's own binary");
    sandbox.webhook_fault(WebhookFault::new("*", WebhookFaultKind::Drop).times(u32::MAX));
    sandbox
        .add_webhook_endpoint(format!("http://127.0.0.1:{port}/webhooks/stripe"), WEBHOOK_SECRET.to_owned());
    let db = Database::connect(database.url()).await.expect("the database opens");
    eventually("the first reading of the list", || async {
        let job = entity::job::Entity::find_by_id("events:test").one(&db).await.expect("a query");
        job.and_then(|job| job.finished_at)
    })
    .await;
    let began = Instant::now();
    let url = format!("{}/v1/subscriptions/{}", sandbox.base_url(), of.subscription);
    let form = [("items[0][id]", item.as_str()), ("items[0][quantity]", "12")];
    let changed = reqwest::Client::new().post(url).bearer_auth("sk_test_dashboard").form(&form).send().await;
    assert!(changed.expect("an answer").status().is_success());
    loop {
        let row = subscription::Entity::find().one(&db).await.expect("a query").expect("a row");
        if row.quantity == 12 || began.elapsed() > Duration::from_secs(40) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = began.elapsed();
    db.close().await.expect("the connection closes");
    gateway.kill().expect("it can be ended");
    gateway.wait().expect("it has ended");
    println!("from a dropped webhook to the applied change, with nothing configured: {took:.1?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}
