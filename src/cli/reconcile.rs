//! `tollgate reconcile`: compares everything with Stripe, once.

use std::process::ExitCode;
use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::{binding, chain, fail, open, print};
use crate::config::Config;
use crate::domain::clock::SystemClock;
use crate::domain::ids::SystemIds;
use crate::jobs::{self, WorkerOptions};
use crate::payments::{Stripe, StripeOptions};
use crate::service::Service;

/// Compares, mends unless `only_look`, and prints what it came to. Fails when something differs and was not mended.
pub(super) async fn reconcile(config: &Config, only_look: bool) -> ExitCode {
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
