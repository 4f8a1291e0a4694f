//! Tollgate, a GraphQL API gateway for enterprise settings and billing.
//!
//! The rooms and who may name whom are drawn in `ARCHITECTURE.md`; `tests/it/architecture.rs` keeps the borders.

// Each group of mutations is a level of the future that looks for entities.
#![recursion_limit = "256"]

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod delivery;
#[cfg(feature = "sandbox")]
pub mod demo;
pub mod domain;
pub mod graphql;
pub mod http;
pub mod jobs;
pub mod metrics;
pub mod payments;
mod release_guard;
pub mod service;
pub mod store;
pub mod telemetry;
