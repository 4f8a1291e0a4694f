//! Facts that people are to be told of, and the mails that tell them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    integer, json_binary, pk_uuid, string, string_null, text_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(outbox_messages()).await?;
        manager.create_table(email_deliveries()).await?;
        for index in [
            unique_index("outbox_messages", &["organization_id", "event", "subject"]),
            index("outbox_messages", &["state", "next_attempt_at"]),
            index("outbox_messages", &["organization_id", "event", "created_at"]),
            index("outbox_messages", &["address", "created_at"]),
            index("outbox_messages", &["created_at"]),
            unique_index("email_deliveries", &["outbox_message_id", "recipient"]),
            index("email_deliveries", &["state", "next_attempt_at"]),
            index("email_deliveries", &["organization_id", "created_at", "id"]),
            index("email_deliveries", &["organization_id", "state", "created_at", "id"]),
            index("email_deliveries", &["created_at"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["email_deliveries", "outbox_messages"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn outbox_messages() -> TableCreateStatement {
    Table::create()
        .table("outbox_messages")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(string("event"))
        .col(string("subject"))
        .col(json_binary("fact"))
        .col(string_null("address"))
        .col(text_null("sealed_secret"))
        .col(string("state"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone("next_attempt_at"))
        .col(uuid_null("lease_token"))
        .col(text_null("last_error"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("done_at"))
        .foreign_key(&mut foreign_key("outbox_messages", "organization_id", "organizations"))
        .take()
}

fn email_deliveries() -> TableCreateStatement {
    Table::create()
        .table("email_deliveries")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("outbox_message_id"))
        .col(string("recipient"))
        .col(uuid_null("user_id"))
        .col(string("locale"))
        .col(string("time_zone"))
        .col(string("state"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone("next_attempt_at"))
        .col(uuid_null("lease_token"))
        .col(text_null("last_error"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .foreign_key(&mut foreign_key("email_deliveries", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("email_deliveries", "outbox_message_id", "outbox_messages"))
        .foreign_key(&mut foreign_key("email_deliveries", "user_id", "users"))
        .take()
}
