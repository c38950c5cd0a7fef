//! The pods that are sent.
//!
//! Each pod that must be refused is one that must be admitted with one thing changed, so that nothing else can be why it is refused.

use serde_json::{Value, json};

/// What is to become of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A guard has to refuse it.
    Refused,
    /// It has to be admitted; otherwise refusals of others prove nothing.
    Admitted,
}

impl Expected {
    /// As in `admission_probes.expected`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Admitted => "admitted",
        }
    }
}

/// The level of the Pod Security Standards that the guards are to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What is known to give a pod more than its own.
    Baseline,
    /// Hardened pods only.
    Restricted,
}

/// One pod to send.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its name in results.
    pub name: String,
    /// What is to become of it.
    pub expected: Expected,
    /// The pod. Its name is replaced by `generateName`.
    pub pod: Value,
}

/// Where in a pod, and what is put there instead.
type Change = (&'static str, &'static str, fn() -> Value);

const BASELINE: &[Change] = &[
    ("host-network", "/spec/hostNetwork", || json!(true)),
    ("host-pid", "/spec/hostPID", || json!(true)),
    ("host-ipc", "/spec/hostIPC", || json!(true)),
    ("privileged", "/spec/containers/0/securityContext", || json!({"privileged": true})),
    ("added-capability", "/spec/containers/0/securityContext/capabilities", || json!({"add": ["SYS_ADMIN"]})),
    ("host-port", "/spec/containers/0/ports", || json!([{"containerPort": 80, "hostPort": 80}])),
    ("host-path", "/spec/volumes", || json!([{"name": "host", "hostPath": {"path": "/"}}])),
    ("unconfined-seccomp", "/spec/securityContext/seccompProfile", || json!({"type": "Unconfined"})),
];

const RESTRICTED: &[Change] = &[
    ("root", "/spec/securityContext/runAsNonRoot", || json!(false)),
    ("privilege-escalation", "/spec/containers/0/securityContext/allowPrivilegeEscalation", || json!(true)),
    ("kept-capabilities", "/spec/containers/0/securityContext/capabilities", || json!({})),
];

/// A pod that every level admits.
fn harmless(image: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {},
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "probe",
                "image": image,
                "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"cpu": "1m", "memory": "1Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                },
            }],
        },
    })
}

/// The pods for a level: first the one that must be admitted, then those that must be refused.
#[must_use]
pub fn cases(level: Level, image: &str) -> Vec<Case> {
    let admitted = Case { name: "harmless".to_owned(), expected: Expected::Admitted, pod: harmless(image) };
    let changes = BASELINE.iter().chain(if level == Level::Restricted { RESTRICTED } else { &[] });
    let refused = changes.map(|(name, place, value)| {
        let mut pod = harmless(image);
        put(&mut pod, place, value());
        Case { name: (*name).to_owned(), expected: Expected::Refused, pod }
    });
    std::iter::once(admitted).chain(refused).collect()
}

fn put(pod: &mut Value, place: &str, value: Value) {
    let Some((parent, key)) = place.rsplit_once('/') else { return };
    if let Some(members) = pod.pointer_mut(parent).and_then(Value::as_object_mut) {
        members.insert(key.to_owned(), value);
    }
}

/// Why a pod of one's own cannot be sent.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CaseError {
    /// It is another object.
    #[error("a pod of the core group was expected (apiVersion v1, kind Pod), not {0:?}")]
    NoPod(String),
    /// It has no name.
    #[error("the pod has no metadata.name, which is its name in results")]
    NoName,
}

/// A pod of one's own that must be refused: what the cluster's own policies forbid.
///
/// # Errors
/// [`CaseError`].
pub fn own(pod: Value) -> Result<Case, CaseError> {
    let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str);
    if (text("/apiVersion"), text("/kind")) != (Some("v1"), Some("Pod")) {
        return Err(CaseError::NoPod(format!("{:?} {:?}", text("/apiVersion"), text("/kind"))));
    }
    let name = text("/metadata/name").ok_or(CaseError::NoName)?.to_owned();
    Ok(Case { name, expected: Expected::Refused, pod })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refused_pod_differs_from_the_admitted_one() {
        let all = cases(Level::Restricted, "a/b:1");
        assert_eq!((all.len(), all[0].expected), (1 + BASELINE.len() + RESTRICTED.len(), Expected::Admitted));
        for (number, case) in all.iter().enumerate() {
            assert!(
                all[..number].iter().all(|other| other.pod != case.pod && other.name != case.name),
                "{}",
                case.name
            );
        }
        assert_eq!(cases(Level::Baseline, "a").len(), 1 + BASELINE.len());
    }

    #[test]
    fn only_pods_with_names_are_taken() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}});
        assert_eq!(own(pod).unwrap().name, "x");
        assert_eq!(own(json!({"apiVersion": "v1", "kind": "Pod"})), Err(CaseError::NoName));
        assert!(matches!(own(json!({"kind": "Pod", "apiVersion": "x/v1"})), Err(CaseError::NoPod(_))));
    }
}
