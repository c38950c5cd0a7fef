//! Requests: what an AdmissionReview (`admission.k8s.io/v1`) asks about.

use std::sync::Arc;

use super::matching::{Operation, Resource};
use crate::value::{Key, Map, TooDeep, Value};

/// Why a request cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A field that every request has is not there or has another type.
    #[error("the request has no {0}")]
    Missing(&'static str),
    /// The operation is not one of CREATE, UPDATE, DELETE, CONNECT.
    #[error("{0:?} is no operation")]
    Operation(String),
    /// The object is nested too deep.
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
}

/// A request, with its objects as values that all policies share.
#[derive(Debug, Clone)]
pub struct Request {
    /// What expressions see as `request`.
    pub(crate) value: Value,
    pub(crate) object: Value,
    pub(crate) old_object: Value,
    pub(crate) operation: Operation,
    /// The resource that `object` is of.
    pub(crate) resource: Resource,
    /// The resource that the client named, which can be another version or group.
    pub(crate) requested: Resource,
    pub(crate) subresource: String,
    pub(crate) kind: (String, String, String),
    pub(crate) name: String,
    pub(crate) namespace: String,
}

/// The fields of `request` in expressions.
const VISIBLE: [&str; 12] = [
    "kind",
    "resource",
    "subResource",
    "requestKind",
    "requestResource",
    "requestSubResource",
    "name",
    "namespace",
    "operation",
    "userInfo",
    "dryRun",
    "options",
];

impl Request {
    /// The request of an AdmissionReview: the value of its member `request`.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn from_json(request: &serde_json::Value) -> Result<Self, RequestError> {
        let member = |name: &str| request.get(name).filter(|v| !v.is_null());
        let value = |name: &str| member(name).map_or(Ok(Value::Null), Value::from_json);
        let text = |name: &str| member(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let part = |of: &str, name: &str| {
            member(of).and_then(|o| o.get(name)).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        let operation = text("operation");
        let operation = Operation::parse(&operation).ok_or(RequestError::Operation(operation))?;
        let resource = |of: &str| Resource {
            group: part(of, "group"),
            version: part(of, "version"),
            resource: part(of, "resource"),
        };
        if part("resource", "resource").is_empty() {
            return Err(RequestError::Missing("resource"));
        }
        if member("kind").is_none() {
            return Err(RequestError::Missing("kind"));
        }
        let requested = if member("requestResource").is_some() { "requestResource" } else { "resource" };
        Ok(Self {
            value: visible(request)?,
            object: value("object")?,
            old_object: value("oldObject")?,
            operation,
            resource: resource("resource"),
            requested: resource(requested),
            subresource: text("subResource"),
            kind: (part("kind", "group"), part("kind", "version"), part("kind", "kind")),
            name: text("name"),
            namespace: text("namespace"),
        })
    }

    /// Whether the object is itself a Namespace.
    pub(crate) fn is_of_namespace(&self) -> bool {
        self.requested.group.is_empty() && self.requested.resource == "namespaces"
    }

    /// The namespace that the object lives in; none for objects of the cluster and for Namespaces.
    #[must_use]
    pub fn object_namespace(&self) -> Option<&str> {
        let of_itself = self.kind == (String::new(), "v1".to_owned(), "Namespace".to_owned());
        (!self.namespace.is_empty() && !of_itself).then_some(self.namespace.as_str())
    }

    /// With another object in the place of both, for a policy of Pods that judges the template of a controller.
    pub(crate) fn with_objects(&self, object: Value, old_object: Value) -> Self {
        Self { object, old_object, ..self.clone() }
    }
}

fn visible(request: &serde_json::Value) -> Result<Value, TooDeep> {
    let mut entries = Vec::with_capacity(VISIBLE.len());
    let mut put = |name: &str, value: Value| entries.push((Key::Text(Arc::from(name)), value));
    for name in VISIBLE {
        match request.get(name) {
            // The API server leaves empty texts out, so that selecting them fails.
            None | Some(serde_json::Value::Null) => {}
            Some(serde_json::Value::String(text)) if text.is_empty() => {}
            Some(value) => put(name, Value::from_json(value)?),
        }
    }
    for (name, like) in [("requestKind", "kind"), ("requestResource", "resource")] {
        if let (None, Some(value)) = (request.get(name).filter(|v| !v.is_null()), request.get(like)) {
            put(name, Value::from_json(value)?);
        }
    }
    if request.get("dryRun").is_none_or(serde_json::Value::is_null) {
        put("dryRun", Value::Bool(false));
    }
    Ok(Value::Map(Arc::new(Map::new(entries).unwrap_or_default())))
}
