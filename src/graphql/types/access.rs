//! What may be used, and why.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use super::enums;
use crate::domain;

/// What an organization may use right now, and why. Clients act on this, not on a subscription's status.
#[derive(Clone, SimpleObject)]
pub struct AccessState {
    /// How much may be used.
    level: enums::AccessLevel,
    /// Why.
    reason: enums::AccessReason,
    /// Since when, in UTC; null when there never was a subscription.
    since: Option<DateTime<Utc>>,
    /// When it changes by itself as far as is known, in UTC: the next step of dunning, the end of the trial.
    until: Option<DateTime<Utc>>,
    /// What a person can do about it.
    next_action: enums::AccessAction,
}

impl From<domain::access::AccessState> for AccessState {
    fn from(state: domain::access::AccessState) -> Self {
        Self {
            level: state.level.into(),
            reason: state.reason.into(),
            since: state.since,
            until: state.until,
            next_action: state.next_action.into(),
        }
    }
}
