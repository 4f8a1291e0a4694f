//! Changing settings: on the version that was read, whole or not at all, with the version before kept. A part that somebody
//! else changed meanwhile is a conflict that names the fields.

use serde::Serialize;

use super::Service;
use super::answer::Answer;
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::setting_part::{PartChange, refused, restored};
use crate::domain::audit::Actor;
use crate::domain::billing_settings::BillingSettingsPatch;
use crate::domain::general_settings::GeneralSettingsPatch;
use crate::domain::ids::OrganizationId;
use crate::domain::notification_settings::NotificationRulePatch;
use crate::domain::permission::Permission;
use crate::domain::security_settings::SecuritySettingsPatch;
use crate::domain::session::Session;
use crate::domain::setting::SettingSection;
use crate::domain::setting_content::Content;

/// A change of a part.
#[derive(Clone, Debug, Serialize)]
pub struct SettingsUpdateInput<P> {
    /// Whose settings.
    pub organization_id: OrganizationId,
    /// The version that it was decided on; zero when the part was never written.
    pub expected_version: i64,
    /// What is to become of it.
    pub patch: P,
}

/// Who changes security settings, and whether they know what they do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Author {
    /// How they signed in. No part of what is asked for.
    #[serde(skip)]
    pub session: Session,
    /// Whether it may lock themselves out.
    pub confirm_lock_out: bool,
}

/// A change of the security settings.
#[derive(Clone, Debug, Serialize)]
pub struct SecurityUpdateInput {
    /// What is changed.
    pub update: SettingsUpdateInput<SecuritySettingsPatch>,
    /// By whom.
    pub author: Author,
}

/// A version to be brought back.
#[derive(Clone, Debug, Serialize)]
pub struct SettingsRollbackInput {
    /// Whose settings.
    pub organization_id: OrganizationId,
    /// Which part.
    pub section: SettingSection,
    /// The version to be brought back; zero is what there was before anybody wrote.
    pub version: i64,
    /// The version that it was decided on.
    pub expected_version: i64,
    /// Who asks.
    pub author: Author,
}

impl Service {
    /// Changes the general settings; the organization's name and slug are among them.
    pub async fn update_general_settings(
        &self,
        actor: &Actor,
        input: SettingsUpdateInput<GeneralSettingsPatch>,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let part =
                    self.open_part(actor, &input, SettingSection::General, Permission::SettingsWrite).await?;
                let Content::General(old) = part.old()? else { unreachable!("it was read as such") };
                let new = Content::General(old.patched(input.patch).map_err(refused)?);
                let change = PartChange {
                    actor,
                    new,
                    action: "settings.general_update",
                    author: None,
                    restored_version: None,
                };
                self.write_part(part, change, idempotency.as_ref()).await
            }),
        )
        .await
    }

    /// Changes the billing settings, and brings the Stripe customer in step with them when there is one.
    pub async fn update_billing_settings(
        &self,
        actor: &Actor,
        input: SettingsUpdateInput<BillingSettingsPatch>,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let part =
                    self.open_part(actor, &input, SettingSection::Billing, Permission::BillingWrite).await?;
                let Content::Billing(old) = part.old()? else { unreachable!("it was read as such") };
                let new = Content::Billing(old.patched(input.patch).map_err(refused)?);
                let change = PartChange {
                    actor,
                    new,
                    action: "settings.billing_update",
                    author: None,
                    restored_version: None,
                };
                self.write_part(part, change, idempotency.as_ref()).await
            }),
        )
        .await
    }

    /// Changes whom which event reaches.
    pub async fn update_notification_settings(
        &self,
        actor: &Actor,
        input: SettingsUpdateInput<Vec<NotificationRulePatch>>,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let part = self
                    .open_part(actor, &input, SettingSection::Notifications, Permission::SettingsWrite)
                    .await?;
                let Content::Notifications(old) = part.old()? else { unreachable!("it was read as such") };
                let new = Content::Notifications(old.patched(input.patch).map_err(refused)?);
                let change = PartChange {
                    actor,
                    new,
                    action: "settings.notifications_update",
                    author: None,
                    restored_version: None,
                };
                self.write_part(part, change, idempotency.as_ref()).await
            }),
        )
        .await
    }

    /// Changes the security settings. A change that would lock its author out needs their word.
    pub async fn update_security_settings(
        &self,
        actor: &Actor,
        input: SecurityUpdateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        let SecurityUpdateInput { update, author } = input;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let part = self
                    .open_part(actor, &update, SettingSection::Security, Permission::SettingsWrite)
                    .await?;
                let Content::Security(old) = part.old()? else { unreachable!("it was read as such") };
                let new = Content::Security(old.patched(update.patch).map_err(refused)?);
                let change = PartChange {
                    actor,
                    new,
                    action: "settings.security_update",
                    author: Some(&author),
                    restored_version: None,
                };
                self.write_part(part, change, idempotency.as_ref()).await
            }),
        )
        .await
    }

    /// Brings back what a part was at an earlier version, as a new one.
    pub async fn roll_back_settings(
        &self,
        actor: &Actor,
        input: SettingsRollbackInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let section = input.section;
                let update = SettingsUpdateInput {
                    organization_id: input.organization_id,
                    expected_version: input.expected_version,
                    patch: (),
                };
                let needed = match section {
                    SettingSection::Billing => Permission::BillingWrite,
                    _ => Permission::SettingsWrite,
                };
                let part = self.open_part(actor, &update, section, needed).await?;
                let kept = part
                    .transaction
                    .find_setting_version(input.organization_id, section, input.version)
                    .await?;
                let Some(kept) = kept else {
                    let message = "This version is not kept. Take one of settingsHistory.";
                    return Err(Refusal::at("version", ErrorCode::NotFound, message).into());
                };
                let new = restored(&part, &kept.document)?;
                let change = PartChange {
                    actor,
                    new,
                    action: "settings.rollback",
                    author: Some(&input.author),
                    restored_version: Some(input.version),
                };
                self.write_part(part, change, idempotency.as_ref()).await
            }),
        )
        .await
    }
}
