//! Sealing secrets at rest anew, when there is another key.

use super::error::ServiceError;
use super::notification::place_of;
use super::webhook_endpoint::{CURRENT, PREVIOUS, place_of_secret};
use crate::domain::ids::IdGenerator;
use crate::domain::key_ring::KeyRing;
use crate::store::{EndpointSecret, Store};

/// Rows that are looked at in one statement.
const BATCH: u64 = 200;

/// What a rotation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Secrets that were sealed anew.
    pub resealed: u64,
    /// Secrets that had the first key already.
    pub kept: u64,
}

/// Seals every secret anew that another key than the first one sealed. What somebody writes meanwhile is left as they wrote
/// it. What a secret is does not change: no audit record.
pub async fn rotate_secrets(
    store: &Store,
    keys: &KeyRing,
    random: &dyn IdGenerator,
) -> Result<Rotated, ServiceError> {
    let mut rotated = Rotated::default();
    let mut after = None;
    loop {
        let batch = store.list_sealed_outbox(after, BATCH).await?;
        let Some((last, _)) = batch.last() else { break };
        after = Some(*last);
        for (id, sealed) in batch {
            if keys.is_newest(&sealed) {
                rotated.kept += 1;
                continue;
            }
            let secret = keys.open(place_of(id), &sealed)?;
            let anew = keys.seal(place_of(id), &secret, random.secret())?;
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
                (EndpointSecret::Current, CURRENT, &endpoint.sealed_secret),
                (EndpointSecret::Previous, PREVIOUS, &endpoint.sealed_previous),
            ];
            for (which, column, sealed) in secrets {
                let Some(sealed) = sealed else { continue };
                if keys.is_newest(sealed) {
                    rotated.kept += 1;
                    continue;
                }
                let place = place_of_secret(endpoint.id, column);
                let anew = keys.seal(place, &keys.open(place, sealed)?, random.secret())?;
                rotated.resealed +=
                    u64::from(store.reseal_endpoint(endpoint.id, which, sealed, &anew).await?);
            }
        }
    }
}
