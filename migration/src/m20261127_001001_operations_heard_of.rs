//! Of an operation whose outcome is not known: that nobody holds it, and that an event told of it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::timestamp_with_time_zone_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["released_at", "heard_at"] {
            let column = timestamp_with_time_zone_null(name);
            manager.alter_table(Table::alter().table("billing_operations").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["heard_at", "released_at"] {
            manager.alter_table(Table::alter().table("billing_operations").drop_column(name).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
