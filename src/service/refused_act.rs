//! What members were refused: an organization's auditor sees who reached for what they may not do.

use super::Service;
use super::error::ServiceError;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::OrganizationId;

/// A mutation that a member was refused, as nothing of theirs allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedAct {
    /// Whose it was about.
    pub organization_id: OrganizationId,
    /// The mutation, `planUpdate`.
    pub mutation: String,
    /// What was missing: a permission, a person, or what the organization asks of sessions.
    pub reason: String,
}

impl Service {
    /// Records what a member was refused. Nothing else is changed by it.
    pub async fn record_refusals(&self, actor: &Actor, acts: Vec<RefusedAct>) -> Result<(), ServiceError> {
        let mut entries = acts.into_iter().map(|act| {
            AuditEntry::new(Some(act.organization_id), "access.refuse", "mutation", act.mutation)
                .created(serde_json::json!({ "reason": act.reason }))
                .failed()
        });
        let Some(first) = entries.next() else { return Ok(()) };
        let transaction = self.store.begin().await?;
        for entry in entries {
            transaction.record(actor, entry).await?;
        }
        transaction.commit(actor, first).await?;
        Ok(())
    }
}
