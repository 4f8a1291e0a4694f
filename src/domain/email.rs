//! Mail addresses, as far as they are compared: never an identity.

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
    let Some((name, domain)) = text.rsplit_once('@') else { return Err(EmailError) };
    let is_plain =
        |text: &str| !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;\"@".contains(c));
    let labels_fit = domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    });
    let fits = text.len() <= 254
        && (1..=64).contains(&name.len())
        && is_plain(name)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && domain.contains('.')
        && labels_fit
        && !contains_card_number(&text);
    if fits { Ok(text) } else { Err(EmailError) }
}

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
