//! Setting what happens when payments fail.

use serde::Serialize;

use super::Service;
use super::answer::Answer;
use super::error::{Refusal, ServiceError};
use super::idempotency::CallerKey;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_policy::BillingPolicy;
use crate::domain::ids::OrganizationId;
use crate::store::StoreError;

/// A policy to be set, or an organization's own to be taken away.
#[derive(Clone, Debug, Serialize)]
pub struct BillingPolicySetInput {
    /// For whom; `None` for the platform.
    pub organization_id: Option<OrganizationId>,
    /// The version that the change was decided on: zero when none was ever written.
    pub expected_version: i64,
    /// The policy; `None` takes an organization's own away.
    pub policy: Option<BillingPolicy>,
}

impl Service {
    /// Sets a policy, or takes an organization's own away.
    pub async fn set_billing_policy(
        &self,
        actor: &Actor,
        input: BillingPolicySetInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                if let Some(policy) = &input.policy {
                    policy.check().map_err(|error| Refusal::bad_input("policy.dunning", error))?;
                }
                let before = match input.organization_id {
                    Some(id) => {
                        self.store
                            .find_organization(id)
                            .await?
                            .ok_or(ServiceError::NotFound("organization"))?;
                        Some(self.store.policy_of(id).await?).filter(|stored| stored.is_own)
                    }
                    None => Some(self.store.platform_policy().await?).filter(|stored| stored.version > 0),
                };
                let transaction = match input.organization_id {
                    Some(id) => self.store.begin_in(id).await?,
                    None => self.store.begin().await?,
                };
                let entry = AuditEntry::new(
                    input.organization_id,
                    "billing_policy.set",
                    "billing_policy",
                    input.organization_id.map_or_else(|| "platform".to_owned(), |id| id.to_string()),
                );
                let values = |policy: &BillingPolicy| serde_json::to_value(policy).unwrap_or_default();
                let written = match (&input.policy, input.organization_id) {
                    (Some(policy), organization) => {
                        transaction.set_policy(organization, input.expected_version, policy).await.map(|_| ())
                    }
                    (None, Some(organization)) => {
                        transaction.clear_policy(organization, input.expected_version).await
                    }
                    (None, None) => {
                        return Err(Refusal::bad_input("policy", "The platform always has a policy.").into());
                    }
                };
                match written {
                    Ok(()) => {}
                    Err(StoreError::Changed(_)) => {
                        return Err(Refusal::conflict(
                            "The policy was changed meanwhile. Read it again, and decide anew.",
                        )
                        .into());
                    }
                    Err(error) => return Err(error.into()),
                }
                let entry = match (&before, &input.policy) {
                    (Some(before), Some(policy)) => entry.changed(&values(&before.policy), &values(policy)),
                    (None, Some(policy)) => entry.created(values(policy)),
                    (Some(before), None) => entry.changed(&values(&before.policy), &serde_json::json!({})),
                    (None, None) => entry,
                };
                Answer::default().commit(transaction, actor, entry, idempotency.as_ref()).await
            }),
        )
        .await
    }
}
