//! Decoding within bounds.

use std::io::Read as _;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// So many steps of decoding may lie within each other: a Helm release needs four (base64, base64, gzip, JSON), with the values in it being
/// text of another form again.
pub(crate) const MAX_STEPS: usize = 8;
/// So many bytes may come out of all decoding of one input.
pub const DECODED_BYTES: usize = 32 << 20;
/// A shorter text is not taken for base64.
pub(crate) const SHORTEST_BASE64: usize = 12;

const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, ANY_PADDING);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, ANY_PADDING);

/// The bytes of a base64 text of either alphabet, with white space within or not; `None` when it is none, or longer than `most` bytes.
pub(crate) fn base64(text: &str, most: usize) -> Option<Vec<u8>> {
    let text = text.trim();
    if text.len() < SHORTEST_BASE64 || text.len() / 4 * 3 > most.saturating_add(3) {
        return None;
    }
    let stripped;
    let text = if text.bytes().any(|b| b.is_ascii_whitespace()) {
        // Words with spaces between are prose; base64 is folded into long lines.
        if text.contains(' ') && !text.contains('\n') {
            return None;
        }
        stripped = text.split_ascii_whitespace().collect::<String>();
        stripped.as_str()
    } else {
        text
    };
    let url = text.bytes().any(|b| matches!(b, b'-' | b'_'));
    if url { BASE64_URL.decode(text).ok() } else { BASE64.decode(text).ok() }
}

/// Whether the bytes are compressed by gzip.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b, 0x08])
}

/// What gzip compressed, at most `most` bytes of it; what can be read of a stream that breaks is kept.
pub(crate) fn gunzip(bytes: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    // An error ends the reading; what came before it counts.
    let _ = flate2::read::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut out);
    out
}

/// The bytes as text when they are text that people or programs write: UTF-8 with hardly any control characters.
pub(crate) fn readable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let control = text.bytes().filter(|b| b.is_ascii_control() && !matches!(b, b'\n' | b'\r' | b'\t')).count();
    (!text.is_empty() && control * 50 <= text.len()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_both_alphabets_and_folded_is_read_and_prose_is_not() {
        assert_eq!(base64("aGVsbG8gd29ybGQ=", 100).unwrap(), b"hello world");
        assert_eq!(base64("aGVsbG8gd29ybGQ", 100).unwrap(), b"hello world");
        assert_eq!(base64("aGVsbG8g\nd29ybGQ=\n", 100).unwrap(), b"hello world");
        assert_eq!(base64("-_-_-_-_-_-_", 100).unwrap().len(), 9);
        assert!(base64("correct horse battery", 100).is_none());
        assert!(base64("aGVsbG8gd29ybGQ=", 2).is_none());
        assert!(base64("short", 100).is_none());
    }

    #[test]
    fn a_bomb_is_cut() {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![b'a'; 4 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        assert!(is_gzip(&bomb));
        assert_eq!(gunzip(&bomb, 1000).len(), 1000);
        assert!(gunzip(&bomb[..bomb.len() / 2], 1 << 30).len() < 4 << 20);
        assert!(gunzip(b"\x1f\x8b\x08", 10).is_empty());
    }
}
