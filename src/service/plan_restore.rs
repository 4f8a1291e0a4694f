//! Bringing what Stripe sells of a plan back to what the catalogue says. A change of a plan is made whole or not at all: what was
//! done of one that Stripe refused half-way is taken back by an operation of its own, which keeps other changes of the plan
//! out of its way until then.

use chrono::Duration;
use serde_json::json;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, PlanRestore};
use super::error::ServiceError;
use super::operation::{Running, Settlement};
use super::refused_step::refused_step;
use super::trace::Trace;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::PlanId;
use crate::payments::{ProductPatch, SoldProduct};
use crate::store::{NewOperation, OperationRecord};

/// The scope of everything that changes a plan: one at a time.
pub(super) fn plan_scope(plan: PlanId) -> String {
    format!("plan:{plan}")
}

/// The intention to restore a plan. No process holds it: the next sweep runs it.
pub(super) fn plan_restore(plan_id: PlanId) -> Result<NewOperation, ServiceError> {
    let command = Command::PlanRestore(PlanRestore { plan_id });
    Ok(NewOperation {
        organization_id: None,
        actor: Actor::system(),
        kind: command.kind().as_str(),
        parameters: serde_json::to_value(&command)?,
        scope: plan_scope(plan_id),
        lease: -Duration::seconds(1),
        idempotency: None,
    })
}

impl Service {
    pub(super) async fn perform_plan_restore(
        &self,
        running: &Running<'_>,
        command: PlanRestore,
    ) -> Result<Answer, ServiceError> {
        let plan = self.store.find_plan(command.plan_id).await?.ok_or(ServiceError::NotFound("plan"))?;
        let mut restored = serde_json::Map::new();
        if let Some(product) = &plan.stripe_product_id {
            let sold: SoldProduct = self.stripe.sold_product(product).await?;
            let description = sold.description.clone().unwrap_or_default();
            if (&sold.name, &description, sold.active) != (&plan.name, &plan.description, plan.is_active) {
                let patch = ProductPatch {
                    name: Some(plan.name.clone()),
                    description: Some(plan.description.clone()),
                    active: Some(plan.is_active),
                };
                self.stripe.update_product(product, patch, &running.key("product")).await?;
                restored.insert("product".to_owned(), json!(product));
            }
            let known = self.store.prices_of(&[plan.id]).await?.remove(&plan.id).unwrap_or_default();
            for price in &sold.prices {
                let row = known.iter().find(|row| row.stripe_price_id.as_ref() == Some(&price.id));
                // One without a row was made for the change that came to nothing, or by hand: that one is none of ours.
                let is_sold = match row {
                    Some(row) => row.is_active,
                    None if sold.noted.contains(&price.id) => false,
                    None => continue,
                };
                if price.active != is_sold {
                    let key = running.key(&format!("price-{}", price.id));
                    self.stripe.set_price_active(&price.id, is_sold, &key).await?;
                    restored.insert(price.id.to_string(), json!({ "isActive": is_sold }));
                }
            }
        }
        let transaction = self.store.begin().await?;
        let audit =
            AuditEntry::new(None, "plan.restore", "plan", plan.id).created(json!({ "atStripe": restored }));
        let settlement = Settlement {
            state: OperationState::Confirmed,
            resource: Some(Resource::Plan(plan.id)),
            client_secret: None,
            refusals: Vec::new(),
            audit,
        };
        self.commit_settlement(running.record, transaction, settlement).await
    }

    /// It says how things are to be, so that it may be done at any age: what was done of it shows, and is not done again.
    pub(super) async fn trace_plan_restore(
        &self,
        record: &OperationRecord,
        command: &PlanRestore,
    ) -> Result<Trace, ServiceError> {
        let answer = match self.perform_plan_restore(&Running::new(record), command.clone()).await {
            Err(ServiceError::Stripe(error)) => self.fail(record, vec![refused_step(error)?]).await?,
            answer => answer?,
        };
        Ok(Trace::Settled(Box::new(answer)))
    }
}
