//! `tollgate secrets`: the secrets at rest.

use std::process::ExitCode;

use super::{chain, fail, open, print};
use crate::config::Config;
use crate::domain::ids::SystemIds;
use crate::service::rotate_secrets;

/// Seals every secret anew that another key than the first one sealed.
pub(super) async fn rotate(config: &Config) -> ExitCode {
    let keys = config.outgoing.key_ring();
    let store = match open(config).await {
        Ok(store) => store,
        Err(error) => return fail(&format!("The database cannot be opened: {}", chain(&error))),
    };
    let rotated = rotate_secrets(&store, &keys, &SystemIds).await;
    let closed = store.close().await;
    match (rotated, closed) {
        (Ok(rotated), Ok(())) => print(&format!(
            "{} secrets were sealed anew, {} had the first key already. Once every gateway has the new keys and this says 0, the old ones can go.\n",
            rotated.resealed, rotated.kept
        )),
        (Err(error), _) => fail(&chain(&error)),
        (_, Err(error)) => fail(&chain(&error)),
    }
}
