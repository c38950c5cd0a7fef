//! Which requests a policy or binding is for (`k8s.io/apiserver`, `admission/plugin/policy/matching`).

use super::document::{MatchResources, Rule as RuleForm};
use super::evaluate::Namespace;
use super::request::Request;
use super::selector::Selector;
use crate::fault::Faults;
use crate::value::Value;

/// What is done to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is created.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// Something is connected to, such as `pods/exec`.
    Connect,
}

impl Operation {
    /// From the word that the API uses.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "CREATE" => Self::Create,
            "UPDATE" => Self::Update,
            "DELETE" => Self::Delete,
            "CONNECT" => Self::Connect,
            _ => return None,
        })
    }
}

/// A resource with its group and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) resource: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    Cluster,
    Namespaced,
}

#[derive(Debug, Clone)]
struct Rule {
    names: Vec<String>,
    /// Empty for all.
    operations: Vec<Operation>,
    groups: Vec<String>,
    versions: Vec<String>,
    /// Resource and subresource, either of which can be `*`.
    resources: Vec<(String, String)>,
    scope: Scope,
}

/// Rules of which one must match.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules(Vec<Rule>);

/// `matchConstraints` of a policy or `matchResources` of a binding.
#[derive(Debug, Clone, Default)]
pub(crate) struct Constraints {
    namespaces: Selector,
    objects: Selector,
    rules: Rules,
    excluded: Rules,
    exact: bool,
}

/// Selecting by namespace needs the namespace, which was not handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamespaceUnknown;

impl Rules {
    pub(crate) fn new(forms: &[RuleForm], faults: &mut Faults<'_>) -> Self {
        Self(forms.iter().filter_map(|form| rule(form, faults)).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn matches(&self, request: &Request, of_cluster: bool, exact: bool) -> bool {
        let one = |resource: &Resource| self.0.iter().any(|rule| rule.matches(request, of_cluster, resource));
        one(&request.requested) || (!exact && one(&request.resource))
    }

    /// The rules with only those resources replaced by others that hold the same in a template.
    pub(crate) fn for_controllers(&self, controllers: &[(&str, &str, &str)]) -> Self {
        let of_pods =
            |rule: &&Rule| rule.groups.iter().any(|g| g.is_empty() || g == "*") && rule.names_resource("pods");
        let rules = self.0.iter().filter(of_pods).flat_map(|rule| {
            controllers.iter().map(|(group, version, resource)| Rule {
                names: Vec::new(),
                groups: vec![(*group).to_owned()],
                versions: vec![(*version).to_owned()],
                resources: vec![((*resource).to_owned(), String::new())],
                ..rule.clone()
            })
        });
        Self(rules.collect())
    }

    /// Whether they are for Pods and nothing else.
    pub(crate) fn only_pods(&self) -> bool {
        let only =
            |rule: &Rule| rule.names.is_empty() && rule.resources.iter().all(|(r, s)| r == "pods" && s.is_empty());
        !self.0.is_empty() && self.0.iter().all(only)
    }
}

impl Rule {
    fn names_resource(&self, name: &str) -> bool {
        self.resources.iter().any(|(resource, subresource)| resource == name && subresource.is_empty())
    }

    fn matches(&self, request: &Request, of_cluster: bool, resource: &Resource) -> bool {
        let one_of = |items: &[String], wanted: &str| items.iter().any(|item| item == "*" || item == wanted);
        let part = |item: &str, wanted: &str| item == "*" || item == wanted;
        let in_scope = match self.scope {
            Scope::All => true,
            Scope::Cluster => of_cluster,
            Scope::Namespaced => !of_cluster,
        };
        in_scope
            && (self.operations.is_empty() || self.operations.contains(&request.operation))
            && one_of(&self.groups, &resource.group)
            && one_of(&self.versions, &resource.version)
            && self.resources.iter().any(|(r, s)| part(r, &resource.resource) && part(s, &request.subresource))
            && (self.names.is_empty() || self.names.contains(&request.name))
    }
}

fn rule(form: &RuleForm, faults: &mut Faults<'_>) -> Option<Rule> {
    for (name, list) in [
        ("operations", &form.operations),
        ("apiGroups", &form.api_groups),
        ("apiVersions", &form.api_versions),
        ("resources", &form.resources),
    ] {
        if list.value.is_empty() {
            faults.at(list, format!("{name} is empty"));
            return None;
        }
        if list.value.len() > 1 && list.value.iter().any(|item| item == "*") {
            faults.at(list, format!("{name} has other items beside \"*\""));
            return None;
        }
    }
    let mut operations = Vec::new();
    for operation in &form.operations.value {
        match Operation::parse(operation) {
            Some(parsed) => operations.push(parsed),
            None if operation == "*" => {}
            None => {
                faults.at(&form.operations, format!("{operation:?} is not one of CREATE, UPDATE, DELETE, CONNECT, *"));
                return None;
            }
        }
    }
    let scope = match form.scope.as_ref().map(|s| s.value.as_str()) {
        None | Some("*") => Scope::All,
        Some("Cluster") => Scope::Cluster,
        Some("Namespaced") => Scope::Namespaced,
        Some(other) => {
            let message = format!("{other:?} is not one of Cluster, Namespaced, *");
            form.scope.iter().for_each(|scope| faults.at(scope, message.clone()));
            return None;
        }
    };
    let resources = form.resources.value.iter().map(|resource| match resource.split_once('/') {
        Some((resource, subresource)) => (resource.to_owned(), subresource.to_owned()),
        None => (resource.clone(), String::new()),
    });
    Some(Rule {
        names: form.resource_names.clone(),
        operations,
        groups: form.api_groups.value.clone(),
        versions: form.api_versions.value.clone(),
        resources: resources.collect(),
        scope,
    })
}

impl Constraints {
    pub(crate) fn new(form: &MatchResources, faults: &mut Faults<'_>) -> Self {
        let exact = match form.match_policy.as_ref().map(|p| (p, p.value.as_str())) {
            None | Some((_, "Equivalent")) => false,
            Some((_, "Exact")) => true,
            Some((place, other)) => {
                faults.at(place, format!("{other:?} is not one of Exact, Equivalent"));
                true
            }
        };
        let mut selector =
            |form: &Option<_>| form.as_ref().map_or_else(Selector::default, |f| Selector::new(f, faults));
        let (namespaces, objects) = (selector(&form.namespace_selector), selector(&form.object_selector));
        Self {
            namespaces,
            objects,
            rules: Rules::new(&form.resource_rules, faults),
            excluded: Rules::new(&form.exclude_resource_rules, faults),
            exact,
        }
    }

    /// The same for controllers of Pods in the place of Pods.
    pub(crate) fn for_controllers(&self, controllers: &[(&str, &str, &str)]) -> Self {
        Self { rules: self.rules.for_controllers(controllers), ..self.clone() }
    }

    /// Whether they are for Pods and nothing else, without anything that could mean something else for a controller.
    pub(crate) fn only_pods(&self) -> bool {
        self.namespaces.is_empty() && self.objects.is_empty() && self.excluded.is_empty() && self.rules.only_pods()
    }

    /// Whether the request is meant.
    pub(crate) fn match_request(&self, request: &Request, namespace: Namespace<'_>) -> Result<bool, NamespaceUnknown> {
        // The request for a Namespace carries its name as namespace, and is still one of the cluster.
        let unnamed = request.namespace.is_empty() && !matches!(namespace, Namespace::Unknown);
        let of_cluster = unnamed || request.is_of_namespace();
        let by_namespace = self.match_namespace(request, namespace);
        if by_namespace == Ok(false) {
            return Ok(false);
        }
        let object_selected = self.objects.is_empty()
            || [&request.object, &request.old_object]
                .into_iter()
                .any(|object| matches!(object, Value::Map(_)) && self.objects.selects(object));
        if !object_selected || self.excluded.matches(request, of_cluster, self.exact) {
            return Ok(false);
        }
        if !self.rules.is_empty() && !self.rules.matches(request, of_cluster, self.exact) {
            return Ok(false);
        }
        // Only now: that the namespace is unknown does not matter to a policy that is not for the request.
        by_namespace
    }

    fn match_namespace(&self, request: &Request, namespace: Namespace<'_>) -> Result<bool, NamespaceUnknown> {
        if self.namespaces.is_empty() {
            return Ok(true);
        }
        if request.namespace.is_empty() && !request.is_of_namespace() {
            return if matches!(namespace, Namespace::Unknown) { Err(NamespaceUnknown) } else { Ok(true) };
        }
        let changes_itself = request.is_of_namespace()
            && request.subresource.is_empty()
            && matches!(request.operation, Operation::Create | Operation::Update);
        let labelled = match (changes_itself, namespace) {
            (true, _) => &request.object,
            (false, Namespace::Known(namespace)) => namespace,
            (false, _) if request.is_of_namespace() && matches!(request.old_object, Value::Map(_)) => {
                &request.old_object
            }
            (false, Namespace::Unknown) => {
                return self.namespaces.selects_named(&request.namespace).ok_or(NamespaceUnknown);
            }
            (false, Namespace::None) => return Err(NamespaceUnknown),
        };
        Ok(self.namespaces.selects(labelled))
    }
}
