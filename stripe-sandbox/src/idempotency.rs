//! `Idempotency-Key`: the first answer to a key is kept for 24 hours of sandbox time and replayed.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::errors::{ApiError, ErrorType};

const RETENTION: Timestamp = 24 * 3600;
const MAXIMUM_KEY_LENGTH: usize = 255;

/// An answer as it went out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredAnswer {
    pub status: u16,
    pub body: String,
    /// The request that was first answered.
    pub request_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    endpoint: String,
    params: Value,
    created: Timestamp,
    /// None while the first request is being worked on.
    answer: Option<StoredAnswer>,
}

/// The keys seen, each with its first request and answer.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    entries: HashMap<String, Entry>,
    /// When old keys were last forgotten.
    #[serde(default)]
    pruned_at: Timestamp,
}

impl Ledger {
    /// Claims a key for a request. Gives the answer to replay when the key was answered before.
    pub(crate) fn begin(
        &mut self,
        key: &str,
        endpoint: &str,
        params: &Value,
        now: Timestamp,
    ) -> Result<Option<StoredAnswer>, ApiError> {
        let refused = |status, message: String| ApiError::new(status, ErrorType::Idempotency, message);
        if key.len() > MAXIMUM_KEY_LENGTH {
            return Err(refused(
                400,
                format!("The idempotency key is longer than {MAXIMUM_KEY_LENGTH} characters."),
            ));
        }
        if now != self.pruned_at {
            self.entries.retain(|_, entry| entry.created > now - RETENTION);
            self.pruned_at = now;
        }
        let Some(entry) = self.entries.get(key) else {
            let entry =
                Entry { endpoint: endpoint.to_owned(), params: params.clone(), created: now, answer: None };
            self.entries.insert(key.to_owned(), entry);
            return Ok(None);
        };
        let advice =
            format!("Try using a key other than '{key}' if you meant to execute a different request.");
        if entry.endpoint != endpoint {
            return Err(refused(
                400,
                format!(
                    "Keys for idempotent requests can only be used for the same endpoint they were first used for ('{endpoint}' vs '{}'). {advice}",
                    entry.endpoint
                ),
            ));
        }
        if entry.params != *params {
            return Err(refused(
                400,
                format!(
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. {advice}"
                ),
            ));
        }
        match &entry.answer {
            Some(answer) => Ok(Some(answer.clone())),
            None => Err(refused(
                409,
                format!(
                    "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the \
                     other request is still going through): {key}. Please try again later."
                ),
            )
            .code("idempotency_key_in_use")),
        }
    }

    /// Keeps the answer, or frees the key when the endpoint never started to act.
    pub(crate) fn finish(&mut self, key: &str, answer: Option<StoredAnswer>) {
        match answer {
            None => drop(self.entries.remove(key)),
            Some(answer) => {
                if let Some(entry) = self.entries.get_mut(key) {
                    entry.answer = Some(answer);
                }
            }
        }
    }

    /// Forgets the requests that were being worked on when a snapshot was taken.
    pub(crate) fn forget_unfinished(&mut self) {
        self.entries.retain(|_, entry| entry.answer.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> StoredAnswer {
        StoredAnswer { status: 200, body: "{}".into(), request_id: "req_1".into() }
    }

    #[test]
    fn a_key_is_forgotten_after_24_hours() {
        let mut ledger = Ledger::default();
        assert!(ledger.begin("k", "POST /v1/x", &json!({}), 0).unwrap().is_none());
        ledger.finish("k", Some(answer()));
        assert!(ledger.begin("k", "POST /v1/x", &json!({}), RETENTION - 1).unwrap().is_some());
        assert!(ledger.begin("k", "POST /v1/x", &json!({}), RETENTION).unwrap().is_none());
    }

    #[test]
    fn a_key_in_flight_is_a_conflict_and_a_freed_one_is_new() {
        let mut ledger = Ledger::default();
        ledger.begin("k", "POST /v1/x", &json!({}), 0).unwrap();
        assert_eq!(ledger.begin("k", "POST /v1/x", &json!({}), 0).unwrap_err().status, 409);
        ledger.finish("k", None);
        assert!(ledger.begin("k", "POST /v1/x", &json!({}), 0).unwrap().is_none());
    }
}
