use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::domain::clock::FixedClock;

const ES: Algorithm = Algorithm::ES256;
const RS: Algorithm = Algorithm::RS256;

fn jwk(algorithm: Algorithm, id: &str) -> Value {
    let key = match algorithm {
        Algorithm::RS256 => EncodingKey::from_rsa_pem(include_bytes!("test_keys/rsa.pem")),
        _ => EncodingKey::from_ec_pem(include_bytes!("test_keys/ec.pem")),
    };
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key.unwrap(), algorithm).unwrap()).unwrap();
    jwk["kid"] = json!(id);
    jwk
}

/// An address that publishes keys, slowly or not at all, and counts who asks.
struct Publisher {
    source: Arc<JwksSource>,
    clock: Arc<FixedClock>,
    fetches: Arc<AtomicUsize>,
    delay: Arc<AtomicU64>,
    answer: Arc<StdMutex<String>>,
}

impl Publisher {
    async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/jwks", listener.local_addr().unwrap()).parse().unwrap();
        let clock = Arc::new(FixedClock::new(DateTime::from_timestamp(1_790_000_000, 0).unwrap()));
        let source = Arc::new(JwksSource::new(address, Arc::clone(&clock) as Arc<dyn Clock>).unwrap());
        let publisher =
            Self { source, clock, fetches: Arc::default(), delay: Arc::default(), answer: Arc::default() };
        publisher.publish("max-age=600", keys);
        let (fetches, delay, answer) =
            (Arc::clone(&publisher.fetches), Arc::clone(&publisher.delay), Arc::clone(&publisher.answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                fetches.fetch_add(1, Ordering::SeqCst);
                let (answer, delay) = (answer.lock().unwrap().clone(), delay.load(Ordering::SeqCst));
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 2048]).await;
                    tokio::time::sleep(Duration::from_millis(delay)).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        publisher
    }

    fn publish(&self, cache_control: &str, keys: &[Value]) {
        let body = json!({ "keys": keys }).to_string();
        *self.answer.lock().unwrap() = format!(
            "HTTP/1.1 200 OK\r\nCache-Control: {cache_control}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
    }

    fn fail(&self) {
        "HTTP/1.1 503 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            .clone_into(&mut self.answer.lock().unwrap());
    }

    async fn key(&self, id: &str, algorithm: Algorithm) -> Result<(), JwksError> {
        self.source.key(Some(id), algorithm).await.map(|_| ())
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// Waits for a fetch that nobody waits for.
    async fn settles_at(&self, fetches: usize) {
        for _ in 0..200 {
            if self.fetches() >= fetches && self.source.fetching.try_lock().is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.fetches(), fetches);
    }
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_break_off_the_fetch_of_all_the_others() {
    let publisher = Publisher::start(&[jwk(ES, "a")]).await;
    publisher.delay.store(200, Ordering::SeqCst);
    let hung_up = tokio::time::timeout(Duration::from_millis(50), publisher.key("a", ES)).await;
    assert!(hung_up.is_err(), "the fetch is still under way");
    assert_eq!(publisher.key("a", ES).await, Ok(()));
    assert_eq!(publisher.fetches(), 1);
}

#[tokio::test]
async fn a_thousand_unknown_ids_at_once_make_one_fetch() {
    let publisher = Publisher::start(&[jwk(ES, "a")]).await;
    assert_eq!(publisher.key("a", ES).await, Ok(()));
    publisher.clock.advance(COOL_DOWN);
    publisher.delay.store(50, Ordering::SeqCst);
    let ids: Vec<String> = (0..1_000).map(|number| format!("unknown-{number}")).collect();
    let answers = futures::future::join_all(ids.iter().map(|id| publisher.key(id, ES))).await;
    assert!(answers.iter().all(|answer| *answer == Err(JwksError::KeyUnknown)));
    assert_eq!(publisher.fetches(), 2);
}

#[tokio::test]
async fn a_rotation_while_the_address_is_down_is_not_the_callers_fault() {
    let publisher = Publisher::start(&[jwk(ES, "a")]).await;
    assert_eq!(publisher.key("a", ES).await, Ok(()));
    publisher.fail();
    publisher.clock.advance(COOL_DOWN);
    assert_eq!(publisher.key("new", RS).await, Err(JwksError::Unavailable));
    assert_eq!(publisher.key("a", ES).await, Ok(()), "old keys serve on");
    publisher.publish("max-age=600", &[jwk(RS, "new")]);
    publisher.clock.advance(COOL_DOWN);
    assert_eq!(publisher.key("new", RS).await, Ok(()));
    assert_eq!(publisher.key("other", RS).await, Err(JwksError::KeyUnknown));
}

#[tokio::test]
async fn keys_are_renewed_ahead_without_anyone_waiting() {
    let publisher = Publisher::start(&[jwk(ES, "a")]).await;
    assert_eq!(publisher.key("a", ES).await, Ok(()));
    publisher.clock.advance(TimeDelta::seconds(479));
    assert_eq!(publisher.key("a", ES).await, Ok(()));
    publisher.settles_at(1).await;
    publisher.delay.store(300, Ordering::SeqCst);
    publisher.clock.advance(TimeDelta::seconds(1));
    let at_once = tokio::time::timeout(Duration::from_millis(150), publisher.key("a", ES)).await;
    assert_eq!(at_once.expect("nobody waits"), Ok(()));
    publisher.settles_at(2).await;
}

#[tokio::test]
async fn a_key_withdrawn_while_nobody_asked_is_not_accepted_once_more() {
    let publisher = Publisher::start(&[jwk(ES, "a")]).await;
    assert_eq!(publisher.key("a", ES).await, Ok(()));
    publisher.publish("max-age=600", &[jwk(RS, "b")]);
    publisher.clock.advance(TimeDelta::hours(20));
    assert_eq!(publisher.key("a", ES).await, Err(JwksError::KeyUnknown));
}

#[tokio::test]
async fn an_address_that_hangs_is_given_up_and_old_keys_serve_without_waiting_again() {
    let publisher = Publisher::start(&[jwk(ES, "a")]).await;
    assert_eq!(publisher.key("a", ES).await, Ok(()));
    publisher.delay.store(60_000, Ordering::SeqCst);
    publisher.clock.advance(TimeDelta::hours(1));
    let limit = TIMEOUT + Duration::from_secs(2);
    assert_eq!(tokio::time::timeout(limit, publisher.key("a", ES)).await.expect("it is given up"), Ok(()));
    publisher.clock.advance(COOL_DOWN);
    let at_once = tokio::time::timeout(Duration::from_millis(500), publisher.key("a", ES)).await;
    assert_eq!(at_once.expect("the next one is fetched in the background"), Ok(()));
}

#[tokio::test]
async fn keys_of_other_kinds_spoil_no_other_key() {
    let odd = [
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "quantum", "pub": "AAAA" }),
        json!({ "kty": "EC", "crv": "secp256k1", "kid": "coin", "x": "AAAA", "y": "AAAA" }),
        json!({ "kty": "OKP", "crv": "X25519", "kid": "exchange", "x": "AAAA" }),
        json!({ "kty": "oct", "kid": "secret", "k": "c2VjcmV0" }),
        json!({ "kty": "RSA", "kid": "numbers", "n": 7, "e": "AQAB" }),
        json!({ "kid": "nothing" }),
        json!("text"),
        json!(null),
    ];
    for odd in odd {
        let publisher = Publisher::start(&[odd.clone(), jwk(ES, "a")]).await;
        assert_eq!(publisher.key("a", ES).await, Ok(()), "{odd}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_for_verifying_is_not_used() {
    let mut encryption = jwk(ES, "a");
    encryption["key_ops"] = json!(["encrypt", "wrapKey"]);
    let mut verifying = jwk(RS, "b");
    verifying["key_ops"] = json!(["verify"]);
    let publisher = Publisher::start(&[encryption, verifying]).await;
    assert_eq!(publisher.key("a", ES).await, Err(JwksError::KeyUnknown));
    assert_eq!(publisher.key("b", RS).await, Ok(()));
}

#[test]
fn an_answer_is_kept_as_long_as_it_says_within_bounds() {
    for (text, expected) in [
        (Some("max-age=600"), TimeDelta::seconds(600)),
        (Some("public, Max-Age=\"600\""), TimeDelta::seconds(600)),
        (Some("max-age=0"), KEPT_AT_LEAST),
        (Some("max-age=99999999999999"), KEPT_AT_MOST),
        (Some("no-store, max-age=600"), KEPT_AT_LEAST),
        (Some("No-Cache"), KEPT_AT_LEAST),
        (Some("max-age=soon"), KEPT_BY_DEFAULT),
        (None, KEPT_BY_DEFAULT),
    ] {
        let mut headers = reqwest::header::HeaderMap::new();
        if let Some(text) = text {
            headers.insert(reqwest::header::CACHE_CONTROL, text.parse().unwrap());
        }
        assert_eq!(lifetime(&headers), expected, "{text:?}");
    }
}
