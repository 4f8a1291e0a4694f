//! Intentions recorded before Stripe is called, and clients' idempotency keys.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, integer, json_binary, json_binary_null, pk_uuid, string, string_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [billing_operations(), idempotency_keys()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("billing_operations", &["stripe_idempotency_key"]),
            unique_index("billing_operations", &["open_scope"]),
            index("billing_operations", &["organization_id", "created_at", "id"]),
            index("billing_operations", &["state", "lease_until"]),
            unique_index("idempotency_keys", &["scope_hash"]),
            index("idempotency_keys", &["expires_at"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["idempotency_keys", "billing_operations"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn billing_operations() -> TableCreateStatement {
    Table::create()
        .table("billing_operations")
        .col(pk_uuid("id"))
        .col(uuid_null("organization_id"))
        .col(uuid_null("user_id"))
        .col(string("kind"))
        .col(string_null("resource_id"))
        .col(json_binary("parameters"))
        .col(string("stripe_idempotency_key"))
        .col(string("state"))
        .col(integer("attempts"))
        .col(json_binary_null("outcome"))
        .col(string_null("error_code"))
        .col(string_null("error_message"))
        .col(string_null("open_scope"))
        .col(timestamp_with_time_zone("lease_until"))
        .col(big_integer("fencing_token"))
        .col(string_null("request_id"))
        .col(string_null("ip_address"))
        .col(string_null("user_agent"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("settled_at"))
        .foreign_key(&mut foreign_key("billing_operations", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("billing_operations", "user_id", "users"))
        .take()
}

fn idempotency_keys() -> TableCreateStatement {
    Table::create()
        .table("idempotency_keys")
        .col(pk_uuid("id"))
        .col(uuid("user_id"))
        .col(uuid_null("organization_id"))
        .col(string("scope_hash"))
        .col(string("mutation"))
        .col(string("input_hash"))
        .col(uuid_null("operation_id"))
        .col(json_binary_null("answer"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("expires_at"))
        .foreign_key(&mut foreign_key("idempotency_keys", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("idempotency_keys", "user_id", "users"))
        .foreign_key(&mut foreign_key("idempotency_keys", "operation_id", "billing_operations"))
        .take()
}
