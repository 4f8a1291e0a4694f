//! Stripe's own pages, for teams that want them: checkout and the customer portal. What comes of them arrives as events.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::command::{CheckoutSessionCreate, Command, PortalSessionCreate};
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::operation::{
    OPERATION_METADATA, ORGANIZATION_METADATA, OperationRequest, Running, Settlement, billing_scope,
};
use super::subscription::{MAXIMUM_QUANTITY, already_subscribed, chosen_price};
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::billing_operation::OperationState;
use crate::domain::ids::{OrganizationId, PlanId};
use crate::domain::money::Currency;
use crate::domain::plan::BillingInterval;
use crate::payments::{IdempotencyKey, NewCheckoutSession};
use crate::store::OperationRecord;

/// A subscription to be begun on Stripe's page.
#[derive(Clone, Debug, Serialize)]
pub struct CheckoutSessionCreateInput {
    /// Who subscribes.
    pub organization_id: OrganizationId,
    /// To what.
    pub plan_id: PlanId,
    /// At which of its prices.
    pub billing_interval: Option<BillingInterval>,
    /// In which currency.
    pub currency: Option<Currency>,
    /// Seats.
    pub quantity: i64,
    /// Whether to start with the plan's trial.
    pub trial: bool,
    /// A promotion code as people type it.
    pub promotion_code: Option<String>,
    /// Where the page leads when it is done.
    pub success_url: String,
    /// Where it leads when it is left.
    pub cancel_url: String,
}

/// The customer portal, to be opened.
#[derive(Clone, Debug, Serialize)]
pub struct PortalSessionCreateInput {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Where the page leads when it is left.
    pub return_url: String,
}

impl Service {
    fn check_return_url(&self, path: &str, url: &str, refusals: &mut Refusals) {
        if url.len() > 2_048 || !self.return_urls.allow(url) {
            refusals.add(Refusal::bad_input(
                path,
                "This address is not among those that the operator allows (TOLLGATE_RETURN_URLS).",
            ));
        }
    }

    /// Opens Stripe's page on which the organization subscribes to a plan.
    pub async fn create_checkout_session(
        &self,
        actor: &Actor,
        input: CheckoutSessionCreateInput,
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
        let mut refusals = Refusals::default();
        self.check_return_url("successUrl", &input.success_url, &mut refusals);
        self.check_return_url("cancelUrl", &input.cancel_url, &mut refusals);
        if !(1..=MAXIMUM_QUANTITY).contains(&input.quantity) {
            refusals.add(Refusal::bad_input("quantity", format!("Seats are 1 to {MAXIMUM_QUANTITY}.")));
        }
        let plan = self.visible_plan(input.plan_id, organization.id).await?;
        if plan.is_none() {
            refusals.add(Refusal::at("planId", ErrorCode::NotFound, "There is no such plan."));
        }
        refusals.finish()?;
        let plan = plan.expect("refused above when there is none");
        let unavailable = |why: &str| Refusal::at("planId", ErrorCode::PlanUnavailable, why);
        if !plan.is_active {
            return Err(unavailable("This plan is not offered any more.").into());
        }
        if plan.is_free() {
            return Err(unavailable("A free plan needs no checkout. Use subscriptionCreate.").into());
        }
        if self.days_until_due(&plan, organization.id).await?.is_some() {
            return Err(Refusal::at(
                "planId",
                ErrorCode::Conflict,
                "This plan is billed by invoice, and Stripe's page charges a payment method. Use subscriptionCreate.",
            )
            .into());
        }
        self.check_members(&plan, organization.id, input.quantity).await?;
        self.check_unsubscribed(organization.id).await?;
        let prices = self.store.prices_of(&[plan.id]).await?.remove(&plan.id).unwrap_or_default();
        let currency = input.currency.or(organization.currency);
        let price = chosen_price(&plan, &prices, input.billing_interval, currency)?;
        if let Some(fixed) = organization.currency
            && price.unit_amount.currency != fixed
        {
            return Err(Refusal::bad_input(
                "currency",
                format!("This organization is billed in {fixed}. Stripe fixes a customer's currency with the first charge."),
            )
            .into());
        }
        let Some(stripe_price) = price.stripe_price_id.clone() else {
            return Err(unavailable("This price is not published to Stripe yet.").into());
        };
        let promotion_code = self
            .redeemable(input.promotion_code.as_deref(), organization.stripe_customer_id.as_ref())
            .await?;
        let trial_days = self.trial_days(&plan, organization.id, input.trial).await?;
        self.operate(OperationRequest {
            organization_id: Some(organization.id),
            actor: actor.clone(),
            scope: billing_scope(organization.id),
            idempotency,
            command: Command::CheckoutSessionCreate(CheckoutSessionCreate {
                organization_id: organization.id,
                plan_id: Some(plan.id),
                price: stripe_price,
                quantity: input.quantity,
                trial_days,
                promotion_code,
                success_url: input.success_url,
                cancel_url: input.cancel_url,
            }),
        })
        .await
    }

    /// Somebody who has not paid must pay, and somebody who has must not pay twice.
    async fn check_unsubscribed(&self, organization: OrganizationId) -> Result<(), ServiceError> {
        let current = self.store.find_current_subscription(organization).await?;
        let is_subscribed = current.is_some_and(|view| {
            view.subscription.status.is_live() && view.subscription.stripe_subscription_id.is_some()
        });
        if is_subscribed { Err(already_subscribed()) } else { Ok(()) }
    }

    pub(super) async fn perform_checkout_session_create(
        &self,
        running: &Running<'_>,
        command: CheckoutSessionCreate,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        if let Some(plan) = command.plan_id.filter(|_| running.is_unchecked()) {
            // Looked at again now that the operation holds the organization's billing: another one may have subscribed since.
            self.check_unsubscribed(organization_id).await?;
            let plan = self.store.find_plan(plan).await?.ok_or(ServiceError::NotFound("plan"))?;
            self.check_members(&plan, organization_id, command.quantity).await?;
            self.check_sold(&plan, &command.price).await?;
            self.checked(running).await?;
        }
        let (_, customer) = self.ensure_customer(running, organization_id).await?;
        let organization = (ORGANIZATION_METADATA.to_owned(), organization_id.to_string());
        let operation = (OPERATION_METADATA.to_owned(), running.record.operation.id.to_string());
        let new = NewCheckoutSession {
            customer,
            price: command.price,
            quantity: u64::try_from(command.quantity).unwrap_or(1),
            trial_days: (command.trial_days > 0).then_some(command.trial_days),
            promotion_code: command.promotion_code,
            success_url: command.success_url,
            cancel_url: command.cancel_url,
            metadata: [organization.clone(), operation].into(),
            subscription_metadata: [organization].into(),
        };
        let session = self.stripe.create_checkout_session(new, &running.key("create")).await?;
        let mut answer = self
            .settle(running, organization_id, Vec::new(), None, |_| {
                opened(
                    organization_id,
                    "checkout_session",
                    Resource::CheckoutSession(session.id.clone()),
                    &session.id,
                )
            })
            .await?;
        answer.url = session.url;
        Ok(answer)
    }

    /// Opens Stripe's page on which the organization manages its billing.
    pub async fn create_portal_session(
        &self,
        actor: &Actor,
        input: PortalSessionCreateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        if let Some(answer) = self.answered_meanwhile(idempotency.as_ref()).await? {
            return Ok(answer);
        }
        let mut refusals = Refusals::default();
        self.check_return_url("returnUrl", &input.return_url, &mut refusals);
        refusals.finish()?;
        self.operate(OperationRequest {
            organization_id: Some(input.organization_id),
            actor: actor.clone(),
            // It changes nothing, so any number may be opened.
            scope: format!("portal:{}", self.ids.next()),
            idempotency,
            command: Command::PortalSessionCreate(PortalSessionCreate {
                organization_id: input.organization_id,
                return_url: input.return_url,
            }),
        })
        .await
    }

    pub(super) async fn perform_portal_session_create(
        &self,
        running: &Running<'_>,
        command: PortalSessionCreate,
    ) -> Result<Answer, ServiceError> {
        let organization_id = command.organization_id;
        let (_, customer) = self.ensure_customer(running, organization_id).await?;
        let (id, url) =
            self.stripe.create_portal_session(&customer, &command.return_url, &running.key("create")).await?;
        let mut answer = self
            .settle(running, organization_id, Vec::new(), None, |_| {
                opened(organization_id, "portal_session", Resource::PortalSession(id.clone()), &id)
            })
            .await?;
        answer.url = Some(url);
        Ok(answer)
    }

    /// The address of a page that an operation opened. It is Stripe's to keep, so it is asked for again.
    pub(super) async fn url_of(
        &self,
        record: &OperationRecord,
        resource: Option<&Resource>,
    ) -> Result<Option<String>, ServiceError> {
        match resource {
            Some(Resource::CheckoutSession(id)) => Ok(self.stripe.retrieve_checkout_session(id).await?.url),
            // A portal session cannot be read. The same key gives the same one.
            Some(Resource::PortalSession(_)) => {
                let command: Command = serde_json::from_value(record.parameters.clone())?;
                let Command::PortalSessionCreate(command) = command else { return Ok(None) };
                let organization = self.store.find_organization(command.organization_id).await?;
                let Some(customer) = organization.and_then(|row| row.stripe_customer_id) else {
                    return Ok(None);
                };
                let key = IdempotencyKey::for_operation(record.operation.id, "create");
                let (_, url) =
                    self.stripe.create_portal_session(&customer, &command.return_url, &key).await?;
                Ok(Some(url))
            }
            _ => Ok(None),
        }
    }
}

fn opened(organization_id: OrganizationId, noun: &'static str, resource: Resource, id: &str) -> Settlement {
    Settlement {
        state: OperationState::Confirmed,
        resource: Some(resource),
        client_secret: None,
        refusals: Vec::new(),
        audit: AuditEntry::new(Some(organization_id), format!("{noun}.create"), noun, id)
            .created(serde_json::json!({ "stripeId": id })),
    }
}
