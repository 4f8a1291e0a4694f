//! The Stripe customer of an organization: exactly one, in step with the billing settings, and noticed when it is gone.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, CustomerRecreate, CustomerSync};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::mirror::{Seen, later};
use super::operation::{
    LEASE, OPERATION_METADATA, ORGANIZATION_METADATA, OperationRequest, Running, Settlement, billing_scope,
};
use super::refused_step::refused_step;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_details::BillingDetails;
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, StripeCustomerId};
use crate::domain::mirror::{CustomerMirror, MirrorObject, SubscriptionMirror};
use crate::domain::plan::Plan;
use crate::domain::setting::SettingSection;
use crate::payments::{IdempotencyKey, NewCustomer, ObjectKind, PaymentsError};
use crate::store::{
    NewIdempotencyRecord, NewOperation, Opened, OperationRecord, StoreError, WriteTransaction,
};

/// An organization whose Stripe customer is to be brought in step, or made anew.
#[derive(Clone, Debug, Serialize)]
pub struct CustomerInput {
    /// Whose customer.
    pub organization_id: OrganizationId,
}

impl Service {
    /// What the billing settings of an organization say.
    pub(super) async fn billing_details(
        &self,
        organization: OrganizationId,
    ) -> Result<BillingDetails, ServiceError> {
        let documents = self.store.settings_of(&[organization]).await?.remove(&organization);
        let billing =
            documents.unwrap_or_default().into_iter().find(|it| it.section == SettingSection::Billing);
        Ok(billing.map(|it| BillingDetails::read(&it.document)).transpose()?.unwrap_or_default())
    }

    /// Days until an invoice of a plan must be paid, when it is sent instead of charged: a plan of the organization's own,
    /// with terms in its billing settings.
    pub(super) async fn days_until_due(
        &self,
        plan: &Plan,
        organization: OrganizationId,
    ) -> Result<Option<u32>, ServiceError> {
        if plan.organization_id.is_none() {
            return Ok(None);
        }
        let details = self.billing_details(organization).await?;
        Ok((details.net_terms > 0).then_some(details.net_terms))
    }

    /// Makes a customer at Stripe. What it does not take of the details keeps nobody from having one: they are left out, and
    /// customerSync says what is wrong with them.
    pub(super) async fn create_customer(
        &self,
        new: &NewCustomer,
        key: &IdempotencyKey,
    ) -> Result<CustomerMirror, PaymentsError> {
        match self.stripe.create_customer(new, key).await {
            Err(PaymentsError::InvalidRequest { .. }) if !new.details.is_empty() => {
                let bare = NewCustomer { details: BillingDetails::default(), ..new.clone() };
                self.stripe.create_customer(&bare, &key.in_other_words("bare")).await
            }
            created => created,
        }
    }

    /// Refuses to change a subscription to a plan that is collected otherwise than it is: a change keeps whether invoices are
    /// sent or charged. Between plans for everyone that is the operator's own choice, at Stripe.
    pub(super) async fn check_collection(
        &self,
        organization: OrganizationId,
        plan: &Plan,
        now: &SubscriptionMirror,
    ) -> Result<(), ServiceError> {
        let old = match &now.price {
            Some(price) => self.store.find_price_at_stripe(price).await?.map(|(_, plan)| plan),
            None => None,
        };
        let is_kept = old.as_ref().is_some_and(|old| old.id == plan.id);
        let is_own =
            plan.organization_id.is_some() || old.as_ref().is_some_and(|old| old.organization_id.is_some());
        if is_kept || !is_own {
            return Ok(());
        }
        let is_sent = self.days_until_due(plan, organization).await?.is_some();
        if is_sent == now.sends_invoices {
            return Ok(());
        }
        let (new, old) = if is_sent {
            ("billed by invoice", "charged to a payment method")
        } else {
            ("charged to a payment method", "billed by invoice")
        };
        Err(Refusal::at(
            "planId",
            ErrorCode::Conflict,
            format!(
                "This plan is {new}, and the subscription is {old}, which a change keeps. Cancel it and begin the other \
                 with subscriptionCreate, or ask support to change how it is billed."
            ),
        )
        .into())
    }

    /// Refuses to go on with a customer that was deleted at Stripe: nothing is charged, and a new one is made only when
    /// somebody asks for it.
    pub(super) async fn check_not_deleted(&self, customer: &StripeCustomerId) -> Result<(), ServiceError> {
        if self.store.is_deleted_customer(customer).await? {
            return Err(Refusal::conflict(
                "The organization's customer was deleted at Stripe, and its payment methods with it. Make it anew \
                 with customerRecreate, then add a payment method.",
            )
            .into());
        }
        Ok(())
    }

    /// Brings name, address, email, tax ids, purchase-order number and footer of the Stripe customer in step with the
    /// billing settings.
    pub async fn sync_customer(
        &self,
        actor: &Actor,
        input: CustomerInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let details = self.billing_details(input.organization_id).await?;
        let idempotency = key.map(|key| key.record(&(&input, &details))).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::CustomerSync(CustomerSync {
                organization_id: input.organization_id,
                details,
                follows_setting: false,
            }),
        })
        .await
    }

    /// Commits billing settings together with the operation that brings the Stripe customer in step with them, and runs it.
    pub(super) async fn sync_with_setting(
        &self,
        transaction: WriteTransaction,
        actor: &Actor,
        organization_id: OrganizationId,
        details: BillingDetails,
        entry: AuditEntry,
        idempotency: Option<&NewIdempotencyRecord>,
    ) -> Result<Answer, ServiceError> {
        let command = Command::CustomerSync(CustomerSync { organization_id, details, follows_setting: true });
        let new = NewOperation {
            organization_id: Some(organization_id),
            // The settings are recorded as theirs; Tollgate does what follows from them.
            actor: Actor::on_behalf_of(actor),
            kind: command.kind().as_str(),
            parameters: serde_json::to_value(&command)?,
            scope: billing_scope(organization_id),
            lease: LEASE,
            idempotency: idempotency.cloned(),
        };
        let record = match transaction.open_operation(&new).await? {
            Some(Opened::Operation(record)) => record,
            Some(not_opened) => {
                transaction.rollback().await?;
                return self.not_opened(not_opened, idempotency).await;
            }
            None => {
                let message = "Another operation has ended at this moment. Nothing was changed; try again.";
                return Err(Refusal::conflict(message).into());
            }
        };
        transaction.commit(actor, entry).await?;
        let resource = Some(Resource::Organization(organization_id));
        match Box::pin(self.run(&record)).await {
            Ok(answer) => Ok(Answer { resource, ..answer }),
            Err(error) => {
                // The settings are written, and the operation stays open: it is run again when its lease runs out.
                tracing::error!(operation = %record.operation.id, %error, source = ?std::error::Error::source(&error), "billing settings could not be brought to Stripe yet");
                Ok(Answer { resource, operation: Some(record.operation), ..Answer::default() })
            }
        }
    }

    pub(super) async fn perform_customer_sync(
        &self,
        running: &Running<'_>,
        command: CustomerSync,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        let (organization, customer) = self.ensure_customer(running, organization_id).await?;
        let before = self.watermark(ObjectKind::Customer, customer.as_str()).await?;
        let details = &command.details;
        let name = details.legal_name.as_deref().unwrap_or(&organization.name);
        let updated = self.stripe.update_customer(&customer, name, details, &running.key("details")).await?;
        let mut refusals = Vec::new();
        // What is there and wanted stays; keys are made of what the id says, so that a repetition does each once.
        let present = self.stripe.tax_ids_of(&customer).await?;
        for wanted in details.tax_ids.iter().filter(|it| !present.iter().any(|(_, known)| known == *it)) {
            let key = running.key(&format!("tax-{}-{}", wanted.kind, wanted.value));
            // The rest is done all the same, and is recorded.
            if let Err(error) = self.stripe.create_tax_id(&customer, wanted, &key).await {
                let refusal = refused_step(error)?;
                let message = format!("{} {}: {}", wanted.kind, wanted.value, refusal.message);
                refusals.push(Refusal { message, ..refusal });
            }
        }
        for (id, _) in present.iter().filter(|(_, known)| !details.tax_ids.contains(known)) {
            match self.stripe.delete_tax_id(&customer, id, &running.key(&format!("untax-{id}"))).await {
                // Somebody was faster.
                Ok(()) | Err(PaymentsError::NotFound { .. }) => {}
                Err(error) => refusals.push(refused_step(error)?),
            }
        }
        let at = later(self.clock.now(), before);
        let answered = Seen { object: MirrorObject::Customer(updated), before, at, invoice: None };
        let seen = vec![self.seen_of(running, answered, ObjectKind::Customer, customer.as_str()).await?];
        let values = serde_json::to_value(details)?;
        let is_in_step = refusals.is_empty();
        let answer = self
            .settle(running, organization_id, seen, None, |_| {
                let audit =
                    AuditEntry::new(Some(organization_id), "customer.sync", "organization", organization_id)
                        .created(values.clone());
                let is_done = refusals.is_empty();
                Settlement {
                    state: if is_done { OperationState::Confirmed } else { OperationState::Failed },
                    resource: Some(Resource::Organization(organization_id)),
                    client_secret: None,
                    refusals: refusals.clone(),
                    audit: if is_done { audit } else { audit.failed() },
                }
            })
            .await?;
        if is_in_step {
            self.note_in_step(organization_id, &customer).await?;
        }
        Ok(answer)
    }

    /// Makes the Stripe customer anew after it was deleted at Stripe. Its payment methods and subscriptions are gone.
    pub async fn recreate_customer(
        &self,
        actor: &Actor,
        input: CustomerInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let organization = self
            .store
            .find_organization(input.organization_id)
            .await?
            .ok_or(ServiceError::NotFound("organization"))?;
        let Some(deleted) = organization.stripe_customer_id else {
            return Err(Refusal::conflict(
                "There is no Stripe customer yet. It is made when it is needed first.",
            )
            .into());
        };
        let details = self.billing_details(input.organization_id).await?;
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::CustomerRecreate(CustomerRecreate {
                organization_id: input.organization_id,
                name: details.legal_name.clone().unwrap_or(organization.name),
                details,
                deleted,
            }),
        })
        .await
    }

    pub(super) async fn perform_customer_recreate(
        &self,
        running: &Running<'_>,
        command: CustomerRecreate,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        // Stripe decides whether it is gone: the event that says so may be lost, or not here yet.
        if !self.stripe.retrieve_customer(&command.deleted).await?.deleted {
            return Err(Refusal::conflict(
                "The organization's customer is there at Stripe; there is nothing to make anew.",
            )
            .into());
        }
        let metadata = [
            (ORGANIZATION_METADATA.to_owned(), organization_id.to_string()),
            (OPERATION_METADATA.to_owned(), running.record.operation.id.to_string()),
        ];
        let new = NewCustomer {
            name: command.name.clone(),
            details: command.details.clone(),
            metadata: metadata.into(),
        };
        let customer = self.create_customer(&new, &running.key("create")).await?;
        self.settle_recreated_customer(running.record, &command, &customer).await
    }

    /// Gives the organization the customer that was made anew.
    pub(super) async fn settle_recreated_customer(
        &self,
        record: &OperationRecord,
        command: &CustomerRecreate,
        customer: &CustomerMirror,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        let transaction = self.store.begin_in(organization_id).await?;
        transaction.mark_customer_deleted(organization_id, &command.deleted).await?;
        match transaction.replace_customer(organization_id, &command.deleted, customer).await {
            // Done by an earlier attempt of this very operation.
            Ok(()) | Err(StoreError::Changed(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let settlement = Settlement {
            state: OperationState::Confirmed,
            resource: Some(Resource::Organization(organization_id)),
            client_secret: None,
            refusals: Vec::new(),
            audit: AuditEntry::new(
                Some(organization_id),
                "customer.recreate",
                "organization",
                organization_id,
            )
            .changed(
                &serde_json::json!({ "stripeCustomerId": command.deleted }),
                &serde_json::json!({ "stripeCustomerId": customer.id }),
            ),
        };
        self.commit_settlement(record, transaction, settlement).await
    }
}
