//! Finding events that never came: Stripe's list is read from the last seen one on.

use chrono::{DateTime, TimeDelta, Utc};
use metrics::counter;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Service;
use super::error::ServiceError;
use crate::domain::stripe_event::EventSource;
use crate::payments::{EventPage, EventsAfter, PaymentsError, WebhookEndpoint};
use crate::store::JobLease;

/// An event may come into Stripe's list later than its time says: so far back the list is read again …
const OVERLAP: TimeDelta = TimeDelta::seconds(120);
/// … and so often.
const OVERLAP_EVERY: TimeDelta = TimeDelta::seconds(60);
/// Stripe keeps events for thirty days. A gap of almost that long may have lost some.
const HORIZON: TimeDelta = TimeDelta::days(29);
/// How often the versions of the webhook's endpoints are looked up.
const ENDPOINTS_EVERY: TimeDelta = TimeDelta::hours(1);

/// How far the list was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cursor {
    /// The newest event that was seen; `None` when there never was one.
    event: Option<String>,
    /// When it was made.
    created: DateTime<Utc>,
    /// When the end of the list was last read again.
    overlapped: DateTime<Utc>,
}

/// What a sweep came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sweep {
    /// Events that were missing, and are stored now.
    pub found: u64,
    /// Whether there may have been more than Stripe still lists: everything is to be compared, and was not yet.
    pub needs_comparison: bool,
    /// The version in which the list's newest event is written: the account's.
    pub account_version: Option<String>,
    /// The endpoints that Stripe sends webhooks to.
    pub endpoints: Vec<WebhookEndpoint>,
    /// When they were looked up.
    pub endpoints_read_at: Option<DateTime<Utc>>,
}

impl Service {
    /// The name under which a job or a reading of this account and mode is written down.
    pub(super) fn job_name(&self, job: &str) -> String {
        format!("{job}:{}", if self.stripe.livemode() { "live" } else { "test" })
    }

    /// How the sweep went last.
    pub async fn last_sweep(&self) -> Result<Option<crate::domain::job::JobState>, ServiceError> {
        Ok(self.store.find_job(&self.job_name(SWEEP)).await?)
    }

    /// Stores the events that Stripe lists and we miss. `None` while another process does, which must show within
    /// `lease` between two pages that it is alive.
    pub async fn sweep_events(&self, lease: TimeDelta) -> Result<Option<Sweep>, ServiceError> {
        let name = self.job_name(SWEEP);
        let Some(lease) = self.store.take_job(&name, lease).await? else { return Ok(None) };
        let before = self.store.find_job(&name).await?.and_then(|job| job.report);
        let before: Sweep = before.and_then(|report| serde_json::from_value(report).ok()).unwrap_or_default();
        let mut sweep = Sweep { found: 0, ..before };
        let swept = self.sweep_under(&lease, &mut sweep).await;
        sweep.needs_comparison = self.is_comparison_wanted().await?;
        let outcome = match &swept {
            Ok(()) => Ok(json!(sweep)),
            Err(error) => Err(error.to_string()),
        };
        self.store.finish_job(&lease, outcome).await?;
        swept?;
        if sweep.found > 0 {
            counter!("tollgate_events_recovered_total").increment(sweep.found);
            tracing::info!(found = sweep.found, "events that had not come were found in Stripe's list");
        }
        Ok(Some(sweep))
    }

    async fn sweep_under(&self, lease: &JobLease, sweep: &mut Sweep) -> Result<(), ServiceError> {
        let cursor = self.store.find_cursor(&lease.name).await?;
        let cursor: Option<Cursor> = cursor.map(|text| serde_json::from_str(&text)).transpose()?;
        let Some(mut cursor) = cursor else {
            self.begin_reading(lease, sweep).await?;
            return self.look_up_endpoints(sweep).await;
        };
        let now = self.clock.now();
        // Until there was an event, the list is read by time.
        if cursor.event.is_none()
            && let Some((event, created)) = self.read_from(cursor.created, lease, sweep).await?
        {
            cursor = Cursor { event: Some(event), created, overlapped: now };
            self.move_cursor(lease, &cursor).await?;
        }
        while let Some(last) = cursor.event.clone() {
            let after = EventsAfter::Event(last);
            let page = match self.stripe.list_events(&after).await {
                Ok(page) => page,
                // Stripe does not know that event any more: what came between may be gone as well. What is still
                // listed is read, and the rest shows when everything is compared.
                Err(PaymentsError::NotFound { .. } | PaymentsError::InvalidRequest { .. }) => {
                    tracing::warn!(
                        "the last seen event is older than Stripe's list; everything will be compared"
                    );
                    self.want_comparison().await?;
                    let newest = self.read_from(cursor.created - OVERLAP, lease, sweep).await?;
                    let (event, created) = newest.unzip();
                    let created = created.unwrap_or(now - OVERLAP);
                    cursor = Cursor { event, created, overlapped: now };
                    self.move_cursor(lease, &cursor).await?;
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            self.store_page(&page, sweep).await?;
            let Some(newest) = page.events.first() else { break };
            if newest.stripe_created_at - cursor.created > HORIZON {
                self.want_comparison().await?;
            }
            cursor.event = Some(newest.event_id.clone());
            cursor.created = newest.stripe_created_at;
            self.move_cursor(lease, &cursor).await?;
            if !page.has_more {
                break;
            }
        }
        if now - cursor.overlapped >= OVERLAP_EVERY {
            self.read_from(cursor.created - OVERLAP, lease, sweep).await?;
            cursor.overlapped = now;
            self.move_cursor(lease, &cursor).await?;
        }
        self.look_up_endpoints(sweep).await
    }

    /// Begins with the newest event there is: what is older is compared, object by object.
    async fn begin_reading(&self, lease: &JobLease, sweep: &mut Sweep) -> Result<(), ServiceError> {
        let page = self.stripe.list_events(&EventsAfter::Newest).await?;
        let now = self.clock.now();
        let newest = page.events.first();
        let cursor = Cursor {
            event: newest.map(|event| event.event_id.clone()),
            created: newest.map_or(now - OVERLAP, |event| event.stripe_created_at),
            overlapped: now,
        };
        self.store_page(&page, sweep).await?;
        self.want_comparison().await?;
        self.move_cursor(lease, &cursor).await
    }

    /// Reads everything from `since` on, from the newest backwards. The newest, if there is any.
    async fn read_from(
        &self,
        since: DateTime<Utc>,
        lease: &JobLease,
        sweep: &mut Sweep,
    ) -> Result<Option<(String, DateTime<Utc>)>, ServiceError> {
        let mut older_than = None;
        let mut newest = None;
        loop {
            let page = self.stripe.list_events(&EventsAfter::Time(since, older_than)).await?;
            self.store_page(&page, sweep).await?;
            self.store.renew_job(lease).await?;
            if newest.is_none() {
                newest = page.events.first().map(|event| (event.event_id.clone(), event.stripe_created_at));
            }
            older_than = page.events.last().map(|event| event.event_id.clone());
            if !page.has_more || older_than.is_none() {
                return Ok(newest);
            }
        }
    }

    async fn store_page(&self, page: &EventPage, sweep: &mut Sweep) -> Result<(), ServiceError> {
        if let Some(newest) = page.events.first() {
            sweep.account_version.clone_from(&newest.api_version);
        }
        // Stored in the order in which they were made.
        let oldest_first: Vec<_> = page.events.iter().rev().cloned().collect();
        sweep.found += self.store.store_missing_stripe_events(&oldest_first, EventSource::Sweep).await?;
        Ok(())
    }

    async fn move_cursor(&self, lease: &JobLease, cursor: &Cursor) -> Result<(), ServiceError> {
        self.store.renew_job(lease).await?;
        Ok(self.store.put_cursor(&lease.name, &serde_json::to_string(cursor)?).await?)
    }

    /// The versions in play can be read without asking Stripe. A restricted key may not see the endpoints.
    async fn look_up_endpoints(&self, sweep: &mut Sweep) -> Result<(), ServiceError> {
        let now = self.clock.now();
        if sweep.endpoints_read_at.is_some_and(|at| now - at < ENDPOINTS_EVERY) {
            return Ok(());
        }
        match self.stripe.list_webhook_endpoints().await {
            Ok(endpoints) => sweep.endpoints = endpoints,
            Err(error) => tracing::info!(%error, "the webhook's endpoints cannot be listed"),
        }
        sweep.endpoints_read_at = Some(now);
        Ok(())
    }

    /// Writes down that everything is to be compared, before anything hides why: whoever dies leaves it to the next.
    async fn want_comparison(&self) -> Result<(), ServiceError> {
        let since = serde_json::to_string(&self.clock.now())?;
        Ok(self.store.put_cursor(&self.job_name(WANTED), &since).await?)
    }

    /// Since when everything is to be compared, as it was written down.
    pub(super) async fn comparison_wanted(&self) -> Result<Option<String>, ServiceError> {
        Ok(self.store.find_cursor(&self.job_name(WANTED)).await?)
    }

    /// Whether everything is to be compared, and was not yet.
    pub async fn is_comparison_wanted(&self) -> Result<bool, ServiceError> {
        Ok(self.comparison_wanted().await?.is_some())
    }

    /// Writes down that everything was compared that was wanted when the comparison began. What was wanted since is
    /// still to be made.
    pub(super) async fn comparison_made(&self, wanted: &str) -> Result<(), ServiceError> {
        Ok(self.store.remove_cursor(&self.job_name(WANTED), wanted).await?)
    }
}

/// The sweep's name among the jobs and the cursors.
const SWEEP: &str = "events";

/// Among the cursors, since when everything is to be compared.
const WANTED: &str = "comparison";
