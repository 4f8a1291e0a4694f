//! API keys: made, given a new secret, revoked. A secret is shown once; what is kept is its hash.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::{authority, check_version};
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::notification::tell;
use crate::domain::api_key::{
    ApiKey, MAXIMUM_KEYS, MAXIMUM_NETWORKS, OVERLAP, OVERLAP_AT_MOST, network, never_in_scopes,
};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{ApiKeyId, OrganizationId};
use crate::domain::key_policy::KeyPolicy;
use crate::domain::notification::Fact;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::secret::{API_KEY_PREFIX, Secret};
use crate::domain::text::required_text;
use crate::store::{KeyPrincipal, NewApiKey, StoreError, WriteTransaction};

/// A key to be made.
#[derive(Clone, Debug, Serialize)]
pub struct ApiKeyCreateInput {
    /// In which organization it acts.
    pub organization_id: OrganizationId,
    /// What people call it.
    pub name: String,
    /// What it is given.
    pub scopes: Permissions,
    /// The networks it may be used from; all when empty.
    pub allowed_addresses: Vec<String>,
    /// From then on it does not count; never when left out.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key that something is to be done to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ApiKeyInput {
    /// In which organization it acts.
    pub organization_id: OrganizationId,
    /// Which key.
    pub api_key_id: ApiKeyId,
    /// The version that it was decided on, if that matters.
    pub expected_version: Option<i64>,
    /// How long the old secret counts on, in seconds, when it is given a new one; a day when nothing is said.
    pub overlap_seconds: Option<i64>,
}

fn changed_meanwhile(error: StoreError) -> ServiceError {
    match error {
        StoreError::Changed(_) => {
            Refusal::conflict("The key was changed meanwhile. Read it again, and decide anew.").into()
        }
        error => error.into(),
    }
}

impl Service {
    /// Makes a key of the caller's. The answer has the secret, once.
    pub async fn create_api_key(
        &self,
        actor: &Actor,
        input: ApiKeyCreateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let mut refusals = Refusals::default();
                let name = refusals.check("name", required_text(&input.name, 60));
                let networks: Vec<_> = input
                    .allowed_addresses
                    .iter()
                    .enumerate()
                    .filter_map(|(place, text)| {
                        refusals.check(&format!("allowedAddresses.{place}"), network(text))
                    })
                    .collect();
                if input.allowed_addresses.len() > MAXIMUM_NETWORKS {
                    let message = format!("A key names {MAXIMUM_NETWORKS} networks at most.");
                    refusals.add(Refusal::bad_input("allowedAddresses", message));
                }
                if input.expires_at.is_some_and(|end| end <= self.clock.now()) {
                    refusals.add(Refusal::bad_input("expiresAt", "This is over already."));
                }
                let never = input.scopes.shared_with(never_in_scopes());
                if never != Permissions::NONE {
                    let message = format!("No key can hold {never}: a person does that.");
                    refusals.add(Refusal::bad_input("scopes", message));
                }
                refusals.finish()?;
                let name = name.expect("refused above when it is missing");
                // Without this nothing else can be used.
                let scopes = input.scopes.iter().chain([Permission::OrganizationRead]).collect();
                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::KeysWrite).await?;
                by.check_grant(scopes, "scopes")?;
                let policy = transaction.security_settings(organization).await?.key_policy;
                let new_key = (scopes, networks.is_empty(), input.expires_at);
                check_policy(&policy, new_key, transaction.now())?;
                if transaction.count_counting_keys(organization).await? >= MAXIMUM_KEYS {
                    let message =
                        format!("An organization has {MAXIMUM_KEYS} keys at most. Revoke one first.");
                    return Err(Refusal::at("", ErrorCode::LimitExceeded, message).into());
                }
                let secret = Secret::new(API_KEY_PREFIX, self.ids.secret());
                let new = transaction
                    .create_api_key(NewApiKey {
                        organization_id: organization,
                        user_id: by.user_id,
                        name,
                        prefix: secret.shown(),
                        secret_hash: secret.hash(),
                        scopes,
                        allowed_addresses: networks,
                        expires_at: input.expires_at,
                    })
                    .await?;
                let fact = Fact::ApiKeyCreated {
                    api_key_id: new.id,
                    name: new.name.clone(),
                    prefix: new.prefix.clone(),
                };
                tell(&transaction, organization, &fact).await?;
                let entry = AuditEntry::new(Some(organization), "api_key.create", "api_key", new.id)
                    .created(new.audit_values());
                let answer = Answer::of(Resource::ApiKey(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await?;
                Ok(Answer { secret: Some(secret), ..answer })
            }),
        )
        .await
    }

    /// Gives a key another secret. The one before counts on for the overlap, so that programs can be told one after the
    /// other.
    pub async fn rotate_api_key(
        &self,
        actor: &Actor,
        input: ApiKeyInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let overlap = input.overlap_seconds.map_or(OVERLAP, TimeDelta::seconds);
                if overlap < TimeDelta::zero() || overlap > OVERLAP_AT_MOST {
                    let message = format!("The old secret counts on for {} seconds at most.", OVERLAP_AT_MOST.num_seconds());
                    return Err(Refusal::bad_input("overlapSeconds", message).into());
                }
                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::KeysWrite).await?;
                let found = load(&transaction, input).await?;
                let old = &found.key;
                check_allowed(&found.security.key_policy)?;
                // Whoever has the new secret acts as the key's person: that is passed on with it.
                by.check_over(usable(&found), "apiKeyId", "key")?;
                if old.user_id != by.user_id {
                    let message = "This is another person's key: its new secret would be theirs to use. Make one of \
                                   your own, and revoke this one.";
                    return Err(Refusal::at("apiKeyId", ErrorCode::Forbidden, message).into());
                }
                let secret = Secret::new(API_KEY_PREFIX, self.ids.secret());
                let until = transaction.now() + overlap;
                let rotated =
                    transaction.rotate_api_key(old, secret.shown(), &secret.hash(), until).await;
                let new = rotated.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(Some(organization), "api_key.rotate", "api_key", new.id)
                    .changed(&old.audit_values(), &new.audit_values());
                let answer = Answer::of(Resource::ApiKey(new.id)).commit(transaction, actor, entry, idempotency.as_ref()).await?;
                Ok(Answer { secret: Some(secret), ..answer })
            }),
        )
        .await
    }

    /// Revokes a key, at once and for good. Taking something away needs no more than the permission to.
    pub async fn revoke_api_key(
        &self,
        actor: &Actor,
        input: ApiKeyInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let transaction = self.store.begin_in(organization).await?;
                authority(&transaction, organization, actor, Permission::KeysWrite).await?;
                let old = load(&transaction, input).await?.key;
                let new = transaction.revoke_api_key(&old).await.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(Some(organization), "api_key.revoke", "api_key", new.id)
                    .changed(&old.audit_values(), &new.audit_values());
                Answer::of(Resource::ApiKey(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }
}

fn check_allowed(policy: &KeyPolicy) -> Result<(), Refusal> {
    if policy.allowed {
        return Ok(());
    }
    let message = "The organization's security settings allow no API keys.";
    Err(Refusal::at("", ErrorCode::Forbidden, message))
}

/// Refuses a key that the organization's security settings do not let be: its scopes, whether it may come from everywhere,
/// and its end.
fn check_policy(
    policy: &KeyPolicy,
    (scopes, is_from_everywhere, expires_at): (Permissions, bool, Option<DateTime<Utc>>),
    now: DateTime<Utc>,
) -> Result<(), ServiceError> {
    check_allowed(policy)?;
    let mut refusals = Refusals::default();
    let beyond = scopes.beyond(policy.bounds());
    if beyond != Permissions::NONE {
        let message = format!("The organization's security settings let no key hold {beyond}.");
        refusals.add(Refusal::bad_input("scopes", message));
    }
    if policy.addresses_required && is_from_everywhere {
        let message =
            "The organization's security settings require a key to name the addresses it is used from.";
        refusals.add(Refusal::bad_input("allowedAddresses", message));
    }
    if let Some(end) = policy.ends(now)
        && expires_at.is_none_or(|asked| asked > end)
    {
        let days = policy.longest_life_days.unwrap_or_default();
        let message =
            format!("The organization's security settings let a key count for {days} days at most.");
        refusals.add(Refusal::bad_input("expiresAt", message));
    }
    refusals.finish()
}

/// What a key can do right now.
fn usable(found: &KeyPrincipal) -> Permissions {
    found.grant.map_or(Permissions::NONE, |grant| grant.permissions.shared_with(found.key.scopes))
}

async fn load(transaction: &WriteTransaction, input: ApiKeyInput) -> Result<KeyPrincipal, ServiceError> {
    let found = transaction.find_key(input.api_key_id).await?;
    let found = found.filter(|it| it.key.organization_id == input.organization_id);
    let found = found.ok_or(ServiceError::NotFound("API key"))?;
    check_version(found.key.version, input.expected_version, "key")?;
    check_counts(&found.key)?;
    Ok(found)
}

fn check_counts(key: &ApiKey) -> Result<(), Refusal> {
    if key.revoked_at.is_none() {
        return Ok(());
    }
    Err(Refusal::at("apiKeyId", ErrorCode::Conflict, "This key was revoked already."))
}
