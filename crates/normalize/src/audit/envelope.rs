//! What an audit event came in. Managed clouds wrap the event of the API server; the envelope is recognised by content.

use std::borrow::Cow;

use crate::audit::fields::{Fields, text};
use crate::json::{Json, Shape};

/// An event in its envelope.
#[derive(Debug)]
pub(crate) enum Carried<'a> {
    /// As an API server writes it: all its fields.
    Kubernetes(Box<Fields<'a>>),
    /// EKS: the event, whole, as text in a CloudWatch log event. Holds that text.
    Eks(Cow<'a, str>),
    /// GKE: a LogEntry of Cloud Logging with an `AuditLog` in it.
    Gke { entry: Json<'a>, payload: Json<'a> },
    /// AKS: the event, whole, as text in a record of diagnostic settings.
    AksLog(Cow<'a, str>),
    /// AKS: a row of the table AKSAudit or AKSAuditAdmin.
    AksColumns(Json<'a>),
    /// Bytes that Plimsoll itself withheld, with the reason.
    Withheld(Json<'a>),
    /// JSON, but no audit event.
    Unknown,
}

/// Recognises the envelope. `bytes` need not be JSON: a line of a CloudWatch export begins with a time.
pub(crate) fn recognise(bytes: &[u8]) -> Carried<'_> {
    if let Some(event) = export_line(bytes) {
        return Carried::Eks(event);
    }
    let entry = Json::of(bytes);
    recognise_members(entry, Fields::of(entry.members()))
}

/// As [`recognise`], of JSON whose members are known.
pub(crate) fn recognise_members<'a>(entry: Json<'a>, fields: Fields<'a>) -> Carried<'a> {
    if fields.native() {
        return Carried::Kubernetes(Box::new(fields));
    }
    if let Some(withheld) = fields.withheld.filter(|v| v.shape() == Shape::Object) {
        return Carried::Withheld(withheld);
    }
    if let Some(payload) = fields.proto_payload.filter(|v| v.shape() == Shape::Object) {
        return Carried::Gke { entry, payload };
    }
    if fields.audit_id_column.is_some() {
        return Carried::AksColumns(entry);
    }
    let event_text = |field: Option<Json<'_>>| field.is_some_and(|v| looks_like_event(v));
    for field in [fields.log_s, fields.log, fields.properties.and_then(|p| p.member("log"))] {
        if event_text(field) {
            return Carried::AksLog(text(field).unwrap_or_default());
        }
    }
    if let Some(properties) = fields.properties.filter(|p| p.member("AuditId").is_some()) {
        return Carried::AksColumns(properties);
    }
    if event_text(fields.message) {
        return Carried::Eks(text(fields.message).unwrap_or_default());
    }
    Carried::Unknown
}

/// A string that holds a JSON object.
fn looks_like_event(value: Json<'_>) -> bool {
    value.shape() == Shape::Text && text(Some(value)).is_some_and(|t| t.trim_start().starts_with('{'))
}

/// The event of a line `2026-11-23T09:00:00.000Z {...}`, the form of CloudWatch's export to S3.
fn export_line(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let (time, event) = export_line_parts(bytes)?;
    std::str::from_utf8(time).ok()?.parse::<records::Timestamp>().ok()?;
    Some(String::from_utf8_lossy(event))
}

/// The time and the event of such a line, by shape only.
pub(crate) fn export_line_parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if !bytes.first()?.is_ascii_digit() {
        return None;
    }
    let space = bytes.iter().take(40).position(|b| *b == b' ')?;
    let event = &bytes[space + 1..];
    event.starts_with(b"{").then_some((&bytes[..space], event))
}
