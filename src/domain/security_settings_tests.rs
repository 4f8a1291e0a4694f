//! Tests of what bars somebody from an organization.

use serde_json::json;

use super::*;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::setting::Patch::{Clear, Set};

const ISSUER: &str = "https://id.acme.example";

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn session() -> Session {
    Session {
        issuer: ISSUER.to_owned(),
        methods: vec!["pwd".to_owned()],
        authenticated_at: Some(at(0)),
        address: "198.51.100.7".parse().ok(),
        ..Session::default()
    }
}

fn bar(security: SecuritySettings, session: &Session, now: DateTime<Utc>) -> Option<Bar> {
    Standing { security, ..Standing::default() }.bar(Role::Member, session, now)
}

#[test]
fn nobody_is_barred_where_nothing_is_asked() {
    assert_eq!(bar(SecuritySettings::default(), &Session::default(), at(0)), None);
}

#[test]
fn addresses_are_looked_up_in_networks_however_they_are_written() {
    let security = SecuritySettings {
        allowed_addresses: ["198.51.100.0/24", "2001:db8::/32", "::ffff:203.0.113.0/120"]
            .map(str::to_owned)
            .to_vec(),
        ..SecuritySettings::default()
    };
    for (address, expected) in [
        (Some("198.51.100.200"), None),
        (Some("::ffff:198.51.100.200"), None),
        (Some("2001:db8::1"), None),
        (Some("203.0.113.9"), None),
        (Some("198.51.101.1"), Some(Bar::IpAddressNotAllowed)),
        (None, Some(Bar::IpAddressNotAllowed)),
    ] {
        let address = address.map(|it| it.parse().unwrap());
        assert_eq!(bar(security.clone(), &Session { address, ..session() }, at(1)), expected, "{address:?}");
    }
    let unreadable =
        SecuritySettings { allowed_addresses: vec!["x".to_owned()], ..SecuritySettings::default() };
    assert_eq!(bar(unreadable, &session(), at(1)), Some(Bar::IpAddressNotAllowed));
}

#[test]
fn single_sign_on_is_by_issuer_and_connection_and_owners_may_be_let_in() {
    let provider = |issuer: &str, connection: Option<&str>| SsoProvider {
        issuer: issuer.to_owned(),
        connection: connection.map(str::to_owned),
    };
    let with = |providers| SecuritySettings {
        sso_required: true,
        sso_providers: providers,
        ..SecuritySettings::default()
    };
    assert_eq!(bar(with(vec![provider(ISSUER, None)]), &session(), at(1)), None);
    let elsewhere = with(vec![provider("https://other.example", None)]);
    assert_eq!(bar(elsewhere.clone(), &session(), at(1)), Some(Bar::SsoRequired));
    let by_connection = with(vec![provider(ISSUER, Some("okta"))]);
    assert_eq!(bar(by_connection.clone(), &session(), at(1)), Some(Bar::SsoRequired));
    let connected = Session { connection: Some("okta".to_owned()), ..session() };
    assert_eq!(bar(by_connection, &connected, at(1)), None);
    let standing = Standing {
        security: SecuritySettings { sso_optional_for_owners: true, ..elsewhere },
        ..Standing::default()
    };
    assert_eq!(standing.bar(Role::Owner, &session(), at(1)), None);
    assert_eq!(standing.bar(Role::Admin, &session(), at(1)), Some(Bar::SsoRequired));
}

#[test]
fn a_session_lasts_so_long_and_may_be_idle_so_long() {
    let lifetime = SecuritySettings { session_lifetime_minutes: Some(60), ..SecuritySettings::default() };
    assert_eq!(bar(lifetime.clone(), &session(), at(59)), None);
    assert_eq!(bar(lifetime.clone(), &session(), at(60)), Some(Bar::SessionExpired));
    let untold = Session { authenticated_at: None, ..session() };
    assert_eq!(bar(lifetime.clone(), &untold, at(1)), Some(Bar::SessionTimeUnknown));

    let security = SecuritySettings { session_idle_minutes: Some(10), ..lifetime };
    let seen = |minute| Standing {
        security: security.clone(),
        last_seen_at: Some(at(minute)),
        ..Standing::default()
    };
    assert_eq!(seen(25).bar(Role::Member, &session(), at(34)), None);
    assert_eq!(seen(25).bar(Role::Member, &session(), at(35)), Some(Bar::SessionIdle));
    assert_eq!(bar(security.clone(), &session(), at(11)), Some(Bar::SessionIdle), "never seen since");
    assert_eq!(seen(25).lapses_at(&session()), Some(at(35)));
    assert_eq!(seen(55).lapses_at(&session()), Some(at(60)));
}

#[test]
fn times_at_the_ends_of_the_calendar_overflow_nothing() {
    let security = SecuritySettings {
        session_lifetime_minutes: Some(LONGEST_MINUTES),
        session_idle_minutes: Some(LONGEST_MINUTES),
        ..SecuritySettings::default()
    };
    for (authenticated_at, expected) in [
        (DateTime::<Utc>::MIN_UTC, Some(Bar::SessionExpired)),
        (DateTime::<Utc>::MAX_UTC, Some(Bar::SessionTimeUnknown)),
    ] {
        let session = Session { authenticated_at: Some(authenticated_at), ..session() };
        assert_eq!(bar(security.clone(), &session, at(0)), expected);
    }
}

#[test]
fn who_was_signed_out_must_sign_in_again() {
    let standing = Standing { revoked_at: Some(at(30)), ..Standing::default() };
    assert_eq!(standing.bar(Role::Owner, &session(), at(31)), Some(Bar::SessionRevoked));
    let renewed = session();
    assert_eq!(standing.bar(Role::Owner, &renewed, at(41)), Some(Bar::SessionRevoked), "the same sign-in");
    let again = Session { authenticated_at: Some(at(40)), ..session() };
    assert_eq!(standing.bar(Role::Owner, &again, at(41)), None);
}

#[test]
fn what_is_wrong_is_named_and_what_is_right_is_written_one_way() {
    let patch = SecuritySettingsPatch {
        allowed_addresses: Set(vec!["198.51.100.7".into(), "198.51.100.7/24".into()]),
        allowed_email_domains: Set(vec!["@ACME.example".into(), "acme".into()]),
        session_lifetime_minutes: Set(1),
        sso_providers: Set(vec![SsoProvider { issuer: "acme".into(), connection: None }]),
        key_policy: Set(KeyPolicyPatch { longest_life_days: Set(0), ..KeyPolicyPatch::default() }),
        ..SecuritySettingsPatch::default()
    };
    let wrong = SecuritySettings::default().patched(patch).unwrap_err();
    let paths: Vec<&str> = wrong.0.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "sessionLifetimeMinutes",
            "ssoProviders.0",
            "allowedAddresses.1",
            "allowedEmailDomains.1",
            "keyPolicy.longestLifeDays"
        ]
    );
    let right = SecuritySettings::default()
        .patched(SecuritySettingsPatch {
            allowed_addresses: Set(vec!["198.51.100.7".into(), " 198.51.100.7/32".into()]),
            key_policy: Set(KeyPolicyPatch {
                scopes: Set(vec![Permission::BillingRead]),
                ..KeyPolicyPatch::default()
            }),
            ..SecuritySettingsPatch::default()
        })
        .unwrap();
    assert_eq!(right.allowed_addresses, ["198.51.100.7/32"]);
    assert_eq!(right.key_policy.bounds().to_string(), "organization:read, billing:read");
    let document = serde_json::to_value(&right).unwrap();
    assert_eq!(SecuritySettings::read(&document).unwrap(), right);
    let open = right.patched(SecuritySettingsPatch { key_policy: Clear, ..Default::default() }).unwrap();
    assert_eq!(open.key_policy, KeyPolicy::default());
}

#[test]
fn a_document_that_cannot_be_read_is_not_nothing() {
    assert!(SecuritySettings::read(&json!({ "mfaRequired": "perhaps" })).is_err());
    let closed = Standing { security: SecuritySettings::closed(), ..Standing::default() };
    assert_eq!(closed.bar(Role::Owner, &session(), at(1)), Some(Bar::SsoRequired));
    assert_eq!(SecuritySettings::read(&json!({})).unwrap(), SecuritySettings::default());
    let known =
        SecuritySettings::read(&json!({ "allowedEmailDomains": ["acme.example"], "later": 1 })).unwrap();
    assert!(known.admits_domain("ACME.example") && !known.admits_domain("evil.example"));
}

#[test]
fn keys_live_as_long_and_come_from_where_the_policy_says() {
    let key = |networks: &[&str]| ApiKey {
        id: crate::domain::ids::ApiKeyId(uuid::Uuid::nil()),
        organization_id: crate::domain::ids::OrganizationId(uuid::Uuid::nil()),
        user_id: crate::domain::ids::UserId(uuid::Uuid::nil()),
        name: String::new(),
        prefix: String::new(),
        scopes: Permissions::NONE,
        allowed_addresses: networks.iter().map(|it| it.parse().unwrap()).collect(),
        previous_until: None,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    };
    let with = |key_policy| SecuritySettings { key_policy, ..SecuritySettings::default() };
    let none = with(KeyPolicy { allowed: false, ..KeyPolicy::default() });
    assert_eq!(none.key_bar(&key(&[]), None, at(0)), Some(Bar::ApiKeyNotAllowed));
    let day = with(KeyPolicy { longest_life_days: Some(1), ..KeyPolicy::default() });
    assert_eq!(day.key_bar(&key(&[]), None, at(1_439)), None);
    assert_eq!(day.key_bar(&key(&[]), None, at(1_440)), Some(Bar::ApiKeyTooOld));
    let bound = with(KeyPolicy { addresses_required: true, ..KeyPolicy::default() });
    assert_eq!(bound.key_bar(&key(&[]), None, at(0)), Some(Bar::ApiKeyAddressesRequired));
    assert_eq!(bound.key_bar(&key(&["198.51.100.0/24"]), None, at(0)), None);
}
