//! Identifiers of derived items: equal for equal parts in every run, on every machine.

use sha2::{Digest, Sha256};

/// The first 32 hexadecimal digits of the SHA-256 over the parts, each preceded by its length in bytes as a 64-bit big-endian
/// number, so that no two lists of parts give one text.
pub(crate) fn identifier(parts: &[&str]) -> String {
    hex::encode(identifier_bytes(parts))
}

/// The bytes that the digits of [`identifier`] stand for.
pub(crate) fn identifier_bytes(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart() {
        assert_eq!(identifier(&["a", "b"]), identifier(&["a", "b"]));
        assert_ne!(identifier(&["a", "b"]), identifier(&["ab", ""]));
        assert_eq!(identifier(&[]).len(), 32);
    }
}
