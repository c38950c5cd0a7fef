//! Lengths of time as Go writes them (`time.ParseDuration`): `1h30m`, `0`, `1.5h`.

/// Whole seconds, rounded down; `None` when the text is no length of time, or a negative one.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0f64;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = next;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within range")]
    (0.0..9e15).contains(&total).then_some(total as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, expected) in [
            ("1h0m0s", Some(3600)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("1.5h", Some(5400)),
            ("90m", Some(5400)),
            ("500ms", Some(0)),
            ("+2s", Some(2)),
            ("", None),
            ("h", None),
            ("1", None),
            ("1d", None),
            ("-1h", None),
            ("1h ", None),
            ("1.2.3h", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_does_no_harm(text in "[0-9.hmsuµn+-]{0,30}") {
            let _ = seconds(&text);
        }
    }
}
