//! What was kept by day is there by meter when usage is metered, and back.

use entity::{meter, organization, usage_day};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::sea_query::Query;
use sea_orm::{ActiveModelTrait as _, ConnectionTrait as _, EntityTrait as _, IntoActiveModel as _};

use crate::catalogue::rows;
use crate::database::on_each_database;
use crate::rows::Row as _;

/// How many migrations there are from the one that meters usage, counted from the end.
fn metered_and_later() -> u32 {
    let migrations = Migrator::migrations();
    let place = migrations.iter().position(|it| it.name() == "m20261127_001102_usage");
    u32::try_from(migrations.len() - place.expect("it is listed")).expect("few")
}

#[tokio::test]
async fn days_of_known_meters_are_taken_over_and_given_back() {
    on_each_database(async |db| {
        organization::Model::row(1).into_active_model().insert(db).await.unwrap();
        let old = usage_day::Model::row(1);
        Migrator::down(db, Some(metered_and_later())).await.unwrap();
        for (name, quantity) in [("api_calls", 41_i64), ("nothing_known", 7)] {
            let insert = Query::insert()
                .into_table("usage_daily")
                .columns(["organization_id", "day", "meter", "quantity", "updated_at"])
                .values_panic([
                    old.organization_id.into(),
                    old.day.into(),
                    name.into(),
                    quantity.into(),
                    old.updated_at.into(),
                ])
                .to_owned();
            db.execute(&insert).await.unwrap();
        }
        Migrator::up(db, None).await.unwrap();
        let days = usage_day::Entity::find().find_also_related(meter::Entity).all(db).await.unwrap();
        let shown: Vec<_> = days
            .iter()
            .map(|(day, meter)| {
                (meter.as_ref().unwrap().name.as_str(), day.day, day.sum_units, day.max_units)
            })
            .collect();
        assert_eq!(shown, [("api_calls", old.day, 41, 41)]);

        Migrator::down(db, Some(metered_and_later())).await.unwrap();
        let kept = rows(db, "SELECT meter, CAST(quantity AS TEXT) FROM usage_daily").await;
        assert_eq!(kept, [["api_calls", "41"].map(str::to_owned).to_vec()]);
        Migrator::up(db, None).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_meters_that_everybody_has_are_there() {
    on_each_database(async |db| {
        let mut names: Vec<String> =
            meter::Entity::find().all(db).await.unwrap().into_iter().map(|row| row.name).collect();
        names.sort();
        assert_eq!(names, ["api_calls", "seats", "storage_gb"]);
    })
    .await;
}
