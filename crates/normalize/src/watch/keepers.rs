//! What is material in the status of objects that keep Secrets: whether they are in order, and until when a certificate holds. When they last
//! looked is told apart, since it changes without anything being decided.

use records::Timestamp;

use super::{write, write_object};
use crate::json::{Json, Shape, quote};

/// API groups of objects that keep Secrets.
pub const GROUPS: [&str; 5] =
    ["external-secrets.io", "secrets.hashicorp.com", "cert-manager.io", "bitnami.com", "secrets-store.csi.x-k8s.io"];

/// Members of a status that are material beside its conditions.
const MATERIAL: [&str; 2] = ["notAfter", "notBefore"];

/// Writes the member `status` of an object that keeps Secrets with what is material of it, and says whether it did.
pub(super) fn write_status(object: Json<'_>, status: Json<'_>, out: &mut String) -> bool {
    let keeps = object
        .member("apiVersion")
        .and_then(|version| version.text())
        .is_some_and(|version| version.split_once('/').is_some_and(|(group, _)| GROUPS.contains(&group)));
    let told = keeps
        && status.shape() == Shape::Object
        && status.members().any(|(key, _)| key.is("conditions") || MATERIAL.iter().any(|name| key.is(name)));
    if !told {
        return false;
    }
    out.push_str("\"status\":");
    write_object(status, out, |key, value, out| match key {
        "conditions" if value.shape() == Shape::Array => {
            out.push_str("\"conditions\":[");
            for (number, condition) in value.elements().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                write_condition(condition, out);
            }
            out.push(']');
            true
        }
        _ if MATERIAL.contains(&key) => {
            quote(key, out);
            out.push(':');
            write(value, out);
            true
        }
        _ => false,
    });
    true
}

/// A condition without its message and times: those change with every look.
fn write_condition(condition: Json<'_>, out: &mut String) {
    write_object(condition, out, |key, value, out| {
        if !matches!(key, "type" | "status" | "reason") {
            return false;
        }
        quote(key, out);
        out.push(':');
        write(value, out);
        true
    });
}

/// When the object's controller says that it last looked at the source of the Secret: `status.refreshTime` of ExternalSecrets,
/// `status.lastRenewalTime` (seconds since 1970) of VaultDynamicSecrets.
pub(super) fn refreshed(group: &str, object: Json<'_>) -> Option<Timestamp> {
    match group {
        "external-secrets.io" => object.path(&["status", "refreshTime"])?.text()?.parse().ok(),
        "secrets.hashicorp.com" => {
            let seconds = object.path(&["status", "lastRenewalTime"])?.integer().filter(|seconds| *seconds > 0)?;
            Timestamp::from_micros(seconds.checked_mul(1_000_000)?).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::material;

    #[test]
    fn conditions_are_material_and_the_last_look_is_not() {
        let object = |refresh: &str, status: &str| {
            format!(
                r#"{{"apiVersion":"external-secrets.io/v1","kind":"ExternalSecret","metadata":{{"name":"db"}},"status":{{"refreshTime":"{refresh}","binding":{{"name":"db"}},"conditions":[{{"lastTransitionTime":"{refresh}","message":"at {refresh}","reason":"SecretSynced","status":"{status}","type":"Ready"}}]}}}}"#
            )
        };
        let (first, later) = (object("2026-11-23T09:00:00Z", "True"), object("2026-11-23T10:00:00Z", "True"));
        assert_eq!(material(Json::of(first.as_bytes())), material(Json::of(later.as_bytes())));
        insta::assert_snapshot!(material(Json::of(first.as_bytes())), @r#"{"apiVersion":"external-secrets.io/v1","kind":"ExternalSecret","metadata":{"name":"db"},"status":{"conditions":[{"reason":"SecretSynced","status":"True","type":"Ready"}]}}"#);
        let failed = object("2026-11-23T10:00:00Z", "False");
        assert_ne!(material(Json::of(first.as_bytes())), material(Json::of(failed.as_bytes())));
        let at = refreshed("external-secrets.io", Json::of(later.as_bytes())).unwrap();
        assert_eq!(at.to_string(), "2026-11-23T10:00:00.000000Z");
    }

    #[test]
    fn the_end_of_a_certificate_and_the_renewal_of_a_lease() {
        let certificate = Json::of(br#"{"apiVersion":"cert-manager.io/v1","kind":"Certificate","metadata":{"name":"c"},"status":{"notAfter":"2027-01-01T00:00:00Z","revision":3}}"#);
        assert_eq!(
            material(certificate),
            r#"{"apiVersion":"cert-manager.io/v1","kind":"Certificate","metadata":{"name":"c"},"status":{"notAfter":"2027-01-01T00:00:00Z"}}"#
        );
        let lease = |time: &str| format!(r#"{{"status":{{"lastRenewalTime":{time}}}}}"#);
        let read = |time: &str| refreshed("secrets.hashicorp.com", Json::of(lease(time).as_bytes())).is_some();
        assert_eq!(
            [read("1795425912"), read("0"), read("-1"), read("\"x\""), read("99999999999999999")],
            [true, false, false, false, false]
        );
    }

    #[test]
    fn other_objects_have_no_material_status() {
        for object in [
            r#"{"apiVersion":"v1","kind":"Pod","status":{"conditions":[]}}"#,
            r#"{"apiVersion":"external-secrets.io/v1","kind":"ExternalSecret","status":{"refreshTime":"x"}}"#,
            r#"{"apiVersion":"external-secrets.io/v1","kind":"ExternalSecret","status":[1]}"#,
        ] {
            assert!(!material(Json::of(object.as_bytes())).contains("status"), "{object}");
        }
    }
}
