//! A made-up evaluation of a quarter, with everything that pages must show: all kinds of control, all conclusions,
//! short and long deviations, gaps, a population of several pages, and names chosen to mislead.

use std::borrow::Cow;

use records::table::Provenance;
use records::tables::monitoring::{Coverage, Gap, Source};
use records::tables::results::{ControlItem, ControlResult, Evaluation};
use records::{Conclusion, ControlKind, EntryReference, Period, PeriodSet, Timestamp, Verdict};
use reports::{ControlText, EvidenceMaterial, LogText, Material, ProofMaterial, RedactionMaterial, SealedProof};

const EVALUATION: &str = "5f0c1f6a0c9be0f3d1a7f2f3f44c6c1be1c3b5f9a1d2c3b4e5f60718293a4b5c";
const ROOT: &str = "q5y4Uu2pLwD0mM3nN8k0ZbYwq1yV7o2p6f1z0xK9c8E=";
const CHECKPOINT: &str = "prod.example/plimsoll\n812\nq5y4Uu2pLwD0mM3nN8k0ZbYwq1yV7o2p6f1z0xK9c8E=\n\n— prod.example/plimsoll AAAAAQmXmWq5aYt2n0xQ2l6o9c3D1VbqH2s3a4b5c6d7e8f9g0h1i2j3k4l5m6n7o8p9q0r1s2t3u4v5w6x7y8z9A0B1C2D3E4F5G6H7I8J9K0L1M2N3O4P5Q6R7S8==\n";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn between(from: &str, to: &str) -> Period {
    Period::new(at(from), at(to)).unwrap()
}

pub(crate) fn window() -> Period {
    between("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z")
}

fn digest(seed: usize) -> String {
    (0..32).map(|byte| format!("{:02x}", (seed * 131 + byte * 29 + 7) % 256)).collect()
}

fn provenance(source: &str) -> Provenance<'static> {
    Provenance {
        cluster: Cow::Borrowed("prod"),
        source: Cow::Owned(source.to_owned()),
        segment: 812,
        seq: 1,
        normaliser_version: 1,
    }
}

/// One verdict: item, label, from, to, verdict, reason, evidence.
struct Told {
    item: String,
    label: String,
    from: Timestamp,
    to: Timestamp,
    verdict: Verdict,
    reason: String,
    evidence: Option<(&'static str, i64, i64)>,
}

fn told(label: &str, from: &str, to: &str, verdict: Verdict, reason: &str, evidence: (&'static str, i64, i64)) -> Told {
    Told {
        item: format!(
            "{:016x}",
            label.bytes().fold(7u64, |hash, b| hash.wrapping_mul(1_099_511_628_211) ^ u64::from(b))
        ),
        label: label.to_owned(),
        from: at(from),
        to: at(to),
        verdict,
        reason: reason.to_owned(),
        evidence: Some(evidence),
    }
}

struct Control {
    id: &'static str,
    title: &'static str,
    kind: ControlKind,
    criteria: &'static [&'static str],
    needs: &'static [&'static str],
    sources: &'static [&'static str],
    description: &'static str,
    population_sql: &'static str,
    test_sql: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    next_step: &'static str,
    remark: &'static str,
    conclusion: Conclusion,
    covered: PeriodSet,
    items: Vec<Told>,
}

const BINDINGS: &str = "prod/watch/clusterrolebindings.rbac.authorization.k8s.io";
const ROLES: &str = "prod/watch/roles.rbac.authorization.k8s.io";
const NAMESPACES: &str = "prod/watch/namespaces";
const AUDIT_1: &str = "prod/audit/apiserver-1";
const AUDIT_2: &str = "prod/audit/apiserver-2";
const CONFIGURATION: &str = "prod/configuration/apiserver-1";
const STATEMENTS: &str = "prod/statements/balance";

const GRANTS_SQL: &str = "SELECT grant_id AS item,\n       subject AS label,\n       valid_from, valid_to,\n       source, segment, seq\nFROM rbac_grants\nWHERE cluster_admin_equivalent\n";
const GRANTS_TEST: &str = "SELECT p.item, p.valid_from, p.valid_to,\n       CASE WHEN a.value IS NOT NULL THEN 'effective' ELSE 'deviation' END AS verdict,\n       CASE WHEN a.value IS NOT NULL THEN 'on the approved list'\n            ELSE 'not on the approved list' END AS reason\nFROM population p\nLEFT JOIN parameter_lists a\n  ON a.name = 'approved_subjects' AND a.value = p.label\n";

fn full() -> PeriodSet {
    window().into()
}

/// The window without the hours in which the watch was down.
fn with_gaps() -> PeriodSet {
    [
        between("2026-08-01T00:00:00Z", "2026-09-12T02:11:40Z"),
        between("2026-09-12T09:40:05Z", "2026-10-20T22:00:00Z"),
        between("2026-10-20T22:03:10Z", "2026-11-01T00:00:00Z"),
    ]
    .into_iter()
    .collect()
}

fn controls() -> Vec<Control> {
    vec![
        admin(),
        wildcards(),
        sessions(),
        anonymous(),
        pod_security(),
        by_hand(),
        patched(),
        pinned(),
        policy(),
        complete(),
        clocks(),
    ]
}

fn admin() -> Control {
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

fn wildcards() -> Control {
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

fn sessions() -> Control {
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

fn anonymous() -> Control {
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

fn pod_security() -> Control {
    let (from, to) = ("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let good = "label pod-security.kubernetes.io/enforce is restricted";
    let namespace = |name: &str, seq: i64| told(name, from, to, Verdict::Effective, good, (NAMESPACES, 1, seq));
    Control {
        id: "AD-01",
        title: "Privileged pods are blocked in every namespace",
        kind: ControlKind::State,
        criteria: &["CC6.8"],
        needs: &["watch/namespaces", "watch/policies"],
        sources: &[NAMESPACES],
        description: "At every moment each namespace in scope is under a Pod Security label or an admission policy that refuses privileged pods.",
        population_sql: "SELECT namespace_uid AS item, namespace AS label, valid_from, valid_to, source, segment, seq\nFROM namespace_enforcement\nWHERE in_scope\n",
        test_sql: "SELECT item, valid_from, valid_to,\n       CASE WHEN enforced THEN 'effective' ELSE 'deviation' END AS verdict, reason\nFROM population\n",
        parameters: &[("levels", "[\"baseline\", \"restricted\"]")],
        next_step: "Put the label back and find out who took it away.",
        remark: "1 namespace was without enforcement for 4 min 12 s.",
        conclusion: Conclusion::Deviations,
        covered: full(),
        items: vec![
            namespace("payments", 12),
            namespace("billing", 13),
            told("checkout", from, "2026-10-14T13:00:02Z", Verdict::Effective, good, (NAMESPACES, 1, 14)),
            told(
                "checkout",
                "2026-10-14T13:00:02Z",
                "2026-10-14T13:04:14Z",
                Verdict::Deviation,
                "no label and no policy",
                (NAMESPACES, 655, 418),
            ),
            told("checkout", "2026-10-14T13:04:14Z", to, Verdict::Effective, good, (NAMESPACES, 655, 421)),
        ],
    }
}

fn by_hand() -> Control {
    let write = |n: i64, verdict, reason: &str| {
        let moment = at("2026-08-01T05:00:00Z").plus_seconds(n * 9_431).to_string();
        told(
            &format!("update deployments payments/api ({n})"),
            &moment,
            &moment,
            verdict,
            reason,
            (AUDIT_2, 30 + n / 4, 700 + n),
        )
    };
    let mut items: Vec<Told> = (0..800)
        .map(|n| write(n, Verdict::Effective, "written by the reconciler flux-system:kustomize-controller"))
        .collect();
    items.push(write(
        801,
        Verdict::Deviation,
        "written by User:dana@example.com with kubectl-edit; no emergency change",
    ));
    items.push(write(
        402,
        Verdict::Deviation,
        "written by User:sam@example.com with kubectl-client-side-apply; no emergency change",
    ));
    Control {
        id: "CH-02",
        title: "Nobody changes production by hand",
        kind: ControlKind::Event,
        criteria: &["CC8.1"],
        needs: &["audit"],
        sources: &[AUDIT_1, AUDIT_2],
        description: "Every material write to a governed object is made by a reconciler or by Kubernetes' own controllers.",
        population_sql: "SELECT write_id AS item, label, at, source, segment, seq\nFROM object_writes\nWHERE material AND governed\n",
        test_sql: "SELECT w.item,\n       CASE WHEN r.value IS NOT NULL OR w.kubernetes_own THEN 'effective' ELSE 'deviation' END AS verdict,\n       w.reason\nFROM population w\nLEFT JOIN parameter_lists r ON r.name = 'reconcilers' AND r.value = w.writer\n",
        parameters: &[("reconcilers", "[\"system:serviceaccount:flux-system:kustomize-controller\"]")],
        next_step: "Make the change through the repository, or record an emergency change.",
        remark: "2 writes were made by people.",
        conclusion: Conclusion::Deviations,
        covered: full(),
        items,
    }
}

fn patched() -> Control {
    Control {
        id: "CH-04",
        title: "Containers are replaced, not patched",
        kind: ControlKind::Event,
        criteria: &["CC6.8", "CC8.1"],
        needs: &["audit"],
        sources: &[AUDIT_1, AUDIT_2],
        description: "No shell is opened in a running container and no ephemeral container is added, but in an emergency change.",
        population_sql: "SELECT session_id AS item, label, at, source, segment, seq FROM privileged_sessions WHERE opens_shell\n",
        test_sql: "SELECT item, 'deviation' AS verdict, 'a shell was opened' AS reason FROM population\n",
        parameters: &[],
        next_step: "Replace the container by a new image.",
        remark: "",
        conclusion: Conclusion::DidNotOccur,
        covered: full(),
        items: vec![],
    }
}

fn pinned() -> Control {
    let (from, to) = ("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let image = |n: i64| {
        told(
            &format!("registry.example/payments/api@sha256:{}", &digest(n as usize)[..24]),
            from,
            to,
            Verdict::Effective,
            "pinned by digest",
            ("prod/watch/pods", 1, n),
        )
    };
    Control {
        id: "IM-04",
        title: "Images are pinned by digest",
        kind: ControlKind::State,
        criteria: &["CC8.1"],
        needs: &["watch/pods"],
        sources: &["prod/watch/pods"],
        description: "Every container in scope names its image by digest.",
        population_sql: "SELECT image_id AS item, image AS label, valid_from, valid_to, source, segment, seq FROM running_images\n",
        test_sql: "SELECT item, valid_from, valid_to,\n       CASE WHEN pinned THEN 'effective' ELSE 'deviation' END AS verdict, reason FROM population\n",
        parameters: &[],
        next_step: "Name the digest in the manifest.",
        remark: "",
        conclusion: Conclusion::NoDeviations,
        covered: full(),
        items: (1..=12).map(image).collect(),
    }
}

fn policy() -> Control {
    Control {
        id: "MO-01",
        title: "The audit policy records what matters",
        kind: ControlKind::State,
        criteria: &["CC7.2"],
        needs: &["configuration"],
        sources: &[CONFIGURATION],
        description: "The audit policy of each API server gives the required level to each required request.",
        population_sql: "SELECT requirement_id AS item, requirement AS label, valid_from, valid_to, source, segment, seq\nFROM audit_policy_requirements\n",
        test_sql: "SELECT item, valid_from, valid_to,\n       CASE WHEN met IS NULL THEN 'undetermined' WHEN met THEN 'effective' ELSE 'deviation' END AS verdict,\n       detail AS reason\nFROM population\n",
        parameters: &[("required", "[\"secrets: Metadata\", \"rbac writes: Request\"]")],
        next_step: "Let Plimsoll read the policy file of apiserver-2.",
        remark: "the policy of apiserver-2 could not be read from 2026-10-05; 2 requirements are undetermined.",
        conclusion: Conclusion::NotDeterminable,
        covered: full(),
        items: vec![
            told(
                "apiserver-1: secrets at Metadata",
                "2026-08-01T00:00:00Z",
                "2026-11-01T00:00:00Z",
                Verdict::Effective,
                "rule 4 gives Metadata",
                (CONFIGURATION, 1, 1),
            ),
            told(
                "apiserver-2: secrets at Metadata",
                "2026-08-01T00:00:00Z",
                "2026-10-05T12:00:00Z",
                Verdict::Effective,
                "rule 4 gives Metadata",
                (CONFIGURATION, 1, 2),
            ),
            told(
                "apiserver-2: secrets at Metadata",
                "2026-10-05T12:00:00Z",
                "2026-11-01T00:00:00Z",
                Verdict::Undetermined,
                "the policy could not be read",
                (CONFIGURATION, 580, 31),
            ),
            told(
                "apiserver-2: rbac writes at Request",
                "2026-10-05T12:00:00Z",
                "2026-11-01T00:00:00Z",
                Verdict::Undetermined,
                "the policy could not be read",
                (CONFIGURATION, 580, 31),
            ),
        ],
    }
}

fn complete() -> Control {
    let (from, to) = ("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z");
    Control {
        id: "MO-02",
        title: "The audit log is complete",
        kind: ControlKind::State,
        criteria: &["CC7.2"],
        needs: &["statements", "audit"],
        sources: &[AUDIT_1, AUDIT_2, STATEMENTS],
        description: "What each API server counts as audited is what was received from it; sequenced canaries arrive.",
        population_sql: "SELECT name AS item, name AS label, balance_from AS valid_from, balance_to AS valid_to, source, segment, seq\nFROM audit_balance\n",
        test_sql: "SELECT item, valid_from, valid_to,\n       CASE state WHEN 'balanced' THEN 'effective' WHEN 'in_flight' THEN 'undetermined' ELSE 'deviation' END AS verdict,\n       detail AS reason\nFROM population\n",
        parameters: &[("tolerance_events", "0")],
        next_step: "Find out why the webhook's buffer overflowed; raise its size or the receiver's.",
        remark: "apiserver-2 admits that it lost 41 events.",
        conclusion: Conclusion::Deviations,
        covered: with_gaps(),
        items: vec![
            told(AUDIT_1, from, to, Verdict::Effective, "counted 4 182 003, received 4 182 003", (STATEMENTS, 1, 2)),
            told(AUDIT_2, from, "2026-09-03T03:00:00Z", Verdict::Effective, "balanced", (STATEMENTS, 1, 3)),
            told(
                AUDIT_2,
                "2026-09-03T03:00:00Z",
                "2026-09-03T03:00:30Z",
                Verdict::Deviation,
                "counted 1 212, received 1 171, admitted loss 41",
                (STATEMENTS, 300, 20_011),
            ),
            told(AUDIT_2, "2026-09-03T03:00:30Z", to, Verdict::Effective, "balanced", (STATEMENTS, 300, 20_012)),
        ],
    }
}

fn clocks() -> Control {
    let week = |n: i64| {
        let from = at("2026-08-01T00:00:00Z").plus_seconds(n * 604_800);
        let to = from.plus_seconds(604_800).min(window().to);
        let (verdict, reason) = if n == 6 {
            (Verdict::Deviation, "no comparison in the period")
        } else {
            (Verdict::Effective, "largest skew 12 ms")
        };
        told(
            &format!("week {}", n + 1),
            &from.to_string(),
            &to.to_string(),
            verdict,
            reason,
            (STATEMENTS, 1 + n * 60, 40 + n),
        )
    };
    Control {
        id: "MO-08",
        title: "Clocks agree",
        kind: ControlKind::Cadence,
        criteria: &["CC7.2", "A1.2"],
        needs: &["statements"],
        sources: &[STATEMENTS],
        description: "In each week the clock of every source is compared with ours and differs by less than a second.",
        population_sql: "SELECT due AS item, due AS label, due_from, due_to, source, segment, seq FROM weeks\n",
        test_sql: "SELECT item,\n       CASE WHEN compared THEN 'effective' ELSE 'deviation' END AS verdict, reason FROM population\n",
        parameters: &[("largest_skew_ms", "1000")],
        next_step: "Start the comparison again.",
        remark: "1 of 14 weeks has no comparison.",
        conclusion: Conclusion::Deviations,
        covered: full(),
        items: (0..14).map(week).collect(),
    }
}

/// The whole evaluation.
pub(crate) fn material() -> Material {
    let evaluation = Evaluation {
        provenance: provenance("plimsoll/evaluation/prod"),
        evaluation_id: EVALUATION.into(),
        evaluated_at: at("2026-11-01T00:14:09.201Z"),
        window_from: window().from,
        window_to: window().to,
        checkpoint_size: 812,
        checkpoint_root: ROOT.into(),
        catalogue_digest: digest(1).into(),
        results_digest: digest(2).into(),
        version: "0.1.0".into(),
    };
    let mut material = Material {
        log: LogText {
            origin: "prod.example/plimsoll".to_owned(),
            verifier_key: "prod.example/plimsoll+00000001+AQmXmWq5aYt2n0xQ2l6o9c3D1VbqH2s3a4b5c6d7e8f9".to_owned(),
            checkpoint: CHECKPOINT.to_owned(),
        },
        window: window(),
        evaluation,
        results: Vec::new(),
        items: Vec::new(),
        sources: Vec::new(),
        coverage: Vec::new(),
        gaps: gaps(),
        controls: Vec::new(),
    };
    for (n, control) in controls().into_iter().enumerate() {
        add(&mut material, control, n);
    }
    add_sources(&mut material);
    material
}

fn add(material: &mut Material, control: Control, n: usize) {
    let items_with = |wanted: &[Verdict]| {
        let mut items: Vec<&str> =
            control.items.iter().filter(|told| wanted.contains(&told.verdict)).map(|told| told.item.as_str()).collect();
        items.sort_unstable();
        items.dedup();
        items
    };
    let deviating = items_with(&[Verdict::Deviation]);
    let undetermined =
        items_with(&[Verdict::Undetermined]).into_iter().filter(|item| !deviating.contains(item)).count();
    let count = |n: usize| i64::try_from(n).unwrap();
    let population = count(items_with(Verdict::ALL).len());
    material.results.push(ControlResult {
        provenance: provenance("plimsoll/evaluation/prod"),
        evaluation_id: EVALUATION.into(),
        control: control.id.into(),
        title: control.title.into(),
        kind: control.kind.as_str().into(),
        criteria: control.criteria.join(",").into(),
        conclusion: control.conclusion.as_str().into(),
        population,
        tested: count(items_with(&[Verdict::Effective, Verdict::Deviation]).len()),
        deviations: count(deviating.len()),
        undetermined: count(undetermined),
        covered_millionths: control.covered.micros() * 1_000 / (window().micros() / 1_000),
        longest_gap_micros: control.covered.missing_from(window()).longest().map_or(0, Period::micros),
        population_digest: digest(10 + n).into(),
        items_digest: digest(40 + n).into(),
        parameters_json: "{}".into(),
        remark: control.remark.into(),
    });
    for told in control.items {
        let (source, segment, seq) = told.evidence.map_or((None, None, None), |(a, b, c)| (Some(a), Some(b), Some(c)));
        material.items.push(ControlItem {
            provenance: provenance("plimsoll/evaluation/prod"),
            evaluation_id: EVALUATION.into(),
            control: control.id.into(),
            item: told.item.into(),
            label: told.label.into(),
            item_from: told.from,
            item_to: told.to,
            verdict: told.verdict.as_str().into(),
            reason: told.reason.into(),
            evidence_source: source.map(Cow::Borrowed),
            evidence_segment: segment,
            evidence_seq: seq,
        });
    }
    material.controls.push(ControlText {
        id: control.id.parse().unwrap(),
        title: control.title.to_owned(),
        kind: control.kind,
        criteria: control.criteria.iter().map(|criterion| criterion.parse().unwrap()).collect(),
        needs: control.needs.iter().map(|need| (*need).to_owned()).collect(),
        sources: control.sources.iter().map(|source| (*source).to_owned()).collect(),
        description: control.description.to_owned(),
        population_sql: control.population_sql.to_owned(),
        test_sql: control.test_sql.to_owned(),
        parameters: control.parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        next_step: control.next_step.to_owned(),
        covered: control.covered,
    });
}

fn add_sources(material: &mut Material) {
    let names = [BINDINGS, ROLES, NAMESPACES, "prod/watch/pods", AUDIT_1, AUDIT_2, CONFIGURATION, STATEMENTS];
    for (n, name) in (0i64..).zip(names) {
        let covered = if matches!(name, BINDINGS | AUDIT_2) { with_gaps() } else { full() };
        let basis = if name.contains("/audit/") { "balance" } else { "watch" };
        for period in covered.periods() {
            material.coverage.push(Coverage {
                provenance: provenance(name),
                name: name.into(),
                covered_from: period.from,
                covered_to: period.to,
                basis: basis.into(),
            });
        }
        material.sources.push(Source {
            provenance: provenance(name),
            name: name.into(),
            class: name.split('/').nth(1).unwrap().into(),
            first_received_at: Some(at("2026-07-29T11:20:00Z")),
            last_received_at: Some(at("2026-11-01T00:14:01Z")),
            entries: 1_000 + n * n * 130_417,
            covered_from: Some(window().from),
            covered_to: Some(window().to),
        });
    }
    material.sources.push(Source {
        provenance: provenance("prod/audit/apiserver-3"),
        name: "prod/audit/apiserver-3".into(),
        class: "audit".into(),
        first_received_at: None,
        last_received_at: None,
        entries: 0,
        covered_from: None,
        covered_to: None,
    });
}

fn gaps() -> Vec<Gap<'static>> {
    let gap = |name: &'static str,
               from: &str,
               to: &str,
               kind: &'static str,
               reason: &'static str,
               at_most,
               closed: Option<&'static str>| Gap {
        provenance: provenance(name),
        name: name.into(),
        gap_from: at(from),
        gap_to: at(to),
        gap_kind: kind.into(),
        reason: reason.into(),
        at_most,
        closed: closed.is_some(),
        closed_by: closed.map(Cow::Borrowed),
    };
    vec![
        gap(
            BINDINGS,
            "2026-09-12T02:11:40Z",
            "2026-09-12T09:40:05Z",
            "relisted",
            "the watch ended with 410 Gone; the list was read again",
            None,
            None,
        ),
        gap(
            BINDINGS,
            "2026-10-20T22:00:00Z",
            "2026-10-20T22:03:10Z",
            "not_observed",
            "the collector was stopped",
            None,
            None,
        ),
        gap(
            NAMESPACES,
            "2026-10-20T22:00:00Z",
            "2026-10-20T22:03:10Z",
            "not_observed",
            "the collector was stopped",
            Some(0),
            Some("resourceVersion 88123 accepted"),
        ),
        gap(
            AUDIT_2,
            "2026-09-03T03:00:00Z",
            "2026-09-03T03:00:30Z",
            "admitted_loss",
            "the API server counted 41 events that its webhook buffer could not hold",
            Some(41),
            None,
        ),
        gap(
            AUDIT_1,
            "2026-08-22T08:00:01.5Z",
            "2026-08-22T08:00:01.5Z",
            "unreadable_entry",
            "byte 17: invalid UTF-8",
            Some(1),
            None,
        ),
    ]
}

/// The raw entries of the deviations and some others; one is not sealed yet, one was redacted.
pub(crate) fn evidence() -> Vec<EvidenceMaterial> {
    let mut references: Vec<EntryReference> = material()
        .items
        .iter()
        .filter(|item| item.verdict != "effective" || item.control == "AD-01")
        .filter_map(reports::report::evidence_of)
        .collect();
    references.sort();
    references.dedup();
    references.into_iter().enumerate().map(|(n, reference)| entry(n, reference)).collect()
}

fn entry(n: usize, reference: EntryReference) -> EvidenceMaterial {
    let received_at = at("2026-08-01T00:00:01Z").plus_seconds(i64::try_from(n).unwrap() * 40_001);
    let object = r#"{"type":"ADDED","group":"rbac.authorization.k8s.io","version":"v1","resource":"clusterrolebindings","object":{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"dana-admin","uid":"0c5a2f5e-8a39-4c67-9a40-7d1a8a1fd0b1","resourceVersion":"88123","creationTimestamp":"2026-08-19T14:02:11Z","labels":{"note":"</pre><script>alert(1)</script>"}},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"dana@example.com"}]}}"#;
    let redaction = (n == 1).then(|| RedactionMaterial { original_sha256: digest(90), values: 2 });
    let redacted = redaction
        .as_ref()
        .map(|r| format!(r#""redacted":{{"original_sha256":"{}","values":{}}},"#, r.original_sha256, r.values))
        .unwrap_or_default();
    let line = format!(
        r#"{{"seq":{},"source":"{}","received_at":"{received_at}",{redacted}"raw":{object}}}"#,
        reference.seq, reference.source
    );
    let proof = if n == 2 {
        ProofMaterial::NotSealed
    } else {
        ProofMaterial::Sealed(SealedProof {
            inner_path: format!(
                "{{\"index\":{},\"size\":{},\"path\":[\"{}\",\"{}\"]}}",
                n,
                n + 40,
                digest(n + 100),
                digest(n + 200)
            ),
            manifest: format!(
                "{{\"segment\":{},\"entries\":{},\"root\":\"{}\"}}",
                reference.segment,
                n + 40,
                digest(n + 300)
            )
            .into_bytes(),
            tlog_proof: format!("c2sp.org/tlog-proof@v1\nindex {}\n{}\n\n{CHECKPOINT}", reference.segment, ROOT),
            checkpoint: CHECKPOINT.to_owned(),
        })
    };
    EvidenceMaterial { reference, received_at, line: line.into_bytes(), redaction, proof }
}
