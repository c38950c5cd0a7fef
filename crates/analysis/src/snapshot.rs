//! Objects as they stood at one instant: read from manifests, from a cluster, or taken out of the history.
//!
//! What an analysis says of one instant it says of a [`Snapshot`], so that the one-shot commands and the replay of a year share their code.

use std::collections::BTreeMap;

use records::Timestamp;
use records::tables::objects::ObjectVersion;
use serde_json::Value;

/// Where an object was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, or whatever else it was read from; empty when it comes from the history.
    pub file: String,
    /// Number of its document in the file, from 1; 0 without a file.
    pub document: usize,
    /// Line on which it begins, from 1; 0 without a file.
    pub line: usize,
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// API group; empty for core.
    pub group: String,
    /// API version without the group.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Resource (plural, lower case); guessed from the kind by Kubernetes' own rule where only the kind is known.
    pub resource: String,
    /// Namespace; `None` for cluster-scoped objects, and for manifests that name none.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// All of it.
    pub body: Value,
    /// Where it was read.
    pub place: Place,
}

/// Why a value is no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// A field that every object has is missing or has another type.
    #[error("{0} is missing or no text")]
    Missing(&'static str),
}

impl Object {
    /// From the JSON of an object, as it stands in a manifest or comes from the API.
    ///
    /// # Errors
    /// [`ObjectError`] when `apiVersion`, `kind` or `metadata.name` is missing.
    pub fn from_json(body: Value, place: Place) -> Result<Self, ObjectError> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let api_version = text("/apiVersion").ok_or(ObjectError::Missing("apiVersion"))?;
        let kind = text("/kind").ok_or(ObjectError::Missing("kind"))?.to_owned();
        let name = text("/metadata/name").ok_or(ObjectError::Missing("metadata.name"))?.to_owned();
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Ok(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            resource: plural(&kind),
            namespace: text("/metadata/namespace").filter(|namespace| !namespace.is_empty()).map(str::to_owned),
            kind,
            name,
            body,
            place,
        })
    }

    /// The object in `namespace` when it is one of Kubernetes' own namespaced kinds and names none itself, as `kubectl apply` puts it
    /// there. Objects of other kinds stay as they are: whether they live in namespaces is not known.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        if self.namespace.is_none() && is_namespaced(&self.group, &self.resource) {
            self.namespace = Some(namespace.to_owned());
        }
        self
    }

    /// From a version of the history; `None` when its body is no JSON, which the normaliser lists as a fault.
    #[must_use]
    pub fn from_version(version: &ObjectVersion<'_>) -> Option<Self> {
        Some(Self {
            group: version.api_group.to_string(),
            version: version.api_version.to_string(),
            kind: version.kind.to_string(),
            resource: version.resource.to_string(),
            namespace: version.namespace.as_deref().map(str::to_owned),
            name: version.name.to_string(),
            body: serde_json::from_str(&version.body_json).ok()?,
            place: Place::default(),
        })
    }
}

/// The resource of a kind by the rule that Kubernetes' own kinds follow (`meta.UnsafeGuessKindToResource`).
#[must_use]
pub fn plural(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    match kind.strip_suffix('y') {
        _ if kind.is_empty() => kind,
        _ if kind == "endpoints" => kind,
        _ if kind.ends_with('s') || kind.ends_with('x') || kind.ends_with("ch") || kind.ends_with("sh") => kind + "es",
        // `Gateway` ends in a vowel and `y`; the rule of Kubernetes' guess does not look at the vowel, the API of gateways does.
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => kind + "s",
    }
}

/// Whether a resource is one of Kubernetes' own whose objects live in namespaces.
fn is_namespaced(group: &str, resource: &str) -> bool {
    match group {
        "" => !matches!(resource, "namespaces" | "nodes" | "persistentvolumes" | "componentstatuses"),
        "apps" | "batch" | "autoscaling" | "policy" | "events.k8s.io" | "discovery.k8s.io" | "coordination.k8s.io" => {
            true
        }
        "networking.k8s.io" => matches!(resource, "networkpolicies" | "ingresses"),
        "rbac.authorization.k8s.io" => matches!(resource, "roles" | "rolebindings"),
        "gateway.networking.k8s.io" => resource != "gatewayclasses",
        _ => false,
    }
}

/// Objects by group, resource, namespace and name: no two of the same.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    objects: BTreeMap<Key, Object>,
}

/// Group, resource, namespace and name.
type Key = (String, String, Option<String>, String);

impl Snapshot {
    /// No objects.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The objects of one cluster that the history has at an instant.
    #[must_use]
    pub fn at(versions: &[ObjectVersion<'_>], cluster: &str, at: Timestamp) -> Self {
        let holds = |v: &&ObjectVersion<'_>| {
            v.provenance.cluster == cluster && v.valid_from <= at && v.valid_to.is_none_or(|to| at < to)
        };
        versions.iter().filter(holds).filter_map(Object::from_version).collect()
    }

    /// Adds an object; gives back the one that had its place.
    pub fn add(&mut self, object: Object) -> Option<Object> {
        self.objects.insert(key(&object), object)
    }

    /// Whether it has an object of the same group, resource, namespace and name.
    #[must_use]
    pub fn holds(&self, like: &Object) -> bool {
        self.objects.contains_key(&key(like))
    }

    /// Takes away the object of the same group, resource, namespace and name.
    pub fn remove(&mut self, like: &Object) -> Option<Object> {
        self.objects.remove(&key(like))
    }

    /// All objects, in order.
    pub fn all(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// The objects of a resource, in order of namespace and name.
    pub fn of<'a>(&'a self, group: &str, resource: &str) -> impl Iterator<Item = &'a Object> + use<'a> {
        let from = (group.to_owned(), resource.to_owned(), None, String::new());
        let (group, resource) = (group.to_owned(), resource.to_owned());
        self.objects
            .range(from..)
            .map(|(_, object)| object)
            .take_while(move |object| object.group == group && object.resource == resource)
    }
}

fn key(object: &Object) -> Key {
    (object.group.clone(), object.resource.clone(), object.namespace.clone(), object.name.clone())
}

impl FromIterator<Object> for Snapshot {
    fn from_iter<T: IntoIterator<Item = Object>>(objects: T) -> Self {
        Self { objects: objects.into_iter().map(|object| (key(&object), object)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plurals_are_those_of_the_api() {
        for (kind, resource) in [
            ("Pod", "pods"),
            ("NetworkPolicy", "networkpolicies"),
            ("Ingress", "ingresses"),
            ("Endpoints", "endpoints"),
            ("Gateway", "gateways"),
            ("StorageClass", "storageclasses"),
            ("CertificateSigningRequest", "certificatesigningrequests"),
            ("", ""),
        ] {
            assert_eq!(plural(kind), resource);
        }
    }

    #[test]
    fn objects_of_one_resource_are_found_in_order() {
        let object = |api: &str, kind: &str, namespace: Option<&str>, name: &str| {
            let body = json!({"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}});
            Object::from_json(body, Place::default()).unwrap()
        };
        let mut snapshot: Snapshot = [
            object("v1", "Pod", Some("b"), "one"),
            object("v1", "Pod", Some("a"), "two"),
            object("v1", "PodTemplate", Some("a"), "three"),
            object("v1", "Node", None, "n"),
            object("apps/v1", "Deployment", Some("a"), "four"),
        ]
        .into_iter()
        .collect();
        let pods: Vec<&str> = snapshot.of("", "pods").map(|o| o.name.as_str()).collect();
        assert_eq!(pods, ["two", "one"]);
        assert_eq!(snapshot.of("apps", "deployments").count(), 1);
        assert!(snapshot.add(object("v1", "Node", None, "n")).is_some());
        assert_eq!(snapshot.all().count(), 5);
    }

    #[test]
    fn a_manifest_without_a_namespace_goes_to_the_one_given() {
        let placed = |api: &str, kind: &str| {
            let body = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "n"}});
            Object::from_json(body, Place::default()).unwrap().in_namespace("default").namespace
        };
        assert_eq!(placed("v1", "Pod").as_deref(), Some("default"));
        assert_eq!(placed("rbac.authorization.k8s.io/v1", "RoleBinding").as_deref(), Some("default"));
        assert_eq!(placed("rbac.authorization.k8s.io/v1", "ClusterRole"), None);
        assert_eq!(placed("v1", "Namespace"), None);
        assert_eq!(placed("example.com/v1", "Widget"), None);
    }

    #[test]
    fn what_is_no_object_is_told() {
        let error = |body: Value| Object::from_json(body, Place::default()).unwrap_err().to_string();
        assert_eq!(error(json!({"kind": "Pod"})), "apiVersion is missing or no text");
        assert_eq!(error(json!({"apiVersion": "v1", "kind": "Pod"})), "metadata.name is missing or no text");
    }
}
