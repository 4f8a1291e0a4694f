//! One part of the settings, opened in a transaction that holds the organization, and written with all that follows from it.

use serde_json::Value;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::{Authority, authority};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::notification::tell;
use super::security_setting::check_security;
use super::setting::{Author, SettingsUpdateInput};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_details::BillingDetails;
use crate::domain::general_settings::GeneralSettings;
use crate::domain::notification::Fact;
use crate::domain::organization::Organization;
use crate::domain::permission::Permission;
use crate::domain::setting::{FieldChecks, SettingDocument, SettingSection};
use crate::domain::setting_content::{Content, changes};
use crate::store::{NewIdempotencyRecord, NewSetting, StoreError, WriteTransaction};

/// A part that is open to be changed, in a transaction that holds the organization.
pub(super) struct OpenPart {
    pub transaction: WriteTransaction,
    pub by: Authority,
    pub organization: Organization,
    pub before: SettingDocument,
    /// What it says; nothing when it cannot be read.
    old: Option<Content>,
}

impl OpenPart {
    /// What the part says, to be changed in places. One that cannot be read is no ground to build on: what is in it would be
    /// lost.
    pub(super) fn old(&self) -> Result<&Content, Refusal> {
        self.old.as_ref().ok_or_else(|| {
            Refusal::conflict(
                "These settings hold what cannot be read, so nothing is written over them. Bring back an earlier version \
                 with settingsRollback, or ask support.",
            )
        })
    }
}

/// What is written, and why.
pub(super) struct PartChange<'a> {
    pub actor: &'a Actor,
    pub new: Content,
    pub action: &'static str,
    pub author: Option<&'a Author>,
    pub restored_version: Option<i64>,
}

/// The content of a document of an organization's.
fn read(
    section: SettingSection,
    document: &Value,
    organization: &Organization,
) -> Result<Content, serde_json::Error> {
    Content::read(section, document, &organization.name, &organization.slug)
}

/// What stands in for a part that was never written.
fn unwritten(section: SettingSection, organization: &Organization) -> Result<Value, ServiceError> {
    Ok(read(section, &serde_json::json!({}), organization)?.document()?)
}

/// What a version of before says, by the rules of today.
pub(super) fn restored(part: &OpenPart, document: &Value) -> Result<Content, ServiceError> {
    let content = read(part.before.section, document, &part.organization).map_err(|_| {
        Refusal::bad_input("version", "This version holds what cannot be read any more. Take another one.")
    })?;
    content.checked().map_err(refused)
}

/// What a person can mend of what is wrong with the fields.
pub(super) fn refused(checks: FieldChecks) -> ServiceError {
    let refusals = checks.0.iter().map(|error| Refusal::bad_input(&error.path, &error.message));
    ServiceError::Refused(refusals.collect())
}

impl Service {
    /// Opens a part to be changed by an actor who holds `permission`.
    pub(super) async fn open_part<P: Sync>(
        &self,
        actor: &Actor,
        input: &SettingsUpdateInput<P>,
        section: SettingSection,
        permission: Permission,
    ) -> Result<OpenPart, ServiceError> {
        let id = input.organization_id;
        let transaction = self.store.begin_in(id).await?;
        let by = authority(&transaction, id, actor, permission).await?;
        let organization =
            transaction.find_organization(id).await?.ok_or(ServiceError::NotFound("organization"))?;
        let before = transaction.setting(id, section).await?;
        if before.version != input.expected_version {
            return Err(conflict(&transaction, &organization, &before, input.expected_version).await?);
        }
        let old = read(section, &before.document, &organization);
        if let Err(error) = &old {
            tracing::error!(%error, organization = %id, %section, "a part of the settings cannot be read");
        }
        let old = old.ok();
        Ok(OpenPart { transaction, by, organization, before, old })
    }

    /// Writes a part that is open, with its version, its record and what follows from it.
    pub(super) async fn write_part(
        &self,
        part: OpenPart,
        change: PartChange<'_>,
        idempotency: Option<&NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        let organization = part.organization.id;
        let answer = Answer::of(Resource::Organization(organization));
        if part.old.as_ref() == Some(&change.new) {
            // Nothing is changed, so nothing is recorded.
            part.transaction.rollback().await?;
            return Ok(answer);
        }
        let sync = match &change.new {
            Content::General(new) => {
                rename(&part.transaction, &part.organization, new).await?;
                named_by(&part, new).await?
            }
            Content::Billing(new) => {
                let is_known =
                    matches!(&part.old, Some(Content::Billing(old)) if !old.differs_for_stripe(new));
                (part.organization.stripe_customer_id.is_some() && !is_known).then(|| new.clone())
            }
            Content::Notifications(_) => None,
            Content::Security(new) => {
                check_security(&part, new, change.author, &self.trusted_issuers).await?;
                None
            }
        };
        let document = change.new.document()?;
        let section = part.before.section;
        let (old, new) = match &part.old {
            Some(old) => (old.recorded_beside(&change.new)?, change.new.recorded_beside(old)?),
            None => (part.before.document.clone(), document.clone()),
        };
        let entry =
            AuditEntry::new(Some(organization), change.action, "setting", section).changed(&old, &new);
        let written = part
            .transaction
            .write_setting(NewSetting {
                organization_id: organization,
                section,
                expected: part.before.version,
                unwritten: unwritten(section, &part.organization)?,
                document,
                by: Some(part.by.user_id),
                api_key_id: change.actor.api_key_id,
                restored_version: change.restored_version,
            })
            .await;
        let written = match written {
            Ok(written) => written,
            Err(StoreError::Changed(_)) => {
                let message = "The settings were changed meanwhile. Read them again, and decide anew.";
                return Err(Refusal::at("expectedVersion", ErrorCode::Conflict, message).into());
            }
            Err(error) => return Err(error.into()),
        };
        if section == SettingSection::Security {
            let fact = Fact::SecuritySettingsChanged { version: written.version };
            tell(&part.transaction, organization, &fact).await?;
        }
        match sync {
            Some(details) => {
                self.sync_with_setting(
                    part.transaction,
                    change.actor,
                    organization,
                    details,
                    entry,
                    idempotency,
                )
                .await
            }
            None => answer.commit(part.transaction, change.actor, entry, idempotency).await,
        }
    }
}

/// What somebody else changed since the version that the caller saw.
async fn conflict(
    transaction: &WriteTransaction,
    organization: &Organization,
    now: &SettingDocument,
    expected: i64,
) -> Result<ServiceError, ServiceError> {
    let version = now.version;
    let kept = transaction.find_setting_version(organization.id, now.section, expected).await?;
    let seen = match kept {
        Some(kept) => Some(kept.document),
        None if expected == 0 => Some(unwritten(now.section, organization)?),
        None => None,
    };
    let changes = seen.map(|seen| changes(now.section, &seen, &now.document)).unwrap_or_default();
    if changes.is_empty() {
        let message = format!(
            "The settings are at version {version}, not {expected}. Read them again, and decide anew."
        );
        return Ok(Refusal::at("expectedVersion", ErrorCode::Conflict, message).into());
    }
    let refusals = changes.iter().map(|change| {
        let path = change.path.join(".");
        let message = format!(
            "{path} was changed meanwhile: the settings are at version {version}, and you saw {expected}. Read them \
             again, and decide anew."
        );
        Refusal::at(&path, ErrorCode::Conflict, message)
    });
    Ok(ServiceError::Refused(refusals.collect()))
}

/// The billing details that Stripe is to be told again because the organization has another name: it stands on invoices where
/// no legal name does.
async fn named_by(part: &OpenPart, new: &GeneralSettings) -> Result<Option<BillingDetails>, ServiceError> {
    let organization = &part.organization;
    if organization.stripe_customer_id.is_none() || organization.name == new.name {
        return Ok(None);
    }
    let document = part.transaction.setting(organization.id, SettingSection::Billing).await?.document;
    match BillingDetails::read(&document) {
        Ok(details) => Ok(Some(details).filter(|details| details.legal_name.is_none())),
        // What cannot be read must not be taken for nothing.
        Err(error) => {
            tracing::error!(%error, organization = %organization.id, "billing settings cannot be read, so Stripe is not told of a name");
            Ok(None)
        }
    }
}

async fn rename(
    transaction: &WriteTransaction,
    organization: &Organization,
    new: &GeneralSettings,
) -> Result<(), ServiceError> {
    if (&organization.name, &organization.slug) == (&new.name, &new.slug) {
        return Ok(());
    }
    match transaction.rename_organization(organization.id, &new.name, &new.slug).await {
        Err(error) if error.is_duplicate_of("slug") => {
            let message = "This slug is taken. Choose another.";
            Err(Refusal::at("slug", ErrorCode::Conflict, message).into())
        }
        renamed => Ok(renamed?),
    }
}
