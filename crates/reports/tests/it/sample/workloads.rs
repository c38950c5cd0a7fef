//! What runs and how it changes: admission, writes by hand, shells, images.

use records::{Conclusion, ControlKind, Verdict};

use super::control::{Control, Told, told};
use super::sources::{AUDIT_1, AUDIT_2, NAMESPACES, full};
use super::{at, digest};

pub(super) fn pod_security() -> Control {
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

pub(super) fn by_hand() -> Control {
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

pub(super) fn patched() -> Control {
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

pub(super) fn pinned() -> Control {
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
