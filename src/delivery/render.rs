//! Texts for people, in English and Chinese, with amounts and times as their reader writes them.

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use icu_datetime::DateTimeFormatter;
use icu_datetime::fieldsets::YMDT;
use icu_datetime::input::{Date, DateTime as CivilDateTime, Time};
use icu_datetime::options::TimePrecision;
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_decimal::options::DecimalFormatterOptions;
use icu_locale_core::Locale;
use maud::{DOCTYPE, html};
use url::Url;
use uuid::Uuid;

use crate::domain::ids::OrganizationId;
use crate::domain::money::Money;
use crate::domain::notification::{Fact, Reader};
use crate::domain::quantity::Quantity;
use crate::domain::usage_alert::Threshold;

/// The languages there are texts in, the first for everyone else.
const LANGUAGES: [(&str, &str); 2] =
    [("en", include_str!("locales/en.ftl")), ("zh", include_str!("locales/zh.ftl"))];

/// A fact, told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The language it is told in.
    pub language: &'static str,
    /// In a few words.
    pub title: String,
    /// In a few sentences.
    pub body: String,
    /// Where to go on: what it is called, and the address.
    pub action: Option<(String, String)>,
    /// Who tells, and why.
    footer: String,
}

impl Text {
    /// As a mail's plain text.
    pub fn plain(&self) -> String {
        let action =
            self.action.as_ref().map(|(label, url)| format!("{label}\n{url}\n\n")).unwrap_or_default();
        format!("{}\n\n{action}-- \n{}\n", self.body, self.footer)
    }

    /// As a mail's HTML. It asks nothing of the network: no pictures, no fonts, no marks of who has read it.
    pub fn html(&self) -> String {
        html! {
            (DOCTYPE)
            html lang=(self.language) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) }
                }
                body style="margin:0;padding:24px;background:#f4f5f7;color:#1c2430;font:16px/1.5 system-ui,-apple-system,'Segoe UI','PingFang SC','Microsoft YaHei',sans-serif" {
                    div style="max-width:560px;margin:0 auto;padding:24px;background:#ffffff;border-radius:8px" {
                        h1 style="margin:0 0 16px;font-size:20px;line-height:1.3" { (self.title) }
                        @for paragraph in self.body.split("\n\n") {
                            p style="margin:0 0 16px;overflow-wrap:anywhere" { (paragraph) }
                        }
                        @if let Some((label, url)) = &self.action {
                            p style="margin:24px 0" {
                                a href=(url) style="display:inline-block;padding:10px 18px;background:#1f4fd8;color:#ffffff;border-radius:6px;text-decoration:none" { (label) }
                            }
                        }
                        p style="margin:24px 0 0;font-size:13px;color:#5b6472" { (self.footer) }
                    }
                }
            }
        }
        .into_string()
    }
}

/// What is told, to whom.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// The fact.
    pub fact: &'a Fact,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization: &'a str,
    /// What the fact carries that is told to its reader alone.
    pub secret: Option<&'a str>,
    /// For whom it is written.
    pub reader: &'a Reader,
}

/// Tells facts.
pub struct Renderer {
    bundles: Vec<(&'static str, FluentBundle<FluentResource>)>,
    app_url: Option<Url>,
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer").field("app_url", &self.app_url).finish_non_exhaustive()
    }
}

impl Default for Renderer {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Renderer {
    /// Texts whose links lead to the front end at `app_url`; without links when there is none.
    pub fn new(app_url: Option<Url>) -> Self {
        let bundles = LANGUAGES.map(|(language, source)| {
            let resource = FluentResource::try_new(source.to_owned());
            let resource = resource.map_err(|(_, errors)| errors).expect("a test reads the texts");
            let id = language.parse().expect("a language is a tag");
            let mut bundle = FluentBundle::new_concurrent(vec![id]);
            // Marks around what is put in would show in subjects and links.
            bundle.set_use_isolating(false);
            bundle.add_resource(resource).expect("no message is there twice");
            (language, bundle)
        });
        Self { bundles: bundles.into(), app_url }
    }

    /// Tells a fact.
    pub fn tell(&self, telling: Telling<'_>) -> Text {
        let style = Style::of(telling.reader);
        let bundle = self.bundles.iter().find(|(language, _)| *language == style.language);
        let &(language, ref bundle) = bundle.unwrap_or(&self.bundles[0]);
        let args = arguments(&telling, &style);
        let id = telling.fact.word().replace('_', "-");
        let part = |attribute: Option<&str>| said(bundle, &id, attribute, &args);
        let link = self.link(&telling);
        Text {
            language,
            title: part(None),
            body: part(Some("body")),
            action: link.map(|link| (part(Some("action")), link)),
            footer: said(bundle, "footer", None, &args),
        }
    }

    /// Where the front end shows more.
    fn link(&self, telling: &Telling<'_>) -> Option<String> {
        let mut url = self.app_url.clone()?;
        let organization = global("org", telling.organization_id.0);
        let path = match telling.fact {
            Fact::Invitation { .. } => "invitations".to_owned(),
            Fact::InvoicePaid { invoice_id, .. } | Fact::InvoicePaymentFailed { invoice_id, .. } => {
                format!("dashboard/billing/invoices/{}", global("inv", invoice_id.0))
            }
            Fact::TrialEnding { .. }
            | Fact::CardExpiring { .. }
            | Fact::PaymentRequiresAction { .. }
            | Fact::DunningReminder { .. }
            | Fact::SubscriptionChanged { .. }
            | Fact::SubscriptionCanceled { .. }
            | Fact::DisputeOpened { .. } => "dashboard/billing".to_owned(),
            Fact::UsageAlert { .. } => "dashboard/billing/usage".to_owned(),
            Fact::MemberJoined { .. }
            | Fact::MemberRemoved { .. }
            | Fact::MemberRoleChanged { .. }
            | Fact::MemberSuspended { .. }
            | Fact::MemberReinstated { .. } => {
                format!("dashboard/organizations/{organization}/members")
            }
            Fact::RoleChanged { .. } => format!("dashboard/organizations/{organization}/roles"),
            Fact::ApiKeyCreated { .. } | Fact::ApiKeyExpiring { .. } => {
                format!("dashboard/organizations/{organization}/api-keys")
            }
            Fact::SecuritySettingsChanged { .. } => {
                format!("dashboard/organizations/{organization}/settings/security")
            }
            Fact::WebhookEndpointFailing { .. }
            | Fact::WebhookEndpointDisabled { .. }
            | Fact::WebhookEndpointOrphaned { .. } => {
                format!("dashboard/organizations/{organization}/webhooks")
            }
        };
        {
            let mut segments = url.path_segments_mut().ok()?;
            segments.pop_if_empty().extend(path.split('/'));
        }
        match (telling.fact, telling.secret) {
            // Behind the #, so that no server's log has it.
            (Fact::Invitation { .. }, Some(token)) => url.set_fragment(Some(&format!("token={token}"))),
            // Without its token an invitation cannot be accepted.
            (Fact::Invitation { .. }, None) => return None,
            _ => {
                url.query_pairs_mut().append_pair("organization", &organization);
            }
        }
        Some(url.into())
    }
}

/// An id as the front end knows it.
fn global(prefix: &str, id: Uuid) -> String {
    format!("{prefix}_{}", id.simple())
}

fn said(
    bundle: &FluentBundle<FluentResource>,
    id: &str,
    attribute: Option<&str>,
    args: &FluentArgs<'_>,
) -> String {
    let message = bundle.get_message(id);
    let pattern = message.and_then(|message| match attribute {
        None => message.value(),
        Some(name) => Some(message.get_attribute(name)?.value()),
    });
    let Some(pattern) = pattern else {
        tracing::error!(id, attribute, "there is no text");
        return id.to_owned();
    };
    let mut problems = Vec::new();
    let text = bundle.format_pattern(pattern, Some(args), &mut problems).into_owned();
    if !problems.is_empty() {
        tracing::error!(id, attribute, ?problems, "a text lacks what it tells");
    }
    text
}

/// What the texts are filled with.
fn arguments(telling: &Telling<'_>, style: &Style) -> FluentArgs<'static> {
    let mut args = FluentArgs::new();
    args.set("organization", telling.organization.to_owned());
    args.set("token", telling.secret.unwrap_or_default().to_owned());
    let number = |number: &Option<String>| number.clone().unwrap_or_default();
    match telling.fact {
        Fact::TrialEnding { trial_end, .. } => args.set("at", style.moment(*trial_end)),
        Fact::CardExpiring { summary, expires_at, .. } => {
            args.set("card", summary.clone());
            args.set("at", style.moment(*expires_at));
        }
        Fact::InvoicePaid { number: of, amount, paid_at, .. } => {
            args.set("number", number(of));
            args.set("amount", style.money(*amount));
            args.set("at", style.moment(*paid_at));
        }
        Fact::InvoicePaymentFailed { number: of, amount, next_attempt_at, .. } => {
            args.set("number", number(of));
            args.set("amount", style.money(*amount));
            args.set("again", if next_attempt_at.is_some() { "yes" } else { "no" });
            args.set("at", next_attempt_at.map(|at| style.moment(at)).unwrap_or_default());
        }
        Fact::PaymentRequiresAction { amount, .. } => args.set("amount", style.money(*amount)),
        Fact::DunningReminder { reminder, access, after_days, .. } => {
            args.set("reminder", reminder.as_str());
            args.set("access", access.as_str());
            args.set("days", *after_days);
        }
        Fact::SubscriptionChanged { plan, quantity, changed_at, .. } => {
            args.set("plan", plan.clone());
            args.set("quantity", *quantity);
            args.set("at", style.moment(*changed_at));
        }
        Fact::SubscriptionCanceled { ends_at, has_ended, .. } => {
            args.set("ended", if *has_ended { "yes" } else { "no" });
            args.set("at", style.moment(*ends_at));
        }
        Fact::DisputeOpened { is_inquiry, amount, reason, evidence_due_by, .. } => {
            args.set("inquiry", if *is_inquiry { "yes" } else { "no" });
            args.set("amount", style.money(*amount));
            args.set("reason", reason.clone());
            args.set("due", if evidence_due_by.is_some() { "yes" } else { "no" });
            args.set("at", evidence_due_by.map(|at| style.moment(at)).unwrap_or_default());
        }
        Fact::UsageAlert { meter, unit, threshold, notice, period_start, reading, .. } => {
            args.set("meter", meter.clone());
            args.set("unit", unit.clone());
            args.set("notice", notice.as_str());
            let (kind, number) = match threshold {
                Threshold::Units(units) => ("units", style.quantity(*units)),
                Threshold::Percent(percent) => ("percent", style.quantity(u32::from(*percent).into())),
                Threshold::Spend(spend) => ("spend", style.money(*spend)),
            };
            args.set("kind", kind);
            args.set("threshold", number);
            args.set("usage", style.quantity(reading.usage));
            args.set("limited", if reading.limit.is_some() { "yes" } else { "no" });
            args.set("limit", reading.limit.map(|limit| style.quantity(limit)).unwrap_or_default());
            args.set("charged", if reading.spend.is_some() { "yes" } else { "no" });
            args.set("spend", reading.spend.map(|spend| style.money(spend)).unwrap_or_default());
            args.set("since", style.moment(*period_start));
        }
        Fact::MemberJoined { name, .. }
        | Fact::MemberRemoved { name, .. }
        | Fact::MemberSuspended { name, .. }
        | Fact::MemberReinstated { name, .. } => args.set("name", name.clone()),
        Fact::RoleChanged { name, step, .. } => {
            args.set("name", name.clone());
            args.set("step", step.as_str());
        }
        Fact::MemberRoleChanged { name, role, role_name, .. } => {
            args.set("name", name.clone());
            args.set("role", role.as_str());
            args.set("rolename", role_name.clone().unwrap_or_default());
        }
        Fact::Invitation { invited_by, expires_at, .. } => {
            args.set("name", invited_by.clone());
            args.set("at", style.moment(*expires_at));
        }
        Fact::ApiKeyCreated { name, prefix, .. } => {
            args.set("name", name.clone());
            args.set("prefix", prefix.clone());
        }
        Fact::ApiKeyExpiring { name, prefix, expires_at, .. } => {
            args.set("name", name.clone());
            args.set("prefix", prefix.clone());
            args.set("at", style.moment(*expires_at));
        }
        Fact::SecuritySettingsChanged { .. } => {}
        Fact::WebhookEndpointFailing { url, since, disabled_at, .. } => {
            args.set("url", url.clone());
            args.set("since", style.moment(*since));
            args.set("at", style.moment(*disabled_at));
        }
        Fact::WebhookEndpointDisabled { url, since, .. }
        | Fact::WebhookEndpointOrphaned { url, since, .. } => {
            args.set("url", url.clone());
            args.set("since", style.moment(*since));
        }
    }
    args
}

/// How a reader writes.
struct Style {
    language: &'static str,
    locale: Locale,
    zone: Tz,
}

impl Style {
    /// A reader's own. Whose language has no texts reads English as it is written in the United States.
    fn of(reader: &Reader) -> Self {
        let zone = reader.time_zone.parse().unwrap_or(Tz::UTC);
        let asked = reader.locale.parse::<Locale>().ok();
        let known = asked.and_then(|locale| {
            let language = locale.id.language.as_str().to_owned();
            let (known, _) = LANGUAGES.into_iter().find(|(known, _)| *known == language)?;
            Some((known, locale))
        });
        let (language, locale) = known.unwrap_or_else(|| ("en", "en-US".parse().expect("a locale")));
        Self { language, locale, zone }
    }

    /// An amount with its currency's code: signs are shared by currencies, codes are not. Whole minor units are shifted, no
    /// number is ever a fraction of a binary one.
    fn money(&self, money: Money) -> String {
        let mut amount = Decimal::from(money.minor);
        amount.multiply_pow10(-i16::try_from(money.currency.exponent()).expect("a few places"));
        let plain = amount.to_string();
        let formatter = DecimalFormatter::try_new((&self.locale).into(), DecimalFormatterOptions::default());
        let amount = formatter.map_or(plain, |formatter| formatter.format(&amount).to_string());
        format!("{} {amount}", money.currency)
    }

    /// How much of a meter, with the places that it has.
    fn quantity(&self, quantity: Quantity) -> String {
        let plain = quantity.to_string();
        let formatter = DecimalFormatter::try_new((&self.locale).into(), DecimalFormatterOptions::default());
        match (plain.parse::<Decimal>(), formatter) {
            (Ok(number), Ok(formatter)) => formatter.format(&number).to_string(),
            _ => plain,
        }
    }

    /// A moment on the reader's calendar and clock, with how far that is from UTC.
    fn moment(&self, at: DateTime<Utc>) -> String {
        let local = at.with_timezone(&self.zone);
        let offset = local.format("UTC%:z").to_string();
        self.civil(&local).map_or_else(
            || local.format("%Y-%m-%d %H:%M UTC%:z").to_string(),
            |text| format!("{text} ({offset})"),
        )
    }

    fn civil(&self, local: &DateTime<Tz>) -> Option<String> {
        let part = |number: u32| u8::try_from(number).ok();
        let date = Date::try_new_iso(local.year(), part(local.month())?, part(local.day())?).ok()?;
        let time = Time::try_new(part(local.hour())?, part(local.minute())?, 0, 0).ok()?;
        let formatter = DateTimeFormatter::try_new(
            (&self.locale).into(),
            YMDT::long().with_time_precision(TimePrecision::Minute),
        )
        .ok()?;
        Some(formatter.format(&CivilDateTime { date, time }).to_string())
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
