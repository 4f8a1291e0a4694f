//! What organizations use, by day.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, date, string, timestamp_with_time_zone, uuid};

use crate::constraint::foreign_key;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(usage_daily()).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("usage_daily").take()).await?;
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// The table as it was until `m20261127_001102_usage`, which takes its rows over and, undone, makes it again.
pub(crate) fn usage_daily() -> TableCreateStatement {
    Table::create()
        .table("usage_daily")
        .col(uuid("organization_id"))
        .col(date("day"))
        .col(string("meter"))
        .col(big_integer("quantity"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().name("pk_usage_daily").col("organization_id").col("day").col("meter"))
        .foreign_key(&mut foreign_key("usage_daily", "organization_id", "organizations"))
        .take()
}
