//! Members who can be invited, suspended and given roles of the organization's own, and what becomes of the seats they
//! leave.

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
        // Who was a member before is one still.
        add(manager, "memberships", string("status").default("active").take()).await?;
        // No foreign key: SQLite adds none to a table that is there. Deleting a role and giving it to somebody both hold
        // the organization's row.
        add(manager, "memberships", uuid_null("role_id")).await?;
        add(manager, "memberships", big_integer("version").default(1).take()).await?;
        add(manager, "organizations", string("seat_release").default("period_end").take()).await?;
        for table in [roles(), invitations(), seat_releases()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("roles", &["organization_id", "name"]),
            unique_index("invitations", &["token_hash"]),
            unique_index("invitations", &["organization_id", "open_email"]),
            index("invitations", &["organization_id", "created_at", "id"]),
            index("seat_releases", &["organization_id"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["seat_releases", "invitations", "roles"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        for (table, column) in [
            ("organizations", "seat_release"),
            ("memberships", "version"),
            ("memberships", "role_id"),
            ("memberships", "status"),
        ] {
            manager.alter_table(Table::alter().table(table).drop_column(column).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn add(manager: &SchemaManager<'_>, table: &'static str, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).take()).await
}

fn roles() -> TableCreateStatement {
    Table::create()
        .table("roles")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(string("name"))
        .col(string("description"))
        .col(json_binary("permissions"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("roles", "organization_id", "organizations"))
        .take()
}

fn invitations() -> TableCreateStatement {
    Table::create()
        .table("invitations")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(string("email"))
        .col(string_null("open_email"))
        .col(string("role"))
        .col(uuid_null("role_id"))
        .col(string("token_hash"))
        .col(string("state"))
        .col(uuid("invited_by"))
        .col(uuid_null("accepted_by"))
        .col(timestamp_with_time_zone("expires_at"))
        .col(timestamp_with_time_zone_null("closed_at"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("invitations", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("invitations", "invited_by", "users"))
        .foreign_key(&mut foreign_key("invitations", "accepted_by", "users"))
        .take()
}

fn seat_releases() -> TableCreateStatement {
    Table::create()
        .table("seat_releases")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut foreign_key("seat_releases", "organization_id", "organizations"))
        .take()
}
