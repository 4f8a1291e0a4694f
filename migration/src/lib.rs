//! The database's shape, as migrations that run on SQLite and on PostgreSQL from one source. The
//! rules are in this crate's README.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{MigrationTrait, async_trait};

mod constraint;
mod m20261124_000001_organizations;
mod m20261124_000002_catalogue;
mod m20261124_000003_billing;
mod m20261124_000004_usage;
mod m20261124_000005_audit;
mod m20261124_000006_stripe_events;
mod m20261124_000007_billing_operations;
mod m20261125_000101_intake;
mod m20261125_000201_subscription_changes;
mod m20261125_000202_dunning;
mod m20261125_000301_refunds;
mod m20261125_000302_disputes;
mod m20261125_000303_invoices;
mod m20261125_000304_deleted_customers;
mod m20261125_000401_trial_marks;
mod m20261125_000402_organization_refund_limits;
mod m20261126_000501_credit_note_refunds;
mod m20261126_000502_dunning_reminders_by_day;
mod m20261127_000601_bank_accounts;
mod m20261127_000602_next_plans;
mod m20261127_000603_user_told_at;
mod m20261127_000701_members;
mod m20261127_000702_api_keys;
mod m20261127_000801_settings;
mod m20261127_000901_outbox;
mod m20261127_000902_notifications;
mod m20261127_000903_webhooks;
mod m20261127_001001_operations_heard_of;
mod m20261127_001002_membership_ends;
mod m20261127_001101_meters;
mod m20261127_001102_usage;
mod m20261127_001201_usage_alerts;
mod m20261127_001202_subscription_records;
mod m20261127_001301_usage_bills;
mod m20261127_001401_waiting_operations;
mod m20261127_001601_user_readers;

/// All migrations, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_organizations::Migration),
            Box::new(m20261124_000002_catalogue::Migration),
            Box::new(m20261124_000003_billing::Migration),
            Box::new(m20261124_000004_usage::Migration),
            Box::new(m20261124_000005_audit::Migration),
            Box::new(m20261124_000006_stripe_events::Migration),
            Box::new(m20261124_000007_billing_operations::Migration),
            Box::new(m20261125_000101_intake::Migration),
            Box::new(m20261125_000201_subscription_changes::Migration),
            Box::new(m20261125_000202_dunning::Migration),
            Box::new(m20261125_000301_refunds::Migration),
            Box::new(m20261125_000302_disputes::Migration),
            Box::new(m20261125_000303_invoices::Migration),
            Box::new(m20261125_000304_deleted_customers::Migration),
            Box::new(m20261125_000401_trial_marks::Migration),
            Box::new(m20261125_000402_organization_refund_limits::Migration),
            Box::new(m20261126_000501_credit_note_refunds::Migration),
            Box::new(m20261126_000502_dunning_reminders_by_day::Migration),
            Box::new(m20261127_000601_bank_accounts::Migration),
            Box::new(m20261127_000602_next_plans::Migration),
            Box::new(m20261127_000603_user_told_at::Migration),
            Box::new(m20261127_000701_members::Migration),
            Box::new(m20261127_000702_api_keys::Migration),
            Box::new(m20261127_000801_settings::Migration),
            Box::new(m20261127_000901_outbox::Migration),
            Box::new(m20261127_000902_notifications::Migration),
            Box::new(m20261127_000903_webhooks::Migration),
            Box::new(m20261127_001001_operations_heard_of::Migration),
            Box::new(m20261127_001002_membership_ends::Migration),
            Box::new(m20261127_001101_meters::Migration),
            Box::new(m20261127_001102_usage::Migration),
            Box::new(m20261127_001201_usage_alerts::Migration),
            Box::new(m20261127_001202_subscription_records::Migration),
            Box::new(m20261127_001301_usage_bills::Migration),
            Box::new(m20261127_001401_waiting_operations::Migration),
            Box::new(m20261127_001601_user_readers::Migration),
        ]
    }
}
