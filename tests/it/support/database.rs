//! A database for each test: a SQLite file, or a database in the cluster that the test run started.

use std::sync::OnceLock;

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;
use tollgate::domain::ids::{IdGenerator, SystemIds};

/// A database that is gone with the test.
pub struct TestDatabase {
    url: String,
    kept: Kept,
}

enum Kept {
    Sqlite(#[expect(dead_code, reason = "it holds the folder until it is dropped")] TempDir),
    Postgres {
        cluster: String,
        name: String,
    },
    /// Another process's: it outlives this one.
    Borrowed,
}

/// Where tests find their databases.
enum Place {
    /// A folder for each.
    Files,
    /// The cluster at this address.
    Cluster(String),
}

impl Place {
    /// The place that TOLLGATE_TEST_DATABASE names. A server that is missing fails the test.
    fn of_this_run() -> Self {
        match std::env::var("TOLLGATE_TEST_DATABASE").as_deref() {
            Err(_) | Ok("sqlite") => Self::Files,
            Ok("postgres") => {
                Self::Cluster(std::env::var("TOLLGATE_TEST_POSTGRES_URL").expect(
                    "TOLLGATE_TEST_POSTGRES_URL names the cluster; `cargo xtask postgres` starts one",
                ))
            }
            Ok(other) => panic!("TOLLGATE_TEST_DATABASE is sqlite or postgres, not {other}"),
        }
    }
}

/// A database with every migration, of which others are copies: made once for a test process, since the migrations take
/// longer than most tests.
enum Migrated {
    File(Vec<u8>),
    Database(String),
}

impl Migrated {
    fn once() -> &'static Self {
        static MIGRATED: OnceLock<Migrated> = OnceLock::new();
        // The runtime of the test that comes first must not be waited on by the others.
        MIGRATED.get_or_init(|| {
            let made = std::thread::spawn(|| {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(Self::make())
            });
            made.join().expect("a migrated database")
        })
    }

    async fn make() -> Self {
        match Place::of_this_run() {
            Place::Files => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let file = folder.path().join("migrated.sqlite");
                migrate(&format!("sqlite://{}?mode=rwc", file.display())).await;
                Self::File(std::fs::read(file).expect("a database"))
            }
            Place::Cluster(cluster) => {
                let name = format!("migrated_{}", SystemIds.next().simple());
                migrate(&new_database(&cluster, &name, "").await).await;
                Self::Database(name)
            }
        }
    }
}

async fn migrate(url: &str) {
    let db = Database::connect(url).await.expect("the database opens");
    Migrator::up(&db, None).await.expect("the migrations apply");
    db.close().await.expect("the connection closes");
}

/// Makes a database in the cluster. Its address.
async fn new_database(cluster: &str, name: &str, from: &str) -> String {
    let admin = Database::connect(cluster).await.expect("the cluster answers");
    admin.execute_unprepared(&format!("CREATE DATABASE {name} {from}")).await.expect("a new database");
    admin.close().await.expect("the connection closes");
    let mut url: url::Url = cluster.parse().expect("an address");
    url.set_path(name);
    url.into()
}

impl TestDatabase {
    /// A database with every migration.
    pub async fn create() -> Self {
        Self::copy_of(Some(Migrated::once())).await
    }

    /// A database with nothing in it.
    pub async fn empty() -> Self {
        Self::copy_of(None).await
    }

    async fn copy_of(migrated: Option<&Migrated>) -> Self {
        match Place::of_this_run() {
            Place::Files => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let file = folder.path().join("tollgate.sqlite");
                if let Some(Migrated::File(content)) = migrated {
                    std::fs::write(&file, content).expect("a database");
                }
                let url = format!("sqlite://{}?mode=rwc", file.display());
                Self { url, kept: Kept::Sqlite(folder) }
            }
            Place::Cluster(cluster) => {
                let name = format!("test_{}", SystemIds.next().simple());
                let from = match migrated {
                    Some(Migrated::Database(template)) => format!("TEMPLATE {template}"),
                    _ => String::new(),
                };
                let url = new_database(&cluster, &name, &from).await;
                Self { url, kept: Kept::Postgres { cluster, name } }
            }
        }
    }

    /// The same database, for another process; to be dropped before this one.
    pub fn borrowed(&self) -> Self {
        Self { url: self.url.clone(), kept: Kept::Borrowed }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Kept::Postgres { cluster, name } = &self.kept else { return };
        let (cluster, name) = (cluster.clone(), name.clone());
        // Drop is not async, and the test's own runtime may be ending.
        let dropped = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                if let Ok(admin) = Database::connect(&cluster).await {
                    let _ = admin
                        .execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                        .await;
                    let _ = admin.close().await;
                }
            });
        });
        let _ = dropped.join();
    }
}
