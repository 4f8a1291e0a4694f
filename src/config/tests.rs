use super::*;

fn read(values: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::read(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn named(result: Result<Config, ConfigErrors>) -> Vec<&'static str> {
    result.expect_err("it is refused").0.into_iter().map(|problem| problem.name).collect()
}

const SECRET: &str = "4f1d2c9be07a48c3b6e5d8a1907f23c4b5a6978877665544aabbccddeeff0011";

const KEYS: &str = "2026-11:nB8E56g9W2LwyX4RikbTtS72cFyLka00B+JfyGsQ2Xo=";

fn production<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut values = vec![
        ("TOLLGATE_ENV", "production"),
        ("STRIPE_SECRET_KEY", "sk_live_abc"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_0123456789abcdef0123456789"),
        ("TOLLGATE_JWT_SECRET", SECRET),
        ("TOLLGATE_JWT_ISSUER", "https://id.example"),
        ("TOLLGATE_JWT_AUDIENCE", "billing"),
        ("TOLLGATE_ENCRYPTION_KEYS", KEYS),
        ("TOLLGATE_SMTP_URL", "smtps://tollgate:hunter2@mail.example"),
        ("TOLLGATE_MAIL_FROM", "Billing <billing@example.com>"),
    ];
    for (name, value) in changes {
        values.retain(|(kept, _)| kept != name);
        if !value.is_empty() {
            values.push((name, value));
        }
    }
    values
}

#[test]
fn nothing_configured_is_development_on_sqlite_and_the_sandbox() {
    let config = read(&[]).unwrap();
    assert_eq!(config.mode, Mode::Development);
    assert!(config.uses_sqlite() && config.uses_sandbox() && config.demo_data && config.migrate);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert!(config.warnings.is_empty());
}

#[test]
fn a_request_to_stripe_that_outlasts_the_callers_patience_is_a_problem() {
    for fit in [
        &[][..],
        &[("STRIPE_TIMEOUT_SECONDS", "44")],
        &[("STRIPE_TIMEOUT_SECONDS", "110"), ("TOLLGATE_OPERATION_TIMEOUT_SECONDS", "150")],
    ] {
        assert!(read(fit).is_ok(), "{fit:?}");
    }
    for unfit in [
        &[("STRIPE_TIMEOUT_SECONDS", "45")][..],
        &[("TOLLGATE_OPERATION_TIMEOUT_SECONDS", "40")],
        &[("STRIPE_TIMEOUT_SECONDS", "110"), ("TOLLGATE_OPERATION_TIMEOUT_SECONDS", "110")],
    ] {
        assert_eq!(named(read(unfit)), ["STRIPE_TIMEOUT_SECONDS"], "{unfit:?}");
    }
}

#[test]
fn production_starts_on_what_is_fit_for_it() {
    let config = read(&production(&[])).unwrap();
    assert!(!config.demo_data && !config.migrate && !config.http.introspection && !config.http.graphiql);
}

#[test]
fn proxies_are_addresses_or_networks_of_them() {
    let config = read(&[("TOLLGATE_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,2001:db8::/32")]).unwrap();
    let written: Vec<String> = config.http.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(written, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]);
    for wrong in ["proxy.example", "10.0.0.1/8", "10.0.0.0/33"] {
        assert_eq!(
            named(read(&[("TOLLGATE_TRUSTED_PROXIES", wrong)])),
            ["TOLLGATE_TRUSTED_PROXIES"],
            "{wrong}"
        );
    }
}

#[test]
fn production_names_each_thing_that_it_refuses() {
    let cases: [(&[(&str, &str)], &str); 17] = [
        (&[("STRIPE_SECRET_KEY", "")], "STRIPE_SECRET_KEY"),
        (&[("STRIPE_SECRET_KEY", "sk_test_abc")], "STRIPE_SECRET_KEY"),
        (&[("STRIPE_WEBHOOK_SECRETS", "")], "STRIPE_WEBHOOK_SECRETS"),
        (
            &[(
                "STRIPE_WEBHOOK_SECRETS",
                "whsec_0123456789abcdef0123456789,whsec_tollgate_sandbox_signs_with_this",
            )],
            "STRIPE_WEBHOOK_SECRETS",
        ),
        (
            &[("STRIPE_SECRET_KEY", "sk_test_tollgate_sandbox"), ("TOLLGATE_ALLOW_TEST_STRIPE", "on")],
            "STRIPE_SECRET_KEY",
        ),
        (&[("STRIPE_API_BASE", "http://127.0.0.1:12111")], "STRIPE_API_BASE"),
        (&[("TOLLGATE_JWT_SECRET", DEVELOPMENT_SECRET)], "TOLLGATE_JWT_SECRET"),
        (&[("TOLLGATE_JWT_SECRET", "short")], "TOLLGATE_JWT_SECRET"),
        (&[("TOLLGATE_JWT_SECRET", "passwordpasswordpasswordpassword")], "TOLLGATE_JWT_SECRET"),
        (&[("TOLLGATE_JWT_SECRET", "passwordpasswordpasswordpassword12345678")], "TOLLGATE_JWT_SECRET"),
        (&[("TOLLGATE_JWT_SECRET", "abcdefghijklmnopqrstuvwxyz0123456789")], "TOLLGATE_JWT_SECRET"),
        (&[("TOLLGATE_JWT_SECRET", "")], "TOLLGATE_JWKS_URL"),
        (&[("TOLLGATE_JWT_ISSUER", "")], "TOLLGATE_JWT_ISSUER"),
        (&[("TOLLGATE_ENCRYPTION_KEYS", "")], "TOLLGATE_ENCRYPTION_KEYS"),
        (
            &[("TOLLGATE_ENCRYPTION_KEYS", "mine:Ym9ndXMga2V5IG9mIDMyIGJ5dGVzIGZvciB0ZXN0cyE=")],
            "TOLLGATE_ENCRYPTION_KEYS",
        ),
        (
            &[("TOLLGATE_ENCRYPTION_KEYS", "mine:dG9sbGdhdGUgZGV2ZWxvcG1lbnQsIG5vIHNlY3JldCE=")],
            "TOLLGATE_ENCRYPTION_KEYS",
        ),
        (&[("TOLLGATE_JWT_AUDIENCE", "")], "TOLLGATE_JWT_AUDIENCE"),
    ];
    for (change, name) in cases {
        assert_eq!(named(read(&production(change))), [name], "{change:?}");
    }
    assert!(
        read(&production(&[("STRIPE_SECRET_KEY", "sk_test_a"), ("TOLLGATE_ALLOW_TEST_STRIPE", "on")]))
            .is_ok()
    );
}

#[test]
fn all_problems_are_told_at_once_and_no_secret_is() {
    let problems = read(&[
        ("TOLLGATE_LISTEN", "everywhere"),
        ("STRIPE_SECRET_KEY", "hunter2-is-no-key"),
        ("TOLLGATE_MAX_DEPTH", "-1"),
        ("TOLLGATE_MIGRATE", "perhaps"),
    ])
    .unwrap_err();
    let names: Vec<_> = problems.0.iter().map(|problem| problem.name).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(!problems.to_string().contains("hunter2"));
    assert!(!format!("{:?}", read(&production(&[])).unwrap()).contains(SECRET));
}

#[test]
fn an_unknown_name_is_warned_about_with_the_nearest_that_is_known() {
    let config = read(&[("TOLLGATE_LISTN", "x"), ("STRIPE_WEBHOOK_SECRET", "y"), ("PATH", "z")]).unwrap();
    assert_eq!(
        config.warnings,
        [
            "STRIPE_WEBHOOK_SECRET is no setting of Tollgate's. Was STRIPE_WEBHOOK_SECRETS meant?",
            "TOLLGATE_LISTN is no setting of Tollgate's. Was TOLLGATE_LISTEN meant?"
        ]
    );
}

#[test]
fn keys_of_two_modes_do_not_mix() {
    let mixed = read(&[("STRIPE_SECRET_KEY", "sk_test_a"), ("STRIPE_PUBLISHABLE_KEY", "pk_live_b")]);
    assert_eq!(named(mixed), ["STRIPE_PUBLISHABLE_KEY"]);
}

#[test]
fn the_demo_is_not_put_into_a_real_stripe_account() {
    assert!(!read(&[("STRIPE_SECRET_KEY", "sk_test_a")]).unwrap().demo_data);
    let forced = read(&[("STRIPE_SECRET_KEY", "sk_test_a"), ("TOLLGATE_DEMO_DATA", "on")]);
    assert_eq!(named(forced), ["TOLLGATE_DEMO_DATA"]);
}

#[test]
fn the_readme_shows_the_table_that_the_code_prints() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&reference_markdown()), "replace the table by that of `tollgate settings`");
}

#[test]
fn random_secrets_are_strong_enough_however_they_are_written() {
    for secret in [
        SECRET,
        "vJ2o4yQ0Yc2T9mR1b7nUeKX8sZdLhFgPwAiV3xO6B5E=",
        "wq0a8m3k5t7c1z9x2v4b6n8l0p1o3i5u",
        "018f3c5d7e9ab2461357acef02468bdf",
    ] {
        assert!(read(&production(&[("TOLLGATE_JWT_SECRET", secret)])).is_ok(), "{secret}");
    }
}

#[test]
fn a_live_key_is_not_used_with_the_secret_that_everyone_knows() {
    for key in ["sk_live_abc", "rk_live_abc"] {
        let refused = read(&[("STRIPE_SECRET_KEY", key)]).expect_err(key);
        assert_eq!(refused.0.len(), 1, "{refused}");
        assert_eq!(refused.0[0].name, "TOLLGATE_JWT_SECRET");
        assert!(refused.to_string().contains("openssl rand"), "{refused}");
        assert!(read(&[("STRIPE_SECRET_KEY", key), ("TOLLGATE_JWT_SECRET", SECRET)]).is_ok());
    }
    assert!(read(&[("STRIPE_SECRET_KEY", "rk_test_abc")]).is_ok());
}

#[test]
fn a_short_secret_key_is_a_problem_and_no_panic() {
    for key in ["x", "sé"] {
        let refused = read(&[("STRIPE_SECRET_KEY", key), ("STRIPE_PUBLISHABLE_KEY", "pk_test_a")]);
        assert_eq!(named(refused), ["STRIPE_SECRET_KEY"]);
    }
}

#[test]
fn one_issuer_does_not_sign_in_two_ways() {
    let twice =
        [("TOLLGATE_JWKS_URL", "https://id.example/jwks"), ("TOLLGATE_JWKS_ISSUER", "https://id.example")];
    assert_eq!(named(read(&production(&twice))), ["TOLLGATE_JWKS_ISSUER"]);
}

#[test]
fn keys_are_fetched_over_https_or_from_this_machine() {
    for (address, is_accepted) in [
        ("https://keys.example/jwks", true),
        ("http://127.0.0.1:9/jwks", true),
        ("http://keys.example/jwks", false),
        ("https://user:hunter2@keys.example/jwks", false),
    ] {
        let made = read(&production(&[
            ("TOLLGATE_JWKS_URL", address),
            ("TOLLGATE_JWKS_ISSUER", "https://keys.example"),
        ]));
        if is_accepted {
            assert!(made.is_ok(), "{address}");
        } else {
            let problems = made.expect_err(address);
            assert_eq!(problems.0[0].name, "TOLLGATE_JWKS_URL");
            assert!(!problems.to_string().contains("hunter2"));
        }
    }
}

#[test]
fn production_talks_to_stripe_over_https_and_to_another_machine() {
    for base in [
        "http://stripe.internal",
        "https://0.0.0.0:1",
        "https://[::ffff:127.0.0.1]/",
        "https://sandbox.localhost",
        "https://user:hunter2@proxy.example",
    ] {
        let problems = read(&production(&[("STRIPE_API_BASE", base)])).expect_err(base);
        assert_eq!(problems.0[0].name, "STRIPE_API_BASE", "{base}");
        assert!(!problems.to_string().contains("hunter2"));
    }
    assert!(read(&production(&[("STRIPE_API_BASE", "https://proxy.example")])).is_ok());
}

#[test]
fn a_log_filter_that_cannot_be_read_is_a_problem() {
    assert_eq!(named(read(&[("TOLLGATE_LOG", "tollgate=loud")])), ["TOLLGATE_LOG"]);
    assert!(read(&[("TOLLGATE_LOG", "info,tollgate=debug")]).is_ok());
}

#[test]
fn what_works_and_is_worth_a_look_is_warned_about() {
    let postgres = ("DATABASE_URL", "postgres://db.example/tollgate");
    assert!(read(&production(&[postgres])).unwrap().warnings.is_empty());
    for (values, name) in [
        (production(&[]), "DATABASE_URL:"),
        (
            production(&[postgres, ("TOLLGATE_SMTP_URL", ""), ("TOLLGATE_MAIL_FROM", "")]),
            "TOLLGATE_SMTP_URL:",
        ),
        (vec![("TOLLGATE_LISTEN", "0.0.0.0:8080")], "TOLLGATE_LISTEN:"),
        (
            production(&[postgres, ("TOLLGATE_STAFF_ISSUERS", "https://typo.example")]),
            "TOLLGATE_STAFF_ISSUERS:",
        ),
    ] {
        let warnings = read(&values).unwrap().warnings;
        assert!(warnings.len() == 1 && warnings[0].starts_with(name), "{warnings:?}");
    }
}

#[test]
fn people_are_sent_back_to_allowed_addresses_alone() {
    assert!(read(&[]).unwrap().stripe.return_urls.allow("http://localhost:3000/billing"));
    let none = read(&production(&[])).unwrap().stripe.return_urls;
    assert!(none.is_empty());
    let set = production(&[("TOLLGATE_RETURN_URLS", "https://app.example.com, https://other.example.com/a")]);
    let allowed = read(&set).unwrap().stripe.return_urls;
    assert!(allowed.allow("https://other.example.com/a/b") && !allowed.allow("https://other.example.com/b"));
    let wrong = production(&[("TOLLGATE_RETURN_URLS", "http://app.example.com")]);
    assert_eq!(named(read(&wrong)), ["TOLLGATE_RETURN_URLS"]);
}

#[test]
fn keys_and_mail_servers_that_cannot_be_used_are_problems_and_are_not_told() {
    let cases: [(&[(&str, &str)], &str); 10] = [
        (&[("TOLLGATE_ENCRYPTION_KEYS", "hunter2")], "TOLLGATE_ENCRYPTION_KEYS"),
        (&[("TOLLGATE_ENCRYPTION_KEYS", "a:hunter2")], "TOLLGATE_ENCRYPTION_KEYS"),
        (&[("TOLLGATE_SMTP_URL", "https://mail.example")], "TOLLGATE_SMTP_URL"),
        (&[("TOLLGATE_SMTP_URL", "smtp://me:hunter2@mail.example")], "TOLLGATE_SMTP_URL"),
        (&[("TOLLGATE_SMTP_URL", "smtp://me:hunter2@mail.example?tls=opportunistic")], "TOLLGATE_SMTP_URL"),
        (&[("TOLLGATE_SMTP_URL", "smtps://mail.example?tls=none")], "TOLLGATE_SMTP_URL"),
        (&[("TOLLGATE_MAIL_FROM", "nobody in particular")], "TOLLGATE_MAIL_FROM"),
        (&[("TOLLGATE_APP_URL", "http://app.example.com")], "TOLLGATE_APP_URL"),
        (&[("TOLLGATE_MAIL_FROM", "")], "TOLLGATE_MAIL_FROM"),
        (&[("TOLLGATE_WEBHOOKS_TO_THIS_MACHINE", "on")], "TOLLGATE_WEBHOOKS_TO_THIS_MACHINE"),
    ];
    for (change, name) in cases {
        let problems = read(&production(change)).expect_err(name);
        assert_eq!(problems.0.iter().map(|problem| problem.name).collect::<Vec<_>>(), [name], "{change:?}");
        assert!(!problems.to_string().contains("hunter2"), "{problems}");
    }
    for url in [
        "smtp://127.0.0.1:1025",
        "smtp://me:hunter2@127.0.0.1:1025",
        "smtp://me:hunter2@mail.example:587?tls=required",
        "smtp://mail.internal:25",
    ] {
        assert!(read(&production(&[("TOLLGATE_SMTP_URL", url)])).is_ok(), "{url}");
    }
}
