//! The event log: what happened, rendered at the moment it happened, and who is to be told.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::deliveries::Delivery;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, previous_attributes};
use crate::state::{HIDDEN, State};
use crate::{api_versions, invoices, list, test_clocks, webhooks};

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
        let endpoints = webhooks::endpoints_for(self, event);
        let object = match event {
            "invoice.created" if !endpoints.is_empty() => self.await_endpoints(object),
            _ => object,
        };
        let undelivered: Vec<&str> = endpoints.iter().map(|(id, ..)| id.as_str()).collect();
        let own = self.default_api_version.clone();
        let others = |version: &Option<String>| {
            version.as_deref().is_some_and(|version| !api_versions::alike(version, &own))
        };
        let both = endpoints.iter().any(|(.., version)| others(version));
        let older = (both || api_versions::is_older(&own))
            .then(|| api_versions::older_data(self, &object, previous.as_ref()));
        let mut data = json!({ "object": object });
        if let Some(previous) = previous {
            data["previous_attributes"] = previous;
        }
        let (data, other) = match older {
            Some(older) if api_versions::is_older(&own) => (older, Some(data)),
            older => (data, older),
        };
        let recorded = json!({
            "id": id, "object": "event", "api_version": own, "created": self.now(), "data": data, "livemode": false,
            "pending_webhooks": endpoints.len(),
            "request": { "id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key },
            "type": event, HIDDEN: { "undelivered": undelivered, "other_data": other.filter(|_| both) },
        });
        self.store.insert(recorded);
        // A test clock has its own time, which deliveries do not follow.
        let now = if self.store.test_clock.is_some() { self.clock.unpinned() } else { self.now() };
        for (endpoint, url, _) in endpoints {
            let delivery = Delivery::new(endpoint, id.clone(), now);
            let going = self.deliveries.faults.apply(delivery, event, &url);
            self.deliveries.send(now, going);
        }
    }

    /// A draft waits for those who are to hear of it, where the settings say so. Gives it as it is then.
    fn await_endpoints(&mut self, object: Value) -> Value {
        if !self.settings.wait_for_webhooks || self.store.test_clock.is_some() {
            return object;
        }
        invoices::await_endpoints(self, object.id());
        self.store.find("invoice", object.id()).map_or(object, |invoice| self.render(invoice))
    }

    /// Sends an event once more to every endpoint that wants it.
    pub(crate) fn resend(&mut self, id: &str) -> Result<(), ApiError> {
        let event = self.load("event", "event", id)?;
        let kind = event.text("type").unwrap_or_default().to_owned();
        let now = self.now();
        let again = webhooks::endpoints_for(self, &kind).into_iter();
        let again = again.map(|(endpoint, ..)| Delivery::new(endpoint, id.to_owned(), now)).collect();
        self.deliveries.send(now, again);
        Ok(())
    }

    /// Forgets events past their retention that nobody waits for.
    pub(crate) fn forget_old_events(&mut self) {
        // Events of test clocks carry their time, which may lie behind the sandbox's.
        let clocks = self.store.all(test_clocks::KIND).filter_map(|clock| clock.int("frozen_time"));
        let oldest = clocks.chain([self.now()]).min().unwrap_or_default() - RETENTION;
        let Self { store, deliveries, .. } = self;
        store.retain("event", |event| {
            event.int("created").is_some_and(|created| created >= oldest) || deliveries.is_open(event.id())
        });
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
    if params.text("type").is_some() && !params.at("types").is_null() {
        let message = "You may only specify one of these parameters: type, types.";
        return Err(ApiError::invalid(message).param("type"));
    }
    let delivered = params.flag("delivery_success");
    let rows = call.state.store.newest_first("event", |event| {
        list::in_range(params, "created", event.int("created"))
            && delivered.is_none_or(|delivered| delivered == (event.int("pending_webhooks") == Some(0)))
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
