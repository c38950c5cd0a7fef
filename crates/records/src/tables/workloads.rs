//! Tables of workloads and of what guards their admission.

use crate::table::table;

table! {
    /// One container of one workload in the cluster over one interval: of pods, and of the pod templates of their controllers.
    Derived "running_images" RunningImage {
        /// A stable identifier: workload, container and image reference.
        container_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// The workload: `Kind:namespace/name`. A pod with a controller is told under its controller as well.
        workload: text,
        /// Kind of the workload.
        workload_kind: text,
        /// The controller that owns a pod, as `Kind:namespace/name`; null for others.
        controlled_by: optional_text,
        /// Namespace.
        namespace: text,
        /// Name of the container.
        container: text,
        /// `container`, `init_container` or `ephemeral_container`.
        container_kind: text,
        /// The image reference as written.
        image: text,
        /// The registry it names; `docker.io` when it names none; `unknown` when the reference is malformed.
        registry: text,
        /// The repository without registry, with `library/` where that is implied; the whole reference when it is malformed.
        repository: text,
        /// The tag; null when there is none.
        tag: optional_text,
        /// The digest; null when there is none.
        digest: optional_text,
    }
}

table! {
    /// What refused privileged pods in one namespace over one interval.
    Derived "namespace_enforcement" NamespaceEnforcement {
        /// The namespace.
        namespace: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// Whether some policy that refuses was in force.
        enforced: boolean,
        /// What it was: `pod-security:<level>` (with `:<version>` when one is pinned), `validating-admission-policy:<policy>/<binding>`, `validating-webhook:<configuration>/<webhook>`; several joined by `, `; empty when none.
        enforced_by: text,
        /// Level of the Pod Security label `pod-security.kubernetes.io/enforce`; null without label.
        pod_security_level: optional_text,
    }
}
