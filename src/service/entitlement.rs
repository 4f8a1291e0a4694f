//! What organizations may use: asked, and overridden by platform staff.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::check_version;
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::entitlement::{
    Entitlement, EntitlementCheck, EntitlementOverride, EntitlementReason, EntitlementRules, FeatureTerms,
    MAXIMUM_OVERRIDES, MeteredTerms, check, check_feature_name, forecast, level_after,
};
use crate::domain::ids::{EntitlementOverrideId, MeterId, OrganizationId};
use crate::domain::meter::Aggregation;
use crate::domain::proration::Span;
use crate::domain::quantity::Quantity;
use crate::domain::text::required_text;
use crate::domain::usage_bucket::local_day;
use crate::store::StoreError;

/// Bytes of an override's value at most, as JSON.
const MAXIMUM_VALUE: usize = 2_048;

/// An override to be set.
#[derive(Clone, Debug, Serialize)]
pub struct EntitlementOverrideSetInput {
    /// For whom.
    pub organization_id: OrganizationId,
    /// The feature's name in plans.
    pub feature: String,
    /// What counts in the place of the plan's value.
    pub value: serde_json::Value,
    /// Why.
    pub reason: String,
    /// From when on the plan's value counts again.
    pub expires_at: Option<DateTime<Utc>>,
    /// The version that it was decided on, when that matters; zero for none.
    pub expected_version: Option<i64>,
}

/// An override to be taken away.
#[derive(Clone, Debug, Serialize)]
pub struct EntitlementOverrideRemoveInput {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The feature's name in plans.
    pub feature: String,
    /// The version that it was decided on, when that matters.
    pub expected_version: Option<i64>,
}

/// A feature that an organization has, with how much of it was used.
#[derive(Clone, Debug, PartialEq)]
pub struct EntitlementState {
    /// The feature.
    pub entitlement: Entitlement,
    /// Its bound and what was used.
    pub check: EntitlementCheck,
    /// When the meter's period began, of a meter that is ever reset.
    pub period_start: Option<DateTime<Utc>>,
    /// When it ends, of one that has an end.
    pub period_end: Option<DateTime<Utc>>,
    /// What will be used by then, if it goes on as it did.
    pub forecast: Option<Quantity>,
}

impl Service {
    /// Every feature that an organization has, with what was used of it.
    pub async fn entitlements(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<EntitlementState>, ServiceError> {
        let (rules, now) = (self.entitlement_rules(organization).await?, self.clock.now());
        let entitlements = rules.entitlements(now);
        let asked: Vec<&MeteredTerms> = entitlements.values().filter_map(|it| metered(&it.terms)).collect();
        let used = self.used(organization, &rules, &asked, now).await?;
        let states = entitlements.into_values().map(|entitlement| {
            let usage = metered_usage(&entitlement.terms, &used);
            let meter = metered(&entitlement.terms).and_then(|terms| rules.meter(&terms.meter));
            let span = meter.and_then(|meter| rules.counting_span(&meter.meter, now));
            let foretold = meter
                .zip(span)
                .zip(usage)
                .and_then(|((meter, span), used)| forecast(meter.meter.aggregation, used, span, now));
            EntitlementState {
                period_end: span.map(Span::end),
                forecast: foretold,
                check: check(Some(&entitlement.terms), usage.unwrap_or_default(), Quantity::ZERO),
                period_start: span.map(Span::start),
                entitlement,
            }
        });
        Ok(states.collect())
    }

    /// Whether an organization may use so much more of a feature.
    pub async fn check_entitlement(
        &self,
        organization: OrganizationId,
        feature: &str,
        quantity: Quantity,
    ) -> Result<EntitlementCheck, ServiceError> {
        let (rules, now) = (self.entitlement_rules(organization).await?, self.clock.now());
        let mut entitlements = rules.entitlements(now);
        let terms = entitlements.remove(feature).map(|it| it.terms);
        let metered: Vec<&MeteredTerms> = terms.as_ref().and_then(metered).into_iter().collect();
        let used = self.used(organization, &rules, &metered, now).await?;
        let usage = terms.as_ref().and_then(|terms| metered_usage(terms, &used)).unwrap_or_default();
        let mut checked = check(terms.as_ref(), usage, quantity);
        let of_meter = terms.as_ref().and_then(self::metered);
        if let Some(meter) = of_meter.and_then(|terms| rules.meter(&terms.meter))
            && let Some(limit) = rules.spend_limits(now).get(&meter.meter.name)
            && checked.is_allowed()
            && !limit.allows(usage, level_after(meter.meter.aggregation, usage, quantity))
        {
            checked.reason = EntitlementReason::LimitExceeded;
        }
        Ok(checked)
    }

    /// What was used of meters in the periods that run, by the meter's name.
    async fn used(
        &self,
        organization: OrganizationId,
        rules: &Arc<EntitlementRules>,
        metered: &[&MeteredTerms],
        now: DateTime<Utc>,
    ) -> Result<HashMap<String, Quantity>, ServiceError> {
        let mut periods: Vec<(MeterId, DateTime<Utc>)> = Vec::new();
        let mut asked = Vec::new();
        for terms in metered {
            let Some(definition) = rules.meter(&terms.meter) else { continue };
            let Some(start) = rules.counting_period(&definition.meter, now) else { continue };
            periods.push((definition.id, start));
            asked.push((definition, start));
        }
        let counters = self.store.usage_counters(organization, &periods).await?;
        let mut used = HashMap::new();
        for (definition, start) in asked {
            let aggregation = definition.meter.aggregation;
            let quantity = if aggregation == Aggregation::UniqueCount {
                let since = local_day(start, rules.zone);
                let number = self.store.count_usage_keys(organization, definition.id, since).await?;
                u32::try_from(number).unwrap_or(u32::MAX).into()
            } else {
                counters.get(&definition.id).map(|totals| totals.used(aggregation)).unwrap_or_default()
            };
            used.insert(definition.meter.name.clone(), quantity);
        }
        Ok(used)
    }

    /// Sets what counts for one organization in the place of its plan's value.
    pub async fn set_entitlement_override(
        &self,
        actor: &Actor,
        input: EntitlementOverrideSetInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let found = self.store.find_organization(organization).await?;
                found.ok_or(ServiceError::NotFound("organization"))?;
                let mut refusals = Refusals::default();
                refusals.check("feature", check_feature_name(&input.feature));
                let reason = refusals.check("reason", required_text(&input.reason, 500));
                let meters = self.store.list_meters().await?;
                refusals.check("value", FeatureTerms::read(&input.feature, &input.value, &meters));
                if input.value.to_string().len() > MAXIMUM_VALUE {
                    let message = format!("A value has at most {MAXIMUM_VALUE} bytes of JSON.");
                    refusals.add(Refusal::bad_input("value", message));
                }
                if input.expires_at.is_some_and(|expires_at| expires_at <= self.clock.now()) {
                    refusals.add(Refusal::bad_input("expiresAt", "It must end in the future."));
                }
                refusals.finish()?;
                let reason = reason.expect("refused above when it is missing");
                let transaction = self.store.begin_in(organization).await?;
                let old = transaction.find_entitlement_override(organization, &input.feature).await?;
                let version = old.as_ref().map_or(0, |old| old.version);
                check_version(version, input.expected_version, "override")?;
                if old.is_none()
                    && transaction.count_entitlement_overrides(organization).await? >= MAXIMUM_OVERRIDES
                {
                    let message = format!("An organization has {MAXIMUM_OVERRIDES} overrides at most.");
                    return Err(Refusal::at("", ErrorCode::LimitExceeded, message).into());
                }
                let now = transaction.now();
                let new = EntitlementOverride {
                    id: old
                        .as_ref()
                        .map_or_else(|| EntitlementOverrideId(transaction.next_id()), |old| old.id),
                    organization_id: organization,
                    feature: input.feature.clone(),
                    value: input.value.clone(),
                    reason,
                    expires_at: input.expires_at,
                    updated_by: actor.user_id,
                    version: version + 1,
                    created_at: old.as_ref().map_or(now, |old| old.created_at),
                    updated_at: now,
                };
                let written = transaction.write_entitlement_override(old.as_ref(), &new).await;
                written.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(
                    Some(organization),
                    "entitlement_override.set",
                    "entitlement_override",
                    new.id,
                );
                let entry = match &old {
                    Some(old) => entry.changed(&old.audit_values(), &new.audit_values()),
                    None => entry.created(new.audit_values()),
                };
                Answer::of(Resource::EntitlementOverride(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Takes an override away: the plan's value counts again.
    pub async fn remove_entitlement_override(
        &self,
        actor: &Actor,
        input: EntitlementOverrideRemoveInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let transaction = self.store.begin_in(organization).await?;
                let old = transaction.find_entitlement_override(organization, &input.feature).await?;
                let old = old.ok_or(ServiceError::NotFound("entitlement override"))?;
                check_version(old.version, input.expected_version, "override")?;
                transaction.remove_entitlement_override(&old).await.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(
                    Some(organization),
                    "entitlement_override.remove",
                    "entitlement_override",
                    old.id,
                )
                .ended(old.audit_values(), serde_json::json!({}));
                Answer::of(Resource::EntitlementOverride(old.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }
}

const fn metered(terms: &FeatureTerms) -> Option<&MeteredTerms> {
    match terms {
        FeatureTerms::Metered(terms) => Some(terms),
        FeatureTerms::Boolean(_) | FeatureTerms::Number(_) | FeatureTerms::Opaque => None,
    }
}

fn metered_usage(terms: &FeatureTerms, used: &HashMap<String, Quantity>) -> Option<Quantity> {
    used.get(&metered(terms)?.meter).copied()
}

fn changed_meanwhile(error: StoreError) -> ServiceError {
    match error {
        StoreError::Changed(_) => {
            Refusal::conflict("The override was changed meanwhile. Read it again, and decide anew.").into()
        }
        error => error.into(),
    }
}
