//! Security settings, bringing back earlier settings, and signing out everywhere.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use super::super::context::{authorize, authorize_as, authorize_in, caller_key, service, viewer};
use super::super::error::denied;
use super::super::node::NodeKind;
use super::super::queries::setting as read;
use super::super::scalars::BigInt;
use super::super::types::setting::SecuritySettings;
use super::super::types::setting_parts::SsoProvider;
use super::super::types::{BillingOperation, Organization, User, UserError, enums};
use super::setting::{patch, patch_list, permitted};
use super::{Parts, answered, changed_organization};
use crate::auth::Denial;
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::key_policy::KeyPolicyPatch;
use crate::domain::security_settings::SecuritySettingsPatch;
use crate::domain::setting::SettingSection;
use crate::service;

/// Rules for API keys to be changed. What is left out stays as it is; null brings back what is usual.
#[derive(InputObject)]
pub struct KeyPolicyInput {
    /// Whether there may be any; usually there may.
    allowed: MaybeUndefined<bool>,
    /// How long one counts at most, 1 to 3660 days from when it was made; usually for ever.
    longest_life_days: MaybeUndefined<i32>,
    /// What one may hold at most; usually anything. ORGANIZATION_READ is always among it.
    scopes: MaybeUndefined<Vec<enums::Permission>>,
    /// Whether one must name the addresses that it is used from; usually not.
    addresses_required: MaybeUndefined<bool>,
}

impl From<KeyPolicyInput> for KeyPolicyPatch {
    fn from(input: KeyPolicyInput) -> Self {
        Self {
            allowed: patch(input.allowed),
            longest_life_days: patch(input.longest_life_days),
            scopes: patch_list(input.scopes),
            addresses_required: patch(input.addresses_required),
        }
    }
}

/// Security settings to be changed. What is left out stays as it is; null clears it.
#[derive(InputObject)]
pub struct SettingsSecurityUpdateInput {
    /// The organization.
    organization_id: ID,
    /// The version that the caller saw, 0 when the part was never written. Settings that were changed since are a CONFLICT
    /// that names the fields.
    expected_version: BigInt,
    /// Whether members must sign in by one of the providers. It needs a provider.
    sso_required: MaybeUndefined<bool>,
    /// The providers of single sign-on, all of them: 10 at most.
    sso_providers: MaybeUndefined<Vec<SsoProvider>>,
    /// Whether owners may come in without single sign-on: the way in when the provider fails.
    sso_optional_for_owners: MaybeUndefined<bool>,
    /// Whether members must have signed in with more than one factor, as the token's `amr` or `acr` tells.
    mfa_required: MaybeUndefined<bool>,
    /// How long after signing in (the token's `auth_time`) a session lasts: 5 to 527040 minutes.
    session_lifetime_minutes: MaybeUndefined<i32>,
    /// How long a session may be idle: 5 to 527040 minutes. It is measured to the minute.
    session_idle_minutes: MaybeUndefined<i32>,
    /// The networks from which one may come, all of them, `203.0.113.0/24` or `2001:db8::/32`: 200 at most.
    allowed_addresses: MaybeUndefined<Vec<String>>,
    /// The mail domains that may be invited, all of them: 100 at most.
    allowed_email_domains: MaybeUndefined<Vec<String>>,
    /// What API keys must satisfy.
    key_policy: MaybeUndefined<KeyPolicyInput>,
    /// Says that the caller knows they will be locked out by it. Without this such a change is a CONFLICT.
    #[graphql(default)]
    confirm_lock_out: bool,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The security settings.
#[derive(SimpleObject)]
pub struct SettingsSecurityUpdatePayload {
    /// The settings as they are now; null when the change was refused.
    settings: Option<SecuritySettings>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// A version of settings to be brought back.
#[derive(InputObject)]
pub struct SettingsRollbackInput {
    /// The organization.
    organization_id: ID,
    /// Which part; for BILLING the caller needs BILLING_WRITE besides.
    section: enums::SettingSection,
    /// The version to be brought back; 0 is what there was before anybody wrote.
    version: BigInt,
    /// The version that the caller saw. Settings that were changed since are a CONFLICT that names the fields.
    expected_version: BigInt,
    /// Says that the caller knows they will be locked out by it. Without this such a change is a CONFLICT.
    #[graphql(default)]
    confirm_lock_out: bool,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// What was brought back, as a new version.
#[derive(SimpleObject)]
pub struct SettingsRollbackPayload {
    /// The organization, with its settings as they are now; null when it was refused.
    organization: Option<Organization>,
    /// The operation that brings the Stripe customer in step; null when nothing must be told.
    operation: Option<BillingOperation>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// An organization whose members are kept out by its own settings.
#[derive(InputObject)]
pub struct SettingsSecurityRecoverInput {
    /// The organization.
    organization_id: ID,
    /// Why, for the organization's audit log: 1 to 500 characters.
    reason: String,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// The security settings, without what kept members out.
#[derive(SimpleObject)]
pub struct SettingsSecurityRecoverPayload {
    /// The settings as they are now; null when it was refused.
    settings: Option<SecuritySettings>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// Sessions to be ended.
#[derive(InputObject)]
pub struct SessionsRevokeInput {
    /// The organization.
    organization_id: ID,
    /// The member who is signed out; all members, the caller among them, when left out.
    user_id: Option<ID>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// Whose sessions were ended.
#[derive(SimpleObject)]
pub struct SessionsRevokePayload {
    /// The organization; null when it was refused.
    organization: Option<Organization>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// The caller's sessions to be ended.
#[derive(InputObject)]
pub struct ViewerSessionsRevokeInput {
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// Who was signed out.
#[derive(SimpleObject)]
pub struct ViewerSessionsRevokePayload {
    /// The person; null when it was refused.
    user: Option<User>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// The field whose rule counts for bringing billing settings back.
const BILLING_UPDATE: &str = "Mutation.settingsBillingUpdate";

#[derive(Default)]
pub struct SecuritySettingMutation;

async fn settings(
    ctx: &Context<'_>,
    parts: &Parts,
    organization: OrganizationId,
) -> Result<Option<SecuritySettings>> {
    match &parts.resource {
        Some(_) => Ok(Some(read::security(ctx, organization).await?)),
        None => Ok(None),
    }
}

#[Object]
impl SecuritySettingMutation {
    /// Changes security settings, for everybody and from now on. What lasts, streams and connections, is looked at again at
    /// once. A person does this, and no API key.
    async fn settings_security_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: SettingsSecurityUpdateInput,
    ) -> Result<SettingsSecurityUpdatePayload> {
        let organization_id = permitted(ctx, &input.organization_id)?;
        let key = caller_key(ctx, "settingsSecurityUpdate", Some(organization_id), input.idempotency_key);
        let update = service::SettingsUpdateInput {
            organization_id,
            expected_version: input.expected_version.0,
            patch: SecuritySettingsPatch {
                sso_required: patch(input.sso_required),
                sso_providers: patch_list(input.sso_providers),
                sso_optional_for_owners: patch(input.sso_optional_for_owners),
                mfa_required: patch(input.mfa_required),
                session_lifetime_minutes: patch(input.session_lifetime_minutes),
                session_idle_minutes: patch(input.session_idle_minutes),
                allowed_addresses: patch(input.allowed_addresses),
                allowed_email_domains: patch(input.allowed_email_domains),
                key_policy: patch(input.key_policy),
            },
        };
        let author = service::Author::new(viewer(ctx).session(), input.confirm_lock_out);
        let change = service::SecurityUpdateInput { update, author };
        let answer = service(ctx).update_security_settings(viewer(ctx).actor(), change, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let settings = settings(ctx, &parts, organization_id).await?;
        Ok(SettingsSecurityUpdatePayload { settings, user_errors: parts.user_errors })
    }

    /// Brings back what a part of the settings was at an earlier version, as a new version, by the rules of today. The history
    /// keeps all of them. Billing settings are brought back by whoever may change them.
    async fn settings_rollback(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which version of which part.")] input: SettingsRollbackInput,
    ) -> Result<SettingsRollbackPayload> {
        let section = SettingSection::from(input.section);
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        if section == SettingSection::Billing {
            // Whoever writes them may, and else somebody who may not could, by way of the past.
            authorize_as(ctx, BILLING_UPDATE, "Mutation", organization_id)?;
        } else {
            authorize_in(ctx, "Mutation", organization_id, "organization")?;
        }
        let key = caller_key(ctx, "settingsRollback", Some(organization_id), input.idempotency_key);
        let back = service::SettingsRollbackInput {
            organization_id,
            section,
            version: input.version.0,
            expected_version: input.expected_version.0,
            author: service::Author::new(viewer(ctx).session(), input.confirm_lock_out),
        };
        let answer = service(ctx).roll_back_settings(viewer(ctx).actor(), back, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let organization = changed_organization(ctx, parts.resource.as_ref()).await?;
        let (operation, user_errors) = (parts.operation, parts.user_errors);
        Ok(SettingsRollbackPayload { organization, operation, user_errors })
    }

    /// Takes from an organization's security settings what keeps its members out: single sign-on, second factors, bounds of
    /// sessions and of addresses. Its mail domains and its rules for keys stay. For platform staff, when an organization has
    /// locked itself out; it stands in the organization's audit log, with the reason.
    async fn settings_security_recover(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which organization, and why.")] input: SettingsSecurityRecoverInput,
    ) -> Result<SettingsSecurityRecoverPayload> {
        authorize(ctx, "Mutation")?;
        let organization_id =
            OrganizationId(NodeKind::Organization.decode("input.organizationId", &input.organization_id)?);
        let key = caller_key(ctx, "settingsSecurityRecover", Some(organization_id), input.idempotency_key);
        let recover = service::SecurityRecoverInput { organization_id, reason: input.reason };
        let answer = service(ctx).recover_security_settings(viewer(ctx).actor(), recover, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let settings = settings(ctx, &parts, organization_id).await?;
        Ok(SettingsSecurityRecoverPayload { settings, user_errors: parts.user_errors })
    }

    /// Signs one member, or all, out of an organization: whoever signed in before must sign in again to act in it. API keys
    /// are not sessions: revoke them with apiKeyRevoke.
    async fn sessions_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose sessions.")] input: SessionsRevokeInput,
    ) -> Result<SessionsRevokePayload> {
        let organization_id = permitted(ctx, &input.organization_id)?;
        let user_id = match &input.user_id {
            Some(id) => Some(UserId(NodeKind::User.decode("input.userId", id)?)),
            None => None,
        };
        let key = caller_key(ctx, "sessionsRevoke", Some(organization_id), input.idempotency_key);
        let revoke = service::SessionsRevokeInput { organization_id, user_id };
        let answer = service(ctx).revoke_sessions(viewer(ctx).actor(), revoke, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let organization = changed_organization(ctx, parts.resource.as_ref()).await?;
        Ok(SessionsRevokePayload { organization, user_errors: parts.user_errors })
    }

    /// Signs the caller out everywhere: no token of a sign-in before this counts any more, this request's among them.
    async fn viewer_sessions_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The caller's own sessions.")] input: ViewerSessionsRevokeInput,
    ) -> Result<ViewerSessionsRevokePayload> {
        authorize(ctx, "Mutation")?;
        let Some(user) = viewer(ctx).user().cloned() else {
            return Err(denied(Denial::Unauthenticated, "person"));
        };
        let key = caller_key(ctx, "viewerSessionsRevoke", None, input.idempotency_key);
        let answer = service(ctx).revoke_own_sessions(viewer(ctx).actor(), user.id, key).await;
        let parts = Parts::from(answered(ctx, answer)?);
        let user = parts.user_errors.is_empty().then_some(User(user));
        Ok(ViewerSessionsRevokePayload { user, user_errors: parts.user_errors })
    }
}
