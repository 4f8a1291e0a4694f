//! Keeping usage events for a time: partitions are made ahead and dropped when they are old.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use entity::usage_event;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement, TransactionTrait};

use super::{Backend, Store, StoreError};

/// What partitions of months are called: the year and the month follow.
const PARTITION: &str = "usage_events_";
/// Rows of a table that are taken away by one statement of SQLite.
const FORGOTTEN_AT_ONCE: u64 = 5_000;

/// The first day of a month.
fn month_of(at: DateTime<Utc>) -> NaiveDate {
    let day = at.date_naive();
    day.with_day(1).unwrap_or(day)
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

impl Store {
    /// Makes the partitions of the months from one time to another that are missing. A month of which events came before
    /// its partition stays where they are. Nothing to do on SQLite. Says how many were made.
    pub async fn prepare_usage_partitions(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        if self.backend() == Backend::Sqlite {
            return Ok(0);
        }
        let there = self.usage_partitions().await?;
        let (mut month, mut made) = (month_of(since), 0);
        while midnight(month) <= until {
            let next = month + Months::new(1);
            let name = format!("{PARTITION}{}", month.format("%Y_%m"));
            if !there.contains(&name) {
                let (from, to) = (midnight(month), midnight(next));
                let astray = usage_event::Entity::find()
                    .filter(usage_event::Column::OccurredAt.gte(from))
                    .filter(usage_event::Column::OccurredAt.lt(to))
                    .one(&self.db)
                    .await?;
                if astray.is_none() {
                    let sql = format!(
                        "CREATE TABLE IF NOT EXISTS {name} PARTITION OF usage_events \
                         FOR VALUES FROM ('{month} 00:00:00+00') TO ('{next} 00:00:00+00')"
                    );
                    self.db.execute_unprepared(&sql).await?;
                    made += 1;
                }
            }
            month = next;
        }
        Ok(made)
    }

    /// The partitions of months that there are.
    async fn usage_partitions(&self) -> Result<Vec<String>, StoreError> {
        let statement = Statement::from_string(
            self.db.get_database_backend(),
            "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
             WHERE i.inhparent = 'usage_events'::regclass",
        );
        let rows = self.db.query_all_raw(statement).await?;
        Ok(rows.iter().map(|row| row.try_get("", "name")).collect::<Result<_, _>>()?)
    }

    /// Drops the partitions of months that were over before `until`. Nothing to do on SQLite.
    pub async fn drop_usage_partitions(&self, until: DateTime<Utc>) -> Result<(), StoreError> {
        if self.backend() == Backend::Postgres {
            for name in self.usage_partitions().await? {
                let month = name.strip_prefix(PARTITION).unwrap_or_default();
                let Ok(first) = NaiveDate::parse_from_str(&format!("{month}_01"), "%Y_%m_%d") else {
                    continue;
                };
                if midnight(first + Months::new(1)) <= until {
                    // Whoever reads or writes events waits for this a moment, and not for long.
                    let transaction = self.db.begin().await?;
                    transaction.execute_unprepared("SET LOCAL lock_timeout = '2s'").await?;
                    transaction.execute_unprepared(&format!("DROP TABLE IF EXISTS {name}")).await?;
                    transaction.commit().await?;
                }
            }
        }
        Ok(())
    }

    /// Takes events of before `until` away, and forgets that events were seen that came before it. What they added up to
    /// stays. On SQLite, where everybody else's write waits meanwhile, some of them: it is to be called until it says that
    /// no row was deleted. Not a change of the business.
    pub async fn forget_usage_events(&self, until: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut gone = 0;
        for (table, column) in [("usage_events", "occurred_at"), ("usage_event_keys", "received_at")] {
            let mut old = Query::delete();
            old.from_table(Alias::new(table));
            let is_old = Expr::col(Alias::new(column)).lt(until);
            if self.backend() == Backend::Postgres {
                old.and_where(is_old);
            } else {
                let row = || Expr::col(Alias::new("rowid"));
                let some = Query::select()
                    .expr(row())
                    .from(Alias::new(table))
                    .and_where(is_old)
                    .limit(FORGOTTEN_AT_ONCE)
                    .to_owned();
                old.and_where(row().in_subquery(some));
            }
            gone += self.db.execute(&old).await?.rows_affected();
        }
        Ok(gone)
    }
}
