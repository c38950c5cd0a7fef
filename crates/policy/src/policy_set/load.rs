//! From files to policies and exceptions.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::lines::Lines;
use super::{Action, Fault, Match, Policy, PolicySet};
use crate::exception::{Exception, ExceptionSpec};
use crate::manifest::{self, Object};
use crate::rules;
use crate::user_policies::{self, Document, Form};

/// API version of our documents.
pub const API_VERSION: &str = "plimsoll.dev/v1alpha1";

/// Whether a file beside policies holds examples (`<policies>.good.yaml`, `<policies>.bad.yaml`) and not policies.
#[must_use]
pub fn is_example_file(name: &str) -> bool {
    [".good.yaml", ".bad.yaml", ".good.yml", ".bad.yml"].iter().any(|end| name.ends_with(end))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicySpec {
    rule: String,
    #[serde(default)]
    action: Action,
    #[serde(default, rename = "match")]
    scope: Match,
    #[serde(default)]
    parameters: Option<serde_json::Value>,
}

pub(super) fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> PolicySet {
    let mut loader = Loader::default();
    for (file, text) in files {
        loader.file = file;
        let lines = Lines::of(text);
        for document in manifest::read(text.as_bytes()) {
            match document {
                Ok(object) => loader.object(object, &lines),
                Err(error) => loader.fault(error.line, error.column, error.message),
            }
        }
    }
    let Loader { policies, exceptions, others, mut faults, .. } = loader;
    let taken = |name: &str| policies.iter().any(|policy| policy.name == name);
    let (user_policies, of_users) = user_policies::load(others, &taken);
    faults.extend(of_users);
    PolicySet::assemble(policies, exceptions, user_policies, faults)
}

#[derive(Default)]
struct Loader<'a> {
    file: &'a str,
    policies: Vec<Policy>,
    exceptions: Vec<Exception>,
    /// What is not in our form.
    others: Vec<Document>,
    faults: Vec<Fault>,
}

impl Loader<'_> {
    fn fault(&mut self, line: usize, column: usize, message: impl Into<String>) {
        self.faults.push(Fault { file: self.file.to_owned(), line, column: column.max(1), message: message.into() });
    }

    fn fault_at(&mut self, object: &Object, path: &str, message: impl Into<String>) {
        let (line, column) = object.tree.place(path);
        self.fault(line, column, message);
    }

    fn object(&mut self, object: Object, lines: &Lines<'_>) {
        let (api_version, kind) = (object.tree.text("apiVersion"), object.tree.text("kind"));
        let (api_version, kind) = (api_version.unwrap_or_default(), kind.unwrap_or_default());
        if api_version == API_VERSION && matches!(kind, "Policy" | "PolicyException") {
            let is_policy = kind == "Policy";
            return self.own(&object, is_policy);
        }
        let form = Form::of(api_version, kind);
        let text = if form == Form::Other { None } else { lines.document(&object) };
        self.others.push(Document { file: self.file.to_owned(), form, text, object });
    }

    fn own(&mut self, object: &Object, is_policy: bool) {
        let Some(name) = object.tree.get("metadata").and_then(|metadata| metadata.text("name")) else {
            return self.fault_at(object, "metadata", "metadata.name is missing");
        };
        if !is_name(name) {
            let said = "metadata.name is not a name: lower-case letters, digits, - and ., at most 253 characters";
            return self.fault_at(object, "metadata.name", said);
        }
        for (field, _) in fields(object) {
            if !matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "spec" | "status") {
                let message = format!("unknown field {field:?}: what is set goes under spec");
                return self.fault_at(object, field, message);
            }
        }
        if is_policy { self.policy(object, name) } else { self.exception(object, name) }
    }

    fn policy(&mut self, object: &Object, name: &str) {
        let Some(spec) = self.spec::<PolicySpec>(object) else { return };
        if self.policies.iter().any(|policy| policy.name == name) {
            return self.fault_at(object, "metadata.name", format!("a policy {name:?} is there already"));
        }
        let parameters = spec.parameters.unwrap_or_else(|| serde_json::Value::Object(serde_json::Map::new()));
        match rules::read(&spec.rule, parameters) {
            Ok((rule_name, rule)) => self.policies.push(Policy {
                name: name.to_owned(),
                rule_name,
                action: spec.action,
                scope: spec.scope,
                file: self.file.to_owned(),
                rule,
            }),
            Err(rules::ReadRuleError::Unknown { .. }) => {
                let known: Vec<_> = rules::all().iter().map(|rule| rule.name).collect();
                let found: String = spec.rule.chars().take(64).collect();
                self.fault_at(
                    object,
                    "spec.rule",
                    format!("there is no rule {found:?}; the rules are {}", known.join(", ")),
                );
            }
            Err(rules::ReadRuleError::Parameters { path, message }) => {
                let path = if path == "." { String::new() } else { format!(".{path}") };
                let path = format!("spec.parameters{path}");
                self.fault_at(object, &path, format!("{path}: {message}"));
            }
        }
    }

    fn exception(&mut self, object: &Object, name: &str) {
        let Some(spec) = self.spec::<ExceptionSpec>(object) else { return };
        if self.exceptions.iter().any(|exception| exception.name == name) {
            return self.fault_at(object, "metadata.name", format!("an exception {name:?} is there already"));
        }
        let exception = Exception { name: name.to_owned(), spec };
        let faults = exception.faults();
        if faults.is_empty() {
            return self.exceptions.push(exception);
        }
        for (path, message) in faults {
            let path = format!("spec.{path}");
            self.fault_at(object, &path, format!("{path} {message}"));
        }
    }

    /// What stands under `spec`, in the form.
    fn spec<T: DeserializeOwned>(&mut self, object: &Object) -> Option<T> {
        let Some(spec) = object.tree.get("spec") else {
            self.fault_at(object, "", "spec is missing");
            return None;
        };
        match serde_path_to_error::deserialize::<_, T>(spec.to_json()) {
            Ok(form) => Some(form),
            Err(error) => {
                let path = error.path().to_string();
                let path = if path == "." { "spec".to_owned() } else { format!("spec.{path}") };
                self.fault_at(object, &path, format!("{path}: {}", error.inner()));
                None
            }
        }
    }
}

fn fields(object: &Object) -> &[(String, manifest::Tree)] {
    match &object.tree.node {
        manifest::Node::Object(fields) => fields,
        _ => &[],
    }
}

fn is_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=253).contains(&name.len())
        && name.bytes().all(|b| inner(b) || matches!(b, b'-' | b'.'))
        && name.bytes().next().is_some_and(inner)
        && name.bytes().next_back().is_some_and(inner)
}
