//! Billing policies, the platform's and their overrides by organization, and the reminders that dunning hands to
//! notifications.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, integer, json_binary, pk_uuid, string, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [billing_policies(), dunning_reminders()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("billing_policies", &["scope"]),
            unique_index("dunning_reminders", &["organization_id", "stripe_invoice_id", "step"]),
            index("dunning_reminders", &["organization_id", "created_at", "id"]),
            index("dunning_reminders", &["delivered_at", "created_at"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["dunning_reminders", "billing_policies"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn billing_policies() -> TableCreateStatement {
    Table::create()
        .table("billing_policies")
        .col(pk_uuid("id"))
        .col(uuid_null("organization_id"))
        .col(string("scope"))
        .col(json_binary("document"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("billing_policies", "organization_id", "organizations"))
        .take()
}

fn dunning_reminders() -> TableCreateStatement {
    Table::create()
        .table("dunning_reminders")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("subscription_id"))
        .col(string("stripe_invoice_id"))
        .col(integer("step"))
        .col(string("kind"))
        .col(string("access"))
        .col(timestamp_with_time_zone("due_at"))
        .col(timestamp_with_time_zone_null("delivered_at"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut foreign_key("dunning_reminders", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("dunning_reminders", "subscription_id", "subscriptions"))
        .take()
}
