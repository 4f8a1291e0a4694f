//! Giving an organization the customer that it had at Stripe before it came here.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::error::{Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::operation::ORGANIZATION_METADATA;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, StripeCustomerId};
use crate::domain::mirror::CustomerMirror;
use crate::payments::PaymentsError;
use crate::store::{Mirrored, NewIdempotencyRecord, StoreError, Watermark};

/// Whose customer somebody at Stripe is.
#[derive(Clone, Debug, Serialize)]
pub struct CustomerLinkInput {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The customer at Stripe.
    pub stripe_customer_id: StripeCustomerId,
}

impl Service {
    /// Gives an organization a customer that is at Stripe already, and takes over everything that Stripe has of it.
    pub async fn link_customer(
        &self,
        actor: &Actor,
        input: CustomerLinkInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        let id = input.organization_id;
        let linked = self.tie_customer_once(actor, input, idempotency.as_ref());
        let answer = self.once(idempotency.as_ref(), Box::pin(linked)).await?;
        let organization =
            self.store.find_organization(id).await?.ok_or(ServiceError::NotFound("organization"))?;
        // It is linked. What could not be compared now is compared in its turn, like everything.
        if let Err(error) = Box::pin(self.compare_organization(&organization, true)).await {
            tracing::warn!(organization_id = %id, %error, source = ?std::error::Error::source(&error), "a linked customer could not be compared with Stripe yet");
        }
        Ok(answer)
    }

    /// The same, and compares nothing: for whoever compares everything anyway.
    pub async fn tie_customer(
        &self,
        actor: &Actor,
        input: CustomerLinkInput,
    ) -> Result<Answer, ServiceError> {
        self.tie_customer_once(actor, input, None).await
    }

    async fn tie_customer_once(
        &self,
        actor: &Actor,
        input: CustomerLinkInput,
        idempotency: Option<&NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        let id = input.organization_id;
        let organization =
            self.store.find_organization(id).await?.ok_or(ServiceError::NotFound("organization"))?;
        match &organization.stripe_customer_id {
            Some(known) if *known == input.stripe_customer_id => {
                return Err(Refusal::conflict("The organization has this customer already.").into());
            }
            Some(known) => {
                let message = format!("The organization has another customer at Stripe: {known}.");
                return Err(Refusal::conflict(message).into());
            }
            None => {}
        }
        // One that is under way may be making a customer.
        let under_way = self.store.unsettled_operations(Some(id), None).await?.pop();
        if let Some(other) = under_way {
            return Err(Refusal::busy(other.operation).into());
        }
        if self.store.find_organization_of_customer(&input.stripe_customer_id).await?.is_some() {
            return Err(taken().into());
        }
        let customer = self.linkable(&input).await?;
        let transaction = self.store.begin_in(id).await?;
        let watermark = Watermark { before: None, after: self.clock.now() };
        match transaction.mirror_customer(id, &customer, watermark).await {
            Ok(Mirrored::Written { .. }) => {}
            // It was given another at this moment.
            Ok(Mirrored::Moved | Mirrored::Final(())) | Err(StoreError::Changed(_)) => {
                return Err(Refusal::conflict("The organization was given a customer meanwhile.").into());
            }
            Err(error) if error.is_duplicate_of("stripe_customer_id") => return Err(taken().into()),
            Err(error) => return Err(error.into()),
        }
        let entry = AuditEntry::new(Some(id), "organization.customer_link", "organization", id)
            .created(serde_json::json!({ "stripeCustomerId": customer.id }));
        Answer::of(Resource::Organization(id)).commit(transaction, actor, entry, idempotency).await
    }

    /// The customer as it is at Stripe, when it may be the organization's.
    async fn linkable(&self, input: &CustomerLinkInput) -> Result<CustomerMirror, ServiceError> {
        let refused = |message: String| Refusal::bad_input("stripeCustomerId", message);
        let wanted = &input.stripe_customer_id;
        let is_id = wanted.as_str().strip_prefix("cus_").is_some_and(|rest| {
            (1..=250).contains(&rest.len())
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if !is_id {
            return Err(refused("A customer's id at Stripe begins with cus_.".to_owned()).into());
        }
        let customer = match self.stripe.retrieve_customer(wanted).await {
            // Of another account or mode, for instance: Stripe says which.
            Err(PaymentsError::NotFound { message }) => return Err(refused(message).into()),
            customer => customer?,
        };
        if customer.deleted {
            return Err(refused("This customer was deleted at Stripe.".to_owned()).into());
        }
        let noted = customer.metadata.get(ORGANIZATION_METADATA);
        if noted.is_some_and(|noted| *noted != input.organization_id.to_string()) {
            let message = format!(
                "Its metadata says that it is another organization's ({ORGANIZATION_METADATA}). If that is not so any more, take \
                 the note off at Stripe."
            );
            return Err(refused(message).into());
        }
        Ok(customer)
    }
}

fn taken() -> Refusal {
    Refusal::at(
        "stripeCustomerId",
        super::error::ErrorCode::Conflict,
        "This customer is another organization's, or was.",
    )
}
