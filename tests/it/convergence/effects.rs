//! What events bring about besides rows, each once: notifications and operations; records are counted with the inbox. The
//! close of a usage period belongs here as well, once there is one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::{
    billing_operation, dispute, email_delivery, invoice, notification, outbox_message, subscription,
};
use sea_orm::{DatabaseConnection, EntityTrait};
use serde_json::Value;
use stripe_sandbox::Sandbox;
use tollgate::domain::dispute::DisputeStatus;

use crate::support::text;

/// Everything that Stripe ever told of, in the order in which it happened: its own list forgets.
#[derive(Default)]
pub struct Witness {
    known: HashSet<String>,
    events: Vec<Value>,
}

impl Witness {
    /// The events that are new since the last look.
    pub fn look(&mut self, sandbox: &Sandbox) -> Vec<Value> {
        let mut fresh = sandbox.events();
        fresh.retain(|event| self.known.insert(text(&event["id"])));
        self.events.extend(fresh.iter().cloned());
        fresh
    }

    /// The quantities that each subscription had, one after the other.
    fn quantities(&self) -> HashMap<String, Vec<i64>> {
        let mut quantities: HashMap<String, Vec<i64>> = HashMap::new();
        for event in &self.events {
            let object = &event["data"]["object"];
            let quantity = object["items"]["data"][0]["quantity"].as_i64();
            if let (Some("subscription"), Some(quantity)) = (object["object"].as_str(), quantity) {
                quantities.entry(text(&object["id"])).or_default().push(quantity);
            }
        }
        for sequence in quantities.values_mut() {
            sequence.dedup();
        }
        quantities
    }
}

/// Whether the one comes about by leaving out of the other.
fn is_part_of(part: &[i64], whole: &[i64]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|one| whole.any(|other| other == one))
}

/// Looks that nothing was told twice, or not at all, and that nothing is stuck.
pub async fn look(db: &DatabaseConnection, witness: &Witness, differences: &mut Vec<String>) {
    let messages = outbox_message::Entity::find().all(db).await.expect("a query");
    for message in messages.iter().filter(|message| message.state != "done") {
        let outbox_message::Model { event, subject, state, attempts, last_error, .. } = message;
        differences
            .push(format!("{event} of {subject} is {state} after {attempts} attempts: {last_error:?}"));
    }
    for operation in billing_operation::Entity::find().all(db).await.expect("a query") {
        if matches!(operation.state.as_str(), "PENDING" | "UNKNOWN") || operation.open_scope.is_some() {
            differences.push(format!("{} {} is {}", operation.kind, operation.id, operation.state));
        }
    }
    let told = |event: &str, subject: &str| {
        messages.iter().filter(|message| message.event == event && message.subject == subject).count()
    };
    for row in invoice::Entity::find().all(db).await.expect("a query") {
        let expected = usize::from(row.status == "paid" && row.amount_paid_minor > 0);
        let times = told("invoice_paid", &row.id.to_string());
        if times != expected {
            let id = &row.stripe_invoice_id;
            differences.push(format!("that {id} is {} was told {times} times, not {expected}", row.status));
        }
    }
    for row in dispute::Entity::find().all(db).await.expect("a query") {
        // One that was decided before anybody heard of it is not told any more.
        let is_open = DisputeStatus::parse(&row.status).is_open();
        let times = told("dispute_opened", &row.id.to_string());
        if times > 1 || (is_open && times == 0) {
            differences.push(format!("{} ({}) was told {times} times", row.stripe_dispute_id, row.status));
        }
    }
    subscriptions(db, witness, &messages, differences).await;
    reached(db, &messages, differences).await;
}

/// A change is told as often as it happened, or less where several came at once; never again because an older payload came
/// late, and the row went back and forth.
async fn subscriptions(
    db: &DatabaseConnection,
    witness: &Witness,
    messages: &[outbox_message::Model],
    differences: &mut Vec<String>,
) {
    let quantities = witness.quantities();
    for row in subscription::Entity::find().all(db).await.expect("a query") {
        let of_row = |event: &str| {
            let id = row.id.to_string();
            let of_row = messages.iter().filter(move |message| {
                message.event == event && message.fact["subscription_id"].as_str() == Some(&id)
            });
            of_row.map(|message| &message.fact).collect::<Vec<&Value>>()
        };
        let stripe_id = row.stripe_subscription_id.clone().expect("only subscriptions of Stripe's were made");
        let mut changes = of_row("subscription_changed");
        changes.sort_by_key(|fact| {
            let at = chrono::DateTime::parse_from_rfc3339(fact["changed_at"].as_str().expect("a time"));
            at.expect("a time")
        });
        let told: Vec<i64> = changes.iter().filter_map(|fact| fact["quantity"].as_i64()).collect();
        let was = quantities.get(&stripe_id).cloned().unwrap_or_default();
        if !is_part_of(&told, &was) {
            differences
                .push(format!("{stripe_id} had {was:?} seats one after the other, and was told {told:?}"));
        }
        let ends = of_row("subscription_canceled").iter().filter(|fact| fact["has_ended"] == true).count();
        if ends > 1 || (ends == 1 && row.status != "canceled") {
            differences.push(format!("the end of {stripe_id} ({}) was told {ends} times", row.status));
        }
    }
}

/// Who is told does not change here: each message of an event reaches as many as any other.
async fn reached(db: &DatabaseConnection, messages: &[outbox_message::Model], differences: &mut Vec<String>) {
    let mut numbers: HashMap<uuid::Uuid, (usize, usize)> = HashMap::new();
    for mail in email_delivery::Entity::find().all(db).await.expect("a query") {
        numbers.entry(mail.outbox_message_id).or_default().0 += 1;
    }
    for notification in notification::Entity::find().all(db).await.expect("a query") {
        numbers.entry(notification.outbox_message_id).or_default().1 += 1;
    }
    let mut by_event: BTreeMap<&str, BTreeSet<(usize, usize)>> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.state == "done") {
        let number = numbers.get(&message.id).copied().unwrap_or_default();
        by_event.entry(&message.event).or_default().insert(number);
    }
    for (event, reached) in by_event.into_iter().filter(|(_, reached)| reached.len() > 1) {
        differences.push(format!("messages of {event} reached so many by mail and here: {reached:?}"));
    }
}

#[test]
fn what_comes_back_is_no_part_of_what_happened_once() {
    assert!(is_part_of(&[], &[3]) && is_part_of(&[9, 3], &[3, 9, 3]) && is_part_of(&[5], &[3, 9, 5]));
    assert!(!is_part_of(&[9, 9], &[3, 9, 3]) && !is_part_of(&[9, 3, 9], &[3, 9, 3]));
}
