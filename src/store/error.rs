//! What can go wrong in the database.

use sea_orm::{DbErr, SqlErr};
use thiserror::Error;

/// A failure of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A uniqueness rule refused the row. The text is the database's and names the constraint or the columns.
    #[error("a uniqueness rule refused the row: {0}")]
    Duplicate(String),
    /// The row a write was meant for is not as it was when it was read.
    #[error("the {0} was changed meanwhile")]
    Changed(&'static str),
    /// A stored value is none that this version knows.
    #[error("column {column} holds {value:?}, which this version does not know")]
    UnknownValue {
        /// Table and column.
        column: &'static str,
        /// What stands there.
        value: String,
    },
    /// The database failed or could not be reached.
    #[error("the database failed")]
    Database(#[source] DbErr),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(text)) => Self::Duplicate(text),
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Whether a uniqueness rule on `column` refused the row. PostgreSQL names the constraint, SQLite the columns; both
    /// names contain the column.
    pub fn is_duplicate_of(&self, column: &str) -> bool {
        matches!(self, Self::Duplicate(text) if text.contains(column))
    }
}

/// Reads a stored word, or says which column holds one that is not known.
pub(super) fn known<T>(column: &'static str, value: &str, parsed: Option<T>) -> Result<T, StoreError> {
    parsed.ok_or_else(|| StoreError::UnknownValue { column, value: value.to_owned() })
}

/// Reads a stored document, or says which column holds one that cannot be read.
pub(super) fn document<T: serde::de::DeserializeOwned>(
    column: &'static str,
    value: serde_json::Value,
) -> Result<T, StoreError> {
    serde_json::from_value(value)
        .map_err(|error| StoreError::UnknownValue { column, value: error.to_string() })
}

/// Reads a stored currency.
pub(super) fn currency(
    column: &'static str,
    code: &str,
) -> Result<crate::domain::money::Currency, StoreError> {
    known(column, code, crate::domain::money::Currency::parse(code))
}
