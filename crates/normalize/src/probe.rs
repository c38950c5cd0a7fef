//! The result of an enforcement probe, which the probe's container leaves as its termination message, where the watch of pods sees it.
//!
//! So the probe needs no rights in the cluster, and its result stands beside what the API server and the node say of the pod: its UID, service account, image and node.
//! A pod is a probe's by the label [`LABEL`] with the value `client`. Whoever can write the status of pods, or make pods with this label, can make a result up: the control tells
//! which namespace and which image count.

use records::table::{Provenance, TableSink};
use records::tables::network::NetworkProbe;
use records::{EntryView, Timestamp};

use crate::VERSION;
use crate::fault::Faults;
use crate::json::{Json, MAX_DEPTH, Shape, check};

/// The label of a probe's pods: `client` is the one that tells.
pub const LABEL: &str = "plimsoll.dev/network-probe";

/// Checks of one result that are read: more than fit into a termination message.
const MOST_CHECKS: usize = 64;

/// Makes a row of each check when the object is a pod of a probe that has ended.
pub(crate) fn project<'a>(entry: &EntryView<'a>, object: Json<'a>, faults: &mut Faults<'a>, sink: &mut impl TableSink) {
    let Some(metadata) = object.member("metadata") else { return };
    let text = |of: Json<'a>, key: &str| of.member(key).and_then(|value| value.text());
    // The server of the probe has the label with another value, and nothing to tell.
    if metadata.member("labels").and_then(|labels| text(labels, LABEL)).is_none_or(|role| role != "client") {
        return;
    }
    let (Some(uid), Some(namespace), Some(name)) =
        (text(metadata, "uid"), text(metadata, "namespace"), text(metadata, "name"))
    else {
        return;
    };
    let spec = object.member("spec");
    let containers = object.member("status").and_then(|status| status.member("containerStatuses"));
    for status in containers.iter().flat_map(|list| list.elements()) {
        let Some(ended) = status.member("state").and_then(|state| state.member("terminated")) else { continue };
        let Some(message) = text(ended, "message") else {
            faults.add("missing_field", "the network probe ended without a result");
            continue;
        };
        let finished_at = text(ended, "finishedAt").and_then(|at| at.parse::<Timestamp>().ok());
        let message = message.trim();
        if let Err(malformed) = check(message.as_bytes(), MAX_DEPTH) {
            faults.malformed("result of a network probe", malformed);
            continue;
        }
        let result = Json::of(message.as_bytes());
        if text_of(result, "probe").as_deref() != Some("network-policy") {
            faults.add("wrong_type", "the message of a network probe is no result of one");
            continue;
        }
        // A result that does not say that it is real is not taken for one.
        let simulated = result.member("simulated").and_then(|value| value.truth()).unwrap_or(true);
        let checks = result.member("checks").filter(|checks| checks.shape() == Shape::Array);
        let mut any = false;
        for one in checks.iter().flat_map(|list| list.elements()).take(MOST_CHECKS) {
            let (Some(check_name), Some(target), Some(expected), Some(outcome)) = (
                text_of(one, "name"),
                text_of(one, "target"),
                text_of(one, "expected").filter(|word| is_one_of(word, &["open", "closed"])),
                text_of(one, "outcome").filter(|word| is_one_of(word, &["open", "closed", "failed"])),
            ) else {
                faults.add("missing_field", "a check of a network probe has not the form of one");
                continue;
            };
            any = true;
            sink.append(&NetworkProbe {
                provenance: Provenance::of(entry, VERSION),
                probe_id: uid.clone(),
                finished_at: finished_at.unwrap_or(entry.received_at),
                observed_at: entry.received_at,
                pod: format!("{namespace}/{name}").into(),
                service_account: spec.and_then(|spec| text(spec, "serviceAccountName")),
                image_id: text(status, "imageID").filter(|image| !image.is_empty()),
                node: spec.and_then(|spec| text(spec, "nodeName")),
                check_name: check_name.into(),
                target: target.into(),
                expected: expected.into(),
                outcome: outcome.into(),
                simulated,
                detail: text_of(one, "detail").unwrap_or_default().into(),
            });
        }
        if !any {
            faults.add("missing_field", "the result of a network probe has no checks");
        }
    }
}

/// The message is a text of its own, and what is taken out of it is kept apart from the entry.
fn text_of(of: Json<'_>, key: &str) -> Option<String> {
    of.member(key).and_then(|value| value.text()).map(|text| text.into_owned())
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.contains(&word)
}
