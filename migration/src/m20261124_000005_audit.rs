//! Who did what. No foreign keys: a record outlives what it tells of.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    json_binary_null, pk_uuid, string, string_null, timestamp_with_time_zone, uuid_null,
};

use crate::constraint::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(audit_logs()).await?;
        for index in [
            index("audit_logs", &["organization_id", "created_at", "id"]),
            index("audit_logs", &["organization_id", "action", "created_at", "id"]),
            index("audit_logs", &["organization_id", "user_id", "created_at", "id"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_logs").take()).await?;
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn audit_logs() -> TableCreateStatement {
    Table::create()
        .table("audit_logs")
        .col(pk_uuid("id"))
        .col(uuid_null("organization_id"))
        .col(string("actor_kind"))
        .col(uuid_null("user_id"))
        .col(string("action"))
        .col(string("resource_type"))
        .col(string("resource_id"))
        .col(string("outcome"))
        .col(json_binary_null("old_values"))
        .col(json_binary_null("new_values"))
        .col(string_null("ip_address"))
        .col(string_null("user_agent"))
        .col(string_null("request_id"))
        .col(timestamp_with_time_zone("created_at"))
        .take()
}
