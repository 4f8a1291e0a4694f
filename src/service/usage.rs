//! Usage: recorded, each event once, and read.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::Service;
use super::answer::{Answer, Resource};
use super::error::{ErrorCode, Refusal, ServiceError};
use super::idempotency::CallerKey;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::entitlement::{EntitlementRules, SpendLimit, fits, level_after};
use crate::domain::ids::{MeterId, OrganizationId};
use crate::domain::meter::{Aggregation, MeterError};
use crate::domain::money::Money;
use crate::domain::proration::Span;
use crate::domain::quantity::{DecimalError, Quantity};
use crate::domain::usage::{
    MAXIMUM_BATCH, MAXIMUM_BUCKETS, MeterUsage, NewUsageEvent, SentUsage, UsageBucket, UsageStretch,
    UsageTotals, places, quantity_of,
};
use crate::domain::usage_bucket::{UsageGranularity, day_start, local_day};
use crate::store::{UsageAdditions, UsageRange, WriteTransaction};

/// How usage is taken in.
#[derive(Clone, Copy, Debug)]
pub struct UsageOptions {
    /// How old an event may be.
    pub grace: Duration,
    /// How long after the end of a billing period it is closed: what comes a little late belongs to it. Stripe finalises the
    /// renewal's invoice an hour after it was drafted.
    pub close_after: Duration,
}

impl Default for UsageOptions {
    fn default() -> Self {
        Self { grace: Duration::days(35), close_after: Duration::minutes(10) }
    }
}

/// Events to be recorded together.
#[derive(Clone, Debug, Serialize)]
pub struct UsageRecordInput {
    /// Whose usage.
    pub organization_id: OrganizationId,
    /// The events, a thousand at most.
    pub events: Vec<SentUsage>,
}

/// What became of events. Those that were refused are in the answer's refusals, at `events.3.quantity` for instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageReport {
    /// How many were recorded.
    pub accepted: usize,
    /// The places of those that were recorded before, counted from 0.
    pub duplicates: Vec<usize>,
}

/// What is asked of a meter.
#[derive(Clone, Debug)]
pub struct UsageQuestion {
    /// Whose usage.
    pub organization_id: OrganizationId,
    /// The meter's name.
    pub meter: String,
    /// How fine.
    pub granularity: UsageGranularity,
    /// From when on; a fitting time before the end when nothing is said.
    pub since: Option<DateTime<Utc>>,
    /// Until when; now when nothing is said.
    pub until: Option<DateTime<Utc>>,
}

/// Events on their way in.
struct Intake<'a> {
    organization: OrganizationId,
    rules: &'a EntitlementRules,
    now: DateTime<Utc>,
    /// Each with its place in what was sent.
    events: Vec<(usize, NewUsageEvent)>,
    duplicates: Vec<usize>,
    /// Those that come again in what was sent, with the place of the first.
    repetitions: Vec<(usize, usize)>,
    refusals: Vec<Refusal>,
}

impl Service {
    /// Records events: each that is sound and new, whatever becomes of the others. All of it is committed when this
    /// returns.
    pub async fn record_usage(
        &self,
        actor: &Actor,
        input: UsageRecordInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                if input.events.is_empty() || input.events.len() > MAXIMUM_BATCH {
                    let message = format!("1 to {MAXIMUM_BATCH} events are recorded together.");
                    return Err(Refusal::bad_input("events", message).into());
                }
                let mut rules = self.entitlement_rules(organization).await?;
                // A meter that was made a moment ago is not to be refused: what is refused may never come again.
                if input.events.iter().flatten().any(|event| rules.meter(&event.meter).is_none()) {
                    rules = self.fresh_entitlement_rules(organization).await?;
                }
                let mut intake = self.sorted_out(organization, &rules, input.events);
                if intake.events.is_empty() {
                    return Ok(intake.answer(0));
                }
                let transaction = self.store.begin().await?;
                intake.hold_limits(&transaction).await?;
                let events: Vec<&NewUsageEvent> = intake.events.iter().map(|(_, event)| event).collect();
                let fresh = transaction.insert_usage_events(organization, &events).await?;
                intake.keep_fresh(&fresh);
                intake.judge_repetitions();
                if intake.events.is_empty() {
                    transaction.rollback().await?;
                    return Ok(intake.answer(0));
                }
                let additions = intake.additions()?;
                transaction.add_usage(organization, &additions).await?;
                let entry = AuditEntry::new(Some(organization), "usage.record", "usage", organization)
                    .created(intake.audit_values());
                let accepted = intake.events.len();
                intake.answer(accepted).commit(transaction, actor, entry, idempotency.as_ref()).await
            }),
        )
        .await
    }

    /// Tells sound events from others, and the first of each id from its repetitions.
    fn sorted_out<'a>(
        &self,
        organization: OrganizationId,
        rules: &'a Arc<EntitlementRules>,
        records: Vec<SentUsage>,
    ) -> Intake<'a> {
        let now = self.clock.now();
        let mut intake = Intake {
            organization,
            rules,
            now,
            events: Vec::with_capacity(records.len()),
            duplicates: Vec::new(),
            repetitions: Vec::new(),
            refusals: Vec::new(),
        };
        let mut seen: HashMap<(MeterId, String), usize> = HashMap::new();
        for (place, record) in records.into_iter().enumerate() {
            let checked = record.and_then(|record| {
                let meter = rules.meter(&record.meter);
                record.check(meter, now, self.usage.grace)
            });
            match checked {
                Ok(event) => match seen.entry((event.meter_id, event.event_id.clone())) {
                    Entry::Vacant(entry) => {
                        entry.insert(place);
                        intake.events.push((place, event));
                    }
                    Entry::Occupied(entry) => intake.repetitions.push((place, *entry.get())),
                },
                Err(problem) => {
                    let path = format!("events.{place}.{}", problem.field());
                    intake.refusals.push(Refusal::bad_input(&path, problem));
                }
            }
        }
        intake
    }
}

impl Intake<'_> {
    /// Takes out what limits refuse, of units and of money, and what was seen before, of the meters that have such limits.
    /// Whoever records of such a meter waits for whoever does so already: what is decided here stays true until the commit.
    async fn hold_limits(&mut self, transaction: &WriteTransaction) -> Result<(), ServiceError> {
        let (rules, now) = (self.rules, self.now);
        let (limits, spends) = (rules.hard_limits(now), rules.spend_limits(now));
        let mut limited: Vec<_> = rules
            .meters
            .iter()
            .filter_map(|it| {
                let (units, spend) = (limits.get(&it.meter.name).copied(), spends.get(&it.meter.name));
                (units.is_some() || spend.is_some()).then_some((it, Bounds { units, spend }))
            })
            .filter(|(it, _)| self.events.iter().any(|(_, event)| event.meter_id == it.id))
            .collect();
        limited.sort_unstable_by_key(|(it, _)| it.id);
        for (definition, bounds) in limited {
            let (id, aggregation) = (definition.id, definition.meter.aggregation);
            let period_of =
                |event: &NewUsageEvent| rules.counting_period(&definition.meter, event.occurred_at);
            let ours: Vec<&NewUsageEvent> =
                self.events.iter().map(|(_, event)| event).filter(|event| event.meter_id == id).collect();
            let periods: BTreeSet<DateTime<Utc>> = ours.iter().filter_map(|event| period_of(event)).collect();
            let mut used: BTreeMap<DateTime<Utc>, Used> = BTreeMap::new();
            for start in periods {
                let totals = transaction.hold_usage_counter(self.organization, id, start).await?;
                let mut counted = Used { quantity: totals.used(aggregation), keys: HashSet::new() };
                if aggregation == Aggregation::UniqueCount {
                    let keys: Vec<&str> = ours.iter().filter_map(|event| event.key.as_deref()).collect();
                    let since = local_day(start, rules.zone);
                    // What comes late counts in its own period, and with what that period has alone.
                    let span = rules.counting_span(&definition.meter, start);
                    let until =
                        span.map(|span| local_day(span.end() - Duration::microseconds(1), rules.zone));
                    let (number, among) =
                        transaction.usage_keys(self.organization, id, (since, until), &keys).await?;
                    counted.quantity = u32::try_from(number).unwrap_or(u32::MAX).into();
                    counted.keys = among;
                }
                used.insert(start, counted);
            }
            let ids: Vec<&str> = ours.iter().map(|event| event.event_id.as_str()).collect();
            let seen = transaction.seen_usage_events(self.organization, id, &ids).await?;
            let mut kept = Vec::with_capacity(self.events.len());
            let (mut duplicates, mut refusals) = (Vec::new(), Vec::new());
            for (place, event) in &self.events {
                if event.meter_id != id {
                    kept.push((*place, event.clone()));
                } else if seen.contains(&event.event_id) {
                    duplicates.push(*place);
                } else {
                    let used = period_of(event).and_then(|start| used.get_mut(&start));
                    // What belongs to a period that is over is billed, and bounds nothing any more.
                    match used.map_or(Ok(()), |used| used.take(aggregation, event, &bounds)) {
                        Ok(()) => kept.push((*place, event.clone())),
                        Err(bound) => {
                            let path = format!("events.{place}.quantity");
                            let message = bound.sentence(&definition.meter.unit);
                            refusals.push(Refusal::at(&path, ErrorCode::LimitExceeded, message));
                        }
                    }
                }
            }
            self.events = kept;
            self.duplicates.append(&mut duplicates);
            self.refusals.append(&mut refusals);
        }
        Ok(())
    }

    /// Takes out what the database had already.
    fn keep_fresh(&mut self, fresh: &HashSet<usize>) {
        let events = std::mem::take(&mut self.events);
        for (index, (place, event)) in events.into_iter().enumerate() {
            if fresh.contains(&index) {
                self.events.push((place, event));
            } else {
                self.duplicates.push(place);
            }
        }
    }

    /// What the events add up to, by hour, day and period.
    fn additions(&self) -> Result<UsageAdditions, ServiceError> {
        let mut additions = UsageAdditions::default();
        for (_, event) in &self.events {
            let Some(definition) = self.rules.meters.iter().find(|it| it.id == event.meter_id) else {
                continue;
            };
            let (hour, day) = places(event.occurred_at, self.rules.zone);
            add(&mut additions.hours, (event.meter_id, hour), event)?;
            add(&mut additions.days, (event.meter_id, day), event)?;
            if let Some(key) = &event.key {
                additions.day_keys.insert((event.meter_id, day, key.clone()));
            }
            if let Some(start) = self.rules.counting_period(&definition.meter, event.occurred_at) {
                add(&mut additions.counters, (event.meter_id, start), event)?;
            }
        }
        Ok(additions)
    }

    /// What the record of it says: how many events of which meter.
    fn audit_values(&self) -> serde_json::Value {
        let mut events: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, event) in &self.events {
            if let Some(definition) = self.rules.meters.iter().find(|it| it.id == event.meter_id) {
                *events.entry(definition.meter.name.as_str()).or_default() += 1;
            }
        }
        serde_json::json!({
            "events": events,
            "duplicates": self.duplicates.len(),
            "refused": self.refusals.len(),
        })
    }

    /// What comes again is refused with the first of its id, or is a duplicate of it.
    fn judge_repetitions(&mut self) {
        for (place, first) in std::mem::take(&mut self.repetitions) {
            let first = first.to_string();
            let refused = self.refusals.iter().find(|refusal| refusal.path.get(1) == Some(&first)).cloned();
            match refused {
                Some(mut refusal) => {
                    refusal.path[1] = place.to_string();
                    self.refusals.push(refusal);
                }
                None => self.duplicates.push(place),
            }
        }
    }

    fn answer(mut self, accepted: usize) -> Answer {
        self.duplicates.sort_unstable();
        self.refusals.sort_by_key(|refusal| {
            refusal.path.get(1).and_then(|place| place.parse::<usize>().ok()).unwrap_or_default()
        });
        let report = UsageReport { accepted, duplicates: self.duplicates };
        Answer { refusals: self.refusals, ..Answer::of(Resource::Usage(report)) }
    }
}

/// What was used of a limit, while events are let in.
struct Used {
    quantity: Quantity,
    keys: HashSet<String>,
}

/// What refuses usage of a meter.
struct Bounds<'a> {
    /// So many units.
    units: Option<Quantity>,
    /// So much money.
    spend: Option<&'a SpendLimit>,
}

/// A bound that an event does not fit under.
enum Reached {
    Units(Quantity),
    Spend(Money),
}

impl Reached {
    fn sentence(&self, unit: &str) -> String {
        match self {
            Self::Units(limit) => {
                format!("The plan's limit of {limit} {unit} is reached; it refuses what is above.")
            }
            Self::Spend(limit) => format!(
                "The organization's spend limit of {limit} for this meter is reached; it refuses what would cost more."
            ),
        }
    }
}

impl Used {
    /// Lets an event in, if there is room.
    fn take(
        &mut self,
        aggregation: Aggregation,
        event: &NewUsageEvent,
        bounds: &Bounds<'_>,
    ) -> Result<(), Reached> {
        let quantity = match (aggregation, &event.key) {
            (Aggregation::UniqueCount, Some(key)) if self.keys.contains(key) => return Ok(()),
            (Aggregation::UniqueCount, _) => Quantity::from(1_u32),
            _ => event.quantity,
        };
        if let Some(limit) = bounds.units
            && !fits(aggregation, self.quantity, quantity, limit)
        {
            return Err(Reached::Units(limit));
        }
        let after = level_after(aggregation, self.quantity, quantity);
        if let Some(spend) = bounds.spend
            && !spend.allows(self.quantity, after)
        {
            return Err(Reached::Spend(spend.limit));
        }
        self.quantity = after;
        self.keys.extend(event.key.clone());
        Ok(())
    }
}

fn add<K: Ord>(
    sums: &mut BTreeMap<K, UsageTotals>,
    key: K,
    event: &NewUsageEvent,
) -> Result<(), ServiceError> {
    use std::collections::btree_map;
    match sums.entry(key) {
        btree_map::Entry::Occupied(mut entry) => entry.get_mut().add(event).map_err(too_large)?,
        btree_map::Entry::Vacant(entry) => {
            entry.insert(UsageTotals::of(event));
        }
    }
    Ok(())
}

fn too_large(_: DecimalError) -> ServiceError {
    Refusal::bad_input("events", "The events add up to more than can be kept. Send fewer together.").into()
}

fn unreadable(error: MeterError) -> ServiceError {
    match error {
        MeterError::TooLarge => {
            let message = "What was used in this time adds up to more than can be shown. Ask for less.";
            Refusal::bad_input("since", message).into()
        }
        error => ServiceError::Panicked(format!("usage cannot be added up: {error}")),
    }
}

impl Service {
    /// What a meter says of an organization over a time, hour by hour, day by day or month by month.
    pub async fn usage_of_meter(&self, question: UsageQuestion) -> Result<MeterUsage, ServiceError> {
        let UsageQuestion { organization_id, granularity, .. } = question;
        let rules = self.entitlement_rules(organization_id).await?;
        let zone = rules.zone;
        let Some(meter) = rules.meter(&question.meter) else { return Err(ServiceError::NotFound("meter")) };
        let aggregation = meter.meter.aggregation;
        let is_by_hour = granularity == UsageGranularity::Hour;
        if is_by_hour && aggregation == Aggregation::UniqueCount {
            let message = "Different values are counted by day and month. Ask for one of these.";
            return Err(Refusal::bad_input("granularity", message).into());
        }
        let until = question.until.unwrap_or_else(|| self.clock.now());
        let usual = match granularity {
            UsageGranularity::Hour => Duration::hours(23),
            UsageGranularity::Day => Duration::days(29),
            UsageGranularity::Month => Duration::days(335),
        };
        let since = question.since.unwrap_or_else(|| until - usual);
        // At least the bucket that both lie in.
        let asked = Span::new(since, until.max(since + Duration::microseconds(1)));
        let asked = asked.filter(|_| since <= until).ok_or_else(|| {
            ServiceError::from(Refusal::bad_input("since", "The time begins before it ends."))
        })?;
        let buckets: Vec<Span> = granularity.buckets(asked, zone).take(MAXIMUM_BUCKETS + 1).collect();
        if buckets.len() > MAXIMUM_BUCKETS {
            let message = format!("There are at most {MAXIMUM_BUCKETS} hours, days or months in one answer.");
            return Err(Refusal::bad_input("since", message).into());
        }
        let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
            return Err(ServiceError::Panicked("a time lies in no bucket".to_owned()));
        };
        let whole = Span::new(first.start(), last.end())
            .ok_or_else(|| ServiceError::Panicked("buckets have no length".to_owned()))?;
        let read = if is_by_hour {
            let (since, until) = (whole.start(), whole.end());
            let range = UsageRange { organization_id, meter_id: meter.id, since, until };
            ReadUsage { stretches: self.store.list_usage_hours(&range).await?, keys: HashMap::new() }
        } else {
            self.read_days(organization_id, meter.id, aggregation, whole, zone).await?
        };
        let before = if meter.meter.carries_over() {
            self.store.find_usage_before(organization_id, meter.id, whole.start()).await?
        } else {
            None
        };
        let shape = MeterUsage {
            meter: meter.clone(),
            granularity,
            zone,
            buckets: Vec::with_capacity(buckets.len()),
            total: Quantity::ZERO,
            terms: rules.terms_of(&meter.meter.name, self.clock.now()),
        };
        read.shaped(shape, &buckets, whole, before)
    }

    async fn read_days(
        &self,
        organization_id: OrganizationId,
        meter_id: MeterId,
        aggregation: Aggregation,
        whole: Span,
        zone: Tz,
    ) -> Result<ReadUsage, ServiceError> {
        let (since, until) = (local_day(whole.start(), zone), local_day(whole.end(), zone));
        let range = UsageRange { organization_id, meter_id, since, until };
        let days = self.store.list_usage_days(&range).await?;
        let stretches =
            days.into_iter().map(|(day, totals)| UsageStretch { start: day_start(day, zone), totals });
        let mut keys: HashMap<NaiveDate, Vec<String>> = HashMap::new();
        if aggregation == Aggregation::UniqueCount {
            for (day, key) in self.store.list_usage_day_keys(&range).await? {
                keys.entry(day).or_default().push(key);
            }
        }
        Ok(ReadUsage { stretches: stretches.collect(), keys })
    }
}

/// What was read of a meter.
struct ReadUsage {
    stretches: Vec<UsageStretch>,
    keys: HashMap<NaiveDate, Vec<String>>,
}

impl ReadUsage {
    /// By bucket, and all in all.
    fn shaped(
        self,
        mut usage: MeterUsage,
        buckets: &[Span],
        whole: Span,
        before: Option<UsageTotals>,
    ) -> Result<MeterUsage, ServiceError> {
        let (aggregation, zone) = (usage.meter.meter.aggregation, usage.zone);
        let mut carried = before.map(|totals| totals.last);
        let mut rest = self.stretches.as_slice();
        for &span in buckets {
            let number = rest.partition_point(|stretch| stretch.start < span.end());
            let (inside, later) = rest.split_at(number);
            rest = later;
            let keys = self.keys_in(span, zone);
            let inside: Vec<&UsageStretch> = inside.iter().collect();
            let quantity = match carried {
                Some(level) if inside.is_empty() => level,
                _ => quantity_of(aggregation, &inside, &keys, span, zone).map_err(unreadable)?,
            };
            if usage.meter.meter.carries_over() && !inside.is_empty() {
                carried = Some(quantity);
            }
            let events = inside.iter().map(|stretch| stretch.totals.events).sum();
            usage.buckets.push(UsageBucket { span, quantity, events });
        }
        let all: Vec<&UsageStretch> = self.stretches.iter().collect();
        usage.total = match carried {
            Some(level) => level,
            None => {
                quantity_of(aggregation, &all, &self.keys_in(whole, zone), whole, zone).map_err(unreadable)?
            }
        };
        Ok(usage)
    }

    fn keys_in(&self, span: Span, zone: Tz) -> Vec<&str> {
        let days = self.keys.iter().filter(|(day, _)| span.contains(day_start(**day, zone)));
        days.flat_map(|(_, keys)| keys.iter().map(String::as_str)).collect()
    }
}
