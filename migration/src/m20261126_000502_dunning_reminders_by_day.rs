//! Dunning reminders are known by their day and kind, not by their place in the policy: a policy whose steps change neither
//! repeats nor skips any.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::integer;
use sea_orm_migration::sea_orm;

use crate::constraint::unique_index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const BY_STEP: [&str; 3] = ["organization_id", "stripe_invoice_id", "step"];
const BY_DAY: [&str; 4] = ["organization_id", "stripe_invoice_id", "after_days", "kind"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = integer("after_days").default(-1).take();
        manager.alter_table(Table::alter().table("dunning_reminders").add_column(column).take()).await?;
        let db = manager.get_connection();
        // The days from when the invoice should have been paid to when the reminder fell due.
        let days = match manager.get_database_backend() {
            sea_orm::DbBackend::Postgres => {
                "ROUND(EXTRACT(EPOCH FROM (dunning_reminders.due_at - {since})) / 86400)"
            }
            _ => "ROUND(julianday(dunning_reminders.due_at) - julianday({since}))",
        };
        let since = "CASE WHEN i.attempt_count > 0 OR i.due_date IS NULL THEN COALESCE(i.finalized_at, i.created_at) \
                     ELSE i.due_date END";
        let days = days.replace("{since}", &format!("({since})"));
        db.execute_unprepared(&format!(
            "UPDATE dunning_reminders SET after_days = COALESCE((SELECT CAST({days} AS INTEGER) FROM invoices i \
             WHERE i.organization_id = dunning_reminders.organization_id \
             AND i.stripe_invoice_id = dunning_reminders.stripe_invoice_id), -1)"
        ))
        .await?;
        // Where no day can be told, or two are the same, none is taken for another: no policy has days before the first.
        db.execute_unprepared(
            "UPDATE dunning_reminders SET after_days = -1 - step WHERE after_days < 0 OR EXISTS (\
             SELECT 1 FROM dunning_reminders other \
             WHERE other.organization_id = dunning_reminders.organization_id \
             AND other.stripe_invoice_id = dunning_reminders.stripe_invoice_id \
             AND other.after_days = dunning_reminders.after_days AND other.kind = dunning_reminders.kind \
             AND other.step < dunning_reminders.step)",
        )
        .await?;
        drop_index(manager, &BY_STEP).await?;
        manager.create_index(unique_index("dunning_reminders", &BY_DAY)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Of reminders that were written at the same place of different policies the first stays.
        manager
            .get_connection()
            .execute_unprepared(
                "DELETE FROM dunning_reminders WHERE EXISTS (\
                 SELECT 1 FROM dunning_reminders other \
                 WHERE other.organization_id = dunning_reminders.organization_id \
                 AND other.stripe_invoice_id = dunning_reminders.stripe_invoice_id \
                 AND other.step = dunning_reminders.step AND other.id < dunning_reminders.id)",
            )
            .await?;
        drop_index(manager, &BY_DAY).await?;
        let drop = Table::alter().table("dunning_reminders").drop_column("after_days").take();
        manager.alter_table(drop).await?;
        manager.create_index(unique_index("dunning_reminders", &BY_STEP)).await
    }

    /// SQLite too: a migration is applied whole or not at all.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn drop_index(manager: &SchemaManager<'_>, columns: &[&str]) -> Result<(), DbErr> {
    let name = format!("uq_dunning_reminders_{}", columns.join("_"));
    manager.drop_index(Index::drop().name(name).table("dunning_reminders").to_owned()).await
}
