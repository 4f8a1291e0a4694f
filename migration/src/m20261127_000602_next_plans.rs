//! The free plan that begins when a subscription ends with its period.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, uuid_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // No foreign key: it is what Stripe's object says, and SQLite adds none to a table that stands.
        for column in [uuid_null("next_plan_id"), big_integer_null("next_quantity")] {
            manager.alter_table(Table::alter().table("subscriptions").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["next_quantity", "next_plan_id"] {
            manager.alter_table(Table::alter().table("subscriptions").drop_column(column).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
