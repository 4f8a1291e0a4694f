//! The mirror of Stripe's disputes and credit notes.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, boolean, pk_uuid, string, string_len, string_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid,
};

use crate::constraint::{foreign_key, index, unique_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [disputes(), credit_notes()] {
            manager.create_table(table).await?;
        }
        for index in [
            unique_index("disputes", &["stripe_dispute_id"]),
            index("disputes", &["organization_id", "created_at", "id"]),
            index("disputes", &["organization_id", "payment_id", "created_at", "id"]),
            unique_index("credit_notes", &["stripe_credit_note_id"]),
            index("credit_notes", &["organization_id", "invoice_id", "created_at", "id"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["credit_notes", "disputes"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn disputes() -> TableCreateStatement {
    Table::create()
        .table("disputes")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("payment_id"))
        .col(string("stripe_dispute_id"))
        .col(string("stripe_charge_id"))
        .col(big_integer("amount_minor"))
        .col(string_len("currency", 3))
        .col(string("status"))
        .col(string("reason"))
        .col(timestamp_with_time_zone_null("evidence_due_by"))
        .col(boolean("has_evidence"))
        .col(boolean("is_refundable"))
        .col(timestamp_with_time_zone("stripe_synced_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("disputes", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("disputes", "payment_id", "payments"))
        .take()
}

fn credit_notes() -> TableCreateStatement {
    Table::create()
        .table("credit_notes")
        .col(pk_uuid("id"))
        .col(uuid("organization_id"))
        .col(uuid("invoice_id"))
        .col(string("stripe_credit_note_id"))
        .col(string("number"))
        .col(string("status"))
        .col(big_integer("amount_minor"))
        .col(big_integer("pre_payment_minor"))
        .col(big_integer("post_payment_minor"))
        .col(string_len("currency", 3))
        .col(string_null("reason"))
        .col(string_null("memo"))
        .col(string_null("pdf_url"))
        .col(timestamp_with_time_zone_null("voided_at"))
        .col(timestamp_with_time_zone("stripe_synced_at"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .foreign_key(&mut foreign_key("credit_notes", "organization_id", "organizations"))
        .foreign_key(&mut foreign_key("credit_notes", "invoice_id", "invoices"))
        .take()
}
