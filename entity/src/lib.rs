//! The rows of Tollgate's tables, one module a table, for `sea-orm`. They hold no rules: strings
//! stand where the domain has enums, and amounts are plain integers in minor units.
//!
//! Only `store` and the tests of `migration` name this crate. Timestamps are UTC and are set by the
//! caller; so are the ids.

pub mod prelude;

pub mod api_key;
pub mod audit_log;
pub mod billing_drift;
pub mod billing_operation;
pub mod billing_policy;
pub mod credit_note;
pub mod deleted_customer;
pub mod dispute;
pub mod dunning_reminder;
pub mod email_delivery;
pub mod entitlement_override;
pub mod idempotency_key;
pub mod invitation;
pub mod invoice;
pub mod job;
pub mod membership;
pub mod membership_end;
pub mod meter;
pub mod notification;
pub mod organization;
pub mod organization_refund_limit;
pub mod organization_session;
pub mod organization_setting;
pub mod outbox_message;
pub mod payment;
pub mod payment_attempt;
pub mod payment_method;
pub mod plan;
pub mod plan_charge;
pub mod price;
pub mod refund;
pub mod refund_limit;
pub mod role;
pub mod seat_release;
pub mod setting_version;
pub mod stripe_event;
pub mod subscription;
pub mod subscription_record;
pub mod sync_cursor;
pub mod trial_mark;
pub mod usage_alert;
pub mod usage_alert_state;
pub mod usage_charge;
pub mod usage_counter;
pub mod usage_day;
pub mod usage_day_key;
pub mod usage_event;
pub mod usage_event_key;
pub mod usage_hour;
pub mod usage_notice;
pub mod usage_period;
pub mod user;
pub mod webhook_delivery;
pub mod webhook_endpoint;
