//! Notifications: what leaves the outbox, by mail, in the application and to programs.

mod billing_events;
pub mod email;
mod events;
mod expiry;
mod in_app;
mod retention;
mod secrets;
pub mod webhook;
mod webhook_endpoint;
mod webhook_fairness;
mod webhook_rights;
mod whole_run;
