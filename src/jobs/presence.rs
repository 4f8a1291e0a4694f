//! Being counted: the processes that ask one account of Stripe's share its rate budget.

use chrono::TimeDelta;
use metrics::gauge;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::WorkerOptions;
use crate::service::Service;

/// Shares the account's rate budget with the other processes until `stop`. One that comes or goes is noticed within a quarter
/// of a lease, one that dies within a lease and a quarter.
pub async fn share_budget(service: Service, options: WorkerOptions, stop: CancellationToken) {
    let process = service.process_id();
    while !stop.is_cancelled() {
        take_share(&service, process, options).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(options.lease / 4) => {}
        }
    }
    if let Err(error) = service.leave_budget(process).await {
        tracing::debug!(%error, "this process could not sign off; its lease will run out");
    }
}

async fn take_share(service: &Service, process: Uuid, options: WorkerOptions) {
    let lease = TimeDelta::from_std(options.lease).unwrap_or(TimeDelta::minutes(1));
    match service.share_budget(process, lease).await {
        Ok(processes) => gauge!("tollgate_processes").set(f64::from(processes)),
        // The share stays as it was.
        Err(error) => {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "the other processes cannot be counted");
        }
    }
}
