//! `tollgate reconcile`: compares everything with Stripe, once.

use std::process::ExitCode;
use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::{binding, chain, fail, open, print};
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::domain::clock::SystemClock;
use crate::domain::ids::{OrganizationId, SystemIds};
use crate::graphql::NodeKind;
use crate::jobs::{self, WorkerOptions};
use crate::payments::{Stripe, StripeOptions};
use crate::service::{CustomerLinkInput, Service, ServiceError};

/// Links customers first, as `org_…=cus_…`; then compares, mends unless `only_look`, and prints what it came to. Fails when
/// something differs and was not mended, and before anything is done when a link cannot be read.
pub(super) async fn reconcile(config: &Config, only_look: bool, links: &[String]) -> ExitCode {
    let mut wanted = Vec::new();
    for link in links {
        match read_link(link) {
            Some(link) => wanted.push(link),
            None => return fail(&format!("{link:?} is no link: write org_…=cus_….")),
        }
    }
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
    for link in wanted {
        let name = format!("{} to {}", link.stripe_customer_id, link.organization_id);
        match service.tie_customer(&Actor::system(), link).await {
            Ok(_) => print(&format!("{name}: linked.\n")),
            Err(ServiceError::Refused(refusals)) => {
                let why: Vec<_> = refusals.into_iter().map(|refusal| refusal.message).collect();
                return fail(&format!("{name}: {}", why.join(" ")));
            }
            Err(error) => return fail(&format!("{name}: {}", chain(&error))),
        };
    }
    // Beside the processes that serve: together they ask Stripe no more than one of them may.
    let done = CancellationToken::new();
    let shared = jobs::share_budget(service.clone(), WorkerOptions::default(), done.clone());
    let compared = async {
        let compared = service.reconcile(!only_look, chrono::TimeDelta::minutes(2)).await;
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
        Err(error) => fail(&format!("The comparison was not finished: {}", chain(&error))),
    }
}

/// `org_…=cus_…`.
fn read_link(text: &str) -> Option<CustomerLinkInput> {
    let (organization, customer) = text.split_once('=')?;
    let id = NodeKind::Organization.decode("--link", &organization.into()).ok()?;
    Some(CustomerLinkInput {
        organization_id: OrganizationId(id),
        stripe_customer_id: customer.to_owned().into(),
    })
}
