//! Observations of objects by list and watch.
//!
//! The *material* part of an object is what a person or a controller decided: the object without `status`, `managedFields`,
//! `resourceVersion`, `generation`, the annotation of `kubectl apply` (it repeats the object) and known heartbeats. Its keys are put
//! in order and its strings are escaped in one way, so that equal objects have equal bytes and one digest. Of the objects that keep
//! Secrets a few members of the status are material ([`keepers`]); the status of a CertificateSigningRequest, which is a decision, is whole.
//!
//! The status of some kinds is evidence by itself: what Gatekeeper's audit found, and whether its pods enforce a constraint. It is kept beside
//! the material part, so that a finding is not taken for a decision. Reports of policies have no status: all of them is what a tool found. Of their results the
//! time of the last look is left out, with which each scan would be a new version.

use std::borrow::Cow;

use records::table::{Provenance, TableSink};
use records::tables::objects::ObjectObservation;
use records::{EntryView, Timestamp};
use sha2::{Digest, Sha256};

use crate::VERSION;
use crate::fault::Faults;
use crate::json::{Json, MAX_DEPTH, Shape, check, quote};

pub mod keepers;

/// Annotations that only say that something is alive or was just looked at, or repeat the object.
pub const HEARTBEAT_ANNOTATIONS: [&str; 8] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "control-plane.alpha.kubernetes.io/leader",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "autoscaling.alpha.kubernetes.io/conditions",
    "autoscaling.alpha.kubernetes.io/current-metrics",
    "cluster-autoscaler.kubernetes.io/last-updated",
    "node.alpha.kubernetes.io/ttl",
    "audit.kyverno.io/last-scan-time",
];

/// API groups of kinds whose status is evidence.
const STATUS_IS_EVIDENCE: [&str; 2] = ["constraints.gatekeeper.sh", "templates.gatekeeper.sh"];

/// API groups of reports of policies.
const REPORT_GROUPS: [&str; 2] = ["wgpolicyk8s.io", "openreports.io"];

/// Members of `metadata` that change without a decision.
const IMMATERIAL_METADATA: [&str; 4] = ["managedFields", "resourceVersion", "generation", "selfLink"];

/// Makes the row of one observation, or of the bound of a list.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    let mut faults = Faults::of(entry);
    if entry.redacted {
        faults
            .add("secret_value_redacted", "secret values were in the object and were replaced before the first write");
    }
    match check(entry.raw, MAX_DEPTH) {
        Ok(()) => append(entry, Json::of(entry.raw), &mut faults, sink),
        Err(malformed) => faults.malformed("watch line", malformed),
    }
    faults.append_to(sink);
}

fn append<'a>(entry: &EntryView<'a>, line: Json<'a>, faults: &mut Faults<'a>, sink: &mut impl TableSink) {
    let text = |value: Json<'a>, key: &str| value.member(key).and_then(|v| v.text());
    let kind_of_line = text(line, "type").unwrap_or_default();
    let bound = match kind_of_line.as_ref() {
        "LIST_BEGIN" | "LIST_END" | "NOT_SERVED" => true,
        "LISTED" | "ADDED" | "MODIFIED" | "DELETED" => false,
        // Only says where a watch may go on; nothing happened to an object.
        "BOOKMARK" => return,
        other => {
            faults.add("wrong_type", format!("type of the watch line is {other:?}"));
            return;
        }
    };
    let Some(resource) = text(line, "resource") else {
        faults.add("missing_field", "the watch line has no resource");
        return;
    };
    let object = line.member("object").filter(|o| o.shape() == Shape::Object);
    if object.is_none() && !bound {
        faults.add("missing_field", "the watch line has no object");
        return;
    }
    let metadata = object.and_then(|o| o.member("metadata")).filter(|m| m.shape() == Shape::Object);
    if object.is_some() && metadata.is_none() {
        faults.add("missing_field", "the object has no metadata");
    }
    let of_metadata = |key: &str| metadata.and_then(|m| text(m, key));
    if let Some(object) = object.filter(|_| resource == "pods") {
        crate::probe::project(entry, object, faults, sink);
    }
    let (last_write_time, last_write_manager) = last_write(metadata);
    let body = object.map(material);
    let group = text(line, "group").unwrap_or_default();
    let content_write_time = if group.is_empty() && resource == "secrets" { content_write(metadata) } else { None };
    let refreshed_time = object.and_then(|object| keepers::refreshed(&group, object));
    let status = object.filter(|_| STATUS_IS_EVIDENCE.contains(&&*group)).and_then(|o| o.member("status"));
    sink.append(&ObjectObservation {
        provenance: Provenance::of(entry, VERSION),
        observed_at: entry.received_at,
        observation: Cow::Owned(kind_of_line.to_ascii_lowercase()),
        api_group: group,
        api_version: text(line, "version").unwrap_or_default(),
        resource,
        kind: kind(line, object),
        namespace: of_metadata("namespace").filter(|n| !n.is_empty()),
        name: of_metadata("name"),
        uid: of_metadata("uid"),
        resource_version: of_metadata("resourceVersion").or_else(|| text(line, "resourceVersion")),
        list_id: if bound { text(line, "list") } else { None },
        list_count: if bound { line.member("count").and_then(|c| c.integer()) } else { None },
        generation: metadata.and_then(|m| m.member("generation")).and_then(|g| g.integer()),
        created_time: of_metadata("creationTimestamp").and_then(|t| t.parse().ok()),
        deletion_time: of_metadata("deletionTimestamp").and_then(|t| t.parse().ok()),
        last_write_time,
        last_write_manager,
        content_write_time,
        refreshed_time,
        material_digest: body.as_ref().map(|b| Cow::Owned(hex::encode(Sha256::digest(b.as_bytes())))),
        body_json: body.map(Cow::Owned),
        status_json: status.filter(|status| status.shape() == Shape::Object).map(|status| Cow::Owned(evident(status))),
    });
}

/// The object's kind. Metadata-only objects say `PartialObjectMetadata`; only Secrets and nodes are collected so.
fn kind<'a>(line: Json<'a>, object: Option<Json<'a>>) -> Option<Cow<'a, str>> {
    let kind = object?.member("kind").and_then(|k| k.text())?;
    let resource = line.member("resource").and_then(|r| r.text());
    Some(match (kind.as_ref(), resource.as_deref()) {
        ("PartialObjectMetadata", Some("secrets")) => Cow::Borrowed("Secret"),
        ("PartialObjectMetadata", Some("nodes")) => Cow::Borrowed("Node"),
        _ => kind,
    })
}

/// Time and manager of the newest write in `managedFields` that is not of the status subresource.
fn last_write<'a>(metadata: Option<Json<'a>>) -> (Option<Timestamp>, Option<Cow<'a, str>>) {
    let mut newest: Option<(Timestamp, Option<Cow<'a, str>>)> = None;
    let entries = metadata.and_then(|m| m.member("managedFields"));
    for field in entries.iter().flat_map(|e| e.elements()) {
        if field.member("subresource").and_then(|s| s.text()).is_some_and(|s| s == "status") {
            continue;
        }
        let Some(time) = field.member("time").and_then(|t| t.text()).and_then(|t| t.parse::<Timestamp>().ok()) else {
            continue;
        };
        if newest.as_ref().is_none_or(|(known, _)| time > *known) {
            newest = Some((time, field.member("manager").and_then(|m| m.text())));
        }
    }
    match newest {
        Some((time, manager)) => (Some(time), manager),
        None => (None, None),
    }
}

/// The newest time in a Secret's `managedFields` of an entry that owns content.
fn content_write(metadata: Option<Json<'_>>) -> Option<Timestamp> {
    let entries = metadata.and_then(|m| m.member("managedFields"))?;
    let owns =
        |entry: &Json<'_>| ["f:data", "f:stringData"].iter().any(|field| entry.path(&["fieldsV1", field]).is_some());
    entries.elements().filter(owns).filter_map(|entry| entry.member("time")?.text()?.parse().ok()).max()
}

/// The material part of an object as JSON with keys in order.
#[must_use]
pub fn material(object: Json<'_>) -> String {
    let mut out = String::with_capacity(object.bytes().len());
    let lease = object.member("kind").and_then(|k| k.text()).is_some_and(|kind| kind == "Lease");
    let group = object.member("apiVersion").and_then(|version| version.text());
    let group = group.as_deref().and_then(|version| version.split_once('/')).map_or("", |(group, _)| group);
    let report = REPORT_GROUPS.contains(&group);
    let request = object.member("kind").and_then(|k| k.text()).is_some_and(|k| k == "CertificateSigningRequest");
    write_object(object, &mut out, |key, value, out| match key {
        // Who a certificate was issued to, and by whose approval, stands in the status of its request alone.
        "status" if request => write_member(key, value, out),
        "status" => keepers::write_status(object, value, out),
        "metadata" if value.shape() == Shape::Object => {
            quote(key, out);
            out.push(':');
            write_object(value, out, |key, value, out| match key {
                _ if IMMATERIAL_METADATA.contains(&key) => false,
                "annotations" if value.shape() == Shape::Object => {
                    if value.members().all(|(key, _)| HEARTBEAT_ANNOTATIONS.contains(&key.text().as_ref())) {
                        return false;
                    }
                    quote(key, out);
                    out.push(':');
                    write_object(value, out, |key, value, out| {
                        !HEARTBEAT_ANNOTATIONS.contains(&key) && write_member(key, value, out)
                    });
                    true
                }
                _ => write_member(key, value, out),
            });
            true
        }
        "spec" if lease && value.shape() == Shape::Object => {
            quote(key, out);
            out.push(':');
            write_object(value, out, |key, value, out| key != "renewTime" && write_member(key, value, out));
            true
        }
        "results" if report && value.shape() == Shape::Array => {
            quote(key, out);
            out.push(':');
            write_each(value, out, |result, out| match result.shape() {
                Shape::Object => {
                    write_object(result, out, |key, v, out| key != "timestamp" && write_member(key, v, out))
                }
                _ => write(result, out),
            });
            true
        }
        _ => write_member(key, value, out),
    });
    out
}

/// The status of a kind whose status is evidence, with keys in order and without the time of the last audit.
fn evident(status: Json<'_>) -> String {
    let mut out = String::with_capacity(status.bytes().len());
    write_object(status, &mut out, |key, value, out| key != "auditTimestamp" && write_member(key, value, out));
    out
}

/// Writes the elements of an array.
fn write_each(array: Json<'_>, out: &mut String, element: impl Fn(Json<'_>, &mut String)) {
    out.push('[');
    for (number, value) in array.elements().enumerate() {
        if number > 0 {
            out.push(',');
        }
        element(value, out);
    }
    out.push(']');
}

fn write_member(key: &str, value: Json<'_>, out: &mut String) -> bool {
    quote(key, out);
    out.push(':');
    write(value, out);
    true
}

/// Writes the members in the order of their keys; `member` writes one and says whether it did. Of two members with one
/// key the first is kept.
fn write_object(object: Json<'_>, out: &mut String, mut member: impl FnMut(&str, Json<'_>, &mut String) -> bool) {
    let mut members: Vec<_> = object.members().map(|(key, value)| (key.text(), value)).collect();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    members.dedup_by(|later, first| later.0 == first.0);
    out.push('{');
    let mut first = true;
    for (key, value) in members {
        let before = out.len();
        if !first {
            out.push(',');
        }
        if member(&key, value, out) {
            first = false;
        } else {
            out.truncate(before);
        }
    }
    out.push('}');
}

/// Writes a value; recursion is bounded by the check that the line has passed.
fn write(value: Json<'_>, out: &mut String) {
    match value.shape() {
        Shape::Object => write_object(value, out, write_member),
        Shape::Array => write_each(value, out, write),
        Shape::Text => quote(&value.text().unwrap_or_default(), out),
        _ => out.push_str(value.verbatim().unwrap_or("null")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_one_decided_is_not_material() {
        let a = br#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","resourceVersion":"1","generation":2,"managedFields":[1],
            "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","b":"\u0026","a":"1"}},"status":{"x":1},"spec":{"b":1.0,"a":[]}}"#;
        let b = br#"{"spec":{"a":[],"b":1.0},"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"a":"1","b":"&"},"name":"p","resourceVersion":"9"}}"#;
        let expected = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{"a":"1","b":"&"},"name":"p"},"spec":{"a":[],"b":1.0}}"#;
        assert_eq!(material(Json::of(a)), expected);
        assert_eq!(material(Json::of(b)), expected);
    }

    #[test]
    fn a_look_of_a_scanner_is_no_new_version_of_its_report() {
        let report = |seconds: u32, result: &str| {
            let text = format!(
                r#"{{"apiVersion":"wgpolicyk8s.io/v1alpha2","kind":"PolicyReport","metadata":{{"name":"r"}},"results":[{{"policy":"p","result":"{result}","timestamp":{{"seconds":{seconds}}}}},7]}}"#
            );
            material(Json::of(text.as_bytes()))
        };
        assert_eq!(report(1, "pass"), report(2, "pass"));
        assert_ne!(report(1, "pass"), report(1, "fail"));
        let expected = r#""results":[{"policy":"p","result":"pass"},7]}"#;
        assert!(report(1, "pass").ends_with(expected));
        let other = br#"{"apiVersion":"v1","kind":"X","results":[{"timestamp":1}]}"#;
        assert!(material(Json::of(other)).contains("timestamp"));
    }

    #[test]
    fn the_time_of_an_audit_is_not_what_it_found() {
        let status = Json::of(br#"{"totalViolations":2,"auditTimestamp":"2026-11-23T09:00:00Z","byPod":[{"id":"a"}]}"#);
        assert_eq!(evident(status), r#"{"byPod":[{"id":"a"}],"totalViolations":2}"#);
    }

    #[test]
    fn the_last_write_is_not_one_of_the_status() {
        let metadata = Json::of(
            br#"{"managedFields":[{"manager":"kubectl","time":"2026-11-23T09:00:00Z"},{"manager":"kubelet","subresource":"status","time":"2026-11-23T09:05:00Z"}]}"#,
        );
        let (time, manager) = last_write(Some(metadata));
        assert_eq!(time.unwrap().to_string(), "2026-11-23T09:00:00.000000Z");
        assert_eq!(manager.as_deref(), Some("kubectl"));
    }
}
