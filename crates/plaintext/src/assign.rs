//! Names with values beside them, in text that may have any form: `name = value`, `"name": "value"`, `<name>value</name>`, `--name value`,
//! `define('name', 'value')`, `name="name" value="value"`.

use std::ops::Range;

/// Longest value that is read, bytes.
const LONGEST_VALUE: usize = 4096;
/// Longest value without quotes around it.
const LONGEST_BARE: usize = 1024;
/// So many characters may stand between a name and its value.
const GAP: usize = 120;

/// A name and the value beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assigned {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
    /// Whether the value is enclosed in quotes or tags.
    pub(crate) enclosed: bool,
    /// Whether more words follow an unenclosed value after a colon, as in prose.
    pub(crate) prose: bool,
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(b'\n')
}

fn of_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

/// The name that this part of it belongs to; `None` when it is too long for a name.
pub(crate) fn name_around(bytes: &[u8], part: &Range<usize>) -> Option<Range<usize>> {
    let most = crate::name::LONGEST;
    let (mut start, mut end) = (part.start, part.end);
    // A part may end with the quote or sign that follows the name.
    while end > start && !of_name(byte(bytes, end - 1)) {
        end -= 1;
    }
    while start > 0 && of_name(byte(bytes, start - 1)) {
        start -= 1;
        if part.end - start > most {
            return None;
        }
    }
    // `\nname` within a string of JSON: the letter belongs to the escape.
    if start > 0 && byte(bytes, start - 1) == b'\\' && matches!(byte(bytes, start), b'n' | b't' | b'r') {
        start += 1;
    }
    while of_name(byte(bytes, end)) {
        end += 1;
        if end - start > most {
            return None;
        }
    }
    (start < end && start <= part.start).then_some(start..end)
}

/// The value beside a name; `None` when there is none in one of the forms.
pub(crate) fn beside(bytes: &[u8], name: &Range<usize>) -> Option<Assigned> {
    let flag = byte(bytes, name.start) == b'-';
    let before = if name.start > 0 { byte(bytes, name.start - 1) } else { b'\n' };
    let tag = before == b'<';
    let mut at = name.end;
    let limit = name.end + GAP;
    let mut closed = false;
    while matches!(byte(bytes, at), b'\\' | b'"' | b'\'' | b'`' | b']' | b')') && at < limit {
        // A line break in a string of JSON is no quote.
        if byte(bytes, at) == b'\\' && !matches!(byte(bytes, at + 1), b'\\' | b'"' | b'\'') {
            return None;
        }
        closed |= matches!(byte(bytes, at), b'"' | b'\'' | b'`');
        at += 1;
    }
    let spaced = at;
    at = blanks(bytes, at, limit);
    let mut colon = false;
    if tag {
        // Attributes may follow the name of the element.
        while at < limit && !matches!(byte(bytes, at), b'>' | b'\n') {
            at += 1;
        }
        if byte(bytes, at) != b'>' || byte(bytes, at.saturating_sub(1)) == b'/' {
            return None;
        }
        return enclosed_by_tags(bytes, name, at + 1);
    }
    match byte(bytes, at) {
        b'=' if matches!(byte(bytes, at + 1), b'=' | b'~') => return None,
        b'%' if matches!(bytes.get(at..at + 3), Some(b"%3D" | b"%3d")) => at += 3,
        b'=' => at += if byte(bytes, at + 1) == b'>' { 2 } else { 1 },
        b':' if byte(bytes, at + 1) == b':' => return None,
        b':' => {
            at += if byte(bytes, at + 1) == b'=' { 2 } else { 1 };
            colon = true;
        }
        b'>' if closed => return enclosed_by_tags(bytes, name, at + 1),
        b',' if closed => return after_comma(bytes, name, at + 1, limit),
        b'v' if closed && bytes.get(at..at + 6) == Some(b"value=") => at += 6,
        _ if at > spaced && (flag || command_before(bytes, name.start)) => {}
        _ => return None,
    }
    at = blanks(bytes, at, limit);
    value(bytes, name, at, colon)
}

/// What follows a name and a comma: the second argument of a call, the argument of a flag, or the value of a pair in JSON
/// (`"name":"NAME","value":"x"`). In a list of words the next word is no value.
fn after_comma(bytes: &[u8], name: &Range<usize>, at: usize, limit: usize) -> Option<Assigned> {
    let at = blanks(bytes, at, limit);
    let next = value(bytes, name, at, false).filter(|next| next.enclosed)?;
    let mut after = next.value.end;
    while matches!(byte(bytes, after), b'\\' | b'"' | b'\'') && after < next.value.end + 16 {
        after += 1;
    }
    let after = blanks(bytes, after, after + GAP);
    if byte(bytes, after) == b':' {
        let key = bytes.get(next.value.clone())?;
        let pair = crate::walk::VALUES.iter().any(|known| known.as_bytes() == key);
        return pair.then(|| value(bytes, name, blanks(bytes, after + 1, after + GAP), false)).flatten();
    }
    let before = bytes.get(..name.start)?.trim_ascii_end();
    let before =
        before.iter().rposition(|b| !matches!(b, b'"' | b'\'' | b'\\' | b'`' | b' ')).and_then(|at| before.get(at));
    (byte(bytes, name.start) == b'-' || before == Some(&b'(')).then_some(next)
}

fn blanks(bytes: &[u8], mut at: usize, limit: usize) -> usize {
    while matches!(byte(bytes, at), b' ' | b'\t') && at < limit {
        at += 1;
    }
    at
}

/// `ENV NAME value` of a Dockerfile, `setenv NAME value`, `setx NAME value`.
fn command_before(bytes: &[u8], name: usize) -> bool {
    let from = name.saturating_sub(8);
    let before = bytes.get(from..name).unwrap_or_default();
    ["ENV ", "ARG ", "setenv ", "setx "].iter().any(|command| before.ends_with(command.as_bytes()))
}

fn enclosed_by_tags(bytes: &[u8], name: &Range<usize>, start: usize) -> Option<Assigned> {
    let most = bytes.len().min(start + LONGEST_VALUE);
    let end = start + memchr::memchr2(b'<', b'\n', bytes.get(start..most)?)?;
    if bytes.get(end) != Some(&b'<') {
        return None;
    }
    // Character data of its own: `<![CDATA[x]]>`.
    if end == start && bytes.get(start..start + 9) == Some(b"<![CDATA[") {
        let inner = start + 9;
        let end = inner + memchr::memmem::find(bytes.get(inner..most)?, b"]]>")?;
        return Some(Assigned { name: name.clone(), value: inner..end, enclosed: true, prose: false });
    }
    Some(Assigned { name: name.clone(), value: start..end, enclosed: true, prose: false })
}

fn value(bytes: &[u8], name: &Range<usize>, mut at: usize, colon: bool) -> Option<Assigned> {
    // Prefixes of strings: r"", b"", u'', @"".
    if matches!(byte(bytes, at), b'r' | b'b' | b'u' | b'f' | b'L' | b'@') && matches!(byte(bytes, at + 1), b'"' | b'\'')
    {
        at += 1;
    }
    let escapes = bytes.get(at..)?.iter().take(16).take_while(|b| **b == b'\\').count();
    let quote = byte(bytes, at + escapes);
    if matches!(quote, b'"' | b'\'' | b'`') {
        let start = at + escapes + 1;
        let end = closing(bytes, start, quote, escapes)?;
        return Some(Assigned { name: name.clone(), value: start..end, enclosed: true, prose: false });
    }
    if escapes > 0 {
        return None;
    }
    let start = at;
    let most = bytes.len().min(start + LONGEST_BARE);
    let stops = |b: u8| {
        b.is_ascii_whitespace()
            || matches!(b, b'"' | b'\'' | b'<' | b'>' | b',' | b';' | b')' | b']' | b'}' | b'|' | b'`' | b'&')
    };
    while at < most {
        let b = byte(bytes, at);
        // Templates and references are taken whole, so that they are seen to be such.
        if matches!(b, b'{' | b'(' | b'<') && at <= start + 1 {
            let line = bytes.get(at..most)?;
            let end = line.iter().position(|b| matches!(b, b'\n' | b'"')).map_or(most, |length| at + length);
            return Some(Assigned { name: name.clone(), value: start..end, enclosed: false, prose: false });
        }
        if stops(b) || (b == b'\\' && matches!(byte(bytes, at + 1), b'n' | b'r' | b't' | b'"')) {
            break;
        }
        at += 1;
    }
    if at == start {
        return None;
    }
    let rest = bytes.get(at..most)?;
    let words = rest.iter().take_while(|b| **b != b'\n').skip_while(|b| b.is_ascii_whitespace()).take(3);
    let prose = colon && byte(bytes, at) == b' ' && words.filter(|b| b.is_ascii_alphabetic()).count() >= 1;
    Some(Assigned { name: name.clone(), value: start..at, enclosed: false, prose })
}

/// Where the quote closes that was opened behind so many escapes.
fn closing(bytes: &[u8], start: usize, quote: u8, escapes: usize) -> Option<usize> {
    let most = bytes.len().min(start + LONGEST_VALUE);
    let mut at = start;
    let mut run = 0;
    while at < most {
        let b = byte(bytes, at);
        match b {
            b'\\' => run += 1,
            b'\n' => return None,
            _ if b == quote && run <= escapes => return Some(at - run.min(escapes)),
            _ => run = 0,
        }
        // Outside of any escape a backslash takes the next character with it.
        if escapes == 0 && b == b'\\' {
            at += 1;
            run = 0;
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<(&str, &str, bool, bool)> {
        let lower = text.to_ascii_lowercase();
        let at = lower.find("pass")?;
        let name = name_around(text.as_bytes(), &(at..at + 4))?;
        let found = beside(text.as_bytes(), &name)?;
        Some((&text[found.name], &text[found.value], found.enclosed, found.prose))
    }

    #[test]
    fn each_form_of_an_assignment_is_read() {
        for (text, expected) in [
            ("DB_PASSWORD=abc", ("DB_PASSWORD", "abc", false, false)),
            ("db.password = abc # x", ("db.password", "abc", false, false)),
            ("  \"password\": \"a\\\"c\",", ("password", "a\\\"c", true, false)),
            ("{\\\"password\\\":\\\"abc\\\"}", ("password", "abc", true, false)),
            ("password: abc\n", ("password", "abc", false, false)),
            ("the password: must be long", ("password", "must", false, true)),
            ("<password>a c</password>", ("password", "a c", true, false)),
            ("<Pass encoding=\"base64\">YWJj</Pass>", ("Pass", "YWJj", true, false)),
            ("<property name=\"db.password\">abc</property>", ("db.password", "abc", true, false)),
            ("<add key=\"Password\" value=\"abc\"/>", ("Password", "abc", true, false)),
            ("define('DB_PASSWORD', 'abc');", ("DB_PASSWORD", "abc", true, false)),
            ("$config['password'] = 'abc';", ("password", "abc", true, false)),
            ("'password' => 'abc',", ("password", "abc", true, false)),
            ("run --password abc --x", ("--password", "abc", false, false)),
            ("ENV DB_PASS abc", ("DB_PASS", "abc", false, false)),
            ("{\"name\":\"DB_PASS\",\"value\":\"abc\"}", ("DB_PASS", "abc", true, false)),
            ("[\"--password\", \"abc\"]", ("--password", "abc", true, false)),
            ("Server=x;Password=abc;Db=y", ("Password", "abc", false, false)),
            ("password = {{ .Values.x }}", ("password", "{{ .Values.x }}", false, false)),
            ("a: 1\\npassword: abc\\nb", ("password", "abc", false, false)),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in [
            "password",
            "password == 'x'",
            "password::new",
            "if password {",
            "password,",
            "the password is abc",
            "password:\n",
            "[\"password\", \"username\"]",
            "{\"a\":\"password\",\"kind\":\"abc\"}",
            "<password/>",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends_within_its_bounds(text in "[a-z=:<>\"'\\\\ ,\\n-]{0,40}pass[a-z=:<>\"'\\\\ ,(){}é\\n-]{0,60}") {
            let bytes = text.as_bytes();
            for at in memchr::memmem::find_iter(bytes, b"pass") {
                if let Some(name) = name_around(bytes, &(at..at + 4)) {
                    prop_assert!(bytes.get(name.clone()).is_some());
                    if let Some(found) = beside(bytes, &name) {
                        prop_assert!(bytes.get(found.value.clone()).is_some() && found.value.start >= found.name.end);
                    }
                }
            }
        }
    }
}
