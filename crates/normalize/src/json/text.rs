//! Contents of strings: escapes resolved and made.

use std::borrow::Cow;

/// The content of a string given the bytes between its quotes.
pub(super) fn content(inner: &[u8]) -> Cow<'_, str> {
    if !escaped(inner) {
        // The lossy conversion goes byte by byte; nearly all text is sound and needs only the fast check.
        return match std::str::from_utf8(inner) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(inner),
        };
    }
    resolved(inner)
}

/// The content of a string whose bytes between its quotes are text.
pub(super) fn content_of_text(inner: &str) -> Cow<'_, str> {
    if !escaped(inner.as_bytes()) { Cow::Borrowed(inner) } else { resolved(inner.as_bytes()) }
}

/// Whether a backslash is in these bytes. Nearly all are shorter than 30 bytes, for which a call of a vectorised search costs more than
/// the search.
#[inline]
pub(super) fn escaped(inner: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = inner.as_chunks::<8>();
    words.iter().any(|word| {
        let word = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'\\'));
        word.wrapping_sub(ONES) & !word & HIGHS != 0
    }) || rest.contains(&b'\\')
}

fn resolved(inner: &[u8]) -> Cow<'_, str> {
    let mut out: Vec<u8> = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        if byte != b'\\' {
            out.push(byte);
            at += 1;
            continue;
        }
        let simple = match inner.get(at + 1) {
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let (character, next) = unicode(inner, at);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                at = next;
                continue;
            }
            Some(&other) => other,
            None => b'\\',
        };
        out.push(simple);
        at += 2;
    }
    Cow::Owned(match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// The character of the `\u` escape at `at` (two of them for a surrogate pair) and the position after it.
fn unicode(inner: &[u8], at: usize) -> (char, usize) {
    let unit = |at: usize| {
        let digits = inner.get(at..at + 6)?;
        let text = std::str::from_utf8(&digits[2..]).ok()?;
        (digits.starts_with(b"\\u") && text.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| u32::from_str_radix(text, 16).ok())?
    };
    match unit(at) {
        Some(high @ 0xd800..=0xdbff) => match unit(at + 6) {
            Some(low @ 0xdc00..=0xdfff) => {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), at + 12)
            }
            _ => (char::REPLACEMENT_CHARACTER, at + 6),
        },
        Some(code) => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), at + 6),
        None => (char::REPLACEMENT_CHARACTER, (at + 6).min(inner.len())),
    }
}

/// Appends the text as a JSON string with the fewest escapes (RFC 8259: quote, backslash, control characters).
pub fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            continue;
        }
        out.push_str(&text[rest..at]);
        rest = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u00");
                out.push(char::from(b"0123456789abcdef"[usize::from(control >> 4)]));
                out.push(char::from(b"0123456789abcdef"[usize::from(control & 15)]));
            }
        }
    }
    out.push_str(&text[rest..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn resolves_escapes() {
        assert_eq!(content(br"a\u0026\n\ud83d\ude00\ud800x"), "a&\n\u{1f600}\u{fffd}x");
    }

    proptest! {
        #[test]
        fn a_backslash_is_found_wherever_it_is(bytes in proptest::collection::vec(prop_oneof![
            9 => any::<u8>(), 1 => Just(b'\\')], 0..40)) {
            prop_assert_eq!(escaped(&bytes), bytes.contains(&b'\\'));
        }

        #[test]
        fn quoting_agrees_with_serde_json_and_comes_back(text in any::<String>()) {
            let mut quoted = String::new();
            quote(&text, &mut quoted);
            prop_assert_eq!(&serde_json::from_str::<String>(&quoted).unwrap(), &text);
            prop_assert_eq!(content(&quoted.as_bytes()[1..quoted.len() - 1]), text);
        }
    }
}
