//! Foreign keys stand, have names, and are enforced.

use sea_orm::prelude::Uuid;
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait as _, SqlErr};

use crate::catalogue::foreign_keys;
use crate::database::on_each_database;
use crate::rows;

const FOREIGN_KEYS: &[[&str; 3]] = &[
    ["memberships", "organization_id", "organizations"],
    ["memberships", "user_id", "users"],
    ["roles", "organization_id", "organizations"],
    ["invitations", "organization_id", "organizations"],
    ["invitations", "invited_by", "users"],
    ["invitations", "accepted_by", "users"],
    ["seat_releases", "organization_id", "organizations"],
    ["api_keys", "organization_id", "organizations"],
    ["api_keys", "user_id", "users"],
    ["organization_settings", "organization_id", "organizations"],
    ["organization_settings", "updated_by", "users"],
    ["setting_versions", "organization_id", "organizations"],
    ["setting_versions", "changed_by", "users"],
    ["organization_sessions", "organization_id", "organizations"],
    ["organization_sessions", "user_id", "users"],
    ["membership_ends", "organization_id", "organizations"],
    ["membership_ends", "user_id", "users"],
    ["plans", "organization_id", "organizations"],
    ["prices", "plan_id", "plans"],
    ["subscriptions", "organization_id", "organizations"],
    ["subscriptions", "plan_id", "plans"],
    ["subscriptions", "price_id", "prices"],
    ["subscription_records", "subscription_id", "subscriptions"],
    ["subscription_records", "organization_id", "organizations"],
    ["payment_methods", "organization_id", "organizations"],
    ["invoices", "organization_id", "organizations"],
    ["invoices", "subscription_id", "subscriptions"],
    ["payments", "organization_id", "organizations"],
    ["payments", "invoice_id", "invoices"],
    ["payment_attempts", "organization_id", "organizations"],
    ["payment_attempts", "payment_id", "payments"],
    ["refunds", "organization_id", "organizations"],
    ["refunds", "payment_id", "payments"],
    ["refunds", "requested_by", "users"],
    ["refunds", "decided_by", "users"],
    ["refund_limits", "updated_by", "users"],
    ["deleted_customers", "organization_id", "organizations"],
    ["organization_refund_limits", "organization_id", "organizations"],
    ["organization_refund_limits", "updated_by", "users"],
    ["trial_marks", "organization_id", "organizations"],
    ["disputes", "organization_id", "organizations"],
    ["disputes", "payment_id", "payments"],
    ["credit_notes", "organization_id", "organizations"],
    ["credit_notes", "invoice_id", "invoices"],
    ["entitlement_overrides", "organization_id", "organizations"],
    ["entitlement_overrides", "updated_by", "users"],
    ["usage_hours", "organization_id", "organizations"],
    ["usage_hours", "meter_id", "meters"],
    ["usage_days", "organization_id", "organizations"],
    ["usage_days", "meter_id", "meters"],
    ["usage_day_keys", "organization_id", "organizations"],
    ["usage_day_keys", "meter_id", "meters"],
    ["usage_counters", "organization_id", "organizations"],
    ["usage_counters", "meter_id", "meters"],
    ["usage_alerts", "organization_id", "organizations"],
    ["usage_alerts", "meter_id", "meters"],
    ["usage_alerts", "updated_by", "users"],
    ["usage_alert_states", "organization_id", "organizations"],
    ["usage_alert_states", "meter_id", "meters"],
    ["usage_notices", "organization_id", "organizations"],
    ["usage_notices", "meter_id", "meters"],
    ["plan_charges", "plan_id", "plans"],
    ["usage_periods", "organization_id", "organizations"],
    ["usage_periods", "subscription_id", "subscriptions"],
    ["usage_charges", "organization_id", "organizations"],
    ["usage_charges", "subscription_id", "subscriptions"],
    ["usage_charges", "usage_period_id", "usage_periods"],
    ["usage_charges", "meter_id", "meters"],
    ["usage_charges", "operation_id", "billing_operations"],
    ["billing_drifts", "organization_id", "organizations"],
    ["billing_operations", "organization_id", "organizations"],
    ["billing_operations", "user_id", "users"],
    ["idempotency_keys", "organization_id", "organizations"],
    ["idempotency_keys", "user_id", "users"],
    ["idempotency_keys", "operation_id", "billing_operations"],
    ["billing_policies", "organization_id", "organizations"],
    ["dunning_reminders", "organization_id", "organizations"],
    ["dunning_reminders", "subscription_id", "subscriptions"],
    ["outbox_messages", "organization_id", "organizations"],
    ["email_deliveries", "organization_id", "organizations"],
    ["email_deliveries", "outbox_message_id", "outbox_messages"],
    ["email_deliveries", "user_id", "users"],
    ["notifications", "organization_id", "organizations"],
    ["notifications", "user_id", "users"],
    ["notifications", "outbox_message_id", "outbox_messages"],
    ["webhook_endpoints", "organization_id", "organizations"],
    ["webhook_endpoints", "acts_for", "users"],
    ["webhook_deliveries", "organization_id", "organizations"],
    ["webhook_deliveries", "webhook_endpoint_id", "webhook_endpoints"],
    ["webhook_deliveries", "outbox_message_id", "outbox_messages"],
];

#[tokio::test]
async fn the_foreign_keys_are_these_and_no_others() {
    on_each_database(async |db| {
        let has_names = db.get_database_backend() != DbBackend::Sqlite;
        let expected = FOREIGN_KEYS.iter().map(|[table, column, target]| {
            let mut key =
                vec![table.to_string(), column.to_string(), target.to_string(), "NO ACTION".to_owned()];
            key.extend(has_names.then(|| format!("fk_{table}_{column}")));
            key
        });
        assert_eq!(foreign_keys(db).await, expected.collect());
    })
    .await;
}

#[tokio::test]
async fn a_reference_to_a_row_that_is_not_there_is_refused() {
    on_each_database(async |db| {
        rows::insert_all(db, 1).await;
        for [table, column, _] in FOREIGN_KEYS {
            let update = Query::update().table(*table).value(*column, Uuid::from_u128(u128::MAX)).take();
            let error = db.execute(&update).await.unwrap_err();
            assert!(
                matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))),
                "{table}.{column}: {error}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_row_that_others_refer_to_cannot_be_deleted() {
    on_each_database(async |db| {
        rows::insert_all(db, 1).await;
        let error = entity::organization::Entity::delete_many().exec(db).await.unwrap_err();
        assert!(matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))), "{error}");
    })
    .await;
}
