//! What Stripe shows of the catalogue's operations. A plan's row and what is published of it come together: what Stripe has
//! whole is finished here, what it has in part is given up; of a new plan the rest is sold by nobody, and of one that was to be
//! changed it is taken back (`plan_restore.rs`).

use super::Service;
use super::command::{Command, PlanArchive, PlanCreate, PlanPrice, PlanUpdate};
use super::error::ServiceError;
use super::operation::Running;
use super::trace::{CLOCKS_DIFFER, Trace};
use crate::domain::mirror::PriceMirror;
use crate::payments::{Note, PLAN_METADATA, SoldProduct};
use crate::store::{NewPrice, OperationRecord};

/// The price at Stripe that a price of ours was published as.
fn published<'a>(prices: &'a [PriceMirror], wanted: &PlanPrice) -> Option<&'a PriceMirror> {
    prices.iter().find(|price| {
        price.active
            && price.unit_amount == Some(wanted.unit_amount)
            && price.interval == Some(wanted.billing_interval)
    })
}

fn new_price(wanted: &PlanPrice, at_stripe: Option<&PriceMirror>) -> NewPrice {
    NewPrice {
        unit_amount: wanted.unit_amount,
        billing_interval: wanted.billing_interval,
        stripe_price_id: at_stripe.map(|price| price.id.clone()),
    }
}

impl Service {
    /// What needs nothing of Stripe can be done now as well as then.
    async fn perform_without_stripe(
        &self,
        record: &OperationRecord,
        command: Command,
    ) -> Result<Trace, ServiceError> {
        let running = Running::new(record);
        match self.perform(&running, command).await {
            Ok(answer) => Ok(Trace::Settled(Box::new(answer))),
            Err(ServiceError::Refused(refusals)) => {
                Ok(Trace::Settled(Box::new(self.fail(record, refusals).await?)))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn trace_plan_create(
        &self,
        record: &OperationRecord,
        command: &PlanCreate,
    ) -> Result<Trace, ServiceError> {
        if command.prices.iter().all(|price| price.unit_amount.minor == 0) {
            return self.perform_without_stripe(record, Command::PlanCreate(command.clone())).await;
        }
        let id = command.plan_id.to_string();
        let note = Note { name: PLAN_METADATA, value: &id };
        let since = record.operation.created_at - CLOCKS_DIFFER;
        let Some(product) = self.stripe.find_product(note, since).await? else { return Ok(Trace::Nothing) };
        let sold = self.stripe.sold_product(&product).await?;
        let mut prices = Vec::with_capacity(command.prices.len());
        for wanted in &command.prices {
            let Some(found) = published(&sold.prices, wanted) else { return Ok(Trace::Nothing) };
            prices.push(new_price(wanted, Some(found)));
        }
        let answer = self.finish_plan_create(record, command.clone(), Some(product), prices).await;
        self.finished(record, answer).await
    }

    pub(super) async fn trace_plan_update(
        &self,
        record: &OperationRecord,
        command: &PlanUpdate,
    ) -> Result<Trace, ServiceError> {
        let plan = self.store.find_plan(command.plan_id).await?.ok_or(ServiceError::NotFound("plan"))?;
        let is_published = command.name.is_some() || command.description.is_some() || command.price.is_some();
        let Some(product) = plan.stripe_product_id.as_ref().filter(|_| is_published) else {
            return self.perform_without_stripe(record, Command::PlanUpdate(command.clone())).await;
        };
        let sold: SoldProduct = self.stripe.sold_product(product).await?;
        let same = |wanted: Option<&String>, shown: Option<&str>| {
            wanted.is_none_or(|wanted| wanted.as_str() == shown.unwrap_or_default())
        };
        if !same(command.name.as_ref(), Some(&sold.name))
            || !same(command.description.as_ref(), sold.description.as_deref())
        {
            return Ok(Trace::Nothing);
        }
        let price = match &command.price {
            None => None,
            Some(wanted) => {
                let known = self.store.prices_of(&[plan.id]).await?.remove(&plan.id).unwrap_or_default();
                let is_new = |price: &&PriceMirror| {
                    !known.iter().any(|known| known.stripe_price_id.as_ref() == Some(&price.id))
                };
                let unknown: Vec<PriceMirror> = sold.prices.iter().filter(is_new).cloned().collect();
                // The one it takes the place of is taken off the list last.
                let is_replaced = known
                    .iter()
                    .filter(|old| {
                        old.is_active
                            && old.unit_amount.currency == wanted.unit_amount.currency
                            && old.billing_interval == wanted.billing_interval
                    })
                    .all(|old| {
                        !sold.prices.iter().any(|at_stripe| {
                            at_stripe.active && Some(&at_stripe.id) == old.stripe_price_id.as_ref()
                        })
                    });
                match published(&unknown, wanted).filter(|_| is_replaced) {
                    Some(found) => Some(new_price(wanted, Some(found))),
                    None => return Ok(Trace::Nothing),
                }
            }
        };
        let answer = self.finish_plan_update(record, command.clone(), &plan, price).await;
        self.finished(record, answer).await
    }

    pub(super) async fn trace_plan_archive(
        &self,
        record: &OperationRecord,
        command: &PlanArchive,
    ) -> Result<Trace, ServiceError> {
        let plan = self.store.find_plan(command.plan_id).await?.ok_or(ServiceError::NotFound("plan"))?;
        let Some(product) = &plan.stripe_product_id else {
            return self.perform_without_stripe(record, Command::PlanArchive(command.clone())).await;
        };
        let sold = self.stripe.sold_product(product).await?;
        if sold.active || sold.prices.iter().any(|price| price.active) {
            return Ok(Trace::Nothing);
        }
        let answer = self.finish_plan_archive(record, &plan).await;
        self.finished(record, answer).await
    }

    /// What somebody changed meanwhile here, so that it cannot be finished, is said.
    async fn finished(
        &self,
        record: &OperationRecord,
        answer: Result<super::answer::Answer, ServiceError>,
    ) -> Result<Trace, ServiceError> {
        match answer {
            Ok(answer) => Ok(Trace::Settled(Box::new(answer))),
            Err(ServiceError::Refused(refusals)) => {
                Ok(Trace::Settled(Box::new(self.fail(record, refusals).await?)))
            }
            Err(error) => Err(error),
        }
    }
}
