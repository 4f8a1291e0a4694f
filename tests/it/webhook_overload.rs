//! More webhooks than can be taken in: they are shed before they take memory, and nothing that was confirmed is lost.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::http::HttpOptions;
use tollgate::payments::sign;
use tollgate::store::StripeEventFilter;

use crate::support::webhook::{event, send};
use crate::support::{TestApp, TestOptions, WEBHOOK_SECRET, eventually};

async fn app_with_places(places: usize, read_timeout: Duration) -> TestApp {
    let http = HttpOptions {
        metrics: true,
        webhook_concurrency: places,
        webhook_read_timeout: read_timeout,
        ..HttpOptions::default()
    };
    TestApp::start_with(TestOptions { deliver_webhooks: false, http, ..TestOptions::default() }).await
}

/// So many webhooks with this outcome were counted, in this process.
async fn counted(app: &TestApp, outcome: &str) -> u64 {
    let text = reqwest::get(format!("http://{}/metrics", app.address)).await.expect("metrics");
    let text = text.text().await.expect("text");
    let name = format!("tollgate_webhooks_total{{outcome=\"{outcome}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
}

/// A sender that promises a body and sends only its beginning.
async fn stalled(app: &TestApp) -> TcpStream {
    let mut stream = TcpStream::connect(app.address).await.expect("a connection");
    let head = "POST /webhooks/stripe HTTP/1.1\r\nhost: tollgate\r\ncontent-length: 100000\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    stream
}

async fn post(http: &reqwest::Client, app: &TestApp, event: &Value) -> reqwest::Response {
    let body = event.to_string();
    let signature = sign(body.as_bytes(), WEBHOOK_SECRET, SystemClock.now());
    let request = http.post(format!("http://{}/webhooks/stripe", app.address));
    request.header("stripe-signature", signature).body(body).send().await.expect("an answer")
}

/// A body is read only once there is a place for it: with every place taken, the next is told to come again, at once.
#[tokio::test]
async fn with_every_place_taken_the_next_is_shed_before_its_body_is_read() {
    let app = app_with_places(2, Duration::from_secs(30)).await;
    let shed = counted(&app, "shed").await;
    let http = reqwest::Client::new();
    let held = [stalled(&app).await, stalled(&app).await];
    let told = event("evt_1", "made.up", 0, &json!({ "id": "x_1", "filling": "x".repeat(500_000) }));
    // They take their places when their heads arrive.
    let answer = eventually("both places to be taken", || async {
        let began = Instant::now();
        let answer = post(&http, &app, &told).await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        (answer.status().as_u16() == 503).then_some(answer)
    })
    .await;
    assert_eq!(answer.headers()["retry-after"], "1");
    assert!(counted(&app, "shed").await > shed);
    // Even a sender that does not send its body is answered.
    let mut third = stalled(&app).await;
    let mut beginning = [0; 12];
    third.read_exact(&mut beginning).await.expect("an answer");
    assert_eq!(&beginning, b"HTTP/1.1 503");
    drop(held);
    eventually("a place to be free again", || async {
        (post(&http, &app, &told).await.status().as_u16() == 200).then_some(())
    })
    .await;
}

/// Nobody holds a place by not sending: whoever is not even signed could keep Stripe's webhooks out.
#[tokio::test]
async fn a_body_that_does_not_come_loses_its_place() {
    let app = app_with_places(1, Duration::from_millis(300)).await;
    let slow = counted(&app, "too_slow").await;
    let mut held = stalled(&app).await;
    let mut beginning = [0; 12];
    let answer = tokio::time::timeout(Duration::from_secs(5), held.read_exact(&mut beginning)).await;
    answer.expect("it is not waited for").expect("an answer");
    assert_eq!(&beginning, b"HTTP/1.1 408");
    assert_eq!(counted(&app, "too_slow").await, slow + 1);
    assert_eq!(send(&app, &event("evt_1", "made.up", 0, &json!({ "id": "x_1" }))).await, 200);
}

/// The database stands still: as many as there are places wait, all others are shed at once, and whatever was answered 200
/// in the end is stored once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_stands_still_the_queue_is_bounded_and_nothing_confirmed_is_lost() {
    const PLACES: usize = 4;
    let http = reqwest::Client::new();
    let app = app_with_places(PLACES, Duration::from_secs(10)).await;
    let mut connect = sea_orm::ConnectOptions::new(app.database_url().to_owned());
    // A lock is its connection's.
    connect.max_connections(1);
    let db = sea_orm::Database::connect(connect).await.expect("the database opens");
    let lock = if app.database_url().starts_with("sqlite:") {
        sea_orm::ConnectionTrait::execute_unprepared(&db, "BEGIN IMMEDIATE").await.expect("the write lock");
        None
    } else {
        let tx = sea_orm::TransactionTrait::begin(&db).await.expect("a transaction");
        let lock = "LOCK TABLE stripe_events IN ACCESS EXCLUSIVE MODE";
        sea_orm::ConnectionTrait::execute_unprepared(&tx, lock).await.expect("the lock");
        Some(tx)
    };
    let events: Vec<Value> = (0..40)
        .map(|number| {
            let object = json!({ "id": "x_1", "filling": "x".repeat(200_000) });
            event(&format!("evt_{number}"), "made.up", 0, &object)
        })
        .collect();
    let mut answers: FuturesUnordered<_> =
        events.iter().map(|event| async { post(&http, &app, event).await.status().as_u16() }).collect();
    // All others are answered while it stands still.
    for number in 0..40 - PLACES {
        let next = tokio::time::timeout(Duration::from_secs(8), answers.next()).await;
        assert_eq!(next.expect("it is shed at once"), Some(503), "number {number}");
    }
    match lock {
        Some(tx) => tx.rollback().await.expect("it is given up"),
        None => {
            sea_orm::ConnectionTrait::execute_unprepared(&db, "ROLLBACK").await.expect("it is given up");
        }
    }
    let rest: Vec<u16> = answers.collect().await;
    assert_eq!(rest, [200; PLACES], "those that had a place are stored");
    // Stripe sends again what was shed, and what was not.
    for event in &events {
        assert_eq!(post(&http, &app, event).await.status().as_u16(), 200);
    }
    let filter = StripeEventFilter::default();
    assert_eq!(app.store().count_stripe_events(&filter).await.expect("a count"), 40);
    db.close().await.expect("the connection closes");
}

/// Many at once are stored together, and each gets its own answer: new, known, and known within one statement.
#[tokio::test]
async fn webhooks_that_come_together_are_each_answered_for_themselves() {
    let app = app_with_places(128, Duration::from_secs(10)).await;
    let http = reqwest::Client::new();
    assert_eq!(send(&app, &event("evt_0", "made.up", 0, &json!({ "id": "x_0" }))).await, 200);
    let (new, known) = (counted(&app, "stored").await, counted(&app, "known").await);
    let ((), statements) = app
        .statements_of(async {
            // Each of thirty comes twice, and one was here before.
            let twice: Vec<Value> = (0..60)
                .map(|number| {
                    let number = number % 30;
                    event(&format!("evt_{number}"), "made.up", 0, &json!({ "id": format!("x_{number}") }))
                })
                .collect();
            let answers = futures::future::join_all(twice.iter().map(|event| post(&http, &app, event))).await;
            assert!(answers.iter().all(|answer| answer.status().as_u16() == 200));
        })
        .await;
    let filter = StripeEventFilter::default();
    assert_eq!(app.store().count_stripe_events(&filter).await.expect("a count"), 30);
    // Other tests of this process count as well, on other gateways.
    assert!(counted(&app, "stored").await >= new + 29);
    assert!(counted(&app, "known").await >= known + 31);
    let inserts =
        statements.iter().filter(|sql| sql.contains("INSERT INTO") && sql.contains("stripe_events"));
    let inserts = inserts.count();
    assert!((1..60).contains(&inserts), "{inserts} statements for sixty webhooks");
}
