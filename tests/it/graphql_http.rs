//! The endpoint passes every audit of the npm package `graphql-http` without a warning.

use std::path::Path;

use crate::support::TestApp;

#[tokio::test]
async fn every_audit_of_graphql_over_http_passes_without_a_warning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/graphql-http");
    assert!(
        folder.join("node_modules").is_dir(),
        "the audits are not installed: run `npm ci` in tests/graphql-http, or `cargo xtask test`, which does"
    );
    let app = TestApp::start().await;
    let url = format!("http://{}/graphql", app.address);
    let audit = tokio::task::spawn_blocking(move || {
        std::process::Command::new("node").arg("audit.mjs").arg(url).current_dir(folder).output()
    });
    let output = audit.await.expect("the task ends").expect("node runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}");
    let last = printed.trim().lines().last().unwrap_or_default();
    assert_eq!(last, "61 passed, 0 failed");
}
