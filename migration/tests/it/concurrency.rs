//! The two statements that workers and webhooks rest on: a claim by conditional update, and an
//! insertion that an equal key turns into nothing.

use entity::{billing_operation, stripe_event};
use futures::future::join_all;
use sea_orm::prelude::Uuid;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, IntoActiveModel as _, QueryFilter as _, SqlErr,
    TryInsertResult,
};

use crate::database::on_each_database;
use crate::rows::{self, Row as _};

#[tokio::test]
async fn a_claim_is_won_once() {
    on_each_database(async |db| {
        rows::insert_all(db, 1).await;
        let operation = billing_operation::Model::row(1);
        let claim = async || {
            billing_operation::Entity::update_many()
                .col_expr(
                    billing_operation::Column::FencingToken,
                    Expr::col(billing_operation::Column::FencingToken).add(1),
                )
                .filter(billing_operation::Column::Id.eq(operation.id))
                .filter(billing_operation::Column::FencingToken.eq(operation.fencing_token))
                .exec(db)
                .await
                .unwrap()
                .rows_affected
        };
        let won: u64 = join_all((0..8).map(|_| claim())).await.into_iter().sum();
        assert_eq!(won, 1, "of eight claims at the same time");
        assert_eq!(claim().await, 0, "a claim after them");
    })
    .await;
}

#[tokio::test]
async fn an_event_that_comes_again_is_stored_once() {
    on_each_database(async |db| {
        let insert = |id: u128| {
            let event = stripe_event::Model { id: Uuid::from_u128(id), ..stripe_event::Model::row(1) };
            stripe_event::Entity::insert(event.into_active_model()).on_conflict_do_nothing_on([
                stripe_event::Column::Account,
                stripe_event::Column::Livemode,
                stripe_event::Column::EventId,
            ])
        };
        // Without RETURNING, sea-orm tells a conflict as zero rows inserted, not as `Conflicted`.
        let first = insert(1).exec_without_returning(db).await.unwrap();
        assert!(matches!(first, TryInsertResult::Inserted(1)), "{first:?}");
        let again = insert(2).exec_without_returning(db).await.unwrap();
        assert!(matches!(again, TryInsertResult::Inserted(0)), "{again:?}");
        let again = insert(3).exec(db).await.unwrap();
        assert!(matches!(again, TryInsertResult::Conflicted), "{again:?}");

        let stored = stripe_event::Entity::find().all(db).await.unwrap();
        assert_eq!(stored, [stripe_event::Model { id: Uuid::from_u128(1), ..stripe_event::Model::row(1) }]);
    })
    .await;
}

#[tokio::test]
async fn an_upsert_writes_only_what_is_newer() {
    on_each_database(async |db| {
        let upsert = async |cursor: entity::sync_cursor::Model| {
            entity::sync_cursor::Entity::insert(cursor.into_active_model())
                .on_conflict(
                    OnConflict::column(entity::sync_cursor::Column::Name)
                        .update_columns([
                            entity::sync_cursor::Column::Value,
                            entity::sync_cursor::Column::UpdatedAt,
                        ])
                        .action_and_where(
                            Expr::col((entity::sync_cursor::Entity, entity::sync_cursor::Column::UpdatedAt))
                                .lt(Expr::col(("excluded", entity::sync_cursor::Column::UpdatedAt))),
                        )
                        .to_owned(),
                )
                .exec_without_returning(db)
                .await
                .unwrap()
        };
        let older = entity::sync_cursor::Model::row(1);
        let newer =
            entity::sync_cursor::Model { name: older.name.clone(), ..entity::sync_cursor::Model::row(2) };
        assert_eq!(upsert(older.clone()).await, 1);
        assert_eq!(upsert(newer.clone()).await, 1);
        assert_eq!(upsert(older).await, 0);
        let stored = entity::sync_cursor::Entity::find().all(db).await.unwrap();
        assert_eq!(stored, [newer]);
    })
    .await;
}

#[tokio::test]
async fn a_scope_has_one_open_operation_and_any_number_of_settled_ones() {
    on_each_database(async |db| {
        rows::insert_all(db, 1).await;
        let insert = async |n: u8, open_scope: Option<&str>| {
            let operation = billing_operation::Model {
                open_scope: open_scope.map(str::to_owned),
                organization_id: None,
                user_id: None,
                ..billing_operation::Model::row(n)
            };
            billing_operation::Entity::insert(operation.into_active_model()).exec_without_returning(db).await
        };
        insert(2, Some("subscription:1")).await.unwrap();
        let error = insert(3, Some("subscription:1")).await.unwrap_err();
        assert!(matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))), "{error}");
        insert(4, None).await.unwrap();
        insert(5, None).await.unwrap();
        insert(6, Some("subscription:2")).await.unwrap();
    })
    .await;
}
