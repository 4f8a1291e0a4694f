//! Our schema behind the endpoint: the viewer that the middleware found goes with each request.

use async_trait::async_trait;
use axum::http::Extensions;
use futures::stream::BoxStream;

use super::graphql::GraphqlExecutor;
use crate::auth::Viewer;
use crate::graphql::TollgateSchema;

/// Runs requests on the schema, for the viewer that the middleware found.
pub(super) struct Executor {
    pub schema: TollgateSchema,
    pub introspection_for_all: bool,
}

#[async_trait]
impl GraphqlExecutor for Executor {
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
