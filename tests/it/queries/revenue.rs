//! What recurs, by day and currency.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tollgate::domain::clock::FixedClock;

use crate::mutations::member::done;
use crate::support::{TestApp, TestOptions, text};

const REPORT: &str = "query($since: Date!, $until: Date!) { revenueReport(since: $since, until: $until) {
    day currency monthly { minorUnits } new { minorUnits } reactivation { minorUnits } expansion { minorUnits }
    contraction { minorUnits } churn { minorUnits } subscriptions trials pastDue pastDueMonthly { minorUnits } } }";

/// Each day as its figures: monthly, new, reactivation, expansion, contraction, churn; subscriptions, trials.
async fn report(app: &TestApp, since: &str, until: &str) -> Vec<(String, Vec<i64>)> {
    let answer = app.staff().send(REPORT, json!({ "since": since, "until": until })).await;
    let days = answer.data()["revenueReport"].as_array().expect("days").clone();
    let number = |value: &Value| text(value).parse::<i64>().expect("a number");
    days.iter()
        .map(|day| {
            let moved = ["monthly", "new", "reactivation", "expansion", "contraction", "churn"];
            let moved = moved.iter().map(|name| number(&day[*name]["minorUnits"]));
            let counted = ["subscriptions", "trials"].iter().map(|name| number(&day[*name]));
            (text(&day["day"]), moved.chain(counted).collect())
        })
        .collect()
}

#[tokio::test]
async fn what_moves_revenue_is_reported_on_its_day_and_stays_as_it_was_said() {
    let moment: DateTime<Utc> = "2027-03-01T12:00:00Z".parse().expect("a time");
    let clock = Arc::new(FixedClock::new(moment));
    let options =
        TestOptions { clock: Arc::clone(&clock) as _, deliver_webhooks: false, ..TestOptions::default() };
    let app = TestApp::start_with(options).await;
    let small = app.paid_plan("small", 1_000, 0).await;
    let large = app.paid_plan("large", 5_000, 0).await;
    let trial = app.paid_plan("trial", 900, 14).await;
    let (owner, acme) = (app.client("olivia"), app.organization(&app.client("olivia"), "acme").await);
    app.card(&owner, &acme, "pm_card_visa").await;
    let begun = app.subscribe(&owner, &acme, &small).await;
    assert_eq!(begun["subscription"]["status"], "ACTIVE", "{begun:#}");
    let neighbour = app.client("nadia");
    let globex = app.organization(&neighbour, "globex").await;
    app.card(&neighbour, &globex, "pm_card_visa").await;
    let tried = app.subscribe(&neighbour, &globex, &trial).await;
    assert_eq!(tried["subscription"]["status"], "TRIALING", "{tried:#}");
    let first = vec![("2027-03-01".to_owned(), vec![1_000, 1_000, 0, 0, 0, 0, 1, 1])];
    assert_eq!(report(&app, "2027-03-01", "2027-03-02").await, first);

    clock.advance(chrono::Duration::days(2));
    let owner = app.client("olivia");
    let subscription = begun["subscription"]["id"].clone();
    let input = json!({ "subscriptionId": subscription, "planId": large });
    done(&owner, "subscriptionChange", input, "subscription { status }").await;
    clock.advance(chrono::Duration::days(1));
    let owner = app.client("olivia");
    let input = json!({ "subscriptionId": subscription, "when": "NOW" });
    done(&owner, "subscriptionCancel", input, "subscription { status }").await;
    let day = |day: &str, figures: [i64; 8]| (format!("2027-03-{day}"), figures.to_vec());
    assert_eq!(
        report(&app, "2027-02-27", "2027-03-06").await,
        [
            day("01", [1_000, 1_000, 0, 0, 0, 0, 1, 1]),
            day("02", [1_000, 0, 0, 0, 0, 0, 1, 1]),
            day("03", [5_000, 0, 0, 4_000, 0, 0, 1, 1]),
            day("04", [0, 0, 0, 0, 0, 5_000, 0, 1]),
            day("05", [0, 0, 0, 0, 0, 0, 0, 1]),
        ]
    );
    assert_eq!(report(&app, "2027-03-01", "2027-03-02").await, first, "what was said of a day stays");
    assert_eq!(report(&app, "2027-03-04", "2027-03-05").await, [day("04", [0, 0, 0, 0, 0, 5_000, 0, 1])]);
}

#[tokio::test]
async fn a_report_is_for_platform_staff_and_bounded() {
    let app = TestApp::start().await;
    let variables = json!({ "since": "2027-01-01", "until": "2027-01-02" });
    assert_eq!(app.client("olivia").send(REPORT, variables.clone()).await.code(), "FORBIDDEN");
    assert_eq!(app.staff().send(REPORT, variables).await.data()["revenueReport"], json!([]));
    for (since, until) in [("2027-01-02", "2027-01-02"), ("2027-01-01", "2028-03-01")] {
        let answer = app.staff().send(REPORT, json!({ "since": since, "until": until })).await;
        assert_eq!(answer.code(), "BAD_USER_INPUT", "{since} to {until}");
    }
}
