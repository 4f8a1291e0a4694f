//! Roles that an organization puts together: sets of permissions, none of which their author lacks.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::authority::{authority, check_version};
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use super::notification::tell;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::{OrganizationId, RoleId};
use crate::domain::notification::{Fact, RoleStep};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::role::{CustomRole, MAXIMUM_ROLES};
use crate::domain::text::{optional_text, required_text};
use crate::store::{RoleTerms, StoreError, WriteTransaction};

/// A role to be put together.
#[derive(Clone, Debug, Serialize)]
pub struct RoleCreateInput {
    /// Whose role.
    pub organization_id: OrganizationId,
    /// The name people read.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it holds.
    pub permissions: Permissions,
}

/// A role to be changed. What is left out stays as it is.
#[derive(Clone, Debug, Serialize)]
pub struct RoleUpdateInput {
    /// Which role.
    pub role: RoleInput,
    /// The name people read.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it holds.
    pub permissions: Option<Permissions>,
}

/// A role that something is to be done to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RoleInput {
    /// Whose role.
    pub organization_id: OrganizationId,
    /// Which.
    pub role_id: RoleId,
    /// The version that it was decided on, if that matters.
    pub expected_version: Option<i64>,
}

/// What a role holds: what was asked for, and that the organization can be seen, without which nothing else can be used.
fn held(asked: Permissions) -> Result<Permissions, Refusal> {
    if asked.holds(Permission::OrganizationTransfer) {
        return Err(Refusal::bad_input(
            "permissions",
            "organization:transfer is an owner's alone. Give the role OWNER to who should hold it.",
        ));
    }
    Ok(asked.iter().chain([Permission::OrganizationRead]).collect())
}

fn written(error: StoreError) -> ServiceError {
    if error.is_duplicate_of("name") {
        return Refusal::at("name", ErrorCode::Conflict, "There is a role of this name.").into();
    }
    match error {
        StoreError::Changed(_) => {
            Refusal::conflict("The role was changed meanwhile. Read it again, and decide anew.").into()
        }
        error => error.into(),
    }
}

impl Service {
    /// Puts a role together.
    pub async fn create_role(
        &self,
        actor: &Actor,
        input: RoleCreateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let mut refusals = Refusals::default();
                let name = refusals.check("name", required_text(&input.name, 60));
                let description =
                    refusals.check("description", optional_text(input.description.as_deref(), 500));
                refusals.finish()?;
                let (name, description) = name.zip(description).expect("refused above when one is missing");
                let permissions = held(input.permissions)?;
                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::RolesWrite).await?;
                by.check_grant(permissions, "permissions")?;
                if transaction.count_roles(organization).await? >= MAXIMUM_ROLES {
                    let message = format!("An organization has {MAXIMUM_ROLES} roles of its own at most.");
                    return Err(Refusal::at("", ErrorCode::LimitExceeded, message).into());
                }
                let terms = RoleTerms { name, description: description.unwrap_or_default(), permissions };
                let role = transaction.create_role(organization, terms).await.map_err(written)?;
                tell_step(&transaction, &role, RoleStep::Created).await?;
                let entry = AuditEntry::new(Some(organization), "role.create", "role", role.id)
                    .created(role.audit_values());
                Answer::of(Resource::Role(role.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Changes a role: for everybody who has it, from the commit on.
    pub async fn update_role(
        &self,
        actor: &Actor,
        input: RoleUpdateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.role.organization_id;
                let mut refusals = Refusals::default();
                let name = input.name.as_deref();
                let name = refusals.check("name", name.map(|name| required_text(name, 60)).transpose());
                let description =
                    refusals.check("description", optional_text(input.description.as_deref(), 500));
                refusals.finish()?;
                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::RolesWrite).await?;
                let old = load(&transaction, input.role).await?;
                by.check_over(old.permissions, "roleId", "role")?;
                let permissions = match input.permissions {
                    Some(permissions) => held(permissions)?,
                    None => old.permissions,
                };
                by.check_grant(permissions, "permissions")?;
                let terms = RoleTerms {
                    name: name.flatten().unwrap_or_else(|| old.name.clone()),
                    description: match (&input.description, description.flatten()) {
                        (None, _) => old.description.clone(),
                        (Some(_), description) => description.unwrap_or_default(),
                    },
                    permissions,
                };
                let new = transaction.update_role(&old, terms).await.map_err(written)?;
                tell_step(&transaction, &new, RoleStep::Updated).await?;
                let entry = AuditEntry::new(Some(organization), "role.update", "role", new.id)
                    .changed(&old.audit_values(), &new.audit_values());
                Answer::of(Resource::Role(new.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }

    /// Takes away a role that nobody has and no open invitation gives.
    pub async fn delete_role(
        &self,
        actor: &Actor,
        input: RoleInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let organization = input.organization_id;
                let transaction = self.store.begin_in(organization).await?;
                let by = authority(&transaction, organization, actor, Permission::RolesWrite).await?;
                let old = load(&transaction, input).await?;
                by.check_over(old.permissions, "roleId", "role")?;
                let (members, invitations) = transaction.count_holders_of_role(&old).await?;
                if members + invitations > 0 {
                    let message = format!(
                        "{members} members have this role, and {invitations} open invitations give it. Give them another \
                         first."
                    );
                    return Err(Refusal::at("roleId", ErrorCode::Conflict, message).into());
                }
                transaction.delete_role(&old).await.map_err(written)?;
                tell_step(&transaction, &old, RoleStep::Deleted).await?;
                let entry = AuditEntry::new(Some(organization), "role.delete", "role", old.id)
                    .ended(old.audit_values(), serde_json::Value::Null);
                Answer::of(Resource::Role(old.id)).commit(transaction, actor, entry, idempotency.as_ref()).await
            }),
        )
        .await
    }
}

/// Writes down what was done to a role.
async fn tell_step(
    transaction: &WriteTransaction,
    role: &CustomRole,
    step: RoleStep,
) -> Result<(), ServiceError> {
    let fact = Fact::RoleChanged { role_id: role.id, version: role.version, name: role.name.clone(), step };
    tell(transaction, role.organization_id, &fact).await
}

async fn load(transaction: &WriteTransaction, input: RoleInput) -> Result<CustomRole, ServiceError> {
    let found = transaction.find_role(input.organization_id, input.role_id).await?;
    let found = found.ok_or(ServiceError::NotFound("role"))?;
    check_version(found.version, input.expected_version, "role")?;
    Ok(found)
}
