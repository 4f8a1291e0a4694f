//! How the intake of Stripe's events stands, for platform staff.

use async_graphql::{Context, Json, Result, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::context::{service, store};
use super::super::error::{internal, store as store_error};
use crate::domain::job::JobState;
use crate::domain::page::PageRequest;
use crate::domain::stripe_event::EventState;
use crate::service::Sweep;
use crate::store::{BillingDriftFilter, StripeEventFilter};

/// How the intake of Stripe's events stands.
#[derive(SimpleObject)]
pub struct StripeIntake {
    /// Events that wait to be applied.
    waiting: u64,
    /// Events that could not be applied: read why with `stripeEvents`, mend it, and replay them.
    dead_letters: u64,
    /// For how many seconds the event that waits longest has waited; null when none waits.
    lag_seconds: Option<f64>,
    /// Fields that are known to differ from Stripe's objects.
    open_drifts: u64,
    /// The last reading of Stripe's list of events.
    last_sweep: Option<StripeJob>,
    /// The last comparison of everything.
    last_comparison: Option<StripeJob>,
    /// The versions of Stripe's API in play. Where they differ, payloads are translated or fetched.
    versions: StripeVersions,
}

/// How a job that one process at a time runs went last.
#[derive(SimpleObject)]
pub struct StripeJob {
    /// When it was last begun, in UTC.
    started_at: Option<DateTime<Utc>>,
    /// When it last came to its end, in UTC.
    finished_at: Option<DateTime<Utc>>,
    /// Why it last failed; null when it did not.
    error: Option<String>,
    /// What it did the last time it came to its end.
    report: Option<Json<Value>>,
}

/// The versions of Stripe's API in play.
#[derive(SimpleObject)]
pub struct StripeVersions {
    /// The one that Tollgate's library speaks.
    library: String,
    /// The account's own, as its list of events shows it; null before the first sweep.
    account: Option<String>,
    /// Those of the webhook's endpoints, as Stripe listed them within the last hour.
    endpoints: Vec<StripeEndpointVersion>,
    /// The one of the event that was received last.
    last_event: Option<String>,
}

/// The version of an endpoint.
#[derive(SimpleObject)]
pub struct StripeEndpointVersion {
    /// Where Stripe sends to.
    url: String,
    /// `enabled` or `disabled`.
    status: String,
    /// The version of its payloads; null when it is the account's.
    version: Option<String>,
}

impl From<JobState> for StripeJob {
    fn from(job: JobState) -> Self {
        Self {
            started_at: job.started_at,
            finished_at: job.finished_at,
            error: job.error,
            report: job.report.map(Json),
        }
    }
}

impl StripeIntake {
    /// Reads it. Stripe is not asked.
    pub async fn load(ctx: &Context<'_>) -> Result<Self> {
        let (service, store) = (service(ctx), store(ctx));
        let mut waiting = 0;
        for state in [EventState::Received, EventState::Processing] {
            let filter = StripeEventFilter::in_state(state);
            waiting += store.count_stripe_events(&filter).await.map_err(store_error(ctx))?;
        }
        let dead = StripeEventFilter::in_state(EventState::Dead);
        let oldest = store.oldest_waiting_stripe_event().await.map_err(store_error(ctx))?;
        let now = service.clock().now();
        let open = BillingDriftFilter { organization_id: None, is_mended: Some(false) };
        let newest = store
            .list_stripe_events(&StripeEventFilter::default(), &PageRequest::first(1))
            .await
            .map_err(store_error(ctx))?;
        let last_sweep = service.last_sweep().await.map_err(|error| internal(ctx, &error))?;
        let sweep: Sweep = last_sweep
            .as_ref()
            .and_then(|job| job.report.clone())
            .and_then(|report| serde_json::from_value(report).ok())
            .unwrap_or_default();
        let last_comparison = service.last_comparison().await.map_err(|error| internal(ctx, &error))?;
        Ok(Self {
            waiting,
            dead_letters: store.count_stripe_events(&dead).await.map_err(store_error(ctx))?,
            lag_seconds: oldest.map(|since| (now - since).as_seconds_f64().max(0.0)),
            open_drifts: store.count_billing_drifts(open).await.map_err(store_error(ctx))?,
            last_sweep: last_sweep.map(Into::into),
            last_comparison: last_comparison.map(Into::into),
            versions: StripeVersions {
                library: crate::service::Service::stripe_version().to_owned(),
                account: sweep.account_version,
                endpoints: sweep
                    .endpoints
                    .into_iter()
                    .map(|endpoint| StripeEndpointVersion {
                        url: endpoint.url,
                        status: endpoint.status,
                        version: endpoint.api_version,
                    })
                    .collect(),
                last_event: newest.items.into_iter().next().and_then(|event| event.event.api_version),
            },
        })
    }
}
