//! General settings: what an organization is called, how it writes and when it is there.

use chrono_tz::Tz;
use icu_locale::subtags::Language;
use icu_locale::{LanguageIdentifier, LocaleExpander, TransformResult};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::email;
use super::setting::{FieldChecks, Patch};
use super::string_enum;
use super::text::{TextError, optional_text, required_text, slug};

/// Contacts of an organization at most.
pub const MAXIMUM_CONTACTS: usize = 20;

string_enum! {
    /// What a contact is there for.
    ContactKind {
        /// Whoever answers for the organization.
        Primary => "primary",
        /// Outages and integrations.
        Technical => "technical",
        /// Vulnerabilities and incidents.
        Security => "security",
        /// Contracts and data protection.
        Legal => "legal",
    }
}

/// Somebody to turn to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// What for.
    pub kind: ContactKind,
    /// Who.
    pub name: Option<String>,
    /// The mail address.
    pub email: String,
}

/// The document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GeneralSettings {
    /// The name people read.
    pub name: String,
    /// The name in addresses, unique.
    pub slug: String,
    /// Where the logo is.
    pub logo_url: Option<String>,
    /// How dates, numbers and texts are written: a BCP 47 tag.
    pub locale: Option<String>,
    /// Where its days begin and end: a name of the IANA's database.
    pub time_zone: Option<String>,
    /// Whom to turn to.
    pub contacts: Vec<Contact>,
}

/// What is to become of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GeneralSettingsPatch {
    /// The name people read.
    pub name: Patch<String>,
    /// The name in addresses.
    pub slug: Patch<String>,
    /// Where the logo is.
    pub logo_url: Patch<String>,
    /// How dates, numbers and texts are written.
    pub locale: Patch<String>,
    /// Where its days begin and end.
    pub time_zone: Patch<String>,
    /// Whom to turn to, all of them.
    pub contacts: Patch<Vec<Contact>>,
}

impl GeneralSettings {
    /// The settings in a document. Name and slug are the organization's own where the document was never written.
    pub fn read(document: &serde_json::Value, name: &str, slug: &str) -> Result<Self, serde_json::Error> {
        let mut settings: Self = serde_json::from_value(document.clone())?;
        if settings.name.is_empty() {
            name.clone_into(&mut settings.name);
        }
        if settings.slug.is_empty() {
            slug.clone_into(&mut settings.slug);
        }
        Ok(settings)
    }

    /// The settings by the rules of today, or what is wrong with them.
    pub fn checked(self) -> Result<Self, FieldChecks> {
        Self::default().patched(GeneralSettingsPatch {
            name: Patch::Set(self.name),
            slug: Patch::Set(self.slug),
            logo_url: self.logo_url.into(),
            locale: self.locale.into(),
            time_zone: self.time_zone.into(),
            contacts: Patch::Set(self.contacts),
        })
    }

    /// The settings with what is asked for, or what is wrong with it.
    pub fn patched(&self, patch: GeneralSettingsPatch) -> Result<Self, FieldChecks> {
        let (mut new, mut checks) = (self.clone(), FieldChecks::default());
        for (asked, path) in [(&patch.name, "name"), (&patch.slug, "slug")] {
            if *asked == Patch::Clear {
                checks.refuse(path, "An organization has one. Leave it out to keep it.");
            }
        }
        if patch.name != Patch::Clear {
            patch.name.apply(&mut new.name, "name", &mut checks, |text| required_text(&text, 120));
        }
        if patch.slug != Patch::Clear {
            patch.slug.apply(&mut new.slug, "slug", &mut checks, |text| slug(&text));
        }
        patch.logo_url.apply(&mut new.logo_url, "logoUrl", &mut checks, |text| logo(&text));
        patch.locale.apply(&mut new.locale, "locale", &mut checks, |text| locale(&text).map(Some));
        patch.time_zone.apply(&mut new.time_zone, "timeZone", &mut checks, |text| zone(&text).map(Some));
        match patch.contacts {
            Patch::Keep => {}
            Patch::Clear => new.contacts.clear(),
            Patch::Set(contacts) => {
                new.contacts = checks.list("contacts", contacts, MAXIMUM_CONTACTS, contact);
            }
        }
        if checks.0.is_empty() { Ok(new) } else { Err(checks) }
    }
}

/// Why a general setting was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GeneralError {
    /// No address of a picture.
    #[error("This is no https address, such as https://example.com/logo.png, with at most 2000 characters.")]
    Logo,
    /// No locale.
    #[error("{0:?} is no locale. Write a language and, if it matters, script and region: en-GB, zh-Hans-CN.")]
    Locale(String),
    /// No time zone.
    #[error("{given:?} is no time zone of the IANA's database.{hint}")]
    TimeZone {
        /// What was given.
        given: String,
        /// What may have been meant.
        hint: String,
    },
    /// A text that cannot be taken.
    #[error(transparent)]
    Text(#[from] TextError),
    /// No mail address.
    #[error(transparent)]
    Email(#[from] email::EmailError),
}

fn logo(text: &str) -> Result<Option<String>, GeneralError> {
    let text = text.trim();
    let url = Url::parse(text).map_err(|_| GeneralError::Logo)?;
    let is_plain = url.scheme() == "https"
        && url.host_str().is_some_and(|host| host.contains('.'))
        && url.username().is_empty()
        && url.password().is_none()
        && text.len() <= 2000;
    if !is_plain {
        return Err(GeneralError::Logo);
    }
    Ok(optional_text(Some(url.as_str()), 2000)?)
}

/// A BCP 47 tag of a language that there is, in its canonical case, with a region that there is.
pub fn locale(text: &str) -> Result<String, GeneralError> {
    let refused = || GeneralError::Locale(text.to_owned());
    let tag: LanguageIdentifier = text.trim().parse().map_err(|_| refused())?;
    // Every language that CLDR knows has a script and a region that go without saying.
    let languages = LocaleExpander::new_extended();
    let mut language = LanguageIdentifier { language: tag.language, ..LanguageIdentifier::UNKNOWN };
    let is_known =
        tag.language != Language::UNKNOWN && languages.maximize(&mut language) == TransformResult::Modified;
    let is_somewhere = tag.region.is_none_or(|region| {
        // 419 is Latin America, and so on: regions of the United Nations' M49.
        region.as_str().bytes().all(|byte| byte.is_ascii_digit())
            || rust_iso3166::from_alpha2(region.as_str()).is_some()
    });
    let is_written = tag.script.is_none_or(|script| {
        let mut written = LanguageIdentifier { script: Some(script), ..LanguageIdentifier::UNKNOWN };
        let is_known = languages.maximize(&mut written) == TransformResult::Modified;
        // What nothing is written in is left as it is, or filled up as if nothing had been said: with English.
        is_known && (written.language.as_str() != "en" || matches!(script.as_str(), "Latn" | "Shaw" | "Dsrt"))
    });
    if is_known && is_somewhere && is_written && tag.variants.is_empty() {
        Ok(tag.to_string())
    } else {
        Err(refused())
    }
}

/// A name of the IANA's database, if it is one.
pub fn known_zone(text: &str) -> Option<String> {
    text.trim().parse::<Tz>().ok().map(|zone| zone.name().to_owned())
}

/// A name of the IANA's database, or which one may have been meant.
pub fn zone(text: &str) -> Result<String, GeneralError> {
    let text = text.trim();
    if let Some(zone) = known_zone(text) {
        return Ok(zone);
    }
    let given: String = text.chars().take(64).collect();
    let nearest = chrono_tz::TZ_VARIANTS
        .iter()
        .map(|zone| (strsim::jaro_winkler(&given.to_lowercase(), &zone.name().to_lowercase()), zone.name()))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(nearness, _)| *nearness > 0.85);
    let hint = match nearest {
        Some((_, name)) => format!(" Did you mean {name}?"),
        None => " Write Europe/Berlin, for instance.".to_owned(),
    };
    Err(GeneralError::TimeZone { given, hint })
}

fn contact(contact: Contact) -> Result<Contact, GeneralError> {
    Ok(Contact {
        kind: contact.kind,
        name: optional_text(contact.name.as_deref(), 120)?,
        email: email::normalized(&contact.email)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_those_that_there_are() {
        for (given, written) in [
            ("en", "en"),
            ("EN-gb", "en-GB"),
            ("zh-hans-cn", "zh-Hans-CN"),
            ("es-419", "es-419"),
            ("gsw-CH", "gsw-CH"),
        ] {
            assert_eq!(locale(given).as_deref(), Ok(written), "{given}");
        }
        for given in ["", "und", "english", "xx", "en-XX", "en-Abcd", "de_", "en-GB-oed", "-"] {
            assert!(matches!(locale(given), Err(GeneralError::Locale(_))), "{given}");
        }
    }

    #[test]
    fn zones_are_those_that_there_are() {
        assert_eq!(zone(" Asia/Shanghai ").as_deref(), Ok("Asia/Shanghai"));
        assert_eq!(zone("UTC").as_deref(), Ok("UTC"));
        let message = zone("europe/berlin").unwrap_err().to_string();
        assert!(message.ends_with("Did you mean Europe/Berlin?"), "{message}");
        assert!(zone("Mars/Olympus").is_err());
    }

    #[test]
    fn logos_are_reached_safely() {
        assert_eq!(
            logo("https://cdn.acme.example/a.png").unwrap().as_deref(),
            Some("https://cdn.acme.example/a.png")
        );
        for given in [
            "http://acme.example/a.png",
            "javascript:alert(1)",
            "data:image/png,x",
            "https://u:p@acme.example/",
            "acme",
            "https://localhost/a",
        ] {
            assert_eq!(logo(given), Err(GeneralError::Logo), "{given}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let settings =
            GeneralSettings { name: "Acme".into(), slug: "acme".into(), ..GeneralSettings::default() };
        let bad = |email: &str| Contact { kind: ContactKind::Legal, name: None, email: email.into() };
        let patch = GeneralSettingsPatch {
            name: Patch::Clear,
            slug: Patch::Set("A b".into()),
            locale: Patch::Set("xx".into()),
            contacts: Patch::Set(vec![bad("a@acme.example"), bad("nobody")]),
            ..GeneralSettingsPatch::default()
        };
        let wrong = settings.patched(patch).unwrap_err();
        let paths: Vec<&str> = wrong.0.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["name", "slug", "locale", "contacts.1"]);
    }
}
