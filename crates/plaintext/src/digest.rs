//! Keyed digests of values: equal values are seen to be equal, and nobody without the key can try values out.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The key of digests. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// With these bytes. Digests can be compared only when they were made with one key.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of a value: the first 16 bytes of its HMAC-SHA-256, which is also what stands for values that were replaced before they
    /// were first written.
    #[must_use]
    pub fn digest(&self, value: &[u8]) -> Digest {
        // HMAC takes keys of any length, so that this never fails.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return Digest([0; 16]) };
        mac.update(value);
        let whole = mac.finalize().into_bytes();
        let mut digest = [0; 16];
        digest.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        Digest(digest)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(not shown)")
    }
}

/// The keyed digest of a value; as text 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub(crate) [u8; 16]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_digests_under_one_key_only() {
        let (one, other) = (Key::new([1; 32]), Key::new([2; 32]));
        assert_eq!(one.digest(b"value"), one.digest(b"value"));
        assert_ne!(one.digest(b"value"), one.digest(b"valuf"));
        assert_ne!(one.digest(b"value"), other.digest(b"value"));
        assert_eq!(one.digest(b"value").to_string().len(), 32);
        assert_eq!(format!("{one:?}"), "Key(not shown)");
    }
}
