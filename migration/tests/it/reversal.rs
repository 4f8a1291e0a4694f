//! Up, down, up.

use migration::{Migrator, MigratorTrait as _};

use crate::catalogue::{shape, tables};
use crate::database::on_each_empty_database;

#[tokio::test]
async fn up_down_up_gives_the_same_schema_and_down_leaves_nothing() {
    on_each_empty_database(async |db| {
        Migrator::up(db, None).await.unwrap();
        let first = shape(db).await;
        assert!(!tables(db).await.is_empty());

        Migrator::down(db, None).await.unwrap();
        assert_eq!(tables(db).await, [].into());

        Migrator::up(db, None).await.unwrap();
        assert_eq!(shape(db).await, first);
    })
    .await;
}

#[tokio::test]
async fn each_migration_is_undone_exactly() {
    on_each_empty_database(async |db| {
        Migrator::install(db).await.unwrap();
        let mut before = vec![shape(db).await];
        for _ in Migrator::migrations() {
            Migrator::up(db, Some(1)).await.unwrap();
            let now = shape(db).await;
            assert_ne!(before.last(), Some(&now), "the migration changes something");
            before.push(now);
        }
        for (migration, expected) in Migrator::migrations().iter().zip(&before).rev() {
            Migrator::down(db, Some(1)).await.unwrap();
            assert_eq!(&shape(db).await, expected, "after undoing {}", migration.name());
        }
    })
    .await;
}

#[tokio::test]
async fn migrating_a_migrated_database_changes_nothing() {
    on_each_empty_database(async |db| {
        Migrator::up(db, None).await.unwrap();
        let first = shape(db).await;
        Migrator::up(db, None).await.unwrap();
        assert_eq!(shape(db).await, first);
    })
    .await;
}
