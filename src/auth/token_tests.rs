use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;
use crate::domain::clock::FixedClock;

const SECRET: &[u8] = b"a secret that only these tests know, long enough";
const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "tollgate";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn verifier(clock: Arc<dyn Clock>) -> TokenVerifier {
    let audiences = vec![AUDIENCE.to_owned(), "tollgate-next".to_owned()];
    TokenVerifier::new([TrustedIssuer::with_secret(ISSUER, audiences, SECRET).naming_staff()], clock)
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "olivia", "exp": now().timestamp() + 600 })
}

fn with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn signed(claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

async fn verify(claims: &Value) -> Result<VerifiedToken, TokenError> {
    verifier(Arc::new(FixedClock::new(now()))).verify(&signed(claims)).await
}

#[tokio::test]
async fn a_good_token_says_who_is_calling() {
    let token = verify(&with(json!({
        "email": "olivia@example.com", "email_verified": true, "name": "Olivia", "tollgate_staff": true,
        "amr": ["pwd", "otp"], "sid": "s1", "auth_time": now().timestamp(), "aud": ["other", "tollgate-next"]
    })))
    .await
    .unwrap();
    assert_eq!((token.issuer.as_str(), token.subject.as_str()), (ISSUER, "olivia"));
    assert_eq!(token.email.as_deref(), Some("olivia@example.com"));
    assert!(token.is_platform_staff);
    assert_eq!(token.methods, ["pwd", "otp"]);
    assert_eq!(token.authenticated_at, Some(now()));
}

#[tokio::test]
async fn an_address_that_is_not_verified_is_not_taken() {
    let token = verify(&with(json!({ "email": "boss@example.com", "email_verified": false }))).await.unwrap();
    assert_eq!(token.email, None);
}

#[tokio::test]
async fn only_a_staff_issuer_names_staff() {
    let issuer = TrustedIssuer::with_secret(ISSUER, vec![AUDIENCE.to_owned()], SECRET);
    let verifier = TokenVerifier::new([issuer], Arc::new(FixedClock::new(now())));
    let token = verifier.verify(&signed(&with(json!({ "tollgate_staff": true })))).await.unwrap();
    assert!(!token.is_platform_staff);
}

#[tokio::test]
async fn times_have_a_minute_of_leeway() {
    let at = |offset: i64| now().timestamp() + offset;
    for (changes, expected) in [
        (json!({ "exp": at(-59) }), None),
        (json!({ "exp": at(-60) }), Some(TokenError::Expired)),
        (json!({ "nbf": at(60) }), None),
        (json!({ "nbf": at(61) }), Some(TokenError::NotYetValid)),
        (json!({ "exp": 1_790_000_600.5 }), None),
    ] {
        assert_eq!(verify(&with(changes.clone())).await.err(), expected, "{changes}");
    }
}

#[tokio::test]
async fn what_must_be_there_must_be_there() {
    for (changes, expected) in [
        (json!({ "exp": null }), TokenError::MissingClaim("exp")),
        (json!({ "sub": null }), TokenError::MissingClaim("sub")),
        (json!({ "sub": "" }), TokenError::MissingClaim("sub")),
        (json!({ "aud": null }), TokenError::MissingClaim("aud")),
        (json!({ "iss": null }), TokenError::MissingClaim("iss")),
        (json!({ "aud": "somebody-else" }), TokenError::WrongAudience),
        (json!({ "iss": "https://evil.example" }), TokenError::WrongIssuer),
    ] {
        assert_eq!(verify(&with(changes.clone())).await, Err(expected), "{changes}");
    }
}

#[tokio::test]
async fn forged_and_broken_tokens_are_refused() {
    let verifier = verifier(Arc::new(FixedClock::new(now())));
    let good = signed(&claims());
    let other = EncodingKey::from_secret(b"another secret of the same length as the one");
    let forged = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &other).unwrap();
    assert_eq!(verifier.verify(&forged).await, Err(TokenError::BadSignature));
    let body = good.split('.').nth(1).unwrap();
    // {"alg":"none"}
    for none in [format!("eyJhbGciOiJub25lIn0.{body}."), format!("eyJhbGciOiJub25lIn0.{body}.AAAA")] {
        assert_eq!(verifier.verify(&none).await, Err(TokenError::UnsupportedAlgorithm), "{none}");
    }
    let hs512 =
        jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims(), &EncodingKey::from_secret(SECRET));
    assert_eq!(verifier.verify(&hs512.unwrap()).await, Err(TokenError::UnsupportedAlgorithm));
    for garbage in ["", "a", "a.b", "a.b.c", "....", &"x".repeat(9_000), &good.replace('.', "")] {
        let refused = verifier.verify(garbage).await;
        assert!(
            matches!(refused, Err(TokenError::Malformed | TokenError::UnsupportedAlgorithm)),
            "{garbage}: {refused:?}"
        );
    }
}

mod published {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::super::jwks::JwksSource;
    use super::*;

    const RSA_PEM: &[u8] = include_bytes!("test_keys/rsa.pem");
    const EC_PEM: &[u8] = include_bytes!("test_keys/ec.pem");
    const ED_PEM: &[u8] = include_bytes!("test_keys/ed25519.pem");

    fn key(algorithm: Algorithm) -> EncodingKey {
        match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(RSA_PEM),
            Algorithm::ES256 => EncodingKey::from_ec_pem(EC_PEM),
            _ => EncodingKey::from_ed_pem(ED_PEM),
        }
        .unwrap()
    }

    fn jwk(algorithm: Algorithm, id: Option<&str>) -> Value {
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key(algorithm), algorithm).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        match id {
            Some(id) => jwk["kid"] = json!(id),
            None => {
                jwk.as_object_mut().unwrap().remove("kid");
            }
        }
        jwk
    }

    fn sign(algorithm: Algorithm, id: Option<&str>) -> String {
        let mut header = Header::new(algorithm);
        header.kid = id.map(str::to_owned);
        jsonwebtoken::encode(&header, &claims(), &key(algorithm)).unwrap()
    }

    /// An issuer's address that counts what is asked of it.
    struct Issuer {
        address: url::Url,
        fetches: Arc<AtomicUsize>,
        answer: Arc<std::sync::Mutex<Option<Value>>>,
    }

    impl Issuer {
        async fn start(keys: Vec<Value>) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}/jwks", listener.local_addr().unwrap()).parse().unwrap();
            let fetches = Arc::new(AtomicUsize::new(0));
            let answer = Arc::new(std::sync::Mutex::new(Some(json!({ "keys": keys }))));
            let (counted, answered) = (Arc::clone(&fetches), Arc::clone(&answer));
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    counted.fetch_add(1, Ordering::SeqCst);
                    let body = answered.lock().unwrap().clone();
                    tokio::spawn(async move {
                        let mut request = [0; 2048];
                        let _ = stream.read(&mut request).await;
                        // Long enough for a stampede to gather.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        let answer = match body {
                            Some(body) => {
                                let body = body.to_string();
                                format!(
                                    "HTTP/1.1 200 OK\r\ncache-control: max-age=600\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                                    body.len()
                                )
                            }
                            None => {
                                "HTTP/1.1 503 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned()
                            }
                        };
                        let _ = stream.write_all(answer.as_bytes()).await;
                    });
                }
            });
            Self { address, fetches, answer }
        }

        fn publish(&self, keys: Option<Vec<Value>>) {
            *self.answer.lock().unwrap() = keys.map(|keys| json!({ "keys": keys }));
        }

        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }

        fn verifier(&self, clock: Arc<dyn Clock>, algorithms: &[Algorithm]) -> TokenVerifier {
            let source = Arc::new(JwksSource::new(self.address.clone(), Arc::clone(&clock)).unwrap());
            let issuer =
                TrustedIssuer::with_published_keys(ISSUER, vec![AUDIENCE.to_owned()], algorithms, source);
            TokenVerifier::new([issuer], clock)
        }
    }

    const ALL: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

    #[tokio::test]
    async fn each_algorithm_is_verified_with_its_published_key() {
        let keys = ALL.iter().map(|&algorithm| jwk(algorithm, Some(&format!("{algorithm:?}")))).collect();
        let issuer = Issuer::start(keys).await;
        let verifier = issuer.verifier(Arc::new(FixedClock::new(now())), &ALL);
        for algorithm in ALL {
            let token = sign(algorithm, Some(&format!("{algorithm:?}")));
            assert_eq!(verifier.verify(&token).await.unwrap().subject, "olivia", "{algorithm:?}");
        }
        assert_eq!(issuer.fetches(), 1);
    }

    #[tokio::test]
    async fn a_published_key_is_no_secret_and_an_algorithm_off_the_list_is_refused() {
        let issuer =
            Issuer::start(vec![jwk(Algorithm::RS256, Some("a")), jwk(Algorithm::ES256, Some("b"))]).await;
        let clock = Arc::new(FixedClock::new(now()));
        // HS256 is asked for, and left out all the same: the public key's text must not become a shared secret.
        let verifier = issuer.verifier(clock, &[Algorithm::RS256, Algorithm::HS256]);
        let public = jwk(Algorithm::RS256, Some("a"))["n"].as_str().unwrap().to_owned();
        let confused = jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &claims(),
            &EncodingKey::from_secret(public.as_bytes()),
        );
        assert_eq!(verifier.verify(&confused.unwrap()).await, Err(TokenError::UnsupportedAlgorithm));
        let off_the_list = sign(Algorithm::ES256, Some("b"));
        assert_eq!(verifier.verify(&off_the_list).await, Err(TokenError::UnsupportedAlgorithm));
        // A key of one kind does not verify another's signature.
        assert_eq!(verifier.verify(&sign(Algorithm::RS256, Some("b"))).await, Err(TokenError::KeyUnknown));
    }

    #[tokio::test]
    async fn keys_for_encryption_are_not_used_and_a_token_without_an_id_needs_a_single_key() {
        let mut encryption = jwk(Algorithm::RS256, Some("a"));
        encryption["use"] = json!("enc");
        let issuer = Issuer::start(vec![encryption, jwk(Algorithm::ES256, None)]).await;
        let verifier = issuer.verifier(Arc::new(FixedClock::new(now())), &ALL);
        assert_eq!(verifier.verify(&sign(Algorithm::RS256, Some("a"))).await, Err(TokenError::KeyUnknown));
        assert!(verifier.verify(&sign(Algorithm::ES256, None)).await.is_ok());

        let two =
            Issuer::start(vec![jwk(Algorithm::ES256, Some("a")), jwk(Algorithm::ES256, Some("b"))]).await;
        let verifier = two.verifier(Arc::new(FixedClock::new(now())), &ALL);
        assert_eq!(verifier.verify(&sign(Algorithm::ES256, None)).await, Err(TokenError::KeyUnknown));
    }

    #[tokio::test]
    async fn a_rotation_is_followed_and_a_flood_of_unknown_keys_is_not() {
        let issuer = Issuer::start(vec![jwk(Algorithm::RS256, Some("old"))]).await;
        let clock = Arc::new(FixedClock::new(now()));
        let verifier = issuer.verifier(Arc::clone(&clock) as Arc<dyn Clock>, &ALL);
        assert!(verifier.verify(&sign(Algorithm::RS256, Some("old"))).await.is_ok());
        issuer.publish(Some(vec![jwk(Algorithm::EdDSA, Some("new"))]));
        let new = sign(Algorithm::EdDSA, Some("new"));
        assert_eq!(verifier.verify(&new).await, Err(TokenError::KeyUnknown), "within the cool-down");
        clock.advance(TimeDelta::seconds(30));
        assert!(verifier.verify(&new).await.is_ok());
        for number in 0..200 {
            let unknown = sign(Algorithm::EdDSA, Some(&format!("unknown-{number}")));
            assert_eq!(verifier.verify(&unknown).await, Err(TokenError::KeyUnknown));
        }
        assert_eq!(issuer.fetches(), 2);
    }

    #[tokio::test]
    async fn a_stampede_makes_one_fetch() {
        let issuer = Issuer::start(vec![jwk(Algorithm::EdDSA, Some("a"))]).await;
        let verifier = issuer.verifier(Arc::new(FixedClock::new(now())), &ALL);
        let token = sign(Algorithm::EdDSA, Some("a"));
        let verified = futures::future::join_all((0..1_000).map(|_| verifier.verify(&token))).await;
        assert!(verified.iter().all(Result::is_ok));
        assert_eq!(issuer.fetches(), 1);
    }

    #[tokio::test]
    async fn old_keys_serve_while_the_address_is_down_and_not_for_ever() {
        let issuer = Issuer::start(vec![jwk(Algorithm::EdDSA, Some("a"))]).await;
        let clock = Arc::new(FixedClock::new(now()));
        let verifier = issuer.verifier(Arc::clone(&clock) as Arc<dyn Clock>, &ALL);
        let sign_later = |seconds: i64| {
            let mut header = Header::new(Algorithm::EdDSA);
            header.kid = Some("a".to_owned());
            let claims = with(json!({ "exp": now().timestamp() + seconds + 60 }));
            jsonwebtoken::encode(&header, &claims, &key(Algorithm::EdDSA)).unwrap()
        };
        assert!(verifier.verify(&sign_later(0)).await.is_ok());
        issuer.publish(None);
        clock.advance(TimeDelta::hours(1));
        assert!(verifier.verify(&sign_later(3_600)).await.is_ok());
        clock.advance(TimeDelta::hours(24));
        assert_eq!(verifier.verify(&sign_later(90_000)).await, Err(TokenError::KeysUnavailable));
    }

    #[tokio::test]
    async fn an_address_that_never_answered_is_our_fault_and_not_the_callers() {
        let issuer = Issuer::start(Vec::new()).await;
        issuer.publish(None);
        let verifier = issuer.verifier(Arc::new(FixedClock::new(now())), &ALL);
        let refused = verifier.verify(&sign(Algorithm::EdDSA, Some("a"))).await;
        assert_eq!(refused, Err(TokenError::KeysUnavailable));
        assert!(TokenError::KeysUnavailable.is_unavailable());
    }

    #[test]
    fn keys_are_not_fetched_in_the_clear() {
        let clock: Arc<dyn Clock> = Arc::new(FixedClock::new(now()));
        for (address, is_accepted) in [
            ("https://id.example/jwks", true),
            ("http://127.0.0.1:1/jwks", true),
            ("http://id.example/jwks", false),
            ("file:///etc/passwd", false),
        ] {
            let made = JwksSource::new(address.parse().unwrap(), Arc::clone(&clock));
            assert_eq!(made.is_ok(), is_accepted, "{address}");
        }
    }
}
