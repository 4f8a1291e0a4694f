//! What is counted, in the text format that Prometheus reads. The names are in the README.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Seconds from an event's receipt to its effect.
const APPLIED_BUCKETS: [f64; 11] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 3_600.0];

/// Begins to count, once in a process.
pub fn install() {
    RECORDER.get_or_init(|| {
        let installed = PrometheusBuilder::new()
            .set_buckets_for_metric(
                Matcher::Full("tollgate_event_applied_seconds".to_owned()),
                &APPLIED_BUCKETS,
            )
            .and_then(PrometheusBuilder::install_recorder);
        installed
            .inspect_err(|error| tracing::error!(%error, "nothing is counted: another recorder is installed"))
            .ok()
    });
}

/// Everything that was counted so far.
pub fn render() -> String {
    match RECORDER.get() {
        Some(Some(recorder)) => {
            // Nobody else does it without the exporter's own server.
            recorder.run_upkeep();
            recorder.render()
        }
        _ => String::new(),
    }
}
