//! What organizations want to be told of their usage, what they were told, and what is yet to be looked at.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, json_binary, pk_uuid, string, string_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [usage_alerts(), usage_alert_states(), usage_notices()] {
            manager.create_table(table).await?;
        }
        let seen = Table::alter().table("usage_counters").add_column(big_integer_null("seen_events")).take();
        manager.alter_table(seen).await?;
        for index in [
            unique_index("usage_alerts", &["organization_id", "meter_id"]),
            index("usage_alert_states", &["look_again_at"]),
            index("usage_notices", &["organization_id", "created_at", "id"]),
            unique_index(
                "usage_notices",
                &["organization_id", "meter_id", "period_start", "threshold_key", "kind"],
            ),
            unseen_counters(),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let unseen =
            Index::drop().name("idx_usage_counters_organization_id").table("usage_counters").to_owned();
        manager.drop_index(unseen).await?;
        manager.alter_table(Table::alter().table("usage_counters").drop_column("seen_events").take()).await?;
        for table in ["usage_notices", "usage_alert_states", "usage_alerts"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn usage_alerts() -> TableCreateStatement {
    Table::create()
        .table("usage_alerts")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("meter_id"))
        .col(json_binary("thresholds"))
        .col(big_integer_null("spend_limit_minor"))
        .col(string_null("spend_limit_currency"))
        .col(uuid_null("updated_by"))
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("usage_alerts", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("usage_alerts", "meter_id", "meters"))
        .foreign_key(&mut foreign_key("usage_alerts", "updated_by", "users"))
        .take()
}

/// What was told of a meter in its running period, and when it must be looked at though nothing is recorded: a period ends.
fn usage_alert_states() -> TableCreateStatement {
    Table::create()
        .table("usage_alert_states")
        .col(uuid("organization_id"))
        .col(uuid("meter_id"))
        .col(json_binary("state"))
        .col(timestamp_with_time_zone_null("used_up_since"))
        .col(timestamp_with_time_zone_null("used_up_until"))
        .col(timestamp_with_time_zone_null("look_again_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .primary_key(Index::create().name("pk_usage_alert_states").col("organization_id").col("meter_id"))
        .foreign_key(&mut foreign_key("usage_alert_states", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("usage_alert_states", "meter_id", "meters"))
        .take()
}

fn usage_notices() -> TableCreateStatement {
    Table::create()
        .table("usage_notices")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("meter_id"))
        .col(timestamp_with_time_zone("period_start"))
        .col(string("threshold_key"))
        .col(string("kind"))
        .col(json_binary("threshold"))
        .col(json_binary("reading"))
        .col(timestamp_with_time_zone("created_at"))
        .foreign_key(&mut foreign_key("usage_notices", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("usage_notices", "meter_id", "meters"))
        .take()
}

/// The counters that alerts have not looked at since something was recorded: few of all.
fn unseen_counters() -> IndexCreateStatement {
    index("usage_counters", &["organization_id"])
        .and_where(Expr::col("seen_events").is_null().or(Expr::col("seen_events").ne(Expr::col("events"))))
        .take()
}
