//! Random documents: the guard agrees with counting by hand on a document whose fragments are written out, and never
//! panics on what is no document.

use std::fmt::Write;

use async_graphql::Variables;
use async_graphql_parser::parse_query;
use async_graphql_parser::types::{ExecutableDocument, Selection, SelectionSet};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::super::{DocumentGuard, DocumentLimits, Limit, Refusal};
use super::guard;

/// Fields of `User` and `Query` that lead to a `User`, or nowhere.
fn selection_set(rng: &mut StdRng, depth: u32, fragments: &[String]) -> String {
    let mut text = String::from("{ ");
    for _ in 0..rng.random_range(1..=3) {
        let alias =
            if rng.random_bool(0.2) { format!("a{}: ", rng.random_range(0..9)) } else { String::new() };
        match rng.random_range(0..6) {
            0 if !fragments.is_empty() => {
                text.push_str("...");
                text.push_str(fragments.choose(rng).unwrap());
            }
            1 if depth > 0 => {
                text.push_str(["... ", "... on User "].choose(rng).unwrap());
                text.push_str(&selection_set(rng, depth - 1, fragments));
            }
            2 if depth > 0 => {
                write!(text, "{alias}best {}", selection_set(rng, depth - 1, fragments)).unwrap();
            }
            3 if depth > 0 => {
                write!(text, "{alias}friends {}", selection_set(rng, depth - 1, fragments)).unwrap();
            }
            4 if depth > 0 => {
                let first = rng.random_range(0..120);
                let inner = selection_set(rng, depth - 1, fragments);
                write!(
                    text,
                    "{alias}organizations(first: {first}) {{ nodes {{ owner {inner} }} totalCount }}"
                )
                .unwrap();
            }
            _ => write!(text, "{alias}{}", ["id", "name", "__typename"].choose(rng).unwrap()).unwrap(),
        }
        text.push(' ');
    }
    text + "}"
}

/// A document whose fragments spread only those that come after them.
fn document(rng: &mut StdRng) -> String {
    let names: Vec<String> = (0..rng.random_range(0..5)).map(|index| format!("F{index}")).collect();
    let mut text = format!("{{ viewer {} }}", selection_set(rng, 3, &names));
    for (index, name) in names.iter().enumerate() {
        write!(text, " fragment {name} on User {}", selection_set(rng, 2, &names[index + 1..])).unwrap();
    }
    text
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    selections: u64,
    aliases: u64,
    depth: u64,
    cost: u64,
}

/// Counts by writing every fragment out. `items` is the page that the selection set is the content of, if it is one.
fn count(
    document: &ExecutableDocument,
    set: &SelectionSet,
    items: Option<u64>,
    depth: u64,
    times: u64,
    into: &mut Counts,
) {
    for selection in &set.items {
        into.selections += 1;
        match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                into.aliases += u64::from(field.alias.is_some());
                into.depth = into.depth.max(depth);
                into.cost += times;
                let (items, times) = match field.name.node.as_str() {
                    "organizations" => {
                        let first = field.get_argument("first").unwrap().node.clone().into_json().unwrap();
                        (Some(first.as_u64().unwrap().min(100)), times)
                    }
                    "nodes" => (None, times * items.unwrap()),
                    "friends" => (None, times * 10),
                    _ => (None, times),
                };
                count(document, &field.selection_set.node, items, depth + 1, times, into);
            }
            Selection::InlineFragment(inline) => {
                count(document, &inline.node.selection_set.node, items, depth, times, into);
            }
            Selection::FragmentSpread(spread) => {
                let fragment = &document.fragments[&spread.node.fragment_name.node];
                count(document, &fragment.node.selection_set.node, items, depth, times, into);
            }
        }
    }
}

/// What a guard measures by one limit: it says so when the limit is 0.
fn measured(limits: DocumentLimits, query: &str) -> (Option<Limit>, u64) {
    match guard(limits).check(query, None, &Variables::default()) {
        Err(Refusal::TooComplex { limit, measured, .. }) => (Some(limit), measured),
        Ok(_) => (None, 0),
        Err(other) => panic!("{query}: {other}"),
    }
}

fn unlimited() -> DocumentLimits {
    DocumentLimits {
        selections: u64::MAX,
        aliases: u64::MAX,
        merges: u64::MAX,
        cost: u64::MAX,
        ..DocumentLimits::default()
    }
}

#[test]
fn the_guard_agrees_with_counting_by_hand() {
    let mut largest = Counts::default();
    for seed in 0..400 {
        let query = document(&mut StdRng::seed_from_u64(seed));
        let parsed = parse_query(&query).unwrap();
        let mut counts = Counts::default();
        let (_, operation) = parsed.operations.iter().next().unwrap();
        count(&parsed, &operation.node.selection_set.node, None, 1, 1, &mut counts);
        let by_guard = Counts {
            selections: measured(DocumentLimits { selections: 0, ..unlimited() }, &query).1,
            aliases: measured(DocumentLimits { aliases: 0, ..unlimited() }, &query).1,
            depth: measured(DocumentLimits { depth: 0, ..unlimited() }, &query).1,
            cost: measured(DocumentLimits { cost: 0, ..unlimited() }, &query).1,
        };
        assert_eq!(by_guard, counts, "seed {seed}: {query}");
        largest.selections = largest.selections.max(counts.selections);
        largest.cost = largest.cost.max(counts.cost);
    }
    assert!(largest.selections > 100 && largest.cost > 10_000, "the documents are too small: {largest:?}");
}

/// Changes a text as a clumsy or a hostile hand would: cuts, doubles, swaps and strews in what the lexer cares about.
fn mangle(rng: &mut StdRng, text: &str) -> String {
    const PIECES: &[&str] = &[
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "...",
        "@skip(if: ",
        "$v",
        ":",
        "\"",
        "\"\"\"",
        "\\",
        "#",
        "\n",
        "\r",
        "!",
        "=",
        "on",
        "fragment F0 on User",
        "query",
        "null",
        "-1.5e9",
        "\u{feff}",
        "é",
        "\u{1F3C3}",
        "\0",
        "F0",
        "1a",
        "..",
    ];
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..rng.random_range(1..8) {
        let at = rng.random_range(0..=characters.len());
        match rng.random_range(0..4) {
            0 => characters.truncate(at),
            1 => {
                let piece = PIECES.choose(rng).unwrap();
                characters.splice(at..at, piece.chars());
            }
            2 if at < characters.len() => {
                characters.remove(at);
            }
            _ => {
                let end = rng.random_range(at..=characters.len());
                let copy: Vec<char> = characters[at..end].to_vec();
                characters.splice(at..at, copy);
            }
        }
    }
    characters.into_iter().collect()
}

#[test]
fn no_text_makes_the_guard_panic() {
    let strict = guard(DocumentLimits::default());
    let mut refused = 0;
    for seed in 0..3_000 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut text = document(&mut rng);
        for _ in 0..rng.random_range(1..4) {
            text = mangle(&mut rng, &text);
        }
        refused += u32::from(strict.check(&text, None, &Variables::default()).is_err());
    }
    assert!((500..3_000).contains(&refused), "{refused} of 3000 were refused");
}

#[test]
fn the_lexer_sees_every_bracket_that_the_parser_would_recurse_over() {
    // Deep enough for a stack to overflow, were it parsed.
    let guard: DocumentGuard =
        guard(DocumentLimits { bytes: u64::MAX, tokens: u64::MAX, ..DocumentLimits::default() });
    let deep = 100_000;
    for (open, close) in [("{a", "}"), ("[", "]"), ("{a:", "}"), ("(a:[", "])")] {
        for prefix in [
            "{ a(b: ",
            "",
            "query Q($a: ",
            "# \" \"\"\"\n{ a(b: \"#\" c: ",
            "{ a(b: \"\"\" \\\"\"\" \"\"\" c: ",
        ] {
            let text = format!("{prefix}{}{}", open.repeat(deep), close.repeat(deep));
            let refusal = guard.check(&text, None, &Variables::default()).unwrap_err();
            assert!(matches!(refusal, Refusal::TooComplex { limit: Limit::Brackets, .. }), "{refusal}");
        }
    }
}
