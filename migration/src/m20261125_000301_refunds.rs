//! What is given back of payments, every attempt of one, and how much a person may give back.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, pk_uuid, string, string_len, string_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [payment_attempts(), refunds(), refund_limits()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("payment_attempts", &["stripe_charge_id"]),
            index("payment_attempts", &["organization_id", "payment_id", "created_at", "id"]),
            unique_index("refunds", &["stripe_refund_id"]),
            index("refunds", &["organization_id", "payment_id", "created_at", "id"]),
            index("refunds", &["organization_id", "status", "created_at", "id"]),
            index("refunds", &["requested_by", "created_at"]),
            unique_index("refund_limits", &["role", "currency"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["refund_limits", "refunds", "payment_attempts"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn payment_attempts() -> TableCreateStatement {
    Table::create()
        .table("payment_attempts")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("payment_id"))
        .col(string("stripe_charge_id"))
        .col(string("status"))
        .col(big_integer("amount_minor"))
        .col(string_len("currency", 3))
        .col(string_null("payment_method"))
        .col(string_null("payment_method_summary"))
        .col(string_null("failure_code"))
        .col(string_null("decline_code"))
        .col(string_null("failure_message"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("payment_attempts", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("payment_attempts", "payment_id", "payments"))
        .take()
}

fn refunds() -> TableCreateStatement {
    Table::create()
        .table("refunds")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("payment_id"))
        .col(string_null("stripe_refund_id"))
        .col(big_integer("amount_minor"))
        .col(string_len("currency", 3))
        .col(string("status"))
        .col(string_null("reason"))
        .col(string_null("failure_reason"))
        .col(string_null("note"))
        .col(uuid_null("requested_by"))
        .col(uuid_null("decided_by"))
        .col(timestamp_with_time_zone_null("decided_at"))
        .col(timestamp_with_time_zone_null("stripe_synced_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("refunds", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("refunds", "payment_id", "payments"))
        .foreign_key(&mut foreign_key("refunds", "requested_by", "users"))
        .foreign_key(&mut foreign_key("refunds", "decided_by", "users"))
        .take()
}

fn refund_limits() -> TableCreateStatement {
    Table::create()
        .table("refund_limits")
        .col(pk_uuid("id"))
        .col(string("role"))
        .col(string_len("currency", 3))
        .col(big_integer("daily_minor"))
        .col(big_integer("approval_above_minor"))
        .col(uuid_null("updated_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("refund_limits", "updated_by", "users"))
        .take()
}
