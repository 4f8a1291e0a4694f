//! Secrets at rest: sealed with one of several keys, so that keys can be changed while everything goes on.
//!
//! AES-256 in GCM-SIV mode (RFC 8452): should two nonces ever be equal, all that shows is whether two secrets at one place
//! are. What is sealed is bound to where it stands: moved to another row, it does not open.

use std::collections::BTreeSet;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use thiserror::Error;
use uuid::Uuid;

/// The way in which it is sealed; another one would be another word.
const VERSION: &str = "v1";
/// The name of the key that everyone knows.
const DEVELOPMENT_NAME: &str = "development";
/// The key that development uses, and production refuses. Everyone can read it here.
const DEVELOPMENT_KEY: &[u8; KEY_LEN] = b"tollgate development, no secret!";
/// Random bytes are more different than this: of 32, fewer than 20 are so once in a million million keys.
const DIFFERENT_BYTES: usize = 20;
/// Bytes of a key.
const KEY_LEN: usize = 32;

/// Where a secret stands. Bound into what is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row.
    pub row: Uuid,
}

impl Place {
    /// Of fixed words and a UUID of fixed length: no two places have the same.
    fn bound(self) -> Vec<u8> {
        format!("tollgate/{VERSION}/{}/{}/{}", self.table, self.column, self.row).into_bytes()
    }
}

/// Why keys cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyRingError {
    /// It is no `name:key`.
    #[error("each key is NAME:KEY, and the keys are separated by commas.")]
    Malformed,
    /// A name that cannot stand before a point.
    #[error("the name of a key has 1 to 32 letters, digits and hyphens.")]
    Name,
    /// Two keys of one name.
    #[error("two keys have the name {0}.")]
    Twice(String),
    /// Not as many bytes as a key has.
    #[error("the key {0} is not 32 bytes in base64. Make one with `openssl rand -base64 32`.")]
    Length(String),
}

/// Why a secret cannot be sealed or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// There are no keys at all.
    #[error("there is no key to seal secrets with")]
    NoKey,
    /// It was sealed with a key that is not there any more.
    #[error("the key {0} is needed to read a secret, and is not configured")]
    UnknownKey(String),
    /// It is not what was sealed, or does not stand where it was sealed.
    #[error("a sealed secret cannot be opened")]
    Broken,
}

struct NamedKey {
    name: String,
    key: LessSafeKey,
}

/// The keys: the first one seals, each of them opens.
#[derive(Default)]
pub struct KeyRing(Vec<NamedKey>);

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.name)).finish()
    }
}

fn named(name: &str, bytes: &[u8]) -> Result<NamedKey, KeyRingError> {
    let unbound = UnboundKey::new(&AES_256_GCM_SIV, bytes);
    let key = unbound.map_err(|_| KeyRingError::Length(name.to_owned()))?;
    Ok(NamedKey { name: name.to_owned(), key: LessSafeKey::new(key) })
}

/// The keys of a text that are base64.
fn bytes_of(text: &str) -> impl Iterator<Item = Vec<u8>> {
    let keys = text.split(',').filter_map(|part| part.split_once(':'));
    keys.filter_map(|(_, key)| STANDARD.decode(key.trim()).ok())
}

impl KeyRing {
    /// The keys of `NAME:KEY,NAME:KEY`, each key 32 bytes in base64.
    pub fn parse(text: &str) -> Result<Self, KeyRingError> {
        let mut keys: Vec<NamedKey> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, key) = part.split_once(':').ok_or(KeyRingError::Malformed)?;
            let fits = (1..=32).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !fits {
                return Err(KeyRingError::Name);
            }
            if keys.iter().any(|known| known.name == name) {
                return Err(KeyRingError::Twice(name.to_owned()));
            }
            let bytes = STANDARD.decode(key.trim()).map_err(|_| KeyRingError::Length(name.to_owned()))?;
            keys.push(named(name, &bytes)?);
        }
        if keys.is_empty() { Err(KeyRingError::Malformed) } else { Ok(Self(keys)) }
    }

    /// The key that everyone knows, for development.
    pub fn development() -> Self {
        Self(vec![named(DEVELOPMENT_NAME, DEVELOPMENT_KEY).expect("it has 32 bytes")])
    }

    /// Whether a text names the key that everyone knows, whatever it calls it.
    pub fn has_known_key(text: &str) -> bool {
        bytes_of(text).any(|bytes| bytes == DEVELOPMENT_KEY)
    }

    /// Whether a text names a key that is no random one: a word, or few bytes again and again.
    pub fn has_weak_key(text: &str) -> bool {
        bytes_of(text).any(|bytes| {
            let different: BTreeSet<&u8> = bytes.iter().collect();
            let steps = bytes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
            different.len() < DIFFERENT_BYTES
                || steps * 2 > bytes.len()
                || bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
        })
    }

    /// Seals a secret for its place. `random` are bits that were not used before.
    pub fn seal(&self, place: Place, secret: &str, random: [u8; 32]) -> Result<String, SealError> {
        let first = self.0.first().ok_or(SealError::NoKey)?;
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&random[..NONCE_LEN]);
        let mut sealed = secret.as_bytes().to_vec();
        let bound = Aad::from(place.bound());
        let unique = Nonce::assume_unique_for_key(nonce);
        first.key.seal_in_place_append_tag(unique, bound, &mut sealed).map_err(|_| SealError::Broken)?;
        let nonce = URL_SAFE_NO_PAD.encode(nonce);
        Ok(format!("{VERSION}.{}.{nonce}.{}", first.name, URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// The secret that was sealed for this place.
    pub fn open(&self, place: Place, sealed: &str) -> Result<String, SealError> {
        let mut parts = sealed.split('.');
        let (Some(VERSION), Some(name), Some(nonce), Some(text), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(SealError::Broken);
        };
        let key = self.0.iter().find(|key| key.name == name);
        let key = key.ok_or_else(|| SealError::UnknownKey(name.to_owned()))?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Broken);
        let nonce = Nonce::try_assume_unique_for_key(&decode(nonce)?).map_err(|_| SealError::Broken)?;
        let mut text = decode(text)?;
        let bound = Aad::from(place.bound());
        let opened = key.key.open_in_place(nonce, bound, &mut text).map_err(|_| SealError::Broken)?;
        String::from_utf8(opened.to_vec()).map_err(|_| SealError::Broken)
    }

    /// Whether it was sealed with the key that seals now.
    pub fn is_newest(&self, sealed: &str) -> bool {
        let name = sealed.split('.').nth(1);
        self.0.first().is_some_and(|key| Some(key.name.as_str()) == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { table: "outbox_messages", column: "sealed_secret", row: Uuid::from_u128(1) };

    fn key(byte: u8) -> String {
        STANDARD.encode([byte; KEY_LEN])
    }

    #[test]
    fn what_is_sealed_opens_where_it_stands_and_nowhere_else() {
        let ring = KeyRing::parse(&format!("2026-11:{}", key(1))).unwrap();
        let sealed = ring.seal(PLACE, "tgi_secret", [9; 32]).unwrap();
        assert!(sealed.starts_with("v1.2026-11.") && !sealed.contains("tgi_"), "{sealed}");
        assert_eq!(ring.open(PLACE, &sealed).unwrap(), "tgi_secret");
        for elsewhere in [
            Place { row: Uuid::from_u128(2), ..PLACE },
            Place { column: "secret", ..PLACE },
            Place { table: "webhook_endpoints", ..PLACE },
        ] {
            assert_eq!(ring.open(elsewhere, &sealed), Err(SealError::Broken), "{elsewhere:?}");
        }
        for changed in
            [sealed.replacen("v1", "v2", 1), format!("{sealed}A"), String::new(), format!("{sealed}.x")]
        {
            assert_eq!(ring.open(PLACE, &changed), Err(SealError::Broken), "{changed}");
        }
        assert_ne!(ring.seal(PLACE, "tgi_secret", [8; 32]).unwrap(), sealed);
    }

    #[test]
    fn old_keys_open_and_the_first_one_seals() {
        let before = KeyRing::parse(&format!("old:{}", key(1))).unwrap();
        let sealed = before.seal(PLACE, "secret", [9; 32]).unwrap();
        let both = KeyRing::parse(&format!("new:{}, old:{}", key(2), key(1))).unwrap();
        assert_eq!(both.open(PLACE, &sealed).unwrap(), "secret");
        assert!(!both.is_newest(&sealed) && before.is_newest(&sealed));
        let again = both.seal(PLACE, "secret", [9; 32]).unwrap();
        assert!(both.is_newest(&again));
        let after = KeyRing::parse(&format!("new:{}", key(2))).unwrap();
        assert_eq!(after.open(PLACE, &again).unwrap(), "secret");
        assert_eq!(after.open(PLACE, &sealed), Err(SealError::UnknownKey("old".to_owned())));
        // Another key of the same name is another key.
        let impostor = KeyRing::parse(&format!("new:{}", key(3))).unwrap();
        assert_eq!(impostor.open(PLACE, &again), Err(SealError::Broken));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(KeyRing::default().seal(PLACE, "x", [0; 32]), Err(SealError::NoKey));
        assert_eq!(KeyRing::parse("").unwrap_err(), KeyRingError::Malformed);
        assert_eq!(KeyRing::parse(&key(1)).unwrap_err(), KeyRingError::Malformed);
        assert_eq!(KeyRing::parse(&format!("a.b:{}", key(1))).unwrap_err(), KeyRingError::Name);
        assert_eq!(KeyRing::parse("a:c2hvcnQ=").unwrap_err(), KeyRingError::Length("a".to_owned()));
        let twice = format!("a:{},a:{}", key(1), key(2));
        assert_eq!(KeyRing::parse(&twice).unwrap_err(), KeyRingError::Twice("a".to_owned()));
        let known = format!("prod:{}", STANDARD.encode(DEVELOPMENT_KEY));
        assert!(KeyRing::has_known_key(&known) && !KeyRing::has_known_key(&twice));
        assert_eq!(format!("{:?}", KeyRing::parse(&known).unwrap()), "[\"prod\"]");
        let named = |bytes: &[u8]| format!("a:{}", STANDARD.encode(bytes));
        let counted: Vec<u8> = (100..132).collect();
        let word = b"correct horse battery staple 123".to_vec();
        for weak in [vec![7; 32], word, counted, [1, 2, 3, 4].repeat(8)] {
            assert!(KeyRing::has_weak_key(&named(&weak)), "{weak:?}");
        }
        let random = "a:nB8E56g9W2LwyX4RikbTtS72cFyLka00B+JfyGsQ2Xo=";
        assert!(!KeyRing::has_weak_key(random));
        assert!(KeyRing::has_weak_key(&format!("{random},b:{}", key(1))), "each of them");
    }
}
