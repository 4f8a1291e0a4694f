//! What subscriptions came to, as it was learned: a row for each change, never written again. Reports of past days are made
//! of it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, string, string_len_null, timestamp_with_time_zone, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(subscription_records()).await?;
        manager.create_index(index("subscription_records", &["recorded_at", "subscription_id"])).await?;
        // What is there is what is known of the time before: as it stands, since it was written last.
        manager
            .get_connection()
            .execute_unprepared(
                "INSERT INTO subscription_records (subscription_id, recorded_at, organization_id, status, plan_id, \
                 currency, monthly_minor, quantity) \
                 SELECT s.id, s.updated_at, s.organization_id, s.status, s.plan_id, p.currency, \
                 CASE WHEN p.id IS NULL THEN 0 WHEN p.billing_interval = 'year' \
                 THEN (p.unit_amount_minor * s.quantity + 6) / 12 ELSE p.unit_amount_minor * s.quantity END, \
                 s.quantity FROM subscriptions s LEFT JOIN prices p ON p.id = s.price_id \
                 WHERE s.stripe_subscription_id IS NOT NULL",
            )
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("subscription_records").take()).await
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn subscription_records() -> TableCreateStatement {
    Table::create()
        .table("subscription_records")
        .col(uuid("subscription_id"))
        .col(timestamp_with_time_zone("recorded_at"))
        .col(uuid("organization_id"))
        .col(string("status"))
        .col(uuid_null("plan_id"))
        .col(string_len_null("currency", 3))
        .col(big_integer("monthly_minor"))
        .col(big_integer("quantity"))
        .primary_key(
            Index::create().name("pk_subscription_records").col("subscription_id").col("recorded_at"),
        )
        .foreign_key(&mut foreign_key("subscription_records", "subscription_id", "subscriptions"))
        .foreign_key(&mut foreign_key("subscription_records", "organization_id", "organizations"))
        .take()
}
