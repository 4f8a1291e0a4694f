//! Mail addresses, as far as they are compared: never an identity.

use email_address::{EmailAddress, Options};
use thiserror::Error;

use super::card_number::contains_card_number;

/// Why an address was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("This is no mail address. It looks like name@example.com, with at most 254 characters.")]
pub struct EmailError;

/// The address in the one way in which it is stored and compared: trimmed, in lower case. Mail servers may tell apart
/// what differs in the case of letters before the @; none that people use does.
pub fn normalized(text: &str) -> Result<String, EmailError> {
    let text = text.trim().to_lowercase();
    let options = Options {
        minimum_sub_domains: 2,
        allow_domain_literal: false,
        allow_display_text: false,
        ..Options::default()
    };
    // RFC 5322 lets a quoted name hold anything, and RFC 6531 white space that is not ASCII's: nobody has such an address,
    // and who types one means another.
    let is_plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '"');
    let is_host = |domain: &str| domain.chars().all(|c| c.is_alphanumeric() || "-.".contains(c));
    let fits = text.len() <= 254
        && is_plain
        && EmailAddress::parse_with_options(&text, options).is_ok_and(|address| is_host(address.domain()))
        && !contains_card_number(&text);
    if fits { Ok(text) } else { Err(EmailError) }
}

/// A mail domain in the one way in which it is compared.
pub fn normalized_domain(text: &str) -> Result<String, DomainError> {
    let text = text.trim().trim_start_matches('@');
    let address = normalized(&format!("a@{text}")).map_err(|_| DomainError)?;
    Ok(domain(&address).to_owned())
}

/// Why a mail domain was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("This is no mail domain. It is what stands behind the @: example.com.")]
pub struct DomainError;

/// The part after the @ of a normalized address.
pub fn domain(email: &str) -> &str {
    email.rsplit_once('@').map_or("", |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_written_one_way() {
        assert_eq!(
            normalized("  Ada.Lovelace+work@Example.COM "),
            Ok("ada.lovelace+work@example.com".to_owned())
        );
        assert_eq!(normalized("ÄDA@bücher.example"), Ok("äda@bücher.example".to_owned()));
        assert_eq!(domain("ada@example.com"), "example.com");
        assert_eq!(normalized_domain(" @Example.COM"), Ok("example.com".to_owned()));
        for text in ["", "example", "a@example.com", "exa mple.com", "*.example.com"] {
            assert_eq!(normalized_domain(text), Err(DomainError), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example",
            "ada@@example.com",
            "a b@example.com",
            "ada@exa mple.com",
            "ada@-example.com",
            "ada@example..com",
            "<ada@example.com>",
            "ada@example.com, bob@example.com",
            ".ada@example.com",
            "4242424242424242@example.com",
            "ada\u{7}@example.com",
        ] {
            assert_eq!(normalized(text), Err(EmailError), "{text}");
        }
        assert_eq!(normalized(&format!("{}@example.com", "a".repeat(65))), Err(EmailError));
    }
}
