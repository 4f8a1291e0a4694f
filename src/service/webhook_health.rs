//! Looking after endpoints that take nothing: they are left alone for a while, people are warned, and in the end it is
//! disabled. It is judged when something fails, and at intervals: an endpoint that nothing happens to is not forgotten.

use chrono::{DateTime, Utc};

use super::Service;
use super::error::ServiceError;
use super::notification::tell;
use super::webhook_delivery::FailurePatience;
use super::webhook_endpoint::next;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::WebhookEndpointId;
use crate::domain::notification::Fact;
use crate::domain::webhook_endpoint::{DisabledReason, WebhookEndpoint, WebhookEndpointState};
use crate::store::{StoreError, WebhookAnswer};

/// Endpoints that are judged in one round.
const BATCH: u64 = 100;

impl Service {
    /// Notes that an address did not take a webhook, and judges its endpoint.
    pub(super) async fn note_failure(
        &self,
        id: WebhookEndpointId,
        url: &str,
        answer: &WebhookAnswer,
        patience: FailurePatience,
    ) -> Result<(), ServiceError> {
        let Some(before) = self.store.webhook_endpoints(&[id]).await?.pop() else { return Ok(()) };
        let pause = patience.pause(before.failures).max(answer.retry_after.unwrap_or_default());
        self.store.note_webhook_failed(id, url, self.clock.now() + pause).await?;
        let Some(endpoint) = self.store.webhook_endpoints(&[id]).await?.pop() else { return Ok(()) };
        if answer.status == Some(410) && endpoint.url == url {
            let since = endpoint.failing_since.unwrap_or(self.clock.now());
            return self.disable_failing_endpoint(&endpoint, DisabledReason::Gone, since).await;
        }
        self.judge(&endpoint, patience).await
    }

    /// Judges the endpoints that take nothing. How many there are.
    pub async fn judge_failing_endpoints(&self, patience: FailurePatience) -> Result<usize, ServiceError> {
        let before = self.clock.now() - patience.warn_after.min(patience.disable_after);
        let failing = self.store.failing_webhook_endpoints(before, patience.failures, BATCH).await?;
        for endpoint in &failing {
            self.judge(endpoint, patience).await?;
        }
        Ok(failing.len())
    }

    /// Warns of an endpoint that fails, and in the end disables it; never without a warning before.
    async fn judge(&self, endpoint: &WebhookEndpoint, patience: FailurePatience) -> Result<(), ServiceError> {
        let Some(since) = endpoint.failing_since.filter(|_| endpoint.failures >= patience.failures) else {
            return Ok(());
        };
        let failing_for = self.clock.now() - since;
        if endpoint.warned_at.is_some() && failing_for >= patience.disable_after {
            return self.disable_failing_endpoint(endpoint, DisabledReason::Failing, since).await;
        }
        if endpoint.warned_at.is_none() && failing_for >= patience.warn_after {
            let disabled_at = (since + patience.disable_after).max(self.clock.now());
            return self.warn_of_failing_endpoint(endpoint, since, disabled_at).await;
        }
        Ok(())
    }

    /// Disables an endpoint that took nothing for too long, or said that it is gone, and tells people.
    async fn disable_failing_endpoint(
        &self,
        seen: &WebhookEndpoint,
        reason: DisabledReason,
        since: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let organization = seen.organization_id;
        let transaction = self.store.begin_in(organization).await?;
        let found = transaction.find_webhook_endpoint(organization, seen.id).await?;
        // Another worker was faster, or somebody mended it.
        let Some(old) = found.filter(|it| it.state == WebhookEndpointState::Enabled && it.url == seen.url)
        else {
            return Ok(());
        };
        // It took something meanwhile: it is mended.
        if reason == DisabledReason::Failing && !transaction.mark_webhook_warned(seen).await? {
            return Ok(());
        }
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
    async fn warn_of_failing_endpoint(
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
        if !transaction.mark_webhook_warned(seen).await? {
            return Ok(());
        }
        let new = next(&old, &transaction);
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
