//! Telling what expires soon.

use tokio_util::sync::CancellationToken;

use super::WorkerOptions;
use crate::service::Service;

/// Looks at intervals, until `stop`. Each is told once, by the outbox; so any number of processes may look.
pub(super) async fn warn_of_expiry(service: Service, options: &WorkerOptions, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match service.tell_of_expiry().await {
            Ok(0) => {}
            Ok(told) => tracing::info!(told, "cards and API keys expire soon, and it is told"),
            Err(error) => tracing::error!(%error, "what expires soon could not be looked for"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(options.expiry) => {}
        }
    }
}
