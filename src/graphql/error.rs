//! From our errors to what a client reads: the one place where both audiences are told apart.

use async_graphql::{Error, ErrorExtensions};

use super::context::viewer;
use crate::auth::Denial;
use crate::domain::session::Bar;
use crate::service::{ErrorCode, Refusal, ServiceError};
use crate::store::StoreError;

/// What a client reads when the fault is ours.
const INTERNAL_MESSAGE: &str = "Something went wrong on our side. It has been logged; tell support the request id if it keeps happening.";

/// A top-level error with its code.
pub fn coded(code: ErrorCode, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code.as_str()))
}

/// The caller's argument is wrong.
pub fn bad_input(message: impl Into<String>) -> Error {
    coded(ErrorCode::BadUserInput, message)
}

/// It does not exist for this caller.
pub fn not_found(what: &str) -> Error {
    coded(ErrorCode::NotFound, format!("There is no such {what}."))
}

/// A member may not act in the organization as they came. The reason is for programs, the sentence for people.
pub fn barred(bar: Bar) -> Error {
    coded(ErrorCode::Forbidden, bar.sentence())
        .extend_with(|_, extensions| extensions.set("reason", bar.as_str()))
}

/// The policy said no.
pub fn denied(denial: Denial, what: &str) -> Error {
    match denial {
        Denial::Unauthenticated => coded(
            ErrorCode::Unauthenticated,
            "This needs a valid token. Send one as Authorization: Bearer ….",
        ),
        Denial::Forbidden(permission) => coded(
            ErrorCode::Forbidden,
            format!(
                "Your role in this organization, or the scopes of your API key, lack the permission {permission}."
            ),
        ),
        Denial::StaffOnly => coded(ErrorCode::Forbidden, "This is for platform staff."),
        Denial::PersonOnly => {
            coded(ErrorCode::Forbidden, "A person does this: sign in with a token. An API key cannot.")
        }
        Denial::Barred(bar) => barred(bar),
        Denial::NotFound => not_found(what),
    }
}

/// The fault is ours: logged once with its causes, and the caller reads one fixed sentence.
pub fn internal(ctx: &async_graphql::Context<'_>, error: &(dyn std::error::Error + 'static)) -> Error {
    let mut causes = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    tracing::error!(
        request_id = viewer(ctx).request_id(),
        field = ctx.field().name(),
        %error,
        causes = causes.join(": "),
        "a request failed"
    );
    coded(ErrorCode::Internal, INTERNAL_MESSAGE)
}

/// A failure of the store inside a resolver.
pub fn store(ctx: &async_graphql::Context<'_>) -> impl Fn(StoreError) -> Error {
    move |error| internal(ctx, &error)
}

/// What a use case could not do, where there is no payload to say it in.
pub fn failed(ctx: &async_graphql::Context<'_>, error: ServiceError) -> Error {
    match refused(ctx, error) {
        Ok(refusals) => {
            let first = refusals.into_iter().next();
            first.map_or_else(
                || coded(ErrorCode::Internal, INTERNAL_MESSAGE),
                |refusal| coded(refusal.code, refusal.message),
            )
        }
        Err(error) => error,
    }
}

/// What a use case could not do: what a person can mend, or a top-level error.
pub fn refused(ctx: &async_graphql::Context<'_>, error: ServiceError) -> Result<Vec<Refusal>, Error> {
    match error {
        ServiceError::Refused(refusals) => Ok(refusals),
        ServiceError::NotFound(what) => Err(not_found(what)),
        ServiceError::StripeUnavailable(source) => {
            tracing::warn!(request_id = viewer(ctx).request_id(), error = %source, "Stripe is unavailable");
            Err(coded(
                ErrorCode::StripeUnavailable,
                "Stripe does not answer right now and nothing was done. Reading still works; try this again in a minute.",
            ))
        }
        error => Err(internal(ctx, &error)),
    }
}
