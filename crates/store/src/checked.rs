//! Small JSON files that carry their own checksum, so that damage to them is told from damage to what they describe.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value with a field for the CRC-32 (IEEE) of its JSON with that field set to 0.
pub(crate) trait Checked: Serialize + DeserializeOwned + Clone {
    /// The field.
    fn check(&mut self) -> &mut u32;
}

/// The one spelling of the value: compact JSON, the checksum set.
pub(crate) fn to_bytes<T: Checked>(value: &T) -> Vec<u8> {
    let json = |value: &T| serde_json::to_vec(value).expect("a checked value holds nothing that JSON cannot");
    let mut value = value.clone();
    *value.check() = 0;
    *value.check() = crc32fast::hash(&json(&value));
    json(&value)
}

/// Reads what [`to_bytes`] writes, and nothing else.
pub(crate) fn from_bytes<T: Checked>(bytes: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    (to_bytes(&value) == bytes).then_some(value)
}
