//! Requests as policies in other forms see them.

use serde_json::{Value, json};

use super::resources;
use crate::context::Context;
use crate::request::Request;

/// A request with what is known of its namespace.
pub(super) struct AdmissionRequest<'c> {
    pub(super) request: expressions::Request,
    /// The same as JSON: the member `request` of a review.
    pub(super) json: Value,
    /// Whether the object lives in a namespace; `None` when that is not known.
    pub(super) namespaced: Option<bool>,
    pub(super) namespace: expressions::Namespace<'c>,
    /// The object's name, or what it will begin with.
    pub(super) name: String,
}

pub(super) fn read<'c>(request: &Request<'_>, context: &Context<'c>) -> Result<AdmissionRequest<'c>, String> {
    match request.review {
        Some(review) => of_review(review, context),
        None => of_manifest(request, context),
    }
}

fn of_review<'c>(review: &str, context: &Context<'c>) -> Result<AdmissionRequest<'c>, String> {
    let mut review: Value =
        serde_json::from_str(review).map_err(|error| format!("failed to read the request: {error}"))?;
    let json = review.get_mut("request").map(Value::take).unwrap_or_default();
    let request = read_request(&json)?;
    let namespace = request.object_namespace().map(|name| context.surroundings.namespace(name));
    let objects = ["/object", "/oldObject"].into_iter().filter_map(|object| json.pointer(object));
    let name = objects.map(name_of).find(|name| !name.is_empty()).unwrap_or_default().to_owned();
    let namespaced = Some(namespace.is_some());
    let namespace = namespace.unwrap_or(expressions::Namespace::None);
    Ok(AdmissionRequest { request, json, namespaced, namespace, name })
}

/// A manifest is taken for its creation by a user without name and groups.
fn of_manifest<'c>(request: &Request<'_>, context: &Context<'c>) -> Result<AdmissionRequest<'c>, String> {
    let object = request.object.as_deref().unwrap_or("null");
    let object: Value = serde_json::from_str(object).map_err(|error| format!("failed to read the object: {error}"))?;
    let api_version = object.pointer("/apiVersion").and_then(Value::as_str).unwrap_or_default();
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let resource = resources::of_kind(&request.group, &request.kind, context.surroundings);
    let kind = json!({"group": request.group, "version": version, "kind": request.kind});
    let of = json!({"group": request.group, "version": version, "resource": resource.plural});
    let is_namespace = request.group.is_empty() && request.kind == "Namespace";
    let (in_request, namespace) = match (resource.namespaced, request.namespace.as_str()) {
        // The API server says the name of a Namespace in both places.
        (Some(false), _) if is_namespace => (request.name.as_str(), expressions::Namespace::None),
        (Some(false), _) => ("", expressions::Namespace::None),
        (_, "") => ("", expressions::Namespace::Unknown),
        (_, name) => (name, context.surroundings.namespace(name)),
    };
    let name = name_of(&object).to_owned();
    let json = json!({
        "uid": "", "kind": kind, "resource": of, "requestKind": kind, "requestResource": of,
        "name": request.name, "namespace": in_request, "operation": "CREATE",
        "userInfo": {"username": "", "groups": []}, "object": object, "oldObject": null, "dryRun": request.dry_run,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
    });
    Ok(AdmissionRequest { request: read_request(&json)?, json, namespaced: resource.namespaced, namespace, name })
}

fn read_request(json: &Value) -> Result<expressions::Request, String> {
    expressions::Request::from_json(json)
        .map_err(|error| format!("policies cannot be evaluated on the request: {error}"))
}

fn name_of(object: &Value) -> &str {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("/metadata/name").or_else(|| text("/metadata/generateName")).unwrap_or_default()
}
