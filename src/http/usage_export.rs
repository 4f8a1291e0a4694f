//! `GET /v1/usage` and `GET /v1/usage/events`: usage as CSV or JSON Lines, whole, without GraphQL. Rows are sent as they are read, a page at
//! a time and the next one when the reader has taken it: a year of events takes no more memory than an hour of them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::usage::{Rejection, rejection};
use crate::auth::{Denial, Viewer, policy};
use crate::domain::ids::OrganizationId;
use crate::domain::usage_bucket::UsageGranularity;
use crate::service::{
    ErrorCode, ExportKind, ExportPage, Service, ServiceError, UsageExport, UsageExportInput,
};

/// The query whose rule counts here, too.
const QUERY: &str = "Query.usageByMeter";

/// What the routes need.
#[derive(Clone)]
pub(super) struct UsageExports {
    /// The use cases.
    pub service: Service,
    /// How many may be under way at the same time.
    pub places: Arc<Semaphore>,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Csv,
    Jsonl,
}

/// What is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Parameters {
    organization_id: Option<String>,
    meter: String,
    granularity: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    #[serde(default)]
    format: Format,
}

/// What a meter says of each hour, day or month.
pub(super) async fn buckets(
    State(exports): State<UsageExports>,
    Extension(viewer): Extension<Viewer>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    export(&exports, viewer, parameters, false).await
}

/// What was recorded of a meter.
pub(super) async fn events(
    State(exports): State<UsageExports>,
    Extension(viewer): Extension<Viewer>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Response {
    export(&exports, viewer, parameters, true).await
}

async fn export(
    exports: &UsageExports,
    viewer: Viewer,
    parameters: Result<Query<Parameters>, QueryRejection>,
    is_of_events: bool,
) -> Response {
    let begun = async {
        let Query(asked) = parameters.map_err(|error| Rejection::bad(error.body_text()))?;
        let organization_id = permitted(&viewer, asked.organization_id.as_deref())?;
        let kind = kind_of(&asked, is_of_events)?;
        let Ok(place) = Arc::clone(&exports.places).try_acquire_owned() else {
            let message = "Too many exports at once. Ask again in a while.";
            let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::RateLimited);
            return Err(Rejection { status, code, message: message.to_owned() });
        };
        let now = exports.service.clock().now();
        let usual = asked.until.unwrap_or(now) - Duration::days(30);
        let input = UsageExportInput {
            organization_id,
            meter: asked.meter.clone(),
            kind,
            since: asked.since.unwrap_or(usual),
            until: asked.until,
        };
        let export = exports.service.begin_usage_export(viewer.actor(), input).await;
        let export = export.map_err(|error| match error {
            ServiceError::NotFound(what) => not_found(what),
            error => rejection(error),
        })?;
        Ok((export, asked.format, place))
    };
    match begun.await {
        Ok((export, format, place)) => {
            let name =
                format!("{}-{}", export.meter.meter.name, if is_of_events { "events" } else { "usage" });
            let rows =
                Rows { service: exports.service.clone(), export, format, is_first: true, _place: place };
            answer(rows, &name, format)
        }
        Err(rejection) => rejection.into_answer(viewer.request_id()),
    }
}

fn not_found(what: &str) -> Rejection {
    let message = format!("There is no such {what}.");
    Rejection { status: StatusCode::NOT_FOUND, code: ErrorCode::NotFound, message }
}

/// The organization whose usage the caller may see: the one that is asked for, else a key's own.
fn permitted(viewer: &Viewer, asked: Option<&str>) -> Result<OrganizationId, Rejection> {
    let named = asked.map(|id| {
        let hex = id.strip_prefix("org_").filter(|hex| hex.len() == 32);
        let uuid = hex.and_then(|hex| Uuid::try_parse(hex).ok());
        uuid.map(OrganizationId)
            .ok_or_else(|| Rejection::bad("organizationId: this is no id of an organization."))
    });
    let named = named.transpose()?;
    let organization = named.or_else(|| viewer.key().map(|key| key.organization_id));
    let Some(organization) = organization else {
        return Err(if viewer.is_signed_in() {
            Rejection::bad("organizationId: say whose usage.")
        } else {
            unauthenticated()
        });
    };
    let rule = policy::rule(QUERY).expect("it is in the table");
    match viewer.check_in(rule, organization) {
        Ok(()) => Ok(organization),
        Err(Denial::Unauthenticated) => Err(unauthenticated()),
        Err(Denial::NotFound) => Err(not_found("organization")),
        Err(denial) => Err(Rejection {
            status: StatusCode::FORBIDDEN,
            code: ErrorCode::Forbidden,
            message: match denial {
                Denial::Forbidden(permission) => format!("You lack the permission {permission}."),
                _ => "You may not see this organization's usage as you came.".to_owned(),
            },
        }),
    }
}

fn unauthenticated() -> Rejection {
    let message = "This needs a token, or an API key with the scope subscription:read. Send it as Authorization: Bearer ….";
    let (status, code) = (StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated);
    Rejection { status, code, message: message.to_owned() }
}

fn kind_of(asked: &Parameters, is_of_events: bool) -> Result<ExportKind, Rejection> {
    if is_of_events {
        return match asked.granularity {
            None => Ok(ExportKind::Events),
            Some(_) => Err(Rejection::bad("granularity: events have none. Leave it out.")),
        };
    }
    let word = asked.granularity.as_deref().unwrap_or("day").to_ascii_lowercase();
    let granularity = UsageGranularity::parse(&word);
    granularity.map(ExportKind::Buckets).ok_or_else(|| Rejection::bad("granularity: hour, day or month."))
}

/// An export on its way.
struct Rows {
    service: Service,
    export: UsageExport,
    format: Format,
    is_first: bool,
    _place: OwnedSemaphorePermit,
}

impl Rows {
    /// The next bytes; `None` when all is sent.
    async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        let page = self.service.next_usage_page(&mut self.export).await?;
        let has_header = std::mem::take(&mut self.is_first) && self.format == Format::Csv;
        if page.is_empty() && !has_header {
            return Ok(None);
        }
        let meter = &self.export.meter.meter;
        Ok(Some(match self.format {
            Format::Csv => table(&meter.name, &meter.unit, &page, has_header),
            Format::Jsonl => lines(&meter.name, &page),
        }))
    }
}

fn answer(rows: Rows, name: &str, format: Format) -> Response {
    let chunks = stream::unfold(Some(rows), |rows| async move {
        let mut rows = rows?;
        match rows.next().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(rows))),
            Ok(None) => None,
            Err(error) => {
                let source = std::error::Error::source(&error);
                tracing::error!(%error, ?source, "an export of usage broke off");
                // The reader sees that it is not whole: the body does not end as one that is.
                Some((Err(std::io::Error::other("the export broke off")), None))
            }
        }
    });
    let (media_type, ending) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Jsonl => ("application/x-ndjson", "jsonl"),
    };
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let disposition = format!("attachment; filename=\"{name}.{ending}\"");
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A text that no spreadsheet takes for a formula: OWASP's list of what makes one, and a quote before it.
fn harmless(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

fn table(meter: &str, unit: &str, page: &ExportPage, has_header: bool) -> Bytes {
    const WRITES: &str = "memory takes every row";
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    match page {
        ExportPage::Buckets(buckets) => {
            if has_header {
                writer.write_record(["meter", "unit", "start", "end", "quantity", "events"]).expect(WRITES);
            }
            for bucket in buckets {
                let row = [
                    meter.to_owned(),
                    harmless(unit),
                    moment(bucket.span.start()),
                    moment(bucket.span.end()),
                    bucket.quantity.to_string(),
                    bucket.events.to_string(),
                ];
                writer.write_record(&row).expect(WRITES);
            }
        }
        ExportPage::Events(events) => {
            if has_header {
                let names = ["meter", "eventId", "occurredAt", "quantity", "key", "properties", "receivedAt"];
                writer.write_record(names).expect(WRITES);
            }
            for event in events {
                let row = [
                    meter.to_owned(),
                    harmless(&event.event_id),
                    moment(event.occurred_at),
                    event.quantity.to_string(),
                    event.key.as_deref().map(harmless).unwrap_or_default(),
                    event.properties.as_ref().map(ToString::to_string).unwrap_or_default(),
                    moment(event.received_at),
                ];
                writer.write_record(&row).expect(WRITES);
            }
        }
    }
    writer.into_inner().expect(WRITES).into()
}

fn lines(meter: &str, page: &ExportPage) -> Bytes {
    let rows: Vec<Value> = match page {
        ExportPage::Buckets(buckets) => buckets
            .iter()
            .map(|bucket| {
                json!({ "meter": meter, "start": moment(bucket.span.start()), "end": moment(bucket.span.end()),
                        "quantity": bucket.quantity, "events": bucket.events })
            })
            .collect(),
        ExportPage::Events(events) => events
            .iter()
            .map(|event| {
                json!({ "meter": meter, "eventId": event.event_id, "occurredAt": moment(event.occurred_at),
                        "quantity": event.quantity, "key": event.key, "properties": event.properties,
                        "receivedAt": moment(event.received_at) })
            })
            .collect(),
    };
    let mut text = String::new();
    for row in rows {
        text.push_str(&row.to_string());
        text.push('\n');
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_a_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        for text in ["", "a=1", "req-1", "{\"a\":\"=1\"}"] {
            assert_eq!(harmless(text), text);
        }
    }
}
