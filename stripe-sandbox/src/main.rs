//! Serves the sandbox alone.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use stripe_sandbox::Sandbox;
use tracing_subscriber::EnvFilter;

/// A stateful Stripe double over loopback. Use it with a key that starts with sk_test_ or rk_test_.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Where to listen; loopback addresses only.
    #[arg(long, default_value = "127.0.0.1:12111")]
    listen: SocketAddr,
    /// Seeds the ids, so that a run can be repeated.
    #[arg(long)]
    seed: Option<u64>,
    /// A JSON file to load the state from and to keep it in.
    #[arg(long)]
    snapshot: Option<PathBuf>,
    /// An address that is sent every event; with --webhook-secret.
    #[arg(long, requires = "webhook_secret")]
    webhook_url: Option<String>,
    /// The secret that signs those.
    #[arg(long, requires = "webhook_url")]
    webhook_secret: Option<String>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let options = Options::parse();
    let mut builder = Sandbox::builder();
    if let Some(seed) = options.seed {
        builder = builder.seed(seed);
    }
    if let Some(snapshot) = options.snapshot {
        builder = builder.snapshot(snapshot);
    }
    if let (Some(url), Some(secret)) = (options.webhook_url, options.webhook_secret) {
        builder = builder.webhook_endpoint(url, secret);
    }
    let sandbox = builder.start(options.listen).await?;
    tracing::info!(
        address = sandbox.base_url(),
        version = stripe_sandbox::API_VERSION,
        "the Stripe sandbox is listening"
    );
    stopped().await?;
    sandbox.shutdown().await;
    Ok(())
}

/// Waits for an interrupt or a request to terminate.
async fn stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
