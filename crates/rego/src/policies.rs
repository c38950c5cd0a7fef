//! Templates with their constraints, and what they find.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value as Found;
use serde_json::Value;

use crate::constraint::Constraint;
use crate::engine::{self, Stopped};
use crate::matching::Matched;
use crate::refusal::Refusal;
use crate::review::Review;
use crate::template::{TEMPLATE_GROUP, Template};
use crate::value;

/// The most findings of one constraint that are listed; the others are counted.
pub const MAX_FINDINGS: usize = 256;
/// The longest message, in characters.
const MAX_MESSAGE: usize = 4096;

/// A template and its constraints, sorted by name.
#[derive(Debug)]
pub struct Governed {
    template: Template,
    constraints: Vec<(Constraint, Found)>,
}

/// Templates with their constraints, sorted by kind.
#[derive(Debug, Default)]
pub struct Policies {
    governed: Vec<Governed>,
}

/// What documents came to.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What can be evaluated.
    pub policies: Policies,
    /// What is not taken: the number of the document, and why.
    pub refusals: Vec<(usize, Refusal)>,
    /// The numbers of the documents that are taken.
    pub taken: Vec<usize>,
}

/// What a constraint that was for the request found.
#[derive(Debug)]
pub struct Decision<'p> {
    /// The constraint.
    pub constraint: &'p Constraint,
    /// Whether it was taken to be for the request, although that depends on a namespace of which too little is known.
    pub assumed: bool,
    /// What it found, sorted; at most [`MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many more there were.
    pub omitted: usize,
}

/// One thing that a constraint found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// A violation, with its `msg`.
    Violation(String),
    /// It could not be evaluated, and why. Not the same as nothing found.
    Error(String),
}

impl Governed {
    /// The template.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Its constraints, sorted by name.
    pub fn constraints(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().map(|(constraint, _)| constraint)
    }
}

impl Policies {
    /// Whether there is no constraint, and so nothing to evaluate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.governed.iter().all(|governed| governed.constraints.is_empty())
    }

    /// Templates with their constraints, sorted by kind.
    #[must_use]
    pub fn governed(&self) -> &[Governed] {
        &self.governed
    }

    /// Loads documents: templates, and constraints of them. One that is refused takes no other down, but for the constraints of a template.
    #[must_use]
    pub fn load(documents: &[&Value]) -> Loaded {
        let mut loaded = Loaded::default();
        let mut kinds: BTreeMap<String, Option<(usize, Template)>> = BTreeMap::new();
        for (number, document) in documents.iter().enumerate().filter(|(_, document)| is_template(document)) {
            let said = document.pointer("/spec/crd/spec/names/kind").and_then(Value::as_str).unwrap_or_default();
            if kinds.contains_key(said) {
                let message = format!("a template of the kind {said:?} is there already");
                loaded.refusals.push((number, Refusal::at("metadata.name", message)));
                continue;
            }
            let template = match Template::read(document) {
                Ok(template) => Some((number, template)),
                Err(refusals) => {
                    loaded.refusals.extend(refusals.into_iter().map(|refusal| (number, refusal)));
                    None
                }
            };
            kinds.insert(said.to_owned(), template);
        }
        let mut named = BTreeSet::new();
        let mut constraints: BTreeMap<&str, BTreeMap<String, (usize, Constraint, Found)>> = BTreeMap::new();
        for (number, document) in documents.iter().enumerate().filter(|(_, document)| !is_template(document)) {
            named.extend(document.get("kind").and_then(Value::as_str));
            match constraint(document, &kinds) {
                Ok((constraint, parameters)) => {
                    let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
                    let of_kind = constraints.entry(kind).or_default();
                    if of_kind.contains_key(constraint.name()) {
                        let message = format!("a constraint {:?} of this kind is there already", constraint.name());
                        loaded.refusals.push((number, Refusal::at("metadata.name", message)));
                    } else {
                        of_kind.insert(constraint.name().to_owned(), (number, constraint, parameters));
                    }
                }
                Err(refusals) => loaded.refusals.extend(refusals.into_iter().map(|refusal| (number, refusal))),
            }
        }
        for (kind, template) in kinds {
            let Some((number, template)) = template else { continue };
            let own = constraints.remove(kind.as_str()).unwrap_or_default();
            // Where one was refused, that says enough.
            if own.is_empty() && !named.contains(kind.as_str()) {
                let message =
                    format!("there is no constraint of the kind {kind} here, so that the template holds nowhere");
                loaded.refusals.push((number, Refusal::at("metadata.name", message)));
            }
            loaded.taken.push(number);
            let mut with_parameters = Vec::new();
            for (number, constraint, parameters) in own.into_values() {
                loaded.taken.push(number);
                with_parameters.push((constraint, parameters));
            }
            loaded.policies.governed.push(Governed { template, constraints: with_parameters });
        }
        loaded.refusals.sort();
        loaded
    }

    /// Evaluates all constraints that are for the request, in the order of kinds and names. What goes wrong is a finding of the constraint
    /// that it went wrong in. `expired` says whether the time is up; it is asked before each evaluation and while a long one goes on.
    #[must_use]
    pub fn evaluate(&self, review: &Review<'_>, expired: &dyn Fn() -> bool) -> Vec<Decision<'_>> {
        let mut out = Vec::new();
        // The request as the engine has it, made for the first constraint that is for it.
        let mut shared: Option<Result<Found, String>> = None;
        for governed in &self.governed {
            for (constraint, parameters) in &governed.constraints {
                let assumed = match constraint.matching.matches(review) {
                    Matched::No => continue,
                    Matched::Yes => false,
                    Matched::Unknown => true,
                };
                let request = shared.get_or_insert_with(|| value::from_json(review.json()));
                let result = match request {
                    Ok(request) => {
                        let input = engine::input(request, parameters);
                        governed.template.program.evaluate(&input, expired).map_err(|stopped: Stopped| stopped.told())
                    }
                    Err(error) => Err(error.clone()),
                };
                let (findings, omitted) =
                    result.map_or_else(|error| (vec![Finding::Error(error)], 0), |set| findings(&set));
                out.push(Decision { constraint, assumed, findings, omitted });
            }
        }
        out
    }
}

fn is_template(document: &Value) -> bool {
    let api_version = document.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    api_version.split('/').next() == Some(TEMPLATE_GROUP)
}

fn constraint(
    document: &Value,
    kinds: &BTreeMap<String, Option<(usize, Template)>>,
) -> Result<(Constraint, Found), Vec<Refusal>> {
    let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
    let template = match kinds.get(kind) {
        Some(Some((_, template))) => template,
        Some(None) => return Err(vec![Refusal::at("kind", format!("the template of the kind {kind} is not taken"))]),
        None => {
            return Err(vec![Refusal::at("kind", format!("there is no ConstraintTemplate of the kind {kind:?} here"))]);
        }
    };
    let constraint = Constraint::read(document, template)?;
    let parameters =
        value::from_json(&constraint.parameters).map_err(|error| vec![Refusal::at("spec.parameters", error)])?;
    Ok((constraint, parameters))
}

/// What stands in the set `violation`.
fn findings(set: &Found) -> (Vec<Finding>, usize) {
    let members = match set {
        Found::Set(members) => members,
        Found::Undefined => return (Vec::new(), 0),
        _ => return (vec![Finding::Error("`violation` is no set".to_owned())], 0),
    };
    let message = |member: &Found| match member {
        Found::Object(fields) => fields.get(&Found::from("msg")).cloned(),
        _ => None,
    };
    let finding = |member: &Found| match message(member) {
        Some(Found::String(text)) => Finding::Violation(text.chars().take(MAX_MESSAGE).collect()),
        // Gatekeeper takes such a violation for none, or fails.
        _ => Finding::Error("a violation has no msg, or one that is no text".to_owned()),
    };
    let found = members.iter().take(MAX_FINDINGS).map(finding).collect();
    (found, members.len().saturating_sub(MAX_FINDINGS))
}
