//! Gatekeeper's templates and constraints as part of a set.
//!
//! A constraint is called `<kind>/<name>`: to exceptions, its kind is the policy and its name the check.

use std::collections::BTreeMap;

use rego::{Action as Enforcement, Finding, Namespace, Policies, Refusal, Review};
use serde_json::{Value, json};

use super::CONSTRAINT;
use super::admission_request::AdmissionRequest;
use super::load::Document;
use crate::context::Context;
use crate::decision::Violation;
use crate::findings::KEPT;
use crate::manifest::{Node, Tree};
use crate::policy_set::{Action, Fault};
use crate::weighing::Weighing;

/// The policies, with what of templates and constraints the set's canonical form has.
pub(super) fn load(documents: &[Document], faults: &mut Vec<Fault>) -> (Policies, Vec<Value>, Vec<Value>) {
    let values: Vec<_> = documents.iter().map(|document| document.object.tree.to_json()).collect();
    let loaded = Policies::load(&values.iter().collect::<Vec<_>>());
    for (number, refusal) in &loaded.refusals {
        faults.extend(documents.get(*number).map(|document| fault(document, refusal)));
    }
    let (mut templates, mut constraints) = (BTreeMap::new(), BTreeMap::new());
    for document in loaded.taken.iter().filter_map(|number| documents.get(*number)) {
        let (api_version, kind, name) = (document.text(&["apiVersion"]), document.text(&["kind"]), document.name());
        let spec = document.object.tree.get("spec").map(Tree::to_json);
        let canonical = json!({"apiVersion": api_version, "kind": kind, "name": name, "spec": spec});
        let is_template = api_version.starts_with(rego::TEMPLATE_GROUP);
        let all = if is_template { &mut templates } else { &mut constraints };
        all.insert((kind, name), canonical);
    }
    (loaded.policies, templates.into_values().collect(), constraints.into_values().collect())
}

fn fault(document: &Document, refusal: &Refusal) -> Fault {
    let place = refusal.within.and_then(|within| within_text(document, &refusal.path, within));
    let mut fault = document.fault(&refusal.path, String::new());
    fault.message = match place {
        Some((line, column)) => {
            (fault.line, fault.column) = (line, column);
            refusal.message.clone()
        }
        None if refusal.path.is_empty() => refusal.message.clone(),
        None => refusal.to_string(),
    };
    fault
}

/// The place in the file of a place in a text of several lines: the lines are looked up, from where the text begins.
fn within_text(document: &Document, path: &str, within: rego::Place) -> Option<(usize, usize)> {
    let field = document.object.tree.nearest(path);
    let Node::Scalar(Value::String(value)) = &field.node else { return None };
    let (skipped, first) = value.lines().enumerate().find(|(_, line)| !line.trim().is_empty())?;
    let lines: Vec<&str> = document.text.as_deref()?.lines().collect();
    let from = field.line.checked_sub(document.object.line)?;
    let found = (from..lines.len()).find(|at| lines.get(*at).is_some_and(|line| line.trim() == first.trim()))?;
    let indentation = |line: &str| line.chars().take_while(|c| c.is_whitespace()).count();
    let indented = indentation(lines.get(found)?).saturating_sub(indentation(first));
    let line = (document.object.line + found + within.line).checked_sub(1 + skipped)?;
    // An empty text where a folded one would be otherwise: the line that is meant must be there.
    let meant = lines.get(line.checked_sub(document.object.line)?)?;
    let same = value.lines().nth(within.line.checked_sub(1)?)?.trim() == meant.trim();
    same.then_some((line, indented + within.column))
}

/// Evaluates the constraints and takes what they find. Whether any was for the request, or none could be asked.
pub(super) fn judge(
    policies: &Policies,
    asked: &AdmissionRequest<'_>,
    context: &Context<'_>,
    weighing: &mut Weighing<'_>,
) -> bool {
    if policies.is_empty() {
        return false;
    }
    let object = match asked.namespace {
        expressions::Namespace::Known(namespace) => namespace.to_json(),
        _ => None,
    };
    let labels = object.as_ref().and_then(|object| object.pointer("/metadata/labels"));
    let review = match Review::new(&asked.json, namespace(asked, labels)) {
        Ok(review) => review,
        Err(error) => {
            weighing.fail(error);
            return true;
        }
    };
    // A namespace that is known not to be there leaves nothing to be found out: what might be for it is.
    let is_certain = matches!(asked.namespace, expressions::Namespace::None);
    let decisions = policies.evaluate(&review, context.expired);
    for decision in &decisions {
        let constraint = decision.constraint;
        for (number, finding) in decision.findings.iter().enumerate() {
            let (message, action) = told(finding, constraint.action(), decision.assumed && !is_certain);
            let violation = Violation {
                policy: format!("{}/{}", constraint.kind(), constraint.name()),
                binding: None,
                path: String::new(),
                message,
                action,
                rule: CONSTRAINT,
            };
            weighing.take(constraint.kind(), violation, number < KEPT);
        }
        weighing.decision.omitted += decision.omitted;
    }
    !decisions.is_empty()
}

fn told(finding: &Finding, enforcement: Enforcement, assumed: bool) -> (String, Action) {
    let message = match finding {
        Finding::Violation(message) => message.clone(),
        Finding::Error(error) => format!("not evaluated: {error}"),
    };
    let action = match enforcement {
        Enforcement::Deny => Action::Deny,
        Enforcement::Warn => Action::Warn,
        Enforcement::DryRun => Action::Audit,
    };
    if assumed && action != Action::Audit {
        let reason = "undetermined whether the constraint is for this namespace, of which too little is known here; check its Namespace object too";
        return (format!("{message} ({reason})"), Action::Warn);
    }
    (message, action)
}

fn namespace<'n>(asked: &'n AdmissionRequest<'_>, labels: Option<&'n Value>) -> Namespace<'n> {
    match (asked.namespaced, asked.request.object_namespace(), asked.namespace) {
        (Some(false), ..) => Namespace::None,
        (_, Some(name), expressions::Namespace::Known(_)) => Namespace::Known { name, labels },
        (_, Some(name), _) => Namespace::Unknown(Some(name)),
        (Some(true), None, _) => Namespace::Unknown(None),
        (None, None, _) => Namespace::Undecided,
    }
}
