//! Who holds what at the end of the sample's window, what changed in it, and which credentials people used.

use std::borrow::Cow;
use std::collections::BTreeMap;

use records::EntryReference;
use records::access::HeldRule;
use records::table::Provenance;
use records::tables::identities::CredentialUse;
use records::tables::monitoring::Coverage;
use records::tables::rbac::{BindingUse, PermissionUse, RbacRisk};
use reports::AccessMaterial;
use reports::access::{
    AccessDifference, AccessQuestion, AccessSummary, Change, CredentialList, CredentialRow, HeldGrant, Listed, Paging,
    RiskChange, RuleChange, SeverityCount, SubjectAccess,
};
use serde_json::{Value, json};

use super::sources::{AUDIT_1, BINDINGS};
use super::{at, provenance, window};

const DEPLOYER: &str = "ServiceAccount:ci/deployer";
const HOSTILE: &str = "Group:\u{202e}</td><script>alert(1)</script>";

fn of(source: &str, segment: i64, seq: i64) -> Provenance<'static> {
    Provenance { segment, seq, ..provenance(source) }
}

fn entry(source: &str, segment: u64, seq: u64) -> EntryReference {
    EntryReference { source: source.to_owned(), segment, seq }
}

/// The watches that the sample has no sources for, so that what is missing is what its gaps say.
pub(super) fn coverage() -> Vec<Coverage<'static>> {
    let one = |kind: &str| {
        let name = format!("prod/watch/{kind}.rbac.authorization.k8s.io");
        Coverage {
            provenance: provenance(&name),
            name: name.into(),
            covered_from: window().from,
            covered_to: window().to,
            basis: "watch".into(),
        }
    };
    vec![one("clusterroles"), one("rolebindings")]
}

fn step(from: &str, by: Value, permission: &str, scope: Option<&str>, to: &str) -> Value {
    json!({"from": from, "permission": permission, "scope": scope, "evidence": by, "to": to})
}

struct Told<'a> {
    subject: &'static str,
    pattern: &'static str,
    title: &'static str,
    severity: &'static str,
    scope: Option<&'static str>,
    effect: &'static str,
    permission: &'static str,
    steps: &'a [Value],
    implied: bool,
}

fn risk(n: usize, told: &Told<'_>) -> RbacRisk<'static> {
    let words = told.steps.iter().flat_map(|step| [&step["from"], &step["permission"], &step["to"]]);
    let mut words: Vec<&str> = words.filter_map(Value::as_str).filter(|word| !word.is_empty()).collect();
    words.dedup();
    RbacRisk {
        provenance: of(BINDINGS, 117, 2_204),
        risk_id: format!("{n:032x}").into(),
        valid_from: at("2026-08-19T14:02:11.482913Z"),
        valid_to: None,
        subject: told.subject.into(),
        subject_kind: told.subject.split(':').next().unwrap().into(),
        pattern: told.pattern.into(),
        title: told.title.into(),
        severity: told.severity.into(),
        scope: told.scope.map(Cow::Borrowed),
        effect: told.effect.into(),
        permission: told.permission.into(),
        path: words.join(" -> ").into(),
        path_json: Value::Array(told.steps.to_vec()).to_string().into(),
        steps: i64::try_from(told.steps.len()).unwrap(),
        combined: false,
        implied: told.implied,
        built_in: false,
        remark: (n == 2).then(|| "whether the API server runs Kubernetes 1.36 is not known".into()),
        remediation: "Let a controller write the objects, and give people the right to change what it reads.".into(),
    }
}

/// The risks of the deployer: a way of two steps to cluster-admin, one that rests on something unknown, one that is implied.
fn risks() -> Vec<RbacRisk<'static>> {
    let binding = json!([{"binding": "RoleBinding:shop/deployers", "role": "ClusterRole:edit", "through": "Group:system:serviceaccounts:ci"},
        {"binding": "ClusterRoleBinding:ci-extra", "role": "ClusterRole:ci-extra"}]);
    let pods = step(DEPLOYER, binding, "create pods and get secrets", Some("shop"), "ServiceAccount:shop/operator");
    let admin = json!([{"binding": "ClusterRoleBinding:operator", "role": "ClusterRole:cluster-admin"}]);
    let admin = step("ServiceAccount:shop/operator", admin, "* */*", None, "cluster-admin");
    let object = json!([{"object": "Secret:shop/old-token", "says": "holds a token of ServiceAccount:shop/web"}]);
    let secret = step(DEPLOYER, object, "get secrets named old-token", Some("shop"), "ServiceAccount:shop/web");
    let told = |pattern, title, severity, effect, permission, steps, implied| Told {
        subject: DEPLOYER,
        pattern,
        title,
        severity,
        scope: Some("shop"),
        effect,
        permission,
        steps,
        implied,
    };
    vec![
        risk(
            1,
            &told(
                "RB-15",
                "Create pods, also by workloads",
                "critical",
                "cluster-admin",
                "create pods",
                &[pods, admin],
                false,
            ),
        ),
        risk(2, &told("RB-20", "Read Secrets", "medium", "service account", "get secrets", &[secret], false)),
        risk(3, &told("RB-33", "Read logs", "low", "information", "get pods/log", &[], true)),
    ]
}

fn other_risks() -> Vec<RbacRisk<'static>> {
    let told = |subject, severity, effect| Told {
        subject,
        pattern: "RB-01",
        title: "Everything",
        severity,
        scope: None,
        effect,
        permission: "* */*",
        steps: &[],
        implied: false,
    };
    vec![
        risk(4, &told("User:dana@example.com", "critical", "cluster-admin")),
        risk(5, &told(HOSTILE, "high", "</td><script>alert(2)</script>")),
    ]
}

fn held(subject: &str, namespace: Option<&str>, permission: &str, binding: &str, through: &str) -> HeldGrant {
    HeldGrant {
        cluster: "prod".to_owned(),
        held: HeldRule {
            subject: subject.to_owned(),
            namespace: namespace.map(str::to_owned),
            permission: permission.to_owned(),
            binding: binding.to_owned(),
            role: "ClusterRole:edit".to_owned(),
            through: through.to_owned(),
        },
        role_exists: !permission.is_empty(),
        built_in: false,
        cluster_admin_equivalent: permission == "* *.*",
        since: Some(at("2026-08-19T14:02:11.482913Z")),
        binding_entry: Some(entry(BINDINGS, 117, 2_204)),
        role_entry: Some(entry(BINDINGS, 540, 9_120)),
    }
}

fn uses() -> Vec<PermissionUse<'static>> {
    let one =
        |permission: &'static str, usage: &'static str, reason: &'static str, requests: Option<i64>| PermissionUse {
            provenance: of(BINDINGS, 117, 2_204),
            permission_id: "00".into(),
            valid_from: at("2026-08-19T14:02:11Z"),
            valid_to: None,
            subject: DEPLOYER.into(),
            subject_kind: "ServiceAccount".into(),
            permission: permission.into(),
            namespace: Some("shop".into()),
            binding: Some("RoleBinding:shop/deployers".into()),
            role: Some("ClusterRole:edit".into()),
            granted_by: "rbac".into(),
            usage: usage.into(),
            reason: reason.into(),
            recorded: Some(true),
            first_use: requests.map(|_| at("2026-08-20T09:00:00Z")),
            last_use: requests.map(|_| at("2026-10-31T17:21:44.5Z")),
            requests,
        };
    vec![
        one("create pods/exec", "unused", "no use was seen in 90 days, and every use is recorded", None),
        one("patch deployments.apps", "used", "used within the last 90 days", Some(1_482)),
    ]
}

fn bindings() -> Vec<BindingUse<'static>> {
    vec![BindingUse {
        provenance: of(BINDINGS, 117, 2_204),
        binding: "RoleBinding:shop/deployers".into(),
        role: "ClusterRole:edit".into(),
        namespace: Some("shop".into()),
        subjects: DEPLOYER.into(),
        as_of: window().to,
        looked_back_to: window().from,
        needed: Some(false),
        reason: "every request that was seen is allowed by another binding".into(),
        request_kinds: 3,
        request_kinds_by_it_alone: 0,
        narrowest_role: Some(
            "kind: Role\nrules:\n- apiGroups: [apps]\n  resources: [deployments]\n  verbs: [patch]\n".into(),
        ),
    }]
}

/// What the deployer holds.
pub(crate) fn subject() -> SubjectAccess {
    let labels = ["RoleBinding:shop/deployers", "ClusterRole:edit"];
    let entries = labels.map(|label| (("prod".to_owned(), label.to_owned()), entry(BINDINGS, 117, 2_204)));
    let group = "Group:system:serviceaccounts:ci";
    SubjectAccess {
        question: AccessQuestion { subject: DEPLOYER.to_owned(), ..AccessQuestion::default() },
        clusters: vec!["prod".to_owned()],
        subject: DEPLOYER.to_owned(),
        known: true,
        groups: ["Group:system:serviceaccounts", group, "Group:system:authenticated"].map(str::to_owned).to_vec(),
        rules: vec![
            held(DEPLOYER, Some("shop"), "get,list,patch deployments.apps,pods", "RoleBinding:shop/deployers", group),
            held(DEPLOYER, None, "get /metrics", "ClusterRoleBinding:ci-extra", DEPLOYER),
            held(DEPLOYER, None, "", "ClusterRoleBinding:forgotten", DEPLOYER),
        ],
        rules_total: 3,
        risks: risks(),
        entries: BTreeMap::from(entries),
        uses: uses(),
        uses_total: 2,
        bindings: bindings(),
    }
}

pub(crate) fn summary() -> AccessSummary {
    let severity = |severity: &str, risks, built_in, subjects| SeverityCount {
        severity: severity.to_owned(),
        risks,
        built_in,
        subjects,
    };
    let mut worst: Vec<RbacRisk<'static>> = risks().into_iter().filter(|risk| !risk.implied).collect();
    worst.extend(other_risks());
    AccessSummary {
        question: AccessQuestion::default(),
        clusters: vec!["prod".to_owned()],
        subjects: 214,
        grants: 388,
        equivalent_subjects: 3,
        equivalent_grants: 4,
        anonymous_grants: 1,
        grants_of_missing_roles: 2,
        severities: vec![
            severity("critical", 5, 2, 4),
            severity("high", 31, 28, 20),
            severity("medium", 44, 40, 38),
            severity("low", 12, 12, 12),
        ],
        worst,
    }
}

/// One change of each sort.
pub(crate) fn difference() -> AccessDifference {
    let rule = |change, permission: &str, began: Option<&str>, ended: Option<&str>| RuleChange {
        change,
        held: held("User:dana@example.com", None, permission, "ClusterRoleBinding:dana-admin", "User:dana@example.com"),
        began: began.map(at),
        ended: ended.map(at),
    };
    let told = |change, n: usize, severity_before: Option<&str>| RiskChange {
        change,
        risk: risks().into_iter().chain(other_risks()).nth(n).unwrap(),
        severity_before: severity_before.map(str::to_owned),
        began: Some(at("2026-09-14T08:00:00Z")),
        ended: None,
    };
    AccessDifference {
        question: AccessQuestion::default(),
        clusters: vec!["prod".to_owned()],
        rules: vec![
            rule(Change::ForAWhile, "* *.*", Some("2026-08-19T14:02:11.482913Z"), Some("2026-08-19T14:03:12.001Z")),
            rule(Change::Went, "get pods", None, Some("2026-09-14T08:09:58Z")),
            rule(Change::Came, "get,list secrets", Some("2026-10-02T07:30:00Z"), None),
            rule(Change::Interrupted, "get nodes", Some("2026-10-02T07:30:00Z"), Some("2026-10-01T07:30:00Z")),
        ],
        risks: vec![told(Change::Came, 0, None), told(Change::Changed, 3, Some("high"))],
        cut: false,
    }
}

fn credential(
    n: usize,
    user: &'static str,
    kind: &'static str,
    claims: Option<&'static str>,
) -> CredentialUse<'static> {
    let requests = i64::try_from(n * n * 911 + 4).unwrap();
    CredentialUse {
        provenance: of(AUDIT_1, 600, 88_001),
        credential: format!("{n:032x}").into(),
        user_name: user.into(),
        actor_class: "human".into(),
        kind: kind.into(),
        credential_id: (kind == "jwt").then(|| "JTI=0f1e2d3c-4b5a-6978".into()),
        token_secret: None,
        claims_json: claims.map(Cow::Borrowed),
        first_used_at: at("2026-08-03T07:58:00Z"),
        last_used_at: at("2026-10-30T16:02:11.25Z"),
        requests,
        succeeded: requests - 3,
        source_addresses: if n == 2 { 7 } else { 1 },
        first_address: Some("203.0.113.7".into()),
        last_address: Some("203.0.113.9".into()),
        user_agents: 2,
        many_addresses: n == 2,
        issued_at: None,
        issued_by: None,
        issued_by_class: None,
        certificate_request: None,
        certificate_requested_by: None,
        certificate_signer: None,
    }
}

/// Credentials of each sort, by user.
pub(crate) fn credentials() -> CredentialList {
    let mfa = Some(r#"{"idp.example.test/amr":["pwd","mfa"]}"#);
    let lent = CredentialUse {
        actor_class: "service_account".into(),
        issued_at: Some(at("2026-09-01T10:00:00Z")),
        issued_by: Some("dana@example.com".into()),
        issued_by_class: Some("human".into()),
        ..credential(5, "system:serviceaccount:ci:deployer", "service_account_token", None)
    };
    let requested = CredentialUse {
        certificate_request: Some("dana-2026".into()),
        certificate_requested_by: Some("erin@example.com".into()),
        ..credential(3, "dana@example.com", "client_certificate", None)
    };
    let row = |used, listed| CredentialRow { used, listed };
    let rows = vec![
        row(credential(1, "alice@example.com", "jwt", mfa), Some(Listed::Active)),
        row(credential(2, "bob@example.com", "jwt", Some("{}")), Some(Listed::Left(Some(at("2026-10-01T00:00:00Z"))))),
        row(requested, Some(Listed::Absent)),
        row(credential(4, "<script>alert(3)</script>", "unidentified", None), None),
        row(lent, Some(Listed::Active)),
    ];
    CredentialList {
        question: AccessQuestion::default(),
        clusters: vec!["prod".to_owned()],
        paging: Paging { total: 5, page: 1, per_page: 200, last_page: 1 },
        rows,
    }
}

/// What the package tells of access.
pub(super) fn access() -> AccessMaterial {
    let other = |risk: RbacRisk<'static>| SubjectAccess {
        question: AccessQuestion { subject: risk.subject.to_string(), ..AccessQuestion::default() },
        clusters: vec!["prod".to_owned()],
        subject: risk.subject.to_string(),
        known: true,
        risks: vec![risk],
        ..SubjectAccess::default()
    };
    AccessMaterial {
        summary: summary(),
        subjects: std::iter::once(subject()).chain(other_risks().into_iter().map(other)).collect(),
        subjects_total: 41,
        difference: difference(),
        credentials: credentials(),
    }
}
