//! Meters.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};

use super::super::node::NodeKind;
use super::super::scalars::BigInt;
use super::enums;
use crate::domain::meter_definition::MeterDefinition;

/// What is measured, for all organizations alike.
#[derive(Clone)]
pub struct Meter(pub MeterDefinition);

impl From<MeterDefinition> for Meter {
    fn from(row: MeterDefinition) -> Self {
        Self(row)
    }
}

/// What is measured, for all organizations alike.
#[Object]
impl Meter {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Meter.encode(self.0.id.0)
    }

    /// Its name in events and plans, unique: `api_calls` for instance.
    async fn name(&self) -> &str {
        &self.0.meter.name
    }

    /// What one of it is, for people: "call" for instance.
    async fn unit(&self) -> &str {
        &self.0.meter.unit
    }

    /// What it is, for people; empty when nobody said.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// What one quantity is made of the events of a period.
    async fn aggregation(&self) -> enums::Aggregation {
        self.0.meter.aggregation.into()
    }

    /// When it begins anew.
    async fn reset(&self) -> enums::MeterReset {
        self.0.meter.reset.into()
    }

    /// The property of events whose different values are counted; null for a meter that counts none.
    async fn key_property(&self) -> Option<&str> {
        self.0.key_property.as_deref()
    }

    /// Counts the changes: what to give as `expectedVersion`.
    async fn version(&self) -> BigInt {
        BigInt(self.0.version)
    }

    /// When it was created, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was taken out of use, in UTC; null while events are taken.
    async fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at
    }
}
