//! The test that most events pass without being read.

use std::sync::LazyLock;

use memchr::memmem::Finder;

static SECRET: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ecret"));
static TOKEN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("oken"));
static JWT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("eyJ"));
static ESCAPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\u00"));

/// Whether the bytes could hold a secret value at all.
///
/// Every place in [`crate::redact`] needs one of the words `secrets`, `Secret`, `token`, `Token` or a JSON Web Token (`eyJ`)
/// beside it, or one of those words hidden behind escapes of letters (`\u0053`). Escapes of other characters (`\u0026` in a URI) are
/// common and do not count.
#[must_use]
pub fn may_hold_secret_values(bytes: &[u8]) -> bool {
    SECRET.find(bytes).is_some()
        || TOKEN.find(bytes).is_some()
        || JWT.find(bytes).is_some()
        || ESCAPE.find_iter(bytes).any(|at| matches!(bytes.get(at + 4), Some(b'4'..=b'7')))
}

/// Whether a body could hold an object of kind Secret or a token object, by the words of kinds; see [`may_hold_secret_values`].
pub(super) fn may_hold_secret_object(bytes: &[u8]) -> bool {
    static KIND: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("Secret"));
    static TOKEN_KIND: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("TokenRe"));
    KIND.find_iter(bytes).any(|at| matches!(bytes.get(at + 6), Some(b'"' | b'\\' | b'L')))
        || TOKEN_KIND.find(bytes).is_some()
        || ESCAPE.find_iter(bytes).any(|at| matches!(bytes.get(at + 4), Some(b'4'..=b'7')))
}
