//! Alerts of usage: what an organization wants to be told, and telling it once.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::json;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::{authority, check_version};
use super::error::{Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::notification::tell;
use crate::domain::access::QuotaFact;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::entitlement::{EntitlementRules, LimitKind};
use crate::domain::ids::{MeterId, OrganizationId, UsageAlertId, UsageNoticeId};
use crate::domain::meter::Aggregation;
use crate::domain::meter_definition::MeterDefinition;
use crate::domain::money::Money;
use crate::domain::notification::Fact;
use crate::domain::permission::Permission;
use crate::domain::proration::Span;
use crate::domain::quantity::Quantity;
use crate::domain::usage_alert::{
    MAXIMUM_PERCENT, RaisedNotice, Threshold, ThresholdError, UsageAlert, UsageNotice, UsageReading,
    UsageWatch, check,
};
use crate::domain::usage_bucket::local_day;
use crate::store::{StoreError, UsageAlertStanding};

/// Organizations that are looked at in one round.
const BATCH: u64 = 200;
/// What is watched is looked at at least so often: a limit may have changed while nobody heard.
const AT_LEAST: TimeDelta = TimeDelta::hours(1);
/// How often one organization is read again when somebody else was faster.
const ROUNDS: usize = 5;

/// A threshold as somebody asks for it: one of these.
#[derive(Clone, Debug, Serialize)]
pub struct ThresholdInput {
    /// So many units.
    pub units: Option<String>,
    /// So many percent of the limit.
    pub percent: Option<i32>,
    /// So much money.
    pub spend: Option<Money>,
}

/// What an organization wants to be told of a meter from now on.
#[derive(Clone, Debug, Serialize)]
pub struct UsageAlertSetInput {
    /// Whose usage.
    pub organization_id: OrganizationId,
    /// The meter's name.
    pub meter: String,
    /// From where on; none for nothing.
    pub thresholds: Vec<ThresholdInput>,
    /// What usage may come to in a period: what would be above is refused.
    pub spend_limit: Option<Money>,
    /// The version that it was decided on, when that matters; zero for none.
    pub expected_version: Option<i64>,
}

/// What an organization wants to be told of a meter is to be as usual again.
#[derive(Clone, Debug, Serialize)]
pub struct UsageAlertRemoveInput {
    /// Whose usage.
    pub organization_id: OrganizationId,
    /// The meter's name.
    pub meter: String,
    /// The version that it was decided on, when that matters.
    pub expected_version: Option<i64>,
}

/// What is watched of a meter, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageAlertState {
    /// The meter.
    pub meter: MeterDefinition,
    /// What the organization has said; `None` when it is as usual.
    pub alert: Option<UsageAlert>,
    /// From where on it is told, each with whether it is reached.
    pub thresholds: Vec<(Threshold, bool)>,
    /// What the meter says in the period that runs.
    pub reading: UsageReading,
    /// When that period ends, of one that has an end.
    pub period_end: Option<DateTime<Utc>>,
}

/// A meter that is watched, read.
struct Watched<'a> {
    definition: &'a MeterDefinition,
    watch: Option<UsageWatch>,
    reading: UsageReading,
    /// When its period ends, of one that has an end.
    end: Option<DateTime<Utc>>,
}

impl Watched<'_> {
    /// Since when a limit that refuses is used up.
    fn used_up(
        &self,
        rules: &EntitlementRules,
        before: Option<QuotaFact>,
        now: DateTime<Utc>,
    ) -> Option<QuotaFact> {
        let terms = rules.terms_of(&self.definition.meter.name, now)?;
        let is_used_up = terms.limit == LimitKind::Hard
            && self.reading.usage > Quantity::ZERO
            && self.reading.usage >= terms.included;
        is_used_up.then(|| {
            let same = before.filter(|before| before.until == self.end);
            QuotaFact { since: same.map_or(now, |before| before.since), until: self.end }
        })
    }

    /// When it is to be looked at though nothing is recorded.
    fn look_again_at(&self, used_up: Option<QuotaFact>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let soon = now + AT_LEAST;
        let is_kept = self.watch.is_some() || used_up.is_some();
        is_kept.then(|| self.end.map_or(soon, |end| end.min(soon)))
    }
}

/// What is to be written of one meter.
struct Change<'a> {
    meter: &'a MeterDefinition,
    reading: UsageReading,
    old: UsageAlertStanding,
    new: UsageAlertStanding,
    notices: Vec<UsageNotice>,
}

fn meter_of<'a>(rules: &'a EntitlementRules, name: &str) -> Result<&'a MeterDefinition, Refusal> {
    rules.meter(name).ok_or_else(|| {
        let name: String = name.chars().take(64).collect();
        Refusal::bad_input("meter", format!("There is no meter {name:?}. The query `meters` lists them."))
    })
}

/// The thresholds that are asked for, or what is wrong with them.
fn thresholds(asked: &[ThresholdInput], refusals: &mut Refusals) -> Vec<Threshold> {
    let mut thresholds = Vec::with_capacity(asked.len());
    for (place, asked) in asked.iter().enumerate() {
        let path = format!("thresholds.{place}");
        let threshold = match (&asked.units, asked.percent, asked.spend) {
            (Some(units), None, None) => {
                refusals.check(&format!("{path}.units"), units.parse()).map(Threshold::Units)
            }
            (None, Some(percent), None) => {
                // What is above is said once for all.
                let percent = u16::try_from(percent.clamp(0, i32::from(MAXIMUM_PERCENT) + 1));
                percent.ok().map(Threshold::Percent)
            }
            (None, None, Some(spend)) => Some(Threshold::Spend(spend)),
            _ => {
                let message = "Say one of units, percent and spend.";
                refusals.add(Refusal::bad_input(&path, message));
                None
            }
        };
        thresholds.extend(threshold);
    }
    thresholds
}

/// The place of a threshold that cannot be taken.
fn path_of(error: ThresholdError) -> String {
    match error {
        ThresholdError::TooMany => "thresholds".to_owned(),
        ThresholdError::NotAboveZero { index }
        | ThresholdError::AboveMaximum { index }
        | ThresholdError::Twice { index } => format!("thresholds.{index}"),
    }
}

fn changed_meanwhile(error: StoreError) -> ServiceError {
    match error {
        StoreError::Changed(_) => {
            Refusal::conflict("The alerts were changed meanwhile. Read them again, and decide anew.").into()
        }
        error => error.into(),
    }
}

impl Service {
    /// What is watched of an organization's usage, by meter, and where it stands.
    pub async fn usage_alerts(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<UsageAlertState>, ServiceError> {
        let (rules, now) = (self.fresh_entitlement_rules(organization).await?, self.clock.now());
        let watched = self.watched(organization, &rules, |_| false, now).await?;
        let standings = self.store.usage_alert_standings(organization).await?;
        let states = watched.into_iter().map(|it| {
            let state = standings.get(&it.definition.id).map(|standing| &standing.state);
            let state = state.filter(|state| state.period_start == Some(it.reading.period_start));
            let is_reached = |threshold: &Threshold| {
                state.is_some_and(|state| {
                    state.reached.iter().any(|it| it.threshold == *threshold && !it.has_recovered)
                })
            };
            let watch = it.watch.unwrap_or_default();
            UsageAlertState {
                meter: it.definition.clone(),
                alert: rules.alerts.iter().find(|alert| alert.meter_id == it.definition.id).cloned(),
                thresholds: watch.thresholds.iter().map(|it| (*it, is_reached(it))).collect(),
                reading: it.reading,
                period_end: it.end,
            }
        });
        Ok(states.collect())
    }

    /// The meters that are watched, or of which something was told, read.
    async fn watched<'a>(
        &self,
        organization: OrganizationId,
        rules: &'a EntitlementRules,
        is_told: impl Fn(MeterId) -> bool,
        now: DateTime<Utc>,
    ) -> Result<Vec<Watched<'a>>, ServiceError> {
        let mut asked = Vec::new();
        for definition in &rules.meters {
            let watch = rules.watch(definition, now);
            let Some(start) = rules.counting_period(&definition.meter, now) else { continue };
            if watch.is_some() || is_told(definition.id) {
                asked.push((definition, watch, start));
            }
        }
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let periods: Vec<_> = asked.iter().map(|(definition, _, start)| (definition.id, *start)).collect();
        let counters = self.store.usage_counters(organization, &periods).await?;
        let bill = if rules.charges.is_empty() { None } else { self.running_usage(organization).await? };
        let mut watched = Vec::with_capacity(asked.len());
        for (definition, watch, start) in asked {
            let usage = match definition.meter.aggregation {
                Aggregation::UniqueCount => {
                    let since = local_day(start, rules.zone);
                    let number = self.store.count_usage_keys(organization, definition.id, since).await?;
                    u32::try_from(number).unwrap_or(u32::MAX).into()
                }
                aggregation => {
                    counters.get(&definition.id).map(|totals| totals.used(aggregation)).unwrap_or_default()
                }
            };
            let billed = bill.as_ref().map(|bill| bill.meters.as_slice()).unwrap_or_default();
            let billed = billed.iter().find(|bill| bill.meter.id == definition.id);
            let reading = UsageReading {
                period_start: start,
                usage,
                limit: rules.terms_of(&definition.meter.name, now).map(|terms| terms.included),
                spend: billed.map(|bill| Money::new(bill.total_minor, bill.currency)),
            };
            let end = rules.counting_span(&definition.meter, now).map(Span::end);
            watched.push(Watched { definition, watch, reading, end });
        }
        Ok(watched)
    }

    /// Sets what an organization wants to be told of a meter, in the place of what is usual.
    pub async fn set_usage_alert(
        &self,
        actor: &Actor,
        input: UsageAlertSetInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let (rules, now) = (self.fresh_entitlement_rules(organization).await?, self.clock.now());
                let mut refusals = Refusals::default();
                let meter = meter_of(&rules, &input.meter);
                if let Err(refusal) = &meter {
                    refusals.add(refusal.clone());
                }
                let thresholds = thresholds(&input.thresholds, &mut refusals);
                if thresholds.len() == input.thresholds.len()
                    && let Err(error) = check(&thresholds)
                {
                    refusals.add(Refusal::bad_input(&path_of(error), error));
                }
                let charged = rules.charge_of(&input.meter, now).map(|charge| charge.terms().currency);
                let spends = thresholds.iter().enumerate().filter_map(|(place, threshold)| match threshold {
                    Threshold::Spend(spend) => Some((format!("thresholds.{place}.spend"), *spend)),
                    _ => None,
                });
                let limit = input.spend_limit.map(|limit| ("spendLimit".to_owned(), limit));
                for (path, money) in spends.chain(limit.clone()) {
                    if let Some(currency) = charged.filter(|currency| *currency != money.currency) {
                        let message = format!("The plan charges for this meter in {currency}.");
                        refusals.add(Refusal::bad_input(&path, message));
                    }
                }
                if let Some((path, _)) = limit.filter(|(_, limit)| limit.minor <= 0) {
                    refusals.add(Refusal::bad_input(&path, "A limit is above zero."));
                }
                refusals.finish()?;
                let meter = meter?;
                let transaction = self.store.begin_in(organization).await?;
                authority(&transaction, organization, actor, Permission::BillingWrite).await?;
                let old = transaction.find_usage_alert(organization, meter.id).await?;
                let version = old.as_ref().map_or(0, |old| old.version);
                check_version(version, input.expected_version, "alerts")?;
                let at = transaction.now();
                let new = UsageAlert {
                    id: old.as_ref().map_or_else(|| UsageAlertId(transaction.next_id()), |old| old.id),
                    organization_id: organization,
                    meter_id: meter.id,
                    thresholds,
                    spend_limit: input.spend_limit,
                    updated_by: actor.user_id,
                    version: version + 1,
                    created_at: old.as_ref().map_or(at, |old| old.created_at),
                    updated_at: at,
                };
                transaction.write_usage_alert(old.as_ref(), &new).await.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(Some(organization), "usage_alert.set", "usage_alert", new.id);
                let entry = match &old {
                    Some(old) => entry.changed(&old.audit_values(), &new.audit_values()),
                    None => entry.created(new.audit_values()),
                };
                Answer::of(Resource::UsageAlert(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Lets what an organization is told of a meter be as usual again.
    pub async fn remove_usage_alert(
        &self,
        actor: &Actor,
        input: UsageAlertRemoveInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let rules = self.entitlement_rules(organization).await?;
                let meter = meter_of(&rules, &input.meter)?;
                let transaction = self.store.begin_in(organization).await?;
                authority(&transaction, organization, actor, Permission::BillingWrite).await?;
                let old = transaction.find_usage_alert(organization, meter.id).await?;
                let old = old.ok_or_else(|| {
                    Refusal::conflict("Nothing was set for this meter: its alerts are as usual already.")
                })?;
                check_version(old.version, input.expected_version, "alerts")?;
                transaction.remove_usage_alert(&old).await.map_err(changed_meanwhile)?;
                let entry = AuditEntry::new(Some(organization), "usage_alert.remove", "usage_alert", old.id)
                    .ended(old.audit_values(), json!({}));
                Answer::of(Resource::UsageAlert(old.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Looks at the usage of everybody of whom something was recorded since, or whose period is over. Says how many notices were
    /// raised.
    pub async fn look_at_usage(&self) -> Result<usize, ServiceError> {
        let (mut after, mut raised) = (None, 0);
        loop {
            let organizations = self.store.list_usage_to_look_at(after, BATCH).await?;
            let Some(last) = organizations.last() else { return Ok(raised) };
            after = Some(*last);
            for organization in organizations {
                match self.look_at_usage_of(organization).await {
                    Ok(notices) => raised += notices,
                    // The others are looked at all the same, and this one again in the next round.
                    Err(error) => {
                        let source = std::error::Error::source(&error);
                        tracing::error!(%organization, %error, ?source, "usage could not be looked at");
                    }
                }
            }
        }
    }

    /// Looks at one organization's usage, and raises the notices that it leads to: once, whoever looks at the same time. Says
    /// how many.
    pub async fn look_at_usage_of(&self, organization: OrganizationId) -> Result<usize, ServiceError> {
        for _ in 0..ROUNDS {
            // As it is before anything is read: what comes meanwhile is looked at again.
            let unseen = self.store.unseen_usage_counters(organization).await?;
            let standings = self.store.usage_alert_standings(organization).await?;
            let (rules, now) = (self.fresh_entitlement_rules(organization).await?, self.clock.now());
            let watched = self.watched(organization, &rules, |id| standings.contains_key(&id), now).await?;
            let mut changes = Vec::new();
            for it in &watched {
                let known = standings.get(&it.definition.id);
                let old = known.cloned().unwrap_or_default();
                let thresholds =
                    it.watch.as_ref().map(|watch| watch.thresholds.as_slice()).unwrap_or_default();
                let (state, notices) = old.state.observe(thresholds, &it.reading);
                let used_up = it.used_up(&rules, old.used_up, now);
                let look_again_at = it.look_again_at(used_up, now);
                if notices.is_empty() && used_up == old.used_up {
                    self.store
                        .look_at_usage_again(organization, it.definition.id, known, look_again_at)
                        .await?;
                    continue;
                }
                let new = UsageAlertStanding { state, used_up, look_again_at };
                let (meter, reading) = (it.definition, it.reading);
                changes.push(Change { meter, reading, old, new, notices });
            }
            let raised = if changes.is_empty() {
                Some(0)
            } else {
                self.raise(organization, &rules.alerts, &changes).await?
            };
            if let Some(raised) = raised {
                self.store.mark_usage_seen(organization, &unseen).await?;
                return Ok(raised);
            }
        }
        // Others are at it. Nothing is marked, so it is looked at again.
        Ok(0)
    }

    /// Writes what follows from a reading, unless somebody else has told something since, or other things are wanted: then what
    /// was read may be older than what they read. Says how many notices were raised.
    async fn raise(
        &self,
        organization: OrganizationId,
        alerts: &[UsageAlert],
        changes: &[Change<'_>],
    ) -> Result<Option<usize>, ServiceError> {
        let transaction = self.store.begin_in(organization).await?;
        let now_told = transaction.usage_alert_standings(organization).await?;
        let is_as_told = changes.iter().all(|change| {
            let told = now_told.get(&change.meter.id).cloned().unwrap_or_default();
            (told.state, told.used_up) == (change.old.state.clone(), change.old.used_up)
        });
        if !is_as_told || transaction.usage_alerts(organization).await? != *alerts {
            transaction.rollback().await?;
            return Ok(None);
        }
        let now = transaction.now();
        let (mut raised, mut limits) = (Vec::new(), Vec::new());
        for Change { meter, reading, old, new, notices } in changes {
            let MeterDefinition { id: meter_id, meter, .. } = meter;
            transaction.put_usage_alert_standing(organization, *meter_id, old, new).await?;
            if new.used_up != old.used_up {
                let since = new.used_up.map(|fact| fact.since);
                limits.push(json!({ "meter": meter.name, "usedUpSince": since }));
            }
            for notice in notices {
                let raised_notice = RaisedNotice {
                    id: UsageNoticeId(transaction.next_id()),
                    organization_id: organization,
                    meter_id: *meter_id,
                    notice: *notice,
                    reading: *reading,
                    created_at: now,
                };
                if !transaction.write_usage_notice(&raised_notice).await? {
                    continue;
                }
                let fact = Fact::UsageAlert {
                    usage_notice_id: raised_notice.id,
                    meter: meter.name.clone(),
                    unit: meter.unit.clone(),
                    threshold: notice.threshold,
                    notice: notice.kind,
                    period_start: notice.period_start,
                    reading: *reading,
                };
                tell(&transaction, organization, &fact).await?;
                raised.push(json!({
                    "meter": meter.name, "threshold": notice.threshold.key(), "kind": notice.kind,
                }));
            }
        }
        let notices = raised.len();
        let entry = AuditEntry::new(Some(organization), "usage_alert.raise", "organization", organization)
            .created(json!({ "notices": raised, "limits": limits }));
        transaction.commit(&Actor::system(), entry).await?;
        Ok(Some(notices))
    }
}
