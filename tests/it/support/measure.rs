//! Tests that measure: how often, up to which bound, and what they print.

use std::time::Duration;

/// How often it is measured: so many times, unless the variable says more.
pub fn rounds(variable: &str, rounds: usize) -> usize {
    let given = std::env::var(variable).ok();
    given.map_or(rounds, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// What may be taken at p95, unless the variable names other milliseconds.
pub fn bound(variable: &str, bound: Duration) -> Duration {
    let given = std::env::var(variable).ok();
    given.map_or(bound, |text| {
        Duration::from_millis(
            text.parse().unwrap_or_else(|_| panic!("{variable} is a number of milliseconds")),
        )
    })
}

/// Prints p50 and p95, and fails above the bound.
pub fn report(what: &str, mut took: Vec<Duration>, bound: Duration) {
    took.sort();
    let percentile = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    let (middle, high) = (percentile(50), percentile(95));
    eprintln!("{what}: {} times, {middle:.1?} at p50, {high:.1?} at p95", took.len());
    assert!(high < bound, "{what}: {high:?} at p95, and {bound:?} is the bound");
}
