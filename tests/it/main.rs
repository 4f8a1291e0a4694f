//! The gateway's integration tests: one binary, laid out like the schema. Every test runs on SQLite and, with
//! TOLLGATE_TEST_DATABASE=postgres, on PostgreSQL.

mod architecture;
mod audit;
mod convergence;
mod demo;
mod dunning;
mod dunning_changes;
mod errors;
mod every_operation;
mod graphql_http;
mod guides;
mod hard_cases;
mod jobs;
mod limits;
mod live;
mod live_organization;
mod main_job;
pub mod mutations;
mod notifications;
mod overhead;
mod permission_table;
mod permissions;
mod queries;
mod schema;
mod security;
mod support;
mod tenancy;
mod usage;
mod visible;
mod webhook_overload;
mod webhooks;
