//! RE2's syntax to that of the `regex` crate.

use std::fmt::Write as _;

/// Repetitions above this are refused, as RE2 does.
const MAX_REPEAT: u32 = 1000;

/// The rewritten pattern and its weight: about how many states a search has to follow at each character.
pub(super) fn to_regex(pattern: &str) -> Result<(String, u64), String> {
    let mut rewriter = Rewriter {
        rest: pattern,
        out: String::with_capacity(pattern.len() + 8),
        repeated: false,
        total: 0,
        groups: Vec::new(),
        last: 0,
    };
    while let Some(character) = rewriter.next() {
        let repeats = rewriter.one(character)?;
        if repeats && rewriter.repeated {
            return Err("a repetition is repeated".to_owned());
        }
        rewriter.repeated = repeats;
        if repeats && rewriter.rest.starts_with('?') {
            // The lazy form, which is part of the same repetition.
            rewriter.next();
            rewriter.out.push('?');
        }
    }
    Ok((rewriter.out, rewriter.total))
}

struct Rewriter<'p> {
    rest: &'p str,
    out: String,
    /// Whether the last thing was a repetition.
    repeated: bool,
    /// The weight so far.
    total: u64,
    /// The weight before each group that is open.
    groups: Vec<u64>,
    /// The weight of the last thing, which a repetition multiplies.
    last: u64,
}

impl Rewriter<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    /// Rewrites what begins with the character; says whether it was a repetition.
    fn one(&mut self, character: char) -> Result<bool, String> {
        match character {
            '(' => self.groups.push(self.total),
            ')' => self.last = self.total - self.groups.pop().unwrap_or(self.total),
            '{' | '*' | '+' | '?' | '|' => {}
            _ => {
                // A class is several ranges, and one of Unicode's is hundreds.
                let unicode = self.rest.starts_with(['p', 'P']) && character == '\\';
                self.last = if unicode {
                    64
                } else if matches!(character, '[' | '.' | '\\') {
                    4
                } else {
                    1
                };
                self.total = self.total.saturating_add(self.last);
            }
        }
        match character {
            '\\' => self.escape(false)?,
            '[' => self.class()?,
            '(' if self.rest.starts_with('?') => self.group()?,
            '{' => return self.brace(),
            '*' | '+' | '?' => {
                self.out.push(character);
                return Ok(true);
            }
            other => self.out.push(other),
        }
        Ok(false)
    }

    fn literal(&mut self, character: char) {
        let mut buffer = [0; 4];
        self.out.push_str(&regex::escape(character.encode_utf8(&mut buffer)));
    }

    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let letter = self.next().ok_or("it ends in a backslash")?;
        let class = |inside: &str, negated: bool| if negated { format!("[^{inside}]") } else { format!("[{inside}]") };
        match letter {
            'd' | 'D' => self.out.push_str(&class("0-9", letter == 'D')),
            'w' | 'W' => self.out.push_str(&class("0-9A-Za-z_", letter == 'W')),
            's' | 'S' => self.out.push_str(&class("\\t\\n\\x0C\\r ", letter == 'S')),
            'b' | 'B' if !in_class => {
                let _ = write!(self.out, "(?-u:\\{letter})");
            }
            'Q' if !in_class => {
                let (quoted, after) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.out.push_str(&regex::escape(quoted));
                self.rest = after;
            }
            'A' | 'z' if !in_class => {
                self.out.push('\\');
                self.out.push(letter);
            }
            'a' | 'f' | 't' | 'n' | 'r' | 'v' | 'x' | 'p' | 'P' => {
                self.out.push('\\');
                self.out.push(letter);
            }
            '0'..='7' => {
                let more = self.rest.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
                if letter != '0' && more == 0 {
                    return Err(format!("\\{letter} refers back, which is not supported"));
                }
                let digits = format!("{letter}{}", &self.rest[..more]);
                self.rest = &self.rest[more..];
                let code = u32::from_str_radix(&digits, 8).map_err(|_| "an octal escape is malformed")?;
                let _ = write!(self.out, "\\x{{{code:X}}}");
            }
            other if other.is_ascii_punctuation() => self.literal(other),
            other => return Err(format!("\\{other} is no escape")),
        }
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.next();
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let character = self.next().ok_or("a [ is not closed")?;
            match character {
                ']' if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                '[' if self.rest.starts_with(':') => match self.rest.split_once(":]") {
                    Some((name, after)) if name[1..].chars().all(|c| c.is_ascii_lowercase() || c == '^') => {
                        let _ = write!(self.out, "[{name}:]");
                        self.rest = after;
                    }
                    _ => self.out.push_str("\\["),
                },
                '\\' => self.escape(true)?,
                // Operators between sets in the regex crate when doubled.
                '[' | ']' | '&' | '~' => {
                    self.out.push('\\');
                    self.out.push(character);
                }
                '-' if self.rest.starts_with('-') => self.out.push_str("\\-"),
                other => self.out.push(other),
            }
            first = false;
        }
    }

    fn group(&mut self) -> Result<(), String> {
        let known = ["?:", "?P<", "?<"];
        if self.rest.starts_with("?<=") || self.rest.starts_with("?<!") {
            return Err("looking behind is not supported".to_owned());
        }
        if !known.iter().any(|k| self.rest.starts_with(k)) {
            let flags = self.rest[1..].chars().take_while(|c| !matches!(c, ':' | ')'));
            if flags.into_iter().any(|c| !matches!(c, 'i' | 'm' | 's' | 'U' | '-')) {
                return Err("a group has flags other than i, m, s and U, or looks ahead".to_owned());
            }
        }
        self.out.push_str("(?");
        self.next();
        Ok(())
    }

    /// `{n}`, `{n,}` and `{n,m}` repeat; any other brace is a brace.
    fn brace(&mut self) -> Result<bool, String> {
        let inner = self.rest.split_once('}').map(|(inner, _)| inner);
        let is_count = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let repeat = inner.filter(|inner| match inner.split_once(',') {
            None => is_count(inner),
            Some((least, most)) => is_count(least) && (most.is_empty() || is_count(most)),
        });
        let Some(inner) = repeat else {
            self.out.push_str("\\{");
            return Ok(false);
        };
        let too_many = |count: &str| !count.is_empty() && count.parse::<u32>().map_or(true, |n| n > MAX_REPEAT);
        if inner.split(',').any(too_many) {
            return Err(format!("a repetition is of more than {MAX_REPEAT} times"));
        }
        let times = inner.split(',').filter_map(|n| n.parse::<u64>().ok()).max().unwrap_or(1);
        self.total = self.total.saturating_add(self.last.saturating_mul(times));
        self.last = self.last.saturating_mul(times.max(1));
        let _ = write!(self.out, "{{{inner}}}");
        self.rest = &self.rest[inner.len() + 1..];
        Ok(true)
    }
}
