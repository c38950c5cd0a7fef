//! What an audit policy must record so that the rest of the evidence can be had.

use super::policy::{Level, Request};

const WRITES: &[&str] = &["create", "update", "patch", "delete"];
const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
const COMPLETE: &[&str] = &["ResponseComplete"];
/// A session is known when it begins, not only when it ends.
const SESSION: &[&str] = &["ResponseStarted", "ResponseComplete"];

/// One requirement: requests of a sort, and how they must be recorded.
#[derive(Debug, Clone, Copy)]
pub struct Requirement {
    /// Identifier, part of the public interface.
    pub id: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Least level.
    pub level: Level,
    /// Whether the level must not be higher, because bodies hold secret values.
    pub exactly: bool,
    /// Stages that must not be omitted.
    pub stages: &'static [&'static str],
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// Group, resource, subresource (or empty), and whether it is in a namespace.
    pub resources: &'static [(&'static str, &'static str, &'static str, bool)],
    /// Whether the caller is known.
    pub authenticated: bool,
}

impl Requirement {
    /// The requests that it is about.
    pub fn requests(&self) -> impl Iterator<Item = Request<'static>> {
        let authenticated = self.authenticated;
        self.resources.iter().flat_map(move |(group, resource, subresource, namespaced)| {
            self.verbs.iter().map(move |verb| Request {
                verb,
                group,
                resource,
                subresource,
                namespaced: *namespaced,
                authenticated,
            })
        })
    }

    /// Whether the level is enough, and not too much.
    #[must_use]
    pub fn accepts(&self, level: Level) -> bool {
        level == self.level || !self.exactly && level > self.level
    }

    /// The level in words.
    #[must_use]
    pub fn level_text(&self) -> String {
        if self.exactly { format!("{} exactly", self.level.as_str()) } else { self.level.as_str().to_owned() }
    }
}

/// With what most requirements share.
const BASE: Requirement = Requirement {
    id: "",
    purpose: "",
    level: Level::RequestResponse,
    exactly: false,
    stages: COMPLETE,
    verbs: WRITES,
    resources: &[],
    authenticated: true,
};

/// All requirements.
pub const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        id: "rbac-writes",
        purpose: "who gave which rights, with the rules and subjects",
        resources: &[
            (RBAC, "clusterroles", "", false),
            (RBAC, "clusterrolebindings", "", false),
            (RBAC, "roles", "", true),
            (RBAC, "rolebindings", "", true),
        ],
        ..BASE
    },
    Requirement {
        id: "admission-writes",
        purpose: "who changed what guards admission",
        resources: &[
            (ADMISSION, "validatingwebhookconfigurations", "", false),
            (ADMISSION, "mutatingwebhookconfigurations", "", false),
            (ADMISSION, "validatingadmissionpolicies", "", false),
            (ADMISSION, "validatingadmissionpolicybindings", "", false),
        ],
        ..BASE
    },
    Requirement {
        id: "namespace-writes",
        purpose: "who changed the labels that Pod Security and network policies go by",
        resources: &[("", "namespaces", "", true)],
        ..BASE
    },
    Requirement {
        id: "certificate-request-writes",
        purpose: "who asked for, approved and signed client certificates",
        verbs: &["create", "update", "patch"],
        resources: &[
            ("certificates.k8s.io", "certificatesigningrequests", "", false),
            ("certificates.k8s.io", "certificatesigningrequests", "approval", false),
        ],
        ..BASE
    },
    Requirement {
        id: "network-policy-writes",
        purpose: "who changed what may talk to what",
        resources: &[("networking.k8s.io", "networkpolicies", "", true)],
        ..BASE
    },
    Requirement {
        id: "pod-creates",
        purpose: "what was started, also under a generated name",
        verbs: &["create"],
        resources: &[("", "pods", "", true)],
        ..BASE
    },
    Requirement {
        id: "ephemeral-containers",
        purpose: "what was put into a running pod",
        verbs: &["update", "patch"],
        resources: &[("", "pods", "ephemeralcontainers", true)],
        ..BASE
    },
    Requirement {
        id: "workload-writes",
        purpose: "who changed what runs",
        level: Level::Metadata,
        resources: &[
            ("apps", "deployments", "", true),
            ("apps", "statefulsets", "", true),
            ("apps", "daemonsets", "", true),
            ("batch", "jobs", "", true),
            ("batch", "cronjobs", "", true),
        ],
        ..BASE
    },
    Requirement {
        id: "pod-sessions",
        purpose: "who opened a session in a pod, from its beginning on",
        level: Level::Metadata,
        stages: SESSION,
        // `get` over WebSocket, `create` over SPDY.
        verbs: &["get", "create"],
        resources: &[("", "pods", "exec", true), ("", "pods", "attach", true), ("", "pods", "portforward", true)],
        ..BASE
    },
    Requirement {
        id: "node-proxy",
        purpose: "who went to a kubelet by way of the API server",
        level: Level::Metadata,
        verbs: &["get", "create"],
        resources: &[("", "nodes", "proxy", false)],
        ..BASE
    },
    Requirement {
        id: "secret-access",
        purpose: "who read or wrote Secrets, without their values",
        level: Level::Metadata,
        exactly: true,
        verbs: &["get", "list", "watch", "create", "update", "patch", "delete"],
        resources: &[("", "secrets", "", true)],
        ..BASE
    },
    Requirement {
        id: "token-requests",
        purpose: "who had tokens issued, without the tokens",
        level: Level::Metadata,
        exactly: true,
        verbs: &["create"],
        resources: &[("", "serviceaccounts", "token", true)],
        ..BASE
    },
    Requirement {
        id: "refused-credentials",
        purpose: "requests refused with 401, which have no other stage than ResponseStarted",
        level: Level::Metadata,
        stages: &["ResponseStarted"],
        verbs: &["get", "list", "create"],
        resources: &[("", "pods", "", true)],
        authenticated: false,
        ..BASE
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_every_requirement_and_no_other() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let text = std::fs::read_to_string(path).unwrap();
        let listed: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("| requirement |")).skip(2).collect();
        let row = |r: &Requirement| format!("| `{}` | {} | {} |", r.id, r.level_text(), r.purpose);
        assert_eq!(listed, REQUIREMENTS.iter().map(row).collect::<Vec<_>>());
    }
}
