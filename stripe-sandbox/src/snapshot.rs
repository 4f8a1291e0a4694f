//! The whole state in one JSON file, so that a sandbox can be stopped and started again.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deliveries::Delivery;
use crate::idempotency::Ledger;
use crate::ids::IdGenerator;
use crate::json::Fields;
use crate::sandbox::Shared;
use crate::state::{HIDDEN, State};
use crate::store::Store;

/// Changes that come within this time of each other are written once.
const DEBOUNCE: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Saved<'a> {
    clock_offset: i64,
    worked_until: i64,
    ids: &'a IdGenerator,
    ledger: &'a Ledger,
    store: &'a Store,
    deliveries: Vec<&'a Delivery>,
}

/// What a snapshot holds.
#[derive(Deserialize)]
pub(crate) struct Loaded {
    pub clock_offset: i64,
    pub worked_until: i64,
    pub ids: IdGenerator,
    pub ledger: Ledger,
    pub store: Store,
    /// Those that wait for the clock.
    #[serde(default)]
    pub deliveries: Vec<Delivery>,
}

/// Reads the snapshot; none when there is no file yet. A file that cannot be read as one is an error: it is not
/// overwritten.
pub(crate) fn load(path: &Path) -> io::Result<Option<Loaded>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut loaded: Loaded = serde_json::from_slice(&bytes).map_err(|error| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is not a sandbox snapshot: {error}", path.display()),
        )
    })?;
    loaded.ledger.forget_unfinished();
    // Endpoints named by the program that starts the sandbox come from it again, perhaps at another port.
    loaded.store.retain("webhook_endpoint", |endpoint| endpoint.at(HIDDEN).flag("lasting") == Some(true));
    Ok(Some(loaded))
}

fn encode(state: &State) -> io::Result<Vec<u8>> {
    let saved = Saved {
        clock_offset: state.clock.offset(),
        worked_until: state.worked_until,
        ids: &state.ids,
        ledger: &state.ledger,
        store: &state.store,
        deliveries: state.deliveries.waiting(),
    };
    Ok(serde_json::to_vec(&saved)?)
}

/// Writes the snapshot beside its place and moves it there, so that a crash leaves the old one or the new one.
pub(crate) async fn save(shared: &Arc<Shared>, path: &Path) -> io::Result<()> {
    let bytes = encode(&shared.lock())?;
    let path = path.to_owned();
    let written = tokio::task::spawn_blocking(move || {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let mut beside = path.clone().into_os_string();
        beside.push(".new");
        std::fs::write(&beside, bytes)?;
        std::fs::rename(&beside, &path)
    });
    written.await.map_err(io::Error::other)?
}

/// Writes the snapshot after changes, until the sandbox stops.
pub(crate) async fn keep(shared: Arc<Shared>, path: std::path::PathBuf) {
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.changed.notified() => {}
        }
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(DEBOUNCE) => {}
        }
        if let Err(error) = save(&shared, &path).await {
            tracing::error!(path = %path.display(), %error, "the snapshot could not be written");
        }
    }
}
