//! What an administrator applies so that the API server asks our webhook, and so that our webhook may know the namespaces.

use base64::Engine as _;

/// How the API server reaches the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The Service `plimsoll-admission` in our namespace, port 443.
    Service,
    /// A URL, without the path.
    Url(String),
}

/// What to do with a request when the webhook gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailurePolicy {
    /// It is refused.
    Fail,
    /// It goes on, and the audit event says so.
    Ignore,
}

/// What the manifest is made for.
#[derive(Debug, Clone)]
pub struct ManifestOptions {
    /// The webhook's name.
    pub webhook: String,
    /// Our namespace.
    pub namespace: String,
    /// How the webhook is reached.
    pub address: Address,
    /// The authority that signed the webhook's certificate (PEM); `None` when the webhook has certificates of its own making and enters their
    /// authority itself.
    pub authority: Option<Vec<u8>>,
    /// What becomes of requests without an answer.
    pub failure_policy: FailurePolicy,
    /// How long the API server waits, 1 to 30 s.
    pub timeout_seconds: u8,
    /// Ask about every resource, not only what our own rules are for: for users' policies about other kinds.
    pub all_resources: bool,
    /// In the form that the API server reads from its own disk (Kubernetes 1.37, `staticManifestsDir`), so that no user of the API can change or
    /// delete it.
    pub from_disk: bool,
}

/// Name of the `ValidatingWebhookConfiguration`.
pub const CONFIGURATION_NAME: &str = "plimsoll-admission";
/// Name of the Service, in our namespace.
pub const SERVICE_NAME: &str = "plimsoll-admission";

/// Ending of the names of objects that the API server reads from its own disk.
const STATIC: &str = ".static.k8s.io";

/// What our own rules are for: everything that holds or makes pods, and sessions in pods.
const WORKLOADS: &str = r#"  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [pods, pods/ephemeralcontainers, pods/resize, replicationcontrollers, podtemplates]
    scope: Namespaced
  - apiGroups: [apps]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [deployments, daemonsets, replicasets, statefulsets]
    scope: Namespaced
  - apiGroups: [batch]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [jobs, cronjobs]
    scope: Namespaced
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CONNECT]
    resources: [pods/exec, pods/attach, pods/portforward, pods/proxy]
    scope: Namespaced
"#;

/// Everything, without what the control plane writes all the time: a policy about those would slow down, or stop, the control plane itself.
const EVERYTHING: &str = r#"  - apiGroups: ["*"]
    apiVersions: ["*"]
    operations: ["*"]
    resources: ["*/*"]
    scope: "*"
  matchConditions:
  - name: not-what-the-control-plane-writes-all-the-time
    expression: '!(request.resource.group == "coordination.k8s.io" || request.resource.resource in ["events", "tokenreviews", "subjectaccessreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews", "localsubjectaccessreviews"])'
  - name: not-of-nodes
    expression: '!("system:nodes" in request.userInfo.groups && request.resource.resource in ["nodes", "csinodes"])'
"#;

/// The manifest, YAML.
///
/// Our own namespace and `kube-system` are left out of the webhook, so that neither we nor the control plane can be locked out: whoever can
/// write there can mend both. The webhook is asked about the whole of each request (`matchPolicy: Equivalent`).
#[must_use]
pub fn manifest(options: &ManifestOptions) -> String {
    let ManifestOptions { webhook, namespace, timeout_seconds, .. } = options;
    let bundle = match &options.authority {
        Some(authority) => format!("    caBundle: {}\n", base64::engine::general_purpose::STANDARD.encode(authority)),
        // Applied again, the manifest leaves what the webhook entered.
        None => "    # caBundle is entered by the webhook itself.\n".to_owned(),
    };
    let client = match &options.address {
        Address::Service => {
            format!("    service: {{namespace: {namespace}, name: {SERVICE_NAME}, path: /admission, port: 443}}\n")
        }
        Address::Url(url) => format!("    url: {}/admission\n", url.trim_end_matches('/')),
    };
    let failure = match options.failure_policy {
        FailurePolicy::Fail => "Fail",
        FailurePolicy::Ignore => "Ignore",
    };
    let name = format!("{CONFIGURATION_NAME}{}", if options.from_disk { STATIC } else { "" });
    let rules = if options.all_resources { EVERYTHING } else { WORKLOADS };
    let configuration = format!(
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata:\n  name: {name}\nwebhooks:\n\
         - name: {webhook}\n  admissionReviewVersions: [v1]\n  # Nothing in the cluster is changed by asking.\n  sideEffects: None\n  failurePolicy: {failure}\n  \
         matchPolicy: Equivalent\n  timeoutSeconds: {timeout_seconds}\n  clientConfig:\n{client}{bundle}  \
         # Neither we nor the control plane can be locked out.\n  namespaceSelector:\n    matchExpressions:\n    \
         - {{key: kubernetes.io/metadata.name, operator: NotIn, values: [{namespace}, kube-system]}}\n  rules:\n{rules}"
    );
    if options.from_disk {
        return configuration;
    }
    let service = match options.address {
        Address::Service => format!(
            "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {SERVICE_NAME}\n  namespace: {namespace}\nspec:\n  \
             selector: {{app.kubernetes.io/name: plimsoll}}\n  ports:\n  - {{name: admission, port: 443, targetPort: 9443}}\n"
        ),
        Address::Url(_) => String::new(),
    };
    let entering = match &options.authority {
        Some(_) => String::new(),
        None => format!(
            "# To enter the authority of its certificate. Kubernetes' rights end at objects: with these, all of this configuration can be changed.\n\
             - apiGroups: [admissionregistration.k8s.io]\n  resources: [validatingwebhookconfigurations]\n  resourceNames: [{name}]\n  verbs: [get, patch]\n"
        ),
    };
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n---\n\
         apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: plimsoll-admission\n  namespace: {namespace}\n---\n\
         # All that the webhook asks of the cluster.\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: plimsoll-admission\nrules:\n\
         - apiGroups: [\"\"]\n  resources: [namespaces]\n  verbs: [list, watch]\n{entering}---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: plimsoll-admission\n\
         roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: plimsoll-admission\n\
         subjects:\n- kind: ServiceAccount\n  name: plimsoll-admission\n  namespace: {namespace}\n{service}---\n{configuration}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ManifestOptions {
        ManifestOptions {
            webhook: "admission.plimsoll.dev".to_owned(),
            namespace: "plimsoll".to_owned(),
            address: Address::Service,
            authority: Some(b"authority".to_vec()),
            failure_policy: FailurePolicy::Fail,
            timeout_seconds: 10,
            all_resources: false,
            from_disk: false,
        }
    }

    #[test]
    fn for_a_service() {
        insta::assert_snapshot!(manifest(&options()));
    }

    #[test]
    fn with_certificates_of_its_own_making() {
        insta::assert_snapshot!(manifest(&ManifestOptions { authority: None, ..options() }));
    }

    #[test]
    fn from_disk_by_url_for_everything() {
        let address = Address::Url("https://127.0.0.1:9443/".to_owned());
        let failure_policy = FailurePolicy::Ignore;
        insta::assert_snapshot!(manifest(&ManifestOptions {
            address,
            failure_policy,
            all_resources: true,
            from_disk: true,
            ..options()
        }));
    }
}
