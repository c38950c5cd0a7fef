//! Privileged sessions, each put together from the events of its stages.
//!
//! A session is one request: `exec`, `attach` or `portforward` on a pod (`get` over WebSocket, `create` over SPDY), a write to a
//! pod's `ephemeralcontainers`, any request to a node's `proxy`, or any other request by way of impersonation. When kubectl falls back
//! from WebSocket to SPDY, there are two requests and so two sessions, of which one or none was opened. A pod that is not found ends
//! kubectl before it asks, and leaves none.

use std::collections::BTreeMap;

use records::Timestamp;
use records::tables::audit::{AuditEvent, PrivilegedSession};

use crate::identifier::identifier;

pub mod shell;

/// The sort of session that the event belongs to.
fn kind(event: &AuditEvent<'_>) -> Option<&'static str> {
    let verb = event.verb.as_deref().unwrap_or_default();
    let core = event.api_group.as_deref().unwrap_or_default().is_empty();
    let connects = matches!(verb, "get" | "create");
    let of_object = match (event.resource.as_deref(), event.subresource.as_deref()) {
        (Some("pods"), Some("exec")) if core && connects => Some("exec"),
        (Some("pods"), Some("attach")) if core && connects => Some("attach"),
        (Some("pods"), Some("portforward")) if core && connects => Some("port_forward"),
        (Some("pods"), Some("ephemeralcontainers")) if core && matches!(verb, "patch" | "update") => {
            Some("ephemeral_container")
        }
        (Some("nodes"), Some("proxy")) if core => Some("node_proxy"),
        _ => None,
    };
    of_object.or(event.impersonated_user.as_deref().map(|_| "impersonation"))
}

/// What the events of one request share. The audit ID alone is the caller's choice.
type RequestKey<'a> = (&'a str, &'a str, Option<Timestamp>, &'a str, &'a str);

fn request<'a>(event: &'a AuditEvent<'_>) -> RequestKey<'a> {
    let by_digest = &*event.event_digest;
    (
        &event.provenance.source,
        event.audit_id.as_deref().unwrap_or(by_digest),
        event.request_received_time,
        event.verb.as_deref().unwrap_or_default(),
        event.request_uri.as_deref().unwrap_or_default(),
    )
}

/// How far the request had come; the rows of a session rest on its furthest event.
fn progress(event: &AuditEvent<'_>) -> u8 {
    match event.stage.as_deref() {
        Some("RequestReceived") => 0,
        Some("ResponseStarted") => 1,
        _ => 2,
    }
}

/// The rows of `privileged_sessions`.
pub(crate) fn privileged_sessions<'r>(events: &[AuditEvent<'r>]) -> Vec<PrivilegedSession<'r>> {
    let mut requests: BTreeMap<RequestKey<'_>, Vec<(&'static str, &AuditEvent<'r>)>> = BTreeMap::new();
    for event in events {
        if let Some(kind) = kind(event) {
            requests.entry(request(event)).or_default().push((kind, event));
        }
    }
    requests.into_values().map(session).collect()
}

fn session<'r>(mut events: Vec<(&'static str, &AuditEvent<'r>)>) -> PrivilegedSession<'r> {
    events.sort_by_key(|(_, e)| (progress(e), e.event_time, e.provenance.segment, e.provenance.seq));
    let (kind, last) = *events.last().expect("a request is made with its first event");
    let first = events[0].1;
    let started_at = last.request_received_time.unwrap_or(first.event_time);
    let command = events.iter().rev().find_map(|(_, e)| e.command_json.clone());
    let response_code = events.iter().rev().find_map(|(_, e)| e.response_code);
    let dry_run = events.iter().any(|(_, e)| e.dry_run == Some(true));
    let impersonated = events.iter().rev().find_map(|(_, e)| e.impersonated_user.clone());
    let id = request(last);
    PrivilegedSession {
        provenance: last.provenance.clone(),
        session_id: identifier(&[id.0, id.1, &started_at.to_string(), id.3, id.4]).into(),
        started_at,
        ended_at: (progress(last) == 2).then_some(last.event_time),
        session_kind: kind.into(),
        user_name: last.user_name.clone().unwrap_or_default(),
        impersonated_user: impersonated,
        actor_class: last.actor_class.clone(),
        authentication: last.authentication.clone(),
        namespace: last.namespace.clone(),
        name: last.name.clone(),
        shell: command.as_deref().is_some_and(shell::is_shell),
        command_json: command,
        response_code,
        opened: !dry_run && response_code.is_some_and(|code| code == 101 || (200..300).contains(&code)),
        source_ip: last.source_ip.clone(),
    }
}
