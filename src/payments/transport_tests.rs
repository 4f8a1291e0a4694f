use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::*;
use crate::domain::ids::BillingOperationId;

/// What the scripted server does with a request.
#[derive(Clone)]
pub(in crate::payments) enum Act {
    Answer(u16, &'static str, &'static str),
    /// Reads the request and closes.
    Drop,
    /// Reads the request and never answers.
    Hang,
}

/// A server that plays a script, request by request; its last act is repeated.
pub(in crate::payments) struct Server {
    pub base: String,
    pub requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

pub(in crate::payments) async fn play(script: Vec<Act>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let connections = Arc::new(AtomicUsize::new(0));
    let (seen, counted) = (Arc::clone(&requests), Arc::clone(&connections));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let (seen, script) = (Arc::clone(&seen), script.clone());
            tokio::spawn(async move {
                let mut buffer = Vec::new();
                loop {
                    let mut chunk = [0; 4096];
                    match stream.read(&mut chunk).await {
                        Ok(0) | Err(_) => return,
                        Ok(read) => buffer.extend_from_slice(&chunk[..read]),
                    }
                    let text = String::from_utf8_lossy(&buffer).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head
                        .lines()
                        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
                        .unwrap_or(0);
                    if body.len() < length {
                        continue;
                    }
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(text.clone());
                        seen.len() - 1
                    };
                    buffer.clear();
                    match script.get(number).or(script.last()).unwrap() {
                        Act::Answer(status, headers, body) => {
                            let answer = format!(
                                "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n{body}",
                                body.len()
                            );
                            stream.write_all(answer.as_bytes()).await.unwrap();
                        }
                        Act::Drop => return,
                        Act::Hang => std::future::pending().await,
                    }
                }
            });
        }
    });
    Server { base, requests, connections }
}

impl Server {
    fn transport(&self, attempts: u32) -> Transport {
        let key = SecretString::from("sk_test_x".to_owned());
        Transport::new(&self.base, key, Duration::from_millis(300), attempts, Arc::new(|_| 0)).unwrap()
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

fn post() -> RequestBuilder {
    RequestBuilder::new(StripeMethod::Post, "/things").form(&std::collections::BTreeMap::from([("a", "b")]))
}

fn get() -> RequestBuilder {
    RequestBuilder::new(StripeMethod::Get, "/things")
}

fn key() -> IdempotencyKey {
    IdempotencyKey::for_operation(BillingOperationId(Uuid::from_u128(7)), "create")
}

const OK: Act = Act::Answer(200, "", "{}");
const BROKEN: Act = Act::Answer(500, "", r#"{"error":{"type":"api_error","message":"x"}}"#);
const KEPT: Act =
    Act::Answer(500, "idempotent-replayed: true\r\n", r#"{"error":{"type":"api_error","message":"x"}}"#);
const UNKNOWN: Outcome = Outcome::Unknown;

/// Stripe keeps a failure of its own under the key, and says so: there is no use in asking again.
#[tokio::test]
async fn a_failure_that_is_kept_under_the_key_is_not_asked_for_again() {
    let server = play(vec![BROKEN, KEPT]).await;
    let error = server.transport(5).send(&post(), Some(&key()), Pace::Free).await.unwrap_err();
    assert!(error.is_kept(), "{error:?}");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn every_attempt_carries_the_same_key_the_version_and_the_secret() {
    let server = play(vec![BROKEN, BROKEN, OK]).await;
    server.transport(3).send(&post(), Some(&key()), Pace::Free).await.unwrap();
    let requests = server.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 3);
    for request in requests {
        let request = request.to_lowercase();
        assert!(request.starts_with("post /v1/things http/1.1"), "{request}");
        assert!(
            request.contains("idempotency-key: tollgate-00000000-0000-0000-0000-000000000007-create"),
            "{request}"
        );
        assert!(request.contains("stripe-version: 2026-09-30.endive"), "{request}");
        assert!(request.contains("authorization: bearer sk_test_x"), "{request}");
        assert!(request.ends_with("a=b"), "{request}");
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_unknown_and_what_never_left_is_not_sent() {
    for act in [
        BROKEN,
        Act::Drop,
        Act::Hang,
        Act::Answer(502, "content-type: text/html\r\n", "<html>Bad gateway</html>"),
        Act::Answer(200, "", "<html>Welcome</html>"),
        Act::Answer(409, "", r#"{"error":{"type":"idempotency_error","code":"idempotency_key_in_use"}}"#),
    ] {
        let server = play(vec![act]).await;
        let error = server.transport(2).send(&post(), Some(&key()), Pace::Free).await.unwrap_err();
        assert!(matches!(error, PaymentsError::Unavailable { outcome: UNKNOWN }), "{error:?}");
        assert_eq!(server.count(), 2);
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1/", nobody.local_addr().unwrap());
    drop(nobody);
    let transport = Transport::new(
        &base,
        SecretString::from("k".to_owned()),
        Duration::from_millis(300),
        2,
        Arc::new(|_| 0),
    );
    let error = transport.unwrap().send(&post(), Some(&key()), Pace::Free).await.unwrap_err();
    assert!(matches!(error, PaymentsError::Unavailable { outcome: Outcome::NotSent }), "{error:?}");
}

#[tokio::test]
async fn a_post_without_a_key_is_not_sent_again_and_a_get_is() {
    let server = play(vec![BROKEN]).await;
    server.transport(3).send(&post(), None, Pace::Free).await.unwrap_err();
    assert_eq!(server.count(), 1);
    let server = play(vec![BROKEN, OK]).await;
    server.transport(3).send(&get(), None, Pace::Free).await.unwrap();
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn refusals_are_final_and_told_apart() {
    let refused = async |status, body| {
        let server = play(vec![Act::Answer(status, "", body)]).await;
        let error = server.transport(3).send(&post(), Some(&key()), Pace::Free).await.unwrap_err();
        assert_eq!(server.count(), 1, "{body}");
        error
    };
    let declined = r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"No funds."}}"#;
    let PaymentsError::Declined { failure, .. } = refused(402, declined).await else { panic!("declined") };
    assert_eq!(
        (failure.code.as_str(), failure.decline_code.as_deref()),
        ("card_declined", Some("insufficient_funds"))
    );
    let missing =
        r#"{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such thing"}}"#;
    assert!(matches!(refused(404, missing).await, PaymentsError::NotFound { .. }));
    let wrong =
        r#"{"error":{"type":"invalid_request_error","code":"parameter_unknown","param":"a","message":"?"}}"#;
    assert!(matches!(refused(400, wrong).await, PaymentsError::InvalidRequest { param: Some(_), .. }));
    let reused = r#"{"error":{"type":"idempotency_error","message":"?"}}"#;
    assert!(matches!(refused(400, reused).await, PaymentsError::IdempotencyConflict));
    let key = r#"{"error":{"type":"invalid_request_error","message":"Invalid API Key"}}"#;
    assert!(matches!(refused(401, key).await, PaymentsError::NotAuthorized));
}

#[tokio::test]
async fn stripes_hints_are_honoured() {
    let no = Act::Answer(500, "stripe-should-retry: false\r\n", r#"{"error":{"type":"api_error"}}"#);
    let server = play(vec![no, OK]).await;
    server.transport(3).send(&post(), Some(&key()), Pace::Free).await.unwrap_err();
    assert_eq!(server.count(), 1);
    let later = Act::Answer(
        429,
        "retry-after: 1\r\n",
        r#"{"error":{"type":"invalid_request_error","code":"rate_limit"}}"#,
    );
    let server = play(vec![later, OK]).await;
    let key_secret = SecretString::from("sk_test_x".to_owned());
    let patient =
        Transport::new(&server.base, key_secret, Duration::from_secs(5), 3, Arc::new(|_| 0)).unwrap();
    let began = std::time::Instant::now();
    patient.send(&post(), Some(&key()), Pace::Free).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_limit_that_does_not_end_is_a_limit_and_nothing_was_done() {
    let limited = Act::Answer(429, "", r#"{"error":{"type":"invalid_request_error","code":"lock_timeout"}}"#);
    let server = play(vec![limited]).await;
    let error = server.transport(2).send(&post(), Some(&key()), Pace::Free).await.unwrap_err();
    assert!(matches!(error, PaymentsError::RateLimited), "{error:?}");
}

#[tokio::test]
async fn twenty_requests_use_one_connection() {
    let server = play(vec![OK]).await;
    let transport = server.transport(1);
    for _ in 0..20 {
        transport.send(&get(), None, Pace::Free).await.unwrap();
    }
    assert_eq!((server.count(), server.connections.load(Ordering::SeqCst)), (20, 1));
}

#[test]
fn pauses_grow_and_are_bounded() {
    let widest = |attempt| {
        let transport = Transport::new(
            "http://x",
            SecretString::from("k".to_owned()),
            Duration::from_secs(1),
            1,
            Arc::new(|bound| bound),
        );
        transport.unwrap().pause(attempt)
    };
    assert_eq!(widest(1), Duration::from_millis(250));
    assert_eq!(widest(2), Duration::from_millis(500));
    assert_eq!(widest(30), LONGEST_PAUSE);
}

#[tokio::test]
async fn a_refusal_that_is_not_stripes_is_not_sent_again() {
    for status in [302, 401, 403, 404, 413] {
        let server = play(vec![Act::Answer(status, "content-type: text/html\r\n", "<html>No</html>")]).await;
        let error = server.transport(3).send(&post(), Some(&key()), Pace::Free).await.unwrap_err();
        assert_eq!(server.count(), 1, "{status}");
        assert!(matches!(error, PaymentsError::Unavailable { outcome: UNKNOWN }), "{status} {error:?}");
    }
}

#[tokio::test]
async fn a_wait_longer_than_we_have_is_not_cut_short() {
    let later = Act::Answer(429, "retry-after: 60\r\n", r#"{"error":{"code":"rate_limit"}}"#);
    let server = play(vec![later, OK]).await;
    let error = tokio::time::timeout(
        Duration::from_secs(2),
        server.transport(3).send(&post(), Some(&key()), Pace::Free),
    )
    .await
    .expect("it gives up at once")
    .unwrap_err();
    assert_eq!(server.count(), 1);
    assert!(matches!(error, PaymentsError::RateLimited), "{error:?}");
}

#[tokio::test]
async fn an_id_cannot_lead_to_another_object() {
    let server = play(vec![OK]).await;
    for path in [
        "/payment_methods/../customers/cus_1",
        "/payment_methods/pm_1/detach?/attach",
        "/invoices/",
        "/a/%2e%2e/b",
    ] {
        let request = RequestBuilder::new(StripeMethod::Post, path);
        let error = server.transport(1).send(&request, Some(&key()), Pace::Free).await.unwrap_err();
        assert!(matches!(error, PaymentsError::NotFound { .. }), "{path} {error:?}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn whoever_finds_no_place_in_time_has_sent_nothing() {
    let server = play(vec![OK]).await;
    let transport = server.transport(3);
    let _all = transport.places.acquire_many(u32::try_from(CONCURRENCY).unwrap()).await.unwrap();
    let error = transport.send(&post(), Some(&key()), Pace::Free).await.unwrap_err();
    assert!(matches!(error, PaymentsError::Unavailable { outcome: Outcome::NotSent }), "{error:?}");
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn whoever_is_answered_by_a_moment_waits_no_longer_and_begins_nothing_after_it() {
    let budget = Budget::new(std::num::NonZeroU32::new(1_000).unwrap());
    let server = play(vec![Act::Hang]).await;
    let secret = SecretString::from("sk_test_x".to_owned());
    let transport =
        Transport::new(&server.base, secret, Duration::from_secs(30), 3, Arc::new(|_| 0)).unwrap();
    let began = Instant::now();
    let pace = Pace::Interactive { budget: &budget, until: Some(began + Duration::from_millis(300)) };
    let error = transport.send(&post(), Some(&key()), pace).await.unwrap_err();
    assert!(matches!(error, PaymentsError::Unavailable { outcome: UNKNOWN }), "{error:?}");
    assert!((300..2_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(server.count(), 1);
    let error = transport.send(&post(), Some(&key()), pace).await.unwrap_err();
    assert!(matches!(error, PaymentsError::Unavailable { outcome: Outcome::NotSent }), "{error:?}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn no_place_is_held_during_a_pause() {
    let server =
        play(vec![Act::Answer(429, "retry-after: 1\r\n", r#"{"error":{"code":"rate_limit"}}"#), OK]).await;
    let secret = SecretString::from("sk_test_x".to_owned());
    let transport =
        Arc::new(Transport::new(&server.base, secret, Duration::from_secs(5), 2, Arc::new(|_| 0)).unwrap());
    let pausing = Arc::clone(&transport);
    let sending = tokio::spawn(async move { pausing.send(&post(), Some(&key()), Pace::Free).await });
    while server.count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(transport.places.available_permits(), CONCURRENCY);
    sending.await.unwrap().unwrap();
}

/// Stripe counts a repetition like any other request: work that nobody waits for has no more of them than its budget.
#[tokio::test]
async fn a_repetition_waits_for_budget_unless_somebody_waits_for_the_answer() {
    let budget = Budget::new(std::num::NonZeroU32::new(4).unwrap());
    let took = async |pace: Pace<'_>| {
        let server = play(vec![BROKEN, BROKEN, OK]).await;
        let began = Instant::now();
        server.transport(3).send(&get(), None, pace).await.unwrap();
        began.elapsed()
    };
    let drained = Instant::now();
    for _ in 0..4 {
        budget.interactive();
    }
    let took_interactive = took(Pace::Interactive { budget: &budget, until: None }).await;
    assert!(took_interactive < Duration::from_millis(450), "{took_interactive:?}");
    // Two repetitions, a quarter of a second each, of which some may have come back meanwhile.
    took(Pace::Background(&budget)).await;
    let took_in_all = drained.elapsed();
    assert!(took_in_all >= Duration::from_millis(400), "{took_in_all:?}");
}
