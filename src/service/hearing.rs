//! An event that tells of an operation whose outcome is not known: it is settled at once, not at the next sweep after its pause.

use super::Service;
use super::error::ServiceError;
use super::operation::{OPERATION_METADATA, ORGANIZATION_METADATA};
use crate::domain::stripe_event::NewStripeEvent;
use crate::payments::{named_operation, named_organization};
use crate::store::OperationRecord;

impl Service {
    /// Lets what an event tells of be looked at now. It is an aid: without it the sweep comes later.
    pub(super) async fn hear_of_operations(&self, event: &NewStripeEvent) {
        match self.operations_told_of(event).await {
            Ok(0) => {}
            Ok(_) => self.due.notify_one(),
            Err(error) => {
                tracing::warn!(event_id = event.event_id, %error, "what an event tells of is not looked at before the next sweep");
            }
        }
    }

    /// How many operations it tells of.
    async fn operations_told_of(&self, event: &NewStripeEvent) -> Result<usize, ServiceError> {
        let named = named_operation(event, OPERATION_METADATA);
        let organization = match &event.stripe_customer_id {
            Some(customer) => self.store.find_organization_of_customer(&customer.as_str().into()).await?,
            None => None,
        };
        // A customer that was just made is nobody's yet, and says whose it will be.
        let organization =
            organization.map(|row| row.id).or_else(|| named_organization(event, ORGANIZATION_METADATA));
        let mut told_of = 0;
        for record in self.store.unsettled_operations(organization, named).await? {
            if Some(record.operation.id) == named || is_told_of(&record, event) {
                self.store.hear_of_operation(&record).await?;
                told_of += 1;
            }
        }
        Ok(told_of)
    }

    /// Until an operation is due before its time.
    pub async fn operation_due(&self) {
        self.due.notified().await;
    }
}

/// Whether an event is about what an operation of the same organization is about.
fn is_told_of(record: &OperationRecord, event: &NewStripeEvent) -> bool {
    // The customer is everything's, and no operation's parameters name it.
    let is_of_customer = ["customer.created", "customer.updated", "customer.tax_id."]
        .iter()
        .any(|begin| event.event_type.starts_with(begin));
    is_of_customer || event.object_id.as_deref().is_some_and(|id| names(&record.parameters, id))
}

fn names(value: &serde_json::Value, id: &str) -> bool {
    match value {
        serde_json::Value::String(text) => text == id,
        serde_json::Value::Array(values) => values.iter().any(|value| names(value, id)),
        serde_json::Value::Object(fields) => fields.values().any(|value| names(value, id)),
        _ => false,
    }
}
