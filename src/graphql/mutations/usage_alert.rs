//! What an organization wants to be told of its usage.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::super::context::{authorize_in, caller_key, service, viewer};
use super::super::error::failed;
use super::super::node::NodeKind;
use super::super::scalars::{BigInt, DecimalNumber, MoneyInput};
use super::super::types::UserError;
use super::super::types::usage_alert::UsageAlert;
use super::answered;
use crate::domain::ids::OrganizationId;
use crate::service::{self, ThresholdInput};

/// From where on to be told: one of these.
#[derive(InputObject)]
pub struct UsageThresholdInput {
    /// So many units of the meter, above zero.
    units: Option<DecimalNumber>,
    /// So many percent of what is included, 1 to 1,000. Where nothing is, it is never reached.
    percent: Option<i32>,
    /// So much of what usage comes to, above zero, in the currency that the plan charges in.
    spend: Option<MoneyInput>,
}

/// What to be told of a meter, in the place of what was said before, or what is usual.
#[derive(InputObject)]
pub struct UsageAlertSetInput {
    /// The organization's id.
    organization_id: ID,
    /// The meter's name.
    meter: String,
    /// From where on: at most 20 thresholds, none for nothing.
    thresholds: Vec<UsageThresholdInput>,
    /// What usage may come to in a period: what would be above is refused with LIMIT_EXCEEDED. No limit when left out.
    spend_limit: Option<MoneyInput>,
    /// The version that the caller saw, 0 for what is usual, when it matters.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// What is told from now on.
#[derive(SimpleObject)]
pub struct UsageAlertSetPayload {
    /// It, as it is now; null when it was refused.
    usage_alert: Option<UsageAlert>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

/// Which alerts are to be as usual again.
#[derive(InputObject)]
pub struct UsageAlertRemoveInput {
    /// The organization's id.
    organization_id: ID,
    /// The meter's name.
    meter: String,
    /// The version that the caller saw, when it matters.
    expected_version: Option<BigInt>,
    /// The same key with the same input gives the same answer for 24 hours.
    idempotency_key: Option<String>,
}

/// What is as usual again.
#[derive(SimpleObject)]
pub struct UsageAlertRemovePayload {
    /// The meter's name; null when it was refused.
    meter: Option<String>,
    /// What must be mended.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct UsageAlertMutation;

fn permitted(ctx: &Context<'_>, id: &ID) -> Result<OrganizationId> {
    let id = OrganizationId(NodeKind::Organization.decode("input.organizationId", id)?);
    authorize_in(ctx, "Mutation", id, "organization")?;
    Ok(id)
}

#[Object]
impl UsageAlertMutation {
    /// Says from where on an organization is told of its usage of a meter, once for each threshold and period, and what usage
    /// may come to at most.
    async fn usage_alert_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to be told.")] input: UsageAlertSetInput,
    ) -> Result<UsageAlertSetPayload> {
        let organization_id = permitted(ctx, &input.organization_id)?;
        let key = caller_key(ctx, "usageAlertSet", Some(organization_id), input.idempotency_key);
        let thresholds = input.thresholds.into_iter().map(|threshold| ThresholdInput {
            units: threshold.units.map(|units| units.0.to_string()),
            percent: threshold.percent,
            spend: threshold.spend.map(Into::into),
        });
        let set = service::UsageAlertSetInput {
            organization_id,
            meter: input.meter.clone(),
            thresholds: thresholds.collect(),
            spend_limit: input.spend_limit.map(Into::into),
            expected_version: input.expected_version.map(|version| version.0),
        };
        let answer = service(ctx).set_usage_alert(viewer(ctx).actor(), set, key).await;
        let answer = answered(ctx, answer)?;
        let usage_alert = if answer.resource.is_some() {
            let states = service(ctx).usage_alerts(organization_id).await;
            let states = states.map_err(|error| failed(ctx, error))?;
            states.into_iter().find(|state| state.meter.meter.name == input.meter).map(UsageAlert)
        } else {
            None
        };
        let user_errors = answer.refusals.into_iter().map(UserError::from).collect();
        Ok(UsageAlertSetPayload { usage_alert, user_errors })
    }

    /// Lets what an organization is told of a meter be as usual again: 80 and 100 percent of what is included, and no limit of
    /// what may be spent.
    async fn usage_alert_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which alerts.")] input: UsageAlertRemoveInput,
    ) -> Result<UsageAlertRemovePayload> {
        let organization_id = permitted(ctx, &input.organization_id)?;
        let key = caller_key(ctx, "usageAlertRemove", Some(organization_id), input.idempotency_key);
        let remove = service::UsageAlertRemoveInput {
            organization_id,
            meter: input.meter.clone(),
            expected_version: input.expected_version.map(|version| version.0),
        };
        let answer = service(ctx).remove_usage_alert(viewer(ctx).actor(), remove, key).await;
        let answer = answered(ctx, answer)?;
        let meter = answer.resource.is_some().then_some(input.meter);
        let user_errors = answer.refusals.into_iter().map(UserError::from).collect();
        Ok(UsageAlertRemovePayload { meter, user_errors })
    }
}
