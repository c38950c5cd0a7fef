//! Secrets of Kubernetes as manifests: every value is secret whatever its name is, unless it is known to be public.

use crate::decode;
use crate::tree::{Node, Value};
use crate::value;

use super::{Walk, segment};

/// Keys of Secrets whose values are no secrets: who and where, and certificates.
const PUBLIC: &[&str] = &[
    "username",
    "user",
    "login",
    "host",
    "hostname",
    "port",
    "database",
    "dbname",
    "db",
    "ca.crt",
    "tls.crt",
    "ca",
    "namespace",
    "region",
    "type",
    "url",
    "endpoint",
    "schema",
    "scheme",
    "email",
    "issuer",
    "name",
    "client-id",
    "clientId",
    "client_id",
    "bucket",
    "service-ca.crt",
    "sslmode",
];

/// Whether a node is a Secret. Sealed and external ones are not: what they hold is encrypted or a reference.
pub(super) fn is(node: &Node<'_>) -> bool {
    let text = |key: &str| node.member(key).and_then(Node::text);
    text("kind") == Some("Secret") && text("apiVersion").is_none_or(|version| version == "v1")
}

impl Walk<'_, '_> {
    /// The values of a Secret's `data` (in base64) or `stringData`.
    pub(super) fn secret_values(&mut self, values: &Node<'_>, in_base64: bool) {
        let Value::Map(members) = &values.value else { return };
        for (key, member) in members {
            let Some(text) = member.text() else { continue };
            let line = self.line(member.line);
            self.within(&segment(key, false), |walk| {
                walk.piece(member.raw, |walk| walk.secret_value(key, text, line, in_base64));
            });
        }
    }

    fn secret_value(&mut self, key: &str, text: &str, line: u32, in_base64: bool) {
        let before = self.found.count();
        if text.contains(value::REPLACED) || !in_base64 {
            self.content(text, key, line, false);
            if self.found.count() == before && !text.contains(value::REPLACED) {
                self.secret_bytes(key, text.as_bytes(), line);
            }
            return;
        }
        let decoded = decode::base64(text, self.found.decode_left).or_else(|| short(text));
        match decoded {
            Some(bytes) => {
                self.step("|base64", |walk| walk.decoded(&bytes, key, line));
                if self.found.count() == before && !decode::is_gzip(&bytes) {
                    self.within("|base64", |walk| walk.secret_bytes(key, &bytes, line));
                }
            }
            // No base64: a template mostly, which is no value.
            None => self.content(text, key, line, false),
        }
    }

    fn secret_bytes(&mut self, key: &str, bytes: &[u8], line: u32) {
        let bytes = bytes.trim_ascii();
        let text = decode::readable(bytes);
        let public = PUBLIC.contains(&key)
            || bytes.starts_with(b"-----BEGIN CERTIFICATE")
            || bytes.starts_with(b"-----BEGIN PUBLIC KEY")
            || bytes.starts_with(b"ssh-");
        if public
            || bytes.len() < 4
            || bytes.len() > 1 << 20
            || text.is_some_and(|text| value::placeholder(text) && text.len() < 4096)
        {
            return;
        }
        self.report("kubernetes-secret-value".into(), line, bytes);
    }
}

/// Base64 of a value too short to be taken for base64 elsewhere.
fn short(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text.trim()).ok()
}
