//! Sealing secrets at rest anew, when there is another key.

use super::notification::place_of;
use super::webhook_endpoint::{CURRENT, PREVIOUS, place_of_secret};
use crate::domain::ids::IdGenerator;
use crate::domain::key_ring::{KeyRing, Place, SealError};
use crate::store::{EndpointSecret, Store, StoreError};

/// Rows that are looked at in one statement.
const BATCH: u64 = 200;

/// What a rotation came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Secrets that were sealed anew.
    pub resealed: u64,
    /// Secrets that had the first key already.
    pub kept: u64,
    /// Secrets that could not be opened: where each stands, and why. They were left as they are.
    pub unopened: Vec<(Place, SealError)>,
}

impl Rotated {
    /// The secret of a place, sealed anew, when another key than the first one sealed it.
    fn anew(
        &mut self,
        keys: &KeyRing,
        random: &dyn IdGenerator,
        place: Place,
        sealed: &str,
    ) -> Option<String> {
        if keys.is_newest(sealed) {
            self.kept += 1;
            return None;
        }
        let anew = keys.open(place, sealed).and_then(|secret| keys.seal(place, &secret, random.secret()));
        anew.map_err(|error| self.unopened.push((place, error))).ok()
    }
}

/// Seals every secret anew that another key than the first one sealed. What somebody writes meanwhile is left as they wrote
/// it, and what cannot be opened as it is: the others are not kept waiting for it. What a secret is does not change: no audit
/// record.
pub async fn rotate_secrets(
    store: &Store,
    keys: &KeyRing,
    random: &dyn IdGenerator,
) -> Result<Rotated, StoreError> {
    let mut rotated = Rotated::default();
    let mut after = None;
    loop {
        let batch = store.list_sealed_outbox(after, BATCH).await?;
        let Some((last, _)) = batch.last() else { break };
        after = Some(*last);
        for (id, sealed) in batch {
            let Some(anew) = rotated.anew(keys, random, place_of(id), &sealed) else { continue };
            rotated.resealed += u64::from(store.reseal_outbox(id, &sealed, &anew).await?);
        }
    }
    let mut after = None;
    loop {
        let batch = store.list_sealed_endpoints(after, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(rotated) };
        after = Some(last.id);
        for endpoint in batch {
            let secrets = [
                (EndpointSecret::Current, CURRENT, endpoint.sealed_secret),
                (EndpointSecret::Previous, PREVIOUS, endpoint.sealed_previous),
            ];
            for (which, column, sealed) in secrets {
                let Some(sealed) = sealed else { continue };
                let place = place_of_secret(endpoint.id, column);
                let Some(anew) = rotated.anew(keys, random, place, &sealed) else { continue };
                rotated.resealed +=
                    u64::from(store.reseal_endpoint(endpoint.id, which, &sealed, &anew).await?);
            }
        }
    }
}
