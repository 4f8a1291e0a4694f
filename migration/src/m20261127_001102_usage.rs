//! What organizations use: events, what they add up to by hour, day and period, and which of them were seen.
//!
//! On PostgreSQL the events are partitioned by their time, so that old ones are dropped and never deleted. A key of a
//! partitioned table would have to name that time; which events were seen stands in a table of its own instead.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, date, json_binary_null, string, string_null, timestamp_with_time_zone, uuid,
};
use sea_orm_migration::sea_orm::DbBackend;

use crate::constraint::{foreign_key, index};
use crate::m20261124_000004_usage::usage_daily;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(usage_event_keys()).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            let table = usage_events().to_string(PostgresQueryBuilder);
            let db = manager.get_connection();
            db.execute_unprepared(&format!("{table} PARTITION BY RANGE (occurred_at)")).await?;
            // What no other partition takes: no event is ever refused for want of one.
            db.execute_unprepared("CREATE TABLE usage_events_default PARTITION OF usage_events DEFAULT")
                .await?;
        } else {
            manager.create_table(usage_events()).await?;
        }
        for table in [usage_hours(), usage_days(), usage_day_keys(), usage_counters()] {
            manager.create_table(table).await?;
        }
        // Rows come about in the order of these times: a few bytes for each stretch of them are enough to find old ones.
        for (table, column) in [("usage_event_keys", "received_at"), ("usage_events", "occurred_at")] {
            let mut by_time = index(table, &[column]);
            by_time.index_type(IndexType::Custom(Alias::new("brin").into_iden()));
            manager.create_index(by_time).await?;
        }
        manager.create_index(index("usage_events", &["organization_id", "meter_id", "occurred_at"])).await?;
        let db = manager.get_connection();
        db.execute_unprepared(
            "INSERT INTO usage_days (organization_id, meter_id, day, events, sum_units, sum_fraction, max_units, \
             max_fraction, last_at, last_event_id, last_units, last_fraction, updated_at) \
             SELECT u.organization_id, m.id, u.day, 1, u.quantity, 0, u.quantity, 0, u.updated_at, '', u.quantity, 0, \
             u.updated_at FROM usage_daily u JOIN meters m ON m.name = u.meter",
        )
        .await?;
        manager.drop_table(Table::drop().table("usage_daily").take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(usage_daily()).await?;
        manager
            .get_connection()
            .execute_unprepared(
                "INSERT INTO usage_daily (organization_id, day, meter, quantity, updated_at) \
                 SELECT u.organization_id, u.day, m.name, \
                 CASE m.aggregation WHEN 'sum' THEN u.sum_units WHEN 'last' THEN u.last_units ELSE u.max_units END, \
                 u.updated_at FROM usage_days u JOIN meters m ON m.id = u.meter_id",
            )
            .await?;
        for table in [
            "usage_counters",
            "usage_day_keys",
            "usage_days",
            "usage_hours",
            "usage_events",
            "usage_event_keys",
        ] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Without foreign keys, as the events: a thousand rows at once would ask for the same two rows a thousand times. Who
/// writes them has both in hand, and neither is ever deleted.
fn usage_event_keys() -> TableCreateStatement {
    Table::create()
        .table("usage_event_keys")
        .col(uuid("organization_id"))
        .col(uuid("meter_id"))
        .col(string("event_id"))
        .col(timestamp_with_time_zone("received_at"))
        .primary_key(
            Index::create()
                .name("pk_usage_event_keys")
                .col("organization_id")
                .col("meter_id")
                .col("event_id"),
        )
        .take()
}

fn usage_events() -> TableCreateStatement {
    Table::create()
        .table("usage_events")
        .col(uuid("organization_id"))
        .col(uuid("meter_id"))
        .col(string("event_id"))
        .col(timestamp_with_time_zone("occurred_at"))
        .col(big_integer("quantity_units"))
        .col(big_integer("quantity_fraction"))
        .col(string_null("key_value"))
        .col(json_binary_null("properties"))
        .col(timestamp_with_time_zone("received_at"))
        .take()
}

fn usage_hours() -> TableCreateStatement {
    totals("usage_hours", timestamp_with_time_zone("hour_start"), "hour_start")
}

fn usage_days() -> TableCreateStatement {
    totals("usage_days", date("day"), "day")
}

fn usage_counters() -> TableCreateStatement {
    totals("usage_counters", timestamp_with_time_zone("period_start"), "period_start")
}

/// What events add up to: sum, maximum and latest, whatever the meter asks for. A quantity is whole units, rounded
/// down, and parts of 10^-12 of one.
fn totals(table: &'static str, bucket: ColumnDef, name: &'static str) -> TableCreateStatement {
    Table::create()
        .table(table)
        .col(uuid("organization_id"))
        .col(uuid("meter_id"))
        .col(bucket)
        .col(big_integer("events"))
        .col(big_integer("sum_units"))
        .col(big_integer("sum_fraction"))
        .col(big_integer("max_units"))
        .col(big_integer("max_fraction"))
        .col(timestamp_with_time_zone("last_at"))
        .col(string("last_event_id"))
        .col(big_integer("last_units"))
        .col(big_integer("last_fraction"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(
            Index::create().name(format!("pk_{table}")).col("organization_id").col("meter_id").col(name),
        )
        .foreign_key(&mut foreign_key(table, "organization_id", "organizations"))
        .foreign_key(&mut foreign_key(table, "meter_id", "meters"))
        .take()
}

/// The different keys of a day, for meters that count those.
fn usage_day_keys() -> TableCreateStatement {
    Table::create()
        .table("usage_day_keys")
        .col(uuid("organization_id"))
        .col(uuid("meter_id"))
        .col(date("day"))
        .col(string("key_value"))
        .primary_key(
            Index::create()
                .name("pk_usage_day_keys")
                .col("organization_id")
                .col("meter_id")
                .col("day")
                .col("key_value"),
        )
        .foreign_key(&mut foreign_key("usage_day_keys", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("usage_day_keys", "meter_id", "meters"))
        .take()
}
