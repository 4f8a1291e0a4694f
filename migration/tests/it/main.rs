//! The migrations and the entities, on SQLite always and on PostgreSQL when
//! `TOLLGATE_TEST_DATABASE=postgres` (its address in `TOLLGATE_TEST_POSTGRES_URL`).

#![expect(clippy::unwrap_used, reason = "the whole crate is tests, its helper functions too")]

/// Does `$check::<Entity>($arguments).await` for the entity of every table, parents first.
macro_rules! for_each_entity {
    ($check:ident($($argument:expr),*)) => {{
        $check::<entity::organization::Entity>($($argument),*).await;
        $check::<entity::user::Entity>($($argument),*).await;
        $check::<entity::membership::Entity>($($argument),*).await;
        $check::<entity::role::Entity>($($argument),*).await;
        $check::<entity::invitation::Entity>($($argument),*).await;
        $check::<entity::seat_release::Entity>($($argument),*).await;
        $check::<entity::api_key::Entity>($($argument),*).await;
        $check::<entity::organization_setting::Entity>($($argument),*).await;
        $check::<entity::setting_version::Entity>($($argument),*).await;
        $check::<entity::organization_session::Entity>($($argument),*).await;
        $check::<entity::membership_end::Entity>($($argument),*).await;
        $check::<entity::plan::Entity>($($argument),*).await;
        $check::<entity::price::Entity>($($argument),*).await;
        $check::<entity::subscription::Entity>($($argument),*).await;
        $check::<entity::subscription_record::Entity>($($argument),*).await;
        $check::<entity::payment_method::Entity>($($argument),*).await;
        $check::<entity::invoice::Entity>($($argument),*).await;
        $check::<entity::payment::Entity>($($argument),*).await;
        $check::<entity::payment_attempt::Entity>($($argument),*).await;
        $check::<entity::refund::Entity>($($argument),*).await;
        $check::<entity::refund_limit::Entity>($($argument),*).await;
        $check::<entity::deleted_customer::Entity>($($argument),*).await;
        $check::<entity::dispute::Entity>($($argument),*).await;
        $check::<entity::credit_note::Entity>($($argument),*).await;
        $check::<entity::meter::Entity>($($argument),*).await;
        $check::<entity::entitlement_override::Entity>($($argument),*).await;
        $check::<entity::usage_event_key::Entity>($($argument),*).await;
        $check::<entity::usage_event::Entity>($($argument),*).await;
        $check::<entity::usage_hour::Entity>($($argument),*).await;
        $check::<entity::usage_day::Entity>($($argument),*).await;
        $check::<entity::usage_day_key::Entity>($($argument),*).await;
        $check::<entity::usage_counter::Entity>($($argument),*).await;
        $check::<entity::usage_alert::Entity>($($argument),*).await;
        $check::<entity::usage_alert_state::Entity>($($argument),*).await;
        $check::<entity::usage_notice::Entity>($($argument),*).await;
        $check::<entity::plan_charge::Entity>($($argument),*).await;
        $check::<entity::usage_period::Entity>($($argument),*).await;
        $check::<entity::audit_log::Entity>($($argument),*).await;
        $check::<entity::stripe_event::Entity>($($argument),*).await;
        $check::<entity::sync_cursor::Entity>($($argument),*).await;
        $check::<entity::job::Entity>($($argument),*).await;
        $check::<entity::billing_drift::Entity>($($argument),*).await;
        $check::<entity::billing_operation::Entity>($($argument),*).await;
        $check::<entity::usage_charge::Entity>($($argument),*).await;
        $check::<entity::idempotency_key::Entity>($($argument),*).await;
        $check::<entity::billing_policy::Entity>($($argument),*).await;
        $check::<entity::dunning_reminder::Entity>($($argument),*).await;
        $check::<entity::trial_mark::Entity>($($argument),*).await;
        $check::<entity::organization_refund_limit::Entity>($($argument),*).await;
        $check::<entity::outbox_message::Entity>($($argument),*).await;
        $check::<entity::email_delivery::Entity>($($argument),*).await;
        $check::<entity::notification::Entity>($($argument),*).await;
        $check::<entity::webhook_endpoint::Entity>($($argument),*).await;
        $check::<entity::webhook_delivery::Entity>($($argument),*).await;
    }};
}

mod catalogue;
mod columns;
mod concurrency;
mod database;
mod dunning_days;
mod foreign_keys;
mod indexes;
mod reversal;
mod rows;
mod subscription_records;
mod timestamps;
mod uniqueness;
mod usage_days;
