//! Usage.

use async_graphql::SimpleObject;

use super::super::scalars::{BigInt, Date};
use crate::domain;

/// One meter's total of one day.
#[derive(Clone, Debug, SimpleObject)]
pub struct UsageDay {
    /// The meter's name, `api_calls` for instance.
    pub meter: String,
    /// The day, in UTC.
    pub day: Date,
    /// How much, in the meter's own unit.
    pub quantity: BigInt,
}

impl From<domain::usage::UsageDay> for UsageDay {
    fn from(row: domain::usage::UsageDay) -> Self {
        Self { meter: row.meter, day: Date(row.day), quantity: BigInt(row.quantity) }
    }
}
