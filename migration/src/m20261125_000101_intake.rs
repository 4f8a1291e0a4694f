//! Whose event it is and how it came, so that workers share the inbox by customer; what jobs run, one process at a
//! time; and what comparisons with Stripe found. An event has no foreign keys still: taking one in must never fail
//! because of other rows.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    json_binary_null, pk_uuid, string, string_null, text_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["stripe_customer_id", "source"] {
            let alter = Table::alter().table("stripe_events").add_column(string_null(column)).take();
            manager.alter_table(alter).await?;
        }
        for table in [jobs(), billing_drifts()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["billing_drifts", "jobs"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        for name in
            ["idx_stripe_events_organization_id_received_at_id", "idx_stripe_events_object_id_received_at_id"]
        {
            manager.drop_index(Index::drop().name(name).table("stripe_events").to_owned()).await?;
        }
        for column in ["source", "stripe_customer_id"] {
            let alter = Table::alter().table("stripe_events").drop_column(column).take();
            manager.alter_table(alter).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn indexes() -> [IndexCreateStatement; 5] {
    [
        index("stripe_events", &["organization_id", "received_at", "id"]),
        index("stripe_events", &["object_id", "received_at", "id"]),
        index("billing_drifts", &["organization_id", "found_at", "id"]),
        index("billing_drifts", &["found_at", "id"]),
        unique_index("billing_drifts", &["organization_id", "stripe_object_id", "field"]),
    ]
}

fn jobs() -> TableCreateStatement {
    Table::create()
        .table("jobs")
        .col(string("name").primary_key().take())
        .col(uuid_null("lease_token"))
        .col(timestamp_with_time_zone_null("lease_until"))
        .col(timestamp_with_time_zone_null("started_at"))
        .col(timestamp_with_time_zone_null("finished_at"))
        .col(text_null("error"))
        .col(json_binary_null("report"))
        .take()
}

fn billing_drifts() -> TableCreateStatement {
    Table::create()
        .table("billing_drifts")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(string("resource_type"))
        .col(string("stripe_object_id"))
        .col(string("field"))
        .col(json_binary_null("local_value"))
        .col(json_binary_null("stripe_value"))
        .col(string("cause"))
        .col(timestamp_with_time_zone("found_at"))
        .col(timestamp_with_time_zone("seen_at"))
        .col(timestamp_with_time_zone_null("mended_at"))
        .col(string_null("mended_by"))
        .foreign_key(&mut foreign_key("billing_drifts", "organization_id", "organizations"))
        .take()
}
