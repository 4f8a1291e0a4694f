//! Usage, taken away whole: page by page, so that nothing is held of what was sent.

use chrono::{DateTime, Utc};

use super::Service;
use super::error::{Refusal, ServiceError};
use super::usage::UsageQuestion;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::OrganizationId;
use crate::domain::meter::Aggregation;
use crate::domain::meter_definition::MeterDefinition;
use crate::domain::proration::Span;
use crate::domain::usage::{RecordedUsage, UsageBucket};
use crate::domain::usage_bucket::UsageGranularity;
use crate::store::UsageRange;

/// Events of one page.
const EVENTS: u64 = 1_000;
/// Hours, days or months of one page.
const BUCKETS: usize = 500;

/// What is taken away of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// What it says of each hour, day or month.
    Buckets(UsageGranularity),
    /// What was recorded of it.
    Events,
}

/// What is to be taken away.
#[derive(Clone, Debug)]
pub struct UsageExportInput {
    /// Whose usage.
    pub organization_id: OrganizationId,
    /// The meter's name.
    pub meter: String,
    /// What of it.
    pub kind: ExportKind,
    /// From when on.
    pub since: DateTime<Utc>,
    /// Until when; now when nothing is said.
    pub until: Option<DateTime<Utc>>,
}

/// What is left of an export.
#[derive(Clone, Debug)]
pub struct UsageExport {
    /// The meter.
    pub meter: MeterDefinition,
    organization_id: OrganizationId,
    kind: ExportKind,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    after: Option<(DateTime<Utc>, String)>,
}

/// One page of an export.
#[derive(Clone, Debug, PartialEq)]
pub enum ExportPage {
    /// Hours, days or months, without a gap to those of the page before.
    Buckets(Vec<UsageBucket>),
    /// Events.
    Events(Vec<RecordedUsage>),
}

impl ExportPage {
    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Buckets(buckets) => buckets.is_empty(),
            Self::Events(events) => events.is_empty(),
        }
    }
}

impl Service {
    /// Begins to take usage away, and records that somebody does.
    pub async fn begin_usage_export(
        &self,
        actor: &Actor,
        input: UsageExportInput,
    ) -> Result<UsageExport, ServiceError> {
        let organization_id = input.organization_id;
        let rules = self.entitlement_rules(organization_id).await?;
        let meter = rules.meter(&input.meter).ok_or(ServiceError::NotFound("meter"))?.clone();
        let until = input.until.unwrap_or_else(|| self.clock.now());
        if input.since >= until {
            return Err(Refusal::bad_input("since", "The time begins before it ends.").into());
        }
        if input.kind == ExportKind::Buckets(UsageGranularity::Hour)
            && meter.meter.aggregation == Aggregation::UniqueCount
        {
            let message = "Different values are counted by day and month. Ask for one of these.";
            return Err(Refusal::bad_input("granularity", message).into());
        }
        let transaction = self.store.begin().await?;
        let what = match input.kind {
            ExportKind::Buckets(granularity) => granularity.as_str(),
            ExportKind::Events => "events",
        };
        let entry = AuditEntry::new(Some(organization_id), "usage.export", "usage", organization_id).created(
            serde_json::json!({ "meter": input.meter, "of": what, "since": input.since, "until": until }),
        );
        transaction.commit(actor, entry).await?;
        let (kind, since) = (input.kind, input.since);
        Ok(UsageExport { meter, organization_id, kind, since, until, after: None })
    }

    /// The next page; an empty one when nothing is left.
    pub async fn next_usage_page(&self, export: &mut UsageExport) -> Result<ExportPage, ServiceError> {
        match export.kind {
            ExportKind::Events => self.next_events(export).await.map(ExportPage::Events),
            ExportKind::Buckets(granularity) => {
                self.next_buckets(export, granularity).await.map(ExportPage::Buckets)
            }
        }
    }

    async fn next_events(&self, export: &mut UsageExport) -> Result<Vec<RecordedUsage>, ServiceError> {
        let range = UsageRange {
            organization_id: export.organization_id,
            meter_id: export.meter.id,
            since: export.since,
            until: export.until,
        };
        let events = self.store.list_usage_events(&range, export.after.as_ref(), EVENTS).await?;
        if let Some(last) = events.last() {
            export.after = Some((last.occurred_at, last.event_id.clone()));
        }
        Ok(events)
    }

    async fn next_buckets(
        &self,
        export: &mut UsageExport,
        granularity: UsageGranularity,
    ) -> Result<Vec<UsageBucket>, ServiceError> {
        let Some(left) = Span::new(export.since, export.until) else { return Ok(Vec::new()) };
        let zone = self.entitlement_rules(export.organization_id).await?.zone;
        let Some(end) = granularity.buckets(left, zone).take(BUCKETS).last().map(Span::end) else {
            return Ok(Vec::new());
        };
        let question = UsageQuestion {
            organization_id: export.organization_id,
            meter: export.meter.meter.name.clone(),
            granularity,
            since: Some(export.since),
            until: Some(end.min(export.until)),
        };
        export.since = end;
        Ok(self.usage_of_meter(question).await?.buckets)
    }
}
