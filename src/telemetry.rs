//! Logging. Secrets never reach it: they have no way to be printed.

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error, as the filter and the format say. A filter that cannot be read is `info`.
pub fn start(filter: &str, json: bool) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        lines.json().flatten_event(true).init();
    } else {
        lines.compact().init();
    }
}
