//! Times, durations, shares and counts as people read them.

use askama::Template;
use records::{Conclusion, Period, Timestamp, Verdict};

/// An instant on a page: shown in UTC with its offset, exact in the markup.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "moment.html")]
pub struct Moment {
    /// RFC 3339 with six digits.
    exact: String,
    /// `2026-11-23`.
    date: String,
    /// `09:00:00 +00:00`, cut to the millisecond.
    time: String,
}

impl askama::filters::HtmlSafe for Moment {}

impl Moment {
    /// For this instant.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        let (date, time) = parts(at);
        Self { exact: at.to_string(), date, time: format!("{time} +00:00") }
    }
}

/// `2026-11-23 09:00:00`, with milliseconds (cut, not rounded) when there are any.
#[must_use]
pub fn civil(at: Timestamp) -> String {
    let (date, time) = parts(at);
    format!("{date} {time}")
}

/// Date and time of day; a [`Timestamp`]'s text has one length for all years that it can hold.
fn parts(at: Timestamp) -> (String, String) {
    let text = at.to_string();
    let end = if &text[20..23] == "000" { 19 } else { 23 };
    (text[..10].to_owned(), text[11..end].to_owned())
}

/// A length of time in its two largest units, cut: `3 d 4 h`, `1 min 12 s`, `812 ms`; `0 s` for none.
#[must_use]
pub fn duration(micros: i64) -> String {
    const UNITS: [(i64, &str); 6] =
        [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "min"), (1_000_000, "s"), (1_000, "ms"), (1, "µs")];
    let micros = micros.max(0);
    let Some(first) = UNITS.iter().position(|(unit, _)| micros >= *unit) else { return "0 s".to_owned() };
    let (unit, name) = UNITS[first];
    let mut text = format!("{} {name}", micros / unit);
    if let Some((smaller, smaller_name)) = UNITS.get(first + 1) {
        let rest = micros % unit / smaller;
        if rest > 0 {
            text.push_str(&format!(" {rest} {smaller_name}"));
        }
    }
    text
}

/// A share given in millionths as a percentage, cut to two digits so that 99.999 % is never shown as all.
#[must_use]
pub fn share(millionths: i64) -> String {
    let hundredths = millionths.clamp(0, 1_000_000) / 100;
    match hundredths % 100 {
        0 if hundredths == 0 && millionths > 0 => "under 0.01 %".to_owned(),
        0 => format!("{} %", hundredths / 100),
        rest => format!("{}.{rest:02} %", hundredths / 100),
    }
}

/// The share of a window in millionths, cut.
#[must_use]
pub fn millionths(part_micros: i64, window: Period) -> i64 {
    let share = i128::from(part_micros.max(0)) * 1_000_000 / i128::from(window.micros());
    i64::try_from(share.min(1_000_000)).expect("a share of at most a million fits")
}

/// A count with thin groups of three digits: `12 345`.
#[must_use]
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A small mark beside a conclusion or verdict: the same shapes as in the strips, never without the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(path = "mark.html")]
pub struct Mark {
    /// Which shape.
    shape: Shape,
    /// The word.
    words: &'static str,
}

impl askama::filters::HtmlSafe for Mark {}

/// The shapes of the load line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shape {
    /// Filled: it held.
    Filled,
    /// Broken: it deviated.
    Broken,
    /// Hatched: the evidence does not tell.
    Hatched,
    /// Thin line: nothing was there to test.
    Thin,
    /// Blank: nobody looked.
    Blank,
}

impl Mark {
    /// A shape with a word.
    #[must_use]
    pub fn new(shape: Shape, words: &'static str) -> Self {
        Self { shape, words }
    }

    /// The shape.
    #[must_use]
    pub fn shape(self) -> Shape {
        self.shape
    }

    /// The word.
    #[must_use]
    pub fn words(self) -> &'static str {
        self.words
    }
}

impl From<Conclusion> for Mark {
    fn from(conclusion: Conclusion) -> Self {
        let shape = match conclusion {
            Conclusion::NoDeviations => Shape::Filled,
            Conclusion::Deviations => Shape::Broken,
            Conclusion::NotDeterminable => Shape::Hatched,
            Conclusion::DidNotOccur => Shape::Thin,
        };
        Self { shape, words: conclusion.as_str() }
    }
}

impl From<Verdict> for Mark {
    fn from(verdict: Verdict) -> Self {
        let shape = match verdict {
            Verdict::Effective => Shape::Filled,
            Verdict::Deviation => Shape::Broken,
            Verdict::Undetermined => Shape::Hatched,
        };
        Self { shape, words: verdict.as_str() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_two_units_and_never_round_up() {
        let shown: Vec<String> =
            [0, 1, 999, 1_500, 59_999_999, 60_000_000, 3_661_000_000, 90_000_000_000, -5].map(duration).to_vec();
        assert_eq!(
            shown,
            ["0 s", "1 µs", "999 µs", "1 ms 500 µs", "59 s 999 ms", "1 min", "1 h 1 min", "1 d 1 h", "0 s"]
        );
    }

    #[test]
    fn a_share_is_whole_only_when_it_is() {
        assert_eq!(
            [1_000_000, 999_999, 0, 1, 500_000, 123_456].map(share),
            ["100 %", "99.99 %", "0 %", "under 0.01 %", "50 %", "12.34 %"]
        );
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, -12_345_678].map(count), ["0", "999", "1\u{202f}000", "-12\u{202f}345\u{202f}678"]);
    }

    #[test]
    fn times_show_their_offset() {
        let moment = Moment::new("2026-11-23T10:00:00.1239+01:00".parse().unwrap());
        assert_eq!(
            moment.to_string().trim(),
            r#"<time datetime="2026-11-23T09:00:00.123900Z"><span>2026-11-23</span> <span>09:00:00.123 +00:00</span></time>"#
        );
    }
}
