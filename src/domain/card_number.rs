//! A card number never enters the system: what looks like one is found here, before it is stored or logged.

use std::borrow::Cow;

use uuid::Uuid;

/// Characters between two groups of one number at most: ` - `.
const LONGEST_GAP: usize = 3;
/// The digits of a card number.
const LENGTHS: std::ops::RangeInclusive<usize> = 13..=19;

/// Whether `text` contains 13 to 19 digits that pass the Luhn check, in one group or in several with spaces, hyphens or
/// dots between them; other digits may stand before and after, such as an expiry date.
pub fn contains_card_number(text: &str) -> bool {
    let mut run = Run::default();
    let mut gap = Vec::new();
    for character in without_uuids(text).chars().chain(std::iter::once('\0')) {
        if let Some(digit) = character.to_digit(10) {
            run.push(u8::try_from(digit).expect("a decimal digit fits"), &gap);
            gap.clear();
        } else if is_separator(character) && !run.groups.is_empty() && gap.len() < LONGEST_GAP {
            gap.push(character);
        } else {
            if run.contains_card_number() {
                return true;
            }
            run = Run::default();
            gap.clear();
        }
    }
    false
}

/// No-break spaces, thin ones and the dashes of typesetters come with what is pasted.
const fn is_separator(character: char) -> bool {
    matches!(character, ' ' | '-' | '.' | '\u{a0}' | '\u{2007}' | '\u{2009}'..='\u{2014}' | '\u{202f}')
}

/// Groups of digits with nothing but separators between them.
#[derive(Default)]
struct Run {
    groups: Vec<Vec<u8>>,
    /// A separator was something else than a single space or hyphen.
    is_loose: bool,
}

impl Run {
    fn push(&mut self, digit: u8, gap: &[char]) {
        match self.groups.last_mut() {
            Some(group) if gap.is_empty() => group.push(digit),
            _ => {
                self.is_loose |= !self.groups.is_empty() && !matches!(gap, [' ' | '-']);
                self.groups.push(vec![digit]);
            }
        }
    }

    fn contains_card_number(&self) -> bool {
        (0..self.groups.len()).any(|first| {
            let mut digits: Vec<u8> = Vec::new();
            for last in first..self.groups.len() {
                digits.extend(&self.groups[last]);
                if digits.len() > *LENGTHS.end() {
                    break;
                }
                let is_whole = first == 0 && last + 1 == self.groups.len() && !self.is_loose;
                if LENGTHS.contains(&digits.len())
                    && luhn(&digits)
                    && (is_whole
                        || first == last
                        || is_written_as_cards_are(&self.groups[first..=last], &digits))
                {
                    return true;
                }
            }
            false
        })
    }
}

/// Every tenth row of digits passes the Luhn check by chance. So of what is only a part of a row it is also asked that it
/// is grouped as on cards, in fours or more and a rest, and begins as cards of its length do: lists of telephone numbers
/// and addresses, dates and versions are not.
fn is_written_as_cards_are(groups: &[Vec<u8>], digits: &[u8]) -> bool {
    let (_, before) = groups.split_last().expect("a window has a group");
    let first = digits[0];
    before.iter().all(|group| group.len() >= 4)
        && match digits.len() {
            13 => first == 4,
            14 | 15 => first == 3,
            16 => (2..=6).contains(&first),
            17 | 18 => (5..=6).contains(&first),
            _ => (3..=6).contains(&first),
        }
}

/// The text with UUIDs taken out: their groups of digits are nobody's card.
fn without_uuids(text: &str) -> Cow<'_, str> {
    const LENGTH: usize = 36;
    let mut kept = Cow::Borrowed(text);
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
    let mut at = 0;
    while let Some(candidate) = text.as_bytes().get(at..at + LENGTH) {
        if candidate.iter().all(is_part)
            && candidate.iter().any(u8::is_ascii_alphabetic)
            && Uuid::try_parse_ascii(candidate).is_ok()
        {
            kept.to_mut().replace_range(at..at + LENGTH, &"x".repeat(LENGTH));
            at += LENGTH;
        } else {
            at += 1;
        }
    }
    kept
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

    const PHONES: &str = "+1 337-782-1033 461-320-8117 979-660-7737";
    const ADDRESSES: &str = "10.0.197.153 10.0.124.224 10.0.107.199 10.0.210.255";
    const UUIDS: &str = "for 839603ab-4062-4027-8868-3873abcdef01";
    const TIMES: &str = "2026-01-23 14.17.46 2026-04-19 03.57.20 2026-01-01 00.41.34";

    #[test]
    fn test_cards_are_found_however_they_are_written() {
        for text in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "card 4242-4242-4242-4242, please",
            "378282246310005",
            "4222222222222",
            "note:5555555555554444!",
            "4242 4242 4242 4242 12/27",
            "4242 4242 4242 4242 03-29",
            "4242424242424242 123",
            "4242-4242-4242-4242-123",
            "7 4242424242424242",
            "call 555 010 9999 4242424242424242",
            "4242.4242.4242.4242",
            "4242\u{a0}4242\u{a0}4242\u{a0}4242",
            "4242  4242  4242  4242",
            "4242 - 4242 - 4242 - 4242",
            "4242\u{2013}4242\u{2013}4242\u{2013}4242 12",
            "3782 822463 10005 12/27",
            "4242 424242 424242",
            "6210 9468 2000 0000 007 99",
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
            // A part of each of these has as many digits as a card, and passes the Luhn check.
            PHONES,
            ADDRESSES,
            UUIDS,
            TIMES,
        ] {
            assert!(!contains_card_number(text), "{text}");
        }
    }
}
