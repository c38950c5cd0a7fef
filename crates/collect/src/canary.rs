//! Sequenced canaries: reads with an audit ID that nobody can guess, sent to each API server directly. Each must come back as an
//! audit event; one that does not bounds a loss in time.
//!
//! `Audit-ID` is taken over verbatim by the API server and is anyone's to choose, so the ID carries an HMAC-SHA-256 under a key of
//! the store: `cnry.<cluster>.<api server>.<number>.<32 hexadecimal digits>`. The instant of sending goes into it too, so that a number used
//! again after a restart gives another ID, and an ID that was seen tells nothing about the next.

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use records::{SourceName, Statement, Timestamp};
use sha2::Sha256;

use crate::clock::skew;
use crate::error;
use crate::request::{Answer, JSON, ReadClient};

/// What a canary reads. Audit policies that follow Kubernetes' examples leave out reads of namespaces only by the API server itself.
pub(crate) const PATH: &str = "/api/v1/namespaces/kube-system";

/// Key of the canaries' HMAC; one for each store. `Debug` does not show it.
#[derive(Clone)]
pub struct CanaryKey([u8; 32]);

impl CanaryKey {
    /// The key with these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The audit ID of canary `number`, sent at `at` to the API server that `subject` is the audit source of.
    #[must_use]
    pub fn audit_id(&self, subject: &SourceName, number: u64, at: Timestamp) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{subject}\n{number}\n{at}").as_bytes());
        let digest = hex::encode(&mac.finalize().into_bytes()[..16]);
        format!("cnry.{}.{}.{number}.{digest}", subject.origin(), subject.detail())
    }
}

impl std::fmt::Debug for CanaryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CanaryKey(not shown)")
    }
}

/// What came of one canary.
pub(crate) struct Sent {
    pub(crate) statement: Statement,
    pub(crate) clock: Option<Statement>,
    pub(crate) failure: Option<String>,
}

/// Sends one canary. That there was no answer is part of the statement: the event may have been logged nevertheless.
pub(crate) async fn send(
    client: &ReadClient,
    key: &CanaryKey,
    subject: &SourceName,
    number: u64,
    at: Timestamp,
) -> Sent {
    let audit_id = key.audit_id(subject, number, at);
    let answer = client.get_with(PATH, JSON, Some((HeaderName::from_static("audit-id"), &audit_id))).await;
    let (status, clock, failure) = match answer {
        Ok(mut answer) => {
            let clock = clock_statement(subject, &answer);
            // Read to its end, so that the connection can be used again.
            let _ = answer.bytes(1 << 20).await;
            let failure =
                (answer.status != 200).then(|| format!("the API server answered {} to a canary", answer.status));
            (answer.status, clock, failure)
        }
        Err(broke) => (0, None, Some(error::line(&broke))),
    };
    let statement = Statement::CanarySent { subject: subject.clone(), at, number, audit_id, status };
    Sent { statement, clock, failure }
}

/// What the answer tells of the API server's clock.
pub(crate) fn clock_statement(subject: &SourceName, answer: &Answer) -> Option<Statement> {
    let found = skew(answer.date()?, answer.sent_at, answer.answered_at);
    Some(Statement::Clock {
        subject: subject.clone(),
        at: answer.answered_at,
        skew_micros: found.skew_micros,
        uncertainty_micros: found.uncertainty_micros,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_is_its_own_and_needs_the_key() {
        let subject: SourceName = "prod/audit/apiserver-1".parse().unwrap();
        let at: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let id = CanaryKey::new([7; 32]).audit_id(&subject, 1, at);
        assert!(
            id.starts_with("cnry.prod.apiserver-1.1.") && id.len() == "cnry.prod.apiserver-1.1.".len() + 32,
            "{id}"
        );
        assert_ne!(id, CanaryKey::new([8; 32]).audit_id(&subject, 1, at));
        assert_ne!(id, CanaryKey::new([7; 32]).audit_id(&subject, 2, at));
        assert_ne!(id, CanaryKey::new([7; 32]).audit_id(&subject, 1, at.plus_micros(1)));
        assert_eq!(format!("{:?}", CanaryKey::new([7; 32])), "CanaryKey(not shown)");
    }
}
