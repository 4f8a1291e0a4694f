//! What subscriptions gain with changes: why they end, how collection pauses, what is scheduled, what waits for its
//! payment, and discounts.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer_null, json_binary_null, string_null, timestamp_with_time_zone_null,
};

use crate::constraint::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLE: &str = "subscriptions";

fn columns() -> Vec<ColumnDef> {
    vec![
        string_null("cancellation_feedback"),
        string_null("collection_pause_behavior"),
        timestamp_with_time_zone_null("collection_resumes_at"),
        timestamp_with_time_zone_null("pending_update_expires_at"),
        json_binary_null("discounts"),
        string_null("stripe_schedule_id"),
        string_null("scheduled_stripe_price_id"),
        big_integer_null("scheduled_quantity"),
        timestamp_with_time_zone_null("scheduled_at"),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table(TABLE).add_column(column).take()).await?;
        }
        manager.create_index(index(TABLE, &["status", "updated_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::drop().name("idx_subscriptions_status_updated_at").table(TABLE).to_owned();
        manager.drop_index(index).await?;
        for column in columns().iter().rev() {
            let name = column.get_column_name().clone();
            manager.alter_table(Table::alter().table(TABLE).drop_column(Alias::new(name)).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
