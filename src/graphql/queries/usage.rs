//! Meters, usage, and what may be used.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Duration, Utc};

use super::super::context::{authorize, service, store};
use super::super::error::{bad_input, failed, store as store_error};
use super::super::node::NodeKind;
use super::super::scalars::{DecimalNumber, optional_moment};
use super::super::types::entitlement::{Entitlement, EntitlementCheck, EntitlementOverride};
use super::super::types::usage::{MeterUsage, UsageReport};
use super::super::types::usage_alert::UsageAlert;
use super::super::types::usage_bill::{UsageBill, UsageCharge};
use super::super::types::{Meter, enums};
use super::organization::permitted;
use crate::domain::ids::OrganizationId;
use crate::domain::quantity::Quantity;
use crate::service::{UsageQuestion, UsageReportQuestion};

/// Charges in one answer at most.
const MAXIMUM_CHARGES: u64 = 400;

#[derive(Default)]
pub struct UsageQuery;

#[Object]
impl UsageQuery {
    /// What is measured, for all organizations alike, by name.
    async fn meters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Those out of use too.", default = false)] include_archived: bool,
    ) -> Result<Vec<Meter>> {
        authorize(ctx, "Query")?;
        let meters = store(ctx).list_meters().await.map_err(store_error(ctx))?;
        let wanted = meters.into_iter().filter(|meter| include_archived || meter.archived_at.is_none());
        Ok(wanted.map(Meter).collect())
    }

    /// What a meter says of an organization over a time, in whole hours, days or months of the organization's clock: at most
    /// 800.
    async fn usage_by_meter(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "The meter's name.")] meter: String,
        #[graphql(desc = "How fine.", default_with = "enums::UsageGranularity::Day")]
        granularity: enums::UsageGranularity,
        #[graphql(
            desc = "A time of the first; 23 hours, 29 days or 335 days before the last when nothing is said."
        )]
        since: Option<DateTime<Utc>>,
        #[graphql(desc = "The end, without it; now when nothing is said.")] until: Option<DateTime<Utc>>,
    ) -> Result<MeterUsage> {
        let organization_id = permitted(ctx, &organization_id)?;
        let question = UsageQuestion {
            organization_id,
            meter,
            granularity: granularity.into(),
            since: optional_moment("since", since)?,
            until: optional_moment("until", until)?,
        };
        let usage = service(ctx).usage_of_meter(question).await;
        Ok(usage.map_err(|error| failed(ctx, error))?.into())
    }

    /// A meter's usage by day, the days with the most, and what it was in as many days before.
    async fn usage_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "The meter's name.")] meter: String,
        #[graphql(desc = "A time of the first day; 29 days before the last when nothing is said.")]
        since: Option<DateTime<Utc>>,
        #[graphql(desc = "The end, without it; now when nothing is said.")] until: Option<DateTime<Utc>>,
        #[graphql(desc = "How many of the days with the most are named, at most 31.", default = 5)] top: i32,
    ) -> Result<UsageReport> {
        let organization_id = permitted(ctx, &organization_id)?;
        let question = UsageReportQuestion {
            organization_id,
            meter,
            since: optional_moment("since", since)?,
            until: optional_moment("until", until)?,
            top,
        };
        let report = service(ctx).usage_report(question).await;
        Ok(report.map_err(|error| failed(ctx, error))?.into())
    }

    /// What the usage of the running billing period comes to so far: what the next bill would add if nothing more were used.
    /// Null when nothing is charged for usage: without a paid subscription, in a trial, or where the plan has no charges.
    async fn usage_bill(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<Option<UsageBill>> {
        let organization_id = permitted(ctx, &organization_id)?;
        let bill = service(ctx).running_usage(organization_id).await;
        Ok(bill.map_err(|error| failed(ctx, error))?.and_then(UsageBill::of))
    }

    /// What was billed for usage, or is to be, of billing periods that are over: the newest first, at most 400.
    async fn usage_charges(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "From periods that began then or later; 400 days ago when nothing is said.")]
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<UsageCharge>> {
        let organization_id = permitted(ctx, &organization_id)?;
        let since = optional_moment("since", since)?;
        let since = since.unwrap_or_else(|| service(ctx).clock().now() - Duration::days(400));
        let charges = store(ctx).list_usage_charges(organization_id, since, MAXIMUM_CHARGES).await;
        let charges = charges.map_err(store_error(ctx))?;
        let meters = store(ctx).list_meters().await.map_err(store_error(ctx))?;
        let with_meter = charges.into_iter().filter_map(|charge| {
            let meter = meters.iter().find(|meter| meter.id == charge.meter_id)?.clone();
            Some(UsageCharge::of(charge, meter.into()))
        });
        Ok(with_meter.collect())
    }

    /// Every feature that an organization has by its plan and what overrides it, with what was used of it, by name.
    async fn entitlements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<Vec<Entitlement>> {
        let organization_id = permitted(ctx, &organization_id)?;
        let entitlements = service(ctx).entitlements(organization_id).await;
        Ok(entitlements.map_err(|error| failed(ctx, error))?.into_iter().map(Entitlement).collect())
    }

    /// Whether an organization may use so much more of a feature. Asking uses nothing: what is recorded is held to the limit
    /// again.
    async fn entitlement_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
        #[graphql(desc = "The feature's name in plans.")] feature: String,
        #[graphql(
            desc = "How much more of what is metered, or how many in all of what is not; 1 when nothing is said."
        )]
        quantity: Option<DecimalNumber>,
    ) -> Result<EntitlementCheck> {
        let organization_id = permitted(ctx, &organization_id)?;
        let quantity = match quantity {
            Some(number) => {
                Quantity::try_from(number.0).map_err(|error| bad_input(format!("quantity: {error}")))?
            }
            None => Quantity::from(1_u32),
        };
        let checked = service(ctx).check_entitlement(organization_id, &feature, quantity).await;
        Ok(checked.map_err(|error| failed(ctx, error))?.into())
    }

    /// What an organization is told of its usage, and where it stands, by meter: of those with a limit, and those about which it
    /// has said something.
    async fn usage_alerts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<Vec<UsageAlert>> {
        let organization_id = permitted(ctx, &organization_id)?;
        let states = service(ctx).usage_alerts(organization_id).await;
        Ok(states.map_err(|error| failed(ctx, error))?.into_iter().map(UsageAlert).collect())
    }

    /// What overrides an organization's plan, what has expired too, by feature. For platform staff.
    async fn entitlement_overrides(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<Vec<EntitlementOverride>> {
        authorize(ctx, "Query")?;
        let id = OrganizationId(NodeKind::Organization.decode("organizationId", &organization_id)?);
        let rows = store(ctx).list_entitlement_overrides(id).await.map_err(store_error(ctx))?;
        Ok(rows.into_iter().map(EntitlementOverride).collect())
    }
}
