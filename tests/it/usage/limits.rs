//! Hard limits refuse, and nobody gets past them however many come at once.

use serde_json::{Value, json};

use super::{app_at, event, number, record, recorded, subscribed, usage};
use crate::mutations::member::done;
use crate::support::TestApp;

fn hard(included: i64) -> Value {
    json!({ "calls": { "meter": "api_calls", "included": included, "limit": "hard" } })
}

#[tokio::test]
async fn what_is_above_a_hard_limit_is_refused_by_its_place() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, hard(10)).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "8")])).await;
    // In the order in which they were sent: one that does not fit does not keep out a smaller one.
    let events = json!([
        event("api_calls", "b", "3"),
        event("api_calls", "c", "2"),
        event("api_calls", "a", "8"),
        event("api_calls", "d", "0.1"),
        event("seats", "e", "500"),
    ]);
    let (accepted, duplicates, errors) = record(&owner, &acme, events).await;
    assert_eq!((accepted, duplicates), (2, json!([2])));
    let refused =
        ["events.0.quantity", "events.3.quantity"].map(|path| ("LIMIT_EXCEEDED".to_owned(), path.to_owned()));
    assert_eq!(errors, refused);
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "10");
    // What is taken back makes room, and what was refused may come again.
    recorded(&owner, &acme, json!([event("api_calls", "back", "-3"), event("api_calls", "b", "3")])).await;
    assert_eq!(record(&owner, &acme, json!([event("api_calls", "f", "0.1")])).await.0, 0);
}

#[tokio::test]
async fn sixty_four_clients_at_once_do_not_overshoot() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, hard(1_000)).await;
    let clients = (0..64).map(|client| {
        let (owner, acme) = (owner.clone(), acme.clone());
        async move {
            let mut accepted = 0;
            for round in 0..3 {
                let events: Vec<Value> = (0..10)
                    .map(|number| event("api_calls", &format!("{client}-{round}-{number}"), "1"))
                    .collect();
                accepted += record(&owner, &acme, json!(events)).await.0;
            }
            accepted
        }
    });
    let accepted: i64 = futures::future::join_all(clients).await.into_iter().sum();
    assert_eq!(accepted, 1_000, "all there is, and no more");
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "1000");
}

#[tokio::test]
async fn a_soft_limit_refuses_nothing() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, json!({ "api_calls": 10 })).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "25")])).await;
    let query =
        "query($id: ID!) { entitlements(organizationId: $id) { feature limit limitKind used remaining } }";
    let answer = owner.send(query, json!({ "id": acme })).await;
    assert_eq!(
        answer.data()["entitlements"],
        json!([{ "feature": "api_calls", "limit": "10", "limitKind": "SOFT", "used": "25", "remaining": "0" }])
    );
}

#[tokio::test]
async fn a_new_period_begins_with_nothing_used() {
    let (app, clock) = app_at("2027-03-31T23:00:00Z").await;
    let (owner, acme) = subscribed(&app, hard(10)).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "10")])).await;
    assert_eq!(record(&owner, &acme, json!([event("api_calls", "b", "1")])).await.0, 0);
    clock.advance(chrono::Duration::hours(2));
    let owner = app.client("olivia");
    recorded(&owner, &acme, json!([event("api_calls", "b", "10")])).await;
    // What comes late counts in its own month, which is full.
    let late = json!([{ "meter": "api_calls", "eventId": "c", "occurredAt": "2027-03-31T23:30:00Z" }]);
    let refused = vec![("LIMIT_EXCEEDED".to_owned(), "events.0.quantity".to_owned())];
    assert_eq!(record(&owner, &acme, late).await, (0, json!([]), refused));
}

#[tokio::test]
async fn different_values_are_bounded_by_how_many_there_are() {
    let app = TestApp::start().await;
    let input = json!({ "name": "active_users", "unit": "user", "aggregation": "UNIQUE_COUNT", "keyProperty": "user" });
    done(&app.staff(), "meterCreate", input, "meter { id }").await;
    let features = json!({ "users": { "meter": "active_users", "included": 2, "limit": "hard" } });
    let (owner, acme) = subscribed(&app, features).await;
    let seen = |id: &str, user: &str| json!({ "meter": "active_users", "eventId": id, "properties": { "user": user } });
    recorded(&owner, &acme, json!([seen("1", "ann"), seen("2", "ann"), seen("3", "bob")])).await;
    let (accepted, _, errors) = record(&owner, &acme, json!([seen("4", "cy"), seen("5", "bob")])).await;
    assert_eq!(accepted, 1);
    assert_eq!(errors, [("LIMIT_EXCEEDED".to_owned(), "events.0.quantity".to_owned())]);
}

#[tokio::test]
async fn a_level_above_its_limit_is_refused() {
    let app = TestApp::start().await;
    let features = json!({ "storage": { "meter": "storage_gb", "included": "10.5", "limit": "hard" } });
    let (owner, acme) = subscribed(&app, features).await;
    recorded(&owner, &acme, json!([event("storage_gb", "a", "10.5"), event("storage_gb", "b", "9")])).await;
    assert_eq!(record(&owner, &acme, json!([event("storage_gb", "c", "10.6")])).await.0, 0);
}

/// What a limit refuses is refused each time that it comes in a batch: it is no duplicate of what was not recorded.
#[tokio::test]
async fn what_comes_again_in_a_batch_is_refused_with_the_first() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, hard(10)).await;
    let events = json!([
        event("api_calls", "a", "11"),
        event("api_calls", "a", "1"),
        event("api_calls", "b", "10"),
        event("api_calls", "b", "10"),
    ]);
    let (accepted, duplicates, errors) = record(&owner, &acme, events).await;
    assert_eq!((accepted, duplicates), (1, json!([3])));
    let refused =
        ["events.0.quantity", "events.1.quantity"].map(|path| ("LIMIT_EXCEEDED".to_owned(), path.to_owned()));
    assert_eq!(errors, refused);
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "10");
}

/// Each of the same events is sent by everybody at once: those that fit count once, and nobody is told that one counts which
/// does not.
#[tokio::test]
async fn the_same_events_at_a_limit_count_once_and_do_not_overshoot() {
    let app = TestApp::start().await;
    let (owner, acme) = subscribed(&app, hard(7)).await;
    let clients = (0..24).map(|client| {
        let (owner, acme) = (owner.clone(), acme.clone());
        async move {
            let mut events: Vec<Value> =
                (0..10).map(|number| event("api_calls", &format!("shared-{number}"), "1")).collect();
            events.rotate_left(client % 10);
            let (accepted, duplicates, errors) = record(&owner, &acme, json!(events)).await;
            assert!(errors.iter().all(|(code, _)| code == "LIMIT_EXCEEDED"), "{errors:?}");
            let known = duplicates.as_array().map(Vec::len).expect("a list");
            assert_eq!(usize::try_from(accepted).expect("few") + known + errors.len(), 10);
            (accepted, usize::try_from(accepted).expect("few") + known)
        }
    });
    let answers = futures::future::join_all(clients).await;
    assert_eq!(answers.iter().map(|(accepted, _)| accepted).sum::<i64>(), 7);
    // Whoever came last found all seven, and three that do not fit.
    assert_eq!(answers.iter().map(|(_, there)| *there).max(), Some(7));
    assert_eq!(usage(&owner, &acme, "meter: \"api_calls\"").await.1, "7");
    assert_eq!(number(&app, "SELECT COUNT(*) AS number FROM usage_events").await, 7);
}

/// A period's different values are its own: those of the next one do not fill it.
#[tokio::test]
async fn what_comes_late_is_held_to_the_values_of_its_own_month() {
    let (app, _) = app_at("2027-04-05T12:00:00Z").await;
    let input = json!({ "name": "active_users", "unit": "user", "aggregation": "UNIQUE_COUNT", "keyProperty": "user",
                        "reset": "MONTH" });
    done(&app.staff(), "meterCreate", input, "meter { id }").await;
    let features = json!({ "users": { "meter": "active_users", "included": 2, "limit": "hard" } });
    let (owner, acme) = subscribed(&app, features).await;
    let seen = |user: &str, moment: &str| {
        json!({ "meter": "active_users", "eventId": format!("{user}-{moment}"), "occurredAt": moment,
                "properties": { "user": user } })
    };
    let (march, april) = ("2027-03-31T23:59:59Z", "2027-04-01T00:00:00Z");
    recorded(&owner, &acme, json!([seen("ann", april), seen("bob", april), seen("cy", march)])).await;
    recorded(&owner, &acme, json!([seen("dee", march)])).await;
    for moment in [march, april] {
        let refused = vec![("LIMIT_EXCEEDED".to_owned(), "events.0.quantity".to_owned())];
        assert_eq!(record(&owner, &acme, json!([seen("eve", moment)])).await, (0, json!([]), refused));
    }
}
