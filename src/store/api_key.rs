//! API keys: what is kept of their secrets, and for whom they act.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::api_key::{ActiveModel, Column, Entity, Model};
use entity::{membership, organization_setting, role, user};
use ipnet::IpNet;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, IntoCondition, JoinType, Query, SimpleExpr};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::error::known;
use super::membership::{active, permissions};
use super::organization::select_columns;
use super::page::{Keyset, ListOrder, counts_by, pages_by};
use super::setting::asked;
use super::user::{security_of_membership, user as user_of};
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::api_key::{ApiKey, USE_IS_NOTED};
use crate::domain::ids::{ApiKeyId, OrganizationId, UserId};
use crate::domain::membership::Role;
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::permission::Permissions;
use crate::domain::role::Grant;
use crate::domain::security_settings::SecuritySettings;
use crate::domain::user::User;

/// A new key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApiKey {
    /// In which organization it acts.
    pub organization_id: OrganizationId,
    /// Whose it is.
    pub user_id: UserId,
    /// What people call it.
    pub name: String,
    /// The beginning of the secret.
    pub prefix: String,
    /// What is kept of the secret.
    pub secret_hash: String,
    /// What it is given.
    pub scopes: Permissions,
    /// The networks it may be used from; all when empty.
    pub allowed_addresses: Vec<IpNet>,
    /// From then on it does not count.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key, its person, and what both may do.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyPrincipal {
    /// The key.
    pub key: ApiKey,
    /// Whose it is.
    pub user: User,
    /// What the person may do in the key's organization, as far as it lets keys; `None` when they are no member that counts.
    pub grant: Option<Grant>,
    /// Whether it was found by the secret before a rotation.
    pub by_previous_secret: bool,
    /// What the organization asks.
    pub security: SecuritySettings,
}

fn api_key(row: Model) -> Result<ApiKey, StoreError> {
    let networks = row.allowed_addresses.as_array().map_or(&[][..], Vec::as_slice);
    // A network that cannot be read would let everybody in if it were left out.
    let networks = networks.iter().map(|network| {
        let word = network.as_str().unwrap_or_default();
        known("api_keys.allowed_addresses", word, word.parse().ok())
    });
    Ok(ApiKey {
        id: ApiKeyId(row.id),
        organization_id: OrganizationId(row.organization_id),
        user_id: UserId(row.user_id),
        name: row.name,
        prefix: row.prefix,
        scopes: Permissions::parse(&row.scopes),
        allowed_addresses: networks.collect::<Result<_, _>>()?,
        previous_until: row.previous_until,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

async fn find_principal(
    conn: &impl ConnectionTrait,
    which: SimpleExpr,
    secret: Option<&str>,
) -> Result<Option<KeyPrincipal>, StoreError> {
    let mut select = Query::select();
    select_columns::<Entity>(&mut select, "api_keys", "k_");
    select_columns::<user::Entity>(&mut select, "users", "u_");
    select
        .expr_as(Expr::col((membership::Entity, membership::Column::Role)), Alias::new("role"))
        .expr_as(Expr::col((role::Entity, role::Column::Permissions)), Alias::new("permissions"))
        .expr_as(
            Expr::col((organization_setting::Entity, organization_setting::Column::Document)),
            Alias::new("security"),
        )
        .from(Entity)
        .join(
            JoinType::InnerJoin,
            user::Entity,
            Expr::col((user::Entity, user::Column::Id)).equals((Entity, Column::UserId)),
        )
        .join(
            JoinType::LeftJoin,
            membership::Entity,
            Expr::col((membership::Entity, membership::Column::UserId))
                .equals((Entity, Column::UserId))
                .and(
                    Expr::col((membership::Entity, membership::Column::OrganizationId))
                        .equals((Entity, Column::OrganizationId)),
                )
                .and(active()),
        )
        .join(
            JoinType::LeftJoin,
            role::Entity,
            Expr::col((role::Entity, role::Column::Id))
                .equals((membership::Entity, membership::Column::RoleId)),
        )
        .join(JoinType::LeftJoin, organization_setting::Entity, security_of_membership())
        .and_where(which);
    let Some(row) = conn.query_one(&select).await? else { return Ok(None) };
    let document: Option<serde_json::Value> = row.try_get("", "security")?;
    let security = asked(document.as_ref());
    let grant = match row.try_get::<Option<String>>("", "role")? {
        None => None,
        Some(word) => {
            let role = known("memberships.role", &word, Role::parse(&word))?;
            let own: Option<serde_json::Value> = row.try_get("", "permissions")?;
            let held = permissions(role, own.as_ref().map(Permissions::parse));
            Some(Grant { role, permissions: held.shared_with(security.key_policy.bounds()) })
        }
    };
    let key = Model::from_query_result(&row, "k_")?;
    Ok(Some(KeyPrincipal {
        by_previous_secret: secret.is_some_and(|hash| key.secret_hash != hash),
        key: api_key(key)?,
        user: user_of(user::Model::from_query_result(&row, "u_")?),
        grant,
        security,
    }))
}

/// A key with its person, as it is now.
pub(super) async fn find_key(
    conn: &impl ConnectionTrait,
    id: ApiKeyId,
) -> Result<Option<KeyPrincipal>, StoreError> {
    find_principal(conn, Expr::col((Entity, Column::Id)).eq(id.0), None).await
}

impl Store {
    /// The key of a secret, in one statement, whether it counts or not. The secret before a rotation counts until its
    /// overlap is over.
    pub async fn find_key_by_secret(&self, hash: &str) -> Result<Option<KeyPrincipal>, StoreError> {
        let previous = Expr::col((Entity, Column::PreviousHash))
            .eq(hash)
            .and(Expr::col((Entity, Column::PreviousUntil)).gt(self.clock.now()));
        let current = Expr::col((Entity, Column::SecretHash)).eq(hash);
        find_principal(&self.db, current.or(previous), Some(hash)).await
    }

    /// A key with its person, as it is now.
    pub async fn find_key(&self, id: ApiKeyId) -> Result<Option<KeyPrincipal>, StoreError> {
        find_key(&self.db, id).await
    }

    /// Notes that a key is used, once a minute at most, however many processes see it. It is no change of the business.
    pub async fn note_key_use(&self, key: &ApiKey) -> Result<(), StoreError> {
        let now = self.clock.now();
        let long_ago = now - USE_IS_NOTED;
        if key.last_used_at.is_some_and(|at| at > long_ago) {
            return Ok(());
        }
        let is_due = Column::LastUsedAt.is_null().or(Column::LastUsedAt.lte(long_ago));
        Entity::update_many()
            .col_expr(Column::LastUsedAt, Expr::value(now))
            .filter(Column::Id.eq(key.id.0))
            .filter(is_due.into_condition())
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// A page of each organization's keys, revoked ones included, newest first.
    pub async fn list_api_keys(
        &self,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<HashMap<OrganizationId, Page<ApiKey>>, StoreError> {
        let keyset = Keyset {
            at: Expr::col((Entity, Column::CreatedAt)),
            id: Expr::col((Entity, Column::Id)),
            order: ListOrder::NewestFirst,
        };
        pages_by(
            &self.db,
            organizations,
            &keyset,
            page,
            |&id| Entity::find().filter(Column::OrganizationId.eq(id.0)).into_query(),
            |row| {
                let row = api_key(Model::from_query_result(row, "")?)?;
                Ok((row.organization_id, row))
            },
        )
        .await
    }

    /// How many keys each organization has and had.
    pub async fn count_api_keys_of(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        counts_by(&self.db, organizations, Column::OrganizationId, Entity::find()).await
    }

    /// Keys that count and expire after `now` and until `until`, after a row, in the order of their ids.
    pub async fn list_api_keys_expiring(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        after: Option<ApiKeyId>,
        limit: u64,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let mut keys = Entity::find()
            .filter(Column::RevokedAt.is_null())
            .filter(Column::ExpiresAt.gt(now))
            .filter(Column::ExpiresAt.lte(until));
        if let Some(after) = after {
            keys = keys.filter(Column::Id.gt(after.0));
        }
        let rows = keys.order_by_asc(Column::Id).limit(limit).all(&self.db).await?;
        rows.into_iter().map(api_key).collect()
    }

    /// Keys by id, whoever's they are: the caller checks the tenant.
    pub async fn api_keys(&self, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(api_key).collect()
    }
}

impl WriteTransaction {
    /// A key with its person, as it is now.
    pub async fn find_key(&self, id: ApiKeyId) -> Result<Option<KeyPrincipal>, StoreError> {
        find_key(&self.tx, id).await
    }

    /// How many keys of an organization count.
    pub async fn count_counting_keys(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        let counting = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::RevokedAt.is_null())
            .filter(Column::ExpiresAt.is_null().or(Column::ExpiresAt.gt(self.now)).into_condition());
        Ok(counting.count(&self.tx).await?)
    }

    /// Writes a key.
    pub async fn create_api_key(&self, new: NewApiKey) -> Result<ApiKey, StoreError> {
        let words: Vec<String> = new.allowed_addresses.iter().map(ToString::to_string).collect();
        let row = ActiveModel {
            id: Set(self.next_id()),
            organization_id: Set(new.organization_id.0),
            user_id: Set(new.user_id.0),
            name: Set(new.name),
            prefix: Set(new.prefix),
            secret_hash: Set(new.secret_hash),
            previous_hash: Set(None),
            previous_until: Set(None),
            scopes: Set(serde_json::to_value(new.scopes).expect("words are plain data")),
            allowed_addresses: Set(words.into()),
            expires_at: Set(new.expires_at),
            last_used_at: Set(None),
            revoked_at: Set(None),
            version: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        api_key(row.insert(&self.tx).await?)
    }

    /// Gives a key another secret; the one before counts until `until`, and the one before that no more. `Changed` when
    /// the key is not as it was read.
    pub async fn rotate_api_key(
        &self,
        old: &ApiKey,
        prefix: String,
        secret_hash: &str,
        until: DateTime<Utc>,
    ) -> Result<ApiKey, StoreError> {
        let rotated = Entity::update_many()
            .col_expr(Column::PreviousHash, Expr::col(Column::SecretHash))
            .col_expr(Column::PreviousUntil, Expr::value(until))
            .col_expr(Column::SecretHash, Expr::value(secret_hash))
            .col_expr(Column::Prefix, Expr::value(prefix.clone()))
            .col_expr(Column::Version, Expr::value(old.version + 1))
            .col_expr(Column::UpdatedAt, Expr::value(self.now))
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::OrganizationId.eq(old.organization_id.0))
            .filter(Column::Version.eq(old.version))
            .filter(Column::RevokedAt.is_null())
            .exec(&self.tx)
            .await?;
        if rotated.rows_affected == 0 {
            return Err(StoreError::Changed("API key"));
        }
        self.will_tell_of_key(old.organization_id, old.id.0);
        let version = old.version + 1;
        Ok(ApiKey { prefix, previous_until: Some(until), version, updated_at: self.now, ..old.clone() })
    }

    /// Revokes a key. `Changed` when the key is not as it was read.
    pub async fn revoke_api_key(&self, old: &ApiKey) -> Result<ApiKey, StoreError> {
        let revoked = Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(self.now))
            .col_expr(Column::Version, Expr::value(old.version + 1))
            .col_expr(Column::UpdatedAt, Expr::value(self.now))
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::OrganizationId.eq(old.organization_id.0))
            .filter(Column::Version.eq(old.version))
            .filter(Column::RevokedAt.is_null())
            .exec(&self.tx)
            .await?;
        if revoked.rows_affected == 0 {
            return Err(StoreError::Changed("API key"));
        }
        self.will_tell_of_key(old.organization_id, old.id.0);
        let version = old.version + 1;
        Ok(ApiKey { revoked_at: Some(self.now), version, updated_at: self.now, ..old.clone() })
    }

    /// Revokes all keys of a person in an organization. Says which.
    pub async fn revoke_keys_of(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Vec<ApiKeyId>, StoreError> {
        let theirs = || {
            Entity::find()
                .filter(Column::OrganizationId.eq(organization.0))
                .filter(Column::UserId.eq(user.0))
                .filter(Column::RevokedAt.is_null())
        };
        let keys = theirs().all(&self.tx).await?;
        Entity::update_many()
            .col_expr(Column::RevokedAt, Expr::value(self.now))
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .col_expr(Column::UpdatedAt, Expr::value(self.now))
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::UserId.eq(user.0))
            .filter(Column::RevokedAt.is_null())
            .exec(&self.tx)
            .await?;
        let ids: Vec<ApiKeyId> = keys.into_iter().map(|key| ApiKeyId(key.id)).collect();
        for id in &ids {
            self.will_tell_of_key(organization, id.0);
        }
        Ok(ids)
    }

    fn will_tell_of_key(&self, organization: OrganizationId, id: uuid::Uuid) {
        self.will_tell(Changed { organization_id: Some(organization), kind: ChangedKind::ApiKey, id });
    }
}

impl ApiKey {
    /// Where the key stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
