//! The rights that a probe needs, and no more.

/// A ServiceAccount, and a Role and binding with `create` of pods in the one namespace. YAML.
///
/// Kubernetes has no right to create only as a dry run: with these credentials pods can be created in that namespace. So give them a namespace
/// that nothing runs in, with the labels and policies of those that count.
#[must_use]
pub fn manifest(namespace: &str) -> String {
    format!(
        "# Kubernetes has no right to create only as a dry run: whoever holds these credentials can create pods in this namespace.\n\
         apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: plimsoll-probe\n  namespace: {namespace}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: plimsoll-probe\n  namespace: {namespace}\n\
         rules:\n- apiGroups: [\"\"]\n  resources: [pods]\n  verbs: [create]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: plimsoll-probe\n  namespace: {namespace}\n\
         roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: Role\n  name: plimsoll-probe\n\
         subjects:\n- kind: ServiceAccount\n  name: plimsoll-probe\n  namespace: {namespace}\n"
    )
}
