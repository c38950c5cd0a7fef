//! Audit events, also within envelopes.

use crate::json::{Json, Shape};

use super::body::Class;
use super::{Work, structure, uri};

/// Events within texts within events: one level for EKS and AKS, none deeper is known.
const MOST_NESTED: usize = 2;

impl Work<'_> {
    /// One event, or the envelope of one.
    pub(super) fn event(&mut self, event: Json<'_>, nested: usize) {
        let class = class(event);
        for (key, value) in event.members() {
            let key = key.text();
            match key.as_ref() {
                "requestObject" | "RequestObject" => self.text_or_body(value, class, "requestObject"),
                "responseObject" | "ResponseObject" => self.text_or_body(value, class, "responseObject"),
                "requestURI" | "RequestUri" => self.uri(value),
                "protoPayload" => {
                    for (key, value) in value.members() {
                        match key.text().as_ref() {
                            "request" => self.text_or_body(value, class, "requestObject"),
                            "response" => self.text_or_body(value, class, "responseObject"),
                            _ => self.any(value, "protoPayload"),
                        }
                    }
                }
                "message" | "log" | "log_s" => self.text_event(value, nested),
                "properties" if value.shape() == Shape::Object => self.event(value, nested),
                "properties" => self.text_event(value, nested),
                _ => self.any(value, "event"),
            }
        }
        if class != Class::Other || !self.seen.is_empty() || self.overflow {
            self.repeated(event, class);
        }
    }

    fn uri(&mut self, value: Json<'_>) {
        let Some(text) = value.text() else { return };
        if let Some((uri, values)) = uri::redacted(self.redactor, &text) {
            self.replace(value, &uri, "requestURI");
            self.values = self.values.saturating_add(values - 1);
        }
    }

    /// A body that may have been turned into text on its way (columns of Azure's tables).
    fn text_or_body(&mut self, value: Json<'_>, class: Class, place: &'static str) {
        if value.shape() != Shape::Text {
            self.body(value, class, place);
            return;
        }
        let text = value.text().unwrap_or_default();
        if !text.trim_start().starts_with(['{', '[']) || structure(text.as_bytes()).is_err() {
            if class != Class::Other && text != "skipped-too-big-size-object" {
                self.scrub(value, place);
            }
            return;
        }
        self.within(value, &text, |inner, body| inner.body(body, class, place));
    }

    /// An event that is text in its envelope.
    fn text_event(&mut self, value: Json<'_>, nested: usize) {
        let Some(text) = value.text().filter(|text| super::may_hold_secret_values(text.as_bytes())) else { return };
        if !text.trim_start().starts_with('{') {
            return;
        }
        if nested >= MOST_NESTED || structure(text.as_bytes()).is_err() {
            self.scrub(value, "event");
            return;
        }
        self.within(value, &text, |inner, event| inner.event(event, nested + 1));
    }

    /// Works on JSON that is the content of a string and puts the result back into the string.
    fn within(&mut self, value: Json<'_>, text: &str, walk: impl FnOnce(&mut Work<'_>, Json<'_>)) {
        let mut inner = Work::new(self.redactor);
        walk(&mut inner, Json::of(text.as_bytes()));
        if inner.edits.is_empty() {
            return;
        }
        let out = inner.apply(text.as_bytes());
        self.replace(value, &String::from_utf8_lossy(&out), "event");
        self.findings.retain(|place| *place != "event");
        self.values = self.values.saturating_add(inner.values.saturating_sub(1));
        for place in inner.findings {
            self.find(place);
        }
        for seen in inner.seen {
            self.remember(&seen);
        }
    }

    /// Free texts that the server wrote about the request: replaced when they repeat a value. Fields that say who did
    /// what are never touched, so that a value chosen for it cannot hide an event.
    fn repeated(&mut self, event: Json<'_>, class: Class) {
        for (key, value) in event.members() {
            match key.text().as_ref() {
                "responseStatus" | "ResponseStatus" => self.repeated_status(value, class),
                "responseObject" | "ResponseObject" => self.repeated_status(value, class),
                "annotations" | "Annotations" | "labels" => {
                    for (key, value) in value.members() {
                        if !key.text().starts_with("authorization.k8s.io/") {
                            self.repeated_text(value, class, "annotations");
                        }
                    }
                }
                "protoPayload" => {
                    for part in ["status", "response"] {
                        if let Some(status) = value.member(part) {
                            self.repeated_status(status, class);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn repeated_status(&mut self, status: Json<'_>, class: Class) {
        for (key, value) in status.members() {
            if key.is("message") {
                self.repeated_text(value, class, "responseStatus");
            } else if key.is("details") {
                for cause in
                    value.members().filter(|(key, _)| key.is("causes")).flat_map(|(_, causes)| causes.elements())
                {
                    for (key, text) in cause.members() {
                        if key.is("message") {
                            self.repeated_text(text, class, "responseStatus");
                        }
                    }
                }
            }
        }
    }

    fn repeated_text(&mut self, value: Json<'_>, class: Class, place: &'static str) {
        let Some(text) = value.text() else { return };
        // Older decoders quote what they could not read: "error found in #10 byte of ...|<bytes>|...".
        let quotes_body = class != Class::Other && text.contains("...|");
        if quotes_body || self.overflow || self.seen.iter().any(|seen| text.contains(seen.as_str())) {
            let seen = std::mem::take(&mut self.seen);
            self.scrub(value, place);
            self.seen = seen;
        }
    }
}

/// What the event's resource says of its bodies. Of several object references (a hostile event) the strictest counts.
fn class(event: Json<'_>) -> Class {
    let mut found = Class::Other;
    let mut named = false;
    let mut take = |class: Class| {
        if class != Class::Other {
            found = class;
        }
    };
    for (key, value) in event.members() {
        match key.text().as_ref() {
            "objectRef" | "ObjectRef" => {
                let inner;
                let reference = match value.text() {
                    Some(text) => {
                        inner = text;
                        Json::of(inner.as_bytes())
                    }
                    None => value,
                };
                let texts = |name: &'static str| {
                    let reference = &reference;
                    reference.members().filter(move |(key, _)| key.is(name)).filter_map(|(_, value)| value.text())
                };
                for resource in texts("resource") {
                    named = true;
                    take(Class::of(&resource, None));
                    for subresource in texts("subresource") {
                        take(Class::of(&resource, Some(&subresource)));
                    }
                }
            }
            "protoPayload" => {
                for (key, value) in value.members() {
                    if key.is("resourceName")
                        && let Some(name) = value.text()
                    {
                        named = true;
                        take(path_class(&name));
                    }
                }
            }
            _ => {}
        }
    }
    if !named {
        for (key, value) in event.members() {
            if (key.is("requestURI") || key.is("RequestUri"))
                && let Some(uri) = value.text()
            {
                let path = uri.split('?').next().unwrap_or_default();
                let path = path.trim_start_matches('/');
                take(path_class(path.strip_prefix("api/").or_else(|| path.strip_prefix("apis/")).unwrap_or(path)));
            }
        }
    }
    found
}

/// By a path `[group/]version/[namespaces/<name>/]resource[/name[/subresource]]`.
fn path_class(path: &str) -> Class {
    let parts: Vec<&str> = path.split('/').collect();
    let version = |part: &str| {
        let mut bytes = part.bytes();
        bytes.next() == Some(b'v') && bytes.next().is_some_and(|b| b.is_ascii_digit())
    };
    let Some(at) = parts.iter().take(2).position(|part| version(part)) else { return Class::Other };
    let mut rest = &parts[at + 1..];
    if let [watch @ "watch", tail @ ..] = rest {
        let _ = watch;
        rest = tail;
    }
    match rest {
        ["namespaces", _, resource, _, subresource, ..] => Class::of(resource, Some(subresource)),
        ["namespaces", _, resource, ..] => Class::of(resource, None),
        [resource, ..] => Class::of(resource, None),
        [] => Class::Other,
    }
}
