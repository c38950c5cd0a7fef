//! Patterns about rights themselves: everything, wildcards, groups of everybody, escalation, binding, impersonation, and how rights are bound.

use super::{CHANGE, CREATE, Effect, Opens, Pattern, Severity, Versions, WRITE, Way};
use crate::rbac::GROUP;
use crate::rbac::risks::need::{Ask, Names, Need, Place};

const AUTHENTICATION: &str = "authentication.k8s.io";
/// The gate of constrained impersonation: alpha and off in 1.35, beta and on from 1.36.
const CONSTRAINED: Versions = Versions::from(36, Some("ConstrainedImpersonation"));

const fn escalate(resource: &'static [&'static str], place: Place) -> [Need; 2] {
    [Need::of(&["escalate"], GROUP, resource).at(place).target(), Need::of(CHANGE, GROUP, resource).at(place).target()]
}

const fn bind(roles: &'static [&'static str], verbs: &'static [&'static str], place: Place) -> [Need; 2] {
    let bindings: &'static [&'static str] = match place {
        Place::Cluster => &["clusterrolebindings"],
        _ => &["rolebindings"],
    };
    [Need::of(&["bind"], GROUP, roles).at(place).target(), Need::of(verbs, GROUP, bindings).at(place)]
}

const fn constrained(
    verb: &'static [&'static str],
    on: &'static [&'static str],
    resources: &'static [&'static str],
    place: Place,
) -> [Need; 2] {
    [Need::of(verb, AUTHENTICATION, resources).at(place), Need::of(on, "**", &["**"])]
}

pub(super) static PATTERNS: &[Pattern] = &[
    Pattern {
        id: "RB-01",
        title: "Everything: equal to cluster-admin",
        severity: Severity::Critical,
        in_namespace: Severity::Critical,
        effect: Effect::ClusterAdmin,
        why: "All verbs on all resources, also of kinds that come later. All verbs on all resources of the core group are the same, as \
              they hold impersonation of every user.",
        remediation: "Bind the named role that the work needs, in the namespaces that it needs it in; keep cluster-admin for an emergency account.",
        versions: "",
        ways: &[
            Way::new(&[Need::asking(Ask::Total).at_cluster()], Opens::Everything),
            Way::new(&[Need::asking(Ask::CoreTotal).at_cluster()], Opens::Everything),
        ],
    },
    Pattern {
        id: "RB-02",
        title: "Wildcard in verbs, resources or groups",
        severity: Severity::Medium,
        in_namespace: Severity::Low,
        effect: Effect::Excess,
        why: "The rule grows by itself: with each new kind, subresource or verb. All of all three in a namespace make its holder the \
              admin of that namespace.",
        remediation: "Write out the verbs, resources and groups that are used.",
        versions: "",
        ways: &[
            Way::new(&[Need::asking(Ask::Total)], Opens::Everything).becoming(Effect::NamespaceAdmin, Severity::High),
            Way::new(&[Need::asking(Ask::CoreTotal)], Opens::Everything)
                .becoming(Effect::NamespaceAdmin, Severity::High),
            Way::new(&[Need::asking(Ask::Wildcard)], Opens::Nothing),
        ],
    },
    Pattern {
        id: "RB-03",
        title: "Membership of system:masters or kubeadm:cluster-admins",
        severity: Severity::Critical,
        in_namespace: Severity::Critical,
        effect: Effect::ClusterAdmin,
        why: "Members of system:masters are allowed everything before any rule is read, so that no binding takes it away from them. \
              kubeadm:cluster-admins is the group of the administrator's file that kubeadm writes.",
        remediation: "Take the group out of bindings, certificates and the map of cloud users; keep one sealed credential for an emergency.",
        versions: "kubeadm writes kubeadm:cluster-admins from 1.29 on.",
        ways: &[],
    },
    Pattern {
        id: "RB-04",
        title: "Rights of everybody: anonymous callers, all users or all service accounts",
        severity: Severity::Critical,
        in_namespace: Severity::High,
        effect: Effect::Exposure,
        why: "Whoever reaches the API server, or runs any pod, holds what is bound to these groups.",
        remediation: "Bind named subjects. Anonymous callers need nothing beyond system:public-info-viewer.",
        versions: "",
        ways: &[],
    },
    Pattern {
        id: "RB-05",
        title: "Raise a role's rights (escalate)",
        severity: Severity::Critical,
        in_namespace: Severity::High,
        effect: Effect::ClusterAdmin,
        why: "With escalate, a role may be given rights that the writer does not hold: also the role that the writer itself holds. \
              Without update, patch or create of roles it does nothing.",
        remediation: "Take the verb escalate away; let roles be changed by those who hold what they give.",
        versions: "",
        ways: &[
            Way::new(&escalate(&["clusterroles"], Place::Cluster), Opens::Escalate),
            Way::new(&escalate(&["roles"], Place::Namespaced), Opens::Escalate)
                .becoming(Effect::NamespaceAdmin, Severity::High),
            Way::new(
                &[
                    Need::of(&["escalate"], GROUP, &["clusterroles"]).at_cluster().named(Names::Unlimited),
                    Need::of(CREATE, GROUP, &["clusterroles"]).at_cluster(),
                ],
                Opens::Nothing,
            )
            .becoming(Effect::Latent, Severity::High),
            Way::new(
                &[
                    Need::of(&["escalate"], GROUP, &["roles"]).named(Names::Unlimited),
                    Need::of(CREATE, GROUP, &["roles"]),
                ],
                Opens::Nothing,
            )
            .becoming(Effect::Latent, Severity::Medium),
        ],
    },
    Pattern {
        id: "RB-06",
        title: "Bind roles that one does not hold (bind)",
        severity: Severity::Critical,
        in_namespace: Severity::High,
        effect: Effect::ClusterAdmin,
        why: "With bind on a role, that role may be bound to anybody, also to oneself. Without bind, an API server refuses bindings that \
              give more than the writer holds; to bind a harmless role only is no finding.",
        remediation: "Limit bind by resourceNames to the roles that may be given away.",
        versions: "",
        ways: &[
            Way::new(
                &bind(&["clusterroles"], CREATE, Place::Cluster),
                Opens::Bind { cluster_roles: true, existing: false, over_cluster: true },
            ),
            Way::new(
                &bind(&["clusterroles"], CHANGE, Place::Cluster),
                Opens::Bind { cluster_roles: true, existing: true, over_cluster: true },
            ),
            Way::new(
                &bind(&["clusterroles"], CREATE, Place::Namespaced),
                Opens::Bind { cluster_roles: true, existing: false, over_cluster: false },
            )
            .becoming(Effect::NamespaceAdmin, Severity::High),
            Way::new(
                &bind(&["clusterroles"], CHANGE, Place::Namespaced),
                Opens::Bind { cluster_roles: true, existing: true, over_cluster: false },
            )
            .becoming(Effect::NamespaceAdmin, Severity::High),
            Way::new(
                &bind(&["roles"], CREATE, Place::Namespaced),
                Opens::Bind { cluster_roles: false, existing: false, over_cluster: false },
            )
            .becoming(Effect::NamespaceAdmin, Severity::High),
            Way::new(
                &bind(&["roles"], CHANGE, Place::Namespaced),
                Opens::Bind { cluster_roles: false, existing: true, over_cluster: false },
            )
            .becoming(Effect::NamespaceAdmin, Severity::High),
        ],
    },
    Pattern {
        id: "RB-07",
        title: "Impersonate users, groups or service accounts",
        severity: Severity::Critical,
        in_namespace: Severity::High,
        effect: Effect::Identity,
        why: "Requests are made as somebody else. Groups need somebody to be as well; uids and userextras are resources of \
              authentication.k8s.io and refine another impersonation.",
        remediation: "Take impersonate away, or limit it by resourceNames to the users and groups that it is meant for.",
        versions: "",
        ways: &[
            Way::new(&[Need::of(&["impersonate"], "", &["users"]).at_cluster().target()], Opens::Users),
            Way::new(
                &[
                    Need::of(&["impersonate"], "", &["groups"]).at_cluster().target(),
                    Need::of(&["impersonate"], "", &["users", "serviceaccounts"]),
                ],
                Opens::Groups,
            ),
            Way::new(&[Need::of(&["impersonate"], "", &["serviceaccounts"]).target()], Opens::Accounts)
                .becoming(Effect::ServiceAccount, Severity::High),
            Way::new(&[Need::of(&["impersonate"], "", &["groups"]).at_cluster()], Opens::Nothing)
                .becoming(Effect::Latent, Severity::Medium),
            Way::new(
                &[Need::of(&["impersonate"], AUTHENTICATION, &["uids", "userextras/"]).at_cluster()],
                Opens::Nothing,
            )
            .becoming(Effect::Latent, Severity::Low),
        ],
    },
    Pattern {
        id: "RB-08",
        title: "Constrained impersonation",
        severity: Severity::High,
        in_namespace: Severity::Medium,
        effect: Effect::Identity,
        why: "Requests of the verbs that impersonate-on: names are made as somebody else. One without the other does nothing.",
        remediation: "Limit by resourceNames who may be impersonated, and keep the verbs after impersonate-on: to those that are needed.",
        versions: "Alpha in 1.35 (gate ConstrainedImpersonation, off), on from 1.36.",
        ways: &[
            Way::new(
                &constrained(
                    &["impersonate:user-info"],
                    &["impersonate-on:user-info:"],
                    &["users", "groups", "uids", "userextras/"],
                    Place::Cluster,
                ),
                Opens::Nothing,
            )
            .in_versions(CONSTRAINED),
            Way::new(
                &constrained(
                    &["impersonate:serviceaccount"],
                    &["impersonate-on:serviceaccount:"],
                    &["serviceaccounts"],
                    Place::Namespaced,
                ),
                Opens::Nothing,
            )
            .becoming(Effect::ServiceAccount, Severity::High)
            .in_versions(CONSTRAINED),
            Way::new(
                &constrained(
                    &["impersonate:arbitrary-node"],
                    &["impersonate-on:arbitrary-node:"],
                    &["nodes"],
                    Place::Cluster,
                ),
                Opens::Nothing,
            )
            .becoming(Effect::Node, Severity::High)
            .in_versions(CONSTRAINED),
            Way::new(
                &constrained(
                    &["impersonate:associated-node"],
                    &["impersonate-on:associated-node:"],
                    &["nodes"],
                    Place::Cluster,
                ),
                Opens::Nothing,
            )
            .becoming(Effect::Node, Severity::Medium)
            .in_versions(CONSTRAINED),
        ],
    },
    Pattern {
        id: "RB-38",
        title: "A binding to a role or of a service account that does not exist",
        severity: Severity::Medium,
        in_namespace: Severity::Low,
        effect: Effect::Latent,
        why: "Whoever creates the role, or the service account under that name, gives or takes the rights.",
        remediation: "Remove the binding, or the subject from it.",
        versions: "",
        ways: &[],
    },
    Pattern {
        id: "RB-41",
        title: "Write ClusterRoles, also those that admin, edit and view are filled from",
        severity: Severity::Medium,
        in_namespace: Severity::Medium,
        effect: Effect::Excess,
        why: "A ClusterRole with the label aggregate-to-admin, -edit or -view widens these roles for all who hold them, by what the \
              writer holds itself (or by anything, with escalate).",
        remediation: "Let ClusterRoles be written by those who hold cluster-admin only, or through a reviewed change.",
        versions: "",
        ways: &[Way::new(&[Need::of(WRITE, GROUP, &["clusterroles"]).at_cluster()], Opens::Nothing)],
    },
    Pattern {
        id: "RB-42",
        title: "Rights bound to nodes",
        severity: Severity::Medium,
        in_namespace: Severity::Low,
        effect: Effect::Node,
        why: "What is bound to system:nodes or to a node's user is held by every kubelet, outside of what the Node authorizer limits to \
              its own pods.",
        remediation: "Leave nodes to the Node authorizer; bind what an agent on the node needs to its service account.",
        versions: "",
        ways: &[],
    },
    Pattern {
        id: "RB-44",
        title: "Rights that come together on a node",
        severity: Severity::High,
        in_namespace: Severity::High,
        effect: Effect::ServiceAccount,
        why: "Whoever holds a node holds the service accounts of all its pods at once: patterns that none of them holds alone, and the paths of \
              each of them.",
        remediation: "Keep pods of powerful service accounts on nodes of their own (taints, node selectors), and take rights from accounts that run \
                      on every node.",
        versions: "",
        ways: &[],
    },
];
