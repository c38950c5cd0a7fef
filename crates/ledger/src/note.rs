//! C2SP signed notes: a text, an empty line, and lines with signatures.

use crate::key::{SignerKey, VerifierKey, check_name};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;

/// The longest note that is read, in bytes: 16 signatures of the longest kind assigned and room to spare.
pub const MAX_NOTE_BYTES: usize = 1 << 20;

/// The most signatures that are read. The specification wants at least 16.
pub const MAX_SIGNATURES: usize = 100;

/// Why bytes are not a note, or why a note is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More than [`MAX_NOTE_BYTES`].
    #[error("the note has {bytes} bytes; at most 1048576 are read")]
    TooLong {
        /// How many there are.
        bytes: usize,
    },
    /// Not UTF-8.
    #[error("the note is not valid UTF-8 at byte {offset}")]
    Encoding {
        /// Where it stops being so.
        offset: usize,
    },
    /// A control character other than newline.
    #[error("the note has a control character at byte {offset}")]
    Control {
        /// Where it stands.
        offset: usize,
    },
    /// No empty line before signatures, or no newline at the end.
    #[error("a note is a text, an empty line and signature lines, and ends with a newline")]
    Form,
    /// A signature line is malformed.
    #[error("signature line {line} of the note is malformed")]
    SignatureLine {
        /// Which signature line, from 1.
        line: usize,
    },
    /// More than [`MAX_SIGNATURES`].
    #[error("the note has more than 100 signatures")]
    TooManySignatures,
    /// The signature of a known key does not verify.
    #[error("the signature of {key} does not verify: the text, the signature or the key was changed")]
    BadSignature {
        /// The key's name.
        key: String,
    },
    /// No known key signed.
    #[error("the note has no signature of a known key; expected {expected}")]
    Unsigned {
        /// The names of the known keys.
        expected: String,
    },
}

/// One signature of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The key's name.
    pub name: String,
    /// The key's id.
    pub key_id: u32,
    /// The signature itself, at least one byte.
    pub signature: Vec<u8>,
}

/// A note as it was read or made. Trust its text only after [`Note::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// A note without signatures.
    ///
    /// # Errors
    /// [`NoteError::Form`] when the text does not end with a newline; [`NoteError::Control`]; [`NoteError::TooLong`].
    pub fn new(text: String) -> Result<Self, NoteError> {
        check_text(text.as_bytes())?;
        if !text.ends_with('\n') {
            return Err(NoteError::Form);
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a note; verifies nothing.
    ///
    /// # Errors
    /// Any [`NoteError`] but [`NoteError::BadSignature`] and [`NoteError::Unsigned`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let note = check_text(bytes)?;
        // The last empty line divides, because the text may have empty lines and the signatures may not.
        let divide = note.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, lines) = (&note[..=divide], &note[divide + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        let mut signatures = Vec::new();
        for (number, line) in (1..).zip(lines.split('\n')) {
            if number > MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(parse_signature(line).ok_or(NoteError::SignatureLine { line: number })?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signatures, verified or not.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature.
    ///
    /// # Errors
    /// [`NoteError::TooManySignatures`] when there are already [`MAX_SIGNATURES`].
    pub fn sign(&mut self, key: &SignerKey) -> Result<(), NoteError> {
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(NoteSignature {
            name: key.verifier().name().to_owned(),
            key_id: key.verifier().id(),
            signature: key.sign(self.text.as_bytes()),
        });
        Ok(())
    }

    /// Verifies the note: signatures of unknown keys are ignored, each of a known key (by name and id) must verify, and
    /// there must be one. Gives the known keys that signed, in the order of the signatures.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] or [`NoteError::Unsigned`].
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signed_by: Vec<&VerifierKey> = Vec::new();
        for signature in &self.signatures {
            let matching = known.iter().filter(|key| key.name() == signature.name && key.id() == signature.key_id);
            for key in matching {
                if !key.verifies(self.text.as_bytes(), &signature.signature) {
                    return Err(NoteError::BadSignature { key: key.name().to_owned() });
                }
                if !signed_by.contains(&key) {
                    signed_by.push(key);
                }
            }
        }
        if signed_by.is_empty() {
            let expected: Vec<&str> = known.iter().map(VerifierKey::name).collect();
            return Err(NoteError::Unsigned { expected: expected.join(", ") });
        }
        Ok(signed_by)
    }

    /// The note as bytes; [`Note::parse`] reads them when there is at least one signature.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut note = format!("{}\n", self.text);
        for NoteSignature { name, key_id, signature } in &self.signatures {
            let blob = [key_id.to_be_bytes().as_slice(), signature].concat();
            writeln!(note, "\u{2014} {name} {}", STANDARD.encode(blob)).expect("a string takes what is written to it");
        }
        note.into_bytes()
    }
}

fn check_text(bytes: &[u8]) -> Result<&str, NoteError> {
    if bytes.len() > MAX_NOTE_BYTES {
        return Err(NoteError::TooLong { bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| NoteError::Encoding { offset: error.valid_up_to() })?;
    match bytes.iter().position(|byte| *byte < 0x20 && *byte != b'\n') {
        Some(offset) => Err(NoteError::Control { offset }),
        None => Ok(text),
    }
}

fn parse_signature(line: &str) -> Option<NoteSignature> {
    let (name, base64) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    check_name(name).ok()?;
    let blob = STANDARD.decode(base64).ok()?;
    let (key_id, signature) = blob.split_first_chunk::<4>()?;
    if signature.is_empty() {
        return None;
    }
    Some(NoteSignature { name: name.to_owned(), key_id: u32::from_be_bytes(*key_id), signature: signature.to_vec() })
}
