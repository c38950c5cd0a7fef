//! A decision as the API server wants it: the `response` of an `AdmissionReview` of `admission.k8s.io/v1`.
//!
//! The API server adds the webhook's name and `/` before the keys of audit annotations, and drops an annotation whose key is then no
//! qualified name (at most 63 of letters, digits, `-`, `_` and `.` behind the `/`). Of warnings it shows 4,096 characters of all of a request
//! together, and 256 of each beyond that. What is longer is cut here, with `...` for what is missing.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::decision::Decision;

/// Characters of the message that tells why a request was refused.
pub const MESSAGE_CHARACTERS: usize = 4096;
/// So many warnings are sent.
pub const WARNINGS: usize = 16;
/// Characters of one warning.
pub const WARNING_CHARACTERS: usize = 256;
/// Characters of the value of an audit annotation.
pub const ANNOTATION_CHARACTERS: usize = 4096;
/// So many audit annotations of users' policies are sent.
pub const USER_ANNOTATIONS: usize = 32;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    audit_annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Status {
    code: u16,
    reason: &'static str,
    message: String,
}

/// The answer to the review with this identifier, as JSON.
///
/// `allowed` is the caller's, for it may have to answer otherwise than the policies say; so is the `message`, which is told when it is refused: mostly
/// [`Decision::message`]. `annotations` win over those of users' policies, whose keys get `-` for what keys cannot hold.
#[must_use]
pub fn review(
    uid: &str,
    decision: &Decision,
    allowed: bool,
    message: &str,
    annotations: BTreeMap<String, String>,
) -> Vec<u8> {
    let status = (!allowed).then(|| {
        let message = cut(message.to_owned(), MESSAGE_CHARACTERS);
        Status { code: 403, reason: "Forbidden", message }
    });
    let mut warnings: Vec<String> =
        decision.warnings().take(WARNINGS).map(|warning| cut(warning, WARNING_CHARACTERS)).collect();
    let more = decision.warnings().count().saturating_sub(WARNINGS);
    if more > 0 {
        warnings.push(format!("{more} more warnings are not shown"));
    }
    let mut audit_annotations = BTreeMap::new();
    for (key, value) in decision.audit_annotations.iter().take(USER_ANNOTATIONS) {
        if let Some(key) = annotation_key(key) {
            audit_annotations.insert(key, cut(value.clone(), ANNOTATION_CHARACTERS));
        }
    }
    audit_annotations.extend(annotations.into_iter().map(|(key, value)| (key, cut(value, ANNOTATION_CHARACTERS))));
    let review = Review {
        api_version: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response: Response { uid, allowed, status, warnings, audit_annotations },
    };
    // A map with texts for keys, texts, numbers and truth values: there is nothing in it that JSON cannot hold.
    serde_json::to_vec(&review).unwrap_or_default()
}

/// The key as a qualified name without a prefix; `None` when nothing is left of it.
fn annotation_key(key: &str) -> Option<String> {
    let plain: String =
        key.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect();
    // Names of policies are the beginning and may be long; what tells annotations of one policy apart is the end.
    let kept = plain.get(plain.len().saturating_sub(63)..).unwrap_or_default();
    let kept = kept.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    (!kept.is_empty()).then(|| kept.to_owned())
}

fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most.saturating_sub(3)).chain("...".chars()).collect(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::{Verdict, Violation};
    use crate::policy_set::Action;

    fn decision() -> Decision {
        let mut decision = Decision::plain(Verdict::Deny, "", "d1");
        decision.note = None;
        for (policy, action) in [("a", Action::Deny), ("b", Action::Warn)] {
            decision.violations.push(Violation {
                policy: policy.to_owned(),
                binding: None,
                path: String::new(),
                message: "é".repeat(5000),
                action,
                rule: "none",
            });
        }
        decision.audit_annotations.insert("team/quota: x/".to_owned(), "v".to_owned());
        decision.audit_annotations.insert("decision".to_owned(), "forged".to_owned());
        decision.audit_annotations.insert("//".to_owned(), "v".to_owned());
        decision
    }

    #[test]
    fn texts_are_bounded_and_our_annotations_win() {
        let own = BTreeMap::from([("decision".to_owned(), "0f".to_owned())]);
        let review: serde_json::Value =
            serde_json::from_slice(&super::review("u", &decision(), false, &decision().message(), own)).unwrap();
        let response = &review["response"];
        assert_eq!(response["auditAnnotations"], serde_json::json!({ "decision": "0f", "team-quota--x": "v" }));
        assert_eq!(response["status"]["message"].as_str().unwrap().chars().count(), MESSAGE_CHARACTERS);
        assert_eq!(response["warnings"][0].as_str().unwrap().chars().count(), WARNING_CHARACTERS);
        assert_eq!((&response["uid"], &response["allowed"]), (&"u".into(), &false.into()));
    }

    #[test]
    fn an_allowed_request_has_no_status_and_a_refused_one_the_message_given() {
        let told = |allowed| {
            let bytes = super::review("u", &decision(), allowed, "because", BTreeMap::new());
            serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["response"]["status"].clone()
        };
        assert_eq!(told(true), serde_json::Value::Null);
        assert_eq!(told(false)["message"], "because");
    }
}
