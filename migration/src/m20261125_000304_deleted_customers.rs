//! Stripe customers that were deleted at Stripe: never charged again, and their objects still find their organization.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{pk_uuid, string, timestamp_with_time_zone, uuid};

use crate::constraint::{foreign_key, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("deleted_customers")
            .col(pk_uuid("id"))
            .col(uuid("organization_id"))
            .col(string("stripe_customer_id"))
            .col(timestamp_with_time_zone("created_at"))
            .foreign_key(&mut foreign_key("deleted_customers", "organization_id", "organizations"))
            .take();
        manager.create_table(table).await?;
        manager.create_index(unique_index("deleted_customers", &["stripe_customer_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("deleted_customers").take()).await
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
