//! Keys with which programs act for a person, and which key did what.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, json_binary, pk_uuid, string, string_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(api_keys()).await?;
        for index in [
            unique_index("api_keys", &["secret_hash"]),
            unique_index("api_keys", &["previous_hash"]),
            index("api_keys", &["organization_id", "created_at", "id"]),
        ] {
            manager.create_index(index).await?;
        }
        for table in ["audit_logs", "billing_operations"] {
            let column = uuid_null("api_key_id");
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["billing_operations", "audit_logs"] {
            manager.alter_table(Table::alter().table(table).drop_column("api_key_id").take()).await?;
        }
        manager.drop_table(Table::drop().table("api_keys").take()).await
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn api_keys() -> TableCreateStatement {
    Table::create()
        .table("api_keys")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("user_id"))
        .col(string("name"))
        .col(string("prefix"))
        .col(string("secret_hash"))
        .col(string_null("previous_hash"))
        .col(timestamp_with_time_zone_null("previous_until"))
        .col(json_binary("scopes"))
        .col(json_binary("allowed_addresses"))
        .col(timestamp_with_time_zone_null("expires_at"))
        .col(timestamp_with_time_zone_null("last_used_at"))
        .col(timestamp_with_time_zone_null("revoked_at"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("api_keys", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("api_keys", "user_id", "users"))
        .take()
}
