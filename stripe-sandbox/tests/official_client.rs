//! Stripe's official client for Node.js, installed from its registry, works against the sandbox as against Stripe.

#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

use std::path::Path;

use stripe_sandbox::{API_VERSION, Sandbox};

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_finds_its_stripe_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/official-client");
    assert!(
        folder.join("node_modules/stripe").is_dir(),
        "the client is not installed: run `npm ci` in tests/official-client, or `cargo xtask test`, which does"
    );
    let sandbox = Sandbox::builder().seed(1).start(([127, 0, 0, 1], 0).into()).await.unwrap();
    let output = tokio::process::Command::new("node")
        .arg("drive.mjs")
        .arg(sandbox.base_url())
        .current_dir(folder)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), output)
        .await
        .expect("the client is through within a minute")
        .expect("node runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}");
    assert_eq!(printed.trim().lines().last(), Some("7 steps passed"));
    let requests = sandbox.requests();
    assert!(requests.iter().all(|request| request.stripe_version.as_deref() == Some(API_VERSION)));
    let subscription = &sandbox.objects("subscription")[0];
    assert_eq!(
        (&subscription["status"], &subscription["items"]["data"][0]["quantity"]),
        (&"active".into(), &3.into())
    );
    sandbox.shutdown().await;
}
