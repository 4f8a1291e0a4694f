//! Free text that people type: trimmed, bounded, and never a card number.

use thiserror::Error;

use super::card_number::contains_card_number;

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// Nothing but white space where something is needed.
    #[error("This must not be empty.")]
    Empty,
    /// More characters than the field holds.
    #[error("This must be at most {maximum} characters.")]
    TooLong {
        /// The bound, in characters.
        maximum: usize,
    },
    /// Control characters, which no field of ours needs.
    #[error("This must not contain control characters.")]
    ControlCharacter,
    /// Something that looks like a card number.
    #[error("This looks like a card number. Card numbers must never be entered here.")]
    CardNumber,
}

/// Trims and checks a text of at least one and at most `maximum` characters.
pub fn required_text(text: &str, maximum: usize) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.chars().count() > maximum {
        return Err(TextError::TooLong { maximum });
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(TextError::ControlCharacter);
    }
    if contains_card_number(text) {
        return Err(TextError::CardNumber);
    }
    Ok(text.to_owned())
}

/// As [`required_text`], but nothing or white space alone is `None`.
pub fn optional_text(text: Option<&str>, maximum: usize) -> Result<Option<String>, TextError> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => required_text(text, maximum).map(Some),
    }
}

/// Why a slug was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "A slug has 2 to 63 lower-case letters, digits and single hyphens, and starts and ends with a letter or digit."
)]
pub struct SlugError;

/// Checks a slug: what may stand in an address.
pub fn slug(text: &str) -> Result<String, SlugError> {
    let fits = (2..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
        && !contains_card_number(text);
    if fits { Ok(text.to_owned()) } else { Err(SlugError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(required_text("  Acme ", 10), Ok("Acme".to_owned()));
        assert_eq!(required_text("   ", 10), Err(TextError::Empty));
        assert_eq!(required_text("日本語", 2), Err(TextError::TooLong { maximum: 2 }));
        assert_eq!(required_text("a\u{7}b", 10), Err(TextError::ControlCharacter));
        assert_eq!(required_text("4242 4242 4242 4242", 40), Err(TextError::CardNumber));
        assert_eq!(optional_text(Some(" "), 10), Ok(None));
    }

    #[test]
    fn slugs_are_plain() {
        assert!(slug("acme-2").is_ok());
        for text in ["a", "Acme", "-acme", "acme-", "ac--me", "ac me", "ä1", "4242424242424242"] {
            assert_eq!(slug(text), Err(SlugError), "{text}");
        }
    }
}
