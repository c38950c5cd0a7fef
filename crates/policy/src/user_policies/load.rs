//! Documents of a set to policies. Each is handed to `expressions` as its own text, with the line on which it begins, so that one that is
//! broken takes no other with it and its faults have their places in the file.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use expressions::{Parameter, Parameters, Policies, SourceFile, Written};
use serde_json::{Value, json};

use super::{ADMISSION_API_VERSION, KYVERNO_GROUP, UserPolicies, gatekeeper};
use crate::manifest::{Object, Tree};
use crate::policy_set::Fault;

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A policy or a binding.
    Policy,
    /// A template or constraint of Gatekeeper.
    Gatekeeper,
    /// Something that can only be a parameter.
    Other,
}

impl Form {
    pub(crate) fn of(api_version: &str, kind: &str) -> Self {
        let of_kubernetes = api_version == ADMISSION_API_VERSION
            && matches!(kind, "ValidatingAdmissionPolicy" | "ValidatingAdmissionPolicyBinding");
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let of_kyverno = group == KYVERNO_GROUP && matches!(kind, "ValidatingPolicy" | "NamespacedValidatingPolicy");
        let of_gatekeeper =
            (group == rego::TEMPLATE_GROUP && kind == "ConstraintTemplate") || group == rego::CONSTRAINT_GROUP;
        match (of_kubernetes || of_kyverno, of_gatekeeper) {
            (true, _) => Self::Policy,
            (false, true) => Self::Gatekeeper,
            (false, false) => Self::Other,
        }
    }
}

/// A document that is not in our form.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) file: String,
    pub(crate) form: Form,
    /// Its own text, as it stands in the file from the beginning of a line on; none when it has to be written anew.
    pub(crate) text: Option<String>,
    pub(crate) object: Object,
}

impl Document {
    pub(super) fn text(&self, path: &[&str]) -> &str {
        let (last, above) = path.split_last().unwrap_or((&"", &[]));
        let parent = above.iter().try_fold(&self.object.tree, |tree, key| tree.get(key));
        parent.and_then(|tree| tree.text(last)).unwrap_or_default()
    }

    pub(super) fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    pub(super) fn fault(&self, path: &str, message: String) -> Fault {
        let (line, column) = self.object.tree.place(path);
        Fault { file: self.file.clone(), line, column: column.max(1), message }
    }

    /// `apiVersion` and `kind` of the parameters of a policy.
    fn param_kind(&self) -> Option<(&str, &str)> {
        let kind = self.object.tree.get("spec")?.get("paramKind")?;
        Some((kind.text("apiVersion")?, kind.text("kind")?))
    }
}

/// Loads the documents. A policy whose name a policy in our form has, too, is not loaded: exceptions could not tell them apart.
pub(crate) fn load(documents: Vec<Document>, taken: &dyn Fn(&str) -> bool) -> (UserPolicies, Vec<Fault>) {
    let (of_gatekeeper, documents): (Vec<_>, Vec<_>) = documents.into_iter().partition(|d| d.form == Form::Gatekeeper);
    let (written, others): (Vec<_>, Vec<_>) = documents.into_iter().partition(|d| d.form == Form::Policy);
    let mut faults = Vec::new();
    let (clashing, written): (Vec<_>, Vec<_>) =
        written.into_iter().partition(|d| d.text(&["kind"]) != "ValidatingAdmissionPolicyBinding" && taken(d.name()));
    for document in &clashing {
        faults.push(document.fault("metadata.name", format!("a policy {:?} is there already", document.name())));
    }
    let kinds: BTreeSet<_> = written.iter().chain(&clashing).filter_map(Document::param_kind).collect();
    let (parameters, canonical_parameters) = parameters(&others, &kinds, &mut faults);
    let (policies, canonical_policies) = policies(&written, &mut faults);
    let (gatekeeper, canonical_templates, canonical_constraints) = gatekeeper::load(&of_gatekeeper, &mut faults);
    let own = UserPolicies {
        policies,
        parameters,
        gatekeeper,
        canonical_policies,
        canonical_parameters,
        canonical_templates,
        canonical_constraints,
    };
    (own, faults)
}

fn policies(written: &[Document], faults: &mut Vec<Fault>) -> (Policies, Vec<Value>) {
    let texts: Vec<_> = written
        .iter()
        .map(|document| document.text.clone().unwrap_or_else(|| document.object.tree.to_json().to_string()))
        .collect();
    let sources: Vec<_> = written
        .iter()
        .zip(&texts)
        .map(|(d, text)| SourceFile { name: &d.file, text, first_line: d.object.line as u64 })
        .collect();
    let loaded = Policies::load(&sources);
    for fault in loaded.faults {
        let line = usize::try_from(fault.line).unwrap_or(usize::MAX).max(1);
        let mut column = usize::try_from(fault.column).unwrap_or(usize::MAX).max(1);
        // Columns of a text that was written anew are nowhere in the file.
        if let Some(anew) = written.iter().find(|d| d.text.is_none() && d.file == fault.file && d.object.line == line) {
            column = anew.object.tree.column.max(1);
        }
        faults.push(Fault { file: fault.file, line, column, message: fault.message });
    }
    let mut used = BTreeSet::new();
    let mut at = |it: &Written| {
        let is_it = |d: &Document| d.file == it.file && d.object.line as u64 <= it.line && d.name() == it.name.as_ref();
        used.extend(written.iter().rposition(is_it));
    };
    for (policy, bindings) in loaded.policies.policies() {
        at(policy.written());
        for binding in bindings {
            at(binding.written());
        }
        if bindings.is_empty() && policy.kind() == "ValidatingAdmissionPolicy" {
            let written = policy.written();
            faults.push(Fault {
                file: written.file.clone(),
                line: usize::try_from(written.line).unwrap_or(1).max(1),
                column: usize::try_from(written.column).unwrap_or(1).max(1),
                message: format!("the policy {} has no binding here, so that it holds nowhere", policy.name()),
            });
        }
    }
    let canonical = |number: &usize| {
        let document = written.get(*number)?;
        let spec = document.object.tree.get("spec").map(Tree::to_json);
        let (api_version, kind) = (document.text(&["apiVersion"]), document.text(&["kind"]));
        Some((
            (kind, document.name()),
            json!({"apiVersion": api_version, "kind": kind, "name": document.name(), "spec": spec}),
        ))
    };
    let canonical: BTreeMap<_, _> = used.iter().filter_map(canonical).collect();
    (loaded.policies, canonical.into_values().collect())
}

fn parameters(
    documents: &[Document],
    kinds: &BTreeSet<(&str, &str)>,
    faults: &mut Vec<Fault>,
) -> (Parameters, Vec<Value>) {
    let mut loaded = BTreeMap::new();
    for document in documents {
        let (parameter, json) = match parameter(document, kinds) {
            Ok(read) => read,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        let key = ["apiVersion", "kind"].map(|key| document.text(&[key]));
        match loaded.entry((key, document.text(&["metadata", "namespace"]), document.name())) {
            Entry::Vacant(vacant) => {
                vacant.insert((parameter, json));
            }
            Entry::Occupied(_) => {
                let message = format!("the parameter {:?} is there already", document.name());
                faults.push(document.fault("metadata.name", message));
            }
        }
    }
    let (parameters, canonical): (Vec<_>, Vec<_>) = loaded.into_values().unzip();
    (Parameters::new(parameters), canonical)
}

fn parameter(document: &Document, kinds: &BTreeSet<(&str, &str)>) -> Result<(Parameter, Value), Fault> {
    let (api_version, kind) = (document.text(&["apiVersion"]), document.text(&["kind"]));
    if !kinds.contains(&(api_version, kind)) {
        let path = if api_version == crate::policy_set::API_VERSION { "kind" } else { "apiVersion" };
        return Err(document.fault(path, unexpected(api_version, kind)));
    }
    if document.name().is_empty() {
        return Err(document.fault("metadata", "metadata.name is missing".to_owned()));
    }
    let of_namespace = api_version == "v1" && matches!(kind, "ConfigMap" | "Secret");
    if of_namespace && document.text(&["metadata", "namespace"]).is_empty() {
        let message = format!("metadata.namespace is missing: a {kind} that is a parameter is one of a namespace");
        return Err(document.fault("metadata", message));
    }
    let json = document.object.tree.to_json();
    match Parameter::from_json(&json) {
        Ok(parameter) => Ok((parameter, json)),
        Err(error) => Err(document.fault("", error.to_string())),
    }
}

fn unexpected(api_version: &str, kind: &str) -> String {
    format!(
        "expected Policy or PolicyException of {}, ValidatingAdmissionPolicy or ValidatingAdmissionPolicyBinding of {ADMISSION_API_VERSION}, \
         ValidatingPolicy of {KYVERNO_GROUP}, ConstraintTemplate of {}, a constraint of {}, or the paramKind of a policy; found kind {kind:?} of {api_version:?}",
        crate::policy_set::API_VERSION,
        rego::TEMPLATE_GROUP,
        rego::CONSTRAINT_GROUP,
    )
}
