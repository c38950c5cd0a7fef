//! What the name of a field, variable or flag says about its value.

/// What kind of credential a name announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Announced {
    /// A password, which may be weak.
    Password,
    /// A token.
    Token,
    /// A key.
    Key,
    /// Called a secret, without more.
    Secret,
    /// Whatever authenticates, such as `user:password` in base64.
    Login,
}

impl Announced {
    /// The rule's name in findings.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Password => "named-password",
            Self::Token => "named-token",
            Self::Key => "named-key",
            Self::Secret => "named-secret",
            Self::Login => "named-login",
        }
    }
}

/// Longest name that is looked at, bytes.
pub(crate) const LONGEST: usize = 120;

/// Words at the end of a name that say nothing about what the value is.
const SILENT_ENDS: &[&str] = &[
    "value",
    "plain",
    "plaintext",
    "base64",
    "b64",
    "string",
    "str",
    "dev",
    "prod",
    "production",
    "staging",
    "test",
    "default",
    "old",
    "new",
    "current",
    "previous",
    "primary",
    "secondary",
    "text",
    "data",
];

const PASSWORDS: &[&str] =
    &["password", "passwd", "passphrase", "passcode", "pwd", "pass", "pw", "passwort", "userpassword"];
const PASSWORD_ENDS: &[&str] = &["password", "passwd", "passphrase", "pwd", "pass", "requirepass"];
/// Ordinary words that end like one of those.
const NO_PASSWORDS: &[&str] =
    &["bypass", "compass", "surpass", "overpass", "underpass", "trespass", "encompass", "forcepass"];
const KEY_OWNERS: &[&str] = &[
    "api",
    "access",
    "secret",
    "private",
    "encryption",
    "signing",
    "master",
    "account",
    "storage",
    "license",
    "admin",
    "auth",
    "app",
    "application",
    "deploy",
    "ssh",
    "session",
    "cookie",
    "crypt",
    "jwt",
    "hmac",
    "aes",
    "sas",
    "webhook",
    "subscription",
    "function",
    "in",
    "nonce",
    "shared",
    "client",
    "consumer",
    "service",
    "server",
    "write",
    "connection",
    "cipher",
    "django",
    "crypto",
    "enc",
    "decryption",
];
const KEYS: &[&str] = &[
    "apikey",
    "secretkey",
    "accesskey",
    "privatekey",
    "authkey",
    "encryptionkey",
    "signingkey",
    "masterkey",
    "accountkey",
    "secretaccesskey",
    "cryptkey",
    "sharedkey",
    "sharedaccesskey",
    "salt",
];
const LOGINS: &[&str] = &["auth", "authorization", "credential", "credentials", "creds", "cred"];

/// What the name announces; `None` when it announces nothing that is secret, or something about a secret that is not secret itself (its
/// name, its file, its length).
pub(crate) fn announced(name: &str) -> Option<Announced> {
    if name.len() > LONGEST {
        return None;
    }
    let words = words(name);
    let mut words = words.as_slice();
    while let Some((last, before)) = words.split_last() {
        let silent = SILENT_ENDS.contains(&last.as_str()) || last.bytes().all(|b| b.is_ascii_digit());
        if !silent || before.is_empty() {
            break;
        }
        words = before;
    }
    let (last, before) = words.split_last()?;
    // `password2` is a password.
    let last = match last.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "" => last.as_str(),
        word => word,
    };
    let previous = before.last().map(String::as_str);
    if PASSWORDS.contains(&last) {
        return Some(Announced::Password);
    }
    if last.len() > 3 && PASSWORD_ENDS.iter().any(|end| last.ends_with(end)) && !NO_PASSWORDS.contains(&last) {
        return Some(Announced::Password);
    }
    if last == "token" || (last.ends_with("token") && last.len() > 5) {
        return Some(Announced::Token);
    }
    if KEYS.contains(&last) || (last == "key" && previous.is_some_and(|owner| KEY_OWNERS.contains(&owner))) {
        return Some(Announced::Key);
    }
    if last.ends_with("apikey") || last.ends_with("secretkey") || last.ends_with("accesskey") {
        return Some(Announced::Key);
    }
    // `client-key-data` of a kubeconfig comes without `data` here.
    if last == "secret" || last.ends_with("clientsecret") || last.ends_with("appsecret") {
        return Some(Announced::Secret);
    }
    LOGINS.contains(&last).then_some(Announced::Login)
}

/// The words of a name in lower case: apart at everything but letters and digits, and where capitals begin a word.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let bytes = name.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(b' ');
        let after = bytes.get(at + 1).copied().unwrap_or(b' ');
        let begins = byte.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || (before.is_ascii_uppercase() && after.is_ascii_lowercase()));
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.push(char::from(byte.to_ascii_lowercase()));
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_values_announce_and_names_about_them_do_not() {
        use Announced::{Key, Login, Password, Secret, Token};
        for (name, expected) in [
            ("DB_PASSWORD", Some(Password)),
            ("dbPassword", Some(Password)),
            ("MYSQL_ROOT_PASSWORD", Some(Password)),
            ("spring.datasource.password", Some(Password)),
            ("PGPASSWORD", Some(Password)),
            ("requirepass", Some(Password)),
            ("--db-pass", Some(Password)),
            ("password2", Some(Password)),
            ("AWS_SECRET_ACCESS_KEY", Some(Key)),
            ("apiKey", Some(Key)),
            ("APIKey", Some(Key)),
            ("AccountKey", Some(Key)),
            ("SECURE_AUTH_SALT", Some(Key)),
            ("githubToken", Some(Token)),
            ("_authToken", Some(Token)),
            ("clientSecret", Some(Secret)),
            ("CLIENT_SECRET_VALUE", Some(Secret)),
            ("auth", Some(Login)),
            ("passwordFile", None),
            ("PASSWORD_MIN_LENGTH", None),
            ("secretName", None),
            ("existingSecretPasswordKey", None),
            ("tokenReviews", None),
            ("secrets", None),
            ("bypass", None),
            ("key", None),
            ("access_key_id", None),
            ("imagePullSecrets", None),
            ("", None),
            ("---", None),
        ] {
            assert_eq!(announced(name), expected, "{name}");
        }
    }
}
