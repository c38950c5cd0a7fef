//! Bodies: objects, lists and patches.

use crate::json::{Json, Shape};

use super::quick::may_hold_secret_object;
use super::{Work, structure};

/// The annotation in which `kubectl apply` keeps the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What a request's resource says of its bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Bodies are Secrets, lists of them or patches to them.
    Secret,
    /// Bodies hold a token under the key `token`.
    Token,
    /// Any other.
    Other,
}

impl Class {
    /// By resource and subresource, as in `objectRef`; `serviceaccounts/token` in one is understood too.
    pub(super) fn of(resource: &str, subresource: Option<&str>) -> Self {
        let (resource, subresource) = match resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource)),
            None => (resource, subresource),
        };
        let is = |name: &str| resource.eq_ignore_ascii_case(name);
        if is("secrets") {
            Self::Secret
        } else if is("tokenreviews")
            || is("tokenrequests")
            || (is("serviceaccounts") && subresource.is_some_and(|s| s.eq_ignore_ascii_case("token")))
        {
            Self::Token
        } else {
            Self::Other
        }
    }
}

impl Work<'_> {
    /// A body of a request or response.
    pub(super) fn body(&mut self, body: Json<'_>, class: Class, place: &'static str) {
        match class {
            Class::Secret => self.secret_body(body, place),
            Class::Token if body.shape() == Shape::Array => self.json_patch(body, place),
            Class::Token => self.token_body(body, place),
            Class::Other => self.any(body, place),
        }
    }

    /// Anything that may have a Secret or a token object somewhere within.
    pub(super) fn any(&mut self, value: Json<'_>, place: &'static str) {
        if matches!(value.shape(), Shape::Object | Shape::Array) && may_hold_secret_object(value.bytes()) {
            self.search(value, place);
        }
    }

    fn search(&mut self, value: Json<'_>, place: &'static str) {
        if value.shape() == Shape::Array {
            value.elements().for_each(|element| self.search(element, place));
            return;
        }
        let kind = |wanted: &str| {
            value.members().any(|(key, member)| key.is("kind") && member.text().is_some_and(|kind| kind == wanted))
        };
        let secret = kind("Secret");
        if kind("TokenReview") || kind("TokenRequest") {
            self.token_body(value, place);
        }
        if kind("SecretList") {
            self.secret_body(value, place);
            return;
        }
        for (key, member) in value.members() {
            let key = key.text();
            match key.as_ref() {
                "data" | "stringData" if secret => self.scrub(member, place),
                "metadata" if secret => self.metadata(member, place),
                LAST_APPLIED => self.applied(member, place),
                _ => self.search(member, place),
            }
        }
    }

    /// The annotation of `kubectl apply` on an object that is no Secret: replaced when a Secret is within.
    fn applied(&mut self, value: Json<'_>, place: &'static str) {
        let Some(text) = value.text().filter(|text| may_hold_secret_object(text.as_bytes())) else { return };
        let holds = structure(text.as_bytes()).is_err() || {
            let mut inner = Work::new(self.redactor);
            inner.search(Json::of(text.as_bytes()), place);
            self.seen.append(&mut inner.seen);
            !inner.edits.is_empty()
        };
        if holds {
            self.scrub(value, place);
        }
    }

    /// A body of a request on `secrets`.
    fn secret_body(&mut self, body: Json<'_>, place: &'static str) {
        match body.shape() {
            Shape::Array => self.json_patch(body, place),
            Shape::Object => {
                let mut kinds = body.members().filter(|(key, _)| key.is("kind"));
                let kind = kinds.next().and_then(|(_, kind)| kind.text());
                let plain =
                    kinds.next().is_none() && !body.members().any(|(key, _)| key.is("data") || key.is("stringData"));
                match kind.as_deref() {
                    Some("Status" | "DeleteOptions") if plain => self.any(body, place),
                    Some("PartialObjectMetadata" | "PartialObjectMetadataList" | "Table") if plain => {
                        self.strip_applied(body, place);
                        self.any(body, place);
                    }
                    _ => self.secret(body, place),
                }
            }
            _ => self.scrub(body, place),
        }
    }

    /// A Secret, a list of Secrets or a merge patch to one: all is a value but what is known not to be.
    fn secret(&mut self, object: Json<'_>, place: &'static str) {
        for (key, member) in object.members() {
            let container = matches!(member.shape(), Shape::Object | Shape::Array);
            match key.text().as_ref() {
                "kind" | "apiVersion" | "type" | "immutable" if !container => {}
                "metadata" => self.metadata(member, place),
                "items" if member.shape() == Shape::Array => {
                    for item in member.elements() {
                        if item.shape() == Shape::Object { self.secret(item, place) } else { self.scrub(item, place) }
                    }
                }
                _ => self.scrub(member, place),
            }
        }
    }

    /// The metadata of a Secret.
    fn metadata(&mut self, metadata: Json<'_>, place: &'static str) {
        if metadata.shape() != Shape::Object {
            self.scrub(metadata, place);
            return;
        }
        for (key, member) in metadata.members() {
            if key.is("annotations") {
                self.annotations(member, place);
            }
        }
    }

    fn annotations(&mut self, annotations: Json<'_>, place: &'static str) {
        for (key, value) in annotations.members() {
            if key.is(LAST_APPLIED) {
                self.remember_within(value);
                self.scrub(value, place);
            }
        }
    }

    /// The annotation of `kubectl apply` anywhere within.
    fn strip_applied(&mut self, value: Json<'_>, place: &'static str) {
        value.elements().for_each(|element| self.strip_applied(element, place));
        for (key, member) in value.members() {
            if key.is(LAST_APPLIED) {
                self.remember_within(member);
                self.scrub(member, place);
            } else {
                self.strip_applied(member, place);
            }
        }
    }

    /// Remembers the values within an applied configuration, so that they are found where else they are repeated.
    fn remember_within(&mut self, value: Json<'_>) {
        let Some(text) = value.text() else { return };
        if structure(text.as_bytes()).is_err() {
            return;
        }
        let mut inner = Work::new(self.redactor);
        inner.secret(Json::of(text.as_bytes()), "applied");
        for seen in inner.seen {
            self.remember(&seen);
        }
    }

    /// Every `token` within a TokenReview or TokenRequest.
    fn token_body(&mut self, value: Json<'_>, place: &'static str) {
        value.elements().for_each(|element| self.token_body(element, place));
        for (key, member) in value.members() {
            if key.text().eq_ignore_ascii_case("token") || key.is(LAST_APPLIED) {
                self.scrub(member, place);
            } else {
                self.token_body(member, place);
            }
        }
    }

    /// A JSON patch (RFC 6902) to a Secret.
    fn json_patch(&mut self, patch: Json<'_>, place: &'static str) {
        for operation in patch.elements() {
            if operation.shape() != Shape::Object {
                self.scrub(operation, place);
                continue;
            }
            let mut paths = operation.members().filter(|(key, _)| key.is("path")).map(|(_, path)| path.text());
            let pointer = match (paths.next(), paths.next()) {
                (Some(Some(path)), None) => Some(pointer(&path)),
                _ => None,
            };
            for (key, member) in operation.members() {
                match key.text().as_ref() {
                    "op" | "path" | "from" if member.shape() == Shape::Text => {}
                    "value" => self.patched(pointer.as_deref(), member, place),
                    _ => self.scrub(member, place),
                }
            }
        }
    }

    /// The value that a patch puts at a place of a Secret.
    fn patched(&mut self, pointer: Option<&[String]>, value: Json<'_>, place: &'static str) {
        let parts: Option<Vec<&str>> = pointer.map(|parts| parts.iter().map(String::as_str).collect());
        let container = matches!(value.shape(), Shape::Object | Shape::Array);
        match parts.as_deref() {
            Some([]) if value.shape() == Shape::Object => self.secret(value, place),
            Some(["metadata"]) => self.metadata(value, place),
            Some(["metadata", "annotations"]) => self.annotations(value, place),
            Some(["metadata", "annotations", LAST_APPLIED]) => self.scrub(value, place),
            Some(["metadata", ..]) => {}
            Some(["kind" | "apiVersion" | "type" | "immutable"]) if !container => {}
            _ => self.scrub(value, place),
        }
    }
}

/// The parts of a JSON pointer (RFC 6901).
fn pointer(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
}
