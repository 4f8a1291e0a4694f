//! Addresses that webhooks are sent to: made, changed, given another secret, disabled, enabled, deleted.

use chrono::TimeDelta;
use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::{authority, check_version};
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::webhook_selection::{SelectionRequest, SelectionViewer};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, UserId, WebhookEndpointId};
use crate::domain::key_ring::Place;
use crate::domain::notification_event::NotificationEvent;
use crate::domain::permission::Permission;
use crate::domain::role::Grant;
use crate::domain::secret::Secret;
use crate::domain::text::optional_text;
use crate::domain::webhook_endpoint::{
    DisabledReason, MAXIMUM_ENDPOINTS, MAXIMUM_SELECTION, OVERLAP, OVERLAP_AT_MOST, WebhookEndpoint,
    WebhookEndpointState, check_url, signing_secret,
};
use crate::store::{StoreError, WriteTransaction};

/// An endpoint to be made.
#[derive(Clone, Debug, Serialize)]
pub struct WebhookEndpointCreateInput {
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// The address.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// What is sent there; everything when it is empty.
    pub events: Vec<NotificationEvent>,
    /// The query whose answer is sent.
    pub selection: String,
}

/// A change of an endpoint: what is left out stays.
#[derive(Clone, Debug, Serialize)]
pub struct WebhookEndpointUpdateInput {
    /// Which endpoint.
    pub endpoint: WebhookEndpointInput,
    /// The address.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What is sent there.
    pub events: Option<Vec<NotificationEvent>>,
    /// The query whose answer is sent.
    pub selection: Option<String>,
}

/// An endpoint that something is to be done to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct WebhookEndpointInput {
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// Which endpoint.
    pub webhook_endpoint_id: WebhookEndpointId,
    /// The version that it was decided on, if that matters.
    pub expected_version: Option<i64>,
    /// How long the old secret signs on, in seconds, when it is given a new one; a day when nothing is said.
    pub overlap_seconds: Option<i64>,
}

/// What is done to an endpoint besides changing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookEndpointAct {
    /// It is sent webhooks again.
    Enable,
    /// It is sent nothing more for now.
    Disable,
    /// It is gone, with its secrets; what was sent there stays in the log.
    Delete,
}

/// Where an endpoint's secret stands.
pub(super) const fn place_of_secret(id: WebhookEndpointId, column: &'static str) -> Place {
    Place { table: "webhook_endpoints", column, row: id.0 }
}

/// The column of what signs.
pub(super) const CURRENT: &str = "sealed_secret";
/// The column of what signed before.
pub(super) const PREVIOUS: &str = "sealed_previous";

fn changed_meanwhile(error: StoreError) -> ServiceError {
    match error {
        StoreError::Changed(_) => {
            Refusal::conflict("The endpoint was changed meanwhile. Read it again, and decide anew.").into()
        }
        error => error.into(),
    }
}

/// The next version of an endpoint.
pub(super) fn next(old: &WebhookEndpoint, transaction: &WriteTransaction) -> WebhookEndpoint {
    WebhookEndpoint { version: old.version + 1, updated_at: transaction.now(), ..old.clone() }
}

impl Service {
    /// Makes an endpoint. The answer has the signing secret, once.
    pub async fn create_webhook_endpoint(
        &self,
        actor: &Actor,
        input: WebhookEndpointCreateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let mut refusals = Refusals::default();
                let url = refusals.check("url", check_url(&input.url, self.sends_to_this_machine()));
                let description =
                    refusals.check("description", optional_text(input.description.as_deref(), 200));
                self.check_selection(&mut refusals, actor, organization, &input.selection).await?;
                refusals.finish()?;
                let (url, description) = url.zip(description).expect("refused above when one is missing");

                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::WebhooksWrite).await?;
                if transaction.count_webhook_endpoints(organization).await? >= MAXIMUM_ENDPOINTS {
                    let message = format!(
                        "An organization has {MAXIMUM_ENDPOINTS} webhook endpoints at most. Delete one first."
                    );
                    return Err(Refusal::at("", ErrorCode::LimitExceeded, message).into());
                }
                let id = WebhookEndpointId(transaction.next_id());
                let (secret, sealed) = self.new_signing_secret(id)?;
                let new = WebhookEndpoint {
                    id,
                    organization_id: organization,
                    url: url.into(),
                    description: description.unwrap_or_default(),
                    events: unique(input.events.clone()),
                    selection: input.selection.clone(),
                    selection_version: 1,
                    acts_for: by.user_id,
                    sealed_secret: Some(sealed),
                    sealed_previous: None,
                    previous_until: None,
                    state: WebhookEndpointState::Enabled,
                    disabled_reason: None,
                    failing_since: None,
                    warned_at: None,
                    failures: 0,
                    deleted_at: None,
                    version: 1,
                    created_at: transaction.now(),
                    updated_at: transaction.now(),
                };
                transaction.create_webhook_endpoint(&new).await?;
                let entry =
                    AuditEntry::new(Some(organization), "webhook_endpoint.create", "webhook_endpoint", id)
                        .created(new.audit_values());
                let answer = Answer::of(Resource::WebhookEndpoint(id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await?;
                Ok(Answer { secret: Some(secret), ..answer })
            }),
        )
        .await
    }

    /// Changes an endpoint. From then on its query is run with the rights of who changed it: another's rights are not to be
    /// sent to an address, or asked for, that they did not choose.
    pub async fn update_webhook_endpoint(
        &self,
        actor: &Actor,
        input: WebhookEndpointUpdateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.endpoint.organization_id;
                let mut refusals = Refusals::default();
                let allows = self.sends_to_this_machine();
                let url = input.url.as_deref().map(|url| refusals.check("url", check_url(url, allows)));
                let description = input
                    .description
                    .as_deref()
                    .map(|text| refusals.check("description", optional_text(Some(text), 200)));
                // A query that stays is from now on run for somebody else: what keeps it from that is found now.
                let kept = self.store.webhook_endpoints(&[input.endpoint.webhook_endpoint_id]).await?.pop();
                let kept = kept.filter(|it| it.organization_id == organization);
                let kept = kept.ok_or(ServiceError::NotFound("webhook endpoint"))?.selection;
                let selection = input.selection.as_ref().unwrap_or(&kept);
                self.check_selection(&mut refusals, actor, organization, selection).await?;
                refusals.finish()?;
                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::WebhooksWrite).await?;
                let old = load(&transaction, input.endpoint).await?;
                if input.selection.is_none() && old.selection != kept {
                    return Err(changed_meanwhile(StoreError::Changed("webhook endpoint")));
                }
                let mut new = next(&old, &transaction);
                new.acts_for = by.user_id;
                if let Some(Some(url)) = url {
                    new.url = url.into();
                }
                if new.url != old.url {
                    // What another address did not take is not held against this one.
                    transaction.forget_webhook_failures(&old).await?;
                }
                if let Some(Some(description)) = description {
                    new.description = description.unwrap_or_default();
                }
                if let Some(events) = &input.events {
                    new.events = unique(events.clone());
                }
                if *selection != old.selection {
                    new.selection.clone_from(selection);
                    new.selection_version += 1;
                }
                transaction.write_webhook_endpoint(&old, &new).await.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(
                    Some(organization),
                    "webhook_endpoint.update",
                    "webhook_endpoint",
                    new.id,
                )
                .changed(&old.audit_values(), &new.audit_values());
                Answer::of(Resource::WebhookEndpoint(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Gives an endpoint another secret. The one before signs on for the overlap, beside the new one.
    pub async fn rotate_webhook_secret(
        &self,
        actor: &Actor,
        input: WebhookEndpointInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let overlap = input.overlap_seconds.map_or(OVERLAP, TimeDelta::seconds);
                if overlap < TimeDelta::zero() || overlap > OVERLAP_AT_MOST {
                    let message = format!(
                        "The old secret signs on for {} seconds at most.",
                        OVERLAP_AT_MOST.num_seconds()
                    );
                    return Err(Refusal::bad_input("overlapSeconds", message).into());
                }
                let transaction = self.store.begin_in(organization).await?;
                authority(&transaction, organization, actor, Permission::WebhooksWrite).await?;
                let old = load(&transaction, input).await?;
                let (secret, sealed) = self.new_signing_secret(old.id)?;
                let mut new = next(&old, &transaction);
                // Sealed for its column: it is opened, and sealed for the other.
                new.sealed_previous = match &old.sealed_secret {
                    Some(sealed) if overlap > TimeDelta::zero() => {
                        let before = self.outgoing.keys.open(place_of_secret(old.id, CURRENT), sealed)?;
                        let place = place_of_secret(old.id, PREVIOUS);
                        Some(self.outgoing.keys.seal(place, &before, self.ids.secret())?)
                    }
                    _ => None,
                };
                new.previous_until = new.sealed_previous.is_some().then(|| transaction.now() + overlap);
                new.sealed_secret = Some(sealed);
                transaction.write_webhook_endpoint(&old, &new).await.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(
                    Some(organization),
                    "webhook_endpoint.secret_rotate",
                    "webhook_endpoint",
                    new.id,
                )
                .changed(&old.audit_values(), &new.audit_values());
                let answer = Answer::of(Resource::WebhookEndpoint(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await?;
                Ok(Answer { secret: Some(secret), ..answer })
            }),
        )
        .await
    }

    /// Enables, disables or deletes an endpoint.
    pub async fn act_on_webhook_endpoint(
        &self,
        actor: &Actor,
        input: WebhookEndpointInput,
        act: WebhookEndpointAct,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let transaction = self.store.begin_in(organization).await?;
                authority(&transaction, organization, actor, Permission::WebhooksWrite).await?;
                let old = load(&transaction, input).await?;
                let mut new = next(&old, &transaction);
                let action = match act {
                    WebhookEndpointAct::Enable => {
                        if old.state == WebhookEndpointState::Enabled {
                            return Err(Refusal::conflict("The endpoint is enabled already.").into());
                        }
                        if transaction.grant_of(organization, old.acts_for).await?.is_none() {
                            return Err(Refusal::conflict(
                                "Whose rights the endpoint's query is run with is no member any more. Change the endpoint first: \
                                 from then on it is run with yours.",
                            )
                            .into());
                        }
                        new.state = WebhookEndpointState::Enabled;
                        new.disabled_reason = None;
                        transaction.forget_webhook_failures(&old).await?;
                        "webhook_endpoint.enable"
                    }
                    WebhookEndpointAct::Disable => {
                        if old.state == WebhookEndpointState::Disabled {
                            return Err(Refusal::conflict("The endpoint is disabled already.").into());
                        }
                        new.state = WebhookEndpointState::Disabled;
                        new.disabled_reason = Some(DisabledReason::ByHand);
                        transaction.hold_webhooks_of(&old).await?;
                        "webhook_endpoint.disable"
                    }
                    WebhookEndpointAct::Delete => {
                        new.deleted_at = Some(transaction.now());
                        new.state = WebhookEndpointState::Disabled;
                        new.sealed_secret = None;
                        new.sealed_previous = None;
                        new.previous_until = None;
                        transaction.hold_webhooks_of(&old).await?;
                        "webhook_endpoint.delete"
                    }
                };
                transaction.write_webhook_endpoint(&old, &new).await.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(Some(organization), action, "webhook_endpoint", new.id)
                    .changed(&old.audit_values(), &new.audit_values());
                Answer::of(Resource::WebhookEndpoint(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    fn new_signing_secret(&self, id: WebhookEndpointId) -> Result<(Secret, String), ServiceError> {
        let text = signing_secret(self.ids.secret());
        let sealed = self.outgoing.keys.seal(place_of_secret(id, CURRENT), &text, self.ids.secret())?;
        Ok((Secret::of_text(text), sealed))
    }

    /// Refuses a query that cannot be stored.
    async fn check_selection(
        &self,
        refusals: &mut Refusals,
        actor: &Actor,
        organization: OrganizationId,
        selection: &str,
    ) -> Result<(), ServiceError> {
        if selection.len() > MAXIMUM_SELECTION {
            let message = format!("A query has {MAXIMUM_SELECTION} bytes at most.");
            refusals.add(Refusal::bad_input("selection", message));
            return Ok(());
        }
        let person = actor.user_id.ok_or(ServiceError::NotFound("organization"))?;
        let viewer = self.selection_viewer(organization, person).await?;
        let viewer = viewer.ok_or(ServiceError::NotFound("organization"))?;
        let request = SelectionRequest {
            selection: selection.to_owned(),
            viewer,
            organization_id: organization,
            subject: None,
        };
        if let Err(why) = self.selections()?.check(request).await {
            refusals.add(Refusal::bad_input("selection", why));
        }
        Ok(())
    }

    /// A person, with what they may do in an organization now.
    pub(super) async fn selection_viewer(
        &self,
        organization: OrganizationId,
        person: UserId,
    ) -> Result<Option<SelectionViewer>, ServiceError> {
        use crate::domain::membership::MembershipStatus;
        if let Some(member) = self.store.find_member_by_user(organization, person).await? {
            let counts = member.membership.status == MembershipStatus::Active;
            let grant = Grant { role: member.membership.role.role, permissions: member.permissions() };
            return Ok(Some(SelectionViewer { user: member.user, grant: counts.then_some(grant) }));
        }
        let user = self.store.users(&[person]).await?.pop();
        Ok(user.map(|user| SelectionViewer { user, grant: None }))
    }
}

/// Each once, in the order of their declaration.
fn unique(mut events: Vec<NotificationEvent>) -> Vec<NotificationEvent> {
    events.sort_unstable();
    events.dedup();
    events
}

async fn load(
    transaction: &WriteTransaction,
    input: WebhookEndpointInput,
) -> Result<WebhookEndpoint, ServiceError> {
    let found = transaction.find_webhook_endpoint(input.organization_id, input.webhook_endpoint_id).await?;
    let found = found.ok_or(ServiceError::NotFound("webhook endpoint"))?;
    check_version(found.version, input.expected_version, "endpoint")?;
    Ok(found)
}
