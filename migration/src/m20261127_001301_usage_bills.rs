//! What usage costs: the charges of plans as they held, the billing periods of subscriptions, and what each meter came to
//! in each of them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, boolean, integer, json_binary, json_binary_null, pk_uuid, string, string_len, string_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [plan_charges(), usage_periods(), usage_charges()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("plan_charges", &["plan_id", "since"]),
            unique_index("usage_periods", &["subscription_id", "period_start"]),
            index("usage_periods", &["closed_at", "seen_ended_at"]),
            index("usage_periods", &["organization_id", "period_start"]),
            unique_index("usage_charges", &["subscription_id", "period_start", "meter_id", "part"]),
            index("usage_charges", &["billed_at", "updated_at"]),
            index("usage_charges", &["organization_id", "period_start"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["usage_charges", "usage_periods", "plan_charges"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// What a plan charges, from a time on. A row is never changed.
fn plan_charges() -> TableCreateStatement {
    Table::create()
        .table("plan_charges")
        .col(pk_uuid("id"))
        .col(uuid("plan_id"))
        .col(timestamp_with_time_zone("since"))
        .col(json_binary("charges"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut foreign_key("plan_charges", "plan_id", "plans"))
        .take()
}

fn usage_periods() -> TableCreateStatement {
    Table::create()
        .table("usage_periods")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("subscription_id"))
        .col(timestamp_with_time_zone("period_start"))
        .col(timestamp_with_time_zone("period_end"))
        .col(timestamp_with_time_zone_null("ended_at"))
        .col(boolean("is_last"))
        .col(json_binary("segments"))
        .col(timestamp_with_time_zone_null("seen_ended_at"))
        .col(timestamp_with_time_zone_null("closed_at"))
        .col(timestamp_with_time_zone_null("rated_at"))
        .col(json_binary_null("terms"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("usage_periods", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("usage_periods", "subscription_id", "subscriptions"))
        .take()
}

/// One row for subscription, period and meter; what came late has further parts.
fn usage_charges() -> TableCreateStatement {
    Table::create()
        .table("usage_charges")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("subscription_id"))
        .col(uuid("usage_period_id"))
        .col(uuid("meter_id"))
        .col(timestamp_with_time_zone("period_start"))
        .col(timestamp_with_time_zone("period_end"))
        .col(integer("part"))
        .col(string("quantity"))
        .col(string_len("currency", 3))
        .col(big_integer("amount_minor"))
        .col(json_binary("lines"))
        .col(json_binary("rated"))
        .col(string("place"))
        .col(string_null("stripe_invoice_id"))
        .col(string_null("stripe_invoice_item_id"))
        .col(uuid_null("operation_id"))
        .col(timestamp_with_time_zone_null("billed_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("usage_charges", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("usage_charges", "subscription_id", "subscriptions"))
        .foreign_key(&mut foreign_key("usage_charges", "usage_period_id", "usage_periods"))
        .foreign_key(&mut foreign_key("usage_charges", "meter_id", "meters"))
        .foreign_key(&mut foreign_key("usage_charges", "operation_id", "billing_operations"))
        .take()
}
