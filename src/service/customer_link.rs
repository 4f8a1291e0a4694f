//! An organization takes a customer that the Stripe account had before Tollgate: nothing is made at Stripe, and what the customer
//! has there is compared in full and gets its rows.

use serde::Serialize;
use serde_json::json;

use super::Service;
use super::answer::{Answer, Resource};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::operation::{ORGANIZATION_METADATA, billing_scope};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, StripeCustomerId};
use crate::domain::mirror::{CustomerMirror, MirrorObject};
use crate::payments::{ObjectKind, PaymentsError};
use crate::store::{Mirrored, Watermark};

/// A customer that an organization is to have.
#[derive(Clone, Debug, Serialize)]
pub struct CustomerLinkInput {
    /// Which organization.
    pub organization_id: OrganizationId,
    /// The customer at Stripe, `cus_…`.
    pub stripe_customer_id: StripeCustomerId,
}

const FIELD: &str = "stripeCustomerId";

impl Service {
    /// Gives an organization that has no Stripe customer one that there is, for a person of the platform, and compares what
    /// it has. What cannot be compared at this moment is compared in its turn.
    pub async fn link_and_compare(
        &self,
        actor: &Actor,
        input: CustomerLinkInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let id = input.organization_id;
        let answer = self.link_customer(actor, input, key).await?;
        if let Some(organization) = self.store.find_organization(id).await?
            && let Err(error) = Box::pin(self.in_pace().compare_organization(&organization, true)).await
        {
            tracing::error!(organization_id = %id, %error, source = ?std::error::Error::source(&error), "what a linked customer has could not be compared yet");
        }
        Ok(answer)
    }

    /// Gives an organization that has no Stripe customer one that there is. What it has there is compared by whoever calls.
    pub async fn link_customer(
        &self,
        actor: &Actor,
        input: CustomerLinkInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        let act = async {
            let CustomerLinkInput { organization_id: id, stripe_customer_id: wanted } = &input;
            let organization =
                self.store.find_organization(*id).await?.ok_or(ServiceError::NotFound("organization"))?;
            if let Some(known) = &organization.stripe_customer_id {
                return Err(has_one(known, wanted).into());
            }
            let customer = self.customer_to_link(*id, wanted).await?;
            let transaction = self.store.begin_in(*id).await?;
            // It may make a customer of its own.
            if let Some(open) = transaction.find_open_operation(&billing_scope(*id)).await? {
                transaction.rollback().await?;
                return Err(Refusal::busy(open).into());
            }
            let watermark = Watermark { before: None, after: self.clock.now() };
            match transaction.mirror_customer(*id, &customer, watermark).await {
                Ok(Mirrored::Written { .. } | Mirrored::Final(())) => {}
                Err(error) if error.is_duplicate_of("stripe_customer_id") => return Err(taken().into()),
                Ok(Mirrored::Moved) | Err(crate::store::StoreError::Changed(_)) => {
                    let message = "The organization was given a Stripe customer at this moment. Look at it.";
                    return Err(Refusal::conflict(message).into());
                }
                Err(error) => return Err(error.into()),
            }
            let entry = AuditEntry::new(Some(*id), "customer.link", "organization", *id)
                .created(json!({ "stripeCustomerId": customer.id }));
            let answer = Answer::of(Resource::Organization(*id));
            answer.commit(transaction, actor, entry, idempotency.as_ref()).await
        };
        self.once(idempotency.as_ref(), Box::pin(act)).await
    }

    /// The customer as Stripe has it, when an organization may take it.
    async fn customer_to_link(
        &self,
        organization: OrganizationId,
        id: &StripeCustomerId,
    ) -> Result<CustomerMirror, ServiceError> {
        if !id.as_str().starts_with("cus_") {
            return Err(Refusal::bad_input(FIELD, "A customer of Stripe's begins with cus_.").into());
        }
        if self.store.find_organization_of_customer(id).await?.is_some() {
            return Err(taken().into());
        }
        let customer = match self.stripe.retrieve_customer(id).await {
            Err(PaymentsError::NotFound { .. }) => {
                let message = "Stripe has no such customer in the account and mode of the secret key.";
                return Err(Refusal::bad_input(FIELD, message).into());
            }
            customer => customer?,
        };
        if customer.deleted {
            let message = "This customer was deleted at Stripe. An organization without one is given another when it is needed.";
            return Err(Refusal::at(FIELD, ErrorCode::Conflict, message).into());
        }
        if customer.livemode != Some(self.stripe.livemode()) {
            let message = "This customer is of the other mode: test and live data never meet.";
            return Err(Refusal::at(FIELD, ErrorCode::Conflict, message).into());
        }
        let noted =
            customer.metadata.get(ORGANIZATION_METADATA).and_then(|id| uuid::Uuid::try_parse(id).ok());
        if let Some(noted) = noted.map(OrganizationId).filter(|noted| *noted != organization)
            && self.store.find_organization(noted).await?.is_some()
        {
            let message = "This customer's notes at Stripe say that it was made for another organization of this database.";
            return Err(Refusal::at(FIELD, ErrorCode::Conflict, message).into());
        }
        let listed = self.stripe.list_objects_of(ObjectKind::Subscription, id).await?;
        let is_live =
            |it: &&MirrorObject| matches!(it, MirrorObject::Subscription(it) if it.status.is_live());
        let live = listed.iter().filter(is_live).count();
        if live > 1 {
            let message = format!(
                "This customer has {live} subscriptions that go on, and an organization has one: the others would be ended and \
                 given back. End them at Stripe first, or move them to customers of their own."
            );
            return Err(Refusal::at(FIELD, ErrorCode::Conflict, message).into());
        }
        Ok(customer)
    }
}

fn has_one(known: &StripeCustomerId, wanted: &StripeCustomerId) -> Refusal {
    if known == wanted {
        return Refusal::conflict("The organization has this customer already.");
    }
    Refusal::at(
        "organizationId",
        ErrorCode::Conflict,
        format!(
            "The organization has a Stripe customer already, {known}. One that is deleted is made anew by customerRecreate."
        ),
    )
}

fn taken() -> Refusal {
    Refusal::at(FIELD, ErrorCode::Conflict, "Another organization has, or had, this customer.")
}
