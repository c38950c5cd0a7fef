//! The raw entries that the verdicts rest on, with their proofs.

use records::EntryReference;
use reports::{EvidenceMaterial, ProofMaterial, RedactionMaterial, SealedProof};

use super::{CHECKPOINT, ROOT, at, digest, material};

/// The raw entries of the deviations and some others; one is not sealed yet, one was redacted.
pub(crate) fn evidence() -> Vec<EvidenceMaterial> {
    let mut references: Vec<EntryReference> = material()
        .items
        .iter()
        .filter(|item| item.verdict != "effective" || item.control == "AD-01")
        .filter_map(reports::report::evidence_of)
        .chain(material().admission.references())
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
