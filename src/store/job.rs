//! Jobs that one process at a time runs, by a lease; and how far reading Stripe has come.

use chrono::{DateTime, Duration, Utc};
use entity::job::{ActiveModel, Column, Entity, Model};
use entity::sync_cursor;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::job::JobState;

/// The right to run a job, until it runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLease {
    /// Which job.
    pub name: String,
    token: Uuid,
    duration: Duration,
}

fn job(row: Model) -> JobState {
    JobState {
        name: row.name,
        started_at: row.started_at,
        finished_at: row.finished_at,
        error: row.error,
        report: row.report,
    }
}

impl Store {
    /// Takes the lease of a job, when nobody holds it. None of these are changes of the business: no audit records.
    pub async fn take_job(&self, name: &str, lease: Duration) -> Result<Option<JobLease>, StoreError> {
        let (now, token) = (self.clock.now(), self.ids.next());
        let row = ActiveModel { name: Set(name.to_owned()), ..ActiveModel::default() };
        Entity::insert(row)
            .on_conflict(OnConflict::column(Column::Name).do_nothing().to_owned())
            .try_insert()
            .exec_without_returning(&self.db)
            .await?;
        let taken = Entity::update_many()
            .col_expr(Column::LeaseToken, Expr::value(token))
            .col_expr(Column::LeaseUntil, Expr::value(now + lease))
            .col_expr(Column::StartedAt, Expr::value(now))
            .filter(Column::Name.eq(name))
            .filter(Column::LeaseUntil.is_null().or(Column::LeaseUntil.lt(now)))
            .exec(&self.db)
            .await?;
        Ok((taken.rows_affected == 1).then(|| JobLease { name: name.to_owned(), token, duration: lease }))
    }

    /// Holds a job for as long again from now on. `Changed` when another process has taken it over.
    pub async fn renew_job(&self, held: &JobLease) -> Result<(), StoreError> {
        let renewed = Entity::update_many()
            .col_expr(Column::LeaseUntil, Expr::value(self.clock.now() + held.duration))
            .filter(Column::Name.eq(&held.name))
            .filter(Column::LeaseToken.eq(held.token))
            .exec(&self.db)
            .await?;
        if renewed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Changed("job's lease")) }
    }

    /// Writes how a job went, and lets go of it.
    pub async fn finish_job(
        &self,
        held: &JobLease,
        outcome: Result<serde_json::Value, String>,
    ) -> Result<(), StoreError> {
        let mut update = Entity::update_many()
            .col_expr(Column::LeaseToken, Expr::value(Option::<Uuid>::None))
            .col_expr(Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None));
        update = match outcome {
            Ok(report) => update
                .col_expr(Column::FinishedAt, Expr::value(self.clock.now()))
                .col_expr(Column::Error, Expr::value(Option::<String>::None))
                .col_expr(Column::Report, Expr::value(report)),
            Err(error) => update.col_expr(Column::Error, Expr::value(error)),
        };
        update
            .filter(Column::Name.eq(&held.name))
            .filter(Column::LeaseToken.eq(held.token))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Writes down that a process is alive, for `lease`, and takes those away that did not for as long. How many are.
    pub async fn announce(&self, kind: &str, process: Uuid, lease: Duration) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let row = ActiveModel {
            name: Set(format!("{kind}{process}")),
            lease_token: Set(Some(process)),
            lease_until: Set(Some(now + lease)),
            started_at: Set(Some(now)),
            ..ActiveModel::default()
        };
        Entity::insert(row)
            .on_conflict(OnConflict::column(Column::Name).update_column(Column::LeaseUntil).to_owned())
            .exec_without_returning(&self.db)
            .await?;
        let all = || Column::Name.starts_with(kind);
        Entity::delete_many().filter(all()).filter(Column::LeaseUntil.lt(now)).exec(&self.db).await?;
        Ok(Entity::find().filter(all()).count(&self.db).await?)
    }

    /// Writes down that a process ends.
    pub async fn withdraw(&self, kind: &str, process: Uuid) -> Result<(), StoreError> {
        Entity::delete_by_id(format!("{kind}{process}")).exec(&self.db).await?;
        Ok(())
    }

    /// How a job went last, if it ever ran.
    pub async fn find_job(&self, name: &str) -> Result<Option<JobState>, StoreError> {
        Ok(Entity::find_by_id(name).one(&self.db).await?.map(job))
    }

    /// How far a reading of Stripe has come.
    pub async fn find_cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(sync_cursor::Entity::find_by_id(name).one(&self.db).await?.map(|row| row.value))
    }

    /// Moves a reading of Stripe. Only the holder of its job's lease does.
    pub async fn put_cursor(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let row = sync_cursor::ActiveModel {
            name: Set(name.to_owned()),
            value: Set(value.to_owned()),
            updated_at: Set(self.clock.now()),
        };
        sync_cursor::Entity::insert(row)
            .on_conflict(
                OnConflict::column(sync_cursor::Column::Name)
                    .update_columns([sync_cursor::Column::Value, sync_cursor::Column::UpdatedAt])
                    .to_owned(),
            )
            .exec_without_returning(&self.db)
            .await?;
        Ok(())
    }

    /// Takes a cursor away that still stands where it stood.
    pub async fn remove_cursor(&self, name: &str, value: &str) -> Result<(), StoreError> {
        sync_cursor::Entity::delete_many()
            .filter(sync_cursor::Column::Name.eq(name))
            .filter(sync_cursor::Column::Value.eq(value))
            .exec(&self.db)
            .await?;
        Ok(())
    }
}
