//! By whom trials were taken. What is written here stays, whatever becomes of the subscription.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use entity::trial_mark::{ActiveModel, Column, Entity};
use entity::{membership, payment_method, user};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, TransactionTrait,
};

use super::transaction::was_inserted;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::OrganizationId;
use crate::domain::membership::Role;
use crate::domain::trial::{TrialMark, TrialMarkKind};

/// How long a trial that was asked for and not taken keeps others from it: longer than its operation can be under way.
const CLAIMED: Duration = Duration::days(2);

/// Everything by which an organization is known again: its cards, and the mail domains of its owners.
async fn marks_of(
    conn: &impl ConnectionTrait,
    organization: OrganizationId,
) -> Result<BTreeSet<TrialMark>, StoreError> {
    let cards: Vec<Option<String>> = payment_method::Entity::find()
        .select_only()
        .column(payment_method::Column::CardFingerprint)
        .filter(payment_method::Column::OrganizationId.eq(organization.0))
        .filter(payment_method::Column::DetachedAt.is_null())
        .into_tuple()
        .all(conn)
        .await?;
    let owners: Vec<Option<String>> = membership::Entity::find()
        .select_only()
        .inner_join(user::Entity)
        .column(user::Column::Email)
        .filter(membership::Column::OrganizationId.eq(organization.0))
        .filter(membership::Column::Role.eq(Role::Owner.as_str()))
        .into_tuple()
        .all(conn)
        .await?;
    let domains = owners.into_iter().flatten().filter_map(|email| TrialMark::mail_domain(&email));
    Ok(cards.into_iter().flatten().map(TrialMark::card).chain(domains).collect())
}

fn row(
    mark: &TrialMark,
    organization: OrganizationId,
    now: DateTime<Utc>,
    consumed_at: Option<DateTime<Utc>>,
) -> ActiveModel {
    ActiveModel {
        kind: Set(mark.kind.as_str().to_owned()),
        value: Set(mark.value.clone()),
        organization_id: Set(organization.0),
        claimed_at: Set(now),
        consumed_at: Set(consumed_at),
    }
}

async fn insert(conn: &impl ConnectionTrait, row: ActiveModel) -> Result<bool, StoreError> {
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::columns([Column::Kind, Column::Value]).do_nothing().to_owned())
        .try_insert()
        .exec_without_returning(conn)
        .await?;
    Ok(was_inserted(&inserted))
}

fn is(mark: &TrialMark) -> sea_orm::sea_query::SimpleExpr {
    Column::Kind.eq(mark.kind.as_str()).and(Column::Value.eq(mark.value.as_str()))
}

impl Store {
    /// Claims a trial for an organization by everything that it is known by, so that of several who ask at once with one
    /// card, or from one company, only one gets it. Gives by what somebody else had it, or asked for it first; then
    /// nothing is claimed. It is no change of the business: that is the trial's beginning, which makes it last.
    pub async fn claim_trial(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<TrialMarkKind>, StoreError> {
        let now = self.clock.now();
        // Read before the transaction, so that it begins with a write: SQLite takes its one lock at once.
        let marks = marks_of(&self.db, organization).await?;
        let tx = self.db.begin().await?;
        for mark in marks {
            if insert(&tx, row(&mark, organization, now, None)).await? {
                continue;
            }
            let claimed = Entity::update_many()
                .col_expr(Column::OrganizationId, Expr::value(organization.0))
                .col_expr(Column::ClaimedAt, Expr::value(now))
                .filter(is(&mark))
                .filter(Column::ConsumedAt.is_null())
                .filter(Column::OrganizationId.eq(organization.0).or(Column::ClaimedAt.lt(now - CLAIMED)))
                .exec(&tx)
                .await?;
            if claimed.rows_affected == 0 {
                tx.rollback().await?;
                return Ok(Some(mark.kind));
            }
        }
        tx.commit().await?;
        Ok(None)
    }
}

impl WriteTransaction {
    /// Notes that an organization has begun a trial, by everything that it is known by.
    pub(super) async fn consume_trial(&self, organization: OrganizationId) -> Result<(), StoreError> {
        for mark in marks_of(&self.tx, organization).await? {
            self.consume(organization, &mark).await?;
        }
        Ok(())
    }

    /// Notes a card that came to an organization which had a trial.
    pub(super) async fn consume_trial_card(
        &self,
        organization: OrganizationId,
        fingerprint: &str,
    ) -> Result<(), StoreError> {
        if super::subscription::has_had_trial(&self.tx, organization).await? {
            self.consume(organization, &TrialMark::card(fingerprint)).await?;
        }
        Ok(())
    }

    async fn consume(&self, organization: OrganizationId, mark: &TrialMark) -> Result<(), StoreError> {
        if insert(&self.tx, row(mark, organization, self.now, Some(self.now))).await? {
            return Ok(());
        }
        // Whoever only asked for it has lost it: the trial is taken.
        Entity::update_many()
            .col_expr(Column::OrganizationId, Expr::value(organization.0))
            .col_expr(Column::ConsumedAt, Expr::value(self.now))
            .filter(is(mark))
            .filter(Column::ConsumedAt.is_null())
            .exec(&self.tx)
            .await?;
        Ok(())
    }
}
