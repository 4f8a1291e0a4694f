//! Saving payment methods. A card's number never comes here: Stripe.js takes it, and we get an id.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{
    Command, PaymentMethodAttach, PaymentMethodDetach, PaymentMethodSetDefault, PaymentMethodSetup,
};
use super::error::{Refusal, ServiceError};
use super::idempotency::CallerKey;
use super::mirror::{Seen, later};
use super::operation::{
    OPERATION_METADATA, ORGANIZATION_METADATA, OperationRequest, Running, Settlement, billing_scope,
    recorded, written,
};
use super::refused_step::refused_step;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, PaymentMethodId, StripePaymentMethodId};
use crate::domain::mirror::MirrorObject;
use crate::payments::{NewSetupIntent, ObjectKind};

/// A payment method to be collected by the front end.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentMethodSetupInput {
    /// Whose it will be.
    pub organization_id: OrganizationId,
}

/// A payment method that Stripe.js has made.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentMethodAttachInput {
    /// Whose it will be.
    pub organization_id: OrganizationId,
    /// Stripe's id, `pm_…`.
    pub stripe_payment_method_id: String,
    /// Whether invoices are charged to it from now on.
    pub make_default: bool,
}

/// A payment method that is to be charged from now on.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentMethodSetDefaultInput {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Which.
    pub payment_method_id: PaymentMethodId,
}

/// A payment method that is not to be charged any more.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentMethodDetachInput {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Which.
    pub payment_method_id: PaymentMethodId,
}

impl Service {
    /// Begins to save a payment method: the answer's secret lets Stripe.js collect it.
    pub async fn set_up_payment_method(
        &self,
        actor: &Actor,
        input: PaymentMethodSetupInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            // It charges nothing, so any number may be under way.
            scope: format!("setup:{}", self.ids.next()),
            idempotency,
            command: Command::PaymentMethodSetup(PaymentMethodSetup {
                organization_id: input.organization_id,
            }),
        })
        .await
    }

    pub(super) async fn perform_payment_method_setup(
        &self,
        running: &Running<'_>,
        command: PaymentMethodSetup,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        let (_, customer) = self.ensure_customer(running, organization_id).await?;
        let metadata = [
            (ORGANIZATION_METADATA.to_owned(), organization_id.to_string()),
            (OPERATION_METADATA.to_owned(), running.record.operation.id.to_string()),
        ];
        let new = NewSetupIntent { customer, metadata: metadata.into() };
        let setup = self.stripe.create_setup_intent(new, &running.key("create")).await?;
        // What was asked for is done with it. That a method comes of it, if one does, its own event tells.
        self.settle(running, organization_id, Vec::new(), None, |_| Settlement {
            state: OperationState::Confirmed,
            resource: Some(Resource::SetupIntent(setup.id.clone())),
            client_secret: setup.client_secret.clone(),
            refusals: Vec::new(),
            audit: AuditEntry::new(Some(organization_id), "payment_method.setup", "setup_intent", &setup.id)
                .created(serde_json::json!({ "stripeSetupIntentId": setup.id, "status": setup.status })),
        })
        .await
    }

    /// Attaches a payment method that Stripe.js has made to the organization's customer.
    pub async fn attach_payment_method(
        &self,
        actor: &Actor,
        input: PaymentMethodAttachInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let payment_method = stripe_payment_method(&input.stripe_payment_method_id, "stripePaymentMethodId")?;
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::PaymentMethodAttach(PaymentMethodAttach {
                organization_id: input.organization_id,
                payment_method,
                make_default: input.make_default,
            }),
        })
        .await
    }

    pub(super) async fn perform_payment_method_attach(
        &self,
        running: &Running<'_>,
        command: PaymentMethodAttach,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        let (_, customer) = self.ensure_customer(running, organization_id).await?;
        let before = self.watermark(ObjectKind::PaymentMethod, command.payment_method.as_str()).await?;
        let attached = self
            .stripe
            .attach_payment_method(&command.payment_method, &customer, &running.key("attach"))
            .await?;
        let before_customer = self.watermark(ObjectKind::Customer, customer.as_str()).await?;
        let (customer, refusal) = if command.make_default {
            let key = running.key("default");
            match self.stripe.set_default_payment_method(&customer, &attached.id, &key).await {
                Ok(customer) => (customer, None),
                // It is attached all the same.
                Err(error) => {
                    let refusal = refused_step(error)?;
                    (self.stripe.retrieve_customer(&customer).await?, Some(refusal))
                }
            }
        } else {
            (self.stripe.retrieve_customer(&customer).await?, None)
        };
        let now = self.clock.now();
        let (method_id, customer_id) = (attached.id.clone(), customer.id.clone());
        let at = later(now, before);
        let method = Seen { object: MirrorObject::PaymentMethod(attached), before, at, invoice: None };
        let at = later(now, before_customer);
        let customer =
            Seen { object: MirrorObject::Customer(customer), before: before_customer, at, invoice: None };
        let seen = vec![
            self.seen_of(running, method, ObjectKind::PaymentMethod, method_id.as_str()).await?,
            self.seen_of(running, customer, ObjectKind::Customer, customer_id.as_str()).await?,
        ];
        self.settle(running, organization_id, seen, None, |rows| {
            let (old, new) = written(rows.payment_method.as_ref());
            let entry =
                AuditEntry::new(Some(organization_id), "payment_method.attach", "payment_method", new.id);
            let audit = recorded(entry, old.map(|old| old.audit_values()), new.audit_values());
            let is_refused = refusal.is_some();
            Settlement {
                state: if is_refused { OperationState::Failed } else { OperationState::Confirmed },
                resource: Some(Resource::PaymentMethod(new.id)),
                client_secret: None,
                refusals: refusal.clone().into_iter().collect(),
                audit: if is_refused { audit.failed() } else { audit },
            }
        })
        .await
    }

    /// Makes an attached payment method the one that invoices charge.
    pub async fn set_default_payment_method(
        &self,
        actor: &Actor,
        input: PaymentMethodSetDefaultInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let payment_method = self
            .attached_method(input.organization_id, Some(input.payment_method_id))
            .await?
            .ok_or(ServiceError::NotFound("payment method"))?;
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::PaymentMethodSetDefault(PaymentMethodSetDefault {
                organization_id: input.organization_id,
                payment_method,
            }),
        })
        .await
    }

    pub(super) async fn perform_payment_method_set_default(
        &self,
        running: &Running<'_>,
        command: PaymentMethodSetDefault,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        let (_, customer) = self.ensure_customer(running, organization_id).await?;
        let before_customer = self.watermark(ObjectKind::Customer, customer.as_str()).await?;
        let method = self.see(ObjectKind::PaymentMethod, command.payment_method.as_str()).await?;
        let customer = self
            .stripe
            .set_default_payment_method(&customer, &command.payment_method, &running.key("default"))
            .await?;
        let at = later(self.clock.now(), before_customer);
        let customer_id = customer.id.clone();
        let object = MirrorObject::Customer(customer);
        let answered = Seen { object, before: before_customer, at, invoice: None };
        let customer = self.seen_of(running, answered, ObjectKind::Customer, customer_id.as_str()).await?;
        let seen = vec![method, customer];
        self.settle(running, organization_id, seen, None, |rows| {
            let (old, new) = written(rows.payment_method.as_ref());
            let was_default = old.is_some_and(|old| old.is_default);
            Settlement {
                state: OperationState::Confirmed,
                resource: Some(Resource::PaymentMethod(new.id)),
                client_secret: None,
                refusals: Vec::new(),
                audit: AuditEntry::new(
                    Some(organization_id),
                    "payment_method.set_default",
                    "payment_method",
                    new.id,
                )
                .changed(
                    &serde_json::json!({ "isDefault": was_default }),
                    &serde_json::json!({ "isDefault": true }),
                ),
            }
        })
        .await
    }

    /// Detaches a payment method: it is not charged any more, for good. What a live paid subscription needs stays.
    pub async fn detach_payment_method(
        &self,
        actor: &Actor,
        input: PaymentMethodDetachInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let payment_method = self
            .attached_method(input.organization_id, Some(input.payment_method_id))
            .await?
            .ok_or(ServiceError::NotFound("payment method"))?;
        self.check_not_needed(input.organization_id, &payment_method).await?;
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::PaymentMethodDetach(PaymentMethodDetach {
                organization_id: input.organization_id,
                payment_method,
            }),
        })
        .await
    }

    /// Refuses to take away what a live paid subscription is charged with.
    async fn check_not_needed(
        &self,
        organization: OrganizationId,
        payment_method: &StripePaymentMethodId,
    ) -> Result<(), ServiceError> {
        let Some(live) = self.store.current_subscriptions(&[organization]).await?.remove(&organization)
        else {
            return Ok(());
        };
        let live = live.subscription;
        if !live.status.is_live() || live.stripe_subscription_id.is_none() {
            return Ok(());
        }
        let methods =
            self.store.payment_methods_of(&[organization]).await?.remove(&organization).unwrap_or_default();
        let refusal = if methods.len() == 1 {
            "This is the last payment method, and there is a paid subscription. Add another first, or cancel the subscription."
        } else if live.default_payment_method.as_ref() == Some(payment_method) {
            "The subscription is charged to this payment method. Give it another first."
        } else if methods
            .iter()
            .any(|method| method.is_default && method.stripe_payment_method_id == *payment_method)
        {
            "Invoices are charged to this payment method. Make another one the default first."
        } else {
            return Ok(());
        };
        Err(Refusal::conflict(refusal).into())
    }

    pub(super) async fn perform_payment_method_detach(
        &self,
        running: &Running<'_>,
        command: PaymentMethodDetach,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        if running.is_unchecked() {
            // Looked at again under the lease: a subscription may have begun meanwhile.
            self.check_not_needed(organization_id, &command.payment_method).await?;
            self.checked(running).await?;
        }
        let (_, customer) = self.ensure_customer(running, organization_id).await?;
        let before = self.watermark(ObjectKind::PaymentMethod, command.payment_method.as_str()).await?;
        let detached =
            self.stripe.detach_payment_method(&command.payment_method, &running.key("detach")).await?;
        let at = later(self.clock.now(), before);
        let object = MirrorObject::PaymentMethod(detached);
        let answered = Seen { object, before, at, invoice: None };
        let id = command.payment_method.as_str();
        let seen = vec![
            self.seen_of(running, answered, ObjectKind::PaymentMethod, id).await?,
            // It may have been the default, which is gone with it.
            self.see(ObjectKind::Customer, customer.as_str()).await?,
        ];
        self.settle(running, organization_id, seen, None, |rows| {
            let (old, new) = written(rows.payment_method.as_ref());
            let entry =
                AuditEntry::new(Some(organization_id), "payment_method.detach", "payment_method", new.id);
            Settlement {
                state: OperationState::Confirmed,
                resource: Some(Resource::PaymentMethod(new.id)),
                client_secret: None,
                refusals: Vec::new(),
                audit: recorded(entry, old.map(|old| old.audit_values()), new.audit_values()),
            }
        })
        .await
    }

    /// The payment method that the organization's invoices charge.
    pub(super) async fn default_payment_method(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<StripePaymentMethodId>, ServiceError> {
        let methods =
            self.store.payment_methods_of(&[organization]).await?.remove(&organization).unwrap_or_default();
        Ok(methods.into_iter().find(|method| method.is_default).map(|method| method.stripe_payment_method_id))
    }
}

/// Checks the form of Stripe's id of a payment method.
fn stripe_payment_method(text: &str, path: &str) -> Result<StripePaymentMethodId, ServiceError> {
    let fits = text.starts_with("pm_")
        && (4..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fits {
        Ok(text.into())
    } else {
        Err(Refusal::bad_input(path, "This is no payment method of Stripe's. Its ids begin with pm_.").into())
    }
}
