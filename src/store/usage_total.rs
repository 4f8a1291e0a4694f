//! What events add up to, as rows that are added to in the database itself: whoever adds waits for no more than the row,
//! and reads nothing first.

use entity::{usage_counter, usage_day, usage_hour};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Alias, Expr, OnConflict};

use super::Backend;
use crate::domain::quantity::Quantity;
use crate::domain::usage::{SplitQuantity, UsageTotals};

/// The columns that totals stand in.
const COLUMNS: [&str; 10] = [
    "events",
    "sum_units",
    "sum_fraction",
    "max_units",
    "max_fraction",
    "last_at",
    "last_event_id",
    "last_units",
    "last_fraction",
    "updated_at",
];

/// What is kept of a quantity that the database added up. Many events can add up to more than a quantity can be: that is
/// the largest there is, in its direction, and nobody's reading ends with it.
fn quantity(units: i64, fraction: i64) -> Quantity {
    SplitQuantity { units, fraction }.join_within_bounds()
}

macro_rules! totals_of {
    ($read:ident, $row:ident, $entity:ident, $bucket:ident: $bucket_type:ty $(, unset $unset:ident)?) => {
        /// What a row says.
        pub(super) fn $read(row: &$entity::Model) -> UsageTotals {
            UsageTotals {
                events: row.events,
                sum: quantity(row.sum_units, row.sum_fraction),
                max: quantity(row.max_units, row.max_fraction),
                last_at: row.last_at,
                last_event_id: row.last_event_id.clone(),
                last: quantity(row.last_units, row.last_fraction),
            }
        }

        /// A row of totals.
        pub(super) fn $row(
            organization_id: uuid::Uuid,
            meter_id: uuid::Uuid,
            $bucket: $bucket_type,
            totals: &UsageTotals,
            updated_at: chrono::DateTime<chrono::Utc>,
        ) -> $entity::ActiveModel {
            let (sum, max, last) = (
                SplitQuantity::from(totals.sum),
                SplitQuantity::from(totals.max),
                SplitQuantity::from(totals.last),
            );
            $entity::ActiveModel {
                organization_id: Set(organization_id),
                meter_id: Set(meter_id),
                $bucket: Set($bucket),
                events: Set(totals.events),
                sum_units: Set(sum.units),
                sum_fraction: Set(sum.fraction),
                max_units: Set(max.units),
                max_fraction: Set(max.fraction),
                last_at: Set(totals.last_at),
                last_event_id: Set(totals.last_event_id.clone()),
                last_units: Set(last.units),
                last_fraction: Set(last.fraction),
                updated_at: Set(updated_at),
                $($unset: sea_orm::ActiveValue::NotSet,)?
            }
        }
    };
}

totals_of!(hour_totals, hour_row, usage_hour, hour_start: chrono::DateTime<chrono::Utc>);
totals_of!(day_totals, day_row, usage_day, day: chrono::NaiveDate);
totals_of!(
    counter_totals, counter_row, usage_counter, period_start: chrono::DateTime<chrono::Utc>, unset seen_events
);

/// Adds what is inserted to the row that is there.
pub(super) fn adding(backend: Backend, table: &'static str, bucket: &'static str) -> OnConflict {
    // Ids are compared by their bytes, as Rust does; PostgreSQL would by the database's language.
    let by_bytes = if backend == Backend::Postgres { " COLLATE \"C\"" } else { "" };
    let larger = format!(
        "{table}.events = 0 OR (excluded.max_units, excluded.max_fraction) > ({table}.max_units, {table}.max_fraction)"
    );
    let later = format!(
        "{table}.events = 0 OR (excluded.last_at, excluded.last_event_id{by_bytes}) > \
         ({table}.last_at, {table}.last_event_id{by_bytes})"
    );
    let sum = |column: &str| match column {
        "events" => format!("{table}.events + excluded.events"),
        "sum_units" => format!(
            "{table}.sum_units + excluded.sum_units \
             + ({table}.sum_fraction + excluded.sum_fraction) / 1000000000000"
        ),
        "sum_fraction" => format!("({table}.sum_fraction + excluded.sum_fraction) % 1000000000000"),
        "updated_at" => "excluded.updated_at".to_owned(),
        column => {
            let condition = if column.starts_with("max") { &larger } else { &later };
            format!("CASE WHEN {condition} THEN excluded.{column} ELSE {table}.{column} END")
        }
    };
    let values = COLUMNS.map(|column| (Alias::new(column), Expr::cust(sum(column))));
    OnConflict::columns(["organization_id", "meter_id", bucket].map(Alias::new)).values(values).to_owned()
}
