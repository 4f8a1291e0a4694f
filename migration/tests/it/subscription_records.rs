//! The record of what subscriptions came to begins with what is there.

use entity::{organization, plan, price, subscription, subscription_record};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _};

use crate::database::on_each_database;
use crate::rows::Row as _;

/// How many migrations there are from the one that makes the record, counted from the end.
fn recorded_and_later() -> u32 {
    let migrations = Migrator::migrations();
    let place = migrations.iter().position(|it| it.name() == "m20261127_001202_subscription_records");
    u32::try_from(migrations.len() - place.expect("it is listed")).expect("few")
}

#[tokio::test]
async fn what_was_there_is_recorded_by_the_month_as_of_its_last_write() {
    on_each_database(async |db| {
        for n in [1, 2] {
            organization::Model::row(n).into_active_model().insert(db).await.unwrap();
            plan::Model::row(n).into_active_model().insert(db).await.unwrap();
        }
        for (n, interval, unit) in [(1, "year", 1_000), (2, "month", 500)] {
            let price = price::Model {
                billing_interval: interval.to_owned(),
                unit_amount_minor: unit,
                ..price::Model::row(n)
            };
            price.into_active_model().insert(db).await.unwrap();
            let row = subscription::Model { quantity: 3, ..subscription::Model::row(n) };
            row.into_active_model().insert(db).await.unwrap();
        }
        Migrator::down(db, Some(recorded_and_later())).await.unwrap();
        Migrator::up(db, None).await.unwrap();
        let mut rows = subscription_record::Entity::find().all(db).await.unwrap();
        rows.sort_by_key(|row| row.subscription_id);
        let expected: Vec<_> = [(1, 250), (2, 1_500)]
            .into_iter()
            .map(|(n, monthly_minor)| {
                let (row, price) = (subscription::Model::row(n), price::Model::row(n));
                subscription_record::Model {
                    subscription_id: row.id,
                    recorded_at: row.updated_at,
                    organization_id: row.organization_id,
                    status: row.status,
                    plan_id: row.plan_id,
                    currency: Some(price.currency),
                    monthly_minor,
                    quantity: 3,
                }
            })
            .collect();
        assert_eq!(rows, expected);
    })
    .await;
}
