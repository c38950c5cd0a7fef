//! The top-level members of an audit event, found in one pass.

use std::borrow::Cow;

use crate::json::{Json, Key, Shape};

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $name:ident = $key:literal,)+) => {
        /// The members of an event that rows are made of, each as received. The first of two with one key counts.
        #[derive(Debug, Default, Clone)]
        pub(crate) struct Fields<'a> {
            $($(#[doc = $doc])* pub(crate) $name: Option<Json<'a>>,)+
            /// Keys that came twice.
            pub(crate) twice: Vec<Cow<'a, str>>,
        }

        /// The fields in the order in which an API server writes them.
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types, reason = "one variant for each field of the struct, under its name")]
        enum Place {
            $($name,)+
        }

        const PLACES: &[(&str, Place)] = &[$(($key, Place::$name),)+];

        impl<'a> Fields<'a> {
            fn place(&mut self, place: Place) -> &mut Option<Json<'a>> {
                match place {
                    $(Place::$name => &mut self.$name,)+
                }
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

impl<'a> Fields<'a> {
    /// Finds the members. For the result to be complete, they must come from a value that passed [`crate::json::check`].
    pub(crate) fn of(members: impl IntoIterator<Item = (Key<'a>, Json<'a>)>) -> Self {
        let mut found = Self::default();
        // Members mostly come in the order of the places, so the search begins after the last hit.
        let mut next = 0;
        for (key, value) in members {
            let Some(at) = position(key, next) else { continue };
            next = at + 1;
            let place = found.place(PLACES[at].1);
            if place.is_some() {
                found.twice.push(key.text());
            } else {
                *place = Some(value);
            }
        }
        found
    }
}

fn position(key: Key<'_>, from: usize) -> Option<usize> {
    let unescaped;
    let wanted = if key.escaped() {
        unescaped = key.text();
        unescaped.as_bytes()
    } else {
        key.bytes()
    };
    (from..PLACES.len()).chain(0..from.min(PLACES.len())).find(|at| PLACES[*at].0.as_bytes() == wanted)
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
