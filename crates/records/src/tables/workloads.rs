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

table! {
    /// How one container of one workload runs, over one interval: of pods, and of the pod templates of their controllers. Null means that it is not known.
    Derived "workload_posture" WorkloadPosture {
        /// A stable identifier of the container: workload, kind and name of the container, without the interval.
        posture_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// The workload: `Kind:namespace/name`. A pod with a controller is told under its controller as well.
        workload: text,
        /// Kind of the workload.
        workload_kind: text,
        /// The controller that owns it, as `Kind:namespace/name`; null when there is none.
        controlled_by: optional_text,
        /// The application that it says it is of: the first that is there of the labels `app.kubernetes.io/part-of`, `app.kubernetes.io/instance`, `app.kubernetes.io/name`, `app` and `k8s-app` of its pods; null without any.
        application: optional_text,
        /// Namespace; empty when a manifest names none.
        namespace: text,
        /// Name of the container.
        container: text,
        /// `container`, `init_container` or `ephemeral_container`; `unreadable` for a workload that has not the form of its API, of which nothing is known.
        container_kind: text,
        /// The image reference as written.
        image: text,
        /// The digest that it names; null when it names none.
        image_digest: optional_text,
        /// Whether it runs as root (of a Windows container: as ContainerAdministrator). Null when that depends on the image. A container that must not run as root and is told to is never started: false.
        runs_as_root: optional_boolean,
        /// The user that it is told to run as, its own or the pod's (`runAsUser`); null when it is the image's.
        run_as_user: optional_integer,
        /// The group that it is told to run as; null when it is the image's.
        run_as_group: optional_integer,
        /// `runAsNonRoot`, its own or the pod's; null when it is not set.
        run_as_non_root: optional_boolean,
        /// Whether the pod has a user namespace of its own: root in it is not root on its host.
        user_namespace: optional_boolean,
        /// Whether it is privileged.
        privileged: optional_boolean,
        /// Whether a process in it may gain more rights than its parent: so unless it is forbidden, and always in a privileged container and in one with `SYS_ADMIN`.
        allow_privilege_escalation: optional_boolean,
        /// Whether its own file system is read-only.
        read_only_root_filesystem: optional_boolean,
        /// Capabilities added beyond the runtime's own, sorted and comma separated; empty when none is.
        capabilities_added: text,
        /// Capabilities taken away, sorted and comma separated; `ALL` for all.
        capabilities_dropped: text,
        /// Whether the pod shares the network of its host.
        host_network: optional_boolean,
        /// Whether it sees the processes of its host.
        host_pid: optional_boolean,
        /// Whether it shares the inter-process communication of its host.
        host_ipc: optional_boolean,
        /// Whether it is a process of a Windows host.
        host_process: optional_boolean,
        /// Ports of the host that it takes, as `number/protocol`, comma separated; empty when none.
        host_ports: text,
        /// Paths of the host that are mounted into it, sorted and comma separated; empty when none.
        host_paths: text,
        /// Those of them that it may write to. Below one that it may only read, another mount of the host may still be writable.
        writable_host_paths: text,
        /// Profile of seccomp, its own or the pod's: `RuntimeDefault`, `Localhost:<profile>` or `Unconfined`; empty when none is set, which is unconfined unless the node sets a default.
        seccomp: text,
        /// Profile of AppArmor, its own, the pod's or by annotation, as for seccomp; empty when none is set, which is the runtime's default where AppArmor is on.
        app_armor: text,
        /// Options of SELinux, its own or the pod's, as `user:role:type:level`; empty when none is set.
        se_linux: text,
        /// `procMount`: `Default` or `Unmasked`.
        proc_mount: text,
        /// Names of the sysctls that the pod sets, sorted and comma separated.
        sysctls: text,
        /// The service account, as `namespace/name`.
        service_account: text,
        /// Whether a token of the service account is in the container: `automatic` (mounted by Kubernetes for itself), `explicit` (by a projected volume), `none` or `unknown` (by the service account, which is not known).
        token_mount: text,
        /// Limit of processor time as written; null when there is none.
        cpu_limit: optional_text,
        /// Limit of memory as written; null when there is none.
        memory_limit: optional_text,
        /// Request of processor time as written; null when there is none.
        cpu_request: optional_text,
        /// Request of memory as written; null when there is none.
        memory_request: optional_text,
        /// The strictest level of the Pod Security Standards (by the rules of Kubernetes 1.37) that the whole pod meets: `privileged`, `baseline` or `restricted`.
        pod_security_level: optional_text,
        /// The checks that keep the pod from `restricted`, by the names that Kubernetes gives them, comma separated.
        pod_security_unmet: text,
        /// Names of the exceptions from policies of admission that are in force for the workload (table `exceptions`), comma separated; empty when none is.
        exceptions: text,
        /// The policies, or `<policy>/<check>`, that they are from, sorted and comma separated.
        excepted_policies: text,
    }
}
