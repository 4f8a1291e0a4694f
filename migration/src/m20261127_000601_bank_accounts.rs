//! What may be shown of a bank account that is a payment method: its bank and its last digits.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["bank_name", "bank_last4"] {
            let add = Table::alter().table("payment_methods").add_column(string_null(column)).take();
            manager.alter_table(add).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["bank_last4", "bank_name"] {
            let drop = Table::alter().table("payment_methods").drop_column(column).take();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
