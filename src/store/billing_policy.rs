//! Billing policies: the platform's, and overrides by organization.

use std::collections::HashMap;

use entity::billing_policy::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::transaction::was_inserted;
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::billing_policy::BillingPolicy;
use crate::domain::ids::OrganizationId;

/// The scope of the platform's own policy.
const PLATFORM: &str = "platform";

/// A policy as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPolicy {
    /// The policy.
    pub policy: BillingPolicy,
    /// Counts the changes; zero when none was ever written, and the policy is the default.
    pub version: i64,
    /// Whether it is the organization's own; else the platform's.
    pub is_own: bool,
}

fn scope(organization: Option<OrganizationId>) -> String {
    organization.map_or_else(|| PLATFORM.to_owned(), |id| id.to_string())
}

fn policy(row: &Model) -> Result<BillingPolicy, StoreError> {
    serde_json::from_value(row.document.clone()).map_err(|error| StoreError::UnknownValue {
        column: "billing_policies.document",
        value: error.to_string(),
    })
}

impl Store {
    /// The policy that counts for each organization: its own, else the platform's, else the default.
    pub async fn policies_of(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, StoredPolicy>, StoreError> {
        let scopes = organizations.iter().map(|id| scope(Some(*id))).chain([scope(None)]);
        let rows = Entity::find().filter(Column::Scope.is_in(scopes)).all(&self.db).await?;
        let mut platform = StoredPolicy { policy: BillingPolicy::default(), version: 0, is_own: false };
        let mut own = HashMap::new();
        for row in rows {
            let stored = StoredPolicy {
                policy: policy(&row)?,
                version: row.version,
                is_own: row.organization_id.is_some(),
            };
            match row.organization_id {
                Some(id) => drop(own.insert(OrganizationId(id), stored)),
                None => platform = stored,
            }
        }
        Ok(organizations.iter().map(|id| (*id, own.remove(id).unwrap_or_else(|| platform.clone()))).collect())
    }

    /// The policy that counts for an organization.
    pub async fn policy_of(&self, organization: OrganizationId) -> Result<StoredPolicy, StoreError> {
        let mut found = self.policies_of(&[organization]).await?;
        Ok(found.remove(&organization).expect("there is one for each"))
    }

    /// The platform's policy, else the default.
    pub async fn platform_policy(&self) -> Result<StoredPolicy, StoreError> {
        let row = Entity::find().filter(Column::Scope.eq(PLATFORM)).one(&self.db).await?;
        match row {
            Some(row) => Ok(StoredPolicy { policy: policy(&row)?, version: row.version, is_own: false }),
            None => Ok(StoredPolicy { policy: BillingPolicy::default(), version: 0, is_own: false }),
        }
    }
}

impl WriteTransaction {
    /// Writes a policy over the version that was seen, zero for none. `Changed` when another was written meanwhile.
    pub async fn set_policy(
        &self,
        organization: Option<OrganizationId>,
        seen: i64,
        policy: &BillingPolicy,
    ) -> Result<StoredPolicy, StoreError> {
        let document = serde_json::to_value(policy).expect("a policy is plain data");
        let version = seen + 1;
        let stored = StoredPolicy { policy: policy.clone(), version, is_own: organization.is_some() };
        let written = if seen == 0 {
            let row = ActiveModel {
                id: Set(self.next_id()),
                organization_id: Set(organization.map(|id| id.0)),
                scope: Set(scope(organization)),
                document: Set(document),
                version: Set(version),
                created_at: Set(self.now),
                updated_at: Set(self.now),
            };
            let inserted = Entity::insert(row)
                .on_conflict(OnConflict::column(Column::Scope).do_nothing().to_owned())
                .try_insert()
                .exec_without_returning(&self.tx)
                .await?;
            was_inserted(&inserted)
        } else {
            use sea_orm::sea_query::Expr;
            let updated = Entity::update_many()
                .col_expr(Column::Document, Expr::value(document))
                .col_expr(Column::Version, Expr::value(version))
                .col_expr(Column::UpdatedAt, Expr::value(self.now))
                .filter(Column::Scope.eq(scope(organization)))
                .filter(Column::Version.eq(seen))
                .exec(&self.tx)
                .await?;
            updated.rows_affected == 1
        };
        if !written {
            return Err(StoreError::Changed("billing policy"));
        }
        self.will_tell_of_policy(organization);
        Ok(stored)
    }

    /// Takes an organization's own policy away: the platform's counts again. `Changed` when it is not the version seen.
    pub async fn clear_policy(&self, organization: OrganizationId, seen: i64) -> Result<(), StoreError> {
        let deleted = Entity::delete_many()
            .filter(Column::Scope.eq(scope(Some(organization))))
            .filter(Column::Version.eq(seen))
            .exec(&self.tx)
            .await?;
        if deleted.rows_affected != 1 {
            return Err(StoreError::Changed("billing policy"));
        }
        self.will_tell_of_policy(Some(organization));
        Ok(())
    }

    fn will_tell_of_policy(&self, organization: Option<OrganizationId>) {
        self.will_tell(Changed {
            organization_id: organization,
            kind: ChangedKind::BillingPolicy,
            id: organization.map_or_else(uuid::Uuid::nil, |id| id.0),
        });
    }
}
