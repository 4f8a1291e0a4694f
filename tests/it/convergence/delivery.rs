//! How an event is delivered, and in which version of the API its payload is written.

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// A body that is to be delivered, and after how many changes.
pub struct Delivery {
    pub body: Value,
    pub due_in: u32,
}

/// Draws the deliveries of an event; none when it is lost.
pub fn draw(draw: &mut StdRng, event: &Value) -> Vec<Delivery> {
    if draw.random_bool(0.2) {
        return Vec::new();
    }
    let copies = if draw.random_bool(0.2) { draw.random_range(2..4) } else { 1 };
    (0..copies)
        .map(|_| {
            let late = draw.random_bool(0.3);
            Delivery {
                body: in_some_version(draw, event),
                due_in: if late { draw.random_range(1..6) } else { 0 },
            }
        })
        .collect()
}

fn in_some_version(draw: &mut StdRng, event: &Value) -> Value {
    match draw.random_range(0..10) {
        0..3 => before_basil(event),
        3 => newer(event),
        _ => event.clone(),
    }
}

/// As an endpoint of before 2025-03-31 gets it. Source: the fixtures in `tests/payments/fixtures`.
pub fn before_basil(event: &Value) -> Value {
    let mut event = event.clone();
    event["api_version"] = json!("2025-02-24.acacia");
    let object = &mut event["data"]["object"];
    match object["object"].as_str() {
        Some("subscription") => {
            let period = |name: &str| object["items"]["data"][0][name].clone();
            let (start, end) = (period("current_period_start"), period("current_period_end"));
            for item in object["items"]["data"].as_array_mut().into_iter().flatten() {
                if let Some(item) = item.as_object_mut() {
                    item.remove("current_period_start");
                    item.remove("current_period_end");
                }
            }
            object["current_period_start"] = start;
            object["current_period_end"] = end;
            if let Some(object) = object.as_object_mut() {
                object.remove("billing_mode");
            }
        }
        Some("invoice") => {
            let subscription = object["parent"]["subscription_details"]["subscription"].clone();
            let paid = json!(object["status"] == "paid");
            let payment = object["payments"]["data"][0]["payment"]["payment_intent"].clone();
            object["subscription"] = subscription;
            object["payment_intent"] = payment;
            object["paid"] = paid;
            if let Some(object) = object.as_object_mut() {
                for name in ["parent", "payments", "total_taxes", "confirmation_secret"] {
                    object.remove(name);
                }
            }
        }
        _ => {}
    }
    event
}

/// As an endpoint of a version gets it that the library does not know: little is where it was.
pub fn newer(event: &Value) -> Value {
    let mut event = event.clone();
    event["api_version"] = json!("2031-01-01.zinnia");
    let object = event["data"]["object"].clone();
    event["data"]["object"] = json!({
        "id": object["id"], "object": object["object"], "customer": object["customer"],
        "state": { "word": object["status"] },
    });
    event
}
