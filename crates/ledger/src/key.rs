//! Keys of signed notes: Ed25519 with a name, in the text forms of the Go checksum database that every C2SP tool reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// The signature type identifier of Ed25519 notes (C2SP signed-note, "Signature types").
const ED25519: u8 = 0x01;

/// The longest name of a key, in bytes. The specification has no bound; a text that is read needs one.
pub const MAX_NAME_BYTES: usize = 1_024;

/// Why a key's name or text is refused. A message never holds any part of a signing key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, too long, or holds white space, control characters or a plus sign.
    #[error("a key's name is 1 to 1024 bytes without white space, control characters and plus signs")]
    Name,
    /// The text is not `<name>+<id>+<key>`.
    #[error("a public note key has the form <name>+<8 hexadecimal digits>+<base64>")]
    VerifierForm,
    /// The text is not `PRIVATE+KEY+<name>+<id>+<key>`.
    #[error("a private note key has the form PRIVATE+KEY+<name>+<8 hexadecimal digits>+<base64>")]
    SignerForm,
    /// The key is not an Ed25519 note key.
    #[error("the note key has signature type {found:#04x}; only Ed25519 (0x01) is understood")]
    Algorithm {
        /// The type in the text.
        found: u8,
    },
    /// The key's bytes are no usable Ed25519 key.
    #[error("the note key is not a valid Ed25519 key")]
    Point,
    /// The id in the text is not the one of the name and key.
    #[error("the note key states id {stated:08x} but has id {computed:08x}")]
    Id {
        /// The id in the text.
        stated: u32,
        /// The id of the name and key.
        computed: u32,
    },
}

/// Whether a text may be a key's name (C2SP signed-note, "Format").
pub(crate) fn check_name(name: &str) -> Result<(), KeyError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(bad) { Err(KeyError::Name) } else { Ok(()) }
}

/// `SHA-256(name || 0x0A || type || key)`, its first four bytes.
fn key_id(name: &str, key: &[u8; 32]) -> u32 {
    let mut digest = Sha256::new();
    digest.update(name.as_bytes());
    digest.update([b'\n', ED25519]);
    digest.update(key);
    let digest: [u8; 32] = digest.finalize().into();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// Takes `<id>+<base64(type || 32 bytes)>` apart, in its one spelling.
fn parse_id_and_key(text: &str, form: KeyError) -> Result<(u32, [u8; 32]), KeyError> {
    let (id_text, key_text) = text.split_once('+').ok_or_else(|| form.clone())?;
    if id_text.len() != 8 || key_text.len() != 44 {
        return Err(form);
    }
    let id = u32::from_str_radix(id_text, 16).map_err(|_| form.clone())?;
    if format!("{id:08x}") != id_text {
        return Err(form);
    }
    let bytes = STANDARD.decode(key_text).map_err(|_| form.clone())?;
    let (algorithm, key) = bytes.split_first().ok_or_else(|| form.clone())?;
    if *algorithm != ED25519 {
        return Err(KeyError::Algorithm { found: *algorithm });
    }
    Ok((id, key.try_into().map_err(|_| form)?))
}

fn id_and_key_text(id: u32, key: &[u8; 32]) -> String {
    let mut bytes = [ED25519; 33];
    bytes[1..].copy_from_slice(key);
    format!("{id:08x}+{}", STANDARD.encode(bytes))
}

/// A public key that verifies notes. Shown and parsed as its `vkey` text, `<name>+<id>+<base64>`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl VerifierKey {
    /// A key from its 32 bytes (RFC 8032 section 5.1.2).
    ///
    /// # Errors
    /// [`KeyError::Name`], or [`KeyError::Point`] when the bytes are no point of the curve or one of small order.
    pub fn new(name: &str, key: &[u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        let id = key_id(name, key);
        let key = VerifyingKey::from_bytes(key).map_err(|_| KeyError::Point)?;
        // A key of small order verifies signatures that nobody made.
        if key.is_weak() {
            return Err(KeyError::Point);
        }
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The key's name; for a log, its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's short id. Not a fingerprint: others with the same id are easily made.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The key's 32 bytes.
    #[must_use]
    pub fn key_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::VerifierForm)?;
        check_name(name)?;
        let (stated, key) = parse_id_and_key(rest, KeyError::VerifierForm)?;
        let key = Self::new(name, &key)?;
        if key.id == stated { Ok(key) } else { Err(KeyError::Id { stated, computed: key.id }) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.name, id_and_key_text(self.id, self.key.as_bytes()))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// A private key that signs notes. Not shown by `Debug`; overwritten in memory when dropped.
#[derive(Clone)]
pub struct SignerKey {
    key: SigningKey,
    verifier: VerifierKey,
}

impl SignerKey {
    /// A key from its seed, 32 bytes of a cryptographic random source (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, key.verifying_key().as_bytes())?;
        Ok(Self { key, verifier })
    }

    /// Reads the `skey` text, `PRIVATE+KEY+<name>+<id>+<base64>`, without a newline.
    ///
    /// # Errors
    /// Any [`KeyError`] but [`KeyError::VerifierForm`].
    pub fn from_skey(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::SignerForm)?;
        let (name, rest) = rest.split_once('+').ok_or(KeyError::SignerForm)?;
        let (stated, seed) = parse_id_and_key(rest, KeyError::SignerForm)?;
        let key = Self::from_seed(name, &seed)?;
        if key.verifier.id == stated { Ok(key) } else { Err(KeyError::Id { stated, computed: key.verifier.id }) }
    }

    /// The `skey` text. It is the secret itself: write it to a file that only the log's writer can read.
    #[must_use]
    pub fn to_skey(&self) -> String {
        format!("PRIVATE+KEY+{}+{}", self.verifier.name, id_and_key_text(self.verifier.id, self.key.as_bytes()))
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).to_bytes().to_vec()
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({}, secret)", self.verifier)
    }
}
