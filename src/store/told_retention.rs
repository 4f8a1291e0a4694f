//! What was told and is old is taken away, a little at a time, so that nobody waits for it: mails, webhooks and notifications
//! first, and then the messages that nothing is left of.

use chrono::{DateTime, Utc};
use entity::{email_delivery, notification, outbox_message, webhook_delivery};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::outbox::PENDING;
use super::{Store, StoreError};

/// Until when what was told is kept.
#[derive(Clone, Copy, Debug)]
pub struct ToldRetention {
    /// What people read in the application, made before, is taken away.
    pub notifications: DateTime<Utc>,
    /// Mails and webhooks made before that are done with are taken away.
    pub deliveries: DateTime<Utc>,
}

impl Store {
    /// Takes away up to `limit` rows of each table. How many were taken. No change of the business: no audit records.
    pub async fn forget_told(&self, kept: ToldRetention, limit: u64) -> Result<u64, StoreError> {
        use {email_delivery as e, notification as n, outbox_message as o, webhook_delivery as w};
        let mut gone = 0;
        let old = n::Column::CreatedAt.lt(kept.notifications);
        gone += self.forget::<n::Entity>(n::Column::Id, n::Column::CreatedAt, old, limit).await?;
        let old = e::Column::CreatedAt.lt(kept.deliveries).and(e::Column::State.ne(PENDING));
        gone += self.forget::<e::Entity>(e::Column::Id, e::Column::CreatedAt, old, limit).await?;
        let old = w::Column::CreatedAt.lt(kept.deliveries).and(w::Column::State.ne(PENDING));
        gone += self.forget::<w::Entity>(w::Column::Id, w::Column::CreatedAt, old, limit).await?;
        let before = Ord::min(kept.notifications, kept.deliveries);
        let childless = |child: &str| -> SimpleExpr {
            let parent = Expr::col((Alias::new(child), Alias::new("outbox_message_id")));
            let children = Query::select()
                .expr(Expr::value(1))
                .from(Alias::new(child))
                .and_where(parent.equals((o::Entity, o::Column::Id)))
                .to_owned();
            Expr::exists(children).not()
        };
        let old = o::Column::CreatedAt
            .lt(before)
            .and(o::Column::State.ne(PENDING))
            .and(childless("notifications"))
            .and(childless("email_deliveries"))
            .and(childless("webhook_deliveries"));
        gone += self.forget::<o::Entity>(o::Column::Id, o::Column::CreatedAt, old, limit).await?;
        Ok(gone)
    }

    async fn forget<E>(
        &self,
        id: E::Column,
        at: E::Column,
        old: SimpleExpr,
        limit: u64,
    ) -> Result<u64, StoreError>
    where
        E: EntityTrait,
    {
        let ids: Vec<Uuid> = E::find()
            .select_only()
            .column(id)
            .filter(old)
            .order_by_asc(at)
            .limit(limit)
            .into_tuple()
            .all(&self.db)
            .await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let gone = E::delete_many().filter(id.is_in(ids)).exec(&self.db).await?;
        Ok(gone.rows_affected)
    }
}
