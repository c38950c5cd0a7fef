//! Patterns about credentials: Secrets, tokens, certificates, service accounts.

use super::{CHANGE, CREATE, Effect, Opens, Pattern, READ, Severity, Versions, WRITE, Way};
use crate::rbac::risks::need::{Names, Need};

const CERTIFICATES: &str = "certificates.k8s.io";
const REQUESTS: Need = Need::of(CREATE, CERTIFICATES, &["certificatesigningrequests"]).at_cluster();
const APPROVAL: Need = Need::of(CHANGE, CERTIFICATES, &["certificatesigningrequests/approval"]).at_cluster();

const fn signers(verb: &'static [&'static str], names: Names) -> Need {
    Need::of(verb, CERTIFICATES, &["signers"]).at_cluster().named(names)
}

const CLIENT: Names = Names::Signers(&["kubernetes.io/kube-apiserver-client"]);
const KUBELET: Names = Names::Signers(&["kubernetes.io/kube-apiserver-client-kubelet"]);

pub(super) static PATTERNS: &[Pattern] = &[
    Pattern {
        id: "RB-09",
        title: "Read Secrets",
        severity: Severity::Critical,
        in_namespace: Severity::High,
        effect: Effect::Credentials,
        why: "get, list and watch each return the values. get without list reads what can be guessed or is named elsewhere. Tokens of service \
              accounts lie only in Secrets of that type.",
        remediation: "Limit get by resourceNames to the Secrets that are used, and give neither list nor watch; mount Secrets instead.",
        versions: "From 1.24 on, no token Secret is made by itself; only those that are there count.",
        ways: &[Way::new(&[Need::of(READ, "", &["secrets"]).target()], Opens::TokenSecrets)],
    },
    Pattern {
        id: "RB-10",
        title: "Write Secrets, and so mint a service account's token",
        severity: Severity::Critical,
        in_namespace: Severity::High,
        effect: Effect::ServiceAccount,
        why: "A Secret of type kubernetes.io/service-account-token that names a service account is filled with its token; whoever may read \
              it, or is answered with it by a patch, is that account.",
        remediation: "Give create only where no read or change of Secrets goes with it, or leave Secrets to a manager of secrets.",
        versions: "",
        ways: &[
            Way::new(
                &[
                    Need::of(CREATE, "", &["secrets"]),
                    Need::of(&["get", "list", "watch", "update", "patch"], "", &["secrets"]),
                ],
                Opens::EveryAccount,
            ),
            Way::new(&[Need::of(CHANGE, "", &["secrets"])], Opens::Nothing)
                .becoming(Effect::Credentials, Severity::Medium),
        ],
    },
    Pattern {
        id: "RB-11",
        title: "Request tokens of service accounts",
        severity: Severity::Critical,
        in_namespace: Severity::High,
        effect: Effect::ServiceAccount,
        why: "A token of any service account that it reaches, for any audience, without a trace on the account itself.",
        remediation: "Limit it by resourceNames to the accounts that tokens are needed of.",
        versions: "",
        ways: &[Way::new(&[Need::of(CREATE, "", &["serviceaccounts/token"]).target()], Opens::Accounts)],
    },
    Pattern {
        id: "RB-20",
        title: "Request and approve certificates for the API server",
        severity: Severity::Critical,
        in_namespace: Severity::Critical,
        effect: Effect::Identity,
        why: "A client certificate under any name and any group but system:masters, that nothing revokes; or that of a kubelet.",
        remediation: "Limit approve by resourceNames to the signers that are needed, and do not give create and approve to one subject.",
        versions: "The signer kubernetes.io/legacy-unknown cannot be requested from 1.22 on.",
        ways: &[
            Way::new(&[signers(&["approve"], CLIENT), APPROVAL, REQUESTS], Opens::Users),
            Way::new(&[signers(&["approve"], KUBELET), APPROVAL, REQUESTS], Opens::NodeCredentials)
                .becoming(Effect::Node, Severity::High),
            Way::new(&[signers(&["approve"], CLIENT), APPROVAL], Opens::Nothing)
                .becoming(Effect::Latent, Severity::High),
        ],
    },
    Pattern {
        id: "RB-21",
        title: "Issue certificates of a signer (sign)",
        severity: Severity::High,
        in_namespace: Severity::High,
        effect: Effect::Identity,
        why: "Whoever may sign puts the certificate into a request, without any approval of its own kind. A certificate that the API server takes \
              for a user needs the signer's key besides.",
        remediation: "Limit sign by resourceNames to a signer of one's own domain.",
        versions: "",
        ways: &[Way::new(
            &[
                Need::of(&["sign"], CERTIFICATES, &["signers"]).at_cluster(),
                Need::of(CHANGE, CERTIFICATES, &["certificatesigningrequests/status"]).at_cluster(),
            ],
            Opens::Nothing,
        )],
    },
    Pattern {
        id: "RB-22",
        title: "Plant trust: ClusterTrustBundles and certificates of pods",
        severity: Severity::High,
        in_namespace: Severity::High,
        effect: Effect::Traffic,
        why: "Pods that take their trusted certificates from the bundle trust whatever is planted; certificates of pods may be issued to the wrong \
              ones.",
        remediation: "Limit attest and sign by resourceNames to a signer of one's own domain; leave bundles without signer to cluster administrators.",
        versions: "ClusterTrustBundle: alpha 1.27 (off), beta 1.33; PodCertificateRequest: alpha 1.34 (off), beta 1.35.",
        ways: &[
            Way::new(
                &[
                    Need::of(&["attest"], CERTIFICATES, &["signers"]).at_cluster(),
                    Need::of(WRITE, CERTIFICATES, &["clustertrustbundles"]).at_cluster(),
                ],
                Opens::Nothing,
            )
            .in_versions(Versions::from(27, Some("ClusterTrustBundle"))),
            Way::new(&[Need::of(WRITE, CERTIFICATES, &["clustertrustbundles"]).at_cluster()], Opens::Nothing)
                .becoming(Effect::Traffic, Severity::Medium)
                .in_versions(Versions::from(27, Some("ClusterTrustBundle"))),
            Way::new(
                &[
                    Need::of(&["sign"], CERTIFICATES, &["signers"]).at_cluster(),
                    Need::of(CHANGE, CERTIFICATES, &["podcertificaterequests/status"]),
                ],
                Opens::Nothing,
            )
            .in_versions(Versions::from(34, Some("PodCertificateRequest"))),
        ],
    },
    Pattern {
        id: "RB-31",
        title: "Change service accounts, and so the cloud identities that they name",
        severity: Severity::Medium,
        in_namespace: Severity::Medium,
        effect: Effect::CloudIdentity,
        why: "The annotations eks.amazonaws.com/role-arn, iam.gke.io/gcp-service-account and azure.workload.identity/client-id name the identity \
              that pods get, as far as the cloud trusts the account; imagePullSecrets the credential for images.",
        remediation: "Limit it by resourceNames, and let the cloud trust exact namespaces and accounts only.",
        versions: "",
        ways: &[Way::new(&[Need::of(CHANGE, "", &["serviceaccounts"])], Opens::Nothing)],
    },
    Pattern {
        id: "RB-36",
        title: "Ask the API server about tokens and rights of others",
        severity: Severity::Low,
        in_namespace: Severity::Low,
        effect: Effect::Information,
        why: "TokenReview tells whether a stolen token works and whose it is; SubjectAccessReview what others may do.",
        remediation: "Give them to components that authenticate others (system:auth-delegator) only.",
        versions: "",
        ways: &[
            Way::new(&[Need::of(CREATE, "authentication.k8s.io", &["tokenreviews"]).at_cluster()], Opens::Nothing),
            Way::new(
                &[Need::of(CREATE, "authorization.k8s.io", &["subjectaccessreviews"]).at_cluster()],
                Opens::Nothing,
            ),
            Way::new(&[Need::of(CREATE, "authorization.k8s.io", &["localsubjectaccessreviews"])], Opens::Nothing),
        ],
    },
    Pattern {
        id: "RB-39",
        title: "A service account with rights that many share",
        severity: Severity::Medium,
        in_namespace: Severity::Low,
        effect: Effect::Excess,
        why: "Rights of the account default are held by every pod that names no account; one account of several workloads, or of a DaemonSet on \
              every node, is as exposed as the weakest of them.",
        remediation: "Give each workload an account of its own, leave default without rights, and set automountServiceAccountToken to false.",
        versions: "",
        ways: &[],
    },
    Pattern {
        id: "RB-40",
        title: "A long-lived token of a service account in a Secret",
        severity: Severity::Medium,
        in_namespace: Severity::Medium,
        effect: Effect::Credentials,
        why: "The token does not end before somebody deletes the Secret, and is not bound to a pod.",
        remediation: "Use requested tokens with an end (kubectl create token, or a projected volume), and delete the Secret.",
        versions: "From 1.24 on, such Secrets are only made by hand; from 1.29 on, those made by Kubernetes and not used for a year are invalidated.",
        ways: &[],
    },
];
