//! Jobs that one process at a time runs.

use chrono::{DateTime, Utc};

/// How a job went last.
#[derive(Clone, Debug, PartialEq)]
pub struct JobState {
    /// Which job.
    pub name: String,
    /// When it was last begun.
    pub started_at: Option<DateTime<Utc>>,
    /// When it last came to its end.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it last failed; `None` when it did not.
    pub error: Option<String>,
    /// What it did the last time it came to its end.
    pub report: Option<serde_json::Value>,
}
