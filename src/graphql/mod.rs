//! The schema: types over domain objects, resolvers that decode, ask the policy, call and shape.

mod connection;
mod context;
mod error;
mod loaders;
mod mutations;
mod node;
mod queries;
mod scalars;
mod subscriptions;
mod types;

use std::sync::Arc;

use async_graphql::{Data, Request, Response, Schema, SchemaBuilder};
use futures::stream::BoxStream;

use crate::auth::Viewer;
use crate::service::Service;

pub use mutations::MutationRoot;
pub use node::NodeKind;
pub use queries::QueryRoot;
pub use subscriptions::SubscriptionRoot;
pub use types::notification::kind_of as kind_of_subject;

/// The schema's type.
pub type TollgateSchema = Schema<QueryRoot, MutationRoot, SubscriptionRoot>;

fn builder() -> SchemaBuilder<QueryRoot, MutationRoot, SubscriptionRoot> {
    Schema::build(QueryRoot::default(), MutationRoot::default(), SubscriptionRoot::default())
        .register_output_type::<types::Node>()
}

/// The schema with everything its resolvers need. `suggestions` name fields like the one that does not exist.
pub fn schema(service: Service, suggestions: bool) -> TollgateSchema {
    // A suggestion tells names of the schema to whoever guesses near enough.
    let builder = if suggestions { builder() } else { builder().disable_suggestions() };
    builder
        // The document guard has bounded all this before; these are the second lock on the door.
        .limit_depth(40)
        .limit_recursive_depth(64)
        .data(service)
        .finish()
}

/// The schema definition, as it is committed in `schema.graphql`.
pub fn sdl() -> String {
    let schema = builder().finish();
    let mut sdl =
        schema.sdl_with_options(async_graphql::SDLExportOptions::new().sorted_fields().sorted_enum_items());
    if !sdl.ends_with('\n') {
        sdl.push('\n');
    }
    sdl
}

/// Runs a request for a viewer who waits for the answer. Introspection is the caller's to allow.
pub async fn execute(
    schema: &TollgateSchema,
    request: Request,
    viewer: Viewer,
    introspection: bool,
) -> Response {
    // In place of the schema's: the request's patience with Stripe begins here.
    let service = schema.data::<Service>().expect("the schema is built with the service").answering();
    execute_with(schema, service, request, viewer, introspection).await
}

/// Runs a request with these use cases instead of the schema's: in the background, for instance.
pub async fn execute_with(
    schema: &TollgateSchema,
    service: Service,
    request: Request,
    viewer: Viewer,
    introspection: bool,
) -> Response {
    let request = if introspection { request } else { request.disable_introspection() };
    let (actor, refused) = (viewer.actor().clone(), Arc::new(context::RefusedActs::default()));
    let request = request
        .data(loaders::Loaders::new(service.store().clone()))
        .data(viewer)
        .data(Arc::clone(&refused))
        // What a request carries is found before what the schema has.
        .data(service.clone());
    let response = schema.execute(request).await;
    if let Err(error) = service.record_refusals(&actor, refused.take()).await {
        // Whoever was refused is told so all the same.
        tracing::error!(%error, "what a member was refused could not be recorded");
    }
    response
}

/// Runs a subscription for a viewer.
pub fn execute_stream(
    schema: &TollgateSchema,
    request: Request,
    viewer: Viewer,
) -> BoxStream<'static, Response> {
    let service = schema.data::<Service>().expect("the schema is built with the service").clone();
    let request = request.data(loaders::Loaders::new(service.store().clone())).data(viewer);
    schema.execute_stream_with_session_data(request, Arc::new(Data::default()))
}
