//! The top-level members of an audit event, found in one pass.

use std::borrow::Cow;

use crate::json::{Json, Shape};

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $name:ident = $key:literal,)+) => {
        /// The members of an event that rows are made of, each as received. The first of two with one key counts.
        #[derive(Debug, Default, Clone)]
        pub(crate) struct Fields<'a> {
            $($(#[doc = $doc])* pub(crate) $name: Option<Json<'a>>,)+
            /// Keys that came twice.
            pub(crate) twice: Vec<Cow<'a, str>>,
        }

        impl<'a> Fields<'a> {
            /// Finds the members; the value must have passed [`crate::json::check`] for the result to be complete.
            pub(crate) fn of(event: Json<'a>) -> Self {
                let mut found = Self::default();
                for (key, value) in event.members() {
                    let text = key.text();
                    let place = match text.as_ref() {
                        $($key => &mut found.$name,)+
                        _ => continue,
                    };
                    if place.is_some() {
                        found.twice.push(text);
                    } else {
                        *place = Some(value);
                    }
                }
                found
            }
        }
    };
}

fields! {
    /// `level`
    level = "level",
    /// `auditID`
    audit_id = "auditID",
    /// `stage`
    stage = "stage",
    /// `requestURI`
    request_uri = "requestURI",
    /// `verb`
    verb = "verb",
    /// `user`
    user = "user",
    /// `impersonatedUser`
    impersonated_user = "impersonatedUser",
    /// `sourceIPs`
    source_ips = "sourceIPs",
    /// `userAgent`
    user_agent = "userAgent",
    /// `objectRef`
    object_ref = "objectRef",
    /// `responseStatus`
    response_status = "responseStatus",
    /// `requestObject`
    request_object = "requestObject",
    /// `responseObject`
    response_object = "responseObject",
    /// `requestReceivedTimestamp`
    request_received = "requestReceivedTimestamp",
    /// `stageTimestamp`
    stage_timestamp = "stageTimestamp",
    /// `timestamp`: of v1beta1, and of every envelope.
    timestamp = "timestamp",
    /// `annotations`
    annotations = "annotations",
    /// GKE: `protoPayload`
    proto_payload = "protoPayload",
    /// EKS: `message`
    message = "message",
    /// AKS: `properties`
    properties = "properties",
    /// AKS: `log_s`
    log_s = "log_s",
    /// AKS: `log`
    log = "log",
    /// AKS, resource-specific tables: `AuditId`
    audit_id_column = "AuditId",
    /// AKS: `time`
    time = "time",
    /// AKS: `TimeGenerated`
    time_generated = "TimeGenerated",
    /// Ours: bytes that were withheld ([`crate::redact`]).
    withheld = "plimsoll_withheld",
}

impl Fields<'_> {
    /// Whether it is an event as an API server writes it.
    pub(crate) fn native(&self) -> bool {
        [&self.audit_id, &self.stage, &self.request_uri, &self.verb].iter().filter(|f| f.is_some()).count() >= 2
    }
}

/// The string in a field; `None` when absent, null or of another type.
pub(crate) fn text<'a>(field: Option<Json<'a>>) -> Option<Cow<'a, str>> {
    field.filter(|value| value.shape() == Shape::Text).and_then(|value| value.text())
}
