//! One pass over the bytes, before the parser: it bounds what parsing can cost. The parser recurses over brackets
//! and builds several objects a token.

use super::limits::{DocumentLimits, Limit, Refusal, at_most};

/// What the text measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lexemes {
    /// Lexical tokens.
    pub tokens: u64,
    /// Brackets of any kind open at once, at most.
    pub brackets: u64,
    /// Directives.
    pub directives: u64,
    /// Length of the longest name, in bytes.
    pub name_bytes: u64,
}

/// Measures the text and refuses it when it is over a limit. What is no token of GraphQL counts as one: the parser
/// says what is wrong with it.
pub(super) fn scan(text: &str, limits: &DocumentLimits) -> Result<Lexemes, Refusal> {
    at_most(Limit::Bytes, text.len() as u64, limits.bytes)?;
    let lexemes = measure(text.as_bytes());
    at_most(Limit::Tokens, lexemes.tokens, limits.tokens)?;
    at_most(Limit::Brackets, lexemes.brackets, limits.brackets)?;
    at_most(Limit::Directives, lexemes.directives, limits.directives)?;
    at_most(Limit::NameBytes, lexemes.name_bytes, limits.name_bytes)?;
    Ok(lexemes)
}

fn measure(text: &[u8]) -> Lexemes {
    let mut lexemes = Lexemes::default();
    let mut open: u64 = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let length = match byte {
            b' ' | b',' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            0xEF if text[at..].starts_with("\u{feff}".as_bytes()) => {
                at += 3;
                continue;
            }
            b'#' => {
                at += length_while(&text[at..], |byte| byte != b'\n' && byte != b'\r');
                continue;
            }
            b'{' | b'(' | b'[' => {
                open += 1;
                lexemes.brackets = lexemes.brackets.max(open);
                1
            }
            b'}' | b')' | b']' => {
                open = open.saturating_sub(1);
                1
            }
            b'@' => {
                lexemes.directives += 1;
                1
            }
            b'"' => string_length(&text[at..]),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let length = length_while(&text[at..], |byte| byte == b'_' || byte.is_ascii_alphanumeric());
                lexemes.name_bytes = lexemes.name_bytes.max(length as u64);
                length
            }
            b'-' | b'0'..=b'9' => {
                1 + length_while(&text[at + 1..], |byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_')
                })
            }
            b'.' if text[at..].starts_with(b"...") => 3,
            _ => 1,
        };
        lexemes.tokens += 1;
        at += length;
    }
    lexemes
}

fn length_while(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|byte| !belongs(*byte)).unwrap_or(text.len())
}

/// The length of the string that `text` begins with, quotes included. A string without an end reaches as far as it
/// could: to the end of its line, or of the text for a block string.
fn string_length(text: &[u8]) -> usize {
    if text.starts_with(b"\"\"\"") {
        let mut at = 3;
        while at < text.len() {
            if text[at..].starts_with(b"\\\"\"\"") {
                at += 4;
            } else if text[at..].starts_with(b"\"\"\"") {
                return at + 3;
            } else {
                at += 1;
            }
        }
        return text.len();
    }
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\n' | b'\r' => return at,
            b'\\' if !matches!(text.get(at + 1), None | Some(b'\n' | b'\r')) => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> u64 {
        measure(text.as_bytes()).tokens
    }

    #[test]
    fn tokens_are_counted_as_graphql_counts_them() {
        assert_eq!(tokens("{ viewer { id } }"), 6);
        assert_eq!(tokens("query Q($a: [Int!]! = [1, -2.5e+3]) { f(a: $a) ...F }"), 28);
        assert_eq!(tokens("\u{feff} , \t # { { {\n { a }"), 3);
        assert_eq!(tokens(""), 0);
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let brackets = |text: &str| measure(text.as_bytes()).brackets;
        assert_eq!(brackets(r#"{ f(a: "{{{{ \" {{{{") }"#), 2);
        assert_eq!(brackets("{ f(a: \"\"\"{{{ \\\"\"\" {{{ \" {{\"\"\") } # {{{{{"), 2);
        assert_eq!(brackets("{ f(a: {b: [[1]]}) }"), 5);
    }

    #[test]
    fn a_string_without_an_end_stops_at_its_line() {
        assert_eq!(measure(b"{ f(a: \"oops\n {{{").brackets, 5);
        assert_eq!(tokens("\"\"\" never ends { {"), 1);
        assert_eq!(tokens("\"\\"), 1);
    }

    #[test]
    fn the_longest_name_is_measured() {
        assert_eq!(measure(b"{ a abc ab_d1 }").name_bytes, 5);
    }
}
