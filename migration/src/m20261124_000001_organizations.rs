//! Tenants, people, who belongs where, and settings.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, boolean, json_binary, pk_uuid, string, string_len_null, string_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [organizations(), users(), memberships(), organization_settings()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("organizations", &["slug"]),
            unique_index("organizations", &["stripe_customer_id"]),
            index("organizations", &["created_at", "id"]),
            unique_index("users", &["issuer", "subject"]),
            unique_index("memberships", &["organization_id", "user_id"]),
            index("memberships", &["organization_id", "created_at", "id"]),
            index("memberships", &["user_id"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["organization_settings", "memberships", "users", "organizations"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn organizations() -> TableCreateStatement {
    Table::create()
        .table("organizations")
        .col(pk_uuid("id"))
        .col(string("name"))
        .col(string("slug"))
        .col(string_null("stripe_customer_id"))
        .col(string_len_null("currency", 3))
        .col(timestamp_with_time_zone_null("stripe_synced_at"))
        .col(boolean("is_demo"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .take()
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(pk_uuid("id"))
        .col(string("issuer"))
        .col(string("subject"))
        .col(string_null("email"))
        .col(string_null("name"))
        .col(boolean("is_platform_staff"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .take()
}

fn memberships() -> TableCreateStatement {
    Table::create()
        .table("memberships")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("user_id"))
        .col(string("role"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("memberships", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("memberships", "user_id", "users"))
        .take()
}

fn organization_settings() -> TableCreateStatement {
    Table::create()
        .table("organization_settings")
        .col(uuid("organization_id"))
        .col(string("section"))
        .col(big_integer("version"))
        .col(json_binary("document"))
        .col(uuid_null("updated_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().name("pk_organization_settings").col("organization_id").col("section"))
        .foreign_key(&mut foreign_key("organization_settings", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("organization_settings", "updated_by", "users"))
        .take()
}
