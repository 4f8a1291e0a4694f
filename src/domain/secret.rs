//! Secrets that are shown once: what they look like, and the one thing that is kept of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// What an invitation's token begins with.
pub const INVITATION_PREFIX: &str = "tgi_";
/// What an API key begins with. Scanners of leaked secrets know it by this.
pub const API_KEY_PREFIX: &str = "tgk_";
/// Characters of an API key that are kept to know it again by: the prefix, and 36 of its 256 bits.
const SHOWN: usize = API_KEY_PREFIX.len() + 6;

/// A secret's text. Neither printed nor stored: it is shown once to who asked for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The secret of these random bits.
    pub fn new(prefix: &str, bits: [u8; 32]) -> Self {
        Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bits)))
    }

    /// A secret that is written in another way.
    pub const fn of_text(text: String) -> Self {
        Self(text)
    }

    /// What is kept of it.
    pub fn hash(&self) -> String {
        hash(&self.0)
    }

    /// The beginning, by which people know it again.
    pub fn shown(&self) -> String {
        self.0.chars().take(SHOWN).collect()
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What is kept of a secret. A plain SHA-256 is right here: the secret has 256 random bits, which no dictionary has and
/// nobody can try through, so that what slows down the guessing of passwords would slow down us alone; and one that is
/// not salted can be looked up by an index, which tells no time at which a comparison ended.
pub fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_hash_and_never_printed() {
        let secret = Secret::new(API_KEY_PREFIX, [7; 32]);
        assert_eq!(secret.expose().len(), 4 + 43);
        assert_eq!(secret.hash(), hash(secret.expose()));
        assert_ne!(secret.hash(), Secret::new(API_KEY_PREFIX, [8; 32]).hash());
        assert!(secret.expose().starts_with(&secret.shown()) && secret.shown().len() == 10);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
