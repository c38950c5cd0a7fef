//! Who may do what: grants, wildcards, sessions, callers without a name.

use records::{Conclusion, ControlKind, Verdict};

use super::control::{Control, Told, told};
use super::sources::{AUDIT_1, AUDIT_2, BINDINGS, ROLES, full, with_gaps};

const GRANTS_SQL: &str = "SELECT grant_id AS item,\n       subject AS label,\n       valid_from, valid_to,\n       source, segment, seq\nFROM rbac_grants\nWHERE cluster_admin_equivalent\n";
const GRANTS_TEST: &str = "SELECT p.item, p.valid_from, p.valid_to,\n       CASE WHEN a.value IS NOT NULL THEN 'effective' ELSE 'deviation' END AS verdict,\n       CASE WHEN a.value IS NOT NULL THEN 'on the approved list'\n            ELSE 'not on the approved list' END AS reason\nFROM population p\nLEFT JOIN parameter_lists a\n  ON a.name = 'approved_subjects' AND a.value = p.label\n";

pub(super) fn admin() -> Control {
    let (from, to) = ("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let good = "on the approved list";
    let bad = "not on the approved list";
    Control {
        id: "AC-01",
        title: "Cluster-admin rights are held only by approved subjects",
        kind: ControlKind::State,
        criteria: &["CC6.1", "CC6.3"],
        needs: &["watch/rbac"],
        sources: &[BINDINGS, ROLES],
        description: "Every grant that amounts to cluster-admin, by name or by the rules of its role, is held by a subject on the approved list, at every moment of the window.",
        population_sql: GRANTS_SQL,
        test_sql: GRANTS_TEST,
        parameters: &[
            (
                "approved_subjects",
                "[\"Group:kubeadm:cluster-admins\", \"ServiceAccount:flux-system:kustomize-controller\"]",
            ),
            ("minimum_coverage", "0.99"),
        ],
        next_step: "Remove the binding, or add the subject to approved_subjects with the approval's reference.",
        remark: "3 grants were held by subjects that are not on the approved list; remove the bindings or record their approval.",
        conclusion: Conclusion::Deviations,
        covered: with_gaps(),
        items: vec![
            told("Group:kubeadm:cluster-admins", from, to, Verdict::Effective, good, (BINDINGS, 1, 4)),
            told(
                "ServiceAccount:flux-system:kustomize-controller",
                "2026-08-03T10:12:44.120Z",
                to,
                Verdict::Effective,
                good,
                (BINDINGS, 3, 91),
            ),
            told(
                "User:dana@example.com",
                "2026-08-19T14:02:11.482913Z",
                "2026-08-19T14:03:12.001Z",
                Verdict::Deviation,
                bad,
                (BINDINGS, 117, 2_204),
            ),
            told(
                "User:dana@example.com",
                "2026-10-02T07:30:00Z",
                "2026-10-02T11:45:09Z",
                Verdict::Deviation,
                bad,
                (BINDINGS, 540, 9_120),
            ),
            told(
                "ServiceAccount:billing:deployer",
                "2026-09-25T16:20:31Z",
                "2026-10-09T08:01:02Z",
                Verdict::Deviation,
                "not on the approved list; the role's rules amount to cluster-admin",
                (ROLES, 501, 77),
            ),
            told(
                "User:ro\u{202e}nimda\u{202c}<script>alert(1)</script>",
                "2026-10-28T23:59:01Z",
                to,
                Verdict::Deviation,
                bad,
                (BINDINGS, 801, 12_007),
            ),
            told(
                "Group:kubeadm:cluster-admins",
                "2026-09-12T02:11:40Z",
                "2026-09-12T09:40:05Z",
                Verdict::Undetermined,
                "not covered: prod/watch/clusterrolebindings.rbac.authorization.k8s.io was not observed",
                (BINDINGS, 1, 4),
            ),
        ],
    }
}

pub(super) fn wildcards() -> Control {
    let (from, to) = ("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let mut items: Vec<Told> = (0..2_350)
        .map(|n| {
            told(
                &format!("Role:team-{:03}/reader-{n:04}", n % 180),
                from,
                to,
                Verdict::Effective,
                "no wildcard",
                (ROLES, 2 + n / 40, 10 + n),
            )
        })
        .collect();
    items.push(told(
        "ClusterRole:legacy-operator",
        from,
        "2026-08-20T09:00:00Z",
        Verdict::Deviation,
        "verbs: *, resources: * in group apps",
        (ROLES, 1, 9),
    ));
    items.push(told(
        "ClusterRole:legacy-operator",
        "2026-08-20T09:00:00Z",
        to,
        Verdict::Effective,
        "no wildcard",
        (ROLES, 122, 2_900),
    ));
    Control {
        id: "AC-02",
        title: "Roles name what they allow, without wildcards",
        kind: ControlKind::State,
        criteria: &["CC6.3"],
        needs: &["watch/rbac"],
        sources: &[ROLES],
        description: "Roles in scope, other than Kubernetes' own, hold no * in verbs, resources or groups.",
        population_sql: "SELECT role_id AS item, role AS label, valid_from, valid_to, source, segment, seq\nFROM rbac_rules\nWHERE NOT built_in\n",
        test_sql: "SELECT item, valid_from, valid_to,\n       CASE WHEN wildcard THEN 'deviation' ELSE 'effective' END AS verdict, detail AS reason\nFROM population\n",
        parameters: &[("exceptions", "[]")],
        next_step: "Name the verbs and resources that the role needs.",
        remark: "1 role held wildcards until 2026-08-20.",
        conclusion: Conclusion::Deviations,
        covered: full(),
        items,
    }
}

pub(super) fn sessions() -> Control {
    let session = |day: u32, who: &str, seq: i64| {
        let moment =
            format!("2026-{:02}-{:02}T{:02}:17:{:02}.532Z", 8 + day / 31, 1 + day % 28, 6 + day % 12, day % 60);
        told(
            &format!("exec by {who} in payments/api-7d9f-{day}"),
            &moment,
            &moment,
            Verdict::Undetermined,
            "no review of this session exists",
            (AUDIT_1, 40 + seq / 10, 50_000 + seq),
        )
    };
    Control {
        id: "AC-10",
        title: "Privileged sessions are reviewed",
        kind: ControlKind::Event,
        criteria: &["CC6.1", "CC7.2"],
        needs: &["audit"],
        sources: &[AUDIT_1, AUDIT_2],
        description: "Each exec, attach, port-forward, ephemeral container and impersonation has a disposition within the agreed time.",
        population_sql: "SELECT session_id AS item, label, at, source, segment, seq FROM privileged_sessions\n",
        test_sql: "SELECT item, 'undetermined' AS verdict, 'no review of this session exists' AS reason FROM population\n",
        parameters: &[("review_within_hours", "72")],
        next_step: "Connect a source of reviews.",
        remark: "14 sessions have no review on record; reviews are not connected.",
        conclusion: Conclusion::NotDeterminable,
        covered: full(),
        items: (0..14)
            .map(|n| session(n * 6, if n % 3 == 0 { "erin@example.com" } else { "sam@example.com" }, i64::from(n) * 37))
            .collect(),
    }
}

pub(super) fn anonymous() -> Control {
    Control {
        id: "AC-11",
        title: "Nobody is let in without a name",
        kind: ControlKind::State,
        criteria: &["CC6.1", "CC6.6"],
        needs: &["watch/rbac", "audit"],
        sources: &[BINDINGS, AUDIT_1, AUDIT_2],
        description: "No binding names system:anonymous or system:unauthenticated beyond Kubernetes' own, and no anonymous request succeeds outside the allowed paths.",
        population_sql: "SELECT grant_id AS item, subject AS label, valid_from, valid_to, source, segment, seq\nFROM rbac_grants\nWHERE subject IN ('Group:system:unauthenticated', 'User:system:anonymous')\n",
        test_sql: "SELECT item, valid_from, valid_to, 'deviation' AS verdict, 'a binding lets in callers without a name' AS reason\nFROM population\n",
        parameters: &[("allowed_paths", "[\"/healthz\", \"/livez\", \"/readyz\", \"/version\"]")],
        next_step: "Delete the binding.",
        remark: "",
        conclusion: Conclusion::DidNotOccur,
        covered: full(),
        items: vec![],
    }
}
