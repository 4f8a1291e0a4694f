use chrono::TimeZone;

use super::*;
use crate::domain::access::AccessLevel;
use crate::domain::billing_policy::ReminderKind;
use crate::domain::ids::{
    ApiKeyId, DisputeId, InvitationId, InvoiceId, MembershipId, PaymentId, PaymentMethodId, RoleId,
    SubscriptionId, UsageNoticeId, WebhookEndpointId,
};
use crate::domain::membership::Role;
use crate::domain::money::Currency;
use crate::domain::notification::RoleStep;
use crate::domain::notification_event::NotificationEvent;
use crate::domain::usage_alert::{UsageNoticeKind, UsageReading};

fn at() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 27, 17, 5, 0).unwrap()
}

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

fn reader(locale: &str, time_zone: &str) -> Reader {
    Reader { locale: locale.to_owned(), time_zone: time_zone.to_owned() }
}

fn paid(amount: Money) -> Fact {
    Fact::InvoicePaid {
        invoice_id: InvoiceId(Uuid::from_u128(7)),
        number: Some("A-1".to_owned()),
        amount,
        paid_at: at(),
    }
}

fn invitation() -> Fact {
    Fact::Invitation {
        invitation_id: InvitationId(Uuid::from_u128(3)),
        version: 1,
        email: "peter@example.com".to_owned(),
        invited_by: "Olivia".to_owned(),
        expires_at: at(),
    }
}

fn usage_alert(notice: UsageNoticeKind, threshold: Threshold, is_known: bool) -> Fact {
    Fact::UsageAlert {
        usage_notice_id: UsageNoticeId(Uuid::from_u128(5)),
        meter: "api_calls".to_owned(),
        unit: "call".to_owned(),
        threshold,
        notice,
        period_start: at(),
        reading: UsageReading {
            period_start: at(),
            usage: "1234567.5".parse().unwrap(),
            limit: is_known.then(|| 1_000_000_u32.into()),
            spend: is_known.then(|| usd(4_691)),
        },
    }
}

#[test]
fn an_alert_says_how_much_was_used_of_what_and_what_it_costs() {
    let fact = usage_alert(UsageNoticeKind::Reached, Threshold::Percent(80), true);
    let english = told(&fact, "en-US", "UTC");
    assert_eq!(english.title, "Acme has reached 80% of its api_calls");
    let said = "shows 1,234,567.5 call, of 1,000,000 that are included, which come to USD 46.91 so far.";
    assert!(english.body.contains(said), "{}", english.body);
    let spend = usage_alert(UsageNoticeKind::Recovered, Threshold::Spend(usd(5_000)), false);
    assert_eq!(told(&spend, "en-US", "UTC").title, "Acme is below USD 50.00 of spending on api_calls again");
    assert!(told(&spend, "en-US", "UTC").body.contains("shows 1,234,567.5 call."));
    let chinese = told(&fact, "zh-CN", "Asia/Shanghai");
    assert_eq!(chinese.title, "Acme 的 api_calls 用量已达到额度的 80%");
    assert!(
        chinese.body.contains("用量为 1,234,567.5 call，套餐包含 1,000,000，目前费用为 USD 46.91。"),
        "{}",
        chinese.body
    );
}

fn role_changed(role: Role, role_name: Option<String>) -> Fact {
    let membership_id = MembershipId(Uuid::from_u128(9));
    Fact::MemberRoleChanged { membership_id, version: 2, name: "Peter".to_owned(), role, role_name }
}

fn role_step(step: RoleStep) -> Fact {
    Fact::RoleChanged { role_id: RoleId(Uuid::from_u128(9)), version: 2, name: "Support".to_owned(), step }
}

fn disputed(is_inquiry: bool, reason: &str, evidence_due_by: Option<DateTime<Utc>>) -> Fact {
    Fact::DisputeOpened {
        dispute_id: DisputeId(Uuid::from_u128(9)),
        is_inquiry,
        amount: usd(2900),
        reason: reason.to_owned(),
        evidence_due_by,
    }
}

#[test]
fn an_inquiry_is_no_dispute_and_reasons_are_told_in_the_readers_words() {
    let text = |is_inquiry, reason, locale| {
        let text = told(&disputed(is_inquiry, reason, Some(at())), locale, "UTC");
        (text.title, text.body)
    };
    let (title, body) = text(false, "fraudulent", "en");
    assert_eq!(title, "A payment of USD 29.00 is disputed");
    assert!(
        body.contains("has taken it back. The reason given: the cardholder did not authorise it."),
        "{body}"
    );
    let (title, body) = text(true, "fraudulent", "en");
    assert_eq!(title, "The bank asks about a payment of USD 29.00");
    assert!(body.contains("No money was taken") && !body.contains("disputes"), "{body}");
    assert!(text(true, "fraudulent", "zh-CN").1.contains("款项尚未扣回"));
    // Every reason that Stripe documents, and one that it may think of: none is told in Stripe's word.
    let mut bodies = std::collections::BTreeSet::new();
    for reason in [
        "bank_cannot_process",
        "check_returned",
        "credit_not_processed",
        "customer_initiated",
        "debit_not_authorized",
        "duplicate",
        "fraudulent",
        "general",
        "incorrect_account_details",
        "insufficient_funds",
        "noncompliant",
        "product_not_received",
        "product_unacceptable",
        "subscription_canceled",
        "unrecognized",
    ] {
        let (_, chinese) = text(false, reason, "zh-CN");
        assert!(!chinese.contains(reason), "{chinese}");
        assert!(bodies.insert(chinese), "{reason} is told as another one is");
    }
    assert!(bodies.contains(&text(false, "of_tomorrow", "zh-CN").1));
}

#[test]
fn a_role_is_called_what_its_organization_calls_it() {
    let body = |fact: &Fact, locale| {
        let reader = reader(locale, "UTC");
        let id = OrganizationId(Uuid::from_u128(1));
        let telling =
            Telling { fact, organization_id: id, organization: "Acme", secret: None, reader: &reader };
        Renderer::default().tell(telling).body
    };
    let own = role_changed(Role::Custom, Some("Bookkeeper".to_owned()));
    assert!(body(&own, "en").starts_with("Peter is “Bookkeeper” of Acme now."), "{}", body(&own, "en"));
    assert!(body(&role_changed(Role::Auditor, None), "en").starts_with("Peter is an auditor of Acme now."));
    assert!(body(&role_changed(Role::Auditor, None), "zh-CN").contains("审计员"));
}

fn every_fact() -> Vec<Fact> {
    let (id, name) = (Uuid::from_u128(9), "Deploys".to_owned());
    let subscription_id = SubscriptionId(id);
    let canceled = |has_ended| Fact::SubscriptionCanceled {
        subscription_id,
        ends_at: at(),
        has_ended,
        changed_at: at(),
    };
    let dunning = |reminder, access, after_days| Fact::DunningReminder {
        subscription_id,
        stripe_invoice_id: "in_1".to_owned(),
        after_days,
        reminder,
        access,
    };
    let failed = |next_attempt_at| Fact::InvoicePaymentFailed {
        invoice_id: InvoiceId(id),
        number: Some("A-1".to_owned()),
        amount: usd(2900),
        attempt: "ch_1".to_owned(),
        next_attempt_at,
    };
    let mut facts = vec![
        Fact::TrialEnding { subscription_id, trial_end: at() },
        Fact::CardExpiring {
            payment_method_id: PaymentMethodId(id),
            summary: "visa •••• 4242".to_owned(),
            expires_at: at(),
        },
        paid(usd(2900)),
        failed(Some(at())),
        failed(None),
        Fact::PaymentRequiresAction { payment_id: PaymentId(id), amount: usd(2900), asked_at: at() },
        Fact::SubscriptionChanged { subscription_id, plan: "Pro".to_owned(), quantity: 3, changed_at: at() },
        canceled(true),
        canceled(false),
        disputed(false, "fraudulent", Some(at())),
        disputed(true, "unrecognized", None),
        Fact::MemberJoined { membership_id: MembershipId(id), name: name.clone() },
        Fact::MemberRemoved { membership_id: MembershipId(id), name: name.clone() },
        role_changed(Role::Admin, None),
        role_changed(Role::Custom, Some("Bookkeeper".to_owned())),
        invitation(),
        Fact::MemberSuspended { membership_id: MembershipId(id), version: 2, name: name.clone() },
        Fact::MemberReinstated { membership_id: MembershipId(id), version: 3, name: name.clone() },
        role_step(RoleStep::Created),
        role_step(RoleStep::Updated),
        role_step(RoleStep::Deleted),
        Fact::ApiKeyCreated { api_key_id: ApiKeyId(id), name: name.clone(), prefix: "tgk_abcdef".to_owned() },
        Fact::ApiKeyExpiring {
            api_key_id: ApiKeyId(id),
            name,
            prefix: "tgk_abcdef".to_owned(),
            expires_at: at(),
        },
        Fact::SecuritySettingsChanged { version: 2 },
        Fact::WebhookEndpointFailing {
            webhook_endpoint_id: WebhookEndpointId(id),
            url: "https://hooks.example.com/".to_owned(),
            since: at(),
            disabled_at: at(),
        },
        Fact::WebhookEndpointDisabled {
            webhook_endpoint_id: WebhookEndpointId(id),
            url: "https://hooks.example.com/".to_owned(),
            since: at(),
        },
        Fact::WebhookEndpointOrphaned {
            webhook_endpoint_id: WebhookEndpointId(id),
            url: "https://hooks.example.com/".to_owned(),
            since: at(),
        },
    ];
    for &notice in UsageNoticeKind::ALL {
        let thresholds =
            [Threshold::Units(1_000_u32.into()), Threshold::Percent(80), Threshold::Spend(usd(5_000))];
        for threshold in thresholds {
            facts.extend([usage_alert(notice, threshold, true), usage_alert(notice, threshold, false)]);
        }
    }
    for &reminder in ReminderKind::ALL {
        for &access in AccessLevel::ALL {
            facts.extend([0, 1, 9].map(|days| dunning(reminder, access, days)));
        }
    }
    facts
}

fn told(fact: &Fact, locale: &str, time_zone: &str) -> Text {
    let renderer = Renderer::new(Some("https://app.example.com/".parse().unwrap()));
    renderer.tell(Telling {
        fact,
        organization_id: OrganizationId(Uuid::from_u128(1)),
        organization: "Acme",
        secret: matches!(fact, Fact::Invitation { .. }).then_some("tgi_secret"),
        reader: &reader(locale, time_zone),
    })
}

#[test]
fn every_fact_has_whole_texts_in_both_languages() {
    let facts = every_fact();
    for &event in NotificationEvent::ALL {
        assert!(facts.iter().any(|fact| fact.event() == Some(event)), "{event}");
    }
    for fact in facts {
        let texts = ["en-US", "zh-CN"].map(|locale| told(&fact, locale, "UTC"));
        for text in &texts {
            let all = format!("{}\n{}\n{:?}\n{}", text.title, text.body, text.action, text.footer);
            assert!(!all.contains(['{', '}']) && !all.contains('$'), "{all}");
            assert!(!text.title.contains('\n') && text.title.chars().count() < 120, "{}", text.title);
            assert!(text.body.chars().count() > 10 && text.action.is_some(), "{all}");
            // A text that is missing is told by its name.
            let id = fact.word().replace('_', "-");
            assert!(text.title != id && text.body != id, "{id}");
        }
        assert_eq!((texts[0].language, texts[1].language), ("en", "zh"));
        assert_ne!(texts[0].title, texts[1].title);
        assert_ne!(texts[0].body, texts[1].body);
    }
}

#[test]
fn amounts_have_the_places_of_their_currency_and_the_marks_of_their_reader() {
    let kwd = Money::new(1_234_500, Currency::parse("KWD").unwrap());
    let jpy = Money::new(1_234_567, Currency::parse("JPY").unwrap());
    for (locale, amount, expected) in [
        ("en-US", usd(123_450), "USD 1,234.50"),
        ("zh-CN", usd(123_450), "USD 1,234.50"),
        ("en-US", usd(5), "USD 0.05"),
        ("en-US", jpy, "JPY 1,234,567"),
        ("en-IN", jpy, "JPY 12,34,567"),
        ("zh", kwd, "KWD 1,234.500"),
        ("en-US", usd(i64::MAX), "USD 92,233,720,368,547,758.07"),
    ] {
        let text = told(&paid(amount), locale, "UTC");
        assert!(text.title.contains(expected), "{locale}: {}", text.title);
    }
}

#[test]
fn times_are_those_of_the_readers_clock_and_calendar() {
    let body = |locale: &str, zone: &str| told(&paid(usd(2900)), locale, zone).body.replace('\u{202f}', " ");
    let of_new_york = body("en-US", "America/New_York");
    assert!(of_new_york.contains("November 27, 2026 at 12:05 PM (UTC-05:00)"), "{of_new_york}");
    let of_london = body("en-GB", "Europe/London");
    assert!(of_london.contains("27 November 2026 at 17:05 (UTC+00:00)"), "{of_london}");
    // It is tomorrow there.
    let of_shanghai = body("zh-CN", "Asia/Shanghai");
    assert!(
        of_shanghai.contains("2026年11月28日") && of_shanghai.contains("01:05 (UTC+08:00)"),
        "{of_shanghai}"
    );
    let nowhere = body("en-US", "Mars/Olympus");
    assert!(nowhere.contains("5:05 PM (UTC+00:00)"), "{nowhere}");
}

#[test]
fn whose_language_has_no_texts_reads_english() {
    for locale in ["de-DE", "", "not a locale"] {
        let text = told(&paid(usd(123_450)), locale, "UTC");
        assert_eq!((text.language, text.title.as_str()), ("en", "Invoice A-1 is paid: USD 1,234.50"));
    }
    assert_eq!(told(&paid(usd(1)), "zh-Hant-TW", "UTC").language, "zh");
}

#[test]
fn names_are_no_markup() {
    let renderer = Renderer::default();
    let fact = Fact::MemberJoined {
        membership_id: MembershipId(Uuid::from_u128(1)),
        name: "<script>alert(1)</script>".to_owned(),
    };
    let text = renderer.tell(Telling {
        fact: &fact,
        organization_id: OrganizationId(Uuid::from_u128(1)),
        organization: "A & \"B\"",
        secret: None,
        reader: &Reader::default(),
    });
    let html = text.html();
    assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
    assert!(html.contains("A &amp; ") && text.plain().contains("A & \"B\""), "{html}");
    assert_eq!(text.action, None, "without a front end there is nothing to lead to");
}

#[test]
fn an_invitation_leads_to_where_it_is_accepted_and_no_server_logs_its_token() {
    let text = told(&invitation(), "en-US", "UTC");
    let (label, url) = text.action.clone().unwrap();
    assert_eq!(url, "https://app.example.com/invitations#token=tgi_secret");
    assert!(text.plain().contains(&url) && text.html().contains(&url) && text.html().contains(&label));
    let paid = told(&paid(usd(1)), "en-US", "UTC").action.unwrap().1;
    assert_eq!(
        paid,
        "https://app.example.com/dashboard/billing/invoices/inv_00000000000000000000000000000007?organization=org_00000000000000000000000000000001"
    );
}
