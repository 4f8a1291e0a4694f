//! A release build has no Stripe sandbox. `stripe-sandbox/tests/standalone.rs` compiles this file by itself.

#[cfg(all(feature = "sandbox", not(debug_assertions), not(feature = "sandbox-in-release")))]
compile_error!(
    "a release build is made without the Stripe sandbox: cargo build --release --no-default-features \
     (to have it all the same, for a benchmark or a demonstration: --features sandbox-in-release)"
);
