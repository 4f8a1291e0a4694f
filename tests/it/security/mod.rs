//! What an organization's security settings promise, broken on purpose: each is refused with its own reason, where it was
//! promised and nowhere else.

mod keys;
mod lasting;
mod lock_out;
mod sessions;

use serde_json::{Value, json};

use crate::mutations::member::ask;
use crate::mutations::settings::at;
use crate::support::{Answer, Client, TestApp, TestOptions};

/// A gateway behind a proxy that it trusts: the tests say where requests come from.
async fn behind_proxy() -> TestApp {
    let mut options = TestOptions::default();
    options.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    TestApp::start_with(options).await
}

/// The same client from another address.
fn from(client: &Client, address: &str) -> Client {
    let mut moved = client.clone();
    moved.comes_from = Some(address.to_owned());
    moved
}

/// Looks at an organization.
async fn look(client: &Client, organization: &str) -> Answer {
    client.send("query($id: ID!) { organization(id: $id) { slug } }", json!({ "id": organization })).await
}

/// The reason for which somebody may not look at an organization; nothing when they may.
async fn reason(client: &Client, organization: &str) -> Option<String> {
    let answer = look(client, organization).await;
    let error = answer.body["errors"].as_array().and_then(|errors| errors.first().cloned())?;
    let reason = error["extensions"]["reason"].as_str().map(str::to_owned);
    if reason.is_some() {
        assert_eq!(error["extensions"]["code"], "FORBIDDEN", "{error:#}");
    }
    Some(reason.unwrap_or_else(|| error["extensions"]["code"].as_str().unwrap_or("no code").to_owned()))
}

/// Changes security settings that must be taken.
async fn secure(client: &Client, organization: &str, version: i64, fields: Value) {
    let answer = ask(client, "settingsSecurityUpdate", at(organization, version, fields), "").await;
    crate::mutations::member::payload(&answer, "settingsSecurityUpdate");
}
