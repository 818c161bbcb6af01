//! A secret → a short text that stands for it, and tells nothing about it without the key.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What fingerprints depend on. Who has it can find out secrets that are easy to guess.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key that nobody knows: fingerprints can be compared within one report only.
    ///
    /// # Errors
    /// When the operating system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = vec![0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self(key))
    }

    /// The same text gives the same fingerprints in every run.
    pub fn of(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// The key itself is never shown.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Makes fingerprints: HMAC-SHA-256, shortened.
#[derive(Clone)]
pub(super) struct Fingerprints(Option<Hmac<Sha256>>);

impl Fingerprints {
    pub(super) fn new(key: &Key) -> Self {
        // A key can have any length. // RFC 2104 §3
        Self(Hmac::new_from_slice(&key.0).ok())
    }

    /// `redacted:3f9c1a0b27de`
    pub(super) fn of(&self, secret: &[u8]) -> String {
        let mut text = PREFIX.to_owned();
        if let Some(hmac) = &self.0 {
            let digest = hmac.clone().chain_update(secret).finalize().into_bytes();
            text.extend(digest.iter().take(SHOWN).map(|byte| format!("{byte:02x}")));
        }
        text
    }
}

impl fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprints")
    }
}

/// Begins each fingerprint, so that a reader sees what it is.
pub(super) const PREFIX: &str = "redacted:";

/// Bytes of the digest that are shown: two of a million different secrets look the same in one report of 500.
const SHOWN: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_that_of_the_secret_and_of_the_key() {
        let of = |key, secret: &str| Fingerprints::new(&Key::of(key)).of(secret.as_bytes());
        assert_eq!(of("a", "x"), of("a", "x"));
        assert_ne!(of("a", "x"), of("a", "y"));
        assert_ne!(of("a", "x"), of("b", "x"));
        // HMAC-SHA-256 of RFC 4231 §4.3, its first six bytes.
        assert_eq!(of("Jefe", "what do ya want for nothing?"), "redacted:5bdcc146bf60");
    }

    #[test]
    fn random_keys_differ_and_are_not_shown() {
        let [one, other] = [(); 2].map(|()| Key::random().unwrap());
        assert_ne!(one.0, other.0);
        assert_eq!(format!("{one:?} {:?}", Fingerprints::new(&one)), "Key Fingerprints");
    }
}
