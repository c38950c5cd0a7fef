//! How a value that Kubernetes stores in etcd begins: with which provider and key it was written. Nothing is decrypted, and nothing of the
//! value itself is given back.
//!
//! The prefixes are those of the API server (`k8s.io/apiserver/pkg/server/options/encryptionconfig`): `k8s:enc:<provider>:v1:<key>:` for
//! local keys, `k8s:enc:kms:v1:<provider>:` and `k8s:enc:kms:v2:<provider>:` for key management services. After the last follows the protobuf
//! `EncryptedObject` (`k8s.io/kms/apis/v2`), whose second field is the key's identifier.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a value was written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// In the clear.
    Identity,
    /// AES-CBC with a local key.
    #[serde(rename = "aescbc")]
    AesCbc,
    /// AES-GCM with a local key.
    #[serde(rename = "aesgcm")]
    AesGcm,
    /// XSalsa20 and Poly1305 with a local key.
    Secretbox,
    /// A key management service, API version 1.
    KmsV1,
    /// A key management service, API version 2.
    KmsV2,
    /// None that this version knows.
    Unknown,
}

impl Provider {
    /// Its word in the tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::AesCbc => "aescbc",
            Self::AesGcm => "aesgcm",
            Self::Secretbox => "secretbox",
            Self::KmsV1 => "kms_v1",
            Self::KmsV2 => "kms_v2",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it encrypts; `None` when that is not known.
    #[must_use]
    pub fn encrypted(self) -> Option<bool> {
        match self {
            Self::Identity => Some(false),
            Self::Unknown => None,
            _ => Some(true),
        }
    }
}

/// How a stored value begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredForm {
    /// With what it was written.
    pub provider: Provider,
    /// Name of the local key, or of the KMS provider.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_name: Option<String>,
    /// KMS v2: the key's identifier, cut to 1,024 characters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_id: Option<String>,
    /// KMS v2: SHA-256 (hexadecimal) of the whole identifier.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_id_hash: Option<String>,
}

/// Longest name of a key or provider that is looked for.
const NAME: usize = 253;
/// Longest identifier of a key (`k8s.io/apiserver` refuses longer ones).
const KEY_ID: usize = 1024;

/// The prefixes that are told apart, and what they mean.
const PREFIXES: [(&[u8], Provider); 5] = [
    (b"k8s:enc:aescbc:v1:", Provider::AesCbc),
    (b"k8s:enc:aesgcm:v1:", Provider::AesGcm),
    (b"k8s:enc:secretbox:v1:", Provider::Secretbox),
    (b"k8s:enc:kms:v1:", Provider::KmsV1),
    (b"k8s:enc:kms:v2:", Provider::KmsV2),
];

/// Whether more than the first [`ENOUGH`] bytes of a value are needed to read its form.
#[must_use]
pub fn needs_all(beginning: &[u8]) -> bool {
    beginning.starts_with(b"k8s:enc:kms:v2:")
}

/// So many first bytes of a value tell its form, unless [`needs_all`].
pub const ENOUGH: usize = 300;

/// Reads how a value begins.
#[must_use]
pub fn read(value: &[u8]) -> StoredForm {
    let only = |provider| StoredForm { provider, key_name: None, key_id: None, key_id_hash: None };
    for (prefix, provider) in PREFIXES {
        let Some(rest) = value.strip_prefix(prefix) else { continue };
        let Some((name, rest)) = name(rest) else { return only(provider) };
        let mut form = StoredForm { key_name: Some(name), ..only(provider) };
        if provider == Provider::KmsV2
            && let Some(key_id) = key_id(rest)
        {
            form.key_id_hash = Some(hex::encode(Sha256::digest(key_id.as_bytes())));
            form.key_id = Some(key_id.chars().take(KEY_ID).collect());
        }
        return form;
    }
    // A provider of a later version, whatever it does.
    if value.starts_with(b"k8s:enc:") {
        return only(Provider::Unknown);
    }
    // Protobuf, CBOR (with its self-describing tag) and JSON, as objects are stored in the clear.
    let clear = value.starts_with(b"k8s\0") || value.starts_with(&[0xd9, 0xd9, 0xf7]) || value.starts_with(b"{");
    only(if clear { Provider::Identity } else { Provider::Unknown })
}

/// A name up to its colon, and what follows.
fn name(rest: &[u8]) -> Option<(String, &[u8])> {
    let end = rest.iter().take(NAME + 1).position(|byte| *byte == b':')?;
    let (name, after) = rest.split_at_checked(end)?;
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.contains(char::is_control))?;
    Some((name.to_owned(), after.get(1..)?))
}

/// Field 2 of a protobuf message, when it is text. Fields of other numbers are stepped over, not read.
fn key_id(mut message: &[u8]) -> Option<&str> {
    let mut found = None;
    while !message.is_empty() {
        let (tag, rest) = varint(message)?;
        let (field, wire) = (tag >> 3, tag & 7);
        message = match wire {
            0 => varint(rest)?.1,
            1 => rest.get(8..)?,
            2 => {
                let (length, rest) = varint(rest)?;
                let (value, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                if field == 2 {
                    // Of several, the last counts (protobuf's rule).
                    found = std::str::from_utf8(value).ok();
                }
                after
            }
            5 => rest.get(4..)?,
            _ => return None,
        };
    }
    found.filter(|key_id| !key_id.is_empty())
}

/// A number of protobuf's variable length, and what follows.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        let part = u64::from(byte & 0x7f);
        let shift = u32::try_from(at).ok()?.checked_mul(7)?;
        value |= part.checked_shl(shift).filter(|shifted| shifted >> shift == part)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(form: &StoredForm) -> String {
        let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        format!("{} {} {}", form.provider.as_str(), part(&form.key_name), part(&form.key_id))
    }

    /// One value a line: what it is, its bytes in hexadecimal. Values of a real API server are read in the tests of `collect`.
    #[test]
    fn the_committed_vectors_are_read_as_they_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata-encryption/stored-values.txt");
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines = 0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (expected, bytes) = line.split_once(" = ").unwrap();
            assert_eq!(shown(&read(&hex::decode(bytes).unwrap())), expected);
            lines += 1;
        }
        assert!(lines >= 12, "{lines}");
    }

    #[test]
    fn the_hash_is_that_of_the_metrics() {
        let mut value = b"k8s:enc:kms:v2:mock:".to_vec();
        value.extend([0x0a, 2, 1, 2, 0x12, 5]);
        value.extend(b"key-1");
        value.extend([0x28, 1]);
        let form = read(&value);
        assert_eq!(form.key_id.as_deref(), Some("key-1"));
        assert_eq!(form.key_id_hash.unwrap(), hex::encode(Sha256::digest(b"key-1")));
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(prefix in 0usize..6, bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut value = PREFIXES.get(prefix).map_or_else(Vec::new, |(prefix, _)| prefix.to_vec());
            value.extend(&bytes);
            let form = read(&value);
            if let Some((_, provider)) = PREFIXES.get(prefix) {
                prop_assert_eq!(form.provider, *provider);
            }
            if !needs_all(&value) {
                prop_assert_eq!(&form, &read(&value[..value.len().min(ENOUGH)]));
            }
            prop_assert!(form.key_id.is_none_or(|id| id.chars().count() <= KEY_ID));
        }

        #[test]
        fn names_and_identifiers_come_back(name in "[a-z0-9./-]{1,253}", id in "\\PC{1,80}", data in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut value = format!("k8s:enc:kms:v2:{name}:").into_bytes();
            for (field, bytes) in [(1u8, data.as_slice()), (2, id.as_bytes()), (3, b"dek".as_slice())] {
                value.push(field << 3 | 2);
                let mut length = bytes.len();
                while length >= 0x80 {
                    value.push((length & 0x7f) as u8 | 0x80);
                    length >>= 7;
                }
                value.push(length as u8);
                value.extend(bytes);
            }
            let form = read(&value);
            prop_assert_eq!((form.key_name, form.key_id), (Some(name), Some(id)));
        }
    }
}
