//! AKS: rows of the tables AKSAudit and AKSAuditAdmin, put back into the form of an audit event.

use crate::json::{Json, Shape, quote};

/// Column of Azure, field of the event.
const COLUMNS: [(&str, &str); 15] = [
    ("Level", "level"),
    ("AuditId", "auditID"),
    ("Stage", "stage"),
    ("RequestUri", "requestURI"),
    ("Verb", "verb"),
    ("User", "user"),
    ("ImpersonatedUser", "impersonatedUser"),
    ("SourceIps", "sourceIPs"),
    ("UserAgent", "userAgent"),
    ("ObjectRef", "objectRef"),
    ("ResponseStatus", "responseStatus"),
    ("RequestObject", "requestObject"),
    ("ResponseObject", "responseObject"),
    ("RequestReceivedTime", "requestReceivedTimestamp"),
    ("Annotations", "annotations"),
];

/// The event, and the fields that the table does not carry. A body that Azure dropped for its size is lost, not absent.
pub(crate) fn as_event(row: Json<'_>) -> (String, String) {
    let mut event = String::from("{");
    let mut lost = vec!["authenticationMetadata"];
    let mut put = |name: &str, value: &str| {
        if event.len() > 1 {
            event.push(',');
        }
        quote(name, &mut event);
        event.push(':');
        event.push_str(value);
    };
    for (column, field) in COLUMNS {
        let Some(value) = row.member(column).filter(|v| v.shape() != Shape::Null) else {
            if field == "impersonatedUser" && row.member(column).is_none() {
                lost.push("impersonatedUser");
            }
            continue;
        };
        match value.text() {
            Some(text) if text == "skipped-too-big-size-object" => lost.push(field),
            // Columns of the type `dynamic` arrive as JSON or as its text.
            Some(text) if text.trim_start().starts_with(['{', '[']) => put(field, &text),
            Some(text) if text.is_empty() && field != "auditID" => {}
            _ => put(field, value.verbatim().unwrap_or("null")),
        }
    }
    match row.member("StageReceivedTime") {
        Some(time) => put("stageTimestamp", time.verbatim().unwrap_or("null")),
        None => lost.push("stageTimestamp"),
    }
    event.push('}');
    lost.sort_unstable();
    (event, lost.join(","))
}
