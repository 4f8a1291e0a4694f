//! Room for usage events ahead of time, and an end to old ones.

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::WorkerOptions;
use crate::service::Service;
use crate::store::StoreError;

/// How far ahead partitions are made.
const AHEAD: TimeDelta = TimeDelta::days(62);
/// From how far back on they are made: as late as an event may come unless something else is set.
const BEHIND: TimeDelta = TimeDelta::days(35);

/// Makes partitions and takes old events away, at intervals until `stop`. Both are done once however many do them.
pub(super) async fn keep_usage(service: Service, options: &WorkerOptions, stop: CancellationToken) {
    let age = TimeDelta::from_std(options.usage_retention).unwrap_or(TimeDelta::days(400));
    while !stop.is_cancelled() {
        let now = service.clock().now();
        let kept = async {
            let made = service.store().prepare_usage_partitions(now - BEHIND, now + AHEAD).await;
            match made {
                Ok(0) => {}
                Ok(made) => tracing::info!(made, "partitions of usage events were made"),
                Err(error) => tracing::error!(%error, "partitions of usage events could not be made"),
            }
            let forgotten = async {
                service.store().drop_usage_partitions(now - age).await?;
                let mut gone = 0;
                loop {
                    match service.store().forget_usage_events(now - age).await? {
                        0 => return Ok::<u64, StoreError>(gone),
                        rows => gone += rows,
                    }
                    tokio::task::yield_now().await;
                }
            };
            match forgotten.await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "old usage events were taken away"),
                Err(error) => tracing::error!(%error, "old usage events could not be taken away"),
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = kept => {}
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(options.retention) => {}
        }
    }
}

/// Closes billing periods that are over and bills what was used in them, at intervals until `stop`. Once, however many do it.
pub(super) async fn bill_usage(service: Service, options: &WorkerOptions, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match service.close_usage_periods().await {
            Ok(0) => {}
            Ok(periods) => tracing::info!(periods, "usage of billing periods was billed"),
            Err(error) => tracing::error!(%error, "billing periods could not be looked at"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(options.usage_close) => {}
        }
    }
}
