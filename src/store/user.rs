//! People, and what they may do: who is calling is one statement.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{membership, organization_session, organization_setting, role, user};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, OnConflict, Query, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter};

use super::error::known;
use super::membership::{active, permissions};
use super::organization::select_columns;
use super::session::seen_in_membership;
use super::setting::asked;
use super::transaction::was_inserted;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::audit::{Actor, ActorKind, AuditEntry};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::membership::Role;
use crate::domain::permission::Permissions;
use crate::domain::role::Grant;
use crate::domain::security_settings::Standing;
use crate::domain::session::{Bar, Session};
use crate::domain::setting::SettingSection;
use crate::domain::user::User;

/// A person, as a verified token names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who vouches.
    pub issuer: String,
    /// The person's id there.
    pub subject: String,
    /// The address, when the issuer has verified it.
    pub email: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The locale, as a tag of a language that there is.
    pub locale: Option<String>,
    /// The time zone, by its name in the IANA's database.
    pub time_zone: Option<String>,
    /// Whether the issuer says that the person works for the platform.
    pub is_platform_staff: bool,
    /// When the token was made that says so, as far as it tells.
    pub told_at: Option<DateTime<Utc>>,
}

/// A person and what they may do.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// The person.
    pub user: User,
    /// Who signed in before this is signed out, everywhere.
    pub sessions_revoked_at: Option<DateTime<Utc>>,
    /// What they may do in each organization. A suspended membership gives nothing.
    pub grants: HashMap<OrganizationId, Grant>,
    /// What their sessions must satisfy, where anything is asked.
    pub standings: HashMap<OrganizationId, Standing>,
}

impl Principal {
    /// Why a session of the person's counts nowhere any more.
    pub fn bar(&self, session: &Session) -> Option<Bar> {
        self.sessions_revoked_at.and_then(|at| session.bar_since(at))
    }
}

/// Joins the security settings of a membership's organization.
pub(super) fn security_of_membership() -> SimpleExpr {
    Expr::col((organization_setting::Entity, organization_setting::Column::OrganizationId))
        .equals((membership::Entity, membership::Column::OrganizationId))
        .and(organization_setting::Column::Section.eq(SettingSection::Security.as_str()))
}

pub(super) fn user(row: user::Model) -> User {
    User {
        id: UserId(row.id),
        issuer: row.issuer,
        subject: row.subject,
        email: row.email,
        name: row.name,
        locale: row.locale,
        time_zone: row.time_zone,
        is_platform_staff: row.is_platform_staff,
        told_at: row.told_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

impl Store {
    /// The person whom a token names, with what they may do; provisioned on first sight, brought up to date when the issuer
    /// tells something new. Both are audited. Being provisioned gives no membership.
    pub async fn principal(
        &self,
        identity: &Identity,
        session: &Session,
        actor: &Actor,
    ) -> Result<Principal, StoreError> {
        let mut found = self.find_principal(&identity.issuer, &identity.subject, session).await?;
        if !found.as_ref().is_some_and(|principal| is_as_told(&principal.user, identity)) {
            self.provision(identity, actor).await?;
            found = self.find_principal(&identity.issuer, &identity.subject, session).await?;
        }
        let mut principal = found.ok_or(StoreError::Changed("user"))?;
        // Who holds a token without the claim is not staff because of another one's.
        principal.user.is_platform_staff = identity.is_platform_staff;
        Ok(principal)
    }

    /// The person with this identity, what they may do, and what is asked of the session, in one statement.
    pub async fn find_principal(
        &self,
        issuer: &str,
        subject: &str,
        session: &Session,
    ) -> Result<Option<Principal>, StoreError> {
        let mut select = Query::select();
        select_columns::<user::Entity>(&mut select, "users", "u_");
        select
            .expr_as(
                Expr::col((membership::Entity, membership::Column::OrganizationId)),
                Alias::new("organization_id"),
            )
            .expr_as(Expr::col((membership::Entity, membership::Column::Role)), Alias::new("role"))
            .expr_as(Expr::col((role::Entity, role::Column::Permissions)), Alias::new("permissions"))
            .expr_as(
                Expr::col((membership::Entity, membership::Column::SessionsRevokedAt)),
                Alias::new("revoked_at"),
            )
            .expr_as(
                Expr::col((organization_setting::Entity, organization_setting::Column::Document)),
                Alias::new("security"),
            )
            .expr_as(
                Expr::col((organization_session::Entity, organization_session::Column::LastSeenAt)),
                Alias::new("last_seen_at"),
            )
            .from(user::Entity)
            .join(
                JoinType::LeftJoin,
                membership::Entity,
                Expr::col((membership::Entity, membership::Column::UserId))
                    .equals((user::Entity, user::Column::Id))
                    .and(active()),
            )
            .join(
                JoinType::LeftJoin,
                role::Entity,
                Expr::col((role::Entity, role::Column::Id))
                    .equals((membership::Entity, membership::Column::RoleId)),
            )
            .join(JoinType::LeftJoin, organization_setting::Entity, security_of_membership())
            .join(JoinType::LeftJoin, organization_session::Entity, seen_in_membership(session))
            .and_where(user::Column::Issuer.eq(issuer))
            .and_where(user::Column::Subject.eq(subject));
        let rows = self.db.query_all(&select).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let row = user::Model::from_query_result(first, "u_")?;
        let mut principal = Principal {
            sessions_revoked_at: row.sessions_revoked_at,
            user: user(row),
            grants: HashMap::new(),
            standings: HashMap::new(),
        };
        for row in &rows {
            let Some(organization) = row.try_get::<Option<uuid::Uuid>>("", "organization_id")? else {
                continue;
            };
            let word: String = row.try_get("", "role")?;
            let role = known("memberships.role", &word, Role::parse(&word))?;
            let own: Option<serde_json::Value> = row.try_get("", "permissions")?;
            let permissions = permissions(role, own.as_ref().map(Permissions::parse));
            principal.grants.insert(OrganizationId(organization), Grant { role, permissions });
            let document: Option<serde_json::Value> = row.try_get("", "security")?;
            let revoked_at: Option<DateTime<Utc>> = row.try_get("", "revoked_at")?;
            if document.is_some() || revoked_at.is_some() {
                let security = asked(document.as_ref());
                let last_seen_at = row.try_get("", "last_seen_at")?;
                let standing = Standing { security, revoked_at, last_seen_at };
                principal.standings.insert(OrganizationId(organization), standing);
            }
        }
        Ok(Some(principal))
    }

    async fn provision(&self, identity: &Identity, actor: &Actor) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let Some((user_id, entry)) = transaction.write_user(identity).await? else {
            return transaction.rollback().await;
        };
        let actor = Actor { kind: ActorKind::User, user_id: Some(user_id), ..actor.clone() };
        transaction.commit(&actor, entry).await
    }

    /// People by id.
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        let rows = user::Entity::find()
            .filter(user::Column::Id.is_in(ids.iter().map(|id| id.0)))
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(user).collect())
    }
}

/// Whether a token says nothing new of a person. A person may hold several, of one's work and of another's, and use them by
/// turns: the newest one tells the address, the name and how the person reads, if it does not leave them out; and that a person works for the
/// platform is noted once, for each token says by itself whether it may act so.
fn is_as_told(user: &User, identity: &Identity) -> bool {
    let is_newer = match (identity.told_at, user.told_at) {
        (Some(new), Some(known)) => new > known,
        (new, _) => new.is_some(),
    };
    let tells_nothing_new = |told: &Option<String>, known: &Option<String>| told.is_none() || told == known;
    let is_told = tells_nothing_new(&identity.email, &user.email)
        && tells_nothing_new(&identity.name, &user.name)
        && tells_nothing_new(&identity.locale, &user.locale)
        && tells_nothing_new(&identity.time_zone, &user.time_zone);
    (is_told || !is_newer) && (user.is_platform_staff || !identity.is_platform_staff)
}

/// What audit records keep of what an issuer tells of a person.
fn audit_values(user: &User) -> serde_json::Value {
    serde_json::json!({
        "email": user.email, "name": user.name, "locale": user.locale, "timeZone": user.time_zone,
        "isPlatformStaff": user.is_platform_staff,
    })
}

impl WriteTransaction {
    /// Inserts the person or writes what the issuer tells now; `None` when somebody else just did.
    async fn write_user(&self, identity: &Identity) -> Result<Option<(UserId, AuditEntry)>, StoreError> {
        let found = user::Entity::find()
            .filter(user::Column::Issuer.eq(&identity.issuer))
            .filter(user::Column::Subject.eq(&identity.subject))
            .one(&self.tx)
            .await?;
        if let Some(row) = found {
            let old = user(row);
            if is_as_told(&old, identity) {
                return Ok(None);
            }
            let is_newer = identity.told_at.is_some() && identity.told_at > old.told_at;
            let newest = |new: &Option<String>, known: &Option<String>| {
                new.clone().filter(|_| is_newer).or_else(|| known.clone())
            };
            let new = User {
                email: newest(&identity.email, &old.email),
                name: newest(&identity.name, &old.name),
                locale: newest(&identity.locale, &old.locale),
                time_zone: newest(&identity.time_zone, &old.time_zone),
                is_platform_staff: old.is_platform_staff || identity.is_platform_staff,
                ..old.clone()
            };
            let now_told = audit_values(&new);
            let written = user::Entity::update_many()
                .col_expr(user::Column::Email, Expr::value(new.email))
                .col_expr(user::Column::Name, Expr::value(new.name))
                .col_expr(user::Column::Locale, Expr::value(new.locale))
                .col_expr(user::Column::TimeZone, Expr::value(new.time_zone))
                .col_expr(user::Column::IsPlatformStaff, Expr::value(new.is_platform_staff))
                .col_expr(
                    user::Column::ToldAt,
                    Expr::value(std::cmp::Ord::max(identity.told_at, old.told_at)),
                )
                .col_expr(user::Column::UpdatedAt, Expr::value(self.now))
                .filter(user::Column::Id.eq(old.id.0))
                .filter(user::Column::UpdatedAt.eq(old.updated_at))
                .exec(&self.tx)
                .await?;
            if written.rows_affected == 0 {
                return Ok(None);
            }
            let entry =
                AuditEntry::new(None, "user.update", "user", old.id).changed(&audit_values(&old), &now_told);
            return Ok(Some((old.id, entry)));
        }
        let id = UserId(self.next_id());
        let row = user::Model {
            id: id.0,
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            email: identity.email.clone(),
            name: identity.name.clone(),
            locale: identity.locale.clone(),
            time_zone: identity.time_zone.clone(),
            is_platform_staff: identity.is_platform_staff,
            told_at: identity.told_at,
            sessions_revoked_at: None,
            created_at: self.now,
            updated_at: self.now,
        };
        let values = audit_values(&user(row.clone()));
        let inserted = user::Entity::insert(row.into_active_model())
            .on_conflict(
                OnConflict::columns([user::Column::Issuer, user::Column::Subject]).do_nothing().to_owned(),
            )
            .try_insert()
            .exec_without_returning(&self.tx)
            .await?;
        if !was_inserted(&inserted) {
            return Ok(None);
        }
        Ok(Some((id, AuditEntry::new(None, "user.provision", "user", id).created(values))))
    }
}
