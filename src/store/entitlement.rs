//! What organizations may use: what decides it, and what overrides their plans.

use entity::entitlement_override::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder,
};

use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::entitlement::{EntitlementOverride, EntitlementRules};
use crate::domain::general_settings::GeneralSettings;
use crate::domain::ids::{EntitlementOverrideId, OrganizationId, UserId};
use crate::domain::proration::Span;
use crate::domain::setting::SettingSection;
use crate::domain::usage::zone;

fn entitlement_override(row: Model) -> EntitlementOverride {
    EntitlementOverride {
        id: EntitlementOverrideId(row.id),
        organization_id: OrganizationId(row.organization_id),
        feature: row.feature,
        value: row.value,
        reason: row.reason,
        expires_at: row.expires_at,
        updated_by: row.updated_by.map(UserId),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

async fn overrides(
    conn: &impl ConnectionTrait,
    organization: OrganizationId,
) -> Result<Vec<EntitlementOverride>, StoreError> {
    let rows = Entity::find()
        .filter(Column::OrganizationId.eq(organization.0))
        .order_by_asc(Column::Feature)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(entitlement_override).collect())
}

impl Store {
    /// What decides what an organization may use, as it is now.
    pub async fn entitlement_rules(
        &self,
        organization: OrganizationId,
    ) -> Result<EntitlementRules, StoreError> {
        let view = self.find_current_subscription(organization).await?;
        let live = view.filter(|view| view.subscription.status.is_live());
        let period = live.as_ref().and_then(|view| {
            Span::new(view.subscription.current_period_start?, view.subscription.current_period_end?)
        });
        let charges = match &live {
            Some(view) => self.charges_in_force(view.subscription.id).await?,
            None => Vec::new(),
        };
        let plan = live.and_then(|view| view.plan);
        let general = self.setting(organization, SettingSection::General).await?;
        // What cannot be read is mended by a rollback; until then days are those of UTC, as for mails.
        let general = GeneralSettings::read(&general.document, "", "").unwrap_or_default();
        Ok(EntitlementRules {
            features: plan.map_or(serde_json::Value::Null, |plan| plan.features),
            overrides: overrides(&self.db, organization).await?,
            meters: self.list_meters().await?,
            period,
            zone: zone(general.time_zone.as_deref()),
            charges,
            alerts: self.usage_alerts(organization).await?,
        })
    }

    /// What overrides an organization's plan, what has expired too, by feature.
    pub async fn list_entitlement_overrides(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<EntitlementOverride>, StoreError> {
        overrides(&self.db, organization).await
    }
}

impl WriteTransaction {
    /// What overrides one feature of an organization's plan.
    pub async fn find_entitlement_override(
        &self,
        organization: OrganizationId,
        feature: &str,
    ) -> Result<Option<EntitlementOverride>, StoreError> {
        let row = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::Feature.eq(feature))
            .one(&self.tx)
            .await?;
        Ok(row.map(entitlement_override))
    }

    /// How many features of its plan are overridden for an organization.
    pub async fn count_entitlement_overrides(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        Ok(Entity::find().filter(Column::OrganizationId.eq(organization.0)).count(&self.tx).await?)
    }

    /// Writes an override: a new one, or over the one that was read. `Changed` when that is not as it was.
    pub async fn write_entitlement_override(
        &self,
        old: Option<&EntitlementOverride>,
        new: &EntitlementOverride,
    ) -> Result<(), StoreError> {
        let Some(old) = old else {
            active_model(new).insert(&self.tx).await?;
            self.will_tell_of_entitlements(new.organization_id);
            return Ok(());
        };
        let written = Entity::update_many()
            .set(active_model(new))
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::OrganizationId.eq(old.organization_id.0))
            .filter(Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if written.rows_affected != 1 {
            return Err(StoreError::Changed("entitlement override"));
        }
        self.will_tell_of_entitlements(new.organization_id);
        Ok(())
    }

    /// Takes an override away: the plan counts again. `Changed` when it is not as it was read.
    pub async fn remove_entitlement_override(&self, old: &EntitlementOverride) -> Result<(), StoreError> {
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::OrganizationId.eq(old.organization_id.0))
            .filter(Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if deleted.rows_affected != 1 {
            return Err(StoreError::Changed("entitlement override"));
        }
        self.will_tell_of_entitlements(old.organization_id);
        Ok(())
    }

    fn will_tell_of_entitlements(&self, organization: OrganizationId) {
        let kind = ChangedKind::Entitlement;
        self.will_tell(Changed { organization_id: Some(organization), kind, id: organization.0 });
    }
}

fn active_model(it: &EntitlementOverride) -> ActiveModel {
    ActiveModel {
        id: Set(it.id.0),
        organization_id: Set(it.organization_id.0),
        feature: Set(it.feature.clone()),
        value: Set(it.value.clone()),
        reason: Set(it.reason.clone()),
        expires_at: Set(it.expires_at),
        updated_by: Set(it.updated_by.map(|id| id.0)),
        version: Set(it.version),
        created_at: Set(it.created_at),
        updated_at: Set(it.updated_at),
    }
}
