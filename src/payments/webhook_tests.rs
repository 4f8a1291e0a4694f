use chrono::TimeDelta;

use super::*;

const BODY: &[u8] = br#"{"id":"evt_1","type":"invoice.paid","created":1790000000,"livemode":false,
 "api_version":"2026-09-30.endive","data":{"object":{"id":"in_1","object":"invoice"}}}"#;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn verifier(secrets: &[&str]) -> WebhookVerifier {
    WebhookVerifier::new(
        secrets.iter().map(|secret| (*secret).to_owned().into()).collect(),
        Duration::from_secs(300),
    )
}

#[test]
fn a_signature_by_any_of_our_secrets_is_believed() {
    let verifier = verifier(&["whsec_old", "whsec_new"]);
    for secret in ["whsec_old", "whsec_new"] {
        assert_eq!(verifier.verify(BODY, &sign(BODY, secret, now()), now()), Ok(()));
    }
    // During a rotation Stripe signs with both.
    let both = format!("{},v1={}", sign(BODY, "whsec_gone", now()), &sign(BODY, "whsec_new", now())[16..]);
    assert_eq!(verifier.verify(BODY, &both, now()), Ok(()));
}

#[test]
fn a_forged_or_changed_body_is_not() {
    let verifier = verifier(&["whsec_a"]);
    let header = sign(BODY, "whsec_a", now());
    assert_eq!(verifier.verify(BODY, &sign(BODY, "whsec_b", now()), now()), Err(SignatureError::Mismatch));
    let reserialised =
        serde_json::to_vec(&serde_json::from_slice::<serde_json::Value>(BODY).unwrap()).unwrap();
    assert_eq!(verifier.verify(&reserialised, &header, now()), Err(SignatureError::Mismatch));
    let mut changed = BODY.to_vec();
    changed[10] ^= 1;
    assert_eq!(verifier.verify(&changed, &header, now()), Err(SignatureError::Mismatch));
}

#[test]
fn without_a_secret_nothing_is_believed() {
    for secrets in [&[][..], &[""][..]] {
        let verifier = verifier(secrets);
        assert_eq!(verifier.verify(BODY, &sign(BODY, "", now()), now()), Err(SignatureError::Mismatch));
    }
}

#[test]
fn clocks_may_differ_by_five_minutes_either_way() {
    let verifier = verifier(&["whsec_a"]);
    let header = sign(BODY, "whsec_a", now());
    for (skew, expected) in [
        (300, Ok(())),
        (301, Err(SignatureError::TooOld)),
        (-300, Ok(())),
        (-301, Err(SignatureError::TooNew)),
    ] {
        assert_eq!(verifier.verify(BODY, &header, now() + TimeDelta::seconds(skew)), expected, "{skew}");
    }
}

#[test]
fn what_is_no_signature_header_is_told_apart() {
    let verifier = verifier(&["whsec_a"]);
    assert_eq!(verifier.verify(BODY, "", now()), Err(SignatureError::MissingHeader));
    for header in ["v1=00", "t=1790000000", "t=soon,v1=00", "t=1790000000,v1=xyz", "garbage"] {
        assert_eq!(verifier.verify(BODY, header, now()), Err(SignatureError::MalformedHeader), "{header}");
    }
}

#[test]
fn an_envelope_is_read_whatever_the_type_and_version() {
    let event = parse_envelope(BODY).unwrap();
    assert_eq!((event.event_id.as_str(), event.event_type.as_str()), ("evt_1", "invoice.paid"));
    assert_eq!(event.object_id.as_deref(), Some("in_1"));
    let old = br#"{"id":"evt_2","type":"made.up","created":1,"livemode":true,"account":"acct_1","data":{"object":{}}}"#;
    let event = parse_envelope(old).unwrap();
    assert_eq!((event.account.as_str(), event.livemode, event.object_id), ("acct_1", true, None));
    assert!(parse_envelope(b"{}").is_err() && parse_envelope(b"\xff\xfe").is_err());
}
