//! Time and ids sort alike in Rust, on SQLite (where time is text) and on PostgreSQL.

use entity::organization;
use sea_orm::prelude::{DateTimeUtc, Uuid};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, DatabaseConnection, EntityTrait as _, ExprTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::database::on_each_database;
use crate::rows::Row as _;

/// In order, with no, three and six fractional digits as neighbours.
const MOMENTS: [&str; 12] = [
    "1999-12-31T23:59:59.999999Z",
    "2026-01-09T09:59:59Z",
    "2026-01-09T09:59:59.000001Z",
    "2026-01-09T09:59:59.001Z",
    "2026-01-09T09:59:59.001001Z",
    "2026-01-09T09:59:59.100Z",
    "2026-01-09T09:59:59.100001Z",
    "2026-01-09T09:59:59.999Z",
    "2026-01-09T09:59:59.999999Z",
    "2026-01-09T10:00:00Z",
    "2026-01-09T10:00:00.000010Z",
    "2026-01-10T00:00:00Z",
];

fn moments() -> Vec<DateTimeUtc> {
    let moments: Vec<DateTimeUtc> = MOMENTS.iter().map(|text| text.parse().unwrap()).collect();
    assert!(moments.is_sorted_by(|a, b| a < b));
    moments
}

/// One organization a moment, written in an order that is not time's.
async fn insert_moments(db: &DatabaseConnection) {
    let mut numbered: Vec<_> = (1_u8..).zip(moments()).collect();
    numbered.sort_by_key(|(n, _)| (n * 7) % 13);
    for (n, created_at) in numbered {
        let row = organization::Model { created_at, ..organization::Model::row(n) };
        row.into_active_model().insert(db).await.unwrap();
    }
}

#[tokio::test]
async fn rows_sort_by_time_whatever_the_fraction() {
    on_each_database(async |db| {
        insert_moments(db).await;
        let sorted: Vec<DateTimeUtc> = organization::Entity::find()
            .order_by_asc(organization::Column::CreatedAt)
            .all(db)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.created_at)
            .collect();
        assert_eq!(sorted, moments());
    })
    .await;
}

#[tokio::test]
async fn times_compare_whatever_the_fraction() {
    on_each_database(async |db| {
        insert_moments(db).await;
        for moment in moments() {
            let column = organization::Column::CreatedAt;
            let matching = async |condition| -> Vec<DateTimeUtc> {
                let mut found: Vec<_> = organization::Entity::find()
                    .filter(condition)
                    .all(db)
                    .await
                    .unwrap()
                    .into_iter()
                    .map(|row| row.created_at)
                    .collect();
                found.sort();
                found
            };
            let expected = |keep: fn(&DateTimeUtc, &DateTimeUtc) -> bool| -> Vec<DateTimeUtc> {
                moments().into_iter().filter(|other| keep(other, &moment)).collect()
            };
            assert_eq!(matching(column.lt(moment)).await, expected(|a, b| a < b), "< {moment}");
            assert_eq!(matching(column.lte(moment)).await, expected(|a, b| a <= b), "<= {moment}");
            assert_eq!(matching(column.eq(moment)).await, [moment], "= {moment}");
            assert_eq!(matching(column.gt(moment)).await, expected(|a, b| a > b), "> {moment}");
        }
    })
    .await;
}

#[tokio::test]
async fn pages_by_time_and_id_meet_every_row_once() {
    on_each_database(async |db| {
        // Pairs of moments, so that the id has to decide within each.
        let mut expected: Vec<(DateTimeUtc, Uuid)> = Vec::new();
        for (n, created_at) in (1_u8..).zip(moments()) {
            for row in [organization::Model::row(n), organization::Model::row(200 - n)] {
                let row = organization::Model { created_at, ..row };
                expected.push((created_at, row.id));
                row.into_active_model().insert(db).await.unwrap();
            }
        }
        expected.sort();

        let mut walked: Vec<(DateTimeUtc, Uuid)> = Vec::new();
        loop {
            let mut page = organization::Entity::find();
            if let Some((created_at, id)) = walked.last() {
                page =
                    page.filter(Condition::any().add(organization::Column::CreatedAt.gt(*created_at)).add(
                        organization::Column::CreatedAt.eq(*created_at).and(organization::Column::Id.gt(*id)),
                    ));
            }
            let page = page
                .order_by_asc(organization::Column::CreatedAt)
                .order_by_asc(organization::Column::Id)
                .limit(5)
                .all(db)
                .await
                .unwrap();
            if page.is_empty() {
                break;
            }
            walked.extend(page.into_iter().map(|row| (row.created_at, row.id)));
        }
        assert_eq!(walked, expected);
    })
    .await;
}

#[tokio::test]
async fn ids_sort_as_they_do_in_rust() {
    on_each_database(async |db| {
        let mut ids: Vec<Uuid> =
            [1, 0x7f, 0x80, 0xff, 0x100, 1 << 64, 1 << 127, u128::MAX >> 1].map(Uuid::from_u128).into();
        for (n, id) in (1_u8..).zip(ids.iter().rev()) {
            let row = organization::Model { id: *id, ..organization::Model::row(n) };
            row.into_active_model().insert(db).await.unwrap();
        }
        ids.sort();
        let sorted: Vec<Uuid> = organization::Entity::find()
            .order_by_asc(organization::Column::Id)
            .all(db)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.id)
            .collect();
        assert_eq!(sorted, ids);
    })
    .await;
}
