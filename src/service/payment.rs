//! One-off charges.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{Command, PaymentIntentCancel, PaymentIntentConfirm, PaymentIntentCreate};
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::mirror::{Seen, later};
use super::operation::{
    OPERATION_METADATA, ORGANIZATION_METADATA, OperationRequest, Running, Settlement, billing_scope,
    recorded, written,
};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, PaymentId, PaymentMethodId, StripePaymentIntentId};
use crate::domain::mirror::{MirrorObject, PaymentIntentMirror};
use crate::domain::money::Money;
use crate::domain::payment::{PaymentFailure, PaymentStatus};
use crate::domain::text::{optional_text, required_text};
use crate::payments::{NewPaymentIntent, ObjectKind, PaymentsError};

/// A new one-off charge.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentIntentCreateInput {
    /// Who pays.
    pub organization_id: OrganizationId,
    /// How much.
    pub amount: Money,
    /// What for, at most 500 characters.
    pub description: Option<String>,
    /// The caller's own notes: at most 20, keys of at most 40 and values of at most 500 characters.
    pub metadata: BTreeMap<String, String>,
    /// What is charged; needed to confirm at once.
    pub payment_method_id: Option<PaymentMethodId>,
    /// Whether to charge at once.
    pub confirm: bool,
}

/// The confirmation of a one-off charge.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentIntentConfirmInput {
    /// Who pays.
    pub organization_id: OrganizationId,
    /// Which payment.
    pub payment_id: PaymentId,
    /// What is charged, when it is not decided yet or the last one was declined.
    pub payment_method_id: Option<PaymentMethodId>,
}

/// The giving up of a one-off charge.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentIntentCancelInput {
    /// Who was to pay.
    pub organization_id: OrganizationId,
    /// Which payment.
    pub payment_id: PaymentId,
}

impl Service {
    /// Creates a one-off charge.
    pub async fn create_payment_intent(
        &self,
        actor: &Actor,
        input: PaymentIntentCreateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let mut refusals = Refusals::default();
        refusals.check("amount", input.amount.check_charge());
        let description =
            refusals.check("description", optional_text(input.description.as_deref(), 500)).flatten();
        check_metadata(&input.metadata, &mut refusals);
        refusals.finish()?;
        self.check_currency(input.organization_id, input.amount).await?;
        let payment_method = match input.payment_method_id {
            Some(id) => self.attached_method(input.organization_id, Some(id)).await?,
            None if input.confirm => self.default_payment_method(input.organization_id).await?,
            None => None,
        };
        if input.confirm && payment_method.is_none() {
            return Err(Refusal::bad_input(
                "paymentMethodId",
                "The organization has no default payment method: name one, or attach one first.",
            )
            .into());
        }
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::PaymentIntentCreate(PaymentIntentCreate {
                organization_id: input.organization_id,
                amount: input.amount,
                description,
                metadata: input.metadata,
                payment_method,
                confirm: input.confirm,
            }),
        })
        .await
    }

    /// Refuses to charge in another currency than the organization is billed in. Stripe would make such a payment, and its owner
    /// would have books in two currencies.
    async fn check_currency(&self, id: OrganizationId, amount: Money) -> Result<(), ServiceError> {
        let organization =
            self.store.find_organization(id).await?.ok_or(ServiceError::NotFound("organization"))?;
        match organization.currency {
            Some(fixed) if fixed != amount.currency => Err(Refusal::bad_input(
                "amount.currency",
                format!(
                    "This organization is billed in {fixed}, and Stripe keeps a customer to one currency."
                ),
            )
            .into()),
            _ => Ok(()),
        }
    }

    pub(super) async fn perform_payment_intent_create(
        &self,
        running: &Running<'_>,
        command: PaymentIntentCreate,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        if running.is_first_attempt() {
            // Looked at again under the lease: a subscription may have fixed the currency since.
            self.check_currency(organization_id, command.amount).await?;
        }
        let (_, customer) = self.ensure_customer(running, organization_id).await?;
        let mut metadata = command.metadata;
        metadata.insert(ORGANIZATION_METADATA.to_owned(), organization_id.to_string());
        metadata.insert(OPERATION_METADATA.to_owned(), running.record.operation.id.to_string());
        let asked = self
            .stripe
            .create_payment_intent(
                NewPaymentIntent {
                    customer,
                    amount: command.amount,
                    payment_method: command.payment_method,
                    confirm: command.confirm,
                    off_session: false,
                    description: command.description,
                    metadata,
                },
                &running.key("create"),
            )
            .await;
        let (intent, failure) = shown(asked)?;
        self.settle_payment(running, organization_id, intent, None, failure).await
    }

    /// Charges a payment that is waiting for it.
    pub async fn confirm_payment_intent(
        &self,
        actor: &Actor,
        input: PaymentIntentConfirmInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let payment = self
            .store
            .find_payment(input.organization_id, input.payment_id)
            .await?
            .ok_or(ServiceError::NotFound("payment"))?;
        if payment.status.is_final() {
            return Err(Refusal::conflict(format!("This payment is {} already.", payment.status)).into());
        }
        if payment.invoice_id.is_some() {
            return Err(
                Refusal::conflict("This payment belongs to an invoice. Pay the invoice instead.").into()
            );
        }
        let payment_method = match input.payment_method_id {
            Some(id) => self.attached_method(input.organization_id, Some(id)).await?,
            None if payment.payment_method.is_none() => {
                self.default_payment_method(input.organization_id).await?
            }
            None => None,
        };
        if payment_method.is_none() && payment.payment_method.is_none() {
            return Err(Refusal::bad_input(
                "paymentMethodId",
                "The organization has no default payment method: name one, or attach one first.",
            )
            .into());
        }
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::PaymentIntentConfirm(PaymentIntentConfirm {
                organization_id: input.organization_id,
                payment_id: payment.id,
                stripe_payment_intent_id: payment.stripe_payment_intent_id,
                payment_method,
            }),
        })
        .await
    }

    pub(super) async fn perform_payment_intent_confirm(
        &self,
        running: &Running<'_>,
        command: PaymentIntentConfirm,
    ) -> Result<Answer, ServiceError> {
        // Looked at again under the lease: another operation may have charged it after this one was asked for.
        let row = self.store.find_payment(command.organization_id, command.payment_id).await?;
        if let Some(row) = row.filter(|row| running.is_first_attempt() && row.status.is_final()) {
            return Err(Refusal::conflict(format!("This payment is {} already.", row.status)).into());
        }
        let id = &command.stripe_payment_intent_id;
        let before = self.watermark(ObjectKind::PaymentIntent, id.as_str()).await?;
        let asked = self
            .stripe
            .confirm_payment_intent(id, command.payment_method.as_ref(), &running.key("confirm"))
            .await;
        let (intent, failure) = match shown(asked) {
            Err(ServiceError::Stripe(error)) => return Err(self.lost_to(id, error).await),
            shown => shown?,
        };
        self.settle_payment(running, command.organization_id, intent, before, failure).await
    }

    /// Gives a payment up that is waiting, so that it cannot be made any more.
    pub async fn cancel_payment_intent(
        &self,
        actor: &Actor,
        input: PaymentIntentCancelInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let payment = self
            .store
            .find_payment(input.organization_id, input.payment_id)
            .await?
            .ok_or(ServiceError::NotFound("payment"))?;
        match payment.status {
            PaymentStatus::Succeeded => {
                return Err(Refusal::conflict("This payment succeeded already. Give it back instead.").into());
            }
            PaymentStatus::Canceled => {
                return Err(Refusal::conflict("This payment is canceled already.").into());
            }
            _ => {}
        }
        if payment.invoice_id.is_some() {
            return Err(
                Refusal::conflict("This payment belongs to an invoice. Void the invoice instead.").into()
            );
        }
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            scope: billing_scope(input.organization_id),
            idempotency,
            command: Command::PaymentIntentCancel(PaymentIntentCancel {
                organization_id: input.organization_id,
                payment_id: payment.id,
                stripe_payment_intent_id: payment.stripe_payment_intent_id,
            }),
        })
        .await
    }

    pub(super) async fn perform_payment_intent_cancel(
        &self,
        running: &Running<'_>,
        command: PaymentIntentCancel,
    ) -> Result<Answer, ServiceError> {
        // Looked at again under the lease: another operation may have charged it after this one was asked for.
        let row = self.store.find_payment(command.organization_id, command.payment_id).await?;
        if let Some(row) = row.filter(|row| running.is_first_attempt() && row.status.is_final()) {
            return Err(Refusal::conflict(format!("This payment is {} already.", row.status)).into());
        }
        let id = &command.stripe_payment_intent_id;
        let before = self.watermark(ObjectKind::PaymentIntent, id.as_str()).await?;
        let intent = match self.stripe.cancel_payment_intent(id, &running.key("cancel")).await {
            Ok(intent) => intent,
            Err(error) => return Err(self.lost_to(id, error).await),
        };
        self.settle_payment(running, command.organization_id, intent, before, None).await
    }

    /// What to say when Stripe does not take a payment in the state that it is in: a bank has it already, or it was made or
    /// given up meanwhile.
    async fn lost_to(&self, id: &StripePaymentIntentId, error: PaymentsError) -> ServiceError {
        let has_moved = matches!(&error, PaymentsError::InvalidRequest { code: Some(code), .. }
            if code == "payment_intent_unexpected_state");
        if !has_moved {
            return error.into();
        }
        match self.stripe.retrieve_payment_intent(id).await {
            Ok(now) if PaymentStatus::is_with_bank(&now.stripe_status) => Refusal::conflict(
                "This payment is processing: the bank has it, and decides by itself. Follow it, and give it back if it is made.",
            )
            .into(),
            Ok(now) => {
                Refusal::conflict(format!("This payment is {} at Stripe by now.", now.stripe_status)).into()
            }
            // Then it is told as Stripe told it.
            Err(_) => match error {
                PaymentsError::InvalidRequest { message, .. } => Refusal::conflict(message).into(),
                error => error.into(),
            },
        }
    }

    async fn settle_payment(
        &self,
        running: &Running<'_>,
        organization: OrganizationId,
        intent: PaymentIntentMirror,
        before: Option<chrono::DateTime<chrono::Utc>>,
        failure: Option<PaymentFailure>,
    ) -> Result<Answer, ServiceError> {
        let kind = running.record.operation.kind.clone();
        let secret = intent.client_secret.clone();
        let at = later(self.clock.now(), before);
        let seen = vec![Seen { object: MirrorObject::PaymentIntent(intent), before, at, invoice: None }];
        self.settle(running, organization, seen, None, |rows| {
            let (old, new) = written(rows.payment.as_ref());
            let entry = AuditEntry::new(Some(organization), kind.clone(), "payment", new.id);
            let audit = recorded(entry, old.map(|old| old.audit_values()), new.audit_values());
            let resource = Some(Resource::Payment(new.id));
            match (new.status, &failure) {
                (PaymentStatus::RequiresAction, _) => Settlement {
                    state: OperationState::RequiresAction,
                    resource,
                    client_secret: secret.clone(),
                    refusals: vec![Refusal::at(
                        "",
                        ErrorCode::PaymentActionRequired,
                        "The bank asks the cardholder to confirm this payment. Go on with the client secret.",
                    )],
                    audit,
                },
                (_, Some(failure)) => Settlement {
                    state: OperationState::Failed,
                    resource,
                    client_secret: None,
                    refusals: vec![Refusal::declined(failure)],
                    audit: audit.failed(),
                },
                // The bank has it, and decides later: the mirror learns it.
                _ if rows.is_with_bank => Settlement {
                    state: OperationState::Pending,
                    resource,
                    client_secret: None,
                    refusals: Vec::new(),
                    audit,
                },
                // Waiting for the front end to confirm it is what was asked for.
                _ => Settlement {
                    state: OperationState::Confirmed,
                    resource,
                    client_secret: secret.clone().filter(|_| !new.status.is_final()),
                    refusals: Vec::new(),
                    audit,
                },
            }
        })
        .await
    }
}

/// The payment intent that an answer shows: a declined one is shown too, with why.
fn shown(
    asked: Result<PaymentIntentMirror, PaymentsError>,
) -> Result<(PaymentIntentMirror, Option<PaymentFailure>), ServiceError> {
    match asked {
        Ok(intent) => Ok((intent, None)),
        Err(PaymentsError::Declined { failure, payment_intent: Some(intent) }) => {
            Ok((*intent, Some(failure)))
        }
        Err(error) => Err(error.into()),
    }
}

fn check_metadata(metadata: &BTreeMap<String, String>, refusals: &mut Refusals) {
    if metadata.len() > 20 {
        refusals.add(Refusal::bad_input("metadata", "At most 20 entries."));
    }
    for (key, value) in metadata {
        if key.starts_with("tollgate_") {
            refusals
                .add(Refusal::bad_input("metadata", "Keys that begin with tollgate_ are Tollgate's own."));
        }
        refusals.check("metadata", required_text(key, 40));
        refusals.check("metadata", optional_text(Some(value), 500));
    }
}
