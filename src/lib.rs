//! Tollgate, a GraphQL API gateway for enterprise settings and billing.
//!
//! The rooms and who may name whom are drawn in `ARCHITECTURE.md`; `tests/it/architecture.rs` keeps the borders.

pub mod domain;
pub mod store;
