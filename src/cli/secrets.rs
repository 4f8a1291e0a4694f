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
    let rotated = match (rotated, closed) {
        (Ok(rotated), Ok(())) => rotated,
        (Err(error), _) | (_, Err(error)) => return fail(&chain(&error)),
    };
    let done =
        format!("{} secrets were sealed anew, {} had the first key already.", rotated.resealed, rotated.kept);
    if rotated.unopened.is_empty() {
        return print(&format!(
            "{done} Once every gateway seals with that key and this says 0, the old ones can go.\n"
        ));
    }
    let mut message = format!("{done} {} could not be opened, and were left:", rotated.unopened.len());
    for (place, error) in &rotated.unopened {
        message = format!("{message}\n  {}.{} of the row {}: {error}", place.table, place.column, place.row);
    }
    fail(&message)
}
