//! Trials that were taken, by what somebody is known again: nothing of it goes when a subscription ends.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{string, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid};

use crate::constraint::foreign_key;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("trial_marks")
            .col(string("kind"))
            .col(string("value"))
            .col(uuid("organization_id"))
            .col(timestamp_with_time_zone("claimed_at"))
            .col(timestamp_with_time_zone_null("consumed_at"))
            .primary_key(Index::create().name("pk_trial_marks").col("kind").col("value"))
            .foreign_key(&mut foreign_key("trial_marks", "organization_id", "organizations"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("trial_marks").take()).await
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
