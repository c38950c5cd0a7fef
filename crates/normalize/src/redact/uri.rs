//! Tokens in the query of a request's URI.

use super::{Redactor, already_redacted};

/// The URI with tokens replaced, and how many there were; `None` when there is none.
pub(super) fn redacted(redactor: &Redactor, uri: &str) -> Option<(String, u32)> {
    let mut values = 0;
    let (path, query) = match uri.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (uri, None),
    };
    let mut out = web_tokens(redactor, path, &mut values);
    if let Some(query) = query {
        out.push('?');
        for (number, pair) in query.split('&').enumerate() {
            if number > 0 {
                out.push('&');
            }
            match pair.split_once('=') {
                Some((name, value)) if names_token(name) && !value.is_empty() && !already_redacted(value) => {
                    values += 1;
                    out.push_str(name);
                    out.push('=');
                    out.push_str(&redactor.replacement(value.as_bytes()));
                }
                _ => out.push_str(&web_tokens(redactor, pair, &mut values)),
            }
        }
    }
    (values > 0).then_some((out, values))
}

/// Whether a parameter is a credential by its name. No parameter of Kubernetes' own API has such a name.
fn names_token(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("token") || name.contains("secret")
}

/// Replaces JSON Web Tokens (three parts of base64url, the first beginning with `eyJ`).
fn web_tokens(redactor: &Redactor, text: &str, values: &mut u32) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let candidate = &rest[at..];
        let end = candidate.find(|c| !part(c) && c != '.').unwrap_or(candidate.len());
        out.push_str(&rest[..at]);
        if candidate[..end].split('.').filter(|p| !p.is_empty()).count() >= 2 {
            *values += 1;
            out.push_str(&redactor.replacement(&candidate.as_bytes()[..end]));
        } else {
            out.push_str(&candidate[..end]);
        }
        rest = &candidate[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_tokens_only() {
        let redactor = Redactor::new([7; 32]);
        let (uri, values) =
            redacted(&redactor, "/api/v1/x?limit=5&access_token=abc&command=eyJhbGci.eyJzdWIi.c2ln").unwrap();
        assert_eq!(values, 2);
        assert!(uri.starts_with("/api/v1/x?limit=5&access_token=plimsoll:redacted:") && !uri.contains("eyJ"), "{uri}");
        assert_eq!(redacted(&redactor, "/api/v1/secrets?continue=eyJ2IjoibWV0YSJ9&limit=5"), None);
        assert_eq!(redacted(&redactor, &uri), None);
    }
}
