//! Addresses that webhooks are sent to, and what was sent there.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, integer, integer_null, json_binary, pk_uuid, string, string_null,
    text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(webhook_endpoints()).await?;
        manager.create_table(webhook_deliveries()).await?;
        for index in [
            index("webhook_endpoints", &["organization_id", "created_at", "id"]),
            unique_index("webhook_deliveries", &["webhook_endpoint_id", "outbox_message_id"]),
            index("webhook_deliveries", &["state", "next_attempt_at"]),
            index("webhook_deliveries", &["webhook_endpoint_id", "state", "next_attempt_at"]),
            index("webhook_endpoints", &["claimed_at"]),
            index("webhook_deliveries", &["organization_id", "created_at", "id"]),
            index("webhook_deliveries", &["organization_id", "state", "created_at", "id"]),
            index("webhook_deliveries", &["outbox_message_id"]),
            index("webhook_deliveries", &["created_at"]),
            index("webhook_deliveries", &["organization_id", "webhook_endpoint_id", "created_at", "id"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["webhook_deliveries", "webhook_endpoints"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn webhook_endpoints() -> TableCreateStatement {
    Table::create()
        .table("webhook_endpoints")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(text("url"))
        .col(string("description"))
        .col(json_binary("events"))
        .col(text("selection"))
        .col(big_integer("selection_version"))
        .col(uuid("acts_for"))
        .col(text_null("sealed_secret"))
        .col(text_null("sealed_previous"))
        .col(timestamp_with_time_zone_null("previous_until"))
        .col(string("state"))
        .col(string_null("disabled_reason"))
        .col(timestamp_with_time_zone_null("failing_since"))
        .col(timestamp_with_time_zone_null("warned_at"))
        .col(integer("failures"))
        .col(timestamp_with_time_zone_null("backoff_until"))
        .col(timestamp_with_time_zone("claimed_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("webhook_endpoints", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("webhook_endpoints", "acts_for", "users"))
        .take()
}

fn webhook_deliveries() -> TableCreateStatement {
    Table::create()
        .table("webhook_deliveries")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("webhook_endpoint_id"))
        .col(uuid("outbox_message_id"))
        .col(text_null("payload"))
        .col(uuid_null("payload_acts_for"))
        .col(text_null("payload_url"))
        .col(big_integer_null("payload_selection_version"))
        .col(boolean("payload_has_errors"))
        .col(timestamp_with_time_zone("waiting_since"))
        .col(string("state"))
        .col(integer("attempts"))
        .col(timestamp_with_time_zone("next_attempt_at"))
        .col(uuid_null("lease_token"))
        .col(text_null("last_error"))
        .col(integer_null("response_status"))
        .col(text_null("response_body"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .foreign_key(&mut foreign_key("webhook_deliveries", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("webhook_deliveries", "webhook_endpoint_id", "webhook_endpoints"))
        .foreign_key(&mut foreign_key("webhook_deliveries", "outbox_message_id", "outbox_messages"))
        .take()
}
