//! The history of settings, and what bounds the sessions of an organization's members.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, json_binary, pk_uuid, string, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};
use sea_orm_migration::sea_orm;

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [setting_versions(), organization_sessions()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("setting_versions", &["organization_id", "section", "version"]),
            index("setting_versions", &["organization_id", "section", "created_at", "id"]),
            unique_index("organization_sessions", &["organization_id", "user_id", "session_key"]),
            index("organization_sessions", &["last_seen_at"]),
        ] {
            manager.create_index(index).await?;
        }
        for table in ["users", "memberships"] {
            let column = timestamp_with_time_zone_null("sessions_revoked_at");
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        // What was written before there was a history begins it.
        let id = match manager.get_database_backend() {
            sea_orm::DbBackend::Postgres => "gen_random_uuid()",
            _ => "randomblob(16)",
        };
        manager
            .get_connection()
            .execute_unprepared(&format!(
                "INSERT INTO setting_versions (id, organization_id, section, version, document, changed_by, created_at) \
                 SELECT {id}, organization_id, section, version, document, updated_by, updated_at \
                 FROM organization_settings"
            ))
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["memberships", "users"] {
            let drop = Table::alter().table(table).drop_column("sessions_revoked_at").take();
            manager.alter_table(drop).await?;
        }
        for table in ["organization_sessions", "setting_versions"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn setting_versions() -> TableCreateStatement {
    Table::create()
        .table("setting_versions")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(string("section"))
        .col(big_integer("version"))
        .col(json_binary("document"))
        .col(uuid_null("changed_by"))
        .col(uuid_null("api_key_id"))
        .col(big_integer_null("restored_version"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut foreign_key("setting_versions", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("setting_versions", "changed_by", "users"))
        .take()
}

fn organization_sessions() -> TableCreateStatement {
    Table::create()
        .table("organization_sessions")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("user_id"))
        .col(string("session_key"))
        .col(timestamp_with_time_zone("last_seen_at"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut foreign_key("organization_sessions", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("organization_sessions", "user_id", "users"))
        .take()
}
