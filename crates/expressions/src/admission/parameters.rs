//! Parameters: objects of the cluster that bindings refer to.

use super::selector::Selector;
use crate::value::{TooDeep, Value};

/// One object that can be a parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
    pub(crate) value: Value,
}

impl Parameter {
    /// From an object of the cluster as JSON.
    ///
    /// # Errors
    /// [`TooDeep`].
    pub fn from_json(object: &serde_json::Value) -> Result<Self, TooDeep> {
        let text = |path: &str| object.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        Ok(Self {
            api_version: text("/apiVersion"),
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            value: Value::from_json(object)?,
        })
    }

    /// `namespace/name`, or the name alone for an object of the cluster.
    pub(crate) fn label(&self) -> String {
        if self.namespace.is_empty() { self.name.clone() } else { format!("{}/{}", self.namespace, self.name) }
    }
}

/// All objects that can be parameters, as known at the moment.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    objects: Vec<Parameter>,
}

impl Parameters {
    /// Of these objects.
    #[must_use]
    pub fn new(mut objects: Vec<Parameter>) -> Self {
        objects.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Self { objects }
    }
}

/// `paramRef` of a binding.
#[derive(Debug, Clone)]
pub(crate) struct ParameterReference {
    pub(crate) namespace: Option<String>,
    pub(crate) choice: Choice,
    /// Whether a request is denied (by the failure policy) when there is no parameter; else the binding does not apply.
    pub(crate) deny_when_missing: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Choice {
    Name(String),
    Selector(Selector),
}

impl Parameters {
    /// Whether a reference means parameters of the namespace that the request is in.
    pub(crate) fn are_of_the_requests_namespace(
        &self,
        kind: &(String, String),
        reference: &ParameterReference,
    ) -> bool {
        let mut of_kind = self.objects.iter().filter(|p| p.api_version == kind.0 && p.kind == kind.1);
        reference.namespace.is_none() && of_kind.any(|p| !p.namespace.is_empty())
    }

    /// The parameters that a reference names for a request in a namespace, which is empty for objects of the cluster.
    pub(crate) fn find<'p>(
        &'p self,
        kind: &(String, String),
        reference: &ParameterReference,
        namespace: &str,
    ) -> Result<Vec<&'p Parameter>, &'static str> {
        let of_kind = || self.objects.iter().filter(|p| p.api_version == kind.0 && p.kind == kind.1);
        // Whether the kind has namespaces can only be told from its objects.
        let namespaced = of_kind().any(|p| !p.namespace.is_empty());
        let wanted = match (&reference.namespace, namespaced) {
            (Some(_), false) if of_kind().next().is_some() => {
                return Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
            }
            (Some(given), _) => given.as_str(),
            (None, true) if namespace.is_empty() => {
                return Err("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
            }
            (None, true) => namespace,
            (None, false) => "",
        };
        let found: Vec<_> = of_kind()
            .filter(|p| p.namespace == wanted)
            .filter(|p| match &reference.choice {
                Choice::Name(name) => p.name == *name,
                Choice::Selector(selector) => selector.selects(&p.value),
            })
            .collect();
        if found.is_empty() && reference.deny_when_missing {
            return Err("no params found for policy binding with `Deny` parameterNotFoundAction");
        }
        Ok(found)
    }
}
