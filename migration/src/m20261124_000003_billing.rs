//! The mirror of Stripe's billing: subscriptions, payment methods, invoices, payments.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, boolean, integer, integer_null, json_binary, pk_uuid, string, string_len, string_null,
    timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [subscriptions(), payment_methods(), invoices(), payments()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("subscriptions", &["stripe_subscription_id"]),
            index("subscriptions", &["organization_id", "created_at", "id"]),
            index("subscriptions", &["plan_id"]),
            unique_index("payment_methods", &["stripe_payment_method_id"]),
            index("payment_methods", &["organization_id", "created_at", "id"]),
            unique_index("invoices", &["stripe_invoice_id"]),
            unique_index("invoices", &["number"]),
            index("invoices", &["organization_id", "created_at", "id"]),
            index("invoices", &["organization_id", "status", "created_at", "id"]),
            index("invoices", &["subscription_id"]),
            unique_index("payments", &["stripe_payment_intent_id"]),
            index("payments", &["organization_id", "created_at", "id"]),
            index("payments", &["organization_id", "status", "created_at", "id"]),
            index("payments", &["organization_id", "invoice_id", "created_at", "id"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["payments", "invoices", "payment_methods", "subscriptions"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn subscriptions() -> TableCreateStatement {
    Table::create()
        .table("subscriptions")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid_null("plan_id"))
        .col(uuid_null("price_id"))
        .col(string_null("stripe_subscription_id"))
        .col(string_null("stripe_customer_id"))
        .col(string("plan_type"))
        .col(string("status"))
        .col(big_integer("quantity"))
        .col(timestamp_with_time_zone_null("current_period_start"))
        .col(timestamp_with_time_zone_null("current_period_end"))
        .col(timestamp_with_time_zone_null("trial_start"))
        .col(timestamp_with_time_zone_null("trial_end"))
        .col(timestamp_with_time_zone_null("cancel_at"))
        .col(boolean("cancel_at_period_end"))
        .col(timestamp_with_time_zone_null("canceled_at"))
        .col(timestamp_with_time_zone_null("ended_at"))
        .col(string_null("cancellation_reason"))
        .col(boolean("collection_paused"))
        .col(string_null("default_payment_method"))
        .col(string_null("latest_stripe_invoice_id"))
        .col(timestamp_with_time_zone_null("stripe_synced_at"))
        .col(timestamp_with_time_zone_null("started_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("subscriptions", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("subscriptions", "plan_id", "plans"))
        .foreign_key(&mut foreign_key("subscriptions", "price_id", "prices"))
        .take()
}

fn payment_methods() -> TableCreateStatement {
    Table::create()
        .table("payment_methods")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(string("stripe_payment_method_id"))
        .col(string("stripe_customer_id"))
        .col(string("kind"))
        .col(string_null("card_brand"))
        .col(string_null("card_last4"))
        .col(integer_null("card_exp_month"))
        .col(integer_null("card_exp_year"))
        .col(string_null("card_country"))
        .col(string_null("card_fingerprint"))
        .col(boolean("is_default"))
        .col(timestamp_with_time_zone_null("detached_at"))
        .col(timestamp_with_time_zone("stripe_synced_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("payment_methods", "organization_id", "organizations"))
        .take()
}

fn invoices() -> TableCreateStatement {
    Table::create()
        .table("invoices")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid_null("subscription_id"))
        .col(string("stripe_invoice_id"))
        .col(string_null("number"))
        .col(string("status"))
        .col(string_null("billing_reason"))
        .col(string_len("currency", 3))
        .col(big_integer("subtotal_minor"))
        .col(big_integer("tax_minor"))
        .col(big_integer("total_minor"))
        .col(big_integer("amount_due_minor"))
        .col(big_integer("amount_paid_minor"))
        .col(big_integer("amount_remaining_minor"))
        .col(timestamp_with_time_zone_null("due_date"))
        .col(timestamp_with_time_zone("period_start"))
        .col(timestamp_with_time_zone("period_end"))
        .col(json_binary("line_items"))
        .col(string_null("pdf_url"))
        .col(string_null("hosted_url"))
        .col(integer("attempt_count"))
        .col(timestamp_with_time_zone_null("next_payment_attempt_at"))
        .col(timestamp_with_time_zone_null("finalized_at"))
        .col(timestamp_with_time_zone_null("paid_at"))
        .col(timestamp_with_time_zone_null("voided_at"))
        .col(timestamp_with_time_zone("stripe_synced_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("invoices", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("invoices", "subscription_id", "subscriptions"))
        .take()
}

fn payments() -> TableCreateStatement {
    Table::create()
        .table("payments")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid_null("invoice_id"))
        .col(string("stripe_payment_intent_id"))
        .col(string_null("stripe_customer_id"))
        .col(string_null("stripe_invoice_id"))
        .col(big_integer("amount_minor"))
        .col(big_integer("amount_received_minor"))
        .col(big_integer("amount_refunded_minor"))
        .col(string_len("currency", 3))
        .col(string("status"))
        .col(string_null("payment_method"))
        .col(string_null("payment_method_summary"))
        .col(string_null("description"))
        .col(json_binary("metadata"))
        .col(string_null("failure_code"))
        .col(string_null("decline_code"))
        .col(string_null("failure_message"))
        .col(string_null("stripe_charge_id"))
        .col(timestamp_with_time_zone("stripe_synced_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("payments", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("payments", "invoice_id", "invoices"))
        .take()
}
