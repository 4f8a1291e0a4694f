//! Reminders keep what they are known by when they are keyed by day instead of by place, and back.

use entity::{dunning_reminder, invoice};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, EntityTrait as _, IntoActiveModel as _, QueryOrder as _,
};

use crate::database::on_each_database;
use crate::rows::{Row as _, insert_all};

/// The last migration before reminders were keyed by day, counted from the end.
fn by_day_and_later() -> u32 {
    let migrations = Migrator::migrations();
    let place = migrations.iter().position(|it| it.name() == "m20261126_000502_dunning_reminders_by_day");
    u32::try_from(migrations.len() - place.expect("it is listed")).expect("few")
}

#[tokio::test]
async fn reminders_are_known_by_their_day_after_up_and_by_their_place_after_down() {
    on_each_database(async |db| {
        insert_all(db, 1).await;
        dunning_reminder::Entity::delete_many().exec(db).await.unwrap();
        let unpaid = invoice::Entity::find().one(db).await.unwrap().expect("an invoice");
        let mut failed = unpaid.clone().into_active_model();
        let since = unpaid.created_at;
        failed.attempt_count = Set(2);
        failed.finalized_at = Set(Some(since));
        failed.update(db).await.unwrap();
        let reminder = |n: u8, invoice: &str, step: i32, days: u64, kind: &str| dunning_reminder::Model {
            id: sea_orm::prelude::Uuid::from_u128(1_000 + u128::from(n)),
            organization_id: unpaid.organization_id,
            stripe_invoice_id: invoice.to_owned(),
            step,
            after_days: i32::from(n) + 100,
            kind: kind.to_owned(),
            due_at: since + std::time::Duration::from_secs(days * 86_400),
            ..dunning_reminder::Model::row(1)
        };
        let known = unpaid.stripe_invoice_id.as_str();
        for row in [
            reminder(0, known, 0, 0, "payment_failed"),
            reminder(1, known, 1, 3, "reminder"),
            reminder(2, known, 2, 14, "suspension"),
            // The same day and kind twice, as a policy that changed left them; and an invoice that is not known.
            reminder(3, known, 3, 3, "reminder"),
            reminder(4, "in_unknown", 1, 3, "reminder"),
        ] {
            row.into_active_model().insert(db).await.unwrap();
        }
        Migrator::down(db, Some(by_day_and_later())).await.unwrap();
        Migrator::up(db, None).await.unwrap();
        let days = async || -> Vec<i32> {
            let rows =
                dunning_reminder::Entity::find().order_by_asc(dunning_reminder::Column::Id).all(db).await;
            rows.unwrap().into_iter().map(|row| row.after_days).collect()
        };
        assert_eq!(days().await, [0, 3, 14, -4, -2]);
        // Two at the same place of different policies: the first stays when it is undone.
        let same_place = reminder(5, known, 1, 5, "final_notice");
        same_place.into_active_model().insert(db).await.unwrap();
        Migrator::down(db, Some(by_day_and_later())).await.unwrap();
        Migrator::up(db, None).await.unwrap();
        assert_eq!(days().await, [0, 3, 14, -4, -2]);
    })
    .await;
}
