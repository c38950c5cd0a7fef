//! What is looked at again in a match: claims of tokens, logins in base64, texts that stand for a value.

use std::borrow::Cow;

use crate::tree::json;
use crate::{decode, value};

/// The kind of a match of a rule; `None` when it is no credential after all.
pub(crate) fn kind(rule: &str, secret: &[u8]) -> Option<Cow<'static, str>> {
    let text = std::str::from_utf8(secret).unwrap_or_default();
    match rule {
        "json-web-token" => return token(text),
        "basic-authorization" => {
            let login = decode::base64(text, 4096)?;
            let (_, password) = decode::readable(&login)?.split_once(':')?;
            return (!value::placeholder(password)).then_some(Cow::Borrowed("basic-authorization"));
        }
        // Hashes of passwords and armoured keys have forms that placeholders have too.
        "htpasswd-line" => {}
        _ if secret.starts_with(b"-----") || secret.len() > 256 => {}
        _ if value::placeholder(text) => return None,
        _ => {}
    }
    Some(Cow::Owned(rule.to_owned()))
}

/// A JSON Web Token by its header and claims.
fn token(text: &str) -> Option<Cow<'static, str>> {
    let mut parts = text.split('.');
    let mut part = || decode::base64(parts.next()?, 1 << 16);
    let (header, claims) = (part()?, part()?);
    let header = std::str::from_utf8(&header).ok()?;
    json::parse(header)?.member("alg")?;
    let Some(claims) = std::str::from_utf8(&claims).ok().and_then(json::parse) else {
        return Some(Cow::Borrowed("json-web-token"));
    };
    // The subject of the example that everyone copies.
    if claims.member("sub").and_then(|sub| sub.text()) == Some("1234567890") {
        return None;
    }
    let issuer = claims.member("iss").and_then(|issuer| issuer.text()).unwrap_or_default();
    let of_kubernetes = claims.member("kubernetes.io").is_some() || issuer == "kubernetes/serviceaccount";
    Some(Cow::Borrowed(if of_kubernetes { "kubernetes-service-account-token" } else { "json-web-token" }))
}
