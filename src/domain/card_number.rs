//! A card number never enters the system: what looks like one is found here, before it is stored or logged.

/// Whether `text` contains 13 to 19 digits that pass the Luhn check, with nothing or single spaces or hyphens between
/// them.
pub fn contains_card_number(text: &str) -> bool {
    let mut digits: Vec<u8> = Vec::new();
    let mut separator_allowed = false;
    for character in text.chars().chain(std::iter::once('\0')) {
        match character.to_digit(10) {
            Some(digit) => {
                digits.push(u8::try_from(digit).expect("a decimal digit fits"));
                separator_allowed = true;
            }
            None if separator_allowed && matches!(character, ' ' | '-') => separator_allowed = false,
            None => {
                if run_contains_card_number(&digits) {
                    return true;
                }
                digits.clear();
                separator_allowed = false;
            }
        }
    }
    false
}

/// A longer run than a card number is an identifier, and refusing those would refuse order numbers.
fn run_contains_card_number(digits: &[u8]) -> bool {
    (13..=19).contains(&digits.len()) && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, &digit)| {
            let digit = u32::from(digit);
            if index % 2 == 0 {
                digit
            } else if digit > 4 {
                digit * 2 - 9
            } else {
                digit * 2
            }
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|&digit| digit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_cards_are_found_however_they_are_written() {
        for text in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "card 4242-4242-4242-4242, please",
            "378282246310005",
            "4222222222222",
            "note:5555555555554444!",
        ] {
            assert!(contains_card_number(text), "{text}");
        }
    }

    #[test]
    fn other_digits_are_not_cards() {
        for text in [
            "4242424242424241",
            "2026-11-24 12:00",
            "invoice 1234567890",
            "0000000000000000",
            "+1 (555) 010-9999",
            "",
            "42424242424242424242424242",
        ] {
            assert!(!contains_card_number(text), "{text}");
        }
    }
}
