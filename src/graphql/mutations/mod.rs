//! Mutations: decode the input, ask the policy, one service call, shape the answer.

mod api_key;
mod billing_drift;
mod billing_policy;
mod checkout;
mod credit_note;
mod customer;
mod entitlement;
mod invitation;
mod invoice;
mod member;
mod meter;
mod notification;
mod organization;
mod payment;
mod payment_method;
mod plan;
mod refund;
mod role;
mod security_setting;
mod setting;
mod stripe_event;
pub mod subscription;
pub mod subscription_change;
mod usage;
mod usage_alert;
mod webhook_delivery;
mod webhook_endpoint;

use async_graphql::{Context, MergedObject, Result};

use super::context::{caller_key, fresh_viewer, service, viewer};
use super::error::{refused, store as store_error};
use super::types::{
    ApiKey, BillingOperation, CreditNote, CustomRole, Invitation, Invoice, Member, Meter, Organization,
    Payment, PaymentMethod, Plan, Refund, Subscription, UserError, WebhookDelivery, WebhookEndpoint,
};
use crate::domain::ids::OrganizationId;
use crate::service::{Answer, Resource, ServiceError};

/// Everything that can be changed.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub struct MutationRoot(
    organization::OrganizationMutation,
    member::MemberMutation,
    invitation::InvitationMutation,
    role::RoleMutation,
    api_key::ApiKeyMutation,
    setting::SettingMutation,
    security_setting::SecuritySettingMutation,
    notification::NotificationMutation,
    webhook_endpoint::WebhookEndpointMutation,
    webhook_delivery::WebhookDeliveryMutation,
    plan::PlanMutation,
    payment_method::PaymentMethodMutation,
    subscription::SubscriptionMutation,
    subscription_change::SubscriptionChangeMutation,
    billing_policy::BillingPolicyMutation,
    invoice::InvoiceMutation,
    credit_note::CreditNoteMutation,
    customer::CustomerMutation,
    checkout::CheckoutMutation,
    payment::PaymentMutation,
    stripe_event::StripeEventMutation,
    billing_drift::BillingDriftMutation,
    refund::RefundMutation,
    usage::UsageMutation,
    usage_alert::UsageAlertMutation,
    meter::MeterMutation,
    entitlement::EntitlementMutation,
);

/// An answer, or the refusals as an answer; faults go on as top-level errors.
pub fn answered(ctx: &Context<'_>, answer: Result<Answer, ServiceError>) -> Result<Answer> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) => Ok(Answer { refusals: refused(ctx, error)?, ..Answer::default() }),
    }
}

/// What a mutation that takes its own ground away finds.
enum Asked<T> {
    /// What it is about, to be acted on.
    Anew(T),
    /// The answer that the same key was given before.
    Again(Box<Answer>),
}

/// What is `permitted`, or the answer that the caller's key was given before on one of these organizations: what was removed
/// is not there to be asked about again, and whoever left may not ask, but the same key gets the same answer all the same. Where
/// the caller's session does not suffice, it hears nothing that was said before either.
async fn asked<T, I: serde::Serialize>(
    ctx: &Context<'_>,
    mutation: &'static str,
    key: Option<&String>,
    permitted: Result<T>,
    organizations: impl IntoIterator<Item = OrganizationId>,
    input: impl Fn(OrganizationId) -> I,
) -> Result<Asked<T>> {
    let refusal = match permitted {
        Ok(found) => return Ok(Asked::Anew(found)),
        Err(refusal) => refusal,
    };
    for organization in organizations {
        if viewer(ctx).bar_in(organization).is_some() {
            continue;
        }
        let Some(key) = caller_key(ctx, mutation, Some(organization), key.cloned()) else { break };
        match service(ctx).answer_given(key, &input(organization)).await {
            Ok(None) => {}
            given => {
                return answered(ctx, given.map(Option::unwrap_or_default))
                    .map(|answer| Asked::Again(Box::new(answer)));
            }
        }
    }
    Err(refusal)
}

/// Whether the caller acts in an organization at this moment: the request may have made them a member, or repeat what made
/// them one.
async fn acts_now(ctx: &Context<'_>, organization: OrganizationId) -> Result<bool> {
    Ok(fresh_viewer(ctx).await.map_err(store_error(ctx))?.acts_in(organization))
}

/// The parts that payloads share.
struct Parts {
    resource: Option<Resource>,
    operation: Option<BillingOperation>,
    client_secret: Option<String>,
    /// A secret of ours, shown this once.
    secret: Option<String>,
    user_errors: Vec<UserError>,
}

impl From<Answer> for Parts {
    fn from(answer: Answer) -> Self {
        Self {
            resource: answer.resource,
            operation: answer.operation.map(BillingOperation),
            client_secret: answer.client_secret,
            secret: answer.secret.map(|secret| secret.expose().to_owned()),
            user_errors: answer.refusals.into_iter().map(UserError::from).collect(),
        }
    }
}

/// The changed thing as it is now. The answer of a repeated request is read afresh too.
macro_rules! changed {
    ($name:ident, $variant:ident, $type:ty, |$store:ident, $id:ident| $load:expr) => {
        async fn $name(ctx: &Context<'_>, resource: Option<&Resource>) -> Result<Option<$type>> {
            let Some(Resource::$variant(id)) = resource else { return Ok(None) };
            let ($store, $id) = (super::context::store(ctx), *id);
            let loaded = $load.await.map_err(store_error(ctx))?;
            Ok(loaded.into_iter().next().map(<$type>::from))
        }
    };
}

changed!(changed_subscription, Subscription, Subscription, |store, id| store.subscriptions(&[id]));
changed!(changed_invoice, Invoice, Invoice, |store, id| store.invoices(&[id]));
changed!(changed_payment, Payment, Payment, |store, id| store.payments(&[id]));
changed!(changed_payment_method, PaymentMethod, PaymentMethod, |store, id| store.payment_methods(&[id]));
changed!(changed_refund, Refund, Refund, |store, id| store.refunds(&[id]));
changed!(changed_credit_note, CreditNote, CreditNote, |store, id| store.credit_notes(&[id]));
changed!(changed_plan, Plan, Plan, |store, id| store.plans(&[id]));
changed!(changed_organization, Organization, Organization, |store, id| store.organizations(&[id], false));
changed!(changed_member, Member, Member, |store, id| store.members(&[id]));
changed!(changed_invitation, Invitation, Invitation, |store, id| store.invitations(&[id]));
changed!(changed_role, Role, CustomRole, |store, id| store.roles(&[id]));
changed!(changed_api_key, ApiKey, ApiKey, |store, id| store.api_keys(&[id]));
changed!(changed_meter, Meter, Meter, |store, id| store.meters(&[id]));
changed!(changed_webhook_endpoint, WebhookEndpoint, WebhookEndpoint, |store, id| store
    .webhook_endpoints(&[id]));
changed!(changed_webhook_delivery, WebhookDelivery, WebhookDelivery, |store, id| store
    .webhook_deliveries(&[id]));
