//! Webhooks: each to one address, with what came of it.

use chrono::{DateTime, TimeDelta, Utc};

use super::ids::{OrganizationId, UserId, WebhookDeliveryId, WebhookEndpointId};
use super::notification::Fact;
use super::string_enum;

string_enum! {
    /// What became of a webhook.
    WebhookDeliveryState {
        /// It is to be sent, or sent again.
        Pending => "pending",
        /// It was taken: answered with a status from 200 to 299.
        Delivered => "delivered",
        /// It was tried as often as it may.
        Failed => "failed",
        /// Its endpoint is disabled: it was not tried to the end.
        Held => "held",
    }
}

/// What a body was made for. It holds what one person may see, for one address, and is sent nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeFor {
    /// With whose rights.
    pub acts_for: UserId,
    /// The address.
    pub url: String,
    /// The version of the endpoint's query.
    pub selection_version: i64,
}

/// The body of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// JSON.
    pub body: String,
    /// What it was made for.
    pub made_for: MadeFor,
    /// Whether the query could not be answered in full.
    pub has_errors: bool,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookDelivery {
    /// Our id.
    pub id: WebhookDeliveryId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Where it is sent.
    pub webhook_endpoint_id: WebhookEndpointId,
    /// What it tells.
    pub fact: Fact,
    /// When that happened.
    pub happened_at: DateTime<Utc>,
    /// The body, once it was made.
    pub payload: Option<Payload>,
    /// Since when it is to be sent.
    pub waiting_since: DateTime<Utc>,
    /// What became of it.
    pub state: WebhookDeliveryState,
    /// How often it was tried since it was last to be sent.
    pub attempts: i32,
    /// When it is due.
    pub next_attempt_at: DateTime<Utc>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// The HTTP status of the last answer.
    pub response_status: Option<i32>,
    /// The beginning of the last answer.
    pub response_body: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was taken, or given up.
    pub finished_at: Option<DateTime<Utc>>,
}

/// How long a consumer wants to be left alone: the header `retry-after`, in seconds or as a date (RFC 9110, section 10.2.3).
/// None when it says nothing that can be read, or a time that is over; a day at most.
pub fn retry_after(text: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let text = text.trim();
    let asked = match text.parse::<u32>() {
        Ok(seconds) => TimeDelta::seconds(i64::from(seconds)),
        Err(_) => DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc) - now,
    };
    (asked > TimeDelta::zero()).then(|| asked.min(TimeDelta::days(1)))
}

impl WebhookDelivery {
    /// A pause of this webhook's, a tenth longer or shorter: what failed together does not come back together. The same for
    /// the same attempt, so nothing random is needed.
    pub fn spread(&self, pause: TimeDelta, attempt: i32) -> TimeDelta {
        // The end of a UUID version 7 is random.
        let random = self.id.0.as_u128().to_le_bytes();
        let seed = u16::from_le_bytes([random[0], random[1]]);
        let seed = seed.wrapping_add(
            u16::try_from(attempt.unsigned_abs().wrapping_mul(40_503) % 65_536).unwrap_or_default(),
        );
        let tenth = pause / 10;
        // In thousandths, which no pause is too long for.
        pause - tenth + tenth / 500 * i32::from(seed % 1_001)
    }

    /// What the scheme calls `webhook-id`: the same for every attempt.
    pub fn message_id(&self) -> String {
        format!("msg_{}", self.id.0.simple())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn consumers_say_how_long_to_wait_in_seconds_or_by_a_date() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        assert_eq!(retry_after("120", now), Some(TimeDelta::seconds(120)));
        let date = (now + TimeDelta::hours(1)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        assert_eq!(retry_after(&date, now), Some(TimeDelta::hours(1)));
        assert_eq!(retry_after("4000000000", now), Some(TimeDelta::days(1)), "nobody is left alone for ever");
        for text in ["", "0", "-5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(retry_after(text, now), None, "{text}");
        }
    }

    #[test]
    fn what_failed_together_does_not_come_back_together() {
        let delivery = |id: u128| WebhookDelivery {
            id: WebhookDeliveryId(Uuid::from_u128(id)),
            organization_id: OrganizationId(Uuid::nil()),
            webhook_endpoint_id: WebhookEndpointId(Uuid::nil()),
            fact: Fact::SecuritySettingsChanged { version: 1 },
            happened_at: DateTime::UNIX_EPOCH,
            payload: None,
            waiting_since: DateTime::UNIX_EPOCH,
            state: WebhookDeliveryState::Pending,
            attempts: 0,
            next_attempt_at: DateTime::UNIX_EPOCH,
            last_error: None,
            response_status: None,
            response_body: None,
            created_at: DateTime::UNIX_EPOCH,
            finished_at: None,
        };
        let pause = TimeDelta::hours(24);
        let mut pauses: Vec<TimeDelta> = (0..50).map(|id| delivery(id * 977).spread(pause, 3)).collect();
        assert!(pauses.iter().all(|it| *it >= pause * 9 / 10 && *it <= pause * 11 / 10), "{pauses:?}");
        pauses.sort();
        pauses.dedup();
        assert!(pauses.len() > 40, "{pauses:?}");
        assert_eq!(delivery(7).spread(TimeDelta::zero(), 1), TimeDelta::zero());
    }
}
