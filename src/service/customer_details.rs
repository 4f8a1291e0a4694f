//! What stands on a customer's invoices at Stripe, beside what the billing settings say. The settings decide: what differs is no
//! fault of a row of ours, and a comparison overwrites nobody's change at Stripe. It is listed, and a person takes the
//! settings there.

use metrics::counter;
use serde_json::json;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, CustomerSync};
use super::error::{Refusal, ServiceError};
use super::operation::{OperationRequest, billing_scope};
use super::reconcile::Comparison;
use crate::domain::audit::Actor;
use crate::domain::billing_details::CustomerDetails;
use crate::domain::billing_drift::{BillingDrift, DriftCause, DriftMend, differing_fields};
use crate::domain::ids::{OrganizationId, StripeCustomerId};
use crate::payments::PaymentsError;
use crate::store::{Compared, NewIdempotencyRecord};

/// What drifts of a customer's details are about.
pub(super) const DETAILS: &str = "customer_details";

const fn compared(organization: OrganizationId, customer: &StripeCustomerId) -> Compared<'_> {
    Compared { organization, resource_type: DETAILS, stripe_object_id: customer.0.as_str() }
}

impl Service {
    /// Compares what stands on a customer's invoices with what the settings say, and writes down what differs.
    pub(super) async fn compare_details(
        &self,
        organization: OrganizationId,
        customer: &StripeCustomerId,
    ) -> Result<Comparison, ServiceError> {
        let object = compared(organization, customer);
        let shown = match self.stripe.customer_details(customer).await {
            // That it is missing is found when the customer itself is compared.
            Err(PaymentsError::NotFound { .. }) => return Ok(Comparison::default()),
            shown => shown?,
        };
        // Read after Stripe was: what was changed here meanwhile is on its way there, and is no drift for long.
        let row = self.store.find_organization(organization).await?;
        let row = row.ok_or(ServiceError::NotFound("organization"))?;
        let wanted = CustomerDetails::wanted(&self.billing_details(organization).await?, &row.name);
        // One that is deleted has no invoices any more.
        let fields = match shown {
            Some(shown) => differing_fields(&json!(wanted), &json!(shown)),
            None => Vec::new(),
        };
        self.store.note_equal_but(object, &fields, DriftMend::Event).await?;
        if fields.is_empty() {
            return Ok(Comparison::default());
        }
        let cause = DriftCause::NotInStep;
        counter!("tollgate_drifts_total", "cause" => cause.as_str()).increment(1);
        tracing::warn!(object = customer.0, %cause, fields = ?fields.iter().map(|it| &it.field).collect::<Vec<_>>(), "a Stripe customer differs from the billing settings");
        self.store.note_drift(object, &fields, cause).await?;
        Ok(Comparison { differing: 1, ..Comparison::default() })
    }

    /// Notes that a customer was brought in step with the settings.
    pub(super) async fn note_in_step(
        &self,
        organization: OrganizationId,
        customer: &StripeCustomerId,
    ) -> Result<(), ServiceError> {
        Ok(self.store.note_equal(compared(organization, customer), DriftMend::Sync).await?)
    }

    /// Takes the settings to Stripe, for a person who asked to mend a drift of details.
    pub(super) async fn repair_details(
        &self,
        actor: &Actor,
        drift: &BillingDrift,
        idempotency: Option<NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        // Kept with the operation, whose answer is about the organization.
        let of_drift = |answer: Answer| {
            let resource = answer.refusals.is_empty().then_some(Resource::BillingDrift(drift.id));
            Answer { resource, ..answer }
        };
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(of_drift(answer));
        }
        if drift.mended.is_some() {
            return Err(Refusal::conflict("This drift is mended already.").into());
        }
        let organization_id = drift.organization_id;
        let row = self.store.find_organization(organization_id).await?;
        let customer = row.and_then(|row| row.stripe_customer_id);
        if customer.is_none_or(|customer| customer.0 != drift.stripe_object_id) {
            return Err(Refusal::conflict("The organization has another Stripe customer by now.").into());
        }
        let command = CustomerSync {
            organization_id,
            details: self.billing_details(organization_id).await?,
            follows_setting: false,
        };
        let answer = self
            .operate(OperationRequest {
                organization_id: Some(organization_id),
                actor: actor.clone(),
                scope: billing_scope(organization_id),
                idempotency,
                command: Command::CustomerSync(command),
            })
            .await?;
        Ok(of_drift(answer))
    }
}
