//! Creating organizations.

use serde::Serialize;

use super::Service;
use super::answer::{Answer, Resource};
use super::error::{ErrorCode, Refusal, Refusals, ServiceError};
use super::idempotency::CallerKey;
use crate::domain::audit::{Actor, AuditEntry};
use crate::domain::ids::UserId;
use crate::domain::membership::Role;
use crate::domain::text::{required_text, slug};
use crate::store::NewOrganization;

/// A new organization.
#[derive(Clone, Debug, Serialize)]
pub struct OrganizationCreateInput {
    /// The name people read, 1 to 120 characters.
    pub name: String,
    /// The name in addresses, unique.
    pub slug: String,
}

impl Service {
    /// Creates an organization, with the caller as its owner.
    pub async fn create_organization(
        &self,
        actor: &Actor,
        owner: UserId,
        input: OrganizationCreateInput,
        key: Option<CallerKey>,
    ) -> Result<Answer, ServiceError> {
        let idempotency = key.map(|key| key.record(&input)).transpose()?;
        self.once(
            idempotency.as_ref(),
            Box::pin(async {
                let mut refusals = Refusals::default();
                let name = refusals.check("name", required_text(&input.name, 120));
                let slug = refusals.check("slug", slug(&input.slug));
                refusals.finish()?;
                let (name, slug) = name.zip(slug).expect("refused above when one is missing");

                let transaction = self.store.begin().await?;
                let organization = match transaction.create_organization(NewOrganization { name, slug }).await
                {
                    Err(error) if error.is_duplicate_of("slug") => {
                        return Err(Refusal::at(
                            "slug",
                            ErrorCode::Conflict,
                            "This slug is taken. Choose another.",
                        )
                        .into());
                    }
                    created => created?,
                };
                transaction.create_membership(organization.id, owner, Role::Owner).await?;
                let entry = AuditEntry::new(
                    Some(organization.id),
                    "organization.create",
                    "organization",
                    organization.id,
                )
                .created(organization.audit_values());
                Answer::of(Resource::Organization(organization.id))
                    .commit(transaction, actor, entry, idempotency.as_ref())
                    .await
            }),
        )
        .await
    }
}
