//! Meters as the catalogue has them.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::ids::MeterId;
use super::meter::{Aggregation, Meter};

/// Letters of a property's name at most.
pub const MAXIMUM_PROPERTY: usize = 64;
/// Meters at most.
pub const MAXIMUM_METERS: u64 = 200;

/// A meter of the catalogue: what is measured, for all organizations alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterDefinition {
    /// Our id.
    pub id: MeterId,
    /// What is measured. Only its unit ever changes.
    pub meter: Meter,
    /// What it is, for people.
    pub description: String,
    /// The property of events whose different values are counted.
    pub key_property: Option<String>,
    /// Counts the changes, for optimistic concurrency.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was taken out of use.
    pub archived_at: Option<DateTime<Utc>>,
}

/// What is wrong with a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MeterDefinitionError {
    /// Its name is none.
    #[error("A meter's name has 1 to 64 lower-case letters, digits and underscores, a letter first.")]
    Name,
    /// It counts different values, and nobody says of what.
    #[error("A meter that counts different values names the property of its events that they stand in.")]
    KeyMissing,
    /// It counts no different values.
    #[error("Only a meter that counts different values has a property for them. Leave it out.")]
    KeyUnused,
    /// The property's name is none.
    #[error("A property's name has 1 to {MAXIMUM_PROPERTY} printable ASCII characters without spaces.")]
    KeyName,
}

impl MeterDefinitionError {
    /// The field that is wrong.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::KeyMissing | Self::KeyUnused | Self::KeyName => "keyProperty",
        }
    }
}

/// Checks what makes a meter what it is.
pub fn check_meter(
    name: &str,
    aggregation: Aggregation,
    key_property: Option<&str>,
) -> Result<(), MeterDefinitionError> {
    if !Meter::is_name(name) {
        return Err(MeterDefinitionError::Name);
    }
    match (aggregation, key_property) {
        (Aggregation::UniqueCount, None) => Err(MeterDefinitionError::KeyMissing),
        (Aggregation::UniqueCount, Some(key)) => {
            let fits = (1..=MAXIMUM_PROPERTY).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_graphic());
            if fits { Ok(()) } else { Err(MeterDefinitionError::KeyName) }
        }
        (_, Some(_)) => Err(MeterDefinitionError::KeyUnused),
        (_, None) => Ok(()),
    }
}

impl MeterDefinition {
    /// What audit records keep of it.
    pub fn audit_values(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.meter.name,
            "unit": self.meter.unit,
            "description": self.description,
            "aggregation": self.meter.aggregation,
            "reset": self.meter.reset,
            "keyProperty": self.key_property,
            "archivedAt": self.archived_at,
            "version": self.version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_counts_different_values_names_their_property() {
        use MeterDefinitionError as E;
        let check = |name, aggregation, key| check_meter(name, aggregation, key);
        assert_eq!(check("api_calls", Aggregation::Sum, None), Ok(()));
        assert_eq!(check("active_users", Aggregation::UniqueCount, Some("user")), Ok(()));
        for (name, aggregation, key, error) in [
            ("API", Aggregation::Sum, None, E::Name),
            ("", Aggregation::Sum, None, E::Name),
            ("users", Aggregation::UniqueCount, None, E::KeyMissing),
            ("users", Aggregation::Sum, Some("user"), E::KeyUnused),
            ("users", Aggregation::UniqueCount, Some("a user"), E::KeyName),
            ("users", Aggregation::UniqueCount, Some(""), E::KeyName),
        ] {
            assert_eq!(check(name, aggregation, key), Err(error), "{name} {key:?}");
        }
    }
}
