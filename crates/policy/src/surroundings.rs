//! What is known of the cluster that an object goes to: its namespaces with their labels, and the kinds that it was taught.

use std::collections::BTreeMap;

use expressions::Value;
use serde_json::json;

use crate::manifest;

/// The label with its own name that the API server gives every namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// A resource of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// Its name in the plural.
    pub(crate) plural: String,
    /// Whether its objects live in namespaces; `None` when that is not known.
    pub(crate) namespaced: Option<bool>,
}

/// Namespaces and kinds. Whether those are all that there are makes a difference: see [`Surroundings::all`].
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    namespaces: BTreeMap<String, Value>,
    kinds: BTreeMap<(String, String), Resource>,
    all: bool,
}

impl Surroundings {
    /// Nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self { namespaces: BTreeMap::new(), kinds: BTreeMap::new(), all: false }
    }

    /// There are no other namespaces than those that were added. As for the API server, it is then an error, and not only undetermined,
    /// when a policy selects by a namespace that is not there. Whoever decides for a cluster, and could let something in, says this.
    #[must_use]
    pub fn all(self) -> Self {
        Self { all: true, ..self }
    }

    /// Adds what a file of manifests tells: its Namespaces and CustomResourceDefinitions. Everything else in it is passed over.
    pub fn add_file(&mut self, bytes: &[u8]) {
        for object in manifest::read(bytes).into_iter().flatten() {
            if matches!(object.tree.text("kind"), Some("Namespace" | "CustomResourceDefinition")) {
                self.add(&object.tree.to_json());
            }
        }
    }

    /// Adds what one object tells, if it is a Namespace or a CustomResourceDefinition.
    pub fn add(&mut self, object: &serde_json::Value) {
        let text = |pointer: &str| object.pointer(pointer).and_then(serde_json::Value::as_str);
        let name = text("/metadata/name").unwrap_or_default();
        match (text("/apiVersion"), text("/kind")) {
            (Some("v1"), Some("Namespace")) if !name.is_empty() => self.add_namespace(name, object),
            (Some("apiextensions.k8s.io/v1"), Some("CustomResourceDefinition")) => {
                let names = (text("/spec/group"), text("/spec/names/kind"), text("/spec/names/plural"));
                if let (Some(group), Some(kind), Some(plural)) = names {
                    let namespaced = text("/spec/scope").map(|scope| scope == "Namespaced");
                    let resource = Resource { plural: plural.to_owned(), namespaced };
                    self.kinds.insert((group.to_owned(), kind.to_owned()), resource);
                }
            }
            _ => {}
        }
    }

    /// Whether a namespace of this name was added.
    #[must_use]
    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.contains_key(name)
    }

    /// Takes a namespace out that is no longer there.
    pub fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    fn add_namespace(&mut self, name: &str, object: &serde_json::Value) {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
            let labels = metadata.entry("labels").or_insert_with(|| json!({}));
            match labels.as_object_mut() {
                Some(labels) => {
                    labels.insert(NAME_LABEL.to_owned(), name.into());
                }
                None => *labels = json!({ NAME_LABEL: name }),
            }
        }
        if let Ok(value) = Value::from_json(&object) {
            self.namespaces.insert(name.to_owned(), value);
        }
    }

    /// What expressions are told of a namespace.
    pub(crate) fn namespace(&self, name: &str) -> expressions::Namespace<'_> {
        match self.namespaces.get(name) {
            Some(namespace) => expressions::Namespace::Known(namespace),
            None if self.all => expressions::Namespace::None,
            None => expressions::Namespace::Unknown,
        }
    }

    /// A kind that a CustomResourceDefinition defines.
    pub(crate) fn resource(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.kinds.get(&(group.to_owned(), kind.to_owned()))
    }
}
