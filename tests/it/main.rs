//! The gateway's integration tests: one binary, laid out like the schema. Every test runs on SQLite and, with
//! TOLLGATE_TEST_DATABASE=postgres, on PostgreSQL.

mod main_job;
mod support;
