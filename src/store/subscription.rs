//! Subscriptions, mirrored from Stripe, and the free ones that Stripe never sees.

use std::collections::HashMap;

use entity::plan;
use entity::subscription::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Alias, CaseStatement, Expr, ExprTrait, Order, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QueryResult, QueryTrait,
};

use super::organization::newest;
use super::page::{Keyset, ListOrder, counts_by, pages_by};
use super::{
    Changed, ChangedKind, Mirrored, Store, StoreError, Watermark, WriteTransaction, mirror as mirrored,
};
use crate::domain::ids::{
    OrganizationId, PlanId, PriceId, StripeCustomerId, StripeInvoiceId, StripePaymentMethodId, StripePriceId,
    StripeScheduleId, StripeSubscriptionId, SubscriptionId,
};
use crate::domain::mirror::SubscriptionMirror;
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::plan::{Plan, Price};
use crate::domain::subscription::{NextPlan, ScheduledChange, Subscription, SubscriptionStatus};
use crate::domain::subscription_change::CancellationFeedback;

/// A subscription and its plan.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionView {
    /// The subscription.
    pub subscription: Subscription,
    /// Its plan, when its price is one of ours.
    pub plan: Option<Plan>,
}

impl SubscriptionView {
    /// Reads the columns that a join put under `s_` and `p_`; `None` when the join found nothing.
    pub(super) fn from_joined(row: &QueryResult) -> Result<Option<Self>, StoreError> {
        let Some(model) = Model::from_query_result_optional(row, "s_")? else { return Ok(None) };
        let plan = plan::Model::from_query_result_optional(row, "p_")?.map(super::plan::plan).transpose()?;
        Ok(Some(Self { subscription: subscription(model), plan }))
    }
}

fn subscription(row: Model) -> Subscription {
    Subscription {
        id: SubscriptionId(row.id),
        organization_id: OrganizationId(row.organization_id),
        plan_id: row.plan_id.map(PlanId),
        price_id: row.price_id.map(PriceId),
        stripe_subscription_id: row.stripe_subscription_id.map(StripeSubscriptionId),
        stripe_customer_id: row.stripe_customer_id.map(StripeCustomerId),
        plan_type: row.plan_type,
        status: SubscriptionStatus::parse(&row.status),
        quantity: row.quantity,
        current_period_start: row.current_period_start,
        current_period_end: row.current_period_end,
        trial_start: row.trial_start,
        trial_end: row.trial_end,
        cancel_at: row.cancel_at,
        cancel_at_period_end: row.cancel_at_period_end,
        canceled_at: row.canceled_at,
        ended_at: row.ended_at,
        cancellation_reason: row.cancellation_reason,
        cancellation_feedback: row.cancellation_feedback.as_deref().and_then(CancellationFeedback::parse),
        collection_paused: row.collection_paused,
        collection_pause_behavior: row.collection_pause_behavior,
        collection_resumes_at: row.collection_resumes_at,
        pending_update_expires_at: row.pending_update_expires_at,
        // What another version wrote and this one cannot read is fetched again with the next event.
        discounts: row
            .discounts
            .and_then(|discounts| serde_json::from_value(discounts).ok())
            .unwrap_or_default(),
        stripe_schedule_id: row.stripe_schedule_id.map(StripeScheduleId),
        scheduled_change: match (row.scheduled_stripe_price_id, row.scheduled_quantity, row.scheduled_at) {
            (Some(price), Some(quantity), Some(at)) => {
                Some(ScheduledChange { stripe_price_id: price.into(), quantity, at })
            }
            _ => None,
        },
        next_plan: row
            .next_plan_id
            .map(|id| NextPlan { plan_id: PlanId(id), quantity: row.next_quantity.unwrap_or(1) }),
        default_payment_method: row.default_payment_method.map(StripePaymentMethodId),
        latest_stripe_invoice_id: row.latest_stripe_invoice_id.map(StripeInvoiceId),
        stripe_synced_at: row.stripe_synced_at,
        started_at: row.started_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

pub(super) fn active_model(row: &Subscription) -> ActiveModel {
    let change = row.scheduled_change.as_ref();
    ActiveModel {
        id: Set(row.id.0),
        organization_id: Set(row.organization_id.0),
        plan_id: Set(row.plan_id.map(|id| id.0)),
        price_id: Set(row.price_id.map(|id| id.0)),
        stripe_subscription_id: Set(row.stripe_subscription_id.as_ref().map(|id| id.0.clone())),
        stripe_customer_id: Set(row.stripe_customer_id.as_ref().map(|id| id.0.clone())),
        plan_type: Set(row.plan_type.clone()),
        status: Set(row.status.as_str().to_owned()),
        quantity: Set(row.quantity),
        current_period_start: Set(row.current_period_start),
        current_period_end: Set(row.current_period_end),
        trial_start: Set(row.trial_start),
        trial_end: Set(row.trial_end),
        cancel_at: Set(row.cancel_at),
        cancel_at_period_end: Set(row.cancel_at_period_end),
        canceled_at: Set(row.canceled_at),
        ended_at: Set(row.ended_at),
        cancellation_reason: Set(row.cancellation_reason.clone()),
        cancellation_feedback: Set(row.cancellation_feedback.map(|feedback| feedback.as_str().to_owned())),
        collection_paused: Set(row.collection_paused),
        collection_pause_behavior: Set(row.collection_pause_behavior.clone()),
        collection_resumes_at: Set(row.collection_resumes_at),
        pending_update_expires_at: Set(row.pending_update_expires_at),
        discounts: Set(Some(serde_json::to_value(&row.discounts).expect("discounts are plain data"))),
        stripe_schedule_id: Set(row.stripe_schedule_id.as_ref().map(|id| id.0.clone())),
        scheduled_stripe_price_id: Set(change.map(|change| change.stripe_price_id.0.clone())),
        scheduled_quantity: Set(change.map(|change| change.quantity)),
        scheduled_at: Set(change.map(|change| change.at)),
        next_plan_id: Set(row.next_plan.map(|next| next.plan_id.0)),
        next_quantity: Set(row.next_plan.map(|next| next.quantity)),
        default_payment_method: Set(row.default_payment_method.as_ref().map(|id| id.0.clone())),
        latest_stripe_invoice_id: Set(row.latest_stripe_invoice_id.as_ref().map(|id| id.0.clone())),
        stripe_synced_at: Set(row.stripe_synced_at),
        started_at: Set(row.started_at),
        created_at: Set(row.created_at),
        updated_at: Set(row.updated_at),
    }
}

/// Orders subscriptions so that an organization's current one comes first: a live one, else one whose first payment is
/// still due, else the newest that ended.
pub(super) fn current_first(select: &mut SelectStatement, table: &str) {
    let status = || Expr::col((Alias::new(table), Column::Status));
    let rank = CaseStatement::new()
        .case(status().is_in(["trialing", "active", "past_due", "unpaid", "paused"]), 0)
        .case(status().is_in(["incomplete"]), 1)
        .finally(2);
    select.order_by_expr(rank.into(), Order::Asc);
    newest(select, table, "created_at", "id");
}

impl Store {
    /// The current subscription of each organization, with its plan.
    pub async fn current_subscriptions(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, SubscriptionView>, StoreError> {
        let views = self.organizations(organizations, true).await?;
        Ok(views
            .into_iter()
            .filter_map(|view| Some((view.organization.id, view.subscription.flatten()?)))
            .collect())
    }

    /// The current subscription of an organization, with its plan.
    pub async fn find_current_subscription(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<SubscriptionView>, StoreError> {
        Ok(self.current_subscriptions(&[organization]).await?.remove(&organization))
    }

    /// The newest subscription of an organization whose first payment is still due. It may stand beside a free one.
    pub async fn find_incomplete_subscription(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<Subscription>, StoreError> {
        let row = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::Status.eq(SubscriptionStatus::Incomplete.as_str()))
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .one(&self.db)
            .await?;
        Ok(row.map(subscription))
    }

    /// A page of each organization's subscriptions, newest first.
    pub async fn list_subscriptions(
        &self,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<HashMap<OrganizationId, Page<Subscription>>, StoreError> {
        let keyset = Keyset {
            at: Expr::col((Entity, Column::CreatedAt)),
            id: Expr::col((Entity, Column::Id)),
            order: ListOrder::NewestFirst,
        };
        pages_by(
            &self.db,
            organizations,
            &keyset,
            page,
            |&id| Entity::find().filter(Column::OrganizationId.eq(id.0)).into_query(),
            |row| {
                let row = subscription(Model::from_query_result(row, "")?);
                Ok((row.organization_id, row))
            },
        )
        .await
    }

    /// Subscriptions by id, whoever owns them: the caller checks the tenant.
    pub async fn subscriptions(&self, ids: &[SubscriptionId]) -> Result<Vec<Subscription>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        Ok(rows.into_iter().map(subscription).collect())
    }

    /// A subscription of the organization.
    pub async fn find_subscription(
        &self,
        organization: OrganizationId,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, StoreError> {
        let row =
            Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization.0)).one(&self.db).await?;
        Ok(row.map(subscription))
    }

    /// Whether the organization ever had a trial: it gets no second one.
    pub async fn has_had_trial(&self, organization: OrganizationId) -> Result<bool, StoreError> {
        has_had_trial(&self.db, organization).await
    }

    /// How many subscriptions each organization has and had.
    pub async fn count_subscriptions(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        counts_by(&self.db, organizations, Column::OrganizationId, Entity::find()).await
    }

    /// A subscription by Stripe's id.
    pub async fn find_subscription_at_stripe(
        &self,
        id: &StripeSubscriptionId,
    ) -> Result<Option<Subscription>, StoreError> {
        find_at_stripe(&self.db, id).await
    }
}

/// As [`Store::has_had_trial`].
pub(super) async fn has_had_trial(
    conn: &impl ConnectionTrait,
    organization: OrganizationId,
) -> Result<bool, StoreError> {
    let found = Entity::find()
        .filter(Column::OrganizationId.eq(organization.0))
        .filter(Column::TrialStart.is_not_null())
        .one(conn)
        .await?;
    Ok(found.is_some())
}

async fn find_at_stripe(
    conn: &impl ConnectionTrait,
    id: &StripeSubscriptionId,
) -> Result<Option<Subscription>, StoreError> {
    let row = Entity::find().filter(Column::StripeSubscriptionId.eq(id.as_str())).one(conn).await?;
    Ok(row.map(subscription))
}

impl WriteTransaction {
    /// Creates a subscription to a plan that costs nothing.
    pub async fn create_free_subscription(
        &self,
        organization: OrganizationId,
        plan: &Plan,
        quantity: i64,
    ) -> Result<Subscription, StoreError> {
        let created = Subscription {
            id: SubscriptionId(self.next_id()),
            organization_id: organization,
            plan_id: Some(plan.id),
            price_id: None,
            stripe_subscription_id: None,
            stripe_customer_id: None,
            plan_type: plan.slug.clone(),
            status: SubscriptionStatus::Active,
            quantity,
            current_period_start: None,
            current_period_end: None,
            trial_start: None,
            trial_end: None,
            cancel_at: None,
            cancel_at_period_end: false,
            canceled_at: None,
            ended_at: None,
            cancellation_reason: None,
            cancellation_feedback: None,
            collection_paused: false,
            collection_pause_behavior: None,
            collection_resumes_at: None,
            pending_update_expires_at: None,
            discounts: Vec::new(),
            stripe_schedule_id: None,
            scheduled_change: None,
            next_plan: None,
            default_payment_method: None,
            latest_stripe_invoice_id: None,
            stripe_synced_at: None,
            started_at: Some(self.now),
            created_at: self.now,
            updated_at: self.now,
        };
        active_model(&created).insert(&self.tx).await?;
        self.will_tell(changed(&created));
        Ok(created)
    }

    /// Whether the organization has a live subscription. Under [`Store::begin_in`] the answer stays
    /// true until the commit.
    pub async fn has_live_subscription(&self, organization: OrganizationId) -> Result<bool, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::EndedAt.is_null())
            .all(&self.tx)
            .await?;
        Ok(rows.iter().any(|row| SubscriptionStatus::parse(&row.status).is_live()))
    }

    /// The live subscriptions that Stripe bills, oldest first: one, unless a second was made past us.
    pub async fn live_paid_subscriptions(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<Subscription>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::EndedAt.is_null())
            .filter(Column::StripeSubscriptionId.is_not_null())
            .order_by_asc(Column::CreatedAt)
            // Stripe's times are seconds: of two of the same second, the one that was known first.
            .order_by_asc(Column::Id)
            .all(&self.tx)
            .await?;
        Ok(rows.into_iter().map(subscription).filter(|row| row.status.is_live()).collect())
    }

    /// Ends the free subscriptions of an organization that pays now. Gives what stood there, with what stands there now.
    pub async fn end_free_subscriptions(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<(Subscription, Subscription)>, StoreError> {
        let mut ended = Vec::new();
        let rows = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::EndedAt.is_null())
            .filter(Column::StripeSubscriptionId.is_null())
            .all(&self.tx)
            .await?;
        for row in rows.into_iter().map(subscription).filter(|row| row.status.is_live()) {
            let new =
                self.end_free_subscription(&row, Some("replaced by a paid plan".to_owned()), None).await?;
            ended.push((row, new));
        }
        Ok(ended)
    }

    /// Ends a subscription that Stripe does not know. `Changed` when it has ended already.
    pub async fn end_free_subscription(
        &self,
        old: &Subscription,
        reason: Option<String>,
        feedback: Option<CancellationFeedback>,
    ) -> Result<Subscription, StoreError> {
        let new = Subscription {
            status: SubscriptionStatus::Canceled,
            canceled_at: Some(self.now),
            ended_at: Some(self.now),
            cancellation_reason: reason,
            cancellation_feedback: feedback,
            updated_at: self.now,
            ..old.clone()
        };
        let written = Entity::update_many()
            .set(active_model(&new))
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::EndedAt.is_null())
            .exec(&self.tx)
            .await?;
        if written.rows_affected == 0 {
            return Err(StoreError::Changed("subscription"));
        }
        self.will_tell(changed(&new));
        Ok(new)
    }

    /// Writes what Stripe says of a subscription, when the row is still as old as the watermark says.
    pub async fn mirror_subscription(
        &self,
        organization: OrganizationId,
        mirror: &SubscriptionMirror,
        watermark: Watermark,
    ) -> Result<Mirrored<Subscription>, StoreError> {
        let old = find_at_stripe(&self.tx, &mirror.id).await?;
        if mirrored::has_moved(old.as_ref().and_then(|old| old.stripe_synced_at), watermark) {
            return Ok(Mirrored::Moved);
        }
        if let Some(old) = &old
            && old.status.is_final()
            && old.status != mirror.status
        {
            return Ok(Mirrored::Final(old.clone()));
        }
        let price = match &mirror.price {
            Some(id) => self.find_price_at_stripe(id).await?,
            None => None,
        };
        let id = old.as_ref().map_or_else(|| SubscriptionId(self.next_id()), |old| old.id);
        let price = price.as_ref().map(|(price, plan)| (price, plan));
        let new = Subscription::from_mirror(id, organization, mirror, price, watermark.after, self.now);
        let seen = old.as_ref().map(|old| (old.id.0, old.stripe_synced_at));
        if mirrored::write(&self.tx, seen, active_model(&new)).await? {
            self.will_tell(changed(&new));
            self.follow_usage_periods(&new, mirror, price, watermark.after).await?;
            self.record_subscription(old.as_ref(), &new, price.map(|(price, _)| price)).await?;
            // However the trial began: through us, on Stripe's page, or in its dashboard.
            if new.trial_start.is_some() && old.as_ref().is_none_or(|old| old.trial_start.is_none()) {
                self.consume_trial(organization).await?;
            }
            Ok(Mirrored::Written { old, new })
        } else {
            Ok(Mirrored::Moved)
        }
    }

    /// The price that Stripe knows by this id, with its plan, when it is one of ours.
    pub async fn find_price_at_stripe(
        &self,
        id: &StripePriceId,
    ) -> Result<Option<(Price, Plan)>, StoreError> {
        super::plan::find_price_at_stripe(&self.tx, id).await
    }
}

fn changed(row: &Subscription) -> Changed {
    Changed { organization_id: Some(row.organization_id), kind: ChangedKind::Subscription, id: row.id.0 }
}

impl Subscription {
    /// Where the subscription stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
