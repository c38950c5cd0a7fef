//! One raw entry with everything that proves it.

use records::{EntryReference, Timestamp};
use sha2::{Digest, Sha256};

/// One entry as the store holds it.
#[derive(Debug, Clone)]
pub struct EvidenceMaterial {
    /// Where it is.
    pub reference: EntryReference,
    /// When the store received it.
    pub received_at: Timestamp,
    /// The line of the segment without its line feed, byte for byte: the leaf of the segment's tree.
    pub line: Vec<u8>,
    /// What was replaced before the first write; `None` when nothing was.
    pub redaction: Option<RedactionMaterial>,
    /// Its proof.
    pub proof: ProofMaterial,
}

/// That secret values were replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactionMaterial {
    /// SHA-256 (hexadecimal) of the bytes before.
    pub original_sha256: String,
    /// How many values were replaced.
    pub values: u64,
}

/// Whether an entry can be proven yet.
#[derive(Debug, Clone)]
pub enum ProofMaterial {
    /// Its segment is sealed and in the log.
    Sealed(SealedProof),
    /// It is durable in the write-ahead log, but its segment is not sealed: there is nothing signed yet to prove it against.
    NotSealed,
}

/// The chain from a line to a signed checkpoint.
#[derive(Debug, Clone)]
pub struct SealedProof {
    /// The path from the line to the segment's root, as JSON (see the store's documentation).
    pub inner_path: String,
    /// The segment's manifest, byte for byte: the leaf of the log.
    pub manifest: Vec<u8>,
    /// The C2SP tlog-proof of the manifest.
    pub tlog_proof: String,
    /// The signed checkpoint that the proof ends at.
    pub checkpoint: String,
}

impl EvidenceMaterial {
    /// The RFC 6962 section 2.1 leaf hash of the line (`SHA-256(0x00 || line)`) in hexadecimal.
    #[must_use]
    pub fn leaf_hash(&self) -> String {
        let mut hash = Sha256::new();
        hash.update([0u8]);
        hash.update(&self.line);
        hex::encode(hash.finalize())
    }
}

/// The most bytes of an entry that a page shows; the file beside it holds all.
pub const SHOWN_BYTES: usize = 128 * 1024;

/// The entry's JSON with line breaks and indentation put between its tokens, so that people can read it. Nothing is parsed
/// into values and written again: keys stay in order, numbers and escapes stay as they came.
///
/// Text that is not JSON comes back in a shape of no meaning, but with every character that is not white space.
#[must_use]
pub fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    let mut characters = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        // Deep nesting is shown flat beyond 40 levels: the indentation itself must not multiply hostile input.
        out.extend(std::iter::repeat_n("  ", depth.min(40)));
    };
    while let Some(c) = characters.next() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                let closing = if c == '{' { '}' } else { ']' };
                if characters.peek() != Some(&closing) {
                    depth += 1;
                    line(&mut out, depth);
                } else {
                    out.extend(characters.next());
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn indentation_keeps_order_numbers_and_escapes() {
        let json = r#"{"b":1.50,"a":["x\"}",{}],"c":{"d":null}}"#;
        assert_eq!(
            indented(json),
            "{\n  \"b\": 1.50,\n  \"a\": [\n    \"x\\\"}\",\n    {}\n  ],\n  \"c\": {\n    \"d\": null\n  }\n}"
        );
    }

    proptest! {
        #[test]
        fn no_character_but_white_space_is_added_or_lost(text in any::<String>()) {
            let dense = |t: &str| t.chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>();
            prop_assert_eq!(dense(&indented(&text)), dense(&text));
        }
    }
}
