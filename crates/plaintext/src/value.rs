//! Whether a text can be a credential, or is one of the many things that stand where one could.

use crate::name::Announced;

/// Longest value of a named field, bytes: what is longer is no password.
const LONGEST: usize = 4096;

/// What every value begins with that Plimsoll replaced before it was first written.
pub(crate) const REPLACED: &str = "plimsoll:redacted:";

/// Texts by which people say that the value comes later or from elsewhere.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "change_me",
    "change-me",
    "change me",
    "changeit",
    "change-this",
    "change_this",
    "changethis",
    "example",
    "placeholder",
    "your",
    "replace",
    "redacted",
    "dummy",
    "insert",
    "todo",
    "fixme",
    "sample",
    "fake",
    "not-a-secret",
    "notasecret",
    "not-secret",
    "secretkeyref",
    "valuefrom",
    "getenv",
    "os.environ",
    "process.env",
    "system.getenv",
    "env.",
    "env:",
    "vault:",
    "vault.",
    "ref+",
    "enc[",
    "enc(",
    "op://",
    "ssm:",
    "sops:",
    "arn:aws:",
    "secretsmanager",
    "keyvault",
    "akv@",
    "/secrets/",
    "xxxxx",
    "*****",
    ".....",
    "-----",
    "_____",
    "0000000",
    "1234567890",
    "lorem",
    "ipsum",
    "fill in",
    "fill-in",
    "tbd",
    "removed",
    "hidden",
    "masked",
    "censored",
    "goes-here",
    "goes_here",
    "goes here",
    "<%",
    "%>",
    "${",
    "$(",
    "{{",
    "}}",
    "#{",
    "%{",
    "@@",
    "$env",
    "import-value",
    "fromenv",
    "unset",
    "provided",
];

/// Words that are types, switches and kinds, not values.
const WORDS: &[&str] = &[
    "true",
    "false",
    "none",
    "null",
    "nil",
    "yes",
    "no",
    "on",
    "off",
    "undefined",
    "default",
    "string",
    "str",
    "text",
    "integer",
    "int",
    "bool",
    "boolean",
    "optional",
    "required",
    "disabled",
    "enabled",
    "auto",
    "automatic",
    "random",
    "generate",
    "generated",
    "basic",
    "bearer",
    "oauth2",
    "oauth",
    "plain",
    "md5",
    "scram-sha-256",
    "sha256",
    "sha512",
    "kubernetes",
    "opaque",
    "empty",
    "never",
    "always",
    "any",
    "all",
    "ask",
    "prompt",
    "external",
    "internal",
    "missing",
    "invalid",
    "incorrect",
    "expired",
    "wrong",
    "must",
    "should",
    "is",
    "env",
    "file",
    "file.",
    "jwt",
    "x509",
    "ldap",
    "oidc",
    "saml",
    "password",
    "passwd",
    "pass",
    "secret",
    "token",
    "key",
    "apikey",
    "user",
    "self",
    "this",
    "object",
    "char",
    "varchar",
    "byte",
    "bytes",
    "[]byte",
    "secretstr",
    "securestring",
    "array",
    "list",
    "dict",
    "map",
    "struct",
    "const",
    "var",
    "let",
    "new",
    "return",
    "await",
    "function",
    "input",
    "hash",
    "hashed",
    "encrypted",
    "refused",
    "denied",
];

/// Whether a text is no value, whatever its name says: a reference, a template, a placeholder, a path, a word that is a type.
pub(crate) fn placeholder(value: &str) -> bool {
    let value = value.trim();
    if value.len() < 4 || value.len() > LONGEST || value.contains('\0') || value.contains('\u{fffd}') {
        return true;
    }
    let mut lower = String::with_capacity(value.len());
    lower.extend(value.chars().map(|c| c.to_ascii_lowercase()));
    if WORDS.contains(&lower.as_str())
        || PLACEHOLDERS.iter().any(|text| lower.contains(text))
        || lower.contains(REPLACED)
    {
        return true;
    }
    let bytes = value.as_bytes();
    let first = bytes.first().copied().unwrap_or_default();
    let enclosed = |open: u8, close: u8| first == open && bytes.last() == Some(&close);
    if enclosed(b'<', b'>')
        || enclosed(b'[', b']')
        || enclosed(b'{', b'}')
        || enclosed(b'%', b'%')
        || enclosed(b'_', b'_')
    {
        return true;
    }
    // One character again and again.
    if bytes.iter().all(|b| *b == first) {
        return true;
    }
    if first == b'$'
        && value.len() > 1
        && bytes.iter().skip(1).all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && !crypt_hash(value)
    {
        return true;
    }
    path(value) || uuid(value) || hash_reference(&lower) || number(value)
}

/// Whether the text can be the value of a name that announces this. `loose`: the value was not enclosed in quotes and is of a text without
/// structure, where prose and source code stand as well.
pub(crate) fn credible(announced: Announced, name: &str, value: &str, loose: bool) -> bool {
    let value = value.trim();
    if placeholder(value) || value.eq_ignore_ascii_case(name) {
        return false;
    }
    if loose && (source_code(value) || value.contains("::")) {
        return false;
    }
    if address(value) || hash_of_password(value) {
        return false;
    }
    match announced {
        // People choose words; in prose a word after "password:" is no password.
        Announced::Password => !value.contains('\n') && value.len() <= 256 && !(loose && lower_word(value)),
        Announced::Login => random(value) && !resource_name(value),
        Announced::Token | Announced::Secret | Announced::Key => {
            value.len() >= 8 && !resource_name(value) && (random(value) || (!loose && mixed(value)))
        }
    }
}

/// The value of a header without the word that says what sort it is (`Basic`, `Bearer`).
pub(crate) fn without_scheme(announced: Announced, value: &str) -> &str {
    let value = value.trim();
    if announced != Announced::Login {
        return value;
    }
    match value.split_once(' ') {
        Some((scheme, rest)) if ["basic", "bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
            rest.trim()
        }
        _ => value,
    }
}

/// Bits of information of one character on average (Shannon), by the frequencies in the text itself.
pub(crate) fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = text.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / total).map(|p| -p * p.log2()).sum()
}

/// Letters and digits without a pattern that a person would type.
pub(crate) fn random(value: &str) -> bool {
    let bytes = value.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = bytes.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let spaces = bytes.iter().any(u8::is_ascii_whitespace);
    if spaces || bytes.len() < 8 || letters == 0 {
        return false;
    }
    let cases = bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase);
    (digits >= 2 && entropy(bytes) >= 2.5) || (cases && bytes.len() >= 16 && entropy(bytes) >= 3.5)
}

/// Of at least three sorts of characters, among them no white space.
fn mixed(value: &str) -> bool {
    let has = |test: fn(&u8) -> bool| usize::from(value.as_bytes().iter().any(test));
    !value.contains(char::is_whitespace)
        && has(u8::is_ascii_lowercase)
            + has(u8::is_ascii_uppercase)
            + has(u8::is_ascii_digit)
            + has(|b| b.is_ascii_punctuation() && !matches!(b, b'-' | b'_' | b'.' | b'/' | b':'))
            >= 3
}

/// A hash that stands where a password could, also with the name of its form before it (`{bcrypt}$2a$...`).
fn hash_of_password(value: &str) -> bool {
    let bare = value.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or(value, |(_, rest)| rest);
    crypt_hash(bare) || (value.starts_with('{') && value.to_ascii_lowercase().contains("sha"))
}

/// Whether it is the hash of a password as crypt writes it (`$2y$...`, `$6$...`).
pub(crate) fn crypt_hash(value: &str) -> bool {
    let mut parts = value.split('$');
    parts.next() == Some("")
        && parts.next().is_some_and(|id| {
            matches!(id, "1" | "5" | "6" | "2a" | "2b" | "2y" | "y" | "apr1" | "argon2id" | "argon2i")
        })
        && parts.next().is_some()
}

fn path(value: &str) -> bool {
    let rooted =
        value.starts_with("./") || value.starts_with("../") || value.starts_with("~/") || value.starts_with("file:");
    let absolute = value.starts_with('/') && value.len() < 200 && {
        let parts: Vec<&str> = value.split('/').skip(1).collect();
        // Base64 may begin with a slash too; its parts are long and have capitals in their midst.
        parts.iter().all(|part| {
            part.len() < 40 && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'*'))
        }) && parts.iter().any(|part| {
            part.len() > 1 && part.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'_' | b'-'))
        })
    };
    rooted || absolute
}

fn uuid(value: &str) -> bool {
    let parts: Vec<usize> = value.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn hash_reference(lower: &str) -> bool {
    ["sha256:", "sha1:", "sha512:", "md5:", "sha256-", "sha384-", "sha512-"]
        .iter()
        .any(|prefix| lower.starts_with(prefix))
}

fn number(value: &str) -> bool {
    // Digits alone may be a password of eight and more; with units, dots and colons they are sizes, versions, times and addresses.
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let short = value.len() < 6 && digits == value.len();
    let measure =
        value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b':' | b',' | b'/' | b'-' | b'T' | b'Z'));
    short || (measure && digits < value.len())
}

/// A URL or host and port; passwords in URLs have a rule of their own.
fn address(value: &str) -> bool {
    if let Some((scheme, _)) = value.split_once("://") {
        return scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-'));
    }
    match value.rsplit_once(':') {
        Some((host, port)) => {
            !port.is_empty()
                && port.len() <= 5
                && port.bytes().all(|b| b.is_ascii_digit())
                && host.contains('.')
                && resource_name(host)
        }
        None => false,
    }
}

/// A name as Kubernetes gives them: lower-case words and short random ends with dashes or dots between.
fn resource_name(value: &str) -> bool {
    let parts: Vec<&str> = value.split(['-', '.', '_', '/', ':']).collect();
    let part = |part: &&str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        part.len() <= 24
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && (digits == 0 || part.len() <= 10)
    };
    let words = parts.iter().filter(|part| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_lowercase())).count();
    parts.iter().all(part) && (words >= 2 || (words == 1 && parts.len() >= 2) || (parts.len() == 1 && words == 1))
}

fn lower_word(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b',' | b'!' | b'?' | b'-' | b'_'))
}

/// A call, an index, a member: what stands after `=` in source code.
fn source_code(value: &str) -> bool {
    let begins =
        value.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'$' | b'*' | b'&' | b'@'));
    let call = value.find('(').is_some_and(|at| {
        at > 0
            && value
                .as_bytes()
                .iter()
                .take(at)
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'$'))
    });
    let index = value.ends_with(']') && value.contains('[');
    let member = value.split('.').count() > 1
        && value.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_'));
    let arrow = value.contains("->") || value.contains("=>");
    begins && (call || index || member || arrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_value_is_none() {
        for value in [
            "",
            "abc",
            "changeme",
            "ChangeMe123",
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "$(DB_PASSWORD)",
            "{{ .Values.password }}",
            "<password>",
            "[secret]",
            "xxxxxxxx",
            "********",
            "/run/secrets/db",
            "./token",
            "vault:secret/data/db#password",
            "ENC[AES256_GCM,data:x]",
            "6f1c2d3e-1111-4222-8333-123456789abc",
            "sha256:4bf5122f344554c53bde2ebb8cd2b7e3",
            "true",
            "string",
            "12.5",
            "2026-01-01",
            "plimsoll:redacted:00112233445566778899aabbccddeeff",
            "your-token-here",
            "arn:aws:secretsmanager:eu-west-1:1:secret:x",
        ] {
            assert!(placeholder(value), "{value}");
        }
        for value in ["hunter2!", "Winter2026", "correct horse", "/9j4AAQSkZJRgABAQEASABIAAD", "tr0ub4dor&3"] {
            assert!(!placeholder(value), "{value}");
        }
    }

    #[test]
    fn names_ask_for_what_fits_them() {
        use Announced::{Password, Secret, Token};
        assert!(credible(Password, "password", "hunter", false));
        assert!(!credible(Password, "password", "hunter", true));
        assert!(!credible(Password, "password", "request.form", true));
        assert!(!credible(Password, "password", "getPassword()", true));
        assert!(credible(Token, "token", "k3yb0ardQ9zz81hs", true));
        assert!(!credible(Token, "token", "default-token-x7k2p", false));
        assert!(!credible(Secret, "secret", "web-tls", false));
        assert!(!credible(Secret, "secret", "registry.shop.svc:5000", false));
        assert!(credible(Secret, "secret", "N0tARealOne!x", false));
    }
}
