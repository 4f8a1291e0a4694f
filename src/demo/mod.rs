//! The demo: three organizations on different plans with a year behind them. What Stripe knows is made at the sandbox,
//! through the client that production uses, and a year passes there; our rows are what the mirror makes of that.

mod history;
mod people;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use stripe_sandbox::{Sandbox, WebhookRetries};
use thiserror::Error;

use crate::domain::clock::Clock;
use crate::payments::{PaymentsError, Stripe};
use crate::store::{Store, StoreError};

pub use crate::config::{SANDBOX_KEY, SANDBOX_WEBHOOK_SECRET};
pub use people::people;

/// How long ago the demo begins.
const DAYS_OF_HISTORY: i64 = 366;

/// Why the demo could not be made.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The sandbox refused something.
    #[error("the sandbox refused a part of the demo")]
    Stripe(#[from] PaymentsError),
    /// The database refused something.
    #[error("the database refused the demo")]
    Store(#[from] StoreError),
    /// The sandbox shows an object that is not as Stripe describes it.
    #[error("the sandbox shows a {0} that cannot be read")]
    Unreadable(&'static str),
}

/// Starts the sandbox on a free port of this machine. Its state is kept in the file `kept`, one for each database, so that
/// a gateway that is started again finds its customers there. With `for_demo` it begins anew, a year ago.
pub async fn start_sandbox(kept: &Path, clock: &Arc<dyn Clock>, for_demo: bool) -> std::io::Result<Sandbox> {
    if let Some(folder) = kept.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let source = Arc::clone(clock);
    let mut builder = Sandbox::builder()
        .clock(Arc::new(move || source.now().timestamp()))
        .webhook_retries(WebhookRetries::Quick);
    if for_demo {
        // What it knew belonged to a database that is gone.
        if kept.exists() {
            std::fs::remove_file(kept)?;
        }
        builder = builder.begins_at(clock.now().timestamp() - DAYS_OF_HISTORY * 86_400);
    }
    let sandbox = builder.snapshot(kept.to_owned()).start(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    // What happened before the gateway listens is read from the sandbox, not delivered.
    sandbox.deliver_webhooks(false);
    Ok(sandbox)
}

/// Fills an empty database, and a sandbox that was started for it.
pub async fn seed(
    store: &Store,
    stripe: &Stripe,
    sandbox: &Sandbox,
    now: DateTime<Utc>,
    issuer: &str,
) -> Result<(), DemoError> {
    let cast = history::begin(stripe).await?;
    sandbox.set_now(now.timestamp());
    let rows = history::rows(&cast, sandbox, now, issuer)?;
    store.insert_demo(rows).await?;
    Ok(())
}
