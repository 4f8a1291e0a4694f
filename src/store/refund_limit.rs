//! How much a person may give back: an organization's own limits before the platform's, and those before the defaults.

use entity::{organization_refund_limit as own, refund_limit as platform};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::error::{currency, known};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::money::Currency;
use crate::domain::refund::{RefundLimit, RefundRole};

fn of_platform(row: platform::Model) -> Result<RefundLimit, StoreError> {
    Ok(RefundLimit {
        organization_id: None,
        role: known("refund_limits.role", &row.role, RefundRole::parse(&row.role))?,
        currency: currency("refund_limits.currency", &row.currency)?,
        daily_minor: row.daily_minor,
        approval_above_minor: row.approval_above_minor,
    })
}

fn of_organization(row: own::Model) -> Result<RefundLimit, StoreError> {
    Ok(RefundLimit {
        organization_id: Some(OrganizationId(row.organization_id)),
        role: known("organization_refund_limits.role", &row.role, RefundRole::parse(&row.role))?,
        currency: currency("organization_refund_limits.currency", &row.currency)?,
        daily_minor: row.daily_minor,
        approval_above_minor: row.approval_above_minor,
    })
}

/// The limit that was set for an organization alone, or for all that have none of their own.
async fn find_limit(
    conn: &impl ConnectionTrait,
    organization: Option<OrganizationId>,
    role: RefundRole,
    currency: Currency,
) -> Result<Option<RefundLimit>, StoreError> {
    match organization {
        Some(organization) => {
            let row = own::Entity::find()
                .filter(own::Column::OrganizationId.eq(organization.0))
                .filter(own::Column::Role.eq(role.as_str()))
                .filter(own::Column::Currency.eq(currency.code()))
                .one(conn)
                .await?;
            row.map(of_organization).transpose()
        }
        None => {
            let row = platform::Entity::find()
                .filter(platform::Column::Role.eq(role.as_str()))
                .filter(platform::Column::Currency.eq(currency.code()))
                .one(conn)
                .await?;
            row.map(of_platform).transpose()
        }
    }
}

impl Store {
    /// What a person in this role may give back of an organization's payments in a currency: what was set for the
    /// organization, else for all, else the default.
    pub async fn refund_limit(
        &self,
        organization: OrganizationId,
        role: RefundRole,
        currency: Currency,
    ) -> Result<RefundLimit, StoreError> {
        for scope in [Some(organization), None] {
            if let Some(limit) = find_limit(&self.db, scope, role, currency).await? {
                return Ok(limit);
            }
        }
        Ok(RefundLimit::default_of(role, currency))
    }

    /// Every limit that was set for an organization alone, or for all that have none of their own.
    pub async fn refund_limits(
        &self,
        organization: Option<OrganizationId>,
    ) -> Result<Vec<RefundLimit>, StoreError> {
        match organization {
            Some(organization) => {
                let rows = own::Entity::find()
                    .filter(own::Column::OrganizationId.eq(organization.0))
                    .order_by_asc(own::Column::Role)
                    .order_by_asc(own::Column::Currency)
                    .all(&self.db)
                    .await?;
                rows.into_iter().map(of_organization).collect()
            }
            None => {
                let rows = platform::Entity::find()
                    .order_by_asc(platform::Column::Role)
                    .order_by_asc(platform::Column::Currency)
                    .all(&self.db)
                    .await?;
                rows.into_iter().map(of_platform).collect()
            }
        }
    }
}

impl WriteTransaction {
    /// Says how much a person in a role may give back. Gives what was set before, if something was.
    pub async fn set_refund_limit(
        &self,
        new: RefundLimit,
        by: Option<UserId>,
    ) -> Result<Option<RefundLimit>, StoreError> {
        let old = find_limit(&self.tx, new.organization_id, new.role, new.currency).await?;
        match new.organization_id {
            Some(organization) => {
                use own::Column::{ApprovalAboveMinor, Currency, DailyMinor, OrganizationId, Role};
                let row = own::ActiveModel {
                    id: Set(self.next_id()),
                    organization_id: Set(organization.0),
                    role: Set(new.role.as_str().to_owned()),
                    currency: Set(new.currency.code().to_owned()),
                    daily_minor: Set(new.daily_minor),
                    approval_above_minor: Set(new.approval_above_minor),
                    updated_by: Set(by.map(|id| id.0)),
                    created_at: Set(self.now),
                    updated_at: Set(self.now),
                };
                let replaced =
                    [DailyMinor, ApprovalAboveMinor, own::Column::UpdatedBy, own::Column::UpdatedAt];
                let taken =
                    OnConflict::columns([OrganizationId, Role, Currency]).update_columns(replaced).to_owned();
                own::Entity::insert(row).on_conflict(taken).exec_without_returning(&self.tx).await?;
            }
            None => {
                use platform::Column::{ApprovalAboveMinor, Currency, DailyMinor, Role};
                let row = platform::ActiveModel {
                    id: Set(self.next_id()),
                    role: Set(new.role.as_str().to_owned()),
                    currency: Set(new.currency.code().to_owned()),
                    daily_minor: Set(new.daily_minor),
                    approval_above_minor: Set(new.approval_above_minor),
                    updated_by: Set(by.map(|id| id.0)),
                    created_at: Set(self.now),
                    updated_at: Set(self.now),
                };
                let replaced = [
                    DailyMinor,
                    ApprovalAboveMinor,
                    platform::Column::UpdatedBy,
                    platform::Column::UpdatedAt,
                ];
                let taken = OnConflict::columns([Role, Currency]).update_columns(replaced).to_owned();
                platform::Entity::insert(row).on_conflict(taken).exec_without_returning(&self.tx).await?;
            }
        }
        Ok(old)
    }

    /// Takes back what was set for an organization alone: the platform's limit holds again. Gives what was set.
    pub async fn clear_refund_limit(
        &self,
        organization: OrganizationId,
        role: RefundRole,
        currency: Currency,
    ) -> Result<Option<RefundLimit>, StoreError> {
        let old = find_limit(&self.tx, Some(organization), role, currency).await?;
        own::Entity::delete_many()
            .filter(own::Column::OrganizationId.eq(organization.0))
            .filter(own::Column::Role.eq(role.as_str()))
            .filter(own::Column::Currency.eq(currency.code()))
            .exec(&self.tx)
            .await?;
        Ok(old)
    }
}
