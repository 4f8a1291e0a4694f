//! The one rule by which rows that mirror Stripe's objects are written: a row is written only while it is as old as it was
//! when the object was asked for. Whoever was overtaken fetches the object again.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::transaction::was_inserted;
use super::{StoreError, Watermark};

/// A table of rows that mirror Stripe's objects.
pub(super) trait Mirror: EntityTrait {
    /// Our id.
    const ID: Self::Column;
    /// Stripe's, unique.
    const STRIPE_ID: Self::Column;
    /// The row's watermark.
    const SYNCED_AT: Self::Column;
}

macro_rules! mirrors {
    ($($table:ident: $stripe_id:ident),+ $(,)?) => { $(
        impl Mirror for entity::$table::Entity {
            const ID: Self::Column = entity::$table::Column::Id;
            const STRIPE_ID: Self::Column = entity::$table::Column::$stripe_id;
            const SYNCED_AT: Self::Column = entity::$table::Column::StripeSyncedAt;
        }
    )+ };
}

mirrors! {
    subscription: StripeSubscriptionId,
    invoice: StripeInvoiceId,
    payment: StripePaymentIntentId,
    payment_method: StripePaymentMethodId,
    refund: StripeRefundId,
    dispute: StripeDisputeId,
    credit_note: StripeCreditNoteId,
}

/// Whether somebody wrote the row after the object was asked for; the row's watermark is `None` when there is no row, or it
/// never was in step.
pub(super) fn has_moved(synced_at: Option<DateTime<Utc>>, watermark: Watermark) -> bool {
    synced_at != watermark.before
}

/// Writes a row: over `old`, our id of it and its watermark, while it still has that; else anew, while nobody else made it.
/// `false` when somebody was faster.
pub(super) async fn write<A>(
    conn: &impl ConnectionTrait,
    old: Option<(Uuid, Option<DateTime<Utc>>)>,
    row: A,
) -> Result<bool, StoreError>
where
    A: ActiveModelTrait<Entity: Mirror>,
{
    let Some((id, synced_at)) = old else {
        let inserted = A::Entity::insert(row)
            .on_conflict(OnConflict::column(A::Entity::STRIPE_ID).do_nothing().to_owned())
            .try_insert()
            .exec_without_returning(conn)
            .await?;
        return Ok(was_inserted(&inserted));
    };
    let unchanged = match synced_at {
        Some(at) => A::Entity::SYNCED_AT.eq(at),
        None => A::Entity::SYNCED_AT.is_null(),
    };
    let updated =
        A::Entity::update_many().set(row).filter(A::Entity::ID.eq(id)).filter(unchanged).exec(conn).await?;
    Ok(updated.rows_affected == 1)
}
