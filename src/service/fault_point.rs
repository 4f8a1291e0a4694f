//! Places where a test makes a process stand still, to kill it there and see what the next process makes of what it left.
//! Only builds for development and tests have them.

/// Stands still here for ever, when `TOLLGATE_FAULT_POINT` says so: the operation's kind, `@`, and the place. With any other value,
/// `*` for instance, each place that is passed is only told.
///
/// The places of an operation: `opened`, written down and nothing asked; `before-STEP`, each time before Stripe is asked;
/// `customer-answered`, with the customer that was made and not written; `answered`, with all of Stripe's answers and nothing of them written; `settling`, written and not committed; `settled`,
/// committed and not yet told the caller; `failed`, the same of one that left something to be done.
#[cfg(any(debug_assertions, feature = "sandbox"))]
pub(super) fn reach(kind: &str, place: impl FnOnce() -> String) {
    use std::sync::OnceLock;
    static WANTED: OnceLock<Option<String>> = OnceLock::new();
    let Some(wanted) = WANTED.get_or_init(|| std::env::var("TOLLGATE_FAULT_POINT").ok()) else { return };
    let point = format!("{kind}@{}", place());
    eprintln!("fault point passed: {point}");
    if *wanted == point {
        eprintln!("fault point reached: {wanted}");
        loop {
            std::thread::park();
        }
    }
}

#[cfg(not(any(debug_assertions, feature = "sandbox")))]
pub(super) fn reach(_kind: &str, _place: impl FnOnce() -> String) {}
