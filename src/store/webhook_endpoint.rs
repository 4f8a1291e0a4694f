//! Addresses that webhooks are sent to.

use chrono::{DateTime, Utc};
use entity::webhook_delivery;
use entity::webhook_endpoint::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, UpdateMany,
};

use super::error::known;
use super::page::{Keyset, ListOrder, page_of, readable_row};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, UserId, WebhookEndpointId};
use crate::domain::notification_event::NotificationEvent;
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::webhook_delivery::WebhookDeliveryState;
use crate::domain::webhook_endpoint::{DisabledReason, WebhookEndpoint, WebhookEndpointState};

/// A secret of an endpoint, as it stands in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointSecret {
    /// What signs.
    Current,
    /// What signed before, and does for a while.
    Previous,
}

/// The secrets of an endpoint, as they stand in its row. Whatever else stands there: secrets of a newer version's endpoints
/// can be sealed anew all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedEndpoint {
    /// Our id.
    pub id: WebhookEndpointId,
    /// What signs.
    pub sealed_secret: Option<String>,
    /// What signed before.
    pub sealed_previous: Option<String>,
}

pub(super) fn webhook_endpoint(row: Model) -> Result<WebhookEndpoint, StoreError> {
    let events = row.events.as_array().map_or(&[][..], Vec::as_slice);
    let events = events.iter().map(|event| {
        let word = event.as_str().unwrap_or_default();
        known("webhook_endpoints.events", word, NotificationEvent::parse(word))
    });
    let reason = row.disabled_reason.as_deref();
    let reason =
        reason.map(|word| known("webhook_endpoints.disabled_reason", word, DisabledReason::parse(word)));
    Ok(WebhookEndpoint {
        id: WebhookEndpointId(row.id),
        organization_id: OrganizationId(row.organization_id),
        url: row.url,
        description: row.description,
        events: events.collect::<Result<_, _>>()?,
        selection: row.selection,
        selection_version: row.selection_version,
        acts_for: UserId(row.acts_for),
        sealed_secret: row.sealed_secret,
        sealed_previous: row.sealed_previous,
        previous_until: row.previous_until,
        state: known("webhook_endpoints.state", &row.state, WebhookEndpointState::parse(&row.state))?,
        disabled_reason: reason.transpose()?,
        failing_since: row.failing_since,
        warned_at: row.warned_at,
        failures: row.failures,
        deleted_at: row.deleted_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Those of an organization that were not deleted.
fn of(organization: OrganizationId) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::OrganizationId.eq(organization.0)).filter(Column::DeletedAt.is_null())
}

impl Store {
    /// A page of an organization's endpoints, newest first.
    pub async fn list_webhook_endpoints(
        &self,
        organization: OrganizationId,
        page: &PageRequest,
    ) -> Result<Page<WebhookEndpoint>, StoreError> {
        let keyset = Keyset {
            at: Expr::col((Entity, Column::CreatedAt)),
            id: Expr::col((Entity, Column::Id)),
            order: ListOrder::NewestFirst,
        };
        let mut select = of(organization).into_query();
        keyset.apply(&mut select, page);
        let rows = self.db.query_all(&select).await?;
        let rows = rows.iter().map(|row| webhook_endpoint(Model::from_query_result(row, "")?));
        Ok(page_of(rows.collect::<Result<Vec<_>, StoreError>>()?, page))
    }

    /// All endpoints of an organization: there are few.
    pub async fn webhook_endpoints_of(
        &self,
        organization: OrganizationId,
    ) -> Result<Vec<WebhookEndpoint>, StoreError> {
        of(organization).all(&self.db).await?.into_iter().map(webhook_endpoint).collect()
    }

    /// How many endpoints an organization has.
    pub async fn count_webhook_endpoints(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        Ok(of(organization).count(&self.db).await?)
    }

    /// Endpoints by id, whoever's they are and deleted ones too: the caller checks the tenant.
    pub async fn webhook_endpoints(
        &self,
        ids: &[WebhookEndpointId],
    ) -> Result<Vec<WebhookEndpoint>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(webhook_endpoint).collect()
    }

    /// Notes that an endpoint took what it was sent at `url`. No change of the business: no audit record.
    pub async fn note_webhook_taken(&self, id: WebhookEndpointId, url: &str) -> Result<(), StoreError> {
        healthy(Entity::update_many())
            .filter(Column::Id.eq(id.0))
            .filter(Column::Url.eq(url))
            .filter(Column::Failures.gt(0))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Notes that an endpoint did not take what it was sent at `url`, and sends it nothing before `backoff_until`. What an
    /// address did that it has no more counts for nothing. No change of the business: no audit record.
    pub async fn note_webhook_failed(
        &self,
        id: WebhookEndpointId,
        url: &str,
        backoff_until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let since = Func::coalesce([Expr::col(Column::FailingSince), Expr::value(self.clock.now())]);
        Entity::update_many()
            .col_expr(Column::FailingSince, since.into())
            .col_expr(Column::Failures, Expr::col(Column::Failures).add(1))
            .col_expr(Column::BackoffUntil, Expr::value(backoff_until))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Url.eq(url))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Endpoints that have taken nothing since `before` or longer, and failed so often at least.
    pub async fn failing_webhook_endpoints(
        &self,
        before: DateTime<Utc>,
        at_least: i32,
        limit: u64,
    ) -> Result<Vec<WebhookEndpoint>, StoreError> {
        let rows = Entity::find()
            .filter(Column::State.eq(WebhookEndpointState::Enabled.as_str()))
            .filter(Column::DeletedAt.is_null())
            .filter(Column::FailingSince.lte(before))
            .filter(Column::Failures.gte(at_least))
            .order_by_asc(Column::FailingSince)
            .limit(limit)
            .all(&self.db)
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| readable_row(webhook_endpoint(row), "webhook_endpoints"))
            .collect())
    }

    /// Sealed secrets of endpoints whose row is after `after`, in the order of their ids.
    pub async fn list_sealed_endpoints(
        &self,
        after: Option<WebhookEndpointId>,
        limit: u64,
    ) -> Result<Vec<SealedEndpoint>, StoreError> {
        let sealed = Column::SealedSecret.is_not_null().or(Column::SealedPrevious.is_not_null());
        let mut rows = Entity::find().filter(sealed);
        if let Some(after) = after {
            rows = rows.filter(Column::Id.gt(after.0));
        }
        let rows = rows.order_by_asc(Column::Id).limit(limit).all(&self.db).await?;
        let sealed = rows.into_iter().map(|row| SealedEndpoint {
            id: WebhookEndpointId(row.id),
            sealed_secret: row.sealed_secret,
            sealed_previous: row.sealed_previous,
        });
        Ok(sealed.collect())
    }

    /// Puts a secret that was sealed anew in the place of what stands there. Whether it still stood there.
    pub async fn reseal_endpoint(
        &self,
        id: WebhookEndpointId,
        which: EndpointSecret,
        old: &str,
        new: &str,
    ) -> Result<bool, StoreError> {
        let column = match which {
            EndpointSecret::Current => Column::SealedSecret,
            EndpointSecret::Previous => Column::SealedPrevious,
        };
        let resealed = Entity::update_many()
            .col_expr(column, Expr::value(new))
            .filter(Column::Id.eq(id.0))
            .filter(column.eq(old))
            .exec(&self.db)
            .await?;
        Ok(resealed.rows_affected == 1)
    }
}

impl WriteTransaction {
    /// How many endpoints an organization has.
    pub async fn count_webhook_endpoints(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        Ok(of(organization).count(&self.tx).await?)
    }

    /// An endpoint of an organization that was not deleted.
    pub async fn find_webhook_endpoint(
        &self,
        organization: OrganizationId,
        id: WebhookEndpointId,
    ) -> Result<Option<WebhookEndpoint>, StoreError> {
        of(organization).filter(Column::Id.eq(id.0)).one(&self.tx).await?.map(webhook_endpoint).transpose()
    }

    /// Writes a new endpoint.
    pub async fn create_webhook_endpoint(&self, new: &WebhookEndpoint) -> Result<(), StoreError> {
        row_of(new).insert(&self.tx).await?;
        Ok(())
    }

    /// Writes what became of an endpoint; `new` is of the version after `old`. `Changed` when it is not as it was read.
    pub async fn write_webhook_endpoint(
        &self,
        old: &WebhookEndpoint,
        new: &WebhookEndpoint,
    ) -> Result<(), StoreError> {
        // Workers note what it takes meanwhile: none of that is written over with what was read before.
        let row = ActiveModel {
            id: NotSet,
            failing_since: NotSet,
            warned_at: NotSet,
            failures: NotSet,
            backoff_until: NotSet,
            claimed_at: NotSet,
            ..row_of(new)
        };
        let written = Entity::update_many()
            .set(row)
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::OrganizationId.eq(old.organization_id.0))
            .filter(Column::Version.eq(old.version))
            .filter(Column::DeletedAt.is_null())
            .exec(&self.tx)
            .await?;
        if written.rows_affected == 1 { Ok(()) } else { Err(StoreError::Changed("webhook endpoint")) }
    }

    /// Forgets what an endpoint did not take.
    pub async fn forget_webhook_failures(&self, endpoint: &WebhookEndpoint) -> Result<(), StoreError> {
        healthy(Entity::update_many()).filter(Column::Id.eq(endpoint.id.0)).exec(&self.tx).await?;
        Ok(())
    }

    /// Marks an endpoint as warned of, while it is as it was seen: at this address, and failing since then. Until the
    /// transaction ends nobody notes that it took something. Whether it is so.
    pub async fn mark_webhook_warned(&self, seen: &WebhookEndpoint) -> Result<bool, StoreError> {
        let warned_at = Func::coalesce([Expr::col(Column::WarnedAt), Expr::value(self.now)]);
        let marked = Entity::update_many()
            .col_expr(Column::WarnedAt, warned_at.into())
            .filter(Column::Id.eq(seen.id.0))
            .filter(Column::Url.eq(seen.url.as_str()))
            .filter(Column::FailingSince.eq(seen.failing_since))
            .exec(&self.tx)
            .await?;
        Ok(marked.rows_affected == 1)
    }

    /// Holds what an endpoint was still to be sent: it is disabled, or deleted.
    pub async fn hold_webhooks_of(&self, endpoint: &WebhookEndpoint) -> Result<u64, StoreError> {
        use webhook_delivery::Column as C;
        // The endpoint's row first, as whoever claims does: the other way round, each waits for what the other holds.
        Entity::update_many()
            .col_expr(Column::Failures, Expr::col(Column::Failures))
            .filter(Column::Id.eq(endpoint.id.0))
            .exec(&self.tx)
            .await?;
        let held = webhook_delivery::Entity::update_many()
            .col_expr(C::State, Expr::value(WebhookDeliveryState::Held.as_str()))
            .col_expr(C::LeaseToken, Expr::value(Option::<uuid::Uuid>::None))
            .col_expr(C::FinishedAt, Expr::value(self.now))
            .filter(C::OrganizationId.eq(endpoint.organization_id.0))
            .filter(C::WebhookEndpointId.eq(endpoint.id.0))
            .filter(C::State.eq(WebhookDeliveryState::Pending.as_str()))
            .exec(&self.tx)
            .await?;
        Ok(held.rows_affected)
    }
}

/// Of an endpoint that takes what it is sent.
fn healthy(update: UpdateMany<Entity>) -> UpdateMany<Entity> {
    update
        .col_expr(Column::FailingSince, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(Column::WarnedAt, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(Column::Failures, Expr::value(0))
        .col_expr(Column::BackoffUntil, Expr::value(Option::<DateTime<Utc>>::None))
}

fn row_of(it: &WebhookEndpoint) -> ActiveModel {
    ActiveModel {
        id: Set(it.id.0),
        organization_id: Set(it.organization_id.0),
        url: Set(it.url.clone()),
        description: Set(it.description.clone()),
        events: Set(serde_json::to_value(&it.events).expect("words are plain data")),
        selection: Set(it.selection.clone()),
        selection_version: Set(it.selection_version),
        acts_for: Set(it.acts_for.0),
        sealed_secret: Set(it.sealed_secret.clone()),
        sealed_previous: Set(it.sealed_previous.clone()),
        previous_until: Set(it.previous_until),
        state: Set(it.state.as_str().to_owned()),
        disabled_reason: Set(it.disabled_reason.map(|reason| reason.as_str().to_owned())),
        failing_since: Set(it.failing_since),
        warned_at: Set(it.warned_at),
        failures: Set(it.failures),
        backoff_until: Set(None),
        claimed_at: Set(it.created_at),
        deleted_at: Set(it.deleted_at),
        version: Set(it.version),
        created_at: Set(it.created_at),
        updated_at: Set(it.updated_at),
    }
}

impl WebhookEndpoint {
    /// Where the endpoint stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
