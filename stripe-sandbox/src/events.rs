//! The event log: what happened, rendered at the moment it happened, and who is to be told.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::errors::Answer;
use crate::http::Call;
use crate::json::{Fields, previous_attributes};
use crate::list;
use crate::state::State;
use crate::test_clocks;
use crate::webhooks::{self, Delivery};

/// The one API version of Stripe that the sandbox speaks.
pub const API_VERSION: &str = "2026-09-30.endive";

/// Stripe keeps events for 30 days.
const RETENTION: Timestamp = 30 * 24 * 3600;

impl State {
    /// Announces what happened to a stored object.
    pub(crate) fn emit(&mut self, event: &str, kind: &str, id: &str) {
        if let Some(object) = self.store.find(kind, id) {
            let rendered = self.render(object);
            self.record_event(event, rendered, None);
        }
    }

    /// Announces an update, if the object differs from `before` in anything a client can see.
    pub(crate) fn emit_updated(&mut self, event: &str, kind: &str, id: &str, before: &Value) {
        let Some(object) = self.store.find(kind, id) else { return };
        let rendered = self.render(object);
        if let Some(previous) = previous_attributes(&self.render(before), &rendered) {
            self.record_event(event, rendered, Some(previous));
        }
    }

    /// Announces something about an object that is no longer stored.
    pub(crate) fn emit_gone(&mut self, event: &str, object: &Value) {
        let rendered = self.render(object);
        self.record_event(event, rendered, None);
    }

    fn record_event(&mut self, event: &str, object: Value, previous: Option<Value>) {
        let id = self.id("evt");
        let endpoints: Vec<String> = webhooks::endpoints_for(self, event);
        let mut data = json!({ "object": object });
        if let Some(previous) = previous {
            data["previous_attributes"] = previous;
        }
        let event = json!({
            "id": id, "object": "event", "api_version": API_VERSION, "created": self.now(), "data": data, "livemode": false,
            "pending_webhooks": endpoints.len(),
            "request": { "id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key },
            "type": event,
        });
        self.store.insert(event);
        for endpoint in endpoints {
            self.send(Delivery { endpoint, event: id.clone() });
        }
    }

    /// Forgets events past their retention.
    pub(crate) fn forget_old_events(&mut self) {
        // Events of test clocks carry their time, which may lie behind the sandbox's.
        let clocks = self.store.all(test_clocks::KIND).filter_map(|clock| clock.int("frozen_time"));
        let oldest = clocks.chain([self.now()]).min().unwrap_or_default() - RETENTION;
        self.store.retain("event", |event| event.int("created").is_some_and(|created| created >= oldest));
    }
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("event", "event", call.id(0)).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let patterns: Vec<&str> = params
        .text("type")
        .into_iter()
        .chain(params.list("types").iter().filter_map(Value::as_str))
        .collect();
    let rows = call.state.store.newest_first("event", |event| {
        list::in_range(params, "created", event.int("created"))
            && (patterns.is_empty()
                || patterns.iter().any(|pattern| matches(pattern, event.text("type").unwrap_or_default())))
    });
    list::page("/v1/events", "event", &rows, params)
}

/// Whether an event type is meant by a name, or by one that ends in `*`.
pub(crate) fn matches(pattern: &str, event: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => event.starts_with(prefix),
        None => pattern == event,
    }
}
