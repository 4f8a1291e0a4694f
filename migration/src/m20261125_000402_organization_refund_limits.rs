//! Refund limits of one organization, in place of the platform's.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, pk_uuid, string, string_len, timestamp_with_time_zone, uuid, uuid_null,
};

use crate::constraint::{foreign_key, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "organization_refund_limits";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(TABLE)
            .col(pk_uuid("id"))
            .col(uuid("organization_id"))
            .col(string("role"))
            .col(string_len("currency", 3))
            .col(big_integer("daily_minor"))
            .col(big_integer("approval_above_minor"))
            .col(uuid_null("updated_by"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("updated_at"))
            .foreign_key(&mut foreign_key(TABLE, "organization_id", "organizations"))
            .foreign_key(&mut foreign_key(TABLE, "updated_by", "users"))
            .take();
        manager.create_table(table).await?;
        manager.create_index(unique_index(TABLE, &["organization_id", "role", "currency"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(TABLE).take()).await
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
