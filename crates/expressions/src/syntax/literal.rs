//! Values of literals, by the escapes of cel-spec ("String and Bytes Values").

/// The value of a string literal with its prefix and quotes.
pub(super) fn text(literal: &str) -> Result<String, String> {
    let (raw, body) = body(literal);
    if raw {
        return Ok(body);
    }
    let mut out = String::with_capacity(body.len());
    let mut rest = body.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match escape(&mut rest)? {
            Escape::Character(c) => out.push(c),
            Escape::Code(code) => out.push(char::from_u32(code).ok_or_else(|| format!("U+{code:X} is no character"))?),
        }
    }
    Ok(out)
}

/// The value of a bytes literal with its prefix and quotes.
pub(super) fn bytes(literal: &str) -> Result<Vec<u8>, String> {
    let (raw, body) = body(&literal[1..]);
    if raw {
        return Ok(body.into_bytes());
    }
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body.chars();
    let mut buffer = [0; 4];
    while let Some(character) = rest.next() {
        if character != '\\' {
            out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            continue;
        }
        if matches!(rest.clone().next(), Some('u' | 'U')) {
            return Err("\\u and \\U are not for bytes".to_owned());
        }
        match escape(&mut rest)? {
            Escape::Character(c) => out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
            Escape::Code(code) => {
                out.push(u8::try_from(code).map_err(|_| format!("\\{code:o} is more than one byte"))?)
            }
        }
    }
    Ok(out)
}

/// Whether it is raw, and what is between the quotes, with line ends as `\n`.
fn body(literal: &str) -> (bool, String) {
    let raw = literal.starts_with(['r', 'R']);
    let quoted = if raw { &literal[1..] } else { literal };
    let quotes = if quoted.len() >= 6 && (quoted.starts_with("'''") || quoted.starts_with("\"\"\"")) { 3 } else { 1 };
    let inner = quoted.get(quotes..quoted.len().saturating_sub(quotes)).unwrap_or_default();
    (raw, inner.replace("\r\n", "\n").replace('\r', "\n"))
}

enum Escape {
    Character(char),
    /// By number: a code point in a string, a byte in bytes.
    Code(u32),
}

fn escape(rest: &mut std::str::Chars<'_>) -> Result<Escape, String> {
    let Some(letter) = rest.next() else {
        return Err("nothing follows the backslash".to_owned());
    };
    Ok(Escape::Character(match letter {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' | '?' | '"' | '\'' | '`' => letter,
        'x' | 'X' => return code(rest, 2, 16, 0),
        'u' => return code(rest, 4, 16, 0),
        'U' => return code(rest, 8, 16, 0),
        '0'..='3' => return code(rest, 2, 8, letter as u32 - '0' as u32),
        other => return Err(format!("\\{other} is no escape")),
    }))
}

fn code(rest: &mut std::str::Chars<'_>, digits: usize, radix: u32, first: u32) -> Result<Escape, String> {
    let mut value = first;
    for _ in 0..digits {
        let digit = rest.next().and_then(|c| c.to_digit(radix)).ok_or("the escape has too few digits")?;
        value = value.wrapping_mul(radix) + digit;
    }
    Ok(Escape::Code(value))
}
