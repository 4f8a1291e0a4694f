//! Usage: what an organization consumed, by meter and day.

use chrono::NaiveDate;

/// Days of usage at most in one answer.
pub const MAXIMUM_DAYS: i64 = 400;

/// One meter's total of one day, in the meter's own unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageDay {
    /// The meter's name, `api_calls` for instance.
    pub meter: String,
    /// The day, in UTC.
    pub day: NaiveDate,
    /// How much.
    pub quantity: i64,
}
