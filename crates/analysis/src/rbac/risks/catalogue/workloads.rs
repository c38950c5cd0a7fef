//! Patterns about pods, workloads and nodes.

use super::{CHANGE, CREATE, Effect, Opens, Pattern, Severity, Versions, WRITE, Way};
use crate::rbac::risks::need::{Need, Place};

/// Before 1.35 a WebSocket upgrade, a GET, was enough; from then on this gate asks for `create`.
const WEB_SOCKET: Versions = Versions::before(35, Some("AuthorizePodWebsocketUpgradeCreatePermission"));

const MOVE_NODES: Need = Need::of(CHANGE, "", &["nodes", "nodes/status"]).at_cluster();

pub(super) static PATTERNS: &[Pattern] = &[
    Pattern {
        id: "RB-12",
        title: "Run commands in pods, attach to them, forward their ports",
        severity: Severity::Critical,
        in_namespace: Severity::High,
        effect: Effect::Pods,
        why: "Commands run as the pod: with its service account's token, its Secrets and its network.",
        remediation: "Give it for a time, in one namespace, by an approved session; debug with copies of pods instead.",
        versions: "Before 1.35, or with the gate AuthorizePodWebsocketUpgradeCreatePermission off, get is enough (a WebSocket upgrade is a GET); \
                   from 1.35 on create is needed.",
        ways: &[
            Way::new(&[Need::of(CREATE, "", &["pods/exec", "pods/attach"]).target()], Opens::Pods),
            Way::new(&[Need::of(&["get"], "", &["pods/exec", "pods/attach"]).target()], Opens::Pods)
                .in_versions(WEB_SOCKET),
            Way::new(&[Need::of(CREATE, "", &["pods/portforward"]).target()], Opens::Nothing)
                .becoming(Effect::Traffic, Severity::Medium),
            Way::new(&[Need::of(&["get"], "", &["pods/portforward"]).target()], Opens::Nothing)
                .becoming(Effect::Traffic, Severity::Medium)
                .in_versions(WEB_SOCKET),
        ],
    },
    Pattern {
        id: "RB-13",
        title: "Add ephemeral containers to running pods",
        severity: Severity::Critical,
        in_namespace: Severity::High,
        effect: Effect::Pods,
        why: "A container of any image in a running pod, which sees its processes and volumes, and may be privileged where that is not refused.",
        remediation: "Give it for a time, in one namespace, and enforce the Pod Security Standard baseline there.",
        versions: "",
        ways: &[Way::new(&[Need::of(CHANGE, "", &["pods/ephemeralcontainers"]).target()], Opens::PodsAndHost)],
    },
    Pattern {
        id: "RB-14",
        title: "Reach kubelets, pods or services through the API server's proxy",
        severity: Severity::Critical,
        in_namespace: Severity::Medium,
        effect: Effect::Node,
        why: "get on nodes/proxy is enough to run commands in every pod of a node through the kubelet (a WebSocket upgrade is a GET), past \
              audit and admission. The proxies of pods and services reach applications around NetworkPolicies.",
        remediation: "Give nodes/metrics, nodes/stats, nodes/log, nodes/pods, nodes/healthz or nodes/configz instead (RB-45).",
        versions: "",
        ways: &[
            Way::new(&[Need::of(&["get", "create"], "", &["nodes/proxy"]).at_cluster().target()], Opens::Nodes),
            Way::new(
                &[Need::of(&["get", "create", "update", "patch", "delete"], "", &["pods/proxy", "services/proxy"])],
                Opens::Nothing,
            )
            .becoming(Effect::Traffic, Severity::Medium),
        ],
    },
    Pattern {
        id: "RB-15",
        title: "Create pods, also by workloads",
        severity: Severity::Critical,
        in_namespace: Severity::High,
        effect: Effect::ServiceAccount,
        why: "A pod may run as any service account of its namespace, mount any Secret and claim of it, and take the node where privileged pods are \
              not refused. A Job's template cannot be changed, so only its creation counts.",
        remediation: "Let a deployment tool write workloads from reviewed sources; enforce the Pod Security Standard baseline in the namespace; keep \
                      powerful service accounts in namespaces of their own.",
        versions: "",
        ways: &[
            Way::new(&[Need::of(CREATE, "", &["pods"])], Opens::NewPods),
            Way::new(
                &[Need::of(WRITE, "apps", &["deployments", "daemonsets", "statefulsets", "replicasets"])],
                Opens::NewPods,
            ),
            Way::new(&[Need::of(WRITE, "", &["replicationcontrollers"])], Opens::NewPods),
            Way::new(&[Need::of(CREATE, "batch", &["jobs"])], Opens::NewPods),
            Way::new(&[Need::of(WRITE, "batch", &["cronjobs"])], Opens::NewPods),
            Way::new(&[Need::of(WRITE, "argoproj.io", &["rollouts", "workflows", "cronworkflows"])], Opens::NewPods),
            Way::new(&[Need::of(WRITE, "serving.knative.dev", &["services"])], Opens::NewPods),
            Way::new(&[Need::of(CREATE, "jobset.x-k8s.io", &["jobsets"])], Opens::NewPods),
        ],
    },
    Pattern {
        id: "RB-16",
        title: "Change running pods",
        severity: Severity::High,
        in_namespace: Severity::High,
        effect: Effect::Pods,
        why: "Another image runs as the pod's service account at the next restart of the container; other labels take a service's traffic, or \
              leave a NetworkPolicy.",
        remediation: "Let workloads be changed instead of pods.",
        versions: "",
        ways: &[Way::new(&[Need::of(CHANGE, "", &["pods"]).target()], Opens::Pods)],
    },
    Pattern {
        id: "RB-17",
        title: "Change status, endpoints and addresses of others",
        severity: Severity::Medium,
        in_namespace: Severity::Medium,
        effect: Effect::Traffic,
        why: "Traffic goes where the writer wants: by endpoints in another namespace (CVE-2021-25740), load balancer addresses in a service's status \
              or externalIPs (CVE-2020-8554), readiness and addresses of pods and nodes.",
        remediation: "Leave these to controllers; refuse externalIPs by an admission policy (DenyServiceExternalIPs).",
        versions: "The roles edit and admin hold no write of endpoints from 1.22 on.",
        ways: &[
            Way::new(&[Need::of(CHANGE, "", &["pods/status", "services/status"])], Opens::Nothing),
            Way::new(&[Need::of(CHANGE, "", &["nodes/status"]).at_cluster()], Opens::Nothing),
            Way::new(&[Need::of(WRITE, "", &["endpoints", "services"])], Opens::Nothing),
            Way::new(&[Need::of(WRITE, "discovery.k8s.io", &["endpointslices"])], Opens::Nothing),
        ],
    },
    Pattern {
        id: "RB-18",
        title: "Steal pods: move them to another node",
        severity: Severity::High,
        in_namespace: Severity::Medium,
        effect: Effect::ServiceAccount,
        why: "Who ends pods (or the nodes under them) and makes other nodes unfit gets them, with their service accounts, onto a node that is held. \
              Taints do both, so that changing nodes is enough.",
        remediation: "Leave nodes to their controllers, and eviction to a drain tool that holds nothing else.",
        versions: "",
        ways: &[
            Way::new(&[Need::of(&["delete", "deletecollection"], "", &["pods"]), MOVE_NODES], Opens::Nothing),
            Way::new(&[Need::of(CREATE, "", &["pods/eviction"]), MOVE_NODES], Opens::Nothing),
            Way::new(
                &[Need::of(&["delete", "deletecollection"], "", &["nodes"]).at_cluster(), MOVE_NODES],
                Opens::Nothing,
            ),
            Way::new(&[Need::of(CHANGE, "", &["nodes"]).at_cluster()], Opens::Nothing),
        ],
    },
    Pattern {
        id: "RB-19",
        title: "Place pods on nodes",
        severity: Severity::Medium,
        in_namespace: Severity::Medium,
        effect: Effect::Pods,
        why: "A pending pod is put on a chosen node, whatever the scheduler would have kept it from.",
        remediation: "Leave it to schedulers.",
        versions: "",
        ways: &[Way::new(&[Need::of(CREATE, "", &["pods/binding", "bindings"])], Opens::Nothing)],
    },
    Pattern {
        id: "RB-27",
        title: "Create PersistentVolumes",
        severity: Severity::High,
        in_namespace: Severity::High,
        effect: Effect::Node,
        why: "A volume of type hostPath brings a node's files into a pod that the Pod Security Standards admit, since the pod names a claim only.",
        remediation: "Leave volumes to provisioners (StorageClasses); refuse hostPath volumes by an admission policy.",
        versions: "",
        ways: &[Way::new(&[Need::of(WRITE, "", &["persistentvolumes"]).at_cluster()], Opens::Volumes)],
    },
    Pattern {
        id: "RB-26",
        title: "Change namespaces, and so what guards them",
        severity: Severity::High,
        in_namespace: Severity::Medium,
        effect: Effect::Guards,
        why: "Labels of a namespace decide about Pod Security, NetworkPolicies of others, webhooks and policies. A RoleBinding in the namespace is \
              enough to change it.",
        remediation: "Take update and patch of namespaces out of roles that are bound in namespaces; refuse changes of these labels by an admission policy.",
        versions: "",
        ways: &[Way::new(&[Need::of(CHANGE, "", &["namespaces"]).at(Place::NamespaceObject)], Opens::Nothing)],
    },
    Pattern {
        id: "RB-45",
        title: "nodes/proxy, where a kubelet's finer rights would do",
        severity: Severity::Low,
        in_namespace: Severity::Low,
        effect: Effect::Excess,
        why: "Metrics, logs, pods and configuration of a kubelet have subresources of their own, which do not run commands.",
        remediation: "Replace nodes/proxy by nodes/metrics, nodes/stats, nodes/log, nodes/pods, nodes/healthz or nodes/configz.",
        versions: "KubeletFineGrainedAuthz: alpha 1.32 (off), on from 1.33, always from 1.36. Before that nodes/proxy cannot be replaced.",
        ways: &[Way::new(&[Need::of(&["get", "create"], "", &["nodes/proxy"]).at_cluster()], Opens::Nothing)
            .in_versions(Versions::from(33, Some("KubeletFineGrainedAuthz")))],
    },
];
