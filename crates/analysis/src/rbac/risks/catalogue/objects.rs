//! Patterns about stored data, traces, elections and destruction.

use super::{Effect, Opens, Pattern, Severity, WRITE, WRITE_OR_DELETE, Way};
use crate::rbac::risks::need::{Names, Need};

const DELETE: &[&str] = &["delete", "deletecollection"];

/// Deletion of objects of any name.
const fn wipe(group: &'static str, resources: &'static [&'static str]) -> Need {
    Need::of(DELETE, group, resources).named(Names::Unlimited)
}

pub(super) static PATTERNS: &[Pattern] = &[
    Pattern {
        id: "RB-28",
        title: "Write claims, storage classes, drivers and snapshots",
        severity: Severity::Medium,
        in_namespace: Severity::Medium,
        effect: Effect::Objects,
        why: "Data of others is mounted, copied through snapshots, or sent to a driver of the writer's choice.",
        remediation: "Leave drivers, attachments and contents of snapshots to storage administrators.",
        versions: "",
        ways: &[
            Way::new(
                &[Need::of(WRITE, "storage.k8s.io", &["storageclasses", "csidrivers", "volumeattachments"])
                    .at_cluster()],
                Opens::Nothing,
            ),
            Way::new(
                &[Need::of(WRITE, "snapshot.storage.k8s.io", &["volumesnapshotcontents"]).at_cluster()],
                Opens::Nothing,
            ),
            Way::new(&[Need::of(WRITE, "", &["persistentvolumeclaims"])], Opens::Nothing)
                .becoming(Effect::Objects, Severity::Low),
        ],
    },
    Pattern {
        id: "RB-34",
        title: "Remove traces, take elections, starve requests",
        severity: Severity::Medium,
        in_namespace: Severity::Low,
        effect: Effect::Loss,
        why: "Events that are deleted are gone; the lease of a controller or of a node that is written stops it; priority and fairness can be set so \
              that requests of others wait.",
        remediation: "Limit leases by resourceNames; leave events and flow schemas to the control plane.",
        versions: "",
        ways: &[
            Way::new(&[Need::of(DELETE, "", &["events"])], Opens::Nothing),
            Way::new(&[Need::of(DELETE, "events.k8s.io", &["events"])], Opens::Nothing),
            Way::new(
                &[Need::of(
                    WRITE_OR_DELETE,
                    "flowcontrol.apiserver.k8s.io",
                    &["flowschemas", "prioritylevelconfigurations"],
                )
                .at_cluster()],
                Opens::Nothing,
            ),
            Way::new(
                &[Need::of(&["update", "patch", "delete", "deletecollection"], "coordination.k8s.io", &["leases"])
                    .named(Names::Unlimited)],
                Opens::Nothing,
            ),
        ],
    },
    Pattern {
        id: "RB-35",
        title: "Delete at large",
        severity: Severity::High,
        in_namespace: Severity::Medium,
        effect: Effect::Loss,
        why: "Data and service are lost: Secrets, pods, workloads, namespaces with all that is in them, claims, volumes, definitions with all their \
              objects.",
        remediation: "Limit delete by resourceNames, and leave deletecollection to garbage collection.",
        versions: "",
        ways: &[
            Way::new(
                &[wipe("", &["secrets", "pods", "configmaps", "persistentvolumeclaims", "replicationcontrollers"])],
                Opens::Nothing,
            ),
            Way::new(&[wipe("apps", &["deployments", "daemonsets", "statefulsets", "replicasets"])], Opens::Nothing),
            Way::new(&[wipe("batch", &["jobs", "cronjobs"])], Opens::Nothing),
            Way::new(&[wipe("", &["namespaces"]).at(crate::rbac::risks::need::Place::NamespaceObject)], Opens::Nothing)
                .becoming(Effect::Loss, Severity::High),
            Way::new(&[wipe("", &["persistentvolumes", "nodes"]).at_cluster()], Opens::Nothing),
            Way::new(&[wipe("apiextensions.k8s.io", &["customresourcedefinitions"]).at_cluster()], Opens::Nothing),
        ],
    },
];
