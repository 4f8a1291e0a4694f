//! The inbox of Stripe's events, and how far reading Stripe has come. No foreign keys: taking an
//! event in must never fail because of other rows.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    boolean, integer, pk_uuid, string, string_null, text, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid_null,
};

use crate::constraint::{index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [stripe_events(), sync_cursors()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("stripe_events", &["account", "livemode", "event_id"]),
            index("stripe_events", &["state", "next_attempt_at"]),
            index("stripe_events", &["received_at", "id"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["sync_cursors", "stripe_events"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn stripe_events() -> TableCreateStatement {
    Table::create()
        .table("stripe_events")
        .col(pk_uuid("id"))
        .col(string("account"))
        .col(boolean("livemode"))
        .col(string("event_id"))
        .col(string("event_type"))
        .col(string_null("api_version"))
        .col(string_null("object_id"))
        .col(uuid_null("organization_id"))
        .col(timestamp_with_time_zone("stripe_created_at"))
        .col(text("payload"))
        .col(string("state"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone("next_attempt_at"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(uuid_null("lease_token"))
        .col(string_null("last_error"))
        .col(timestamp_with_time_zone("received_at"))
        .col(timestamp_with_time_zone_null("applied_at"))
        .take()
}

fn sync_cursors() -> TableCreateStatement {
    Table::create()
        .table("sync_cursors")
        .col(string("name").primary_key().take())
        .col(string("value"))
        .col(timestamp_with_time_zone("updated_at"))
        .take()
}
