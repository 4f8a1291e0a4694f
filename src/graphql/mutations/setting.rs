//! Changing settings, part by part.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use super::super::context::{authorize_in, caller_key, service, viewer};
use super::super::node::NodeKind;
use super::super::queries::setting as read;
use super::super::scalars::BigInt;
use super::super::types::setting::{BillingSettings, GeneralSettings, NotificationSettings};
use super::super::types::setting_parts::{AddressInput, ContactInput, TaxIdInput};
use super::super::types::{BillingOperation, UserError, enums};
use super::{Parts, answered};
use crate::domain::billing_settings::BillingSettingsPatch;
use crate::domain::general_settings::GeneralSettingsPatch;
use crate::domain::ids::OrganizationId;
use crate::domain::notification_settings::NotificationRulePatch;
use crate::domain::setting::Patch;
use crate::service;

/// A field that is left out stays as it is, and null clears it.
pub fn patch<T, U: From<T>>(asked: MaybeUndefined<T>) -> Patch<U> {
    match asked {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(value) => Patch::Set(value.into()),
    }
}

/// The same of a list, which is given whole.
pub fn patch_list<T, U: From<T>>(asked: MaybeUndefined<Vec<T>>) -> Patch<Vec<U>> {
    match asked {
        MaybeUndefined::Undefined => Patch::Keep,
        MaybeUndefined::Null => Patch::Clear,
        MaybeUndefined::Value(values) => Patch::Set(values.into_iter().map(U::from).collect()),
    }
}

/// General settings to be changed. What is left out stays as it is; null clears it.
#[derive(InputObject)]
pub struct SettingsGeneralUpdateInput {
    /// The organization.
    organization_id: ID,
    /// The version that the caller saw, 0 when the part was never written. Settings that were changed since are a CONFLICT
    /// that names the fields.
    expected_version: BigInt,
    /// The name people read, 1 to 120 characters. It cannot be cleared.
    name: MaybeUndefined<String>,
    /// The name in addresses, unique: 2 to 63 lower-case letters, digits and single hyphens. It cannot be cleared.
    slug: MaybeUndefined<String>,
    /// Where the logo is: an https address.
    logo_url: MaybeUndefined<String>,
    /// How dates, numbers and texts are written: a BCP 47 tag, `en-GB` for instance.
    locale: MaybeUndefined<String>,
    /// Where its days begin and end: a name of the IANA's database, `Europe/Berlin` for instance.
    time_zone: MaybeUndefined<String>,
    /// Whom to turn to, all of them: 20 at most.
    contacts: MaybeUndefined<Vec<ContactInput>>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The general settings.
#[derive(SimpleObject)]
pub struct SettingsGeneralUpdatePayload {
    /// The settings as they are now; null when the change was refused.
    settings: Option<GeneralSettings>,
    /// The operation that takes another name to the Stripe customer; null when there is no customer, the name is the same, or a
    /// legal name stands on invoices.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// Billing settings to be changed. What is left out stays as it is; null clears it.
#[derive(InputObject)]
pub struct SettingsBillingUpdateInput {
    /// The organization.
    organization_id: ID,
    /// The version that the caller saw, 0 when the part was never written. Settings that were changed since are a CONFLICT
    /// that names the fields.
    expected_version: BigInt,
    /// The name on invoices, at most 150 characters; the organization's own when cleared.
    legal_name: MaybeUndefined<String>,
    /// The address on invoices, whole.
    address: MaybeUndefined<AddressInput>,
    /// The tax ids on invoices, all of them: 5 at most.
    tax_ids: MaybeUndefined<Vec<TaxIdInput>>,
    /// Where invoices go, all of them: 10 at most. Stripe writes to the first.
    billing_emails: MaybeUndefined<Vec<String>>,
    /// The customer's own number, printed on every invoice: at most 140 characters.
    purchase_order_number: MaybeUndefined<String>,
    /// A line at the foot of every invoice, at most 1000 characters.
    invoice_footer: MaybeUndefined<String>,
    /// Days until an invoice must be paid that is sent instead of charged, 0 to 365; 0 means at once.
    net_terms: MaybeUndefined<i32>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The billing settings.
#[derive(SimpleObject)]
pub struct SettingsBillingUpdatePayload {
    /// The settings as they are now; null when the change was refused. They are written even when Stripe refuses a part of
    /// them: userErrors and the operation say so.
    settings: Option<BillingSettings>,
    /// The operation that brings the Stripe customer in step; null when there is no customer, or nothing Stripe must know.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// The rule of one event. What is left out stays as it is; null brings back what is usual.
#[derive(InputObject)]
pub struct NotificationRuleInput {
    /// The event.
    event: enums::NotificationEvent,
    /// The channels, all of them; with none the event is not told.
    channels: MaybeUndefined<Vec<enums::NotificationChannel>>,
    /// The roles whose members are told, all of them; built-in ones.
    roles: MaybeUndefined<Vec<enums::Role>>,
    /// Mail addresses that are told besides, all of them: 20 at most.
    addresses: MaybeUndefined<Vec<String>>,
}

/// Notification settings to be changed. Events that are not named stay as they are.
#[derive(InputObject)]
pub struct SettingsNotificationsUpdateInput {
    /// The organization.
    organization_id: ID,
    /// The version that the caller saw, 0 when the part was never written. Settings that were changed since are a CONFLICT
    /// that names the fields.
    expected_version: BigInt,
    /// The events whose rules change, each once.
    events: Vec<NotificationRuleInput>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The notification settings.
#[derive(SimpleObject)]
pub struct SettingsNotificationsUpdatePayload {
    /// The settings as they are now; null when the change was refused.
    settings: Option<NotificationSettings>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

impl From<NotificationRuleInput> for NotificationRulePatch {
    fn from(input: NotificationRuleInput) -> Self {
        Self {
            event: input.event.into(),
            channels: patch_list(input.channels),
            roles: patch_list(input.roles),
            addresses: patch(input.addresses),
        }
    }
}

#[derive(Default)]
pub struct SettingMutation;

/// The organization whose settings the caller may change.
pub fn permitted(ctx: &Context<'_>, id: &ID) -> Result<OrganizationId> {
    let id = OrganizationId(NodeKind::Organization.decode("input.organizationId", id)?);
    authorize_in(ctx, "Mutation", id, "organization")?;
    Ok(id)
}

#[Object]
impl SettingMutation {
    /// Changes general settings. Name and slug are the organization's own. Where no legal name is set, the name stands on
    /// invoices, so another one is taken to the Stripe customer by an operation that is written down together with it.
    async fn settings_general_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: SettingsGeneralUpdateInput,
    ) -> Result<SettingsGeneralUpdatePayload> {
        let organization_id = permitted(ctx, &input.organization_id)?;
        let key = caller_key(ctx, "settingsGeneralUpdate", Some(organization_id), input.idempotency_key);
        let update = service::SettingsUpdateInput {
            organization_id,
            expected_version: input.expected_version.0,
            patch: GeneralSettingsPatch {
                name: patch(input.name),
                slug: patch(input.slug),
                logo_url: patch(input.logo_url),
                locale: patch(input.locale),
                time_zone: patch(input.time_zone),
                contacts: patch_list(input.contacts),
            },
        };
        let answer = service(ctx).update_general_settings(viewer(ctx).actor(), update, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let settings = match &parts.resource {
            Some(_) => Some(read::general(ctx, organization_id).await?),
            None => None,
        };
        let (operation, user_errors) = (parts.operation, parts.user_errors);
        Ok(SettingsGeneralUpdatePayload { settings, operation, user_errors })
    }

    /// Changes billing settings, and brings the Stripe customer in step with them when there is one. The two are written down
    /// together: the operation is done even if this process ends meanwhile.
    async fn settings_billing_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: SettingsBillingUpdateInput,
    ) -> Result<SettingsBillingUpdatePayload> {
        let organization_id = permitted(ctx, &input.organization_id)?;
        let key = caller_key(ctx, "settingsBillingUpdate", Some(organization_id), input.idempotency_key);
        let update = service::SettingsUpdateInput {
            organization_id,
            expected_version: input.expected_version.0,
            patch: BillingSettingsPatch {
                legal_name: patch(input.legal_name),
                address: patch(input.address),
                tax_ids: patch_list(input.tax_ids),
                billing_emails: patch(input.billing_emails),
                purchase_order_number: patch(input.purchase_order_number),
                invoice_footer: patch(input.invoice_footer),
                net_terms: patch(input.net_terms),
            },
        };
        let answer = service(ctx).update_billing_settings(viewer(ctx).actor(), update, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let settings = match &parts.resource {
            Some(_) => Some(read::billing(ctx, organization_id).await?),
            None => None,
        };
        let (operation, user_errors) = (parts.operation, parts.user_errors);
        Ok(SettingsBillingUpdatePayload { settings, operation, user_errors })
    }

    /// Changes whom which event reaches, and by which channel.
    async fn settings_notifications_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: SettingsNotificationsUpdateInput,
    ) -> Result<SettingsNotificationsUpdatePayload> {
        let organization_id = permitted(ctx, &input.organization_id)?;
        let key =
            caller_key(ctx, "settingsNotificationsUpdate", Some(organization_id), input.idempotency_key);
        let update = service::SettingsUpdateInput {
            organization_id,
            expected_version: input.expected_version.0,
            patch: input.events.into_iter().map(NotificationRulePatch::from).collect(),
        };
        let answer = service(ctx).update_notification_settings(viewer(ctx).actor(), update, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let settings = match &parts.resource {
            Some(_) => Some(read::notifications(ctx, organization_id).await?),
            None => None,
        };
        Ok(SettingsNotificationsUpdatePayload { settings, user_errors: parts.user_errors })
    }
}
