//! Random states and requests, from a seed. Few words, so that requests meet rules.

use analysis::rbac::authorizer::{Request, Resource};
use analysis::rbac::subject::Identity;
use anyhow::{Context, Result};
use serde_json::{Value, json};

pub(super) const NAMESPACES: [&str; 3] = ["alpha", "beta", "gamma"];
pub(super) const NODES: [&str; 3] = ["node-a", "node-b", "node-c"];
const GROUPS: [&str; 5] = ["", "apps", "batch", "rbac.authorization.k8s.io", "example.com"];
const RESOURCES: [&str; 9] =
    ["pods", "secrets", "configmaps", "deployments", "namespaces", "nodes", "serviceaccounts", "clusterroles", "users"];
const SUBRESOURCES: [&str; 6] = ["exec", "log", "status", "scale", "token", "*"];
const VERBS: [&str; 13] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
    "bind",
    "escalate",
    "use",
    "*",
];
const NAMES: [&str; 6] = ["", "one", "two", "alpha", "beta", "cluster-admin"];
const PATHS: [&str; 8] = ["/", "/metrics", "/metrics/slis", "/healthz", "/healthz/etcd", "/debug/pprof", "/api", "/*"];
const PATTERNS: [&str; 8] = ["*", "/metrics", "/metrics/*", "/metrics*", "/healthz", "/debug/**", "/api/*", "/"];
const ACCOUNTS: [&str; 3] = ["web", "jobs", "default"];
const USERS: [&str; 6] = ["alice", "bob", "system:anonymous", "system:kube-scheduler", "system:node:node-a", "alice:x"];
const MEMBERSHIPS: [&str; 10] = [
    "developers",
    "system:authenticated",
    "system:unauthenticated",
    "system:serviceaccounts",
    "system:serviceaccounts:alpha",
    "system:serviceaccounts:beta",
    "system:nodes",
    "system:monitoring",
    "kubeadm:cluster-admins",
    "system:masters",
];

/// A generator of numbers (`splitmix64`): the same for the same seed on every machine.
pub(crate) struct Draw(u64);

/// The seed of `PLIMSOLL_SEED`, or a new one; it is printed, so that a run can be repeated.
pub(crate) fn seed() -> Result<u64> {
    let seed = match std::env::var("PLIMSOLL_SEED") {
        Ok(text) => text.parse().context("PLIMSOLL_SEED is no number")?,
        Err(_) => {
            let mut bytes = [0; 8];
            getrandom::fill(&mut bytes).expect("the system gives random bytes");
            u64::from_le_bytes(bytes)
        }
    };
    println!("PLIMSOLL_SEED={seed}");
    Ok(seed)
}

/// A request and who makes it, with texts of its own.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) caller: Identity,
    pub(super) verb: String,
    /// The path, when it is about no resource.
    pub(super) path: Option<String>,
    pub(super) group: String,
    pub(super) resource: String,
    pub(super) subresource: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) of_node: String,
}

impl Asked {
    pub(super) fn request(&self) -> Request<'_> {
        match &self.path {
            Some(path) => Request::path(&self.verb, path),
            None => Request::resource(
                &self.verb,
                Resource {
                    group: &self.group,
                    resource: &self.resource,
                    subresource: &self.subresource,
                    namespace: &self.namespace,
                    name: &self.name,
                    of_node: &self.of_node,
                },
            ),
        }
    }
}

impl Draw {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("it is below a usize")
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn some<'a>(&mut self, of: &[&'a str], most: usize) -> Vec<&'a str> {
        (0..=self.below(most)).map(|_| self.one(of)).collect()
    }

    /// A rule as the API takes it.
    pub(super) fn rule(&mut self, paths_too: bool) -> Value {
        let verbs = if self.once_in(12) { vec!["*"] } else { self.some(&VERBS, 4) };
        if paths_too && self.once_in(6) {
            return json!({"verbs": verbs, "nonResourceURLs": self.some(&PATTERNS, 2)});
        }
        let resources: Vec<String> = (0..=self.below(3)).map(|_| self.rule_resource()).collect();
        let groups = if self.once_in(6) { vec!["*"] } else { self.some(&GROUPS, 2) };
        let mut rule = json!({"verbs": verbs, "apiGroups": groups, "resources": resources});
        if self.once_in(4) {
            rule["resourceNames"] = json!(self.some(&NAMES, 2));
        }
        rule
    }

    fn rule_resource(&mut self) -> String {
        match self.below(12) {
            0 => "*".to_owned(),
            1 => format!("*/{}", self.one(&SUBRESOURCES)),
            2..=4 => format!("{}/{}", self.one(&RESOURCES), self.one(&SUBRESOURCES)),
            _ => self.one(&RESOURCES).to_owned(),
        }
    }

    pub(super) fn rules(&mut self, paths_too: bool) -> Vec<Value> {
        (0..self.below(6)).map(|_| self.rule(paths_too)).collect()
    }

    /// A subject as a binding has it.
    pub(super) fn subject(&mut self) -> Value {
        let group = "rbac.authorization.k8s.io";
        match self.below(4) {
            0 => json!({"kind": "ServiceAccount", "name": self.one(&ACCOUNTS), "namespace": self.one(&NAMESPACES)}),
            1 => {
                let name = format!("system:serviceaccount:{}:{}", self.one(&NAMESPACES), self.one(&ACCOUNTS));
                json!({"kind": "User", "apiGroup": group, "name": name})
            }
            2 => json!({"kind": "User", "apiGroup": group, "name": self.one(&USERS)}),
            _ => json!({"kind": "Group", "apiGroup": group, "name": self.one(&MEMBERSHIPS[..9])}),
        }
    }

    fn caller(&mut self) -> Identity {
        let account = self.once_in(3);
        let user = match self.below(12) {
            0 => String::new(),
            1 => "system:node:".to_owned(),
            2 => "system:serviceaccount:alpha".to_owned(),
            _ if account => format!("system:serviceaccount:{}:{}", self.one(&NAMESPACES), self.one(&ACCOUNTS)),
            _ => self.one(&USERS).to_owned(),
        };
        let mut groups = self.some(&MEMBERSHIPS[..9], 3);
        if self.once_in(40) {
            groups.push("system:masters");
        }
        if !user.is_empty() && self.once_in(3) {
            groups.clear();
        }
        Identity::new(&user, groups)
    }

    /// A request: of anybody about anything, or of a kubelet about what kubelets do.
    pub(super) fn request(&mut self) -> Asked {
        if self.once_in(4) {
            return self.request_of_a_node();
        }
        let caller = self.caller();
        let verb = self.one(&VERBS).to_owned();
        let path = self.once_in(10).then(|| self.one(&PATHS).to_owned());
        let mut asked = Asked {
            caller,
            verb,
            path,
            group: self.one(&GROUPS).to_owned(),
            resource: self.one(&RESOURCES).to_owned(),
            subresource: String::new(),
            namespace: self.one(&["", "alpha", "alpha", "beta", "beta", "gamma", "delta"]).to_owned(),
            name: self.one(&NAMES).to_owned(),
            of_node: String::new(),
        };
        if self.once_in(3) {
            asked.subresource = self.one(&SUBRESOURCES).to_owned();
        }
        if self.once_in(40) {
            // The resource with its subresource in one text is another request.
            asked.resource = format!("{}/{}", asked.resource, self.one(&SUBRESOURCES));
        }
        asked
    }

    fn request_of_a_node(&mut self) -> Asked {
        let node = self.one(&NODES);
        let groups: &[&str] =
            if self.once_in(10) { &["system:authenticated"] } else { &["system:nodes", "system:authenticated"] };
        let (group, resource) = [
            ("", "secrets"),
            ("", "secrets"),
            ("", "configmaps"),
            ("", "persistentvolumeclaims"),
            ("", "persistentvolumes"),
            ("", "pods"),
            ("", "pods"),
            ("", "nodes"),
            ("", "serviceaccounts"),
            ("", "services"),
            ("", "events"),
            ("", "endpoints"),
            ("events.k8s.io", "events"),
            ("resource.k8s.io", "resourceclaims"),
            ("resource.k8s.io", "resourceslices"),
            ("storage.k8s.io", "volumeattachments"),
            ("storage.k8s.io", "csinodes"),
            ("storage.k8s.io", "csidrivers"),
            ("coordination.k8s.io", "leases"),
            ("node.k8s.io", "runtimeclasses"),
            ("certificates.k8s.io", "certificatesigningrequests"),
            ("certificates.k8s.io", "podcertificaterequests"),
            ("certificates.k8s.io", "clustertrustbundles"),
            ("authentication.k8s.io", "tokenreviews"),
            ("authorization.k8s.io", "subjectaccessreviews"),
        ][self.below(25)];
        let scoped =
            matches!(resource, "persistentvolumes" | "nodes" | "volumeattachments" | "csinodes" | "resourceslices");
        let namespace = if scoped && !self.once_in(8) {
            ""
        } else {
            self.one(&["", "alpha", "alpha", "beta", "beta", "gamma", "kube-node-lease"])
        };
        let number = self.below(6);
        let name = match self.below(6) {
            0 => String::new(),
            1 => node.to_owned(),
            2 => self.one(&NODES).to_owned(),
            3 if self.once_in(2) => format!("pod-{number}-scratch"),
            _ => format!("{}-{number}", self.one(&["object", "object", "object", "pod"])),
        };
        let subresource = match (resource, self.below(3)) {
            ("serviceaccounts", 0 | 1) => "token",
            ("pods", 0) => self.one(&["status", "eviction", "exec"]),
            ("nodes" | "csinodes" | "persistentvolumeclaims", 0) => "status",
            (_, 0) if self.once_in(4) => "status",
            _ => "",
        };
        Asked {
            caller: Identity::new(&format!("system:node:{node}"), groups.iter().copied()),
            verb: match subresource {
                "token" | "eviction" if !self.once_in(4) => "create".to_owned(),
                _ => self
                    .one(&[
                        "get",
                        "get",
                        "get",
                        "list",
                        "watch",
                        "create",
                        "update",
                        "patch",
                        "delete",
                        "deletecollection",
                    ])
                    .to_owned(),
            },
            path: None,
            group: group.to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: namespace.to_owned(),
            name,
            of_node: if self.once_in(3) { self.one(&NODES).to_owned() } else { String::new() },
        }
    }
}
