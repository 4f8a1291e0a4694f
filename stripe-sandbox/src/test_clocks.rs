//! Test clocks: customers bound to one live in its time, which stands still until it is advanced.

use serde_json::{Value, json};

use crate::calendar::Interval;
use crate::clock::Timestamp;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::Fields;
use crate::state::State;
use crate::{customers, list, prices, time};

pub(crate) const KIND: &str = "test_helpers.test_clock";
const NOUN: &str = "test clock";
/// Clocks go by themselves after so long.
const LIFETIME: Timestamp = 30 * 24 * 3600;

impl State {
    /// The test clock an object lives by: its own, or that of the customer it belongs to.
    pub(crate) fn test_clock_of<'a>(&'a self, object: &'a Value) -> Option<&'a str> {
        if object.text("object") == Some(KIND) {
            return Some(object.id());
        }
        let of = |kind: &str, field: &str| object.text(field).and_then(|id| self.store.find(kind, id));
        object
            .text("test_clock")
            .or_else(|| of("customer", "customer")?.text("test_clock"))
            .or_else(|| self.test_clock_of(of("charge", "charge")?))
            .or_else(|| self.test_clock_of(of("invoice", "invoice")?))
    }

    /// Does something in the time of a test clock, and marks what is made as the clock's.
    pub(crate) fn within<T>(&mut self, clock: Option<&str>, work: impl FnOnce(&mut Self) -> T) -> T {
        let time =
            clock.and_then(|clock| self.store.find(KIND, clock)).and_then(|clock| clock.int("frozen_time"));
        let Some(time) = time else { return work(self) };
        self.store.test_clock = clock.map(str::to_owned);
        self.clock.pin(Some(time));
        let done = work(self);
        self.clock.pin(None);
        self.store.test_clock = None;
        done
    }

    /// The test clock that a request is about: that of the first object it names which has one.
    pub(crate) fn test_clock_of_request(&self, ids: &[String], params: &Value) -> Option<String> {
        let named =
            params.as_object().into_iter().flat_map(|params| params.values()).filter_map(Value::as_str);
        ids.iter()
            .map(String::as_str)
            .chain(named)
            .find_map(|id| self.test_clock_of(self.store.find_any(id)?))
            .map(str::to_owned)
    }
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let (id, now) = (state.id("clock"), state.now());
    let clock = json!({
        "id": id, "object": KIND, "created": now, "deletes_after": now + LIFETIME,
        "frozen_time": params.at("frozen_time"), "livemode": false, "name": params.at("name"), "status": "ready", "status_details": {},
    });
    state.create(clock, "test_helpers.test_clock.created");
    state.load(KIND, NOUN, &id).cloned()
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load(KIND, NOUN, call.id(0)).cloned()
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let rows = call.state.store.newest_first(KIND, |_| true);
    list::page("/v1/test_helpers/test_clocks", NOUN, &rows, &call.params)
}

/// How far a clock may go at once: two of the shortest billing intervals of its subscriptions, or two years.
fn furthest(state: &State, clock: &str, now: Timestamp) -> Timestamp {
    let two = |interval: Interval| {
        let first = interval.period(now, now).end;
        interval.period(now, first).end
    };
    state
        .store
        .all("subscription")
        .filter(|subscription| subscription.text("test_clock") == Some(clock))
        .filter(|subscription| {
            !matches!(subscription.text("status"), Some("canceled" | "incomplete_expired"))
        })
        .flat_map(|subscription| subscription.list("items.data"))
        .map(|item| two(prices::interval(item.at("price"))))
        .min()
        .unwrap_or_else(|| two(Interval::new("year", 1)))
}

/// Advances a clock. The answer says that it is on its way; by the time anybody can ask again it has arrived.
pub(crate) fn advance(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    let clock = state.load(KIND, NOUN, &id)?;
    let (from, to) =
        (clock.int("frozen_time").unwrap_or_default(), params.int("frozen_time").unwrap_or_default());
    if to <= from {
        let message = "The `frozen_time` must be later than the test clock's current one.";
        return Err(ApiError::invalid(message).param("frozen_time"));
    }
    if to > furthest(state, &id, from) {
        let message = "Cannot advance a test clock by more than two intervals of its shortest subscription, or two years without one.";
        return Err(ApiError::invalid(message).param("frozen_time"));
    }
    state.change(KIND, &id, |clock| {
        clock.put("status", "advancing");
        clock.put("status_details.advancing.target_frozen_time", to);
    });
    state.clock.pin(None);
    state.emit("test_helpers.test_clock.advancing", KIND, &id);
    let on_its_way = state.load(KIND, NOUN, &id)?.clone();
    let cause = std::mem::take(&mut state.cause);
    time::work_until(state, Some(&id), to);
    state.cause = cause;
    state.change(KIND, &id, |clock| {
        clock.put("frozen_time", to);
        clock.put("status", "ready");
        clock.put("status_details", json!({}));
    });
    state.emit("test_helpers.test_clock.ready", KIND, &id);
    Ok(on_its_way)
}

/// When a clock is deleted by itself.
pub(crate) fn expiry(clock: &Value) -> Option<Timestamp> {
    clock.int("deletes_after")
}

/// Deletes a clock and every customer that lives by it.
pub(crate) fn remove(state: &mut State, id: &str) {
    let bound: Vec<String> = state
        .store
        .all("customer")
        .filter(|customer| customer.text("test_clock") == Some(id))
        .map(|customer| customer.id().to_owned())
        .collect();
    state.within(Some(id), |state| {
        for customer in bound {
            customers::remove(state, &customer);
        }
    });
    if let Some(clock) = state.store.remove(KIND, id) {
        state.emit_gone("test_helpers.test_clock.deleted", &clock);
    }
}

pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let state = &mut *call.state;
    state.load(KIND, NOUN, &id)?;
    remove(state, &id);
    Ok(json!({ "id": id, "object": KIND, "deleted": true }))
}
