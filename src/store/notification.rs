//! What people read in the application.

use chrono::{DateTime, Utc};
use entity::notification::{Column, Entity, Model};
use entity::outbox_message;
use sea_orm::sea_query::{Expr, ExprTrait, JoinType, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryResult,
};

use super::organization::select_columns;
use super::outbox::fact;
use super::page::{Keyset, ListOrder, page_of, readable, readable_row};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{NotificationId, OrganizationId, UserId};
use crate::domain::notification::Notification;
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::permission::{Permission, Permissions};

/// Whose notifications are asked for, and which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotificationFilter {
    /// Of which organization.
    pub organization_id: OrganizationId,
    /// Whose.
    pub user_id: UserId,
    /// What they hold: what needs more is not theirs to read any more.
    pub permissions: Permissions,
    /// Only those that were not read.
    pub is_unread: bool,
}

/// Rows with their facts.
fn notifications() -> SelectStatement {
    let mut select = Query::select();
    select_columns::<Entity>(&mut select, "notifications", "n_");
    select_columns::<outbox_message::Entity>(&mut select, "outbox_messages", "o_");
    select.from(Entity).join(
        JoinType::InnerJoin,
        outbox_message::Entity,
        Expr::col((outbox_message::Entity, outbox_message::Column::Id))
            .equals((Entity, Column::OutboxMessageId)),
    );
    select
}

fn notification(row: &QueryResult) -> Result<Notification, StoreError> {
    let message = outbox_message::Model::from_query_result(row, "o_")?;
    let row = Model::from_query_result(row, "n_")?;
    Ok(Notification {
        id: NotificationId(row.id),
        organization_id: OrganizationId(row.organization_id),
        user_id: UserId(row.user_id),
        fact: fact(&message.fact)?,
        read_at: row.read_at,
        created_at: row.created_at,
    })
}

fn words(permissions: Permissions) -> impl Iterator<Item = &'static str> {
    permissions.iter().map(Permission::as_str)
}

fn filtered(filter: &NotificationFilter) -> sea_orm::Select<Entity> {
    let own = Entity::find()
        .filter(Column::OrganizationId.eq(filter.organization_id.0))
        .filter(Column::UserId.eq(filter.user_id.0))
        .filter(Column::Permission.is_in(words(filter.permissions)));
    if filter.is_unread { own.filter(Column::ReadAt.is_null()) } else { own }
}

impl Store {
    /// A page of a person's notifications of one organization, newest first.
    pub async fn list_notifications(
        &self,
        filter: &NotificationFilter,
        page: &PageRequest,
    ) -> Result<Page<Notification>, StoreError> {
        let mut select = notifications();
        select
            .and_where(Expr::col((Entity, Column::OrganizationId)).eq(filter.organization_id.0))
            .and_where(Expr::col((Entity, Column::UserId)).eq(filter.user_id.0))
            .and_where(Expr::col((Entity, Column::Permission)).is_in(words(filter.permissions)));
        if filter.is_unread {
            select.and_where(Expr::col((Entity, Column::ReadAt)).is_null());
        }
        let keyset = Keyset {
            at: Expr::col((Entity, Column::CreatedAt)),
            id: Expr::col((Entity, Column::Id)),
            order: ListOrder::NewestFirst,
        };
        keyset.apply(&mut select, page);
        let rows = self.db.query_all(&select).await?;
        Ok(readable(page_of(rows.iter().map(notification).collect(), page), "notifications"))
    }

    /// How many notifications fit.
    pub async fn count_notifications(&self, filter: &NotificationFilter) -> Result<u64, StoreError> {
        Ok(filtered(filter).count(&self.db).await?)
    }

    /// Notifications by id, whosever they are: the caller checks the person.
    pub async fn notifications(&self, ids: &[NotificationId]) -> Result<Vec<Notification>, StoreError> {
        let mut select = notifications();
        select.and_where(Expr::col((Entity, Column::Id)).is_in(ids.iter().map(|id| id.0)));
        let rows = self.db.query_all(&select).await?;
        Ok(rows.iter().filter_map(|row| readable_row(notification(row), "notifications")).collect())
    }
}

impl WriteTransaction {
    /// Marks a notification as read, or as not read. Says whether that changed it.
    pub async fn mark_notification(
        &self,
        notification: &Notification,
        is_read: bool,
    ) -> Result<bool, StoreError> {
        let before = if is_read { Column::ReadAt.is_null() } else { Column::ReadAt.is_not_null() };
        let marked = Entity::update_many()
            .col_expr(Column::ReadAt, Expr::value(is_read.then_some(self.now)))
            .filter(Column::Id.eq(notification.id.0))
            .filter(Column::OrganizationId.eq(notification.organization_id.0))
            .filter(before)
            .exec(&self.tx)
            .await?;
        Ok(marked.rows_affected == 1)
    }

    /// Marks all notifications of a person as read that were made until `until` and that they may read. How many that changed.
    pub async fn mark_notifications_read(
        &self,
        organization: OrganizationId,
        user: UserId,
        permissions: Permissions,
        until: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let marked = Entity::update_many()
            .col_expr(Column::ReadAt, Expr::value(self.now))
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::UserId.eq(user.0))
            .filter(Column::Permission.is_in(words(permissions)))
            .filter(Column::ReadAt.is_null())
            .filter(Column::CreatedAt.lte(until))
            .exec(&self.tx)
            .await?;
        Ok(marked.rows_affected)
    }
}

impl Notification {
    /// Where it stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
