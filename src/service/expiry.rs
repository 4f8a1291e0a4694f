//! Cards and API keys that expire soon: told once each.

use chrono::{DateTime, TimeDelta, Utc};

use super::Service;
use super::error::ServiceError;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, OutboxMessageId};
use crate::domain::notification::Fact;

/// How long before a card expires it is told: a month, so that a renewal lies between.
const CARDS: TimeDelta = TimeDelta::days(30);
/// How long before an API key expires it is told.
const KEYS: TimeDelta = TimeDelta::days(14);
/// Rows that are looked at in one statement.
const BATCH: u64 = 200;

impl Service {
    /// Tells of what expires soon, each once. Says how many were told now.
    pub async fn tell_of_expiry(&self) -> Result<usize, ServiceError> {
        let now = self.clock.now();
        let mut told = 0;
        let mut after = None;
        loop {
            let cards = self.store.list_default_cards_expiring(now, now + CARDS, after, BATCH).await?;
            let Some(last) = cards.last() else { break };
            after = Some(last.id);
            for method in &cards {
                let Some(expires_at) =
                    method.card.as_ref().and_then(crate::domain::payment_method::Card::expires_at)
                else {
                    continue;
                };
                let fact = Fact::CardExpiring {
                    payment_method_id: method.id,
                    summary: method.summary(),
                    expires_at,
                };
                let entry = AuditEntry::new(
                    Some(method.organization_id),
                    "payment_method.expiring",
                    "payment_method",
                    method.id,
                );
                told += usize::from(self.tell_once(method.organization_id, &fact, entry, expires_at).await?);
            }
        }
        let mut after = None;
        loop {
            let keys = self.store.list_api_keys_expiring(now, now + KEYS, after, BATCH).await?;
            let Some(last) = keys.last() else { return Ok(told) };
            after = Some(last.id);
            for key in &keys {
                let Some(expires_at) = key.expires_at else { continue };
                let fact = Fact::ApiKeyExpiring {
                    api_key_id: key.id,
                    name: key.name.clone(),
                    prefix: key.prefix.clone(),
                    expires_at,
                };
                let organization = key.organization_id;
                let entry = AuditEntry::new(Some(organization), "api_key.expiring", "api_key", key.id);
                told += usize::from(self.tell_once(organization, &fact, entry, expires_at).await?);
            }
        }
    }

    /// Tells a fact with its record, unless it was told before.
    async fn tell_once(
        &self,
        organization: OrganizationId,
        fact: &Fact,
        entry: AuditEntry,
        expires_at: DateTime<Utc>,
    ) -> Result<bool, ServiceError> {
        let transaction = self.store.begin().await?;
        let id = OutboxMessageId(transaction.next_id());
        if !transaction.write_outbox(id, organization, fact, None).await? {
            transaction.rollback().await?;
            return Ok(false);
        }
        let entry = entry.created(serde_json::json!({ "expiresAt": expires_at }));
        transaction.commit(&Actor::system(), entry).await?;
        Ok(true)
    }
}
