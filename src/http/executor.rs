//! Our schema behind the endpoint: the viewer that the middleware found goes with each request.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Extensions;
use futures::stream::BoxStream;

use super::graphql::GraphqlExecutor;
use super::key_budget::KeyBudgets;
use crate::auth::Viewer;
use crate::graphql::TollgateSchema;

/// Runs requests on the schema, for the viewer that the middleware found.
pub(super) struct Executor {
    pub schema: TollgateSchema,
    pub key_budgets: Arc<KeyBudgets>,
    pub introspection_for_all: bool,
}

#[async_trait]
impl GraphqlExecutor for Executor {
    fn admit(&self, context: &Extensions, root_fields: u64) -> Result<(), Duration> {
        let key = context.get::<Viewer>().and_then(Viewer::key_id);
        // The request itself was counted when its key was found.
        key.map_or(Ok(()), |key| self.key_budgets.take(key, root_fields.saturating_sub(1)))
    }

    async fn execute(
        &self,
        request: async_graphql::Request,
        context: &Extensions,
    ) -> async_graphql::Response {
        let viewer =
            context.get::<Viewer>().cloned().expect("the middleware puts a viewer into every request");
        let introspection = self.introspection_for_all || viewer.is_platform_staff();
        crate::graphql::execute(&self.schema, request, viewer, introspection).await
    }

    fn execute_stream(
        &self,
        request: async_graphql::Request,
        context: &Extensions,
    ) -> BoxStream<'static, async_graphql::Response> {
        let viewer =
            context.get::<Viewer>().cloned().expect("the middleware puts a viewer into every request");
        crate::graphql::execute_stream(&self.schema, request, viewer)
    }
}
