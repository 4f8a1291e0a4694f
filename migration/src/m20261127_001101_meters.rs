//! What is measured, and what organizations may use beside their plan.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, json_binary, pk_uuid, string, string_null, text, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};
use sea_orm_migration::sea_orm::prelude::{DateTimeUtc, Uuid};

use crate::constraint::{foreign_key, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The meters that everybody has: id, name, unit, aggregation, when it begins anew.
const DEFAULTS: [(u128, &str, &str, &str, &str); 3] = [
    (0x019a_c000_0000_7000_8000_0000_0000_0001, "api_calls", "call", "sum", "billing_period"),
    (0x019a_c000_0000_7000_8000_0000_0000_0002, "storage_gb", "GB", "daily_max_average", "billing_period"),
    (0x019a_c000_0000_7000_8000_0000_0000_0003, "seats", "seat", "last", "never"),
];

/// When they are said to be made, in seconds: the same in every database.
const MADE_AT: i64 = 1_795_737_600;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(meters()).await?;
        manager.create_table(entitlement_overrides()).await?;
        for index in [
            unique_index("meters", &["name"]),
            unique_index("entitlement_overrides", &["organization_id", "feature"]),
        ] {
            manager.create_index(index).await?;
        }
        let made_at = DateTimeUtc::from_timestamp(MADE_AT, 0).expect("a time of the calendar");
        for (id, name, unit, aggregation, reset_period) in DEFAULTS {
            let insert = Query::insert()
                .into_table("meters")
                .columns([
                    "id",
                    "name",
                    "unit",
                    "description",
                    "aggregation",
                    "reset_period",
                    "version",
                    "created_at",
                    "updated_at",
                ])
                .values_panic([
                    Uuid::from_u128(id).into(),
                    name.into(),
                    unit.into(),
                    "".into(),
                    aggregation.into(),
                    reset_period.into(),
                    1_i64.into(),
                    made_at.into(),
                    made_at.into(),
                ])
                .take();
            manager.execute(insert).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["entitlement_overrides", "meters"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn meters() -> TableCreateStatement {
    Table::create()
        .table("meters")
        .col(pk_uuid("id"))
        .col(string("name"))
        .col(string("unit"))
        .col(text("description"))
        .col(string("aggregation"))
        .col(string("reset_period"))
        .col(string_null("key_property"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone_null("archived_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .take()
}

fn entitlement_overrides() -> TableCreateStatement {
    Table::create()
        .table("entitlement_overrides")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(string("feature"))
        .col(json_binary("value"))
        .col(text("reason"))
        .col(timestamp_with_time_zone_null("expires_at"))
        .col(uuid_null("updated_by"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("entitlement_overrides", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("entitlement_overrides", "updated_by", "users"))
        .take()
}
