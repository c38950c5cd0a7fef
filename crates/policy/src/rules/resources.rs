//! `require-resources`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rule, written};
use crate::findings::{Findings, listed};
use crate::pod_security::{Place, containers};
use crate::workload::pod::{ContainerList, Pod, Resources};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RequireResources {
    requests: Vec<String>,
    limits: Vec<String>,
}

impl Default for RequireResources {
    fn default() -> Self {
        Self { requests: vec!["cpu".to_owned(), "memory".to_owned()], limits: vec!["memory".to_owned()] }
    }
}

fn limited(resources: &Resources, name: &str) -> bool {
    resources.limits.get(name).is_some_and(|amount| !amount.is_zero())
}

/// The API server takes a limit for a request that is not there.
fn requested(resources: &Resources, name: &str) -> bool {
    match resources.requests.get(name) {
        Some(amount) => !amount.is_zero(),
        None => limited(resources, name),
    }
}

impl Rule for RequireResources {
    /// What is set for the whole pod counts for each container. Ephemeral containers can have no resources.
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        let whole = &pod.spec.resources;
        for (place, container) in containers(pod) {
            if matches!(place, Place::Container(ContainerList::Ephemeral, _)) {
                continue;
            }
            let own = &container.resources;
            let mut lacking = |field: &str, names: &[String], has: fn(&Resources, &str) -> bool| {
                let missing: Vec<_> = names.iter().filter(|name| !has(own, name) && !has(whole, name)).collect();
                if !missing.is_empty() {
                    findings.add(
                        format_args!("{place}.resources.{field}"),
                        format_args!("lacks {}", listed(&missing)),
                        format_args!("an amount other than 0 of {}, here or for the pod", listed(names)),
                    );
                }
            };
            lacking("requests", &self.requests, requested);
            lacking("limits", &self.limits, limited);
        }
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}
