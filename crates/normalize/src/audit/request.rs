//! What the URI of a request tells: path, dry run, command.

use std::borrow::Cow;

use crate::json::quote;

/// Path and query of a request's URI.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestUri<'a> {
    pub(crate) path: &'a str,
    query: &'a str,
}

impl<'a> RequestUri<'a> {
    pub(crate) fn of(uri: &'a str) -> Self {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        Self { path, query }
    }

    /// The values of a parameter, decoded.
    fn values(self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(move |(key, _)| decoded(key) == name)
            .map(|(_, value)| decoded(value))
    }

    /// Whether the query asks for a dry run (`dryRun=All`).
    pub(crate) fn dry_run(self) -> bool {
        self.values("dryRun").any(|value| value == "All")
    }

    /// The command of an exec or attach as a JSON array; `None` when there is none.
    pub(crate) fn command_json(self) -> Option<String> {
        let mut out = String::from("[");
        for part in self.values("command") {
            if out.len() > 1 {
                out.push(',');
            }
            quote(&part, &mut out);
        }
        (out.len() > 1).then(|| out + "]")
    }
}

/// Percent escapes and `+` resolved (the form of a query); what is no valid escape stays.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| matches!(b, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands_and_dry_runs() {
        let uri = RequestUri::of(
            "/api/v1/namespaces/a/pods/b/exec?command=sh&command=-c&command=echo+%22x%26y%22&stdin=true",
        );
        assert_eq!(uri.command_json().unwrap(), r#"["sh","-c","echo \"x&y\""]"#);
        assert!(!uri.dry_run() && RequestUri::of("/x?fieldManager=k&dryRun=%41ll").dry_run());
        assert_eq!(RequestUri::of("/x?command").command_json(), None);
        assert_eq!(decoded("%zz%4"), "%zz%4");
    }
}
