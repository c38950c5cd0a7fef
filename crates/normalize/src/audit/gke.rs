//! GKE: an AuditLog of Cloud Logging, put back into the form of an audit event as far as it goes.

use crate::json::{Json, Shape, quote};

/// Fields that Cloud Logging never carries. The code of the response is among them: `status.code` there is a gRPC code.
const LOST: &str = "auditID,authenticationMetadata,impersonatedUser,level,requestReceivedTimestamp,requestURI,responseStatus.code,stage,user.extra,user.groups,user.uid";

/// The event, and the fields that the envelope does not carry.
pub(crate) fn as_event(entry: Json<'_>, payload: Json<'_>) -> (String, String) {
    let mut event = String::from("{");
    let mut put = |name: &str, value: &str| {
        if event.len() > 1 {
            event.push(',');
        }
        quote(name, &mut event);
        event.push(':');
        event.push_str(value);
    };
    let text = |path: &[&str]| payload.path(path).filter(|v| v.shape() == Shape::Text).and_then(|v| v.text());
    let quoted = |text: &str| {
        let mut out = String::new();
        quote(text, &mut out);
        out
    };
    // The last part of `io.k8s.core.v1.pods.exec.create`.
    let verb = text(&["methodName"]).and_then(|m| m.rsplit('.').next().map(str::to_owned));
    if let Some(verb) = &verb {
        put("verb", &quoted(verb));
    }
    if let Some(name) = text(&["authenticationInfo", "principalEmail"]) {
        put("user", &format!("{{\"username\":{}}}", quoted(&name)));
    } else {
        put("user", "{}");
    }
    if let Some(address) = text(&["requestMetadata", "callerIp"]) {
        put("sourceIPs", &format!("[{}]", quoted(&address)));
    }
    if let Some(agent) = text(&["requestMetadata", "callerSuppliedUserAgent"]) {
        put("userAgent", &quoted(&agent));
    }
    if let Some(name) = text(&["resourceName"])
        && let Some(reference) = object_reference(&name)
    {
        put("objectRef", &reference);
    }
    if let Some(message) = text(&["status", "message"]) {
        put("responseStatus", &format!("{{\"message\":{}}}", quoted(&message)));
    }
    for (from, to) in [("request", "requestObject"), ("response", "responseObject")] {
        if let Some(body) = payload.member(from).and_then(|b| b.verbatim()) {
            put(to, body);
        }
    }
    if let Some(labels) = entry.member("labels").and_then(|l| l.verbatim()) {
        put("annotations", labels);
    }
    if let Some(time) = entry.member("timestamp").and_then(|t| t.verbatim()) {
        put("stageTimestamp", time);
    }
    event.push('}');
    (event, LOST.to_owned())
}

/// `core/v1/namespaces/a/pods/b/exec` as an `objectRef`; `None` for what names no resource.
fn object_reference(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('/').filter(|p| !p.is_empty()).collect();
    let [group, version, rest @ ..] = parts.as_slice() else { return None };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, tail @ ..] if !tail.is_empty() => (Some(*namespace), tail),
        // A Namespace is its own namespace, as the API server has it.
        ["namespaces", namespace] => (Some(*namespace), rest),
        _ => (None, rest),
    };
    let resource = rest.first()?;
    let mut out = String::from("{");
    let mut put = |key: &str, value: Option<&&str>| {
        if let Some(value) = value {
            if out.len() > 1 {
                out.push(',');
            }
            quote(key, &mut out);
            out.push(':');
            quote(value, &mut out);
        }
    };
    put("apiGroup", Some(group).filter(|group| **group != "core"));
    put("apiVersion", Some(version));
    put("namespace", namespace.as_ref());
    put("resource", Some(resource));
    put("name", rest.get(1));
    put("subresource", rest.get(2));
    out.push('}');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_names_become_references() {
        for (name, expected) in [
            (
                "core/v1/namespaces/a/pods/b/exec",
                r#"{"apiVersion":"v1","namespace":"a","resource":"pods","name":"b","subresource":"exec"}"#,
            ),
            ("core/v1/namespaces/a", r#"{"apiVersion":"v1","namespace":"a","resource":"namespaces","name":"a"}"#),
            (
                "rbac.authorization.k8s.io/v1/clusterrolebindings/x",
                r#"{"apiGroup":"rbac.authorization.k8s.io","apiVersion":"v1","resource":"clusterrolebindings","name":"x"}"#,
            ),
            ("apps/v1/deployments", r#"{"apiGroup":"apps","apiVersion":"v1","resource":"deployments"}"#),
        ] {
            assert_eq!(object_reference(name).as_deref(), Some(expected));
        }
        assert_eq!(object_reference("readyz"), None);
    }
}
