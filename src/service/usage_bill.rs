//! What usage comes to: a billing period's, rated by what the plan charged when it began.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Service;
use super::error::ServiceError;
use crate::domain::entitlement::{EntitlementRules, FeatureTerms};
use crate::domain::ids::{OrganizationId, PlanId};
use crate::domain::meter_definition::MeterDefinition;
use crate::domain::money::Money;
use crate::domain::plan_charge::PlanCharge;
use crate::domain::proration::Span;
use crate::domain::quantity::Quantity;
use crate::domain::rating::Segment;
use crate::domain::usage::{UsageStretch, quantity_of};
use crate::domain::usage_charge::{MeterSegments, PeriodBill, charge_of, describe};
use crate::domain::usage_period::{SegmentTerms, UsagePeriod};
use crate::payments::UsageItem;

impl Service {
    /// What the usage of an organization's running billing period comes to so far, by meter and in all
    /// ([`PeriodBill::total`]): what the next bill would add if nothing more were used. A level counts as if it stayed what it is,
    /// and the plan as if it stayed to the period's end. `None` when nothing is charged for usage: no paid subscription, a trial,
    /// or a plan without charges.
    ///
    /// It reads what was added up by the hour, and the events of the two hours that the period cuts.
    pub async fn running_usage(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<PeriodBill>, ServiceError> {
        let current = self.store.find_current_subscription(organization).await?;
        let live = current.map(|view| view.subscription).filter(|row| row.status.is_live());
        let Some(subscription) = live else { return Ok(None) };
        let period = self.store.newest_usage_period(subscription.id).await?;
        let Some(period) = period.filter(|period| period.ended_at.is_none()) else { return Ok(None) };
        let rules = self.entitlement_rules(organization).await?;
        let terms = self.usage_terms(&period, &rules).await?;
        let bill = self.rate_usage(period, &terms, &rules).await?;
        Ok(Some(bill).filter(|bill| !bill.meters.is_empty()))
    }

    /// What the running period's usage would add to the next bill, line by line.
    pub(super) async fn upcoming_usage(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<UsageItem>, ServiceError> {
        let Some(bill) = self.running_usage(organization).await? else { return Ok(Vec::new()) };
        let Some(period) = bill.period.span() else { return Ok(Vec::new()) };
        let costing = bill.meters.iter().filter(|meter| meter.total_minor != 0);
        let items = costing.map(|meter| UsageItem {
            amount: Money::new(meter.total_minor, meter.currency),
            description: describe(&meter.meter, meter.quantity, &meter.lines(), period, false),
            period,
        });
        Ok(items.collect())
    }

    /// What a period is rated by: what it was closed by, else what holds of its segments. An organization's own included
    /// quantity takes the place of the plan's for all of the period, when it holds now.
    pub(super) async fn usage_terms(
        &self,
        period: &UsagePeriod,
        rules: &EntitlementRules,
    ) -> Result<Vec<SegmentTerms>, ServiceError> {
        if let Some(terms) = &period.terms {
            return Ok(terms.clone());
        }
        let segments = period.billed_segments();
        let plans: BTreeSet<PlanId> = segments.iter().filter_map(|(_, segment)| segment.plan_id).collect();
        let plans: Vec<PlanId> = plans.into_iter().collect();
        let history = self.store.plan_charges(&plans).await?;
        let own = own_included(rules, self.clock.now(), period.end());
        let terms = segments.into_iter().filter_map(|(span, segment)| {
            let (plan, currency) = (segment.plan_id?, segment.currency?);
            let charges = history.at(plan, span.start()).iter();
            let charges = charges.filter(|charge| charge.charge.terms().currency == currency);
            let charges: Vec<PlanCharge> = charges
                .map(|charge| match own.get(charge.meter.as_str()) {
                    Some(included) => charge.including(*included),
                    None => charge.clone(),
                })
                .collect();
            (!charges.is_empty()).then_some(SegmentTerms { span, charges })
        });
        Ok(terms.collect())
    }

    /// What a period comes to by these terms, by meter. A meter that nobody knows any more is left out, and said.
    pub(super) async fn rate_usage(
        &self,
        period: UsagePeriod,
        terms: &[SegmentTerms],
        rules: &Arc<EntitlementRules>,
    ) -> Result<PeriodBill, ServiceError> {
        let names: BTreeSet<&str> =
            terms.iter().flat_map(|terms| &terms.charges).map(|charge| charge.meter.as_str()).collect();
        let mut meters = Vec::with_capacity(names.len());
        for name in names {
            let Some(meter) = rules.meter(name) else {
                tracing::error!(organization = %period.organization_id, meter = name, "a plan charges for a meter that there is not");
                continue;
            };
            let mut segments = Vec::new();
            for one in terms {
                let Some(charge) = charge_of(one, name) else { continue };
                let usage = self.used_within(period.organization_id, meter, one.span, rules).await?;
                segments.push(Segment { span: one.span, charge, usage });
            }
            // A subscription has one currency: what was billed in another before is another bill's.
            if let Some(currency) = segments.last().map(|segment| segment.charge.terms().currency) {
                segments.retain(|segment| segment.charge.terms().currency == currency);
            }
            let rated = MeterSegments { meter, segments, period: &period }.rate();
            let rated = rated.map_err(|error| {
                ServiceError::Panicked(format!("usage of {name} cannot be rated: {error}"))
            })?;
            meters.extend(rated);
        }
        Ok(PeriodBill { period, meters })
    }

    /// What a meter says of a stretch of time, to the microsecond.
    async fn used_within(
        &self,
        organization: OrganizationId,
        meter: &MeterDefinition,
        span: Span,
        rules: &EntitlementRules,
    ) -> Result<Quantity, ServiceError> {
        let aggregation = meter.meter.aggregation;
        let usage = self.store.usage_within(organization, meter.id, aggregation, span, rules.zone).await?;
        if usage.stretches.is_empty() && meter.meter.carries_over() {
            return Ok(self
                .store
                .level_before(organization, meter.id, span.start())
                .await?
                .unwrap_or_default());
        }
        let stretches: Vec<&UsageStretch> = usage.stretches.iter().collect();
        let keys: Vec<&str> = usage.keys.iter().map(String::as_str).collect();
        quantity_of(aggregation, &stretches, &keys, span, rules.zone)
            .map_err(|error| ServiceError::Panicked(format!("usage cannot be added up: {error}")))
    }
}

/// What an organization has included in the place of its plan, by meter: what holds now, and was there before the period's
/// end.
fn own_included(
    rules: &EntitlementRules,
    now: DateTime<Utc>,
    period_end: DateTime<Utc>,
) -> BTreeMap<String, Quantity> {
    let held = rules.overrides.iter().filter(|it| it.counts(now) && it.created_at < period_end);
    let metered = held.filter_map(|it| match FeatureTerms::read(&it.feature, &it.value, &rules.meters) {
        Ok(FeatureTerms::Metered(terms)) => Some((terms.meter, terms.included)),
        _ => None,
    });
    let mut included: BTreeMap<String, Quantity> = BTreeMap::new();
    for (meter, quantity) in metered {
        let most = included.entry(meter).or_insert(quantity);
        *most = quantity.max(*most);
    }
    included
}
