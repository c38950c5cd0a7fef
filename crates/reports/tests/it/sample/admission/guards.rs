//! A webhook's configuration that was weakened and mended, newest first.

use records::tables::objects::ObjectVersion;

use super::super::at;
use super::of;

fn version(
    seq: i64,
    (from, to): (&str, Option<&str>),
    writer: Option<&'static str>,
    failure_policy: &str,
) -> ObjectVersion<'static> {
    ObjectVersion {
        provenance: of("prod/watch/validatingwebhookconfigurations.admissionregistration.k8s.io", 300 + seq, seq),
        valid_from: at(from),
        valid_to: to.map(at),
        valid_from_basis: if writer.is_some() { "audit" } else { "observed" }.into(),
        observed_at: at(from),
        api_group: "admissionregistration.k8s.io".into(),
        api_version: "v1".into(),
        resource: "validatingwebhookconfigurations".into(),
        kind: "ValidatingWebhookConfiguration".into(),
        namespace: None,
        name: "plimsoll".into(),
        uid: "7d2c1a4e-0000-4000-8000-000000000001".into(),
        resource_version: format!("{}", 90_000 + seq).into(),
        ended_by: to.map(|_| "replaced".into()),
        writer: writer.map(Into::into),
        writer_audit_id: writer.map(|_| format!("aa5b2a0e-3c1d-4b6e-9a59-0000000000{seq:02}").into()),
        field_manager: Some("kubectl-edit".into()),
        content_write_time: None,
        refreshed_time: None,
        material_digest: format!("{seq:064x}").into(),
        body_json: format!(
            r#"{{"metadata":{{"name":"plimsoll"}},"webhooks":[{{"failurePolicy":"{failure_policy}","name":"admission.plimsoll.dev","rules":[{{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE","UPDATE"],"resources":["pods"]}}],"timeoutSeconds":10}}]}}"#
        )
        .into(),
    }
}

pub(super) fn guards() -> Vec<ObjectVersion<'static>> {
    let (weak, mended) = ("2026-09-14T08:09:58Z", "2026-09-14T08:31:12Z");
    vec![
        version(31, (mended, None), Some("alice@example.com"), "Fail"),
        version(30, (weak, Some(mended)), Some("dana@example.com"), "Ignore"),
        version(2, ("2026-08-01T00:00:05Z", Some(weak)), None, "Fail"),
    ]
}
