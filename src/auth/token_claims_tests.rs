use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::domain::clock::FixedClock;

const SECRET: &[u8] = b"a secret that only these tests know, long enough";
const ISSUER: &str = "https://id.example";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn verifier() -> TokenVerifier {
    let issuer = TrustedIssuer::with_secret(ISSUER, vec!["tollgate".to_owned()], SECRET).naming_staff();
    TokenVerifier::new([issuer], Arc::new(FixedClock::new(now())))
}

async fn verify_with(header: Header, name: &str, value: Value) -> Result<VerifiedToken, TokenError> {
    let mut claims =
        json!({ "iss": ISSUER, "aud": "tollgate", "sub": "olivia", "exp": now().timestamp() + 600 });
    claims["email"] = json!("olivia@example.com");
    claims[name] = value;
    let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(SECRET)).unwrap();
    verifier().verify(&token).await
}

async fn verify(name: &str, value: Value) -> Result<VerifiedToken, TokenError> {
    verify_with(Header::new(Algorithm::HS256), name, value).await
}

#[tokio::test]
async fn times_at_the_ends_of_the_calendar_are_compared_and_overflow_nothing() {
    let (first, last) = (DateTime::<Utc>::MIN_UTC.timestamp(), DateTime::<Utc>::MAX_UTC.timestamp());
    assert!(verify("exp", json!(last)).await.is_ok());
    assert_eq!(verify("exp", json!(0)).await, Err(TokenError::Expired));
    assert!(verify("nbf", json!(first)).await.is_ok());
    assert_eq!(verify("nbf", json!(last)).await, Err(TokenError::NotYetValid));
    assert_eq!(verify("exp", json!(i64::MAX)).await, Err(TokenError::MissingClaim("exp")));
}

#[tokio::test]
async fn a_sign_in_that_is_still_to_come_is_none() {
    let told = async |seconds: i64| verify("auth_time", json!(seconds)).await.unwrap().authenticated_at;
    let now = now().timestamp();
    assert_eq!(told(now + 60).await.map(|at| at.timestamp()), Some(now + 60), "clocks differ a little");
    for later in [now + 61, now * 1000, DateTime::<Utc>::MAX_UTC.timestamp(), i64::MAX] {
        assert_eq!(told(later).await, None, "{later}");
    }
}

#[tokio::test]
async fn optional_claims_of_another_type_lock_nobody_out() {
    assert_eq!(verify("amr", json!("pwd")).await.unwrap().methods, ["pwd"]);
    assert!(verify("amr", Value::Null).await.unwrap().methods.is_empty());
    assert_eq!(verify("sid", json!(7)).await.unwrap().session_id, None);
    assert_eq!(verify("name", json!(["Olivia"])).await.unwrap().name, None);
    assert!(verify("email_verified", json!("true")).await.unwrap().verified_email.is_some());
}

#[tokio::test]
async fn an_odd_value_never_says_more_than_the_claim_would() {
    for no in [json!("false"), json!("TRUE"), json!(1), json!({})] {
        assert_eq!(verify("email_verified", no.clone()).await.unwrap().email, None, "{no}");
    }
    let silent = verify("email_verified", Value::Null).await.unwrap();
    assert!(silent.email.is_some() && silent.verified_email.is_none(), "{silent:?}");
    for no in [json!("true"), json!(1), json!([true]), Value::Null] {
        assert!(!verify("tollgate_staff", no.clone()).await.unwrap().is_platform_staff, "{no}");
    }
    assert!(verify("tollgate_staff", json!(true)).await.unwrap().is_platform_staff);
}

#[tokio::test]
async fn how_a_person_reads_is_told_in_names_that_there_are() {
    let locale = async |told: Value| verify("locale", told).await.unwrap().locale;
    for (told, read) in [("zh-hans-cn", "zh-Hans-CN"), ("en_GB", "en-GB"), ("de", "de")] {
        assert_eq!(locale(json!(told)).await.as_deref(), Some(read), "{told}");
    }
    let zone = async |told: Value| verify("zoneinfo", told).await.unwrap().time_zone;
    assert_eq!(zone(json!("Asia/Shanghai")).await.as_deref(), Some("Asia/Shanghai"));
    for odd in [json!(""), json!("xx"), json!("Mars/Olympus"), json!(["en"]), json!(7), Value::Null] {
        assert_eq!(locale(odd.clone()).await, None, "{odd}");
        assert_eq!(zone(odd.clone()).await, None, "{odd}");
    }
}

#[tokio::test]
async fn ids_and_lists_are_bounded() {
    assert_eq!(verify("sid", json!("s".repeat(256))).await.unwrap().session_id, None);
    assert_eq!(verify("sid", json!("s".repeat(255))).await.unwrap().session_id.unwrap().len(), 255);
    assert_eq!(verify("sub", json!("s".repeat(256))).await, Err(TokenError::MissingClaim("sub")));
    let many: Vec<String> = (0..500).map(|number| format!("m{number}")).collect();
    assert_eq!(verify("amr", json!(many)).await.unwrap().methods.len(), 16);
}

#[tokio::test]
async fn a_header_with_something_critical_is_refused() {
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["exp".to_owned()]);
    assert_eq!(verify_with(header, "name", json!("Olivia")).await, Err(TokenError::Malformed));
}

#[tokio::test]
async fn garbage_is_malformed_and_an_unknown_algorithm_is_unsupported() {
    // The first parts say: garbage; {"typ":"JWT"}; {"alg":5}; {"alg":"none"}; {"alg":"XX256"}.
    for (token, expected) in [
        ("Z2FyYmFnZQ.e30.AAAA", TokenError::Malformed),
        ("eyJ0eXAiOiJKV1QifQ.e30.AAAA", TokenError::Malformed),
        ("eyJhbGciOjV9.e30.AAAA", TokenError::Malformed),
        ("eyJhbGciOiJub25lIn0.e30.", TokenError::UnsupportedAlgorithm),
        ("eyJhbGciOiJYWDI1NiJ9.e30.AAAA", TokenError::UnsupportedAlgorithm),
    ] {
        assert_eq!(verifier().verify(token).await, Err(expected), "{token}");
    }
}
