//! What of a credit note refunds give back: together with the refunds it would be counted twice.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Nothing, until the note is seen again: less is left then than there is, and never more.
        let column = big_integer("refunded_minor").default(0).take();
        manager.alter_table(Table::alter().table("credit_notes").add_column(column).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let drop = Table::alter().table("credit_notes").drop_column("refunded_minor").take();
        manager.alter_table(drop).await
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
