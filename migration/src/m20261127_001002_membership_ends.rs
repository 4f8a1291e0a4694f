//! When a person was a member of an organization last: what signed in before does not come back with the membership.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{pk_uuid, timestamp_with_time_zone, uuid};

use crate::constraint::{foreign_key, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(membership_ends()).await?;
        manager.create_index(unique_index("membership_ends", &["organization_id", "user_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("membership_ends").take()).await
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn membership_ends() -> TableCreateStatement {
    Table::create()
        .table("membership_ends")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("user_id"))
        .col(timestamp_with_time_zone("ended_at"))
        .foreign_key(&mut foreign_key("membership_ends", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("membership_ends", "user_id", "users"))
        .take()
}
