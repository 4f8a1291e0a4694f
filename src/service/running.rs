//! An operation under way.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Service;
use super::error::ServiceError;
use super::fault_point;
use crate::payments::IdempotencyKey;
use crate::store::{CHECKED, OperationRecord};

/// An operation under way: hands out the keys of its steps, and knows whether a step may have been done.
pub(super) struct Running<'a> {
    pub record: &'a OperationRecord,
    /// Its parameters, with what was noted in them.
    parameters: Mutex<serde_json::Value>,
    /// Steps that were begun.
    pub(super) steps: AtomicU32,
    /// Steps that Stripe says it has done.
    pub(super) done: Arc<AtomicU32>,
}

impl<'a> Running<'a> {
    /// An operation of which nothing was done yet by this process.
    pub(super) fn new(record: &'a OperationRecord) -> Self {
        let parameters = Mutex::new(record.parameters.clone());
        Self { record, parameters, steps: AtomicU32::new(0), done: Arc::default() }
    }

    /// The key of a step. The same step of the same operation always has the same key.
    pub(super) fn key(&self, step: &str) -> IdempotencyKey {
        self.steps.fetch_add(1, Ordering::Relaxed);
        fault_point::reach(&self.record.operation.kind, || format!("before-{step}"));
        IdempotencyKey::for_operation(self.record.operation.id, step).counted_in(&self.done)
    }

    /// The key of a step that is another thing's than the operation's.
    pub(super) fn own_key(&self, step: &str, key: IdempotencyKey) -> IdempotencyKey {
        self.steps.fetch_add(1, Ordering::Relaxed);
        fault_point::reach(&self.record.operation.kind, || format!("before-{step}"));
        key.counted_in(&self.done)
    }

    /// Whether no process ran the operation before.
    pub(super) const fn is_first_attempt(&self) -> bool {
        self.record.operation.attempts == 1
    }

    /// Whether its checks are still to be made: nobody passed them, so that nothing can have been sent.
    pub(super) fn is_unchecked(&self) -> bool {
        !self.record.is_checked()
    }

    /// What was noted under a name, by whichever process.
    pub(super) fn noted<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ServiceError> {
        let parameters = self.parameters.lock().expect("nobody panics while holding it");
        Ok(parameters.get(name).cloned().map(serde_json::from_value).transpose()?)
    }

    /// Whether nothing was asked of Stripe but to look.
    pub(super) fn only_looked(&self) -> bool {
        self.is_first_attempt() && self.steps.load(Ordering::Relaxed) == 0
    }

    /// Whether nothing was done before the step that is under way. A step that is done is not under way any more: what
    /// fails after it is only a look.
    pub(super) fn is_first_step(&self) -> bool {
        self.is_first_attempt() && !self.has_done_a_step()
    }

    /// Whether Stripe has done a step for this process.
    pub(super) fn has_done_a_step(&self) -> bool {
        self.done.load(Ordering::Relaxed) > 0
    }
}

impl Service {
    /// Notes that the checks of an operation were passed. Nothing may be sent before.
    pub(super) async fn checked(&self, running: &Running<'_>) -> Result<(), ServiceError> {
        self.note(running, CHECKED, &self.clock.now()).await
    }

    /// Notes something in an operation's parameters, for whoever takes it over.
    pub(super) async fn note(
        &self,
        running: &Running<'_>,
        name: &str,
        noted: &(impl Serialize + Sync),
    ) -> Result<(), ServiceError> {
        let noted = serde_json::to_value(noted)?;
        let parameters = {
            let mut parameters = running.parameters.lock().expect("nobody panics while holding it");
            parameters[name] = noted;
            parameters.clone()
        };
        Ok(self.store.note_operation(running.record, parameters).await?)
    }
}
