//! `run-as-non-root`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rule, written};
use crate::findings::Findings;
use crate::pod_security::containers;
use crate::workload::pod::Pod;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RunAsNonRoot {
    minimum_user: i64,
    allow_user_namespaces: bool,
}

impl Default for RunAsNonRoot {
    fn default() -> Self {
        Self { minimum_user: 1, allow_user_namespaces: false }
    }
}

impl Rule for RunAsNonRoot {
    /// A container's own field holds over the pod's, as in the kubelet.
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        if self.allow_user_namespaces && pod.spec.in_user_namespace() {
            return;
        }
        let of_pod = &pod.spec.security_context;
        for (place, container) in containers(pod) {
            let own = &container.security_context;
            let user = own.run_as_user.or(of_pod.run_as_user);
            let where_of_user = if own.run_as_user.is_some() { place.to_string() } else { "spec".to_owned() };
            match user {
                Some(user) if user < self.minimum_user => {
                    findings.add(
                        format_args!("{where_of_user}.securityContext.runAsUser"),
                        format_args!("is {user} for {place}"),
                        format_args!("{} or higher", self.minimum_user),
                    );
                }
                Some(_) => {}
                // Without a number, the kubelet can only refuse root; which other user an image names is not known here.
                None if self.minimum_user > 1 => {
                    findings.add(
                        format_args!("{place}.securityContext.runAsUser"),
                        "is not set, nor for the pod",
                        format_args!("{} or higher", self.minimum_user),
                    );
                }
                None => match own.run_as_non_root.or(of_pod.run_as_non_root) {
                    Some(true) => {}
                    set => findings.add(
                        format_args!("{place}.securityContext.runAsNonRoot"),
                        if set.is_some() { "is false, here or for the pod" } else { "is not set, nor for the pod" },
                        "true, or a runAsUser that is not 0",
                    ),
                },
            }
        }
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}
