//! A stateful Stripe double: it speaks Stripe's HTTP API at version 2026-09-30.endive over loopback, for development
//! and tests.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let sandbox = stripe_sandbox::Sandbox::builder().seed(1).start(([127, 0, 0, 1], 0).into()).await?;
//! println!("STRIPE_API_BASE={}", sandbox.base_url());
//! sandbox.shutdown().await;
//! # Ok(())
//! # }
//! ```

// Stripe's objects have many fields, and each costs `json!` a level.
#![recursion_limit = "512"]

mod account;
mod added_items;
mod api_versions;
mod bank_accounts;
mod billing_portal;
mod calendar;
mod cards;
mod charges;
mod checkout_discounts;
mod checkout_pages;
mod checkout_sessions;
mod clock;
mod control;
mod coupons;
mod credit_note_lines;
mod credit_notes;
mod currency;
mod customer_balance;
mod customers;
mod decimal;
mod deliveries;
mod discounts;
mod disputes;
mod errors;
mod events;
mod expand;
mod faults;
mod form;
mod fraud_warnings;
mod http;
mod idempotency;
mod ids;
mod invoice_items;
mod invoice_lines;
mod invoice_payments;
mod invoice_previews;
mod invoice_requests;
mod invoice_totals;
mod invoices;
mod item_billing;
mod json;
mod list;
mod meters;
mod pages;
mod parameters;
mod payment_intents;
mod payment_methods;
mod pending_updates;
mod portal_pages;
mod price_amounts;
mod prices;
mod products;
mod promotion_codes;
mod refunds;
mod routes;
mod sandbox;
mod schedule_lifecycle;
mod schedule_phases;
mod search;
mod settings;
mod setup_intents;
mod snapshot;
mod state;
mod store;
mod subscription_items;
mod subscription_lifecycle;
mod subscription_resume;
mod subscription_schedules;
mod subscription_updates;
mod subscriptions;
mod tax_ids;
mod tax_rates;
mod test_clocks;
mod time;
mod webhook_faults;
mod webhooks;

pub use crate::deliveries::{DeliveryAttempt, WebhookRetries};
pub use crate::events::API_VERSION;
pub use crate::faults::{Fault, FaultKind};
pub use crate::http::RecordedRequest;
pub use crate::sandbox::{Sandbox, SandboxBuilder};
pub use crate::settings::{AfterRetries, Settings};
pub use crate::webhook_faults::{WebhookFault, WebhookFaultKind};
pub use crate::webhooks::{WebhookEndpoint, signature_header};
