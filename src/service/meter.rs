//! Meters: what is measured, for all organizations alike. Platform staff say so.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::check_version;
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::MeterId;
use crate::domain::meter::{Aggregation, Meter, MeterReset};
use crate::domain::meter_definition::{MAXIMUM_METERS, MeterDefinition, check_meter};
use crate::domain::text::{optional_text, required_text};
use crate::store::StoreError;

/// A meter to be made.
#[derive(Clone, Debug, Serialize)]
pub struct MeterCreateInput {
    /// Its name in events and plans.
    pub name: String,
    /// What one of it is.
    pub unit: String,
    /// What it is.
    pub description: Option<String>,
    /// What one quantity is made of its events.
    pub aggregation: Aggregation,
    /// When it begins anew.
    pub reset: MeterReset,
    /// The property whose different values are counted.
    pub key_property: Option<String>,
}

/// A change of a meter: what is left out stays. What was measured stays what it is, so its name and its reckoning do.
#[derive(Clone, Debug, Serialize)]
pub struct MeterUpdateInput {
    /// Which.
    pub meter_id: MeterId,
    /// The version that the caller saw.
    pub expected_version: i64,
    /// What one of it is.
    pub unit: Option<String>,
    /// What it is.
    pub description: Option<String>,
}

/// Taking a meter out of use.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MeterArchiveInput {
    /// Which.
    pub meter_id: MeterId,
    /// The version that the caller saw, when it matters.
    pub expected_version: Option<i64>,
}

fn name_taken() -> Refusal {
    Refusal::at("name", ErrorCode::Conflict, "There is a meter of this name. Choose another.")
}

fn changed_meanwhile(error: StoreError) -> ServiceError {
    match error {
        StoreError::Changed(_) => {
            Refusal::conflict("The meter was changed meanwhile. Read it again, and decide anew.").into()
        }
        error if error.is_duplicate_of("name") => name_taken().into(),
        error => error.into(),
    }
}

impl Service {
    /// Makes a meter.
    pub async fn create_meter(
        &self,
        actor: &Actor,
        input: MeterCreateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let mut refusals = Refusals::default();
                let unit = refusals.check("unit", required_text(&input.unit, 40));
                let description =
                    refusals.check("description", optional_text(input.description.as_deref(), 500));
                if let Err(error) = check_meter(&input.name, input.aggregation, input.key_property.as_deref())
                {
                    refusals.add(Refusal::bad_input(error.field(), error));
                }
                refusals.finish()?;
                let (unit, description) = unit.zip(description).expect("refused above when one is missing");
                let transaction = self.store.begin().await?;
                if transaction.count_meters().await? >= MAXIMUM_METERS {
                    let message = format!("There are {MAXIMUM_METERS} meters at most.");
                    return Err(Refusal::at("", ErrorCode::LimitExceeded, message).into());
                }
                let new = MeterDefinition {
                    id: MeterId(transaction.next_id()),
                    meter: Meter {
                        name: input.name.clone(),
                        unit,
                        aggregation: input.aggregation,
                        reset: input.reset,
                    },
                    description: description.unwrap_or_default(),
                    key_property: input.key_property.clone(),
                    version: 1,
                    created_at: transaction.now(),
                    updated_at: transaction.now(),
                    archived_at: None,
                };
                transaction.create_meter(&new).await.map_err(changed_meanwhile)?;
                let entry =
                    AuditEntry::new(None, "meter.create", "meter", new.id).created(new.audit_values());
                Answer::of(Resource::Meter(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Changes what people read of a meter.
    pub async fn update_meter(
        &self,
        actor: &Actor,
        input: MeterUpdateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let mut refusals = Refusals::default();
                let unit = input.unit.as_deref().map(|text| refusals.check("unit", required_text(text, 40)));
                let description = input
                    .description
                    .as_deref()
                    .map(|text| refusals.check("description", optional_text(Some(text), 500)));
                refusals.finish()?;
                let transaction = self.store.begin().await?;
                let old = transaction.find_meter(input.meter_id).await?;
                let old = old.ok_or(ServiceError::NotFound("meter"))?;
                check_version(old.version, Some(input.expected_version), "meter")?;
                let mut new = MeterDefinition {
                    version: old.version + 1,
                    updated_at: transaction.now(),
                    ..old.clone()
                };
                if let Some(Some(unit)) = unit {
                    new.meter.unit = unit;
                }
                if let Some(Some(description)) = description {
                    new.description = description.unwrap_or_default();
                }
                transaction.write_meter(&old, &new).await.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(None, "meter.update", "meter", new.id)
                    .changed(&old.audit_values(), &new.audit_values());
                Answer::of(Resource::Meter(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Takes a meter out of use: nothing more is recorded of it, and what was stays.
    pub async fn archive_meter(
        &self,
        actor: &Actor,
        input: MeterArchiveInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let transaction = self.store.begin().await?;
                let old = transaction.find_meter(input.meter_id).await?;
                let old = old.ok_or(ServiceError::NotFound("meter"))?;
                check_version(old.version, input.expected_version, "meter")?;
                if old.archived_at.is_some() {
                    return Err(Refusal::conflict("The meter is out of use already.").into());
                }
                let now = transaction.now();
                let new = MeterDefinition {
                    version: old.version + 1,
                    updated_at: now,
                    archived_at: Some(now),
                    ..old.clone()
                };
                transaction.write_meter(&old, &new).await.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(None, "meter.archive", "meter", new.id)
                    .changed(&old.audit_values(), &new.audit_values());
                Answer::of(Resource::Meter(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }
}
