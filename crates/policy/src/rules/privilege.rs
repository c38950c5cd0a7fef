//! Rules about what a container may do beyond an ordinary process: `no-privileged`, `capabilities`, `seccomp`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rule, at_least_one, written};
use crate::findings::{Findings, listed, quoted};
use crate::pattern::Pattern;
use crate::pod_security::containers;
use crate::workload::pod::{Pod, Profile};

/// `no-privileged`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct NoPrivileged {
    refuse_escalation: bool,
}

impl Default for NoPrivileged {
    fn default() -> Self {
        Self { refuse_escalation: true }
    }
}

impl Rule for NoPrivileged {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        if pod.spec.security_context.windows_options.host_process == Some(true) {
            findings.add("spec.securityContext.windowsOptions.hostProcess", "is true", "false or not set");
        }
        for (place, container) in containers(pod) {
            let context = &container.security_context;
            if context.privileged == Some(true) {
                findings.add(format_args!("{place}.securityContext.privileged"), "is true", "false or not set");
            }
            if context.windows_options.host_process == Some(true) {
                let path = format_args!("{place}.securityContext.windowsOptions.hostProcess");
                findings.add(path, "is true", "false or not set");
            }
            // Windows has no such field.
            if self.refuse_escalation && !pod.spec.is_windows() && context.allow_privilege_escalation != Some(false) {
                let found = if context.allow_privilege_escalation.is_some() { "is true" } else { "is not set" };
                findings.add(format_args!("{place}.securityContext.allowPrivilegeEscalation"), found, "false");
            }
        }
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}

/// `capabilities`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Capabilities {
    allowed_add: Vec<String>,
    required_drop: Vec<String>,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self { allowed_add: Vec::new(), required_drop: vec!["ALL".to_owned()] }
    }
}

impl Rule for Capabilities {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        if pod.spec.is_windows() {
            return;
        }
        for (place, container) in containers(pod) {
            let given = &container.security_context.capabilities;
            for (index, name) in given.add.iter().enumerate().filter(|(_, name)| !self.allowed_add.contains(name)) {
                let allowed = if self.allowed_add.is_empty() { "none".to_owned() } else { listed(&self.allowed_add) };
                let path = format_args!("{place}.securityContext.capabilities.add[{index}]");
                findings.add(path, format_args!("is {}", quoted(name)), allowed);
            }
            let dropped = |name: &String| given.drop.contains(name) || given.drop.iter().any(|drop| drop == "ALL");
            let lacking: Vec<_> = self.required_drop.iter().filter(|name| !dropped(name)).collect();
            if !lacking.is_empty() {
                findings.add(
                    format_args!("{place}.securityContext.capabilities.drop"),
                    format_args!("lacks {}", listed(&lacking)),
                    format_args!("a list with {}", listed(&self.required_drop)),
                );
            }
        }
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}

/// `seccomp`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Seccomp {
    #[serde(deserialize_with = "at_least_one")]
    types: Vec<ProfileType>,
    localhost_profiles: Vec<Pattern>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum ProfileType {
    RuntimeDefault,
    Localhost,
}

impl Default for Seccomp {
    fn default() -> Self {
        Self {
            types: vec![ProfileType::RuntimeDefault, ProfileType::Localhost],
            localhost_profiles: vec![Pattern::from("*")],
        }
    }
}

impl Seccomp {
    fn allows(&self, profile: &Profile) -> bool {
        match profile.kind.as_str() {
            "RuntimeDefault" => self.types.contains(&ProfileType::RuntimeDefault),
            "Localhost" => {
                self.types.contains(&ProfileType::Localhost)
                    && self.localhost_profiles.iter().any(|pattern| pattern.matches(&profile.localhost_profile))
            }
            _ => false,
        }
    }

    fn allowed(&self) -> String {
        let types = self.types.iter().map(|kind| match kind {
            ProfileType::RuntimeDefault => "type RuntimeDefault".to_owned(),
            ProfileType::Localhost => {
                let patterns: Vec<_> = self.localhost_profiles.iter().map(Pattern::as_str).collect();
                format!("type Localhost with a profile of {}", listed(&patterns))
            }
        });
        types.collect::<Vec<_>>().join(", or ")
    }
}

impl Rule for Seccomp {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        if pod.spec.is_windows() {
            return;
        }
        let of_pod = pod.spec.security_context.seccomp_profile.as_ref();
        for (place, container) in containers(pod) {
            match container.security_context.seccomp_profile.as_ref().or(of_pod) {
                None => findings.add(
                    format_args!("{place}.securityContext.seccompProfile"),
                    "is not set, nor for the pod",
                    self.allowed(),
                ),
                Some(profile) if !self.allows(profile) => {
                    let file = match profile.localhost_profile.as_str() {
                        "" => String::new(),
                        file => format!(" with the profile {}", quoted(file)),
                    };
                    findings.add(
                        format_args!("{place}.securityContext.seccompProfile"),
                        format_args!("is of type {}{file}, here or for the pod", quoted(&profile.kind)),
                        self.allowed(),
                    );
                }
                Some(_) => {}
            }
        }
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}
