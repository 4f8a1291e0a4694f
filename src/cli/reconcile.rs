//! `tollgate reconcile`: compares everything with Stripe, once; or links customers to organizations, and compares those.

use std::process::ExitCode;
use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::{binding, chain, fail, open, print};
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::domain::clock::SystemClock;
use crate::domain::ids::{OrganizationId, SystemIds};
use crate::domain::organization::Organization;
use crate::jobs::{self, WorkerOptions};
use crate::payments::{Stripe, StripeOptions};
use crate::service::{Comparison, CustomerLinkInput, Service, ServiceError};
use crate::store::StoreError;

/// Compares, mends unless `only_look`, and prints what it came to. Fails when something differs and was not mended. With `links`
/// these organizations are given their customers, and they alone are compared.
pub(super) async fn reconcile(config: &Config, only_look: bool, links: &[String]) -> ExitCode {
    let Some(key) = &config.stripe.secret_key else {
        return fail(
            &"There is nothing to compare with: the sandbox lives in `tollgate serve`, which compares by itself. Set STRIPE_SECRET_KEY.",
        );
    };
    let stripe = Stripe::new(StripeOptions {
        api_base: config.stripe.api_base.clone(),
        timeout: config.stripe.timeout,
        max_attempts: config.stripe.max_attempts,
        background_rate: config.stripe.background_rate,
        ..StripeOptions::new(key.expose_secret())
    });
    let stripe = match stripe {
        Ok(stripe) => stripe,
        Err(error) => return fail(&format!("The client of Stripe cannot be made: {error}")),
    };
    let store = match open(config).await {
        Ok(store) => store,
        Err(error) => return fail(&format!("The database cannot be opened: {}", chain(&error))),
    };
    if let Err(why) = binding::to_account(&store, config, &stripe).await {
        return fail(&why);
    }
    let service = Service::new(store, stripe, Arc::new(SystemClock), Arc::new(SystemIds)).in_background();
    // Beside the processes that serve: together they ask Stripe no more than one of them may.
    let done = CancellationToken::new();
    let shared = jobs::share_budget(service.clone(), WorkerOptions::default(), done.clone());
    let compared = async {
        let compared = if links.is_empty() {
            let compared = service.reconcile(!only_look, chrono::TimeDelta::minutes(2)).await;
            compared.map_err(|error| format!("The comparison was not finished: {}", chain(&error)))
        } else {
            link_all(&service, links).await.map(Some)
        };
        done.cancel();
        compared
    };
    match tokio::join!(shared, compared).1 {
        Ok(Some(it)) => {
            print(&format!(
                "{} organizations, {} objects compared; {} differed, {} mended.\n",
                it.organizations, it.objects, it.differing, it.mended
            ));
            if it.failed > 0 {
                return fail(&format!(
                    "{} organizations could not be compared; the log says why.",
                    it.failed
                ));
            }
            if it.differing == it.mended { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(None) => fail(&"Another process compares right now. `stripeIntake` shows what it comes to."),
        Err(why) => fail(&why),
    }
}

/// Links each customer to its organization and compares what it has, one after the other. The first that is refused ends it, with
/// the reason.
async fn link_all(service: &Service, links: &[String]) -> Result<Comparison, String> {
    let mut total = Comparison::default();
    for link in links {
        let Some((named, customer)) = link.split_once('=') else {
            return Err(format!(
                "{link}: write ORG=cus_…, the organization's id or slug and its customer at Stripe."
            ));
        };
        let failed = |error: &dyn std::error::Error| format!("{link}: {}", chain(error));
        let organization = organization_named(service, named).await.map_err(|error| failed(&error))?;
        let Some(organization) = organization else {
            return Err(format!("{link}: there is no organization {named}."));
        };
        let input = CustomerLinkInput {
            organization_id: organization.id,
            stripe_customer_id: customer.trim().into(),
        };
        match service.link_customer(&Actor::system(), input, None).await {
            Ok(_) => print(&format!("{} has {} now.\n", organization.slug, customer.trim())),
            Err(ServiceError::Refused(refusals)) => {
                let reasons: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
                return Err(format!("{link}: {}", reasons.join(" ")));
            }
            Err(error) => return Err(failed(&error)),
        };
        let row = service.store().find_organization(organization.id).await.map_err(|error| failed(&error))?;
        let compared = service.compare_organization(&row.unwrap_or(organization), true).await;
        total.add(compared.map_err(|error| failed(&error))?);
    }
    Ok(total)
}

/// An organization by its id, as the API writes it, or its slug.
async fn organization_named(service: &Service, named: &str) -> Result<Option<Organization>, StoreError> {
    let id = named.strip_prefix("org_").and_then(|id| uuid::Uuid::try_parse(id).ok());
    match id {
        Some(id) => service.store().find_organization(OrganizationId(id)).await,
        None => service.store().find_organization_by_slug(named).await,
    }
}
