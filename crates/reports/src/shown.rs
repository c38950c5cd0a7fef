//! Text of unknown origin, made safe to read.

use std::fmt;

/// A text that can be shown to people: what would hide, reorder or break it is spelled out as `⟨U+202E⟩`.
///
/// Names, labels, reasons and user agents are chosen by the people under audit. Escaping keeps them from becoming markup;
/// this keeps them from lying to the reader's eye (right-to-left overrides, zero-width characters, control
/// characters, tag characters). The exact characters are in the CSV files and the raw entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown(String);

/// The longest text shown on a page, in characters of the original.
pub const LONGEST: usize = 400;

impl Shown {
    /// The text in one line, cut to [`LONGEST`] characters with a note of how many there are.
    #[must_use]
    pub fn line(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        let mut characters = text.chars();
        for c in characters.by_ref().take(LONGEST) {
            push(&mut out, c, hides(c) || c.is_control());
        }
        let rest = characters.count();
        if rest > 0 {
            out.push_str(&format!(" … ({} characters, the rest is in the CSV file)", LONGEST + rest));
        }
        Self(out)
    }

    /// The text with its line breaks and tabs, whole: for SQL, descriptions and raw entries that were bounded before.
    #[must_use]
    pub fn block(text: &str) -> Self {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            push(&mut out, c, hides(c) || (c.is_control() && c != '\n' && c != '\t'));
        }
        Self(out)
    }

    /// The text as it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a text holds a character that is not seen, or that breaks or moves others.
pub(crate) fn misleads(text: &str) -> bool {
    text.chars().any(|c| hides(c) || c.is_control())
}

fn push(out: &mut String, c: char, spelled_out: bool) {
    if spelled_out {
        out.push_str(&format!("⟨U+{:04X}⟩", u32::from(c)));
    } else {
        out.push(c);
    }
}

/// Characters that are not seen or that move others: Unicode's bidirectional controls, default-ignorable characters and
/// line separators (Unicode Standard Annex 9 and `DerivedCoreProperties.txt`), private use, and non-characters.
fn hides(c: char) -> bool {
    matches!(u32::from(c),
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
        | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xE000..=0xF8FF | 0xFDD0..=0xFDEF | 0xFE00..=0xFE0F | 0xFEFF
        | 0xFFA0 | 0xFFF0..=0xFFFB | 0xFFFE..=0xFFFF | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0x10FFFF)
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spells_out_what_hides_or_reorders() {
        assert_eq!(Shown::line("a\u{202e}b\nc\0").as_str(), "a⟨U+202E⟩b⟨U+000A⟩c⟨U+0000⟩");
        assert_eq!(Shown::block("a\n\tb\r\u{200b}").as_str(), "a\n\tb⟨U+000D⟩⟨U+200B⟩");
        assert_eq!(Shown::line("Zoë, 東京, مرحبا").as_str(), "Zoë, 東京, مرحبا");
    }

    #[test]
    fn says_that_a_text_was_cut() {
        let shown = Shown::line(&"x".repeat(1_000));
        assert!(shown.as_str().ends_with("… (1000 characters, the rest is in the CSV file)"));
    }

    proptest! {
        #[test]
        fn a_line_never_holds_a_control_character(text in any::<String>()) {
            let shown = Shown::line(&text);
            prop_assert!(shown.as_str().chars().all(|c| !c.is_control() && !hides(c)));
        }
    }
}
