//! People.

use async_graphql::{Context, ID, Object, Result};

use super::super::connection::{OrganizationConnection, PageArguments, Total, connection};
use super::super::context::{store, viewer};
use super::super::error::store as store_error;
use super::super::node::NodeKind;
use super::api_key::ApiKey;
use super::enums;
use super::organization::Organization;
use crate::domain;
use crate::domain::ids::OrganizationId;
use crate::domain::permission::Permission;
use crate::store::OrganizationScope;

/// A person, known by who vouches for them and by their id there, never by email.
#[derive(Clone)]
pub struct User(pub domain::user::User);

/// A person, known by who vouches for them and by their id there, never by email.
#[Object]
impl User {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::User.encode(self.0.id.0)
    }

    /// The address the issuer told last. It is no identity: another issuer's equal address is another person.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// The name the issuer told last.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }
}

/// The organizations that the caller acts in. By what this viewer was given, and not by whose it is: a program and a webhook
/// are given less than their person, and where a session does not suffice it reads nothing.
pub fn own_organizations(viewer: &crate::auth::Viewer) -> OrganizationScope {
    OrganizationScope::Among(viewer.organizations().filter(|&id| viewer.acts_in(id)).collect())
}

/// Who is calling.
pub struct Viewer;

/// Who is calling.
#[Object]
impl Viewer {
    /// The API key that was sent, when a program is calling.
    async fn api_key(&self, ctx: &Context<'_>) -> Option<ApiKey> {
        viewer(ctx).key().cloned().map(ApiKey)
    }

    /// The person whose token was sent; null when a program is calling.
    async fn user(&self, ctx: &Context<'_>) -> Option<User> {
        viewer(ctx).user().cloned().map(User)
    }

    /// Whether the person works for the platform: catalogue, all organizations, webhook replay.
    async fn is_platform_staff(&self, ctx: &Context<'_>) -> bool {
        viewer(ctx).is_platform_staff()
    }

    /// What the caller may do in an organization: a person in their role, a program as far as its key and its person both
    /// may. Empty for a stranger.
    async fn permissions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization's id.")] organization_id: ID,
    ) -> Result<Vec<enums::Permission>> {
        let id = OrganizationId(NodeKind::Organization.decode("organizationId", &organization_id)?);
        let viewer = viewer(ctx);
        Ok(Permission::ALL
            .iter()
            .filter(|&&permission| viewer.holds(permission, id))
            .map(|&permission| permission.into())
            .collect())
    }

    /// The organizations that the caller acts in, newest first. One whose security settings the session does not meet is not
    /// among them.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<OrganizationConnection> {
        let page = PageArguments { first, after, last, before }.request()?;
        let scope = own_organizations(viewer(ctx));
        let with_subscription = ctx.look_ahead().field("nodes").field("subscription").exists()
            || ctx.look_ahead().field("edges").field("node").field("subscription").exists();
        let rows = store(ctx)
            .list_organizations(&scope, with_subscription, &page)
            .await
            .map_err(store_error(ctx))?;
        Ok(connection(
            rows,
            Total::Organizations(scope),
            |row| row.organization.place(),
            Organization::listed,
        ))
    }
}
