//! Subscriptions as server-sent events: one request, one stream, by the protocol of `graphql-sse` (distinct
//! connections). A query or mutation that asks for events gets one answer and the end.

use std::convert::Infallible;
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use axum::body::Body as HttpBody;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::http::{Extensions, Method, StatusCode, request::Parts};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::negotiation::{ResponseType, is_json_body};
use super::parameters::{Body, Parameters};
use super::response::{Answer, Outcome, Refused};
use super::{GraphqlEndpoint, RequestId};

/// Answers with a stream; what is refused before anything runs is answered as JSON with its status.
pub(super) async fn answer(
    endpoint: &Arc<GraphqlEndpoint>,
    parts: &Parts,
    body: HttpBody,
    context: &Arc<Extensions>,
) -> Response {
    let request_id = context.get::<RequestId>().map(|id| id.0.clone());
    match outcomes(endpoint, parts, body, context).await {
        Ok(outcomes) => {
            let next = move |outcome: Outcome| {
                let response = outcome.into_response(request_id.as_deref());
                Event::default().event("next").json_data(response).unwrap_or_else(|error| {
                    tracing::error!(%error, "an answer cannot be written as JSON");
                    Event::default().comment("an answer was lost")
                })
            };
            let complete = stream::once(async { Event::default().event("complete").data("") });
            let events = outcomes.map(next).chain(complete).map(Ok::<_, Infallible>);
            let headers = [
                (CACHE_CONTROL, "no-store"),
                // A proxy that gathers an answer before it passes it on would keep all of it for ever.
                (HeaderName::from_static("x-accel-buffering"), "no"),
            ];
            (headers, Sse::new(events).keep_alive(KeepAlive::default())).into_response()
        }
        Err(refused) => Answer::from(refused).into_http(ResponseType::GraphqlResponse, request_id.as_deref()),
    }
}

async fn outcomes(
    endpoint: &Arc<GraphqlEndpoint>,
    parts: &Parts,
    body: HttpBody,
    context: &Arc<Extensions>,
) -> Result<BoxStream<'static, Outcome>, Refused> {
    let parameters = match parts.method {
        Method::GET => Parameters::from_query_string(parts.uri.query().unwrap_or_default())?,
        Method::POST if is_json_body(&parts.headers) => match Body::parse(&endpoint.read(body).await?, 0)? {
            Body::One(parameters) => parameters,
            Body::Batch(_) => {
                let message = "A stream answers one request: send a JSON object and not a list.";
                return Err(Refused::new(StatusCode::BAD_REQUEST, message));
            }
        },
        Method::POST => {
            return Err(Refused::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The request body must be JSON in UTF-8: send Content-Type: application/json.",
            ));
        }
        _ => {
            return Err(Refused::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "Events are asked for by GET and POST.",
            )
            .allowing("GET, POST"));
        }
    };
    let document = endpoint.check_any(&parameters)?;
    match document.operation_type() {
        OperationType::Mutation if parts.method == Method::GET => {
            Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "Mutations are not run by GET: send a POST.")
                .allowing("POST"))
        }
        OperationType::Subscription => {
            let permit = Arc::clone(&endpoint.streams).try_acquire_owned().map_err(|_| {
                Refused::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Too many streams are open. Try again in a moment.",
                )
            })?;
            let outcomes = endpoint.follow(parameters, &document, context);
            // The permit is given back with the stream, however that ends.
            Ok(outcomes.inspect(move |_| _ = &permit).boxed())
        }
        OperationType::Query | OperationType::Mutation => {
            let outcome = endpoint.run(parameters, &document, context).await;
            Ok(stream::iter([outcome]).boxed())
        }
    }
}
