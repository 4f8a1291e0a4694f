//! Sessions: when each was seen last where that is asked, and who was signed out.

use chrono::{DateTime, Utc};
use entity::organization_session::{ActiveModel, Column, Entity};
use entity::{membership, organization_setting, user};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, OnConflict, Query, SimpleExpr};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::setting::asked;
use super::user::security_of_membership;
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::membership::Role;
use crate::domain::security_settings::Standing;
use crate::domain::session::{Bar, SEEN_IS_NOTED, Session};

/// A session of a person where its idle time is bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenSession {
    /// In which organization.
    pub organization_id: OrganizationId,
    /// Whose.
    pub user_id: UserId,
    /// What it is known by.
    pub key: String,
}

/// Joins what is kept of a session in a membership's organization.
pub(super) fn seen_in_membership(session: &Session) -> SimpleExpr {
    Expr::col((Entity, Column::OrganizationId))
        .equals((membership::Entity, membership::Column::OrganizationId))
        .and(Expr::col((Entity, Column::UserId)).equals((membership::Entity, membership::Column::UserId)))
        .and(Column::SessionKey.eq(session.key().unwrap_or_default()))
}

async fn note(
    conn: &impl ConnectionTrait,
    id: Uuid,
    now: DateTime<Utc>,
    session: &SeenSession,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Set(id),
        organization_id: Set(session.organization_id.0),
        user_id: Set(session.user_id.0),
        session_key: Set(session.key.clone()),
        last_seen_at: Set(now),
        created_at: Set(now),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::OrganizationId, Column::UserId, Column::SessionKey])
                .update_column(Column::LastSeenAt)
                .to_owned(),
        )
        .exec_without_returning(conn)
        .await?;
    Ok(())
}

/// Why a member may not act in the organization as they came, at this moment; `None` when they may.
pub(super) async fn bar_of(
    conn: &impl ConnectionTrait,
    now: DateTime<Utc>,
    organization: OrganizationId,
    user: UserId,
    role: Role,
    session: &Session,
) -> Result<Option<Bar>, StoreError> {
    let mut select = Query::select();
    select
        .expr_as(Expr::col((user::Entity, user::Column::SessionsRevokedAt)), Alias::new("everywhere"))
        .expr_as(Expr::col((membership::Entity, membership::Column::SessionsRevokedAt)), Alias::new("here"))
        .expr_as(
            Expr::col((organization_setting::Entity, organization_setting::Column::Document)),
            Alias::new("security"),
        )
        .expr_as(Expr::col((Entity, Column::LastSeenAt)), Alias::new("last_seen_at"))
        .from(membership::Entity)
        .join(
            JoinType::InnerJoin,
            user::Entity,
            Expr::col((user::Entity, user::Column::Id))
                .equals((membership::Entity, membership::Column::UserId)),
        )
        .join(JoinType::LeftJoin, organization_setting::Entity, security_of_membership())
        .join(JoinType::LeftJoin, Entity, seen_in_membership(session))
        .and_where(Expr::col((membership::Entity, membership::Column::OrganizationId)).eq(organization.0))
        .and_where(Expr::col((membership::Entity, membership::Column::UserId)).eq(user.0));
    let Some(row) = conn.query_one(&select).await? else { return Ok(None) };
    let everywhere: Option<DateTime<Utc>> = row.try_get("", "everywhere")?;
    if let Some(bar) = everywhere.and_then(|at| session.bar_since(at)) {
        return Ok(Some(bar));
    }
    let document: Option<serde_json::Value> = row.try_get("", "security")?;
    let standing = Standing {
        security: asked(document.as_ref()),
        revoked_at: row.try_get("", "here")?,
        last_seen_at: row.try_get("", "last_seen_at")?,
    };
    Ok(standing.bar(role, session, now))
}

impl Store {
    /// Notes that a session acts, once a minute at most. It is no change of the business.
    pub async fn note_session(
        &self,
        session: &SeenSession,
        known: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        if known.is_some_and(|at| at > now - SEEN_IS_NOTED) {
            return Ok(());
        }
        note(&self.db, self.ids.next(), now, session).await
    }

    /// Forgets sessions that were not seen since `before`. One that comes back all the same was idle.
    pub async fn forget_sessions(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let gone = Entity::delete_many().filter(Column::LastSeenAt.lt(before)).exec(&self.db).await?;
        Ok(gone.rows_affected)
    }
}

impl WriteTransaction {
    /// Notes that a session acts, with the change that it makes.
    pub async fn note_session(&self, session: &SeenSession) -> Result<(), StoreError> {
        note(&self.tx, self.next_id(), self.now, session).await
    }

    /// Signs members of an organization out of it: one, or all of them. Says how many.
    pub async fn revoke_sessions_in(
        &self,
        organization: OrganizationId,
        user: Option<UserId>,
    ) -> Result<u64, StoreError> {
        let mut members =
            membership::Entity::find().filter(membership::Column::OrganizationId.eq(organization.0));
        let mut update = membership::Entity::update_many()
            .col_expr(membership::Column::SessionsRevokedAt, Expr::value(self.now))
            .filter(membership::Column::OrganizationId.eq(organization.0));
        if let Some(user) = user {
            members = members.filter(membership::Column::UserId.eq(user.0));
            update = update.filter(membership::Column::UserId.eq(user.0));
        }
        let revoked = update.exec(&self.tx).await?;
        for member in members.all(&self.tx).await? {
            self.will_tell_of_sessions(Some(organization), member.user_id);
        }
        Ok(revoked.rows_affected)
    }

    /// Signs a person out everywhere.
    pub async fn revoke_sessions_of(&self, user: UserId) -> Result<(), StoreError> {
        user::Entity::update_many()
            .col_expr(user::Column::SessionsRevokedAt, Expr::value(self.now))
            .filter(user::Column::Id.eq(user.0))
            .exec(&self.tx)
            .await?;
        self.will_tell_of_sessions(None, user.0);
        Ok(())
    }

    fn will_tell_of_sessions(&self, organization_id: Option<OrganizationId>, user: Uuid) {
        self.will_tell(Changed { organization_id, kind: ChangedKind::Membership, id: user });
    }
}
