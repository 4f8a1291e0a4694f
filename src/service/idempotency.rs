//! The callers' own idempotency keys.

use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Service;
use super::answer::Answer;
use super::error::{ErrorCode, Refusal, ServiceError};
use crate::domain::ids::{ApiKeyId, OrganizationId, UserId};
use crate::store::NewIdempotencyRecord;

/// A mutation's key as the caller gave it, with what scopes it.
#[derive(Clone, Debug)]
pub struct CallerKey {
    /// Who calls, or whose key does.
    pub user_id: UserId,
    /// With which key: a person's and their programs' keys of a request are not each other's.
    pub api_key_id: Option<ApiKeyId>,
    /// On which organization, if on one.
    pub organization_id: Option<OrganizationId>,
    /// The mutation's field name.
    pub mutation: &'static str,
    /// The key itself, 1 to 255 printable ASCII characters.
    pub key: String,
}

impl CallerKey {
    /// The record of the key for `input`, which is hashed without the key.
    pub(super) fn record(&self, input: &impl Serialize) -> Result<NewIdempotencyRecord, ServiceError> {
        if self.key.is_empty()
            || self.key.len() > 255
            || !self.key.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Refusal::bad_input(
                "idempotencyKey",
                "An idempotency key has 1 to 255 printable ASCII characters without spaces.",
            )
            .into());
        }
        let organization = self.organization_id.map(|id| id.to_string()).unwrap_or_default();
        let mut scope = format!("{}\n{organization}\n{}\n{}", self.user_id, self.mutation, self.key);
        if let Some(id) = self.api_key_id {
            scope = format!("{scope}\n{id}");
        }
        Ok(NewIdempotencyRecord {
            user_id: self.user_id,
            organization_id: self.organization_id,
            scope_hash: hex::encode(Sha256::digest(scope)),
            mutation: self.mutation,
            input_hash: hex::encode(Sha256::digest(serde_json::to_vec(input)?)),
        })
    }
}

/// A use case under way. Boxed: a future within a future within a future does not fit on a thread's stack.
type Acting<'a> = Pin<Box<dyn Future<Output = Result<Answer, ServiceError>> + Send + 'a>>;

/// How often, and after which pause, a request with the same key is looked at that is under way.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

impl Service {
    /// What `act` answers, once for each key. Of two requests at once with the same key and input one acts, and the other
    /// fails in whatever way it gets into the first one's; it is given the first one's answer then.
    pub(super) async fn once(
        &self,
        record: Option<&NewIdempotencyRecord>,
        act: Acting<'_>,
    ) -> Result<Answer, ServiceError> {
        if let Some(answer) = self.answered_meanwhile(record).await? {
            return Ok(answer);
        }
        match act.await {
            Err(error) if record.is_some() => self.answered_meanwhile(record).await?.ok_or(error),
            done => done,
        }
    }

    /// As [`Service::answered_before`]; what is under way is waited for a little, so that the same request at the same time is
    /// given the same answer.
    pub(super) async fn answered_meanwhile(
        &self,
        record: Option<&NewIdempotencyRecord>,
    ) -> Result<Option<Answer>, ServiceError> {
        for _ in 0..LOOKS {
            // On the heap: everything that takes a key carries it.
            match Box::pin(self.answered_before(record)).await? {
                Some(answer) if answer.is_under_way() => tokio::time::sleep(PAUSE).await,
                answer => return Ok(answer),
            }
        }
        Box::pin(self.answered_before(record)).await
    }

    /// The answer that a caller's key was given before for this input, if it was: for those whom its very success has left
    /// without what they asked about, or without the right to ask.
    pub async fn answer_given(
        &self,
        key: CallerKey,
        input: &impl Serialize,
    ) -> Result<Option<Answer>, ServiceError> {
        let record = key.record(input)?;
        self.answered_before(Some(&record)).await
    }

    /// The answer that was given to this key before, if it was used. The same key with other input is refused.
    async fn answered_before(
        &self,
        record: Option<&NewIdempotencyRecord>,
    ) -> Result<Option<Answer>, ServiceError> {
        let Some(record) = record else { return Ok(None) };
        let Some(kept) = self.store.find_idempotency_record(&record.scope_hash).await? else {
            return Ok(None);
        };
        if kept.input_hash != record.input_hash {
            return Err(Refusal::at(
                "idempotencyKey",
                ErrorCode::Conflict,
                "This idempotency key was used with other input within the last 24 hours. Use a new key for a new request.",
            )
            .into());
        }
        if let Some(id) = kept.operation_id {
            let operation =
                self.store.find_operation(id).await?.ok_or(ServiceError::NotFound("operation"))?;
            return self.answer_of(operation).await.map(Some);
        }
        let answer = kept.answer.unwrap_or(serde_json::Value::Null);
        Ok(Some(Answer::from_stored(answer, None)?))
    }
}
