//! What resolvers find in their context.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, Result};

use super::error::{denied, internal};
use super::loaders::Loaders;
use crate::auth::{Rule, Viewer, policy};
use crate::domain::ids::OrganizationId;
use crate::service::{CallerKey, RefusedAct, Service};
use crate::store::{Store, StoreError};

/// Who is calling.
pub fn viewer<'a>(ctx: &Context<'a>) -> &'a Viewer {
    ctx.data_unchecked::<Viewer>()
}

/// The use cases.
pub fn service<'a>(ctx: &Context<'a>) -> &'a Service {
    ctx.data_unchecked::<Service>()
}

/// The database, for reads.
pub fn store<'a>(ctx: &Context<'a>) -> &'a Store {
    service(ctx).store()
}

/// What the caller of this request was refused so far.
#[derive(Default)]
pub struct RefusedActs(Mutex<Vec<RefusedAct>>);

impl RefusedActs {
    fn add(&self, act: RefusedAct) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(act);
    }

    /// All of it, which is forgotten here.
    pub fn take(&self) -> Vec<RefusedAct> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The request's dataloaders.
pub fn loaders<'a>(ctx: &Context<'a>) -> &'a Loaders {
    ctx.data_unchecked::<Loaders>()
}

#[derive(Debug, thiserror::Error)]
#[error("the field {0} is not in the policy")]
struct Unlisted(String);

/// The rule of the field that is being resolved: taken from the schema's own name of it, so that no resolver can ask
/// for another field's rule.
fn rule_of(ctx: &Context<'_>, parent: &str) -> Result<(Rule, String)> {
    let name = format!("{parent}.{}", ctx.field().name());
    match policy::rule(&name) {
        Some(rule) => Ok((rule, name)),
        None => Err(internal(ctx, &Unlisted(name))),
    }
}

/// Who is calling, with the roles of this moment: whoever follows something may have lost them meanwhile.
pub async fn fresh_viewer(ctx: &Context<'_>) -> std::result::Result<Viewer, StoreError> {
    let known = viewer(ctx);
    let actor = known.actor().clone();
    if let Some(key) = known.key() {
        let principal = store(ctx).find_key(key.id).await?;
        let now = service(ctx).clock().now();
        let address = actor.ip_address.as_deref().and_then(|it| it.parse().ok());
        let principal =
            principal.filter(|it| it.key.counts(now) && it.security.key_bar(&it.key, address, now).is_none());
        return Ok(match principal.and_then(|it| Some((it.key, it.user, it.grant?))) {
            Some((key, user, grant)) => Viewer::api_key(key, user, grant, actor),
            None => Viewer::anonymous(actor),
        });
    }
    let (Some(user), Some(session)) = (known.user(), known.session()) else { return Ok(known.clone()) };
    let email = known.verified_email().map(str::to_owned);
    Ok(match store(ctx).find_principal(&user.issuer, &user.subject, session).await? {
        Some(principal) if principal.bar(session).is_some() => Viewer::anonymous(actor),
        Some(mut principal) => {
            // The stream's own token says whether its holder works for the platform, as a request's does.
            principal.user.is_platform_staff = user.is_platform_staff;
            Viewer::signed_in(principal.user, email, principal.grants, actor).in_session(
                session.clone(),
                &principal.standings,
                service(ctx).clock().now(),
            )
        }
        None => Viewer::anonymous(actor),
    })
}

/// Asks the policy about a field that is about no organization in particular.
pub fn authorize(ctx: &Context<'_>, parent: &str) -> Result<()> {
    let (rule, field) = rule_of(ctx, parent)?;
    let viewer = viewer(ctx);
    let allowed = viewer.check(rule).and_then(|()| viewer.check_person(&field));
    allowed.map_err(|denial| denied(denial, "organization"))
}

/// Asks the policy for a viewer of a later moment than the request's.
pub fn authorize_viewer_in(
    ctx: &Context<'_>,
    viewer: &Viewer,
    parent: &str,
    organization: OrganizationId,
    what: &str,
) -> Result<()> {
    let (rule, field) = rule_of(ctx, parent)?;
    ask(ctx, viewer, (rule, &field), organization, what)
}

fn ask(
    ctx: &Context<'_>,
    viewer: &Viewer,
    (rule, field): (Rule, &str),
    organization: OrganizationId,
    what: &str,
) -> Result<()> {
    let allowed = viewer.check_field(field, rule, organization);
    allowed.map_err(|denial| {
        let kept = ctx.data_opt::<Arc<RefusedActs>>().zip(field.strip_prefix("Mutation."));
        if let Some(((kept, mutation), reason)) = kept.zip(denial.reason()) {
            kept.add(RefusedAct { organization_id: organization, mutation: mutation.to_owned(), reason });
        }
        denied(denial, what)
    })
}

/// Asks the policy about a field that does, with this input, what another field does: by that one's rule.
pub fn authorize_as(
    ctx: &Context<'_>,
    other: &str,
    parent: &str,
    organization: OrganizationId,
) -> Result<()> {
    let rule = policy::rule(other).ok_or_else(|| internal(ctx, &Unlisted(other.to_owned())))?;
    let (_, field) = rule_of(ctx, parent)?;
    ask(ctx, viewer(ctx), (rule, &field), organization, "organization")
}

/// Asks the policy about a field that is about `organization`. For a stranger there is no such `what`.
pub fn authorize_in(ctx: &Context<'_>, parent: &str, organization: OrganizationId, what: &str) -> Result<()> {
    authorize_viewer_in(ctx, viewer(ctx), parent, organization, what)
}

/// The caller's idempotency key, scoped to caller, organization and mutation.
pub fn caller_key(
    ctx: &Context<'_>,
    mutation: &'static str,
    organization_id: Option<OrganizationId>,
    key: Option<String>,
) -> Option<CallerKey> {
    let (user_id, api_key_id) = (viewer(ctx).holder_id()?, viewer(ctx).key_id());
    key.map(|key| CallerKey { user_id, api_key_id, organization_id, mutation, key })
}
