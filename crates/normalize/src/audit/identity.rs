//! What tells one audit event from another.
//!
//! An `auditID` is chosen by the caller (header `Audit-ID`), so it is no key. An event's identity is its source, its audit
//! ID, its stage and the digest of its bytes; the same audit ID and stage with other bytes is a finding, not a duplicate.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::audit::envelope::{Carried, recognise};
use crate::audit::fields::text;
use crate::json::Json;

/// The identity of one event within its source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// `auditID`; `None` when the event has none or cannot be read.
    pub audit_id: Option<String>,
    /// `stage`; `None` when the event has none or cannot be read.
    pub stage: Option<String>,
    /// [`event_digest`] of the bytes.
    pub digest: [u8; 32],
}

/// SHA-256 of the event without a leading pair of `kind` and `apiVersion` and without white space around it.
///
/// An item of a webhook's `EventList` carries no such pair, the line of the log file does; otherwise both are written by
/// the same encoder. So this digest is equal for the same event by both ways.
#[must_use]
pub fn event_digest(bytes: &[u8]) -> [u8; 32] {
    let bytes = Json::of(bytes).bytes();
    for head in [
        &br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","#[..],
        br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1","#,
    ] {
        if let Some(rest) = bytes.strip_prefix(head) {
            return Sha256::new().chain_update(b"{").chain_update(rest).finalize().into();
        }
    }
    Sha256::digest(bytes).into()
}

/// The identity of the event in these bytes, which may be in an envelope and need not be readable.
#[must_use]
pub fn identity(bytes: &[u8]) -> Identity {
    let digest = event_digest(bytes);
    let (audit_id, stage) = names(bytes);
    Identity { audit_id, stage, digest }
}

fn names(bytes: &[u8]) -> (Option<String>, Option<String>) {
    let owned = |value: Option<Json<'_>>| text(value).map(Cow::into_owned);
    // The API server writes both first: most events end here, without a look at their bodies.
    let (mut audit_id, mut stage) = (None, None);
    for (key, value) in Json::of(bytes).members().take(6) {
        if key.is("auditID") {
            audit_id = owned(Some(value));
        } else if key.is("stage") {
            stage = owned(Some(value));
        }
        if audit_id.is_some() && stage.is_some() {
            return (audit_id, stage);
        }
    }
    match recognise(bytes) {
        Carried::Kubernetes(fields) => (owned(fields.audit_id), owned(fields.stage)),
        Carried::Eks(event) | Carried::AksLog(event) => {
            let event = Json::of(event.as_bytes());
            (owned(event.member("auditID")), owned(event.member("stage")))
        }
        Carried::AksColumns(row) => (owned(row.member("AuditId")), owned(row.member("Stage"))),
        Carried::Gke { entry, .. } => (owned(entry.member("insertId")), None),
        Carried::Withheld(_) | Carried::Unknown => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: &str = r#"{"level":"Metadata","auditID":"a-1","stage":"ResponseComplete","verb":"get"}"#;

    #[test]
    fn webhook_item_and_file_line_are_the_same_event() {
        let line = format!("{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",{}\n", &ITEM[1..]);
        assert_eq!(identity(ITEM.as_bytes()), identity(line.as_bytes()));
        assert_eq!(identity(ITEM.as_bytes()).audit_id.as_deref(), Some("a-1"));
        assert_ne!(event_digest(ITEM.as_bytes()), event_digest(ITEM.replace("get", "put").as_bytes()));
    }

    #[test]
    fn finds_the_names_within_envelopes() {
        let mut message = String::new();
        crate::json::quote(ITEM, &mut message);
        for envelope in [
            format!(r#"{{"timestamp":1,"message":{message}}}"#),
            format!(r#"{{"category":"kube-audit","properties":{{"log":{message}}}}}"#),
            format!(r#"{{"log_s":{message}}}"#),
            format!("2026-11-23T09:00:00.000Z {ITEM}"),
            r#"{"AuditId":"a-1","Stage":"ResponseComplete","Verb":"get"}"#.to_owned(),
        ] {
            let found = identity(envelope.as_bytes());
            assert_eq!(
                (found.audit_id.as_deref(), found.stage.as_deref()),
                (Some("a-1"), Some("ResponseComplete")),
                "{envelope}"
            );
        }
    }

    #[test]
    fn garbage_has_a_digest_only() {
        let found = identity(b"\xff not json");
        assert_eq!((found.audit_id, found.stage), (None, None));
    }
}
