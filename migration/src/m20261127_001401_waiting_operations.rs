//! An index on what an organization's operations wait for: they are looked for, however old, whenever something of the organization's
//! billing is learnt.

use sea_orm_migration::prelude::*;

use crate::constraint::index;

const TABLE: &str = "billing_operations";
const COLUMNS: [&str; 3] = ["organization_id", "state", "created_at"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index(TABLE, &COLUMNS)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let name = format!("idx_{TABLE}_{}", COLUMNS.join("_"));
        manager.drop_index(Index::drop().name(name).table(TABLE).to_owned()).await
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
