//! Texts with `*`.

/// Whether each `*` of the pattern can stand for some characters so that the text comes out. Linear in pattern times text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// As [`matches`] for identities: between two `/`, `*` stands for characters other than `/`; a part that is `**` stands for any
/// number of parts.
pub(crate) fn matches_identity(pattern: &str, text: &str) -> bool {
    let patterns: Vec<&str> = pattern.split('/').collect();
    let parts: Vec<&str> = text.split('/').collect();
    // As for `*` in one part: remember the last `**` and let it take one part more when what follows does not fit.
    let (mut at, mut from) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        match (patterns.get(at), parts.get(from)) {
            (None, None) => return true,
            (Some(&"**"), _) => {
                back = Some((at, from));
                at += 1;
                continue;
            }
            (Some(pattern), Some(part)) if matches(pattern, part) => {
                at += 1;
                from += 1;
                continue;
            }
            _ => {}
        }
        match back {
            Some((pattern, taken)) if taken < parts.len() => {
                back = Some((pattern, taken + 1));
                at = pattern + 1;
                from = taken + 1;
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stays_within_its_part() {
        for (pattern, text, fits) in [
            ("alice@example.com", "alice@example.com", true),
            ("alice@example.com", "alice@example.com.evil", false),
            ("*@example.com", "alice@example.com", true),
            ("*@example.com", "alice@example.com.evil", false),
            ("*@example.com", "x/alice@example.com", false),
            ("https://github.com/acme/*", "https://github.com/acme/web", true),
            ("https://github.com/acme/*", "https://github.com/acme/web/x", false),
            ("https://github.com/acme/*", "https://github.com/acme-evil/web", false),
            (
                "https://github.com/acme/*/.github/workflows/release.yml@refs/tags/*",
                "https://github.com/acme/web/.github/workflows/release.yml@refs/tags/v1",
                true,
            ),
            (
                "https://github.com/acme/*/.github/workflows/release.yml@refs/tags/*",
                "https://github.com/acme/web/evil/.github/workflows/release.yml@refs/tags/v1",
                false,
            ),
            ("https://github.com/acme/**", "https://github.com/acme/web/.github/x@refs/heads/main", true),
            ("https://github.com/acme/**", "https://github.com/acme", true),
            ("https://github.com/acme/**", "https://github.com/evil/acme/web", false),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("a/**/z", "a/b/z/c", false),
            ("a/**/b/**/z", "a/b/x/b/y/z", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches_identity(pattern, text), fits, "{pattern} {text}");
        }
    }

    /// The definition, without regard to time.
    fn by_definition(pattern: &[&str], parts: &[&str]) -> bool {
        match (pattern.split_first(), parts.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => (0..=parts.len()).any(|taken| by_definition(rest, &parts[taken..])),
            (Some((first, rest)), Some((part, others))) => matches(first, part) && by_definition(rest, others),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_is_as_defined(pattern in "([ab*]|/|\\*\\*){0,8}", text in "[ab/]{0,8}") {
            let (patterns, parts): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), text.split('/').collect());
            prop_assert_eq!(matches_identity(&pattern, &text), by_definition(&patterns, &parts));
        }

        #[test]
        fn a_text_without_stars_fits_itself_only(a in "[a-c/@.]{0,12}", b in "[a-c/@.]{0,12}") {
            prop_assert_eq!(matches_identity(&a, &b), a == b);
        }
    }
}
