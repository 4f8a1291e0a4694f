//! Looking after endpoints that take nothing: people are warned, and in the end it is disabled.

use chrono::{DateTime, Utc};

use super::Service;
use super::error::ServiceError;
use super::notification::tell;
use super::webhook_endpoint::next;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::WebhookEndpointId;
use crate::domain::notification::Fact;
use crate::domain::webhook_endpoint::{DisabledReason, WebhookEndpoint, WebhookEndpointState};
use crate::store::StoreError;

impl Service {
    /// Disables an endpoint that took nothing for too long, or said that it is gone, and tells people.
    pub(super) async fn disable_failing_endpoint(
        &self,
        seen: &WebhookEndpoint,
        reason: DisabledReason,
        since: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let organization = seen.organization_id;
        let transaction = self.store.begin_in(organization).await?;
        let found = transaction.find_webhook_endpoint(organization, seen.id).await?;
        // Another worker was faster, or somebody mended it.
        let Some(old) = found.filter(|it| it.state == WebhookEndpointState::Enabled) else { return Ok(()) };
        let mut new = next(&old, &transaction);
        new.state = WebhookEndpointState::Disabled;
        new.disabled_reason = Some(reason);
        match transaction.write_webhook_endpoint(&old, &new).await {
            Err(StoreError::Changed(_)) => return Ok(()),
            written => written?,
        }
        transaction.hold_webhooks_of(&old).await?;
        let fact = Fact::WebhookEndpointDisabled { webhook_endpoint_id: new.id, url: new.url.clone(), since };
        tell(&transaction, organization, &fact).await?;
        let entry =
            AuditEntry::new(Some(organization), "webhook_endpoint.disable", "webhook_endpoint", new.id)
                .changed(&old.audit_values(), &new.audit_values());
        Ok(transaction.commit(&Actor::system(), entry).await?)
    }

    /// Disables an endpoint whose query is run with the rights of somebody who is no member any more, and tells people:
    /// somebody else has to lend it theirs.
    pub(super) async fn disable_orphaned_endpoint(&self, id: WebhookEndpointId) -> Result<(), ServiceError> {
        let Some(seen) = self.store.webhook_endpoints(&[id]).await?.pop() else { return Ok(()) };
        let organization = seen.organization_id;
        let transaction = self.store.begin_in(organization).await?;
        let found = transaction.find_webhook_endpoint(organization, id).await?;
        let Some(old) = found else { return Ok(()) };
        let is_orphaned = transaction.grant_of(organization, old.acts_for).await?.is_none();
        if !is_orphaned || old.state != WebhookEndpointState::Enabled {
            return Ok(());
        }
        let mut new = next(&old, &transaction);
        new.state = WebhookEndpointState::Disabled;
        new.disabled_reason = Some(DisabledReason::Orphaned);
        match transaction.write_webhook_endpoint(&old, &new).await {
            Err(StoreError::Changed(_)) => return Ok(()),
            written => written?,
        }
        transaction.hold_webhooks_of(&old).await?;
        let since = transaction.now();
        let fact = Fact::WebhookEndpointOrphaned { webhook_endpoint_id: id, url: new.url.clone(), since };
        tell(&transaction, organization, &fact).await?;
        let entry = AuditEntry::new(Some(organization), "webhook_endpoint.disable", "webhook_endpoint", id)
            .changed(&old.audit_values(), &new.audit_values());
        Ok(transaction.commit(&Actor::system(), entry).await?)
    }

    /// Tells people that an endpoint takes nothing and will be disabled, once for each time that it stops.
    pub(super) async fn warn_of_failing_endpoint(
        &self,
        seen: &WebhookEndpoint,
        since: DateTime<Utc>,
        disabled_at: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let organization = seen.organization_id;
        let transaction = self.store.begin_in(organization).await?;
        let found = transaction.find_webhook_endpoint(organization, seen.id).await?;
        let Some(old) =
            found.filter(|it| it.warned_at.is_none() && it.state == WebhookEndpointState::Enabled)
        else {
            return Ok(());
        };
        let mut new = next(&old, &transaction);
        new.warned_at = Some(transaction.now());
        match transaction.write_webhook_endpoint(&old, &new).await {
            Err(StoreError::Changed(_)) => return Ok(()),
            written => written?,
        }
        let fact = Fact::WebhookEndpointFailing {
            webhook_endpoint_id: new.id,
            url: new.url.clone(),
            since,
            disabled_at,
        };
        tell(&transaction, organization, &fact).await?;
        let entry = AuditEntry::new(Some(organization), "webhook_endpoint.warn", "webhook_endpoint", new.id)
            .created(serde_json::json!({ "failingSince": since, "disabledAt": disabled_at }));
        Ok(transaction.commit(&Actor::system(), entry).await?)
    }
}
