//! Who may name whom: the borders between the rooms, held by a search.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The lines of `src` that contain one of `words`, outside the rooms that may.
fn trespasses(words: &[&str], rooms: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    assert!(files.len() > 50, "the sources were found");
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
        if rooms.iter().any(|room| name.starts_with(room)) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| names(code, word)) {
                found.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    found
}

/// Whether the code has the word, not as the end of a longer one.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[track_caller]
fn only_in(words: &[&str], rooms: &[&str]) {
    let found = trespasses(words, rooms);
    assert!(found.is_empty(), "{words:?} may stand in {rooms:?} only:\n{}", found.join("\n"));
}

#[test]
fn only_the_store_knows_the_database() {
    only_in(&["sea_orm::", "sea_query::", "entity::", "migration::"], &["src/store/"]);
}

#[test]
fn only_payments_knows_stripes_types() {
    only_in(
        &[
            "stripe_shared::",
            "stripe_core::",
            "stripe_billing::",
            "stripe_payment::",
            "stripe_product::",
            "stripe_webhook::",
            "stripe_client_core::",
            "stripe_types::",
        ],
        &["src/payments/"],
    );
}

#[test]
fn only_the_schema_and_its_endpoint_know_async_graphql() {
    only_in(
        &["async_graphql"],
        &["src/graphql/", "src/http/graphql", "src/http/document", "src/http/executor.rs"],
    );
}

#[test]
fn only_delivery_knows_mails_and_languages() {
    only_in(
        &["lettre::", "fluent_bundle::", "icu_datetime::", "icu_decimal::", "icu_locale_core::", "maud::"],
        &["src/delivery/"],
    );
}

#[test]
fn only_http_knows_axum() {
    only_in(&["axum::"], &["src/http/", "src/app.rs"]);
}

#[test]
fn the_domain_names_nothing_of_ours() {
    let names = [
        "crate::store",
        "crate::service",
        "crate::payments",
        "crate::graphql",
        "crate::http",
        "crate::auth",
        "crate::jobs",
        "crate::config",
    ];
    let elsewhere: Vec<String> =
        trespasses(&names, &[]).into_iter().filter(|line| line.starts_with("src/domain/")).collect();
    assert!(elsewhere.is_empty(), "{}", elsewhere.join("\n"));
}

#[test]
fn each_room_names_only_those_below_it() {
    let borders: [(&str, &[&str]); 6] = [
        (
            "src/store/",
            &[
                "crate::service",
                "crate::graphql",
                "crate::http",
                "crate::auth",
                "crate::jobs",
                "crate::payments",
                "crate::config",
            ],
        ),
        (
            "src/payments/",
            &[
                "crate::store",
                "crate::service",
                "crate::graphql",
                "crate::http",
                "crate::auth",
                "crate::jobs",
            ],
        ),
        (
            "src/delivery/",
            &[
                "crate::store",
                "crate::service",
                "crate::graphql",
                "crate::http",
                "crate::auth",
                "crate::jobs",
                "crate::payments",
                "crate::config",
            ],
        ),
        (
            "src/auth/",
            &[
                "crate::store",
                "crate::service",
                "crate::graphql",
                "crate::http",
                "crate::jobs",
                "crate::payments",
            ],
        ),
        ("src/service/", &["crate::graphql", "crate::http", "crate::jobs", "crate::auth"]),
        ("src/graphql/", &["crate::http", "crate::jobs", "crate::payments", "crate::app"]),
    ];
    for (room, forbidden) in borders {
        let found: Vec<String> =
            trespasses(forbidden, &[]).into_iter().filter(|line| line.starts_with(room)).collect();
        assert!(found.is_empty(), "{room} names a room above it:\n{}", found.join("\n"));
    }
}

#[test]
fn time_and_randomness_are_injected() {
    let found: Vec<String> = trespasses(
        &["Utc::now(", "SystemTime::now(", "Uuid::now_v7(", "Uuid::new_v4(", "rand::rng(", "rand::random("],
        &["src/domain/clock.rs", "src/domain/ids.rs", "src/payments/transport"],
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}
