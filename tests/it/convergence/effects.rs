//! What events bring about besides rows, each once: notifications and operations; records are counted with the inbox. The
//! close of a usage period belongs here as well, once there is one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::{
    billing_operation, dispute, email_delivery, invoice, notification, outbox_message, payment, plan, price,
    subscription,
};
use sea_orm::{DatabaseConnection, EntityTrait, QueryOrder};
use serde_json::Value;
use stripe_sandbox::Sandbox;
use tollgate::domain::clock::{Clock, SystemClock};
use tollgate::domain::dispute::DisputeStatus;

use crate::support::text;

/// Everything that Stripe ever told of, in the order in which it happened: its own list forgets.
#[derive(Default)]
pub struct Witness {
    known: HashSet<String>,
    events: Vec<Value>,
    /// Whether something may have happened, and been forgotten by Stripe, between two looks.
    missed: bool,
}

impl Witness {
    /// The events that are new since the last look.
    pub fn look(&mut self, sandbox: &Sandbox) -> Vec<Value> {
        let mut fresh = sandbox.events();
        let reaches_back =
            fresh.iter().any(|event| self.known.contains(event["id"].as_str().expect("an id")));
        self.missed |= !self.known.is_empty() && !reaches_back;
        fresh.retain(|event| self.known.insert(text(&event["id"])));
        self.events.extend(fresh.iter().cloned());
        fresh
    }

    /// The prices at Stripe and quantities that each subscription had, one after the other.
    fn terms(&self) -> HashMap<String, Vec<(String, i64)>> {
        let mut terms: HashMap<String, Vec<(String, i64)>> = HashMap::new();
        for event in &self.events {
            let object = &event["data"]["object"];
            let item = &object["items"]["data"][0];
            if let (Some("subscription"), Some(price), Some(quantity)) =
                (object["object"].as_str(), item["price"]["id"].as_str(), item["quantity"].as_i64())
            {
                terms.entry(text(&object["id"])).or_default().push((price.to_owned(), quantity));
            }
        }
        for sequence in terms.values_mut() {
            sequence.dedup();
        }
        terms
    }

    /// The events of a type, by their objects.
    fn of_type<'a>(&'a self, event_type: &'a str) -> impl Iterator<Item = &'a Value> {
        let of_type = self.events.iter().filter(move |event| event["type"] == event_type);
        of_type.map(|event| &event["data"]["object"])
    }
}

/// Whether the one comes about by leaving out of the other.
fn is_part_of<T: PartialEq>(part: &[T], whole: &[T]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|one| whole.any(|other| other == one))
}

/// Looks that nothing was told twice, or not at all, and that nothing is stuck.
pub async fn look(
    db: &DatabaseConnection,
    sandbox: &Sandbox,
    witness: &Witness,
    differences: &mut Vec<String>,
) {
    let messages = outbox_message::Entity::find()
        .order_by_asc(outbox_message::Column::Id)
        .all(db)
        .await
        .expect("a query");
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
    payments(db, sandbox, witness, &messages, differences).await;
    subscriptions(db, witness, &messages, differences).await;
    reached(db, &messages, differences).await;
}

/// How many messages of an event have this in a field of their fact.
fn told_of(messages: &[outbox_message::Model], event: &str, field: &str, id: &str) -> usize {
    let of_event = messages.iter().filter(|message| message.event == event);
    of_event.filter(|message| message.fact[field].as_str() == Some(id)).count()
}

/// A payment that failed, and one that waits for its payer, are told as often as that happened, or less where it came to
/// the same; and told at all while the rows still say so.
async fn payments(
    db: &DatabaseConnection,
    sandbox: &Sandbox,
    witness: &Witness,
    messages: &[outbox_message::Model],
    differences: &mut Vec<String>,
) {
    let mut failed: HashMap<String, usize> = HashMap::new();
    for charge in sandbox.objects("charge").iter().filter(|charge| charge["status"] == "failed") {
        *failed.entry(text(&charge["payment_intent"])).or_default() += 1;
    }
    // What its cardholder did not confirm has no charge.
    for intent in witness.of_type("payment_intent.payment_failed") {
        if intent["last_payment_error"]["charge"].is_null() {
            *failed.entry(text(&intent["id"])).or_default() += 1;
        }
    }
    let mut asked: HashMap<String, usize> = HashMap::new();
    for intent in witness.of_type("payment_intent.requires_action") {
        *asked.entry(text(&intent["id"])).or_default() += 1;
    }
    let mut failures: HashMap<uuid::Uuid, (usize, bool)> = HashMap::new();
    for row in payment::Entity::find().all(db).await.expect("a query") {
        let intent = &row.stripe_payment_intent_id;
        let times = told_of(messages, "payment_requires_action", "payment_id", &row.id.to_string());
        let most = asked.get(intent).copied().unwrap_or_default();
        let is_missing = row.status == "requires_action" && times == 0;
        if is_missing || (times > most && !witness.missed) {
            differences.push(format!(
                "that {intent} ({}) wants its payer was told {times} times, and was so {most} times",
                row.status
            ));
        }
        if let Some(invoice) = row.invoice_id {
            let (times, is_so) = failures.entry(invoice).or_default();
            *times += failed.get(intent).copied().unwrap_or_default();
            *is_so |= row.status == "failed";
        }
    }
    for row in invoice::Entity::find().all(db).await.expect("a query") {
        let times = told_of(messages, "invoice_payment_failed", "invoice_id", &row.id.to_string());
        let (most, is_so) = failures.get(&row.id).copied().unwrap_or_default();
        let is_missing = is_so && matches!(row.status.as_str(), "open" | "uncollectible") && times == 0;
        if is_missing || (times > most && !witness.missed) {
            let id = &row.stripe_invoice_id;
            differences.push(format!(
                "that {id} ({}) was not collected was told {times} times, and was so {most} times",
                row.status
            ));
        }
    }
}

/// A change is told as often as it happened, or less where several came at once; never again because an older payload came
/// late, and the row went back and forth.
async fn subscriptions(
    db: &DatabaseConnection,
    witness: &Witness,
    messages: &[outbox_message::Model],
    differences: &mut Vec<String>,
) {
    let terms = witness.terms();
    let now = SystemClock.now();
    let ending = |id: &str, end: i64| {
        let mut told = witness.of_type("customer.subscription.trial_will_end");
        told.any(|subscription| subscription["id"] == id && subscription["trial_end"] == end)
    };
    // A plan by the price of it at Stripe; what is billed by any other has none.
    let plans: HashMap<uuid::Uuid, String> = plan::Entity::find()
        .all(db)
        .await
        .expect("a query")
        .into_iter()
        .map(|row| (row.id, row.slug))
        .collect();
    let plans: HashMap<String, String> = price::Entity::find()
        .all(db)
        .await
        .expect("a query")
        .into_iter()
        .filter_map(|row| Some((row.stripe_price_id?, plans.get(&row.plan_id)?.clone())))
        .collect();
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
        let told: Vec<(String, i64)> = changes
            .iter()
            .map(|fact| (text(&fact["plan"]), fact["quantity"].as_i64().expect("a quantity")))
            .collect();
        let was: Vec<(String, i64)> = terms
            .get(&stripe_id)
            .into_iter()
            .flatten()
            .map(|(price, quantity)| (plans.get(price).cloned().unwrap_or_default(), *quantity))
            .collect();
        if !witness.missed && !is_part_of(&told, &was) {
            differences
                .push(format!("{stripe_id} was {was:?} one after the other, and was told as {told:?}"));
        }
        let end =
            row.trial_end.filter(|end| row.status == "trialing" && *end > now).map(|end| end.timestamp());
        let trials = of_row("trial_ending");
        let ends: HashSet<&str> = trials.iter().filter_map(|fact| fact["trial_end"].as_str()).collect();
        let is_told = end.is_none_or(|end| {
            let of_end =
                |at: &&str| chrono::DateTime::parse_from_rfc3339(at).is_ok_and(|at| at.timestamp() == end);
            !ending(&stripe_id, end) || ends.iter().any(of_end)
        });
        if !is_told || ends.len() != trials.len() {
            differences.push(format!(
                "that the trial of {stripe_id} ends {:?} was told for {trials:?}",
                row.trial_end
            ));
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
    assert!(is_part_of::<u8>(&[], &[3]) && is_part_of(&[9, 3], &[3, 9, 3]) && is_part_of(&[5], &[3, 9, 5]));
    assert!(!is_part_of(&[9, 9], &[3, 9, 3]) && !is_part_of(&[9, 3, 9], &[3, 9, 3]));
}
