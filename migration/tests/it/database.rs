//! Empty databases to test on, made for one test and removed after it.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use url::Url;

/// Runs the test on a migrated database of each kind.
pub async fn on_each_database(test: impl AsyncFn(&DatabaseConnection)) {
    on_each_empty_database(async |db| {
        Migrator::up(db, None).await.unwrap();
        test(db).await;
    })
    .await;
}

/// Runs the test on an empty database of each kind.
pub async fn on_each_empty_database(test: impl AsyncFn(&DatabaseConnection)) {
    on_sqlite(&test).await;
    match std::env::var("TOLLGATE_TEST_DATABASE").as_deref() {
        Ok("postgres") => on_postgres(&test).await,
        Ok("sqlite") | Err(std::env::VarError::NotPresent) => {}
        other => panic!("TOLLGATE_TEST_DATABASE is neither `sqlite` nor `postgres`: {other:?}"),
    }
}

async fn on_sqlite(test: &impl AsyncFn(&DatabaseConnection)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollgate.db");
    let db = Database::connect(format!("sqlite://{}?mode=rwc", path.display())).await.unwrap();
    test(&db).await;
    db.close().await.unwrap();
}

async fn on_postgres(test: &impl AsyncFn(&DatabaseConnection)) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let url = std::env::var("TOLLGATE_TEST_POSTGRES_URL")
        .expect("TOLLGATE_TEST_DATABASE=postgres needs TOLLGATE_TEST_POSTGRES_URL");
    let mut url = Url::parse(&url).expect("TOLLGATE_TEST_POSTGRES_URL is an address");
    let server =
        Database::connect(options(&url, 1)).await.expect("PostgreSQL answers at TOLLGATE_TEST_POSTGRES_URL");
    let name = format!("tollgate_migration_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    server.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();

    url.set_path(&name);
    let db = Database::connect(options(&url, 4)).await.unwrap();
    let outcome = AssertUnwindSafe(test(&db)).catch_unwind().await;
    db.close().await.unwrap();
    server.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    server.close().await.unwrap();
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// A server that is not there fails the test in seconds.
fn options(url: &Url, max_connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.as_str());
    options.max_connections(max_connections).acquire_timeout(Duration::from_secs(10));
    options
}
