//! A database for each test: a SQLite file, or a database in the cluster that the test run started.

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

impl TestDatabase {
    /// The database that TOLLGATE_TEST_DATABASE names. A server that is missing fails the test.
    pub async fn create() -> Self {
        match std::env::var("TOLLGATE_TEST_DATABASE").as_deref() {
            Err(_) | Ok("sqlite") => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let url = format!("sqlite://{}?mode=rwc", folder.path().join("tollgate.sqlite").display());
                Self { url, kept: Kept::Sqlite(folder) }
            }
            Ok("postgres") => {
                let cluster = std::env::var("TOLLGATE_TEST_POSTGRES_URL").expect(
                    "TOLLGATE_TEST_POSTGRES_URL names the cluster; `cargo xtask postgres` starts one",
                );
                let name = format!("test_{}", SystemIds.next().simple());
                let admin = Database::connect(&cluster).await.expect("the cluster answers");
                admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a new database");
                admin.close().await.expect("the connection closes");
                let mut url: url::Url = cluster.parse().expect("an address");
                url.set_path(&name);
                Self { url: url.into(), kept: Kept::Postgres { cluster, name } }
            }
            Ok(other) => panic!("TOLLGATE_TEST_DATABASE is sqlite or postgres, not {other}"),
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
