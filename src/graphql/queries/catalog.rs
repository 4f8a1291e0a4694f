//! The catalogue.

use async_graphql::{Context, ID, Object, Result};

use super::super::context::{authorize, store, viewer};
use super::super::error::{not_found, store as store_error};
use super::super::node::NodeKind;
use super::super::types::Plan;
use crate::auth::Viewer;
use crate::domain;
use crate::domain::ids::PlanId;

#[derive(Default)]
pub struct CatalogQuery;

/// Whether the viewer may see a plan: public ones everyone, one made for an organization its members, all of them
/// platform staff.
pub fn may_see(viewer: &Viewer, plan: &domain::plan::Plan) -> bool {
    viewer.is_platform_staff()
        || match plan.organization_id {
            Some(owner) => viewer.acts_in(owner),
            None => plan.is_public,
        }
}

#[Object]
impl CatalogQuery {
    /// The plans on offer: public ones, and those made for the caller's organizations.
    async fn plans(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Archived and hidden ones too; for platform staff.", default = false)]
        include_archived: bool,
    ) -> Result<Vec<Plan>> {
        authorize(ctx, "Query")?;
        let viewer = viewer(ctx);
        if include_archived {
            viewer
                .check(crate::auth::Rule::Staff)
                .map_err(|denial| super::super::error::denied(denial, "plan"))?;
        }
        let own: Vec<_> = viewer.organizations().filter(|&id| viewer.acts_in(id)).collect();
        let plans = store(ctx).list_plans(&own, include_archived).await.map_err(store_error(ctx))?;
        Ok(plans.into_iter().map(Plan).collect())
    }

    /// A plan by id.
    async fn plan(&self, ctx: &Context<'_>, #[graphql(desc = "The plan's id.")] id: ID) -> Result<Plan> {
        authorize(ctx, "Query")?;
        let id = PlanId(NodeKind::Plan.decode("id", &id)?);
        let plan = store(ctx).find_plan(id).await.map_err(store_error(ctx))?;
        plan.filter(|plan| may_see(viewer(ctx), plan)).map(Plan).ok_or_else(|| not_found("plan"))
    }
}
