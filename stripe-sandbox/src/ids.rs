//! Random ids in Stripe's style, from a generator that can be seeded.

use serde::{Deserialize, Serialize};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// SplitMix64. Its whole state is one number, so a snapshot can carry on where it stopped and never repeat an id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IdGenerator {
    state: u64,
}

impl IdGenerator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// `length` random letters and digits.
    pub(crate) fn token(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| {
                let index = usize::try_from(self.next() % 62).expect("a remainder of 62 fits");
                char::from(ALPHABET[index])
            })
            .collect()
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// A new id with Stripe's prefix, for example `cus_NffrFeUfNV2Hib`.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        let length = if matches!(prefix, "cus" | "prod" | "si") { 14 } else { 24 };
        format!("{prefix}_{}", self.token(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_never_twice_the_same_one() {
        let (mut a, mut b) = (IdGenerator::new(7), IdGenerator::new(7));
        let first = a.id("pi");
        assert_eq!(first, b.id("pi"));
        assert_ne!(first, a.id("pi"));
        assert_eq!(first.len(), "pi_".len() + 24);
    }
}
