//! What can be bought: plans and their prices.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, boolean, integer, integer_null, json_binary, pk_uuid, string, string_len, string_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [plans(), prices()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("plans", &["slug"]),
            unique_index("plans", &["stripe_product_id"]),
            index("plans", &["sort_order", "id"]),
            unique_index("prices", &["stripe_price_id"]),
            index("prices", &["plan_id", "is_active"]),
            one_active_price(),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["prices", "plans"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn plans() -> TableCreateStatement {
    Table::create()
        .table("plans")
        .col(pk_uuid("id"))
        .col(uuid_null("organization_id"))
        .col(string("name"))
        .col(string("slug"))
        .col(string("description"))
        .col(big_integer("price_minor"))
        .col(string_len("currency", 3))
        .col(string("billing_interval"))
        .col(json_binary("features"))
        .col(integer("trial_days"))
        .col(integer_null("seats_included"))
        .col(integer("sort_order"))
        .col(boolean("is_public"))
        .col(boolean("is_active"))
        .col(string_null("stripe_product_id"))
        .col(string_null("stripe_price_id"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("archived_at"))
        .foreign_key(&mut foreign_key("plans", "organization_id", "organizations"))
        .take()
}

fn prices() -> TableCreateStatement {
    Table::create()
        .table("prices")
        .col(pk_uuid("id"))
        .col(uuid("plan_id"))
        .col(string_len("currency", 3))
        .col(big_integer("unit_amount_minor"))
        .col(string("billing_interval"))
        .col(string_null("stripe_price_id"))
        .col(boolean("is_active"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone_null("archived_at"))
        .foreign_key(&mut foreign_key("prices", "plan_id", "plans"))
        .take()
}

/// Of a plan, currency and interval one price is sold at a time; replaced ones stay.
fn one_active_price() -> IndexCreateStatement {
    unique_index("prices", &["plan_id", "currency", "billing_interval"])
        .and_where(Expr::col("is_active").eq(true))
        .take()
}
