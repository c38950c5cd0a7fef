//! What an answer to a dry run means.
//!
//! Only a refusal that names a guard counts as one. A request that RBAC or a quota refuses, or that is no valid pod, has code 403 or 422, too: taking that for a
//! working guard would be the one mistake that a probe must not make.

use serde_json::Value;

/// The answer of the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its HTTP status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
    /// The request's audit ID, by the header `Audit-ID`.
    pub audit_id: Option<String>,
}

/// What became of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It would have been stored.
    Admitted,
    /// A guard refused it.
    Refused,
    /// The sender has no right to create pods there: no guard was asked.
    NoRights,
    /// A guard gave no answer, and the request was refused for that: shut, but not tried.
    NoAnswer,
    /// Something else: no guard is known to have decided.
    Error,
}

impl Outcome {
    /// As in `admission_probes.outcome`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Refused => "refused",
            Self::NoRights => "no_rights",
            Self::NoAnswer => "no_answer",
            Self::Error => "error",
        }
    }
}

/// An answer, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What became of the pod.
    pub outcome: Outcome,
    /// The guard that refused it, or gave no answer: `pod_security:<level>`, `validating_admission_policy:<policy>/<binding>` or `webhook:<name>`.
    pub guard: Option<String>,
    /// The API server's message; empty when the pod was admitted.
    pub message: String,
}

impl Answer {
    /// Reads it. The forms of messages are those of `guard_decisions`.
    #[must_use]
    pub fn read(&self) -> Reading {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let reading =
            |outcome, guard: Option<String>, message: &str| Reading { outcome, guard, message: message.to_owned() };
        if (200..300).contains(&self.status) {
            // A proxy's page is no admission: the answer must be the pod.
            let outcome = if text("kind") == "Pod" { Outcome::Admitted } else { Outcome::Error };
            return reading(outcome, None, "");
        }
        let message = text("message");
        match guard(message) {
            Some((outcome, guard)) => reading(outcome, Some(guard), message),
            None if self.status == 401 => reading(Outcome::NoRights, None, message),
            None if self.status == 403 && message.starts_with("pods is forbidden: User ") => {
                reading(Outcome::NoRights, None, message)
            }
            None if message.is_empty() => reading(Outcome::Error, None, &format!("HTTP status {}", self.status)),
            None => reading(Outcome::Error, None, message),
        }
    }
}

fn guard(message: &str) -> Option<(Outcome, String)> {
    if let Some(rest) = message.strip_prefix("admission webhook \"") {
        let (name, rest) = rest.split_once('"')?;
        return rest.starts_with(" denied the request").then(|| (Outcome::Refused, format!("webhook:{name}")));
    }
    let inner = message.strip_prefix("Internal error occurred: ").unwrap_or(message);
    if let Some(rest) = inner.strip_prefix("failed calling webhook \"") {
        return Some((Outcome::NoAnswer, format!("webhook:{}", rest.split_once('"')?.0)));
    }
    // The name is generated, so that it holds no quote.
    let (_, reason) = message.strip_prefix("pods \"")?.split_once("\" is forbidden: ")?;
    if let Some(rest) = reason.strip_prefix("violates PodSecurity \"") {
        return Some((Outcome::Refused, format!("pod_security:{}", rest.split_once('"')?.0)));
    }
    let (policy, rest) = reason.strip_prefix("ValidatingAdmissionPolicy '")?.split_once('\'')?;
    let binding = rest.strip_prefix(" with binding '").and_then(|rest| rest.split_once('\'')).map_or("", |(b, _)| b);
    Some((Outcome::Refused, format!("validating_admission_policy:{policy}/{binding}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> (Outcome, Option<String>) {
        let reading = Answer { status, body: body.as_bytes().to_vec(), audit_id: None }.read();
        (reading.outcome, reading.guard)
    }

    fn refused(status: u16, message: &str) -> (Outcome, Option<String>) {
        read(status, &serde_json::json!({"kind": "Status", "message": message}).to_string())
    }

    #[test]
    fn refusals_name_their_guard() {
        for (status, message, guard) in [
            (
                403,
                r#"pods "plimsoll-probe-x" is forbidden: violates PodSecurity "baseline:latest": x"#,
                "pod_security:baseline:latest",
            ),
            (
                422,
                "pods \"plimsoll-probe-x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: x",
                "validating_admission_policy:p/b",
            ),
            (403, r#"admission webhook "a.b.c" denied the request: x"#, "webhook:a.b.c"),
        ] {
            assert_eq!(refused(status, message), (Outcome::Refused, Some(guard.to_owned())), "{message}");
        }
    }

    #[test]
    fn what_is_no_decision_of_a_guard_is_not_taken_for_one() {
        let rbac = r#"pods is forbidden: User "x" cannot create resource "pods" in API group "" in the namespace "a""#;
        assert_eq!(refused(403, rbac).0, Outcome::NoRights);
        assert_eq!(refused(401, "Unauthorized").0, Outcome::NoRights);
        assert_eq!(refused(403, r#"pods "p" is forbidden: exceeded quota: q"#).0, Outcome::Error);
        assert_eq!(
            refused(403, r#"pods "p" is forbidden: error looking up service account a/default"#).0,
            Outcome::Error
        );
        assert_eq!(refused(422, r#"Pod "p" is invalid: spec"#).0, Outcome::Error);
        assert_eq!(refused(404, r#"namespaces "a" not found"#).0, Outcome::Error);
        let (outcome, guard) = refused(500, r#"Internal error occurred: failed calling webhook "a.b.c": refused"#);
        assert_eq!((outcome, guard.as_deref()), (Outcome::NoAnswer, Some("webhook:a.b.c")));
    }

    #[test]
    fn only_a_pod_is_an_admission() {
        assert_eq!(read(201, r#"{"kind":"Pod"}"#).0, Outcome::Admitted);
        for body in ["<html>", "", "[]", r#"{"kind":"Status"}"#] {
            assert_eq!(read(200, body).0, Outcome::Error);
            assert_eq!(read(403, body).0, Outcome::Error);
        }
    }
}
