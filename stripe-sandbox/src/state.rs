//! Everything the sandbox knows, behind one mutex: objects, clock, ids, idempotency ledger, faults, request log.

use std::collections::VecDeque;

use serde_json::Value;
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::clock::{Clock, Timestamp};
use crate::deliveries::{Deliveries, Delivery};
use crate::errors::ApiError;
use crate::faults::Faults;
use crate::http::RecordedRequest;
use crate::idempotency::Ledger;
use crate::ids::IdGenerator;
use crate::json::Fields;
use crate::settings::Settings;
use crate::store::Store;

/// The field of a stored object that Stripe's clients never see: what the sandbox remembers about it.
pub(crate) const HIDDEN: &str = "_sandbox";

/// Requests that the log keeps.
const REQUEST_LOG: usize = 10_000;

/// The request on whose behalf things happen; empty while time makes them happen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cause {
    pub request_id: Option<String>,
    pub idempotency_key: Option<String>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub store: Store,
    pub ids: IdGenerator,
    pub clock: Clock,
    pub ledger: Ledger,
    pub faults: Faults,
    pub requests: VecDeque<RecordedRequest>,
    pub cause: Cause,
    pub settings: Settings,
    /// `http://127.0.0.1:PORT`, once it listens.
    pub base_url: String,
    /// Sandbox time up to which due work was done.
    pub worked_until: Timestamp,
    /// The account's version: that of events.
    pub default_api_version: String,
    pub deliveries: Deliveries,
}

impl State {
    pub(crate) fn new(clock: Clock, ids: IdGenerator, outbox: UnboundedSender<Delivery>) -> Self {
        Self {
            store: Store::default(),
            ids,
            clock,
            ledger: Ledger::default(),
            faults: Faults::default(),
            requests: VecDeque::new(),
            cause: Cause::default(),
            settings: Settings::default(),
            base_url: String::new(),
            worked_until: 0,
            default_api_version: crate::events::API_VERSION.to_owned(),
            deliveries: Deliveries::new(outbox),
        }
    }

    /// A copy of what concerns one customer, in which things can be tried: nobody hears of it, and it is thrown away.
    pub(crate) fn rehearsal(&self, customer: &str) -> Self {
        // Nobody listens at the other end.
        let (outbox, _) = mpsc::unbounded_channel();
        let mut copy = Self::new(self.clock.clone(), self.ids.clone(), outbox);
        copy.store = self.store.about(customer);
        copy.base_url.clone_from(&self.base_url);
        // A rehearsal announces nothing, least of all other rehearsals.
        copy.settings = Settings { upcoming_days: 0, ..self.settings };
        copy
    }

    /// Sandbox time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new id, `prefix_...`.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        self.ids.id(prefix)
    }

    /// The object the address names, or 404. `noun` is Stripe's word for it.
    pub(crate) fn load(&self, kind: &str, noun: &str, id: &str) -> Result<&Value, ApiError> {
        self.store.find(kind, id).ok_or_else(|| ApiError::not_found(noun, id))
    }

    /// The object a parameter names, or 400.
    pub(crate) fn named(&self, kind: &str, noun: &str, id: &str, param: &str) -> Result<&Value, ApiError> {
        let found = self.store.find(kind, id).filter(|object| object.flag("deleted") != Some(true));
        found.ok_or_else(|| ApiError::no_such(noun, id, param))
    }

    /// Stores a new object and announces it.
    pub(crate) fn create(&mut self, object: Value, event: &str) {
        let (kind, id) = (object.text("object").unwrap_or_default().to_owned(), object.id().to_owned());
        self.store.insert(object);
        self.emit(event, &kind, &id);
    }

    /// Changes a stored object in silence; gives what it was. Nothing happens when it does not exist.
    pub(crate) fn change(&mut self, kind: &str, id: &str, change: impl FnOnce(&mut Value)) -> Value {
        let Some(object) = self.store.find_mut(kind, id) else { return Value::Null };
        let before = object.clone();
        change(object);
        before
    }

    /// Changes a stored object and announces the change with `previous_attributes`, when there is one.
    pub(crate) fn update(&mut self, kind: &str, id: &str, event: &str, change: impl FnOnce(&mut Value)) {
        let before = self.change(kind, id, change);
        self.emit_updated(event, kind, id, &before);
    }

    pub(crate) fn record(&mut self, request: RecordedRequest) {
        if self.requests.len() == REQUEST_LOG {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    /// An object as clients see it: without the sandbox's own notes, its pages with their full address.
    pub(crate) fn render(&self, object: &Value) -> Value {
        let mut rendered = object.clone();
        self.polish(&mut rendered);
        rendered
    }

    fn polish(&self, value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.remove(HIDDEN);
                map.values_mut().for_each(|child| self.polish(child));
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.polish(element)),
            Value::String(text) if text.starts_with("/_pages/") => *text = format!("{}{text}", self.base_url),
            _ => {}
        }
    }
}
