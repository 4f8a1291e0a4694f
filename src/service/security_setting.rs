//! Security settings: that nobody locks themselves out unawares, the platform's way back in, and signing out everywhere.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::authority;
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::notification::tell;
use super::setting::Author;
use super::setting_part::OpenPart;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::notification::Fact;
use crate::domain::permission::Permission;
use crate::domain::security_settings::{SecuritySettings, Standing};
use crate::domain::session::Session;
use crate::domain::setting::SettingSection;
use crate::domain::setting_content::Content;
use crate::domain::text::required_text;
use crate::store::{NewSetting, SeenSession};

/// An organization whose members are kept out, to be opened to them again.
#[derive(Clone, Debug, Serialize)]
pub struct SecurityRecoverInput {
    /// Which organization.
    pub organization_id: OrganizationId,
    /// Why, for its audit log.
    pub reason: String,
}

/// Whose sessions are to be ended.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SessionsRevokeInput {
    /// In which organization.
    pub organization_id: OrganizationId,
    /// Of which member; of all when nobody is named.
    pub user_id: Option<UserId>,
}

impl Service {
    /// Opens an organization to its members again whom its own settings keep out. For the platform.
    pub async fn recover_security_settings(
        &self,
        actor: &Actor,
        input: SecurityRecoverInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let id = input.organization_id;
                let mut refusals = Refusals::default();
                let reason = refusals.check("reason", required_text(&input.reason, 500));
                refusals.finish()?;
                let transaction = self.store.begin_in(id).await?;
                transaction.find_organization(id).await?.ok_or(ServiceError::NotFound("organization"))?;
                let before = transaction.setting(id, SettingSection::Security).await?;
                // Also from what cannot be read, which keeps everybody out.
                let new = SecuritySettings::read(&before.document).unwrap_or_default().open_to_members();
                let document = serde_json::to_value(&new)?;
                let is_open = SecuritySettings::read(&before.document).is_ok_and(|old| old == new);
                if before.version == 0 || is_open {
                    let message = "The organization's settings keep no member out.";
                    return Err(Refusal::conflict(message).into());
                }
                let mut recorded = document.clone();
                recorded["reason"] = reason.into();
                let entry = AuditEntry::new(
                    Some(id),
                    "settings.security_recover",
                    "setting",
                    SettingSection::Security,
                )
                .changed(&before.document, &recorded);
                let written = transaction
                    .write_setting(NewSetting {
                        organization_id: id,
                        section: SettingSection::Security,
                        expected: before.version,
                        unwritten: serde_json::to_value(SecuritySettings::default())?,
                        document,
                        by: actor.user_id,
                        api_key_id: None,
                        restored_version: None,
                    })
                    .await?;
                let fact = Fact::SecuritySettingsChanged { version: written.version };
                tell(&transaction, id, &fact).await?;
                Answer::of(Resource::Organization(id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Signs members of an organization out of it: whoever signed in before must sign in again.
    pub async fn revoke_sessions(
        &self,
        actor: &Actor,
        input: SessionsRevokeInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let id = input.organization_id;
                let transaction = self.store.begin_in(id).await?;
                // As with keys: taking something away needs no more than the permission to.
                authority(&transaction, id, actor, Permission::MembersWrite).await?;
                let members = transaction.revoke_sessions_in(id, input.user_id).await?;
                if members == 0 {
                    let message = "There is no such member.";
                    return Err(Refusal::at("userId", ErrorCode::NotFound, message).into());
                }
                let entry = AuditEntry::new(Some(id), "sessions.revoke", "organization", id)
                    .created(serde_json::json!({ "userId": input.user_id, "members": members }));
                Answer::of(Resource::Organization(id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Signs a person out everywhere: whatever token of theirs was made by a sign-in before counts no more.
    pub async fn revoke_own_sessions(
        &self,
        actor: &Actor,
        user: UserId,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&user)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let transaction = self.store.begin().await?;
                transaction.revoke_sessions_of(user).await?;
                let entry = AuditEntry::new(None, "sessions.revoke_own", "user", user);
                Answer::default().commit(transaction, actor, entry, idempotency.as_ref()).await
            }),
        )
        .await
    }
}

/// Refuses settings that nobody could meet and, unless its author confirms it, those that the author does not meet, now or
/// after signing in again in the same way, and sign-ins that the gateway would not accept.
pub(super) async fn check_security(
    part: &OpenPart,
    new: &SecuritySettings,
    author: Option<&Author>,
    trusted_issuers: &[String],
) -> Result<(), ServiceError> {
    if new.requires_what_nobody_provides() {
        let message = "Single sign-on is required, and no provider would be left: nobody could come in. Name a \
                       provider, or require it no more.";
        return Err(Refusal::at("ssoProviders", ErrorCode::Conflict, message).into());
    }
    let Some(author) = author else { return Ok(()) };
    let (organization, user) = (part.organization.id, part.by.user_id);
    let now = part.transaction.now();
    if let Some(grant) = part.transaction.grant_of(organization, user).await? {
        // Whoever decides this is not idle.
        let standing = Standing { security: new.clone(), revoked_at: None, last_seen_at: Some(now) };
        // What lets this session in need not let in the next one, of which nothing is known yet.
        let next = Session {
            authenticated_at: author.session.authenticated_at.map(|_| now),
            ..author.session.clone()
        };
        let unseen = Standing { last_seen_at: None, ..standing.clone() };
        let bar =
            standing.bar(grant.role, &author.session, now).or_else(|| unseen.bar(grant.role, &next, now));
        if let Some(bar) = bar.filter(|_| !author.confirm_lock_out) {
            let message = format!(
                "This would lock you out yourself. {} To do it all the same, set confirmLockOut.",
                bar.sentence()
            );
            return Err(Refusal::at(new.field_of(bar), ErrorCode::Conflict, message).into());
        }
    }
    if !author.confirm_lock_out {
        check_issuers(part, new, trusted_issuers)?;
    }
    if let Some(key) = author.session.key().filter(|_| new.session_idle_minutes.is_some()) {
        let seen = SeenSession { organization_id: organization, user_id: user, key };
        part.transaction.note_session(&seen).await?;
    }
    Ok(())
}

/// Refuses to require a sign-in of whom the gateway accepts no token. What was required before stays.
fn check_issuers(part: &OpenPart, new: &SecuritySettings, trusted: &[String]) -> Result<(), ServiceError> {
    let old = match part.old() {
        Ok(Content::Security(old)) if old.sso_required => old.sso_providers.as_slice(),
        _ => &[],
    };
    let unknown = new.sso_providers.iter().enumerate().filter(|(_, provider)| {
        new.sso_required && !trusted.contains(&provider.issuer) && !old.contains(provider)
    });
    let refusals: Vec<Refusal> = unknown
        .map(|(place, provider)| {
            let message = format!(
                "This gateway accepts no tokens of {}, so nobody could come in by it. Ask whoever runs the gateway to \
                 trust it; to require it all the same, set confirmLockOut.",
                provider.issuer
            );
            Refusal::at(&format!("ssoProviders.{place}"), ErrorCode::Conflict, message)
        })
        .collect();
    if refusals.is_empty() { Ok(()) } else { Err(ServiceError::Refused(refusals)) }
}

impl Author {
    /// Somebody who came like this.
    pub fn new(session: Option<&Session>, confirm_lock_out: bool) -> Self {
        Self { session: session.cloned().unwrap_or_default(), confirm_lock_out }
    }
}
