//! What organizations want to be told of their usage, what they were told, and what is yet to be looked at.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::usage_alert::{ActiveModel, Column, Entity, Model};
use entity::{usage_alert_state, usage_counter, usage_notice};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::error::{currency, known};
use super::transaction::was_inserted;
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::access::QuotaFact;
use crate::domain::ids::{MeterId, OrganizationId, SubscriptionId, UsageAlertId, UsageNoticeId, UserId};
use crate::domain::money::Money;
use crate::domain::plan_charge::PlanCharge;
use crate::domain::usage_alert::{RaisedNotice, UsageAlert, UsageAlertState, UsageNotice, UsageNoticeKind};

/// What was told of a meter, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageAlertStanding {
    /// The period, and the thresholds that were reached in it.
    pub state: UsageAlertState,
    /// Whether a limit that refuses is used up, and since when.
    pub used_up: Option<QuotaFact>,
    /// When it is to be looked at though nothing is recorded.
    pub look_again_at: Option<DateTime<Utc>>,
}

/// A counter that alerts have not looked at since something was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnseenCounter {
    /// Of which meter.
    pub meter_id: MeterId,
    /// When its period began.
    pub period_start: DateTime<Utc>,
    /// How many events there are.
    pub events: i64,
}

fn unreadable(column: &'static str) -> impl Fn(serde_json::Error) -> StoreError {
    move |error| StoreError::UnknownValue { column, value: error.to_string() }
}

fn usage_alert(row: Model) -> Result<UsageAlert, StoreError> {
    let spend_limit = match (row.spend_limit_minor, row.spend_limit_currency) {
        (Some(minor), Some(code)) => {
            Some(Money::new(minor, currency("usage_alerts.spend_limit_currency", &code)?))
        }
        _ => None,
    };
    Ok(UsageAlert {
        id: UsageAlertId(row.id),
        organization_id: OrganizationId(row.organization_id),
        meter_id: MeterId(row.meter_id),
        thresholds: serde_json::from_value(row.thresholds).map_err(unreadable("usage_alerts.thresholds"))?,
        spend_limit,
        updated_by: row.updated_by.map(UserId),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn standing(row: usage_alert_state::Model) -> Result<UsageAlertStanding, StoreError> {
    Ok(UsageAlertStanding {
        state: serde_json::from_value(row.state).map_err(unreadable("usage_alert_states.state"))?,
        used_up: row.used_up_since.map(|since| QuotaFact { since, until: row.used_up_until }),
        look_again_at: row.look_again_at,
    })
}

fn notice(row: usage_notice::Model) -> Result<RaisedNotice, StoreError> {
    let threshold = serde_json::from_value(row.threshold).map_err(unreadable("usage_notices.threshold"))?;
    let kind = known("usage_notices.kind", &row.kind, UsageNoticeKind::parse(&row.kind))?;
    Ok(RaisedNotice {
        id: UsageNoticeId(row.id),
        organization_id: OrganizationId(row.organization_id),
        meter_id: MeterId(row.meter_id),
        notice: UsageNotice { threshold, kind, period_start: row.period_start },
        reading: serde_json::from_value(row.reading).map_err(unreadable("usage_notices.reading"))?,
        created_at: row.created_at,
    })
}

async fn alerts(
    conn: &impl ConnectionTrait,
    organization: OrganizationId,
) -> Result<Vec<UsageAlert>, StoreError> {
    let rows = Entity::find()
        .filter(Column::OrganizationId.eq(organization.0))
        .order_by_asc(Column::Id)
        .all(conn)
        .await?;
    rows.into_iter().map(usage_alert).collect()
}

async fn standings(
    conn: &impl ConnectionTrait,
    organization: OrganizationId,
) -> Result<HashMap<MeterId, UsageAlertStanding>, StoreError> {
    use usage_alert_state::Column as C;
    let rows =
        usage_alert_state::Entity::find().filter(C::OrganizationId.eq(organization.0)).all(conn).await?;
    rows.into_iter().map(|row| Ok((MeterId(row.meter_id), standing(row)?))).collect()
}

/// What is true of a counter that was added to since alerts looked at it.
fn is_unseen() -> Condition {
    use usage_counter::Column as C;
    let events = Expr::col(C::Events);
    Condition::any().add(C::SeenEvents.is_null()).add(Expr::col(C::SeenEvents).ne(events))
}

fn standing_row(
    organization: OrganizationId,
    meter: MeterId,
    standing: &UsageAlertStanding,
    now: DateTime<Utc>,
) -> usage_alert_state::ActiveModel {
    usage_alert_state::ActiveModel {
        organization_id: Set(organization.0),
        meter_id: Set(meter.0),
        state: Set(serde_json::to_value(&standing.state).expect("a state is plain data")),
        used_up_since: Set(standing.used_up.map(|fact| fact.since)),
        used_up_until: Set(standing.used_up.and_then(|fact| fact.until)),
        look_again_at: Set(standing.look_again_at),
        updated_at: Set(now),
    }
}

impl Store {
    /// What an organization wants to be told of its usage.
    pub async fn usage_alerts(&self, organization: OrganizationId) -> Result<Vec<UsageAlert>, StoreError> {
        alerts(&self.db, organization).await
    }

    /// What was told of an organization's meters.
    pub async fn usage_alert_standings(
        &self,
        organization: OrganizationId,
    ) -> Result<HashMap<MeterId, UsageAlertStanding>, StoreError> {
        standings(&self.db, organization).await
    }

    /// What organizations were told of their usage, by id.
    pub async fn usage_notices(&self, ids: &[UsageNoticeId]) -> Result<Vec<RaisedNotice>, StoreError> {
        let ids = ids.iter().map(|id| id.0);
        let rows = usage_notice::Entity::find().filter(usage_notice::Column::Id.is_in(ids)).all(&self.db);
        rows.await?.into_iter().map(notice).collect()
    }

    /// What a subscription is charged for usage now; nothing while none is billed.
    pub(super) async fn charges_in_force(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Vec<PlanCharge>, StoreError> {
        let period = self.newest_usage_period(subscription).await?;
        let Some(period) = period.filter(|period| period.ended_at.is_none()) else { return Ok(Vec::new()) };
        let Some((span, segment)) = period.billed_segments().pop() else { return Ok(Vec::new()) };
        let (Some(plan), Some(currency)) = (segment.plan_id, segment.currency) else { return Ok(Vec::new()) };
        let history = self.plan_charges(&[plan]).await?;
        let charges = history.at(plan, span.start()).iter();
        Ok(charges.filter(|charge| charge.charge.terms().currency == currency).cloned().collect())
    }

    /// Which limits that refuse are used up, by organization.
    pub(super) async fn used_up_limits(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, Vec<QuotaFact>>, StoreError> {
        use usage_alert_state::Column as C;
        let rows = usage_alert_state::Entity::find()
            .select_only()
            .column(C::OrganizationId)
            .column(C::UsedUpSince)
            .column(C::UsedUpUntil)
            .filter(C::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .filter(C::UsedUpSince.is_not_null())
            .into_tuple::<(uuid::Uuid, Option<DateTime<Utc>>, Option<DateTime<Utc>>)>()
            .all(&self.db)
            .await?;
        let mut facts: HashMap<OrganizationId, Vec<QuotaFact>> = HashMap::new();
        for (organization, since, until) in rows {
            if let Some(since) = since {
                facts.entry(OrganizationId(organization)).or_default().push(QuotaFact { since, until });
            }
        }
        Ok(facts)
    }

    /// Organizations whose usage is to be looked at: something was recorded since, or a period is over. In the order of their
    /// ids, from behind `after` on.
    pub async fn list_usage_to_look_at(
        &self,
        after: Option<OrganizationId>,
        limit: u64,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let now = self.clock.now();
        let mut unseen = usage_counter::Entity::find()
            .select_only()
            .column(usage_counter::Column::OrganizationId)
            .filter(is_unseen())
            .distinct()
            .order_by_asc(usage_counter::Column::OrganizationId)
            .limit(limit);
        let mut due = usage_alert_state::Entity::find()
            .select_only()
            .column(usage_alert_state::Column::OrganizationId)
            .filter(usage_alert_state::Column::LookAgainAt.lte(now))
            .distinct()
            .order_by_asc(usage_alert_state::Column::OrganizationId)
            .limit(limit);
        if let Some(after) = after {
            unseen = unseen.filter(usage_counter::Column::OrganizationId.gt(after.0));
            due = due.filter(usage_alert_state::Column::OrganizationId.gt(after.0));
        }
        let unseen: Vec<uuid::Uuid> = unseen.into_tuple().all(&self.db).await?;
        let due: Vec<uuid::Uuid> = due.into_tuple().all(&self.db).await?;
        // Of both the first ones: what is behind them comes next.
        let all: BTreeSet<uuid::Uuid> = unseen.into_iter().chain(due).collect();
        let first = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(all.into_iter().take(first).map(OrganizationId).collect())
    }

    /// The counters of an organization that were added to since alerts looked at them.
    pub async fn unseen_usage_counters(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<UnseenCounter>, StoreError> {
        use usage_counter::Column as C;
        let rows = usage_counter::Entity::find()
            .select_only()
            .columns([C::MeterId, C::PeriodStart, C::Events])
            .filter(C::OrganizationId.eq(organization.0))
            .filter(is_unseen())
            .into_tuple::<(uuid::Uuid, DateTime<Utc>, i64)>()
            .all(&self.db)
            .await?;
        let unseen = rows.into_iter().map(|(meter, period_start, events)| UnseenCounter {
            meter_id: MeterId(meter),
            period_start,
            events,
        });
        Ok(unseen.collect())
    }

    /// Marks counters as looked at, as they were. What was recorded since is still to be looked at. No change of the business.
    pub async fn mark_usage_seen(
        &self,
        organization: OrganizationId,
        counters: &[UnseenCounter],
    ) -> Result<(), StoreError> {
        use usage_counter::Column as C;
        for counter in counters {
            usage_counter::Entity::update_many()
                .col_expr(C::SeenEvents, Expr::value(counter.events))
                .filter(C::OrganizationId.eq(organization.0))
                .filter(C::MeterId.eq(counter.meter_id.0))
                .filter(C::PeriodStart.eq(counter.period_start))
                .exec(&self.db)
                .await?;
        }
        Ok(())
    }

    /// Says when a meter is to be looked at though nothing is recorded, unless somebody has said so meanwhile. No change of the
    /// business.
    pub async fn look_at_usage_again(
        &self,
        organization: OrganizationId,
        meter: MeterId,
        known: Option<&UsageAlertStanding>,
        at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        use usage_alert_state::Column as C;
        let Some(known) = known else {
            let standing = UsageAlertStanding { look_again_at: at, ..UsageAlertStanding::default() };
            let row = standing_row(organization, meter, &standing, self.clock.now());
            usage_alert_state::Entity::insert(row)
                .on_conflict(OnConflict::columns([C::OrganizationId, C::MeterId]).do_nothing().to_owned())
                .try_insert()
                .exec_without_returning(&self.db)
                .await?;
            return Ok(());
        };
        let as_known = match known.look_again_at {
            Some(at) => C::LookAgainAt.eq(at),
            None => C::LookAgainAt.is_null(),
        };
        usage_alert_state::Entity::update_many()
            .col_expr(C::LookAgainAt, Expr::value(at))
            .filter(C::OrganizationId.eq(organization.0))
            .filter(C::MeterId.eq(meter.0))
            .filter(as_known)
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Lets the usage of everybody that is watched be looked at soon: a plan or a meter has changed. No change of the business.
    pub async fn look_at_all_usage(&self) -> Result<(), StoreError> {
        use usage_alert_state::Column as C;
        let now = self.clock.now();
        usage_alert_state::Entity::update_many()
            .col_expr(C::LookAgainAt, Expr::value(now))
            .filter(Condition::any().add(C::LookAgainAt.is_null()).add(C::LookAgainAt.gt(now)))
            .exec(&self.db)
            .await?;
        Ok(())
    }
}

impl WriteTransaction {
    /// What an organization wants to be told of its usage.
    pub async fn usage_alerts(&self, organization: OrganizationId) -> Result<Vec<UsageAlert>, StoreError> {
        alerts(&self.tx, organization).await
    }

    /// What it wants to be told of one meter.
    pub async fn find_usage_alert(
        &self,
        organization: OrganizationId,
        meter: MeterId,
    ) -> Result<Option<UsageAlert>, StoreError> {
        let row = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::MeterId.eq(meter.0))
            .one(&self.tx)
            .await?;
        row.map(usage_alert).transpose()
    }

    /// Writes what an organization wants to be told of a meter: new, or over what was read; and that its usage is to be looked
    /// at. `Changed` when that is not as it was.
    pub async fn write_usage_alert(
        &self,
        old: Option<&UsageAlert>,
        new: &UsageAlert,
    ) -> Result<(), StoreError> {
        match old {
            None => {
                active_model(new).insert(&self.tx).await?;
            }
            Some(old) => {
                let written = Entity::update_many()
                    .set(active_model(new))
                    .filter(Column::Id.eq(old.id.0))
                    .filter(Column::OrganizationId.eq(old.organization_id.0))
                    .filter(Column::Version.eq(old.version))
                    .exec(&self.tx)
                    .await?;
                if written.rows_affected != 1 {
                    return Err(StoreError::Changed("usage alert"));
                }
            }
        }
        self.will_look_at_usage(new.organization_id, new.meter_id).await
    }

    /// Takes away what an organization wants to be told of a meter. `Changed` when it is not as it was read.
    pub async fn remove_usage_alert(&self, old: &UsageAlert) -> Result<(), StoreError> {
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::OrganizationId.eq(old.organization_id.0))
            .filter(Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if deleted.rows_affected != 1 {
            return Err(StoreError::Changed("usage alert"));
        }
        self.will_look_at_usage(old.organization_id, old.meter_id).await
    }

    async fn will_look_at_usage(
        &self,
        organization: OrganizationId,
        meter: MeterId,
    ) -> Result<(), StoreError> {
        use usage_alert_state::Column as C;
        let standing = UsageAlertStanding { look_again_at: Some(self.now), ..UsageAlertStanding::default() };
        let again = OnConflict::columns([C::OrganizationId, C::MeterId])
            .update_columns([C::LookAgainAt, C::UpdatedAt])
            .to_owned();
        usage_alert_state::Entity::insert(standing_row(organization, meter, &standing, self.now))
            .on_conflict(again)
            .exec_without_returning(&self.tx)
            .await?;
        let kind = ChangedKind::UsageAlert;
        self.will_tell(Changed { organization_id: Some(organization), kind, id: organization.0 });
        Ok(())
    }

    /// What was told of an organization's meters. Whoever changes it holds the organization.
    pub async fn usage_alert_standings(
        &self,
        organization: OrganizationId,
    ) -> Result<HashMap<MeterId, UsageAlertStanding>, StoreError> {
        standings(&self.tx, organization).await
    }

    /// Writes what was told of a meter.
    pub async fn put_usage_alert_standing(
        &self,
        organization: OrganizationId,
        meter: MeterId,
        old: &UsageAlertStanding,
        new: &UsageAlertStanding,
    ) -> Result<(), StoreError> {
        use usage_alert_state::Column as C;
        let over = OnConflict::columns([C::OrganizationId, C::MeterId])
            .update_columns([C::State, C::UsedUpSince, C::UsedUpUntil, C::LookAgainAt, C::UpdatedAt])
            .to_owned();
        usage_alert_state::Entity::insert(standing_row(organization, meter, new, self.now))
            .on_conflict(over)
            .exec_without_returning(&self.tx)
            .await?;
        if old.used_up != new.used_up {
            let kind = ChangedKind::UsageLimit;
            self.will_tell(Changed { organization_id: Some(organization), kind, id: organization.0 });
        }
        Ok(())
    }

    /// Writes down what is told of a threshold, once in a period. Says whether it was not there before.
    pub async fn write_usage_notice(&self, raised: &RaisedNotice) -> Result<bool, StoreError> {
        use usage_notice::Column as C;
        let UsageNotice { threshold, kind, period_start } = raised.notice;
        let row = usage_notice::ActiveModel {
            id: Set(raised.id.0),
            organization_id: Set(raised.organization_id.0),
            meter_id: Set(raised.meter_id.0),
            period_start: Set(period_start),
            threshold_key: Set(threshold.key()),
            kind: Set(kind.as_str().to_owned()),
            threshold: Set(serde_json::to_value(threshold).expect("a threshold is plain data")),
            reading: Set(serde_json::to_value(raised.reading).expect("a reading is plain data")),
            created_at: Set(raised.created_at),
        };
        let once =
            OnConflict::columns([C::OrganizationId, C::MeterId, C::PeriodStart, C::ThresholdKey, C::Kind])
                .do_nothing()
                .to_owned();
        let inserted = usage_notice::Entity::insert(row)
            .on_conflict(once)
            .try_insert()
            .exec_without_returning(&self.tx)
            .await?;
        let is_new = was_inserted(&inserted);
        if is_new {
            let kind = ChangedKind::UsageNotice;
            let (organization_id, id) = (Some(raised.organization_id), raised.id.0);
            self.will_tell(Changed { organization_id, kind, id });
        }
        Ok(is_new)
    }
}

fn active_model(it: &UsageAlert) -> ActiveModel {
    ActiveModel {
        id: Set(it.id.0),
        organization_id: Set(it.organization_id.0),
        meter_id: Set(it.meter_id.0),
        thresholds: Set(serde_json::to_value(&it.thresholds).expect("thresholds are plain data")),
        spend_limit_minor: Set(it.spend_limit.map(|limit| limit.minor)),
        spend_limit_currency: Set(it.spend_limit.map(|limit| limit.currency.code().to_owned())),
        updated_by: Set(it.updated_by.map(|id| id.0)),
        version: Set(it.version),
        created_at: Set(it.created_at),
        updated_at: Set(it.updated_at),
    }
}
