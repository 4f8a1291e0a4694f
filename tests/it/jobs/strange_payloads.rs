//! What payloads may say, and what must not come of it.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate::domain::stripe_event::EventState;

use crate::hard_cases::{object, quiet, shown, subscribed};
use crate::mutations::invoice_change::sent_invoice;
use crate::support::webhook::{apply, event, in_state, send};
use crate::support::{TestApp, text};

/// Times that no calendar of four digits has, in Unix seconds: the year 10000, the end of what chrono can count, more
/// than that, and before the first year.
const STRANGE: [i64; 5] = [253_402_300_800, 8_210_266_876_799, i64::MAX, -62_200_000_000, i64::MIN];

/// Whether a time is told as RFC 3339 has it: with a year of four digits.
fn is_readable(time: &Value) -> bool {
    let year = time.as_str().and_then(|time| time.split('-').next()).unwrap_or_default();
    year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit())
}

#[tokio::test]
async fn times_of_no_calendar_are_applied_and_can_be_read() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    for (number, strange) in STRANGE.into_iter().enumerate() {
        let mut subscription = object(&app, "subscription", &of.subscription);
        subscription["cancel_at"] = strange.into();
        subscription["trial_end"] = strange.into();
        subscription["items"]["data"][0]["current_period_end"] = strange.into();
        let seconds = i64::try_from(number).expect("a small number") + 2;
        let id = format!("evt_strange_{number}");
        apply(&app, &event(&id, "customer.subscription.updated", seconds, &subscription)).await;
        let read = shown(&of, "subscription { currentPeriodEnd trialEnd } accessState { level until }").await;
        for name in ["trialEnd", "currentPeriodEnd"] {
            assert!(is_readable(&read["subscription"][name]), "{strange}: {read:#}");
        }
    }
    // What is worked out from them is worked out, and the next event is applied like any other.
    app.service.remind_debtors().await.expect("a round");
    app.service.recover_subscriptions().await.expect("a round");
    let now = object(&app, "subscription", &of.subscription);
    apply(&app, &event("evt_again", "customer.subscription.updated", 60, &now)).await;
    let read = shown(&of, "subscription { currentPeriodEnd trialEnd }").await;
    assert_eq!(read["subscription"]["trialEnd"], Value::Null, "{read:#}");
}

#[tokio::test]
async fn an_event_of_a_strange_time_is_stored_and_listed() {
    let app = quiet().await;
    let of = subscribed(&app).await;
    for (number, strange) in STRANGE.into_iter().enumerate() {
        let id = format!("evt_when_{number}");
        let mut told =
            event(&id, "customer.subscription.updated", 0, &object(&app, "subscription", &of.subscription));
        told["created"] = strange.into();
        assert_eq!(send(&app, &told).await, 200, "{strange}");
        in_state(&app, &id, EventState::Applied).await;
    }
    let query = "{ stripeEvents { nodes { eventId state stripeCreatedAt } } }";
    let listed = app.staff().send(query, json!({})).await;
    let nodes = listed.data()["stripeEvents"]["nodes"].as_array().expect("events");
    assert_eq!(nodes.len(), STRANGE.len(), "{:#}", listed.body);
    assert!(nodes.iter().all(|node| is_readable(&node["stripeCreatedAt"])), "{nodes:#?}");
}

async fn listed(app: &TestApp, organization: &str) -> usize {
    let query = "query($id: ID!) { invoices(organizationId: $id) { totalCount nodes { id } } }";
    let answer = app.client("olivia").send(query, json!({ "id": organization })).await;
    let invoices = &answer.data()["invoices"];
    assert_eq!(invoices["totalCount"], invoices["nodes"].as_array().expect("nodes").len());
    invoices["nodes"].as_array().expect("nodes").len()
}

#[tokio::test]
async fn a_draft_that_is_deleted_at_stripe_disappears() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let organization = app.organization(&owner, "acme").await;
    app.card(&owner, &organization, "pm_card_visa").await;
    sent_invoice(&app, &owner, &organization, "2500").await;
    assert_eq!(listed(&app, &organization).await, 1);
    let id = text(&app.sandbox.objects("invoice")[0]["id"]);
    app.at_stripe(Method::DELETE, &format!("invoices/{id}"), &[]).await;
    app.settled().await;
    assert_eq!(listed(&app, &organization).await, 0);
}
