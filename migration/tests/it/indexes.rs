//! Indexes stand as they were ordered, tenants' ones begin with the tenant.

use std::collections::BTreeSet;

use crate::catalogue::{Index, columns, indexes, tables};
use crate::database::on_each_database;

/// Indexes of tables with an `organization_id` that begin with something else, and why.
const ACROSS_TENANTS: &[(&str, &[&str])] = &[
    // A person's organizations, whichever they are.
    ("memberships", &["user_id"]),
    // The catalogue is one for all; few plans have an owner.
    ("plans", &["sort_order", "id"]),
    // From a catalogue row or a parent row to its children: the parent is already the tenant's.
    ("subscriptions", &["plan_id"]),
    ("invoices", &["subscription_id"]),
    // What a person has given back today, in all organizations.
    ("refunds", &["requested_by", "created_at"]),
    // Workers look for what is due, of all tenants.
    ("stripe_events", &["state", "next_attempt_at"]),
    ("stripe_events", &["received_at", "id"]),
    // What happened to an object of Stripe's, before it is known whose it is.
    ("stripe_events", &["object_id", "received_at", "id"]),
    // Platform staff read what comparisons found, of all tenants.
    ("billing_drifts", &["found_at", "id"]),
    ("billing_operations", &["state", "lease_until"]),
    ("idempotency_keys", &["expires_at"]),
    ("subscriptions", &["status", "updated_at"]),
    ("dunning_reminders", &["delivered_at", "created_at"]),
    // Events, and which were seen, are forgotten after a time, of all tenants.
    ("usage_event_keys", &["received_at"]),
    // Whoever looks for alerts takes whose period is over, of all tenants.
    ("usage_alert_states", &["look_again_at"]),
    // Workers look for periods that are to be closed, and for what is not billed yet, of all tenants.
    ("usage_periods", &["closed_at", "seen_ended_at"]),
    ("usage_charges", &["billed_at", "updated_at"]),
    // A subscription is the tenant's already.
    ("usage_periods", &["subscription_id", "period_start"]),
    ("usage_charges", &["subscription_id", "period_start", "meter_id", "part"]),
    // Platform staff read what recurs, of all tenants; and a subscription is the tenant's already.
    ("subscription_records", &["recorded_at", "subscription_id"]),
    ("usage_events", &["occurred_at"]),
    // What nobody comes back with is cleared away, of all tenants.
    ("organization_sessions", &["last_seen_at"]),
    // What is told and done with is taken away when it is old, of all tenants; a message once nothing of it is left.
    ("outbox_messages", &["created_at"]),
    ("email_deliveries", &["created_at"]),
    ("notifications", &["created_at"]),
    ("webhook_deliveries", &["created_at"]),
    ("webhook_deliveries", &["outbox_message_id"]),
    // How much an address was sent, by whomever.
    ("outbox_messages", &["address", "created_at"]),
    // Workers look for what is to be told, of all tenants.
    ("outbox_messages", &["state", "next_attempt_at"]),
    ("email_deliveries", &["state", "next_attempt_at"]),
    ("webhook_deliveries", &["state", "next_attempt_at"]),
    // Workers take what is due of one endpoint, and begin with the endpoint that waited longest.
    ("webhook_deliveries", &["webhook_endpoint_id", "state", "next_attempt_at"]),
    ("webhook_endpoints", &["claimed_at"]),
];

#[tokio::test]
async fn indexes_of_tenants_rows_begin_with_the_organization() {
    on_each_database(async |db| {
        let mut tenants = BTreeSet::new();
        for table in tables(db).await {
            if columns(db, &table).await.contains_key("organization_id") {
                tenants.insert(table);
            }
        }
        let astray: BTreeSet<_> = indexes(db)
            .await
            .into_iter()
            .filter(|index| tenants.contains(&index.table) && !index.is_unique)
            .filter(|index| index.columns[0] != "organization_id")
            .map(|index| (index.table, index.columns))
            .collect();
        let allowed =
            ACROSS_TENANTS.iter().map(|(table, columns)| ((*table).to_owned(), owned(columns))).collect();
        assert_eq!(astray, allowed);
    })
    .await;
}

#[tokio::test]
async fn the_indexes_are_these_and_no_others() {
    let expected: BTreeSet<_> = READS
        .iter()
        .map(|(table, columns)| index(table, columns, false))
        .chain(KEYS.iter().map(|(table, columns)| index(table, columns, true)))
        .collect();
    on_each_database(async |db| assert_eq!(indexes(db).await, expected)).await;
}

const READS: &[(&str, &[&str])] = &[
    ("organizations", &["created_at", "id"]),
    ("memberships", &["organization_id", "created_at", "id"]),
    ("memberships", &["user_id"]),
    ("invitations", &["organization_id", "created_at", "id"]),
    ("seat_releases", &["organization_id"]),
    ("api_keys", &["organization_id", "created_at", "id"]),
    ("setting_versions", &["organization_id", "section", "created_at", "id"]),
    ("organization_sessions", &["last_seen_at"]),
    ("plans", &["sort_order", "id"]),
    ("prices", &["plan_id", "is_active"]),
    ("subscriptions", &["organization_id", "created_at", "id"]),
    ("subscriptions", &["plan_id"]),
    ("subscriptions", &["status", "updated_at"]),
    ("payment_methods", &["organization_id", "created_at", "id"]),
    ("invoices", &["organization_id", "created_at", "id"]),
    ("invoices", &["organization_id", "status", "created_at", "id"]),
    ("invoices", &["subscription_id"]),
    ("payments", &["organization_id", "created_at", "id"]),
    ("payments", &["organization_id", "status", "created_at", "id"]),
    ("payments", &["organization_id", "invoice_id", "created_at", "id"]),
    ("payment_attempts", &["organization_id", "payment_id", "created_at", "id"]),
    ("refunds", &["organization_id", "payment_id", "created_at", "id"]),
    ("refunds", &["organization_id", "status", "created_at", "id"]),
    ("refunds", &["requested_by", "created_at"]),
    ("disputes", &["organization_id", "created_at", "id"]),
    ("disputes", &["organization_id", "payment_id", "created_at", "id"]),
    ("credit_notes", &["organization_id", "invoice_id", "created_at", "id"]),
    ("usage_event_keys", &["received_at"]),
    ("usage_events", &["occurred_at"]),
    ("usage_events", &["organization_id", "meter_id", "occurred_at"]),
    ("usage_counters", &["organization_id"]),
    ("usage_alert_states", &["look_again_at"]),
    ("subscription_records", &["recorded_at", "subscription_id"]),
    ("usage_notices", &["organization_id", "created_at", "id"]),
    ("audit_logs", &["organization_id", "created_at", "id"]),
    ("audit_logs", &["organization_id", "action", "created_at", "id"]),
    ("audit_logs", &["organization_id", "user_id", "created_at", "id"]),
    ("stripe_events", &["state", "next_attempt_at"]),
    ("stripe_events", &["received_at", "id"]),
    ("stripe_events", &["organization_id", "received_at", "id"]),
    ("stripe_events", &["object_id", "received_at", "id"]),
    ("billing_drifts", &["organization_id", "found_at", "id"]),
    ("billing_drifts", &["found_at", "id"]),
    ("billing_operations", &["organization_id", "created_at", "id"]),
    ("billing_operations", &["organization_id", "state", "created_at"]),
    ("billing_operations", &["state", "lease_until"]),
    ("idempotency_keys", &["expires_at"]),
    ("dunning_reminders", &["organization_id", "created_at", "id"]),
    ("dunning_reminders", &["delivered_at", "created_at"]),
    ("outbox_messages", &["state", "next_attempt_at"]),
    ("outbox_messages", &["organization_id", "event", "created_at"]),
    ("outbox_messages", &["created_at"]),
    ("email_deliveries", &["organization_id", "state", "created_at", "id"]),
    ("email_deliveries", &["created_at"]),
    ("notifications", &["created_at"]),
    ("webhook_deliveries", &["organization_id", "state", "created_at", "id"]),
    ("webhook_deliveries", &["outbox_message_id"]),
    ("webhook_deliveries", &["created_at"]),
    ("outbox_messages", &["address", "created_at"]),
    ("email_deliveries", &["state", "next_attempt_at"]),
    ("email_deliveries", &["organization_id", "created_at", "id"]),
    ("notifications", &["organization_id", "user_id", "created_at", "id"]),
    ("notifications", &["organization_id", "user_id", "read_at"]),
    ("webhook_endpoints", &["organization_id", "created_at", "id"]),
    ("webhook_deliveries", &["state", "next_attempt_at"]),
    ("webhook_deliveries", &["webhook_endpoint_id", "state", "next_attempt_at"]),
    ("webhook_endpoints", &["claimed_at"]),
    ("webhook_deliveries", &["organization_id", "created_at", "id"]),
    ("webhook_deliveries", &["organization_id", "webhook_endpoint_id", "created_at", "id"]),
];

const KEYS: &[(&str, &[&str])] = &[
    ("organizations", &["id"]),
    ("organizations", &["slug"]),
    ("organizations", &["stripe_customer_id"]),
    ("users", &["id"]),
    ("users", &["issuer", "subject"]),
    ("memberships", &["id"]),
    ("memberships", &["organization_id", "user_id"]),
    ("roles", &["id"]),
    ("roles", &["organization_id", "name"]),
    ("invitations", &["id"]),
    ("invitations", &["token_hash"]),
    ("invitations", &["organization_id", "open_email"]),
    ("seat_releases", &["id"]),
    ("api_keys", &["id"]),
    ("api_keys", &["secret_hash"]),
    ("api_keys", &["previous_hash"]),
    ("organization_settings", &["organization_id", "section"]),
    ("setting_versions", &["id"]),
    ("setting_versions", &["organization_id", "section", "version"]),
    ("organization_sessions", &["id"]),
    ("organization_sessions", &["organization_id", "user_id", "session_key"]),
    ("membership_ends", &["id"]),
    ("membership_ends", &["organization_id", "user_id"]),
    ("plans", &["id"]),
    ("plans", &["slug"]),
    ("plans", &["stripe_product_id"]),
    ("prices", &["id"]),
    ("prices", &["stripe_price_id"]),
    ("prices", &["plan_id", "currency", "billing_interval"]),
    ("subscriptions", &["id"]),
    ("subscriptions", &["stripe_subscription_id"]),
    ("payment_methods", &["id"]),
    ("payment_methods", &["stripe_payment_method_id"]),
    ("invoices", &["id"]),
    ("invoices", &["stripe_invoice_id"]),
    ("invoices", &["number"]),
    ("payments", &["id"]),
    ("payments", &["stripe_payment_intent_id"]),
    ("payment_attempts", &["id"]),
    ("payment_attempts", &["stripe_charge_id"]),
    ("refunds", &["id"]),
    ("refunds", &["stripe_refund_id"]),
    ("refund_limits", &["id"]),
    ("refund_limits", &["role", "currency"]),
    ("organization_refund_limits", &["id"]),
    ("organization_refund_limits", &["organization_id", "role", "currency"]),
    ("trial_marks", &["kind", "value"]),
    ("deleted_customers", &["id"]),
    ("deleted_customers", &["stripe_customer_id"]),
    ("disputes", &["id"]),
    ("disputes", &["stripe_dispute_id"]),
    ("credit_notes", &["id"]),
    ("credit_notes", &["stripe_credit_note_id"]),
    ("meters", &["id"]),
    ("meters", &["name"]),
    ("entitlement_overrides", &["id"]),
    ("entitlement_overrides", &["organization_id", "feature"]),
    ("usage_event_keys", &["organization_id", "meter_id", "event_id"]),
    ("usage_hours", &["organization_id", "meter_id", "hour_start"]),
    ("usage_days", &["organization_id", "meter_id", "day"]),
    ("usage_day_keys", &["organization_id", "meter_id", "day", "key_value"]),
    ("usage_counters", &["organization_id", "meter_id", "period_start"]),
    ("subscription_records", &["subscription_id", "recorded_at"]),
    ("usage_alerts", &["id"]),
    ("usage_alerts", &["organization_id", "meter_id"]),
    ("usage_alert_states", &["organization_id", "meter_id"]),
    ("usage_notices", &["id"]),
    ("usage_notices", &["organization_id", "meter_id", "period_start", "threshold_key", "kind"]),
    ("plan_charges", &["id"]),
    ("plan_charges", &["plan_id", "since"]),
    ("usage_periods", &["id"]),
    ("usage_periods", &["subscription_id", "period_start"]),
    ("usage_charges", &["id"]),
    ("usage_charges", &["subscription_id", "period_start", "meter_id", "part"]),
    ("audit_logs", &["id"]),
    ("stripe_events", &["id"]),
    ("stripe_events", &["account", "livemode", "event_id"]),
    ("sync_cursors", &["name"]),
    ("jobs", &["name"]),
    ("billing_drifts", &["id"]),
    ("billing_drifts", &["organization_id", "stripe_object_id", "field"]),
    ("billing_operations", &["id"]),
    ("billing_operations", &["stripe_idempotency_key"]),
    ("billing_operations", &["open_scope"]),
    ("idempotency_keys", &["id"]),
    ("idempotency_keys", &["scope_hash"]),
    ("billing_policies", &["id"]),
    ("billing_policies", &["scope"]),
    ("dunning_reminders", &["id"]),
    ("dunning_reminders", &["organization_id", "stripe_invoice_id", "after_days", "kind"]),
    ("outbox_messages", &["id"]),
    ("outbox_messages", &["organization_id", "event", "subject"]),
    ("email_deliveries", &["id"]),
    ("email_deliveries", &["outbox_message_id", "recipient"]),
    ("notifications", &["id"]),
    ("notifications", &["outbox_message_id", "user_id"]),
    ("webhook_endpoints", &["id"]),
    ("webhook_deliveries", &["id"]),
    ("webhook_deliveries", &["webhook_endpoint_id", "outbox_message_id"]),
];

fn index(table: &str, columns: &[&str], is_unique: bool) -> Index {
    Index { table: table.to_owned(), columns: owned(columns), is_unique }
}

fn owned(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| (*column).to_owned()).collect()
}
