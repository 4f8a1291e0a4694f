//! What people read in the application.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    pk_uuid, string, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(notifications()).await?;
        for index in [
            unique_index("notifications", &["outbox_message_id", "user_id"]),
            index("notifications", &["organization_id", "user_id", "created_at", "id"]),
            index("notifications", &["organization_id", "user_id", "read_at"]),
            index("notifications", &["created_at"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("notifications").take()).await
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn notifications() -> TableCreateStatement {
    Table::create()
        .table("notifications")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("user_id"))
        .col(uuid("outbox_message_id"))
        .col(string("permission"))
        .col(timestamp_with_time_zone_null("read_at"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut foreign_key("notifications", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("notifications", "user_id", "users"))
        .foreign_key(&mut foreign_key("notifications", "outbox_message_id", "outbox_messages"))
        .take()
}
