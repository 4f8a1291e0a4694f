//! Audit records: appended by [`super::WriteTransaction::commit`], read here.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::audit_log::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryTrait,
};
use uuid::Uuid;

use super::error::known;
use super::page::{Keyset, ListOrder, counts_by, page_of, pages_by};
use super::{Store, StoreError};
use crate::domain::audit::{Actor, ActorKind, AuditEntry, AuditLog, AuditOutcome};
use crate::domain::ids::{ApiKeyId, AuditLogId, OrganizationId, UserId};
use crate::domain::page::{Page, PageRequest, Place};

/// Which records are asked for. Everything given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuditLogFilter {
    /// The exact action, `subscription.create`.
    pub action: Option<String>,
    /// The person who did it.
    pub user_id: Option<UserId>,
    /// The kind of thing it was done to.
    pub resource_type: Option<String>,
    /// The thing it was done to.
    pub resource_id: Option<String>,
    /// From this time on.
    pub since: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
}

pub(super) fn audit_row(id: Uuid, now: DateTime<Utc>, actor: &Actor, entry: AuditEntry) -> ActiveModel {
    ActiveModel {
        id: Set(id),
        organization_id: Set(entry.organization_id.map(|id| id.0)),
        actor_kind: Set(actor.kind.as_str().to_owned()),
        user_id: Set(actor.user_id.map(|id| id.0)),
        api_key_id: Set(actor.api_key_id.map(|id| id.0)),
        action: Set(entry.action.into_owned()),
        resource_type: Set(entry.resource_type.into_owned()),
        resource_id: Set(entry.resource_id),
        outcome: Set(entry.outcome.as_str().to_owned()),
        old_values: Set(entry.old_values),
        new_values: Set(entry.new_values),
        ip_address: Set(actor.ip_address.clone()),
        user_agent: Set(actor.user_agent.clone()),
        request_id: Set(actor.request_id.clone()),
        created_at: Set(now),
    }
}

fn audit_log(row: Model) -> Result<AuditLog, StoreError> {
    Ok(AuditLog {
        id: AuditLogId(row.id),
        organization_id: row.organization_id.map(OrganizationId),
        actor_kind: known("audit_logs.actor_kind", &row.actor_kind, ActorKind::parse(&row.actor_kind))?,
        user_id: row.user_id.map(UserId),
        api_key_id: row.api_key_id.map(ApiKeyId),
        action: row.action,
        resource_type: row.resource_type,
        resource_id: row.resource_id,
        outcome: known("audit_logs.outcome", &row.outcome, AuditOutcome::parse(&row.outcome))?,
        old_values: row.old_values,
        new_values: row.new_values,
        ip_address: row.ip_address,
        user_agent: row.user_agent,
        request_id: row.request_id,
        created_at: row.created_at,
    })
}

fn filtered(filter: &AuditLogFilter) -> sea_orm::Select<Entity> {
    let mut select = Entity::find();
    if let Some(action) = &filter.action {
        select = select.filter(Column::Action.eq(action));
    }
    if let Some(user_id) = filter.user_id {
        select = select.filter(Column::UserId.eq(user_id.0));
    }
    if let Some(resource_type) = &filter.resource_type {
        select = select.filter(Column::ResourceType.eq(resource_type));
    }
    if let Some(resource_id) = &filter.resource_id {
        select = select.filter(Column::ResourceId.eq(resource_id));
    }
    if let Some(since) = filter.since {
        select = select.filter(Column::CreatedAt.gte(since));
    }
    if let Some(until) = filter.until {
        select = select.filter(Column::CreatedAt.lt(until));
    }
    select
}

fn keyset() -> Keyset {
    Keyset {
        at: Expr::col((Entity, Column::CreatedAt)),
        id: Expr::col((Entity, Column::Id)),
        order: ListOrder::NewestFirst,
    }
}

fn of_organization(id: OrganizationId, filter: &AuditLogFilter) -> SelectStatement {
    filtered(filter).filter(Column::OrganizationId.eq(id.0)).into_query()
}

impl Store {
    /// A page of each organization's records, newest first.
    pub async fn list_audit_logs(
        &self,
        organizations: &[OrganizationId],
        filter: &AuditLogFilter,
        page: &PageRequest,
    ) -> Result<HashMap<OrganizationId, Page<AuditLog>>, StoreError> {
        pages_by(
            &self.db,
            organizations,
            &keyset(),
            page,
            |&id| of_organization(id, filter),
            |row| {
                let log = audit_log(Model::from_query_result(row, "")?)?;
                let organization =
                    log.organization_id.expect("the statement asks for one organization's rows");
                Ok((organization, log))
            },
        )
        .await
    }

    /// A page of the platform's own records, those of no organization, newest first. For platform staff.
    pub async fn list_platform_audit_logs(
        &self,
        filter: &AuditLogFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditLog>, StoreError> {
        use sea_orm::ConnectionTrait;
        let mut select = filtered(filter).filter(Column::OrganizationId.is_null()).into_query();
        keyset().apply(&mut select, page);
        let rows = self.db.query_all(&select).await?;
        let logs = rows
            .iter()
            .map(|row| audit_log(Model::from_query_result(row, "")?))
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page_of(logs, page))
    }

    /// How many of each organization's records fit the filter.
    pub async fn count_audit_logs(
        &self,
        organizations: &[OrganizationId],
        filter: &AuditLogFilter,
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        counts_by(&self.db, organizations, Column::OrganizationId, filtered(filter)).await
    }

    /// Records by id, whoever's they are: the caller checks the tenant.
    pub async fn audit_logs(&self, ids: &[AuditLogId]) -> Result<Vec<AuditLog>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(audit_log).collect()
    }

    /// How many of the platform's own records fit the filter.
    pub async fn count_platform_audit_logs(&self, filter: &AuditLogFilter) -> Result<u64, StoreError> {
        Ok(filtered(filter).filter(Column::OrganizationId.is_null()).count(&self.db).await?)
    }
}

impl AuditLog {
    /// Where the record stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
