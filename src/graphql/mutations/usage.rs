//! Recording usage.

use async_graphql::{Context, ID, InputObject, Json, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::context::{authorize_in, caller_key, service, viewer};
use super::super::node::NodeKind;
use super::super::scalars::DecimalNumber;
use super::super::types::UserError;
use super::answered;
use crate::domain::ids::OrganizationId;
use crate::domain::quantity::Quantity;
use crate::domain::usage::{SentUsage, UsageProblem, UsageRecord};
use crate::service::{self, Answer, Refusal, Resource, UsageReport};

/// Something that was used.
#[derive(InputObject)]
pub struct UsageEventInput {
    /// The meter's name, `api_calls` for instance.
    meter: String,
    /// Your id of it, unique for organization and meter: 1 to 128 printable ASCII characters without spaces. The same again
    /// counts once.
    event_id: String,
    /// When it was; now when nothing is said. At most five minutes ahead, and no older than TOLLGATE_USAGE_GRACE_DAYS.
    occurred_at: Option<DateTime<Utc>>,
    /// How much, in the meter's own unit, with at most 12 decimal places; 1 when nothing is said. Below zero takes back, of a
    /// meter that sums up.
    quantity: Option<DecimalNumber>,
    /// What else there is to say of it: an object of at most 2 kB.
    properties: Option<Json<serde_json::Value>>,
}

impl UsageEventInput {
    fn sent(self) -> SentUsage {
        let malformed = |field, message| UsageProblem::Malformed { field, message };
        let quantity = self.quantity.map(|number| Quantity::try_from(number.0)).transpose();
        let properties = match self.properties.map(|properties| properties.0) {
            None | Some(serde_json::Value::Null) => None,
            Some(serde_json::Value::Object(properties)) => Some(properties),
            Some(_) => return Err(malformed("properties", "Properties are an object.".to_owned())),
        };
        Ok(UsageRecord {
            meter: self.meter,
            event_id: self.event_id,
            occurred_at: self.occurred_at,
            quantity: quantity.map_err(|error| malformed("quantity", error.to_string()))?,
            properties,
        })
    }
}

/// An event to be recorded.
#[derive(InputObject)]
pub struct UsageRecordInput {
    /// Whose usage.
    organization_id: ID,
    /// What was used.
    event: UsageEventInput,
    /// The same key with the same input gives the same answer for 24 hours. The event's own id does as well.
    idempotency_key: Option<String>,
}

/// What became of the event.
#[derive(SimpleObject)]
pub struct UsageRecordPayload {
    /// Whether it is recorded: now, or before under the same id.
    is_recorded: bool,
    /// Whether it was recorded before under the same id; it counts once.
    is_duplicate: bool,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// Events to be recorded.
#[derive(InputObject)]
pub struct UsageRecordBatchInput {
    /// Whose usage.
    organization_id: ID,
    /// What was used: 1 to 1,000 events.
    events: Vec<UsageEventInput>,
    /// The same key with the same input gives the same answer for 24 hours. The events' own ids do as well.
    idempotency_key: Option<String>,
}

/// What became of the events.
#[derive(SimpleObject)]
pub struct UsageRecordBatchPayload {
    /// How many were recorded now.
    accepted_count: i32,
    /// The places of those that were recorded before under the same id, counted from 0; they count once.
    duplicates: Vec<i32>,
    /// What must be mended, each at the place of its event: `["events", "3", "quantity"]`. The others are recorded all the
    /// same.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct UsageMutation;

fn permitted(ctx: &Context<'_>, id: &ID) -> Result<OrganizationId> {
    let id = OrganizationId(NodeKind::Organization.decode("input.organizationId", id)?);
    authorize_in(ctx, "Mutation", id, "organization")?;
    Ok(id)
}

/// The report of an answer, and its refusals.
fn report(answer: Answer) -> (UsageReport, Vec<Refusal>) {
    match answer.resource {
        Some(Resource::Usage(report)) => (report, answer.refusals),
        _ => (UsageReport::default(), answer.refusals),
    }
}

fn place(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[Object]
impl UsageMutation {
    /// Records something that was used. When it is answered, it is on disk.
    async fn usage_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The event.")] input: UsageRecordInput,
    ) -> Result<UsageRecordPayload> {
        let organization_id = permitted(ctx, &input.organization_id)?;
        let key = caller_key(ctx, "usageRecord", Some(organization_id), input.idempotency_key);
        let record = service::UsageRecordInput { organization_id, events: vec![input.event.sent()] };
        let answer = service(ctx).record_usage(viewer(ctx).actor(), record, key).await;
        let (report, mut refusals) = report(answered(ctx, answer)?);
        for refusal in &mut refusals {
            // There is one event, and it is called so.
            if refusal.path.first().is_some_and(|part| part == "events") {
                let field = refusal.path.split_off(refusal.path.len().min(2));
                refusal.path = std::iter::once("event".to_owned()).chain(field).collect();
            }
        }
        let is_duplicate = !report.duplicates.is_empty();
        Ok(UsageRecordPayload {
            is_recorded: is_duplicate || report.accepted == 1,
            is_duplicate,
            user_errors: refusals.into_iter().map(UserError::from).collect(),
        })
    }

    /// Records up to 1,000 events. One that cannot be recorded is named, and does not keep the others out. When it is
    /// answered, they are on disk. `POST /v1/usage` does the same without GraphQL.
    async fn usage_record_batch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The events.")] input: UsageRecordBatchInput,
    ) -> Result<UsageRecordBatchPayload> {
        let organization_id = permitted(ctx, &input.organization_id)?;
        let key = caller_key(ctx, "usageRecordBatch", Some(organization_id), input.idempotency_key);
        let events = input.events.into_iter().map(UsageEventInput::sent).collect();
        let record = service::UsageRecordInput { organization_id, events };
        let answer = service(ctx).record_usage(viewer(ctx).actor(), record, key).await;
        let (report, refusals) = report(answered(ctx, answer)?);
        Ok(UsageRecordBatchPayload {
            accepted_count: place(report.accepted),
            duplicates: report.duplicates.into_iter().map(place).collect(),
            user_errors: refusals.into_iter().map(UserError::from).collect(),
        })
    }
}
