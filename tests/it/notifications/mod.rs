//! Notifications: what leaves the outbox, by mail, in the application and to programs.

pub mod email;
mod events;
mod expiry;
mod in_app;
mod webhook;
mod webhook_endpoint;
mod whole_run;
