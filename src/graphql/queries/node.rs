//! Anything by its id, one statement a type however many are asked for.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object, Result};
use uuid::Uuid;

use super::super::context::{authorize, store, viewer};
use super::super::error::{bad_input, not_found, store as store_error};
use super::super::node::{NodeKind, decode};
use super::super::types::{
    ApiKey, AuditLog, BillingDrift, BillingOperation, CreditNote, CustomRole, Dispute, Invitation, Invoice,
    Member, Meter, Node, Notification, Organization, Payment, PaymentMethod, Plan, Price, Refund,
    StripeEvent, Subscription, UsageNotice, User, WebhookDelivery, WebhookEndpoint,
};
use super::catalog::may_see;
use crate::domain::ids::{
    ApiKeyId, AuditLogId, BillingDriftId, BillingOperationId, CreditNoteId, DisputeId, InvitationId,
    InvoiceId, MembershipId, MeterId, NotificationId, OrganizationId, PaymentId, PaymentMethodId, PlanId,
    PriceId, RefundId, RoleId, StripeEventId, SubscriptionId, UsageNoticeId, UserId, WebhookDeliveryId,
    WebhookEndpointId,
};
use crate::domain::permission::Permission;
use crate::service::WantedReader;

/// Ids at most in one `nodes`.
const MAXIMUM_IDS: usize = 100;

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Anything by its id.
    async fn node(&self, ctx: &Context<'_>, #[graphql(desc = "Any id of ours.")] id: ID) -> Result<Node> {
        authorize(ctx, "Query")?;
        find(ctx, &[id]).await?.pop().flatten().ok_or_else(|| not_found("node"))
    }

    /// Anything by id, in the order of the ids; null for what does not exist for the caller.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Ids of ours, at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        authorize(ctx, "Query")?;
        if ids.len() > MAXIMUM_IDS {
            return Err(bad_input(format!(
                "ids: at most {MAXIMUM_IDS} at once, and {} were given.",
                ids.len()
            )));
        }
        find(ctx, &ids).await
    }
}

async fn find(ctx: &Context<'_>, ids: &[ID]) -> Result<Vec<Option<Node>>> {
    let mut asked: Vec<(NodeKind, Uuid)> = Vec::with_capacity(ids.len());
    for id in ids {
        asked.push(decode(id).ok_or_else(|| {
            bad_input(format!("{:?} is no id of ours. Take it from an earlier answer.", id.as_str()))
        })?);
    }
    let mut found: HashMap<(NodeKind, Uuid), Node> = HashMap::new();
    for &kind in NodeKind::ALL {
        let of_kind: Vec<Uuid> =
            asked.iter().filter(|(other, _)| *other == kind).map(|(_, id)| *id).collect();
        if !of_kind.is_empty() {
            find_kind(ctx, kind, &of_kind, &mut found).await?;
        }
    }
    Ok(asked.iter().map(|key| found.get(key).cloned()).collect())
}

async fn find_kind(
    ctx: &Context<'_>,
    kind: NodeKind,
    ids: &[Uuid],
    found: &mut HashMap<(NodeKind, Uuid), Node>,
) -> Result<()> {
    let store = store(ctx);
    let viewer = viewer(ctx);
    let sees = |permission, organization| viewer.holds(permission, organization);
    macro_rules! rows {
        ($id:ident, $load:ident) => {{
            let ids: Vec<$id> = ids.iter().copied().map($id).collect();
            store.$load(&ids).await.map_err(store_error(ctx))?
        }};
    }
    match kind {
        NodeKind::Organization => {
            let ids: Vec<OrganizationId> = ids
                .iter()
                .copied()
                .map(OrganizationId)
                .filter(|&id| sees(Permission::OrganizationRead, id))
                .collect();
            for view in store.organizations(&ids, false).await.map_err(store_error(ctx))? {
                let id = view.organization.id.0;
                found.insert((kind, id), Node::Organization(Organization::listed(view)));
            }
        }
        NodeKind::User => {
            for row in rows!(UserId, users) {
                if viewer.is_platform_staff() || viewer.user_id() == Some(row.id) {
                    found.insert((kind, row.id.0), Node::User(User(row)));
                }
            }
        }
        NodeKind::Plan => {
            for row in rows!(PlanId, plans) {
                if may_see(viewer, &row) {
                    found.insert((kind, row.id.0), Node::Plan(Plan(row)));
                }
            }
        }
        NodeKind::Subscription => {
            for row in rows!(SubscriptionId, subscriptions) {
                if sees(Permission::SubscriptionRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::Subscription(Subscription::from(row)));
                }
            }
        }
        NodeKind::Invoice => {
            for row in rows!(InvoiceId, invoices) {
                if sees(Permission::BillingRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::Invoice(Invoice(row)));
                }
            }
        }
        NodeKind::Payment => {
            for row in rows!(PaymentId, payments) {
                if sees(Permission::BillingRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::Payment(Payment(row)));
                }
            }
        }
        NodeKind::Refund => {
            for row in rows!(RefundId, refunds) {
                if sees(Permission::BillingRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::Refund(Refund(row)));
                }
            }
        }
        NodeKind::Dispute => {
            for row in rows!(DisputeId, disputes) {
                if sees(Permission::BillingRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::Dispute(Dispute(row)));
                }
            }
        }
        NodeKind::CreditNote => {
            for row in rows!(CreditNoteId, credit_notes) {
                if sees(Permission::BillingRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::CreditNote(CreditNote(row)));
                }
            }
        }
        NodeKind::PaymentMethod => {
            for row in rows!(PaymentMethodId, payment_methods) {
                if sees(Permission::BillingRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::PaymentMethod(PaymentMethod(row)));
                }
            }
        }
        NodeKind::AuditLog => {
            for row in rows!(AuditLogId, audit_logs) {
                let may_see = match row.organization_id {
                    Some(organization) => sees(Permission::AuditRead, organization),
                    None => viewer.is_platform_staff(),
                };
                if may_see {
                    found.insert((kind, row.id.0), Node::AuditLog(AuditLog(row)));
                }
            }
        }
        NodeKind::BillingOperation => {
            for row in rows!(BillingOperationId, operations) {
                let may_see = match row.organization_id {
                    Some(organization) => sees(Permission::BillingRead, organization),
                    None => viewer.is_platform_staff(),
                };
                if may_see {
                    found.insert((kind, row.id.0), Node::BillingOperation(BillingOperation(row)));
                }
            }
        }
        NodeKind::Member => {
            for row in rows!(MembershipId, members) {
                if sees(Permission::MembersRead, row.membership.organization_id) {
                    found.insert((kind, row.membership.id.0), Node::Member(Member(row)));
                }
            }
        }
        NodeKind::Price => {
            for (row, plan) in rows!(PriceId, prices) {
                if may_see(viewer, &plan) {
                    found.insert((kind, row.id.0), Node::Price(Price(row)));
                }
            }
        }
        NodeKind::Invitation => {
            for row in rows!(InvitationId, invitations) {
                if sees(Permission::MembersRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::Invitation(Invitation(row)));
                }
            }
        }
        NodeKind::CustomRole => {
            for row in rows!(RoleId, roles) {
                if sees(Permission::MembersRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::CustomRole(CustomRole(row)));
                }
            }
        }
        NodeKind::ApiKey => {
            for row in rows!(ApiKeyId, api_keys) {
                if sees(Permission::KeysRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::ApiKey(ApiKey(row)));
                }
            }
        }
        NodeKind::WebhookEndpoint => {
            for row in rows!(WebhookEndpointId, webhook_endpoints) {
                if row.deleted_at.is_none() && sees(Permission::WebhooksRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::WebhookEndpoint(WebhookEndpoint(row)));
                }
            }
        }
        NodeKind::WebhookDelivery => {
            for row in rows!(WebhookDeliveryId, webhook_deliveries) {
                if sees(Permission::WebhooksRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::WebhookDelivery(WebhookDelivery(row)));
                }
            }
        }
        NodeKind::Notification => {
            // A program is told nothing of what its person is.
            let reader = viewer.user_id().filter(|_| viewer.key().is_none());
            for row in rows!(NotificationId, notifications) {
                let organization = row.organization_id;
                if Some(row.user_id) == reader && sees(row.fact.permission(), organization) {
                    for told in
                        Notification::told(ctx, organization, vec![row], &WantedReader::default()).await?
                    {
                        found.insert((kind, told.place().id), Node::Notification(told));
                    }
                }
            }
        }
        NodeKind::UsageNotice => {
            for row in rows!(UsageNoticeId, usage_notices) {
                if sees(Permission::SubscriptionRead, row.organization_id) {
                    found.insert((kind, row.id.0), Node::UsageNotice(UsageNotice(row)));
                }
            }
        }
        NodeKind::Meter if viewer.is_signed_in() => {
            for row in rows!(MeterId, meters) {
                found.insert((kind, row.id.0), Node::Meter(Meter(row)));
            }
        }
        NodeKind::StripeEvent if viewer.is_platform_staff() => {
            for row in rows!(StripeEventId, stripe_events) {
                found.insert((kind, row.id.0), Node::StripeEvent(StripeEvent(row)));
            }
        }
        NodeKind::BillingDrift if viewer.is_platform_staff() => {
            for row in rows!(BillingDriftId, billing_drifts) {
                found.insert((kind, row.id.0), Node::BillingDrift(BillingDrift(row)));
            }
        }
        NodeKind::StripeEvent | NodeKind::BillingDrift | NodeKind::Meter => {}
    }
    Ok(())
}
