//! Patterns about what guards and changes the objects of others: admission, policies, APIs, networks.

use super::{CHANGE, CREATE, Effect, Opens, Pattern, Severity, Versions, WRITE, WRITE_OR_DELETE, Way};
use crate::rbac::risks::need::{Names, Need, Place};

const ADMISSION: &str = "admissionregistration.k8s.io";
const DELETE: &[&str] = &["delete", "deletecollection"];
const MUTATING_POLICIES: Versions = Versions::from(36, Some("MutatingAdmissionPolicy"));

pub(super) static PATTERNS: &[Pattern] = &[
    Pattern {
        id: "RB-23",
        title: "Write admission webhooks",
        severity: Severity::Critical,
        in_namespace: Severity::Critical,
        effect: Effect::Objects,
        why: "A mutating webhook changes every object on its way, such as the pods of all namespaces; a validating one reads them, Secrets too. \
              Deleting one takes a guard away.",
        remediation: "Let webhooks be installed through reviewed changes; limit update by resourceNames to a component's own configuration.",
        versions: "",
        ways: &[
            Way::new(
                &[Need::of(WRITE, ADMISSION, &["mutatingwebhookconfigurations"]).at_cluster()],
                Opens::EveryAccount,
            ),
            Way::new(&[Need::of(WRITE, ADMISSION, &["validatingwebhookconfigurations"]).at_cluster()], Opens::Nothing),
            Way::new(
                &[Need::of(DELETE, ADMISSION, &["mutatingwebhookconfigurations", "validatingwebhookconfigurations"])
                    .at_cluster()],
                Opens::Nothing,
            )
            .becoming(Effect::Guards, Severity::High),
        ],
    },
    Pattern {
        id: "RB-24",
        title: "Write admission policies",
        severity: Severity::High,
        in_namespace: Severity::High,
        effect: Effect::Guards,
        why: "A mutating policy changes the objects of others as a webhook does; a validating policy that is changed or deleted no longer guards. The \
              objects that policies take as parameters are part of them.",
        remediation: "Let policies and their parameters be changed through reviewed changes only.",
        versions: "MutatingAdmissionPolicy: alpha 1.32 and beta 1.34 (off unless enabled), on from 1.36.",
        ways: &[
            Way::new(
                &[
                    Need::of(WRITE, ADMISSION, &["mutatingadmissionpolicies"]).at_cluster(),
                    Need::of(WRITE, ADMISSION, &["mutatingadmissionpolicybindings"]).at_cluster(),
                ],
                Opens::EveryAccount,
            )
            .becoming(Effect::Objects, Severity::Critical)
            .in_versions(MUTATING_POLICIES),
            Way::new(
                &[Need::of(
                    WRITE_OR_DELETE,
                    ADMISSION,
                    &["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"],
                )
                .at_cluster()],
                Opens::Nothing,
            )
            .in_versions(MUTATING_POLICIES),
            Way::new(
                &[Need::of(
                    WRITE_OR_DELETE,
                    ADMISSION,
                    &["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
                )
                .at_cluster()],
                Opens::Nothing,
            ),
        ],
    },
    Pattern {
        id: "RB-25",
        title: "Write the objects of policy engines",
        severity: Severity::High,
        in_namespace: Severity::Medium,
        effect: Effect::Guards,
        why: "A policy or an exception takes a guard away; a rule that generates or mutates writes with the engine's rights.",
        remediation: "Let them be changed through reviewed changes only; give exceptions to nobody who is bound by the policy.",
        versions: "",
        ways: &[
            Way::new(
                &[Need::of(
                    WRITE_OR_DELETE,
                    "kyverno.io",
                    &["clusterpolicies", "globalcontextentries", "clustercleanuppolicies"],
                )
                .at_cluster()],
                Opens::Nothing,
            ),
            Way::new(
                &[Need::of(WRITE_OR_DELETE, "kyverno.io", &["policies", "policyexceptions", "cleanuppolicies"])],
                Opens::Nothing,
            ),
            Way::new(&[Need::of(WRITE_OR_DELETE, "policies.kyverno.io", &["**"])], Opens::Nothing),
            Way::new(
                &[Need::of(WRITE_OR_DELETE, "templates.gatekeeper.sh", &["constrainttemplates"]).at_cluster()],
                Opens::Nothing,
            ),
            Way::new(&[Need::of(WRITE_OR_DELETE, "constraints.gatekeeper.sh", &["**"]).at_cluster()], Opens::Nothing),
            Way::new(&[Need::of(WRITE_OR_DELETE, "mutations.gatekeeper.sh", &["**"]).at_cluster()], Opens::Nothing),
            Way::new(&[Need::of(WRITE_OR_DELETE, "config.gatekeeper.sh", &["configs"])], Opens::Nothing),
        ],
    },
    Pattern {
        id: "RB-29",
        title: "Write CustomResourceDefinitions and APIServices",
        severity: Severity::High,
        in_namespace: Severity::High,
        effect: Effect::Objects,
        why: "An APIService takes over all requests to a group, with the credentials' names of those who make them; a conversion webhook reads and \
              changes all objects of a kind.",
        remediation: "Let definitions be installed through reviewed changes; limit update by resourceNames to a component's own.",
        versions: "",
        ways: &[
            Way::new(&[Need::of(WRITE, "apiregistration.k8s.io", &["apiservices"]).at_cluster()], Opens::Nothing),
            Way::new(
                &[Need::of(WRITE, "apiextensions.k8s.io", &["customresourcedefinitions"]).at_cluster()],
                Opens::Nothing,
            ),
        ],
    },
    Pattern {
        id: "RB-30",
        title: "Change the ConfigMaps that run the cluster",
        severity: Severity::High,
        in_namespace: Severity::High,
        effect: Effect::ClusterAdmin,
        why: "In kube-system, aws-auth maps cloud identities to any group (on EKS), coredns decides about names, \
              extension-apiserver-authentication about whom extension API servers trust, kubeadm-config, kubelet-config and kube-proxy about nodes.",
        remediation: "Give no write to ConfigMaps of kube-system; on EKS use access entries instead of aws-auth.",
        versions: "",
        ways: &[
            Way::new(
                &[Need::of(WRITE, "", &["configmaps"]).at(Place::In("kube-system")).named(Names::OneOf(&["aws-auth"]))],
                Opens::AwsAuth,
            ),
            Way::new(
                &[Need::of(CHANGE, "", &["configmaps"]).at(Place::In("kube-system")).named(Names::OneOf(&[
                    "coredns",
                    "coredns-custom",
                    "extension-apiserver-authentication",
                    "kube-proxy",
                    "kubeadm-config",
                    "kubelet-config",
                ]))],
                Opens::Nothing,
            )
            .becoming(Effect::Traffic, Severity::High),
        ],
    },
    Pattern {
        id: "RB-32",
        title: "Write network policies",
        severity: Severity::Medium,
        in_namespace: Severity::Medium,
        effect: Effect::Guards,
        why: "A policy that allows more, or the deletion of one that denies, opens the segmentation.",
        remediation: "Let network policies be changed through reviewed changes; hold what must not be opened in policies of the cluster.",
        versions: "",
        ways: &[
            Way::new(&[Need::of(WRITE_OR_DELETE, "networking.k8s.io", &["networkpolicies"])], Opens::Nothing),
            Way::new(
                &[Need::of(
                    WRITE_OR_DELETE,
                    "policy.networking.k8s.io",
                    &["adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies"],
                )
                .at_cluster()],
                Opens::Nothing,
            )
            .becoming(Effect::Guards, Severity::High),
            Way::new(&[Need::of(WRITE_OR_DELETE, "cilium.io", &["ciliumnetworkpolicies"])], Opens::Nothing),
            Way::new(
                &[Need::of(WRITE_OR_DELETE, "cilium.io", &["ciliumclusterwidenetworkpolicies"]).at_cluster()],
                Opens::Nothing,
            )
            .becoming(Effect::Guards, Severity::High),
            Way::new(&[Need::of(WRITE_OR_DELETE, "crd.projectcalico.org", &["networkpolicies"])], Opens::Nothing),
            Way::new(&[Need::of(WRITE_OR_DELETE, "projectcalico.org", &["networkpolicies"])], Opens::Nothing),
            Way::new(
                &[Need::of(WRITE_OR_DELETE, "crd.projectcalico.org", &["globalnetworkpolicies"]).at_cluster()],
                Opens::Nothing,
            )
            .becoming(Effect::Guards, Severity::High),
            Way::new(
                &[Need::of(WRITE_OR_DELETE, "projectcalico.org", &["globalnetworkpolicies"]).at_cluster()],
                Opens::Nothing,
            )
            .becoming(Effect::Guards, Severity::High),
        ],
    },
    Pattern {
        id: "RB-33",
        title: "Expose workloads: services, ingresses, gateways",
        severity: Severity::Medium,
        in_namespace: Severity::Low,
        effect: Effect::Exposure,
        why: "Workloads become reachable from outside, routes may go to other namespaces (ReferenceGrant), and an ingress controller that takes \
              snippets runs configuration of the writer.",
        remediation: "Let routes be changed through reviewed changes; refuse types of services and annotations that are not wanted by an admission policy.",
        versions: "",
        ways: &[
            Way::new(&[Need::of(WRITE, "", &["services"])], Opens::Nothing),
            Way::new(&[Need::of(WRITE, "networking.k8s.io", &["ingresses"])], Opens::Nothing),
            Way::new(
                &[Need::of(
                    WRITE,
                    "gateway.networking.k8s.io",
                    &["gateways", "httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes", "referencegrants"],
                )],
                Opens::Nothing,
            ),
        ],
    },
    Pattern {
        id: "RB-43",
        title: "Paths of the API server that are no resources",
        severity: Severity::Low,
        in_namespace: Severity::Low,
        effect: Effect::Information,
        why: "Profiles and logs of the API server hold data of requests and cost it time; metrics tell how it is used.",
        remediation: "Give the exact paths that are read: system:monitoring holds those of metrics and health.",
        versions: "",
        ways: &[
            Way::new(
                &[Need::asking(crate::rbac::risks::need::Ask::Path(&[
                    "/debug/pprof/profile",
                    "/debug/pprof/heap",
                    "/debug/flags/v",
                    "/debug/api_priority_and_fairness/dump_requests",
                    "/logs",
                    "/logs/",
                    "/logs/kube-apiserver.log",
                ]))
                .at_cluster()],
                Opens::Nothing,
            )
            .becoming(Effect::Information, Severity::Medium),
            Way::new(&[Need::asking(crate::rbac::risks::need::Ask::Path(&["/metrics"])).at_cluster()], Opens::Nothing),
        ],
    },
    Pattern {
        id: "RB-37",
        title: "Write objects that a controller acts on with its own rights",
        severity: Severity::High,
        in_namespace: Severity::High,
        effect: Effect::ServiceAccount,
        why: "What the object asks for is done with the rights of the controller, which are often those of cluster-admin: Argo CD, Flux (whose \
              Kustomizations name no account by default), External Secrets, cert-manager, Crossplane, Tekton.",
        remediation: "Have the controller act as an account of the namespace (spec.serviceAccountName with a default in Flux, AppProjects and sync \
                      impersonation in Argo CD), and let its objects be changed through reviewed changes only.",
        versions: "",
        ways: &[
            Way::new(
                &[Need::of(WRITE, "argoproj.io", &["applications", "applicationsets", "appprojects"])],
                Opens::Controllers(&["argocd-application-controller"]),
            ),
            Way::new(
                &[Need::of(WRITE, "kustomize.toolkit.fluxcd.io", &["kustomizations"])],
                Opens::Controllers(&["kustomize-controller"]),
            ),
            Way::new(
                &[Need::of(WRITE, "helm.toolkit.fluxcd.io", &["helmreleases"])],
                Opens::Controllers(&["helm-controller"]),
            ),
            Way::new(
                &[Need::of(
                    WRITE,
                    "external-secrets.io",
                    &[
                        "secretstores",
                        "externalsecrets",
                        "pushsecrets",
                        "clustersecretstores",
                        "clusterexternalsecrets",
                    ],
                )],
                Opens::Nothing,
            )
            .becoming(Effect::Credentials, Severity::High),
            Way::new(&[Need::of(WRITE, "secrets-store.csi.x-k8s.io", &["secretproviderclasses"])], Opens::Nothing)
                .becoming(Effect::Credentials, Severity::Medium),
            Way::new(
                &[Need::of(WRITE, "cert-manager.io", &["issuers", "clusterissuers", "certificates"])],
                Opens::Nothing,
            )
            .becoming(Effect::Identity, Severity::Medium),
            Way::new(&[Need::of(WRITE, "pkg.crossplane.io", &["**"]).at_cluster()], Opens::Nothing),
            Way::new(&[Need::of(WRITE, "apiextensions.crossplane.io", &["**"]).at_cluster()], Opens::Nothing),
            Way::new(&[Need::of(CREATE, "tekton.dev", &["pipelineruns", "taskruns"])], Opens::NewPods),
            Way::new(&[Need::of(WRITE, "tekton.dev", &["pipelines", "tasks"])], Opens::Nothing),
        ],
    },
];
