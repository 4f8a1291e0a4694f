//! docs/hard-cases.md says the truth: every number is there once, and every test that it names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The words `case_NN_…` of a text; those that are cut short with `…` stand for all that begin so.
fn named(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c: char| !is_word(c)).filter(|word| word.starts_with("case_")).map(str::to_owned).collect()
}

/// The tests below the folder, by their definitions and not by their mention.
fn defined(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.append(&mut defined(&path));
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let mut is_test = false;
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with("#[") {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                assert!(!line.starts_with("#[ignore"), "{} leaves a test out", path.display());
            } else if let Some((_, name)) = line.split_once("fn case_").filter(|_| is_test) {
                let name: String =
                    name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                found.insert(format!("case_{name}"));
                is_test = false;
            } else if line.contains("fn ") {
                is_test = false;
            }
        }
    }
    found
}

/// Cases of what the gateway does not do yet: erasure, the chain of the audit log.
const NOT_BUILT: [u32; 2] = [81, 82];

#[test]
fn every_hard_case_is_listed_with_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(root.join("docs/hard-cases.md")).expect("the list");
    let tests = defined(&root.join("tests/it"));
    assert!(tests.len() >= 60, "the tests were found: {tests:?}");
    let mut numbers = Vec::new();
    for row in list.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let Ok(number) = cells[0].parse::<u32>() else { continue };
        numbers.push(number);
        let own = format!("case_{number:02}_");
        for name in named(cells[2]) {
            let exists =
                tests.iter().any(|test| *test == name || (name.ends_with('_') && test.starts_with(&name)));
            assert!(exists, "case {number} names {name}, which is no test");
        }
        let has_own = named(cells[2]).iter().any(|name| name.starts_with(&own));
        assert!(
            has_own
                || cells[2].starts_with("Does not apply")
                || (NOT_BUILT.contains(&number) && cells[2].starts_with("Not built yet")),
            "case {number} has neither a test nor a reason"
        );
    }
    let expected: Vec<u32> = (1..=u32::try_from(numbers.len()).expect("few")).collect();
    assert_eq!(numbers, expected, "each number once, in order");
    assert_eq!(numbers.len(), 83, "all cases");
    let is_listed =
        |test: &String| numbers.iter().any(|number| test.starts_with(&format!("case_{number:02}_")));
    let forgotten: Vec<&String> = tests.iter().filter(|test| !is_listed(test)).collect();
    assert!(forgotten.is_empty(), "tests of cases that the list does not have: {forgotten:?}");
}
