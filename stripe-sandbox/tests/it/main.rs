//! What the sandbox does, asked of it through HTTP as a client would.

#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

mod added_items;
mod anchors;
mod api;
mod balance;
mod checkout;
mod credit_notes;
mod currencies;
mod debits;
mod discounts;
mod disputes;
mod dunning;
mod events_and_webhooks;
mod faults;
mod first_year;
mod idempotency;
mod invoices;
mod meters;
mod pagination;
mod pauses;
mod payments;
mod pending_updates;
mod portal;
mod previews;
mod prices;
mod properties;
mod receiver;
mod renewals;
mod resumptions;
mod schedule_terms;
mod schedules;
mod search;
mod snapshot;
mod subscriptions;
#[path = "../support/mod.rs"]
mod support;
mod taxes;
mod test_clocks;
mod waiting;
mod webhook_faults;
mod webhook_retries;
mod webhook_versions;
