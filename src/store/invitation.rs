//! Invitations: one open at a time for each address.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::invitation::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult,
    PaginatorTrait, QueryFilter, QueryTrait, Select,
};

use super::error::known;
use super::page::{Keyset, ListOrder, counts_by, pages_by};
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{InvitationId, OrganizationId, RoleId, UserId};
use crate::domain::invitation::{Invitation, InvitationState};
use crate::domain::membership::Role;
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::role::RoleChoice;

/// A new invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvitation {
    /// Into which organization.
    pub organization_id: OrganizationId,
    /// The invited address, normalized.
    pub email: String,
    /// The role it gives.
    pub role: RoleChoice,
    /// What is kept of the token.
    pub token_hash: String,
    /// Who invites.
    pub invited_by: UserId,
    /// Until when it counts.
    pub expires_at: DateTime<Utc>,
}

fn invitation(row: Model) -> Result<Invitation, StoreError> {
    Ok(Invitation {
        id: InvitationId(row.id),
        organization_id: OrganizationId(row.organization_id),
        role: RoleChoice {
            role: known("invitations.role", &row.role, Role::parse(&row.role))?,
            role_id: row.role_id.map(RoleId),
        },
        state: known("invitations.state", &row.state, InvitationState::parse(&row.state))?,
        email: row.email,
        invited_by: UserId(row.invited_by),
        accepted_by: row.accepted_by.map(UserId),
        expires_at: row.expires_at,
        closed_at: row.closed_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Those that nobody has accepted and that were not taken back, late ones included.
fn pending() -> Select<Entity> {
    Entity::find().filter(Column::State.eq(InvitationState::Pending.as_str()))
}

async fn count_open(
    conn: &impl ConnectionTrait,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let open = pending().filter(Column::OrganizationId.eq(organization.0)).filter(Column::ExpiresAt.gt(now));
    Ok(open.count(conn).await?)
}

impl Store {
    /// A page of each organization's invitations that nobody has accepted and that were not taken back, newest first.
    pub async fn list_invitations(
        &self,
        organizations: &[OrganizationId],
        page: &PageRequest,
    ) -> Result<HashMap<OrganizationId, Page<Invitation>>, StoreError> {
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
            |&id| pending().filter(Column::OrganizationId.eq(id.0)).into_query(),
            |row| {
                let row = invitation(Model::from_query_result(row, "")?)?;
                Ok((row.organization_id, row))
            },
        )
        .await
    }

    /// How many such invitations each organization has.
    pub async fn count_invitations_of(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, u64>, StoreError> {
        counts_by(&self.db, organizations, Column::OrganizationId, pending()).await
    }

    /// How many invitations of an organization can be accepted: each is meant for a seat.
    pub async fn count_open_invitations(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        count_open(&self.db, organization, self.clock.now()).await
    }

    /// Invitations by id, whoever's they are: the caller checks the tenant.
    pub async fn invitations(&self, ids: &[InvitationId]) -> Result<Vec<Invitation>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(invitation).collect()
    }

    /// The invitation of a token.
    pub async fn find_invitation_by_token(&self, hash: &str) -> Result<Option<Invitation>, StoreError> {
        let row = Entity::find().filter(Column::TokenHash.eq(hash)).one(&self.db).await?;
        row.map(invitation).transpose()
    }
}

impl WriteTransaction {
    /// How many invitations of an organization can be accepted.
    pub async fn count_open_invitations(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        count_open(&self.tx, organization, self.now).await
    }

    /// An invitation of the organization.
    pub async fn find_invitation(
        &self,
        organization: OrganizationId,
        id: InvitationId,
    ) -> Result<Option<Invitation>, StoreError> {
        let row =
            Entity::find_by_id(id.0).filter(Column::OrganizationId.eq(organization.0)).one(&self.tx).await?;
        row.map(invitation).transpose()
    }

    /// The invitation of an address that has the address's place, late or not.
    pub async fn find_pending_invitation(
        &self,
        organization: OrganizationId,
        email: &str,
    ) -> Result<Option<Invitation>, StoreError> {
        let row = Entity::find()
            .filter(Column::OrganizationId.eq(organization.0))
            .filter(Column::OpenEmail.eq(email))
            .one(&self.tx)
            .await?;
        row.map(invitation).transpose()
    }

    /// Writes an invitation. `Duplicate` of `open_email` when the address has one.
    pub async fn create_invitation(&self, new: NewInvitation) -> Result<Invitation, StoreError> {
        let row = ActiveModel {
            id: Set(self.next_id()),
            organization_id: Set(new.organization_id.0),
            open_email: Set(Some(new.email.clone())),
            email: Set(new.email),
            role: Set(new.role.role.as_str().to_owned()),
            role_id: Set(new.role.role_id.map(|id| id.0)),
            token_hash: Set(new.token_hash),
            state: Set(InvitationState::Pending.as_str().to_owned()),
            invited_by: Set(new.invited_by.0),
            accepted_by: Set(None),
            expires_at: Set(new.expires_at),
            closed_at: Set(None),
            version: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        invitation(row.insert(&self.tx).await?)
    }

    /// Gives an invitation another token and another end; the token before counts no more. `Changed` when the invitation
    /// is not as it was read.
    pub async fn renew_invitation(
        &self,
        old: &Invitation,
        token_hash: &str,
        expires_at: DateTime<Utc>,
        by: UserId,
    ) -> Result<Invitation, StoreError> {
        let renewed = Entity::update_many()
            .col_expr(Column::TokenHash, Expr::value(token_hash))
            .col_expr(Column::ExpiresAt, Expr::value(expires_at))
            .col_expr(Column::InvitedBy, Expr::value(by.0))
            .col_expr(Column::Version, Expr::value(old.version + 1))
            .col_expr(Column::UpdatedAt, Expr::value(self.now))
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::OrganizationId.eq(old.organization_id.0))
            .filter(Column::State.eq(InvitationState::Pending.as_str()))
            .filter(Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if renewed.rows_affected == 0 {
            return Err(StoreError::Changed("invitation"));
        }
        let version = old.version + 1;
        Ok(Invitation { expires_at, invited_by: by, version, updated_at: self.now, ..old.clone() })
    }

    /// Closes an invitation, accepted or not: its address is free again. `Changed` when somebody closed it meanwhile.
    pub async fn close_invitation(
        &self,
        old: &Invitation,
        state: InvitationState,
        accepted_by: Option<UserId>,
    ) -> Result<Invitation, StoreError> {
        let closed = Entity::update_many()
            .col_expr(Column::State, Expr::value(state.as_str()))
            .col_expr(Column::OpenEmail, Expr::value(Option::<String>::None))
            .col_expr(Column::AcceptedBy, Expr::value(accepted_by.map(|id| id.0)))
            .col_expr(Column::ClosedAt, Expr::value(self.now))
            .col_expr(Column::Version, Expr::value(old.version + 1))
            .col_expr(Column::UpdatedAt, Expr::value(self.now))
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::OrganizationId.eq(old.organization_id.0))
            .filter(Column::State.eq(InvitationState::Pending.as_str()))
            .filter(Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if closed.rows_affected == 0 {
            return Err(StoreError::Changed("invitation"));
        }
        Ok(Invitation {
            state,
            accepted_by,
            closed_at: Some(self.now),
            version: old.version + 1,
            updated_at: self.now,
            ..old.clone()
        })
    }

    /// Takes back what a person invited to: it would pass on rights that they lost. Says which.
    pub async fn revoke_invitations_by(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Vec<InvitationId>, StoreError> {
        let theirs = Column::OrganizationId
            .eq(organization.0)
            .and(Column::InvitedBy.eq(user.0))
            .and(Column::State.eq(InvitationState::Pending.as_str()));
        let open = Entity::find().filter(theirs.clone()).all(&self.tx).await?;
        Entity::update_many()
            .col_expr(Column::State, Expr::value(InvitationState::Revoked.as_str()))
            .col_expr(Column::OpenEmail, Expr::value(Option::<String>::None))
            .col_expr(Column::ClosedAt, Expr::value(self.now))
            .col_expr(Column::Version, Expr::col(Column::Version).add(1))
            .col_expr(Column::UpdatedAt, Expr::value(self.now))
            .filter(theirs)
            .exec(&self.tx)
            .await?;
        Ok(open.into_iter().map(|row| InvitationId(row.id)).collect())
    }
}

impl Invitation {
    /// Where the invitation stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id.0 }
    }
}
