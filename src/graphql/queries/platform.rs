//! What platform staff read.

use async_graphql::{Context, ID, Object, Result};

use super::super::connection::{
    BillingDriftConnection, PageArguments, StripeEventConnection, Total, connection,
};
use super::super::context::{authorize, service, store};
use super::super::error::{failed, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::Date;
use super::super::types::billing_policy::BillingPolicy;
use super::super::types::revenue::RevenueDay;
use super::super::types::stripe_event::StripeEventFilter;
use super::super::types::{BillingDrift, StripeEvent, StripeIntake, enums};
use crate::domain;
use crate::domain::ids::OrganizationId;
use crate::store::BillingDriftFilter;

#[derive(Default)]
pub struct PlatformQuery;

#[Object]
impl PlatformQuery {
    /// What happens when payments fail: the policy that counts for an organization, or the platform's. For platform staff.
    async fn billing_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization; the platform's policy when left out.")] organization_id: Option<
            ID,
        >,
    ) -> Result<BillingPolicy> {
        authorize(ctx, "Query")?;
        let stored = match &organization_id {
            Some(id) => {
                let id = OrganizationId(NodeKind::Organization.decode("organizationId", id)?);
                store(ctx).policy_of(id).await
            }
            None => store(ctx).platform_policy().await,
        };
        Ok(stored.map_err(store_error(ctx))?.into())
    }

    /// What recurs monthly at the end of each day, and what moved it, by day and currency: new, more, less and gone, with trials
    /// and what is past due. What was said of a day that is over is said of it for ever. For platform staff.
    async fn revenue_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day, in UTC.")] since: Date,
        #[graphql(desc = "The day behind the last; at most 400 days later.")] until: Date,
    ) -> Result<Vec<RevenueDay>> {
        authorize(ctx, "Query")?;
        let days = service(ctx).revenue_report(since.0, until.0).await;
        Ok(days.map_err(|error| failed(ctx, error))?.into_iter().map(RevenueDay).collect())
    }

    /// Stripe's events as they were received, newest first; the dead letters are those in state DEAD.
    async fn stripe_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in this state.")] state: Option<enums::StripeEventState>,
        #[graphql(desc = "Only what fits all of this.")] filter: Option<StripeEventFilter>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<StripeEventConnection> {
        authorize(ctx, "Query")?;
        let page = PageArguments { first, after, last, before }.request()?;
        let mut filter = filter.unwrap_or_default().decode("filter")?;
        filter.state = filter.state.or(state.map(Into::into));
        let rows = store(ctx).list_stripe_events(&filter, &page).await.map_err(store_error(ctx))?;
        Ok(connection(
            rows,
            Total::StripeEvents(filter),
            domain::stripe_event::StripeEvent::place,
            StripeEvent,
        ))
    }

    /// How the intake of Stripe's events stands: what waits, the last sweep and comparison, the versions in play.
    async fn stripe_intake(&self, ctx: &Context<'_>) -> Result<StripeIntake> {
        authorize(ctx, "Query")?;
        StripeIntake::load(ctx).await
    }

    /// Fields in which rows and Stripe's objects differed when they were compared, newest first.
    async fn billing_drift(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this organization.")] organization_id: Option<ID>,
        #[graphql(desc = "Only those that are mended, or only those that are not; all when left out.")]
        is_mended: Option<bool>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<BillingDriftConnection> {
        authorize(ctx, "Query")?;
        let page = PageArguments { first, after, last, before }.request()?;
        let organization_id = match &organization_id {
            Some(id) => Some(OrganizationId(NodeKind::Organization.decode("organizationId", id)?)),
            None => None,
        };
        let filter = BillingDriftFilter { organization_id, is_mended };
        let rows = store(ctx).list_billing_drifts(filter, &page).await.map_err(store_error(ctx))?;
        let place = domain::billing_drift::BillingDrift::place;
        Ok(connection(rows, Total::BillingDrifts(filter), place, BillingDrift))
    }
}
